"""Advisory file locks: held by a living process, freed by the system when it dies."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TRIES = 5
_PAUSE_S = 0.002


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_patiently(descriptor: int) -> bool:
    """Try for a moment: somebody who only asks whether the lock is held holds it meanwhile."""
    pause = threading.Event()
    for _ in range(_TRIES):
        if _try_lock(descriptor):
            return True
        pause.wait(_PAUSE_S)
    return _try_lock(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one at `path`: its last holder may have removed it."""
    try:
        here = path.stat()
    except OSError:
        return False
    held = os.fstat(descriptor)
    return (held.st_dev, held.st_ino) == (here.st_dev, here.st_ino)


class FileLock:
    """A lock on one file. It says who lives, which a pid cannot; the file goes with the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, holder: str = "") -> bool:
        """Take the lock without waiting; False where another process holds it.

        `holder` is written into the file, so that those who wait can say for whom.
        """
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(self.path, flags, 0o644)
            if not _try_patiently(descriptor):
                os.close(descriptor)
                return False
            if _is_at(descriptor, self.path):
                break
            os.close(descriptor)
        os.truncate(descriptor, 0)
        os.write(descriptor, holder.encode("utf-8", "replace"))
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back and remove its file. Releasing twice is allowed."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock of this file; False where there is no file."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> str:
    """What the holder wrote about itself; empty where there is none."""
    try:
        return path.read_text("utf-8", errors="replace")[:200]
    except OSError:
        return ""
