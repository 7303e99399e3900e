"""Removing runs: a reader sees a run whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.tools import locks
from ascend_console.tools.paths import runs_folder

if TYPE_CHECKING:
    from pathlib import Path

_DELETED = ".deleted-"


def freed_bytes(folder: Path) -> int:
    """What removing a run frees: files that the cache or another run links to stay."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                seen = os.lstat(os.path.join(parent, name))
                total += seen.st_size if seen.st_nlink == 1 else 0
    return total


def remove(folder: Path) -> None:
    """Remove a run: readers see it whole or not at all. UserError where it is alive."""
    lock = locks.FileLock(folder / "run.lock")
    try:
        if not lock.acquire():
            raise UserError(
                "runs.alive",
                "the run {name} is going on",
                hint="Stop it first: ascend-console runs cancel {name}.",
                name=folder.name,
            )
        try:
            hidden = folder.with_name(f"{_DELETED}{folder.name}-{secrets.token_hex(2)}")
            folder.rename(hidden)
        finally:
            lock.release()
    except OSError as error:
        raise ToolFailed(
            "runs.delete",
            "cannot delete {path}: {reason}",
            hint="Check who owns the folder, then try again.",
            path=folder,
            reason=error.strerror or error,
        ) from error
    shutil.rmtree(hidden, ignore_errors=True)


def sweep(workspace: Path) -> None:
    """Finish the removals that were killed half-way."""
    for path in runs_folder(workspace).glob(f"{_DELETED}*"):
        shutil.rmtree(path, ignore_errors=True)
