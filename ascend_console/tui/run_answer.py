"""The answer of a listing job as a table over the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from ascend_console.tui import cells
from ascend_console.tui.widgets.rows import Cell, Column, Row
from ascend_console.tui.widgets.rule import Panel
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.core.events import Answered
    from ascend_console.tui.app import ConsoleApp

_WIDEST = 40


def _text(value: Any) -> str:
    if value is None:
        return cells.UNKNOWN
    if isinstance(value, float):
        return cells.figure(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def table_of(answered: Answered) -> tuple[list[Column], list[Row]]:
    """Columns as wide as their texts, up to 40 cells; the last one takes what is left."""
    texts = [[_text(value) for value in row] for row in answered.rows]
    last = len(answered.columns) - 1
    columns = []
    for number, title in enumerate(answered.columns):
        widest = max([cell_len(row[number]) for row in texts if number < len(row)], default=0)
        figures = [row[number] for row in answered.rows if row[number] is not None]
        right = bool(figures) and all(isinstance(value, int | float) for value in figures)
        columns.append(Column(key=title, title=title, width=min(widest, _WIDEST), right=right,
                              drop=number, flex=number == last))  # fmt: skip
    rows = [Row(str(number), tuple(Cell(text) for text in row)) for number, row in enumerate(texts)]
    return columns, rows


class AnswerPage(ModalScreen[None]):
    """A table; Esc closes, and everything that a table can works."""

    CSS = """
    AnswerPage { background: $background; }
    AnswerPage > .box { width: 100%; height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Back"),
        Binding("question_mark", "app.help", show=False),
    ]
    app: ConsoleApp

    def __init__(self, title: str, answered: Answered) -> None:
        super().__init__()
        self._title = title
        self._answered = answered

    def compose(self) -> ComposeResult:
        """The table under its command."""
        columns, _ = table_of(self._answered)
        with Vertical(classes="box"):
            table = Table(columns, empty=self.app.t("nothing"), id="answer")
            yield Panel(self._title, table, classes="fills")

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(Table)
        table.set_rows(table_of(self._answered)[1])
        table.focus()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
