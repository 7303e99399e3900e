"""Text in cells: made safe, measured as the terminal does, cut and padded; figures as texts.

Data is text, never markup, and its width is counted in cells: a Chinese character takes two.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

UNKNOWN = "–"
LONGEST_CELLS = 4096

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe(text: object, *, tab: int = 4) -> str:
    """A text in one line that cannot move a column: what does not print is shown escaped.

    Of carriage returns the last part stays, as a terminal would show it; a tab becomes blanks; a
    letter and its accent become one sign. A text of more than 4,096 cells ends with a mark.
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return _bounded(line)
    line = line.replace("\r\n", "\n").rstrip("\r")
    if "\r" in line:
        line = line.rpartition("\r")[2]
    whole = unicodedata.normalize("NFC", line[: LONGEST_CELLS + 1])
    return _bounded("".join(_visible(char, tab) for char in whole))


def _bounded(line: str) -> str:
    return line if cell_len(line) <= LONGEST_CELLS else fit(line, LONGEST_CELLS)


def _visible(char: str, tab: int) -> str:
    if char == "\t":
        return " " * tab
    if char == "\n":
        return "\\n"
    if unicodedata.category(char) in _INVISIBLE or (not char.isascii() and cell_len(char) == 0):
        code = ord(char)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return char


def fit(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """Exactly `width` cells: padded, or cut at its end with an ellipsis. The text is safe."""
    length = cell_len(text)
    if length > width:
        kept = width - cell_len(ellipsis)
        return set_cell_size(text, kept) + ellipsis if kept >= 0 else " " * width
    return " " * (width - length) + text if right else text + " " * (width - length)


def middle(text: str, width: int, *, ellipsis: str = "…") -> str:
    """At most `width` cells, cut in the middle: both ends of a name tell more than one.

    The text is safe.
    """
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room < 2:
        return set_cell_size(text, max(width, 0))
    tail = room // 2
    return f"{_first(text, room - tail)}{ellipsis}{_first(text[::-1], tail)[::-1]}"


def _first(text: str, width: int) -> str:
    """The beginning of a text, of at most `width` cells."""
    used = 0
    for index, char in enumerate(text):
        used += cell_len(char)
        if used > width:
            return text[:index]
    return text


def figure(value: float | None, digits: int = 4) -> str:
    """Four significant digits with thousands commas; unknown is a dash, never 0."""
    from math import floor, isfinite, log10

    if value is None or not isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    rounded = round(value, digits - 1 - floor(log10(abs(value))))
    # What was rounded up to the next power of ten has one decimal less.
    decimals = digits - 1 - floor(log10(abs(rounded)))
    return f"{rounded:,.{max(decimals, 0)}f}"


def percent(fraction: float | None) -> str:
    """An accuracy in percent with two decimals, from a fraction 0-1."""
    return UNKNOWN if fraction is None else f"{100 * fraction:.2f}"


def points(difference: float | None) -> str:
    """A difference in percentage points, with its sign."""
    return UNKNOWN if difference is None else f"{difference:+.2f}"


def duration(seconds: float | None) -> str:
    """`4.1 s`, `0:41`, `1:02:03`, `3d`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = max(int(seconds), 10)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    if whole < 86_400:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 86_400}d"


def megabytes(value: float | None) -> str:
    """A whole number of MB with thousands commas, as npu-smi counts them."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def size(count_bytes: float | None) -> str:
    """`812 B`, `4.1 KB`, `12.3 MB`, `1.24 GB`, in steps of 1,000."""
    if count_bytes is None:
        return UNKNOWN
    value = float(count_bytes)
    for unit in ("B", "KB", "MB"):
        if value < 999.5:
            return f"{figure(value, 3)} {unit}" if unit != "B" else f"{value:.0f} B"
        value /= 1000
    return f"{figure(value, 3)} GB"


def moment(utc: str | None) -> str:
    """A time of a record (ISO, UTC) as lists show it, local: `11-20 10:15`."""
    return _local(utc, "%m-%d %H:%M")


def moment_in_full(utc: str | None) -> str:
    """The same with its year, seconds and offset: `2026-11-20 10:15:00 +0800`."""
    return _local(utc, "%Y-%m-%d %H:%M:%S %z")


def _local(utc: str | None, form: str) -> str:
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(utc or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone().strftime(form)
    except (ValueError, OverflowError):
        return UNKNOWN


def short_id(run_id: str) -> str:
    """The last part of a run's name, by which people tell runs apart."""
    return run_id.rpartition("-")[2] or run_id
