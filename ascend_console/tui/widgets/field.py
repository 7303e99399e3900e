"""One line of a form: a value in brackets, which Enter or a click opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from ascend_console.tui import cells, themes

if TYPE_CHECKING:
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp


class Field(Widget, can_focus=True):
    """`[onnxruntime v]`. It only shows: whoever owns the form gives it its value.

    `role` colours a value that cannot be used; `changed` marks one that a remedy has changed.
    """

    DEFAULT_CSS = "Field { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "open", show=False)]
    help_text = "Enter or Space opens the choices."
    app: ConsoleApp
    value: reactive[str] = reactive("")
    role: reactive[str] = reactive("")
    changed: reactive[bool] = reactive(False)

    class Opened(Message):
        """Somebody wants to change the value."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> Field:
            """The widget, so that handlers can select by its id."""
            return self.field

    def __init__(self, sign: str = "v", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sign = sign

    def render(self) -> Text:
        """The value, cut in its middle where it is long."""
        room = max(self.size.width - cell_len(self._sign) - 4, 4)
        dots = self.app.glyphs.ellipsis
        mark = "*" if self.changed else ""
        shown = cells.middle(cells.safe(self.value), room - len(mark), ellipsis=dots)
        style = "reverse" if self.has_focus else themes.style(self.app.look, self.role)
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"[{mark}{shown} {self._sign}]" if self._sign else f"[{mark}{shown}]", style)
        return line

    def action_open(self) -> None:
        """Ask for other values."""
        self.post_message(self.Opened(self))

    def on_click(self) -> None:
        """A click is Enter."""
        self.action_open()

    def on_focus(self) -> None:
        """Show the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide it."""
        self.refresh()
