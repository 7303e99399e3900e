"""`runs cancel` from another terminal reaches a run whose tool says nothing."""

from __future__ import annotations

import json
import os

import pytest

from tests.data import real_runs, silent_run
from tests.data.fake_tools import LEAVES_A_CHILD, READY_AND_SILENT, bench_in

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@pytest.fixture
def bench(tmp_path):
    with bench_in(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    "source",
    [READY_AND_SILENT, LEAVES_A_CHILD.format(child="pass", parent="while True: signal.pause()")],
    ids=["alone", "with a worker"],
)
def test_runs_cancel_ends_a_silent_tool_and_all_that_it_started(bench, source):
    """atc says nothing for minutes; nobody may have to wait for its next line."""
    workspace, folder = bench.folder / "workspace", bench.folder / "workspace" / "runs" / "silent"
    tool = bench.witnessed(source)
    with real_runs.started(workspace, folder, *tool, module=silent_run.__name__) as run:
        real_runs.until(run.stdout, "LogLine")
        asking = ("--workspace", workspace, "--json", "runs", "cancel", folder.name)
        with real_runs.started(*asking) as asked:
            assert json.load(asked.stdout)["requested"] is True
        *_, last = real_runs.events(run.stdout)
        assert run.wait() == 130
    assert last["event"] == "JobCancelled"
    assert real_runs.recorded(folder)[-1] == last
    assert bench.witness.all_gone()
    assert real_runs.locks_held(folder) == []
    assert real_runs.temporary_files(folder) == []
    assert (folder / "logs" / "tool.log").read_text().startswith("ready ")
