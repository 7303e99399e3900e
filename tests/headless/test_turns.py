"""Two real runs on one device: the second waits, says for whom, and both come to their end."""

from __future__ import annotations

import os
import signal

import pytest

from tests.data import real_runs, signalled_run

pytestmark = [
    pytest.mark.xdist_group("resume"),
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]


def test_two_real_runs_on_one_device_take_turns_and_say_so(undisturbed_run):
    """The first is held while it measures, so that the second cannot but meet its lock."""
    workspace, runs = undisturbed_run.workspace, undisturbed_run.workspace / "runs"

    request = ("--workspace", workspace, "--json", *real_runs.REQUEST, "--run-dir")
    held = {"module": signalled_run.__name__, "before": ("measure bs4", "told", "SIGSTOP")}
    with real_runs.started(*request, runs / "first", **held) as first:
        assert os.WIFSTOPPED(os.waitpid(first.pid, os.WUNTRACED)[1])
        with real_runs.started(*request, runs / "second") as second:
            told = real_runs.until(second.stdout, "Warned", id="device.waiting")
            assert told["message"] == "waiting for cpu:0: first uses it"
            assert told["args"] == {"device": "cpu:0", "holder": "first"}
            first.send_signal(signal.SIGCONT)
            real_runs.until(second.stdout, "LogLine", text="cpu:0 is free")
            assert not (runs / "second" / "perf" / "bs4_fp32.json").exists()
            for process, name in ((second, "second"), (first, "first")):
                assert not real_runs.is_running(process)
                assert process.returncode == 7
                assert real_runs.accuracy_of(runs / name) == undisturbed_run.accuracy
                assert real_runs.locks_held(runs / name) == []
