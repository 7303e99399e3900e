"""ais_infer and ais_bench: arguments by generation, result names, summaries."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ascend_console.ascend.ais_bench import (
    GENERATIONS,
    AisBenchRequest,
    ais_bench_argv,
    generation_of_help,
    path_problems,
)
from ascend_console.ascend.ais_bench_output import (
    device_folders,
    looks_like_summary,
    parse_summary,
    parse_summary_fragment,
    read_result_name,
    result_name,
    stem,
    summary_places,
)
from ascend_console.core.errors import UserError

PLAIN = AisBenchRequest(model="./net.om", input=("./prep/",), output="./out/", batchsize=16)


def request(**changes) -> AisBenchRequest:
    return dataclasses.replace(PLAIN, **changes)


def test_the_command_of_a_guide_comes_out_word_for_word():
    """People compare our command with the one that they know."""
    wanted = AisBenchRequest(
        model="./ghostnet_bs1.om", input=("./prep_dataset/",), output="./", batchsize=1
    )
    assert " ".join(ais_bench_argv(wanted, "C")) == (
        "--model ./ghostnet_bs1.om --input ./prep_dataset/ --output ./ --outfmt NPY "
        "--batchsize 1 --device 0"
    )


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_batch_size_is_always_passed(generation):
    """The oldest generations take 1 without it, and under-report by the batch size."""
    argv = ais_bench_argv(PLAIN, generation)
    flag = "--batch-size" if generation == "msit" else "--batchsize"
    assert argv[argv.index(flag) + 1] == "16"


def test_generations_spell_the_same_wish_differently():
    """A flag of another generation stops the tool with exit code 2."""
    assert "--device_id" in ais_bench_argv(PLAIN, "A")
    assert ais_bench_argv(PLAIN, "B")[-2:] == ["--device", "0"]
    assert ais_bench_argv(request(debug=True), "A")[-1] == "--debug"
    assert ais_bench_argv(request(debug=True), "B")[-2:] == ["--debug", "1"]
    assert ais_bench_argv(request(profiler=True), "C")[-1] == "--profiler"
    assert ais_bench_argv(request(profiler=True), "F")[-2:] == ["--profiler", "1"]
    assert ais_bench_argv(PLAIN, "msit")[:2] == ["--om-model", "./net.om"]
    assert "--dym-shape" in ais_bench_argv(request(dym_shape="a:1"), "msit")
    assert ais_bench_argv(request(warmup_count=0), "F")[-2:] == ["--warmup_count", "0"]
    assert ais_bench_argv(request(devices=(0, 2)), "E")[-2:] == ["--device", "0,2"]
    assert ais_bench_argv(request(input=("a", "b")), "E")[3] == "a,b"


@pytest.mark.parametrize(
    ("changes", "generation", "expected"),
    [
        ({"output_dirname": "x"}, "B", "ais_bench.option_too_new"),
        ({"warmup_count": 3}, "C", "ais_bench.option_too_new"),
        ({"profiler": True}, "B", "ais_bench.option_too_new"),
        ({"divide_input": True}, "E", "ais_bench.option_too_new"),
        ({"devices": (0, 1)}, "C", "ais_bench.devices"),
        ({"outfmt": "TXT"}, "A", "ais_bench.outfmt"),
        ({"output_dirname": "x", "output": ""}, "F", "ais_bench.dirname"),
        ({"output_dirname": "/x"}, "F", "ais_bench.dirname_absolute"),
        ({"dump": True, "output": ""}, "F", "ais_bench.output"),
        ({"dump": True, "profiler": True}, "F", "ais_bench.dump_profiler"),
        ({"batchsize": 0}, "F", "ais_bench.count"),
        ({"loop": 0}, "F", "ais_bench.count"),
        ({"threads": -1}, "F", "ais_bench.count"),
        ({"warmup_count": -1}, "F", "ais_bench.negative"),
        ({"devices": ()}, "F", "ais_bench.device"),
        ({"devices": (256,)}, "F", "ais_bench.device"),
        ({"devices": (1, 1)}, "F", "ais_bench.device_twice"),
        ({"dym_batch": 2, "dym_hw": "2,2"}, "F", "ais_bench.dynamic"),
        ({"dym_shape": "in[0]:1,3"}, "F", "ais_bench.dynamic_text"),
        ({"run_mode": "files", "input": ()}, "F", "ais_bench.files_mode"),
        ({"run_mode": "files", "input": ("a.NPY",)}, "F", "ais_bench.files_mode"),
    ],
)
def test_what_the_tool_would_refuse_is_refused_before_its_start(changes, generation, expected):
    """Its own words for these are `is illegal. Please check.`"""
    with pytest.raises(UserError) as caught:
        ais_bench_argv(request(**changes), generation)
    assert caught.value.id == expected
    assert caught.value.hint


def test_older_generations_take_any_characters_in_a_dynamic_shape():
    """The rule is new in F; refusing it before would forbid what works."""
    assert "in[0]:1,3" in ais_bench_argv(request(dym_shape="in[0]:1,3"), "E")


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("/data/a_1.bin", {}, ()),
        ("/my data/a.bin", {}, ("characters",)),
        ("/数据/a.bin", {}, ("characters",)),
        ("/d/a+b.bin", {}, ("characters",)),
        ("/d/a.bin", {"is_link": True}, ("link",)),
        ("/d/a.bin", {"owned": False}, ("owner",)),
        ("/d/a.bin", {"mode": 0o664}, ("writable",)),
        ("/d/a.bin", {"mode": 0o646}, ("writable",)),
        ("/d/" + "a" * 256, {}, ("too_long",)),
        ("/d/a.bin", {"size": 5 << 30}, ("too_large",)),
    ],
)
def test_paths_that_generation_f_insists_on(path, changes, expected):
    """Each reason is cured by a private copy; the tool would stop at the first."""
    facts = {"is_link": False, "owned": True, "mode": 0o640, **changes}
    assert path_problems(path, **facts) == expected


HELP = {
    "A": "[--model MODEL] [--input INPUT] [--outfmt {NPY,BIN}] [--batchsize B] [--device_id D]",
    "B": "[--model MODEL] [--om MODEL] [--outfmt {NPY,BIN,TXT}] [--batchsize B] [--device D]",
    "C": "--model --outfmt {NPY,BIN,TXT} --batchsize --output_dirname --infer_queue_count",
    "D": "--model MODEL, --om MODEL --outfmt {TXT} --batchsize --run_mode --warmup_count",
    "E": "--model MODEL -m MODEL --outfmt {TXT} --batchsize --run_mode --warmup_count",
    "F": "--model MODEL -m MODEL --batchsize --run_mode --warmup_count --divide_input",
    "msit": "-om OM_MODEL, --om-model OM_MODEL --batch-size BATCH_SIZE",
    None: "usage: ais_bench [--models MODELS] [--datasets DATASETS] [--work-dir DIR] config",
}


@pytest.mark.parametrize("generation", HELP)
def test_a_generation_is_known_by_its_help(generation):
    """The version is 0.0.2 through all of them; and another product has the same name."""
    assert generation_of_help(HELP[generation]) == generation


# Results.


def test_results_are_named_by_generation():
    """Reading them by another generation's rule pairs predictions with the wrong labels."""
    facts = {"sample": 3, "first_input": "/p/ILSVRC_0001.a.bin", "output": 0, "suffix": "npy"}
    assert result_name("A", **facts) == "sample_id_3_output_0.npy"
    assert result_name("B", **facts) == "input3_output_0.npy"
    assert result_name("C", **facts) == "ILSVRC_0001_0.npy"
    for generation in GENERATIONS:
        index, output = read_result_name(result_name(generation, **facts), generation)
        assert output == 0
        assert index == (3 if generation in "AB" else "ILSVRC_0001")
    assert read_result_name("notes.txt", "A") is None
    assert read_result_name("notes.md", "F") is None
    assert stem("a.b.bin") == stem("a.c.bin") == "a"


def test_the_summary_is_looked_for_inside_and_beside():
    """Its place and its spelling changed with generation D."""
    assert summary_places("/o/2022/") == ("/o/2022/sumary.json", "/o/2022_summary.json")
    assert device_folders("/o/t", (2, 5), "E") == ("/o/t/device2", "/o/t/device5")
    assert device_folders("/o/t", (2, 5), "F") == ("/o/t/device2_0", "/o/t/device5_1")


TIMES = {"min": 1.0, "max": 9.0, "mean": 4.0, "median": 3.0, "percentile(99%)": 8.0}
SUMMARY = {
    "filesinfo": {
        "0": {"infiles": ["a.bin"], "outfiles": ["a_0.bin"]},
        "10": {"infiles": ["c.bin"], "outfiles": ["c_0.bin"]},
        "2": {"infiles": ["b.bin"], "outfiles": ["b_0.bin"]},
    },
    "args": ["--model", "x.om"],
    "NPU_compute_time": {**TIMES, "count": 7},
    "H2D_latency": TIMES,
    "D2H_latency": TIMES,
    "throughput": 4000.0,
    "npu_compute_time_list": [4.0, 4.0],
    "pid": 3,
}


def test_a_summary_is_read_with_its_samples_in_their_order():
    """JSON sorts "10" before "2"; labels do not."""
    read = parse_summary(json.dumps(SUMMARY))
    assert [item.index for item in read.files] == [0, 2, 10]
    assert read.compute.mean_ms == 4.0
    assert read.compute.p99_ms == 8.0
    assert read.compute.count == 7
    assert read.throughput == 4000.0
    assert read.batch_size == 16
    assert read.compute_list_ms == (4.0, 4.0)
    assert read.args == ("--model", "x.om")


def test_a_batch_size_that_is_no_whole_number_is_unknown():
    """The figures then come from different runs."""
    assert parse_summary(json.dumps({**SUMMARY, "throughput": 4100.0})).batch_size is None
    assert parse_summary(json.dumps({**SUMMARY, "throughput": 1e300})).batch_size is None


def test_pairs_of_start_and_end_are_no_times():
    """With several threads they overlap, so a mean of them would be wrong."""
    read = parse_summary(json.dumps({**SUMMARY, "npu_compute_time_list": [[1.0, 2.0]]}))
    assert read.compute_list_ms == ()


@pytest.mark.parametrize(
    "change",
    [
        {"throughput": "4000"},
        {"throughput": -1},
        {"throughput": True},
        {"throughput": 10**400},
        {"NPU_compute_time": [1]},
        {"NPU_compute_time": {"mean": None}},
        {"NPU_compute_time": {"mean": 1, "count": 1.5}},
        {"filesinfo": []},
        {"filesinfo": {"a": {"infiles": [], "outfiles": []}}},
        {"filesinfo": {"1": {"infiles": "a", "outfiles": []}}},
        {"filesinfo": {"1": {"infiles": [], "outfiles": []},
                       "01": {"infiles": [], "outfiles": []}}},
        {"npu_compute_time_list": 4},
        {"args": [1]},
    ],
)  # fmt: skip
def test_a_damaged_summary_is_refused(change):
    """A figure that cannot be right must not reach a table."""
    with pytest.raises(UserError):
        parse_summary(json.dumps({**SUMMARY, **change}))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{", '{"throughput": NaN}', '{"throughput": Infinity}',
     '{"throughput": 1, "throughput": 2}', "[" * 5000, '{"a": ' * 5000],
)  # fmt: skip
def test_what_is_no_summary_is_refused(text):
    """A key given twice is a file that two runs wrote."""
    with pytest.raises(UserError):
        parse_summary(text)


def test_summaries_are_read_as_guides_quote_them():
    """Without the outer brace, or with the last one only."""
    body = json.dumps(SUMMARY)
    for quoted in (body, body[1:-1], body[1:], body[1:-1] + ",", "# source: x\n" + body[1:]):
        assert parse_summary_fragment(quoted).throughput == 4000.0
        assert looks_like_summary(quoted.removeprefix("# source: x\n"))
    assert not looks_like_summary("throughput: 4000")
