"""`export`: a checkpoint to an ONNX file as published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.events import StepStarted
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs import _weights
from ascend_console.jobs._export import export_onnx, onnx_name
from ascend_console.jobs._models import find_model, zoo_names
from ascend_console.jobs._output import output_file

if TYPE_CHECKING:
    from ascend_console.core.specs import Events, ModelSpec

DYNAMIC = -1


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What to export and how."""

    model: str = option("Model.", known=zoo_names)
    checkpoint: Path | None = option(
        "Checkpoint file to load.", default=None, default_text="none; name this or --sample"
    )
    sample: bool = option("Take sample weights, made here from the sample data.", default=False)
    batch_size: int | None = option(
        "Fixed batch; -1 leaves it dynamic.",
        default=None,
        default_text="as published: dynamic, or 1 for moco_v2 and deepmar",
        unit="images",
        minimum=DYNAMIC,
    )
    output: Path | None = option(
        "ONNX file to write.", default=None, default_text="export/ in the run folder"
    )


def exported_batch(spec: ModelSpec, wanted: int | None) -> int | None:
    """The batch size to export with, None for a dynamic one."""
    if wanted == 0:
        raise UserError(
            "export.batch_zero",
            "--batch-size 0 is no batch",
            hint="Name at least 1, or -1 for a dynamic batch.",
        )
    if wanted is None:
        return 1 if spec.fixed_batch else None
    return None if wanted == DYNAMIC else wanted


def export(request: ExportRequest, env: Env) -> Events:
    """Load the weights, export, edit, verify, compare."""
    spec = find_model(request.model, env.settings)
    if spec.onnx is not None:
        raise UserError(
            "export.is_onnx",
            "{model} is the ONNX file {onnx}, and needs no export",
            hint="Convert it: ascend-console convert --model {model}.",
            model=spec.name,
            onnx=spec.onnx,
        )
    batch_size = exported_batch(spec, request.batch_size)
    default = env.folder / "export" / onnx_name(spec, batch_size)
    output = output_file(request.output, default, ".onnx", env)
    yield StepStarted("weights", 1, 2)
    weights = yield from _weights.resolve(spec, request.sample, request.checkpoint, env)
    yield StepStarted("export", 2, 2)
    yield from export_onnx(spec, weights, batch_size, output)


ENTRY = Job(
    name="export",
    summary="Checkpoint to ONNX: opset 11, published names, fix-ups, verified.",
    request=ExportRequest,
    run=export,
    example="ascend-console export --model ghostnet --sample --output ghostnet.onnx",
    recording=True,
    label=lambda request: str(request.model),
    order=20,
)
