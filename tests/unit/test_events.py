"""Records survive a round trip through JSON, and a view folds from them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core import events
from ascend_console.core.events import Record, from_json, to_json
from ascend_console.core.view import RunView, fold

TEXT = st.text(max_size=20)
EVENTS = st.one_of(
    st.builds(events.JobStarted, TEXT, TEXT, st.integers(1, 9)),
    st.builds(events.StepStarted, TEXT, st.integers(1, 9), st.integers(1, 9)),
    st.builds(events.Progress, st.integers(0, 99), st.none() | st.integers(1, 99), TEXT),
    st.builds(events.Measured, TEXT, st.none() | st.floats(allow_nan=False), TEXT),
    st.builds(events.RowAdded, TEXT, st.dictionaries(TEXT, st.integers())),
    st.builds(events.Warned, TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT)),
    st.builds(events.ArtifactWritten, TEXT, TEXT),
    st.builds(events.JobSucceeded, st.none() | TEXT, st.integers(0, 7)),
    st.builds(events.JobFailed, TEXT, TEXT, TEXT, st.integers(1, 4)),
    st.builds(events.JobCancelled),
)


@given(EVENTS, st.integers(0, 10**6))
def test_a_record_survives_json(event, seq):
    """A run can be recorded, piped and replayed without loss."""
    record = Record("r", seq, "2026-11-20T10:15:00.000Z", 1.5, event)
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_unknown_events_and_keys_are_passed_over():
    """An old front end survives a new job."""
    line = to_json(Record("r", 0, "t", 0.0, events.StepStarted("a", 1, 2)))
    assert from_json({**line, "new": 1}).event == events.StepStarted("a", 1, 2)
    assert from_json({**line, "event": "Invented"}) is None
    assert from_json({"event": "StepStarted"}) is None


def _view(*sequence):
    view = RunView()
    for number, event in enumerate(sequence):
        view = fold(view, Record("r", number, "t", float(number), event))
    return view


def test_a_view_knows_steps_progress_and_the_end():
    """Both front ends show this value, so that they cannot disagree."""
    view = _view(
        events.JobStarted("run", "ghostnet"),
        events.StepStarted("export", 1, 2),
        events.StepStarted("infer", 2, 2),
        events.Progress(5, 10, "images"),
        events.JobSucceeded("PASS", 0),
    )
    assert [(step.name, step.started_s, step.ended_s) for step in view.steps] == [
        ("export", 1.0, 2.0),
        ("infer", 2.0, 4.0),
    ]
    assert view.step.rate_per_s == 2.5
    assert (view.state, view.verdict, view.exit_code) == ("finished", "PASS", 0)


def test_a_view_stays_bounded():
    """A run with endless warnings must not fill the memory of a screen."""
    view = _view(*(events.Warned("w", str(number)) for number in range(500)))
    assert view.warning_count == 500
    assert len(view.warnings) == 50
    assert view.warnings[-1].message == "499"


def test_an_error_ends_in_a_failed_view():
    """The hint is what the user needs next."""
    failed = events.JobFailed("x", "what", "type this", 2)
    view = _view(events.JobStarted("run", "t"), failed)
    assert (view.state, view.exit_code, view.error) == ("failed", 2, failed)
