"""What the fake atc and aoe make of an ONNX file: the model with its sizes fixed, and its facts."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.atc_shapes import GEAR_OPTIONS, parse_input_shape
from ascend_console.core.errors import ConsoleError, UserError
from tests.fakes.acting import TEST_DOUBLE
from tests.fakes.atc_messages import Refused
from tests.fakes.cann_root import release
from tests.fakes.fake_om import OPEN, OmFacts, OmTensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

Shapes = dict[str, tuple[int, ...]]
_ONNX_FRAMEWORK = "5"


def build(options: Mapping[str, str], *, version: str, command: str) -> tuple[OmFacts, bytes]:
    """Compile `--model` for `--soc_version`; Refused with the code that atc would give."""
    if options["framework"] != _ONNX_FRAMEWORK:
        raise Refused("E10055", {"reason": f"the {TEST_DOUBLE} converts ONNX only."})
    model = _read(options["model"])
    gears = {name: options[name] for name in GEAR_OPTIONS if options.get(name)}
    if len(gears) > 1:
        raise Refused("E10009", {})
    shapes = _given_shapes(options, model)
    is_open = _apply_shapes(model, shapes)
    if is_open and not gears and release(version) < (6, 0):
        raise Refused("E10011", {"value": options.get("input_shape", "")})
    if options.get("out_nodes"):
        _select_outputs(model, options["out_nodes"])
    inputs = _tensors(model.graph.input, _weights(model))
    aipp = _aipp(options.get("insert_op_conf"))
    facts = OmFacts(
        soc_version=options["soc_version"],
        atc_version=f"{version} ({TEST_DOUBLE})",
        command=command,
        framework=int(options["framework"]),
        precision_mode=options.get("precision_mode") or "force_fp16",
        batch=_batch(inputs[0]),
        inputs=(_image_input(inputs[0], aipp), *inputs[1:]) if aipp else inputs,
        outputs=_tensors(model.graph.output, frozenset()),
        model_input=inputs[0],
        aipp=aipp,
        gears=gears or None,
        dynamic=is_open and not gears,
    )
    return facts, model.SerializeToString()


def om_path(facts: OmFacts, output: str, cpu: str = "") -> Path:
    """Where the om of `--output` goes: one without fixed sizes carries host code of a machine."""
    machine = cpu or platform.machine()
    return Path(f"{output}_linux_{machine}.om" if facts.dynamic else f"{output}.om")


def _read(name: str) -> onnx.ModelProto:
    from ascend_console.tools.onnx_graph import read_model

    path = Path(name)
    if not path.is_file():
        raise Refused("E13001", {"value": name})
    try:
        model = read_model(path)
    except ConsoleError as error:
        raise Refused("E13005", {"value": name}, (error.message,)) from error
    if len(model.opset_import) > 1:
        raise Refused("E16005", {"value": len(model.opset_import)})
    try:
        from onnx.external_data_helper import load_external_data_for_model

        load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # whatever onnx finds wrong with a side file
        raise Refused("E10041", {"value": name}, (str(error),)) from error
    return model


def _weights(model: onnx.ModelProto) -> frozenset[str]:
    return frozenset(tensor.name for tensor in model.graph.initializer)


def _tensors(values: Any, weights: frozenset[str]) -> tuple[OmTensor, ...]:
    import onnx

    return tuple(
        OmTensor(
            value.name,
            tuple(
                dim.dim_value if dim.HasField("dim_value") else OPEN
                for dim in value.type.tensor_type.shape.dim
            ),
            str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)),
        )
        for value in values
        if value.name not in weights
    )


def _batch(tensor: OmTensor) -> int | None:
    return tensor.shape[0] if tensor.shape and tensor.shape[0] != OPEN else None


def _given_shapes(options: Mapping[str, str], model: onnx.ModelProto) -> Shapes:
    """`--input_shape` by name; a range counts as open."""
    text = options.get("input_shape", "")
    try:
        parsed = parse_input_shape(text) if text else ()
    except UserError as error:
        raise Refused("E10002", {"value": text, "reason": error.message}) from error
    wanted = {tensor.name: tensor.shape for tensor in _tensors(model.graph.input, _weights(model))}
    shapes = {}
    for shape in parsed:
        sizes = tuple(OPEN if isinstance(size, tuple) else size for size in shape.sizes)
        if shape.name not in wanted:
            raise Refused("E10016", {"value": shape.name, "name": "input_shape"})
        if len(wanted[shape.name]) != len(sizes):
            values = {"given": len(sizes), "wanted": len(wanted[shape.name]), "value": shape.name}
            raise Refused("E10049", values)
        shapes[shape.name] = sizes
    return shapes


def _apply_shapes(model: onnx.ModelProto, shapes: Shapes) -> bool:
    """Fix the sizes that were given; whether any is still open."""
    from ascend_console.tools.onnx_graph import fix_batch

    first = next(iter(shapes.values()), ())
    if first and first[0] != OPEN:
        try:
            fix_batch(model, first[0])
        except UserError as error:
            values = {"value": next(iter(shapes)), "reason": error.message}
            raise Refused("E14001", values) from error
    symbols: dict[str, int] = {}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        for dim, size in zip(dims, shapes.get(value.name, ()), strict=False):
            _fix(dim, size, value.name, symbols)
    for value in model.graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in symbols:
                dim.dim_value = symbols[dim.dim_param]
    return any(OPEN in tensor.shape for tensor in _tensors(model.graph.input, _weights(model)))


def _fix(dim: Any, size: int, name: str, symbols: dict[str, int]) -> None:
    """One size of an input; Refused where the graph has another one."""
    if size == OPEN:
        return
    if not dim.HasField("dim_value"):
        if dim.dim_param:
            symbols[dim.dim_param] = size
        dim.dim_value = size
    elif dim.dim_value != size:
        reason = f"the model has {dim.dim_value}, and {size} is given."
        raise Refused("E14001", {"value": name, "reason": reason})


def _select_outputs(model: onnx.ModelProto, text: str) -> None:
    """Make the named nodes (`node:index`) or tensors the outputs, in their order."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model).graph
    known = {value.name: value for value in (*inferred.value_info, *inferred.output)}
    nodes = {node.name: node for node in model.graph.node}
    chosen = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        node, _, index = part.rpartition(":")
        made = list(nodes[node].output) if node in nodes else []
        number = int(index) if index.isdecimal() else len(made)
        name = made[number] if number < len(made) else part
        if name not in known:
            raise Refused("E11017", {"value": part})
        chosen.append(known[name])
    outputs = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in chosen]
    del model.graph.output[:]
    model.graph.output.extend(outputs)


def _aipp(name: str | None) -> dict[str, Any] | None:
    """The static AIPP of the first input, checked as far as the console itself checks it."""
    from ascend_console.ascend.aipp import parse_aipp

    if not name:
        return None
    try:
        return dict(parse_aipp(Path(name).read_text(encoding="utf-8"))[0].values)
    except OSError as error:
        raise Refused("E13001", {"value": name}) from error
    except UserError as error:
        raise Refused("E10055", {"reason": error.message}) from error


def _image_input(tensor: OmTensor, aipp: dict[str, Any]) -> OmTensor:
    """The input that callers fill: images of the size that AIPP starts from."""
    height = aipp.get("src_image_size_h") or tensor.shape[2]
    width = aipp.get("src_image_size_w") or tensor.shape[3]
    channels = 1 if aipp.get("input_format") == "YUV400_U8" else 3
    return OmTensor(tensor.name, (tensor.shape[0], height, width, channels), "uint8")
