"""Inference on `ascend` where tool, device, disk or om let it down; and its profile."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from ascend_console.backends._ascend_infer import run_files
from ascend_console.backends._ascend_profile import profile
from ascend_console.core.backend import TensorInfo
from ascend_console.core.errors import BackendUnavailable, ConsoleError, Interrupted, ToolFailed
from ascend_console.core.events import ArtifactWritten, LogLine, LogOpened, Warned
from ascend_console.tools.vendor_tools import VendorTools
from tests.data.ascend_pass import Pass
from tests.data.fake_tools import Witness
from tests.fakes.cann_root import make_cann_root
from tests.fakes.fake_om import OmTensor
from tests.fakes.tiny_om import SIDE, write_tiny_om

EIGHT = [f"{number}.bin" for number in range(8)]


@pytest.fixture
def made(tmp_path):
    """What a pass needs, in a folder that the strictest tool takes."""
    before = os.umask(0o022)
    yield Pass(tmp_path)
    os.umask(before)


def failed(made, tool, words, batch=4, **changes):
    """The error of a pass; nothing of it may stay, and its log must be named."""
    made.tool, _, generation = tool.partition(" ")
    made.generation = generation or "F"
    made.words[f"FAKE_{made.tool.upper()}"] = words
    with pytest.raises(ConsoleError) as caught:
        made.files(made.inputs(EIGHT), batch, made.om(batch, **changes))
    assert made.leftovers() == []
    assert not (made.folder / "results").exists()
    assert caught.value.hint
    return caught.value


TOOLS = ["ais_bench A", "ais_bench F", "ais_bench msit", "benchmark", "msame"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_device_that_cannot_be_opened_is_unavailable(made, tool):
    """Exit 4: neither the om nor the inputs are to blame."""
    error = failed(made, tool, "device_error")
    assert isinstance(error, BackendUnavailable)
    assert "507033" in error.message
    assert made.told(LogOpened)[0].path in error.hint


@pytest.mark.parametrize("tool", TOOLS)
def test_a_busy_device_is_unavailable(made, tool):
    """Who waits and tries again must be told from who converts again."""
    error = failed(made, tool, "busy")
    assert isinstance(error, BackendUnavailable)
    assert "EL0005" in error.message


@pytest.mark.parametrize("tool", TOOLS)
def test_a_device_without_memory_asks_for_a_smaller_batch(made, tool):
    """The device is there, and this om too large for what is free."""
    error = failed(made, tool, "no_memory")
    assert isinstance(error, ToolFailed)
    assert "memory" in error.message
    assert "smaller batch" in error.hint


@pytest.mark.parametrize("tool", TOOLS)
def test_an_om_for_another_chip_is_named_so(made, tool):
    """The tools say `stream_list.size`."""
    error = failed(made, tool, "wrong_soc")
    assert isinstance(error, ToolFailed)
    assert "another chip" in error.message


@pytest.mark.parametrize("tool", TOOLS)
def test_a_killed_tool_leaves_no_results(made, tool):
    """Half of the results would be evaluated as if they were all."""
    error = failed(made, tool, "killed")
    assert isinstance(error, ToolFailed)
    if tool != "ais_bench msit":
        assert "memory" in error.message


@pytest.mark.parametrize("tool", ["ais_bench F", "benchmark", "msame"])
def test_a_crashed_tool_is_explained(made, tool):
    """A segmentation fault prints nothing at all."""
    assert "crashed" in failed(made, tool, "crash").message


@pytest.mark.parametrize(
    ("tool", "words", "cause"),
    [
        ("ais_bench F", "no_aclruntime", "aclruntime"),
        ("ais_bench F", "no_ascendcl", "libascendcl.so"),
        ("benchmark", "lib", "libascendcl.so"),
    ],
)
def test_a_set_up_that_misses_something_is_unavailable(made, tool, words, cause):
    """Exit 4 and what to install or source, in place of a traceback."""
    error = failed(made, tool, words)
    assert isinstance(error, BackendUnavailable)
    assert cause in error.message


@pytest.mark.parametrize("tool", ["ais_bench A", "ais_bench E", "ais_bench F", "ais_bench msit"])
@pytest.mark.parametrize("words", ["no_summary", "no_summary_file"])
def test_results_without_a_summary_are_not_taken(made, tool, words):
    """What belongs to which input, and every figure, stands there alone."""
    error = failed(made, tool, words)
    assert error.id == "ascend.no_figures"
    assert error.message.endswith("sumary.json" if tool[-1] == "A" else "results_summary.json")


@pytest.mark.parametrize(
    ("tool", "words", "reason"),
    [
        ("ais_bench C", "truncated_summary", "no JSON"),
        ("ais_bench F", "truncated_summary", "no JSON"),
        ("ais_bench F", "nan_summary", "NaN"),
        ("benchmark", "cut_perf", "has no"),
        ("benchmark", "nan_perf", "nan"),
    ],
)
def test_figures_that_are_cut_or_no_numbers_are_no_figures(made, tool, words, reason):
    """Never 0, and never what was left of them."""
    error = failed(made, tool, words)
    assert error.id == "ascend.bad_figures"
    assert reason in error.message


def test_benchmark_without_a_performance_file_failed(made):
    """It is written last."""
    assert failed(made, "benchmark", "no_perf").id == "ascend.no_figures"


@pytest.mark.parametrize("tool", ["ais_bench F", "benchmark", "msame"])
def test_a_tool_that_saves_nothing_is_caught(made, tool):
    """It ends with 0 and prints its figures all the same."""
    error = failed(made, tool, "no_results")
    assert error.id == "ascend.results_missing"
    assert error.values["found"] == "0"
    assert error.values["total"] == "8"
    assert "'0.bin'" in error.message


@pytest.mark.parametrize("tool", ["ais_bench C", "ais_bench F", "benchmark"])
def test_a_missing_result_is_named(made, tool):
    """Seven of eight are no accuracy of eight."""
    error = failed(made, tool, "missing_result")
    assert error.id == "ascend.results_missing"
    assert "7 of 8" in error.message
    assert "'7.bin'" in error.message


@pytest.mark.parametrize("tool", ["ais_bench F", "benchmark"])
def test_a_cut_result_is_named(made, tool):
    """A full disk cuts the last file and no tool notices."""
    error = failed(made, tool, "cut_result")
    assert error.id == "ascend.result_size"
    assert "'7.bin'" in error.message


@pytest.mark.parametrize("words", ["wrong_rate", "wrong_latency", "slow_stage"])
def test_a_performance_file_that_contradicts_itself_is_not_believed(made, words):
    """Its results are right, and its figures are nobody's."""
    made.tool, made.words = "benchmark", {"FAKE_BENCHMARK": words}
    ran = made.files(made.inputs(EIGHT), 4)
    assert len(ran.outputs) == 8
    assert ran.figures.throughput is None
    assert ran.latency.mean is None
    assert ran.stages is None
    assert ran.e2e_throughput is None
    assert {entry.id for entry in ran.findings} == {"ascend.doubt"}


@pytest.mark.parametrize("words", ["old_labels", "no_comma", "no_blank", "exponent", "full_width"])
def test_every_writing_of_a_performance_file_is_read(made, words):
    """Two ages of the tool, and what printf makes of large numbers."""
    made.tool, made.words = "benchmark", {"FAKE_BENCHMARK": words}
    ran = made.files(made.inputs(EIGHT), 4)
    assert ran.figures.throughput > 0


def test_msame_without_its_average_is_still_measured(made):
    """Its lines for each execution say more."""
    made.tool, made.words = "msame", {"FAKE_MSAME": "no_average,old"}
    ran = made.files(made.inputs(EIGHT), 4)
    assert ran.figures.executions == 1
    assert ran.figures.throughput > 0


def test_values_that_are_no_numbers_come_through(made):
    """Whether they are a fault is for the job to say, which sees all of them."""
    made.words["FAKE_AIS_BENCH"] = "nan"
    ran = made.files(made.inputs(EIGHT), 4)
    assert np.isnan(np.fromfile(ran.outputs[0][0], np.float32)).all()


def test_an_om_that_takes_other_bytes_than_its_side_car_says(made):
    """A side-car of before AIPP: the tool's sizes are named, and what they mean."""
    aipp = {"aipp_mode": "static", "input_format": "RGB888_U8"}
    image = OmTensor("image", (1, SIDE, SIDE, 3), "uint8")
    path = write_tiny_om(made.folder / "aipp.om", 1, aipp=aipp, inputs=(image,))
    error = failed(made, "ais_bench F", "", batch=1, path=path)
    assert isinstance(error, ToolFailed)
    assert "192" in error.message
    assert "768" in error.message


def test_an_output_with_another_batch_axis_is_no_result(made):
    """The om says 5 values, and the side-car 6."""
    outputs = (TensorInfo("class", (4, 6), "float32"),)
    assert failed(made, "ais_bench F", "", outputs=outputs).id == "ascend.result_size"
    (made.folder / "inputs 输入").rename(made.folder / "other")
    assert failed(made, "msame", "", outputs=outputs).id == "ascend.result_size"


def test_warnings_of_the_tool_are_told(made):
    """An old aclruntime makes options do nothing."""
    made.words["FAKE_AIS_BENCH"] = "old_aclruntime,noise"
    made.files(made.inputs(EIGHT), 4)
    assert any("aclruntime" in event.text for event in made.told(LogLine))


@pytest.mark.parametrize("device", ["0", "0,1"])
@pytest.mark.parametrize("tool", ["ais_bench", "benchmark", "msame"])
def test_a_stop_ends_hung_tools_and_leaves_nothing(made, tool, device):
    """A driver that hangs must not hold a run, nor the next one's device."""
    witness = Witness(made.folder / "witness")
    ready = made.folder / "ready"
    os.mkfifo(ready)
    watched = os.open(ready, os.O_RDONLY | os.O_NONBLOCK)
    made.tool, made.device = tool, device
    made.words = {f"FAKE_{tool.upper()}": "hang", "FAKE_READY": str(ready),
                  "FAKE_WITNESS": str(witness.path)}  # fmt: skip
    env = made.env
    tools = VendorTools.of(env.settings)
    made.cancel = _UntilReady(watched, device.count(",") + 1)
    env = made.env
    events = run_files(
        tools, made.options(env), made.om(4), made.inputs(EIGHT), made.folder / "out", batch_size=4
    )
    with pytest.raises(Interrupted):
        list(events)
    assert witness.all_gone()
    assert made.leftovers() == []
    assert not (made.folder / "out").exists()
    os.close(watched)


class _UntilReady:
    """Asks to stop once as many tools as wanted have said that they hang."""

    def __init__(self, descriptor, wanted):
        self.descriptor, self.wanted, self.said = descriptor, wanted, b""

    def is_set(self):
        with contextlib.suppress(BlockingIOError):
            self.said += os.read(self.descriptor, 1000)
        return self.said.count(b"ready") >= self.wanted

    def wait(self, timeout=None):
        return self.is_set()


def test_inputs_of_a_failed_device_that_fail_again_are_an_error(made):
    """Device 1 fails, and then device 0 with its inputs too: told twice, and no result."""
    script = made.folder / "failing.py"
    script.write_text(
        dedent(
            f"""
            import os, pathlib, sys
            marker = pathlib.Path({str(made.folder / "ran")!r})
            if "--help" not in sys.argv:
                if sys.argv[sys.argv.index("--device") + 1] == "1" or marker.exists():
                    print("[ERROR] acl open device 1 failed")
                    sys.exit(1)
                marker.touch()
            os.execv(sys.executable, [sys.executable, os.environ["REAL"], *sys.argv[1:]])
            """
        )
    )
    fake = Path(__file__).parents[1] / "fakes" / "fake_ais_bench.py"
    made.words = {
        "REAL": str(fake),
        "ASCEND_CONSOLE_AIS_BENCH": shlex.join([sys.executable, str(script)]),
    }
    made.device = "0,1"
    with pytest.raises(BackendUnavailable, match="device 0"):
        made.files(made.inputs(EIGHT), 4)
    assert [event.args["device"] for event in made.told(Warned)] == ["1"]
    assert made.leftovers() == []
    assert not (made.folder / "results").exists()


# --- msprof ---------------------------------------------------------------------------------------


def profiled(made, **options):
    env = made.env
    tools = VendorTools.of(env.settings)
    events = profile(tools, made.options(env), made.om(4), batch_size=4,
                     output=made.folder / "profile", **options)  # fmt: skip
    return made._kept(events)


@pytest.mark.parametrize("cann", ["5.1.RC1", "8.0.RC1"])
@pytest.mark.parametrize("tool", ["ais_bench", "benchmark", "msame"])
def test_the_most_expensive_operators_are_told(made, tool, cann):
    """Both ages of msprof take the command differently, and put their tables elsewhere."""
    root = make_cann_root(made.folder, cann)
    made.tool, made.words = tool, {"ASCEND_HOME_PATH": str(root)}
    found = profiled(made)
    assert found.kind == "op_summary"
    assert found.operators[0].op_type == "Conv2D"
    assert made.told(ArtifactWritten)[0].kind == "profile"
    kinds = {path.name.split("_2")[0][:12] for path in (made.folder / "profile").iterdir()}
    assert len(kinds) == 2
    assert made.leftovers() == []
    assert profiled_by_name(made).operators[0].name == "Conv_0"


def profiled_by_name(made):
    (made.folder / "profile").rename(made.folder / "first")
    return profiled(made, by="name")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("notables", "ascend.no_profile"),
        ("nofolder", "ascend.no_profile"),
        ("disk", "ascend.infer_failed"),
        ("busy", "ascend.infer_failed"),
    ],
)
def test_a_profile_that_fails_says_why(made, words, expected):
    """An empty table of operators would read as a fast model."""
    root = make_cann_root(made.folder, "8.0.RC1")
    made.words = {"ASCEND_HOME_PATH": str(root), "FAKE_MSPROF": words}
    with pytest.raises(ToolFailed) as caught:
        profiled(made)
    assert caught.value.id == expected
    assert "msprof" in caught.value.message
    assert made.leftovers() == []


def test_without_msprof_there_is_no_profile(made):
    """It comes with the toolkit, not with the driver."""
    with pytest.raises(BackendUnavailable, match="msprof"):
        profiled(made)
