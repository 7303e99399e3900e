"""Real, small runs as processes of their own, and what one may leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ascend_console.tools import locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUEST = ("run", "--model", "ghostnet", "--sample", "--limit", "12", "--batch-size", "4")


_CHECKOUT = Path(__file__).parents[2]


@contextmanager
def started(
    *argv: object, module: str = "ascend_console", before: Sequence[object] = ()
) -> Iterator[subprocess.Popen[str]]:
    """The program in a process group of its own, its stdout on a pipe; killed at the end.

    `module` may be another one, whose own arguments stand before those of the program.
    """
    with subprocess.Popen(
        [sys.executable, "-m", module, *map(str, before), *map(str, argv)],
        cwd=_CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def events(stream: IO[str]) -> Iterator[dict[str, Any]]:
    """The event lines of a process, as they come."""
    return map(json.loads, stream)


def until(stream: IO[str], kind: str, **wanted: Any) -> dict[str, Any]:
    """Read on to an event with these values."""
    for event in events(stream):
        if event["event"] == kind and wanted.items() <= event.items():
            return event
    raise AssertionError(f"the run ended before {kind} {wanted}")


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Every event of a run folder."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def accuracy_of(folder: Path) -> list[dict[str, Any]]:
    """The accuracy that a finished run told."""
    found: list[dict[str, Any]] = json.loads((folder / "verdict.json").read_text())["accuracy"]
    return found


def locks_held(folder: Path) -> list[str]:
    """The locks that somebody holds: that of a run, and those of devices."""
    known = [folder / "run.lock", *Path(os.environ["ASCEND_CONSOLE_LOCK_DIR"]).glob("*")]
    return [str(path) for path in known if path.exists() and locks.is_held(path)]


def temporary_files(folder: Path) -> list[str]:
    """What writers have begun and not finished."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*") if ".tmp" in path.name]


def is_running(process: subprocess.Popen[str]) -> bool:
    """Whether the process, or one that it started, still runs; its output is read to the end."""
    process.communicate()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
