"""A run as it goes on or ended: facts, stages, live figures or the verdict, log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from ascend_console.tui import cells, run_live, run_pace, run_stages, run_verdict
from ascend_console.tui.pen import Pen
from ascend_console.tui.run_log import LogView
from ascend_console.tui.run_pace import Countdown
from ascend_console.tui.widgets.ask import Page
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.lines import Lines
from ascend_console.tui.widgets.rule import Panel
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.geometry import Size

    from ascend_console.core.specs import Job
    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.run_stages import Now
    from ascend_console.tui.run_verdict import Ending

_PLOTS_FROM = 44
_PLOT_ROWS = 6
_LEAST_LOG = 8
_LIVE_S = 1.0
_RULES = 5
_LEAST_LINES = 3
OVER = ("finished", "failed", "cancelled", "interrupted")


class StagesTable(Table):
    """The stages; what Enter shows is the pane's to say, what is copied and saved the screen's."""

    help_text = "Enter shows what a stage wrote, or its problem."
    told = ""

    def state_text(self) -> str:
        """What the title says: the time, not a count."""
        return self.told

    async def action_copy(self) -> None:  # type: ignore[override]
        """Copy the command."""
        await self.run_action("screen.copy")

    async def action_export(self) -> None:  # type: ignore[override]
        """Save the log."""
        await self.run_action("screen.export")


class RunPane(Vertical):
    """One run. The screen hands it what it knows; it asks for nothing but to show another run."""

    DEFAULT_CSS = """
    RunPane { height: 1fr; }
    RunPane #facts { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    RunPane #lines { height: auto; text-wrap: nowrap; }
    RunPane #log-panel { height: 1fr; }
    """
    app: ConsoleApp

    class HolderWanted(Message):
        """Show the run that is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._now: Now | None = None
        self._countdown = Countdown()
        self._counted = ""
        self._stopping = False
        self._lively: tuple[Any, ...] = ()
        self._live_s = 0.0

    def compose(self) -> ComposeResult:
        """Five regions, of which one replaces another at the end."""
        t = self.app.t
        yield Panel(t("Run"), Lines(id="facts"), id="run-panel")
        yield Panel(t("Stages"), StagesTable(run_stages.FULL, header=False, id="stages"),
                    id="stages-panel")  # fmt: skip
        yield Panel(t("Live"), Lines(id="lines"), id="live-panel")
        yield Panel(t("Verdict"), Block(id="ending"), id="ending-panel")
        yield Panel(t("Log"), LogView(id="log"), id="log-panel")

    @property
    def log_view(self) -> LogView:
        """The log."""
        return self.query_one(LogView)

    @property
    def stages(self) -> StagesTable:
        """The table of stages."""
        return self.query_one(StagesTable)

    @property
    def block(self) -> Block:
        """The verdict, or the problem."""
        return self.query_one(Block)

    @property
    def _room(self) -> Size:
        """Its size; before it has been laid out that of what it stands in."""
        parent = self.parent
        return self.size if self.size.width or not isinstance(parent, Widget) else parent.size

    # What is shown.

    def show(self, now: Now, *, stopping: bool = False) -> None:
        """The run at a moment."""
        pen = Pen.of(self.app)
        run = now.run
        self._now, self._stopping = now, stopping
        if self._counted != run.run_id:
            self._counted, self._countdown = run.run_id, Countdown()
        panel = self.query_one("#run-panel", Panel)
        panel.title = f"{pen.t('Run')} {run.document.get('model') or run.view.title}".rstrip()
        panel.state = run.run_id
        facts = run_stages.describe(run, pen)
        text = Text(f" {facts}", no_wrap=True, overflow="ellipsis")
        self.query_one("#facts", Lines).put(text)
        self._show_stages(now, pen)
        key = (run.run_id, len(run.view.steps), self._room)
        if run.state not in OVER and (
            key != self._lively or abs(now.elapsed_s - self._live_s) >= _LIVE_S
        ):
            self._lively, self._live_s = key, now.elapsed_s
            self._show_live(now, pen)
        self._arrange(run.state in OVER)
        self.log_view.show_run(run)

    def _show_stages(self, now: Now, pen: Pen) -> None:
        table = self.stages
        width = self._room.width
        full = run_stages.full_rows(now, width, pen)
        is_short = self._room_for_stages() < len(full)
        rows = run_stages.short_rows(now, width, pen) if is_short else full
        table.set_columns(run_stages.SHORT if is_short else run_stages.FULL)
        table.set_rows(rows)
        table.styles.height = max(len(rows), 1)
        table.told = self.query_one("#stages-panel", Panel).state = self._stages_state(now, pen)

    def _stages_state(self, now: Now, pen: Pen) -> str:
        t, run = pen.t, now.run
        if run.state in OVER:
            return cells.duration(run.view.elapsed_s)
        if self._stopping:
            return t("stopping")
        if run.state == "waiting" and (now.held or not run.view.steps):
            return now.held or t("starting")
        parts = [run_pace.clock(now.elapsed_s)]
        left = self._countdown.show(run_stages.left_s(now), now.elapsed_s)
        if left is not None:
            parts.append(t("about {t} left", t=run_pace.clock(left)))
        elif not now.earlier.runs:
            parts.append(t("no estimate, first time"))
        return ", ".join(parts)

    def _show_live(self, now: Now, pen: Pen) -> None:
        series = run_live.series_of(now.run, now.elapsed_s, pen)
        width = self._room.width - 1
        if self.app.size.height >= _PLOTS_FROM:
            plots = [
                run_live.plot(entry, now.elapsed_s, width, _PLOT_ROWS, pen) for entry in series
            ]
            drawn = [line for lines in plots for line in lines]
        else:
            drawn = [run_live.line(entry, now.elapsed_s, width, pen) for entry in series]
            drawn = drawn[: self._live_rows()]
        text = Text("\n".join(f" {line}" for line in drawn), no_wrap=True)
        self.query_one("#lines", Lines).put(text)
        panel = self.query_one("#live-panel", Panel)
        panel.state = pen.t("last 2 min")

    def show_ending(self, ending: Ending, job: Job | None) -> None:
        """How the run ended."""
        pen = Pen.of(self.app)
        self.show_facts(*run_verdict.title_of(ending.run, pen),
                        run_verdict.facts_of(ending, job, pen))  # fmt: skip

    def show_facts(self, title: str, state: str, facts: Any) -> None:
        """Title, state and facts of the block."""
        panel = self.query_one("#ending-panel", Panel)
        panel.title, panel.state = title, state
        self.block.show(facts)
        self._arrange(over=True)

    def hide_ending(self) -> None:
        """The run goes on: nothing is decided."""
        self.block.show(())

    def _arrange(self, over: bool) -> None:
        """Live while the run goes on, the block once there is one; the log takes what is left."""
        has_block = over and bool(self.block.facts)
        self.query_one("#ending-panel", Panel).display = has_block
        self.query_one("#live-panel", Panel).display = not over and self._live_rows() > 0
        if has_block:
            # Above the block: the facts with their rule, the stages with theirs, its own rule.
            room = max(self._room.height - 4 - len(self.stages.rows), 3)
            needed = self.block.height_at(self._room.width)
            self.block.styles.height = min(needed, room)
            self.query_one("#log-panel", Panel).display = room - needed >= _LEAST_LINES
        else:
            self.query_one("#log-panel", Panel).display = True

    def _live_rows(self) -> int:
        """Two rows, one where the log would have fewer than three lines."""
        if self.app.size.height >= _PLOTS_FROM:
            return 2 * _PLOT_ROWS
        return 2 if self._room.height >= 16 else 1

    def _room_for_stages(self) -> int:
        """Lines for stages, with a log worth reading below them."""
        return self._room.height - _RULES - 1 - self._live_rows() - _LEAST_LOG

    def on_resize(self) -> None:
        """Another size folds otherwise."""
        if self._now is not None:
            self.show(self._now, stopping=self._stopping)

    # What is opened.

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter on a stage: what it wrote, its problem, or the run that it waits for."""
        event.stop()
        now = self._now
        if now is None:
            return
        if now.run.state == "waiting" and now.held:
            self.post_message(self.HolderWanted())
            return
        if now.run.state == "failed" and self.block.facts:
            self.screen.set_focus(self.block)
            return
        kinds = {name.partition(" bs")[0] for name in event.row.key.split("|")}
        if event.row.key in ("finished", "pending"):
            kinds = {stage.kind for stage in run_stages.stages(now)}
        paths: list[str] = []
        for kind in kinds:
            paths += run_stages.artifacts_of(kind, now.run)
        t = self.app.t
        if paths:
            self.app.push_screen(Page(t("Files"), "\n".join(paths)))
        else:
            self.app.say(t("this stage wrote no file"))
