"""The screen Performance: throughputs side by side, published and own, and what follows of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ascend_console.jobs.perf import PerfRequest
from ascend_console.tui import (
    keymap,
)
from ascend_console.tui import (
    performance_detail as detail,
)
from ascend_console.tui import (
    performance_export as export,
)
from ascend_console.tui import (
    performance_figures as figures,
)
from ascend_console.tui import (
    performance_table as tables,
)
from ascend_console.tui.figures import SCREEN_KEYS, FiguresScreen, page_text
from ascend_console.tui.figures_report import write_report
from ascend_console.tui.pen import Pen
from ascend_console.tui.performance_files import read_measured
from ascend_console.tui.performance_grid import CellTable
from ascend_console.tui.performance_plot import Plot, Series, legend
from ascend_console.tui.widgets.ask import Page
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.choose import Choose
from ascend_console.tui.widgets.pick_list import PickList
from ascend_console.tui.widgets.rule import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.binding import BindingType
    from textual.widget import Widget

    from ascend_console.tui.performance_files import Key, Measured

_WITH_PLOT, _WITH_JUDGEMENTS = 34, 20
_CELL_LINES, _JUDGEMENT_LINES, _PLOT_LINES = 3, 3, 12
_HEADS = 3


class PerformanceScreen(FiguresScreen):
    """Batch sizes by devices and ratios; below it the cell, the judgements, and a plot."""

    page = "performance"
    job = "perf"
    help_text = (
        "Arrows choose a figure; the panel below tells where it comes from, Enter tells all.\n"
        "* is the best of its column, ! not valid, r random input, ^ noted, ? doubtful.\n"
        "z shows the plot; v chooses columns; u and t choose what the figures are."
    )
    CSS = "PerformanceScreen { layers: base above; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings("performance", footer=(
            "performance.model", "performance.unit", "performance.figure")),
        *keymap.bindings("view", without=SCREEN_KEYS, footer=("view.show", "view.zoom")),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.shown = figures.Shown()
        self.told = figures.Comparison(model="")
        self.measured: Mapping[Key, Measured] = {}
        self._pairs: tuple[str, ...] = ()
        self._zoomed = False

    def body(self) -> Iterable[Widget]:
        """Table, cell, judgements, plot."""
        t = self.app.t
        yield Panel(t("Performance"), CellTable(id="performance"), id="figures", classes="fills")
        yield Panel("", Block(id="cell"), id="detail")
        yield Panel(t("Judgements"), Block(id="judged"), id="judgements")
        yield Panel(t("Throughput over batch size"), Plot(), id="plot", classes="fills")
        yield PickList()

    def on_mount(self) -> None:
        """Begin without figures."""
        self.remade()

    def remade(self) -> None:
        """The regions that only show take no focus."""
        for block in self.query(Block):
            block.can_focus = False
        self._draw()

    @property
    def _table(self) -> CellTable:
        return self.query_one(CellTable)

    @property
    def _pen(self) -> Pen:
        return Pen.of(self.app)

    # What comes in.

    def request(self, model: str | None) -> PerfRequest:
        """Figures of one model, with the ratios that were chosen beside the usual ones."""
        return PerfRequest(model=(model,) if model else None, columns=self._pairs or None)

    def asking(self) -> None:
        """Say so where there is nothing to see yet."""
        if not self.told.devices:
            self._table.empty = f"{self.app.glyphs.ellipsis} {self.app.t('reading')}"
            self._table.refresh()

    def other_model(self) -> None:
        """Another model has other columns."""
        self._pairs = ()
        self.shown = replace(self.shown, keys=None)
        self.told = figures.Comparison(model=self.model or "")
        self.measured = {}
        self._draw()

    def refused(self, text: str) -> None:
        """Say why; the usual ratios need nothing that may have gone."""
        self._table.empty = text
        if self._pairs:
            self._pairs = ()
            self.app.say(text, "error")
            self.ask()
        elif self.told.devices:
            self.app.say(text, "error")
        self._table.refresh()

    def arrived(self, document: dict[str, Any]) -> None:
        """Show the figures; the folders of own runs are read meanwhile."""
        self.model = self.model or figures.newest_model(document) or self.models[0]
        self.told = figures.comparison(document, self.model)
        self._table.empty = self.app.t("no figures of {model} yet; 1 Run makes them",
                                       model=self.model)  # fmt: skip
        keys, workspace = self.told.own_keys, self.app.settings.workspace
        self.apart(partial(read_measured, workspace, keys), self._read)
        self._draw()

    def _read(self, found: Mapping[Key, Measured]) -> None:
        self.measured = found
        self._draw()

    # Drawing.

    def _draw(self) -> None:
        table, pen = self._table, self._pen
        parts = (self.app.t("Performance"), self.told.model)
        self.query_one("#figures", Panel).title = " > ".join(filter(None, parts))
        columns, heads = tables.columns_of(self.told, self.shown, pen)
        table.set_heads(columns, heads)
        table.about = figures.unit_text(self.told, self.shown, pen) if self.told.devices else ""
        table.writers = self._writers()
        table.set_rows(tables.rows_of(self.told, self.shown, self.measured, pen))
        judged = self.told.document.get("judgements", [])
        self.query_one("#judged", Block).show(detail.judgement_facts(judged, "performance", pen))
        self._draw_cell()
        self._draw_plot()
        self._lay_out()

    def _draw_cell(self) -> None:
        table, pen = self._table, self._pen
        panel, block = self.query_one("#detail", Panel), self.query_one("#cell", Block)
        if table.row is None:
            panel.title = panel.state = ""
            block.show([])
            return
        at = (self.told, table.column_key, table.row.key)
        panel.title, panel.state = detail.title_of(*at, pen)
        block.show(detail.panel_facts(*at, self.measured, pen))

    def _draw_plot(self) -> None:
        series = []
        for device in figures.shown_devices(self.told, self.shown):
            found = {
                size: value
                for size, row in device.rows.items()
                if (value := figures.value_of(self.told, row, self.shown, self.measured))
                is not None
            }
            series.append(Series(device.name if device.own else device.key, found, device.own))
        panel = self.query_one("#plot", Panel)
        titles = {
            "device": self.app.t("Throughput over batch size"),
            "e2e": self.app.t("End to end over batch size"),
            "p50": self.app.t("p50 over batch size"),
            "p99": self.app.t("p99 over batch size"),
        }
        panel.title = titles[self.shown.figure]
        panel.state = legend(series)
        self.query_one(Plot).show(series, self.told.sizes)

    def _lay_out(self) -> None:
        """Cell and judgements get what the table can spare; a plot is drawn where there is room."""
        height = self.size.height - 2
        with_plot = self._zoomed or height >= _WITH_PLOT - 2
        self.query_one("#plot", Panel).display = with_plot
        wanted = min(len(self._table.rows) + _HEADS, height // 2)
        table = self.query_one("#figures", Panel)
        table.styles.height = wanted if with_plot else "1fr"
        spare = height - wanted - 2 - (_PLOT_LINES if with_plot else 0)
        least = (_CELL_LINES, _JUDGEMENT_LINES if height >= _WITH_JUDGEMENTS else 0)
        lines = [self.query_one(name, Block).height_at(self.size.width)
                 for name in ("#cell", "#judged")]  # fmt: skip
        cell = min(lines[0], max(least[0], spare - min(lines[1], least[1])))
        judged = min(lines[1], max(least[1], spare - cell))
        detailed, judgements = (
            self.query_one("#detail", Panel),
            self.query_one("#judgements", Panel),
        )
        detailed.styles.height = 1 + max(cell, 2)
        judgements.styles.height = 1 + judged
        table.display = detailed.display = not self._zoomed
        judgements.display = judged > 0 and not self._zoomed

    def on_resize(self) -> None:
        """Another size has another layout."""
        if self.query(Plot):
            self._lay_out()

    # Keys and messages.

    def on_table_moved(self) -> None:
        """Tell of another cell."""
        self._draw_cell()
        self._lay_out()

    def on_table_opened(self) -> None:
        """Everything about the cell, on a page."""
        row = self._table.row
        if row is None:
            return
        at = (self.told, self._table.column_key, row.key)
        title, state = detail.title_of(*at, self._pen)
        facts = detail.page_facts(*at, self.measured, self._pen)
        self.app.push_screen(Page(f"{title}  {state}", page_text(facts)))

    def on_cell_table_copied(self) -> None:
        """Copy the figure with its source."""
        table = self._table
        if table.row is None:
            return
        index = [column.key for column in table.columns].index(table.column_key)
        facts = detail.panel_facts(self.told, table.column_key, table.row.key, self.measured,
                                   self._pen)  # fmt: skip
        title, state = detail.title_of(self.told, table.column_key, table.row.key, self._pen)
        told = "; ".join(fact.text for fact in facts[:2])
        self.app.copy(f"{table.row.cells[index].text}\t{title}, {state}\t{told}")

    def _writers(self) -> dict[str, Any]:
        at = (self.told, self.shown, self.measured)
        return {
            ".md": partial(export.guide_table, *at, self._pen),
            ".csv": partial(export.csv_table, *at),
            ".json": partial(export.json_table, *at),
        }

    def action_unit(self) -> None:
        """Figures of a card, or of one of its chips."""
        unit = "chip" if self.shown.unit == "card" else "card"
        self.shown = replace(self.shown, unit=unit)
        self._draw()

    def action_figure(self) -> None:
        """The next kind of figure."""
        names = figures.FIGURES
        following = names[(names.index(self.shown.figure) + 1) % len(names)]
        self.shown = replace(self.shown, figure=following)
        self._draw()

    def action_show(self) -> None:
        """Choose columns; ratios of own runs are asked for where they are chosen."""
        t = self.app.t
        known = [device.key for device in self.told.devices]
        ratios = [ratio.key for ratio in self.told.ratios]
        across = [key for key in figures.own_pairs(self.told) if key not in ratios]
        offered = [(key, key) for key in (*known, *ratios)]
        offered += [(key, t("{pair}  across runs, never gated", pair=key)) for key in across]
        chosen = self.shown.keys if self.shown.keys is not None else (*known, *ratios)
        self.app.push_screen(Choose(t("Columns"), offered, chosen), self._take_columns)

    def _take_columns(self, keys: tuple[str, ...] | None) -> None:
        if not keys:
            return
        self.shown = replace(self.shown, keys=keys)
        pairs = tuple(key for key in keys if key in figures.own_pairs(self.told))
        if set(pairs) - set(self._pairs):
            self._pairs = pairs
            self.ask()
        self._draw()

    def action_report(self) -> None:
        """The report of the run that the cell is of, else of the newest own one."""
        device = self.told.device(self._table.column_key)
        own = device if device is not None and device.own else next(
            (entry for entry in self.told.devices if entry.own), None
        )  # fmt: skip
        row = self._table.row
        if own is None:
            self.app.say(self.app.t("no run of ours has a figure here"), "warning")
            return
        size = int(row.key) if row is not None and row.key.isdecimal() else None
        of_run = own.rows.get(size, own.newest) if size is not None else own.newest
        write_report(self.app, str(of_run["run_id"]))

    def action_zoom(self) -> None:
        """The plot alone, or all again."""
        self._zoomed = not self._zoomed
        self._lay_out()
        if not self._zoomed:
            self._table.focus()

    def back(self) -> bool:
        """Out of the plot, out of a filter."""
        if self._zoomed:
            self.action_zoom()
            return True
        if self._table.filter_words:
            self._table.filter_words = ""
            return True
        return False
