"""The history as the screen Runs reads it: in a thread, the newest runs first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from textual.message import Message

from ascend_console.core.errors import Interrupted
from ascend_console.core.events import Progress
from ascend_console.tools import history, run_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ascend_console.tools.history import RunSummary

_FIRST = 100
_TELL_EVERY = 200


class HistoryArrived(Message):
    """Runs, newest first; while `done` is less than `total` more of them come."""

    def __init__(self, runs: list[RunSummary] | None, done: int, total: int) -> None:
        super().__init__()
        self.runs = runs
        self.done = done
        self.total = total

    @property
    def whole(self) -> bool:
        """Whether these are all."""
        return self.done >= self.total


class HistoryReader:
    """Reads the history of a workspace; `read` is called in a thread, `stop` in any."""

    def __init__(self, workspace: Path, post: Callable[[HistoryArrived], object]) -> None:
        self._workspace = workspace
        self._post = post
        self._cancel = threading.Event()
        self._begun = False

    def stop(self) -> None:
        """End what is read now; there is nobody to read for."""
        self._cancel.set()

    def read(self) -> None:
        """Post how far it is where there is much to read, then all runs."""
        steps = history.reading(self._workspace, self._cancel)
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                runs: list[RunSummary] = end.value
                self._post(HistoryArrived(runs, len(runs), len(runs)))
                return
            except Interrupted:
                return
            if isinstance(event, Progress):
                self._tell(event.done, event.total or 0)

    def _tell(self, done: int, total: int) -> None:
        if not self._begun:
            self._begun = True
            newest = list(run_folder.list_folders(self._workspace))[-_FIRST:]
            runs = [history.summary(folder) for folder in reversed(newest)]
            self._post(HistoryArrived(runs, done, total))
        elif done % _TELL_EVERY == 0 and done < total:
            self._post(HistoryArrived(None, done, total))
