"""`plan`: a workflow on Ascend as a shell script; nothing is executed or written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.ascend.soc import normalise_soc_version
from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs import _onnx_model, _weights
from ascend_console.jobs._models import find_model, zoo_names
from ascend_console.jobs._plan import Plan, Wish, plan_document, script_text
from ascend_console.jobs._plan_guide import TOOLS
from ascend_console.jobs._plan_own import own_plan
from ascend_console.jobs._plan_published import guide_of, published_plan

if TYPE_CHECKING:
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Events, ModelSpec
    from ascend_console.jobs._plan_guide import Guide, Tool

_SET_ENV = PurePosixPath("/usr/local/Ascend/ascend-toolkit/set_env.sh")
_LAST_DEVICE = 255


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """Which workflow, for what, with whose commands."""

    model: str = option("Model.", known=zoo_names)
    own: bool = option(
        "Use the console's commands, so that no script of the ModelZoo is needed.", default=False
    )
    backend: Literal["ascend"] = option("Runtime.", default="ascend")
    device: int = option("Number of the device.", default=0, minimum=0)
    batch_size: tuple[int, ...] | None = option(
        "Batch sizes.",
        default=None,
        default_text="the official ones of the model",
        unit="images",
        minimum=1,
    )
    precision: Literal["fp16", "fp32"] = option("Numeric precision.", default="fp16")
    soc_version: str | None = option(
        "Target chip of atc, such as Ascend310P3.",
        default=None,
        default_text="the chip of the device, which the script looks up",
    )
    infer_tool: Literal["ais_infer", "ais_bench", "benchmark", "msame"] | None = option(
        "Inference tool.",
        default=None,
        default_text="that of the model's guide; with --own the first that is installed",
    )
    sample: bool = option(
        "With --own: take sample weights, and the sample images without --dataset.", default=False
    )
    checkpoint: Path | None = option(
        "Checkpoint file.", default=None, default_text="the published one, fetched by the script"
    )
    dataset: Path | None = option(
        "Folder of images.", default=None, default_text="that of the model's guide"
    )
    labels: Path | None = option(
        "Label file: val_label.txt, or label.json for attributes.",
        default=None,
        default_text="in or beside the folder",
    )
    limit: int | None = option(
        "Take only the first images.", default=None, default_text="all", unit="images", minimum=1
    )


def _set_env(settings: Settings) -> Path | PurePosixPath:
    """The script of the CANN that is installed here, else the usual place."""
    from ascend_console.tools.vendor_tools import VendorTools

    cann = VendorTools.of(settings).cann
    return (cann.set_env if cann else None) or _SET_ENV


def _wish(request: PlanRequest, spec: ModelSpec, settings: Settings) -> Wish:
    dataset, labels = request.dataset, request.labels
    if request.sample and dataset is None:
        images = _weights.sample_set(spec, "val")
        dataset, labels = images.folder, images.label_file
    own_file = settings.config_file if spec.user is not None else None
    return Wish(
        lang=settings.lang,
        batch_sizes=request.batch_size or spec.official_batch_sizes,
        device=request.device,
        precision=request.precision,
        soc_version=normalise_soc_version(request.soc_version) if request.soc_version else None,
        infer_tool="ais_bench" if request.infer_tool == "ais_infer" else request.infer_tool,
        sample=request.sample,
        checkpoint=request.checkpoint,
        dataset=dataset,
        labels=labels,
        limit=request.limit,
        set_env=_set_env(settings),
        config=own_file if own_file is not None and own_file.is_file() else None,
    )


def _check(request: PlanRequest, spec: ModelSpec) -> None:
    """UserError for what a plan cannot be made of."""
    if request.device > _LAST_DEVICE:
        raise UserError(
            "plan.device",
            "{device} is no number of a device",
            hint="Take one from 0 to 255, as `npu-smi info` shows it.",
            device=request.device,
        )
    if request.sample or spec.onnx is not None:
        _weights.require_one_source(spec, request.sample, request.checkpoint)
    _onnx_model.require_batch_sizes(spec, request.batch_size or ())
    if request.labels is not None and request.dataset is None:
        raise UserError(
            "run.labels",
            "--labels needs --dataset",
            hint="Add --dataset DIR, or leave --labels out.",
        )


def _tool(request: PlanRequest, guide: Guide) -> Tool:
    """The tool of a plan with the guide's scripts."""
    if request.infer_tool is None:
        return guide.tool
    for tool in TOOLS:
        if tool == request.infer_tool:
            return tool
    raise UserError(
        "plan.tool",
        "the scripts of the ModelZoo cannot use {tool}: it takes a whole batch as one file",
        hint="Choose another --infer-tool ({known}), or add --own.",
        tool=request.infer_tool,
        known=", ".join(TOOLS),
    )


def _published(request: PlanRequest, spec: ModelSpec, guide: Guide, wish: Wish) -> Plan:
    if request.sample:
        raise UserError(
            "plan.sample",
            "sample weights are made by the console, and this plan runs without it",
            hint="Add --own, or name --checkpoint FILE.",
        )
    return published_plan(spec, guide, _tool(request, guide), wish)


def _own(spec: ModelSpec, guide: Guide | None, wish: Wish) -> Plan:
    dataset = wish.dataset or (PurePosixPath(guide.dataset) if guide else None)
    if dataset is None:
        raise UserError(
            "run.dataset",
            "{model} needs images to be judged on",
            hint="Add --dataset DIR with the images and their labels.",
            model=spec.name,
        )
    return own_plan(spec, wish, dataset)


def _answer(spec: ModelSpec, plan: Plan, wish: Wish) -> Answered:
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "model": spec.name,
        "backend": "ascend",
        "batch_sizes": list(wish.batch_sizes),
        **plan_document(plan, wish.lang),
    }
    rows = tuple(
        (number, step.title.said(wish.lang), line)
        for number, step in enumerate(plan.steps, 1)
        for line in step.lines
    )
    text = script_text(plan, wish.lang)
    return Answered(document, ("step", "title", "command"), rows, text=text)


def plan(request: PlanRequest, env: Env) -> Events:
    """Write the workflow down as a script for bash."""
    spec = _onnx_model.checked_model(find_model(request.model, env.settings))
    _check(request, spec)
    wish, guide = _wish(request, spec, env.settings), guide_of(spec)
    if guide is None and not request.own:
        yield Warned(
            "plan.own",
            f"no scripts are published for {spec.name}: the plan uses the console's commands",
            "",
            {"model": spec.name},
        )
    if guide is None or request.own:
        yield _answer(spec, _own(spec, guide, wish), wish)
        return
    yield _answer(spec, _published(request, spec, guide, wish), wish)


ENTRY = Job(
    name="plan",
    summary="A whole workflow on Ascend as a shell script that runs without the console.",
    request=PlanRequest,
    run=plan,
    example="ascend-console plan --model ghostnet --soc-version Ascend310P3 > ghostnet.sh",
    recording=False,
    order=68,
)
