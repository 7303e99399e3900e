"""A dialog that offers things in a list, of which as many as one likes are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from ascend_console.tui.widgets.rows import Cell, Column, Row
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp

_MOST_ROWS = 16


class Choose(ModalScreen["tuple[str, ...] | None"]):
    """Offers `(key, text)` pairs; Space marks, Enter takes those that are marked, Esc gives None.

    The keys come back in the order of the offer.
    """

    CSS = """
    Choose { align: center middle; background: $background 60%; }
    Choose > .box {
        width: 60; max-width: 100%; height: auto; max-height: 100%;
        background: $panel; padding: 1 2;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", "Back"),
        Binding("enter", "take", "Take", priority=True),
    ]
    app: ConsoleApp

    def __init__(
        self, question: str, offered: Sequence[tuple[str, str]], chosen: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self._question = question
        self._offered = tuple(offered)
        self._chosen = frozenset(chosen)

    def compose(self) -> ComposeResult:
        """The question above the list, the keys below it."""
        column = Column(key="name", title="", width=20, flex=True)
        table = Table((column,), marks=True, header=False)
        table.styles.height = min(max(len(self._offered), 1), _MOST_ROWS)
        with Vertical(classes="box"):
            yield Static(Text(self._question, "bold"))
            yield table
            yield Static(Text(self.app.t("Space marks   Enter takes   Esc back")))

    def on_mount(self) -> None:
        """Fill the list and mark what is chosen."""
        table = self.query_one(Table)
        table.set_rows([Row(key, (Cell(text),)) for key, text in self._offered])
        table.marked = {key for key, _ in self._offered if key in self._chosen}
        table.focus()

    def action_take(self) -> None:
        """Give back what is marked."""
        marked = self.query_one(Table).marked
        self.dismiss(tuple(key for key, _ in self._offered if key in marked))

    def action_cancel(self) -> None:
        """Nothing was chosen."""
        self.dismiss(None)
