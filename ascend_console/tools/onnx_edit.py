"""Edits of a loaded ONNX graph that leave every result as it was, bit for bit.

A node is removed by its structure, never by its name: exporters number and name nodes as they
like. Whatever consumed its output is wired to its input, in nested graphs too; outputs of the graph
keep their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConversionFailed, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import onnx
    from numpy.typing import NDArray

# A slice that ends here or later ends at the axis's end, whatever its length.
_OPEN_END = 2**31 - 1


def check(model: onnx.ModelProto, what: str) -> None:
    """Run ONNX's checker with shape inference; ConversionFailed gives its reason."""
    import onnx

    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionFailed(
            "onnx.invalid",
            "{what} is no valid ONNX model: {reason}",
            hint="Export it again; if the file was made by another tool, check it with "
            "onnx.checker.",
            what=what,
            reason=str(error).strip().splitlines()[0][:300],
        ) from error


def zero_pads(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The Pads in constant mode whose amounts are all known and all 0."""
    constants = _Constants(model.graph)
    return [node for node in model.graph.node if _is_zero_pad(node, constants)]


def remove_zero_pads(model: onnx.ModelProto) -> int:
    """Remove the zero Pads from the graph; their number, 0 where there is nothing to do."""
    return _bypass(model, zero_pads(model))


def remove_noop_slices(model: onnx.ModelProto) -> int:
    """Remove the Slices that shape inference proves to cover their axes whole; their number."""
    import onnx

    slices = [node for node in model.graph.node if node.op_type == "Slice"]
    if not slices:
        return 0
    constants = _Constants(model.graph)
    shapes = _shapes(onnx.shape_inference.infer_shapes(model).graph)
    return _bypass(model, [node for node in slices if _is_noop_slice(node, constants, shapes)])


def fix_batch(model: onnx.ModelProto, batch_size: int) -> None:
    """Give the free batch of the inputs, and every place of the same symbol, one size.

    Nothing happens where the size is already that one. UserError where the graph was exported
    for another: its inner shapes may hold the old one.
    """
    firsts = [dims[0] for dims in map(_dims, _inputs(model.graph)) if dims]
    free = [dim for dim in firsts if not dim.HasField("dim_value")]
    if not free:
        if firsts:
            _require_batch(_inputs(model.graph)[0].name, firsts[0].dim_value, batch_size)
        return
    symbols = {dim.dim_param for dim in free if dim.dim_param}
    for dim in free:
        dim.dim_value = batch_size
    for value in model.graph.output:
        for dim in _dims(value):
            if dim.dim_param in symbols:
                dim.dim_value = batch_size
    # Inner shapes may still speak of the symbol; they are inferred again by whoever wants them.
    del model.graph.value_info[:]


def _require_batch(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise UserError(
            "onnx.batch_fixed",
            "input {name!r} has the fixed batch size {found}, not {wanted}",
            hint="Use --batch-size {found}, or export the model again for {wanted}.",
            name=name,
            found=found,
            wanted=wanted,
        )


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The graph's true inputs: old files list the weights among them."""
    weights = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def _dims(value: onnx.ValueInfoProto) -> Any:
    """The sizes of a tensor, as fields that can be written."""
    return value.type.tensor_type.shape.dim


class _Constants:
    """Values fixed in the graph: Constants, and initializers that no caller may replace."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        inputs = {value.name for value in graph.input}
        self._tensors = {
            tensor.name: tensor for tensor in graph.initializer if tensor.name not in inputs
        }
        self._nodes = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}

    def get(self, name: str) -> NDArray[np.generic] | None:
        """The value of a tensor, None where it is not fixed in the graph."""
        import numpy as np
        import onnx

        if name in self._tensors:
            return onnx.numpy_helper.to_array(self._tensors[name])
        if name not in self._nodes:
            return None
        attribute = self._nodes[name].attribute[0]
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, onnx.TensorProto):
            return onnx.numpy_helper.to_array(value)
        return np.asarray(value) if attribute.name in ("value_int", "value_ints") else None

    def of(self, node: onnx.NodeProto, attribute: str, index: int) -> list[int] | None:
        """Integers of a node from its attribute or its input; None where unknown or absent."""
        found = _attribute(node, attribute)
        if found is not None:
            return [int(item) for item in found]
        if not _has_input(node, index):
            return None
        value = self.get(node.input[index])
        return None if value is None else [int(item) for item in value.reshape(-1)]


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    import onnx

    for attribute in node.attribute:
        if attribute.name == name:
            return onnx.helper.get_attribute_value(attribute)
    return None


def _has_input(node: onnx.NodeProto, index: int) -> bool:
    return len(node.input) > index and bool(node.input[index])


def _is_zero_pad(node: onnx.NodeProto, constants: _Constants) -> bool:
    if node.op_type != "Pad" or node.domain or _attribute(node, "mode") not in (None, b"constant"):
        return False
    amounts = constants.of(node, "pads", 1)
    return amounts is not None and not any(amounts)


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int | None]]:
    """Inferred sizes by tensor name; None for a size that is free."""
    return {
        value.name: [dim.dim_value if dim.HasField("dim_value") else None for dim in _dims(value)]
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def _is_noop_slice(
    node: onnx.NodeProto, constants: _Constants, shapes: dict[str, list[int | None]]
) -> bool:
    starts, ends = constants.of(node, "starts", 1), constants.of(node, "ends", 2)
    shape = shapes.get(node.input[0])
    if starts is None or ends is None or shape is None:
        return False
    axes = constants.of(node, "axes", 3)
    if axes is None:
        if _has_input(node, 3):
            return False
        axes = list(range(len(starts)))
    steps = constants.of(node, "steps", 4)
    if steps is None:
        if _has_input(node, 4):
            return False
        steps = [1] * len(starts)
    cuts = zip(starts, ends, (shape[axis] for axis in axes), steps, strict=True)
    return all(_covers(*cut) for cut in cuts)


def _covers(start: int, end: int, size: int | None, step: int) -> bool:
    """Whether a slice takes a whole axis of `size` (None: unknown) in its order."""
    if step != 1:
        return False
    if size is None:
        return start == 0 and end >= _OPEN_END
    return (start == 0 or start <= -size) and end >= size


def _bypass(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> int:
    """Take nodes out that hand their first input on as their only output."""
    amounts = {name for node in nodes for name in node.input[1:] if name}
    for node in nodes:
        _bypass_one(model.graph, node)
    if amounts:
        _drop_unused(model.graph, amounts)
    return len(nodes)


def _bypass_one(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    source, result = node.input[0], node.output[0]
    fixed = {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    if result not in {value.name for value in graph.output}:
        graph.node.remove(node)
        _rename(graph, result, source)
    elif source not in fixed:
        # The output's name is a promise: the maker of the input takes it over.
        graph.node.remove(node)
        _rename(graph, source, result)
    else:
        # Both names are promised: an Identity is the cheapest node that keeps them.
        node.op_type = "Identity"
        del node.input[1:]
        del node.attribute[:]


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Every node, nested graphs included, says `new` where it said `old`."""
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new
        for inner in _nested(node):
            _rename(inner, old, new)
    for value in (value for value in graph.value_info if value.name == old):
        graph.value_info.remove(value)
        break


def _nested(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    import onnx

    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def _used(graph: onnx.GraphProto) -> set[str]:
    """Names that any node or output of the graph needs."""
    names = {value.name for value in graph.output}
    for node in graph.node:
        names.update(node.input)
        for inner in _nested(node):
            names |= _used(inner)
    return names


def _drop_unused(graph: onnx.GraphProto, candidates: set[str]) -> None:
    """Delete the Constants and initializers among `candidates` that lost their last consumer."""
    orphans = candidates - _used(graph) - {value.name for value in graph.input}
    for node in [
        node for node in graph.node if node.op_type == "Constant" and node.output[0] in orphans
    ]:
        graph.node.remove(node)
    for tensor in [tensor for tensor in graph.initializer if tensor.name in orphans]:
        graph.initializer.remove(tensor)
