"""What every screen of the console is: head, body, footer, and the way that state comes in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen
from textual.widgets import Footer

from ascend_console.tui.widgets.head import Head

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.binding import ActiveBinding, BindingType
    from textual.widget import Widget

    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.state import AppState


class ConsoleScreen(Screen[None]):
    """A screen of the console.

    A subclass gives `page` (the name of its entry), `body()` (its regions), and `show(state)`,
    which the app calls at most ten times a second with a new state, and once when the screen is
    shown. `back()` undoes one step of the screen's own and says whether there was one. `help_text`
    is shown by `?` when no focused widget has one.
    """

    page: ClassVar[str] = ""
    help_text: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = []
    app: ConsoleApp

    def compose(self) -> ComposeResult:
        """Head, body, footer."""
        yield Head(self.page)
        yield from self.body()
        yield Footer(compact=True, show_command_palette=False)

    def body(self) -> Iterable[Widget]:
        """The regions between head and footer."""
        return ()

    def show(self, state: AppState) -> None:
        """Take a new state."""

    def take(self, state: AppState) -> None:
        """Hand a new state to the head and to the screen."""
        for head in self.query(Head):
            head.show(state)
        self.show(state)

    def on_screen_resume(self) -> None:
        """The screen is seen again: it may have missed states."""
        self.take(self.app.state)

    def unfilter(self) -> bool:
        """Show all rows of the focused table again; False where none was left out."""
        unfilter = getattr(self.focused, "unfilter", None)
        return bool(unfilter and unfilter())

    def back(self) -> bool:
        """Undo one step; False where there was nothing to undo."""
        return False

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that work now, with their words in the user's language."""
        t = self.app.t
        return {
            key: active._replace(
                binding=replace(active.binding, description=t(active.binding.description))
            )
            for key, active in super().active_bindings.items()
        }

    def action_zoom(self) -> None:
        """Give the focused widget the whole screen, or take it back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=True)

    def action_pause(self) -> None:
        """Hold the picture still, or let it go on."""
        self.app.pause()
