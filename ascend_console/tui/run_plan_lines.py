"""The plan of a run as lines: each step with what it usually takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui.run_pace import clock
from ascend_console.tui.run_plan import Earlier, batch_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.tui.pen import Pen

_NAME = 14
_BATCHES = 10


def plan_lines(
    planned: Sequence[str], earlier: Earlier, request: Mapping[str, Any], width: int, pen: Pen
) -> list[str]:
    """A line for each kind of step, its batch sizes, its time, and what the verdict asks for."""
    groups: dict[str, list[str]] = {}
    for name in planned:
        groups.setdefault(kind_of(name), []).append(name)
    lines = []
    for kind, names in groups.items():
        sizes = ",".join(filter(None, map(batch_of, names)))
        seconds = earlier.total_s(names)
        about = "" if seconds is None else pen.t("about {time}", time=clock(seconds))
        text = _rule(request, pen) if kind == "verdict" else about
        name = cells.fit(pen.t(kind), _NAME)
        line = f"{pen.glyphs.pending} {name} {cells.fit(sizes, _BATCHES)} {text}".rstrip()
        lines.append(cells.fit(line, width, ellipsis=pen.glyphs.ellipsis).rstrip())
    return lines


def _rule(request: Mapping[str, Any], pen: Pen) -> str:
    """What the accuracy is held against."""
    if request.get("sample"):
        return pen.t("accuracy drops at most 1.0 point against torch float32, same images")
    return pen.t("accuracy drops at most 1.0 point")


def plan_state(planned: Sequence[str], earlier: Earlier, pen: Pen) -> str:
    """`about 0:41, from 3 earlier runs`."""
    t = pen.t
    if not earlier.runs:
        return t("no estimate, first time")
    seconds = earlier.total_s(planned)
    one = t("from one earlier run")
    runs = one if earlier.runs == 1 else t("from {count} earlier runs", count=earlier.runs)
    return runs if seconds is None else f"{t('about {time}', time=clock(seconds))}, {runs}"
