"""benchmark.x86_64 and benchmark.aarch64: one process on one device (ascend-tools.md section 3).

It writes into `./result` of the folder that it runs in, and counts outputs from 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ascend_console.ascend.benchmark import (
    BenchmarkRequest,
    PerfFile,
    PureInference,
    benchmark_argv,
    parse_perf,
    parse_pure,
    perf_doubts,
    perf_name,
    pure_doubts,
)
from ascend_console.backends._ascend_inputs import batches_of, input_name, place_samples
from ascend_console.backends._ascend_sizes import image_size
from ascend_console.backends._ascend_task import (
    DeviceRun,
    Task,
    doubted,
    run_tool,
    unreadable_figures,
    without_figures,
)
from ascend_console.core.backend import StageRate
from ascend_console.core.errors import UserError
from ascend_console.core.events import Progress
from ascend_console.core.stats import latency_summary
from ascend_console.core.validity import ToolFigures
from ascend_console.core.verdict import LatencyMs
from ascend_console.tools.bins import write_info

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from ascend_console.core.events import Event

_ROUND = re.compile(r"Dataset number: ([0-9]{1,9}) finished cost")
# It prints nothing while it runs through a data set.
_SILENCE_S = 6 * 3600.0


def run_files(
    task: Task, inputs: Sequence[Path], *, loop: int = 1
) -> Generator[Event, None, DeviceRun]:
    """Run every input; `loop` times as many, since the tool repeats no batch by itself."""
    _require_static(task)
    tensor = task.artifact.inputs[0]
    width, height = image_size(tensor)
    folder, info = task.folder / "inputs", task.folder / "inputs.info"
    count = place_samples(
        inputs, folder, tensor, batch_size=task.batch_size, cancel=task.cancel, rounds=loop
    )
    write_info(info, str(folder), map(input_name, range(count)), width=width, height=height)
    request = BenchmarkRequest(
        om=str(task.model),
        batch_size=task.batch_size,
        device=task.device,
        info=str(info),
        width=width,
        height=height,
        output_binary=True,
    )
    text = yield from run_tool(
        task, benchmark_argv(request), lambda _: None, silence_limit_s=_SILENCE_S
    )
    yield Progress(len(inputs), len(inputs), "images")
    perf = _read_perf(task, text)
    executions = batches_of(count, task.batch_size)
    return _device_run(task, perf, len(inputs), count, executions)


def run_random(
    task: Task, *, executions: int, warmup: int = 0
) -> Generator[Event, None, DeviceRun]:
    """Run random input so many times, after `warmup` rounds that no figure counts."""
    _require_static(task)
    total = executions + warmup

    def told(line: str) -> Event | None:
        found = _ROUND.search(line)
        done = min(int(found[1]) + 1, total) if found else 0
        return Progress(done, total, "executions") if found else None

    text = yield from run_tool(
        task, random_arguments(task, executions=total), told, silence_limit_s=_SILENCE_S
    )
    try:
        run = parse_pure(text)[-1]
    except UserError:
        raise without_figures(task, text, "PureInfer_perf_of_*.txt") from None
    return _random_run(task, run, executions, total)


def random_arguments(task: Task, *, executions: int) -> list[str]:
    """The arguments for random input without results."""
    return benchmark_argv(
        BenchmarkRequest(
            om=str(task.model),
            batch_size=task.batch_size,
            device=task.device,
            rounds=executions,
        )
    )


def _require_static(task: Task) -> None:
    if task.artifact.shape_kind != "static":
        raise UserError(
            "ascend.benchmark_static",
            "benchmark runs an om with fixed sizes only, and {om} has open ones",
            hint="Choose another tool: --infer-tool ais_bench; or convert with fixed sizes.",
            om=task.artifact.path,
        )


def _read_perf(task: Task, text: str) -> PerfFile:
    path = task.folder / "result" / perf_name(task.batch_size, task.device)
    try:
        return parse_perf(path.read_text("utf-8"))
    except FileNotFoundError:
        raise without_figures(task, text, path.name) from None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_figures(task, path, str(error)) from error
    except UserError as error:
        raise unreadable_figures(task, path, error.values["reason"]) from error


def _device_run(
    task: Task, perf: PerfFile, samples: int, images: int, executions: int
) -> DeviceRun:
    """The run with its figures; without them where the performance file contradicts itself.

    The tool prints the rate of the executions alone; their mean time follows from it.
    """
    doubts = perf_doubts(perf, task.batch_size, images)
    outputs = _outputs(task, samples)
    if doubts:
        return DeviceRun(
            device=task.device,
            samples=samples,
            figures=ToolFigures(batch_size=task.batch_size, executions=executions),
            latency=LatencyMs(),
            findings=doubted(task, doubts),
            outputs=outputs,
        )
    mean_ms = 1000 * task.batch_size / perf.interface_rate
    stages = {
        "data read": perf.data_read,
        "preprocess": perf.preprocess,
        "infer": perf.infer,
        "post": perf.post,
    }
    return DeviceRun(
        device=task.device,
        samples=samples,
        figures=ToolFigures(
            batch_size=task.batch_size,
            mean_ms=mean_ms,
            throughput=perf.interface_rate,
            executions=executions,
        ),
        latency=LatencyMs(mean=mean_ms),
        e2e_throughput=perf.e2e_rate,
        stages={
            name: StageRate(throughput=stage.rate, module_latency_ms=stage.latency_ms)
            for name, stage in stages.items()
        },
        findings=(),
        outputs=outputs,
    )


def _random_run(task: Task, run: PureInference, executions: int, total: int) -> DeviceRun:
    """The rounds are those of whole batches, and the averages per sample, warm-up included."""
    doubts = pure_doubts(run)
    costs_ms = tuple(cost for _, cost in run.rounds)
    kept_ms = costs_ms[total - executions :] if len(costs_ms) == total and not doubts else ()
    latency = latency_summary(kept_ms)
    figures = ToolFigures(batch_size=task.batch_size, executions=executions)
    if kept_ms:
        assert latency.mean is not None
        figures = ToolFigures(
            batch_size=task.batch_size,
            mean_ms=latency.mean,
            median_ms=latency.median,
            max_ms=max(kept_ms),
            p99_ms=latency.p99,
            throughput=1000 * task.batch_size / latency.mean,
            executions=executions,
            elapsed_ms=sum(kept_ms),
        )
    elif not doubts:
        mean_ms = 1000 * task.batch_size / run.rate
        latency = LatencyMs(mean=mean_ms)
        figures = ToolFigures(
            batch_size=task.batch_size, mean_ms=mean_ms, throughput=run.rate, executions=executions
        )
    return DeviceRun(
        device=task.device,
        samples=executions * task.batch_size,
        figures=figures,
        latency=latency,
        latencies_ms=kept_ms,
        findings=doubted(task, doubts),
    )


def _outputs(task: Task, samples: int) -> tuple[tuple[Path, ...], ...]:
    """The result files of each input, outputs from 1; none where one is missing."""
    folder = task.folder / "result" / f"dumpOutput_device{task.device}"
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    found = []
    for number in range(samples):
        stem = input_name(number).partition(".")[0]
        names = [f"{stem}_{output}.bin" for output in range(1, len(task.artifact.outputs) + 1)]
        whole = all(name in present for name in names)
        found.append(tuple(folder / name for name in names) if whole else ())
    return tuple(found)
