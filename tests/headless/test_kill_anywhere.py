"""Kill -9 at every step of a real run: nothing half-made is left, nothing is lost or repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ascend_console.cli import main
from ascend_console.tools import run_folder
from tests.data import real_runs, signalled_run

pytestmark = [
    pytest.mark.xdist_group("resume"),
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]
# Each step once, in the order of the run. Nothing is written while weights are fitted or a device
# is measured; the others end with their work done and not yet named.
MOMENTS = [
    ("weights", "told"),
    ("export", "unnamed"),
    ("convert", "unnamed"),
    ("preprocess", "unnamed"),
    ("infer bs4", "unnamed"),
    ("reference", "unnamed"),
    ("measure bs4", "told"),
    ("verdict", "unnamed"),
]
TAKEN_OVER = {
    "weights": "sample weights from the cache",
    "export": "ghostnet.onnx from the cache",
    "convert": "ghostnet_bs4_fp32.onnx from the cache",
    "preprocess": "preprocessed by an earlier attempt",
    "infer bs4": "inferred by an earlier attempt",
    "reference": "reference from the cache",
    "measure bs4": "measured by an earlier attempt",
}


def attempts_of(folder):
    """For each attempt its steps in order, each with the lines that it told."""
    attempts = []
    for event in real_runs.recorded(folder):
        if event["event"] == "JobStarted":
            attempts.append({})
        elif event["event"] == "StepStarted":
            attempts[-1][event["name"]] = []
        elif event["event"] == "LogLine" and attempts[-1]:
            attempts[-1][list(attempts[-1])[-1]].append(event["text"])
    return attempts


def test_a_run_that_is_killed_at_every_step_arrives_at_the_same_accuracy(undisturbed_run, tmp_path):
    """One run, eight kills, no warm cache: every artefact was once on its way when the end came."""
    workspace, folder = tmp_path / "workspace", tmp_path / "workspace" / "runs" / "killed"
    for attempt, (step, moment) in enumerate(MOMENTS):
        first = (*real_runs.REQUEST, "--keep-bins", "--run-dir", folder)
        wanted = ("run", "--resume", folder.name) if attempt else first
        killed = {"module": signalled_run.__name__, "before": (step, moment, "SIGKILL")}
        with real_runs.started("--workspace", workspace, *wanted, **killed) as process:
            assert not real_runs.is_running(process)
        assert process.returncode == -signal.SIGKILL, step
        assert real_runs.locks_held(folder) == []
        assert run_folder.load(folder).state == "interrupted"
        assert not (folder / "verdict.json").exists()
    assert main(["--workspace", str(workspace), "-q", "run", "--resume", folder.name]) == 7
    assert real_runs.accuracy_of(folder) == undisturbed_run.accuracy
    assert real_runs.temporary_files(workspace) == []
    assert real_runs.locks_held(folder) == []
    steps = [step for step, _ in MOMENTS]
    for count, attempt in enumerate(attempts_of(folder)):
        assert list(attempt) == steps[: count + 1]
        again = [step for step, told in attempt.items()
                 if any(TAKEN_OVER.get(step, "-") in line for line in told)]  # fmt: skip
        assert again == steps[: max(0, count - 1)]


def test_what_a_killed_run_left_in_the_cache_goes_with_the_next_run(tmp_path):
    """Nobody takes up every run; what it had begun must not lie in the workspace for ever."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    cache = tmp_path / "cache"
    (cache / "artefacts" / f".key-x.{ended.pid}.tmp").mkdir(parents=True)
    (cache / "reference").mkdir()
    (cache / "reference" / f".scores.{ended.pid}.tmp.npz").touch()
    (cache / "reference" / f".scores.{os.getpid()}.tmp.npz").touch()
    (tmp_path / "runs" / ".deleted-a-run-0000").mkdir(parents=True)
    folder = run_folder.create(tmp_path, "2026-11-20T10:15:00.000Z", "ghostnet")
    assert real_runs.temporary_files(tmp_path) == [f"cache/reference/.scores.{os.getpid()}.tmp.npz"]
    assert list((tmp_path / "runs").iterdir()) == [folder]
