"""Inference and measurement of a run on a tool of its own: images become files, once a run."""

from __future__ import annotations

from contextlib import ExitStack
from math import ceil
from typing import TYPE_CHECKING

from ascend_console.ascend import benchmark
from ascend_console.core.events import ArtifactWritten, LogLine, Measured
from ascend_console.core.stats import MeasurementPlan
from ascend_console.core.validity import Conditions
from ascend_console.jobs import _convert
from ascend_console.jobs._judge import BatchResult
from ascend_console.jobs._npu_neighbours import NpuNeighbours
from ascend_console.jobs._rates import (
    MeasuredRate,
    judged_tool_rate,
    rate_of_tool,
    read_rate,
    write_rate,
)
from ascend_console.jobs._scoring import Scorer, load_facts, load_scores, save_scores
from ascend_console.jobs._stream import labels_by_name, require_width
from ascend_console.tools import device_lock, files

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ascend_console.core.backend import FileBackend, ToolRun
    from ascend_console.core.events import Event
    from ascend_console.jobs._convert import Artifact
    from ascend_console.jobs._preprocess_step import Bins
    from ascend_console.jobs._scoring import Scores
    from ascend_console.jobs._workflow import Workflow

_STAGES = {
    "data_read": "data read",
    "preprocess": "preprocess",
    "infer": "infer",
    "post": "post",
}
"""Field of a performance file -> the stage as tools name it."""

_SCORED_AT_ONCE = 256
_POOL_IMAGES = 32
_LONGER = 1.2
_RANDOM_S = 3.0


def _turn(backend: FileBackend, run: Workflow) -> Generator[Event, None, ExitStack]:
    """Wait until every device is ours; taken by name, so that no two runs block each other."""
    stack = ExitStack()
    for name in sorted(backend.lock_names()):
        try:
            lock = yield from device_lock.take_turn(name, run.env)
        except BaseException:
            stack.close()
            raise
        stack.enter_context(device_lock.held(lock))
    return stack


def _scored(backend: FileBackend, run: Workflow, bins: Bins, ran: ToolRun) -> Scores:
    """The scores of every image, from the files of its results."""
    import numpy as np

    index = (run.spec.user.output_index if run.spec.user else None) or 0
    scorer = Scorer(run.spec.task)
    labels = labels_by_name(run.data.images)
    for start in range(0, len(bins.images), _SCORED_AT_ONCE):
        names = bins.images[start : start + _SCORED_AT_ONCE]
        found = ran.outputs[start : start + _SCORED_AT_ONCE]
        rows = np.stack([backend.read_outputs(entry)[index].reshape(-1) for entry in found])
        require_width(run.spec, rows.shape[1])
        scorer.add(names, rows, labels(names))
    return scorer.scores()


def infer_one(
    run: Workflow, backend: FileBackend, artifact: Artifact, bins: Bins
) -> Generator[Event, None, BatchResult]:
    """Every image through one artefact, or the scores that an earlier attempt kept of that."""
    size, key = artifact.batch_size, run.inputs_key(artifact)
    folder = run.folder("infer", size)
    path = folder / "scores.npz"
    kept, facts = load_scores(path, run.spec.task), load_facts(path)
    dataset_rate = read_rate(folder / "rate.json", key)
    if kept is not None and facts.get("key") == key and dataset_rate is not None:
        yield LogLine(f"batch size {size}: inferred by an earlier attempt")
        return BatchResult(
            batch_size=size,
            precision=run.precision,
            scores=kept,
            bad=bins.bad,
            e2e_images_per_s=facts["images_per_s"],
            rate=None,
        )
    with (yield from _turn(backend, run)):
        backend.open(artifact.path, _convert.builder)
        results = folder / "results"
        files.remove_folder(results)
        ran = yield from backend.run_files(artifact.path, bins.paths, results, batch_size=size)
    started_s = run.env.clock.monotonic_s()
    scores = _scored(backend, run, bins, ran)
    scoring_s = run.env.clock.monotonic_s() - started_s
    if not run.request.keep_bins:
        files.remove_folder(results)
    images_per_s = len(bins.images) / max(bins.elapsed_s + ran.wall_s + scoring_s, 1e-9)
    yield from _told(ran, size)
    yield from _stages_written(run, ran, size)
    write_rate(
        rate_of_tool(ran, size, Conditions(source=ran.source, exclusive_checked=False)),
        folder / "rate.json",
        backend,
        run.perf_facts(artifact),
    )
    save_scores(path, scores, {"key": key, "bad": bins.bad, "images_per_s": images_per_s})
    return BatchResult(
        batch_size=size,
        precision=run.precision,
        scores=scores,
        bad=bins.bad,
        e2e_images_per_s=images_per_s,
        rate=None,
    )


def _told(ran: ToolRun, batch_size: int) -> Iterator[Event]:
    """The figures of a pass, and what is to be said of them."""
    if ran.figures.throughput is not None:
        yield Measured(f"throughput bs{batch_size}", ran.figures.throughput, "images/s")
    for name, value in (("H2D", ran.h2d_ms), ("D2H", ran.d2h_ms)):
        if value is not None:
            yield Measured(f"{name} bs{batch_size}", value, "ms")
    for entry in ran.findings:
        yield entry.warned()


def _stages_written(run: Workflow, ran: ToolRun, batch_size: int) -> Iterator[Event]:
    """The performance file of a tool that tells the pace of its stages, in the published layout."""
    stages = {
        name: benchmark.Stage(stage.throughput, stage.module_latency_ms)
        for name, stage in (ran.stages or {}).items()
        if stage.throughput is not None and stage.module_latency_ms is not None
    }
    if len(stages) != len(_STAGES) or not ran.e2e_throughput or not ran.figures.throughput:
        return
    perf = benchmark.PerfFile(
        e2e_rate=ran.e2e_throughput,
        elapsed_ms=1000 * ran.samples / ran.e2e_throughput,
        interface_rate=ran.figures.throughput,
        **{key: stages[name] for key, name in _STAGES.items()},
    )
    path = run.env.folder / "perf" / benchmark.perf_name(batch_size, run.device_index)
    files.write_text(path, benchmark.format_perf(perf))
    yield ArtifactWritten(str(path), "performance")


def _is_enough(rate: MeasuredRate | None) -> bool:
    """Whether the pass over the data set was a measurement long enough."""
    if rate is None or rate.executions is None or rate.latency_ms.mean is None:
        return False
    elapsed_ms = rate.executions * rate.latency_ms.mean
    return MeasurementPlan().enough(rate.executions, elapsed_ms)


def _loops(rate: MeasuredRate | None, batches: int) -> int:
    """How often each batch must run for a measurement that is long enough."""
    plan = MeasurementPlan()
    mean_ms = rate.latency_ms.mean if rate is not None and rate.latency_ms.mean else None
    by_time = plan.least_ms / mean_ms if mean_ms else 0.0
    wanted = max(by_time, plan.least_executions) * _LONGER
    return max(1, ceil(wanted / max(batches, 1)))


def _longer(
    run: Workflow, backend: FileBackend, artifact: Artifact, bins: Bins, first: MeasuredRate | None
) -> Generator[Event, None, ToolRun]:
    """A measurement on some images of the data set, each batch run many times."""
    size = artifact.batch_size
    count = min(len(bins.paths), max(_POOL_IMAGES, size))
    loops = _loops(first, ceil(count / size))
    yield LogLine(f"batch size {size}: measuring on {count} images, {loops} times each")
    results = run.folder("infer", size) / "measured"
    files.remove_folder(results)
    try:
        return (
            yield from backend.run_files(
                artifact.path, bins.paths[:count], results, batch_size=size, loop=loops
            )
        )
    finally:
        files.remove_folder(results)


def measure_one(
    run: Workflow, backend: FileBackend, artifact: Artifact, bins: Bins
) -> Generator[Event, None, MeasuredRate]:
    """The tool's own throughput on the data set, checked against random input afterwards."""
    size, key = artifact.batch_size, run.inputs_key(artifact)
    path = run.perf_path(size)
    kept = read_rate(path, key)
    if kept is not None:
        yield LogLine(f"batch size {size}: measured by an earlier attempt")
        return kept
    first = read_rate(run.folder("infer", size) / "rate.json", key)
    with (yield from _turn(backend, run)):
        backend.open(artifact.path, _convert.builder)
        with NpuNeighbours(backend, run.env, allow_busy=run.request.allow_busy) as watch:
            if run.request.wait_idle:
                yield from watch.wait_idle(run.request.wait_idle)
            ran: ToolRun | None = None
            if not _is_enough(first):
                ran = yield from _longer(run, backend, artifact, bins, first)
                yield from _told(ran, size)
            random = yield from backend.run_random(
                artifact.path, batch_size=size, duration_s=_RANDOM_S
            )
        conditions = watch.conditions(random.figures.throughput)
    if ran is not None:
        rate = rate_of_tool(ran, size, conditions)
    else:
        assert first is not None
        rate = judged_tool_rate(first, conditions)
    write_rate(rate, path, backend, run.perf_facts(artifact))
    yield ArtifactWritten(str(path), "performance")
    return rate
