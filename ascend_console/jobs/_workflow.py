"""The steps of `run`, each of which can be taken up where an earlier attempt stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.events import ArtifactWritten, LogLine, RowAdded, StepStarted
from ascend_console.core.specs import Backend, BackendInfo, BackendOptions, Env
from ascend_console.core.verdict import Images, verdict_document
from ascend_console.jobs import (
    _baseline,
    _convert,
    _judge,
    _measure,
    _onnx_model,
    _reference,
    _sources,
    _weights,
)
from ascend_console.jobs._data import data_notes, open_data
from ascend_console.jobs._judge import BatchResult
from ascend_console.jobs._models import find_model
from ascend_console.jobs._scoring import (
    Scorer,
    load_facts,
    load_scores,
    save_scores,
    write_accuracy,
)
from ascend_console.jobs._stream import Intake, inferring, run_through
from ascend_console.tools import device_lock, files

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events, ModelSpec
    from ascend_console.core.verdict import AccuracyRow, PerformanceRow, Verdict
    from ascend_console.jobs._convert import Artifact
    from ascend_console.jobs._scoring import Scores
    from ascend_console.jobs._sources import Source
    from ascend_console.jobs.run import RunRequest


def _steps(batch_sizes: tuple[int, ...], keep_bins: bool) -> list[str]:
    """The names of the steps, in order."""
    names = ["weights", "export", "convert"]
    names += ["preprocess"] if keep_bins else []
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
        _weights.require_one_source(self.spec, request.sample, request.checkpoint)
        _sources.require_fit(self.spec, self.info)
        _onnx_model.require_batch_sizes(self.spec, self.batch_sizes)
        self.baseline = _baseline.open_baseline(request.baseline, env)
        self.data = open_data(self.spec, request)
        self.workers = cores()
        self.fingerprint = _reference.fingerprint(self.data.images, self.data.chosen)
        names = _steps(self.batch_sizes, request.keep_bins)
        self._steps = {name: (index, len(names)) for index, name in enumerate(names, 1)}

    def new_backend(self) -> Backend:
        """A backend with the options of the request."""
        options = BackendOptions(
            provider=self.request.provider,
            device=self.request.device,
            threads=self.request.threads,
            precision=self.precision,
        )
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


def _artifacts(run: Workflow, weights: Source) -> Generator[Event, None, dict[int, Artifact]]:
    """Export and convert for every batch size."""
    yield run.step("export")
    sources = yield from _sources.convert_sources(
        run.spec, weights, run.info, run.batch_sizes, run.env
    )
    yield run.step("convert")
    made = {}
    for size, source in sources.items():
        name = _convert.artifact_name(run.spec.name, size, run.precision, run.info.suffix)
        path = run.env.folder / "convert" / name
        made[size] = yield from _convert.convert_cached(run.backend, source, size, path, run.env)
    return made


def _keep_bins(run: Workflow) -> Events:
    """Write what the vendor's tools would read; paths in the list start at the run folder."""
    from ascend_console.jobs.preprocess import list_bins, write_bins

    yield run.step("preprocess")
    folder = run.env.folder / "preprocess"
    info = folder / f"{run.spec.name}.info"
    if info.is_file():
        yield LogLine("preprocessed by an earlier attempt")
        return
    _, names = yield from write_bins(
        run.data.images.files, run.data.chosen, folder, run.workers, run.env
    )
    yield ArtifactWritten(str(folder), "bins")
    yield from list_bins(info, folder.name, names, run.data.chosen.side)


def _inputs_key(run: Workflow, artifact: Artifact) -> str:
    """Everything that results of an artefact depend on, for taking up a run again."""
    return files.sha256_json(
        [
            files.sha256_file(artifact.path),
            run.backend.version(),
            artifact.batch_size,
            run.backend.threads,
            run.fingerprint,
            run.spec.user.output_index if run.spec.user else None,
        ]
    )


def _infer_one(run: Workflow, artifact: Artifact) -> Generator[Event, None, BatchResult]:
    """Every image through one artefact, or the scores that an earlier attempt kept of that."""
    size, key = artifact.batch_size, _inputs_key(run, artifact)
    path = run.folder("infer", size) / "scores.npz"
    kept, facts = load_scores(path, run.spec.task), load_facts(path)
    if kept is not None and facts.get("key") == key:
        yield LogLine(f"batch size {size}: inferred by an earlier attempt")
        return BatchResult(
            batch_size=size,
            precision=run.precision,
            scores=kept,
            bad=tuple(facts["bad"]),
            e2e_images_per_s=facts["images_per_s"],
            rate=None,
        )
    run.backend.open(artifact.path, _convert.builder)
    intake = run.intake()
    streamed = yield from run_through(
        inferring(run.backend, run.spec),
        intake,
        run.data.images,
        Scorer(run.spec.task),
        size,
        run.env,
    )
    run.backend.close()
    if size == run.batch_sizes[0]:
        yield from intake.oddities.warnings()
    found = {"key": key, "bad": streamed.bad, "images_per_s": streamed.images_per_s}
    save_scores(path, streamed.scores, found)
    return BatchResult(
        batch_size=size,
        precision=run.precision,
        scores=streamed.scores,
        bad=streamed.bad,
        e2e_images_per_s=streamed.images_per_s,
        rate=None,
    )


def _infer(
    run: Workflow, artifacts: dict[int, Artifact]
) -> Generator[Event, None, list[BatchResult]]:
    """The scores and the accuracy files of each batch size."""
    results = []
    for size, artifact in artifacts.items():
        yield run.step(f"infer bs{size}")
        result = yield from _infer_one(run, artifact)
        for path in write_accuracy(result.scores, run.folder("accuracy", size), run.spec.labels):
            yield ArtifactWritten(str(path), "accuracy")
        results.append(result)
    return results


def _measure_one(
    run: Workflow, artifact: Artifact
) -> Generator[Event, None, _measure.MeasuredRate]:
    """Measure one artefact while its device is ours alone among the console's runs."""
    size, key = artifact.batch_size, _inputs_key(run, artifact)
    path = run.env.folder / "perf" / f"bs{size}_{run.precision}.json"
    kept = _measure.read_measurement(path, key)
    if kept is not None:
        yield LogLine(f"batch size {size}: measured by an earlier attempt")
        return kept
    pool = _measure.input_pool(run.intake(), size)
    lock = yield from device_lock.take_turn(run.backend.device_name(), run.env)
    with device_lock.held(lock):
        run.backend.open(artifact.path, _convert.builder)
        if run.request.wait_idle:
            yield from _measure.wait_idle(run.request.wait_idle, run.env)
        rate = yield from _measure.measure(
            run.backend, pool, size, run.env, allow_busy=run.request.allow_busy
        )
        run.backend.close()
    facts = {
        "key": key,
        "model": run.spec.name,
        "batch_size": size,
        "precision": run.precision,
        "threads": run.backend.threads,
    }
    _measure.write_measurement(rate, path, run.backend, facts)
    yield ArtifactWritten(str(path), "performance")
    return rate


def _measure_all(
    run: Workflow, artifacts: dict[int, Artifact], results: list[BatchResult]
) -> Generator[Event, None, list[BatchResult]]:
    """The device's own throughput at every batch size."""
    measured = []
    for result in results:
        yield run.step(f"measure bs{result.batch_size}")
        rate = yield from _measure_one(run, artifacts[result.batch_size])
        measured.append(replace(result, rate=rate))
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
class _Outcome:
    """Everything that the last step tells."""

    verdict: Verdict
    accuracy: list[AccuracyRow]
    performance: list[PerformanceRow]
    document: dict[str, Any]


def _conclude(
    run: Workflow, weights: Source, results: list[BatchResult], judged: dict[int, list[Judgement]]
) -> _Outcome:
    total = len(run.data.images)
    used = len(results[0].scores.names)
    images = Images(total=total, used=used, bad=total - used)
    verdict = _judge.judge(
        results, judged, images, skip_bad_images=run.request.skip_bad_images
    )  # fmt: skip
    accuracy = _judge.accuracy_rows(results, judged)
    performance = [
        _judge.performance_row(result, official=_is_official(run, result)) for result in results
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
    document["tool"] = run.backend.version()
    document["threads"] = run.backend.threads
    return _Outcome(verdict, accuracy, performance, document)


def _tell(
    run: Workflow, weights: Source, outcome: _Outcome, judged: dict[int, list[Judgement]]
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
    if run.baseline is not None:
        yield from _baseline.compare(outcome.document, run.baseline)


def carry_out(request: RunRequest, env: Env) -> Generator[Event, None, Verdict]:
    """Take one model from its weights to a verdict."""
    this = Workflow(request, env)
    yield from this.notes
    yield from data_notes(this.data, request)
    yield this.step("weights")
    weights = yield from _sources.resolve(this.spec, request.sample, request.checkpoint, env)
    artifacts = yield from _artifacts(this, weights)
    if request.keep_bins:
        yield from _keep_bins(this)
    results = yield from _infer(this, artifacts)
    yield this.step("reference")
    reference = yield from _reference.reference_scores(
        this.spec, weights, this.data.images, this.intake(), env, this.data.chosen, this.fingerprint
    )
    results = yield from _measure_all(this, artifacts, results)
    yield this.step("verdict")
    judged = _judgements(this, weights, reference, results)
    outcome = _conclude(this, weights, results, judged)
    yield from _tell(this, weights, outcome, judged)
    return outcome.verdict
