"""Inference and measurement of a run on a runtime in this process: images stream through it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ascend_console.core.events import ArtifactWritten, LogLine
from ascend_console.jobs import _convert, _measure
from ascend_console.jobs._judge import BatchResult
from ascend_console.jobs._rates import read_rate, write_rate
from ascend_console.jobs._scoring import Scorer, load_facts, load_scores, save_scores
from ascend_console.jobs._stages import StageTimes
from ascend_console.jobs._stream import inferring, run_through
from ascend_console.tools import device_lock

if TYPE_CHECKING:
    from collections.abc import Generator

    from ascend_console.core.events import Event
    from ascend_console.jobs._convert import Artifact
    from ascend_console.jobs._rates import MeasuredRate
    from ascend_console.jobs._workflow import Workflow


def infer_one(run: Workflow, artifact: Artifact) -> Generator[Event, None, BatchResult]:
    """Every image through one artefact, or the scores that an earlier attempt kept of that."""
    size, key = artifact.batch_size, run.inputs_key(artifact)
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
            stages=StageTimes.from_json(facts.get("stages")),
            rate=None,
        )
    run.backend.open(artifact.path, _convert.builder)
    intake = run.intake()
    infer = inferring(run.backend, run.spec)
    scorer = Scorer(run.spec.task)
    streamed = yield from run_through(infer, intake, run.data.images, scorer, size, run.env)
    run.backend.close()
    if size == run.batch_sizes[0]:
        yield from intake.oddities.warnings()
    stages = asdict(streamed.stages) if streamed.stages else None
    found = {
        "key": key,
        "bad": streamed.bad,
        "images_per_s": streamed.images_per_s,
        "stages": stages,
    }
    save_scores(path, streamed.scores, found)
    return BatchResult(
        batch_size=size,
        precision=run.precision,
        scores=streamed.scores,
        bad=streamed.bad,
        e2e_images_per_s=streamed.images_per_s,
        stages=streamed.stages,
        rate=None,
    )


def measure_one(run: Workflow, artifact: Artifact) -> Generator[Event, None, MeasuredRate]:
    """Measure one artefact while its device is ours alone among the console's runs."""
    size, key = artifact.batch_size, run.inputs_key(artifact)
    path = run.perf_path(size)
    kept = read_rate(path, key)
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
    write_rate(rate, path, run.backend, run.perf_facts(artifact))
    yield ArtifactWritten(str(path), "performance")
    return rate
