"""Every event, and the record that wraps it on its way to a file or a screen.

Events are facts without a clock and without formatting. A record adds run, number and time, and
survives a round trip through JSON; readers ignore events and keys that they do not know.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    terminal: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class JobStarted(Event):
    """An attempt began; a resumed run has attempt 2 and more."""

    job: str
    title: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """Step `index` (from 1) of `count` began."""

    name: str
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """`done` of `total` (None where unknown), counted in `unit`."""

    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class LogOpened(Event):
    """A tool writes its own text to `path`."""

    step: str
    path: str


@dataclass(frozen=True, slots=True)
class LogLine(Event):
    """A line worth seeing; `level` is info, warning or error."""

    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Measured(Event):
    """One figure with its unit."""

    name: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class RowAdded(Event):
    """A row of a named table; keys are the columns."""

    table: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something to know that does not stop the run."""

    id: str
    message: str
    hint: str = ""
    args: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArtifactWritten(Event):
    """A whole file or folder stands at `path`."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """The answer of a listing job: the JSON document, and the same as columns and rows.

    A `text`, such as a script or a report, stands in place of the table; `notes` stand below it,
    each with its mark or label.
    """

    document: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    text: str | None = None
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed(Event):
    """A line of an earlier run's log, as it was recorded, at the pace of then."""

    line: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DevicesSampled(Event):
    """The state of all devices, in the external form of `core/devices.py`; the newest counts."""

    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobSucceeded(Event):
    """The job is done; a run carries its verdict and the exit code of it."""

    terminal: ClassVar[bool] = True
    verdict: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class JobFailed(Event):
    """The job ended in an error."""

    terminal: ClassVar[bool] = True
    id: str
    message: str
    hint: str
    exit_code: int
    args: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobCancelled(Event):
    """The job was stopped on request."""

    terminal: ClassVar[bool] = True
    exit_code: int = 130


_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        JobStarted,
        StepStarted,
        Progress,
        LogOpened,
        LogLine,
        Measured,
        RowAdded,
        Warned,
        ArtifactWritten,
        Answered,
        Replayed,
        DevicesSampled,
        JobSucceeded,
        JobFailed,
        JobCancelled,
    )
}


@dataclass(frozen=True, slots=True)
class Record:
    """An event with its run, its number from 0 in the run, and its time."""

    run_id: str
    seq: int
    time: str
    elapsed_s: float
    event: Event


def to_json(record: Record) -> dict[str, Any]:
    """The external form of a record (design.md section 2)."""
    return {
        "schema": SCHEMA,
        "run_id": record.run_id,
        "seq": record.seq,
        "time": record.time,
        "elapsed_s": round(record.elapsed_s, 3),
        "event": type(record.event).__name__,
        **asdict(record.event),
    }


def from_json(line: dict[str, Any]) -> Record | None:
    """The record of an external form; None for an event that this version does not know."""
    kind = _KINDS.get(line.get("event", ""))
    if kind is None:
        return None
    known = {entry.name for entry in fields(kind)}
    try:
        event = kind(**{key: value for key, value in line.items() if key in known})
    except TypeError:
        return None
    return Record(
        run_id=str(line.get("run_id", "")),
        seq=int(line.get("seq", 0)),
        time=str(line.get("time", "")),
        elapsed_s=float(line.get("elapsed_s", 0.0)),
        event=event,
    )
