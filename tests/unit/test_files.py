"""Files are whole or absent."""

from __future__ import annotations

import json

import pytest

from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.core.events import Record, StepStarted
from ascend_console.tools import files, locks, run_folder, settings_file


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    """A killed or failing writer must not leave half a file."""
    path = tmp_path / "a.json"
    files.write_text(path, "old")

    def fail():
        with files.atomic_path(path) as temporary:
            temporary.write_text("half")
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path):
    """Readers see all of a folder's files or none of it."""
    target = tmp_path / "out"
    with files.atomic_folder(target) as temporary:
        (temporary / "x").write_text("1")
        assert not target.exists()
    assert (target / "x").read_text() == "1"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_that_the_system_refuses_names_the_path(tmp_path):
    """The user must know which disk is full or read-only."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolFailed, match="cannot write"):
        files.write_text(tmp_path / "file" / "below", "x")


def test_nan_is_never_written_as_json(tmp_path):
    """A figure that is not a number must be null, decided by whoever writes it."""
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_lock_tells_who_lives(tmp_path):
    """A pid proves nothing; a lock does."""
    lock = locks.FileLock(tmp_path / "run.lock")
    assert lock.acquire()
    assert locks.is_held(tmp_path / "run.lock")
    lock.release()
    lock.release()
    assert not locks.is_held(tmp_path / "run.lock")
    assert not locks.is_held(tmp_path / "absent")


def test_a_torn_last_line_is_passed_over(tmp_path):
    """A run that was killed while writing is still readable."""
    log = run_folder.EventLog(tmp_path)
    log.append(Record("r", 0, "t", 0.0, StepStarted("a", 1, 1)))
    log.close()
    with (tmp_path / "events.jsonl").open("ab") as stream:
        stream.write(b'{"schema":1,"run_id":"r","seq":1,"ti')
    assert [record.event for record in run_folder.read_records(tmp_path)] == [
        StepStarted("a", 1, 1)
    ]


def test_an_unfinished_run_is_running_while_its_lock_is_held(tmp_path):
    """Interrupted means: begun, not ended, and nobody at it."""
    log = run_folder.EventLog(tmp_path)
    assert run_folder.load(tmp_path).state == "waiting"
    with pytest.raises(UserError, match="another process"):
        run_folder.EventLog(tmp_path)
    log.close()
    assert run_folder.load(tmp_path).state == "interrupted"


def test_runs_are_found_by_id_prefix_and_last(tmp_path):
    """Nobody types a whole run id."""
    first = run_folder.create(tmp_path, "2026-11-20T10:15:00.000Z", "ghostnet")
    second = run_folder.create(tmp_path, "2026-11-20T10:16:00.000Z", "my model/Ω")
    assert first.name.startswith("20261120-101500-ghostnet-")
    assert second.name.startswith("20261120-101600-my-model-")
    assert run_folder.find(tmp_path, "last") == second
    assert run_folder.find(tmp_path, first.name[:15]) == first
    with pytest.raises(UserError, match="2 runs begin"):
        run_folder.find(tmp_path, "2026")
    with pytest.raises(UserError, match="there is no run"):
        run_folder.find(tmp_path, "x")


def test_a_named_run_folder_must_be_new_and_in_its_place(tmp_path):
    """Runs elsewhere would be lost to the history."""
    good = tmp_path / "runs" / "mine"
    assert run_folder.create(tmp_path, "2026-11-20T10:15:00.000Z", "x", good) == good
    with pytest.raises(UserError, match="exists already"):
        run_folder.create(tmp_path, "2026-11-20T10:15:00.000Z", "x", good)
    with pytest.raises(UserError, match="not directly under"):
        run_folder.create(tmp_path, "2026-11-20T10:15:00.000Z", "x", tmp_path / "mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = true", "line 1: there is no setting 'colour'"),
        ('lang = "en"\ncolor = 3', "line 2: color is 3"),
        ('lang = "fr"', "lang is 'fr'"),
        ("lang = ", "no readable TOML"),
    ],
)
def test_a_mistake_in_the_settings_is_named_with_file_and_line(tmp_path, text, message):
    """Settings are written by hand."""
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        settings_file.read(path, required=False)


def test_json_that_is_none_is_named(tmp_path):
    """A damaged file is the user's to repair, so it is named."""
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match="no readable JSON"):
        files.read_json(tmp_path / "a.json")
    files.write_json(tmp_path / "b.json", {"a": [1]})
    assert files.read_json(tmp_path / "b.json") == {"a": [1]}
    assert json.loads((tmp_path / "b.json").read_text()) == {"a": [1]}
