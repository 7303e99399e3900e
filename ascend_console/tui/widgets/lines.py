"""Lines of text that are drawn only where they have changed."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Lines(Static):
    """A piece of text; the screen is laid out again only where it has another number of lines."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = Text()

    def put(self, text: Text) -> None:
        """Show this."""
        before = self._shown
        if text == before and text.spans == before.spans and text.style == before.style:
            return
        self._shown = text
        wraps = not text.no_wrap
        self.update(text, layout=wraps or text.plain.count("\n") != before.plain.count("\n"))
