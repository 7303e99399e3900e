"""The history of a device as rows of text, each on a scale from 0 that it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from ascend_console.tui import cells, themes
from ascend_console.tui.widgets.history_line import history_line, scale_top

if TYPE_CHECKING:
    from collections.abc import Callable

    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.devices_facts import Device
    from ascend_console.tui.devices_history import DeviceHistory
    from ascend_console.tui.pen import Pen
    from ascend_console.tui.texts import Texts

_Window = tuple[float, float]

WINDOWS_MIN = (5, 15, 60)
_WIDEST = 100
_NARROWEST = 8


def whole(value: float) -> str:
    """`63`, `2,703`."""
    return f"{value:,.0f}"


def tenths(value: float) -> str:
    """`16.5`."""
    return f"{value:,.1f}"


def hundredths(value: float) -> str:
    """`0.52`."""
    return f"{value:,.2f}"


FORMS: dict[str, Callable[[float], str]] = {
    "util_pct": whole,
    "used_mb": whole,
    "power_w": tenths,
    "temp_c": whole,
    "load_1m": hundredths,
}
"""How a figure is written, in its unit."""


def figure_titles(t: Texts) -> dict[str, str]:
    """The figures of a device with their units, the first one first."""
    return {
        "util_pct": t("Util %"),
        "used_mb": t("Memory MB"),
        "power_w": t("Power W"),
        "temp_c": t("Temp C"),
        "load_1m": t("Load 1 min"),
    }


def _top(device: Device, figure: str, highest: float) -> float:
    """The upper end of the scale."""
    if figure == "util_pct":
        return 100.0
    if figure == "used_mb" and device.total_mb:
        return device.total_mb
    least = {"temp_c": 100.0, "load_1m": float(device.cores or 1), "power_w": 10.0}
    return scale_top([highest], least.get(figure, 1.0))


class _Shown(NamedTuple):
    """What stands in a row beside its history."""

    figure: str
    title: str
    scale: str
    now: str
    between: str
    top: float


def _shown(device: Device, history: DeviceHistory, window: _Window, pen: Pen) -> list[_Shown]:
    found = []
    for figure, title in figure_titles(pen.t).items():
        bounds = history.bounds(device.key, figure, *window)
        value = getattr(device, figure)
        if bounds is None and value is None:
            continue
        lowest, highest = bounds or (value, value)
        form = FORMS[figure]
        top = _top(device, figure, highest)
        now = pen.glyphs.unknown if value is None else form(value)
        between = f"{form(lowest)}-{form(highest)}"
        found.append(_Shown(figure, title, f"0-{top:,g}", now, between, top))
    return found


def plot_lines(
    device: Device, history: DeviceHistory, now_s: float, minutes: int, width: int, pen: Pen
) -> list[str]:
    """A row for each figure that is known: name, scale, history, value now, lowest and highest."""
    window = (now_s - 60.0 * minutes, now_s)
    shown = _shown(device, history, window, pen)
    if not shown:
        return []
    titles = max(cell_len(row.title) for row in shown)
    scales = max(cell_len(row.scale) for row in shown)
    nows = max(cell_len(row.now) for row in shown)
    betweens = max(cell_len(row.between) for row in shown)
    room = min(width, _WIDEST) - titles - scales - nows - betweens - 7
    lines = []
    for row in shown:
        drawn = ""
        if room >= _NARROWEST:
            spans = history.spans(device.key, row.figure, *window, room)
            drawn = history_line(spans, row.top, pen.glyphs)
        lines.append(
            f" {cells.fit(row.title, titles)} {cells.fit(row.scale, scales, right=True)} {drawn}"
            f" {cells.fit(row.now, nows, right=True)}  {cells.fit(row.between, betweens)}".rstrip()
        )
    return lines


class HistoryRows(Widget):
    """The rows of one device; how many there are is the screen's choice."""

    DEFAULT_CSS = "HistoryRows { height: 4; }"
    app: ConsoleApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: list[str] = []

    def show(self, lines: list[str]) -> None:
        """Other rows."""
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render(self) -> Text:
        """The rows in the colour of an own series, those that there is room for."""
        style = themes.style(self.app.look, "primary")
        shown = self.lines[: max(self.size.height, 1)]
        return Text("\n".join(shown), style, no_wrap=True, overflow="crop")
