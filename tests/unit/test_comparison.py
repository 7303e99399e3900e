"""Outputs beside their reference: the figures, the rules, and what they add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ascend_console.core.comparison import (
    LEAST_COSINE,
    MOST_DIFFERENCE,
    comparison_verdict,
    judge_output,
    rule_for,
    ungated,
)
from ascend_console.core.errors import UserError
from ascend_console.core.output_tally import AgreementTally, OutputTally
from ascend_console.core.verdict import Gate, finding
from ascend_console.jobs._compare_outputs import paired_outputs

FLOAT32 = rule_for("fp32", "fp32", None)
LOW = rule_for("int8", "fp32", None)


def tallied(artefact, reference, *, step=2):
    """The figures of outputs that come in batches."""
    tally = OutputTally("scores", "class")
    names = [f"{row}.jpg" for row in range(len(artefact))]
    for start in range(0, len(artefact), step):
        part = slice(start, start + step)
        tally.add(names[part], np.array(artefact[part]), np.array(reference[part]))
    return tally.figures()


REFERENCE = [[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]


# --- figures -------------------------------------------------------------------------------------


def test_equal_outputs_are_equal_in_every_figure():
    found = tallied(REFERENCE, REFERENCE)
    assert (found.images, found.values, found.max_abs, found.max_rel) == (3, 2, 0.0, 0.0)
    assert found.cosine_min == found.cosine_mean == pytest.approx(1.0)
    assert found.artefact.names == ()


def test_the_worst_image_and_the_scale_are_those_of_all_batches():
    """A difference counts against the largest value anywhere, not in its own batch."""
    found = tallied([[1.0, 0.0], [1.0, 0.0], [3.0, 4.0]], REFERENCE)
    assert (found.max_abs, found.largest, found.max_rel) == (2.0, 4.0, 0.5)
    assert (found.cosine_min, found.worst_image) == (0.0, "1.jpg")
    assert found.cosine_mean == pytest.approx(2 / 3)


def test_what_is_not_finite_is_counted_and_named_and_in_no_figure():
    nan, inf = float("nan"), float("inf")
    found = tallied([[1.0, 0.0], [nan, inf], [3.0, inf]], REFERENCE)
    assert (found.artefact.nan, found.artefact.infinite) == (1, 1)
    assert found.artefact.names == ("1.jpg", "2.jpg")
    assert (found.max_abs, found.cosine_min) == (0.0, 1.0)
    assert tallied([[nan, nan]], [[1.0, 2.0]]).max_rel is None


def test_a_side_that_is_zero_alone_has_no_cosine():
    """Its direction is unknown, which is neither like nor unlike."""
    found = tallied([[1.0, 0.0], [0.0, 0.0], [3.0, 4.0]], REFERENCE)
    assert (found.cosine_min, found.cosine_mean, found.worst_image) == (None, None, "1.jpg")
    assert found.artefact.all_zero == 1
    zeros = [[0.0, 0.0]]
    both = tallied(zeros, zeros)
    assert (both.cosine_min, both.max_rel) == (1.0, 0.0)


def test_outputs_of_other_widths_cannot_be_compared():
    with pytest.raises(UserError, match=r"\(2, 3\)"):
        tallied([[1.0, 2.0, 3.0]] * 2, REFERENCE[:2])


@given(
    arrays(np.float64, (5, 3), elements=st.floats(-1e300, 1e300)),
    st.integers(1, 5),
)
def test_figures_do_not_depend_on_the_batches(values, step):
    """And never leave their range, however large the values."""
    reference = values[::-1]
    whole, parts = tallied(values, reference, step=5), tallied(values, reference, step=step)
    assert (whole.max_abs, whole.largest) == (parts.max_abs, parts.largest)
    assert whole.artefact == parts.artefact
    if whole.cosine_min is not None:
        assert -1 - 1e-9 <= whole.cosine_min <= whole.cosine_mean + 1e-9 <= 1 + 2e-9
        assert parts.cosine_mean == pytest.approx(whole.cosine_mean)


# --- predictions ---------------------------------------------------------------------------------


def test_predictions_agree_by_the_highest_class_or_by_every_attribute():
    ours = np.array([[1.0, 2.0], [-1.0, 1.0], [np.nan, 1.0]])
    theirs = np.array([[0.0, 9.0], [1.0, 2.0], [0.0, 1.0]])
    classes, rows = AgreementTally("classification"), AgreementTally("attributes")
    for tally in (classes, rows):
        tally.add(["a", "b", "c"], ours, theirs)
    assert (classes.result().equal, classes.result().differing) == (2, ("c",))
    assert (rows.result().equal, rows.result().differing) == (1, ("b", "c"))


# --- rules ---------------------------------------------------------------------------------------


def test_the_rule_follows_the_precisions():
    assert (FLOAT32.most_difference, FLOAT32.least_cosine) == (MOST_DIFFERENCE, None)
    assert (LOW.most_difference, LOW.least_cosine, LOW.is_gated) == (None, LEAST_COSINE, True)
    assert not FLOAT32.is_gated
    for low in (rule_for("fp32", "int8", None), rule_for("fp16", None, None)):
        assert (low.least_cosine, low.is_gated) == (LEAST_COSINE, False)
    assert rule_for(None, "fp32", None) == rule_for("fp16", "fp32", None)
    assert FLOAT32.layer_floor < rule_for("fp16", "fp32", None).layer_floor < LOW.layer_floor


def test_a_stated_tolerance_takes_the_place_of_the_usual_one_and_of_the_cosine():
    """The accuracy goes on deciding where it did."""
    stated = rule_for("int8", "fp32", 0.3)
    assert (stated.most_difference, stated.least_cosine) == (0.3, None)
    assert (stated.is_gated, stated.is_stated) == (True, True)


def judged(artefact, reference, rule=FLOAT32):
    return judge_output(tallied(artefact, reference), rule)


def test_a_difference_at_the_limit_is_within_and_above_it_beyond():
    near = judged([[1.0, 1000.0]], [[0.0, 1000.0]])
    assert (near.passed, near.findings[0].id) == (True, "compare.difference_within")
    far = judged([[1.1, 1000.0]], [[0.0, 1000.0]])
    assert (far.passed, far.findings[0].id) == (False, "compare.difference_beyond")
    assert "0.0011" in far.findings[0].message


def test_low_precision_is_judged_by_its_direction():
    assert judged([[1.1, 2.2]], [[1.0, 2.0]], LOW).findings[0].id == "compare.cosine_within"
    off = judged([[1.0, 2.0]], [[2.0, 1.0]], LOW)
    assert (off.passed, off.findings[0].id) == (False, "compare.cosine_beyond")


@pytest.mark.parametrize("rule", [FLOAT32, LOW, rule_for("fp32", "fp32", 1e9)])
@pytest.mark.parametrize(
    ("artefact", "said"),
    [([[float("nan"), 1.0]], "compare.not_finite"), ([[0.0, 0.0]], "compare.all_zero")],
)
def test_no_tolerance_lets_nan_or_lone_zeros_through(rule, artefact, said):
    """Whatever is allowed, such a result says nothing."""
    found = judged([*artefact, [1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], rule)
    assert (found.passed, found.findings[0].id) == (False, said)


def test_zeros_on_both_sides_are_a_warning():
    """They are equal, and strange."""
    found = judged([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]])
    assert found.passed
    assert [entry.args["side"] for entry in found.warnings] == ["artefact", "reference"]


# --- the verdict ---------------------------------------------------------------------------------

GOOD, BAD = judged(REFERENCE, REFERENCE), judged(REFERENCE[::-1], REFERENCE)
JUMP = finding("x.jump", "it jumps")


def gate(state):
    return Gate("accuracy", state == "PASS", state, (finding("x.accuracy", state),))


@pytest.mark.parametrize(
    ("outputs", "accuracy", "word", "reasons"),
    [
        ([GOOD], ungated(FLOAT32, has_labels=True), "PASS", []),
        ([GOOD], gate("PASS"), "PASS", []),
        ([GOOD], gate("INCOMPLETE"), "INCOMPLETE", ["x.accuracy"]),
        ([GOOD], gate("FAIL"), "FAIL", ["x.accuracy"]),
        ([GOOD, BAD], gate("PASS"), "FAIL", ["compare.difference_beyond", "x.jump"]),
        ([BAD], gate("INCOMPLETE"), "FAIL",
         ["compare.difference_beyond", "x.jump", "x.accuracy"]),
    ],
)  # fmt: skip
def test_outputs_go_before_the_accuracy(outputs, accuracy, word, reasons):
    found = comparison_verdict(outputs, accuracy, (JUMP,))
    assert found.verdict == word
    assert [entry.id for entry in found.reasons] == reasons
    assert found.exit_code == {"PASS": 0, "FAIL": 5, "INCOMPLETE": 7}[word]
    # Where the values part is told in any case: what still is within the rule may not be tomorrow.
    assert (JUMP in found.warnings) is (JUMP not in found.reasons)


def test_a_gate_that_decides_nothing_says_why():
    whys = [
        ungated(FLOAT32, has_labels=True), ungated(FLOAT32, has_labels=False),
        ungated(rule_for("int8", "fp16", None), has_labels=True),
    ]  # fmt: skip
    assert [entry.findings[0].id for entry in whys] == [
        "compare.outputs_decide", "compare.no_labels", "compare.low_reference",
    ]  # fmt: skip
    assert {entry.passed for entry in whys} == {None}


# --- outputs that belong together ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("artefact", "reference", "judged", "pairs", "place"),
    [
        (["a", "b"], ["b", "a"], 1, [(0, 1), (1, 0)], 1),
        (["x", "y"], ["a", "b"], 1, [(0, 0), (1, 1)], 1),
        (["a", "b"], ["b"], 1, [(1, 0)], 0),
        (["a", "b"], ["torch"], 1, [(1, 0)], 0),
        (["scores"], ["features", "scores"], 1, [(0, 1)], 0),
    ],
)
def test_outputs_pair_by_name_then_by_place(artefact, reference, judged, pairs, place):
    """Features compared with scores would be a difference of nothing."""
    assert paired_outputs(artefact, reference, judged) == (pairs, place)


def test_outputs_that_nothing_pairs_are_an_error():
    with pytest.raises(UserError, match="belong together"):
        paired_outputs(["a", "b", "c"], ["x", "y"], 0)
