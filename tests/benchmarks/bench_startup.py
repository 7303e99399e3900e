"""Start-up: the whole process, from outside."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from tests.benchmarks.harness import Result, compare, seconds


def _run(*words: str) -> float:
    return seconds(
        lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)
    )


def start_up() -> Result:
    """`--headless models` against importing the widget library that the console does without."""
    with tempfile.TemporaryDirectory() as workspace:
        command = ("-m", "ascend_console", "--headless", "--workspace", workspace, "models")
        return compare(
            "start-up: models / import textual.app",
            lambda: _run("-c", "import textual.app"),
            lambda: _run(*command),
            0.5,
            at_least=False,
        )
