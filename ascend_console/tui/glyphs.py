"""The signs that the screens draw with: Unicode, or 7-bit where a font or a width lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One sign for each meaning; every one is a single cell. `levels` go from empty to full."""

    passed: str
    failed: str
    running: str
    waiting: str
    attention: str
    unsure: str
    ended: str
    stale: str
    pending: str
    full: str
    empty: str
    rule: str
    heavy: str
    ellipsis: str
    unknown: str
    vertical: str
    ascending: str
    descending: str
    levels: str


UNICODE = Glyphs(
    passed="✓", failed="✗", running="▸", waiting="=", attention="!", unsure="?", ended="-",
    stale="~", pending="∙", full="█", empty="░", rule="─", heavy="━", ellipsis="…", unknown="–",
    vertical="│", ascending="▴", descending="▾", levels=" ▁▂▃▄▅▆▇█",
)  # fmt: skip

ASCII = Glyphs(
    passed="v", failed="x", running=">", waiting="=", attention="!", unsure="?", ended="-",
    stale="~", pending=".", full="#", empty="-", rule="-", heavy="=", ellipsis="..", unknown="-",
    vertical="|", ascending="^", descending="v", levels=" .-=+*##@",
)  # fmt: skip

SETS = {"unicode": UNICODE, "ascii": ASCII}


def bar(fraction: float | None, width: int, glyphs: Glyphs) -> str:
    """A bar of `width` cells; blank where the fraction is unknown."""
    if fraction is None:
        return " " * width
    filled = round(min(max(fraction, 0.0), 1.0) * width)
    return glyphs.full * filled + glyphs.empty * (width - filled)


def marks(glyphs: Glyphs) -> dict[str, str]:
    """State or verdict -> its sign."""
    return {
        "PASS": glyphs.passed,
        "FAIL": glyphs.failed,
        "INVALID": glyphs.attention,
        "INCOMPLETE": glyphs.unsure,
        "WARN": glyphs.attention,
        "SKIP": glyphs.ended,
        "waiting": glyphs.waiting,
        "running": glyphs.running,
        "finished": glyphs.passed,
        "failed": glyphs.failed,
        "cancelled": glyphs.ended,
        "interrupted": glyphs.ended,
    }


ROLES = {
    "PASS": "success",
    "FAIL": "error",
    "INVALID": "warning",
    "INCOMPLETE": "warning",
    "WARN": "warning",
    "SKIP": "muted",
    "waiting": "warning",
    "running": "primary",
    "finished": "success",
    "failed": "error",
    "cancelled": "muted",
    "interrupted": "warning",
}
"""State or verdict -> the role of its colour (see themes)."""
