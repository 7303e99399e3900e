"""The help page: what the screen and the focused widget are for, and every key that works now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.actions import ACTIONS
from ascend_console.tui import keymap
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.widgets.ask import Page

if TYPE_CHECKING:
    from ascend_console.tui.app import ConsoleApp

_NAMES = {
    "question_mark": "?", "slash": "/", "colon": ":", "left_square_bracket": "[",
    "right_square_bracket": "]", "plus": "+", "minus": "-", "escape": "Esc", "enter": "Enter",
    "space": "Space", "left": "←", "right": "→",
}  # fmt: skip


def key_text(keys: str) -> str:
    """The first keys of a binding as people write them."""
    shown = [_NAMES.get(key, key) for key in keys.split(",") if key.isascii()]
    return " ".join(shown[:2])


def help_page(app: ConsoleApp) -> Page:
    """The page for what has the focus now."""
    screen = app.screen
    lines: list[str] = []
    if isinstance(screen, ConsoleScreen):
        about = next((page.about for page in app.pages if page.name == screen.page), "")
        lines += [app.t(about), ""] if about else []
        text = getattr(screen.focused, "help_text", "") or screen.help_text
        lines += [*(app.t(line) for line in text.splitlines()), ""] if text else []
    remap = app.settings.screen.keys
    active = {active.binding.id for active in screen.active_bindings.values()}
    known = (*keymap.page_actions(app.pages), *ACTIONS)
    for action in known:
        if action.id in active:
            keys = key_text(remap.get(action.id, action.keys))
            lines.append(f"{keys:>8}  {app.t(action.about)}")
    lines += ["", app.t("Everything works without the screens too: ascend-console --help")]
    return Page(app.t("Help"), "\n".join(lines))
