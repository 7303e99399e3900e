"""Exports are what the guides' tools expect, and what is not is never written."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ascend_console.core import discovery
from ascend_console.core.errors import ConversionFailed, ToolFailed, UserError
from ascend_console.tools import onnx_graph, torch_export
from ascend_console.tools.onnx_graph import inspect_graph, remove_noop_slices
from tests.data.onnx_run import run
from tests.data.rule_b import filled_network, golden_input

torch = pytest.importorskip("torch")

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TAIL = {"Shape": 1, "Gather": 1, "Unsqueeze": 1, "Concat": 1, "Reshape": 1}
RESNET = {"Conv": 53, "Relu": 49, "MaxPool": 1, "Add": 16, "Gemm": 1}
OPERATORS = {
    "se_resnet50": TAIL
    | {"Conv": 85, "Relu": 65, "MaxPool": 1, "GlobalAveragePool": 16, "Sigmoid": 16, "Mul": 16}
    | {"Add": 16, "AveragePool": 1, "Constant": 2, "Gemm": 1},
    "moco_v2": RESNET | {"GlobalAveragePool": 1, "Flatten": 1},
    "deepmar": RESNET | {"AveragePool": 1, "Constant": 1, "Reshape": 1},
    "ghostnet": TAIL
    | {"Conv": 95, "Relu": 42, "Concat": 33, "Slice": 32, "Add": 23, "GlobalAveragePool": 8}
    | {"Clip": 7, "Div": 7, "Mul": 7, "Constant": 158, "Gemm": 1},
}


@pytest.fixture(scope="module", params=OPERATORS)
def exported(request, tmp_path_factory):
    """A model's raw export and its edited form; fixed batches are the golden input's 2."""
    spec = discovery.load("zoo", request.param)
    folder = tmp_path_factory.mktemp(spec.name)
    raw, edited = folder / "raw.onnx", folder / "edited.onnx"
    batch = 2 if spec.fixed_batch else None
    network = filled_network(spec.name)
    torch_export.export_onnx(network, spec, raw, batch_size=batch)
    report = onnx_graph.apply_fixups(raw, edited)
    return SimpleNamespace(spec=spec, raw=raw, edited=edited, batch=batch, report=report)


def test_exports_are_the_published_graphs(exported):
    """Operators, opset, names, shapes and the batch symbol: what conversion commands rely on."""
    facts = inspect_graph(exported.raw)
    assert facts.operators == OPERATORS[exported.spec.name]
    assert (facts.opset, facts.external_data, facts.zero_pads) == (11, (), 0)
    batch = exported.batch or "-1"
    (taken,), (given,) = facts.inputs, facts.outputs
    assert (taken.name, taken.dtype) == (exported.spec.input.name, "float32")
    assert taken.shape == (batch, 3, 224, 224)
    assert (given.name, given.dtype) == (exported.spec.output.name, "float32")
    assert given.shape == (batch, *exported.spec.output.shape)
    assert given.node.endswith("Gemm:0")
    assert facts.bytes == exported.raw.stat().st_size
    assert list(exported.raw.parent.glob("*.data")) == []


def test_only_ghostnet_has_anything_to_remove(exported):
    """Slices without effect cost GhostNet most on the device; the others are left as they are."""
    slices = 32 if exported.spec.name == "ghostnet" else 0
    assert exported.report.slices_removed == slices
    assert exported.report.zero_pads_removed == 0
    assert exported.report.changed == bool(slices)
    assert ("nothing to do" in exported.report.text()) == (not slices)
    left = inspect_graph(exported.edited).operators
    assert "Slice" not in left
    assert left["Conv"] == OPERATORS[exported.spec.name]["Conv"]
    assert left.get("Constant", 0) == OPERATORS[exported.spec.name].get("Constant", 0) - 4 * slices


def test_edited_exports_are_verified_and_give_the_golden_logits(exported):
    """From torch to ONNX Runtime nothing is lost but rounding."""
    facts = onnx_graph.verify_export(exported.edited, exported.spec, exported.batch)
    assert facts.outputs[0].name == exported.spec.output.name
    name = exported.spec.name.replace("moco_v2", "moco_v2_lincls")
    golden = np.load(GOLDEN / f"{name}_ruleB_logits_f64.npy")
    (logits,) = run(exported.edited, {exported.spec.input.name: golden_input()}, optimise=True)
    assert np.abs(logits - golden).max() <= 1e-4 * np.abs(golden).max()
    expected = torch_export.torch_logits(filled_network(exported.spec.name), golden_input())
    assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.fixture(scope="module")
def ghostnet_file(tmp_path_factory):
    """GhostNet's raw export with a free batch."""
    path = tmp_path_factory.mktemp("ghostnet") / "raw.onnx"
    network, spec = filled_network("ghostnet"), discovery.load("zoo", "ghostnet")
    torch_export.export_onnx(network, spec, path, batch_size=None)
    return path


def test_removing_slices_changes_no_bit(ghostnet_file):
    """Proven by shapes, and seen in the results."""
    model, feeds = onnx.load(ghostnet_file), {"image": golden_input()}
    before = run(model, feeds)
    assert remove_noop_slices(model) == 32
    np.testing.assert_array_equal(run(model, feeds), before)


def test_exporting_again_gives_the_same_bytes_and_prints_nothing(ghostnet_file, tmp_path, capfd):
    """Artefacts are shared by hash; stdout belongs to the data, stderr to the console's words."""
    path, spec = tmp_path / "again.onnx", discovery.load("zoo", "ghostnet")
    torch_export.export_onnx(filled_network("ghostnet"), spec, path, batch_size=None)
    assert path.read_bytes() == ghostnet_file.read_bytes()
    assert capfd.readouterr() == ("", "")


def test_a_network_that_cannot_be_traced_is_a_conversion_failure(tmp_path):
    """The exporter's own reason is kept, and no file is left."""

    class Broken(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.eigvals(x[:, 0])

    spec = discovery.load("zoo", "ghostnet")
    with pytest.raises(ConversionFailed, match="could not export GhostNet"):
        torch_export.export_onnx(Broken(), spec, tmp_path / "a.onnx", batch_size=1)
    assert list(tmp_path.iterdir()) == []


# Verification


SMALL = dataclasses.replace(
    discovery.load("zoo", "ghostnet"),
    input=dataclasses.replace(discovery.load("zoo", "ghostnet").input, shape=(3,)),
    output=dataclasses.replace(discovery.load("zoo", "ghostnet").output, shape=(2,)),
)


def test_an_unwritable_target_is_a_tool_failure(tmp_path):
    """A full or read-only disk is no fault of the model."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ToolFailed, match="cannot write"):
        torch_export.export_onnx(
            torch.nn.Linear(3, 2), SMALL, tmp_path / "file" / "a.onnx", batch_size=None
        )


def small_model(batch="-1", opset=11, ir=6, names=("image", "class"), dtype=TensorProto.FLOAT):
    """A linear layer: the smallest graph with the shape of an export."""
    weight = numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
    if dtype == TensorProto.DOUBLE:
        weight = numpy_helper.from_array(np.ones((3, 2)), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", [names[0], "w"], [names[1]], name="linear")],
        "g",
        [helper.make_tensor_value_info(names[0], dtype, [batch, 3])],
        [helper.make_tensor_value_info(names[1], dtype, [batch, 2])],
        [weight],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir)


def on_disk(model, folder):
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_a_good_export_passes(tmp_path):
    """The smallest export has the facts of the large ones."""
    facts = onnx_graph.verify_export(on_disk(small_model(), tmp_path), SMALL, None)
    assert facts.operators == {"MatMul": 1}
    assert facts.outputs[0].node == "linear:0"
    assert onnx_graph.verify_export(on_disk(small_model(4), tmp_path), SMALL, 4).opset == 11


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"opset": 13, "ir": 7}, "opset is 13, not 11"),
        ({"ir": 11}, "IR version is 11"),
        ({"names": ("input", "class")}, "the input's name is input, not image"),
        ({"names": ("image", "output1")}, "the output's name is output1, not class"),
        ({"dtype": TensorProto.DOUBLE}, "the input's dtype is float64"),
        ({"batch": "N"}, "the input's shape is Nx3, not -1x3"),
        ({"batch": 2}, "the output's shape is 2x2, not -1x2"),
    ],
)
def test_an_export_that_is_not_as_ordered_is_refused(options, words, tmp_path):
    """The default exporter of torch ignored the opset and wrote a file all the same."""
    path = on_disk(small_model(**options), tmp_path)
    with pytest.raises(ConversionFailed) as caught:
        onnx_graph.verify_export(path, SMALL, None)
    assert words in caught.value.message


def test_weights_in_a_second_file_are_refused(tmp_path):
    """Conversion tools get one file; the other would be lost on the way."""
    path = on_disk(small_model(), tmp_path)
    Path(f"{path}.data").write_bytes(b"x")
    with pytest.raises(ConversionFailed, match=r"second file, model\.onnx\.data"):
        onnx_graph.verify_export(path, SMALL, None)
    Path(f"{path}.data").unlink()
    model = small_model()
    onnx.external_data_helper.convert_model_to_external_data(
        model, location="side.bin", size_threshold=0
    )
    onnx.save(model, path)
    with pytest.raises(ConversionFailed, match=r"second file, side\.bin"):
        onnx_graph.verify_export(path, SMALL, None)
    with pytest.raises(UserError, match=r"second file, side\.bin"):
        onnx_graph.apply_fixups(path, tmp_path / "out.onnx")


@pytest.mark.parametrize("data", [b"", b"not onnx" * 9, b"\x08\x06"], ids=repr)
def test_a_file_that_is_no_onnx_is_named(data, tmp_path):
    """protobuf reads an empty file as an empty model without a word."""
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(UserError, match="no ONNX file"):
        inspect_graph(path)


def test_a_missing_onnx_file_is_named(tmp_path):
    """Bad input never ends in a traceback."""
    with pytest.raises(UserError, match=r"gone\.onnx"):
        inspect_graph(tmp_path / "gone.onnx")


def test_an_edit_never_overwrites_its_input(tmp_path):
    """The published script lost the original when it went wrong."""
    path = on_disk(small_model(), tmp_path)
    with pytest.raises(UserError, match="overwritten"):
        onnx_graph.apply_fixups(path, tmp_path / "." / "model.onnx")


def test_an_invalid_graph_is_not_written(tmp_path):
    """A half-understood graph must not become an artefact."""
    model = small_model()
    model.graph.node[0].input[1] = "nowhere"
    with pytest.raises(ConversionFailed, match="no valid ONNX model"):
        onnx_graph.apply_fixups(on_disk(model, tmp_path), tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


# Batch


def test_a_free_batch_is_fixed_on_both_sides(tmp_path):
    """Backends compile for one size."""
    path = on_disk(small_model(), tmp_path)
    onnx_graph.fix_batch_file(path, tmp_path / "bs5.onnx", 5)
    facts = inspect_graph(tmp_path / "bs5.onnx")
    assert (facts.inputs[0].shape, facts.outputs[0].shape) == ((5, 3), (5, 2))
    model = onnx.load(tmp_path / "bs5.onnx")
    onnx_graph.fix_batch(model, 5)
    with pytest.raises(UserError, match="fixed batch size 5, not 4"):
        onnx_graph.fix_batch(model, 4)


def test_a_fixed_ghostnet_runs_at_its_batch(ghostnet_file):
    """The graph's own shape arithmetic has to follow."""
    model = onnx.load(ghostnet_file)
    onnx_graph.fix_batch(model, 2)
    assert run(model, {"image": golden_input()}, optimise=True)[0].shape == (2, 1000)
