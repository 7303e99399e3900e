"""A replay: the same records in their own time, forwards and backwards, to the same end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core import events
from ascend_console.core.events import Record
from ascend_console.tools.run_follow import RunFollower
from ascend_console.tui.messages import FollowRequested
from ascend_console.tui.replay import FASTEST, SLOWEST, Replay, faster, slower, timed
from ascend_console.tui.run_screen import RunScreen
from tests.tui.run_folders import ended
from tests.tui.screen_text import shown, until

TOLD = (
    (0.5, events.StepStarted("export", 1, 2)),
    (2.0, events.StepStarted("infer bs8", 2, 2)),
    (3.0, events.Progress(100, 300, "images")),
    (4.0, events.Progress(200, 300, "images")),
    (8.0, events.Progress(300, 300, "images")),
    (9.0, events.Measured("throughput bs8", 120.0, "images/s")),
    (10.0, events.JobSucceeded("PASS", 0)),
)


def replay_of(folder):
    return Replay.read(folder)


@pytest.fixture
def folder(tmp_path):
    return ended(tmp_path / "ws", "20261120-101500-ghostnet-3f9a", TOLD, verdict={})


def test_each_moment_shows_what_was_known_then(folder):
    replay = replay_of(folder)
    replay.seek(3.5)
    run = replay.snapshot()
    assert (run.state, run.view.step.name, run.view.step.done) == ("running", "infer bs8", 100)
    assert replay.elapsed_s == pytest.approx(3.5)
    replay.seek(1.0)
    assert replay.snapshot().view.step.name == "export"


def test_a_replay_ends_as_the_run_did(folder):
    """Somebody who looks at a replay must see the verdict of then."""
    follower = RunFollower(folder)
    recorded = follower.poll()
    replay = replay_of(folder)
    replay.move(100.0)
    assert replay.at_end
    assert replay.snapshot().view == recorded.view
    assert replay.snapshot().state == "finished"
    assert replay.snapshot().document == recorded.document


@given(st.lists(st.floats(-20, 20), max_size=12))
def test_the_way_to_a_moment_does_not_matter(tmp_path_factory, moves):
    records = [Record("a", n, "", at_s, event) for n, (at_s, event) in enumerate(TOLD)]
    folder = tmp_path_factory.mktemp("run")
    replay, straight = Replay(folder, records), Replay(folder, records)
    for seconds in moves:
        replay.move(seconds)
    straight.seek(replay.position_s)
    assert replay.snapshot().view == straight.snapshot().view
    assert list(replay.snapshot().lines) == list(straight.snapshot().lines)
    assert 0 <= replay.position_s <= replay.length_s


def test_attempts_follow_each_other_without_the_pause_between_them():
    records = [
        Record("a", 0, "", 0.0, events.JobStarted("run", "g", 1)),
        Record("a", 1, "", 5.0, events.JobCancelled()),
        Record("a", 2, "", 0.0, events.JobStarted("run", "g", 2)),
        Record("a", 3, "", 4.0, events.JobSucceeded()),
    ]
    assert [at_s for at_s, _ in timed(records)] == [0.0, 5.0, 5.0, 9.0]


def test_a_run_that_told_nothing_has_an_empty_replay(tmp_path):
    replay = Replay.read(tmp_path)
    replay.move(5.0)
    assert (replay.length_s, replay.at_end) == (0.0, True)


def test_speeds_double_and_halve_between_a_quarter_and_sixteen():
    assert (faster(1.0), faster(FASTEST), slower(1.0), slower(SLOWEST)) == (2.0, 16.0, 0.5, 0.25)


def test_the_keys_of_a_replay_move_it_and_esc_leaves_it(console, folder):
    """Home and End move a table elsewhere; here they move the replay."""

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder, replay=True))
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.is_replaying)
        screen = app.screen
        await pilot.press("p")
        await pilot.press("home", "right")
        at_s = screen.replayed.position_s
        await pilot.press("left")
        before = screen.replayed.position_s
        await pilot.press("plus", "plus")
        speed = app.state.replay
        await pilot.press("minus", "end")
        await pilot.pause()
        end = screen.replayed.snapshot().state
        text = shown(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.state.replay is None)
        return at_s, before, speed, end, text, screen.is_replaying, screen.shown.state

    at_s, before, speed, end, text, replaying, state = console.drive(steps, start="run")
    assert (at_s, before, speed, end) == (5.0, 0.0, 4.0, "finished")
    assert "PASS" in text
    assert not replaying
    assert state == "finished"


def test_a_replay_goes_on_by_itself_to_its_verdict(console, folder):
    async def steps(app, pilot):
        app.post_message(FollowRequested(folder, replay=True))
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.is_replaying)
        await pilot.press("plus", "plus", "plus", "plus")
        seen = set()

        def over():
            seen.add(app.screen.shown.state)
            return app.screen.replayed.at_end

        await until(pilot, over)
        await until(pilot, lambda: "PASS" in shown(app))
        return seen

    assert "running" in console.drive(steps, start="run")
