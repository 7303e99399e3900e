"""Gates and the verdict that they add up to."""

from __future__ import annotations

import numpy as np
import pytest

from ascend_console.core.accuracy import Judgement, recorded
from ascend_console.core.gates import (
    accuracy_gate,
    batch_consistency_gate,
    performance_gate,
    validity_gate,
    verdict_of,
)
from ascend_console.core.validity import Validity
from ascend_console.core.verdict import Finding, Gate, Images, State, finding

ALL_READ = Images(total=300, used=300)
TWO_BAD = Images(total=300, used=298, bad=2)


def _judged(state: State, text: str, *warnings: Finding) -> Judgement:
    return Judgement(
        metric="top1", value=0.7, state=state, why=finding(f"x.{text}", text), warnings=warnings
    )


def _gate(state: State, text: str = "why") -> Gate:
    passed = None if state == "NO_RULE" else state == "PASS"
    return Gate("accuracy", passed, state, (finding(f"x.{text}", text),))


def test_every_gated_figure_must_pass() -> None:
    """One batch size that fails is enough; only what did not pass is a reason."""
    gate = accuracy_gate(
        [_judged("PASS", "bs1"), _judged("INCOMPLETE", "bs4"), _judged("FAIL", "bs8")], ALL_READ
    )
    assert (gate.passed, gate.state, gate.why) == (False, "FAIL", "bs8; bs4")


def test_a_passed_gate_says_why_once() -> None:
    """The same text at each batch size is one reason."""
    gate = accuracy_gate([_judged("PASS", "fine"), _judged("PASS", "fine")], ALL_READ)
    assert (gate.passed, gate.state, gate.why) == (True, "PASS", "fine")


def test_figures_without_a_rule_decide_nothing() -> None:
    """Top-2 to Top-4 are recorded."""
    gate = accuracy_gate([recorded("top2", 0.8)], ALL_READ)
    assert (gate.passed, gate.state) == (None, "NO_RULE")
    assert gate.findings[0].id == "accuracy.no_rule"


def test_unreadable_images_leave_the_accuracy_incomplete() -> None:
    """A figure over the rest would be another figure than the one asked for."""
    gate = accuracy_gate([_judged("PASS", "fine")], TWO_BAD, bad_names=["a.jpg", "b.jpg"])
    assert (gate.passed, gate.state) == (False, "INCOMPLETE")
    assert gate.why == "2 of 300 images could not be read: 'a.jpg', 'b.jpg'"
    assert "--skip-bad-images" in gate.findings[0].hint


def test_skipped_images_are_a_warning() -> None:
    """The user asked for it, and the figure still says it."""
    gate = accuracy_gate(
        [_judged("PASS", "fine")], TWO_BAD, bad_names=["a.jpg", "b.jpg"], skip_bad_images=True
    )
    assert gate.passed
    assert [entry.id for entry in gate.warnings] == ["images.skipped"]


def test_a_failed_figure_stays_failed_with_images_missing() -> None:
    """FAIL comes before INCOMPLETE, and both reasons are told."""
    gate = accuracy_gate([_judged("FAIL", "worse")], TWO_BAD)
    assert gate.state == "FAIL"
    assert [entry.id for entry in gate.findings] == ["x.worse", "images.unreadable"]


def test_warnings_of_figures_reach_the_verdict() -> None:
    """ "Better than published" must not get lost."""
    warning = finding("accuracy.better_than_published", "better")
    gate = accuracy_gate([_judged("PASS", "fine", warning)], ALL_READ)
    assert verdict_of([gate]).warnings == (warning,)


def test_equal_predictions_at_every_batch_size() -> None:
    """The line that users look for."""
    predicted = np.arange(300)
    gate = batch_consistency_gate({8: predicted, 1: predicted.copy()})
    assert (gate.passed, gate.why) == (True, "bs1 = bs8, 0 of 300 predictions differ")
    three = batch_consistency_gate({1: predicted, 4: predicted, 8: predicted})
    assert three.why == "bs1 = bs4 = bs8, 0 of 300 predictions differ"


@pytest.mark.parametrize(
    ("count", "differing", "passed"),
    [
        (50, 1, True),
        (50, 2, False),
        (300, 1, True),
        (300, 2, False),
        (5000, 5, True),
        (5000, 6, False),
    ],
)
def test_a_few_differing_predictions_warn_and_more_fail(
    count: int, differing: int, passed: bool
) -> None:
    """Up to one image or 0.1 %."""
    base = np.zeros(count, int)
    other = base.copy()
    other[:differing] = 7
    gate = batch_consistency_gate({1: base, 16: other}, [f"img{row}" for row in range(count)])
    assert gate.passed is passed
    assert gate.state == ("PASS" if passed else "FAIL")
    assert len(gate.warnings) == passed
    assert f"bs1 and bs16: {differing} of {count} predictions differ: 'img0'" in gate.why


def test_attributes_differ_image_by_image() -> None:
    """One attribute of 35 makes the image differ, two of the same image do not count twice."""
    base = np.zeros((200, 35), bool)
    other = base.copy()
    other[3, [0, 9]] = True
    gate = batch_consistency_gate({1: base, 8: other})
    assert gate.passed
    assert "1 of 200 predictions differ: 'row 3'" in gate.why


def test_one_batch_size_has_nothing_to_be_compared_with() -> None:
    """No rule applies, which is neither passed nor failed."""
    gate = batch_consistency_gate({1: np.zeros(3)})
    assert (gate.passed, gate.state) == (None, "NO_RULE")
    assert batch_consistency_gate({}).passed is None


GOOD = Validity(True, (), (finding("measure.random_input", "random"),))
BAD = Validity(False, (finding("measure.unstable", "bs8: unstable"),))


def test_an_untrusted_throughput_is_a_warning_in_run() -> None:
    """The accuracy verdict of a busy laptop still counts."""
    gate = validity_gate([GOOD, BAD], decides=False)
    assert (gate.passed, gate.state) == (None, "NO_RULE")
    assert [entry.id for entry in gate.warnings] == ["measure.unstable", "measure.random_input"]
    assert verdict_of([_gate("PASS"), gate]).verdict == "PASS"


def test_an_untrusted_throughput_decides_in_bench() -> None:
    """There it is all that was asked for."""
    gate = validity_gate([GOOD, BAD], decides=True)
    assert (gate.passed, gate.state, gate.why) == (False, "INVALID", "bs8: unstable")
    assert verdict_of([gate]).exit_code == 6
    assert validity_gate([GOOD], decides=True).state == "PASS"
    assert validity_gate([], decides=True).passed is None


@pytest.mark.parametrize(("ratio", "state"), [(1.2, "PASS"), (1.199, "FAIL")])
def test_a_ratio_must_reach_what_is_asked_for(ratio: float, state: str) -> None:
    """310P/310 >= 1.2."""
    assert performance_gate("310P/310", ratio, 1.2).state == state


def test_a_missing_column_is_no_pass() -> None:
    """ "not computable: no T4 figure"."""
    gate = performance_gate("310P/T4", None, 1.6, "no T4 figure")
    assert gate.passed is None
    assert gate.why == "310P/T4: not computable: no T4 figure"


@pytest.mark.parametrize(
    ("states", "verdict", "code"),
    [
        (["PASS", "NO_RULE"], "PASS", 0),
        (["PASS", "INVALID"], "INVALID", 6),
        (["INVALID", "INCOMPLETE", "PASS"], "INCOMPLETE", 7),
        (["INCOMPLETE", "INVALID", "FAIL"], "FAIL", 5),
        (["NO_RULE"], "INCOMPLETE", 7),
        ([], "INCOMPLETE", 7),
    ],
)
def test_the_gravest_gate_gives_the_verdict(states: list[State], verdict: str, code: int) -> None:
    """FAIL before INCOMPLETE before INVALID before PASS; nothing judged is too little data."""
    found = verdict_of([_gate(state, state) for state in states])
    assert (found.verdict, found.exit_code) == (verdict, code)
    told = [entry.message for entry in found.reasons]
    grave = [name for name in ("FAIL", "INCOMPLETE", "INVALID") if name in states]
    assert told == grave or [entry.id for entry in found.reasons] == ["verdict.nothing_judged"]
    assert bool(told) == (verdict != "PASS")
