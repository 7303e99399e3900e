"""What a model is made from: weights that are exported first, or an ONNX file as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.events import ArtifactWritten, LogLine
from ascend_console.jobs import _convert, _weights
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import TypeAlias

    from ascend_console.core import specs
    from ascend_console.core.backend import BackendInfo, Calibration, ConvertSource
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec
    from ascend_console.jobs._weights import Weights

    Source: TypeAlias = "Weights | OnnxFile"


class OnnxFile:
    """A user's ONNX file where other models have weights."""

    kind: specs.Weights = "user"

    def __init__(self, path: Path) -> None:
        self.path = files.require_file(path, "an ONNX file")
        self.sha256 = files.sha256_file(path)


def require_fit(spec: ModelSpec, info: BackendInfo) -> None:
    """UserError where a backend that builds the network gets an ONNX file."""
    if spec.onnx is not None and info.takes == "checkpoint":
        raise UserError(
            "source.needs_checkpoint",
            "the backend {backend} runs checkpoints, and {model} is the ONNX file {onnx}",
            hint="Choose another --backend, such as onnxruntime.",
            backend=info.name,
            model=spec.name,
            onnx=spec.onnx,
        )


def resolve(
    spec: ModelSpec, sample: bool, checkpoint: Path | None, env: Env
) -> Generator[Event, None, Source]:
    """The weights of a model, or its ONNX file."""
    if spec.onnx is None:
        return (yield from _weights.resolve(spec, sample, checkpoint, env))
    _weights.require_one_source(spec, sample, checkpoint)
    source = OnnxFile(spec.onnx)
    yield LogLine(f"{source.path.name}: sha256 {source.sha256}")
    return source


def _taken_over(spec: ModelSpec, source: OnnxFile, env: Env) -> Generator[Event, None, Path]:
    """The ONNX file with fix-ups in the run folder, at the opset that it has."""
    from ascend_console.tools import onnx_graph

    output = env.folder / "export" / f"{spec.name}.onnx"
    output.parent.mkdir(parents=True, exist_ok=True)
    report = onnx_graph.apply_fixups(source.path, output)
    yield LogLine(report.text())
    facts = onnx_graph.inspect_graph(output)
    yield LogLine(f"opset {facts.opset}, IR {facts.ir_version}, taken as it is")
    yield ArtifactWritten(str(output), "onnx")
    return output


def convert_sources(
    spec: ModelSpec,
    source: Source,
    info: BackendInfo,
    batch_sizes: tuple[int, ...],
    env: Env,
    calibration: Calibration | None = None,
) -> Generator[Event, None, dict[int, ConvertSource]]:
    """What each batch size is converted from; `calibration` is for precisions that need one."""
    require_fit(spec, info)
    if isinstance(source, OnnxFile):
        path = yield from _taken_over(spec, source, env)
        made = dict.fromkeys(batch_sizes, _convert.source_of(spec, path, None))
    else:
        made = yield from _convert.sources(spec, source, info, batch_sizes, env)
    return {size: replace(entry, calibration=calibration) for size, entry in made.items()}
