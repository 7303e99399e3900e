"""What an om is: its side-car `<name>.om.json`, or what atc and ais_bench tell of it.

An om tells neither its batch size nor its preprocessing to anybody who only has the file, and the
inference tools need both; so `convert` writes them beside it.
"""

from __future__ import annotations

import hashlib
import shlex
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from ascend_console.ascend.ais_bench import AisBenchRequest, ais_bench_argv
from ascend_console.ascend.ais_bench_log import TensorLine, parse_ais_bench
from ascend_console.ascend.atc import om_info_argv
from ascend_console.ascend.atc_output import OmInfo, om_target, parse_om_info
from ascend_console.ascend.atc_shapes import GEAR_OPTIONS, InputShape, parse_input_shape
from ascend_console.backends._checks import unreadable
from ascend_console.core.backend import TensorInfo
from ascend_console.core.errors import ConsoleError, Interrupted, UserError
from ascend_console.tools import files, process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.specs import Env
    from ascend_console.tools.vendor_tools import VendorTools

ShapeKind = Literal["static", "dynamic_batch", "dynamic_image", "dynamic_dims", "dynamic_shape"]

MAGIC = b"IMOD"
# The header of an om: its own size at byte 4, the size of what follows it at byte 76.
_HEADER_BYTES = 256
_HEADER_SIZE_AT, _BODY_SIZE_AT = 4, 76
_SCHEMA = 1
_ANSWER_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OmFacts:
    """One om. `inputs` and `outputs` are those of a run of `batch_size`, None where unknown.

    With gears `gears` has the one option of atc that made them, and its value. `aipp` is the text
    of the AIPP file: with it the input is an 8-bit image. `told_by` says where the facts are from.
    """

    path: Path
    batch_size: int | None
    shape_kind: ShapeKind
    soc_version: str | None
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    precision: str | None
    soc_origin: str | None = None
    cann: str | None = None
    tool: str | None = None
    command: tuple[str, ...] = ()
    onnx_sha256: str | None = None
    om_sha256: str | None = None
    aipp: str | None = None
    tuned: str | None = None
    gears: Mapping[str, str] = field(default_factory=dict)
    told_by: Literal["side-car", "atc", "ais_bench"] = "side-car"


def side_car_of(om: Path) -> Path:
    """The file beside an om that says what it is."""
    return om.with_name(om.name + ".json")


def is_whole(om: Path) -> bool | None:
    """Whether an om has all of its bytes, by its header; None where the header cannot tell."""
    try:
        with om.open("rb") as stream:
            head = stream.read(_HEADER_BYTES)
        size = om.stat().st_size
    except OSError:
        return False
    if not head.startswith(MAGIC):
        return False
    if int.from_bytes(head[_HEADER_SIZE_AT : _HEADER_SIZE_AT + 4], "little") != _HEADER_BYTES:
        return None
    body = int.from_bytes(head[_BODY_SIZE_AT : _BODY_SIZE_AT + 4], "little")
    if len(head) < _HEADER_BYTES or size < _HEADER_BYTES + body:
        return False
    return True if body else None


def _tensor_document(tensor: TensorInfo) -> dict[str, Any]:
    return {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}


def document_of(facts: OmFacts) -> dict[str, Any]:
    """The side-car of an om as a JSON object."""
    aipp = None
    if facts.aipp is not None:
        digest = hashlib.sha256(facts.aipp.encode()).hexdigest()
        aipp = {"sha256": digest, "text": facts.aipp}
    return {
        "schema": _SCHEMA,
        "shape_kind": facts.shape_kind,
        "batch_size": facts.batch_size,
        "precision": facts.precision,
        "soc_version": facts.soc_version,
        "soc_origin": facts.soc_origin,
        "cann": facts.cann,
        "tool": facts.tool,
        "command": list(facts.command),
        "inputs": [_tensor_document(tensor) for tensor in facts.inputs],
        "outputs": [_tensor_document(tensor) for tensor in facts.outputs],
        "gears": dict(facts.gears) or None,
        "onnx_sha256": facts.onnx_sha256,
        "om_sha256": facts.om_sha256,
        "aipp": aipp,
        "tuned": facts.tuned,
    }


def write_side_car(facts: OmFacts) -> OmFacts:
    """Write the side-car of an om that stands at `facts.path`; the facts with the om's hash."""
    hashed = replace(facts, om_sha256=files.sha256_file(facts.path))
    files.write_json(side_car_of(facts.path), document_of(hashed))
    return hashed


def _tensor(document: Mapping[str, Any]) -> TensorInfo:
    shape = tuple(None if size is None else int(size) for size in document["shape"])
    return TensorInfo(str(document["name"]), shape, str(document["dtype"]))


def _facts_of(om: Path, document: Mapping[str, Any]) -> OmFacts:
    """The facts in a side-car; an exception of any kind where it is none."""
    if document["schema"] != _SCHEMA or document["shape_kind"] not in get_args(ShapeKind):
        raise ValueError("another schema")
    aipp = document.get("aipp")
    batch_size = document["batch_size"]
    return OmFacts(
        path=om,
        batch_size=None if batch_size is None else int(batch_size),
        shape_kind=document["shape_kind"],
        soc_version=document.get("soc_version"),
        inputs=tuple(map(_tensor, document["inputs"])),
        outputs=tuple(map(_tensor, document["outputs"])),
        precision=document.get("precision"),
        soc_origin=document.get("soc_origin"),
        cann=document.get("cann"),
        tool=document.get("tool"),
        command=tuple(map(str, document.get("command") or ())),
        onnx_sha256=document.get("onnx_sha256"),
        om_sha256=document.get("om_sha256"),
        aipp=str(aipp["text"]) if aipp else None,
        tuned=document.get("tuned"),
        gears=MappingProxyType(dict(document.get("gears") or {})),
    )


def read_side_car(om: Path) -> OmFacts | None:
    """The facts beside an om; None where there are none, or where they are of another om."""
    try:
        facts = _facts_of(om, files.read_json(side_car_of(om)))
        return facts if facts.om_sha256 in (None, files.sha256_file(om)) else None
    except (ConsoleError, OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def ask_atc(om: Path, tools: VendorTools, env: Env) -> OmInfo | None:
    """What `atc --mode=6` tells of an om; None without atc. UserError where atc cannot read it."""
    tool = tools.find("atc")
    if tool is None:
        return None
    text = _answer([*tool.argv, *om_info_argv(str(om.absolute()))], tools, env)
    return parse_om_info(text)


def _answer(argv: list[str], tools: VendorTools, env: Env) -> str:
    """What a short probe prints; tools leave files in the folder that they run in."""
    with tempfile.TemporaryDirectory(prefix="ascend-console-") as folder:
        answer = process.capture(
            argv,
            cwd=Path(folder),
            environment=tools.environment,
            timeout_s=_ANSWER_S,
            cancel=env.cancel,
        )
    return answer.stdout + answer.stderr


def read_om(path: Path, tools: VendorTools, env: Env, *, device: int = 0) -> OmFacts:
    """What an om is: by its side-car, else by `atc --mode=6`, else by the table of ais_bench.

    Only that table has the outputs, and it needs the device; without it they stay unknown.
    UserError for what is no whole om, and where nothing tells its inputs.
    """
    files.require_file(path, "an om model")
    if is_whole(path) is False:
        raise unreadable(path, "an om model", "it is something else, or the end of it is missing")
    facts = read_side_car(path)
    if facts is not None:
        return facts
    facts = _asked(path, tools, env)
    if facts is None or not (facts.inputs and facts.outputs):
        facts = _with_table(path, facts, tools, env, device) or facts
    if facts is None or not facts.inputs:
        raise UserError(
            "om.unknown",
            "nothing tells which inputs {path} takes",
            hint="Convert it here, which writes {side_car} beside it; or install atc or ais_bench.",
            path=path,
            side_car=side_car_of(path).name,
        )
    return facts


def _asked(path: Path, tools: VendorTools, env: Env) -> OmFacts | None:
    try:
        info = ask_atc(path, tools, env)
    except UserError as error:
        raise unreadable(path, "an om model", error.message) from error
    if info is None:
        return None
    options = command_options(info.command)
    shapes = _shapes_in(options)
    gear = next((name for name in GEAR_OPTIONS if name in options), None)
    kind: ShapeKind = "static"
    if gear is not None:
        kind = _KINDS[gear]
    elif _is_open(shapes) or om_target(path.name) or "input_shape_range" in options:
        kind = "dynamic_shape"
    inputs = () if "insert_op_conf" in options else tuple(map(_input_of, shapes))
    first = inputs[0].shape[:1] if inputs else ()
    return OmFacts(
        path=path,
        batch_size=first[0] if first else None,
        shape_kind=kind,
        soc_version=info.soc_version,
        inputs=inputs,
        outputs=(),
        precision=precision_of(options, "fp16"),
        soc_origin="atc --mode=6",
        cann=info.atc_version,
        command=tuple(command_words(info.command)),
        gears=MappingProxyType({gear: options[gear]} if gear else {}),
        told_by="atc",
    )


_KINDS: dict[str, ShapeKind] = {
    "dynamic_batch_size": "dynamic_batch",
    "dynamic_image_size": "dynamic_image",
    "dynamic_dims": "dynamic_dims",
}


def gear_kind(option: str) -> ShapeKind:
    """The kind of shapes that one of atc's gear options makes."""
    return _KINDS[option]


def precision_of(options: Mapping[str, str], default: str) -> str:
    """The precision that options of atc ask for; `default` where they leave it to atc."""
    named = options.get("precision_mode") or options.get("precision_mode_v2") or ""
    return {"": default, "must_keep_origin_dtype": "fp32", "origin": "fp32"}.get(named, named)


def command_words(command: str) -> list[str]:
    """The words of a command line that atc kept; quotes may be lost in it."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def command_options(command: str) -> dict[str, str]:
    """Options by name in a command line of atc, as `--name=value` or `--name value`."""
    words = command_words(command)
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            continue
        if not equals and place + 1 < len(words) and not words[place + 1].startswith("--"):
            value = words[place + 1]
        found[name] = value
    return found


def _shapes_in(options: Mapping[str, str]) -> tuple[InputShape, ...]:
    try:
        return parse_input_shape(options["input_shape"]) if "input_shape" in options else ()
    except UserError:
        return ()


def _is_open(shapes: tuple[InputShape, ...]) -> bool:
    return any(not isinstance(size, int) or size < 0 for shape in shapes for size in shape.sizes)


def _input_of(shape: InputShape) -> TensorInfo:
    """Networks take float32 unless they were told otherwise (ascend-tools.md section 1.2)."""
    sizes = tuple(size if isinstance(size, int) and size > 0 else None for size in shape.sizes)
    return TensorInfo(shape.name, sizes, "float32")


def _with_table(
    path: Path, known: OmFacts | None, tools: VendorTools, env: Env, device: int
) -> OmFacts | None:
    """The facts with inputs and outputs of ais_bench's table; None where it tells nothing."""
    try:
        tool = tools.find("ais_bench")
        if tool is None:
            return None
        request = AisBenchRequest(
            model=str(path.absolute()), batchsize=1, devices=(device,), debug=True
        )
        argv = ais_bench_argv(request, tools.ais_bench_generation)
        log = parse_ais_bench(_answer([*tool.argv, *argv], tools, env))
    except Interrupted:
        raise
    except ConsoleError:
        return None
    if not log.inputs or not log.outputs:
        return None
    inputs = tuple(map(_table_tensor, log.inputs))
    outputs = tuple(map(_table_tensor, log.outputs))
    if known is None:
        is_open = any(None in tensor.shape for tensor in inputs)
        known = OmFacts(
            path=path,
            batch_size=None,
            shape_kind="dynamic_shape" if is_open else "static",
            soc_version=None,
            inputs=inputs,
            outputs=outputs,
            precision=None,
        )
    batch = inputs[0].shape[0] if inputs[0].shape else None
    return replace(
        known,
        batch_size=known.batch_size or batch,
        inputs=known.inputs or inputs,
        outputs=outputs,
        told_by="ais_bench",
    )


def _table_tensor(line: TensorLine) -> TensorInfo:
    shape = tuple(size if size > 0 else None for size in line.shape)
    return TensorInfo(line.name, shape, line.dtype.lower())
