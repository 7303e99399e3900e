"""The accuracy of the points of a bench, where several settings of a model are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ascend_console.core.backend import FileBackend
from ascend_console.core.events import ArtifactWritten, StepStarted
from ascend_console.core.gates import accuracy_gate, batch_consistency_gate
from ascend_console.core.sweep import gravest, joined_gate
from ascend_console.core.verdict import Gate, Images, finding
from ascend_console.jobs import _array_steps, _file_steps, _judge, _reference
from ascend_console.jobs._preprocess_step import preprocessed
from ascend_console.jobs._scoring import write_accuracy

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.events import Event
    from ascend_console.core.verdict import AccuracyRow
    from ascend_console.jobs._bench_plan import Steps
    from ascend_console.jobs._bench_point import Point
    from ascend_console.jobs._bench_subject import Subject
    from ascend_console.jobs._judge import BatchResult
    from ascend_console.jobs._preprocess_step import Bins
    from ascend_console.jobs._scoring import Scores
    from ascend_console.jobs._workflow import Workflow

# An accuracy belongs to a precision and a batch size; threads do not change it.
Key = tuple[str, int]

_FIRST = ("top1", "instance_acc")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What was found of the accuracy: rows and gates; nothing where it was not judged."""

    rows: tuple[AccuracyRow, ...]
    images: Images
    gate: Gate
    consistency: Gate


def not_judged(subject: Subject) -> Accuracy:
    """A bench of one setting: its accuracy is that of `run`."""
    images = len(subject.run.data.images) if subject.run is not None else 0
    why = finding(
        "bench.no_accuracy",
        "accuracy is not part of a bench of one setting",
        "Use `run`, or name several precisions or threads.",
    )
    return Accuracy(
        (),
        Images(total=images, used=images),
        Gate("accuracy", None, "NO_RULE", (why,)),
        Gate("batch_consistency", None, "NO_RULE", (why,)),
    )


def _prepared(run: Workflow, steps: Steps) -> Generator[Event, None, Bins]:
    """Every image as a file; the step counts among those of the bench."""
    events = preprocessed(run)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            bins: Bins = end.value
            return bins
        yield steps.begin(event.name) if isinstance(event, StepStarted) else event


def _inferred(
    points: Sequence[Point], steps: Steps, bins: Bins | None
) -> Generator[Event, None, dict[Key, BatchResult]]:
    """Every image through the artefact of each precision and batch size."""
    results: dict[Key, BatchResult] = {}
    for point in points:
        key, run = (point.column.precision, point.batch_size), point.column.run
        if key in results or run is None:
            continue
        yield steps.begin(f"infer bs{point.batch_size} {point.column.precision}")
        if isinstance(run.backend, FileBackend):
            assert bins is not None
            result = yield from _file_steps.infer_one(run, run.backend, point.artifact, bins)
        else:
            result = yield from _array_steps.infer_one(run, point.artifact)
        folder = run.folder("accuracy", point.batch_size)
        for path in write_accuracy(result.scores, folder, run.spec.labels):
            yield ArtifactWritten(str(path), "accuracy")
        results[key] = result
    return results


def _with_precision(entry: Judgement, batch_size: int, precision: str) -> Judgement:
    """A judgement whose reason names the precision too: `bs8 int8 Top-1: ...`."""
    if entry.why is None:
        return entry
    at, both = f"bs{batch_size} ", f"bs{batch_size} {precision} "
    why = replace(
        entry.why,
        message=entry.why.message.replace(at, both, 1),
        args={**entry.why.args, "at": both},
    )
    return replace(entry, why=why)


def _judgements(
    subject: Subject, run: Workflow, reference: Scores, results: Mapping[Key, BatchResult]
) -> dict[Key, list[Judgement]]:
    """Against the published figure on the published data, else against the reference."""
    complete = not any(result.bad for result in results.values())
    published = bool(run.data.references) and subject.weights_kind != "sample" and complete
    source = _reference.reference_name(run.spec)
    found = {}
    for (precision, size), result in results.items():
        entries = (
            _judge.judge_published(run.data.references, result)
            if published
            else _judge.judge_paired(reference, result, source=source)
        )
        found[precision, size] = [_with_precision(entry, size, precision) for entry in entries]
    return found


def _consistency(results: Mapping[Key, BatchResult]) -> Gate:
    """Every precision by itself: another precision may answer differently."""
    gates = []
    for precision in dict.fromkeys(precision for precision, _ in results):
        found = {size: result for (name, size), result in results.items() if name == precision}
        names = next(iter(found.values())).scores.names
        predicted = {size: result.scores.predictions for size, result in found.items()}
        gates.append(batch_consistency_gate(predicted, names))
    return joined_gate(gates)


def _known(point: Point, entries: Sequence[Judgement], result: BatchResult) -> Point:
    """A point with its accuracy: the first gated figure, and the gravest state of all."""
    first = next((entry.value for entry in entries if entry.metric in _FIRST), None)
    return replace(
        point,
        e2e_throughput=result.e2e_images_per_s,
        accuracy=first,
        accuracy_state=gravest(entry.state for entry in entries),
    )


def judged(
    subject: Subject, points: Sequence[Point], steps: Steps
) -> Generator[Event, None, tuple[list[Point], Accuracy]]:
    """The points with their accuracies, and what these amount to."""
    run = subject.run
    assert run is not None
    assert subject.weights is not None
    bins = (yield from _prepared(run, steps)) if run.with_files else None
    results = yield from _inferred(points, steps, bins)
    yield steps.begin("reference")
    reference = yield from _reference.reference_scores(
        run.spec,
        subject.weights,
        run.data.images,
        run.intake(),
        subject.env,
        run.data.chosen,
        run.fingerprint,
    )
    judgements = _judgements(subject, run, reference, results)
    known = [
        _known(point, judgements[key], results[key])
        for point in points
        for key in [(point.column.precision, point.batch_size)]
    ]
    first = next(iter(results.values()))
    total, used = len(run.data.images), len(first.scores.names)
    images = Images(total=total, used=used, bad=total - used)
    bad = tuple(dict.fromkeys(name for result in results.values() for name in result.bad))
    every = [entry for entries in judgements.values() for entry in entries]
    rows = tuple(
        entry.row(size, precision)
        for (precision, size), entries in judgements.items()
        for entry in entries
    )
    return known, Accuracy(
        rows, images, accuracy_gate(every, images, bad_names=bad), _consistency(results)
    )
