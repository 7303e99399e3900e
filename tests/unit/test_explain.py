"""`explain` in our own words: what users meet, what scripts rely on, and any text at all."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.explain import detect_tool, explain

START = "ATC start working now, please wait for a moment.\n"
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"


@pytest.mark.parametrize(
    ("text", "tool", "outcome", "code", "cause"),
    [
        (START + FAILED + "E10016: Opname [x] specified in [--input_shape] is not found",
         "atc", "failure", "E10016", "code.E10016"),
        (START + FAILED + "E10001: Value [9] for parameter [--framework] is invalid.",
         "atc", "failure", "E10001", "code.E10001"),
        (START + FAILED + "E55555: something new", "atc", "failure", "E55555", "code.family.E5"),
        (START + FAILED, "atc", "failure", None, "explain.uncoded"),
        (START, "atc", "unknown", None, "explain.no_verdict"),
        (START + "run.sh: line 2: 81 Killed  atc\n", "atc", "failure", None, "sign.killed"),
        ("bash: atc: command not found\n", "atc", "failure", None, "sign.not_found"),
        ("atc.bin: error while loading shared libraries: libascend_hal.so: cannot open shared "
         "object file: No such file\n", "atc", "failure", None, "sign.driver_library"),
        ("DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\n"
         "dcmi module initialize failed. ret is -8005\n",
         "npu-smi", "failure", "-8005", "npu_smi.dcmi_inner"),
        ("dcmi model initialized failed, because the device is used. ret is -8020\n",
         "npu-smi", "failure", "-8020", "npu_smi.dcmi_occupied"),
        ("bash: npu-smi: command not found\n", "npu-smi", "failure", None, "npu_smi.not_found"),
        ("E16005: The model has [2] [--domain_version] fields, but only one is allowed.\n",
         "atc", "failure", "E16005", "code.E16005"),
        ("EL0004: [PID: 553] Failed to allocate memory.\n", "acl", "failure", "EL0004",
         "code.EL0004"),
        ("aclrtSetDevice failed, ret = 507033\n", "acl", "failure", "507033", "acl.507033"),
        ("RuntimeError: NPU error, error code is 507011\n", "acl", "failure", "507011",
         "acl.507011"),
        ("[INFO] acl init success\n[INFO] aclmdlExecute failed, ret[207001]\n", "ais_bench",
         "failure", "207001", "acl.207001"),
        ("ModuleNotFoundError: No module named 'aclruntime'\n", "ais_bench", "failure", None,
         "sign.aclruntime"),
        ("ImportError: libascendcl.so: cannot open shared object file\n", "unknown", "failure",
         None, "sign.library"),
        ("hello world\n", "unknown", "unknown", None, "explain.foreign"),
        ("", "unknown", "unknown", None, "explain.foreign"),
    ],
)  # fmt: skip
def test_what_users_meet_is_explained(text, tool, outcome, code, cause):
    """One cause with remedies for each of the ranked complaints."""
    found = explain(text)
    assert (found.tool, found.outcome, found.code, found.cause_id) == (tool, outcome, code, cause)
    assert found.remedies("en")
    assert found.remedies("zh")


def test_a_help_text_is_called_so():
    """It has no verdict, and nothing was stopped."""
    assert explain(START + "usage: atc <args>\n").cause_id == "explain.help"


def test_a_summary_whose_list_of_files_was_cut_keeps_its_figures():
    """50,000 names make a file that is read in two pieces."""
    text = (
        '{"filesinfo": {"0": {"infiles": ["a"], "outfi\n les": [}}, "NPU_compute_time": '
        '{"mean": 4.0}, "throughput": 4000.0, "pid": 3}'
    )
    found = explain(text)
    assert (found.tool, found.outcome) == ("ais_bench", "success")
    assert found.performance is not None
    assert (found.performance.throughput, found.performance.batch_size) == (4000.0, 16)
    assert explain('{"filesinfo": {"0": ').outcome == "unknown"


def test_a_summary_that_contradicts_itself_is_doubted():
    """Its throughput was made with no whole batch size."""
    found = explain('{"NPU_compute_time": {"mean": 4.0}, "throughput": 4100.0}')
    assert found.outcome == "success"
    assert "no whole batch size" in found.warnings[0].text("en")
    assert "batch" in found.warnings[0].text("zh")
    assert found.document()["performance"]["batch_size"] is None


def test_six_digits_are_no_return_code_by_themselves():
    """Logs are full of numbers; only announced ones count."""
    assert explain("[INFO] acl init success\nsize is 507033 bytes, id 507011\n").code is None
    assert explain("aclrt x ret=5070331\n").code is None
    assert explain("aclrt x ret=507033.5\n").code is None


def test_how_a_process_ended_is_the_first_thing_to_say():
    """A killed atc has printed nothing but its start line."""
    killed = explain(START, exit_code=137)
    assert (killed.outcome, killed.cause_id) == ("failure", "exit.137")
    assert "TE_PARALLEL_COMPILER=1" in " ".join(killed.remedies())
    assert explain(START, exit_code=-11).cause_id == "exit.139"
    assert explain("", exit_code=127, tool="msame").cause_id == "exit.127"
    assert explain(START + FAILED + "E10016: x", exit_code=255).cause_id == "code.E10016"
    assert explain(START, exit_code=0).outcome == "unknown"


def test_a_wide_code_gives_way_to_what_the_text_tells():
    """`The argument is invalid` is not why; the device that cannot be opened is."""
    found = explain("EE1001: The argument is invalid.\n  open device 5 failed, ret = 507033\n")
    assert found.code == "EE1001"
    assert "device 5" in found.cause()


def test_a_success_is_not_explained_by_what_stood_on_its_way():
    """atc goes on after a helper's traceback."""
    text = START + "ModuleNotFoundError: No module named 'te'\nATC run success, welcome\n"
    found = explain(text)
    assert (found.outcome, found.cause(), found.remedies()) == ("success", None, ())


def test_the_tools_own_advice_is_kept_beside_ours():
    """It is seldom enough, and somebody may know what it means."""
    found = explain(START + FAILED + "E13005: Failed to parse x.\n        Possible Cause: broken\n"
                    "        Solution: Check it.\n")  # fmt: skip
    document = found.document()
    assert document["vendor"] == {"possible_cause": "broken", "solution": "Check it."}
    assert document["cause"].startswith("the model file cannot be understood")


def test_the_document_has_the_shape_that_scripts_rely_on():
    """New keys may come, none may go."""
    document = explain("[e2e] throughputRate: 2, latency: 3").document()
    assert set(document) >= {"tool", "outcome", "code", "codes", "message", "cause", "remedies",
                             "warnings", "performance"}  # fmt: skip
    text = ("[INFO] NPU_compute_time (ms): min = 1, max = 3, mean = 2, median = 2, "
            "percentile(99%) = 3\n[INFO] throughput 1000*batchsize.mean(4)/NPU_compute_time."
            "mean(2): 2000\n")  # fmt: skip
    performance = explain(text).document()["performance"]
    assert set(performance) >= {"throughput", "batch_size", "compute_ms", "h2d_ms", "d2h_ms",
                                "e2e_throughput"}  # fmt: skip
    assert performance["compute_ms"] == {"min": 1, "max": 3, "mean": 2, "median": 2, "p99": 3}
    assert (performance["throughput"], performance["batch_size"]) == (2000, 4)


def test_a_table_after_the_drivers_noise_is_an_answer():
    """The noise line comes before good tables too."""
    text = (
        "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\n"
        "+-----------------------------+\n"
        "| npu-smi 22.0.0   Version: 22.0.2 |\n"
        "+-------------+-------+-------+\n"
        "| NPU Name | Health | Power(W) Temp(C) Hugepages-Usage(page) |\n"
        "| Chip Device | Bus-Id | AICore(%) Memory-Usage(MB) |\n"
        "+=============+=======+=======+\n"
        "| 0 310P3 | Alarm | 16.6 57 0 / 0 |\n"
        "| 0 0 | 0000:3B:00.0 | 0 928 / 21534 |\n"
        "+=============+=======+=======+\n"
    )
    found = explain(text)
    assert (found.tool, found.outcome, found.code) == ("npu-smi", "success", None)
    assert [item.text() for item in found.warnings] == ["NPU 0 chip 0: health Alarm"]


def test_several_runs_in_one_log_are_said_to_be_several():
    """Figures of one of them must not pass for those of the log."""
    text = "ave_throughputRate: 10samples/s, ave_latency: 100ms\n"
    found = explain(text * 2)
    assert "2 runs" in found.warnings[0].text("en")
    assert "2 次" in found.warnings[0].text("zh")


def test_a_tool_is_found_in_a_very_long_log():
    """A debug log has the verdict at its end, and nothing of interest before."""
    noise = "[INFO] GE(1,x):2026 [a.cc:1]1 PreRun: node /model/layer ok\n" * 20_000
    text = START + noise + FAILED + "E10016: Opname [x] is not found\n"
    assert detect_tool(text) == "atc"
    assert explain(text).code == "E10016"


MEASURED = (
    "[INFO] H2D_latency (ms): min = 1.5, max = 3.5, mean = 2.5, median = 2.25, "
    "percentile(99%) = 3.25\n[INFO] NPU_compute_time (ms): min = 11.5, max = 13.5, mean = 12.5, "
    "median = 12.25, percentile(99%) = 13.25\n[INFO] throughput 1000*batchsize.mean(4)/"
    "NPU_compute_time.mean(12.5): 320.0\n",
    "[e2e] throughputRate: 336.39, latency: 148637\n[data read] throughputRate: 357.787, "
    "moduleLatency: 2.79496\n[preprocess] throughputRate: 357.147, moduleLatency: 2.79997\n"
    "[infer] throughputRate: 338.442, Interface throughputRate: 787.709, moduleLatency: 2.21785\n"
    "[post] throughputRate: 338.44, moduleLatency: 2.95473\n",
    "[INFO] ave_throughputRate: 157.113samples/s, ave_latency: 6.41437ms\n",
    "Inference time: 2.5ms\nInference average time: 2.500000 ms\n",
    '"NPU_compute_time": {"mean": 12.5}, "throughput": 320.25}',
)


@given(
    st.sampled_from(MEASURED),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from("0123456789.,:=[]-eE x%\n，"),
                       st.integers(0, 3)), max_size=4),
)  # fmt: skip
@settings(max_examples=500, deadline=None)
def test_no_figure_is_reported_that_does_not_stand_in_the_text(text, edits):
    """Half of a damaged number, or two glued together, would be a wrong figure in silence."""
    for place, sign, cut in edits:
        place %= len(text)
        text = text[:place] + sign + text[place + cut :]
    performance = explain(text).document()["performance"]
    if performance is None:
        return
    printed = {float(word) for word in re.findall(
        r"(?<![0-9.])[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?(?![0-9])(?!\.[0-9])", text
    )}  # fmt: skip
    figures = [performance["throughput"], performance["e2e_throughput"], performance["h2d_ms"],
               performance["d2h_ms"], *performance["compute_ms"].values()]  # fmt: skip
    assert {figure for figure in figures if figure is not None} <= printed


PIECES = [
    START, FAILED, "ATC run success, welcome", "E10016: x", "EZ9999: Inner Error!", "W11001: y",
    "[INFO] acl init success", "[ERROR] load model from file failed, model file is {a}",
    "Inference time: 3ms", "Inference average time: 3 ms", "[e2e] throughputRate: 1, latency: 2",
    "[post] throughputRate: 1, moduleLatency: 2", "> quoted",
    "ave_throughputRate: 1samples/s, ave_latency: 2ms", "\x00", "\r", "\ufeff",
    "[INFO] NPU_compute_time (ms): min = 1, mean = 2", '"throughput": 3', "{", "}", "ret is -8005",
    "ret=507033", "| NPU Name | Health |", "| 0 310P3 | OK |", "npu-smi 22.0",
    "# source: x", "Killed", "[INFO] throughput (1000*batchsize/NPU_compute_time): 5",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("\n".join) | st.text(max_size=300),
       st.sampled_from([None, 0, 1, 137, -9, 255]))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_any_text_gets_an_explanation(text, exit_code):
    """It never raises, and what it says can be written as JSON without inventing numbers."""
    found = explain(text, exit_code=exit_code)
    document = found.document()
    json.dumps(document, allow_nan=False)
    assert found.outcome != "success" or not exit_code
    assert document["message"]
    if found.outcome != "success":
        assert document["remedies"]
    for lang in ("en", "zh"):
        assert found.message(lang)
        assert len(found.remedies(lang)) <= 8
