"""The screen Performance: how fast per card, at which batch, against what, validly?"""

from __future__ import annotations

from ascend_console.core.specs import Page

ENTRY = Page(
    name="performance",
    title="Performance",
    short="Perf",
    key="4",
    about="How fast per card, at which batch, against what, validly?",
    screen="ascend_console.tui.performance_screen.PerformanceScreen",
    order=40,
)
