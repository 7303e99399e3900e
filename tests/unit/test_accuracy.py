"""The rules that judge one accuracy figure, each by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.accuracy import (
    Judgement,
    Tolerance,
    against_float32,
    against_published,
    attributes_against_float32,
    recorded,
)
from ascend_console.core.paired import bonett_price_interval
from ascend_console.core.specs import AccuracyReference

GHOSTNET = AccuracyReference(metric="top1", value=0.7398, source="CVPR 2020", gated=True)


def _same_images(b: int, c: int, n: int, both: int = 0, *, at: str = "") -> Judgement:
    """b right only in float32, c only in the artefact, `both` in both, of n images."""
    reference = np.zeros(n, bool)
    artefact = np.zeros(n, bool)
    reference[:b] = True
    artefact[b : b + c] = True
    reference[b + c : b + c + both] = artefact[b + c : b + c + both] = True
    return against_float32("top1", reference, artefact, at=at)


@pytest.mark.parametrize(
    ("value", "state"),
    [(0.7398, "PASS"), (0.7298, "PASS"), (0.72979, "FAIL"), (0.9, "PASS"), (0.7498, "PASS")],
)
def test_a_drop_of_one_point_passes_and_more_fails(value: float, state: str) -> None:
    """Only a drop counts; above the reference passes."""
    found = against_published("top1", value, GHOSTNET)
    assert found.state == state
    assert found.drop_points == pytest.approx((0.7398 - value) * 100)
    assert found.why is not None
    assert "allowed 1 point" in found.why.message


@pytest.mark.parametrize(("value", "warned"), [(0.7498, False), (0.74981, True)])
def test_more_than_a_point_above_the_reference_is_warned_about(value: float, warned: bool) -> None:
    """Such a gain is rather a wrong label file than a better model."""
    found = against_published("top1", value, GHOSTNET)
    assert found.state == "PASS"
    assert [entry.id for entry in found.warnings] == ["accuracy.better_than_published"] * warned
    if warned:
        assert "better than published" in found.warnings[0].message
        assert "check labels, data set and reference" in found.warnings[0].message


@pytest.mark.parametrize(("value", "state"), [(0.72, "PASS"), (0.7319, "PASS")])
def test_a_relative_tolerance_is_a_part_of_the_reference_and_says_so(
    value: float, state: str
) -> None:
    """1 % of 0.739 is less than a point."""
    tolerance = Tolerance(1.0, "relative")
    reference = AccuracyReference(metric="top1", value=value / 0.99, source="x", gated=True)
    found = against_published("top1", value, reference, tolerance)
    assert found.state == state
    assert found.why is not None
    assert "1 % of the reference" in found.why.message
    lost = against_published("top1", value - 0.0001, reference, tolerance)
    assert lost.state == "FAIL"
    assert lost.row(1, "fp32").tolerance == pytest.approx(value / 0.99)


def test_a_reference_that_is_not_gated_is_only_shown() -> None:
    """The guides' own comparisons stand beside the figure and decide nothing."""
    shown = AccuracyReference(metric="top1", value=0.9, source="guide")
    found = against_published("top1", 0.5, shown)
    assert found.state == "NO_RULE"
    row = found.row(8, "fp16")
    assert (row.passed, row.reference, row.tolerance) == (None, 0.9, None)
    assert row.drop_points == pytest.approx(40)
    assert recorded("top2", 0.8).row(1, "fp32").passed is None


def test_a_figure_without_a_basis_is_incomplete() -> None:
    """No image, no verdict."""
    assert against_published("top1", None, GHOSTNET).state == "INCOMPLETE"
    nothing = np.array([], bool)
    assert against_float32("top1", nothing, nothing).state == "INCOMPLETE"
    rows = np.array([], np.float64)
    assert attributes_against_float32(rows, rows).state == "INCOMPLETE"


def test_no_disagreement_in_99_images_is_incomplete() -> None:
    """Below 100 images the bound of what was not seen is above 3 %."""
    found = _same_images(0, 0, 99, both=80)
    assert found.state == "INCOMPLETE"
    assert found.images_needed == 100
    assert found.why is not None
    assert found.why.id == "accuracy.too_few"
    assert "100 images would decide" in found.why.message


@pytest.mark.parametrize(("n", "bound"), [(100, "2.95"), (300, "0.99")])
def test_no_disagreement_in_100_images_passes_and_gives_the_bound(n: int, bound: str) -> None:
    """The text of the rule, with its x."""
    found = _same_images(0, 0, n, both=n // 2)
    assert found.state == "PASS"
    assert found.images_needed is None
    assert found.why is not None
    assert found.why.message == f"Top-1: no disagreement in {n}, 95 % bound {bound} %"
    assert found.row(1, "fp32").disagreements == 0


def test_disagreements_within_the_interval_pass() -> None:
    """b = c = 1 in 1,000: the upper end is below one point."""
    found = _same_images(1, 1, 1000)
    assert found.state == "PASS"
    assert found.interval == bonett_price_interval(1, 1, 1000)
    assert found.interval[1] < 0.01


def test_one_lost_image_in_300_is_incomplete_with_the_number_that_would_decide() -> None:
    """A drop of 0.33 points whose interval reaches 1.45."""
    found = _same_images(1, 0, 300, both=200)
    assert found.state == "INCOMPLETE"
    assert found.drop_points == pytest.approx(100 / 300)
    assert found.images_needed is not None
    assert found.images_needed > 300
    assert found.why is not None
    assert f"{found.images_needed} images would decide" in found.why.message
    assert found.row(1, "fp32").passed is False


def test_few_images_pass_where_the_interval_allows_it() -> None:
    """The artefact is far better: nothing is lost, though n is below 100."""
    assert _same_images(0, 40, 60).state == "PASS"


def test_a_lower_end_above_one_point_fails() -> None:
    """20 of 300 lost."""
    found = _same_images(20, 0, 300, both=200)
    assert found.interval is not None
    assert found.interval[0] > 0.01
    assert found.state == "FAIL"
    assert found.mcnemar_p is not None
    assert found.mcnemar_p < 1e-5
    assert found.why is not None
    assert "McNemar p" in found.why.message


def test_a_drop_above_one_point_with_a_wide_interval_is_incomplete() -> None:
    """4 of 300 lost is 1.33 points, but may be chance."""
    found = _same_images(4, 0, 300)
    assert found.state == "INCOMPLETE"
    assert found.images_needed is not None


def test_a_drop_at_the_limit_says_that_no_number_of_images_decides() -> None:
    """3 of 300 is exactly one point."""
    found = _same_images(3, 0, 300)
    assert (found.state, found.images_needed) == ("INCOMPLETE", None)
    assert found.why is not None
    assert "no realistic number of images would decide" in found.why.message


def test_mcnemar_is_shown_and_does_not_decide() -> None:
    """p = 0.03 in 50,000 images, and a drop of 0.012 points passes."""
    found = _same_images(6, 0, 50_000, both=37_000)
    assert found.mcnemar_p == pytest.approx(0.03125)
    assert found.state == "PASS"


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 3000))
def test_exactly_the_three_rules_decide(b: int, c: int, n: int) -> None:
    """Every outcome follows from b, c and n as the rules say."""
    if b + c > n:
        return
    found = _same_images(b, c, n)
    low, high = bonett_price_interval(b, c, n)
    drop = (b - c) / n
    if drop <= 0.01 and ((b + c == 0 and n >= 100) or (b + c > 0 and high <= 0.01)):
        assert found.state == "PASS"
    elif b + c > 0 and low > 0.01:
        assert found.state == "FAIL"
    else:
        assert found.state == "INCOMPLETE"


def test_messages_say_the_batch_size_that_they_are_about() -> None:
    """One of several batch sizes may be the one that fails."""
    found = _same_images(0, 0, 100, at="bs8 ")
    assert found.why is not None
    assert found.why.message.startswith("bs8 Top-1: no disagreement in 100")
    assert found.why.args["n"] == "100"


def test_attributes_without_a_differing_image_need_100() -> None:
    """The same rule as for classes."""
    rows = np.linspace(0.2, 1.0, 99)
    assert attributes_against_float32(rows, rows.copy()).state == "INCOMPLETE"
    rows = np.linspace(0.2, 1.0, 120)
    found = attributes_against_float32(rows, rows.copy())
    assert found.state == "PASS"
    assert found.why is not None
    assert found.why.message == "instance_acc: no disagreement in 120, 95 % bound 2.47 %"


@pytest.mark.parametrize(
    ("lost", "images", "state"),
    [(0.002, 400, "PASS"), (0.05, 400, "FAIL"), (0.01, 120, "INCOMPLETE")],
)
def test_attributes_are_decided_by_the_bootstrap(lost: float, images: int, state: str) -> None:
    """Paired differences: image by image, not mean by mean."""
    random = np.random.default_rng(4)
    reference = random.uniform(0.5, 1.0, images)
    artefact = reference - random.normal(lost, 0.03, images)
    found = attributes_against_float32(reference, artefact)
    assert found.state == state
    assert (found.images_needed is not None) == (state == "INCOMPLETE")
    assert found.row(1, "fp32").disagreements == images


def test_a_few_better_images_do_not_pass_the_attributes() -> None:
    """A bootstrap of one image has no width, and would pass anything."""
    found = attributes_against_float32(np.array([0.5]), np.array([0.6]))
    assert (found.state, found.images_needed) == ("INCOMPLETE", 100)
