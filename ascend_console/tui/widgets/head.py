"""The first line: tabs, and at its right what goes on wherever one looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from ascend_console.tui import cells, themes

if TYPE_CHECKING:
    from textual import events

    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.state import AppState

_NARROW = 100


class Head(Widget):
    """Tabs of all screens and the status strip; a click goes where it points."""

    DEFAULT_CSS = """
    Head { height: 1; background: $panel; color: $foreground; }
    """

    app: ConsoleApp

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._spots: list[tuple[int, int, str]] = []

    def render(self) -> Text:
        """One line: the strip loses its least needed parts first, never the runs and the mode."""
        width = self.size.width
        look = self.app.look
        line = Text(no_wrap=True, overflow="crop")
        self._spots = []
        narrow = width < _NARROW
        for page in self.app.pages:
            title = self.app.t(page.short if narrow else page.title)
            label = f"{page.key} {title}" if narrow else f" {page.key} {title} "
            start = cell_len(line.plain)
            chosen = page.name == self._current
            line.append(label, f"bold reverse {themes.style(look, 'accent')}" if chosen else "")
            line.append(" ")
            self._spots.append((start, cell_len(line.plain), page.name))
        parts = self.app.strip()
        room = width - cell_len(line.plain) - 1
        while len(parts) > 1 and sum(cell_len(text) + 2 for text, _, _ in parts) > room:
            # The first parts are the least needed ones; those with no drop stay.
            parts.pop(0)
        total = sum(cell_len(text) for text, _, _ in parts) + 2 * max(len(parts) - 1, 0)
        line.append(" " * max(width - cell_len(line.plain) - total, 0))
        for number, (text, style, page_name) in enumerate(parts):
            if number:
                line.append("  ")
            start = cell_len(line.plain)
            line.append(cells.fit(text, min(cell_len(text), width)), style)
            self._spots.append((start, cell_len(line.plain), page_name))
        return line

    def show(self, state: AppState) -> None:
        """Draw again where the state is another one."""
        del state
        self.refresh()

    async def on_click(self, event: events.Click) -> None:
        """Go to the screen that was clicked on."""
        for start, end, name in self._spots:
            if start <= event.x < end:
                await self.app.run_action(f"go('{name}')")
                return
