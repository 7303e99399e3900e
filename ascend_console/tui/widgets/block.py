"""A block of facts beside labels, wrapped; some of its lines can be opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ascend_console.tui import cells, themes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp

_WIDEST = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One entry: a word with the role of its colour, a label, a text; `key` makes it open."""

    text: str
    label: str = ""
    head: str = ""
    role: str = ""
    key: str = ""


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` cells, cut between words where there are any."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cell_len(line) > width:
            cut = next(n for n in range(len(line), 0, -1) if cell_len(line[:n]) <= max(width, 2))
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line]


class Block(Widget, can_focus=True):
    """Facts, one below the other; the cursor goes through those that can be opened."""

    DEFAULT_CSS = "Block { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("enter", "open", show=False),
    ]
    help_text = "Enter does what the line says; up and down choose the line."
    app: ConsoleApp

    class Opened(Message):
        """Enter on a fact that can be opened."""

        def __init__(self, block: Block, key: str) -> None:
            super().__init__()
            self.block = block
            self.key = key

        @property
        def control(self) -> Block:
            """The widget, so that handlers can select by its id."""
            return self.block

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.facts: tuple[Fact, ...] = ()
        self._cursor = 0
        self._drawn: list[tuple[Fact, str, str, str]] = []

    def show(self, facts: Sequence[Fact]) -> None:
        """Other facts."""
        if tuple(facts) == self.facts:
            return
        self.facts = tuple(facts)
        self._cursor = 0
        self.can_focus = any(fact.key for fact in self.facts)
        if self.size.width:
            self._arrange(self.size.width)
        self.refresh(layout=True)

    def height_at(self, width: int) -> int:
        """How many lines the facts take at a width."""
        self._arrange(width)
        return len(self._drawn)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The lines that are drawn."""
        del container, viewport
        return self.height_at(width)

    def _arrange(self, width: int) -> None:
        head = max((cell_len(fact.head) for fact in self.facts), default=0) + 1
        label = max((cell_len(fact.label) for fact in self.facts), default=0) + 2
        room = max(min(width, _WIDEST) - head - label - 2, 12)
        self._drawn = []
        for fact in self.facts:
            for number, line in enumerate(wrapped(cells.safe(fact.text), room)):
                shown = (fact.head, fact.label) if number == 0 else ("", "")
                self._drawn.append(
                    (fact, cells.fit(shown[0], head), cells.fit(shown[1], label), line)
                )

    @property
    def _open_facts(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.key]

    def render_line(self, y: int) -> Strip:
        """Word, label and text; the fact under the cursor is drawn as one."""
        width = self.size.width
        plain = self.app.component_style("plain")
        if not 0 <= y < len(self._drawn):
            return Strip.blank(width, plain)
        fact, head, label, text = self._drawn[y]
        chosen = self._open_facts[self._cursor : self._cursor + 1]
        at_cursor = self.has_focus and bool(chosen) and chosen[0] is fact
        base = self.app.component_style("cursor") if at_cursor else plain
        role = Style.parse(themes.style(self.app.look, fact.role) or "none")
        muted = Style.parse(themes.style(self.app.look, "muted") or "none")
        strip = Strip([
            Segment(" ", base),
            Segment(head, base if at_cursor else base + role + Style(bold=True)),
            Segment(label, base if at_cursor else base + muted),
            Segment(text, base),
        ])  # fmt: skip
        return strip.adjust_cell_length(width, base)

    def action_move(self, step: int) -> None:
        """To another fact that can be opened."""
        self._cursor = min(max(self._cursor + step, 0), max(len(self._open_facts) - 1, 0))
        self.refresh()

    def action_open(self) -> None:
        """Open the fact."""
        for fact in self._open_facts[self._cursor : self._cursor + 1]:
            self.post_message(self.Opened(self, fact.key))

    def on_click(self, event: events.Click) -> None:
        """A click opens what it hits."""
        if 0 <= event.y < len(self._drawn) and self._drawn[event.y][0].key:
            self._cursor = self._open_facts.index(self._drawn[event.y][0])
            self.action_open()
            self.refresh()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._arrange(self.size.width)
        self.refresh()
