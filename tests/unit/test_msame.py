"""msame: flags, and times in the words of its builds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.msame import MsameRequest, msame_argv, parse_msame, result_name
from ascend_console.core.errors import UserError

HEAD = "[INFO] acl init success\n[INFO] load model ./net.om success\n./out//20220220_215201\n"
TAIL = "[INFO] unload model success, model Id is 1\n[INFO] Execute sample success\n"


def test_the_arguments_are_written_as_the_readme_does():
    """Booleans are words, inputs a comma list."""
    wanted = MsameRequest(model="a.om", input=("x", "y"), output="o", outfmt="TXT", loop=5,
                          debug=True, dym_batch=2, output_size=(10, 20))  # fmt: skip
    assert " ".join(msame_argv(wanted)) == (
        "--model a.om --input x,y --output o --outfmt TXT --loop 5 --device 0 --debug true "
        "--dymBatch 2 --outputSize 10,20"
    )
    assert " ".join(msame_argv(MsameRequest(model="a.om", output="o", dym_shape="i:1,3"))) == (
        "--model a.om --output o --outfmt BIN --device 0 --dymShape i:1,3"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"loop": 0},
        {"loop": 101},
        {"device": 256},
        {"device": -1},
        {"input": ("a,b",)},
        {"dump": True, "profiler": True},
        {"dym_batch": 1, "dym_hw": "2,2"},
        {"dym_dims": "a:1", "dym_shape": "a:1"},
    ],
)
def test_what_the_tool_would_refuse_is_refused_before_its_start(changes):
    """A comma in a path would silently be two inputs."""
    with pytest.raises(UserError) as caught:
        msame_argv(MsameRequest(**{"model": "a.om", "output": "o", **changes}))
    assert caught.value.hint


def runs_text(times: list[float], average: str) -> str:
    lines = "".join(f"[INFO] model execute success\nInference time: {ms}ms\n" for ms in times)
    return HEAD + lines + average + TAIL


def test_a_loop_is_read_with_all_its_executions():
    """Mean as printed; the rest from the lines, where all of them are there."""
    text = runs_text([1.3, 1.1, 1.2], "Inference average time: 1.200000 ms\n"
                     "Inference average time without first time: 1.150000 ms\n")  # fmt: skip
    (run,) = parse_msame(text)
    assert run.outcome == "success"
    assert (run.model, run.folder) == ("./net.om", "./out//20220220_215201")
    assert (run.average_ms, run.without_first_ms) == (1.2, 1.15)
    timing = run.timing
    assert (timing.min_ms, timing.max_ms, timing.mean_ms, timing.median_ms) == (1.1, 1.3, 1.2, 1.2)
    assert timing.count == 3
    assert run.doubts() == ()


def test_a_shortened_log_gives_no_extremes():
    """The average is over executions that somebody cut out."""
    averages = (
        "Inference average time : 1.01 ms\nInference average time without first time: 1.0 ms\n"
    )
    (run,) = parse_msame(runs_text([1.3], averages))
    assert run.timing.mean_ms == 1.01
    assert (run.timing.min_ms, run.timing.count) == (None, None)


def test_a_build_that_prints_only_the_later_average_is_read():
    """It is the only average line there."""
    (run,) = parse_msame(runs_text([], "Inference average time without first time: 577.39 ms\n"))
    assert run.timing.mean_ms == 577.39


def test_one_execution_must_be_its_own_average():
    """Else the log was edited."""
    assert parse_msame(runs_text([5.0], "Inference average time: 7.000000 ms\n"))[0].doubts()


def test_several_runs_are_told_apart():
    """A script writes them all into one file."""
    text = runs_text([2.0], "Inference average time: 2.000000 ms\n")
    runs = parse_msame("WARNING:tensorflow: x\n" + text + "noise\n" + text.replace("2.0", "3.0"))
    assert [run.average_ms for run in runs] == [2.0, 3.0]


def test_failures_are_seen():
    """An error line decides, also where the teardown goes on as ever."""
    complaints = "[ERROR] create model output failed\n[ERROR] Sample process failed\n"
    (run,) = parse_msame(HEAD + complaints)
    assert run.outcome == "failure"
    assert run.errors[0] == "create model output failed"
    assert parse_msame(HEAD)[0].outcome == "unknown"


@pytest.mark.parametrize("word", ["1.2.3", "1,5", "nan", "-1.0", "0", "1e999", "1.5s"])
def test_a_damaged_average_is_unknown(word):
    """Half of a number would be a wrong figure."""
    (run,) = parse_msame(runs_text([], f"Inference average time: {word} ms\n"))
    assert run.average_ms is None


def test_averages_that_differ_in_one_run_are_not_believed():
    """Two runs were glued together without their beginnings."""
    (run,) = parse_msame("Inference average time: 1.0 ms\nInference average time: 2.0 ms\n")
    assert run.average_ms is None


def test_results_are_named_after_the_input():
    """Outputs count from 0."""
    assert result_name("/d/a.b.bin", 0, "TXT") == "a.b_output_0.txt"


@given(st.lists(st.floats(0.001, 9999), min_size=2, max_size=20), st.booleans())
def test_a_loop_of_any_times_reads_back(times, dotted):
    """Six decimals of the average are enough to see that no line is missing."""
    times = [float(f"{ms:.3f}") for ms in times]
    mean = sum(times) / len(times)
    rest = sum(times[1:]) / (len(times) - 1)
    stop = "." if dotted else ""
    averages = f"Inference average time: {mean:.6f} ms\n"
    averages += f"Inference average time without first time: {rest:.6f} ms\n"
    text = runs_text(times, averages)
    (run,) = parse_msame(text.replace("sample success", "sample success" + stop))
    if mean >= 1e-6:
        assert run.times_ms == tuple(times)
        assert run.timing.mean_ms == float(f"{mean:.6f}")
        assert run.timing.min_ms == min(times)
        assert run.timing.max_ms == max(times)


@given(st.text(max_size=150) | st.lists(st.sampled_from(
    [HEAD, TAIL, "Inference time: 1ms", "Inference average time: 2 ms", "[ERROR] x", "/o", "\r",
     "Inference average time without first time: 1 ms"])).map("\n".join))  # fmt: skip
@settings(max_examples=200)
def test_no_text_breaks_the_reader(text):
    """It reads whatever is there."""
    for run in parse_msame(text):
        assert run.outcome in ("success", "failure", "unknown")
        assert run.timing.mean_ms is None or run.timing.mean_ms > 0
