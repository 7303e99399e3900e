"""A tuned artefact beside its untuned twin, measured in turns in one bench."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.events import RowAdded
from ascend_console.core.stats import Gain, welch_gain
from ascend_console.core.sweep import tuning_gain
from ascend_console.jobs import _bench_measure
from ascend_console.jobs._bench_point import Point, performance_line
from ascend_console.jobs._convert import Artifact

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ascend_console.core.events import Event
    from ascend_console.core.verdict import Finding
    from ascend_console.jobs._bench_measure import Measuring
    from ascend_console.jobs._bench_subject import Column

_REPEATS = 3
_MARK = "_untuned"


def twin_of(artifact: Path | None) -> Path | None:
    """The artefact that was made beside a tuned one without tuning; None where there is none."""
    if artifact is None:
        return None
    path = artifact.with_name(f"{artifact.stem}{_MARK}{artifact.suffix}")
    return path if path.is_file() else None


def measured_in_turns(
    this: Measuring, column: Column, size: int, twin: Path
) -> Generator[Event, None, tuple[Point, Point]]:
    """The tuned point and the untuned one; turns keep a slow change of the device out of it."""
    subject = this.subject
    tuned = yield from subject.artifact(column, size)
    plain = Artifact(twin, size, column.precision)
    rates: dict[str, list[Any]] = {"": [], _MARK: []}
    for repeat in range(1, (subject.request.repeat or _REPEATS) + 1):
        for mark, artifact in (("", tuned), (_MARK, plain)):
            rates[mark].append(
                (yield from _bench_measure.once(this, column, artifact, repeat, mark))
            )
    points = (
        Point(column=column, artifact=tuned, rates=tuple(rates[""])),
        Point(column=column, artifact=plain, rates=tuple(rates[_MARK])),
    )
    for point in points:
        name = point.artifact.path.stem
        yield RowAdded("performance", this.label(column) | performance_line(name, point))
    return points


def compared(
    this: Measuring, tuned: Point, plain: Point
) -> Generator[Event, None, tuple[Finding, dict[str, Any]] | None]:
    """What tuning brought, in words and figures; None where one of both has no throughput."""
    if not tuned.throughputs or not plain.throughputs:
        return None
    gain: Gain = welch_gain(plain.throughputs, tuned.throughputs)
    said = tuning_gain(gain)
    interval = None if gain.interval is None else [round(side, 3) for side in gain.interval]
    document = {
        "tuned": tuned.artifact.path.name,
        "untuned": plain.artifact.path.name,
        "tuned_throughputs": list(tuned.throughputs),
        "untuned_throughputs": list(plain.throughputs),
        "gain_percent": round(gain.percent, 3),
        "interval": interval,
        "clear": gain.is_clear,
        "finding": said.to_json(),
    }
    yield RowAdded(
        "comparison",
        this.label(tuned.column)
        | {
            "artefact": tuned.artifact.path.name,
            "against": plain.artifact.path.name,
            "gain %": round(gain.percent, 1),
            "95 % interval": None if interval is None else f"{interval[0]} - {interval[1]}",
            "clear": gain.is_clear,
        },
    )
    return said, document
