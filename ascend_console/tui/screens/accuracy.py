"""The screen Accuracy: is it accurate enough, and on which images not?"""

from __future__ import annotations

from ascend_console.core.specs import Page

ENTRY = Page(
    name="accuracy",
    title="Accuracy",
    short="Accuracy",
    key="3",
    about="Is it accurate enough, and on which images not?",
    screen="ascend_console.tui.accuracy_screen.AccuracyScreen",
    order=30,
)
