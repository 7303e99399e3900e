"""What pure functions draw with: texts, signs, and the look that colours are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.glyphs import Glyphs
    from ascend_console.tui.texts import Texts


class Pen(NamedTuple):
    """The app's texts and signs, without the app."""

    t: Texts
    glyphs: Glyphs
    look: str

    @classmethod
    def of(cls, app: ConsoleApp) -> Pen:
        """What the app draws with now."""
        return cls(app.t, app.glyphs, app.look)
