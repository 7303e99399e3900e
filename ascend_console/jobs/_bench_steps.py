"""The course of a bench: artefacts, measurements, accuracy where asked for, operators, verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.events import ArtifactWritten, LogLine, RowAdded
from ascend_console.core.sweep import pareto, recommendation, recommended
from ascend_console.jobs import _baseline, _bench_accuracy, _bench_profile, _bench_tuned
from ascend_console.jobs._bench_measure import Measuring, measure_point
from ascend_console.jobs._bench_plan import BatchSizes, Steps, foreseen
from ascend_console.jobs._bench_point import sweep_line
from ascend_console.jobs._bench_subject import Subject
from ascend_console.jobs._bench_telemetry import Telemetry
from ascend_console.jobs._bench_verdict import conclude
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from ascend_console.core.events import Event
    from ascend_console.core.operators import OperatorTable
    from ascend_console.core.regression import BaselineGate
    from ascend_console.core.specs import Env, Events
    from ascend_console.core.verdict import Finding, Verdict
    from ascend_console.jobs._bench_point import Point
    from ascend_console.jobs.bench import BenchRequest


def _measured(
    this: Measuring, steps: Steps, sizes: Sequence[int] | None
) -> Generator[Event, None, list[Point]]:
    """Every point of every column."""
    points = []
    for column in this.subject.columns:
        batch_sizes = BatchSizes(sizes)
        for size in batch_sizes:
            yield steps.begin(f"measure bs{size}{column.note}")
            point = yield from measure_point(this, column, size)
            batch_sizes.measured(point.throughput)
            points.append(point)
    return points


def _in_turns(
    this: Measuring, steps: Steps, size: int, twin: Path
) -> Generator[Event, None, tuple[list[Point], dict[str, Any] | None, list[Finding]]]:
    """A tuned artefact and its twin: the point of the tuned one, and what tuning brought."""
    column = this.subject.columns[0]
    yield steps.begin(f"measure bs{size}{column.note}")
    tuned, plain = yield from _bench_tuned.measured_in_turns(this, column, size, twin)
    found = yield from _bench_tuned.compared(this, tuned, plain)
    if found is None:
        return [tuned], None, []
    said, document = found
    yield LogLine(said.message)
    return [tuned], document, [said]


def _operators(
    this: Measuring, steps: Steps, points: Sequence[Point]
) -> Generator[Event, None, list[OperatorTable]]:
    """The operators of the fastest point of each column."""
    tables = []
    for point in _bench_profile.fastest(points):
        yield steps.begin(f"profile bs{point.batch_size}{point.column.note}")
        several = len(this.subject.columns) > 1
        table = yield from _bench_profile.profiled(this, point, several=several)
        tables += [] if table is None else [table]
    return tables


def _sweep(this: Measuring, points: Sequence[Point]) -> Events:
    """All points side by side, and the one to take."""
    compared = [point.sweep_point() for point in points]
    best, chosen = pareto(compared), recommended(compared)
    for point, entry in zip(points, compared, strict=True):
        line = sweep_line(
            this.subject.name, entry, pareto=entry in best, recommended=entry is chosen
        )
        yield RowAdded("sweep", this.label(point.column) | line)
    said = recommendation(compared)
    yield RowAdded("recommendation", said.to_json())
    yield LogLine(said.message)


def _tell(
    this: Measuring,
    verdict: Verdict,
    document: dict[str, Any],
    baseline: dict[str, Any] | None,
    fall: BaselineGate | None,
) -> Events:
    """The verdict as a file, as reasons, as a report, and beside the baseline."""
    env = this.env
    path = env.folder / "verdict.json"
    files.write_json(path, document)
    yield ArtifactWritten(str(path), "verdict")
    for entry in verdict.warnings:
        yield entry.warned()
    for gate in verdict.gates:
        for entry in gate.findings:
            yield RowAdded("reasons", {"gate": gate.id, "state": gate.state, **entry.to_json()})
    if fall is not None and baseline is not None:
        yield from _baseline.told(fall)
        yield from _baseline.compare(document, baseline)
    yield from _report(env, document)


def _report(env: Env, document: dict[str, Any]) -> Events:
    """The report of the bench, in the user's language."""
    from ascend_console.jobs._report_document import run_report
    from ascend_console.jobs.report import report_text

    path = env.folder / "report.md"
    # A report knows no unknown fingerprint.
    told = {**document, "fingerprint": document["fingerprint"] or {}}
    text = report_text("md", [run_report(env.folder, env, {}, told)], env.settings.lang)
    files.write_text(path, text)
    yield ArtifactWritten(str(path), "report")


def carry_out(request: BenchRequest, env: Env) -> Generator[Event, None, tuple[str, int]]:
    """Measure what a request asks for, and judge how far it can be trusted.

    Gives back the verdict, and the exit code of it or of a fall against the baseline.
    """
    subject = Subject(request, env)
    baseline = _baseline.open_baseline(request.baseline, env)
    sizes = subject.sizes()
    steps = Steps(foreseen(subject, sizes))
    yield from subject.notes()
    if subject.run is not None and subject.artifact_path is None:
        yield steps.begin("weights")
        yield from subject.resolve()
    comparison: dict[str, Any] | None = None
    notes: list[Finding] = []
    accuracy = _bench_accuracy.not_judged(subject)
    twin = _bench_tuned.twin_of(subject.artifact_path)
    with Telemetry(env) as telemetry:
        this = Measuring(subject, telemetry)
        if twin is not None and sizes is not None and len(subject.columns) == 1:
            points, comparison, notes = yield from _in_turns(this, steps, sizes[0], twin)
        else:
            points = yield from _measured(this, steps, sizes)
        tables = (yield from _operators(this, steps, points)) if request.profile else []
    if subject.judges_accuracy:
        points, accuracy = yield from _bench_accuracy.judged(subject, points, steps)
    yield steps.begin("verdict")
    if len(points) > 1:
        yield from _sweep(this, points)
    verdict, document = conclude(subject, points, accuracy, tables, baseline, notes)
    document["comparison"] = comparison
    fall = None
    if baseline is not None:
        fall = _baseline.baseline_gate(document, baseline, env.settings, env.folder)
        document["baseline"] = fall.to_json()
    yield from _tell(this, verdict, document, baseline, fall)
    files.remove_folder(env.folder / "work")
    code = verdict.exit_code if fall is None else fall.exit_code(verdict.exit_code)
    return verdict.verdict, code
