"""`runs` as a script meets it: what stands on stdout, what on stderr, and the exit code."""

from __future__ import annotations

import csv
import io
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ascend_console.cli import main
from ascend_console.core import events
from ascend_console.core.events import Record, Replayed
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env
from ascend_console.jobs import runs as job
from ascend_console.tools import files, history, locks, run_folder
from tests.data.recorded_runs import ENVIRONMENT, record

if TYPE_CHECKING:
    from tests.conftest import FixedClock

FIRST = "20261120-101500-ghostnet-3f9a"
SECOND = "20261120-102000-ghostnet-77aa"


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "workspace"


@pytest.fixture
def two(workspace):
    """Two finished runs; the second one asked for less and was slower."""
    changes = {
        "request": {"model": ["ghostnet"], "backend": "onnxruntime", "batch_size": [1, 8],
                    "limit": 100},
        "environment": {**ENVIRONMENT, "onnxruntime": "1.23.0"},
    }  # fmt: skip
    one = record(workspace, FIRST)
    return one, record(
        workspace, SECOND, minute=20, document=changes, verdict={"rate": 90.0, "top1": 0.95}
    )


@pytest.fixture
def call(workspace, capsys):
    """Run `runs …` in this process: (exit code, stdout, stderr)."""

    def run(*argv, at=None):
        code = main(["--workspace", str(at or workspace), "runs", *map(str, argv)])
        seen = capsys.readouterr()
        assert "Traceback" not in seen.err
        return code, seen.out, seen.err

    return run


@pytest.fixture
def document(call):
    """The JSON document that a `runs …` prints."""

    def run(*argv, code=0, at=None):
        found, out, err = call(*argv, "--json", at=at)
        assert found == code, err
        return json.loads(out)

    return run


@pytest.fixture
def alive(workspace):
    """A run that is going on, in this process."""
    folder = record(workspace, "20261120-110000-deepmar-0001", ending=None, minute=30)
    lock = locks.FileLock(folder / "run.lock")
    assert lock.acquire()
    yield folder
    lock.release()


def test_the_list_has_the_keys_that_scripts_rely_on(two, alive, call, document):
    """`runs list` is an interface: newest first, unknown is null."""
    listed = document("list")
    assert listed["schema"] == 1
    assert [entry["run_id"] for entry in listed["runs"]] == [alive.name, SECOND, FIRST]
    newest, _, oldest = listed["runs"]
    assert set(oldest) == {
        "run_id", "model", "backend", "started", "elapsed_s", "state", "verdict", "job", "origin",
        "weights", "device", "attempt", "processor", "batch_sizes", "metric", "accuracy",
        "throughput", "best_batch_size",
    }  # fmt: skip
    assert oldest["started"] == "2026-11-20T10:15:00.000Z"
    assert (oldest["state"], oldest["verdict"], oldest["elapsed_s"]) == ("finished", "PASS", 3.5)
    assert (oldest["job"], oldest["origin"], oldest["weights"]) == ("run", "local", "sample")
    assert (oldest["metric"], oldest["accuracy"], oldest["batch_sizes"]) == ("top1", 0.96, [1, 8])
    assert (newest["state"], newest["verdict"], newest["throughput"]) == ("running", None, None)
    rows = list(csv.DictReader(io.StringIO(call("list", "--format", "csv")[1])))
    assert [row["state"] for row in rows] == ["running", "finished", "finished"]
    assert call("list")[1].splitlines()[0].split()[:4] == ["run_id", "job", "model", "backend"]


def test_the_list_is_narrowed(two, alive, document):
    """A history of thousands is looked at through a filter."""

    def names(*argv):
        return [entry["run_id"] for entry in document("list", *argv)["runs"]]

    assert names("--state", "running") == [alive.name]
    assert names("--state", "running,finished", "--limit", "2") == [alive.name, SECOND]
    assert names("--limit", "1", "--state", "finished") == [SECOND]
    assert names("--model", "ghostnet") == [alive.name, SECOND, FIRST]
    assert names("--model", "deepmar") == []


def test_a_run_that_cannot_be_read_is_named(two, call):
    """The others are listed, and stdout stays data."""
    (two[0] / "run.json").write_text("{")
    code, out, err = call("list", "--format", "json")
    assert code == 0
    assert [entry["model"] for entry in json.loads(out)["runs"]] == ["ghostnet", None]
    assert FIRST in err
    assert "run.json" in err


def test_a_long_first_look_is_told_beside_the_data(two, call, monkeypatch):
    """Stdout stays one document, however long the index takes to be made."""
    monkeypatch.setattr(history, "_MANY", 1)
    code, out, err = call("list", "--json")
    assert (code, len(json.loads(out)["runs"])) == (0, 2)
    assert "read the history" in err
    assert "2/2 runs" in err
    assert call("list", "--json")[2] == ""


def test_a_run_is_shown_whole(two, call, document):
    """Everything that its folder tells, by one command."""
    shown = document("show", FIRST[:15])
    assert shown["run_id"] == FIRST
    assert shown["request"]["batch_size"] == [1, 8]
    assert shown["environment"] == ENVIRONMENT
    assert shown["fingerprints"] == {"checkpoint": "abc"}
    assert [step["name"] for step in shown["steps"]] == ["export", "infer"]
    assert shown["artifacts"] == [{"path": "export/ghostnet.onnx", "kind": "onnx"}]
    assert shown["result"]["verdict"] == "PASS"
    assert shown["imported"] is None
    text = call("show", "last")[1]
    for piece in (SECOND, "finished", "onnxruntime", "1.23.0", "1,8"):
        assert piece in text


def test_only_what_differs_is_shown(two, call, document):
    """The question is: what changed?"""
    found = document("diff", FIRST, "last")
    assert found["same"] is False
    assert [found[side]["run_id"] for side in "ab"] == [FIRST, SECOND]
    assert found["differences"] == [
        {"section": "request", "field": "limit", "a": None, "b": 100},
        {"section": "environment", "field": "onnxruntime", "a": "1.22.0", "b": "1.23.0"},
    ]
    rates = {(row["batch_size"], row["figure"]): row for row in found["performance"]}
    assert set(rates) == {(1, "throughput"), (8, "throughput")}
    assert rates[1, "throughput"]["ratio"] == pytest.approx(0.9)
    assert rates[1, "throughput"]["note"] == ""
    assert len(found["accuracy"]) == 4
    assert found["accuracy"][0]["difference_points"] == pytest.approx(-1.0)
    text = call("diff", FIRST, SECOND)[1]
    assert text.splitlines()[0].split() == ["what", FIRST, SECOND, "change"]
    assert "0.900x" in text
    assert "-1.000 points" in text
    assert "processor" not in text


def test_runs_that_do_not_differ_say_so(two, call, document):
    """An empty table would look like a failure."""
    found = document("diff", FIRST, FIRST)
    assert found["same"] is True
    assert found["differences"] == found["accuracy"] == found["performance"] == []
    assert "nothing differs" in call("diff", FIRST, FIRST)[1]


def test_a_ratio_of_rates_that_nobody_trusts_says_so(workspace, two, call):
    """A CPU that was busy must not look like a slow version."""
    record(workspace, "busy", minute=40, verdict={"rate": 50.0, "valid": False})
    assert "0.500x (second not trusted)" in call("diff", FIRST, "busy")[1]


def test_a_living_run_is_asked_to_stop(alive, document):
    """The request is a file that the run looks at."""
    assert document("cancel", "last") == {"schema": 1, "run_id": alive.name, "requested": True}
    assert (alive / "cancel").read_bytes() == b""


def test_a_run_that_ended_cannot_be_stopped(two, call):
    """A script must know that there was nothing to stop."""
    code, out, err = call("cancel", FIRST)
    assert (code, out) == (2, "")
    assert "finished" in err
    assert not (two[0] / "cancel").exists()


def test_deleting_needs_a_yes(two, call, document):
    """What would go is named first."""
    code, out, err = call("delete", FIRST, "--json")
    assert code == 2
    assert json.loads(out)["deleted"] is False
    assert json.loads(out)["runs"][0]["run_id"] == FIRST
    assert "--yes" in err
    assert two[0].exists()
    done = document("delete", FIRST, SECOND, FIRST, "--yes")
    assert done["deleted"] is True
    assert [entry["run_id"] for entry in done["runs"]] == [FIRST, SECOND]
    assert all(entry["bytes"] > 1000 for entry in done["runs"])
    assert list((two[0].parent).iterdir()) == []
    assert document("list")["runs"] == []


@pytest.mark.parametrize("other", ["nothing", "2026", "alive", "elsewhere"])
def test_nothing_is_deleted_where_one_of_them_cannot_be(two, alive, call, tmp_path, other):
    """Half of a request is worse than none of it."""
    elsewhere = record(tmp_path / "other", "theirs")
    word = {"alive": alive.name, "elsewhere": elsewhere}.get(other, other)
    code, out, _ = call("delete", FIRST, word, "--yes")
    assert (code, out) == (2, "")
    assert two[0].exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_pruning_lists_first_and_never_takes_a_living_run(two, alive, call, document):
    """A nightly script keeps the newest; nobody's run is lost."""
    old = alive.rename(alive.with_name("20250101-000000-old-0000"))
    listed = document("prune", "--keep", "0")
    assert listed["deleted"] is False
    assert [entry["run_id"] for entry in listed["runs"]] == [FIRST, SECOND]
    code, _, err = call("prune", "--keep", "1")
    assert code == 0
    assert "--yes" in err
    assert two[0].exists()
    document("prune", "--keep", "2", "--yes")
    assert sorted(path.name for path in two[0].parent.iterdir()) == [old.name, SECOND]


@pytest.mark.parametrize(("days", "gone"), [(0.0, ["old"]), (0.003, ["old"]), (0.004, [])])
def test_pruning_by_age_counts_days(env, days, gone):
    """What began long ago goes; what began just now, or at no known time, stays."""
    workspace = env.settings.workspace  # its clock shows 10:15; five minutes are 0.0035 days
    record(workspace, "old", minute=10)
    record(workspace, "new", minute=20)
    (answer,) = [
        event
        for event in job.runs(job.RunsRequest(action="prune", older_than=days), env)
        if isinstance(event, events.Answered)
    ]
    assert [entry["run_id"] for entry in answer.document["runs"]] == gone


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["diff", FIRST], "two runs"),
        (["diff", FIRST, FIRST, FIRST], "does not take"),
        (["list", FIRST], "does not take"),
        (["show", FIRST, FIRST], "does not take"),
        (["delete"], "needs a run"),
        (["import"], "an archive"),
        (["import", "absent.zip"], "absent.zip"),
        (["prune"], "--keep"),
        (["prune", "--keep", "1", "--older-than", "1"], "one of"),
        (["prune", "--keep", "-1"], "--keep"),
        (["list", "--keep", "1"], "--keep is for"),
        (["show", FIRST, "--speed", "2"], "--speed is for"),
        (["list", "--state", "asleep"], "asleep"),
        (["list", "--limit", "0"], "--limit"),
        (["replay", FIRST, "--speed", "-1"], "--speed"),
        (["replay", FIRST, "--speed", "nan"], "--speed"),
        (["replay", "no-events"], "no events"),
        (["export", FIRST, "-o", "run.tar"], ".zip"),
        (["export", "no-events", "-o", "run.zip"], "nothing that could be packed"),
        (["cancel", "no-events"], "interrupted"),
        (["show", ""], "''"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_in_2_with_what_to_type(two, call, argv, said):
    """An error is written to the person who must fix it."""
    (two[0].parent / "no-events").mkdir()
    code, _, err = call(*argv)
    assert code == 2
    assert said in err
    assert "hint:" in err


def test_a_replay_prints_the_lines_as_they_were(two, call):
    """A script that reads the live run reads the recording."""
    for words in (("replay", "--speed", "0", FIRST), ("replay", FIRST, "--speed", "0")):
        code, out, err = call(*words, "--json")
        assert (code, err) == (0, "")
        assert out == (two[0] / "events.jsonl").read_text()


def test_a_replay_tells_the_same_story(two, call):
    """The narrative is that of the live run, and stdout stays empty."""
    code, out, err = call("replay", FIRST, "--speed", "0")
    assert (code, out) == (0, "")
    for piece in ("==> ghostnet", "[1/2] export", "300/300 images", "PASS"):
        assert piece in err
    assert call("replay", FIRST, "--speed", "0", "-q")[2] == ""


def test_a_replay_passes_over_torn_lines(two, call):
    """A run that was killed ends in half a line."""
    whole = (two[0] / "events.jsonl").read_text()
    with (two[0] / "events.jsonl").open("a") as stream:
        stream.write(
            '{"schema": 1, "event": "Progress", "done": "x", "total": 1, "unit": ""}\n[]\n{"sch'
        )
    assert call("replay", FIRST, "--speed", "0", "--json")[1] == whole
    assert call("replay", FIRST, "--speed", "0")[0] == 0


@dataclass
class _Waits:
    """A request to stop whose waiting moves the clock."""

    clock: FixedClock
    waited: list = field(default_factory=list)
    most: int = 1000

    def is_set(self):
        return len(self.waited) >= self.most

    def wait(self, timeout=None):
        self.clock.now_s += timeout
        self.waited.append(timeout)
        return self.is_set()


def replayed(workspace, clock, waits, **options):
    env = Env(settings=Settings(workspace=workspace), cancel=waits, clock=clock)
    request = job.RunsRequest(action="replay", run=(FIRST,), **options)
    return [event for event in job.runs(request, env) if isinstance(event, Replayed)]


@pytest.mark.parametrize(("options", "pause_s"), [({}, 0.5), ({"speed": 2.0}, 0.25)])
def test_a_replay_keeps_its_own_timing(workspace, two, clock, options, pause_s):
    """A demonstration shows where the time went; nobody sleeps past a stop."""
    waits = _Waits(clock)
    assert len(replayed(workspace, clock, waits, **options)) == 8
    assert waits.waited == pytest.approx([pause_s] * 7)


def test_a_second_attempt_replays_from_its_own_beginning(workspace, two, clock):
    """The days between two attempts are not waited for."""
    log = run_folder.EventLog(two[0])
    later = (events.JobStarted("run", "ghostnet", 2), events.JobCancelled())
    for number, event in enumerate(later):
        log.append(Record(FIRST, log.next_seq + number, "2026-11-25T10:00:00.000Z", number, event))
    log.close()
    waits = _Waits(clock)
    assert len(replayed(workspace, clock, waits)) == 10
    assert waits.waited == pytest.approx([0.5] * 7 + [1.0])


def test_a_replay_stops_on_request(workspace, two, clock):
    """Ctrl-C ends a long silence at once."""
    assert len(replayed(workspace, clock, _Waits(clock, most=3))) == 3


def test_a_replay_is_bounded_where_the_recording_is_not(workspace, two, clock):
    """A clock that jumped must not make a replay last for ever, nor fail."""
    path = two[0] / "events.jsonl"
    path.write_text(path.read_text().replace('"elapsed_s": 0.5', '"elapsed_s": 99999999'))
    waits = _Waits(clock)
    replayed(workspace, clock, waits)
    assert max(waits.waited) <= 86_400


def test_a_run_travels_to_another_workspace(two, call, document, tmp_path, workspace):
    """A server's run stands beside those of the laptop, with its own environment."""
    laptop, target = tmp_path / "laptop", tmp_path / "run.zip"
    record(laptop, "mine", minute=30, document={"environment": {"processor": "Laptop CPU"}})
    packed = document("export", FIRST, "-o", target)
    assert packed["path"] == str(target)
    assert packed["sha256"] == files.sha256_file(target)
    assert document("import", target, at=laptop)["new"] is True
    assert document("import", target, at=laptop)["new"] is False
    for place, origins in (
        (laptop, {"mine": "local", FIRST: "imported"}),
        (workspace, {FIRST: "local", SECOND: "local"}),
    ):
        listed = document("list", at=place)["runs"]
        assert {entry["run_id"]: entry["origin"] for entry in listed} == origins
    listed = {entry["run_id"]: entry for entry in document("list", at=laptop)["runs"]}
    assert listed[FIRST]["processor"] == "Some CPU"
    assert listed["mine"]["processor"] == "Laptop CPU"
    assert call("list", at=laptop)[1].count("imported") == 1
    shown = document("show", FIRST, at=laptop)
    assert shown["environment"] == ENVIRONMENT
    assert shown["imported"]["from"] == "run.zip"
    assert shown["artifacts"] == [{"path": "export/ghostnet.onnx", "kind": "onnx"}]
    text = call("diff", FIRST, "mine", at=laptop)[1]
    assert f"{FIRST} (imported, Some CPU)" in text.splitlines()[0]
    assert call("replay", FIRST, "--speed", "0", at=laptop)[0] == 0


def test_an_existing_archive_is_not_replaced_unasked(two, call, tmp_path, monkeypatch):
    """The name is the run's where none is given."""
    monkeypatch.chdir(tmp_path)
    assert call("export", FIRST)[0] == 0
    target = tmp_path / f"{FIRST}.zip"
    before = target.read_bytes()
    assert call("export", FIRST)[0] == 2
    assert call("export", FIRST, "--yes")[0] == 0
    assert target.read_bytes() == before


def test_a_living_run_is_not_exported(alive, call, tmp_path):
    """Half a run would look like a whole one."""
    code, _, err = call("export", "last", "--output", tmp_path / "a.zip")
    assert code == 2
    assert "going on" in err
    assert not (tmp_path / "a.zip").exists()


def test_an_archive_that_is_refused_leaves_the_history_alone(two, call, document, tmp_path):
    """Bad input is said, and nothing changes."""
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK\x03\x04 no archive")
    code, out, err = call("import", bad)
    assert (code, out) == (2, "")
    assert "bad.zip" in err
    assert len(document("list")["runs"]) == 2
    assert sorted(path.name for path in two[0].parent.iterdir()) == [FIRST, SECOND]


def test_names_that_are_no_text_are_listed_escaped(workspace, call):
    """Half a character in a folder's name is no reason to fall over."""
    (workspace / "runs" / "caf\udce9").mkdir(parents=True)
    for form in ("table", "json", "csv", "md"):
        code, out, _ = call("list", "--format", form)
        assert code == 0
        assert "caf" in out


def test_a_run_of_many_lists_in_short_lines(workspace, document):
    """Beyond a thousand rows nobody reads the JSON; it stays one document."""
    for number in range(1001):
        (workspace / "runs" / f"run-{number}").mkdir(parents=True)
    assert len(document("list")["runs"]) == 1001


def test_the_request_to_stop_is_looked_at(env):
    """What `runs cancel` writes is what a run sees."""
    wish = run_folder.StopRequest(threading.Event(), env.folder)
    assert not wish.is_set()
    (env.folder / "cancel").touch()
    assert wish.is_set()
