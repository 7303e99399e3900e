"""Accuracy figures: the published formulas, to the last digit and the last byte."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core import metrics
from ascend_console.core.errors import UserError

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TOPN: dict[str, Any] = json.loads((GOLDEN / "topn_expected.json").read_text())
DEEPMAR: dict[str, Any] = json.loads((GOLDEN / "deepmar_expected.json").read_text())


def _topn() -> tuple[np.ndarray, np.ndarray]:
    lines = (GOLDEN / "topn_val_label.txt").read_text().split("\n")
    labels = np.array([int(line.split()[1]) for line in lines if line])
    return np.load(GOLDEN / "topn_scores.npy"), labels


def _text(scores: np.ndarray, labels: np.ndarray) -> str:
    accuracies = metrics.topn_accuracy(metrics.topn_ranks(scores, labels), scores.shape[1])
    return metrics.result_json_text(len(scores), scores.shape[1], accuracies)


def test_ranks_equal_those_of_the_published_scripts() -> None:
    """Ten of the rows hold equal scores, so the rule for ties is covered too."""
    scores, labels = _topn()
    ranks = metrics.topn_ranks(scores, labels)
    assert ranks.dtype == np.int64
    assert ranks.tolist() == TOPN["base"]["ranks_of_true_label"]


def test_result_json_is_the_published_one_byte_for_byte() -> None:
    """Users' own scripts read this file."""
    assert _text(*_topn()) == TOPN["base"]["result_json_text"]


def test_1001_scores_shift_the_label_by_one() -> None:
    """TensorFlow-style models have a background class in column 0."""
    scores, labels = _topn()
    wide = np.hstack([np.full((64, 1), -9, np.float32), scores])
    assert _text(wide, labels) == TOPN["classes_1001"]["result_json_text"]


def test_three_classes_give_three_figures() -> None:
    """Top-5 of three classes would be a figure that says nothing."""
    case = TOPN["classes_3"]
    found = _text(np.array(case["scores"], np.float32), np.array(case["labels"]))
    assert found == case["result_json_text"]


def test_no_image_gives_no_top_n() -> None:
    """The published text of an empty folder, and no division by zero."""
    assert metrics.topn_accuracy(np.array([], np.int64), 1000) == ()
    assert metrics.result_json_text(0, 0, ()) == TOPN["empty_dir_imagenet_acc_eval"]


@pytest.mark.parametrize("case", TOPN["percent_strings"], ids=lambda case: case["string"])
def test_percentages_print_as_published(case: dict[str, Any]) -> None:
    """`84.0%`, never `84.00%`."""
    assert metrics.published_percent(case["hits"], case["count"]) == case["string"]


def test_percentages_round_as_numpy_does() -> None:
    """Exact halves round to even after scaling; Python's own round differs for 20,000 images."""
    for entry in TOPN["numpy_round_vs_python_round"]["20000"]["first"]:
        assert metrics.published_percent(entry["hits"], 20_000) == entry["numpy"]
    for hits in range(0, 20_001, 7):
        expected = f"{float(np.round(np.float64(hits) / 20_000 * 100, 2))}%"
        assert metrics.published_percent(hits, 20_000) == expected


def test_class_mean_equals_the_published_script() -> None:
    """0.2903: a class that is only predicted counts as 0 there."""
    scores, labels = _topn()
    found = metrics.mean_class_accuracy(metrics.predictions(scores), labels)
    assert f"{found:.4f}" == TOPN["ghostnet_v2_sumary"]["stdout_without_process_lines"][-1][-6:]
    nothing = np.array([], np.int64)
    assert metrics.mean_class_accuracy(nothing, nothing) is None


def test_equal_scores_count_against_the_label() -> None:
    """A model that gives every class the same score knows nothing, whatever the label."""
    scores = np.zeros((3, 4), np.float32)
    assert metrics.topn_ranks(scores, np.array([0, 1, 3])).tolist() == [3, 3, 3]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_an_error_with_names(value: float) -> None:
    """A NaN would be sorted somewhere and counted as a hit or a miss."""
    scores = np.zeros((5, 3), np.float32)
    scores[1:, 2] = value
    names = [f"img{row}" for row in range(5)]
    with pytest.raises(UserError) as caught:
        metrics.topn_ranks(scores, np.zeros(5, np.int64), names)
    assert caught.value.id == "results.not_finite"
    assert "'img1', 'img2', 'img3' and 1 more" in caught.value.message


def test_labels_outside_the_classes_are_an_error() -> None:
    """Labels of another data set must not become a wrong accuracy."""
    scores = np.zeros((2, 3), np.float32)
    for label in (-1, 3):
        with pytest.raises(UserError, match="outside 0 to 2") as caught:
            metrics.topn_ranks(scores, np.array([0, label]))
        assert caught.value.id == "labels.range"
    with pytest.raises(UserError) as caught:
        metrics.topn_ranks(scores, np.array([0]))
    assert caught.value.id == "labels.count"
    with pytest.raises(UserError):
        metrics.topn_ranks(np.zeros((1, 1001), np.float32), np.array([1000]))


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_accuracy_grows_with_n_and_ends_at_one(count: int, classes: int, seed: int) -> None:
    """Top-k with k = classes is certain."""
    random = np.random.default_rng(seed)
    scores = random.integers(-3, 3, (count, classes)).astype(np.float32)
    labels = random.integers(0, classes, count)
    figures = metrics.topn_accuracy(metrics.topn_ranks(scores, labels), classes)
    assert list(figures) == sorted(figures)
    assert len(figures) == min(5, classes)
    assert classes > 5 or figures[-1] == 1.0


def test_ranks_of_many_rows_equal_those_of_each_row() -> None:
    """Rows are worked through in parts; their borders must not show."""
    random = np.random.default_rng(3)
    scores = random.standard_normal((2500, 12)).astype(np.float32)
    labels = random.integers(0, 12, 2500)
    single = [int((row > row[label]).sum()) for row, label in zip(scores, labels, strict=True)]
    assert metrics.topn_ranks(scores, labels).tolist() == single


def _check_attributes(found: metrics.AttributeMetrics, expected: dict[str, Any]) -> None:
    pairs = {
        "instance_acc": found.instance_acc,
        "instance_precision": found.instance_precision,
        "instance_recall": found.instance_recall,
        "instance_F1": found.instance_f1,
        "mA_mean_label_acc": found.mean_label_acc,
    }
    for key, value in pairs.items():
        if expected[key] is None:
            assert value is None
        else:
            assert value == pytest.approx(expected[key], abs=1e-12, rel=0), key
    for key in ("label_acc", "label_pos_acc", "label_neg_acc"):
        ours = getattr(found, key)
        assert [value is None for value in ours] == [value is None for value in expected[key]]
        assert [value or 0 for value in ours] == pytest.approx(
            [value or 0 for value in expected[key]], abs=1e-12, rel=0
        )


def test_attribute_figures_equal_the_published_script() -> None:
    """Rows without a label, without a prediction, and scores of 0 and -0 are among them."""
    scores, labels = np.load(GOLDEN / "deepmar_scores.npy"), np.load(GOLDEN / "deepmar_labels.npy")
    found = metrics.attribute_metrics(scores, labels)
    _check_attributes(found, DEEPMAR["base"]["expected"])
    assert found.rows_used == 49
    rows = metrics.instance_accuracies(scores, labels)
    assert rows.mean() == pytest.approx(DEEPMAR["base"]["expected"]["instance_acc"], abs=1e-12)


def test_a_column_without_positives_leaves_its_figures_unknown() -> None:
    """NaN would spread through tables and JSON; unknown is None."""
    scores, labels = np.load(GOLDEN / "deepmar_scores.npy"), np.load(GOLDEN / "deepmar_labels.npy")
    labels[:, 34] = 0
    found = metrics.attribute_metrics(scores, labels)
    _check_attributes(found, DEEPMAR["column_34_without_positives"]["expected"])


def test_attribute_figures_of_a_case_that_fits_on_paper() -> None:
    """Four images, three attributes."""
    case = DEEPMAR["tiny"]
    found = metrics.attribute_metrics(np.array(case["scores"]), np.array(case["labels"]))
    _check_attributes(found, case["expected"])


def test_images_without_any_label_have_no_instance_figures() -> None:
    """The script prints NaN here."""
    case = DEEPMAR["all_rows_without_positive"]
    found = metrics.attribute_metrics(np.array(case["scores"]), np.array(case["labels"]))
    figures = (found.instance_acc, found.instance_precision, found.instance_recall)
    assert (*figures, found.instance_f1) == (None, None, None, None)
    assert found.rows_used == 0


def test_labels_that_do_not_fit_the_scores_are_an_error() -> None:
    """2 means "ignore" in the training data; here it would be counted."""
    with pytest.raises(UserError) as caught:
        metrics.attribute_metrics(np.zeros((2, 3)), np.zeros((2, 4), int))
    assert caught.value.id == "labels.shape"
    with pytest.raises(UserError) as caught:
        metrics.attribute_metrics(np.zeros((1, 2)), np.array([[0, 2]]))
    assert caught.value.id == "labels.not_binary"


def test_equal_outputs_have_no_distance() -> None:
    """The ideal of every comparison."""
    outputs = np.random.default_rng(1).standard_normal((4, 9)).astype(np.float32)
    found = metrics.output_distance(outputs, outputs)
    assert found.cosine == pytest.approx(1.0)
    assert (found.max_abs, found.max_rel, found.top1_agreement) == (0.0, 0.0, 1.0)


def test_distance_is_measured_against_the_largest_reference_value() -> None:
    """Relative to each value, a logit near 0 would look broken."""
    reference = np.array([[4.0, 0.0], [0.0, 2.0]])
    other = np.array([[4.0, 0.4], [2.5, 2.0]])
    found = metrics.output_distance(reference, other)
    assert found.max_abs == 2.5
    assert found.max_rel == pytest.approx(2.5 / 4)
    assert found.top1_agreement == 0.5
    assert found.worst_cosine == pytest.approx(2 / math.hypot(2.5, 2))
    assert found.cosine == pytest.approx(20 / math.sqrt(20 * (16 + 0.16 + 6.25 + 4)))


def test_distance_to_zeros_is_unknown_where_it_divides_by_nothing() -> None:
    """A dead output must not come out as a perfect one."""
    zeros, ones = np.zeros((1, 3)), np.ones((1, 3))
    assert metrics.output_distance(zeros, zeros).cosine == 1.0
    assert metrics.output_distance(zeros, zeros).max_rel == 0.0
    found = metrics.output_distance(zeros, ones)
    assert (found.cosine, found.worst_cosine, found.max_rel) == (None, None, None)
    assert metrics.output_distance(np.ones((2, 1)), np.ones((2, 1))).top1_agreement is None
    huge = np.full((1, 2), 1e200)
    assert metrics.output_distance(huge, -huge).cosine == pytest.approx(-1.0)


def test_outputs_of_other_shapes_or_with_nan_cannot_be_compared() -> None:
    """Broadcasting would compare the wrong images."""
    with pytest.raises(UserError, match="cannot be compared") as caught:
        metrics.output_distance(np.zeros((2, 3)), np.zeros((1, 3)))
    assert caught.value.id == "compare.shape"
    with pytest.raises(UserError) as caught:
        metrics.output_distance(np.zeros((1, 1)), np.full((1, 1), np.nan))
    assert caught.value.id == "results.not_finite"
