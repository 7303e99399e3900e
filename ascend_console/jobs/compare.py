"""`compare`: the outputs of a model or artefact beside those of torch, a run or another file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
from ascend_console.jobs._models import zoo_names

if TYPE_CHECKING:
    from ascend_console.core.specs import Events


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """What to compare with what, on which images."""

    model: str | None = option(
        "Model; with --artifact the one that it is of.",
        default=None,
        default_text="that of the run, or what an ONNX file tells",
        known=zoo_names,
    )
    artifact: Path | None = option(
        "Artefact, or any ONNX file.", default=None, default_text="made from the model's weights"
    )
    against: str = option(
        "The reference: `torch` (float32), a run (its id, a unique prefix, a path or `last`), or "
        "a file."
    )
    backend: str | None = option(
        "Runtime of what is compared.",
        default=None,
        default_text="by the artefact's suffix, else onnxruntime",
        choices=_convert.backend_names,
    )
    provider: str | None = provider_option()
    device: str | None = device_option()
    threads: int | None = threads_option()
    batch_size: int | None = option(
        "Batch size.",
        default=None,
        default_text="the artefact's own, else the first official one of the model",
        unit="images",
        minimum=1,
    )
    precision: str | None = precision_option()
    soc_version: str | None = soc_version_option()
    infer_tool: str | None = infer_tool_option()
    sample: bool = option("Take sample weights, made here, and the sample images.", default=False)
    checkpoint: Path | None = option(
        "Checkpoint file.", default=None, default_text="sample weights"
    )
    dataset: Path | None = option(
        "Folder of images; labels are not needed.", default=None, default_text="the sample images"
    )
    labels: Path | None = option(
        "Label file: val_label.txt, or label.json for attributes.",
        default=None,
        default_text="in or beside the folder, if there is one",
    )
    limit: int | None = option(
        "Take only the first images.", default=None, default_text="all", unit="images", minimum=1
    )
    skip_bad_images: bool = option("Judge the rest where images are bad.", default=False)
    tolerance: float | None = option(
        "Largest difference allowed, relative to the largest reference value.",
        default=None,
        default_text="0.001 for float32 on both sides, else a cosine of at least 0.99",
        minimum=0,
    )


def label(request: CompareRequest) -> str:
    """The model's name, or that of the artefact's file."""
    return request.model or (request.artifact.stem if request.artifact else "compare")


def compare(request: CompareRequest, env: Env) -> Events:
    """Compare both sides on the same images."""
    from ascend_console.jobs import _compare_steps

    verdict = yield from _compare_steps.carry_out(request, env)
    yield JobSucceeded(verdict.verdict, verdict.exit_code)


ENTRY = Job(
    name="compare",
    summary="Outputs of two backends or artefacts on the same inputs, down to the layer.",
    request=CompareRequest,
    run=compare,
    example="ascend-console compare --model ghostnet --against torch",
    recording=True,
    label=label,
    order=62,
)
