"""A tool's text as lines and figures: carriage returns, colours and quoting taken off."""

from __future__ import annotations

import math
import re

NUMBER = r"[-+]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?"
# What may follow a whole number: anything else means that the number was damaged.
END = r"(?=\s|$|\[|\.(?:\s|$)|,(?![0-9]))"

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_BREAKS = re.compile(r"\r\n|\r|\n")
_QUOTE = re.compile(r"(?:> ?)+(?=\S)")
_SOURCE = "# source:"


def log_lines(text: str) -> list[str]:
    """The lines of a saved log without their ends.

    A carriage return ends a line too, since progress bars overwrite themselves with it. Escape
    codes, the `> ` of a quoted mail or issue, and a first line that names the source are left out.
    """
    found = _BREAKS.split(_ESCAPES.sub("", text.removeprefix("\ufeff")))
    if found and found[0].startswith(_SOURCE):
        del found[0]
    return [_QUOTE.sub("", line, count=1) if line.startswith("> ") else line for line in found]


def figure(text: str | None) -> float | None:
    """The finite number that a matched text spells; None for no text and for infinity."""
    if text is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def count(text: str | None) -> int | None:
    """The whole number that a matched run of digits spells; None where it is none or absurd."""
    if text is None or not re.fullmatch(r"[0-9]{1,15}", text):
        return None
    return int(text)


def last_words(text: str, limit: int = 240) -> str:
    """A line cut to a readable length, with dots where something was cut."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
