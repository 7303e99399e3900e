"""Which run later ones are compared with: one for each model, kept in the workspace."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = "baselines.json"


def read(workspace: Path) -> dict[str, str]:
    """Model -> the run of its baseline; empty where none was chosen or the file is damaged."""
    path = workspace / _NAME
    with contextlib.suppress(ConsoleError, OSError):
        document = files.read_json(path) if path.is_file() else {}
        runs = document.get("runs") if isinstance(document, dict) else None
        if isinstance(runs, dict):
            return {str(model): str(run_id) for model, run_id in runs.items()}
    return {}


def write(workspace: Path, runs: Mapping[str, str]) -> None:
    """Remember the baselines. ToolFailed where the file cannot be written."""
    files.write_json(workspace / _NAME, {"schema": 1, "runs": dict(runs)})
