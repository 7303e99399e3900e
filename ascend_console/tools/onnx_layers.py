"""The layers of an ONNX graph: what they are, their weights, and graphs that give their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.layer_jump import Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx
    from numpy.typing import NDArray

# What hands a fixed tensor on: its consumers have that tensor as their weight.
_HANDS_ON = ("Identity", "Cast", "DequantizeLinear", "QuantizeLinear")
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger")


def layers_of(model: onnx.ModelProto) -> tuple[Layer, ...]:
    """The nodes of a graph in their order, without those that compute nothing of the input."""
    fixed = _fixed_tensors(model.graph)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    return tuple(
        _layer(node, fixed, shapes)
        for node in model.graph.node
        if any(node.output) and not all(name in fixed for name in node.output if name)
    )


def _layer(
    node: onnx.NodeProto, fixed: Mapping[str, str | None], shapes: Mapping[str, tuple[int, ...]]
) -> Layer:
    weights = tuple(name for name in (fixed.get(entry) for entry in node.input) if name)
    return Layer(
        node=node.name,
        op_type=node.op_type,
        output=next(name for name in node.output if name),
        weights=weights,
        shapes=tuple(shapes[name] for name in weights),
    )


def _fixed_tensors(graph: onnx.GraphProto) -> dict[str, str | None]:
    """Tensors that no input changes, with the weight that they hold; None for a plain constant."""
    inputs = {value.name for value in graph.input}
    found: dict[str, str | None] = {
        tensor.name: tensor.name for tensor in graph.initializer if tensor.name not in inputs
    }
    for node in graph.node:
        first = node.input[0] if node.input else ""
        if node.op_type == "Constant":
            found.update(dict.fromkeys(node.output))
        elif node.op_type in _HANDS_ON and first in found:
            found.update(dict.fromkeys(node.output, found[first]))
    return found


def precision_of(model: onnx.ModelProto) -> str:
    """What a graph computes in: int8 where it is quantised, else the type of its weights."""
    from onnx import TensorProto

    if any(node.op_type in _QUANTISED for node in model.graph.node):
        return "int8"
    kinds = {tensor.data_type for tensor in model.graph.initializer}
    low = {TensorProto.FLOAT16: "fp16", TensorProto.BFLOAT16: "bf16"}
    return next((name for kind, name in low.items() if kind in kinds), "fp32")


def exposed(model: onnx.ModelProto, tensors: Iterable[str]) -> bytes:
    """The model as a file whose outputs are these tensors, in their order."""
    import onnx

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    known = {value.name: value for value in model.graph.output}
    del shown.graph.output[:]
    for name in tensors:
        # Their types are found by whoever runs the graph.
        shown.graph.output.append(known.get(name) or onnx.ValueInfoProto(name=name))
    data: bytes = shown.SerializeToString()
    return data


def weight(model: onnx.ModelProto, name: str) -> NDArray[Any]:
    """The values of a weight; KeyError where the graph has none of that name."""
    import onnx

    for tensor in model.graph.initializer:
        if tensor.name == name:
            return onnx.numpy_helper.to_array(tensor)
    raise KeyError(name)
