"""Following a run through its folder, from wherever it is: live, finished or begun elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.core import events
from ascend_console.core.view import RunView, fold
from ascend_console.tools import locks, run_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ascend_console.core.events import Record

MOST_LINES = 20_000
MOST_SAMPLES = 3_600
_BYTES_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a run's own narrative; `level` is step, info, warning, error or file.

    `event` is what the line tells of, for whoever says it in another language.
    """

    elapsed_s: float
    level: str
    text: str
    event: events.Event | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure of a moment, such as the rate of the step that runs."""

    elapsed_s: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """What is known of a run now. `lines` and `samples` only grow at their end, up to a bound.

    `dropped` counts the lines that left at the front; `waiting` says for whom the run waits.
    """

    folder: Path
    document: dict[str, Any]
    view: RunView
    alive: bool
    lines: Sequence[Line] = ()
    dropped: int = 0
    rates: Sequence[Sample] = ()
    measured: dict[str, Sequence[Sample]] = field(default_factory=dict)
    logs: tuple[events.LogOpened, ...] = ()
    devices: dict[str, Any] | None = None
    waiting: str | None = None

    @property
    def state(self) -> str:
        """As `runs list` has it: interrupted where nobody is at an unfinished run any more."""
        if self.view.state in ("running", "waiting") and not self.alive:
            return "interrupted" if self.view.attempt else "waiting"
        return "waiting" if self.waiting and self.alive else self.view.state

    @property
    def run_id(self) -> str:
        """The run's name, which is that of its folder."""
        return self.folder.name


class RunFollower:
    """Reads what a run's log has new, and folds it. Owned by one thread; snapshots may travel."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset = 0
        self._rest = b""
        self._view = RunView(run_id=folder.name)
        self._document: dict[str, Any] = {}
        self._lines: list[Line] = []
        self._dropped = 0
        self._rates: list[Sample] = []
        self._measured: dict[str, list[Sample]] = {}
        self._logs: list[events.LogOpened] = []
        self._devices: dict[str, Any] | None = None
        self._waiting: str | None = None
        self._last_progress: tuple[float, int] | None = None
        self._alive: bool | None = None

    def poll(self) -> RunSnapshot | None:
        """A new snapshot, None where nothing changed; at most 1 MB of the log a call."""
        if not self._document:
            self._document = run_folder.read_document(self._folder / "run.json")
        alive = locks.is_held(self._folder / "run.lock")
        changed = alive is not self._alive
        self._alive = alive
        for record in self._new_records():
            self.take(record)
            changed = True
        return self.snapshot() if changed else None

    def snapshot(self) -> RunSnapshot:
        """What is known now."""
        return RunSnapshot(
            folder=self._folder,
            document=self._document,
            view=self._view,
            alive=bool(self._alive),
            lines=self._lines,
            dropped=self._dropped,
            rates=self._rates,
            measured=dict(self._measured),
            logs=tuple(self._logs),
            devices=self._devices,
            waiting=self._waiting,
        )

    def _new_records(self) -> list[Record]:
        try:
            with (self._folder / "events.jsonl").open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read(_BYTES_AT_ONCE)
        except OSError:
            return []
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [record for line in whole if (record := _record(line)) is not None]

    def take(self, record: Record) -> None:
        """Fold one more record; a replay hands them in by itself."""
        self._view = fold(self._view, record)
        event, at_s = record.event, record.elapsed_s
        if isinstance(event, events.Progress):
            self._take_progress(event, at_s)
            return
        if isinstance(event, events.JobStarted):
            # Another attempt counts its seconds from 0 again.
            self._rates, self._measured = [], {}
        if isinstance(event, events.StepStarted):
            self._last_progress = None
        if isinstance(event, events.Measured) and event.value is not None:
            _bounded(self._measured.setdefault(event.name, []), Sample(at_s, event.value))
        if isinstance(event, events.LogOpened):
            self._logs.append(event)
        if isinstance(event, events.DevicesSampled):
            self._devices = event.document
        waits = isinstance(event, events.Warned) and event.id == "device.waiting"
        if waits and isinstance(event, events.Warned):
            self._waiting = event.message
        elif not isinstance(event, events.DevicesSampled):
            self._waiting = None
        for level, text in narrative(event):
            self._add_line(Line(at_s, level, text, event))

    def _take_progress(self, event: events.Progress, at_s: float) -> None:
        self._waiting = None
        before = self._last_progress
        self._last_progress = (at_s, event.done)
        if before is not None and at_s > before[0] and event.done > before[1]:
            rate = (event.done - before[1]) / (at_s - before[0])
            _bounded(self._rates, Sample(at_s, rate))

    def _add_line(self, line: Line) -> None:
        # A new list, so that a reader of an older snapshot keeps the numbers that it counts by.
        if len(self._lines) >= MOST_LINES:
            keep = MOST_LINES // 2
            self._dropped += len(self._lines) - keep
            self._lines = self._lines[-keep:]
        self._lines.append(line)


def _bounded(samples: list[Sample], sample: Sample) -> None:
    samples.append(sample)
    if len(samples) > MOST_SAMPLES:
        del samples[: MOST_SAMPLES // 4]


def _record(line: bytes) -> Record | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return events.from_json(document) if isinstance(document, dict) else None


def narrative(event: events.Event) -> list[tuple[str, str]]:
    """The lines that an event is worth in a log, each with its level."""
    if isinstance(event, events.StepStarted):
        return [("step", f"[{event.index}/{event.count}] {event.name}")]
    if isinstance(event, events.LogLine):
        return [(event.level, event.text)]
    if isinstance(event, events.Warned):
        return [("warning", event.message), *([("info", event.hint)] if event.hint else [])]
    if isinstance(event, events.ArtifactWritten):
        return [("file", event.path)]
    if isinstance(event, events.JobFailed):
        return [("error", event.message), *([("info", event.hint)] if event.hint else [])]
    if isinstance(event, events.Measured):
        value = "–" if event.value is None else f"{event.value:.4g}"
        return [("info", f"{event.name} {value} {event.unit}")]
    return []


def alive_among(folders: Sequence[Path]) -> list[Path]:
    """Those of some run folders at which a process works."""
    return [folder for folder in folders if locks.is_held(folder / "run.lock")]
