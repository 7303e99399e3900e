"""What can be done to a run of the list: show, replay, stop, resume, report, delete, compare."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import run_removal
from ascend_console.tools.paths import runs_folder
from ascend_console.tui import baselines, cells, keymap, launch
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.messages import FollowRequested, RunRequested
from ascend_console.tui.widgets.ask import Ask, AskText

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.binding import BindingType

    from ascend_console.tools.history import RunSummary
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.messages import Answer

_OF_LIST = ("diff", "replay", "report", "resume", "stop", "delete", "baseline")
_CHANGES = ("resume", "stop", "delete")
_VIEW = ("view.zoom", "view.pause", "view.show")
_STOPPED = ("failed", "cancelled", "interrupted")
_FORMS = (".md", ".html", ".json", ".csv")


class RunsActions(ConsoleScreen):
    """The actions of the screen; which run is meant, and what comes after, is the subclass's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings(
            "runs",
            footer=("runs.diff", "runs.replay", "runs.resume", "runs.stop", "runs.delete"),
        ),
        *(entry for entry in keymap.bindings("view", footer=("view.show",)) if entry.id in _VIEW),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[str, RunSnapshot] = {}
        self.marked: list[str] = []
        self.stopping: set[str] = set()
        self.comparing = False

    def chosen(self) -> RunSummary | None:
        """The run that has the cursor."""
        raise NotImplementedError

    def compare(self, first: str, second: str) -> None:
        """Show what changed from one run to another."""
        raise NotImplementedError

    def fill(self) -> None:
        """Draw the list again."""
        raise NotImplementedError

    def read_again(self) -> None:
        """Read the history again."""
        raise NotImplementedError

    def forget(self, run_id: str) -> None:
        """Take a run off the list at once."""
        raise NotImplementedError

    # What works now.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Actions of the list stay out of a comparison; read-only greys what changes a run."""
        del parameters
        if action == "show":
            return self.comparing
        if action in _OF_LIST and self.comparing:
            return False
        if action in _CHANGES and self.app.settings.screen.readonly:
            return None
        return True

    def on_key(self, event: events.Key) -> None:
        """The key of a grey action says why it is grey."""
        if not self.app.settings.screen.readonly:
            return
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            self.app.refuse_readonly()

    # Asking jobs.

    def later(self, work: Callable[[], Any], receive: Callable[[Any], None]) -> None:
        """Do what reads or writes files in a thread; `receive` gets the result in the main one."""

        def apart() -> None:
            self.app.call_from_thread(receive, work())

        self.run_worker(apart, thread=True)

    def answer(self, name: str, request: Any, *, yes: bool = False) -> Answer:
        """The answer of a listing job; call it in a thread. `yes`: the user has been asked."""
        settings = replace(self.app.settings, assume_yes=yes)
        return launch.answer_of(name, request, settings, self.app.clock)

    def _folder(self, run_id: str) -> Path:
        return runs_folder(self.app.settings.workspace) / run_id

    def _change(self, action: Any, run_id: str, then: Callable[[], None]) -> None:
        """Have the job `runs` do something to a run; `then` where it did."""
        from ascend_console.jobs.runs import RunsRequest

        def receive(answer: Answer) -> None:
            if answer.error is not None:
                self.app.say_error(answer.error)
            else:
                then()
            self.read_again()

        request = RunsRequest(action=action, run=(run_id,))
        self.later(lambda: self.answer("runs", request, yes=True), receive)

    # Actions.

    def action_replay(self) -> None:
        """See the run again, in its own time."""
        run = self.chosen()
        if run is None:
            return
        if run.run_id in self.live:
            self.app.say(self.app.t("it goes on; Enter shows it"), "warning")
        else:
            self.post_message(FollowRequested(self._folder(run.run_id), replay=True))

    def action_resume(self) -> None:
        """Take up a run that stopped; it is shown then."""
        run, t = self.chosen(), self.app.t
        if run is None or self.app.refuse_readonly():
            return
        if run.origin != "local":
            self.app.say(t("another machine began this run; it cannot be resumed here"), "warning")
        elif run.run_id in self.live or run.state not in _STOPPED:
            word = t.verdict(run.verdict or run.state)
            self.app.say(t("nothing to resume: the run is {state}", state=word), "warning")
        else:
            self.post_message(RunRequested(("run", "--resume", run.run_id)))
            self.app.action_go("run")

    def action_stop(self) -> None:
        """Stop the run, after a question."""
        run, t = self.chosen(), self.app.t
        if run is None or self.app.refuse_readonly():
            return
        if run.run_id not in self.live:
            self.app.say(t("the run is over; there is nothing to stop"), "warning")
            return
        question = t("Stop {run}?", run=run.run_id)
        stop = partial(self._change, "cancel", run.run_id, partial(self._stops, run.run_id))
        self.app.push_screen(
            Ask(question, t("Finished stages are kept; u resumes it.")),
            lambda yes: stop() if yes else None,
        )

    def _stops(self, run_id: str) -> None:
        self.stopping.add(run_id)
        self.fill()

    def action_delete(self) -> None:
        """Delete the run, after a question that names what it frees."""
        run, t = self.chosen(), self.app.t
        if run is None or self.app.refuse_readonly():
            return
        if run.run_id in self.live:
            self.app.say(t("the run goes on; K stops it"), "warning")
            return
        folder = self._folder(run.run_id)
        ask = partial(self._ask_to_delete, run.run_id)
        self.later(lambda: run_removal.freed_bytes(folder), ask)

    def _ask_to_delete(self, run_id: str, freed_bytes: int) -> None:
        t = self.app.t
        question = t("Delete {run}?", run=run_id)
        details = t("It frees {size}. Its figures, logs and files are gone then.",
                    size=cells.size(freed_bytes))  # fmt: skip
        delete = partial(self._change, "delete", run_id, partial(self._deleted, run_id))
        self.app.push_screen(Ask(question, details), lambda yes: delete() if yes else None)

    def _deleted(self, run_id: str) -> None:
        self.app.say(self.app.t("deleted {run}", run=run_id))
        shown = self.app.state.run
        if shown is not None and shown.run_id == run_id:
            self.app.follow(None)
        kept = {model: run for model, run in self.app.state.baselines.items() if run != run_id}
        if len(kept) < len(self.app.state.baselines):
            self._remember(kept)
        self.forget(run_id)

    def action_report(self) -> None:
        """Write the report of the run to a file."""
        run, t = self.chosen(), self.app.t
        if run is None:
            return
        offered = str(self._folder(run.run_id) / "report.md")
        about = t("forms: {known}", known=", ".join(_FORMS))
        self.app.push_screen(
            AskText(t("Write the report to"), offered, about), partial(self._report, run.run_id)
        )

    def _report(self, run_id: str, typed: str | None) -> None:
        if not typed:
            return
        path = Path(typed).expanduser()
        if not path.is_file():
            self._write_report(run_id, path)
            return
        question = self.app.t("{path} exists. Replace it?", path=path)
        self.app.push_screen(
            Ask(question), lambda yes: self._write_report(run_id, path) if yes else None
        )

    def _write_report(self, run_id: str, path: Path) -> None:
        from ascend_console.jobs.report import ReportRequest

        def receive(answer: Answer) -> None:
            if answer.error is not None:
                self.app.say_error(answer.error)
            else:
                self.app.say(self.app.t("saved to {path}", path=path))

        request = ReportRequest(run=(run_id,), output=path)
        self.later(lambda: self.answer("report", request, yes=True), receive)

    def action_baseline(self) -> None:
        """Compare later runs of the model with this one, or no longer."""
        run, t = self.chosen(), self.app.t
        if run is None:
            return
        if not run.verdict or not run.model:
            self.app.say(t("a baseline needs a run with a verdict"), "warning")
            return
        kept = dict(self.app.state.baselines)
        if kept.get(run.model) == run.run_id:
            del kept[run.model]
            text = t("later runs of {model} are compared with none", model=run.model)
        else:
            kept[run.model] = run.run_id
            text = t("later runs of {model} are compared with it", model=run.model)
        self._remember(kept)
        self.app.say(text)

    def _remember(self, kept: dict[str, str]) -> None:
        workspace = self.app.settings.workspace

        def write() -> ConsoleError | None:
            try:
                baselines.write(workspace, kept)
            except ConsoleError as error:
                return error
            return None

        self.app.change(baselines=kept)
        self.later(write, lambda error: self.app.say_error(error) if error else None)

    def action_diff(self) -> None:
        """What changed between the two marked runs, or from the marked one to this one."""
        run = self.chosen()
        pair = list(self.marked)
        if len(pair) == 1 and run is not None and run.run_id not in pair:
            pair.append(run.run_id)
        if len(pair) == 2:
            self.compare(pair[0], pair[1])
        else:
            text = self.app.t("mark two runs with Space; {count} marked", count=len(pair))
            self.app.say(text, "warning")
