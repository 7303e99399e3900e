"""Throughput over batch size: letters at points where signs allow it, else bars of `#`.

Batch sizes stand evenly spaced, the scale begins at 0, and every series is told by its letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from string import ascii_lowercase
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from ascend_console.tui import cells, themes
from ascend_console.tui.pen import Pen
from ascend_console.tui.widgets.history_line import scale_top

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.tui.app import ConsoleApp

_SCALE = 7
_WIDEST = 100
_LEAST_ROWS, _LEAST_ROOM = 2, 12


@dataclass(frozen=True, slots=True)
class Series:
    """A column of the table: its name, its figures by batch size, whether it is an own one."""

    name: str
    values: Mapping[int, float]
    own: bool = False


def legend(series: Sequence[Series]) -> str:
    """`a 310  b 310P  c T4`."""
    return "  ".join(
        f"{letter} {entry.name}" for letter, entry in zip(ascii_lowercase, series, strict=False)
    )


def drawn(
    series: Sequence[Series], sizes: Sequence[int], width: int, height: int, pen: Pen
) -> list[Text]:
    """The plot in `height` lines of at most `width` cells; the last one has the batch sizes."""
    shown = list(series)[: len(ascii_lowercase)]
    values = [value for entry in shown for value in entry.values.values()]
    rows, room = height - 2, min(width, _WIDEST) - _SCALE - 3
    if not values or rows < _LEAST_ROWS or room < max(_LEAST_ROOM, 2 * len(sizes)):
        return [Text(f" {pen.t('nothing to draw')}")]
    top = scale_top(values)
    grid = _bars(shown, sizes, room, rows, top) if pen.glyphs.full == "#" else _points(
        shown, sizes, room, rows, top, pen
    )  # fmt: skip
    lines = []
    for number, line in enumerate(grid):
        label = top if number == 0 else top / 2 if number == rows // 2 and rows > 4 else None
        text = "0" if number == rows - 1 else "" if label is None else f"{label:,.4g}"
        scale = f"{cells.fit(text, _SCALE, right=True)} {pen.glyphs.vertical}"
        whole = Text().append(scale, themes.style(pen.look, "muted"))
        lines.append(whole.append_text(_coloured(line, shown, pen)))
    floor = " " * (_SCALE + 1) + pen.glyphs.rule * (room + 1)
    lines.append(Text(floor, themes.style(pen.look, "muted")))
    lines.append(_axis(sizes, room))
    return lines


def _places(count: int, room: int) -> list[int]:
    """Where the middle of each of `count` evenly spaced groups is."""
    return [int((index + 0.5) * room / count) for index in range(count)]


def _axis(sizes: Sequence[int], room: int) -> Text:
    """The batch sizes below their groups; one that would touch the one before is left out."""
    line = ""
    for size, place in zip(sizes, _places(len(sizes), room), strict=True):
        text = str(size)
        start = min(max(place - (len(text) - 1) // 2, 0), room - len(text))
        if not line or start > len(line):
            line = line.ljust(start) + text
    return Text(" " * (_SCALE + 2) + line)


def _row_of(value: float, top: float, rows: int) -> int:
    """The line of a value, 0 at the top."""
    return rows - 1 - min(max(round(value / top * (rows - 1)), 0), rows - 1)


def _points(
    series: Sequence[Series], sizes: Sequence[int], room: int, rows: int, top: float, pen: Pen
) -> list[list[str]]:
    """Letters at the figures, dots on the way from one to the next."""
    grid = [[" "] * room for _ in range(rows)]
    places = _places(len(sizes), room)
    dot = pen.glyphs.pending
    for entry in series:
        known = [
            (place, entry.values[size])
            for size, place in zip(sizes, places, strict=True)
            if size in entry.values
        ]
        for (x, value), (next_x, next_value) in pairwise(known):
            for at in range(x + 2, next_x - 1, 2):
                between = value + (next_value - value) * (at - x) / (next_x - x)
                row = grid[_row_of(between, top, rows)]
                row[at] = dot if row[at] == " " else row[at]
    for letter, entry in zip(ascii_lowercase, series, strict=False):
        for size, place in zip(sizes, places, strict=True):
            if size in entry.values:
                row = grid[_row_of(entry.values[size], top, rows)]
                at = place
                # Two on one spot stand side by side.
                while at < room - 1 and row[at] not in (" ", dot):
                    at += 1
                row[at] = letter
    return grid


def _bars(
    series: Sequence[Series], sizes: Sequence[int], room: int, rows: int, top: float
) -> list[list[str]]:
    """A group of bars for each batch size, a letter on the top of each."""
    grid = [[" "] * room for _ in range(rows)]
    for size, place in zip(sizes, _places(len(sizes), room), strict=True):
        start = max(place - len(series) + 1, 0)
        for number, (letter, entry) in enumerate(zip(ascii_lowercase, series, strict=False)):
            at = start + 2 * number
            if size not in entry.values or at >= room:
                continue
            first = _row_of(entry.values[size], top, rows)
            for row in range(first, rows):
                grid[row][at] = "#"
            grid[first][at] = letter
    return grid


def _coloured(line: Sequence[str], series: Sequence[Series], pen: Pen) -> Text:
    """Own series stand out; what only leads the eye does not."""
    own = {letter for letter, entry in zip(ascii_lowercase, series, strict=False) if entry.own}
    text = Text()
    for char in line:
        role = "primary" if char in own else "muted" if char in (pen.glyphs.pending, "#") else ""
        text.append(char, f"bold {themes.style(pen.look, role)}" if char in own
                    else themes.style(pen.look, role))  # fmt: skip
    return text


class Plot(Widget):
    """The plot; drawn again only where its figures or its size are others."""

    DEFAULT_CSS = "Plot { height: 1fr; }"
    app: ConsoleApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._series: tuple[Series, ...] = ()
        self._sizes: tuple[int, ...] = ()

    def show(self, series: Sequence[Series], sizes: Sequence[int]) -> None:
        """Other figures."""
        if (tuple(series), tuple(sizes)) != (self._series, self._sizes):
            self._series, self._sizes = tuple(series), tuple(sizes)
            self.refresh()

    def render(self) -> Text:
        """All lines."""
        lines = drawn(self._series, self._sizes, self.size.width, self.size.height,
                      Pen.of(self.app))  # fmt: skip
        return Text("\n", no_wrap=True, overflow="crop").join(lines)
