"""The measuring protocol: how long, when stable, and which figures may be shown."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core import stats
from ascend_console.core.stats import MeasurementPlan, WindowTracker

if TYPE_CHECKING:
    from collections.abc import Iterator


def _run(latencies: Iterator[float], batch_size: int = 1) -> WindowTracker:
    tracker = WindowTracker(batch_size)
    while not tracker.done:
        tracker.add(next(latencies))
    return tracker


@given(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=200), st.floats(0, 100))
def test_percentiles_equal_those_of_numpy(values: list[float], percent: float) -> None:
    """The vendor's tools use numpy's definition."""
    expected = float(np.percentile(values, percent))
    assert stats.percentile(sorted(values), percent) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "p90", "p99"),
    [
        (1, False, False),
        (63, False, False),
        (64, True, False),
        (661, True, False),
        (662, True, True),
    ],
)
def test_a_percentile_that_too_few_samples_support_is_unknown(
    count: int, p90: bool, p99: bool
) -> None:
    """p99 of 100 samples is the second slowest one, and says little."""
    found = stats.latency_summary([float(value) for value in range(1, count + 1)])
    assert (found.p90 is not None, found.p99 is not None) == (p90, p99)
    assert found.median == found.mean == (count + 1) / 2


def test_nothing_measured_has_no_latency() -> None:
    """Unknown is None, never 0."""
    found = stats.latency_summary([])
    assert (found.mean, found.median, found.p90, found.p99) == (None, None, None, None)
    assert stats.variation_coefficient([1.0]) is None


@given(st.lists(st.floats(0.1, 1e3), min_size=2, max_size=50))
def test_variation_is_that_of_the_sample(values: list[float]) -> None:
    """Standard deviation with n - 1, over the mean."""
    expected = float(np.std(values, ddof=1) / np.mean(values))
    assert stats.variation_coefficient(values) == pytest.approx(expected, abs=1e-9)


def test_throughput_counts_images_not_batches() -> None:
    """Tools that forget the batch size under-report by that factor."""
    assert stats.device_throughput(16, 8.0) == 2000.0
    assert stats.end_to_end_throughput(300, 2.0) == 150.0
    assert stats.end_to_end_throughput(0, 2.0) is None
    assert stats.end_to_end_throughput(3, 0.0) is None


def test_agreement_is_between_any_two_windows() -> None:
    """10 % of the smaller one."""
    assert stats.agree([100.0, 110.0, 105.0], 0.10)
    assert not stats.agree([100.0, 110.2, 105.0], 0.10)


@pytest.mark.parametrize(
    ("executions", "elapsed_ms", "enough"),
    [
        (100, 3000, True),
        (99, 3000, False),
        (100, 2999, False),
        (30, 10_000, True),
        (29, 60_000, False),
        (99, 9_999, False),
    ],
)
def test_a_measurement_is_long_enough_by_time_and_count(
    executions: int, elapsed_ms: float, enough: bool
) -> None:
    """3 s and 100 executions, or 10 s and 30."""
    assert MeasurementPlan().enough(executions, elapsed_ms) is enough


@pytest.mark.parametrize(
    ("executions", "elapsed_ms", "warm"),
    [(10, 200, True), (9, 5000, False), (1000, 199.9, False)],
)
def test_warm_up_needs_executions_and_time(executions: int, elapsed_ms: float, warm: bool) -> None:
    """10 executions of 1 ms do not warm a processor up."""
    assert MeasurementPlan().warm(executions, elapsed_ms) is warm


@pytest.mark.parametrize("latency_ms", [0.5, 3.0, 30.0, 60.0, 150.0, 3000.0])
def test_a_steady_model_is_measured_in_three_windows(latency_ms: float) -> None:
    """The protocol fits executions of half a millisecond and of three seconds."""
    tracker = _run(itertools.repeat(latency_ms), batch_size=4)
    found = tracker.summary()
    assert tracker.windows == 3
    assert found.stable
    assert found.enough
    assert found.throughput == pytest.approx(4000 / latency_ms)
    assert found.warmup_executions == max(10, math.ceil(200 / latency_ms))
    assert found.first_ms == latency_ms
    # Never more than a third longer than the shorter of both rules asks for.
    least = min(max(3000, 100 * latency_ms), max(10_000, 30 * latency_ms))
    assert least <= found.elapsed_ms <= least * 4 / 3 + 3 * latency_ms


def test_the_warm_up_enters_no_figure() -> None:
    """The first executions compile, allocate and page in."""
    cold = [900.0, *[50.0] * 9]
    found = _run(itertools.chain(cold, itertools.repeat(10.0))).summary()
    assert found.first_ms == 900.0
    assert found.max_ms == 10.0
    assert found.warmup_executions == 10


def test_a_model_that_settles_is_measured_where_it_settled() -> None:
    """Clocks rise in the first seconds; the last three windows count."""
    falling = (40.0 if count < 60 else 20.0 for count in itertools.count())
    tracker = _run(falling)
    found = tracker.summary()
    assert tracker.windows > 3
    assert found.stable
    assert found.max_ms == 20.0


def test_a_model_that_never_settles_stops_after_ten_windows() -> None:
    """The measurement ends, and says that it is unstable."""
    growing = (10.0 * 1.003**count for count in itertools.count())
    tracker = _run(growing)
    assert tracker.windows == 10
    assert tracker.summary().stable is False


def test_one_odd_window_delays_the_end() -> None:
    """A neighbour's burst must not be averaged in."""
    burst = (40.0 if 80 <= count < 110 else 20.0 for count in itertools.count())
    tracker = _run(burst)
    assert 3 < tracker.windows < 10
    assert tracker.summary().max_ms == 20.0


def test_a_stopped_measurement_has_figures_and_says_too_short() -> None:
    """Cancelling must not lose what was seen, nor call it good."""
    tracker = WindowTracker(2)
    with pytest.raises(ValueError, match="nothing was measured"):
        tracker.summary()
    for _ in range(30):
        tracker.add(20.0)
    found = tracker.summary()
    assert (found.samples, found.enough, found.stable) == (20, False, None)
    assert found.throughput == 100.0


@pytest.mark.parametrize("latency_ms", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(latency_ms: float) -> None:
    """A broken clock must not become a throughput."""
    with pytest.raises(ValueError, match="positive time"):
        WindowTracker(1).add(latency_ms)
    with pytest.raises(ValueError, match="positive time"):
        stats.measurement_of([1.0, latency_ms], 1)


def test_a_longer_duration_is_kept_and_a_shorter_one_is_not() -> None:
    """`--duration 30` measures 30 s; `--duration 1` stays valid."""
    assert MeasurementPlan.lasting(30).least_ms == 30_000
    assert MeasurementPlan.lasting(30).slow_ms == 30_000
    assert MeasurementPlan.lasting(1) == MeasurementPlan()


def test_memory_of_a_long_measurement_is_bounded() -> None:
    """Only the windows that must agree are kept."""
    tracker = WindowTracker(1)
    for count in range(20_000):
        tracker.add(1.0 + count % 7 * 0.5 * (1 + count // 2000))
    assert tracker.summary().samples < 6000


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=400), st.integers(1, 64))
def test_samples_that_a_tool_kept_all_count(values: list[float], batch_size: int) -> None:
    """Throughput from a list equals the formula on its mean; stability needs three windows."""
    found = stats.measurement_of(values, batch_size)
    assert found.samples == len(values)
    assert found.throughput == pytest.approx(1000 * batch_size / (sum(values) / len(values)))
    assert (found.stable is None) == (len(values) < 3)
    assert found.min_ms == min(values)


def test_samples_of_a_tool_are_checked_at_their_end() -> None:
    """ais_bench keeps every time; a device that slowed down shows in the last windows."""
    assert stats.measurement_of([10.0] * 400, 1).stable
    assert stats.measurement_of([10.0] * 300 + [20.0] * 100, 1).stable is False
    with pytest.raises(ValueError, match="nothing was measured"):
        stats.measurement_of([], 1)
