"""The checks of the environment as the screen reads them: in a thread, each as it is known."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.message import Message

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.core.events import RowAdded
from ascend_console.core.specs import Env

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Clock


class CheckArrived(Message):
    """One more check, in the external form of design.md section 2."""

    def __init__(self, check: dict[str, Any]) -> None:
        super().__init__()
        self.check = check


class ChecksDone(Message):
    """All checks are made, or `error` says why not; `bundle` was written where one was wanted."""

    def __init__(self, error: ConsoleError | None, bundle: Path | None) -> None:
        super().__init__()
        self.error = error
        self.bundle = bundle


class CheckReader:
    """Has the job `doctor` check everything; `read` is called in a thread, `stop` in any."""

    def __init__(self, settings: Settings, clock: Clock, post: Callable[[Message], object]) -> None:
        self._settings = settings
        self._clock = clock
        self._post = post
        self._cancel = threading.Event()

    def stop(self) -> None:
        """End what goes on: nobody is there to read for."""
        self._cancel.set()

    def read(self, bundle: Path | None = None) -> None:
        """Check everything; with `bundle` write it too, over what is there: the user was asked."""
        from ascend_console.jobs.doctor import DoctorRequest

        job = discovery.load("jobs", "doctor")
        settings = replace(self._settings, assume_yes=True)
        env = Env(settings=settings, cancel=self._cancel, clock=self._clock)
        try:
            for event in job.run(DoctorRequest(bundle=bundle), env):
                if self._cancel.is_set():
                    return
                if isinstance(event, RowAdded):
                    self._post(CheckArrived(event.row))
        except Interrupted:
            return
        except ConsoleError as error:
            self._post(ChecksDone(error, None))
        else:
            self._post(ChecksDone(None, bundle))
