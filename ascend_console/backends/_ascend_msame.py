"""msame: one process on one device (ascend-tools.md section 3.7).

It knows no samples, only whole batches: the samples of one are put into one file, and its results
are cut into samples again. It prints a time for each execution and no throughput.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ascend_console.ascend.msame import MsameRequest, MsameRun, msame_argv, parse_msame, result_name
from ascend_console.backends._ascend_inputs import (
    batches_of,
    input_name,
    place_batches,
    place_random,
)
from ascend_console.backends._ascend_sizes import gear_options
from ascend_console.backends._ascend_task import DeviceRun, Task, doubted, failure, run_tool
from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.core.events import Progress
from ascend_console.core.stats import device_throughput, latency_summary
from ascend_console.core.validity import ToolFigures
from ascend_console.core.verdict import LatencyMs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from ascend_console.core.events import Event

_EXECUTED = "Inference time:"
# Each execution leaves its results on the disk until the run ends.
_MOST_RANDOM = 5000


def run_files(
    task: Task, inputs: Sequence[Path], *, loop: int = 1
) -> Generator[Event, None, DeviceRun]:
    """Run every input; `loop` times as many, since over a folder it repeats nothing."""
    folder = task.folder / "inputs"
    count = place_batches(
        inputs,
        folder,
        task.artifact.inputs[0],
        batch_size=task.batch_size,
        cancel=task.cancel,
        rounds=loop,
    )
    done = 0

    def told(line: str) -> Event | None:
        nonlocal done
        if _EXECUTED not in line:
            return None
        done += 1
        return Progress(min(done * task.batch_size // loop, len(inputs)), len(inputs), "images")

    run = yield from _run(task, folder, told)
    outputs = _outputs(task, len(inputs))
    return _device_run(task, run, len(inputs), count, first=1, outputs=outputs)


def run_random(
    task: Task, *, executions: int, warmup: int = 1
) -> Generator[Event, None, DeviceRun]:
    """Run one batch of random numbers many times, after `warmup` executions.

    Without an input it takes zeros, and 100 times at most; so it gets a folder of links.
    """
    executions = min(executions, _MOST_RANDOM)
    warmup = max(1, min(warmup, _MOST_RANDOM))
    folder = task.folder / "inputs"
    place_random(
        folder, task.artifact.inputs[0], batch_size=task.batch_size, count=executions + warmup
    )
    done = 0

    def told(line: str) -> Event | None:
        nonlocal done
        if _EXECUTED not in line:
            return None
        done += 1
        return Progress(min(done, executions + warmup), executions + warmup, "executions")

    run = yield from _run(task, folder, told)
    samples = executions * task.batch_size
    return _device_run(task, run, samples, executions + warmup, first=warmup, outputs=())


def random_arguments(task: Task, *, executions: int) -> list[str]:
    """The arguments for input that it makes by itself, which is zeros."""
    return msame_argv(
        MsameRequest(
            model=str(task.model),
            output=str(task.folder / "output"),
            device=task.device,
            loop=min(executions, 100),
            **gear_options(task.artifact, task.batch_size),
        )
    )


def _run(
    task: Task, folder: Path, told: Callable[[str], Event | None]
) -> Generator[Event, None, MsameRun]:
    """Run it over a folder; ToolFailed where it says that it failed, or does not say its end."""
    (task.folder / "output").mkdir(0o750)
    request = MsameRequest(
        model=str(task.model),
        input=(str(folder),),
        output=str(task.folder / "output"),
        outfmt="BIN",
        device=task.device,
        **gear_options(task.artifact, task.batch_size),
    )
    text = yield from run_tool(task, msame_argv(request), told)
    run = parse_msame(text)[-1]
    if run.outcome != "success":
        # After an option that it does not know it ends with 0.
        raise failure(task, text)
    return run


def _device_run(
    task: Task,
    run: MsameRun,
    samples: int,
    executions: int,
    *,
    first: int,
    outputs: tuple[tuple[Path, ...], ...],
) -> DeviceRun:
    """The run with its figures, of which the `first` executions are none unless there is no other.

    Median and percentiles need the time of every execution; a log that lost some has a mean only.
    """
    doubts = run.doubts()
    times_ms = run.times_ms if len(run.times_ms) == executions else ()
    kept_ms = () if doubts else (times_ms[first:] or times_ms)
    latency = latency_summary(kept_ms)
    if not kept_ms and not doubts:
        latency = LatencyMs(mean=run.without_first_ms or run.average_ms)
    figures = ToolFigures(batch_size=task.batch_size)
    if latency.mean is not None:
        figures = ToolFigures(
            batch_size=task.batch_size,
            mean_ms=latency.mean,
            median_ms=latency.median,
            max_ms=max(kept_ms, default=None),
            p99_ms=latency.p99,
            throughput=device_throughput(task.batch_size, latency.mean),
            executions=len(kept_ms) or None,
            elapsed_ms=math.fsum(kept_ms) or None,
        )
    return DeviceRun(
        device=task.device,
        samples=samples,
        figures=figures,
        latency=latency,
        latencies_ms=kept_ms,
        findings=doubted(task, doubts),
        outputs=outputs,
    )


def _outputs(task: Task, samples: int) -> tuple[tuple[Path, ...], ...]:
    """The result files of each input; none for those of a batch whose results are not all there.

    Old builds write into the output folder itself, newer ones into one that is named by the time.
    """
    present = {path.name: path for path in (task.folder / "output").rglob("*.bin")}
    found: list[tuple[Path, ...]] = []
    cut = task.folder / "samples"
    cut.mkdir(0o750)
    for batch in range(batches_of(samples, task.batch_size)):
        if task.cancel.is_set():
            raise Interrupted
        names = [
            result_name(input_name(batch), output, "BIN")
            for output in range(len(task.artifact.outputs))
        ]
        paths = [present[name] for name in names if name in present]
        whole = len(paths) == len(names)
        found += _samples(task, paths, batch, cut) if whole else [()] * task.batch_size
    return tuple(found[:samples])


def _samples(task: Task, paths: list[Path], batch: int, folder: Path) -> list[tuple[Path, ...]]:
    """The results of each sample of a batch, cut out of those of the whole batch."""
    if task.batch_size == 1:
        return [tuple(paths)]
    made: list[list[Path]] = [[] for _ in range(task.batch_size)]
    for output, path in enumerate(paths):
        data = path.read_bytes()
        size, rest = divmod(len(data), task.batch_size)
        if rest:
            raise ToolFailed(
                "ascend.result_split",
                "the result {file} of {tool} has {bytes} bytes, which {batch} samples cannot share",
                hint="Check that the om was made for this batch size; what it printed is in {log}.",
                file=path.name,
                tool=task.tool,
                bytes=len(data),
                batch=task.batch_size,
                log=task.log,
            )
        for place, names in enumerate(made):
            target = folder / f"{batch * task.batch_size + place:06d}_{output}.bin"
            target.write_bytes(data[place * size : (place + 1) * size])
            names.append(target)
    return [tuple(names) for names in made]
