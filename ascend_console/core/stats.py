"""Latency statistics and the measuring protocol: warm-up, windows, when to stop.

Pure: durations are arguments. A measuring loop feeds a `WindowTracker` until it is done.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ascend_console.core.verdict import LatencyMs

if TYPE_CHECKING:
    from collections.abc import Sequence

# From how many samples a percentile is worth showing (the criterion of MLPerf's LoadGen).
P90_SAMPLES = 64
P99_SAMPLES = 662


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Percentile of ascending values, between two of them by straight line (numpy's default)."""
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def latency_summary(latencies_ms: Sequence[float]) -> LatencyMs:
    """Mean, median, p90 from 64 samples on and p99 from 662; all None without a sample."""
    if not latencies_ms:
        return LatencyMs()
    ordered = sorted(latencies_ms)
    count = len(ordered)
    return LatencyMs(
        mean=math.fsum(ordered) / count,
        median=percentile(ordered, 50),
        p90=percentile(ordered, 90) if count >= P90_SAMPLES else None,
        p99=percentile(ordered, 99) if count >= P99_SAMPLES else None,
    )


def variation_coefficient(latencies_ms: Sequence[float]) -> float | None:
    """Standard deviation of the sample over its mean; None of fewer than two samples."""
    count = len(latencies_ms)
    if count < 2:
        return None
    mean = math.fsum(latencies_ms) / count
    spread = math.fsum((value - mean) ** 2 for value in latencies_ms) / (count - 1)
    return math.sqrt(spread) / mean


# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_Z_95 = 1.959964


def t_quantile(degrees: float) -> float:
    """Two-sided 95 % quantile of Student's t; a fraction of a degree counts for nothing."""
    whole = max(1, math.floor(degrees))
    if whole <= len(_T_95):
        return _T_95[whole - 1]
    # The first two terms of the series in 1 / degrees (Abramowitz and Stegun 26.7.5).
    first = (_Z_95**3 + _Z_95) / 4
    second = (5 * _Z_95**5 + 16 * _Z_95**3 + 3 * _Z_95) / 96
    return _Z_95 + first / whole + second / whole**2


def _mean_and_variance(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the variance of a sample of at least two."""
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean of repeated measurements (Student's t); None of fewer than two."""
    if len(values) < 2:
        return None
    mean, variance = _mean_and_variance(values)
    half = t_quantile(len(values) - 1) * math.sqrt(variance / len(values))
    return mean - half, mean + half


@dataclass(frozen=True, slots=True)
class Gain:
    """How much higher one rate is than another, in percent; negative where it is lower.

    `interval` (95 %) is None where there are too few measurements for one.
    """

    percent: float
    interval: tuple[float, float] | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def welch_gain(base: Sequence[float], other: Sequence[float]) -> Gain:
    """The gain of `other` over `base`, both repeated measurements of a rate above 0.

    The interval is Welch's, of the difference of the logarithms: it needs two of each, and no
    equal spread. ValueError where there is no measurement.
    """
    if not base or not other:
        raise ValueError("a gain needs a measurement of each")
    logs = [[math.log(value) for value in values] for values in (base, other)]
    means = [math.fsum(values) / len(values) for values in logs]
    percent = 100 * math.expm1(means[1] - means[0])
    if min(len(base), len(other)) < 2:
        return Gain(percent, None)
    parts = [_mean_and_variance(values)[1] / len(values) for values in logs]
    spread = math.fsum(parts)
    if spread == 0:
        return Gain(percent, (percent, percent))
    degrees = spread**2 / math.fsum(
        part**2 / (len(values) - 1) for part, values in zip(parts, logs, strict=True)
    )
    half = t_quantile(degrees) * math.sqrt(spread)
    low, high = (100 * math.expm1(means[1] - means[0] + side) for side in (-half, half))
    return Gain(percent, (low, high))


def device_throughput(batch_size: int, mean_ms: float) -> float:
    """Images a second that the device computes: 1000 x batch / mean time of one execution."""
    return 1000 * batch_size / mean_ms


def end_to_end_throughput(images: int, elapsed_s: float) -> float | None:
    """Images a second of wall-clock time; None before there is something to divide."""
    return images / elapsed_s if images and elapsed_s > 0 else None


def agree(values: Sequence[float], tolerance: float) -> bool:
    """Whether any two of these positive values differ by at most `tolerance` of the smaller."""
    return max(values) <= min(values) * (1 + tolerance)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementPlan:
    """How long to warm up and to measure, and when windows agree.

    A measurement is long enough with `least_ms` and `least_executions`, or, for slow models, with
    `slow_ms` and `slow_executions`. A window is a third of that, so that three windows suffice for
    an execution of 3 ms as of 3 s.
    """

    warmup_executions: int = 10
    warmup_ms: float = 200.0
    least_ms: float = 3_000.0
    least_executions: int = 100
    slow_ms: float = 10_000.0
    slow_executions: int = 30
    agreeing_windows: int = 3
    most_windows: int = 10
    agreement: float = 0.10

    @classmethod
    def lasting(cls, duration_s: float) -> MeasurementPlan:
        """The plan for a longer measurement; a shorter one than the default is not made."""
        ms = duration_s * 1000
        return cls(least_ms=max(cls().least_ms, ms), slow_ms=max(cls().slow_ms, ms))

    def warm(self, executions: int, elapsed_ms: float) -> bool:
        """Whether this much was enough to warm up."""
        return executions >= self.warmup_executions and elapsed_ms >= self.warmup_ms

    def enough(self, executions: float, elapsed_ms: float) -> bool:
        """Whether this much was measured long enough."""
        fast = executions >= self.least_executions and elapsed_ms >= self.least_ms
        return fast or (executions >= self.slow_executions and elapsed_ms >= self.slow_ms)

    def window_full(self, executions: int, elapsed_ms: float) -> bool:
        """Whether as many windows of this size as must agree are long enough together."""
        return self.enough(executions * self.agreeing_windows, elapsed_ms * self.agreeing_windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a measuring loop saw of one artefact at one batch size, warm-up excluded.

    The figures are those of the windows that had to agree: the last three. `stable` is None with
    fewer windows. `first_ms` is the very first execution, the cold start.
    """

    batch_size: int
    latency_ms: LatencyMs
    throughput: float
    samples: int
    elapsed_ms: float
    min_ms: float
    max_ms: float
    variation: float | None
    stable: bool | None
    enough: bool
    window_throughputs: tuple[float, ...] = ()
    warmup_executions: int = 0
    first_ms: float | None = None


@dataclass(slots=True)
class _Window:
    latencies_ms: list[float] = field(default_factory=list)
    elapsed_ms: float = 0.0

    def add(self, latency_ms: float) -> None:
        self.latencies_ms.append(latency_ms)
        self.elapsed_ms += latency_ms

    @property
    def mean_ms(self) -> float:
        return self.elapsed_ms / len(self.latencies_ms)

    @property
    def median_ms(self) -> float:
        return percentile(sorted(self.latencies_ms), 50)


def _stable(windows: Sequence[_Window], plan: MeasurementPlan) -> bool | None:
    """Whether throughput (by the mean) and latency (the median) agree in the last windows."""
    last = windows[-plan.agreeing_windows :]
    if len(last) < plan.agreeing_windows:
        return None
    return agree([window.mean_ms for window in last], plan.agreement) and agree(
        [window.median_ms for window in last], plan.agreement
    )


def _measurement(
    batch_size: int, windows: Sequence[_Window], stable: bool | None, plan: MeasurementPlan
) -> Measurement:
    latencies = [value for window in windows for value in window.latencies_ms]
    if not latencies:
        raise ValueError("nothing was measured")
    elapsed_ms = math.fsum(window.elapsed_ms for window in windows)
    return Measurement(
        batch_size=batch_size,
        latency_ms=latency_summary(latencies),
        throughput=device_throughput(batch_size, elapsed_ms / len(latencies)),
        samples=len(latencies),
        elapsed_ms=elapsed_ms,
        min_ms=min(latencies),
        max_ms=max(latencies),
        variation=variation_coefficient(latencies),
        stable=stable,
        enough=plan.enough(len(latencies), elapsed_ms),
        window_throughputs=tuple(
            device_throughput(batch_size, window.mean_ms)
            for window in windows
            if window.latencies_ms
        ),
    )


class WindowTracker:
    """Takes the latency of one execution after the other and says when to stop.

    Use: `while not tracker.done: tracker.add(measured_ms)`, then `tracker.summary()`. The first
    executions are the warm-up and enter no figure. Only the last windows are kept in memory.
    """

    def __init__(self, batch_size: int, plan: MeasurementPlan | None = None) -> None:
        self._batch_size = batch_size
        self._plan = plan or MeasurementPlan()
        self._first_ms: float | None = None
        self._warmup_executions = 0
        self._warmup_elapsed_ms = 0.0
        self._closed: list[_Window] = []
        self._windows = 0
        self._stable: bool | None = None
        self._open = _Window()

    @property
    def warm(self) -> bool:
        """Whether the next execution is measured."""
        return self._plan.warm(self._warmup_executions, self._warmup_elapsed_ms)

    @property
    def windows(self) -> int:
        """Windows measured so far."""
        return self._windows

    @property
    def done(self) -> bool:
        """Whether the last windows agree, or as many as allowed were measured."""
        return self._windows >= self._plan.most_windows or bool(self._stable)

    def add(self, latency_ms: float) -> None:
        """Take one execution; ValueError for a duration that is none."""
        if not (math.isfinite(latency_ms) and latency_ms > 0):
            raise ValueError(f"an execution takes a positive time, not {latency_ms} ms")
        if self._first_ms is None:
            self._first_ms = latency_ms
        if not self.warm:
            self._warmup_executions += 1
            self._warmup_elapsed_ms += latency_ms
            return
        self._open.add(latency_ms)
        if self._plan.window_full(len(self._open.latencies_ms), self._open.elapsed_ms):
            self._closed = [*self._closed, self._open][-self._plan.agreeing_windows :]
            self._windows += 1
            self._stable = _stable(self._closed, self._plan)
            self._open = _Window()

    def summary(self) -> Measurement:
        """The figures so far; ValueError where nothing was measured.

        An open window counts only while no window was closed.
        """
        windows = self._closed or [self._open]
        measured = _measurement(self._batch_size, windows, self._stable, self._plan)
        return replace(measured, warmup_executions=self._warmup_executions, first_ms=self._first_ms)


def measurement_of(
    latencies_ms: Sequence[float], batch_size: int, plan: MeasurementPlan | None = None
) -> Measurement:
    """The measurement of samples that a tool kept, its warm-up already left out.

    All samples count; they are cut into three to ten equal windows to see whether the last three
    agree. ValueError of no sample, or of one that is no duration.
    """
    plan = plan or MeasurementPlan()
    if not all(math.isfinite(value) and value > 0 for value in latencies_ms):
        raise ValueError("an execution takes a positive time")
    count = len(latencies_ms)
    wanted = count * plan.agreeing_windows // plan.least_executions
    parts = min(plan.most_windows, max(plan.agreeing_windows, wanted))
    cuts = [count * part // parts for part in range(parts + 1)]
    windows = [
        _Window(list(latencies_ms[start:end]), math.fsum(latencies_ms[start:end]))
        for start, end in itertools.pairwise(cuts)
        if end > start
    ]
    return _measurement(batch_size, windows, _stable(windows, plan), plan)
