"""A list that opens over a screen to choose from: by cursor, or by a letter of its own."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Offset
from textual.strip import Strip
from textual.widget import Widget

from ascend_console.tui import cells, themes
from ascend_console.tui.widgets.block import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.binding import BindingType
    from textual.geometry import Region

    from ascend_console.tui.app import ConsoleApp

_NEVER = "r"
_NARROWEST = 24
_WITH_REASONS = 60
_REASON_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing to choose; `letter` chooses it at once, `reason` says why it cannot be chosen."""

    value: str
    label: str
    note: str = ""
    letter: str = ""
    reason: str = ""


def letters_for(names: Sequence[str]) -> dict[str, str]:
    """A letter for each name: one of its own where it is free, never the one that runs."""
    taken = {_NEVER}
    found: dict[str, str] = {}
    for name in names:
        own = (char for char in name.casefold() if char in string.ascii_lowercase)
        letter = next((char for char in (*own, *string.ascii_lowercase) if char not in taken), "")
        taken.add(letter)
        found[name] = letter
    return found


class PickList(Widget, can_focus=True):
    """Hidden until it is opened; then it has the focus until something is chosen, or Esc.

    Its keys are bindings, all letters among them: keys that are typed ahead, before it has the
    focus, still reach it.
    """

    DEFAULT_CSS = """
    PickList { display: none; position: absolute; layer: above; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("enter,space", "take", show=False),
        Binding("escape", "close", show=False),
        *(Binding(char, f"letter('{char}')", show=False)
          for char in string.ascii_letters + string.digits),
    ]  # fmt: skip
    help_text = "Up and down choose, a letter or Enter takes, Esc closes."
    app: ConsoleApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices: tuple[Choice, ...] = ()
        self._receive: Callable[[str], None] | None = None
        self._before: Widget | None = None
        self._cursor = 0

    @property
    def is_open(self) -> bool:
        """Whether it is waiting for a choice."""
        return self._receive is not None

    def open(
        self,
        choices: Sequence[Choice],
        receive: Callable[[str], None],
        *,
        chosen: str = "",
        below: Region | None = None,
    ) -> None:
        """Let the user choose; `receive` gets the value. `below` is what it opens under."""
        if not choices:
            return
        self.choices = tuple(choices)
        self._receive = receive
        if self.screen.focused is not self:
            self._before = self.screen.focused
        values = [choice.value for choice in choices]
        self._cursor = values.index(chosen) if chosen in values else 0
        self._place(below)
        self.display = True
        self.screen.set_focus(self)
        self.refresh(layout=True)

    def _place(self, below: Region | None) -> None:
        screen = self.screen.size
        width = max(_NARROWEST, *(cell_len(choice.label) + cell_len(choice.note) + 8
                                  for choice in self.choices))  # fmt: skip
        width = min(max(width, _WITH_REASONS if self._reasons else 0), screen.width - 2)
        height = min(len(self.choices) + self._reasons, max(screen.height - 3, 1))
        x, y = (below.x, below.y + 1) if below is not None else (1, 2)
        self.styles.width, self.styles.height = width, height
        self.styles.offset = Offset(
            max(min(x, screen.width - width - 1), 0), max(min(y, screen.height - height - 1), 1)
        )

    def action_move(self, step: int) -> None:
        """To another choice."""
        self._cursor = min(max(self._cursor + step, 0), len(self.choices) - 1)
        self.refresh()

    def action_letter(self, char: str) -> None:
        """Choose by letter; `j` and `k` move where they are none."""
        found = next((choice for choice in self.choices if choice.letter == char), None)
        if found is not None:
            self._choose(found)
        elif char in "jk":
            self.action_move(1 if char == "j" else -1)

    def action_take(self) -> None:
        """Choose what the cursor is on."""
        self._choose(self.choices[self._cursor])

    def _choose(self, choice: Choice) -> None:
        if choice.reason:
            self._cursor = self.choices.index(choice)
            self.refresh()
            return
        receive = self._receive
        self.action_close()
        if receive is not None:
            receive(choice.value)

    def action_close(self) -> None:
        """Choose nothing."""
        self._receive = None
        self.display = False
        if self.screen.focused is self:
            before = self._before
            self.screen.set_focus(before if before is not None and before.is_mounted else None)
        self._before = None

    def on_blur(self) -> None:
        """Whoever goes elsewhere chooses nothing."""
        if self.is_open and self.screen.focused is not self:
            self.action_close()

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        number = self._first + event.y
        if 0 <= number < len(self.choices):
            self._cursor = number
            self.action_take()

    @property
    def _room(self) -> int:
        """Lines for choices: the last ones say why one cannot be taken."""
        return max(self.size.height - self._reasons, 1)

    @property
    def _reasons(self) -> int:
        """Lines for the reason."""
        return _REASON_LINES if any(choice.reason for choice in self.choices) else 0

    @property
    def _first(self) -> int:
        return max(min(self._cursor - self._room + 1, len(self.choices) - self._room), 0)

    def render_line(self, y: int) -> Strip:
        """A choice, or at the end the reason why the one under the cursor is not to be had."""
        width = self.size.width
        app = self.app
        plain = app.component_style("plain")
        panel = Style(bgcolor=self.rich_style.bgcolor)
        dots = app.glyphs.ellipsis
        if y >= self._room:
            reason = self.choices[self._cursor].reason
            text = app.t("not available: {reason}", reason=reason) if reason else ""
            lines = wrapped(cells.safe(text), width - 2)[y - self._room :]
            return Strip([Segment(" " + cells.fit("".join(lines[:1]), width - 1), plain + panel)])
        number = self._first + y
        if number >= len(self.choices):
            return Strip.blank(width, plain + panel)
        choice = self.choices[number]
        letter = f"{choice.letter} " if any(entry.letter for entry in self.choices) else ""
        if number == self._cursor:
            base = accent = note = app.component_style("cursor")
        else:
            base = plain + panel
            muted = Style.parse(themes.style(app.look, "muted") or "none")
            accent = base + Style.parse(themes.style(app.look, "accent") or "none")
            note = base + muted
            base = note if choice.reason else base
        label = cells.safe(choice.label)
        room = max(width - 2 - cell_len(letter), 4)
        label = cells.middle(label, room, ellipsis=dots)
        rest = cells.fit(
            cells.safe(f"  {choice.note}"), max(room - cell_len(label), 0), ellipsis=dots
        )
        return Strip([Segment(" ", base), Segment(letter, accent), Segment(label, base),
                      Segment(rest, note)]).adjust_cell_length(width, base)  # fmt: skip
