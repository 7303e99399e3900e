"""Measuring one point of a bench, once for each repeat: cold, warmed up, in windows, with trust."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from ascend_console.core.backend import FileBackend
from ascend_console.core.events import ArtifactWritten, LogLine, Measured, RowAdded
from ascend_console.core.stats import MeasurementPlan
from ascend_console.jobs import _bench_memory, _convert, _measure
from ascend_console.jobs._bench_point import Point, performance_line, repeat_line
from ascend_console.jobs._npu_neighbours import NpuNeighbours
from ascend_console.jobs._rates import rate_of_tool, read_rate, write_rate
from ascend_console.jobs.infer import batch_of
from ascend_console.tools import device_lock, files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from ascend_console.core.backend import Backend, ToolRun
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env
    from ascend_console.core.verdict import Finding
    from ascend_console.jobs._bench_subject import Column, Subject
    from ascend_console.jobs._bench_telemetry import Telemetry
    from ascend_console.jobs._convert import Artifact
    from ascend_console.jobs._rates import MeasuredRate

_RANDOM_S = 3.0
_FIRST_S = 1.0
_LONGER = 1.2


@dataclass(frozen=True, slots=True)
class Measuring:
    """What every measurement of a bench needs."""

    subject: Subject
    telemetry: Telemetry

    @property
    def env(self) -> Env:
        """The run."""
        return self.subject.env

    @property
    def plan(self) -> MeasurementPlan:
        """How long to measure."""
        duration = self.subject.request.duration
        return MeasurementPlan() if duration is None else MeasurementPlan.lasting(duration)

    def label(self, column: Column) -> dict[str, Any]:
        """What every table says of its figures: whose weights, which runtime, which device."""
        return {
            "weights": f"{self.subject.weights_kind} weights",
            "backend": f"{self.subject.backend_name} {column.backend.device_name()}",
        }

    def path(self, column: Column, artifact: Artifact, repeat: int, mark: str) -> Path:
        """`<run>/perf/bs8_fp32.json`; threads, repeats and a twin show where there are several."""
        several = len({entry.backend.threads for entry in self.subject.columns}) > 1
        threads = f"_t{column.backend.threads}" if several else ""
        again = f"_r{repeat}" if repeat > 1 else ""
        name = f"bs{artifact.batch_size}_{column.precision}{threads}{mark}{again}.json"
        return self.env.folder / "perf" / name

    def key(self, column: Column, artifact: Artifact) -> str:
        """Everything that a measurement depends on, for taking up a bench again."""
        return files.sha256_json(
            [
                "bench",
                files.sha256_file(artifact.path),
                column.backend.version(),
                artifact.batch_size,
                column.backend.threads,
                column.run.fingerprint if column.run else None,
                self.subject.request.duration,
            ]
        )


def once(
    this: Measuring, column: Column, artifact: Artifact, repeat: int, mark: str = ""
) -> Generator[Event, None, MeasuredRate]:
    """One measurement, or that of an earlier attempt, with all of its raw samples in its file."""
    # Open, a tool of its own would name another version line than before.
    column.backend.close()
    path, key = this.path(column, artifact, repeat, mark), this.key(column, artifact)
    kept = read_rate(path, key)
    if kept is not None:
        yield LogLine(f"{path.stem}: measured by an earlier attempt")
        return kept
    facts: dict[str, Any] = {
        "key": key,
        "model": this.subject.name,
        "weights": this.subject.weights_kind,
        "batch_size": artifact.batch_size,
        "precision": column.precision,
        "threads": column.backend.threads,
        "repeat": repeat,
    }
    backend = column.backend
    with (yield from _turn(backend, this.env)):
        this.telemetry.begin()
        if isinstance(backend, FileBackend):
            steps = _by_tool(this, column, backend, artifact)
            rate = yield from this.telemetry.beside(steps)
        else:
            rate = yield from _in_process(this, column, artifact, facts)
            backend.close()
    facts["telemetry"] = this.telemetry.samples
    rate = _named(rate, column)
    write_rate(rate, path, backend, facts)
    yield ArtifactWritten(str(path), "performance")
    return rate


def _named(rate: MeasuredRate, column: Column) -> MeasuredRate:
    """A rate whose findings name its column too, where there are several: `bs8 int8: ...`."""

    def named(findings: Sequence[Finding]) -> tuple[Finding, ...]:
        return tuple(
            replace(
                entry,
                message=entry.message.replace(entry.args["batch"], where, 1),
                args={**entry.args, "batch": where},
            )
            if "batch" in entry.args
            else entry
            for entry in findings
        )

    where = f"bs{rate.batch_size}{column.note}"
    seen = rate.validity
    validity = replace(seen, reasons=named(seen.reasons), notes=named(seen.notes))
    return replace(rate, validity=validity)


def _turn(backend: Backend, env: Env) -> Generator[Event, None, ExitStack]:
    """Wait until every device is ours; taken by name, so that no two runs block each other."""
    stack = ExitStack()
    for name in sorted(backend.lock_names()):
        try:
            lock = yield from device_lock.take_turn(name, env)
        except BaseException:
            stack.close()
            raise
        stack.enter_context(device_lock.held(lock))
    return stack


def _in_process(
    this: Measuring, column: Column, artifact: Artifact, facts: dict[str, Any]
) -> Generator[Event, None, MeasuredRate]:
    """A measurement on a runtime in this process, inputs in memory."""
    env, request, backend = this.env, this.subject.request, column.backend
    started_s = env.clock.monotonic_s()
    backend.open(artifact.path, _convert.builder)
    facts["open_ms"] = round(1000 * (env.clock.monotonic_s() - started_s), 3)
    size = batch_of(backend, artifact.batch_size)
    pool = this.subject.pool(column, size)
    if request.wait_idle:
        yield from _measure.wait_idle(request.wait_idle, env)
    return (
        yield from _measure.measure(
            backend,
            pool,
            size,
            env,
            allow_busy=request.allow_busy,
            plan=this.plan,
            source=this.subject.source,
            watch=this.telemetry.look,
        )
    )


def _by_tool(
    this: Measuring, column: Column, backend: FileBackend, artifact: Artifact
) -> Generator[Event, None, MeasuredRate]:
    """A measurement with a tool of its own: on some images, each executed often, or on random."""
    size = artifact.batch_size
    backend.open(artifact.path, _convert.builder)
    batch_of(backend, size)
    seconds = this.plan.least_ms / 1000 * _LONGER
    inputs = yield from this.subject.bins(column, size)
    with NpuNeighbours(backend, this.env, allow_busy=this.subject.request.allow_busy) as watch:
        if not inputs:
            ran = yield from backend.run_random(artifact.path, batch_size=size, duration_s=seconds)
            random_throughput = None
        else:
            ran = yield from _on_files(this, backend, artifact, inputs)
            after = yield from backend.run_random(
                artifact.path, batch_size=size, duration_s=_RANDOM_S
            )
            random_throughput = after.figures.throughput
    for entry in ran.findings:
        yield entry.warned()
    if ran.figures.throughput is not None:
        yield Measured(f"throughput bs{size}", ran.figures.throughput, "images/s")
    return rate_of_tool(ran, size, watch.conditions(random_throughput))


def _on_files(
    this: Measuring, backend: FileBackend, artifact: Artifact, inputs: tuple[Path, ...]
) -> Generator[Event, None, ToolRun]:
    """The images so often that the measurement is long enough; a short one tells how often."""
    size = artifact.batch_size
    first = yield from backend.run_random(artifact.path, batch_size=size, duration_s=_FIRST_S)
    mean_ms = first.figures.mean_ms
    by_time = this.plan.least_ms / mean_ms if mean_ms else 0.0
    executions = max(by_time, this.plan.least_executions) * _LONGER
    loops = max(1, ceil(executions / ceil(len(inputs) / size)))
    yield LogLine(f"batch size {size}: {len(inputs)} images, {loops} times each")
    results = this.env.folder / "work" / "results"
    files.remove_folder(results)
    try:
        return (
            yield from backend.run_files(
                artifact.path, inputs, results, batch_size=size, loop=loops
            )
        )
    finally:
        files.remove_folder(results)


def measure_point(this: Measuring, column: Column, size: int) -> Generator[Event, None, Point]:
    """All repeats at one batch size; each is told as it comes."""
    subject = this.subject
    artifact = yield from subject.artifact(column, size)
    point = Point(column=column, artifact=artifact, rates=())
    for repeat in range(1, (subject.request.repeat or 1) + 1):
        rate = yield from once(this, column, artifact, repeat)
        point = Point(column=column, artifact=artifact, rates=(*point.rates, rate))
        if subject.request.repeat is not None:
            yield RowAdded("repeats", this.label(column) | repeat_line(subject.name, point))
    memory = None
    if not isinstance(column.backend, FileBackend):
        memory = _bench_memory.peak_bytes(
            subject.backend_name, column.backend, artifact.path, size, this.env
        )
    point = Point(column=column, artifact=artifact, rates=point.rates, memory_bytes=memory)
    yield RowAdded("performance", this.label(column) | performance_line(subject.name, point))
    return point
