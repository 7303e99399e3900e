"""Starting a program that outlives this one: a run that a screen began, in a session of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from ascend_console.core.errors import ToolFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Detached:
    """A program that was started and is not waited for; `ended` collects it once it is over."""

    def __init__(self, argv: Sequence[str], output: Path, environment: Mapping[str, str]) -> None:
        """Start `argv`; what it prints goes to the file `output`. ToolFailed where it cannot."""
        self.argv = tuple(argv)
        self.output = output
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            with output.open("ab") as sink:
                self._process = subprocess.Popen(
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    env=dict(environment) or None,
                    start_new_session=True,
                    close_fds=True,
                )
        except OSError as error:
            raise ToolFailed(
                "detached.start",
                "{program} cannot be started: {reason}",
                hint="Check the installation: python -m ascend_console --version.",
                program=argv[0],
                reason=error.strerror or error,
            ) from error

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def ended(self) -> int | None:
        """The exit code once the program is over, None while it runs."""
        return self._process.poll()

    def end_now(self) -> None:
        """Kill it and all that it started; for a run that no longer listens."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def said(self, limit_bytes: int = 4096) -> str:
        """The end of what it printed."""
        with contextlib.suppress(OSError), self.output.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - limit_bytes))
            return stream.read().decode("utf-8", "replace")
        return ""


def console_argv(*words: str) -> list[str]:
    """The command that runs this very program with these words."""
    return [sys.executable, "-m", "ascend_console", "--headless", *words]
