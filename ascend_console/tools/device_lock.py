"""A device is used by one run at a time: a lock for each, in the user's runtime folder."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.core.events import LogLine, Warned
from ascend_console.tools.locks import FileLock, holder_of
from ascend_console.tools.paths import default_lock_dir

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env

_LOOK_INTERVAL_S = 0.2
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9]+")


def _lock(device: str, env: Env) -> FileLock:
    folder = env.settings.lock_dir or default_lock_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolFailed(
            "device.lock_dir",
            "the folder of device locks {folder} cannot be made: {reason}",
            hint="Name a folder that you may write to in ASCEND_CONSOLE_LOCK_DIR.",
            folder=folder,
            reason=error.strerror or error,
        ) from error
    return FileLock(folder / f"device-{_NOT_IN_NAME.sub('-', device)}.lock")


def take_turn(device: str, env: Env) -> Generator[Event, None, FileLock]:
    """The lock of a device; waits for the run that holds it, and says for whom."""
    lock = _lock(device, env)
    told = False
    while not lock.acquire(env.run_id):
        if not told:
            holder = holder_of(lock.path) or "another run"
            yield Warned(
                "device.waiting",
                f"waiting for {device}: {holder} uses it",
                "It goes on by itself; Ctrl-C stops waiting.",
                {"device": device, "holder": holder},
            )
            told = True
        if env.cancel.wait(_LOOK_INTERVAL_S):
            raise Interrupted
    if told:
        yield LogLine(f"{device} is free")
    return lock


@contextlib.contextmanager
def held(lock: FileLock) -> Iterator[None]:
    """Give the lock back at the end, however that comes."""
    try:
        yield
    finally:
        lock.release()
