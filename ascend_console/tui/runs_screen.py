"""The screen Runs: the history, what goes on, and what changed between two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container

from ascend_console.tui import cells, runs_diff
from ascend_console.tui.messages import FollowRequested, RunRequested
from ascend_console.tui.runs_about import About, Facts, about, in_one_line_each
from ascend_console.tui.runs_actions import RunsActions
from ascend_console.tui.runs_history import HistoryArrived, HistoryReader
from ascend_console.tui.runs_rows import RunRows, live_summary
from ascend_console.tui.runs_table import RunsTable
from ascend_console.tui.widgets.ask import Page
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.rule import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual import events
    from textual.timer import Timer
    from textual.widget import Widget

    from ascend_console.tools.history import RunSummary
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.state import AppState
    from ascend_console.tui.widgets.rows import Row
    from ascend_console.tui.widgets.table import Table

_READ_AGAIN_S = 10.0
_DRAW_S = 1.0
_SETTLED_S = 0.15
_WIDE = 160
_HIGH = 32
_REASONS = 4
_SAMPLE = ("run", "--model", "ghostnet", "--sample")


class RunsScreen(RunsActions):
    """Runs: the list, the facts of the one under the cursor, and a comparison one level down."""

    page = "runs"
    DEFAULT_CSS = """
    RunsScreen #parts { height: 1fr; }
    RunsScreen #about { height: 5; }
    RunsScreen.high #about { height: 10; }
    RunsScreen.wide #parts { layout: horizontal; }
    RunsScreen.wide #list { width: 1fr; }
    RunsScreen.wide #about { width: 60; height: 1fr; }
    RunsScreen #diff { display: none; }
    RunsScreen.comparing #parts { display: none; }
    RunsScreen.comparing #diff { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, RunSummary] = {}
        self._read = False
        self._seen: tuple[RunSnapshot, ...] = ()
        self._kept: Mapping[str, str] = {}
        self._drawn: RunsTable | None = None
        self._told: About | None = None
        self._wanted: tuple[str, str] | None = None
        self._settling: Timer | None = None
        self._reading = False
        self._again = False
        self._dirty = False
        self._shown = False
        self._reader: HistoryReader | None = None

    def body(self) -> Iterable[Widget]:
        """The list over the facts; the comparison takes their place."""
        t = self.app.t
        self._rows = RunRows(t, self.app.glyphs)
        self._facts = Facts(t)
        self._table = RunsTable(t)
        self._table.marked = set(self.marked)
        self.comparing = False
        self.remove_class("comparing")
        self._block = Block()
        self._about = Panel("", self._block, id="about")
        self._changes = runs_diff.DiffTable(t)
        yield Container(
            Panel(t("Runs"), self._table, id="list", classes="fills"),
            self._about,
            id="parts",
        )
        title = f"{t('Runs')} > {t('what changed')}"
        yield Panel(title, self._changes, id="diff", classes="fills")

    def on_mount(self) -> None:
        """Read now and then, draw what goes on every second."""
        self._reader = HistoryReader(self.app.settings.workspace, self._arrive)
        self.set_interval(_READ_AGAIN_S, self._read_if_shown)
        self.set_interval(_DRAW_S, self._draw_if_dirty)
        self._read_if_shown()

    def on_unmount(self) -> None:
        """Nobody is there to read for."""
        if self._reader is not None:
            self._reader.stop()

    def on_screen_resume(self) -> None:
        """Seen again: much may have happened."""
        self._shown = True
        self.read_again()

    def on_screen_suspend(self) -> None:
        """Not seen."""
        self._shown = False

    # The history comes in.

    def read_again(self) -> None:
        """Read the history in a thread; a wish that comes meanwhile is kept."""
        self._again = self._reading
        if self._reading or self._reader is None:
            return
        self._reading = True
        self.run_worker(self._reader.read, thread=True, group="history")

    def _read_if_shown(self) -> None:
        if self._shown and not self.app.state.paused:
            self.read_again()

    def _arrive(self, message: HistoryArrived) -> None:
        """In the reader's thread: make the rows here, then hand them on, if any is new."""
        if message.whole and message.runs == list(self._runs.values()):
            message.runs = None
        chosen = self._baselines()
        for run in message.runs or ():
            self._rows.row(run, baseline=run.run_id in chosen)
        self.post_message(message)

    def on_history_arrived(self, message: HistoryArrived) -> None:
        """More of the history, or all of it."""
        if message.runs is not None:
            self._runs = {run.run_id: run for run in message.runs}
        if message.whole:
            self._reading = False
            self._read = True
            self.stopping &= self.live.keys()
        else:
            self._table.tell_reading(message.done, message.total)
        if message.runs is not None or not self._table.known:
            self.fill()
        if message.whole and self._again:
            self.read_again()

    def show(self, state: AppState) -> None:
        """Runs that go on, and baselines."""
        before = {run_id: run.state for run_id, run in self.live.items()}
        self._dirty |= state.live is not self._seen
        self._seen = state.live
        self.live = {run.run_id: run for run in state.live}
        turned = before != {run_id: run.state for run_id, run in self.live.items()}
        if turned:
            self.read_again()
        if turned or state.baselines is not self._kept or self._drawn is not self._table:
            self._kept = state.baselines
            self.fill()

    def _draw_if_dirty(self) -> None:
        if self._dirty and self._shown:
            self.fill()

    def _baselines(self) -> frozenset[str]:
        return frozenset(self.app.state.baselines.values())

    def fill(self) -> None:
        """Draw the list: those that go on as they are now, the others as they ended."""
        self._dirty = False
        self._drawn = self._table
        if self._read:
            self._table.tell_read()
        chosen = self._baselines()
        new = [run_id for run_id in self.live if run_id not in self._runs]
        found = (*sorted(new, reverse=True), *self._runs)
        self._table.set_rows([self._row(run_id, chosen) for run_id in found])
        self._tell_facts()

    def _row(self, run_id: str, chosen: frozenset[str]) -> Row:
        baseline = run_id in chosen
        snapshot = self.live.get(run_id)
        if snapshot is None:
            return self._rows.row(self._runs[run_id], baseline=baseline)
        stopping = run_id in self.stopping
        return self._rows.live_row(snapshot, baseline=baseline, stopping=stopping)

    def forget(self, run_id: str) -> None:
        """Take a run off the list at once."""
        self._runs.pop(run_id, None)
        self._table.marked.discard(run_id)
        self.marked = [entry for entry in self.marked if entry != run_id]
        self.fill()

    # The run under the cursor.

    def chosen(self) -> RunSummary | None:
        """The run that has the cursor, as it is now."""
        row = self._table.row
        if row is None:
            return None
        snapshot = self.live.get(row.key)
        return self._runs.get(row.key) if snapshot is None else live_summary(snapshot)

    def on_table_moved(self, message: Table.Moved) -> None:
        """Read the run once the cursor rests on it."""
        run = self.chosen()
        if message.table is not self._table or run is None:
            return
        wanted = (run.run_id, run.state)
        if wanted != self._wanted:
            self._wanted = wanted
            if self._settling is not None:
                self._settling.stop()
            self._settling = self.set_timer(_SETTLED_S, self._read_facts)
        self._tell_facts()

    def on_runs_table_emptied(self) -> None:
        """No run has the cursor."""
        self._wanted = None
        self._tell_facts()

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other facts, from 160 columns on beside the list."""
        self.set_class(event.size.width >= _WIDE, "wide")
        self.set_class(event.size.height >= _HIGH, "high")
        self.call_after_refresh(self._tell_facts)

    def _read_facts(self) -> None:
        if self._wanted is not None:
            folder = self._folder(self._wanted[0])
            self.later(lambda: about(folder), self._take_facts)

    def _take_facts(self, told: About) -> None:
        self._told = told
        self._tell_facts()

    def _tell_facts(self) -> None:
        """What is known of the run: at once what the list knows, then what its folder tells."""
        run = self.chosen()
        self._about.title = "" if run is None else run.run_id
        if run is None:
            self._block.show(())
            return
        told = self._told
        if told is None or told.summary.run_id != run.run_id:
            told = About(summary=run)
        baseline = run.run_id in self._baselines()
        brief = not (self.has_class("high") or self.has_class("wide"))
        most = _REASONS if self.has_class("high") else 1
        facts = self._facts.of(told, self.live.get(run.run_id), baseline=baseline, most=most)
        if brief:
            # The screen's width: that of the block is unknown while a comparison hides it.
            facts = in_one_line_each(facts, self.size.width, self.app.glyphs.ellipsis)
        self._block.show(facts)

    def on_table_opened(self, message: Table.Opened) -> None:
        """Show the run; in a comparison, the row's values in full."""
        row = message.row
        if message.table is self._table:
            self.post_message(FollowRequested(self._folder(row.key)))
            return
        what, a, b, change = (cell.text for cell in row.cells)
        self.app.push_screen(Page(what, f"A  {a}\nB  {b}\n\n{change}"))

    def on_runs_table_sample_wanted(self) -> None:
        """There is no run yet: run the sample, and show it."""
        if not self.app.refuse_readonly():
            self.post_message(RunRequested(_SAMPLE))
            self.app.action_go("run")

    def on_table_marks_changed(self, message: Table.MarksChanged) -> None:
        """The order in which runs were marked says which is the first of a comparison."""
        if message.table is self._table:
            now = message.table.marked
            kept = [run_id for run_id in self.marked if run_id in now]
            self.marked = [*kept, *(now - set(kept))]
            self.app.change(marked_runs=tuple(self.marked))

    # The comparison.

    def compare(self, first: str, second: str) -> None:
        """Show what changed from one run to another."""
        self.later(lambda: runs_diff.ask(self.answer, first, second), self._compared)

    def _compared(self, found: runs_diff.Comparison) -> None:
        if found.error is not None:
            self.app.say_error(found.error)
            return
        rows = runs_diff.DiffRows(self.app.t)
        changed = rows.changed(found.diff)
        self._changes.show(self._names(found), changed, rows.same(found.a, found.b))
        self._turn_to(comparing=True)

    def _names(self, found: runs_diff.Comparison) -> str:
        """`A …77aa  B …12c4`; what was imported is named so."""
        parts = []
        for letter, run in (("A", found.diff["a"]), ("B", found.diff["b"])):
            origin = "" if run["origin"] == "local" else f" {self.app.t('imported')}"
            short = cells.short_id(run["run_id"])
            parts.append(f"{letter} {self.app.glyphs.ellipsis}{short}{origin}")
        return "  ".join(parts)

    def _turn_to(self, *, comparing: bool) -> None:
        self.comparing = comparing
        self.set_class(comparing, "comparing")
        (self._changes if comparing else self._table).focus()
        self.refresh_bindings()

    def action_show(self) -> None:
        """What changed, or all."""
        self._changes.turn()

    def back(self) -> bool:
        """From the comparison to the list."""
        if not self.comparing:
            return False
        self._turn_to(comparing=False)
        return True
