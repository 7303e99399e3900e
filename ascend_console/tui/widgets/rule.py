"""The rule above a region: its title tells the state, and is heavy where the focus is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widget import Widget

from ascend_console.tui import cells, themes

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ascend_console.tui.app import ConsoleApp


class Rule(Widget):
    """One line: `== Title == state`, heavy while something below it has the focus."""

    DEFAULT_CSS = "Rule { height: 1; }"

    app: ConsoleApp
    title: reactive[str] = reactive("")
    state: reactive[str] = reactive("")
    heavy: reactive[bool] = reactive(False)

    def render(self) -> Text:
        """The line, cut to the width."""
        sign = self.app.glyphs.heavy if self.heavy else self.app.glyphs.rule
        look = self.app.look
        title = cells.safe(self.title)
        state = cells.safe(self.state)
        line = Text(no_wrap=True, overflow="crop")
        muted = themes.style(look, "accent" if self.heavy else "muted")
        line.append(sign * 2, muted)
        if title:
            line.append(f" {title} ", f"bold {muted}".strip() if self.heavy else "bold")
        if state:
            line.append(f"{sign}{sign} " if title else " ", muted)
            line.append(f"{state} ")
        line.append(sign * max(self.size.width - cell_len(line.plain), 0), muted)
        return line


class Panel(Vertical):
    """A region of a screen: a rule, and one thing below it.

    `title` and `state` may be set at any time. Zooming gives a panel the whole screen.
    """

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    Panel { height: auto; }
    Panel.fills { height: 1fr; }
    """

    def __init__(
        self, title: str, *children: Widget, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.rule = Rule()
        self.rule.title = title
        self._inner = children

    def compose(self) -> ComposeResult:
        """The rule above the children."""
        yield self.rule
        yield from self._inner

    @property
    def title(self) -> str:
        """What the region is."""
        return self.rule.title

    @title.setter
    def title(self, text: str) -> None:
        self.rule.title = text

    @property
    def state(self) -> str:
        """What the title adds: counts, order, filter, age."""
        return self.rule.state

    @state.setter
    def state(self, text: str) -> None:
        self.rule.state = text

    def on_descendant_focus(self) -> None:
        """The focus came in."""
        self.rule.heavy = True

    def on_descendant_blur(self) -> None:
        """The focus went out."""
        self.rule.heavy = self.has_focus_within
