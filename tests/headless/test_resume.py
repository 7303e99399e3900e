"""Runs that survive: killed, stopped, taken up again, and never two on one device."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from ascend_console.cli import main
from ascend_console.tools.locks import FileLock, is_held
from tests.data.real_runs import REQUEST

pytestmark = [
    pytest.mark.xdist_group("resume"),
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]


@pytest.fixture
def workspace(undisturbed_run):
    """The workspace of the undisturbed run, whose cache is warm."""
    return undisturbed_run.workspace


@pytest.fixture
def undisturbed(undisturbed_run):
    """The accuracy of a run that nothing happened to."""
    return undisturbed_run.accuracy


def accuracy(folder):
    return json.loads((folder / "verdict.json").read_text())["accuracy"]


def start(workspace, folder):
    """The program as a process of its own, its event lines on a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "ascend_console", "--workspace", str(workspace), "--json",
         *REQUEST, "--run-dir", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


def until(process, name):
    """Read event lines until a step has begun and told something."""
    begun = False
    for line in process.stdout:
        event = json.loads(line)
        if begun:
            return
        begun = event["event"] == "StepStarted" and event["name"] == name
    raise AssertionError(f"{name} was never reached")


def left_behind(workspace):
    return [path.name for path in workspace.rglob(".*") if ".tmp" in path.name]


@pytest.mark.parametrize("step", ["convert", "infer bs4", "measure bs4"])
def test_a_killed_run_is_taken_up_and_arrives_at_the_same_accuracy(
    undisturbed, workspace, capsys, step
):
    """Kill -9 may come at any moment, and must cost neither figures nor order."""
    folder = workspace / "runs" / f"killed-{step.replace(' ', '-')}"
    process = start(workspace, folder)
    until(process, step)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not is_held(folder / "run.lock")
    assert not (folder / "verdict.json").exists()
    before = (folder / "events.jsonl").read_bytes()
    assert main(["--workspace", str(workspace), "run", "--resume", folder.name]) == 7
    assert accuracy(folder) == undisturbed
    assert left_behind(folder) == []
    assert not (folder / "run.lock").exists()
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert [line["attempt"] for line in lines if line["event"] == "JobStarted"] == [1, 2]
    assert (folder / "events.jsonl").read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    again = [line["text"] for line in lines if line["event"] == "LogLine" and "text" in line]
    assert any("from the cache" in text for text in again)
    if step == "measure bs4":
        assert any("inferred by an earlier attempt" in text for text in again)
    capsys.readouterr()
    assert main(["--workspace", str(workspace), "run", "--resume", folder.name]) == 2
    assert "has finished" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_in_cancelled_with_130(undisturbed, workspace, number):
    """Ctrl-C, a system that shuts down and a closed terminal end a run in order."""
    folder = workspace / "runs" / f"signalled-{number}"
    process = start(workspace, folder)
    until(process, "infer bs4")
    process.send_signal(number)
    lines = process.communicate()[0].splitlines()
    assert process.returncode == 130
    assert json.loads(lines[-1])["event"] == "JobCancelled"
    assert not (folder / "run.lock").exists()
    assert left_behind(folder) == []


def test_a_cancel_file_stops_a_run(undisturbed, workspace):
    """Another terminal can stop a run; the run can be taken up afterwards."""
    folder = workspace / "runs" / "asked-to-stop"
    process = start(workspace, folder)
    until(process, "measure bs4")
    (folder / "cancel").touch()
    process.communicate()
    assert process.returncode == 130
    assert main(["--workspace", str(workspace), "-q", "run", "--resume", folder.name]) == 7
    assert not (folder / "cancel").exists()
    assert accuracy(folder) == undisturbed


def test_two_runs_on_one_device_take_turns_and_say_so(undisturbed, workspace):
    """Two measurements at once would spoil each other."""
    lock_dir = os.environ["ASCEND_CONSOLE_LOCK_DIR"]
    os.makedirs(lock_dir, exist_ok=True)
    lock = FileLock(type(workspace)(lock_dir) / "device-cpu-0.lock")
    assert lock.acquire("the-other-run")
    folder = workspace / "runs" / "second"
    process = start(workspace, folder)
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "Warned" and event["id"] == "device.waiting":
            break
    assert "the-other-run" in event["message"]
    lock.release()
    process.communicate()
    assert process.returncode == 7
    assert accuracy(folder) == undisturbed


def test_resume_takes_no_other_option(workspace, capsys):
    """A run is taken up with the request that it began with, or it is another run."""
    line = ["--workspace", str(workspace), "run", "--resume", "last", "--batch-size", "2"]
    assert main(line) == 2
    assert "--resume" in capsys.readouterr().err
