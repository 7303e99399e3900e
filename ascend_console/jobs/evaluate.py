"""`evaluate`: results and labels to `result.json` and the numbers beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.accuracy import against_published, recorded
from ascend_console.core.errors import UserError
from ascend_console.core.events import (
    ArtifactWritten,
    JobSucceeded,
    Measured,
    Progress,
    RowAdded,
    StepStarted,
    Warned,
)
from ascend_console.core.gates import accuracy_gate, verdict_of
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.core.verdict import Images
from ascend_console.jobs._data import holding
from ascend_console.jobs._judge import deciding
from ascend_console.jobs._models import find_model, zoo_names
from ascend_console.jobs._onnx_model import checked_model
from ascend_console.jobs._output import output_file
from ascend_console.jobs._scoring import Scorer, Scores, accuracy_figures, write_accuracy
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from ascend_console.core.events import Event
    from ascend_console.core.specs import AccuracyReference, Events, ModelSpec
    from ascend_console.tools.result_set import ResultSet


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Which results against which labels."""

    model: str = option("Model, for its metric.", known=zoo_names)
    results: Path = option("Folder of results, or its _summary.json (sumary.json).")
    labels: Path = option("val_label.txt, label.json for attributes, or a folder of class folders.")
    output: Path | None = option(
        "Result file to write: result.json as published, or the figures of attributes.",
        default=None,
        default_text="accuracy/ in the run folder",
    )
    allow_missing: bool = option(
        "Judge only the images that have results, where labels of more are given.", default=False
    )


def _labels(spec: ModelSpec, path: Path) -> Mapping[str, Any]:
    """Labels by the key of their image."""
    from ascend_console.tools import label_files

    if path.is_dir():
        from ascend_console.tools.image_sets import open_dataset

        images = open_dataset(path, None, spec.task, outputs=spec.label_classes)
        return dict(zip(images.keys, images.labels, strict=True))
    files.require_file(path, "a label file")
    if spec.task == "classification":
        return label_files.class_labels(path, spec.label_classes)
    return label_files.attribute_labels(path, spec.label_classes)


def _check_width(spec: ModelSpec, found: ResultSet) -> None:
    """As many values as the model has, or one more: a background class before the others."""
    from ascend_console.tools.results import result_width

    classes = spec.output.shape[0]
    either = spec.task == "classification" and spec.user is None
    allowed = (classes, classes + 1) if either else (classes,)
    width = result_width(found)
    if width not in allowed:
        raise UserError(
            "evaluate.width",
            "the results have {width} values, and {model} has {classes}",
            hint="Name the model that these results are of.",
            width=width,
            model=spec.name,
            classes=classes,
        )


def _wanted(found: ResultSet, labels: Mapping[str, Any], allow_missing: bool) -> list[str]:
    """The images to judge; without `allow_missing` every label needs its result."""
    names = set(found.names)
    return [name for name in labels if name in names] if allow_missing else list(labels)


def _score(
    spec: ModelSpec, found: ResultSet, labels: Mapping[str, Any]
) -> Generator[Event, None, Scores]:
    """Read results in blocks and score them."""
    import numpy as np

    from ascend_console.tools.results import read_blocks

    scorer = Scorer(spec.task)
    for block in read_blocks(found):
        names = found.names[scorer.count : scorer.count + len(block)]
        scorer.add(names, block, np.asarray([labels[name] for name in names], np.int64))
        yield Progress(scorer.count, len(found), "results")
    return scorer.scores()


def _published(spec: ModelSpec, request: EvaluateRequest, names: Sequence[str],
               labels: Mapping[str, Any]) -> tuple[AccuracyReference, ...]:  # fmt: skip
    """The published figures that hold for these names and labels."""
    from ascend_console.tools.image_sets import ImageSet

    beside = request.labels.parent / "image.txt"
    image_set = ImageSet(
        folder=request.results,
        kind=spec.metric,
        files=tuple(Path(name) for name in names),
        labels=tuple(labels[name] for name in names),
        source=str(request.labels),
        label_file=request.labels if request.labels.is_file() else None,
        list_file=beside if beside.is_file() else None,
    )
    return holding(spec, image_set)


def _judged(published: Sequence[AccuracyReference], scores: Scores) -> Events:
    """The gate against the published figures, on the published data set."""
    references = deciding(published)
    judgements = [
        against_published(metric, value, references[metric])
        if metric in references
        else recorded(metric, value)
        for metric, value in accuracy_figures(scores)
    ]
    count = len(scores.names)
    gate = accuracy_gate(judgements, Images(total=count, used=count))
    verdict = verdict_of([gate])
    for entry in gate.findings:
        yield RowAdded("reasons", {"gate": gate.id, "state": gate.state, **entry.to_json()})
    for entry in verdict.warnings:
        yield entry.warned()
    yield JobSucceeded(verdict.verdict, verdict.exit_code)


def _targets(request: EvaluateRequest, env: Env) -> Path | None:
    """The user's own target, checked before any work."""
    if request.output is None:
        return None
    return output_file(request.output, request.output, ".json", env)


def _write(scores: Scores, spec: ModelSpec, target: Path | None, env: Env) -> Events:
    written = write_accuracy(scores, env.folder / "accuracy", spec.labels)
    for path in written:
        yield ArtifactWritten(str(path), "accuracy")
    if target is not None:
        files.write_bytes(target, written[0].read_bytes())
        yield ArtifactWritten(str(target), "accuracy")


def _summary(spec: ModelSpec, scores: Scores) -> dict[str, Any]:
    figures = {
        f"{metric} %": None if value is None else round(100 * value, 3)
        for metric, value in accuracy_figures(scores)
    }
    return {"model": spec.name, "images": len(scores.names), **figures}


def evaluate(request: EvaluateRequest, env: Env) -> Events:
    """Pair results with labels by name, score them, write the figures."""
    from ascend_console.tools.result_set import find_results, pair

    spec = checked_model(find_model(request.model, env.settings))
    target = _targets(request, env)
    labels = _labels(spec, request.labels)
    index = (spec.user.output_index if spec.user else None) or 0
    found = find_results(request.results, output_index=index)
    _check_width(spec, found)
    wanted = _wanted(found, labels, request.allow_missing)
    pair(found.names, wanted)
    if len(wanted) < len(labels):
        yield Warned(
            "evaluate.missing",
            f"{len(labels) - len(wanted)} of {len(labels)} labelled images have no result and "
            "are left out",
            args={"missing": str(len(labels) - len(wanted)), "total": str(len(labels))},
        )
    yield StepStarted("evaluate", 1, 1)
    scores = yield from _score(spec, found, labels)
    for metric, value in accuracy_figures(scores):
        yield Measured(metric, value, "fraction")
    yield from _write(scores, spec, target, env)
    yield RowAdded("summary", _summary(spec, scores))
    published = _published(spec, request, found.names, labels)
    if published:
        yield from _judged(published, scores)


ENTRY = Job(
    name="evaluate",
    summary="Results and labels to result.json, or to the attribute figures.",
    request=EvaluateRequest,
    run=evaluate,
    example="ascend-console evaluate --model ghostnet --results result --labels val_label.txt",
    recording=True,
    label=lambda request: str(request.model),
    order=60,
)
