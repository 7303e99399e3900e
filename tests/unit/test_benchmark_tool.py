"""benchmark.x86_64: flags, performance files in every shape, their self-check, text results."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.benchmark import (
    BenchmarkRequest,
    benchmark_argv,
    parse_perf,
    parse_pure,
    parse_text_result,
    perf_batch,
    perf_doubts,
    perf_name,
    program_name,
    pure_batch,
    pure_doubts,
    read_perf_name,
    read_result_name,
    split_perf,
)
from ascend_console.core.errors import UserError

# The guides' published logs: batch size, then e2e rate and time, and rate and latency of data
# read, preprocess, infer (with the interface's rate) and post.
SE_RESNET50 = {
    1: (145.018, 344785, 153.709, 6.50578, 153.515, 6.51401, 145.717, 191.393, 6.19467,
        145.717, 6.86263),
}  # fmt: skip
DEEPMAR = {
    1: (202.23, 37580.9, 244.002, 4.00367, 217.543, 4.50029, 208.333, 326.049, 4.45783,
        208.332, 4.196),
    8: (461.7, 382555, 570.307, 1.61574, 497.19, 2.62255, 222.175, 508.133, 3.45377,
        27.19833, 35.976),
    4: (198.011, 264534, 236.271, 5.0436, 123.037, 5.04955, 201.874, 435.322, 4.18727,
        50.4682, 21.0667),
    16: (227.455, 358539, 276.918, 7.14704, 246.784, 7.15391, 230.734, 542.935, 3.72351,
         14.4666, 57.2522),
    32: (227.683, 225547, 297.234, 4.25108, 224.935, 4.2565, 230.362, 535.007, 3.51711,
         7.95087, 143.867),
    64: (203.683, 225547, 253.234, 4.25108, 224.935, 4.2565, 209.362, 416.653, 3.51711,
         7.95087, 143.867),
}  # fmt: skip


def perf_text(figures: tuple[float, ...]) -> str:
    """A performance file as the tool writes it."""
    e2e, time, read, read_ms, pre, pre_ms, infer, interface, infer_ms, post, post_ms = figures
    return (
        f"[e2e] throughputRate: {e2e}, latency: {time}\n"
        f"[data read] throughputRate: {read}, moduleLatency: {read_ms}\n"
        f"[preprocess] throughputRate: {pre}, moduleLatency: {pre_ms}\n"
        f"[infer] throughputRate: {infer}, Interface throughputRate: {interface}, "
        f"moduleLatency: {infer_ms}\n"
        f"[post] throughputRate: {post}, moduleLatency: {post_ms}\n"
    )


PLAIN = perf_text(SE_RESNET50[1])


def test_the_command_of_a_guide_comes_out_word_for_word():
    """People compare our command with the one that they know."""
    wanted = BenchmarkRequest(om="se_resnet50_bs16.om", batch_size=16, width=224, height=224,
                              info="./se_resnet50_prep_bin.info")  # fmt: skip
    assert " ".join(benchmark_argv(wanted)) == (
        "-model_type=vision -device_id=0 -batch_size=16 -om_path=se_resnet50_bs16.om "
        "-input_text_path=./se_resnet50_prep_bin.info -input_width=224 -input_height=224 "
        "-output_binary=False -useDvpp=False"
    )
    pure = BenchmarkRequest(om="a.om", batch_size=4, device=2, rounds=20)
    assert benchmark_argv(pure) == ["-device_id=2", "-batch_size=4", "-om_path=a.om", "-round=20"]
    nlp = BenchmarkRequest(om="a.om", batch_size=4, model_type="nlp", info="i", output_binary=True)
    assert "-input_width" not in " ".join(benchmark_argv(nlp))
    assert program_name("aarch64") == "benchmark.aarch64"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"batch_size": 0}, "benchmark.numbers"),
        ({"device": 256}, "benchmark.numbers"),
        ({"rounds": 0}, "benchmark.rounds"),
        ({"rounds": 2, "info": "i"}, "benchmark.rounds"),
        ({"model_type": "poetry", "info": "i"}, "benchmark.model_type"),
        ({}, "benchmark.info"),
        ({"info": "i"}, "benchmark.size"),
        ({"info": "i", "width": 224, "height": -1}, "benchmark.size"),
    ],
)
def test_what_the_tool_would_refuse_is_refused_before_its_start(changes, expected):
    """It refuses with a crash or with an empty result."""
    with pytest.raises(UserError) as caught:
        benchmark_argv(BenchmarkRequest(**{"om": "a.om", "batch_size": 1, **changes}))
    assert caught.value.id == expected


def test_a_machine_without_the_tool_is_told():
    """The tool exists for two machines only."""
    with pytest.raises(UserError):
        program_name("riscv64")


IRREGULAR = {
    "as written": lambda text: text,
    "old labels": lambda text: text.replace("[infer]", "[inference]").replace(
        "[post]", "[postprocess]"
    ),
    "full-width commas": lambda text: text.replace(", ", "，"),
    "full-width colons": lambda text: text.replace(": ", "："),
    "comma missing after the interface": lambda text: text.replace("191.393,", "191.393"),
    "line ends lost": lambda text: text.replace("\n", ""),
    "indented": lambda text: text.replace("\n", "\n   "),
    "windows": lambda text: text.replace("\n", "\r\n"),
    "exponent": lambda text: text.replace("344785", "3.44785e+05"),
    "rules and a source line": lambda text: f"# source: a [e2e] file\n--Summary--\n{text}\n---\n",
    "no blanks after colons": lambda text: text.replace(": ", ":"),
    "blank wrapped": lambda text: text.replace("data read", "data\n read"),
}


@pytest.mark.parametrize("form", IRREGULAR)
def test_every_known_irregularity_gives_the_same_figures(form):
    """All of these stand in published guides."""
    assert parse_perf(IRREGULAR[form](PLAIN)) == parse_perf(PLAIN)
    assert parse_perf(PLAIN).interface_rate == 191.393
    assert parse_perf(PLAIN).elapsed_ms == 344785


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("191.393", "191.3.93"),
        ("191.393", "191,393.5.1"),
        ("191.393", "nan"),
        ("191.393", "inf"),
        ("191.393", "-191.393"),
        ("191.393", "0"),
        ("191.393", ""),
        ("191.393", "1e999"),
        ("191.393", "191.393fps"),
        ("Interface throughputRate: 191.393, ", ""),
        ("[post]", "[toast]"),
        ("[post]", "[infer]"),
        ("latency: 344785", "latency: 344785, latency: 2"),
        ("\n[data", " throughputRate: 7\n[data"),
    ],
)
def test_a_figure_that_is_damaged_missing_or_doubled_is_an_error(old, new):
    """It must never be read as another figure."""
    with pytest.raises(UserError) as caught:
        parse_perf(PLAIN.replace(old, new))
    assert caught.value.id == "benchmark.perf_file"


def test_several_files_in_one_text_are_told_apart():
    """A guide quotes one for each batch size."""
    assert len(split_perf(PLAIN + "text\n" + PLAIN)) == 2
    assert split_perf("none") == ()
    with pytest.raises(UserError):
        parse_perf(PLAIN + PLAIN)


def test_the_published_logs_that_agree_with_themselves_pass():
    """The proof that the check is fair."""
    for batch_size, figures in SE_RESNET50.items():
        perf = parse_perf(perf_text(figures))
        assert perf_doubts(perf, batch_size, 50_000) == ()
        assert perf_batch(perf) == batch_size


@pytest.mark.parametrize("batch_size", DEEPMAR)
def test_the_published_logs_that_contradict_themselves_do_not_pass(batch_size):
    """Six logs were copied, mixed or edited by hand; their figures are not to be believed."""
    assert perf_doubts(parse_perf(perf_text(DEEPMAR[batch_size])), batch_size, 7600)


def rules(text: str, batch_size: int = 1, images: int | None = 50_000) -> set[str]:
    doubts = perf_doubts(parse_perf(text), batch_size, images)
    return {doubt.id.removeprefix("perf.") for doubt in doubts}


def test_each_rule_of_the_self_check_finds_its_own_fault():
    """A message must say what is wrong, not only that something is."""
    assert rules(PLAIN, images=49_000) == {"images"}
    assert rules(PLAIN, images=None) == set()
    assert rules(PLAIN.replace("6.86263", "6.95")) == {"latency"}
    assert rules(PLAIN.replace("6.86263", "6.88")) == set()
    assert rules(PLAIN.replace("6.19467", "9")) == set()
    assert rules(PLAIN.replace("153.709", "140").replace("6.50578", "7.142857")) == {"slower"}
    assert rules(PLAIN, batch_size=2) == {"batch"}
    few = PLAIN.replace("344785", "3447.85")
    assert rules(few, batch_size=2, images=500) == set()


def pure_text(rate: float, latency: float) -> str:
    return (
        "[INFO] Dataset number: 18 finished cost 26.5ms\n"
        "[INFO] Dataset number: 19 finished cost 25.448ms\n"
        "[INFO] PureInfer result saved in ./result/PureInfer_perf_of_net_bs4_in_device_3.txt\n"
        f"-----\n[INFO] ave_throughputRate: {rate}samples/s, ave_latency: {latency}ms\n"
    )


def test_runs_on_random_data_are_read():
    """Latency is per sample there, cost per batch."""
    (run,) = parse_pure(pure_text(157.113, 6.41437))
    assert (run.rate, run.latency_ms) == (157.113, 6.41437)
    assert run.rounds == ((18, 26.5), (19, 25.448))
    assert (run.om_stem, run.device) == ("net_bs4", 3)
    assert pure_batch(run) == 4
    assert pure_doubts(run) == ()
    assert pure_doubts(parse_pure(pure_text(257.113, 6.41437))[0])
    (bare,) = parse_pure("ave_throughputRate = 974.27samples/s, ave_latency = 1.02917ms")
    assert (bare.rate, bare.rounds, bare.om_stem) == (974.27, (), None)
    assert pure_batch(bare) is None
    assert len(parse_pure(pure_text(1, 1000) * 3)) == 3


def test_a_batch_size_in_a_name_is_not_believed_against_the_costs():
    """Somebody ran the wrong om, or gave it a wrong name."""
    (run,) = parse_pure(pure_text(157.113, 6.41437).replace("_bs4_", "_bs16_"))
    assert pure_batch(run) is None


@pytest.mark.parametrize(
    "text",
    ["", "ave_throughputRate: x", "ave_throughputRate: 0samples/s, ave_latency: 0ms",
     "ave_throughputRate: 1.2.3samples/s, ave_latency: 1ms",
     "ave_throughputRate: 1samples/s, ave_latency: 1ms2"],
)  # fmt: skip
def test_damaged_averages_are_an_error(text):
    """No figure is better than a wrong one."""
    with pytest.raises(UserError):
        parse_pure(text)


def test_names_carry_batch_device_and_output():
    """Outputs count from 1 here, and from 0 in the other tools."""
    assert perf_name(16, 1) == "perf_vision_batchsize_16_device_1.txt"
    assert read_perf_name(perf_name(16, 1)) == ("vision", 16, 1)
    assert read_perf_name("perf.txt") is None
    assert read_result_name("ILSVRC2012_val_00000001_1.bin") == ("ILSVRC2012_val_00000001", 1)
    assert read_result_name("a_0.txt") is None
    assert read_result_name("sumary.json") is None


def test_results_in_text_are_read_row_by_row():
    """One line has all scores of an image."""
    assert parse_text_result("1 -2.5 3e-2 \n") == ((1.0, -2.5, 0.03),)
    assert parse_text_result("1 2\n3 4\n") == ((1.0, 2.0), (3.0, 4.0))
    assert str(parse_text_result("nan inf")[0]) == "(nan, inf)"
    for bad in ("", "1 2\n3", "1 x", "1,5 2", "0x1", "1_000"):
        with pytest.raises(UserError):
            parse_text_result(bad)


@given(
    st.lists(st.floats(0.001, 1e6), min_size=11, max_size=11),
    st.sampled_from(sorted(IRREGULAR)),
)
def test_a_file_of_any_figures_reads_back(figures, form):
    """The tool prints six digits, with an exponent where it must."""
    rounded = tuple(float(f"{value:.6g}") for value in figures)
    if form == "exponent" or form.startswith("comma missing"):
        form = "as written"
    texts = [f"{value:.6g}" for value in rounded]
    read = parse_perf(IRREGULAR[form](perf_text(tuple(texts))))
    assert (read.e2e_rate, read.elapsed_ms, read.data_read.rate) == rounded[:3]
    assert (read.infer.rate, read.interface_rate, read.infer.latency_ms) == rounded[6:9]
    assert (read.post.rate, read.post.latency_ms) == rounded[9:]


@given(st.text(max_size=100) | st.lists(st.sampled_from(
    ["[e2e]", "[data read]", "[preprocess]", "[infer]", "[post]", "throughputRate:", "latency:",
     "Interface throughputRate:", "moduleLatency:", "1.5", "0", "，", "\n", "ave_throughputRate",
     "1samples/s, ave_latency: 2ms", "x"])).map(" ".join))  # fmt: skip
@settings(max_examples=300)
def test_no_text_raises_anything_but_our_error(text):
    """Bad input never gives a traceback."""
    for read in (parse_perf, parse_pure, parse_text_result):
        with contextlib.suppress(UserError):
            read(text)
