"""Whether a throughput can be trusted: each reason has an id, and notes do not decide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ascend_console.core.stats import Measurement, measurement_of
from ascend_console.core.validity import (
    Conditions,
    ForeignUse,
    ToolFigures,
    Validity,
    judge_measurement,
    judge_tool_figures,
)

GOOD = measurement_of([10.0] * 400, 8)


def _reasons(validity: Validity) -> list[str]:
    return [entry.id for entry in validity.reasons]


def _notes(validity: Validity) -> list[str]:
    return [entry.id for entry in validity.notes]


def test_a_long_stable_exclusive_measurement_can_be_trusted() -> None:
    """Nothing to say about it."""
    assert judge_measurement(GOOD) == Validity(True)


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (replace(GOOD, stable=False), "measure.unstable"),
        (replace(GOOD, enough=False), "measure.too_short"),
        (replace(GOOD, stable=None), "measure.too_short"),
    ],
)
def test_short_or_unstable_figures_cannot_be_trusted(measured: Measurement, reason: str) -> None:
    """With the batch size, so that a sweep says which one."""
    found = judge_measurement(measured)
    assert not found.valid
    assert _reasons(found) == [reason]
    assert found.reasons[0].message.startswith("bs8: ")
    assert found.reasons[0].hint


def test_foreign_use_is_named_with_its_pid() -> None:
    """The user must know what to stop."""
    uses = (ForeignUse(42, "python3"), ForeignUse(7, "make", 55.2), ForeignUse(8, "sshd", 20.0))
    found = judge_measurement(GOOD, Conditions(foreign=uses))
    assert _reasons(found) == ["measure.foreign_load"]
    assert "make (pid 7, 55 % of a core), python3 (pid 42)" in found.reasons[0].message
    assert "sshd" not in found.reasons[0].message


def test_a_quiet_neighbour_disturbs_nobody() -> None:
    """Up to 20 % of a core."""
    found = judge_measurement(GOOD, Conditions(foreign=(ForeignUse(8, "sshd", 20.0),)))
    assert found.valid


def test_throttling_and_a_probably_shared_device_cannot_be_trusted() -> None:
    """More than 10 % faster on random input right afterwards: both figures are shown."""
    found = judge_measurement(GOOD, Conditions(throttled="thermal", random_throughput=900.0))
    assert _reasons(found) == ["measure.throttled", "measure.probably_shared"]
    assert "900.0" in found.reasons[1].message
    assert "800.0" in found.reasons[1].message
    assert judge_measurement(GOOD, Conditions(random_throughput=879.0)).valid


def test_random_input_slow_copies_and_an_unchecked_device_are_named_only() -> None:
    """They make a figure approximate, not false."""
    conditions = Conditions(source="random", exclusive_checked=False, transfer_ms=11.0)
    found = judge_measurement(GOOD, conditions)
    assert found.valid
    assert _notes(found) == [
        "measure.random_input",
        "measure.exclusive_unknown",
        "measure.transfer_bound",
    ]
    assert found.notes[1].message == "exclusive use could not be checked"
    assert found.findings == found.notes
    assert _notes(judge_measurement(GOOD, Conditions(source="zero"))) == ["measure.zero_input"]


TOOL = ToolFigures(
    batch_size=16,
    mean_ms=4.0,
    median_ms=3.9,
    max_ms=9.0,
    p99_ms=5.0,
    throughput=4000.0,
    executions=1000,
)


def test_consistent_figures_of_a_tool_can_be_trusted() -> None:
    """4 s and 1,000 executions, by mean and count."""
    assert judge_tool_figures(TOOL) == Validity(True)


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        (replace(TOOL, median_ms=3.5), "measure.skewed"),
        (replace(TOOL, throughput=250.0), "measure.rate_mismatch"),
        (replace(TOOL, executions=50), "measure.too_short"),
        (replace(TOOL, elapsed_ms=1000.0), "measure.too_short"),
    ],
)
def test_figures_that_contradict_each_other_cannot_be_trusted(
    figures: ToolFigures, reason: str
) -> None:
    """A tool that was told no batch size prints a sixteenth of the throughput."""
    assert _reasons(judge_tool_figures(figures)) == [reason]


def test_what_a_tool_does_not_print_is_not_judged() -> None:
    """Unknown is neither good nor bad; that the count is unknown is said."""
    found = judge_tool_figures(ToolFigures(batch_size=1, throughput=100.0))
    assert found.valid
    assert _notes(found) == ["measure.count_unknown"]


def test_outliers_of_a_tool_are_named() -> None:
    """One slow execution in a thousand moves no mean, but has a cause."""
    found = judge_tool_figures(replace(TOOL, max_ms=82.0), Conditions(exclusive_checked=False))
    assert found.valid
    assert _notes(found) == ["measure.outliers", "measure.exclusive_unknown"]
