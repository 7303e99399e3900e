"""Sweeps over batch sizes, precisions and threads: when to stop, and which point to take.

Pure: points come in as figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core.verdict import Finding, Gate, State, finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ascend_console.core.stats import Gain
    from ascend_console.core.verdict import Source

LEAST_GAIN = 0.05
SMALL_GAINS = 2
LARGEST_BATCH = 512

_GRAVITY: tuple[State, ...] = ("FAIL", "INCOMPLETE", "INVALID", "PASS", "NO_RULE")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """What was found at one batch size, precision and number of threads.

    `interval` is that of the throughput (95 %), known with repeats; `accuracy` a fraction and
    `accuracy_state` what its gate said; both sizes in bytes.
    """

    batch_size: int
    precision: str
    threads: int
    throughput: float | None
    valid: bool
    source: Source = "dataset"
    interval: tuple[float, float] | None = None
    accuracy: float | None = None
    accuracy_state: State = "NO_RULE"
    memory_bytes: int | None = None
    artifact_bytes: int | None = None


def goes_on(rates: Sequence[float | None]) -> bool:
    """Whether a sweep takes the next batch size, after these throughputs.

    It ends when two steps in a row gained less than 5 % over the best before them. A figure that is
    unknown gained nothing.
    """
    small, best = 0, None
    for rate in rates:
        if best is None or (rate is not None and rate >= best * (1 + LEAST_GAIN)):
            small = 0
        else:
            small += 1
        best = rate if best is None else max(best, rate or 0.0)
    return small < SMALL_GAINS


def doubling() -> Iterator[int]:
    """1, 2, 4, 8, ... up to the largest batch size of a sweep."""
    size = 1
    while size <= LARGEST_BATCH:
        yield size
        size *= 2


def _merits(point: SweepPoint) -> tuple[float | None, ...]:
    """What is better the higher it is."""
    memory = None if point.memory_bytes is None else -float(point.memory_bytes)
    return point.throughput, point.accuracy, memory


def _dominates(a: SweepPoint, b: SweepPoint) -> bool:
    """Whether `a` is nowhere worse than `b` and somewhere better, in what both know."""
    pairs = [
        (mine, other)
        for mine, other in zip(_merits(a), _merits(b), strict=True)
        if mine is not None and other is not None
    ]
    return all(mine >= other for mine, other in pairs) and any(m > o for m, o in pairs)


def pareto(points: Sequence[SweepPoint]) -> tuple[SweepPoint, ...]:
    """The points that none other beats in throughput, accuracy and memory together.

    One without a throughput is beaten by any that has one.
    """
    measured = [point for point in points if point.throughput is not None]
    return tuple(
        point for point in measured if not any(_dominates(other, point) for other in measured)
    )


def recommended(points: Sequence[SweepPoint]) -> SweepPoint | None:
    """The fastest trusted point whose accuracy does not fail its gate; None where there is none.

    Random or zero input wins nothing. Equal ones: the smaller batch, then fewer threads.
    """
    usable = [
        (point.throughput, -point.batch_size, -point.threads, index)
        for index, point in enumerate(points)
        if point.throughput is not None
        and point.valid
        and point.source == "dataset"
        and point.accuracy_state != "FAIL"
    ]
    return points[max(usable)[3]] if usable else None


def recommendation(points: Sequence[SweepPoint]) -> Finding:
    """The recommended point in words, with the interval of its throughput."""
    chosen = recommended(points)
    if chosen is None:
        return finding(
            "bench.no_recommendation",
            "no point can be recommended: none has a trusted throughput on a data set and an "
            "accuracy that does not fail",
            "See the reasons of each point; measure on an idle device, on a data set.",
        )
    rate = f"{chosen.throughput:.2f}"
    if chosen.interval is None:
        return finding(
            "bench.recommended",
            "fastest whose accuracy does not fail: bs{batch_size} {precision}, {threads} threads, "
            "{rate} images/s",
            batch_size=chosen.batch_size,
            precision=chosen.precision,
            threads=chosen.threads,
            rate=rate,
        )
    return finding(
        "bench.recommended_interval",
        "fastest whose accuracy does not fail: bs{batch_size} {precision}, {threads} threads, "
        "{rate} images/s, 95 % interval {low} to {high}",
        batch_size=chosen.batch_size,
        precision=chosen.precision,
        threads=chosen.threads,
        rate=rate,
        low=f"{chosen.interval[0]:.2f}",
        high=f"{chosen.interval[1]:.2f}",
    )


def tuning_gain(gain: Gain) -> Finding:
    """What tuning brought, in words: `tuned 1.8 % faster (interval -0.4..4.0): no clear gain`.

    A slower artefact is so many percent faster with a minus sign, as the interval has it.
    """
    percent = f"{gain.percent:.1f}"
    if gain.interval is None:
        return finding(
            "bench.tuned_once",
            "tuned {percent} % faster, measured once: no interval",
            "Measure several times: --repeat 5.",
            percent=percent,
        )
    low, high = (f"{side:.1f}" for side in gain.interval)
    if not gain.is_clear:
        return finding(
            "bench.tuned_unclear",
            "tuned {percent} % faster (interval {low}..{high}): no clear gain",
            percent=percent,
            low=low,
            high=high,
        )
    if gain.percent > 0:
        return finding(
            "bench.tuned_faster",
            "tuned {percent} % faster (interval {low}..{high}): a clear gain",
            percent=percent,
            low=low,
            high=high,
        )
    return finding(
        "bench.tuned_slower",
        "tuned {percent} % faster (interval {low}..{high}): a clear loss",
        "Use the untuned artefact.",
        percent=percent,
        low=low,
        high=high,
    )


def gravest(states: Iterable[State]) -> State:
    """FAIL before INCOMPLETE before INVALID before PASS; NO_RULE of none."""
    return min(states, key=_GRAVITY.index, default="NO_RULE")


def joined_gate(gates: Sequence[Gate]) -> Gate:
    """One gate of several of the same id: the gravest state, with the findings of that state."""
    state = gravest(gate.state for gate in gates)
    told = [entry for gate in gates if gate.state == state for entry in gate.findings]
    warnings = [entry for gate in gates for entry in gate.warnings]

    def once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
        return tuple({(entry.id, entry.message): entry for entry in findings}.values())

    passed = None if state == "NO_RULE" else state == "PASS"
    return Gate(gates[0].id, passed, state, once(told), once(warnings))
