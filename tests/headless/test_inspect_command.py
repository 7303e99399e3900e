"""`inspect` says what a file is; of what is none of its three kinds, what it is instead."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ascend_console.cli import main
from ascend_console.core import discovery
from ascend_console.jobs.inspect import InspectRequest, inspect

GHOSTNET = discovery.load("zoo", "ghostnet")


@pytest.fixture
def call(capsys):
    """Run `inspect` in this process: (exit code, document or None, stderr)."""

    def run(*argv):
        code = main(["--json", "inspect", *map(str, argv)])
        seen = capsys.readouterr()
        return code, json.loads(seen.out) if seen.out else None, seen.err

    return run


def rows(path, env):
    """The table of a file, as a list of (field, value)."""
    return list(inspect(InspectRequest(file=path), env))[-1].rows


def graph(*, pad=False, external=None):
    """A small classifier; its last node has a name, as atc needs it."""
    weight = numpy_helper.from_array(np.ones((3, 4), np.float32), "weight")
    pads = numpy_helper.from_array(np.zeros(4, np.int64), "pads")
    if external:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=external)
    nodes = [
        helper.make_node("Relu", ["image"], ["positive"], name="Relu_0"),
        *([helper.make_node("Pad", ["positive", "pads"], ["padded"], name="Pad_1")] if pad else []),
        helper.make_node(
            "MatMul", ["padded" if pad else "positive", "weight"], ["class"], name="MatMul_2"
        ),
        helper.make_node("ArgMax", ["class"], ["best"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["-1", 3])],
        [
            helper.make_tensor_value_info("class", TensorProto.FLOAT, ["-1", 4]),
            helper.make_tensor_value_info("best", TensorProto.INT64, [None, 1]),
        ],
        [weight, *([pads] if pad else [])],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def test_an_onnx_file_shows_what_conversion_needs(call, tmp_path, env):
    """Names and shapes for atc's --input-shape, `node:index` for its --out-nodes."""
    path = tmp_path / "a model.onnx"
    onnx.save(graph(), str(path))
    code, document, err = call(path)
    assert (code, err) == (0, "")
    data = path.read_bytes()
    assert document == {
        "schema": 1,
        "file": str(path),
        "kind": "onnx",
        "bytes": len(data),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "inputs": [{"name": "image", "dtype": "float32", "shape": ["-1", 3]}],
        "outputs": [
            {"name": "class", "dtype": "float32", "shape": ["-1", 4], "node": "MatMul_2:0"},
            {"name": "best", "dtype": "int64", "shape": [None, 1], "node": None},
        ],
        "opset": 11,
        "ir_version": 6,
        "nodes": 3,
        "operators": {"Relu": 1, "MatMul": 1, "ArgMax": 1},
        "zero_pads": 0,
        "external_data": [],
    }
    table = rows(path, env)
    assert ("input", "image float32 -1x3") in table
    assert ("output", "class float32 -1x4, node MatMul_2:0") in table
    assert ("zero Pads", "none, nothing to remove") in table
    assert ("operators", "Relu 1, MatMul 1, ArgMax 1") in table


def test_a_zero_pad_is_counted(call, tmp_path, env):
    """The one that the DeepMAR guide removes by hand."""
    path = tmp_path / "pad.onnx"
    onnx.save(graph(pad=True), str(path))
    assert call(path)[1]["zero_pads"] == 1
    assert ("zero Pads", 1) in rows(path, env)


def test_weights_in_a_second_file_are_named(call, tmp_path, env):
    """A copy of the .onnx alone does not run elsewhere."""
    path = tmp_path / "out.onnx"
    onnx.save(graph(external="weights.data"), str(path))
    assert call(path)[1]["external_data"] == [{"file": "weights.data", "bytes": None}]
    assert ("weights in", "weights.data, missing") in rows(path, env)
    (tmp_path / "weights.data").write_bytes(bytes(48))
    assert call(path)[1]["external_data"] == [{"file": "weights.data", "bytes": 48}]
    onnx.save(graph(external="../secret"), str(path))
    (tmp_path.parent / "secret").write_bytes(b"12")
    assert call(path)[1]["external_data"] == [{"file": "../secret", "bytes": None}]


def test_an_onnx_file_is_known_without_its_suffix(call, tmp_path):
    """Downloads lose their names."""
    path = tmp_path / "model"
    path.write_bytes(graph().SerializeToString())
    assert call(path)[1]["kind"] == "onnx"


def test_an_om_model_shows_what_is_seen_without_its_tool(call, tmp_path, env):
    """No atc here: size and kind, and plainly what is missing."""
    path = tmp_path / "ghostnet.om"
    path.write_bytes(b"IMOD" + bytes(252))
    code, document, _ = call(path)
    assert (code, document["kind"], document["bytes"]) == (0, "om", 256)
    assert (document["soc"], document["atc_version"]) == (None, None)
    assert "needs atc" in document["note"]
    assert any("needs atc" in str(value) for _, value in rows(path, env))
    path.write_bytes(b"no om")
    code, _, err = call(path)
    assert code == 2
    assert "IMOD" in err


def save(path, state, **container):
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": state, **container} if container else state, path)
    return path


@pytest.fixture(scope="module")
def state():
    pytest.importorskip("torch")
    return dict(GHOSTNET.build().state_dict())


def test_a_checkpoint_is_identified(call, tmp_path, state, env):
    """Which of four similar .pth files is this, and is it the published one?"""
    wrapped = {f"module.{key}": tensor for key, tensor in state.items()}
    path = save(tmp_path / "x.pth.tar", wrapped, epoch=3)
    code, document, _ = call(path)
    assert code == 0
    assert {
        "kind": "checkpoint",
        "model": "ghostnet",
        "container": "state_dict",
        "prefix": "module.",
        "counters": True,
        "keys": 512,
        "parameters": GHOSTNET.parameters,
        "dtype": "float32",
        "official": False,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }.items() <= document.items()
    assert any(field == "official" and value.startswith("no") for field, value in rows(path, env))


def test_half_precision_and_missing_counters_are_seen(call, tmp_path, state):
    """The file's own type is shown, not the one it is loaded as."""
    halved = {
        key: tensor.half()
        for key, tensor in state.items()
        if not key.endswith("num_batches_tracked")
    }
    document = call(save(tmp_path / "half.pth", halved))[1]
    assert (document["dtype"], document["counters"], document["keys"]) == ("float16", False, 432)
    assert document["notes"]


def test_a_checkpoint_without_a_published_checksum_is_left_open(call, tmp_path):
    """Neither yes nor no: DeepMAR's file has no published sum."""
    pytest.importorskip("torch")
    spec = discovery.load("zoo", "deepmar")
    path = save(tmp_path / "d.pth", dict(spec.build().state_dict()))
    document = call(path)[1]
    assert (document["model"], document["official"]) == ("deepmar", None)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.pth", b"<html>Log in</html>", "web page"),
        ("x.pth", b"\x89PNG\r\n\x1a\n....", "PNG image"),
        ("x.png", b"\x89PNG\r\n\x1a\n....", ".onnx"),
        ("x.txt", b"hello\n", "text file"),
        ("x.pth", b"", "empty"),
        ("x.pth", b"PK\x03\x04 and nothing more", "cut off"),
        ("x.onnx", b"hello", "no ONNX file"),
        ("x", b"\x08hello", "no ONNX file"),
        ("x.om", b"", "no om model"),
    ],
)
def test_a_file_that_is_something_else_is_named_as_that(call, tmp_path, name, data, said):
    """The message says what it is, the hint what to name instead."""
    path = tmp_path / name
    path.write_bytes(data)
    code, document, err = call(path)
    assert (code, document) == (2, None)
    assert said in err
    assert "hint:" in err


def test_a_pickle_that_would_run_code_is_explained_and_not_loaded(call, tmp_path):
    """Looking at a stranger's file must be safe."""
    pytest.importorskip("torch")
    mark = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.")
    code, _, err = call(path)
    assert code == 2
    assert "hint:" in err
    assert not mark.exists()


@pytest.mark.parametrize("name", ["absent.onnx", "."])
def test_what_is_not_there_is_named(call, tmp_path, name):
    """A folder or a typing error."""
    code, _, err = call(tmp_path / name)
    assert code == 2
    assert str(tmp_path) in err
