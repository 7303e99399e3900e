"""`run`: the whole workflow of one model, from a checkpoint to a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.events import JobSucceeded
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs import _convert
from ascend_console.jobs._backend_options import (
    device_option,
    infer_tool_option,
    precision_option,
    provider_option,
    soc_version_option,
    threads_option,
)
from ascend_console.jobs._models import find_model, zoo_names

if TYPE_CHECKING:
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Events


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What to validate, with what, on what."""

    model: tuple[str, ...] | None = option(
        "Models, one run each.",
        default=None,
        default_text="none; then --onnx or --resume",
        known=zoo_names,
    )
    onnx: Path | None = option(
        "Any ONNX classifier, with usual preprocessing; what is assumed is said.",
        default=None,
        default_text="none; name this or --model",
    )
    resume: str | None = option(
        "Take up an interrupted run: its id, a unique prefix, or `last`; nothing else is named.",
        default=None,
        default_text="a new run",
    )
    backend: str = option("Runtime.", default="onnxruntime", choices=_convert.backend_names)
    provider: str | None = provider_option()
    device: str | None = device_option()
    threads: int | None = threads_option()
    batch_size: tuple[int, ...] | None = option(
        "Batch sizes.",
        default=None,
        default_text="the official ones of the model",
        unit="images",
        minimum=1,
    )
    precision: str | None = precision_option()
    soc_version: str | None = soc_version_option()
    infer_tool: str | None = infer_tool_option()
    sample: bool = option(
        "Take sample weights, made here, and the sample images (held-out half).", default=False
    )
    checkpoint: Path | None = option(
        "Checkpoint file.", default=None, default_text="none; name this or --sample"
    )
    dataset: Path | None = option(
        "Folder of images.", default=None, default_text="with --sample: the sample images"
    )
    labels: Path | None = option(
        "Label file: val_label.txt, or label.json for attributes.",
        default=None,
        default_text="in or beside the folder",
    )
    limit: int | None = option(
        "Take only the first images.", default=None, default_text="all", unit="images", minimum=1
    )
    skip_bad_images: bool = option("Judge the rest where images are bad.", default=False)
    wait_idle: float | None = option(
        "Before each measurement, wait at most so long until no other process is busy.",
        default=None,
        default_text="measure at once",
        unit="s",
        minimum=0,
    )
    allow_busy: bool = option(
        "Measure on a busy device: nobody looks for other processes, and the result says so.",
        default=False,
    )
    baseline: str | None = option(
        "A finished run to compare with: its id, a unique prefix, or `last`.",
        default=None,
        default_text="none",
    )
    keep_bins: bool = option("Write the preprocessed .bin files and the .info file.", default=False)


def split(request: RunRequest, settings: Settings) -> list[RunRequest]:
    """One request for each model; a name that there is not is refused before any work."""
    if request.model is not None and request.onnx is not None:
        raise UserError(
            "run.model_and_onnx",
            "--model and --onnx exclude each other",
            hint="Leave one of them out.",
        )
    if request.onnx is not None:
        return [request]
    if request.model is None:
        raise UserError(
            "run.what",
            "there is nothing to run",
            hint="Name --model NAME, --onnx FILE, or --resume RUN.",
        )
    for name in request.model:
        find_model(name, settings)
    return [replace(request, model=(name,)) for name in request.model]


def label(request: RunRequest) -> str:
    """The model's name, which is that of a bare ONNX file."""
    if request.onnx is not None:
        return request.onnx.stem
    return (request.model or ("run",))[0]


def run(request: RunRequest, env: Env) -> Events:
    """Take one model from its weights to a verdict."""
    from ascend_console.jobs import _telemetry, _workflow

    outcome = yield from _telemetry.sampled(_workflow.carry_out(request, env), env)
    yield JobSucceeded(outcome.verdict.verdict, outcome.exit_code)


ENTRY = Job(
    name="run",
    summary="The whole workflow, from a checkpoint to a verdict.",
    request=RunRequest,
    run=run,
    example="ascend-console run --model ghostnet --sample --batch-size 1,8",
    recording=True,
    split=split,
    label=label,
    order=10,
)
