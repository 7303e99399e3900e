"""ONNX to the artefacts of a backend, one for each batch size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ascend_console.core import discovery
from ascend_console.core.backend import (
    Backend,
    BackendInfo,
    BackendOptions,
    ConvertSource,
    VendorOptions,
)
from ascend_console.core.errors import BackendUnavailable, UserError
from ascend_console.core.events import ArtifactWritten, LogLine
from ascend_console.jobs._export import export_all
from ascend_console.tools import files
from ascend_console.tools.artefact_cache import ArtefactCache

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path
    from typing import Any

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec
    from ascend_console.jobs._weights import Weights


@dataclass(frozen=True, slots=True)
class Artifact:
    """A converted model for one batch size."""

    path: Path
    batch_size: int
    precision: str


def backend_names() -> tuple[str, ...]:
    """The names of the backends, without importing any."""
    return discovery.names("backends")


def default_precision(info: BackendInfo) -> str:
    """The precision that a backend takes where none is named."""
    return info.precisions[0]


def load_backend(name: str, options: BackendOptions) -> tuple[BackendInfo, Backend]:
    """A backend that can work here; BackendUnavailable says why it cannot."""
    info: BackendInfo = discovery.load("backends", name)
    reason = info.unavailable(options.env.settings.environ if options.env else {})
    if reason is not None:
        raise BackendUnavailable(
            "backend.unavailable",
            "the backend {backend} cannot be used here: {reason}",
            hint="Install what is named, or choose another of: {known}.",
            backend=name,
            reason=reason,
            known=", ".join(backend_names()),
        )
    if options.precision not in info.precisions:
        raise UserError(
            "backend.precision",
            "the backend {backend} has no precision {precision!r}",
            hint="Choose one of: {known}.",
            backend=name,
            precision=options.precision,
            known=", ".join(info.precisions),
        )
    _refuse_vendor_options(info, options.vendor)
    return info, info.backend(options)


def _refuse_vendor_options(info: BackendInfo, chosen: VendorOptions) -> None:
    """UserError for an option of the vendor's tools with a backend that starts none of them."""
    given = [name for name, value in asdict(chosen).items() if value]
    if given and not info.vendor:
        raise UserError(
            "backend.vendor_option",
            "--{option} is for the vendor's tools, and the backend {backend} uses none of them",
            hint="Add --backend ascend, or leave --{option} out.",
            option=given[0].replace("_", "-"),
            backend=info.name,
        )


def builder(name: str) -> Callable[[], Any]:
    """The network builder of a zoo model, as backends ask for it."""
    build: Callable[[], Any] = discovery.load("zoo", name).build
    return build


def artifact_name(model: str, batch_size: int, precision: str, suffix: str) -> str:
    """`ghostnet_bs16_fp32.onnx`."""
    return f"{model}_bs{batch_size}_{precision}{suffix}"


def source_of(spec: ModelSpec, onnx: Path | None, checkpoint: Path | None) -> ConvertSource:
    """What a zoo model's artefact is made from."""
    return ConvertSource(
        onnx=onnx,
        model=spec.architecture,
        checkpoint=checkpoint,
        input_shape=spec.input.shape,
        input_name=spec.input.name,
        output_name=spec.output.name,
        build=spec.build,
    )


def sources(
    spec: ModelSpec,
    weights: Weights,
    info: BackendInfo,
    batch_sizes: tuple[int, ...],
    env: Env,
) -> Generator[Event, None, dict[int, ConvertSource]]:
    """What each batch size is converted from: an exported ONNX file, or the weights themselves."""
    if info.takes == "checkpoint":
        from ascend_console.tools import torch_checkpoint

        path = env.folder / "export" / f"{spec.name}.pth"
        torch_checkpoint.save_bare(path, weights.state_dict)
        yield ArtifactWritten(str(path), "checkpoint")
        return dict.fromkeys(batch_sizes, source_of(spec, None, path))
    exported = yield from export_all(spec, weights, batch_sizes, env)
    return {size: source_of(spec, exported[size].path, None) for size in batch_sizes}


def convert_one(
    backend: Backend, source: ConvertSource, batch_size: int, output: Path
) -> Generator[Event, None, Artifact]:
    """Make one artefact at `output`."""
    yield from backend.convert(source, output, batch_size=batch_size)
    size_mb = output.stat().st_size / 1e6
    yield LogLine(f"batch size {batch_size}: {size_mb:.1f} MB, {backend.version()}")
    yield ArtifactWritten(str(output), "artifact")
    return Artifact(output, batch_size, backend.options.precision)


def _cache_key(backend: Backend, source: ConvertSource, batch_size: int) -> str:
    """Everything that an artefact depends on."""
    from ascend_console import __version__
    from ascend_console.tools.environment import processor_model, vector_extensions

    file = source.onnx or source.checkpoint
    return files.sha256_json(
        [
            "convert",
            __version__,
            files.sha256_file(file) if file else None,
            source.model,
            backend.version(),
            backend.provider_name(),
            backend.threads,
            backend.options.precision,
            source.input_shape,
            batch_size,
            processor_model(),
            vector_extensions(),
            backend.cache_facts(),
            *([source.calibration.key] if source.calibration else []),
        ]
    )


def convert_cached(
    backend: Backend, source: ConvertSource, batch_size: int, output: Path, env: Env
) -> Generator[Event, None, Artifact]:
    """Make one artefact in the run folder, or take that of an earlier run."""
    cache = ArtefactCache(env.settings.workspace)
    key = _cache_key(backend, source, batch_size)
    if cache.fetch(key, output.parent):
        yield LogLine(f"{output.name} from the cache")
        yield ArtifactWritten(str(output), "artifact")
        return Artifact(output, batch_size, backend.options.precision)
    made = yield from convert_one(backend, source, batch_size, output)
    cache.store(key, [path for path in _made_files(output) if path.exists()])
    return made


def _made_files(output: Path) -> list[Path]:
    """An artefact, its plain form where it was tuned, and what stands beside each to say so.

    An int8 artefact has its portable form beside it, from which it is made again elsewhere.
    """
    plain = output.with_name(f"{output.stem}_untuned{output.suffix}")
    portable = output.with_name(f"{output.stem}_qdq{output.suffix}")
    side_cars = [made.with_name(made.name + ".json") for made in (output, plain)]
    return [output, plain, portable, *side_cars]
