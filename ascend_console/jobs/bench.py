"""`bench`: throughput and latency over batch sizes, precisions and threads."""

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
    provider_option,
    soc_version_option,
)
from ascend_console.jobs._models import zoo_names

if TYPE_CHECKING:
    from ascend_console.core.specs import Events


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """What to measure, with what, on what, and for how long."""

    model: str | None = option(
        "Model.",
        default=None,
        default_text="none; name this, --onnx or --artifact",
        known=zoo_names,
    )
    onnx: Path | None = option(
        "Any ONNX file; without --dataset on random input.", default=None, default_text="none"
    )
    artifact: Path | None = option(
        "Converted model; without --model on random input. A tuned one is compared with its "
        "untuned twin beside it.",
        default=None,
        default_text="none",
    )
    backend: str | None = option(
        "Runtime.",
        default=None,
        default_text="onnxruntime; of an artefact by the suffix",
        choices=_convert.backend_names,
    )
    provider: str | None = provider_option()
    device: str | None = device_option()
    soc_version: str | None = soc_version_option()
    infer_tool: str | None = infer_tool_option()
    batch_size: tuple[int, ...] | None = option(
        "Batch sizes, all of which are measured.",
        default=None,
        default_text="1, 2, 4, ... until throughput gains less than 5 % twice",
        unit="images",
        minimum=1,
    )
    precision: tuple[str, ...] | None = option(
        "Numeric precisions; with several, each has its accuracy judged.",
        default=None,
        default_text="the backend's first",
    )
    threads: tuple[int, ...] | None = option(
        "Threads of one inference; several are measured one after the other.",
        default=None,
        default_text="one a core",
        unit="threads",
        minimum=1,
    )
    duration: float | None = option(
        "Measure at least so long; shorter than the default is not done.",
        default=None,
        default_text="3 s and 100 executions, or 10 s and 30",
        unit="s",
        minimum=0,
    )
    repeat: int | None = option(
        "Measure each point so often, for a mean and its 95 % interval.",
        default=None,
        default_text="once; a tuned artefact and its twin 3 times",
        minimum=1,
    )
    profile: bool = option("Tell which kinds of operators take the time.", default=False)
    sample: bool = option(
        "Take sample weights and images; so does a model for which nothing is named.",
        default=False,
    )
    checkpoint: Path | None = option(
        "Checkpoint file.", default=None, default_text="sample weights, made here"
    )
    dataset: Path | None = option(
        "Folder of images.", default=None, default_text="the sample images"
    )
    labels: Path | None = option(
        "Label file: val_label.txt, or label.json for attributes.",
        default=None,
        default_text="in or beside the folder",
    )
    limit: int | None = option(
        "Take only the first images.", default=None, default_text="all", unit="images", minimum=1
    )
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


def label(request: BenchRequest) -> str:
    """The model's name, or that of the file."""
    file = request.artifact or request.onnx
    return request.model or (file.stem if file else "bench")


def bench(request: BenchRequest, env: Env) -> Events:
    """Measure every point; an untrusted measurement decides the verdict."""
    from ascend_console.jobs import _bench_steps

    verdict, exit_code = yield from _bench_steps.carry_out(request, env)
    yield JobSucceeded(verdict, exit_code)


ENTRY = Job(
    name="bench",
    summary="Throughput and latency over batch sizes, precisions and threads.",
    request=BenchRequest,
    run=bench,
    example="ascend-console bench --model se_resnet50 --batch-size 8 --precision fp32,int8",
    recording=True,
    label=label,
    order=60,
)
