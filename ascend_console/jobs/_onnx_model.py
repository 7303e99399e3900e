"""Models that are ONNX files: what the graph says, against what a model file says or to assume."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import Warned
from ascend_console.core.specs import Preprocess, TensorSpec
from ascend_console.tools.model_file import read_model_file
from ascend_console.tools.model_spec import DEFAULT_BATCH_SIZES, onnx_model

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.specs import ModelSpec
    from ascend_console.tools.model_file import ModelFile
    from ascend_console.tools.onnx_graph import GraphFacts, GraphTensor

_FREE_SIDE = 224
_RESIZE_PER_SIDE = 256 / 224


def _one_input(onnx: Path, facts: GraphFacts) -> GraphTensor:
    if len(facts.inputs) == 1:
        return facts.inputs[0]
    raise UserError(
        "model.inputs",
        "{onnx} has {count} inputs ({names}), and a vision model has one",
        hint="Name another ONNX file.",
        onnx=onnx,
        count=len(facts.inputs),
        names=", ".join(entry.name for entry in facts.inputs),
    )


def _batch(tensor: GraphTensor) -> int | None:
    """The fixed batch of a graph's input, None where it is free."""
    first = tensor.shape[0] if tensor.shape else None
    return first if isinstance(first, int) and first > 0 else None


def _width(tensor: GraphTensor) -> int | None:
    """Values of one image, None where the graph does not say."""
    sizes = [size for size in tensor.shape[1:] if isinstance(size, int) and size > 0]
    return math.prod(sizes) if sizes and len(sizes) == len(tensor.shape) - 1 else None


def _sizes(tensor: GraphTensor) -> str:
    return "x".join("?" if size is None else str(size) for size in tensor.shape)


def _fits(found: GraphTensor, wanted: tuple[int, ...]) -> bool:
    """Whether the sizes of one image are those wanted; a size that the graph leaves free fits."""
    known = found.shape[1:]
    return len(known) == len(wanted) and all(
        size == one or not isinstance(size, int) for size, one in zip(known, wanted, strict=True)
    )


# --- a model file against its graph --------------------------------------------------------------


def _check_input(file: ModelFile, spec: ModelSpec, found: GraphTensor) -> None:
    """Name, dtype and sizes; a size that the graph leaves free fits every one."""
    onnx = spec.checkpoint.file
    if found.name != spec.input.name:
        file.wrong(("input", "name"), spec.input.name, f"{found.name!r}, as {onnx} has it")
    if found.dtype != spec.input.dtype:
        file.wrong(("input", "dtype"), spec.input.dtype, f"{found.dtype!r}, as {onnx} has it")
    if not _fits(found, spec.input.shape):
        shown = list(spec.input.shape)
        file.wrong(("input", "shape"), shown, f"that of {onnx} without its batch, {_sizes(found)}")


def _output_index(file: ModelFile, spec: ModelSpec, facts: GraphFacts) -> int:
    """The output that the file means, by number or name; 0 where there is only one."""
    names = [entry.name for entry in facts.outputs]
    known = ", ".join(map(repr, names))
    name, index = spec.output.name, spec.user.output_index if spec.user else None
    if name and name not in names:
        file.wrong(("output", "name"), name, f"an output of {spec.checkpoint.file}: {known}")
    elif index is not None and index >= len(names):
        file.wrong(("output", "index"), index, f"below {len(names)}; the outputs are {known}")
    elif name and index is not None and names.index(name) != index:
        file.wrong(("output", "index"), index, f"{names.index(name)}, the place of {name!r}")
    elif name:
        return names.index(name)
    elif index is None and len(names) > 1:
        file.missing(("output", "index"), f"or name: the outputs are {known}")
    return index if index is not None and index < len(names) else 0


def _check_batch(file: ModelFile, spec: ModelSpec, fixed: int | None) -> tuple[int, ...]:
    """The official batch sizes; a graph with a fixed batch has no other than that."""
    stated = file.get("fixed_batch")
    if stated is not None and stated != (fixed is not None):
        word = "false" if fixed is None else "true"
        said = "leaves its batch free" if fixed is None else f"has its batch fixed at {fixed}"
        file.wrong(("fixed_batch",), stated, f"{word}: {spec.checkpoint.file} {said}")
    sizes = file.get("official_batch_sizes")
    if fixed is None or sizes == [fixed]:
        return spec.official_batch_sizes
    if sizes is not None:
        said = f"[{fixed}], the fixed batch of {spec.checkpoint.file}"
        file.wrong(("official_batch_sizes",), sizes, said)
    return (fixed,)


def checked_model(spec: ModelSpec) -> ModelSpec:
    """A user's ONNX model with what only its graph tells; any other model as it is.

    UserError names file, key and line of everything that the graph contradicts.
    """
    if spec.onnx is None or spec.user is None or spec.user.defined_in is None:
        return spec
    from ascend_console.tools.onnx_graph import inspect_graph

    facts = inspect_graph(spec.onnx)
    taken = _one_input(spec.onnx, facts)
    file = read_model_file(spec.user.defined_in)
    _check_input(file, spec, taken)
    index = _output_index(file, spec, facts)
    output = facts.outputs[index]
    width = _width(output)
    if width not in (None, spec.output.shape[0]):
        said = f"[{width}], as the output {output.name!r} of {spec.checkpoint.file} has it"
        file.wrong(("output", "shape"), list(spec.output.shape), said)
    fixed = _batch(taken)
    sizes = _check_batch(file, spec, fixed)
    file.require_sound()
    reason = "" if fixed is None else f"{spec.checkpoint.file} has its batch fixed at {fixed}"
    return replace(
        spec,
        output=replace(spec.output, name=output.name),
        official_batch_sizes=sizes,
        fixed_batch=fixed is not None,
        fixed_batch_reason=reason,
        user=replace(spec.user, output_index=index),
    )


def is_of_model(facts: GraphFacts, spec: ModelSpec) -> bool:
    """Whether a graph has the input and the judged output of a user's `checked_model`."""
    index = (spec.user.output_index if spec.user else None) or 0
    if len(facts.inputs) != 1 or index >= len(facts.outputs):
        return False
    taken, judged = facts.inputs[0], facts.outputs[index]
    return (
        (taken.name, taken.dtype) == (spec.input.name, spec.input.dtype)
        and _fits(taken, spec.input.shape)
        and judged.name == spec.output.name
        and _width(judged) in (None, spec.output.shape[0])
    )


def require_batch_sizes(spec: ModelSpec, sizes: tuple[int, ...]) -> None:
    """UserError where an ONNX file with a fixed batch is wanted at another one."""
    if spec.onnx is None or not spec.fixed_batch:
        return
    fixed = spec.official_batch_sizes[0]
    odd = [size for size in sizes if size != fixed]
    if odd:
        raise UserError(
            "onnx.batch_fixed",
            "input {name!r} has the fixed batch size {found}, not {wanted}",
            hint="Use --batch-size {found}, or export the model again for {wanted}.",
            name=spec.input.name,
            found=fixed,
            wanted=odd[0],
        )


# --- a bare ONNX file ----------------------------------------------------------------------------


def _refuse(onnx: Path, what: str) -> UserError:
    return UserError(
        "model.not_assumed",
        "{onnx} is no classifier whose use can be assumed: {reason}",
        hint="Describe it in a TOML file in the config folder, as the documentation page "
        "user-models shows, and use --model.",
        onnx=onnx,
        reason=what,
    )


def _assumed_input(onnx: Path, found: GraphTensor) -> TensorSpec:
    """The input of a graph: 3 channels first or last, square, a free side taken as 224."""
    if found.dtype not in ("float32", "uint8"):
        raise _refuse(onnx, f"its input is {found.dtype}, not float32 or uint8")
    sizes = [size if isinstance(size, int) and size > 0 else None for size in found.shape]
    if len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
        raise _refuse(onnx, f"its input has shape {_sizes(found)}, not that of RGB images")
    layout = "NCHW" if sizes[1] == 3 else "NHWC"
    sides = {size or _FREE_SIDE for size in (sizes[2:] if layout == "NCHW" else sizes[1:3])}
    if len(sides) > 1:
        raise _refuse(onnx, f"its input has shape {_sizes(found)}, which is not square")
    side = sides.pop()
    shape = (3, side, side) if layout == "NCHW" else (side, side, 3)
    return TensorSpec(name=found.name, shape=shape, dtype=found.dtype, layout=layout)


def _assumed_preprocess(name: str, taken: TensorSpec) -> Preprocess:
    """As the zoo's classifiers, in proportion: short side 256/224 of the crop; uint8 stays raw."""
    side = max(taken.shape)
    kind: Any = taken.dtype
    return Preprocess(
        name=name,
        resize="short",
        size=int(side * _RESIZE_PER_SIDE),
        filter="bilinear",
        crop=side,
        dtype=kind,
        layout="CHW" if taken.layout == "NCHW" else "HWC",
        source="assumed",
    )


def _told(onnx: Path, spec: ModelSpec, chosen: Preprocess, outputs: int) -> Warned:
    """What was assumed, in one warning."""
    numbers = f"mean {list(chosen.mean)}, std {list(chosen.std)}"
    taken = spec.input
    values = {
        "onnx": str(onnx),
        "input": f"{taken.name} {'x'.join(map(str, taken.shape))} {taken.dtype} {taken.layout}",
        "preprocessing": f"short side {chosen.size} {chosen.filter}, crop {chosen.crop}, "
        + (numbers if chosen.dtype == "float32" else "raw pixels"),
        "classes": str(spec.output.shape[0]),
        "output": f"{spec.output.name} (1/{outputs})",
        "batch_sizes": ", ".join(map(str, spec.official_batch_sizes)),
    }
    return Warned(
        "model.assumed",
        f"assumed of {values['onnx']}: input {values['input']}; preprocessing "
        f"{values['preprocessing']}; {values['classes']} classes in output {values['output']}; "
        f"batch sizes {values['batch_sizes']}, recorded and not official",
        "Where that is wrong the accuracy is too: describe the model in a TOML file, as the "
        "documentation page user-models shows.",
        values,
    )


def assumed_model(onnx: Path) -> tuple[ModelSpec, Warned]:
    """A bare ONNX file as a classifier, with what was assumed; UserError where nothing can be."""
    from ascend_console.tools.onnx_graph import inspect_graph

    facts = inspect_graph(onnx)
    found = _one_input(onnx, facts)
    taken = _assumed_input(onnx, found)
    classes = _width(facts.outputs[0])
    if classes is None or classes < 2:
        raise _refuse(onnx, f"its first output has shape {_sizes(facts.outputs[0])}")
    chosen = _assumed_preprocess(onnx.stem, taken)
    fixed = _batch(found)
    spec = onnx_model(
        onnx.stem,
        onnx,
        task="classification",
        tensors=(taken, TensorSpec(name=facts.outputs[0].name, shape=(classes,))),
        preprocess=chosen,
        batch_sizes=DEFAULT_BATCH_SIZES if fixed is None else (fixed,),
        output_index=0,
    )
    spec = replace(spec, fixed_batch=fixed is not None)
    return spec, _told(onnx, spec, chosen, len(facts.outputs))
