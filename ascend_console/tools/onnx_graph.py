"""ONNX graphs: what is in them, whether an export came out as ordered, and edits of files.

The edits of a loaded graph are in `onnx_edit`; here they are applied to files, never in place.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConversionFailed, UserError
from ascend_console.tools import onnx_edit
from ascend_console.tools.files import atomic_path, require_file
from ascend_console.tools.onnx_edit import fix_batch, remove_noop_slices, remove_zero_pads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx

    from ascend_console.core.specs import ModelSpec, TensorSpec

__all__ = [
    "FixupReport",
    "GraphFacts",
    "GraphTensor",
    "apply_fixups",
    "fix_batch",
    "fix_batch_file",
    "inspect_graph",
    "read_model",
    "remove_noop_slices",
    "remove_zero_pads",
    "verify_export",
]

EXPORT_OPSET = 11
# The newest file format that every supported ONNX Runtime reads.
MAX_IR_VERSION = 10
BATCH_SYMBOL = "-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphTensor:
    """An input or output: sizes are numbers, symbols, or None; `node` is `name:index` of its maker.

    `node` is what atc's --out-nodes wants; empty for inputs.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFacts:
    """What `inspect` shows of a graph; `bytes` is the file's size, or that of the model alone."""

    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]
    opset: int | None
    ir_version: int
    operators: Mapping[str, int]
    zero_pads: int
    external_data: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FixupReport:
    """What the edits removed; two zeros are a success like any other."""

    zero_pads_removed: int
    slices_removed: int
    nodes_before: int
    nodes_after: int

    @property
    def changed(self) -> bool:
        """Whether anything was removed."""
        return self.zero_pads_removed + self.slices_removed > 0

    def text(self) -> str:
        """What was done, in one line."""
        if not self.changed:
            return "fix-ups: no zero Pads and no Slices without effect, nothing to do"
        return (
            f"fix-ups: {self.zero_pads_removed} zero Pads and {self.slices_removed} Slices "
            f"without effect removed, {self.nodes_before} nodes became {self.nodes_after}"
        )


def read_model(path: Path) -> onnx.ModelProto:
    """The model of a file, external weights left where they are; UserError where it is none."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # no stubs

    require_file(path, "an ONNX file")
    try:
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node or not model.ir_version:
        raise UserError(
            "onnx.unreadable",
            "{path} is no ONNX file, or it is damaged",
            hint="Export it again, or name another file.",
            path=path,
        )
    return model


def inspect_graph(source: onnx.ModelProto | Path) -> GraphFacts:
    """The facts of a graph or of a file."""
    model = read_model(source) if isinstance(source, Path) else source
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    makers = {
        name: f"{node.name}:{index}"
        for node in graph.node
        for index, name in enumerate(node.output)
    }
    return GraphFacts(
        inputs=tuple(_tensor(value, {}) for value in graph.input if value.name not in weights),
        outputs=tuple(_tensor(value, makers) for value in graph.output),
        opset=next((entry.version for entry in model.opset_import if not entry.domain), None),
        ir_version=model.ir_version,
        operators=dict(Counter(node.op_type for node in graph.node).most_common()),
        zero_pads=len(onnx_edit.zero_pads(model)),
        external_data=_external_data(model),
        bytes=source.stat().st_size if isinstance(source, Path) else model.ByteSize(),
    )


def _tensor(value: onnx.ValueInfoProto, makers: Mapping[str, str]) -> GraphTensor:
    import onnx

    kind = value.type.tensor_type
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    except KeyError:
        dtype = "unknown"
    shape = tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in kind.shape.dim
    )
    return GraphTensor(name=value.name, dtype=dtype, shape=shape, node=makers.get(value.name, ""))


def _external_data(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names of the side files that hold weights."""
    import onnx

    found = (
        entry.value
        for tensor in model.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    )
    return tuple(dict.fromkeys(found))


def verify_export(path: Path, spec: ModelSpec, batch_size: int | None) -> GraphFacts:
    """The facts of an exported file that is as ordered; ConversionFailed names what is not.

    Ordered are: opset 11, a format that ONNX Runtime reads, the published names, shapes and
    dtypes, the batch size or its symbol, and all weights in the one file.
    """
    model = read_model(path)
    facts = inspect_graph(path)
    batch = BATCH_SYMBOL if batch_size is None else batch_size
    faults = [
        *_fault("opset", facts.opset, EXPORT_OPSET),
        *_tensor_faults("input", facts.inputs, spec.input, batch),
        *_tensor_faults("output", facts.outputs, spec.output, batch),
    ]
    if facts.ir_version > MAX_IR_VERSION:
        faults.append(f"IR version is {facts.ir_version}, at most {MAX_IR_VERSION} can be read")
    side_file = path.with_name(path.name + ".data")
    if facts.external_data or side_file.exists():
        side = facts.external_data[0] if facts.external_data else side_file.name
        faults.append(f"weights lie in a second file, {side}")
    if faults:
        raise ConversionFailed(
            "export.unexpected",
            "the export of {model} is not as ordered: {faults}",
            hint="Use a tested version of torch (pip install -c constraints.txt) and export again.",
            model=spec.title,
            faults="; ".join(faults),
        )
    onnx_edit.check(model, str(path))
    return facts


def _fault(what: str, found: object, wanted: object) -> Iterable[str]:
    if found != wanted:
        yield f"{what} is {found}, not {wanted}"


def _tensor_faults(
    role: str, found: tuple[GraphTensor, ...], wanted: TensorSpec, batch: int | str
) -> Iterable[str]:
    if len(found) != 1:
        yield f"there are {len(found)} {role}s, not 1"
        return
    yield from _fault(f"the {role}'s name", found[0].name, wanted.name)
    yield from _fault(f"the {role}'s dtype", found[0].dtype, wanted.dtype)
    yield from _fault(f"the {role}'s shape", _shape(found[0].shape), _shape((batch, *wanted.shape)))


def _shape(sizes: Iterable[Any]) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes)


def apply_fixups(source: Path, output: Path) -> FixupReport:
    """Write `source` without zero Pads and without Slices that cut nothing off to `output`.

    Both files are whole and different: UserError where they are one. The output passed ONNX's
    checker; names, shapes and dtypes of inputs and outputs are those of `source`.
    """
    _refuse_in_place(source, output)
    model = read_model(source)
    _refuse_external(source, model)
    before = len(model.graph.node)
    report = FixupReport(
        zero_pads_removed=remove_zero_pads(model),
        slices_removed=remove_noop_slices(model),
        nodes_before=before,
        nodes_after=len(model.graph.node),
    )
    _write(model, output)
    return report


def fix_batch_file(source: Path, output: Path, batch_size: int) -> None:
    """Write `source` with its free batch set to `batch_size` to `output`, never in place."""
    _refuse_in_place(source, output)
    model = read_model(source)
    _refuse_external(source, model)
    fix_batch(model, batch_size)
    _write(model, output)


def _write(model: onnx.ModelProto, output: Path) -> None:
    onnx_edit.check(model, str(output))
    with atomic_path(output) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def _refuse_in_place(source: Path, output: Path) -> None:
    if source.resolve() == output.resolve():
        raise UserError(
            "onnx.in_place",
            "{path} would be overwritten by its own edit",
            hint="Name another output file.",
            path=source,
        )


def _refuse_external(path: Path, model: onnx.ModelProto) -> None:
    files = _external_data(model)
    if files:
        raise UserError(
            "onnx.external_data",
            "{path} keeps its weights in a second file, {file}",
            hint="Save it as one file: onnx.save(onnx.load('{path}'), 'one.onnx').",
            path=path,
            file=files[0],
        )
