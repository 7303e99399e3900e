"""One thread that looks at the runs of the workspace and tells the app what is new."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.tools.paths import runs_folder
from ascend_console.tools.run_folder import list_folders
from ascend_console.tools.run_follow import RunFollower, alive_among
from ascend_console.tui.messages import Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.message import Message

    from ascend_console.core.specs import Clock
    from ascend_console.tools.run_follow import RunSnapshot

_LOOK_S = 1.0
_LOOK_AT_ALL_S = 10.0
_NEWEST = 50


class Watcher:
    """Follows every live run, and one that is chosen; posts at most `refresh_hz` times a second.

    A live run is found by its lock: at once among the newest, within ten seconds among all.
    """

    def __init__(
        self,
        workspace: Path,
        clock: Clock,
        post: Callable[[Message], object],
        refresh_hz: float,
    ) -> None:
        self._workspace = workspace
        self._clock = clock
        self._post = post
        self._interval_s = 1 / refresh_hz
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._chosen: Path | None = None
        self._followers: dict[Path, RunFollower] = {}
        self._snapshots: dict[Path, RunSnapshot] = {}
        self._live: list[Path] = []
        self._known: list[Path] = []
        self._stamp_ns = -1
        self._looked_s = self._looked_all_s = -_LOOK_AT_ALL_S
        self._told = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the thread is waited for."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def follow(self, folder: Path | None) -> None:
        """Follow this run, whether it is alive or not; None for none."""
        self._chosen = folder
        self._told = False
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                self.look()
            self._wake.wait(self._interval_s)
            self._wake.clear()

    def look(self) -> None:
        """One look: post what is new."""
        changed = self._look_for_live()
        # Whoever chooses another run while this looks is told in the next look.
        told, self._told = self._told, True
        chosen = self._chosen
        wanted = {*self._live, *([chosen] if chosen else [])}
        for folder in list(self._followers):
            if folder not in wanted:
                del self._followers[folder]
                self._snapshots.pop(folder, None)
        for folder in wanted:
            snapshot = self._poll(folder)
            if snapshot is not None:
                self._snapshots[folder] = snapshot
                changed = True
        if changed or not told:
            live = tuple(
                self._snapshots[folder] for folder in self._live if folder in self._snapshots
            )
            self._post(Watched(live, self._snapshots.get(chosen) if chosen else None))

    def _poll(self, folder: Path) -> RunSnapshot | None:
        """What a run has new; a run whose files are damaged has nothing."""
        follower = self._followers.setdefault(folder, RunFollower(folder))
        with contextlib.suppress(ConsoleError, OSError):
            return follower.poll()
        return None

    def _look_for_live(self) -> bool:
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < _LOOK_S:
            return False
        self._looked_s = now_s
        look_at_all = now_s - self._looked_all_s >= _LOOK_AT_ALL_S
        folders = self._folders(again=look_at_all)
        if look_at_all:
            self._looked_all_s = now_s
        else:
            recent = folders[-_NEWEST:]
            folders = [*(folder for folder in self._live if folder not in recent), *recent]
        live = alive_among(folders)
        changed = live != self._live
        self._live = live
        return changed

    def _folders(self, *, again: bool) -> list[Path]:
        """Every run folder, listed anew where one came or went: thousands take their time."""
        stamp_ns = 0
        with contextlib.suppress(OSError):
            stamp_ns = runs_folder(self._workspace).stat().st_mtime_ns
        if again or stamp_ns != self._stamp_ns:
            self._stamp_ns = stamp_ns
            self._known = list(list_folders(self._workspace))
        return self._known
