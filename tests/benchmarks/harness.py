"""Pairs of runs in ABBA order, a ratio of medians, and a bootstrap interval around it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_ROUNDS = 10
MOST_ROUNDS = 40
DRAWS = 2000
SEED = 20261120


@dataclass(frozen=True)
class Result:
    """One row: `value` is a ratio, `passed` None where the interval reaches over the goal."""

    name: str
    value: float
    interval: tuple[float, float]
    goal: float
    unit: str
    passed: bool | None
    detail: dict[str, object] = field(default_factory=dict)


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def ratio_interval(above: list[float], below: list[float]) -> tuple[float, float]:
    """95 % bootstrap interval of median(above) / median(below)."""
    generator = np.random.default_rng(SEED)
    upper, lower = np.asarray(above), np.asarray(below)
    draws = [
        np.median(generator.choice(upper, len(upper)))
        / np.median(generator.choice(lower, len(lower)))
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(low), float(high)


def judge(interval: tuple[float, float], goal: float, at_least: bool) -> bool | None:
    """Met when the whole interval meets the goal, missed when none of it does, else undecided."""
    low, high = interval if at_least else (-interval[1], -interval[0])
    limit = goal if at_least else -goal
    if low >= limit:
        return True
    return False if high < limit else None


def compare(
    name: str,
    baseline: Callable[[], float],
    ours: Callable[[], float],
    goal: float,
    *,
    at_least: bool = True,
    rounds: int = LEAST_ROUNDS,
    most_rounds: int = MOST_ROUNDS,
) -> Result:
    """Time both in ABBA order until the goal is decided.

    Both functions return seconds. The value is baseline / ours where a goal is to be reached
    (`at_least`), and ours / baseline where it is a limit.
    """
    base_s: list[float] = []
    own_s: list[float] = []
    baseline()
    ours()
    while True:
        order = [(baseline, base_s), (ours, own_s)]
        for call, kept in order if len(base_s) % 2 == 0 else reversed(order):
            kept.append(call())
        if len(base_s) < rounds:
            continue
        above, below = (base_s, own_s) if at_least else (own_s, base_s)
        interval = ratio_interval(above, below)
        passed = judge(interval, goal, at_least)
        if passed is not None or len(base_s) >= most_rounds:
            break
    return Result(
        name=name,
        value=statistics.median(above) / statistics.median(below),
        interval=interval,
        goal=goal,
        unit="x",
        passed=passed,
        detail={
            "rounds": len(base_s),
            "baseline_s": statistics.median(base_s),
            "ours_s": statistics.median(own_s),
        },
    )
