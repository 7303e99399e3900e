"""The table of every screen: draws only the rows in sight, so that 100,000 cost what 20 do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from ascend_console.tui import cells, keymap, themes
from ascend_console.tui.widgets import rows as values
from ascend_console.tui.widgets.filter_line import FilterLine
from ascend_console.tui.widgets.rule import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.widgets.rows import Column, Row

_THREAD_FROM = 5_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Table(ScrollView, can_focus=True):
    """Rows under a head, a cursor on one of them.

    It posts `Opened` on Enter or a second click, and `Moved` when another row has the cursor. In a
    Panel it tells its count, order and filter in the title. `marked` holds the keys of the rows
    that Space marked, where `marks` allows that.
    """

    DEFAULT_CSS = "Table { height: 1fr; scrollbar-size: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings(
            "view",
            without=("view.zoom", "view.pause", "view.before", "view.after", "view.show"),
            footer=("view.filter", "view.copy"),
        ),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "to(0)", "First", show=False),
        Binding("end,G", "to(-1)", "Last", show=False),
    ]
    app: ConsoleApp

    class Told(Message):
        """Something about a table."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table:
            """The table, so that handlers can select by its id."""
            return self.table

    class MarksChanged(Told):
        """A row was marked, or is no more."""

    class OfRow(Told):
        """Something about one row."""

        def __init__(self, table: Table, row: Row) -> None:
            super().__init__(table)
            self.row = row

    class Opened(OfRow):
        """Enter on a row."""

    class Moved(OfRow):
        """The cursor is on another row, or its row has changed."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        marks: bool = False,
        header: bool = True,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self.marks = marks
        self.header: int = header
        self.marked: set[str] = set()
        self._all: Sequence[Row] = ()
        self.rows: Sequence[Row] = ()
        self._words = ""
        self._sort: tuple[int, bool] | None = None
        self._choosing = False
        self._cursor = 0
        self._told: Row | None = None
        self._arranging = 0

    # What is shown.

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns; the rows that come next must fit them."""
        if tuple(columns) != self.columns:
            self.columns = tuple(columns)
            self._sort = None
            self._all = self.rows = ()
            self.refresh()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Other rows; the cursor stays on the row of the same key, else on its line."""
        self._all = rows
        self._arrange()

    @property
    def filter_words(self) -> str:
        """The words of the filter."""
        return self._words

    @filter_words.setter
    def filter_words(self, words: str) -> None:
        self._words = words
        self._arrange()

    @property
    def row(self) -> Row | None:
        """The row that has the cursor."""
        return self.rows[self._cursor] if 0 <= self._cursor < len(self.rows) else None

    def select(self, key: str) -> bool:
        """Put the cursor on the row of a key; False where there is none."""
        for index, row in enumerate(self.rows):
            if row.key == key:
                self._go(index)
                return True
        return False

    def _arrange(self) -> None:
        """Filter and sort; many rows in a thread, so that keys are answered meanwhile."""
        self._arranging += 1
        wanted = (self._all, self._words, self._sort)
        if len(self._all) < _THREAD_FROM or not (self._words or self._sort):
            self._arranged(values.arranged(*wanted))
            return
        number = self._arranging

        def apart() -> None:
            result = values.arranged(*wanted)
            self.app.call_from_thread(self._arranged_apart, number, result)

        self.run_worker(apart, thread=True, exclusive=True, group="arrange")

    def _arranged_apart(self, number: int, rows: Sequence[Row]) -> None:
        """A thread cannot be stopped: what an older one found comes too late."""
        if number == self._arranging:
            self._arranged(rows)

    def _arranged(self, rows: Sequence[Row]) -> None:
        before = self.row
        at = self._cursor
        if before is not None and not (at < len(rows) and rows[at].key == before.key):
            at = next((n for n, row in enumerate(rows) if row.key == before.key), at)
        self.rows = rows
        self._cursor = min(max(at, 0), max(len(rows) - 1, 0))
        self.virtual_size = Size(self.size.width, len(rows) + self.header)
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        """Tell the panel the count, order and filter, and the screen which row has the cursor."""
        if isinstance(self.parent, Panel):
            self.parent.state = self.state_text()
        row = self.row
        if row is not None and row is not self._told:
            self._told = row
            self.post_message(self.Moved(self, row))

    def state_text(self) -> str:
        """`12 of 4,120, by memory, filter "x"`."""
        t = self.app.t
        total, shown = len(self._all), len(self.rows)
        parts = [f"{shown:,}" if total == shown else t("{shown} of {total}", shown=f"{shown:,}",
                                                      total=f"{total:,}")]  # fmt: skip
        if self._sort is not None:
            parts.append(t("by {column}", column=self.columns[self._sort[0]].title))
        if self._words:
            parts.append(t("filter {words}", words=self._words))
        if self.marked:
            parts.append(t("{count} marked", count=len(self.marked)))
        return ", ".join(parts)

    # Drawing.

    def on_resize(self) -> None:
        """Another width has other columns."""
        self.virtual_size = Size(self.size.width, len(self.rows) + self.header)
        self.refresh()

    def on_focus(self) -> None:
        """The cursor is drawn in full."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is drawn faintly, and no column is chosen any more."""
        self._choosing = False
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The head, or the row that the scroll position puts on this line."""
        # Beside the scroll bar, which is there as soon as not every row is in view.
        width = self.scrollable_size.width
        shown = values.visible_columns(self.columns, width)
        if self.header and y == 0:
            return self._head(shown, width)
        index = self.scroll_offset.y + y - self.header
        plain = self.app.component_style("plain")
        if not self.rows and y == self.header:
            return Strip([Segment(self._fitted(" " + self._nothing(), width), plain)])
        if not 0 <= index < len(self.rows):
            return Strip.blank(width, plain)
        return self._line(index, shown, width)

    def _nothing(self) -> str:
        """What stands there in place of rows."""
        return self.app.t("nothing matches; Esc clears") if self._all else self.empty

    def _fitted(self, text: str, width: int, column: Column | None = None) -> str:
        """A text in as many cells, with the signs of the chosen set."""
        glyphs = self.app.glyphs
        line = glyphs.unknown if text == cells.UNKNOWN else cells.safe(text)
        if column is not None and column.middle:
            line = cells.middle(line, width, ellipsis=glyphs.ellipsis)
        right = column is not None and column.right
        return cells.fit(line, width, right=right, ellipsis=glyphs.ellipsis)

    def _head(self, shown: list[tuple[int, Column, int]], width: int) -> Strip:
        style = self.app.component_style("head")
        text = " "
        for index, column, cells_wide in shown:
            title = column.title
            if self._choosing:
                title = f"{_LETTERS[index : index + 1]}:{title}"
            elif self._sort is not None and self._sort[0] == index:
                title += self.app.glyphs.descending if self._sort[1] else self.app.glyphs.ascending
            text += self._fitted(title, cells_wide, column) + " "
        return Strip([Segment(cells.fit(text, width, ellipsis=""), style)])

    def _line(self, index: int, shown: list[tuple[int, Column, int]], width: int) -> Strip:
        row = self.rows[index]
        at_cursor = index == self._cursor
        base = self.app.component_style(
            ("cursor" if self.has_focus else "blurred") if at_cursor else "plain"
        )
        sign = "*" if row.key in self.marked else row.sign
        segments = [Segment(sign, base)]
        for number, column, cells_wide in shown:
            cell = row.cells[number]
            text = self._fitted(cell.text, cells_wide, column)
            style = base
            # Under the cursor a colour would not be readable; the word and the sign remain.
            if cell.role and not (at_cursor and self.has_focus):
                style = base + Style.parse(themes.style(self.app.look, cell.role) or "none")
            segments += [Segment(text, style), Segment(" ", base)]
        return Strip(segments).adjust_cell_length(width, base)

    # Keys and mouse.

    def _go(self, index: int) -> None:
        self._cursor = min(max(index, 0), max(len(self.rows) - 1, 0))
        self.scroll_to_region(
            Region(0, self._cursor, self.size.width, 1 + self.header), animate=False, force=True
        )
        self.refresh()
        self._tell()

    def action_move(self, step: int) -> None:
        """One row up or down."""
        self._go(self._cursor + step)

    def action_page(self, step: int) -> None:
        """One page up or down."""
        self._go(self._cursor + step * max(self.size.height - self.header - 1, 1))

    def action_to(self, index: int) -> None:
        """The first row, or with -1 the last."""
        self._go(index if index >= 0 else len(self.rows) - 1)

    def action_open(self) -> None:
        """Open the row."""
        if self.row is not None:
            self.post_message(self.Opened(self, self.row))

    def action_mark(self) -> None:
        """Mark the row, or take its mark away."""
        if self.marks and self.row is not None:
            self.marked ^= {self.row.key}
            self.post_message(self.MarksChanged(self))
            self._go(self._cursor + 1)
            self._tell()

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there, a second one opens; on the head it sorts."""
        index = self.scroll_offset.y + event.y - self.header
        if self.header and event.y == 0:
            self._sort_at(event.x)
        elif 0 <= index < len(self.rows):
            again = index == self._cursor and event.chain > 1
            self._go(index)
            if again:
                self.action_open()

    def _sort_at(self, x: int) -> None:
        start = 1
        for index, _, wide in values.visible_columns(self.columns, self.scrollable_size.width):
            if start <= x < start + wide:
                self.sort_by(index)
                return
            start += wide + 1

    def sort_by(self, index: int) -> None:
        """Sort by a column; the same one again reverses, a third time gives the first order."""
        again = self._sort is not None and self._sort[0] == index
        if not again:
            self._sort = (index, False)
        elif self._sort is not None and not self._sort[1]:
            self._sort = (index, True)
        else:
            self._sort = None
        self._arrange()

    def action_sort(self) -> None:
        """Show a letter at each column; the next key chooses one."""
        self._choosing = not self._choosing
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """The letter of a column, while one is chosen."""
        if not self._choosing:
            return
        self._choosing = False
        event.stop()
        event.prevent_default()
        shown = [
            entry[0] for entry in values.visible_columns(self.columns, self.scrollable_size.width)
        ]
        wanted = _LETTERS.find(event.character or "") if event.character else -1
        if wanted in shown:
            self.sort_by(wanted)
        self.refresh()

    def unfilter(self) -> bool:
        """Show all rows again; False where none was left out."""
        if not self._words:
            return False
        self.filter_words = ""
        return True

    def action_filter(self) -> None:
        """Type words above the table."""
        parent = self.parent
        if isinstance(parent, Widget) and not parent.query(FilterLine):
            line = FilterLine(self)
            parent.mount(line, before=self)
            line.focus()

    # Leaving the screen.

    def action_copy(self) -> None:
        """Copy the row."""
        if self.row is not None:
            self.app.copy("\t".join(cell.text for cell in self.row.cells))

    def action_copy_table(self) -> None:
        """Copy the rows that are shown as Markdown."""
        self.app.copy(values.table_markdown(self.columns, self.rows))

    def action_export(self) -> None:
        """Write the rows that are shown to a file: .md, .csv or .json."""
        name = self.id or "table"
        self.app.save_table(
            name,
            {
                ".md": lambda: values.table_markdown(self.columns, self.rows),
                ".csv": lambda: values.table_csv(self.columns, self.rows),
                ".json": lambda: values.table_json(self.columns, self.rows),
            },
        )
