"""`convert`: an ONNX file to a backend's artefact, one for each batch size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ascend_console.core import discovery
from ascend_console.core.backend import ConvertSource
from ascend_console.core.errors import UserError
from ascend_console.core.events import StepStarted
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs import _convert, _onnx_model, _sources
from ascend_console.jobs._backend_options import (
    backend_options,
    precision_option,
    provider_option,
    soc_version_option,
    threads_option,
)
from ascend_console.jobs._calibration import calibration_in
from ascend_console.jobs._models import find_model, zoo_names
from ascend_console.jobs._output import output_file
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from ascend_console.core.backend import Backend, BackendInfo, Calibration
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events, ModelSpec


_NO_SHAPE: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    """What to convert and for which backend."""

    model: str | None = option(
        "Model.", default=None, default_text="none; then --onnx", known=zoo_names
    )
    onnx: Path | None = option(
        "ONNX file to convert.", default=None, default_text="exported from the weights named"
    )
    input_shape: str | None = option(
        'Input and its shape, such as "image:16,3,224,224".',
        default=None,
        default_text="the shapes in the ONNX file, with --batch-size",
    )
    checkpoint: Path | None = option(
        "Checkpoint file, where there is no --onnx.", default=None, default_text="none"
    )
    sample: bool = option("Take sample weights, where there is no --onnx.", default=False)
    dataset: Path | None = option(
        "Folder of images that int8 is calibrated on; labels are not needed.",
        default=None,
        default_text="with --sample: the sample images",
    )
    backend: str = option("Runtime.", default="onnxruntime", choices=_convert.backend_names)
    provider: str | None = provider_option()
    threads: int | None = threads_option()
    batch_size: tuple[int, ...] | None = option(
        "Batch sizes, one artefact each.",
        default=None,
        default_text="the official ones of the model, else that of the shape",
        unit="images",
        minimum=1,
    )
    precision: str | None = precision_option()
    soc_version: str | None = soc_version_option()
    out_nodes: str | None = option(
        'Outputs that atc keeps, such as "node:0;node2:0".',
        default=None,
        default_text="those of the graph",
    )
    aipp: Path | None = option(
        "AIPP file for atc: preprocessing on the chip.", default=None, default_text="none"
    )
    atc_log: Literal["null", "error", "warning", "info", "debug"] | None = option(
        "Level of atc's own debug log.", default=None, default_text="atc's"
    )
    atc_option: tuple[str, ...] | None = option(
        "Any other option of atc, name=value; may be repeated.",
        default=None,
        default_text="none",
        repeated=True,
    )
    tune: Literal["opat", "sgat"] | None = option(
        "Tune operators (opat) or the graph (sgat) with aoe first; takes hours on an idle NPU.",
        default=None,
        default_text="no tuning",
    )
    output: Path | None = option(
        "Artefact to write; a folder where there are several batch sizes.",
        default=None,
        default_text="convert/ in the run folder",
    )


def parse_input_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Name and shape from `image:16,3,224,224`, as atc spells it."""
    name, _, sizes = text.rpartition(":")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not name or not shape or any(size < 1 for size in shape):
        raise UserError(
            "convert.input_shape",
            "--input-shape {text!r} is no name with a shape",
            hint='Write it as "image:16,3,224,224", every size at least 1.',
            text=text,
        )
    return name, shape


def _check_shape(onnx: Path, name: str, shape: tuple[int, ...]) -> None:
    """The named input must be in the graph, with that rank and its known sizes."""
    from ascend_console.tools.onnx_graph import inspect_graph

    found = {entry.name: entry.shape for entry in inspect_graph(onnx).inputs}
    if name not in found:
        raise UserError(
            "convert.input_name",
            "{onnx} has no input {name!r}",
            hint="Its inputs: {known}.",
            onnx=onnx,
            name=name,
            known=", ".join(found),
        )
    sizes = found[name]
    fits = len(sizes) == len(shape) and all(
        not isinstance(size, int) or size == wanted
        for size, wanted in zip(sizes[1:], shape[1:], strict=True)
    )
    if not fits:
        raise UserError(
            "convert.input_rank",
            "the input {name} of {onnx} has shape {found}, which {wanted} does not fit",
            hint="Name a shape that fits.",
            name=name,
            onnx=onnx,
            found="x".join(map(str, sizes)),
            wanted="x".join(map(str, shape)),
        )


def _require_model(onnx: Path, spec: ModelSpec) -> None:
    """The graph must have the model's tensors; UserError for an ONNX file of something else."""
    from ascend_console.tools.onnx_graph import inspect_graph

    def shown(tensors: Iterable[tuple[str, Sequence[object], str]]) -> str:
        return ", ".join(
            f"{name} {'x'.join(str(size or '?') for size in shape)} {dtype}"
            for name, shape, dtype in tensors
        )

    facts = inspect_graph(onnx)
    spec = _onnx_model.checked_model(spec)
    tensors = (*facts.inputs, *facts.outputs)
    found = [(entry.name, tuple(entry.shape[1:]), entry.dtype) for entry in tensors]
    wanted = [(entry.name, entry.shape, entry.dtype) for entry in (spec.input, spec.output)]
    if _onnx_model.is_of_model(facts, spec) if spec.user else found == wanted:
        return
    raise UserError(
        "convert.other_model",
        "{onnx} is not {model}: it has {found}, not {wanted}",
        hint="Name the model that it is of, or leave --model out.",
        onnx=onnx,
        model=spec.name,
        found=shown(found),
        wanted=shown(wanted),
    )


def _onnx_batch(onnx: Path) -> int | None:
    """The fixed batch of an ONNX file's first input, None where it is free."""
    from ascend_console.tools.onnx_graph import inspect_graph

    shape = inspect_graph(onnx).inputs[0].shape
    return shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None


def _wanted_sources(
    request: ConvertRequest, info: BackendInfo, env: Env
) -> Generator[Event, None, dict[int, ConvertSource]]:
    """What each batch size is converted from."""
    if request.onnx is not None:
        return _onnx_sources(request, env)
    if request.input_shape is not None:
        raise UserError(
            "convert.shape_alone",
            "--input-shape describes an ONNX file, and none is named",
            hint="Add --onnx FILE, or name the batch with --batch-size.",
        )
    if request.model is None:
        raise UserError(
            "convert.nothing",
            "there is nothing to convert",
            hint="Name --onnx FILE, or --model NAME with --checkpoint FILE or --sample.",
        )
    spec = _onnx_model.checked_model(find_model(request.model, env.settings))
    sizes = request.batch_size or spec.official_batch_sizes
    _sources.require_fit(spec, info)
    _onnx_model.require_batch_sizes(spec, sizes)
    source = yield from _sources.resolve(spec, request.sample, request.checkpoint, env)
    return (yield from _sources.convert_sources(spec, source, info, sizes, env))


def _onnx_sources(request: ConvertRequest, env: Env) -> dict[int, ConvertSource]:
    onnx = files.require_file(request.onnx or Path(), "an ONNX file")
    if request.sample or request.checkpoint:
        raise UserError(
            "convert.two_sources",
            "--onnx excludes --sample and --checkpoint",
            hint="Convert the ONNX file, or leave it out and name the weights.",
        )
    sizes = request.batch_size
    name, shape = "input", _NO_SHAPE
    if request.input_shape is not None:
        name, shape = parse_input_shape(request.input_shape)
        _check_shape(onnx, name, shape)
        if sizes not in (None, (shape[0],)):
            raise UserError(
                "convert.two_batches",
                "--input-shape names batch {shape}, and --batch-size {sizes}",
                hint="Name the batch once.",
                shape=shape[0],
                sizes=",".join(map(str, sizes or ())),
            )
        sizes = (shape[0],)
    fixed = _onnx_batch(onnx)
    if sizes is None and fixed is not None:
        sizes = (fixed,)
    if sizes is None and request.model is not None:
        sizes = find_model(request.model, env.settings).official_batch_sizes
    if sizes is None:
        raise UserError(
            "convert.no_batch",
            "{onnx} has a dynamic batch, and no batch size is named",
            hint='Add --batch-size 1, or --input-shape "image:1,3,224,224".',
            onnx=onnx,
        )
    if request.model is None:
        source = ConvertSource(onnx=onnx, input_shape=shape[1:], input_name=name)
        return dict.fromkeys(sizes, source)
    spec = find_model(request.model, env.settings)
    _require_model(onnx, spec)
    return {size: _convert.source_of(spec, onnx, None) for size in sizes}


def _targets(
    request: ConvertRequest, sizes: tuple[int, ...], info: BackendInfo, backend: Backend, env: Env
) -> dict[int, Path]:
    stem = request.model or (request.onnx.stem if request.onnx else "model")
    folder = env.folder / "convert"
    names = {
        size: _convert.artifact_name(stem, size, backend.options.precision, info.suffix)
        for size in sizes
    }
    if len(sizes) == 1 and request.output is not None and not request.output.is_dir():
        return {sizes[0]: output_file(request.output, folder, info.suffix, env)}
    base = request.output or folder
    if base.suffix == info.suffix and not base.is_dir():
        raise UserError(
            "convert.many_outputs",
            "{path} is one file, and {count} batch sizes need one each",
            hint="Name a folder, or one batch size.",
            path=base,
            count=len(sizes),
        )
    return {size: output_file(base / names[size], folder, info.suffix, env) for size in sizes}


def _calibration(
    request: ConvertRequest, precision: str, env: Env
) -> Generator[Event, None, Calibration | None]:
    """The images that integers are calibrated on; those of a bare ONNX file as they are assumed."""
    if request.dataset is not None and precision != "int8":
        raise UserError(
            "convert.dataset_unused",
            "--dataset is what int8 is calibrated on, and the precision is {precision}",
            hint="Add --precision int8, or leave --dataset out.",
            precision=precision,
        )
    if request.dataset is None and not request.sample:
        return None
    if request.model is not None:
        spec = _onnx_model.checked_model(find_model(request.model, env.settings))
    else:
        assert request.onnx is not None
        spec, note = _onnx_model.assumed_model(request.onnx)
        yield note
    return calibration_in(precision, spec, request.dataset, env, sample=request.sample)


def convert(request: ConvertRequest, env: Env) -> Events:
    """Make one artefact for each batch size."""
    info = discovery.load("backends", request.backend)
    options = backend_options(request, info, env)
    _, backend = _convert.load_backend(request.backend, options)
    yield StepStarted("source", 1, 2)
    sources = yield from _wanted_sources(request, info, env)
    targets = _targets(request, tuple(sources), info, backend, env)
    calibration = yield from _calibration(request, options.precision, env)
    yield StepStarted("convert", 2, 2)
    for size, source in sources.items():
        calibrated = replace(source, calibration=calibration)
        yield from _convert.convert_one(backend, calibrated, size, targets[size])


ENTRY = Job(
    name="convert",
    summary="ONNX to the backend's artefact, for one or several batch sizes.",
    request=ConvertRequest,
    run=convert,
    example='ascend-console convert --onnx ghostnet.onnx --input-shape "image:16,3,224,224"',
    recording=True,
    label=lambda request: str(request.model or "onnx"),
    order=30,
)
