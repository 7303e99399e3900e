"""A table whose cursor is on one cell: left and right move it, up and down the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.strip import Strip

from ascend_console.tui import cells, themes
from ascend_console.tui.widgets import rows as values
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.binding import BindingType

    from ascend_console.tui.widgets.rows import Column

_HEADS = 2


class CellTable(Table):
    """Two lines of heads, and a cursor on a cell of any column but the first and the last.

    It posts `Moved` for every step of the cursor, and `Copied` where its cell shall be copied.
    `writers` are the forms in which the whole table is written and copied.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "column(-1)", "Left", show=False),
        Binding("right", "column(1)", "Right", show=False),
    ]

    class Copied(Table.Opened):
        """The cell under the cursor shall be copied."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__((), empty=empty, id=id)
        self.header = _HEADS
        self.heads: tuple[str, ...] = ()
        self.writers: dict[str, Callable[[], str]] = {}
        self.column_key = ""
        self.about = ""

    def state_text(self) -> str:
        """What the figures are, then order and filter where there are any."""
        plain = not (self._words or self._sort)
        return self.about if plain else f"{self.about}, {super().state_text()}"

    def set_heads(self, columns: Sequence[Column], heads: Sequence[str]) -> None:
        """Other columns, and the second line above them.

        The cursor stays on its column; without one it goes to the first that is never left out.
        """
        self.heads = tuple(heads)
        inner = columns[1:-1]
        if inner and self.column_key not in [column.key for column in inner]:
            staying = [column.key for column in inner if not column.drop]
            self.column_key = staying[0] if staying else inner[0].key
        self.set_columns(columns)
        self.refresh()

    def _keys_in_sight(self) -> list[str]:
        shown = values.visible_columns(self.columns, self.scrollable_size.width)
        last = len(self.columns) - 1
        return [column.key for index, column, _ in shown if 0 < index < last]

    def render_line(self, y: int) -> Strip:
        """The second line of the head, or what any table has there."""
        if y != 1:
            return super().render_line(y)
        text = " "
        for index, column, wide in values.visible_columns(self.columns, self.scrollable_size.width):
            head = self.heads[index] if index < len(self.heads) else ""
            text += self._fitted(head, wide, column) + " "
        style = self.app.component_style("head")
        return Strip([Segment(cells.fit(text, self.scrollable_size.width, ellipsis=""), style)])

    def _line(self, index: int, shown: list[tuple[int, Column, int]], width: int) -> Strip:
        row = self.rows[index]
        at_cursor = index == self._cursor
        plain = self.app.component_style("plain")
        of_row = self.app.component_style("blurred") if at_cursor else plain
        segments = [Segment(" ", plain)]
        for number, column, wide in shown:
            cell = row.cells[number]
            style = of_row
            if at_cursor and column.key == self.column_key and self.has_focus:
                style = self.app.component_style("cursor")
            elif cell.role:
                style = of_row + Style.parse(themes.style(self.app.look, cell.role) or "none")
            segments += [Segment(self._fitted(cell.text, wide, column), style),
                         Segment(" ", of_row)]  # fmt: skip
        return Strip(segments).adjust_cell_length(width, plain)

    def on_resize(self) -> None:
        """The cursor stays on a column that is seen."""
        keys = self._keys_in_sight()
        if keys and self.column_key not in keys:
            self._to_column(keys[-1])

    def action_column(self, step: int) -> None:
        """To the column before or after, of those in sight."""
        keys = self._keys_in_sight()
        if not keys:
            return
        at = keys.index(self.column_key) if self.column_key in keys else len(keys) - 1
        self._to_column(keys[min(max(at + step, 0), len(keys) - 1)])

    def _to_column(self, key: str) -> None:
        self.column_key = key
        self.refresh()
        if self.row is not None:
            self.post_message(self.Moved(self, self.row))

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a cell; what else it does is that of any table."""
        start = 1
        if event.y < self.header:
            return
        for _, column, wide in values.visible_columns(self.columns, self.scrollable_size.width):
            if start <= event.x < start + wide and column.key in self._keys_in_sight():
                self._to_column(column.key)
            start += wide + 1

    def action_copy(self) -> None:
        """Copy the cell."""
        if self.row is not None:
            self.post_message(self.Copied(self, self.row))

    def action_copy_table(self) -> None:
        """Copy the table in the form of the guides."""
        if ".md" in self.writers:
            self.app.copy(self.writers[".md"]())

    def action_export(self) -> None:
        """Write the table to a file."""
        if self.writers:
            self.app.save_table(self.id or "table", self.writers)
