"""Tests on the same images: hand-computed cases, and properties that every input must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascend_console.core import paired

COUNTS = st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(1, 5000)).filter(
    lambda counts: counts[0] + counts[1] <= counts[2]
)


def test_disagreements_are_counted_by_side() -> None:
    """b is right only in the reference, c only in the artefact."""
    reference = np.array([True, True, True, False, False])
    artefact = np.array([True, False, False, True, False])
    assert paired.paired_counts(reference, artefact) == (2, 1)


def test_bonett_price_of_cases_computed_by_hand() -> None:
    """(p-q) +- 1.96 sqrt((p+q-(p-q)^2)/(n+2)) with p=(b+1)/(n+2), q=(c+1)/(n+2)."""
    found = paired.bonett_price_interval(0, 0, 98)
    assert found == pytest.approx((-0.0277186, 0.0277186))
    low, high = paired.bonett_price_interval(3, 1, 298)
    centre, half = 2 / 300, 1.96 * math.sqrt((6 / 300 - (2 / 300) ** 2) / 300)
    assert [low, high] == pytest.approx([centre - half, centre + half])
    assert high == pytest.approx(0.0226522, abs=1e-6)


@given(COUNTS)
def test_the_interval_contains_the_point_estimate(counts: tuple[int, int, int]) -> None:
    """A drop outside its own interval would be absurd."""
    b, c, n = counts
    low, high = paired.bonett_price_interval(b, c, n)
    assert low <= (b - c) / n <= high


@given(COUNTS)
def test_the_interval_rises_with_b(counts: tuple[int, int, int]) -> None:
    """More images lost can never make an artefact look better."""
    b, c, n = counts
    assume(b + c < n)
    low, high = paired.bonett_price_interval(b, c, n)
    next_low, next_high = paired.bonett_price_interval(b + 1, c, n)
    assert sum((next_low, next_high)) > sum((low, high))
    # The upper end is what lets an artefact pass; near b = n the interval narrows.
    if b + c <= n // 2:
        assert next_high > high


@given(COUNTS)
def test_swapping_the_sides_mirrors_the_interval(counts: tuple[int, int, int]) -> None:
    """Neither side is favoured."""
    b, c, n = counts
    low, high = paired.bonett_price_interval(b, c, n)
    assert paired.bonett_price_interval(c, b, n) == pytest.approx((-high, -low))


@pytest.mark.parametrize(("n", "percent"), [(100, "2.95"), (300, "0.99"), (50_000, "0.01")])
def test_bound_of_something_never_seen(n: int, percent: str) -> None:
    """1 - 0.05^(1/n)."""
    assert f"{100 * paired.no_disagreement_bound(n):.2f}" == percent


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (5, 0, 0.0625),
        (10, 2, 2 * 79 / 4096),
        (1, 8, 20 / 512),
    ],
)
def test_mcnemar_of_cases_computed_by_hand(b: int, c: int, p: float) -> None:
    """Twice the binomial tail of the smaller count."""
    assert paired.mcnemar_exact_p(b, c) == p
    assert paired.mcnemar_exact_p(c, b) == p


def test_mcnemar_of_a_whole_validation_set_is_exact_and_quick() -> None:
    """25,000 against 24,000: the binomials have thousands of digits."""
    assert paired.mcnemar_exact_p(25_000, 24_000) == pytest.approx(6.37e-06, rel=0.01)


def test_bootstrap_is_the_same_each_time() -> None:
    """A verdict that changes when it is asked again is none."""
    random = np.random.default_rng(0)
    reference, artefact = random.random(300), random.random(300)
    assert paired.paired_bootstrap(reference, artefact) == paired.paired_bootstrap(
        reference, artefact
    )


def test_bootstrap_agrees_with_the_normal_interval_of_many_images() -> None:
    """With 2,000 images the percentile interval is the usual one."""
    random = np.random.default_rng(5)
    reference = random.random(2000)
    artefact = reference - random.normal(0.02, 0.1, 2000)
    difference = reference - artefact
    half = 1.96 * difference.std() / math.sqrt(2000)
    low, high = paired.paired_bootstrap(reference, artefact)
    assert low == pytest.approx(difference.mean() - half, abs=5e-4)
    assert high == pytest.approx(difference.mean() + half, abs=5e-4)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_bootstrap_contains_almost_every_mean(rows: list[tuple[float, float]]) -> None:
    """The ends are ordered and stay between the extremes of single images."""
    reference, artefact = np.array(rows).T
    low, high = paired.paired_bootstrap(reference, artefact, draws=300)
    difference = reference - artefact
    assert difference.min() - 1e-9 <= low <= high <= difference.max() + 1e-9


def test_bootstrap_of_equal_rows_is_a_point() -> None:
    """Nothing differs, nothing varies."""
    rows = np.full(50, 0.5)
    assert paired.paired_bootstrap(rows, rows) == (0.0, 0.0)


@given(COUNTS)
def test_the_images_needed_do_decide(counts: tuple[int, int, int]) -> None:
    """Scaled to the promised number, the same rates give PASS or FAIL."""
    b, c, n = counts
    needed = paired.images_needed(b, c, n)
    if b + c == 0:
        assert needed == max(n, 100)
        return
    if needed is None:
        assert abs((b - c) / n - 0.01) < 0.002
        return
    assert needed >= n
    low, high = paired.bonett_price_interval(b * needed / n, c * needed / n, needed)
    assert low > 0.01 or high <= 0.01


def test_a_drop_at_the_limit_is_never_decided() -> None:
    """One point lost: no number of images tells which side it is on."""
    assert paired.images_needed(10, 0, 1000) is None
    rows = np.zeros(1000)
    rows[:10] = 1.0
    assert paired.bootstrap_images_needed(rows, np.zeros(1000)) is None


def test_images_needed_by_the_bootstrap_shrink_the_interval_to_the_gap() -> None:
    """(1.96 s / gap)^2, and never below 100."""
    random = np.random.default_rng(2)
    difference = random.normal(0.0, 0.2, 400)
    needed = paired.bootstrap_images_needed(difference, np.zeros(400))
    gap = abs(0.01 - difference.mean())
    assert needed == math.ceil((1.96 * difference.std() / gap) ** 2)
    assert paired.bootstrap_images_needed(np.ones(3), np.ones(3)) == 100
    assert paired.bootstrap_images_needed(np.full(3, 0.5), np.zeros(3)) == 100
