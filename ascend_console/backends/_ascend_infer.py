"""Inference with the vendor's tools: over files or random input, on one device or several.

Each pass works in a private folder that is removed at its end; each device has a process of its
own. What came back is counted: a pass gives all results, or says which are missing.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ascend_console.backends import _ascend_ais_bench, _ascend_benchmark, _ascend_msame
from ascend_console.backends._ascend_choice import generation_of, infer_tool
from ascend_console.backends._ascend_choice import infer_tool_line as infer_tool_line
from ascend_console.backends._ascend_device import device_numbers
from ascend_console.backends._ascend_inputs import place_model, work_folder
from ascend_console.backends._ascend_merge import merged
from ascend_console.backends._ascend_results import check_results, collect_results
from ascend_console.backends._ascend_results import read_outputs as read_outputs
from ascend_console.backends._ascend_shards import Shard, at_once, shards_of
from ascend_console.backends._ascend_sizes import check_tensors, closed_shape
from ascend_console.backends._ascend_task import DeviceRun, InferTool, Task
from ascend_console.core.errors import ConsoleError, UserError
from ascend_console.core.events import Warned
from ascend_console.core.stats import MeasurementPlan
from ascend_console.tools import input_files

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from ascend_console.backends._ascend_om import OmFacts
    from ascend_console.core.backend import BackendOptions, ToolRun
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Cancel, Env
    from ascend_console.tools.vendor_tools import VendorTools

_FIRST_LOOK = 10
# The first look is slower than what follows, so that its count would be too small.
_MARGIN = 1.2
_MOST_EXECUTIONS = 1_000_000


class Runner(Protocol):
    """What the module of each tool offers."""

    def run_files(
        self, task: Task, inputs: Sequence[Path], *, loop: int = 1
    ) -> Generator[Event, None, DeviceRun]:
        """Run every input, each batch `loop` times."""

    def run_random(
        self, task: Task, *, executions: int, warmup: int = ...
    ) -> Generator[Event, None, DeviceRun]:
        """Run random input so many times, after `warmup` executions."""

    def random_arguments(self, task: Task, *, executions: int) -> list[str]:
        """The arguments of a process that runs input of its own, for a profiler."""


RUNNERS: dict[InferTool, Runner] = {
    "ais_bench": _ascend_ais_bench,
    "benchmark": _ascend_benchmark,
    "msame": _ascend_msame,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One use of a tool: what all of its processes share. `work` is the private folder."""

    tool: InferTool
    tools: VendorTools
    env: Env
    artifact: OmFacts
    model: Path
    batch_size: int
    devices: tuple[int, ...]
    work: Path

    def task(self, device: int, cancel: Cancel, kind: str = "") -> Task:
        """One process on a device, in a new folder of its own and with a new log."""
        folder = _unused(self.work / f"device{device}")
        folder.mkdir(0o750)
        name = f"{self.tool}_bs{self.batch_size}{kind}"
        name += f"_device{device}" if len(self.devices) > 1 else ""
        return Task(
            tool=self.tool,
            tools=self.tools,
            cancel=cancel,
            artifact=self.artifact,
            model=self.model,
            batch_size=self.batch_size,
            device=device,
            folder=folder,
            log=_unused(self.env.folder / "logs" / f"{name}.log"),
        )


def _unused(path: Path) -> Path:
    """The path, or the first of `name_2.log`, `name_3.log`… that is free."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return free


@contextlib.contextmanager
def open_pass(
    tools: VendorTools, options: BackendOptions, artifact: OmFacts, *, batch_size: int
) -> Iterator[Pass]:
    """Everything that a pass needs before its first process; removed at the end."""
    assert options.env is not None, "the options of a tool carry the run's environment"
    check_tensors(artifact, batch_size)
    tool, devices = infer_tool(tools, options), device_numbers(options.device)
    if tool == "ais_bench":
        generation_of(tools)
    with work_folder(options.env) as work:
        yield Pass(
            tool=tool,
            tools=tools,
            env=options.env,
            artifact=artifact,
            model=place_model(artifact.path, work),
            batch_size=batch_size,
            devices=devices,
            work=work,
        )


def run_files(
    tools: VendorTools,
    options: BackendOptions,
    artifact: OmFacts,
    inputs: Sequence[Path],
    output: Path,
    *,
    batch_size: int,
    loop: int = 1,
) -> Generator[Event, None, ToolRun]:
    """Run every input, one sample a file, results into the new folder `output`.

    Each batch is executed `loop` times. The inputs are shared out over the devices of the options
    in whole batches; those of a device that fails run once more on the others. UserError for
    inputs that do not fit, ToolFailed where the tool fails or results are missing,
    BackendUnavailable where tool or device cannot be used.
    """
    with open_pass(tools, options, artifact, batch_size=batch_size) as this:
        _check_inputs(artifact, inputs)
        started_s = this.env.clock.monotonic_s()
        done = yield from _share_out(this, inputs, loop)
        wall_s = this.env.clock.monotonic_s() - started_s
        logs = this.env.folder / "logs"
        check_results(artifact, inputs, done.found, tool=this.tool, logs=logs)
        outputs = collect_results(done.found, output, this.env.cancel)
    return merged(
        done.runs,
        samples=len(inputs),
        wall_s=wall_s,
        source="dataset",
        outputs=outputs,
        failed=done.failed,
        extra=done.extra,
    )


def _check_inputs(artifact: OmFacts, inputs: Sequence[Path]) -> None:
    if not inputs:
        raise UserError(
            "ascend.no_inputs",
            "there is no input to run",
            hint="Name a folder of .bin or .npy inputs, such as `preprocess` writes.",
        )
    tensor = artifact.inputs[0]
    input_files.check_sizes(inputs, closed_shape(tensor), tensor.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What all processes of a pass did.

    `runs` are those that ran at the same time, `found` the results of each input; `failed` has the
    devices that failed with the reason, `extra` how many of their inputs others took over.
    """

    runs: list[DeviceRun]
    found: list[tuple[Path, ...]]
    failed: dict[int, str]
    extra: dict[int, int]


def _share_out(this: Pass, inputs: Sequence[Path], loop: int) -> Generator[Event, None, _Done]:
    """Run the inputs on all devices, and what a device failed to do on the others."""
    done = _Done(runs=[], found=[()] * len(inputs), failed={}, extra={})
    shards = shards_of(0, len(inputs), this.batch_size, this.devices)
    first = yield from _run_shards(this, shards, inputs, loop)
    errors = []
    for shard, result in zip(shards, first, strict=True):
        if isinstance(result, ConsoleError):
            errors.append((shard, result))
        else:
            done.runs.append(result)
            done.found[shard.start : shard.end] = result.outputs
    if not done.runs:
        raise errors[0][1]
    for shard, error in errors:
        others = [run.device for run in done.runs]
        yield _failed(shard, error, others)
        done.failed[shard.device] = error.message
        again = shards_of(shard.start, shard.end, this.batch_size, others)
        for part, result in zip(
            again, (yield from _run_shards(this, again, inputs, 1)), strict=True
        ):
            if isinstance(result, ConsoleError):
                raise result
            done.found[part.start : part.end] = result.outputs
            done.extra[part.device] = done.extra.get(part.device, 0) + result.samples
    return done


def _run_shards(
    this: Pass, shards: Sequence[Shard], inputs: Sequence[Path], loop: int
) -> Generator[Event, None, list[DeviceRun | ConsoleError]]:
    def work(shard: Shard, cancel: Cancel) -> Generator[Event, None, DeviceRun]:
        part = inputs[shard.start : shard.end]
        return RUNNERS[this.tool].run_files(this.task(shard.device, cancel), part, loop=loop)

    works = [partial(work, shard) for shard in shards]
    totals = [shard.end - shard.start for shard in shards]
    return (yield from at_once(works, totals, this.env.cancel))


def _failed(shard: Shard, error: ConsoleError, others: Sequence[int]) -> Warned:
    count, names = shard.end - shard.start, ", ".join(map(str, others))
    return Warned(
        "ascend.device_failed",
        f"device {shard.device} failed: {error.message}; its {count} inputs run again on {names}",
        "Look at that device: `ascend-console devices`.",
        {
            "device": str(shard.device),
            "cause": error.message,
            "count": str(count),
            "others": names,
        },
    )


def run_random(
    tools: VendorTools,
    options: BackendOptions,
    artifact: OmFacts,
    *,
    batch_size: int,
    duration_s: float,
) -> Generator[Event, None, ToolRun]:
    """Run random input on every device of the options for about `duration_s` seconds.

    A short look tells the time of an execution; the measurement then has as many as that duration
    takes, and at least 100, or 10 s and 30, which a figure needs to be trusted. Errors as in
    `run_files`; a device that fails is told, and the others are measured.
    """
    with open_pass(tools, options, artifact, batch_size=batch_size) as this:
        look, failed = yield from _random(this, this.devices, _FIRST_LOOK, 1)
        means_ms = [run.figures.mean_ms for run in look if run.figures.mean_ms]
        mean_ms = min(means_ms, default=0.0)
        started_s = this.env.clock.monotonic_s()
        runs, more = yield from _random(
            this,
            [run.device for run in look],
            _executions(mean_ms, duration_s),
            _warmup(mean_ms),
        )
        wall_s = this.env.clock.monotonic_s() - started_s
    return merged(
        runs,
        samples=sum(run.samples for run in runs),
        wall_s=wall_s,
        source="random",
        failed=failed | more,
    )


def _executions(mean_ms: float, duration_s: float) -> int:
    plan = MeasurementPlan()
    if not mean_ms:
        return plan.least_executions
    duration_ms = 1000 * duration_s
    fast = max(plan.least_executions, duration_ms / mean_ms)
    slow = max(plan.slow_executions, max(plan.slow_ms, duration_ms) / mean_ms)
    return min(math.ceil(_MARGIN * min(fast, slow)), _MOST_EXECUTIONS)


def _warmup(mean_ms: float) -> int:
    plan = MeasurementPlan()
    by_time = plan.warmup_ms / mean_ms if mean_ms else 0
    return min(max(plan.warmup_executions, math.ceil(by_time)), _MOST_EXECUTIONS)


def _random(
    this: Pass, devices: Sequence[int], executions: int, warmup: int
) -> Generator[Event, None, tuple[list[DeviceRun], dict[int, str]]]:
    """Random input on devices at the same time: what each did, and why some did not."""

    def work(device: int, cancel: Cancel) -> Generator[Event, None, DeviceRun]:
        task = this.task(device, cancel, "_random")
        return RUNNERS[this.tool].run_random(task, executions=executions, warmup=warmup)

    works = [partial(work, device) for device in devices]
    results = yield from at_once(works, [executions] * len(devices), this.env.cancel)
    runs = [result for result in results if isinstance(result, DeviceRun)]
    errors = [
        (device, result)
        for device, result in zip(devices, results, strict=True)
        if isinstance(result, ConsoleError)
    ]
    if not runs:
        raise errors[0][1]
    for device, error in errors:
        yield Warned(
            "ascend.random_failed",
            f"device {device} failed: {error.message}; the others are measured without it",
            "Look at that device: `ascend-console devices`.",
            {"device": str(device), "cause": error.message},
        )
    return runs, {device: error.message for device, error in errors}
