"""Stages, their pace and their figures: nothing is told that is not known."""

from __future__ import annotations

import pytest

from ascend_console.core import events
from ascend_console.core.events import (
    JobCancelled,
    Progress,
    StepStarted,
)
from ascend_console.core.view import StepView
from ascend_console.tools.run_follow import Sample
from ascend_console.tui import run_pace
from ascend_console.tui.run_live import Series, line, plot
from ascend_console.tui.run_plan import Earlier, planned_steps, read_earlier
from ascend_console.tui.run_stages import Now, left_s, stages
from tests.data.recorded_runs import record
from tests.tui.run_folders import folder_of, going_on
from tests.tui.run_told import NAME, PEN, REQUEST, STEPS, begun, follow


def snapshot_of(workspace, told, **document):
    from ascend_console.tools.run_follow import RunFollower

    with going_on(workspace, NAME, told, request=REQUEST, **document):
        follower = RunFollower(folder_of(workspace, NAME))
        return follower.poll()


def test_steps_of_one_kind_are_folded_but_for_the_one_that_runs(tmp_path):
    run = snapshot_of(tmp_path, begun(*STEPS[:5]))
    now = Now(run=run, elapsed_s=20.0, planned=STEPS)
    shown_stages = [(stage.kind, stage.batches, stage.state) for stage in stages(now)]
    assert shown_stages == [
        ("weights", "", "finished"), ("export", "", "finished"), ("convert", "", "finished"),
        ("infer", "1", "finished"), ("infer", "8", "running"), ("reference", "", "pending"),
        ("measure", "1,8", "pending"), ("verdict", "", "pending"),
    ]  # fmt: skip


def test_a_plan_that_does_not_fit_the_run_is_not_shown(tmp_path):
    """A step that never comes is worse than one that is not announced."""
    run = snapshot_of(tmp_path, begun(*STEPS[:2]))
    now = Now(run=run, elapsed_s=5.0, planned=("weights", "verdict"))
    assert [stage.state for stage in stages(now)] == ["finished", "running"]
    assert left_s(now) is None


def test_the_time_left_is_only_told_where_every_part_of_it_is_known(tmp_path):
    run = snapshot_of(tmp_path, begun(*STEPS[:2]))
    seconds = dict.fromkeys(STEPS, 4.0)
    earlier = Earlier(runs=2, seconds=seconds)
    assert left_s(Now(run=run, elapsed_s=3.0, planned=STEPS, earlier=earlier)) == 3.0 + 7 * 4.0
    late = Now(run=run, elapsed_s=9.0, planned=STEPS, earlier=earlier)
    assert left_s(late) is None
    partly = Earlier(runs=2, seconds={"export": 4.0})
    assert left_s(Now(run=run, elapsed_s=3.0, planned=STEPS, earlier=partly)) is None


def test_the_planned_steps_are_those_that_a_run_takes():
    """The plan and the workflow are told apart only by this test."""
    from ascend_console.jobs import _workflow

    for with_files in (False, True):
        planned = planned_steps("run", (1, 8), with_files=with_files, earlier=Earlier())
        assert list(planned) == _workflow._steps((1, 8), with_files=with_files)


def test_earlier_runs_of_the_same_kind_give_the_estimate(tmp_path):
    record(tmp_path, NAME)
    record(tmp_path, "20261120-111500-ghostnet-bbbb", document={"request": {"backend": "torch"}})
    earlier = read_earlier(tmp_path, "run", {"model": ["ghostnet"], "backend": "onnxruntime"})
    assert earlier.runs == 1
    assert earlier.steps == ("export", "infer")
    assert earlier.usual_s("export") == 1.0
    assert earlier.usual_s("measure bs8") is None
    assert Earlier(seconds={"infer bs1": 2.0, "infer bs8": 4.0}).usual_s("infer bs4") == 3.0


# Pace.


def step_of(**changes):
    return StepView("infer", 1, 2, 0.0, **{"done": 100, "total": 1000, "unit": "images", **changes})


def test_a_rate_forgets_with_a_half_life_of_five_seconds():
    samples = [Sample(0.0, 100.0), Sample(5.0, 200.0)]
    assert run_pace.smoothed_rate(samples, 0.0) == pytest.approx(150.0)
    assert run_pace.smoothed_rate(samples, 4.0) == 200.0
    assert run_pace.smoothed_rate([], 0.0) is None


def test_no_time_left_is_told_before_three_seconds_and_two_percent():
    assert run_pace.step_left_s(step_of(), 100.0, 2.9) is None
    assert run_pace.step_left_s(step_of(done=19), 100.0, 9.0) is None
    assert run_pace.step_left_s(step_of(), 100.0, 3.0) == 9.0
    assert run_pace.step_left_s(step_of(total=None), 100.0, 9.0) is None


def test_silence_is_told_after_ten_seconds_or_five_usual_steps():
    quick = [Sample(1.0, 1.0), Sample(2.0, 1.0)]
    assert run_pace.silent_s(step_of(), quick, 11.0) is None
    assert run_pace.silent_s(step_of(), quick, 16.0) == 14.0
    slow = [Sample(10.0, 1.0), Sample(20.0, 1.0)]
    assert run_pace.silent_s(step_of(), slow, 60.0) is None
    assert run_pace.silent_s(step_of(), slow, 71.0) == 51.0


def test_a_countdown_is_coarse_above_a_minute_and_rises_late():
    countdown = run_pace.Countdown()
    assert countdown.show(92.0, 0.0) == 90.0
    assert countdown.show(120.0, 1.0) == 89.0
    assert countdown.show(120.0, 2.0) == 88.0
    assert countdown.show(120.0, 4.1) == 120.0
    assert countdown.show(30.0, 5.0) == 30.0
    assert countdown.show(None, 6.0) is None


def test_seconds_go_on_between_two_records(tmp_path):
    run = snapshot_of(tmp_path, begun("weights"))
    elapsed = run_pace.Elapsed()
    assert elapsed.now_s(run, 100.0) == 0.0
    assert elapsed.now_s(run, 104.0) == 4.0


# Live.


def test_a_history_is_drawn_on_a_scale_from_zero():
    series = Series("throughput", "img/s", tuple((float(at), 118.4) for at in range(60)))
    text = line(series, 60.0, 80, PEN)
    assert text.startswith("throughput img/s")
    assert "0-200" in text
    assert text.endswith("118.4  118.4-118.4")
    assert line(Series("x", "ms", ()), 5.0, 80, PEN).endswith("–")
    drawn = plot(series, 60.0, 60, 6, PEN)
    assert len(drawn) == 6
    assert drawn[1].lstrip().startswith("200")


def test_samples_of_an_earlier_attempt_are_not_drawn(console):
    """Seconds begin at 0 again; what lies in the future once broke the screen."""
    told = (
        *begun("weights"), (30.0, Progress(1, 9, "images")), (31.0, Progress(5, 9, "images")),
        (32.0, JobCancelled()), (0.0, events.JobStarted("run", "ghostnet", 2)),
        (0.5, StepStarted("weights", 1, 9)),
    )  # fmt: skip
    with going_on(console.workspace, NAME, told):
        lines = follow(console, folder_of(console.workspace, NAME), "▸ weights")
    assert any(text.split() == ["throughput", "img/s", "–"] for text in lines)
