"""ais_infer, ais_bench and msit benchmark: one process on one device (ascend-tools.md section 2).

Results are asked for as BIN, whose values are exact; all generations write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.ais_bench import AisBenchRequest, ais_bench_argv, at_least
from ascend_console.ascend.ais_bench_log import progress_of
from ascend_console.ascend.ais_bench_output import (
    PURE_STEM,
    parse_summary,
    result_name,
    stem,
    summary_places,
)
from ascend_console.ascend.performance import throughput_doubt
from ascend_console.backends._ascend_choice import generation_of
from ascend_console.backends._ascend_inputs import batches_of, input_name, place_samples
from ascend_console.backends._ascend_sizes import gear_options
from ascend_console.backends._ascend_task import (
    DeviceRun,
    Task,
    doubted,
    run_tool,
    unreadable_figures,
    without_figures,
)
from ascend_console.core.errors import UserError
from ascend_console.core.events import Progress
from ascend_console.core.stats import P99_SAMPLES, latency_summary
from ascend_console.core.validity import ToolFigures
from ascend_console.core.verdict import LatencyMs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from ascend_console.ascend.ais_bench import Generation
    from ascend_console.ascend.ais_bench_output import AisBenchSummary
    from ascend_console.core.events import Event

_NAME = "results"
# Generations A to C warm up five times by themselves; later ones once, unless told.
_WARMUP = 10
_LOOP_BAR = "loop inference"


def run_files(
    task: Task, inputs: Sequence[Path], *, loop: int = 1
) -> Generator[Event, None, DeviceRun]:
    """Run every input, and each batch `loop` times."""
    folder = task.folder / "inputs"
    place_samples(
        inputs,
        folder,
        task.artifact.inputs[0],
        batch_size=task.batch_size,
        cancel=task.cancel,
    )
    batches = batches_of(len(inputs), task.batch_size)

    def told(line: str) -> Event | None:
        step = None if _LOOP_BAR in line else progress_of(line)
        if step is None or step[1] != batches:
            return None
        return Progress(min(step[0] * task.batch_size, len(inputs)), len(inputs), "images")

    left = yield from _run(task, told, input=(str(folder),), loop=loop)
    outputs = _outputs(task, left, len(inputs))
    return left.device_run(task, len(inputs), batches * loop, outputs)


def run_random(
    task: Task, *, executions: int, warmup: int = _WARMUP
) -> Generator[Event, None, DeviceRun]:
    """Run random input so many times, after `warmup` executions where the tool can be told."""

    def told(line: str) -> Event | None:
        step = progress_of(line) if _LOOP_BAR in line else None
        return Progress(step[0], step[1], "executions") if step else None

    left = yield from _run(
        task, told, loop=executions, pure_data_type="random", warmup=max(_WARMUP, warmup)
    )
    return left.device_run(task, executions * task.batch_size, executions, ())


def random_arguments(task: Task, *, executions: int) -> list[str]:
    """The arguments for random input without results, as a profiler starts it."""
    request = AisBenchRequest(
        model=str(task.model),
        batchsize=task.batch_size,
        devices=(task.device,),
        loop=executions,
        pure_data_type="random",
        **gear_options(task.artifact, task.batch_size),
    )
    return ais_bench_argv(request, generation_of(task.tools))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """What a run left on disk."""

    generation: Generation
    folder: Path
    summary: AisBenchSummary

    def device_run(
        self, task: Task, samples: int, executions: int, outputs: tuple[tuple[Path, ...], ...]
    ) -> DeviceRun:
        """The run with its figures; without them where they contradict themselves."""
        summary, compute = self.summary, self.summary.compute
        mean_ms = compute.mean_ms if compute else None
        doubts = list(compute.doubts("compute time")) if compute else []
        doubts += throughput_doubt(summary.throughput, task.batch_size, mean_ms)
        executions = compute.count if compute and compute.count is not None else executions
        figures = ToolFigures(batch_size=task.batch_size, executions=executions)
        latency, raw_ms = LatencyMs(), () if doubts else summary.compute_list_ms
        if compute and not doubts:
            figures = ToolFigures(
                batch_size=task.batch_size,
                mean_ms=mean_ms,
                median_ms=compute.median_ms,
                max_ms=compute.max_ms,
                p99_ms=compute.p99_ms,
                throughput=summary.throughput,
                executions=executions,
                elapsed_ms=sum(raw_ms) or None,
            )
            p99_ms = compute.p99_ms if executions >= P99_SAMPLES else None
            printed = LatencyMs(mean=mean_ms, median=compute.median_ms, p99=p99_ms)
            latency = latency_summary(raw_ms) if raw_ms else printed
        return DeviceRun(
            device=task.device,
            samples=samples,
            figures=figures,
            latency=latency,
            latencies_ms=raw_ms,
            h2d_ms=summary.h2d.mean_ms if summary.h2d else None,
            d2h_ms=summary.d2h.mean_ms if summary.d2h else None,
            findings=doubted(task, doubts),
            outputs=outputs,
        )


def _run(
    task: Task,
    told: Callable[[str], Event | None],
    *,
    warmup: int = _WARMUP,
    **options: Any,
) -> Generator[Event, None, _Left]:
    """Run the tool into a fresh folder, and read its summary."""
    generation = generation_of(task.tools)
    output = task.folder / "output"
    output.mkdir(0o750)
    request = AisBenchRequest(
        model=str(task.model),
        batchsize=task.batch_size,
        output=str(output),
        output_dirname=_NAME if at_least(generation, "C") else "",
        outfmt="BIN",
        devices=(task.device,),
        warmup_count=warmup if at_least(generation, "D") else None,
        display_all_summary=at_least(generation, "D"),
        **gear_options(task.artifact, task.batch_size),
        **options,
    )
    text = yield from run_tool(task, ais_bench_argv(request, generation), told)
    folder = _result_folder(output)
    places = [Path(place) for place in summary_places(str(folder))] if folder else []
    path = next((place for place in places if place.is_file()), None)
    if folder is None or path is None:
        # The newer place is named to people: it is also that of nothing at all.
        wanted = "sumary.json" if not at_least(generation, "D") else f"{_NAME}_summary.json"
        raise without_figures(task, text, wanted)
    try:
        summary = parse_summary(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_figures(task, path, str(error)) from error
    except UserError as error:
        raise unreadable_figures(task, path, error.values["reason"]) from error
    return _Left(generation=generation, folder=folder, summary=summary)


def _result_folder(output: Path) -> Path | None:
    """The one folder in what was an empty one: A and B name it after the time."""
    found = [path for path in output.iterdir() if path.is_dir()]
    return next((path for path in found if path.name == _NAME), next(iter(found), None))


def _outputs(task: Task, left: _Left, samples: int) -> tuple[tuple[Path, ...], ...]:
    """The result files of each input; none for an input whose results are not all there.

    The summary says which result belongs to which input; the names are what A and B number.
    """
    listed = {
        stem(entry.infiles[0]): [Path(name).name for name in entry.outfiles]
        for entry in left.summary.files
        if entry.infiles
    }
    listed.pop(PURE_STEM, None)
    found = []
    for number in range(samples):
        name = input_name(number)
        names = listed.get(stem(name)) if listed else _expected(task, left.generation, number, name)
        paths = tuple(left.folder / entry for entry in names or ())
        whole = len(paths) == len(task.artifact.outputs) and all(path.is_file() for path in paths)
        found.append(paths if whole else ())
    return tuple(found)


def _expected(task: Task, generation: Generation, number: int, name: str) -> list[str]:
    return [
        result_name(generation, sample=number, first_input=name, output=index, suffix="bin")
        for index in range(len(task.artifact.outputs))
    ]
