"""The line above a table in which words are typed that its rows must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.binding import BindingType

    from ascend_console.tui.widgets.table import Table


class FilterLine(Input):
    """The words that a table is filtered by, typed above it."""

    DEFAULT_CSS = "FilterLine { height: 1; border: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "Clear", priority=True)]

    def __init__(self, table: Table) -> None:
        super().__init__(table.filter_words, placeholder="word !word", compact=True)
        self._table = table

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        event.stop()
        self._table.filter_words = event.value

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the table."""
        event.stop()
        await self.leave()

    async def action_clear(self) -> None:
        """Show all rows again."""
        self._table.filter_words = ""
        await self.leave()

    async def leave(self) -> None:
        """Give the focus back."""
        self._table.focus()
        await self.remove()
