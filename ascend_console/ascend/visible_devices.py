"""`ASCEND_RT_VISIBLE_DEVICES`: which devices a process sees (ascend-tools.md section 4.6).

Logic ids in ascending order, without blanks; the runtime silently drops the list from its first
mistake on, and numbers what is left from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mistake = Literal["blank", "no_number", "order", "unknown"]


@dataclass(frozen=True, slots=True)
class Visible:
    """What a value leaves visible. `mistake` is at `at`, from where on the list is dropped."""

    devices: tuple[int, ...]
    mistake: Mistake | None = None
    at: str = ""


def visible_devices(text: str, device_count: int | None) -> Visible:
    """What the runtime makes of a value; `device_count` None leaves out the look at what exists."""
    seen: list[int] = []
    for entry in text.split(","):
        mistake = _mistake(entry, seen, device_count)
        if mistake is not None:
            return Visible(tuple(seen), mistake, entry)
        seen.append(int(entry))
    return Visible(tuple(seen))


def _mistake(entry: str, seen: list[int], device_count: int | None) -> Mistake | None:
    if entry != entry.strip():
        return "blank"
    if not (entry.isascii() and entry.isdigit() and len(entry) < 6):
        return "no_number"
    if seen and int(entry) <= seen[-1]:
        return "order"
    if device_count is not None and int(entry) >= device_count:
        return "unknown"
    return None
