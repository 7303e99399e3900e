"""Sweeps and repeats: when to stop, which points are worth having, what an interval may claim."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.operators import OperatorTime, operator_table
from ascend_console.core.stats import Gain, mean_interval, t_quantile, welch_gain
from ascend_console.core.sweep import (
    SweepPoint,
    doubling,
    goes_on,
    gravest,
    joined_gate,
    pareto,
    recommendation,
    recommended,
    tuning_gain,
)
from ascend_console.core.verdict import Gate, finding
from ascend_console.jobs._bench_plan import BatchSizes, Steps
from ascend_console.jobs._bench_verdict import baseline_gate, family, with_operators


def point(throughput, accuracy=None, memory=None, **changes):
    facts = {"batch_size": 8, "precision": "fp32", "threads": 2, "valid": True}
    return SweepPoint(
        throughput=throughput, accuracy=accuracy, memory_bytes=memory, **{**facts, **changes}
    )


@pytest.mark.parametrize(
    ("rates", "on"),
    [
        ([], True),
        ([100], True),
        ([100, 104], True),
        ([100, 104, 104.5], False),
        ([100, 104, 110], True),
        ([100, 80, 90], False),
        ([100, 80, 120, 121, 122], False),
        ([100, None, None], False),
        ([None, 100, 200], True),
    ],
)
def test_a_sweep_ends_when_two_steps_in_a_row_gain_too_little(rates, on):
    """One weak step may be followed by a good one; two hardly ever are."""
    assert goes_on(rates) is on


@given(st.lists(st.floats(1, 1e6), max_size=12))
def test_a_sweep_that_always_gains_five_percent_never_ends(steps):
    """However the steps vary above that."""
    rates, rate = [], 1.0
    for step in steps:
        rate *= 1.05 + step / 1e6
        rates.append(rate)
    assert goes_on(rates)


def test_batch_sizes_are_doubled_until_it_is_enough_and_named_ones_are_all_taken():
    """Named sizes are wanted whatever they gain."""
    assert list(doubling()) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert taken(None, [10, 20, 20, 20, 20]) == [1, 2, 4, 8]
    assert taken((3, 1, 7), [10, 10, 10]) == [3, 1, 7]


def taken(named, rates):
    sizes = BatchSizes(named)
    found = []
    for size, rate in zip(sizes, rates, strict=False):
        found.append(size)
        sizes.measured(rate)
    return found


def test_steps_count_on_where_a_sweep_is_longer_than_foreseen():
    """A step 5 of 4 would look like a fault."""
    steps = Steps(2)
    assert [steps.begin("x").count for _ in range(3)] == [2, 2, 3]


def test_a_point_that_another_beats_everywhere_is_not_worth_having():
    """Faster and as accurate, in less memory."""
    slow, fast = point(50, 0.9, 100), point(100, 0.9, 100)
    exact, small = point(20, 0.95, 100), point(20, 0.8, 10)
    worse, unknown = point(20, 0.8, 100), point(None, 0.99, 1)
    points = [slow, fast, exact, small, worse, unknown]
    assert pareto(points) == (fast, exact, small)


def test_equal_points_are_both_worth_having():
    """Neither beats the other."""
    assert pareto([point(10), point(10)]) == (point(10), point(10))


@given(st.lists(st.none() | st.integers(1, 9), max_size=8))
def test_where_only_speed_is_known_the_fastest_are_left(rates):
    """Unknown accuracy and memory beat nobody, and lose to nobody."""
    known = [rate for rate in rates if rate is not None]
    front = pareto([point(rate) for rate in rates])
    assert [entry.throughput for entry in front] == [rate for rate in known if rate == max(known)]


def test_the_fastest_whose_accuracy_does_not_fail_is_recommended():
    """INCOMPLETE is not FAIL; an untrusted or approximate figure wins nothing."""
    right = point(60, 0.9, accuracy_state="INCOMPLETE", precision="int8")
    others = [
        point(90, 0.5, accuracy_state="FAIL"),
        point(80, 0.9, valid=False),
        point(70, 0.9, source="random"),
        point(None, 0.9),
        point(50, 0.9, accuracy_state="PASS"),
    ]
    assert recommended([*others, right]) is right
    assert recommended(others[:4]) is None
    assert recommendation(others[:4]).id == "bench.no_recommendation"
    said = recommendation([*others, right])
    assert said.message == (
        "fastest whose accuracy does not fail: bs8 int8, 2 threads, 60.00 images/s"
    )
    with_interval = point(60, interval=(58.25, 61.75))
    assert recommendation([with_interval]).message.endswith(
        "60.00 images/s, 95 % interval 58.25 to 61.75"
    )


def test_of_equal_points_the_smaller_batch_is_recommended():
    """The same rate with less latency, then with fewer threads."""
    points = [point(60, batch_size=8), point(60, batch_size=4, threads=2),
              point(60, batch_size=4, threads=1)]  # fmt: skip
    assert recommended(points) is points[2]


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.706), (4, 2.776), (30, 2.042), (60, 2.000), (1e9, 1.960)]
)
def test_quantiles_are_those_of_the_tables(degrees, quantile):
    """A wrong one makes every interval wrong."""
    assert t_quantile(degrees) == pytest.approx(quantile, abs=6e-4)


def test_the_interval_of_a_mean_is_students():
    """n = 5, mean 10, standard deviation 1: 10 -+ 2.776 / sqrt(5)."""
    values = [8.5, 9.5, 10.0, 10.5, 11.5]
    spread = math.sqrt(sum((value - 10) ** 2 for value in values) / 4)
    low, high = mean_interval(values)
    assert (low + high) / 2 == pytest.approx(10)
    assert high - 10 == pytest.approx(2.776 * spread / math.sqrt(5))
    assert mean_interval([10.0]) is None
    assert mean_interval([]) is None


def test_the_interval_of_a_gain_holds_the_truth_as_often_as_it_says():
    """95 of 100 draws; fewer means that it claims too much."""
    draw = random.Random(20261120)
    hits = 0
    for _ in range(400):
        base = [math.exp(draw.gauss(0, 0.02)) for _ in range(4)]
        other = [1.05 * math.exp(draw.gauss(0, 0.05)) for _ in range(4)]
        low, high = welch_gain(base, other).interval
        hits += low <= 5 <= high
    assert 0.92 <= hits / 400 <= 0.99


@pytest.mark.parametrize(
    ("base", "other", "said"),
    [
        ([100, 101, 99], [102, 103.5, 100], "bench.tuned_unclear"),
        ([100, 101, 99], [120, 121, 119], "bench.tuned_faster"),
        ([120, 121, 119], [100, 101, 99], "bench.tuned_slower"),
        ([100], [102], "bench.tuned_once"),
        ([100, 100], [100, 100], "bench.tuned_unclear"),
    ],
)
def test_tuning_is_praised_only_where_the_interval_leaves_nothing_out(base, other, said):
    """A gain within the noise is none."""
    found = tuning_gain(welch_gain(base, other))
    assert found.id == said
    assert "tuned" in found.message


def test_the_words_for_tuning_name_gain_and_interval():
    """As users read them."""
    found = tuning_gain(Gain(1.8, (-0.4, 4.0)))
    assert found.message == "tuned 1.8 % faster (interval -0.4..4.0): no clear gain"


def test_a_gain_without_a_measurement_is_refused():
    """Nothing can be said of it."""
    with pytest.raises(ValueError, match="measurement"):
        welch_gain([], [1.0])


def test_operators_are_added_up_by_type_and_place():
    """A Conv on the chip and one beside it are two findings."""
    entries = [
        OperatorTime(operator="Add", where="CPU", count=1, total_ms=1.0),
        OperatorTime(operator="Conv", where="CPU", count=1, total_ms=2.0),
        OperatorTime(operator="Conv", where="CPU", count=2, total_ms=5.0),
        OperatorTime(operator="Conv", where=None, count=1, total_ms=2.0),
    ]
    table = operator_table(entries, executions=3)
    assert [(e.operator, e.where, e.count, e.total_ms) for e in table.operators] == [
        ("Conv", "CPU", 3, 7.0), ("Conv", None, 1, 2.0), ("Add", "CPU", 1, 1.0),
    ]  # fmt: skip
    assert table.costliest(2) == "Conv 70.0 %, Conv 20.0 %"
    assert sum(row["share"] for row in table.rows()) == pytest.approx(1)
    assert operator_table([]).document()["operators"] == []


def gate(state, text="why"):
    passed = None if state == "NO_RULE" else state == "PASS"
    return Gate("batch_consistency", passed, state, (finding("a.b", text),))


def test_gates_of_several_precisions_join_to_the_gravest():
    """One that fails is not made good by another."""
    joined = joined_gate([gate("PASS"), gate("FAIL", "int8 differs"), gate("NO_RULE")])
    assert (joined.state, joined.passed, joined.why) == ("FAIL", False, "int8 differs")
    assert joined_gate([gate("PASS"), gate("NO_RULE")]).passed is True
    assert joined_gate([gate("NO_RULE")]).passed is None
    assert gravest([]) == "NO_RULE"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("npu:0 Ascend310P3", "310P"),
        ("npu:0,1 Ascend310", "310"),
        ("npu:0 Ascend310B4", None),
        ("cuda:0 Tesla T4", "T4"),
        ("cpu:0", None),
    ],
)
def test_devices_are_told_by_the_families_of_the_rules(text, name):
    """A 310B is no 310, and a CPU has no rule."""
    assert family(text) == name


def document(device, card, model="ghostnet", **changes):
    row = {"card_throughput": card, "valid": True, "source": "dataset", **changes}
    return {"device": device, "model": model, "performance": [row]}


@pytest.mark.parametrize(
    ("own", "other", "state"),
    [
        (document("npu:0 Ascend310P3", 120), document("npu:0 Ascend310", 100), "PASS"),
        (document("npu:0 Ascend310P3", 119), document("npu:0 Ascend310", 100), "FAIL"),
        (document("npu:0 Ascend310P3", 200), document("cuda:0 Tesla T4", 100), "PASS"),
        (document("npu:0 Ascend310P3", 200), document("npu:0 Ascend310", 1, "other"), "NO_RULE"),
        (document("npu:0 Ascend310", 200), document("npu:0 Ascend310P3", 100), "NO_RULE"),
        (document("cpu:0", 200), document("npu:0 Ascend310", 100), "NO_RULE"),
        (document("npu:0 Ascend310P3", 200), document("npu:0 Ascend310", 1, valid=False),
         "NO_RULE"),
        (document("npu:0 Ascend310P3", 9, source="random"), document("npu:0 Ascend310", 1),
         "NO_RULE"),
        (document("cpu:0", 200), None, "NO_RULE"),
    ],
)  # fmt: skip
def test_a_baseline_decides_only_where_a_rule_compares_both_devices(own, other, state):
    """A CPU figure never enters an NPU ratio, nor does one that cannot be trusted."""
    assert baseline_gate(own, other).state == state


def test_a_missed_ratio_names_the_operators_that_cost_most():
    """The next question is always where the time goes."""
    table = operator_table([OperatorTime(operator="TransData", where=None, count=1, total_ms=1.0)])
    missed = baseline_gate(document("npu:0 Ascend310P3", 100), document("npu:0 Ascend310", 100))
    assert "TransData 100.0 %" in with_operators(missed, [table]).why
    assert with_operators(missed, []) is missed
    met = baseline_gate(document("npu:0 Ascend310P3", 200), document("npu:0 Ascend310", 100))
    assert with_operators(met, [table]) is met
