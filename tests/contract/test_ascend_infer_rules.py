"""Inference on `ascend`: which tool runs, what is refused before it starts, reading results."""

from __future__ import annotations

import os
import platform
import shutil
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.backends._ascend_infer import (
    infer_tool,
    infer_tool_line,
    read_outputs,
    run_files,
)
from ascend_console.backends._ascend_shards import shards_of
from ascend_console.core.backend import BackendOptions, TensorInfo, VendorOptions
from ascend_console.core.errors import BackendUnavailable, ToolFailed, UserError
from ascend_console.core.events import LogOpened
from ascend_console.core.settings import Settings
from ascend_console.tools.vendor_tools import VendorTools
from tests.data.ascend_pass import Pass
from tests.fakes.cann_root import write_launcher
from tests.fakes.inference import fake_inference_commands
from tests.fakes.tiny_om import CLASSES, SIDE


@pytest.fixture
def made(tmp_path):
    """What a pass needs, in a folder that the strictest tool takes."""
    before = os.umask(0o022)
    yield Pass(tmp_path)
    os.umask(before)


# --- which tool -----------------------------------------------------------------------------------


def tools_of(folder, *, path="", **which):
    environ = {"PATH": path, "HOME": str(folder), **fake_inference_commands(folder, **which)}
    return VendorTools.of(Settings(workspace=folder, environ=environ))


def options_with(tool=None, **more):
    return BackendOptions(vendor=VendorOptions(infer_tool=tool), **more)


def test_the_first_tool_that_is_installed_runs(tmp_path):
    """ais_bench tells most, msame least."""
    every = tools_of(tmp_path)
    assert infer_tool(every, options_with()) == "ais_bench"
    assert infer_tool(every, options_with("msame")) == "msame"
    assert infer_tool(tools_of(tmp_path, ais_bench=None), options_with()) == "benchmark"
    last = tools_of(tmp_path, ais_bench=None, benchmark=False)
    assert infer_tool(last, options_with()) == "msame"
    with pytest.raises(UserError, match="trtexec"):
        infer_tool(every, options_with("trtexec"))


def test_without_any_tool_all_are_named(tmp_path):
    """Who has none yet must learn which would do."""
    none = tools_of(tmp_path, ais_bench=None, benchmark=False, msame=False)
    with pytest.raises(BackendUnavailable) as caught:
        infer_tool(none, options_with())
    assert all(name in caught.value.message for name in ("ais_bench", "benchmark", "msame"))
    with pytest.raises(BackendUnavailable) as caught:
        infer_tool(none, options_with("msame"))
    assert "ASCEND_CONSOLE_MSAME" in caught.value.hint


def test_a_benchmark_without_its_execute_bit_says_what_to_type(tmp_path):
    """That is how it comes out of its package."""
    name = f"benchmark.{platform.machine()}"
    path = write_launcher(tmp_path / "a b", name, "fake_benchmark.py")
    path.chmod(0o644)
    tools = tools_of(tmp_path, path=str(path.parent), ais_bench=None, benchmark=False, msame=False)
    with pytest.raises(BackendUnavailable) as caught:
        infer_tool(tools, options_with())
    assert caught.value.hint == f"Type: chmod u+x '{path}'"


def test_the_line_beside_figures_has_command_and_generation(tmp_path):
    """ais_bench calls itself 0.0.2 through all of its generations."""
    tools = tools_of(tmp_path, path=os.environ["PATH"], ais_bench="C")
    line = infer_tool_line(tools, options_with())
    assert line.startswith(str(tmp_path / "ais_infer.py"))
    assert "generation C" in line
    assert infer_tool_line(tools, options_with("msame")).startswith(str(tmp_path / "msame"))


# --- what is refused before a tool starts ---------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"batch_size": 8}, "ascend.batch_size"),
        ({"inputs": ()}, "ascend.om_tensors"),
        ({"outputs": ()}, "ascend.om_tensors"),
        ({"inputs": (TensorInfo("a", (4, 2), "int32"),) * 2}, "ascend.several_inputs"),
        ({"inputs": (TensorInfo("a", (4, 3, None, 8), "float32"),)}, "ascend.open_size"),
    ],
)
def test_an_om_that_cannot_be_run_so_is_refused(made, changes, expected):
    """The tools would say so in words that help nobody, or run something else."""
    with pytest.raises(UserError) as caught:
        made.files(made.inputs(), 4, made.om(4, **changes))
    assert caught.value.id == expected
    assert made.events == []


def test_inputs_of_another_size_are_refused_with_their_name(made):
    """The tool looks at the first file alone."""
    paths = made.inputs()
    paths[3].write_bytes(bytes(3 * SIDE * SIDE))
    with pytest.raises(UserError, match="with blank"):
        made.files(paths, 4)
    with pytest.raises(UserError, match="no input"):
        made.files([], 4)


@pytest.mark.parametrize("device", ["first", "0,0", "256", "-1", "cuda:0"])
def test_what_is_no_device_number_is_refused(made, device):
    """A device that is only half understood would be another one."""
    made.device = device
    with pytest.raises(UserError, match="NPU"):
        made.files(made.inputs(), 4)


def test_benchmark_refuses_an_om_with_open_sizes(made):
    """It has no option for them."""
    made.tool = "benchmark"
    with pytest.raises(UserError) as caught:
        made.files(made.inputs(), 4, made.om(4, shape_kind="dynamic_batch"))
    assert caught.value.id == "ascend.benchmark_static"


def test_results_go_into_a_new_folder_only(made):
    """Older results beside new ones would be evaluated with them."""
    (made.folder / "results").mkdir()
    (made.folder / "results" / "old.bin").write_bytes(b"1")
    with pytest.raises(ToolFailed, match="results"):
        made.files(made.inputs(["a.bin"]), 1)
    assert os.listdir(made.folder / "results") == ["old.bin"]


@pytest.mark.parametrize("device", ["0", "0,1"])
def test_leaving_early_stops_the_tool_and_removes_its_folder(made, device):
    """A job that fails elsewhere closes its generators and does not wait for them."""
    made.device = device
    env = made.env
    tools = VendorTools.of(env.settings)
    events = run_files(
        tools, made.options(env), made.om(1), made.inputs(), made.folder / "out", batch_size=1
    )
    assert isinstance(next(events), LogOpened)
    events.close()
    assert made.leftovers() == []
    assert not (made.folder / "out").exists()


def test_outputs_are_read_from_every_format(made):
    """Values that went through text are rounded, and have the om's type all the same."""
    om = made.om(4)
    values = np.linspace(-1, 1, CLASSES).astype(np.float32)
    paths = [made.folder / f"one_0.{suffix}" for suffix in ("bin", "npy", "txt")]
    values.tofile(paths[0])
    np.save(paths[1], values[None])
    paths[2].write_text(" ".join(f"{value:.6f}" for value in values) + " \n")
    for path in paths:
        (read,) = read_outputs([path], om)
        assert (read.shape, read.dtype) == ((CLASSES,), np.float32)
        np.testing.assert_allclose(read, values, atol=1e-6)
    shutil.copy(paths[0], made.folder / "cut_0.bin")
    os.truncate(made.folder / "cut_0.bin", 8)
    with pytest.raises(ToolFailed, match="cut_0"):
        read_outputs([made.folder / "cut_0.bin"], om)


@given(
    count=st.integers(1, 500),
    batch=st.integers(1, 32),
    devices=st.lists(st.integers(0, 255), min_size=1, max_size=8, unique=True),
)
def test_every_input_is_on_one_device_and_batches_stay_whole(count, batch, devices):
    """Whatever the numbers: none twice, none lost, no device far ahead of another."""
    shards = shards_of(0, count, batch, devices)
    assert (shards[0].start, shards[-1].end) == (0, count)
    assert all(first.end == second.start for first, second in pairwise(shards))
    assert all(shard.end > shard.start for shard in shards)
    assert all((shard.end - shard.start) % batch == 0 for shard in shards[:-1])
    batches = [-(-(shard.end - shard.start) // batch) for shard in shards]
    assert max(batches) - min(batches) <= 1
    assert len({shard.device for shard in shards}) == len(shards)
