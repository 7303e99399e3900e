"""The steps of `run`, each of which can be taken up where an earlier attempt stopped."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.ascend import benchmark
from ascend_console.core import discovery
from ascend_console.core.backend import FileBackend
from ascend_console.core.events import ArtifactWritten, RowAdded, StepStarted
from ascend_console.core.verdict import Images, verdict_document
from ascend_console.jobs import (
    _array_steps,
    _baseline,
    _convert,
    _file_steps,
    _judge,
    _onnx_model,
    _reference,
    _sources,
    _weights,
)
from ascend_console.jobs._backend_options import backend_options
from ascend_console.jobs._calibration import calibration_for
from ascend_console.jobs._data import data_notes, open_data
from ascend_console.jobs._models import find_model
from ascend_console.jobs._preprocess_step import preprocessed
from ascend_console.jobs._scoring import write_accuracy
from ascend_console.jobs._stream import Intake
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.backend import Backend, BackendInfo
    from ascend_console.core.events import Event
    from ascend_console.core.regression import BaselineGate
    from ascend_console.core.specs import Env, Events, ModelSpec
    from ascend_console.core.verdict import AccuracyRow, PerformanceRow, Verdict
    from ascend_console.jobs._convert import Artifact
    from ascend_console.jobs._judge import BatchResult
    from ascend_console.jobs._preprocess_step import Bins
    from ascend_console.jobs._rates import MeasuredRate
    from ascend_console.jobs._scoring import Scores
    from ascend_console.jobs._sources import Source
    from ascend_console.jobs.run import RunRequest


def _steps(batch_sizes: tuple[int, ...], *, with_files: bool) -> list[str]:
    """The names of the steps, in order."""
    names = ["weights", "export", "convert"]
    names += ["preprocess"] if with_files else []
    names += [f"infer bs{size}" for size in batch_sizes]
    names += ["reference"]
    names += [f"measure bs{size}" for size in batch_sizes]
    return [*names, "verdict"]


def _model(request: RunRequest, env: Env) -> tuple[ModelSpec, list[Event]]:
    """The model of a request, with what was assumed of a bare ONNX file."""
    if request.onnx is not None:
        spec, note = _onnx_model.assumed_model(request.onnx)
        return spec, [note]
    spec = find_model((request.model or ("",))[0], env.settings)
    return _onnx_model.checked_model(spec), []


class Workflow:
    """One run under way: what its steps share."""

    def __init__(self, request: RunRequest, env: Env) -> None:
        from ascend_console.tools.environment import cores

        self.request = request
        self.env = env
        self.spec, self.notes = _model(request, env)
        self.batch_sizes = request.batch_size or self.spec.official_batch_sizes
        self.info: BackendInfo = discovery.load("backends", request.backend)
        self.precision = request.precision or _convert.default_precision(self.info)
        self.backend = self.new_backend()
        self.backend.require_ready()
        self.with_files = request.keep_bins or isinstance(self.backend, FileBackend)
        _weights.require_one_source(self.spec, request.sample, request.checkpoint)
        _sources.require_fit(self.spec, self.info)
        _onnx_model.require_batch_sizes(self.spec, self.batch_sizes)
        self.baseline = _baseline.open_baseline(request.baseline, env)
        self.data = open_data(self.spec, request)
        self.workers = cores()
        self.fingerprint = _reference.fingerprint(self.data.images, self.data.chosen)
        names = _steps(self.batch_sizes, with_files=self.with_files)
        self._steps = {name: (index, len(names)) for index, name in enumerate(names, 1)}

    def new_backend(self) -> Backend:
        """A backend with the options of the request."""
        options = backend_options(self.request, self.info, self.env)
        return _convert.load_backend(self.request.backend, options)[1]

    def step(self, name: str) -> StepStarted:
        """The event that begins a step."""
        return StepStarted(name, *self._steps[name])

    def intake(self) -> Intake:
        """A fresh pass over the images."""
        return Intake(self.data.images, self.data.chosen, self.env, self.workers)

    def folder(self, part: str, batch_size: int) -> Path:
        """`<run>/<part>/bs8_fp32`."""
        return self.env.folder / part / f"bs{batch_size}_{self.precision}"

    def perf_path(self, batch_size: int) -> Path:
        """`<run>/perf/bs8_fp32.json`."""
        return self.env.folder / "perf" / f"bs{batch_size}_{self.precision}.json"

    def inputs_key(self, artifact: Artifact) -> str:
        """Everything that results of an artefact depend on, for taking up a run again."""
        return files.sha256_json(
            [
                files.sha256_file(artifact.path),
                self.backend.infer_version(),
                artifact.batch_size,
                self.backend.threads,
                self.fingerprint,
                self.spec.user.output_index if self.spec.user else None,
            ]
        )

    def perf_facts(self, artifact: Artifact) -> dict[str, Any]:
        """What stands beside the figures of a measurement in its file."""
        return {
            "key": self.inputs_key(artifact),
            "model": self.spec.name,
            "batch_size": artifact.batch_size,
            "precision": self.precision,
            "threads": self.backend.threads,
        }

    @property
    def card_factor(self) -> int:
        """By what a device's throughput is multiplied for its card; a CPU is its own."""
        return self.backend.card_factor if isinstance(self.backend, FileBackend) else 1

    @property
    def device_index(self) -> int:
        """The number in the device's name, 0 where it has none."""
        found = re.search(r":([0-9]+)", self.backend.device_name())
        return int(found[1]) if found else 0


def _artifacts(run: Workflow, weights: Source) -> Generator[Event, None, dict[int, Artifact]]:
    """Export and convert for every batch size."""
    yield run.step("export")
    calibration = calibration_for(
        run.precision, run.spec, run.data, run.env, sample=run.request.dataset is None
    )
    sources = yield from _sources.convert_sources(
        run.spec, weights, run.info, run.batch_sizes, run.env, calibration
    )
    yield run.step("convert")
    made = {}
    for size, source in sources.items():
        name = _convert.artifact_name(run.spec.name, size, run.precision, run.info.suffix)
        path = run.env.folder / "convert" / name
        made[size] = yield from _convert.convert_cached(run.backend, source, size, path, run.env)
    return made


def _infer_one(
    run: Workflow, artifact: Artifact, bins: Bins | None
) -> Generator[Event, None, BatchResult]:
    if isinstance(run.backend, FileBackend):
        assert bins is not None
        return (yield from _file_steps.infer_one(run, run.backend, artifact, bins))
    return (yield from _array_steps.infer_one(run, artifact))


def _infer(
    run: Workflow, artifacts: dict[int, Artifact], bins: Bins | None
) -> Generator[Event, None, list[BatchResult]]:
    """The scores and the accuracy files of each batch size."""
    results = []
    for size, artifact in artifacts.items():
        yield run.step(f"infer bs{size}")
        result = yield from _infer_one(run, artifact, bins)
        for path in write_accuracy(result.scores, run.folder("accuracy", size), run.spec.labels):
            yield ArtifactWritten(str(path), "accuracy")
        results.append(result)
    return results


def _measure_one(
    run: Workflow, artifact: Artifact, bins: Bins | None
) -> Generator[Event, None, MeasuredRate]:
    if isinstance(run.backend, FileBackend):
        assert bins is not None
        return (yield from _file_steps.measure_one(run, run.backend, artifact, bins))
    return (yield from _array_steps.measure_one(run, artifact))


def _write_published_layout(run: Workflow, result: BatchResult) -> Events:
    """The performance file of the published tools, where the pace of every stage is known."""
    rate = result.rate
    if rate is None or rate.throughput is None or result.stages is None:
        return
    perf = result.stages.perf(rate.throughput)
    if perf is None:
        return
    name = benchmark.perf_name(result.batch_size, run.device_index)
    path = run.env.folder / "perf" / name
    files.write_text(path, benchmark.format_perf(perf))
    yield ArtifactWritten(str(path), "performance")


def _measure_all(
    run: Workflow, artifacts: dict[int, Artifact], results: list[BatchResult], bins: Bins | None
) -> Generator[Event, None, list[BatchResult]]:
    """The device's own throughput at every batch size."""
    measured = []
    for result in results:
        yield run.step(f"measure bs{result.batch_size}")
        rate = yield from _measure_one(run, artifacts[result.batch_size], bins)
        measured.append(replace(result, rate=rate))
        yield from _write_published_layout(run, measured[-1])
    return measured


def _judgements(
    run: Workflow, weights: Source, reference: Scores, results: list[BatchResult]
) -> dict[int, list[Judgement]]:
    """Against the published figure on the published data, else against the reference."""
    complete = not any(result.bad for result in results)
    published = bool(run.data.references) and weights.kind != "sample" and complete
    source = _reference.reference_name(run.spec)
    return {
        result.batch_size: _judge.judge_published(run.data.references, result)
        if published
        else _judge.judge_paired(reference, result, source=source)
        for result in results
    }


def _is_official(run: Workflow, result: BatchResult) -> bool:
    whole = bool(run.data.references) and not result.bad
    return whole and result.batch_size in run.spec.official_batch_sizes


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that the last step tells."""

    verdict: Verdict
    accuracy: list[AccuracyRow]
    performance: list[PerformanceRow]
    document: dict[str, Any]
    baseline: BaselineGate | None = None

    @property
    def exit_code(self) -> int:
        """That of the verdict, or of a fall against the baseline where that is graver."""
        code = self.verdict.exit_code
        return code if self.baseline is None else self.baseline.exit_code(code)


def _conclude(
    run: Workflow, weights: Source, results: list[BatchResult], judged: dict[int, list[Judgement]]
) -> Outcome:
    total = len(run.data.images)
    used = len(results[0].scores.names)
    images = Images(total=total, used=used, bad=total - used)
    verdict = _judge.judge(
        results, judged, images, skip_bad_images=run.request.skip_bad_images
    )  # fmt: skip
    accuracy = _judge.accuracy_rows(results, judged)
    performance = [
        _judge.performance_row(
            result, official=_is_official(run, result), card_factor=run.card_factor
        )
        for result in results
    ]
    document = verdict_document(
        run_id=run.env.run_id,
        model=run.spec.name,
        weights=weights.kind,
        backend=run.request.backend,
        provider=run.backend.provider_name(),
        device=run.backend.device_name(),
        verdict=verdict,
        images=images,
        fingerprint=run.fingerprint,
        accuracy=accuracy,
        performance=performance,
    )
    document["tool"] = run.backend.infer_version()
    document["threads"] = run.backend.threads
    gate = None
    if run.baseline is not None:
        settings, folder = run.env.settings, run.env.folder
        gate = _baseline.baseline_gate(document, run.baseline, settings, folder)
        document["baseline"] = gate.to_json()
    return Outcome(verdict, accuracy, performance, document, gate)


def _tell(
    run: Workflow, weights: Source, outcome: Outcome, judged: dict[int, list[Judgement]]
) -> Events:
    """The verdict as a file, as reasons, and as rows of the summary."""
    path = run.env.folder / "verdict.json"
    files.write_json(path, outcome.document)
    yield ArtifactWritten(str(path), "verdict")
    verdict = outcome.verdict
    for entry in verdict.warnings:
        yield entry.warned()
    for gate in verdict.gates:
        for entry in gate.findings:
            yield RowAdded("reasons", {"gate": gate.id, "state": gate.state, **entry.to_json()})
    # Every table says what its figures are: whose weights, which runtime, which device.
    label = {
        "weights": f"{weights.kind} weights",
        "backend": f"{run.request.backend} {run.backend.device_name()}",
    }
    for row in outcome.performance:
        figures = judged[row.batch_size]
        line = _judge.accuracy_summary(run.spec, row.batch_size, figures, verdict)
        yield RowAdded("accuracy", label | line)
    for row in outcome.performance:
        yield RowAdded("performance", label | _judge.performance_summary(run.spec, row))
    if run.baseline is not None and outcome.baseline is not None:
        yield from _baseline.told(outcome.baseline)
        yield from _baseline.compare(outcome.document, run.baseline)


def _report(env: Env, outcome: Outcome) -> Events:
    """The report of the run, in the user's language."""
    from ascend_console.jobs._report_document import run_report
    from ascend_console.jobs.report import report_text

    path = env.folder / "report.md"
    document = run_report(env.folder, env, {}, outcome.document)
    files.write_text(path, report_text("md", [document], env.settings.lang))
    yield ArtifactWritten(str(path), "report")


def carry_out(request: RunRequest, env: Env) -> Generator[Event, None, Outcome]:
    """Take one model from its weights to a verdict."""
    this = Workflow(request, env)
    yield from this.notes
    yield from data_notes(this.data, request)
    yield this.step("weights")
    weights = yield from _sources.resolve(this.spec, request.sample, request.checkpoint, env)
    artifacts = yield from _artifacts(this, weights)
    bins = (yield from preprocessed(this)) if this.with_files else None
    results = yield from _infer(this, artifacts, bins)
    yield this.step("reference")
    reference = yield from _reference.reference_scores(
        this.spec, weights, this.data.images, this.intake(), env, this.data.chosen, this.fingerprint
    )
    # Beside the run's own, so that whoever looks at an image sees both predictions.
    write_accuracy(reference, env.folder / "accuracy" / "reference", this.spec.labels)
    results = yield from _measure_all(this, artifacts, results, bins)
    yield this.step("verdict")
    judged = _judgements(this, weights, reference, results)
    outcome = _conclude(this, weights, results, judged)
    yield from _tell(this, weights, outcome, judged)
    yield from _report(env, outcome)
    if bins is not None and not request.keep_bins:
        files.remove_folder(bins.folder)
    return outcome
