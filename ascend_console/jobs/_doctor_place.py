"""The machine that `doctor` looks at: its files, and what its interpreters can import.

`root` is where the files of the system lie, so that a test can make a machine in a folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.jobs._doctor_facts import Interpreter, Module
from ascend_console.tools import process, python_probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Cancel

_PROBE_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """The machine that is looked at."""

    settings: Settings
    cancel: Cancel
    root: Path = Path("/")

    def path(self, path: str) -> Path:
        """A path of the system below the root."""
        return self.root / path.lstrip("/")

    def text(self, path: str | Path) -> str | None:
        """The text of a file; None where it cannot be read."""
        try:
            return (self.path(path) if isinstance(path, str) else path).read_text(
                "utf-8", "replace"
            )
        except OSError:
            return None

    @property
    def user(self) -> str:
        """The user's name; "" where the system has none."""
        environ = self.settings.environ
        return environ.get("USER") or environ.get("LOGNAME") or ""


def interpreter(
    command: str, modules: Iterable[str], place: Place, environment: Mapping[str, str]
) -> Interpreter:
    """What a Python can import; a crash of it is its `error`."""
    script = str(Path(python_probe.__file__).absolute())
    try:
        said = process.capture(
            [command, script, *modules],
            cwd=Path("/"),
            environment=environment,
            timeout_s=_PROBE_S,
            cancel=place.cancel,
        )
    except Interrupted:
        raise
    except ConsoleError as error:
        return Interpreter(command=command, error=error.message)
    try:
        told = json.loads(said.stdout.rstrip().rpartition("\n")[2])
        return Interpreter(
            command=command,
            version=tuple(told["python"]),
            machine=told["machine"],
            modules={name: Module(**found) for name, found in told["modules"].items()},
            encoding=told["locale"].get("encoding"),
            locale_error=told["locale"].get("error"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        lines = (said.stderr or said.stdout).strip().splitlines() or [f"exit code {said.code}"]
        return Interpreter(command=command, error=lines[-1][:300])
