"""Checkpoint to ONNX: exported, edited, verified, and compared with torch on random input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.backend import BackendOptions
from ascend_console.core.errors import ConversionFailed, UserError
from ascend_console.core.events import ArtifactWritten, LogLine, Measured, Warned
from ascend_console.tools import files
from ascend_console.tools.artefact_cache import ArtefactCache

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec
    from ascend_console.jobs._weights import Weights

PARITY_LIMIT = 1e-4
"""Largest difference of ONNX Runtime and torch, relative to the largest logit (models.md 8)."""

_PARITY_SAMPLES = 2
_PARITY_SEED = 7


@dataclass(frozen=True, slots=True)
class Exported:
    """An ONNX file for one batch size, or for any where `batch_size` is None."""

    path: Path
    batch_size: int | None
    sha256: str


def onnx_name(spec: ModelSpec, batch_size: int | None) -> str:
    """The published file name of a model's ONNX file."""
    return spec.onnx_file.format(batch_size=batch_size)


def _batch_notes(spec: ModelSpec, batch_size: int | None) -> Iterator[Event]:
    if batch_size is not None and batch_size not in spec.tested_batch_sizes:
        tested = ", ".join(map(str, spec.tested_batch_sizes))
        yield Warned(
            "export.untested_batch",
            f"batch size {batch_size} is not among those that the guide of {spec.name} tested "
            f"({tested})",
            args={"model": spec.name, "batch_size": str(batch_size), "tested": tested},
        )
    if batch_size is None and spec.fixed_batch:
        yield Warned(
            "export.dynamic_batch",
            f"{spec.name} is published with a fixed batch: {spec.fixed_batch_reason}",
            "Name a batch size to export as published.",
            {"model": spec.name, "reason": spec.fixed_batch_reason},
        )


def _parity(spec: ModelSpec, module: Any, path: Path, batch_size: int | None) -> float:
    """Largest difference of the two runtimes on random input, relative to the largest logit."""
    import numpy as np

    from ascend_console.tools.torch_export import torch_logits

    count = batch_size or _PARITY_SAMPLES
    generator = np.random.default_rng(_PARITY_SEED)
    data = generator.standard_normal((count, *spec.input.shape)).astype(np.float32)
    backend = discovery.load("backends", "onnxruntime").backend(BackendOptions())
    backend.open(path, lambda name: discovery.load("zoo", name).build)
    try:
        found = backend.infer(data)[0][:_PARITY_SAMPLES]
        expected = torch_logits(module, data[:_PARITY_SAMPLES])
        largest = float(np.abs(expected).max())
        if not 0 < largest < float("inf"):
            raise UserError(
                "export.no_output",
                "with these weights {model} answers random input with nothing but {what}",
                hint="Check the checkpoint: its weights are zero, or far too large.",
                model=spec.name,
                what="0" if largest == 0 else "NaN or infinity",
            )
        return float(np.abs(found - expected).max()) / largest
    finally:
        backend.close()


def _check_parity(spec: ModelSpec, module: Any, path: Path, batch: int | None) -> Iterator[Event]:
    difference = _parity(spec, module, path, batch)
    yield Measured("export parity", difference, "of the largest logit")
    if not difference <= PARITY_LIMIT:
        raise ConversionFailed(
            "export.parity",
            "the exported {model} differs from torch by {difference} of the largest logit; "
            "at most {limit} is allowed",
            hint="The exporter of this torch version changed the network: install the version "
            "that constraints.txt names.",
            model=spec.name,
            difference=f"{difference:.2e}",
            limit=f"{PARITY_LIMIT:.0e}",
        )


def export_onnx(
    spec: ModelSpec, weights: Weights, batch_size: int | None, output: Path
) -> Generator[Event, None, Exported]:
    """Export one file with opset 11, apply the fix-ups, verify it, compare it with torch.

    `batch_size` None exports a dynamic batch. Nothing stands at `output` unless all of it held.
    """
    from ascend_console.tools import onnx_graph, torch_export

    yield from _batch_notes(spec, batch_size)
    module = weights.module()
    with files.atomic_path(output) as edited:
        raw = edited.with_name(edited.name + ".raw.onnx")
        try:
            torch_export.export_onnx(module, spec, raw, batch_size=batch_size)
            report = onnx_graph.apply_fixups(raw, edited)
        finally:
            raw.unlink(missing_ok=True)
        yield LogLine(report.text())
        facts = onnx_graph.verify_export(edited, spec, batch_size)
        yield LogLine(
            f"opset {facts.opset}, IR {facts.ir_version}, one file, names and shapes hold"
        )
        yield from _check_parity(spec, module, edited, batch_size)
    yield ArtifactWritten(str(output), "onnx")
    return Exported(output, batch_size, files.sha256_file(output))


def _cache_key(spec: ModelSpec, weights: Weights, batch_size: int | None) -> str:
    """Everything that an exported file depends on."""
    from ascend_console import __version__
    from ascend_console.tools.environment import version_of

    names = [spec.name, spec.input.name, spec.output.name]
    made_with = [__version__, version_of("torch"), version_of("onnx")]
    return files.sha256_json(
        ["export", spec.architecture, *names, weights.sha256, batch_size, *made_with]
    )


def _export_cached(
    spec: ModelSpec, weights: Weights, batch_size: int | None, env: Env
) -> Generator[Event, None, Exported]:
    """Export into the run folder, or take the file of an earlier run."""
    path = env.folder / "export" / onnx_name(spec, batch_size)
    cache = ArtefactCache(env.settings.workspace)
    key = _cache_key(spec, weights, batch_size)
    if cache.fetch(key, path.parent):
        yield LogLine(f"{path.name} from the cache")
        yield ArtifactWritten(str(path), "onnx")
        return Exported(path, batch_size, files.sha256_file(path))
    exported = yield from export_onnx(spec, weights, batch_size, path)
    cache.store(key, [path])
    return exported


def export_all(
    spec: ModelSpec, weights: Weights, batch_sizes: tuple[int, ...], env: Env
) -> Generator[Event, None, dict[int, Exported]]:
    """The ONNX file that serves each batch size: one for all, or one each where it is fixed."""
    if spec.fixed_batch:
        served = {}
        for size in batch_sizes:
            served[size] = yield from _export_cached(spec, weights, size, env)
        return served
    one = yield from _export_cached(spec, weights, None, env)
    return dict.fromkeys(batch_sizes, one)
