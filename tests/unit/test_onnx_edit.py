"""Edits of a graph change no result: zero Pads and Slices without effect go, all others stay."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ascend_console.tools.onnx_graph import inspect_graph, remove_noop_slices, remove_zero_pads
from tests.data.onnx_run import run

# Pads


def padded(spelling, amounts=(0,) * 8, mode=None):
    """Relu, Pad and AveragePool as old exporters wrote them, the pads in one of three spellings."""
    nodes = [helper.make_node("Relu", ["x"], ["r"], name="Relu_0")]
    weights, extra, opset = [], {} if mode is None else {"mode": mode}, 11
    inputs = ["r", "pads"]
    tensor = numpy_helper.from_array(np.array(amounts, np.int64), "pads")
    if spelling == "attribute":
        inputs, opset, extra = ["r"], 9, {**extra, "pads": list(amounts)}
    elif spelling == "initializer":
        weights = [tensor]
    else:
        nodes.append(helper.make_node("Constant", [], ["pads"], name="c", value=tensor))
    nodes.append(helper.make_node("Pad", inputs, ["p"], name="/Pad", **extra))
    nodes.append(helper.make_node("AveragePool", ["p"], ["y"], name="pool", kernel_shape=[2, 2]))
    return graph_of(nodes, {"y": [1, 2, 3 + sum(amounts), 3]}, weights, opset)


def graph_of(nodes, outputs, weights=(), opset=11):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4, 4])],
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)
            for n, shape in outputs.items()
        ],
        list(weights),
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=6)
    onnx.checker.check_model(model, full_check=True)
    return model


IMAGE = np.random.default_rng(0).standard_normal((1, 2, 4, 4)).astype(np.float32)


def pad(source, result, name="pad"):
    return helper.make_node("Pad", [source, "pads"], [result], name=name)


def zeros():
    return numpy_helper.from_array(np.zeros(8, np.int64), "pads")


def assert_unchanged(model, edit, count):
    """`edit` removes `count` nodes, leaves a valid graph, the same outputs and every bit."""
    before, names = run(model, {"x": IMAGE}), [value.name for value in model.graph.output]
    assert edit(model) == count
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.output] == names
    for found, expected in zip(run(model, {"x": IMAGE}), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", [None, "constant"])
@pytest.mark.parametrize("spelling", ["attribute", "initializer", "constant"])
def test_a_zero_pad_goes_in_every_spelling(spelling, mode):
    """Exporters wrote the amounts in three ways, and named the node as they liked."""
    model = padded(spelling, mode=mode)
    assert inspect_graph(model).zero_pads == 1
    assert_unchanged(model, remove_zero_pads, 1)
    assert [node.op_type for node in model.graph.node] == ["Relu", "AveragePool"]
    assert not model.graph.initializer
    assert remove_zero_pads(model) == 0


@pytest.mark.parametrize("spelling", ["attribute", "initializer", "constant"])
def test_a_pad_that_pads_stays(spelling):
    """Only amounts of 0 have no effect."""
    model = padded(spelling, amounts=(0, 0, 1, 0, 0, 0, 0, 0))
    assert inspect_graph(model).zero_pads == 0
    assert_unchanged(model, remove_zero_pads, 0)


def test_a_pad_in_another_mode_stays():
    """Reflection is left to those who ordered it."""
    assert remove_zero_pads(padded("constant", mode="reflect")) == 0


def test_a_pad_whose_amounts_a_caller_may_replace_stays():
    """An initializer that is an input as well is only a default."""
    model = padded("initializer")
    model.graph.input.append(helper.make_tensor_value_info("pads", TensorProto.INT64, [8]))
    assert remove_zero_pads(model) == 0


def test_every_consumer_of_a_pad_is_rewired():
    """The published script rewired one AveragePool and left the others dangling."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        pad("r", "p"),
        helper.make_node("Neg", ["p"], ["n"]),
        helper.make_node("Add", ["p", "n"], ["y"]),
        helper.make_node("Mul", ["p", "p"], ["z"]),
    ]
    shape = [1, 2, 4, 4]
    model = graph_of(nodes, {"y": shape, "z": shape}, [zeros()])
    assert_unchanged(model, remove_zero_pads, 1)
    assert not model.graph.initializer


def test_pads_in_a_row_all_go():
    """Two average pools in a row left two."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        pad("r", "p", "a"),
        pad("p", "q", "b"),
        helper.make_node("Neg", ["q"], ["y"]),
    ]
    model = graph_of(nodes, {"y": [1, 2, 4, 4]}, [zeros()])
    assert_unchanged(model, remove_zero_pads, 2)


def test_a_pad_that_is_an_output_hands_its_name_on():
    """Output names are published: the node before takes the name over."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        pad("r", "y"),
        helper.make_node("Neg", ["r"], ["z"]),
    ]
    shape = [1, 2, 4, 4]
    model = graph_of(nodes, {"y": shape, "z": shape}, [zeros()])
    assert_unchanged(model, remove_zero_pads, 1)
    assert [node.op_type for node in model.graph.node] == ["Relu", "Neg"]


@pytest.mark.parametrize("both", [False, True], ids=["from an input", "between two outputs"])
def test_a_pad_between_two_promised_names_becomes_an_identity(both):
    """Neither name may go, so something has to stand between them."""
    shape = [1, 2, 4, 4]
    nodes = [helper.make_node("Relu", ["x"], ["r"]), pad("r", "y")] if both else [pad("x", "y")]
    outputs = {"r": shape, "y": shape} if both else {"y": shape}
    model = graph_of(nodes, outputs, [zeros()])
    assert_unchanged(model, remove_zero_pads, 1)
    assert model.graph.node[-1].op_type == "Identity"


def test_amounts_with_another_consumer_stay():
    """A shared Constant is deleted with its last consumer, not before."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        pad("r", "p"),
        helper.make_node("Cast", ["pads"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["f"], ["s"]),
        helper.make_node("Add", ["p", "s"], ["y"]),
    ]
    model = graph_of(nodes, {"y": [1, 2, 4, 4]}, [zeros()])
    assert_unchanged(model, remove_zero_pads, 1)
    assert [tensor.name for tensor in model.graph.initializer] == ["pads"]


def test_a_pad_that_a_nested_graph_uses_is_rewired_there():
    """Branches see the names around them."""
    branch = helper.make_graph(
        [helper.make_node("Neg", ["p"], ["b"])],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, 2, 4, 4])],
    )
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        pad("r", "p"),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch),
    ]
    yes = numpy_helper.from_array(np.array(True), "yes")
    model = graph_of(nodes, {"y": [1, 2, 4, 4]}, [zeros(), yes])
    assert_unchanged(model, remove_zero_pads, 1)


# Slices


def sliced(starts, ends, axes=None, steps=None, size=4):
    """Relu and a Slice whose bounds are initializers; `size` is the result's second-last axis."""
    values = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
    weights = [
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in values.items()
        if value is not None
    ]
    names = ["r", *(name if values[name] is not None else "" for name in values)]
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Slice", names, ["s"]),
        helper.make_node("Neg", ["s"], ["y"]),
    ]
    return graph_of(nodes, {"y": [1, 2, size, 4]}, weights)


@pytest.mark.parametrize(
    "model",
    [
        sliced([0], [4], [2]),
        sliced([0], [2**63 - 1], [2]),
        sliced([0], [100], [2], [1]),
        sliced([-4], [4], [-2]),
        sliced([-9], [4], [2]),
        sliced([0, 0], [2, 4], [1, 2]),
        sliced([0, 0, 0, 0], [1, 2, 4, 4]),
        sliced([0], [4], None, [1]),
    ],
)
def test_a_slice_that_takes_everything_goes(model):
    """Shape inference knows the axis; nothing is cut off."""
    assert_unchanged(model, remove_noop_slices, 1)
    assert [node.op_type for node in model.graph.node] == ["Relu", "Neg"]
    assert not model.graph.initializer


@pytest.mark.parametrize(
    "model",
    [
        sliced([0], [3], [2], size=3),
        sliced([1], [4], [2], size=3),
        sliced([0], [-1], [2], size=3),
        sliced([-3], [4], [2], size=3),
        sliced([3], [-5], [2], [-1]),
        sliced([0], [4], [2], [2], size=2),
        sliced([0, 0], [2, 3], [1, 2], size=3),
    ],
)
def test_a_slice_that_cuts_or_turns_stays(model):
    """A slice is removed on proof alone."""
    assert_unchanged(model, remove_noop_slices, 0)


def test_a_slice_whose_bounds_are_computed_stays():
    """What is not known cannot be proven."""
    nodes = [
        helper.make_node("Shape", ["x"], ["ends"]),
        helper.make_node("Slice", ["x", "starts", "ends"], ["y"]),
    ]
    starts = numpy_helper.from_array(np.zeros(4, np.int64), "starts")
    model = graph_of(nodes, {"y": [1, 2, 4, 4]}, [starts])
    assert_unchanged(model, remove_noop_slices, 0)


def test_a_slice_of_an_unknown_axis_goes_only_when_it_is_open():
    """`[:]` takes everything of any length, `[:4]` does not."""
    for end, count in ((2**63 - 1, 1), (4, 0)):
        model = sliced([0], [end], [2])
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[2].dim_param = "H"
        assert remove_noop_slices(model) == count
