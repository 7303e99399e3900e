"""The history is what the run folders say; the index may only make it faster."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field of a dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.core import events
from ascend_console.core.errors import Interrupted, UserError
from ascend_console.core.events import Record
from ascend_console.tools import history, locks, run_folder, run_removal
from tests.data.recorded_runs import record

NAMES = [f"20261120-10{minute}00-ghostnet-000{minute % 10}" for minute in range(15, 19)]


@pytest.fixture
def workspace(tmp_path):
    """Four runs: finished, failed, cancelled, interrupted."""
    endings = (
        events.JobSucceeded("PASS", 0),
        events.JobFailed("a.b", "message", "hint", 3),
        events.JobCancelled(),
        None,
    )
    for minute, (name, ending) in enumerate(zip(NAMES, endings, strict=True), 15):
        record(tmp_path, name, ending=ending, minute=minute)
    return tmp_path


def without_index(workspace):
    """The truth: every folder read."""
    copy = workspace.with_name(workspace.name + "-copy")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    (copy / "runs").symlink_to(workspace / "runs")
    return history.summaries(copy)


def change_unseen(folder):
    """Another model in `run.json`, of the same size and time: only who reads it sees it."""
    path = folder / "run.json"
    seen = path.stat()
    path.write_bytes(path.read_bytes().replace(b"ghostnet", b"othernet"))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def models(workspace):
    return {entry.run_id: entry.model for entry in history.summaries(workspace)}


def test_every_run_is_there_newest_first_with_its_figures(workspace):
    """People look for what they ran last, and for what came out of it."""
    found = history.summaries(workspace)
    assert [entry.run_id for entry in found] == NAMES[::-1]
    assert [entry.state for entry in found] == ["interrupted", "cancelled", "failed", "finished"]
    best = found[-1]
    assert (best.model, best.backend, best.device) == ("ghostnet", "onnxruntime", "cpu:0")
    assert (best.verdict, best.weights, best.origin) == ("PASS", "sample", "local")
    assert (best.started, best.elapsed_s) == ("2026-11-20T10:15:00.000Z", 3.5)
    assert best.figures == {
        "batch_sizes": [1, 8],
        "metric": "top1",
        "accuracy": 0.96,
        "throughput": pytest.approx(282.84, abs=0.01),
        "best_batch_size": 8,
    }
    assert found[0].figures == {}


def test_a_rate_that_is_not_trusted_is_no_best_figure(tmp_path):
    """Unknown is null: a disturbed measurement must not look like the best one."""
    record(tmp_path, "a", verdict={"valid": False})
    assert history.summaries(tmp_path)[0].figures["throughput"] is None


def test_unchanged_runs_are_not_read_again(workspace):
    """Ten thousand runs must list at once; a run whose files changed is read."""
    before = models(workspace)
    for name in NAMES:
        change_unseen(workspace / "runs" / name)
    assert models(workspace) == before
    (workspace / "runs" / NAMES[0] / "verdict.json").unlink()
    assert models(workspace) == {**before, NAMES[0]: "othernet"}
    assert history.summaries(workspace)[-1].figures == {}


def test_a_run_without_an_end_is_looked_at_live(workspace):
    """Alive is who holds the lock, whatever the index remembers."""
    folder = workspace / "runs" / NAMES[3]
    states = []
    lock = locks.FileLock(folder / "run.lock")
    for _ in range(2):
        states.append(history.summaries(workspace)[0].state)
        assert lock.acquire()
        states.append(history.summaries(workspace)[0].state)
        lock.release()
    assert states == ["interrupted", "running"] * 2
    log = run_folder.EventLog(folder)
    end = events.JobSucceeded("FAIL", 5)
    log.append(Record(folder.name, log.next_seq, "2026-11-20T10:19:00.000Z", 9.0, end))
    log.close()
    newest = history.summaries(workspace)[0]
    assert (newest.state, newest.verdict, newest.elapsed_s) == ("finished", "FAIL", 9.0)


def test_runs_that_come_and_go_are_seen(workspace):
    """The folders are the truth."""
    history.summaries(workspace)
    shutil.rmtree(workspace / "runs" / NAMES[1])
    record(workspace, "20261120-102000-new-0000", minute=20)
    names = [entry.run_id for entry in history.summaries(workspace)]
    assert names == ["20261120-102000-new-0000", NAMES[3], NAMES[2], NAMES[0]]
    with sqlite3.connect(workspace / "index.sqlite") as connection:
        rows = connection.execute("SELECT run_id FROM runs").fetchall()
    connection.close()
    assert sorted(row[0] for row in rows) == sorted(names)


def test_a_name_of_the_users_own_is_sorted_by_its_start(workspace):
    """`--run-dir` names no time, and `last` is still the run that began last."""
    record(workspace, "zebra", minute=1)
    record(workspace, "apple", minute=59)
    assert [entry.run_id for entry in history.summaries(workspace)] == [
        "apple", *NAMES[::-1], "zebra",
    ]  # fmt: skip
    assert history.find(workspace, "last").name == "apple"


def test_nothing_is_made_where_there_are_no_runs(tmp_path):
    """Listing an empty workspace must not create one."""
    assert history.summaries(tmp_path / "absent") == []
    assert not (tmp_path / "absent").exists()
    (tmp_path / "runs").mkdir()
    assert history.summaries(tmp_path) == []
    assert not (tmp_path / "index.sqlite").exists()


@pytest.mark.parametrize("name", ["run.json", "events.jsonl", "verdict.json", "view.json"])
@pytest.mark.parametrize(
    "garbage", [b"", b"\x00\xff\x80" * 99, b"[]", b'{"schema": "', b"[" * 9999]
)
def test_a_damaged_file_of_one_run_leaves_the_others_listed(workspace, name, garbage):
    """One torn file must not hide a thousand runs."""
    (workspace / "runs" / NAMES[0] / name).write_bytes(garbage)
    for _ in range(2):
        found = history.summaries(workspace)
        assert [entry.run_id for entry in found] == NAMES[::-1]
        assert [entry.state for entry in found[:3]] == ["interrupted", "cancelled", "failed"]


def test_a_run_that_cannot_be_read_says_why_and_is_not_kept(workspace):
    """A damaged run is shown as such until it is whole again."""
    path = workspace / "runs" / NAMES[0] / "run.json"
    whole = path.read_bytes()
    path.write_bytes(b"{")
    assert "run.json" in history.summaries(workspace)[-1].problem
    path.write_bytes(whole)
    assert history.summaries(workspace)[-1].problem is None


def damage(index, how, where, data):
    raw = bytearray(index.read_bytes())
    at = where % (len(raw) + 1)
    if how == "cut":
        del raw[at:]
    else:
        raw[at : at + len(data)] = data
    index.write_bytes(bytes(raw))


@dataclass(repr=False)
class Kept:
    """Runs with their index; without a long text, since hypothesis prints what it is given."""

    workspace: Path
    truth: list
    index: bytes


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A workspace with its whole index, and the truth about it."""
    workspace = tmp_path_factory.mktemp("kept")
    for minute in range(12):
        record(workspace, f"run-{minute:02}", minute=minute)
    truth = history.summaries(workspace)
    return Kept(workspace, truth, (workspace / "index.sqlite").read_bytes())


@settings(max_examples=150, deadline=None)
@given(
    how=st.sampled_from(["cut", "overwrite"]),
    where=st.integers(0, 1 << 20),
    data=st.binary(min_size=1, max_size=40) | st.just(b"9") | st.just(b"\x00" * 4096),
)
def test_a_damaged_index_never_shows_a_wrong_row(kept, how, where, data):
    """Garbage in the index is noticed, and the index is made again from the folders."""
    workspace, truth = kept.workspace, kept.truth
    index = workspace / "index.sqlite"
    index.write_bytes(kept.index)
    damage(index, how, where, data)
    assert history.summaries(workspace) == truth
    assert history.summaries(workspace) == truth


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 1000, b"SQLite format 3\x00" + b"\x01" * 5000]
)
def test_an_index_that_is_none_is_made_again(workspace, content):
    """The index deleted or overwritten is rebuilt, and serves again."""
    index = workspace / "index.sqlite"
    index.write_bytes(content)
    assert history.summaries(workspace) == without_index(workspace)
    with sqlite3.connect(index) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (4,)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA user_version = 99", "DROP TABLE runs", "ALTER TABLE runs RENAME summary TO other"],
)
def test_an_index_of_another_version_is_made_again(workspace, statement):
    """A console that is older or newer must not misread it."""
    history.summaries(workspace)
    with sqlite3.connect(workspace / "index.sqlite") as connection:
        connection.execute(statement)
    connection.close()
    truth = without_index(workspace)
    assert history.summaries(workspace) == truth
    for name in NAMES:
        change_unseen(workspace / "runs" / name)
    assert history.summaries(workspace) == truth


def test_a_locked_index_is_passed_over(workspace):
    """Another process that writes must not make this one fail, nor lie."""
    truth = history.summaries(workspace)
    shutil.rmtree(workspace / "runs" / NAMES[1])
    holder = sqlite3.connect(workspace / "index.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    del truth[2]
    assert history.summaries(workspace) == truth
    holder.execute("ROLLBACK")
    holder.close()


def test_an_index_that_cannot_be_written_is_passed_over(workspace):
    """A workspace may be on a read-only disk."""
    (workspace / "index.sqlite").mkdir()
    assert history.summaries(workspace) == without_index(workspace)


def test_many_can_list_at_once(workspace):
    """A screen, a script and a person look at once, and somebody deletes the index."""
    truth = without_index(workspace)

    def look(number):
        if number % 5 == 0:
            (workspace / "index.sqlite").unlink(missing_ok=True)
        return history.summaries(workspace)

    with ThreadPoolExecutor(8) as pool:
        assert all(found == truth for found in pool.map(look, range(60)))


def test_listing_stops_on_request(workspace):
    """Ctrl-C during the first look at a large workspace."""
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Interrupted):
        history.summaries(workspace, cancel)


def test_a_first_look_at_many_runs_tells_how_far_it_is(workspace, monkeypatch):
    """Minutes of silence over a slow file system look like a hang; a look at the index is quick."""
    monkeypatch.setattr(history, "_MANY", 3)
    assert list(history.reading(workspace)) == [
        events.StepStarted("read the history", 1, 1),
        *(events.Progress(done, 4, "runs") for done in range(1, 5)),
    ]
    assert list(history.reading(workspace)) == []


def test_a_run_is_found_by_id_prefix_path_and_last(workspace, tmp_path_factory, monkeypatch):
    """Whatever a person has at hand."""
    folder = workspace / "runs" / NAMES[2]
    monkeypatch.chdir(workspace / "runs")
    for wanted in (NAMES[2], NAMES[2][:13], str(folder), f"{folder}/", f"./{NAMES[2]}"):
        assert history.find(workspace, wanted) == folder
    elsewhere = record(tmp_path_factory.mktemp("other"), "theirs")
    assert history.find(workspace, str(elsewhere)) == elsewhere.resolve()
    for wanted in ("2026", "nothing", "../runs", "last-one"):
        with pytest.raises(UserError):
            history.find(workspace, wanted)


def test_removing_is_one_step_for_readers(workspace):
    """A reader sees a run whole or not at all; a removal that was killed is finished later."""
    folder = workspace / "runs" / NAMES[0]
    run_removal.remove(folder)
    assert not list((workspace / "runs").glob("*0005*"))
    assert not list((workspace / "runs").glob(".*"))
    left = workspace / "runs" / ".deleted-x-0000"
    left.mkdir()
    (left / "file").touch()
    assert len(history.summaries(workspace)) == 3
    run_removal.sweep(workspace)
    assert not left.exists()


def test_a_living_run_is_never_removed(workspace):
    """Nobody loses a run that is going on."""
    folder = workspace / "runs" / NAMES[0]
    lock = locks.FileLock(folder / "run.lock")
    assert lock.acquire()
    with pytest.raises(UserError) as caught:
        run_removal.remove(folder)
    assert caught.value.id == "runs.alive"
    assert (folder / "events.jsonl").exists()
    lock.release()


def test_what_removing_frees_leaves_shared_files_out(tmp_path):
    """Artefacts are shared with the cache by hard links."""
    folder = record(tmp_path, "a")
    before = run_removal.freed_bytes(folder)
    shared = tmp_path / "cache.onnx"
    shared.hardlink_to(folder / "export" / "ghostnet.onnx")
    assert before - run_removal.freed_bytes(folder) == shared.stat().st_size
