"""An environment in which every vendor tool is a test double."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.cann_root import fake_commands
from tests.fakes.inference import fake_inference_commands

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = {
    "A": ("ais_bench", "A"),
    "C": ("ais_bench", "C"),
    "E": ("ais_bench", "E"),
    "F": ("ais_bench", "F"),
    "benchmark": ("benchmark", None),
    "msame": ("msame", None),
}
"""What a test calls an inference tool -> `--infer-tool`, and the generation of ais_bench."""


def fake_environ(folder: Path, generation: str | None = "F") -> dict[str, str]:
    """Variables that name every tool, with one generation of ais_bench."""
    commands = dict(fake_commands(folder / "tools"))
    return commands | fake_inference_commands(folder / "inference", ais_bench=generation)
