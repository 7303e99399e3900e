"""`inspect`: what an ONNX, om or checkpoint file is, without running it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.backends._ascend_om import (
    MAGIC,
    ask_atc,
    document_of,
    read_side_car,
    side_car_of,
)
from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError, Interrupted, UserError
from ascend_console.core.events import SCHEMA, Answered
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools import files
from ascend_console.tools.checksums import Checksums, checksums
from ascend_console.tools.vendor_tools import VendorTools

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ascend_console.ascend.atc_output import OmInfo
    from ascend_console.backends._ascend_om import OmFacts
    from ascend_console.core.specs import Events, ModelSpec
    from ascend_console.tools.onnx_graph import GraphTensor

    Rows = list[tuple[str, Any]]

_PICKLE = b"\x80"
_ZIP = b"PK\x03\x04"
_ONNX_FIRST = b"\x08"  # the field of the IR version, which every writer puts first
_CHECKPOINT_SUFFIXES = (".pth", ".pt", ".tar", ".ckpt", ".bin", ".pkl")
_NEEDS_ATC = "chip, atc version and command line: needs atc (`atc --mode=6 --om=FILE`)"
# Buffers of BatchNorm, which are saved with the weights and are no parameters.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, kw_only=True)
class InspectRequest:
    """Which file to look at."""

    file: Path = option("An .onnx, .om or checkpoint file.", positional=True)


def _kind(path: Path) -> str:
    """`onnx`, `om` or `checkpoint`, by the first bytes, and by the name where they leave a doubt.

    What is none of them counts as a checkpoint, whose reader says what it is instead.
    """
    with files.require_file(path, "a model file").open("rb") as stream:
        head = stream.read(len(MAGIC))
    suffix = path.suffix.lower()
    if head == MAGIC:
        return "om"
    if suffix == ".om":
        raise UserError(
            "inspect.om",
            "{path} is no om model: it begins with {head}, not with {magic}",
            hint="Convert the model again, or copy the file again in binary mode.",
            path=path,
            head=head or "nothing",
            magic=MAGIC,
        )
    if suffix == ".onnx":
        return "onnx"
    if head.startswith((_ZIP, _PICKLE)) or suffix in _CHECKPOINT_SUFFIXES:
        return "checkpoint"
    return "onnx" if head.startswith(_ONNX_FIRST) else "checkpoint"


def _shape_text(shape: Iterable[int | str | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def _tensor_document(tensor: GraphTensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}


def _node(tensor: GraphTensor) -> str | None:
    """`node:index` as atc's --out-nodes wants it; None where the node has no name to go by."""
    return tensor.node if tensor.node and not tensor.node.startswith(":") else None


def _side_files(path: Path, names: Iterable[str]) -> list[dict[str, Any]]:
    """The files that hold a graph's weights, with their size where they stand beside it."""
    found = []
    for name in names:
        side = path.parent / name
        beside = side.parent.resolve() == path.parent.resolve() and side.is_file()
        found.append({"file": name, "bytes": side.stat().st_size if beside else None})
    return found


def _size_text(size: int | None) -> str:
    return "missing" if size is None else f"{size:,} bytes"


def _onnx(path: Path, sums: Checksums, env: Env) -> tuple[dict[str, Any], Rows]:
    from ascend_console.tools.onnx_graph import inspect_graph

    facts = inspect_graph(path)
    side_files = _side_files(path, facts.external_data)
    document = {
        "inputs": [_tensor_document(tensor) for tensor in facts.inputs],
        "outputs": [{**_tensor_document(item), "node": _node(item)} for item in facts.outputs],
        "opset": facts.opset,
        "ir_version": facts.ir_version,
        "nodes": sum(facts.operators.values()),
        "operators": dict(facts.operators),
        "zero_pads": facts.zero_pads,
        "external_data": side_files,
    }
    rows: Rows = [
        ("input", f"{tensor.name} {tensor.dtype} {_shape_text(tensor.shape)}")
        for tensor in facts.inputs
    ]
    rows += [
        ("output", f"{tensor.name} {tensor.dtype} {_shape_text(tensor.shape)}, "
                   f"node {_node(tensor) or 'without a name'}")
        for tensor in facts.outputs
    ]  # fmt: skip
    rows += [
        ("opset", facts.opset),
        ("IR version", facts.ir_version),
        ("operators", ", ".join(f"{name} {count}" for name, count in facts.operators.items())),
        ("zero Pads", facts.zero_pads or "none, nothing to remove"),
    ]
    sides = [f"{side['file']}, {_size_text(side['bytes'])}" for side in side_files]
    rows += [("weights in", side) for side in sides or ["the file itself"]]
    return document, rows


def _om(path: Path, sums: Checksums, env: Env) -> tuple[dict[str, Any], Rows]:
    """What atc tells of an om, and what the file beside it says; either may be missing."""
    told, note = _told_by_atc(path, env)
    facts = read_side_car(path)
    if facts is None and side_car_of(path).exists():
        note = "; ".join(filter(None, (note, f"{side_car_of(path).name} is of another om")))
    side = document_of(facts) if facts else None
    soc = told.soc_version if told else None
    document = {
        "magic": MAGIC.decode(),
        "soc": soc or (facts.soc_version if facts else None),
        "atc_version": told.atc_version if told else None,
        "atc_command": told.command if told else None,
        "memory_bytes": told.memory_bytes if told else None,
        "weight_bytes": told.weight_bytes if told else None,
        "side_car": side,
        "note": note,
    }
    rows: Rows = [
        ("begins with", MAGIC.decode()),
        *_side_car_rows(facts),
        ("chip", document["soc"]),
        ("atc version", document["atc_version"]),
        ("atc command", document["atc_command"]),
        ("device memory", _amount(document["memory_bytes"])),
        ("weights", _amount(document["weight_bytes"])),
        ("note", note),
    ]
    return document, [(name, value) for name, value in rows if value is not None]


def _told_by_atc(path: Path, env: Env) -> tuple[OmInfo | None, str | None]:
    """What `atc --mode=6` tells, and why where it tells nothing."""
    try:
        told = ask_atc(path, VendorTools.of(env.settings), env)
    except Interrupted:
        raise
    except ConsoleError as error:
        return None, error.message
    return told, None if told else _NEEDS_ATC


def _amount(size: Any) -> str | None:
    return None if size is None else _size_text(size)


def _side_car_rows(facts: OmFacts | None) -> Rows:
    if facts is None:
        return []
    tensors = [("input", tensor) for tensor in facts.inputs]
    tensors += [("output", tensor) for tensor in facts.outputs]
    return [
        *((role, f"{tensor.name} {tensor.dtype} {_shape_text(tensor.shape)}")
          for role, tensor in tensors),
        ("batch size", facts.batch_size),
        ("shapes", facts.shape_kind),
        ("precision", facts.precision),
        ("CANN", facts.cann),
        ("tuned", facts.tuned),
        ("AIPP", "yes, the input is an 8-bit image" if facts.aipp else None),
    ]  # fmt: skip


def _parameters(state: Mapping[str, Any]) -> int:
    """How many numbers a training would change."""
    return sum(
        tensor.numel() for key, tensor in state.items() if key.rsplit(".", 1)[-1] not in _BUFFERS
    )


def _stored_dtype(notes: Iterable[str]) -> str:
    """The type that the weights have in the file; the loader notes what it had to change."""
    import re

    changed = [match[1] for note in notes if (match := re.match(r"\d+ tensors were (\w+)", note))]
    return ", ".join(changed) or "float32"


def _official_text(official: bool | None, spec: ModelSpec) -> str:
    if official is None:
        return f"cannot be told: no checksum of {spec.checkpoint.file} is published"
    published = f"the published md5 of {spec.checkpoint.file}"
    return f"yes, it has {published}" if official else f"no, it has not {published}"


def _checkpoint(path: Path, sums: Checksums, env: Env) -> tuple[dict[str, Any], Rows]:
    from ascend_console.tools import torch_checkpoint

    specs = discovery.load_all("zoo")
    try:
        loaded = torch_checkpoint.load_state_dict(path, specs)
    except UserError as error:
        raise _explained(error, path) from error
    spec = next(spec for spec in specs if spec.name == loaded.model)
    official = sums.is_published(spec.checkpoint.md5)
    document = {
        "model": loaded.model,
        "container": loaded.container,
        "prefix": loaded.prefix,
        "counters": loaded.counters,
        "keys": loaded.keys,
        "parameters": _parameters(loaded.state_dict),
        "dtype": _stored_dtype(loaded.notes),
        "official": official,
        "source_note": loaded.source_note or None,
        "notes": list(loaded.notes),
    }
    rows: Rows = [
        ("model", f"{spec.name}: {spec.title}"),
        ("container", loaded.container),
        ("prefix", loaded.prefix or "none"),
        ("BatchNorm counters", "present" if loaded.counters else "absent"),
        ("keys", loaded.keys),
        ("parameters", f"{_parameters(loaded.state_dict):,}"),
        ("dtype", document["dtype"]),
        ("official", _official_text(official, spec)),
    ]
    rows += [("note", note) for note in (*loaded.notes, loaded.source_note) if note]
    return document, rows


def _explained(error: UserError, path: Path) -> UserError:
    """The loader's refusal; a file that is none of the three kinds is told which there are."""
    if error.id != "checkpoint.kind":
        return error
    return UserError(
        "inspect.kind",
        "{path} is {kind}",
        hint="Name an ONNX file (.onnx), an om model (.om) or a checkpoint (.pth, .pth.tar).",
        path=path,
        kind=error.values.get("kind", "no model file"),
    )


_READERS = {"onnx": _onnx, "om": _om, "checkpoint": _checkpoint}


def inspect(request: InspectRequest, env: Env) -> Events:
    """Say what the file is."""
    path = request.file
    kind = _kind(path)
    sums = checksums(path)
    document, rows = _READERS[kind](path, sums, env)
    head = {
        "schema": SCHEMA,
        "file": str(path),
        "kind": kind,
        "bytes": sums.size,
        "md5": sums.md5,
        "sha256": sums.sha256,
    }
    first: Rows = [("file", str(path)), ("kind", kind), ("size", _size_text(sums.size))]
    last: Rows = [("md5", sums.md5), ("sha256", sums.sha256)]
    yield Answered({**head, **document}, ("field", "value"), tuple(first + rows + last))


ENTRY = Job(
    name="inspect",
    summary="An ONNX, om or checkpoint file: tensors, operators, model, checksums.",
    request=InspectRequest,
    run=inspect,
    example="ascend-console inspect ghostnet.onnx",
    recording=False,
    order=70,
)
