"""The shapes of a conversion: what `--input_shape` says, and what a run of one batch size has.

They come from the ONNX file, never from free text (ascend-tools.md section 7, row 8): `-1` stands
where gears were asked for, everything else is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.atc_shapes import (
    DYNAMIC,
    GEAR_OPTIONS,
    check_against_graph,
    format_input_shape,
    parse_gears,
    parse_input_shape,
)
from ascend_console.backends._ascend_om import gear_kind
from ascend_console.core.backend import TensorInfo
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from ascend_console.ascend.aipp import AippOp
    from ascend_console.backends._ascend_om import ShapeKind
    from ascend_console.core.backend import ConvertSource
    from ascend_console.tools.onnx_graph import GraphFacts, GraphTensor

Sizes = tuple[int | None, ...]

_DTYPES = {"FP32": "float32", "FP16": "float16", "DOUBLE": "float64"}
_CHANNELS = {"RGB888_U8": 3, "XRGB8888_U8": 4, "YUV400_U8": 1}


@dataclass(frozen=True, slots=True)
class Shapes:
    """`asked` are the shapes for atc, `run` those of one run, both by input in their order.

    `asked` is empty where a range says it all. `gears` is the gear option with its value.
    """

    asked: Mapping[str, tuple[int, ...]]
    run: Mapping[str, tuple[int, ...]]
    kind: ShapeKind
    gears: Mapping[str, str]

    @property
    def text(self) -> str:
        """The value of `--input_shape`."""
        return format_input_shape(dict(self.asked))


def graph_sizes(tensor: GraphTensor) -> Sizes:
    """The sizes of a graph's tensor, None for those that are open."""
    return tuple(size if isinstance(size, int) and size > 0 else None for size in tensor.shape)


def shapes_of(
    facts: GraphFacts,
    source: ConvertSource,
    options: Mapping[str, str],
    batch_size: int,
) -> Shapes:
    """The shapes for a batch size; `options` are those of atc.

    UserError for a size that nothing tells, one that the graph has not, and a batch without gear.
    """
    graph = {tensor.name: graph_sizes(tensor) for tensor in facts.inputs}
    known = _known(graph, source, batch_size)
    gear = next((name for name in GEAR_OPTIONS if name in options), None)
    open_axes = _gear_axes(gear, graph, options.get("input_format", "NCHW")) if gear else []
    run = _in_gear(gear, options[gear], open_axes, known, batch_size) if gear else known
    fixed = _fixed(run)
    check_against_graph(parse_input_shape(format_input_shape(fixed)), graph)
    if gear is None:
        ranged = "input_shape_range" in options
        kind: ShapeKind = "dynamic_shape" if ranged else "static"
        return Shapes({} if ranged else fixed, fixed, kind, MappingProxyType({}))
    asked = {
        name: tuple(DYNAMIC if (name, axis) in open_axes else size
                    for axis, size in enumerate(sizes))
        for name, sizes in fixed.items()
    }  # fmt: skip
    return Shapes(asked, fixed, gear_kind(gear), MappingProxyType({gear: options[gear]}))


def _known(graph: Mapping[str, Sizes], source: ConvertSource, batch_size: int) -> dict[str, Sizes]:
    """The graph's sizes with the batch, and the sizes of one sample where the graph leaves them."""
    known: dict[str, Sizes] = {}
    sampled = source.input_name if source.input_name in graph else next(iter(graph), "")
    for name, sizes in graph.items():
        if sizes and sizes[0] is None:
            sizes = (batch_size, *sizes[1:])
        elif sizes and name == sampled and sizes[0] != batch_size:
            raise UserError(
                "onnx.batch_fixed",
                "input {name!r} has the fixed batch size {found}, not {wanted}",
                hint="Use --batch-size {found}, or export the model again for {wanted}.",
                name=name,
                found=sizes[0],
                wanted=batch_size,
            )
        sample = source.input_shape if name == sampled else ()
        if sample and len(sample) == len(sizes) - 1:
            sides = zip(sizes[1:], sample, strict=True)
            sizes = (sizes[0], *(have or wanted for have, wanted in sides))
        known[name] = sizes
    return known


def _fixed(known: Mapping[str, Sizes]) -> dict[str, tuple[int, ...]]:
    """The same where no size is open; UserError names the first that is."""
    fixed: dict[str, tuple[int, ...]] = {}
    for name, sizes in known.items():
        sure = tuple(size for size in sizes if size is not None)
        if len(sure) < len(sizes):
            shown = ",".join("?" if size is None else str(size) for size in sizes)
            raise UserError(
                "ascend.shape_open",
                "the input {name!r} is {sizes} in the model, and atc compiles for fixed sizes",
                hint='Name them all: --input-shape "{name}:{example}".',
                name=name,
                sizes=shown,
                example=shown.replace("?", "224"),
            )
        fixed[name] = sure
    return fixed


def _gear_axes(gear: str, graph: Mapping[str, Sizes], input_format: str) -> list[tuple[str, int]]:
    """Where `-1` must stand for a gear option: (input, axis)."""
    if gear == "dynamic_dims":
        return [(name, axis) for name, sizes in graph.items()
                for axis, size in enumerate(sizes) if size is None]  # fmt: skip
    if gear == "dynamic_image_size":
        axes = (1, 2) if input_format == "NHWC" else (2, 3)
        return [(name, axis) for name, sizes in graph.items() if len(sizes) == 4 for axis in axes]
    return [(name, 0) for name, sizes in graph.items() if sizes and sizes[0] is None]


def _in_gear(
    gear: str,
    value: str,
    axes: list[tuple[str, int]],
    known: Mapping[str, Sizes],
    batch_size: int,
) -> dict[str, Sizes]:
    """The sizes in the gear of a batch size: the first that has it; UserError without one."""
    gears = parse_gears(gear, value)
    if gear == "dynamic_image_size":
        # One height and width for every image input.
        chosen = gears[0] * (len(axes) // 2)
    elif gear == "dynamic_batch_size":
        if (batch_size,) not in gears:
            raise _no_gear(gear, value, batch_size)
        chosen = (batch_size,) * len(axes)
    else:
        batches = [place for place, (_, axis) in enumerate(axes) if axis == 0]
        fitting = [item for item in gears if len(item) == len(axes)
                   and all(item[place] == batch_size for place in batches)]  # fmt: skip
        if not fitting:
            raise _no_gear(gear, value, batch_size)
        chosen = fitting[0]
    sizes = {name: list(shape) for name, shape in known.items()}
    for (name, axis), size in zip(axes, chosen, strict=True):
        sizes[name][axis] = size
    return {name: tuple(shape) for name, shape in sizes.items()}


def _no_gear(gear: str, value: str, batch_size: int) -> UserError:
    return UserError(
        "ascend.no_gear",
        "{gear}={value} has no gear for the batch size {batch_size}",
        hint="Add the batch size to the gears, or convert for one of theirs.",
        gear=gear,
        value=value,
        batch_size=batch_size,
    )


def run_outputs(
    model: onnx.ModelProto, shapes: Shapes, out_nodes: str | None, output_type: str
) -> tuple[TensorInfo, ...]:
    """The outputs of one run: those of the graph, or of `--out-nodes`; open sizes are None."""
    import onnx

    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        for dim, size in zip(_dims(value), shapes.run.get(value.name, ()), strict=False):
            dim.dim_value = size
    for value in fixed.graph.output:
        for dim in _dims(value):
            if dim.dim_param:
                dim.ClearField("dim_param")
    del fixed.graph.value_info[:]
    try:
        graph = onnx.shape_inference.infer_shapes(fixed).graph
    except (onnx.shape_inference.InferenceError, ValueError):
        graph = fixed.graph
    known = {value.name: value for value in (*graph.value_info, *graph.output)}
    names = _wanted_names(model, out_nodes)
    return tuple(_output(name, known.get(name), output_type) for name in names)


def _dims(value: onnx.ValueInfoProto) -> Any:
    return value.type.tensor_type.shape.dim


def _wanted_names(model: onnx.ModelProto, out_nodes: str | None) -> list[str]:
    """The tensors that come out, by name."""
    if not out_nodes:
        return [value.name for value in model.graph.output]
    made = {node.name: list(node.output) for node in model.graph.node}
    names = []
    for part in out_nodes.strip().strip("\"'").rstrip(";").split(";"):
        node, _, index = part.strip().rpartition(":")
        outputs = made.get(node, [])
        at = int(index) if index.isdecimal() else len(outputs)
        names.append(outputs[at] if at < len(outputs) else part.strip())
    return names


def _output(name: str, value: onnx.ValueInfoProto | None, output_type: str) -> TensorInfo:
    import onnx

    dtype = "float32"
    if value is not None:
        try:
            dtype = str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
        except KeyError:
            dtype = "float32"
    wanted = output_type if ":" not in output_type else ""
    dtype = _DTYPES.get(wanted, wanted.lower()) or dtype
    sizes = tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
        for dim in (_dims(value) if value is not None else ())
    )
    return TensorInfo(name, sizes, dtype)


def run_inputs(
    facts: GraphFacts, shapes: Shapes, operators: tuple[AippOp, ...]
) -> tuple[TensorInfo, ...]:
    """The inputs of one run: those of the graph, 8-bit images where AIPP prepares them."""
    images = {operator.whole("related_input_rank"): operator for operator in operators}
    return tuple(
        _image(tensor.name, shapes.run[tensor.name], images[place])
        if place in images
        else TensorInfo(tensor.name, shapes.run[tensor.name], tensor.dtype)
        for place, tensor in enumerate(facts.inputs)
    )


def _image(name: str, shape: tuple[int, ...], operator: AippOp) -> TensorInfo:
    """The image that AIPP takes, packed by pixel; unknown in size where it is set at run time."""
    batch = shape[0]
    form = str(operator.values.get("input_format"))
    if not operator.is_static or len(shape) != 4:
        return TensorInfo(name, (batch, None, None, None), "uint8")
    height = operator.whole("src_image_size_h") or shape[2]
    width = operator.whole("src_image_size_w") or shape[3]
    if form == "YUV420SP_U8":
        return TensorInfo(name, (batch, height * 3 // 2, width), "uint8")
    return TensorInfo(name, (batch, height, width, _CHANNELS[form]), "uint8")
