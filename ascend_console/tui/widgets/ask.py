"""Dialogs: a question that `y` answers, a path to write to, a page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ascend_console.tui import cells

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp

_BOX = """
{name} {{ align: center middle; background: $background 60%; }}
{name} > .box {{
    width: 78; max-width: 100%; height: auto; max-height: 100%;
    background: $panel; padding: 1 2;
}}
"""


class Ask(ModalScreen[bool]):
    """A question; `y` does it, everything else does not. Enter alone never destroys."""

    CSS = _BOX.format(name="Ask")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y", "answer(True)", "Yes"),
        Binding("n,N,escape,enter,q", "answer(False)", "No"),
    ]
    app: ConsoleApp

    def __init__(self, question: str, details: str = "") -> None:
        super().__init__()
        self._question = question
        self._details = details

    def compose(self) -> ComposeResult:
        """The question, what it means, and the two keys."""
        with Vertical(classes="box"):
            yield Static(Text(self._question, "bold"))
            if self._details:
                yield Static(Text(self._details))
            yield Static(Text("\n" + self.app.t("y does it   n or Esc does not")))

    def action_answer(self, yes: bool) -> None:
        """Give the answer."""
        self.dismiss(yes)


class AskText(ModalScreen[str | None]):
    """A line to type, such as the path of a file; Esc gives None."""

    CSS = _BOX.format(name="AskText")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Back")]
    app: ConsoleApp

    def __init__(self, question: str, value: str = "", about: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._about = about

    def compose(self) -> ComposeResult:
        """The question above the line."""
        with Vertical(classes="box"):
            yield Static(Text(self._question, "bold"))
            yield Input(self._value, compact=True)
            if self._about:
                yield Static(Text(self._about))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the text."""
        self.dismiss(event.value)

    def action_cancel(self) -> None:
        """Nothing was typed."""
        self.dismiss(None)


class Page(ModalScreen[None]):
    """A page of text to read; Esc, Enter or q close it."""

    CSS = _BOX.format(name="Page") + "Page > .box { height: 90%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark", "close", "Back"),
        Binding("c", "copy", "Copy"),
    ]
    app: ConsoleApp

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """The title above the text, which scrolls."""
        with VerticalScroll(classes="box"):
            yield Static(Text(self._title, "bold"))
            lines = [cells.safe(line) for line in self._text.splitlines()]
            yield Static(Text("\n" + "\n".join(lines)))

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the whole text."""
        self.app.copy(self._text)
