"""The record of a run stays small, whatever time and tools do; what matters always gets into it."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ascend_console.core import events, record_bounds
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env, Job
from ascend_console.jobs._loop import run_job
from ascend_console.tools import run_folder
from tests.conftest import FixedClock, Sunk

MOST = 20
COUNTED = (events.LogLine, events.Warned)


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass
class Story:
    """What a job tells, and how many seconds pass before each event."""

    parts: list
    clock: FixedClock = field(default_factory=FixedClock)

    def job(self, *, recording=True):
        def work(request, env):
            for wait_s, event in self.parts:
                self.clock.now_s += wait_s
                yield event

        return Job(name="test", summary="", request=Nothing, run=work, example="",
                   recording=recording)  # fmt: skip

    def run(self, *sinks, folder=Path("a-run")):
        """Run it; the events that were sent."""
        sunk = Sunk()
        env = Env(settings=Settings(workspace=Path()), cancel=threading.Event(), clock=self.clock,
                  run_id="a-run", run_dir=folder)  # fmt: skip
        run_job(self.job(recording=folder is not None), Nothing(), env, sunk, *sinks)
        return sunk.events


def most_progress(seconds):
    """Ten a second while a step is young, then one more for each 0.2 % of its age."""
    young_s = record_bounds.INTERVAL_S / record_bounds.SHARE_OF_AGE
    older = math.log(max(seconds, young_s) / young_s) / math.log1p(record_bounds.SHARE_OF_AGE)
    return math.ceil(min(seconds, young_s) / record_bounds.INTERVAL_S) + math.ceil(older) + 2


def steps_of(sent):
    """The events of each step."""
    steps = [[]]
    for event in sent:
        if isinstance(event, events.StepStarted):
            steps.append([])
        steps[-1].append(event)
    return steps


FACTS = st.one_of(
    st.builds(events.StepStarted, st.just("step"), st.just(1), st.just(1)),
    st.builds(events.Measured, st.just("rate"), st.floats(0, 9), st.just("images/s")),
    st.builds(events.RowAdded, st.just("t"), st.just({})),
    st.builds(events.ArtifactWritten, st.text(max_size=3), st.just("onnx")),
    st.builds(events.LogOpened, st.just("convert"), st.text(max_size=3)),
)
TOLD = st.one_of(
    FACTS,
    st.builds(events.LogLine, st.text(max_size=3)),
    st.builds(events.Warned, st.just("a.b"), st.text(max_size=3)),
)


@st.composite
def stories(draw):
    """Bursts: the same event many times over, with the progress counted up."""
    parts, done = [], 0
    for _ in range(draw(st.integers(0, 12))):
        count, wait_s = draw(st.integers(1, 40)), draw(st.floats(0, 5000))
        kind = draw(st.none() | TOLD)
        for _ in range(count):
            done += 1
            parts.append((wait_s / count, kind or events.Progress(done, None, "images")))
    return parts


@settings(max_examples=200, deadline=None)
@given(stories())
def test_what_matters_always_passes_and_the_rest_is_bounded(parts):
    """Steps, figures, artefacts, the last progress of a step and the end are what a run is."""
    with mock.patch.object(record_bounds, "MOST_LINES", MOST):
        sent = Story(parts).run()
    told = [event for _, event in parts]
    facts = (events.StepStarted, events.Measured, events.RowAdded, events.ArtifactWritten,
             events.LogOpened)  # fmt: skip
    assert [event for event in sent if isinstance(event, facts)] == [
        event for event in told if isinstance(event, facts)
    ]
    assert sent[-1] == events.JobSucceeded()
    notes = [event for event in sent if getattr(event, "id", "") == "run.left_out"]
    left_out = 0
    for kind in COUNTED:
        all_of_it = [event for event in told if isinstance(event, kind)]
        passed = [event for event in sent if isinstance(event, kind) and event not in notes]
        assert passed == all_of_it[:MOST]
        left_out += len(all_of_it[MOST:])
    assert [note.args["count"] for note in notes] == ([str(left_out)] if left_out else [])
    assert not notes or sent[-2] == notes[0]
    for whole, kept in zip(steps_of(told), steps_of(sent), strict=True):
        wanted = [event for event in whole if isinstance(event, events.Progress)]
        seen = [event for event in kept if isinstance(event, events.Progress)]
        assert seen[:1] == wanted[:1]
        assert seen[-1:] == wanted[-1:]
        assert [event.done for event in seen] == sorted({event.done for event in seen})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(0.001, 40_000)), min_size=1, max_size=4))
@example([(3000, 36_000.0)])
def test_the_progress_of_a_step_grows_with_the_logarithm_of_its_age(bursts):
    """A tool that is tuned for a night must not leave a record that takes minutes to open."""
    parts = [(0.0, events.StepStarted("tune", 1, 1))]
    for count, seconds in bursts:
        parts += [(seconds / count, events.Progress(1, None, "images"))] * count
    sent = Story(parts).run()
    shown = sum(isinstance(event, events.Progress) for event in sent)
    assert shown <= most_progress(sum(seconds for _, seconds in bursts))


def test_ten_hours_of_progress_leave_some_thousand_lines_and_stay_fresh():
    """What a front end shows may be old by 0.2 % of the age of its step, and no more."""
    shown = []
    bounds = record_bounds.RecordBounds(0.0, bounded=True)
    for tenth in range(36_000 * 10):
        progress = events.Progress(tenth, None, "images")
        shown += [tenth / 10 for _ in bounds.let_through(progress, tenth / 10)]
    assert len(shown) < 4_000
    assert all(
        late - early <= max(0.21, late * record_bounds.SHARE_OF_AGE + 0.11)
        for early, late in itertools.pairwise(shown)
    )


def test_a_flood_of_warnings_hides_no_line_and_a_flood_of_lines_no_warning():
    """A tool that talks must not use up the room for what the run itself has to say."""
    flood = [(0.0, events.LogLine("x"))] * (record_bounds.MOST_LINES + 5)
    warned = events.Warned("device.waiting", "waiting")
    sent = Story([*flood, (0.0, warned), (0.0, events.LogLine("late"))]).run()
    assert sent[-3:] == [warned, sent[-2], events.JobSucceeded()]
    assert sent[-2].args == {"count": "6"}
    assert len(sent) == record_bounds.MOST_LINES + 4


def test_the_log_of_the_worst_tool_has_a_size(tmp_path):
    """Lines of 64 KiB, without end: `events.jsonl` is for people and screens, `logs/` for them."""
    folder = tmp_path / "a-run"
    folder.mkdir()
    log = run_folder.EventLog(folder)
    line = events.LogLine("\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 65_536, "error")
    with mock.patch.object(record_bounds, "MOST_LINES", 300):
        sent = Story([(0.0, line)] * 1_000).run(log.append, folder=folder)
    log.close()
    assert sent[1].level == "error"
    assert len(sent[1].text) == record_bounds.LONGEST_LINE + 2
    assert (folder / "events.jsonl").stat().st_size < 300 * 4 * record_bounds.LONGEST_LINE
    seen = [record.event for record in run_folder.read_records(folder)]
    assert seen == sent
    assert [record.seq for record in run_folder.read_records(folder)] == list(range(len(sent)))


def test_a_job_that_records_nothing_is_not_bounded():
    """`devices --watch` goes on for weeks, and what it prints lies nowhere."""
    lines = [(0.0, events.LogLine("x" * 5_000))] * (record_bounds.MOST_LINES + 5)
    ticks = [(0.1001, events.Progress(done, None, "images")) for done in range(2_000)]
    sent = Story([*lines, *ticks]).run(folder=None)
    assert len(sent) == len(lines) + len(ticks) + 2
    assert len(sent[1].text) == 5_000
