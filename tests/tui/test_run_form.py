"""The form of a run as a value: what it offers, refuses and sends the command line takes."""

from __future__ import annotations

import shlex

import pytest

from ascend_console.core import discovery
from ascend_console.core.options import options_of, request_document
from ascend_console.headless import arguments
from ascend_console.tui import run_command, run_form
from ascend_console.tui.run_form import BackendFact, Form, Known
from ascend_console.tui.run_verdict import remedies, remedy_of
from ascend_console.tui.texts import Texts
from ascend_console.tui.widgets.pick_list import letters_for

RUN = discovery.load("jobs", "run")
T = Texts("en")
KNOWN = Known(
    jobs=("convert", "export", "run"),
    models=(
        {"name": "ghostnet", "official_batch_sizes": [1, 16], "tested_batch_sizes": [1, 4, 8, 16]},
        {"name": "deepmar", "official_batch_sizes": [1, 8], "task": "attributes"},
        {"name": "mine", "official_batch_sizes": [1], "defined_in": "/home/u/mine.toml"},
    ),
    backends=(
        BackendFact(name="onnxruntime", precisions=("fp32",)),
        BackendFact(name="ascend", precisions=("fp16", "fp32"), reason="no atc", files=True),
    ),
    devices={"chips": [{"device": 0, "name": "310P3"}], "gpus": [{"index": 0, "name": "T4"}]},
    sizes={"deepmar": (2, 4)},
)
SAMPLE = Form(RUN, {"model": "ghostnet", "batch_size": "1,8", "sample": True})


def read(words):
    """The request that the command line makes of these words."""
    typed = arguments.parse(["--headless", *words])
    job = discovery.load("jobs", typed.command)
    return request_document(arguments_request(job, arguments.typed_values(job, typed.rest)))


def arguments_request(job, typed):
    from ascend_console.core.options import build_request

    return build_request(job.request, typed)


def test_the_words_are_those_of_the_command_line():
    assert SAMPLE.words == ("run", "--model", "ghostnet", "--batch-size", "1,8", "--sample")
    assert run_command.command_line(SAMPLE.words) == (
        "ascend-console --headless run --model ghostnet --batch-size 1,8 --sample"
    )


@pytest.mark.parametrize(
    "values",
    [
        {"model": "ghostnet", "sample": True, "threads": "2", "wait_idle": "0.5"},
        {"onnx": "/a b/it's.onnx", "dataset": "-x", "limit": "3", "keep_bins": True},
        {"model": "ghostnet,deepmar", "checkpoint": "图.pth", "backend": "torch"},
    ],
)
def test_what_is_started_is_what_the_form_says(values):
    """The command that is shown, copied and started must be one and the same."""
    form = Form(RUN, values)
    line = run_command.command_line(form.words)
    assert tuple(shlex.split(line))[2:] == form.words
    asked = request_document(run_command.request_of(RUN, values))
    assert read(form.words) == asked
    assert run_command.values_of(RUN, asked) == {
        name: value for name, value in values.items() if name != "backend" or value != "onnxruntime"
    }


def test_options_of_several_words_keep_their_quotes():
    job = discovery.load("jobs", "convert")
    values = {"onnx": "a.onnx", "atc_option": "log=info 'shape=a b'"}
    words = run_command.words(job, values)
    assert words[-4:] == ("--atc-option", "log=info", "--atc-option", "shape=a b")
    assert read(words)["atc_option"] == ["log=info", "shape=a b"]
    recorded = request_document(run_command.request_of(job, values))
    assert run_command.words(job, run_command.values_of(job, recorded)) == words


def test_positionals_stand_before_flags():
    job = discovery.load("jobs", "runs")
    words = run_command.words(job, {"action": "diff", "run": "a b", "speed": "2"})
    assert words == ("runs", "diff", "a", "b", "--speed", "2")


@pytest.mark.parametrize("name", discovery.names("jobs"))
def test_every_job_has_a_form(name):
    """What the command line can do the screen can do: no option without a place."""
    form = SAMPLE.of_job(discovery.load("jobs", name))
    places = {*form.others, *run_form.FIELD_OF}
    hidden = {"resume"} if name == "run" else {"watch", "interval", "count", "serve"}
    options = {entry.name for entry in options_of(form.job.request)}
    assert options - places <= hidden
    run_form.shown(form, KNOWN, T)
    form.problem(KNOWN, T)


def test_another_model_brings_its_last_sizes_or_the_official_ones():
    assert SAMPLE.with_models(("deepmar",), KNOWN).sizes == (2, 4)
    assert SAMPLE.with_models(("ghostnet",), KNOWN).sizes == (1, 16)


def test_a_job_of_one_model_and_one_size_keeps_one_of_each():
    several = SAMPLE.with_models(("ghostnet", "deepmar"), KNOWN).with_sizes((1, 8))
    assert several.words[1:3] == ("--model", "ghostnet,deepmar")
    export = several.of_job(discovery.load("jobs", "export"))
    assert (export.models, export.sizes) == (("ghostnet",), (1,))
    assert export.with_sizes((4, 8)).sizes == (8,)


def test_a_model_of_ones_own_takes_no_sample_weights():
    form = SAMPLE.with_models(("mine",), KNOWN)
    assert "--sample" not in form.words
    assert run_form.shown(form, KNOWN, T)["checkpoint"] == "its own"
    assert form.problem(KNOWN, T)[0] == "data"
    assert form.put(dataset="/data").problem(KNOWN, T) is None


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (Form(RUN), "model"),
        (SAMPLE.put(sample=False), "checkpoint"),
        (SAMPLE.with_checkpoint("/a.pth"), "data"),
        (SAMPLE.put(backend="ascend"), "backend"),
        (SAMPLE.put(batch_size="0"), "batch"),
        (SAMPLE.put(threads="many"), "options"),
        (SAMPLE.put(backend="nonsense"), "backend"),
        (SAMPLE.of_job(discovery.load("jobs", "infer")), "options"),
    ],
)
def test_a_bad_form_names_its_field_and_says_why(form, field):
    found = form.problem(KNOWN, T)
    assert found is not None
    assert found[0] == field
    assert found[1]


def test_a_good_form_has_no_problem():
    assert SAMPLE.problem(KNOWN, T) is None
    own = SAMPLE.with_checkpoint("/a.pth").put(dataset="/data")
    assert own.problem(KNOWN, T) is None
    assert "--sample" not in own.words
    assert own.with_checkpoint("").values["sample"] is True


def test_an_onnx_file_stands_in_for_a_model():
    form = SAMPLE.with_onnx("/m/net.onnx").put(dataset="/data")
    assert form.problem(KNOWN, T) is None
    assert run_form.shown(form, KNOWN, T)["model"] == "net.onnx"
    assert form.words[:3] == ("run", "--onnx", "/m/net.onnx")


def test_what_cannot_be_had_is_offered_with_its_reason():
    choices = {entry.value: entry for entry in run_form.choices_of("backend", SAMPLE, KNOWN, T)}
    assert choices["ascend"].reason == "no atc"
    assert choices["onnxruntime"].reason == ""
    data = run_form.choices_of("data", SAMPLE.with_checkpoint("/a"), KNOWN, T)
    assert data[0].reason == "only with sample weights"


def test_devices_are_named_as_the_option_takes_them():
    values = [entry.value for entry in run_form.choices_of("device", SAMPLE, KNOWN, T)]
    assert values == ["", "0", "cuda:0", "cpu:0", "other"]


def test_each_model_has_a_letter_of_its_own_and_never_the_one_that_runs():
    letters = letters_for(["resnet", "rrr", "r", "ghostnet", "gg", "图"])
    assert len(set(letters.values())) == 6
    assert "r" not in letters.values()
    assert letters["ghostnet"] == "g"


def test_fields_that_a_job_does_not_have_are_not_shown():
    convert = SAMPLE.of_job(discovery.load("jobs", "convert"))
    assert run_form.is_shown(convert, "backend")
    assert not run_form.is_shown(SAMPLE.of_job(discovery.load("jobs", "export")), "backend")
    assert not run_form.is_shown(convert, "device")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Wait for them with --wait-idle, and measure again.", ("wait_idle", "")),
        ("Add --dataset DIR with the images.", ("dataset", "")),
        ("Take --backend onnxruntime.", ("backend", "onnxruntime")),
        ("Add --sample for sample weights.", ("sample", "")),
        ("Use --framework=5 for ONNX.", None),
        ("Free some space.", None),
    ],
)
def test_a_remedy_that_names_an_option_can_fill_the_form(text, found):
    assert remedy_of(text, RUN) == found


def test_the_sentences_of_a_hint_are_its_remedies():
    assert remedies("Export again at opset 11. Or take --backend torch; see a.log.") == [
        "Export again at opset 11.", "Or take --backend torch; see a.log.",
    ]  # fmt: skip
    assert remedies("用 opset 11 重新导出。再运行一次。") == [
        "用 opset 11 重新导出。",
        "再运行一次。",
    ]
    assert remedies("") == []
