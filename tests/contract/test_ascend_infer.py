"""Inference on `ascend` over test doubles of every tool: results, names, figures, devices."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascend_console.ascend.ais_bench import GENERATIONS
from ascend_console.backends._ascend_infer import (
    read_outputs,
)
from ascend_console.core.errors import BackendUnavailable
from ascend_console.core.events import LogOpened, Progress, Warned
from tests.data.ascend_pass import ODD_NAMES, Pass, scores_in_batches
from tests.fakes.tiny_om import random_images, write_tiny_om

TOOLS = [*(f"ais_bench {name}" for name in ("A", "C", "E", "F")), "benchmark", "msame"]
EVERY = [*(f"ais_bench {name}" for name in GENERATIONS), "benchmark", "msame"]


@pytest.fixture
def made(tmp_path):
    """What a pass needs, in a folder that the strictest tool takes."""
    before = os.umask(0o022)
    yield Pass(tmp_path)
    os.umask(before)


def with_tool(made, name):
    made.tool, _, generation = name.partition(" ")
    made.generation = generation or "F"
    return made


def scores(ran, om):
    return np.stack([read_outputs(files, om)[0] for files in ran.outputs])


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("tool", EVERY)
def test_every_input_gets_its_own_result_exactly(made, tool, batch):
    """Ten inputs are two and a half batches of four; blanks, commas, CJK and names that are equal
    up to the first dot are what real data sets have, and what each tool trips over by itself.
    """
    with_tool(made, tool)
    om = made.om(batch)
    ran = made.files(made.inputs(), batch, om)
    assert len(ran.outputs) == ran.samples == len(ODD_NAMES)
    expected = scores_in_batches(random_images(len(ODD_NAMES)), batch)
    np.testing.assert_array_equal(scores(ran, om), expected)
    assert {path.parent for files in ran.outputs for path in files} == {made.folder / "results"}
    assert made.leftovers() == []
    executions = -(-len(ODD_NAMES) // batch)
    assert ran.source == "dataset"
    assert ran.figures.batch_size == batch
    assert ran.figures.executions == (executions - 1 if tool == "msame" else executions)
    assert ran.figures.throughput == pytest.approx(1000 * batch / ran.figures.mean_ms, rel=1e-3)
    assert ran.latency.mean == pytest.approx(ran.figures.mean_ms)
    assert not ran.findings
    assert [(share.device, share.samples, share.failed) for share in ran.shares] == [
        (0, len(ODD_NAMES), None)
    ]
    assert made.told(Progress)[-1] == Progress(10, 10, "images")
    (log,) = made.told(LogOpened)
    assert log.path.startswith(str(made.folder / "workspace" / "runs" / "a-run" / "logs"))
    assert "test double" in Path(log.path).read_text() or tool.startswith("ais_bench")


@pytest.mark.parametrize("tool", ["ais_bench E", "ais_bench F", "msame"])
def test_tools_that_keep_times_give_raw_ones(made, tool):
    """Windows that agree can be seen in raw times alone."""
    ran = with_tool(made, tool).files(made.inputs(), 1)
    assert len(ran.latencies_ms) == ran.figures.executions
    assert ran.latency.median == pytest.approx(np.median(ran.latencies_ms))
    assert ran.latency.p99 is None


def test_transfers_are_told_where_the_tool_tells_them(made):
    """A device that waits for its copies is a finding of its own."""
    ran = made.files(made.inputs(), 4)
    assert ran.h2d_ms > 0
    assert ran.d2h_ms > 0


def test_the_stages_of_benchmark_are_kept(made):
    """The published performance files are made of them."""
    ran = with_tool(made, "benchmark").files(made.inputs(), 4)
    assert list(ran.stages) == ["data read", "preprocess", "infer", "post"]
    assert ran.e2e_throughput > 0


@pytest.mark.parametrize("tool", TOOLS)
def test_a_loop_measures_longer_and_gives_each_result_once(made, tool):
    """Few inputs make too short a measurement otherwise."""
    with_tool(made, tool)
    om = made.om(4)
    ran = made.files(made.inputs(), 4, om, loop=3)
    np.testing.assert_array_equal(scores(ran, om), scores_in_batches(random_images(10), 4))
    # A counts an execution of the whole loop as one in its figures, and we count what it did.
    assert ran.figures.executions == (8 if tool == "msame" else 9)


@pytest.mark.parametrize("tool", ["ais_bench F", "benchmark", "msame"])
def test_numpy_inputs_are_given_as_raw_values(made, tool):
    """benchmark and msame read no .npy, and the names of both kinds may meet."""
    with_tool(made, tool)
    om, images = made.om(4), random_images(3)
    paths = [made.folder / f"{index}.npy" for index in range(3)]
    for path, image in zip(paths, images, strict=True):
        np.save(path, image)
    ran = made.files(paths, 4, om)
    np.testing.assert_array_equal(scores(ran, om), scores_in_batches(images, 4))


def test_links_and_files_that_others_may_write_are_copied(made):
    """The newest ais_bench refuses both, also behind a hard link; the user's own files stay."""
    om = made.om(4)
    real = made.inputs(["a.bin", "b.bin", "c.bin"])
    real[1].chmod(0o666)
    link = made.folder / "link.bin"
    link.symlink_to(real[2])
    om.path.chmod(0o666)
    ran = made.files([real[0], real[1], link], 4, om)
    np.testing.assert_array_equal(scores(ran, om), scores_in_batches(random_images(3), 4))
    assert real[1].stat().st_mode & 0o777 == 0o666
    assert om.path.stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize("tool", TOOLS[-3:])
def test_a_workspace_with_odd_characters_is_no_obstacle(made, tool):
    """A home folder in Chinese cannot be renamed for a tool's sake."""
    with_tool(made, tool)
    made.workspace = "工作 区"
    om = made.om(4)
    odd = made.folder / "模型 图.om"
    om = replace(om, path=om.path.rename(odd))
    ran = made.files(made.inputs(), 4, om)
    np.testing.assert_array_equal(scores(ran, om), scores_in_batches(random_images(10), 4))
    assert [path for path in made.folder.iterdir() if "ascend-console" in path.name] == []


@pytest.mark.parametrize("tool", ["ais_bench C", "ais_bench F", "msame"])
def test_an_om_with_batch_gears_gets_its_gear(made, tool):
    """Without it the runtime takes the largest gear silently."""
    with_tool(made, tool)
    path = write_tiny_om(made.folder / "gears.om", gears={"dynamic_batch_size": "1,4"})
    om = made.om(4, path=path, shape_kind="dynamic_batch", batch_size=None)
    ran = made.files(made.inputs(["a.bin"] + [f"{index}.bin" for index in range(4)]), 4, om)
    np.testing.assert_allclose(scores(ran, om), scores_in_batches(random_images(5), 4), rtol=1e-6)


@pytest.mark.parametrize("tool", ["ais_bench A", "ais_bench F", "msame"])
def test_an_om_whose_batch_is_open_gets_its_shape(made, tool):
    """The sizes of its outputs are unknown to the runtime too."""
    with_tool(made, tool)
    path = write_tiny_om(made.folder / "open.om", dynamic=True)
    om = made.om(4, path=path, shape_kind="dynamic_shape", batch_size=None)
    ran = made.files(made.inputs(["a.bin", "b.bin"]), 4, om)
    np.testing.assert_allclose(scores(ran, om), scores_in_batches(random_images(2), 4), rtol=1e-6)


# --- several devices ------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["ais_bench A", "ais_bench F", "benchmark", "msame"])
def test_devices_share_whole_batches(made, tool):
    """A batch that is cut in two would be filled up twice."""
    with_tool(made, tool)
    made.device = "0,2,1"
    om = made.om(4)
    ran = made.files(made.inputs(), 4, om)
    np.testing.assert_array_equal(scores(ran, om), scores_in_batches(random_images(10), 4))
    shares = {share.device: share for share in ran.shares}
    assert {device: share.samples for device, share in shares.items()} == {0: 4, 2: 4, 1: 2}
    total = sum(share.throughput for share in ran.shares)
    assert ran.figures.throughput == pytest.approx(total)
    assert ran.latencies_ms == ()
    assert len(made.told(LogOpened)) == 3
    assert made.told(Progress)[-1] == Progress(10, 10, "images")


def test_more_devices_than_batches_leave_some_idle(made):
    """One image on four devices is a run on one."""
    made.device = "0,1,2,3"
    ran = made.files(made.inputs(["a.bin"]), 4)
    assert [share.device for share in ran.shares] == [0]


@pytest.mark.parametrize("tool", ["ais_bench F", "benchmark"])
def test_a_device_that_fails_loses_nothing(made, tool):
    """Its inputs run again on the others, and that is said."""
    with_tool(made, tool)
    made.device = "0,1"
    made.words[f"FAKE_{made.tool.upper()}"] = "busy=1"
    om = made.om(4)
    ran = made.files(made.inputs(), 4, om)
    np.testing.assert_array_equal(scores(ran, om), scores_in_batches(random_images(10), 4))
    (warned,) = made.told(Warned)
    assert warned.id == "ascend.device_failed"
    assert warned.args["device"] == "1"
    good, bad = ran.shares
    assert (good.samples, good.failed) == (10, None)
    assert (bad.samples, bad.throughput) == (0, None)
    assert "busy" in bad.failed
    assert ran.figures.throughput == pytest.approx(good.throughput)


def test_devices_that_all_fail_are_an_error(made):
    """Nothing could take over."""
    made.device = "0,1"
    made.words["FAKE_AIS_BENCH"] = "device_error"
    with pytest.raises(BackendUnavailable) as caught:
        made.files(made.inputs(), 4)
    assert "507033" in caught.value.message


# --- random input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_random_input_is_measured_long_enough(made, tool):
    """Fewer than a hundred executions are no measurement."""
    ran = with_tool(made, tool).random(4)
    assert ran.source == "random"
    assert ran.figures.executions >= 100
    assert ran.figures.throughput > 0
    assert ran.outputs == ()
    assert ran.samples == 4 * ran.figures.executions
    assert len(made.told(LogOpened)) == 2
    units = {event.unit for event in made.told(Progress)}
    assert units == (set() if tool.endswith("A") else {"executions"})
    assert made.leftovers() == []


def test_random_input_on_several_devices_goes_on_without_one_that_fails(made):
    """The sum is then of those that worked, and says so."""
    made.device, made.words = "0,1,3", {"FAKE_AIS_BENCH": "busy=3"}
    ran = made.random(1)
    assert [(share.device, share.failed is None) for share in ran.shares] == [
        (0, True), (1, True), (3, False),
    ]  # fmt: skip
    assert [event.id for event in made.told(Warned)] == ["ascend.random_failed"]
    assert ran.figures.throughput == pytest.approx(
        sum(share.throughput or 0 for share in ran.shares)
    )
