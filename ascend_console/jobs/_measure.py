"""The device's own throughput: inputs in memory, decoding stopped, windows until they agree."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.events import LogLine, Measured, Progress
from ascend_console.core.stats import Measurement, WindowTracker
from ascend_console.core.validity import Conditions, ForeignUse, Validity, judge_measurement
from ascend_console.core.verdict import Finding, LatencyMs

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Backend, Env
    from ascend_console.jobs._stream import Intake

_LOOK_INTERVAL_S = 1.0
_POOL_IMAGES = 32


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """One measurement with its trust and every latency of it, in ms."""

    figures: Measurement
    validity: Validity
    latencies_ms: tuple[float, ...]


class _Neighbours:
    """Looks once a second who else uses the processor."""

    def __init__(self, env: Env, *, allow_busy: bool) -> None:
        from ascend_console.tools.cpu_load import ForeignLoad

        self._clock = env.clock
        self._load = ForeignLoad(env.clock)
        self.checked = not allow_busy and self._load.sample() is not None
        self._looked_s = env.clock.monotonic_s()
        self._seen: dict[int, ForeignUse] = {}

    def look(self, *, last: bool = False) -> None:
        """Look again once a second; the `last` look needs half of one.

        The system counts processor time in ticks, so that a shorter span says nothing.
        """
        least_s = _LOOK_INTERVAL_S / 2 if last else _LOOK_INTERVAL_S
        if not self.checked or self._clock.monotonic_s() - self._looked_s < least_s:
            return
        self._looked_s = self._clock.monotonic_s()
        for found in self._load.sample() or ():
            known = self._seen.get(found.pid)
            if known is None or (known.cpu_percent or 0) < found.cpu_percent:
                self._seen[found.pid] = ForeignUse(found.pid, found.name, found.cpu_percent)

    def conditions(self) -> Conditions:
        """What the looks found."""
        return Conditions(foreign=tuple(self._seen.values()), exclusive_checked=self.checked)


def wait_idle(most_s: float, env: Env) -> Generator[Event, None, None]:
    """Wait until no other process is busy, at most `most_s` seconds; then go on in any case."""
    from ascend_console.tools.cpu_load import ForeignLoad

    load = ForeignLoad(env.clock)
    load.sample()
    until_s = env.clock.monotonic_s() + most_s
    while env.clock.monotonic_s() < until_s and not env.cancel.wait(_LOOK_INTERVAL_S):
        busy = load.sample()
        if not busy:
            return
        yield LogLine(f"waiting for an idle processor: {busy[0].name} (pid {busy[0].pid})")


def input_pool(intake: Intake, batch_size: int) -> list[NDArray[Any]]:
    """Full batches of preprocessed images of the data set, the images taken in turn."""
    import numpy as np

    wanted = max(_POOL_IMAGES, batch_size)
    samples: list[NDArray[Any]] = []
    for batch in intake.batches(1):
        samples.append(batch.data)
        if len(samples) == wanted:
            break
    count = max(1, wanted // batch_size)
    return [
        np.concatenate(
            [samples[(start * batch_size + k) % len(samples)] for k in range(batch_size)]
        )
        for start in range(count)
    ]


def measure(
    backend: Backend,
    pool: list[NDArray[Any]],
    batch_size: int,
    env: Env,
    *,
    allow_busy: bool = False,
) -> Generator[Event, None, MeasuredRate]:
    """Execute until the windows agree; reading the clock and looking around are not timed.

    With `allow_busy` nobody looks around, and the result says that this was not checked.
    """
    tracker = WindowTracker(batch_size)
    neighbours = _Neighbours(env, allow_busy=allow_busy)
    latencies: list[float] = []
    while not tracker.done:
        data = pool[len(latencies) % len(pool)]
        started_s = env.clock.monotonic_s()
        backend.infer(data)
        latency_ms = 1000 * (env.clock.monotonic_s() - started_s)
        tracker.add(max(latency_ms, 1e-6))
        latencies.append(latency_ms)
        yield Progress(len(latencies) * batch_size, None, "images")
        neighbours.look()
    neighbours.look(last=True)
    figures = tracker.summary()
    yield Measured(f"throughput bs{batch_size}", figures.throughput, "images/s")
    if figures.latency_ms.median is not None:
        yield Measured(f"latency median bs{batch_size}", figures.latency_ms.median, "ms")
    validity = judge_measurement(figures, neighbours.conditions())
    return MeasuredRate(figures, validity, tuple(latencies))


def write_measurement(
    measured: MeasuredRate, path: Path, backend: Backend, facts: dict[str, Any]
) -> None:
    """Write one measurement with all of its raw samples."""
    from ascend_console.tools import files

    validity = measured.validity
    document = {
        "schema": 1,
        "tool": backend.version(),
        "device": backend.device_name(),
        **facts,
        "measurement": asdict(measured.figures),
        "valid": validity.valid,
        "reasons": [entry.to_json() for entry in validity.reasons],
        "notes": [entry.to_json() for entry in validity.notes],
        "latencies_ms": [round(value, 4) for value in measured.latencies_ms],
    }
    files.write_json(path, document)


def read_measurement(path: Path, key: str) -> MeasuredRate | None:
    """The measurement of an earlier attempt at the same; None where there is none."""
    from ascend_console.tools import files

    if not path.is_file():
        return None
    document = files.read_json(path)
    if not isinstance(document, dict) or document.get("key") != key:
        return None
    stored = dict(document["measurement"])
    stored["latency_ms"] = LatencyMs(**stored["latency_ms"])
    stored["window_throughputs"] = tuple(stored["window_throughputs"])
    reasons, notes = (
        tuple(
            Finding(entry["id"], entry["message"], entry["hint"], entry["args"])
            for entry in document[name]
        )
        for name in ("reasons", "notes")
    )
    validity = Validity(document["valid"], reasons, notes)
    return MeasuredRate(Measurement(**stored), validity, tuple(document["latencies_ms"]))
