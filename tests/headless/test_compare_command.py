"""`compare`: two sides on the same images, down to the layer where they part."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest

from ascend_console.cli import main
from tests.data.deep_model import NODE, TOML, bump, halved, network, planted, renamed
from tests.data.fake_ascend import fake_environ
from tests.data.user_models import write_images

# One workspace with ghostnet's sample weights serves this module and those of interrupted runs.
pytestmark = pytest.mark.xdist_group("resume")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A config folder with the model, images, and one workspace for the module."""
    folder = tmp_path_factory.mktemp("compare")
    models = folder / "config" / "models"
    (models / "files").mkdir(parents=True)
    (folder / "config" / "config.toml").write_text("")
    (models / "deep.toml").write_text(TOML)
    onnx.save(network(), models / "files" / "deep.onnx")
    write_images(folder / "images")
    return folder


@pytest.fixture
def call(place, capsys):
    """Run `compare` in this process: (exit code, compare.json or None, stdout, stderr)."""

    def run(*words, data=True):
        images = ("--dataset", place / "images") if data else ()
        code, out, err = command(capsys, place, "compare", *words, *images)
        path = next((line for line in out.splitlines() if line.endswith("compare.json")), None)
        document = None
        if path is not None:
            with open(path) as stream:
                document = json.load(stream)
        return code, document, out, err

    return run


def command(capsys, place, *words, workspace=None):
    config = place / "config" / "config.toml"
    argv = ("--workspace", workspace or place / "ws", "--config", config, *words)
    code = main([str(word) for word in argv])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def original(place):
    return place / "config" / "models" / "files" / "deep.onnx"


def saved(model, path):
    onnx.save(model, path)
    return path


# --- two sides that agree ------------------------------------------------------------------------


def test_a_converted_model_keeps_to_its_file(place, call):
    """The optimiser must change nothing but time; every key that scripts rely on is there."""
    code, found, out, err = call("--model", "deep", "--against", original(place))
    assert code == 0, err
    assert set(found) >= {
        "schema", "run_id", "model", "weights", "batch_size", "data", "artefact", "reference",
        "tolerance", "outputs", "predictions", "accuracy", "layers", "verdict", "exit_code",
        "reasons", "warnings",
    }  # fmt: skip
    assert (found["verdict"], found["weights"], found["batch_size"]) == ("PASS", "user", 4)
    assert found["data"]["sample"] is False
    assert (found["data"]["used"], found["data"]["labels"]) == (110, True)
    assert found["artefact"]["path"].endswith("convert/deep_bs4_fp32.onnx")
    assert found["artefact"]["tool"].startswith("ONNX Runtime")
    assert found["reference"]["title"] == "deep.onnx"
    assert found["tolerance"] == {
        "max_rel": 0.001, "cosine_min": None, "accuracy": False, "stated": False,
    }  # fmt: skip
    (output,) = found["outputs"]
    assert (output["name"], output["values"], output["passed"]) == ("scores", 3, True)
    assert output["max_rel"] < 1e-5
    assert output["cosine_min"] > 0.999999
    assert found["predictions"] == {
        "kind": "top1", "equal": 110, "total": 110, "differing": [],
    }  # fmt: skip
    top1 = next(row for row in found["accuracy"] if row["metric"] == "top1")
    assert (top1["value"], top1["only_reference"], top1["only_artefact"]) == (1.0, 0, 0)
    assert found["layers"]["why"]["id"] == "compare.layers_same"
    assert "110/110" in err
    # The outputs decide between float32 and float32: no gate applies.
    assert "verdict.json" not in out


def test_half_precision_is_judged_by_cosine_and_accuracy(place, call, tmp_path):
    """What rounding does to values is no fault; what it does to answers is."""
    half = saved(halved(network()), tmp_path / "half.onnx")
    code, found, out, err = call("--artifact", half, "--model", "deep", "--against",
                                 original(place))  # fmt: skip
    assert code == 0, err
    assert (found["artefact"]["precision"], found["reference"]["precision"]) == ("fp16", "fp32")
    assert (found["tolerance"]["cosine_min"], found["tolerance"]["accuracy"]) == (0.99, True)
    assert found["layers"]["compared"] is True
    with open(next(line for line in out.splitlines() if line.endswith("verdict.json"))) as stream:
        verdict = json.load(stream)
    assert verdict["verdict"] == "PASS"
    assert [gate["id"] for gate in verdict["gates"]] == ["accuracy"]
    assert verdict["accuracy"][0]["reference_source"] == "deep.onnx on the same 110 images"
    code, found, *_ = call("--artifact", half, "--model", "deep", "--against", original(place),
                           "--limit", 20)  # fmt: skip
    assert (code, found["verdict"]) == (7, "INCOMPLETE")


# --- where they part -----------------------------------------------------------------------------


@pytest.mark.parametrize(("other", "by"), [(lambda m: m, "tensor names"), (renamed, "order")])
def test_a_wrong_weight_is_found_in_its_layer(place, call, tmp_path, other, by):
    """Whoever exported the file: the layer is named, not the outputs that inherit it."""
    file = saved(other(planted(network(), NODE, bump)), tmp_path / "wrong.onnx")
    code, found, _, err = call("--artifact", file, "--model", "deep", "--against",
                               original(place))  # fmt: skip
    assert code == 5, err
    assert (found["verdict"], found["exit_code"]) == ("FAIL", 5)
    assert found["outputs"][0]["passed"] is False
    assert found["layers"]["aligned_by"] == by
    jump = found["layers"]["jump"]
    assert (jump["operator"], jump["place"]) == ("Conv", 3)
    assert jump["node"] == (NODE if by == "tensor names" else "")
    assert jump["weight_differences"][0]["max_abs"] == pytest.approx(0.5)
    assert [entry["id"] for entry in found["reasons"]] == [
        "compare.difference_beyond", "compare.jump",
    ]  # fmt: skip
    assert "features.1.weight (Δ 0.5)" in err


def test_a_wrong_attribute_is_found_without_a_wrong_weight(place, call, tmp_path):
    """The weights are told, and that they are the same."""
    model = network()
    conv = next(node for node in model.graph.node if node.name == NODE)
    conv.attribute[0].ints[:] = [2, 2, 0, 0]
    file = saved(model, tmp_path / "shifted.onnx")
    code, found, *_ = call("--artifact", file, "--model", "deep", "--against", original(place),
                           "--tolerance", "1e-9")  # fmt: skip
    assert code == 5
    assert found["layers"]["jump"]["node"] == NODE
    assert found["layers"]["jump"]["weight_differences"][0]["max_abs"] == 0.0


def test_nan_is_a_difference_that_no_tolerance_covers(place, call, tmp_path):
    def spoil(values):
        values[0] = np.nan

    file = saved(planted(network(), "/fc/Gemm", spoil), tmp_path / "nan.onnx")
    code, found, _, err = call("--artifact", file, "--model", "deep", "--against",
                               original(place), "--tolerance", "1e9")  # fmt: skip
    assert code == 5, err
    assert found["outputs"][0]["artefact"]["nan"] == 110
    assert found["reasons"][0]["id"] == "compare.not_finite"
    jump = found["layers"]["jump"]
    assert (jump["node"], jump["finite"], jump["max_rel"]) == ("/fc/Gemm", False, None)
    assert found["predictions"]["equal"] == 0


def test_a_stated_tolerance_decides(place, call, tmp_path):
    """The jump is still shown."""
    file = saved(planted(network(), NODE, bump), tmp_path / "wrong.onnx")
    code, found, *_ = call("--artifact", file, "--model", "deep", "--against", original(place),
                           "--tolerance", "10")  # fmt: skip
    assert (code, found["verdict"], found["reasons"]) == (0, "PASS", [])
    assert found["tolerance"]["stated"] is True
    assert found["layers"]["jump"]["node"] == NODE


def test_the_last_event_carries_the_exit_code(place, tmp_path, capsys):
    """A script that reads events sees the same as the one that reads the code."""
    file = saved(planted(network(), NODE, bump), tmp_path / "wrong.onnx")
    code, out, _ = command(
        capsys, place, "compare", "--artifact", file, "--model", "deep", "--against",
        original(place), "--dataset", place / "images", "--limit", 8, "--json",
    )  # fmt: skip
    last = json.loads(out.splitlines()[-1])
    assert (code, last["event"], last["exit_code"]) == (5, "JobSucceeded", 5)
    steps = [line["name"] for line in map(json.loads, out.splitlines())
             if line["event"] == "StepStarted"]  # fmt: skip
    assert steps == ["outputs", "layers", "verdict"]


# --- images --------------------------------------------------------------------------------------


def test_images_without_labels_are_compared_all_the_same(place, call, tmp_path):
    """Whether two runtimes agree is no question of labels."""
    shutil.copytree(place / "images", tmp_path / "sub" / "plain")
    code, found, _, err = call(
        "--model", "deep", "--against", original(place), "--dataset", tmp_path / "sub" / "plain",
        data=False,
    )  # fmt: skip
    assert code == 0, err
    assert (found["data"]["labels"], found["accuracy"]) == (False, [])
    assert "have no labels" in err


def test_without_a_data_set_the_sample_images_are_taken_and_said(place, call):
    code, found, _, err = call("--model", "deep", "--against", original(place), "--limit", 8,
                               data=False)  # fmt: skip
    assert code == 0, err
    assert (found["data"]["sample"], found["data"]["labels"]) == (True, False)
    assert " sample " in err.splitlines()[-1]


def test_an_image_that_cannot_be_read_leaves_the_comparison_open(place, call, tmp_path):
    """The rest may be well; who says so must have said it."""
    images = tmp_path / "some"
    shutil.copytree(place / "images", images)
    (images / "picture_003.jpg").write_bytes(b"torn")
    shutil.copy(place / "val_label.txt", images)
    words = ("--model", "deep", "--against", original(place), "--dataset", images)
    code, found, _, err = call(*words, data=False)
    assert (code, found["verdict"]) == (7, "INCOMPLETE")
    assert found["data"]["bad_names"] == ["picture_003.jpg"]
    assert "picture_003.jpg" in err
    assert call(*words, "--skip-bad-images", data=False)[0] == 0


# --- what a side can be --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def converted(place):
    """A run of `convert`, for others to be compared with."""
    folder = place / "ws" / "runs" / "20261120-101500-deep-aaaa"
    code = main(["--workspace", str(place / "ws"), "--config",
                 str(place / "config" / "config.toml"), "-q", "convert", "--model", "deep",
                 "--run-dir", str(folder)])  # fmt: skip
    assert code == 0
    return folder


@pytest.mark.parametrize("named", ["20261120-101500-deep-aaaa", "20261120-101500", "last"])
def test_a_run_is_a_side_and_tells_the_model(converted, call, tmp_path, named):
    file = saved(planted(network(), NODE, bump), tmp_path / "wrong.onnx")
    code, found, _, err = call("--artifact", file, "--against", named, "--limit", 8)
    assert code == 5, err
    assert found["model"] == "deep"
    assert found["reference"]["title"] == f"deep_bs4_fp32.onnx of {converted.name}"
    assert found["layers"]["jump"]["node"] == NODE


def test_two_artefacts_of_other_batch_sizes_are_compared(converted, call, place):
    code, found, _, err = call("--artifact", converted / "convert" / "deep_bs4_fp32.onnx",
                               "--against", original(place), "--limit", 7)  # fmt: skip
    assert code == 0, err
    assert found["data"]["used"] == 7
    assert found["model"] == "deep_bs4_fp32"


def test_an_artefact_whose_source_is_gone_says_that_layers_cannot_be_seen(
    converted, call, place, tmp_path
):
    """A bound graph has other layers than the model: comparing them would name anything."""
    alone = tmp_path / "alone.onnx"
    shutil.copy(converted / "convert" / "deep_bs4_fp32.onnx", alone)
    code, found, _, err = call("--artifact", alone, "--model", "deep", "--against",
                               original(place))  # fmt: skip
    assert code == 0, err
    assert found["layers"]["why"]["id"] == "compare.layers_bound"
    assert found["layers"]["jump"] is None


def test_a_tool_of_its_own_gives_final_outputs_alone(place, call, tmp_path, monkeypatch):
    """An om has no layers that could be asked for, and that is said."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    code, found, _, err = call("--model", "deep", "--backend", "ascend", "--against",
                                 original(place), "--limit", 10)  # fmt: skip
    assert code in (0, 7), err
    assert (found["artefact"]["backend"], found["artefact"]["precision"]) == ("ascend", "fp16")
    assert found["artefact"]["device"].startswith("npu:0")
    assert found["outputs"][0]["passed"] is True
    assert found["layers"]["why"]["id"] == "compare.layers_of_tool"
    run = place / "ws" / "runs" / found["run_id"]
    assert not (run / "preprocess").exists()
    assert not (run / "infer").exists()


# --- wrong usage ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--against", "torch"], "--model NAME or --artifact FILE"),
        (["--model", "deep"], "--against"),
        (["--model", "deep", "--against", "torch"], "--against "),
        (["--model", "nosuch", "--against", "torch"], "ghostnet"),
        (["--model", "deep", "--against", "nosuch"], "no run 'nosuch'"),
        (["--model", "deep", "--against", "absent.onnx"], "absent.onnx"),
        (["--model", "deep", "--sample", "--against", "FILE"], "--sample out"),
        (["--artifact", "FILE", "--against", "torch"], "--model NAME"),
        (["--artifact", "FILE", "--precision", "fp32", "--against", "FILE"], "--precision out"),
        (["--artifact", "FILE", "--checkpoint", "x.pth", "--against", "FILE"], "--checkpoint out"),
        (["--artifact", "FILE", "--model", "ghostnet", "--against", "RUN"], "is of deep"),
        (["--artifact", "MADE", "--model", "deep", "--batch-size", "2", "--against", "FILE"],
         "batch size 4, not 2"),
        (["--model", "deep", "--against", "FILE", "--tolerance", "-1"], "--tolerance"),
    ],
)  # fmt: skip
def test_wrong_usage_names_what_to_type(words, said, place, converted, call):
    """Each of these would otherwise fail late, or compare something else."""
    known = {
        "FILE": original(place), "RUN": converted.name,
        "MADE": converted / "convert" / "deep_bs4_fp32.onnx",
    }  # fmt: skip
    code, found, _, err = call(*(known.get(word, word) for word in words))
    assert (code, found) == (2, None), err
    assert said in err


# --- a model of the zoo --------------------------------------------------------------------------

ZOO_NODE = "/blocks/blocks.5/blocks.5.0/ghost1/primary_conv/primary_conv.0/Conv"


def test_a_zoo_model_keeps_to_torch_on_sample_weights_and_says_so(undisturbed_run, place, capsys):
    """Nothing is named: sample weights and images are taken, and every figure says that."""
    code, out, err = command(
        capsys, place, "compare", "--model", "ghostnet", "--against", "torch", "--limit", "6",
        "--batch-size", "4", workspace=undisturbed_run.workspace,
    )  # fmt: skip
    assert code == 0, err
    assert err.count("sample weights, onnxruntime cpu:0 fp32 / torch float32") == 2
    with open(next(line for line in out.splitlines() if line.endswith("compare.json"))) as stream:
        found = json.load(stream)
    assert (found["weights"], found["data"]["sample"], found["data"]["labels"]) == (
        "sample", True, True,
    )  # fmt: skip
    assert found["outputs"][0]["max_rel"] < 1e-4
    assert found["reference"]["tool"].startswith("PyTorch")


def test_a_wrong_weight_in_an_export_is_found_against_torch(
    undisturbed_run, place, tmp_path, capsys
):
    """The layer is named as torch names its module, though every BatchNorm is folded away."""
    exported = undisturbed_run.workspace / "runs" / "undisturbed" / "export" / "ghostnet.onnx"
    file = saved(planted(onnx.load(exported), ZOO_NODE, bump), tmp_path / "planted.onnx")
    code, out, err = command(
        capsys, place, "compare", "--artifact", file, "--model", "ghostnet", "--sample",
        "--against", "torch", "--limit", "6", workspace=undisturbed_run.workspace,
    )  # fmt: skip
    assert code == 5, err
    with open(next(line for line in out.splitlines() if line.endswith("compare.json"))) as stream:
        layers = json.load(stream)["layers"]
    assert layers["jump"]["node"] == ZOO_NODE
    assert layers["jump"]["before"] < 1e-6
    assert layers["jump"]["weight_differences"][0]["max_abs"] == pytest.approx(0.5)
    assert ZOO_NODE in err
