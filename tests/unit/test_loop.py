"""The one loop: every job ends in one terminal event, and its exit code is the process's."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ascend_console.core import events
from ascend_console.core.errors import ToolFailed, UserError, worst_exit_code
from ascend_console.core.specs import Job
from ascend_console.jobs._loop import run_job


@dataclass(frozen=True)
class Nothing:
    pass


def job(generator):
    return Job(
        name="test", summary="s", request=Nothing, run=generator, example="", recording=False
    )


def test_a_job_that_ends_has_succeeded(env, sunk):
    """One terminal event, and it is last."""

    def work(request, env):
        yield events.StepStarted("a", 1, 1)

    assert run_job(job(work), Nothing(), env, sunk) == 0
    assert sunk.events == [
        events.JobStarted("test", "test"),
        events.StepStarted("a", 1, 1),
        events.JobSucceeded(),
    ]
    assert [record.seq for record in sunk.records] == [0, 1, 2]


def test_a_verdict_is_the_last_word(env, sunk):
    """Nothing after a terminal event is sent."""

    def work(request, env):
        yield events.JobSucceeded("FAIL", 5)
        yield events.StepStarted("never", 1, 1)

    assert run_job(job(work), Nothing(), env, sunk) == 5
    assert sunk.events[-1] == events.JobSucceeded("FAIL", 5)


@pytest.mark.parametrize(("error", "code"), [(UserError, 2), (ToolFailed, 3)])
def test_an_error_of_ours_becomes_an_event(env, sunk, error, code):
    """Bad input never shows a traceback."""

    def work(request, env):
        yield events.StepStarted("a", 1, 1)
        raise error("labels.missing", "no {path}", hint="make {path}", path="x{y}")

    assert run_job(job(work), Nothing(), env, sunk) == code
    assert sunk.events[-1] == events.JobFailed(
        "labels.missing", "no x{y}", "make x{y}", code, {"path": "x{y}"}
    )


def test_a_bug_is_announced_and_raised(env, sunk):
    """A traceback of ours is never lost."""

    def work(request, env):
        yield events.StepStarted("a", 1, 1)
        raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError):
        run_job(job(work), Nothing(), env, sunk)
    assert sunk.events[-1].exit_code == 1


def test_a_request_to_stop_ends_in_cancelled(env, sunk):
    """The generator is closed, so that its own clean-up runs."""
    closed = []

    def work(request, env):
        try:
            env.cancel.set()
            yield events.StepStarted("a", 1, 1)
            yield events.StepStarted("never", 2, 2)
        finally:
            closed.append(True)

    assert run_job(job(work), Nothing(), env, sunk) == 130
    assert sunk.events[-1] == events.JobCancelled()
    assert closed == [True]


def test_progress_is_thinned_but_the_last_always_passes(env, sunk, clock):
    """Ten a second are enough to look at, and a finished bar must look finished."""
    clock.step_s = 0.001

    def work(request, env):
        for done in range(1, 1001):
            yield events.Progress(done, 1000, "images")
        yield events.StepStarted("next", 2, 2)

    run_job(job(work), Nothing(), env, sunk)
    seen = [event.done for event in sunk.events if isinstance(event, events.Progress)]
    assert seen[0] == 1
    assert seen[-1] == 1000
    assert len(seen) < 25


def test_the_worst_code_of_several_runs_counts():
    """Several models exit with the worst of 1, 3, 4, 2, 5, 7, 6, 0."""
    assert worst_exit_code([0, 6, 7]) == 7
    assert worst_exit_code([7, 5, 2]) == 2
    assert worst_exit_code([2, 4, 3]) == 3
    assert worst_exit_code([0, 0]) == 0
    assert worst_exit_code([]) == 0
