"""A series as one row of text on a printed scale from 0; a gap is a time without a value."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.tui.glyphs import Glyphs


def scale_top(values: Sequence[float | None], at_least: float = 1.0) -> float:
    """A round upper end of the scale: the highest value up to 1, 2 or 5 of its decade."""
    from math import floor, log10

    highest = max((value for value in values if value is not None and isfinite(value)), default=0)
    highest = max(highest, at_least)
    decade: float = 10.0 ** floor(log10(highest))
    return next(step * decade for step in (1, 2, 5, 10) if step * decade >= highest)


def sampled(
    points: Sequence[tuple[float, float]], start_s: float, end_s: float, width: int
) -> list[float | None]:
    """The mean of the points of each of `width` equal spans of time; None for an empty span."""
    sums = [0.0] * width
    counts = [0] * width
    span_s = max(end_s - start_s, 1e-9) / max(width, 1)
    for at_s, value in points:
        index = int((at_s - start_s) / span_s)
        if at_s == end_s:
            index = width - 1
        if 0 <= index < width and isfinite(value):
            sums[index] += value
            counts[index] += 1
    return [total / count if count else None for total, count in zip(sums, counts, strict=True)]


def history_line(values: Sequence[float | None], top: float, glyphs: Glyphs) -> str:
    """One sign a value on a scale from 0 to `top`; a blank for an unknown one."""
    levels = glyphs.levels
    last = len(levels) - 1
    return "".join(
        " " if value is None else levels[min(max(ceil(value / top * last), 1), last)]
        for value in values
    )
