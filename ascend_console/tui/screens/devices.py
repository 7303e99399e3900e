"""The screen Devices: which chip is busy, hot, ill or stuck, and who uses it?"""

from __future__ import annotations

from ascend_console.core.specs import Page

ENTRY = Page(
    name="devices",
    title="Devices",
    short="Devices",
    key="2",
    about="Which chip is busy, hot, ill or stuck, and who uses it?",
    screen="ascend_console.tui.devices_screen.DevicesScreen",
    order=20,
)
