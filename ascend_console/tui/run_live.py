"""Live: throughput and latency of the last two minutes, a row or a small plot each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.tui import cells
from ascend_console.tui.widgets.history_line import history_line, sampled, scale_top

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.pen import Pen

SPAN_S = 120.0
_WIDEST = 100
_LABEL = 20
_SCALE = 8
_FIGURES = 20


@dataclass(frozen=True, slots=True)
class Series:
    """A figure over time: `points` are seconds of the run and values, `unit` of the values."""

    label: str
    unit: str
    points: tuple[tuple[float, float], ...]


def series_of(run: RunSnapshot, now_s: float, pen: Pen) -> list[Series]:
    """The pace of the steps and the latencies that were measured, of the last two minutes."""
    t = pen.t
    step = run.view.step
    unit = t("img/s") if step is None or step.unit in ("", "images") else f"{t(step.unit)}/s"
    since_s = now_s - SPAN_S
    rates = tuple((at.elapsed_s, at.value) for at in run.rates if at.elapsed_s >= since_s)
    latencies = []
    for name, samples in run.measured.items():
        if name.startswith(("latency median", "latency p50")):
            latencies += [(at.elapsed_s, at.value) for at in samples if at.elapsed_s >= since_s]
    return [
        Series(t("throughput"), unit, rates),
        Series(t("latency p50"), t("ms"), tuple(sorted(latencies))),
    ]


def _spans(series: Series, now_s: float, width: int) -> list[float | None]:
    return sampled(series.points, max(now_s - SPAN_S, 0.0), now_s, width)


def _figures(spans: Sequence[float | None]) -> str:
    """The newest value, then the lowest and the highest."""
    known = [value for value in spans if value is not None]
    if not known:
        return cells.UNKNOWN
    lowest, highest = cells.figure(min(known)), cells.figure(max(known))
    return f"{cells.figure(known[-1])}  {lowest}-{highest}"


def line(series: Series, now_s: float, width: int, pen: Pen) -> str:
    """`throughput img/s 0-160 =++**##  118.4  96.1-129`: scale, history, newest, range."""
    width = min(width, _WIDEST)
    head = cells.fit(f"{series.label} {series.unit}", _LABEL)
    if not series.points:
        return f"{head} {cells.UNKNOWN}"
    room = width - _LABEL - _SCALE - _FIGURES - 4
    spans = _spans(series, now_s, max(room, 8))
    if room < 8:
        return f"{head} {_figures(spans)}"
    top = scale_top([value for value in spans if value is not None])
    scale = cells.fit(f"0-{top:,.4g}", _SCALE, right=True)
    return f"{head} {scale} {history_line(spans, top, pen.glyphs)}  {_figures(spans)}"


def plot(series: Series, now_s: float, width: int, height: int, pen: Pen) -> list[str]:
    """The series as columns over time, in `height` rows: a title, the plot, its scale at left."""
    title = f"{series.label} {series.unit}"
    if not series.points:
        return [f"{title}  {cells.UNKNOWN}"]
    spans = _spans(series, now_s, max(min(width, _WIDEST) - _SCALE - 2, 8))
    top = scale_top([value for value in spans if value is not None])
    return [f"{title}  {_figures(spans)}", *_columns(spans, top, height - 1, pen)]


def _columns(values: Sequence[float | None], top: float, height: int, pen: Pen) -> list[str]:
    levels = pen.glyphs.levels
    full = len(levels) - 1
    rows = []
    for row in range(height, 0, -1):
        drawn = ""
        for value in values:
            share = 0.0 if value is None else min(value / top, 1.0) * height - (row - 1)
            drawn += levels[min(max(round(share * full), 0), full)]
        scale = f"{top:,.4g}" if row == height else "0" if row == 1 else ""
        rows.append(f"{cells.fit(scale, _SCALE, right=True)} {drawn}")
    return rows
