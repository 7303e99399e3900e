"""How long a tool took for a model and batch size the last time: `cache/durations.json`.

Only a guess for a progress bar: what cannot be read or written is as if it were not there.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import files
from ascend_console.tools.paths import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = 1
_MOST = 500
_LONGEST_S = 30 * 86_400.0


class Durations:
    """The durations of one workspace, in seconds."""

    def __init__(self, workspace: Path) -> None:
        self._path = cache_folder(workspace) / "durations.json"

    def _read(self) -> dict[str, float]:
        try:
            document = files.read_json(self._path)
        except ConsoleError:
            return {}
        if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
            return {}
        found = document.get("seconds")
        return {
            name: float(value)
            for name, value in (found.items() if isinstance(found, dict) else ())
            if type(value) in (int, float) and 0 <= value <= _LONGEST_S
        }

    def get(self, name: str) -> int | None:
        """The last duration of that name in whole seconds, None where there is none."""
        found = self._read().get(name)
        return max(1, round(found)) if found is not None else None

    def put(self, name: str, seconds: float) -> None:
        """Keep a duration; the oldest give way."""
        known = self._read()
        known.pop(name, None)
        known[name] = round(seconds, 3)
        kept = dict(list(known.items())[-_MOST:])
        with contextlib.suppress(ConsoleError):
            files.write_json(self._path, {"schema": _SCHEMA, "seconds": kept})
