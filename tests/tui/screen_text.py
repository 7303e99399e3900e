"""What stands on the screen, as lines of text."""

from __future__ import annotations

from rich.cells import cell_len


def text_of(app) -> list[str]:
    """The lines of the screen that is shown, from the top, without blanks at their ends."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def shown(app) -> str:
    """The whole screen as one text, to look for words in."""
    return "\n".join(text_of(app))


def widths_of(app) -> list[int]:
    """The cells of each line of the screen."""
    return [cell_len(line) for line in text_of(app)]


async def until(pilot, holds, *, looks=1000) -> None:
    """Go on with the console until something holds; it fails where that never comes."""
    for _ in range(looks):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"never: {holds}\n{shown(pilot.app)}")
