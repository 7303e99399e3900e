"""Choices in a row, each on or off: batch sizes, devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from ascend_console.tui import themes

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp


class Chips(Widget, can_focus=True):
    """`[x]1 [ ]4 [x]8 [+]`: arrows move, Space switches, digits and commas type sizes.

    Typed sizes are as on the command line (`1,8`) and take effect at Enter, Tab or any other key.
    """

    DEFAULT_CSS = "Chips { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Left", show=False),
        Binding("right", "move(1)", "Right", show=False),
        Binding("space", "switch", "Switch", show=False),
        Binding("enter", "take", "Take", show=False),
        # Keys that were typed ahead come as bindings only: they went to what had the focus before.
        *(Binding(key, f"type('{key if key.isdigit() else ','}')", show=False)
          for key in (*"0123456789", "comma", "，")),
    ]  # fmt: skip
    help_text = "Arrows move, Space switches a size on or off; type sizes as 1,8 and press Enter."
    app: ConsoleApp

    class Changed(Message):
        """Other sizes are chosen."""

        def __init__(self, chips: Chips) -> None:
            super().__init__()
            self.chips = chips

        @property
        def control(self) -> Chips:
            """The widget, so that handlers can select by its id."""
            return self.chips

    def __init__(
        self, offered: tuple[int, ...], chosen: tuple[int, ...] = (), *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._offered = tuple(sorted({*offered, *chosen}))
        self._chosen = set(chosen)
        self._at = 0
        self._typed = ""

    @property
    def chosen(self) -> tuple[int, ...]:
        """The sizes that are on, in order."""
        return tuple(sorted(self._chosen))

    def offer(self, offered: tuple[int, ...], chosen: tuple[int, ...]) -> None:
        """Other choices, such as those of another model."""
        self._offered = tuple(sorted({*offered, *chosen}))
        self._chosen = set(chosen)
        self._at, self._typed = 0, ""
        self.refresh()

    def render(self) -> Text:
        """The row; the one that has the cursor is reversed."""
        line = Text(no_wrap=True, overflow="crop")
        accent = themes.style(self.app.look, "accent")
        for number, size in enumerate(self._offered):
            mark = "x" if size in self._chosen else " "
            at_cursor = self.has_focus and number == self._at and not self._typed
            line.append(f"[{mark}]{size}", "reverse" if at_cursor else "")
            line.append(" ")
        if self._typed:
            line.append(f"[{self._typed}_]", accent)
        else:
            at_end = self.has_focus and self._at == len(self._offered)
            line.append("[+]", "reverse" if at_end else "")
        return line

    def on_key(self, event: events.Key) -> None:
        """Digits and commas are sizes here, not screens."""
        char = event.character or ""
        if char and char in "0123456789,，":
            self.action_type("," if char == "，" else char)
        elif event.key == "backspace" and self._typed:
            self._typed = self._typed[:-1]
        elif event.key == "escape" and self._typed:
            self._typed = ""
        else:
            if self._typed and event.key != "enter":
                self.action_take()
            return
        event.stop()
        event.prevent_default()
        self.refresh()

    def action_type(self, char: str) -> None:
        """Take a digit or a comma of the sizes."""
        self._typed += char
        self.refresh()

    def action_take(self) -> None:
        """Choose exactly the sizes that were typed."""
        sizes = {int(part) for part in self._typed.split(",") if part.isdigit() and int(part)}
        self._typed = ""
        if sizes:
            self._offered = tuple(sorted({*self._offered, *sizes}))
            self._chosen = sizes
            self.post_message(self.Changed(self))
        self.refresh()

    def action_move(self, step: int) -> None:
        """To the next choice; behind the last is the one to type."""
        self._at = min(max(self._at + step, 0), len(self._offered))
        self.refresh()

    def action_switch(self) -> None:
        """Switch the choice under the cursor."""
        if self._at < len(self._offered):
            self._chosen ^= {self._offered[self._at]}
            self.post_message(self.Changed(self))
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click switches what it hits."""
        start = 0
        for number, size in enumerate(self._offered):
            end = start + cell_len(f"[x]{size}")
            if start <= event.x < end:
                self._at = number
                self.action_switch()
                return
            start = end + 1

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Take what was typed."""
        if self._typed:
            self.action_take()
        self.refresh()
