"""The watcher finds runs by their locks, follows them by their logs, and outlives bad folders."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ascend_console.core import events
from ascend_console.core.events import Record
from ascend_console.tools import files, run_folder
from ascend_console.tui.watch import Watcher
from tests.data.recorded_runs import happened, record, run_document

HOLDER = """
import sys, pathlib
from ascend_console.core import events
from ascend_console.tools.run_folder import EventLog
folder = pathlib.Path(sys.argv[1])
log = EventLog(folder)
began = events.JobStarted("run", "x")
log.append(events.Record(folder.name, 0, "2026-11-20T10:15:00Z", 0.0, began))
print("ready", flush=True)
sys.stdin.read()
"""


class Watched:
    """A watcher whose looks a test makes, a second apart, and what it has posted."""

    def __init__(self, workspace, clock):
        self.clock = clock
        self.posted = []
        self.watcher = Watcher(workspace, clock, self.posted.append, 10)
        self.look()
        self.posted.clear()

    def look(self, seconds=1.0):
        """What the watcher posts after so many seconds; None where nothing is new."""
        self.clock.now_s += seconds
        before = len(self.posted)
        self.watcher.look()
        return self.posted[-1] if len(self.posted) > before else None


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "runs").mkdir()
    return tmp_path


@pytest.fixture
def watched(workspace, clock):
    return Watched(workspace, clock)


def begun(workspace, name="20261120-101500-ghostnet-0001"):
    """A run folder whose log is open, as that of a run that goes on."""
    folder = workspace / "runs" / name
    folder.mkdir()
    files.write_json(folder / "run.json", run_document(folder))
    return folder, run_folder.EventLog(folder)


def write(log, folder, *found):
    for number, event in enumerate(found):
        log.append(Record(folder.name, number, "2026-11-20T10:15:00Z", number * 0.5, event))


def test_a_run_that_another_terminal_begins_is_found_within_a_second(workspace, watched):
    assert watched.look() is None
    folder, log = begun(workspace)
    write(log, folder, events.JobStarted("run", "ghostnet"))
    (found,) = watched.look().live
    assert (found.folder, found.state) == (folder, "running")
    assert found.document["model"] == "ghostnet"
    log.close()


def test_it_is_followed_to_its_end_and_is_no_longer_live_then(workspace, watched):
    folder, log = begun(workspace)
    watched.watcher.follow(folder)
    *steps, end = happened(folder, events.JobSucceeded("PASS", 0))
    write(log, folder, *steps)
    message = watched.look()
    assert message.followed.view.step.done == 300
    assert [run.folder for run in message.live] == [folder]
    write(log, folder, end)
    log.close()
    message = watched.look()
    assert message.live == ()
    assert (message.followed.state, message.followed.view.verdict) == ("finished", "PASS")


def test_nothing_is_told_twice(workspace, watched):
    """The screens are drawn again only where something is new."""
    folder, log = begun(workspace)
    write(log, folder, events.JobStarted("run", "ghostnet"))
    assert watched.look() is not None
    assert watched.look() is None
    assert watched.look(60) is None
    write(log, folder, events.StepStarted("export", 1, 2))
    assert watched.look(0.1) is not None
    log.close()


def test_a_run_that_is_killed_is_interrupted(workspace, watched):
    """Nobody wrote its end: only the lock that the system took back tells."""
    folder, log = begun(workspace)
    log.close()
    run = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert run.stdout.readline() == b"ready\n"
        watched.watcher.follow(folder)
        (live,) = watched.look().live
        assert live.state == "running"
    finally:
        run.kill()
        run.communicate()
    message = watched.look()
    assert message.live == ()
    assert message.followed.state == "interrupted"


def test_a_finished_run_that_is_opened_is_told_once(workspace, watched):
    folder = record(workspace, "20261120-101500-ghostnet-0001")
    watched.watcher.follow(folder)
    message = watched.look(0.1)
    assert message.followed.view.verdict == "PASS"
    assert message.live == ()
    assert watched.look() is None


def test_several_runs_are_followed_at_once(workspace, watched):
    pairs = [begun(workspace, f"20261120-10150{n}-ghostnet-000{n}") for n in range(3)]
    for folder, log in pairs:
        write(log, folder, events.JobStarted("run", "ghostnet"))
    assert [run.folder for run in watched.look().live] == [folder for folder, _ in pairs]
    for _, log in pairs:
        log.close()
    assert watched.look().live == ()


def test_an_old_run_that_is_resumed_is_found_within_ten_seconds(workspace, watched):
    """Among thousands only the newest are looked at every second."""
    folder = workspace / "runs" / "20250101-101500-ghostnet-0001"
    folder.mkdir()
    for number in range(60):
        (workspace / "runs" / f"20261120-1015{number:02}-ghostnet-0002").mkdir()
    watched.look()
    log = run_folder.EventLog(folder)
    write(log, folder, events.JobStarted("run", "ghostnet"))
    assert watched.look() is None
    assert [run.folder for run in watched.look(10).live] == [folder]
    assert watched.look() is None
    log.close()


def test_a_damaged_run_does_not_end_the_watch(workspace, watched):
    """Its folder may be on a failing disk; the others still have to be followed."""
    bad, bad_log = begun(workspace, "20261120-101500-ghostnet-0001")
    (bad / "run.json").write_text("{")
    good, log = begun(workspace, "20261120-101600-ghostnet-0002")
    write(log, good, events.JobStarted("run", "ghostnet"))
    assert [run.folder for run in watched.look().live] == [good]
    bad_log.close()
    log.close()
    assert watched.look().live == ()


def test_a_run_that_is_deleted_while_it_is_shown_does_not_end_the_watch(workspace, watched):
    folder = record(workspace, "20261120-101500-ghostnet-0001")
    watched.watcher.follow(folder)
    watched.look()
    shutil.rmtree(folder)
    watched.look()
    other, log = begun(workspace, "20261120-101600-ghostnet-0002")
    assert [run.folder for run in watched.look().live] == [other]
    log.close()


def test_a_workspace_that_is_not_there_yet_has_no_runs(tmp_path, clock):
    watched = Watched(tmp_path / "none", clock)
    assert watched.look() is None


def test_the_thread_ends_when_it_is_told_to(workspace, clock):
    watcher = Watcher(workspace, clock, lambda message: None, 10)
    watcher.start()
    watcher.stop()
    assert not watcher._thread.is_alive()
