"""The screen Doctor: why does it not work here, and what do I type?"""

from __future__ import annotations

from ascend_console.core.specs import Page

ENTRY = Page(
    name="doctor",
    title="Doctor",
    short="Doctor",
    key="6",
    about="Why does it not work here, and what do I type?",
    screen="ascend_console.tui.doctor_screen.DoctorScreen",
    order=60,
)
