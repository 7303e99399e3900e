"""The screen Run: the form, or the run that is followed, beside the models and the devices."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.widget import Widget

from ascend_console.core.errors import ConsoleError
from ascend_console.core.options import request_document
from ascend_console.tui import run_devices, run_models
from ascend_console.tui.cells import short_id
from ascend_console.tui.pen import Pen
from ascend_console.tui.run_actions import RunActions
from ascend_console.tui.run_command import command_line, request_of
from ascend_console.tui.run_form_pane import FormPane
from ascend_console.tui.run_models import ModelsTable
from ascend_console.tui.run_pace import Elapsed
from ascend_console.tui.run_pane import OVER, RunPane
from ascend_console.tui.run_plan import planned_steps
from ascend_console.tui.run_plan_lines import plan_lines, plan_state
from ascend_console.tui.run_stages import Now
from ascend_console.tui.strip import run_percent
from ascend_console.tui.welcome import Welcome
from ascend_console.tui.widgets.block import Fact
from ascend_console.tui.widgets.lines import Lines
from ascend_console.tui.widgets.pick_list import PickList
from ascend_console.tui.widgets.rule import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.run_form import Form
    from ascend_console.tui.state import AppState
    from ascend_console.tui.welcome import Wish

_TICK_S = 0.1
_SLOW_TICKS = 10
_PAINT_S = 0.25
_WIDE = 100
# What is made last, of each part: before these are there, nothing can be shown.
_PARTS = (
    "Bar, #models, #devices, #reason, #plan, #command, #stages, #lines, #ending, #log, PickList"
)


def _joined(lines: list[Text]) -> Text:
    text = Text("\n").join(lines)
    text.no_wrap = True
    return text


class Bar(Widget):
    """A line between two columns."""

    DEFAULT_CSS = "Bar { width: 1; height: 1fr; color: $text-muted; }"

    def render(self) -> Text:
        """One sign a line."""
        sign = self.app.glyphs.vertical  # type: ignore[attr-defined]
        return Text("\n".join([sign] * self.size.height))


class RunScreen(RunActions):
    """What to validate, how is it going, what is the verdict?"""

    page = "run"
    AUTO_FOCUS = ""
    CSS = """
    RunScreen { layers: base above; }
    RunScreen #side { width: 33; }
    RunScreen #main { width: 1fr; }
    RunScreen #models-panel { height: 1fr; }
    RunScreen #plan-panel { height: 1fr; min-height: 2; }
    RunScreen #plan, RunScreen #command { height: auto; padding-left: 1; }
    """
    help_text = (
        "m and a letter choose a model, digits its batch sizes, r runs. n is a new form, "
        "u resumes, K stops, o reports; 3 and 4 show accuracy and performance of the run."
    )

    def __init__(self) -> None:
        super().__init__()
        self._elapsed = Elapsed()
        self._ticks = 0
        self._painted: tuple[Any, ...] = ()
        self._painted_s = 0.0
        self._beside: tuple[Any, ...] = ()
        self._live: frozenset[Path] | None = None
        self._model: str | None = None
        self._welcomed = False
        self._is_whole = False
        self._made_with: tuple[Any, ...] = ()

    def body(self) -> Iterable[Widget]:
        """Models and devices at the left, form or run at the right."""
        t = self.app.t
        pen = Pen.of(self.app)
        self._made_with = (self.app.settings.lang, self.app.glyphs)
        self._is_whole = False
        with Horizontal(id="columns"):
            with Vertical(id="side"):
                models = ModelsTable(run_models.columns(pen), marks=True, id="models")
                yield Panel(t("Models"), models, id="models-panel")
                yield Panel(t("Devices"), Lines(id="devices"), id="devices-panel")
            yield Bar()
            with Vertical(id="main"):
                with Vertical(id="form"):
                    yield Panel(t("Run"), FormPane(), id="form-panel")
                    yield Panel(t("Plan"), Lines(id="plan"), id="plan-panel")
                    yield Panel(t("Command"), Lines(id="command"), id="command-panel")
                yield RunPane()
        yield PickList()

    def on_mount(self) -> None:
        """Begin to look at the time, and read what there is."""
        self.set_interval(_TICK_S, self._tick)
        self.call_after_refresh(self.load_facts)

    def on_resize(self) -> None:
        """Another size has room for other parts."""
        self.arrived()

    # What comes in.

    def show(self, state: AppState) -> None:
        """Take a new state; while the screen is made or taken down there is nothing to show it."""
        try:
            self._show(state)
        except NoMatches:
            self._is_whole = False

    def _show(self, state: AppState) -> None:
        if not self._is_whole:
            self._is_whole = len(self.query(_PARTS)) == _PARTS.count(",") + 1
            if not self._is_whole:
                return
        live = frozenset(run.folder for run in state.live)
        if self._live is not None and live != self._live:
            self.load_facts()
        self._live = live
        # Models and devices stand only where there is room beside the rest.
        self.query_one("#side").display = self.size.width >= _WIDE
        self.query_one(Bar).display = self.size.width >= _WIDE
        if state.model != self._model:
            self._model = state.model
            self._take_model(state.model)
        self._notice(state)
        beside = (tuple((run.folder, run.state) for run in state.live), self.facts, state.devices)
        if beside != self._beside:
            self._beside = beside
            self._show_side(state)
        self._show_main()

    def _notice(self, state: AppState) -> None:
        """Which run is shown: the followed one, its recording while that is replayed, or none."""
        run = state.run
        if run is None or self.app.wanted is None:
            self.shown = None
        elif run.folder == self.app.wanted:
            self.shown = run
        if state.replay is None or self.shown is None:
            self.replayed = None
        elif self.replayed is None or self.replayed.folder != self.shown.folder:
            self.replayed = None
            self.load_replay(self.shown.folder)
        else:
            self.shown = self.replayed.snapshot()

    def _take_model(self, name: str | None) -> None:
        """Another screen speaks of another model."""
        if name and self.form is not None and name not in self.form.models:
            self.form = self.form.with_models((name,), self.facts.known)

    def arrived(self) -> None:
        """Draw everything again: something is known that was not."""
        if self.is_mounted and (self.is_replaying or not self.app.state.paused):
            self._painted = self._beside = ()
            self.show(self.app.state)
            self._welcome()

    def on_form_pane_changed(self, event: FormPane.Changed) -> None:
        """The form says something else."""
        event.stop()
        self.form = event.form
        self._show_form()

    def _welcome(self) -> None:
        """Greet who has run nothing yet; once."""
        state = self.app.state
        if self._welcomed or not self.has_facts or self._live is None:
            return
        self._welcomed = True
        if self.facts.summaries or state.run is not None or state.live:
            return
        t = self.app.t
        chips = (state.devices or {}).get("chips")
        ready = [entry.name for entry in self.facts.known.backends if not entry.reason]
        found = t("{count} NPU", count=len(chips)) if chips else t("no NPU found")
        machine = f"{found}; {t('ready: {names}', names=', '.join(ready))}"
        self.app.push_screen(Welcome(machine), self._wished)

    async def _wished(self, wish: Wish | None) -> None:
        """What the welcome was answered with; language and signs may be others now."""
        if (self.app.settings.lang, self.app.glyphs) != self._made_with:
            await self.recompose()
            self.arrived()
        if wish == "run":
            self.run_sample()
        elif wish == "pick":
            self.action_pick()
        elif wish == "doctor":
            self.app.action_go("doctor")

    # What is drawn.

    def _focus_first(self) -> None:
        """The models where they are seen, else what the eye goes to first."""
        if self.query_one("#side").display:
            self.set_focus(self.query_one(ModelsTable))
        elif self.shown is not None:
            self.set_focus(self.run_pane.stages)
        else:
            self.set_focus(self.form_pane.query_one("#model"))

    def _show_side(self, state: AppState) -> None:
        if not self.query_one("#side").display:
            return
        pen = Pen.of(self.app)
        last = run_models.last_runs(self.facts.summaries)
        rows = run_models.rows(self.facts.known.models, last, state.live, self.app.clock.utc(), pen)
        table = self.query_one(ModelsTable)
        if list(table.rows) != rows:
            table.set_rows(rows)
        width = self.query_one("#devices").size.width or 32
        lines = run_devices.lines(state.devices, width, pen)
        self.query_one("#devices", Lines).put(_joined(lines))

    def _show_main(self) -> None:
        form, pane = self.query_one("#form"), self.run_pane
        pane.display, form.display = self.shown is not None, self.shown is None
        if self.shown is not None:
            self._show_run(self.shown)
        else:
            self._painted = ()
            self._show_form()
        at = self.focused
        if at is None or not all(node.display for node in at.ancestors_with_self):
            self._focus_first()

    def _show_form(self) -> None:
        form, pane = self.form, self.form_pane
        if form is None:
            return
        known = replace(self.facts.known, devices=self.app.state.devices)
        if pane.form != form or pane.known != known:
            pane.show(form, known)
        pen = Pen.of(self.app)
        models = ",".join(form.models)
        self.query_one("#form-panel", Panel).title = f"{pen.t('Run')} {models}".rstrip()
        command = self.query_one("#command-panel", Panel)
        command.state = pen.t("c copies")
        self.query_one("#command", Lines).put(Text(command_line(form.words)))
        self._show_plan(form, pen)

    def _show_plan(self, form: Form, pen: Pen) -> None:
        try:
            document = request_document(request_of(form.job, form.values))
        except ConsoleError:
            document = dict(form.values)
        earlier = self.earlier_for(form.job.name, document)
        planned = self._planned(form.job.name, document)
        width = max(self.query_one("#plan").size.width, 40)
        lines = plan_lines(planned, earlier, document, width, pen)
        self.query_one("#plan", Lines).put(Text("\n".join(lines), no_wrap=True))
        panel = self.query_one("#plan-panel", Panel)
        panel.state = plan_state(planned, earlier, pen)
        panel.display = bool(lines) and form.job.recording

    def _planned(self, job: str, request: Mapping[str, Any]) -> tuple[str, ...]:
        """The steps of a run of this request."""
        names = request.get("model")
        model = names[0] if isinstance(names, list | tuple) and names else names
        known = self.facts.known
        sizes = request.get("batch_size") or known.model(str(model)).get("official_batch_sizes")
        sizes = (sizes,) if isinstance(sizes, int) else sizes or ()
        backend = known.backend(str(request.get("backend") or ""))
        with_files = bool(request.get("keep_bins")) or bool(backend and backend.files)
        earlier = self.earlier_for(job, request)
        return planned_steps(job, sizes, with_files=with_files, earlier=earlier)

    def _now(self, run: RunSnapshot) -> Now:
        """The run at this moment, with what is known of runs like it."""
        job, request = self._request_of(run)
        clock_s = self.app.clock.monotonic_s()
        replayed = self.replayed if self.is_replaying else None
        elapsed_s = replayed.elapsed_s if replayed else self._elapsed.now_s(run, clock_s)
        return Now(
            run=run,
            elapsed_s=elapsed_s,
            planned=self._planned(job, request),
            earlier=self.earlier_for(job, request),
            log_lines=self.run_pane.log_view.grown,
            held=self._held(run),
        )

    def _request_of(self, run: RunSnapshot) -> tuple[str, Mapping[str, Any]]:
        """Job and request of a run; of one that we have just started those of the form."""
        request = run.document.get("request")
        if request is None and self.form is not None and run.folder in self.app.launched:
            with suppress(ConsoleError):
                document = request_document(request_of(self.form.job, self.form.values))
                return self.form.job.name, document
        return str(run.document.get("job") or run.view.job), request or {}

    def _held(self, run: RunSnapshot) -> str:
        """For whom a run waits, and how far that one is."""
        t = self.app.t
        found = [entry for entry in run.view.warnings if entry.id == "device.waiting"]
        if run.state != "waiting" or not run.waiting or not found:
            return ""
        args = found[-1].args
        holder = self._holder(run)
        name = short_id(args.get("holder", ""))
        if holder is not None and holder.view.step is not None:
            percent = run_percent(holder)
            name += f" ({t(holder.view.step.name.partition(' bs')[0])} {percent} %)"
        text = t("waits for {device}, held by {run}", device=args.get("device", ""), run=name)
        return f"{text}; {t('Enter shows it')}" if holder is not None else text

    def _holder(self, run: RunSnapshot) -> RunSnapshot | None:
        found = [entry for entry in run.view.warnings if entry.id == "device.waiting"]
        wanted = found[-1].args.get("holder") if found else None
        return next((entry for entry in self.app.state.live if entry.run_id == wanted), None)

    def on_run_pane_holder_wanted(self) -> None:
        """Show the run that is waited for."""
        holder = self._holder(self.shown) if self.shown is not None else None
        if holder is not None:
            self.app.follow(holder.folder)

    def _show_run(self, run: RunSnapshot) -> None:
        """Draw the run: at once where something happened, figures alone four times a second."""
        view = run.view
        happened = (run.folder, run.state, len(view.steps), view.attempt, self.stopping)
        now_s = self.app.clock.monotonic_s()
        if happened == self._painted and now_s - self._painted_s < _PAINT_S:
            self.run_pane.log_view.show_run(run)
            return
        self._painted, self._painted_s = happened, now_s
        if run.state in OVER:
            self.stopping = None
        is_stopping = self.stopping is not None and self.stopping[0] == run.folder
        self.run_pane.show(self._now(run), stopping=is_stopping)
        if run.state in OVER:
            self.run_pane.show_ending(self.ending_of(run), self.job_of(run))
        elif run.state == "waiting" and not run.alive and (said := self.refusal_of(run.folder)):
            t = self.app.t
            facts = [Fact(text=line, label="" if number else t("said"))
                     for number, line in enumerate(said)]  # fmt: skip
            self.run_pane.show_facts(t("Problem"), t("it ended before it began"), facts)
        else:
            self.run_pane.hide_ending()

    # Time.

    def _tick(self) -> None:
        """Follow an open log; move a replay on; once a second draw what only time changes."""
        state = self.app.state
        if not self._is_whole:
            self.arrived()
        if state.paused or not self._is_whole or self.app.current_mode != self.page:
            return
        self._ticks += 1
        with suppress(NoMatches):
            self._pass_on(state)

    def _pass_on(self, state: AppState) -> None:
        run = self.shown
        if self.is_replaying and self.replayed is not None:
            if not self.replayed.at_end:
                self.replayed.move(_TICK_S * (state.replay or 1.0))
                self.show(state)
        elif run is not None:
            self.run_pane.log_view.tick()
        if self._ticks % _SLOW_TICKS:
            return
        self._show_side(state)
        if run is not None and run.state not in OVER:
            self._show_run(run)
