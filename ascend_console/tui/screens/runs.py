"""The screen Runs: what was run, what goes on, what changed?"""

from __future__ import annotations

from ascend_console.core.specs import Page

ENTRY = Page(
    name="runs",
    title="Runs",
    short="Runs",
    key="5",
    about="What was run, what goes on, what changed?",
    screen="ascend_console.tui.runs_screen.RunsScreen",
    order=50,
)
