"""The screen Run: what to validate, how is it going, what is the verdict?"""

from __future__ import annotations

from ascend_console.core.specs import Page

ENTRY = Page(
    name="run",
    title="Run",
    short="Run",
    key="1",
    about="What to validate, how is it going, what is the verdict?",
    screen="ascend_console.tui.run_screen.RunScreen",
    order=10,
)
