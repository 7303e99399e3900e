"""Ending a process that uses a chip: only the user's own, and only after a question."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError, UserError
from ascend_console.tools import user_process
from ascend_console.tui import cells
from ascend_console.tui.widgets.ask import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ascend_console.tools.user_process import UserProcess
    from ascend_console.tui.app import ConsoleApp


def _looked_up(process: Mapping[str, Any]) -> UserProcess:
    """The process behind a row. UserError where it is not this user's, or cannot be told.

    Without a user the number may be that of another world, such as the host of this container.
    """
    pid = process["pid"]
    if pid is None or process["user"] is None:
        raise UserError(
            "process.unseen",
            "not yours: process {pid} is not seen from here",
            hint="npu-smi may tell the numbers of the host: end it there.",
            pid="?" if pid is None else pid,
        )
    found = user_process.own_process(pid)
    if process["command"] is not None and not found.command.startswith(process["command"]):
        raise UserError(
            "process.another",
            "process {pid} is another one by now",
            hint="Look at the devices again.",
            pid=pid,
        )
    return found


class ProcessEnd:
    """Looks a process up, asks, ends it. One that was asked before is ended by KILL."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self._asked: set[UserProcess] = set()

    def begin(self, process: Mapping[str, Any]) -> None:
        """Ask about the process of a row."""
        self._apart(partial(_looked_up, process), self._ask)

    def _apart(self, work: Callable[[], Any], then: Callable[[Any], object]) -> None:
        """Do what looks at processes in a thread; `then` gets its result in the main one."""
        app = self._app

        def run() -> None:
            try:
                result = work()
            except ConsoleError as error:
                app.call_from_thread(app.say_error, error)
            else:
                app.call_from_thread(then, result)

        app.run_worker(run, thread=True, group="end-process")

    def _ask(self, process: UserProcess) -> None:
        t = self._app.t
        at_once = process in self._asked
        question = t("End process {pid}?", pid=process.pid)
        if at_once:
            question = t("Process {pid} was asked to end and goes on. Kill it?", pid=process.pid)
        details = cells.safe(process.command or process.name)
        end = partial(user_process.end, process, at_once=at_once)

        def take(yes: bool | None) -> None:
            if yes:
                self._asked.add(process)
                self._apart(end, partial(self._tell, process.pid, at_once))

        self._app.push_screen(Ask(question, details), take)

    def _tell(self, pid: int, at_once: bool, _: None) -> None:
        t = self._app.t
        told = t("process {pid} was killed", pid=pid)
        self._app.say(told if at_once else t("asked process {pid} to end", pid=pid))
