"""What the keys of the Run screen do: they change the form, or wish for something."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError
from ascend_console.core.options import options_of
from ascend_console.tui import run_form
from ascend_console.tui.messages import RunRequested, StopRequested
from ascend_console.tui.run_command import command_line, request_of, words
from ascend_console.tui.run_facts import form_of
from ascend_console.tui.run_models import ModelsTable
from ascend_console.tui.run_pane import OVER
from ascend_console.tui.run_viewing import RunViewing
from ascend_console.tui.welcome import SAMPLE
from ascend_console.tui.widgets.ask import Ask, AskText
from ascend_console.tui.widgets.pick_list import PickList

if TYPE_CHECKING:
    from ascend_console.core.specs import Job
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.messages import Answer
    from ascend_console.tui.widgets.block import Block
    from ascend_console.tui.widgets.table import Table

_KILL_AFTER_S = 10.0
_DESTROYING = ("delete", "prune", "cancel")


class RunActions(RunViewing):
    """Keys and messages of the screen, apart from what it draws."""

    # The form.

    def need_form(self) -> run_form.Form:
        """The form; before it is known what was run last, an empty one."""
        if self.form is None:
            self.form = run_form.Form(discovery.load("jobs", "run"), {"sample": True})
        if self.form_pane.form is None:
            self.form_pane.show(self.form, self.facts.known)
        return self.form

    def to_form(self) -> None:
        """Leave the run that is shown; it goes on."""
        self.need_form()
        if self.shown is not None:
            self.app.follow(None)

    def action_pick(self) -> None:
        """Choose a model by its letter."""
        self.to_form()
        form = self.need_form()
        if not form.has("model"):
            self.app.say(self.app.t("{job} takes no model", job=form.job.name))
            return
        models = self.query_one(ModelsTable)
        below = models.region if models.region.width else self.form_pane.query_one("#model").region
        choices = [
            entry
            for entry in run_form.choices_of("model", form, self.facts.known, self.app.t)
            if entry.letter
        ]
        self.query_one(PickList).open(
            choices,
            lambda name: self.form_pane.pick((name,)),
            chosen=",".join(form.models),
            below=below,
        )

    def action_batch(self) -> None:
        """To the batch sizes."""
        self.to_form()
        self.form_pane.go_to("batch")

    def action_new(self) -> None:
        """Back to the form."""
        self.to_form()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter on a model: its form; with several marked, that of all of them."""
        if isinstance(event.table, ModelsTable):
            event.stop()
            marked = [row.key for row in event.table.rows if row.key in event.table.marked]
            self.to_form()
            self.form_pane.pick(tuple(marked) or (event.row.key,))

    def on_table_marks_changed(self, event: Table.MarksChanged) -> None:
        """The command is about the marked models."""
        if isinstance(event.table, ModelsTable) and event.table.marked and self.form:
            event.stop()
            marked = [row.key for row in event.table.rows if row.key in event.table.marked]
            self.form_pane.change(self.form.with_models(tuple(marked), self.facts.known))

    def on_block_opened(self, event: Block.Opened) -> None:
        """Enter on a remedy: the form of the run, with what the remedy names."""
        run = self.shown
        job = self.job_of(run)
        if run is None or job is None:
            return
        name, _, value = event.key.partition("=")
        option = next(entry for entry in options_of(job.request) if entry.name == name)
        form = form_of(job, run.document.get("request") or {})
        given: Any = True if option.kind is bool else value
        self.form = form.put(**{name: given}) if given else form
        self.app.follow(None)
        field = run_form.FIELD_OF.get(name, "options")
        self.form_pane.show(self.form, self.facts.known, changed=field)
        self.form_pane.go_to(field)
        if not given:
            if field == "options":
                self.form_pane.open_options(name)
            else:
                self.form_pane.open(field)

    def job_of(self, run: RunSnapshot | None) -> Job | None:
        """The job of a run; None where this version has none of that name."""
        name = (run.document.get("job") or run.view.job) if run is not None else None
        if not name or name not in discovery.names("jobs"):
            return None
        job: Job = discovery.load("jobs", name)
        return job

    # Starting and stopping.

    def action_start(self) -> None:
        """Start what the form says; on a run that is over its form comes first."""
        run = self.shown
        if run is not None:
            if run.state not in OVER:
                self.app.say(self.app.t("this run goes on: K stops it, n is a new form"))
                return
            job = self.job_of(run)
            if job is not None and run.document.get("request"):
                self.form = form_of(job, run.document["request"])
            self.to_form()
            return
        self.need_form()
        self.form_pane.take_sizes()
        form = self.form = self.form_pane.form or self.need_form()
        problem = self.form_pane.tell()
        if problem is not None:
            self.form_pane.go_to(problem[0])
            self.app.say(problem[1], "warning")
        elif form.job.recording:
            self.post_message(RunRequested(form.words))
        elif not self.app.refuse_readonly():
            self._start_listing(form)

    def run_sample(self) -> None:
        """What Enter on the welcome starts."""
        self.form = run_form.Form(discovery.load("jobs", "run"), SAMPLE)
        self.form_pane.show(self.form, self.facts.known)
        self.post_message(RunRequested(self.form.words))

    def _start_listing(self, form: run_form.Form) -> None:
        """Ask a job that records nothing; what destroys something is asked about first."""
        action = form.text("action")

        def ask(yes: bool | None = True) -> None:
            if yes:
                self.app.say(command_line(form.words))
                self.app.ask(form.job.name, request_of(form.job, form.values), self._answered)

        if form.job.name == "runs" and action in _DESTROYING:
            self.app.push_screen(Ask(f"{command_line(form.words)} ?"), ask)
        else:
            ask()

    def _answered(self, answer: Answer) -> None:
        from ascend_console.tui.run_answer import AnswerPage

        if answer.error is not None:
            self.app.say_error(answer.error)
        elif answer.answered is not None:
            self.app.push_screen(AnswerPage(answer.name, answer.answered))
        else:
            self.app.say(self.app.t("{job} is done", job=answer.name))

    def action_stop(self) -> None:
        """Stop the run; it asks. One that does not stop for ten seconds may be ended at once."""
        run, t = self.shown, self.app.t
        if run is None or run.state in OVER or self.is_replaying:
            self.app.say(t("nothing goes on here"))
            return
        if self.app.refuse_readonly():
            return
        folder, now_s = run.folder, self.app.clock.monotonic_s()
        if self.stopping is not None and self.stopping[0] == folder:
            if now_s - self.stopping[1] >= _KILL_AFTER_S:
                self._offer_kill(folder)
            return

        def stop(yes: bool | None) -> None:
            if yes:
                self.stopping = (folder, self.app.clock.monotonic_s())
                self.post_message(StopRequested(folder))
                self.arrived()

        self.app.push_screen(Ask(t("Stop? Finished stages are kept.")), stop)

    def _offer_kill(self, folder: Path) -> None:
        started, t = self.app.launched.get(folder), self.app.t
        if started is None:
            self.app.say(t("it was started elsewhere: end it there"))
            return
        question = t("It has not stopped for ten seconds. End it now?")
        self.app.push_screen(Ask(question), lambda yes: started.end_now() if yes else None)

    def action_resume(self) -> None:
        """Take up a run that did not finish."""
        run, t = self.shown, self.app.t
        job = self.job_of(run)
        known = job is not None and "resume" in [entry.name for entry in options_of(job.request)]
        if (
            run is None
            or job is None
            or not known
            or run.state in ("running", "waiting", "finished")
        ):
            self.app.say(t("nothing to resume here"))
            return
        self.stopping = None
        self.post_message(RunRequested(words(job, {"resume": run.run_id})))

    # The run.

    def action_copy(self) -> None:
        """Copy the command line of the form, or of the run."""
        run = self.shown
        if run is None:
            self.app.copy(command_line(self.need_form().words))
            return
        job = self.job_of(run)
        recorded = [str(word) for word in run.document.get("command") or ()]
        if job is not None and run.document.get("request"):
            self.app.copy(command_line(form_of(job, run.document["request"]).words))
        else:
            self.app.copy(shlex.join(recorded))

    def action_report(self) -> None:
        """Write the report of the run to where the user says."""
        run, t = self.shown, self.app.t
        if run is None or run.state not in OVER:
            self.app.say(t("a report is made of a run that is over"))
            return
        if "report" not in discovery.names("jobs"):
            self.app.say(t("there is no report yet"))
            return
        self.app.push_screen(
            AskText(t("Report"), str(Path.cwd() / f"{run.run_id}.md")),
            lambda path: self._write_report(run.run_id, path),
        )

    def _write_report(self, run_id: str, path: str | None) -> None:
        if not path or self.app.refuse_readonly():
            return
        job: Job = discovery.load("jobs", "report")
        known = {entry.name for entry in options_of(job.request)}
        wanted = {"run": run_id, "output": path}
        try:
            request = request_of(job, {name: value for name, value in wanted.items()
                                       if name in known})  # fmt: skip
        except ConsoleError as error:
            self.app.say_error(error)
            return
        self.app.ask("report", request, lambda answer: self._reported(answer, path))

    def _reported(self, answer: Answer, path: str) -> None:
        if answer.error is not None:
            self.app.say_error(answer.error)
        else:
            self.app.say(self.app.t("saved to {path}", path=path))
