"""The device's own throughput: inputs in memory, decoding stopped, windows until they agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.events import LogLine, Measured, Progress
from ascend_console.core.stats import MeasurementPlan, WindowTracker
from ascend_console.core.validity import Conditions, ForeignUse
from ascend_console.jobs._rates import rate_of_measurement
from ascend_console.tools.random_input import random_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from numpy.typing import NDArray

    from ascend_console.core.backend import Backend
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env
    from ascend_console.core.stats import Measurement
    from ascend_console.core.verdict import Source
    from ascend_console.jobs._rates import MeasuredRate
    from ascend_console.jobs._stream import Intake

_LOOK_INTERVAL_S = 1.0
_POOL_IMAGES = 32


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


def _nothing() -> Iterator[Event]:
    """Nobody watches."""
    return iter(())


def _windows(
    backend: Backend,
    pool: list[NDArray[Any]],
    batch_size: int,
    env: Env,
    plan: MeasurementPlan,
    watch: Callable[[], Iterable[Event]],
) -> Generator[Event, None, tuple[Measurement, list[float]]]:
    """Execute until the windows agree; what `watch` does is not timed."""
    tracker = WindowTracker(batch_size, plan)
    latencies: list[float] = []
    while not tracker.done:
        data = pool[len(latencies) % len(pool)]
        started_s = env.clock.monotonic_s()
        backend.infer(data)
        latency_ms = 1000 * (env.clock.monotonic_s() - started_s)
        tracker.add(max(latency_ms, 1e-6))
        latencies.append(latency_ms)
        yield Progress(len(latencies) * batch_size, None, "images")
        yield from watch()
    return tracker.summary(), latencies


def measure(
    backend: Backend,
    pool: list[NDArray[Any]],
    batch_size: int,
    env: Env,
    *,
    allow_busy: bool = False,
    plan: MeasurementPlan | None = None,
    source: Source = "dataset",
    watch: Callable[[], Iterable[Event]] = _nothing,
) -> Generator[Event, None, MeasuredRate]:
    """Execute until the windows agree; reading the clock and looking around are not timed.

    With `allow_busy` nobody looks around, and the result says that this was not checked. On another
    device than the CPU nobody can: there a measurement on a data set is followed by one on random
    input, since a shared device shows by the difference (design.md section 4).
    """
    on_cpu = backend.device_name().startswith("cpu")
    neighbours = _Neighbours(env, allow_busy=allow_busy or not on_cpu)

    def look() -> Iterator[Event]:
        neighbours.look()
        yield from watch()

    plan = plan or MeasurementPlan()
    figures, latencies = yield from _windows(backend, pool, batch_size, env, plan, look)
    neighbours.look(last=True)
    yield Measured(f"throughput bs{batch_size}", figures.throughput, "images/s")
    if figures.latency_ms.median is not None:
        yield Measured(f"latency median bs{batch_size}", figures.latency_ms.median, "ms")
    random_throughput = None
    if not on_cpu and source == "dataset":
        made_up = [random_batch(pool[0].shape, pool[0].dtype.name)]
        after, _ = yield from _windows(
            backend, made_up, batch_size, env, MeasurementPlan(), _nothing
        )
        random_throughput = after.throughput
    conditions = replace(
        neighbours.conditions(), source=source, random_throughput=random_throughput
    )
    rate = rate_of_measurement(figures, conditions, latencies)
    return replace(rate, random_throughput=random_throughput)
