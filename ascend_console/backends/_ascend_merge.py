"""What several processes did, as one pass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ascend_console.core.backend import DeviceShare, StageRate, ToolRun
from ascend_console.core.stats import latency_summary
from ascend_console.core.validity import ToolFigures
from ascend_console.core.verdict import LatencyMs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ascend_console.backends._ascend_task import DeviceRun
    from ascend_console.core.verdict import Source


def merged(
    runs: Sequence[DeviceRun],
    *,
    samples: int,
    wall_s: float,
    source: Source,
    outputs: tuple[tuple[Path, ...], ...] = (),
    failed: Mapping[int, str] | None = None,
    extra: Mapping[int, int] | None = None,
) -> ToolRun:
    """The pass of the processes that ran at the same time, at least one.

    Rates are summed. With several devices the figures have no mean or median, which the rate of
    all of them would contradict, and there is no series of raw times; the latency is of them all.
    `failed` has the devices that gave nothing, with the reason; `extra` what others did for them.
    """
    shares = [
        DeviceShare(
            device=run.device,
            samples=run.samples + (extra or {}).get(run.device, 0),
            throughput=run.figures.throughput,
        )
        for run in runs
    ]
    shares += [
        DeviceShare(device=device, samples=0, throughput=None, failed=reason)
        for device, reason in (failed or {}).items()
    ]
    return ToolRun(
        figures=_figures(runs),
        latency=_latency(runs),
        samples=samples,
        wall_s=wall_s,
        source=source,
        outputs=outputs,
        latencies_ms=runs[0].latencies_ms if len(runs) == 1 else (),
        h2d_ms=_mean([run.h2d_ms for run in runs]),
        d2h_ms=_mean([run.d2h_ms for run in runs]),
        e2e_throughput=_sum([run.e2e_throughput for run in runs]),
        stages=_stages(runs),
        shares=tuple(sorted(shares, key=lambda share: share.device)),
        findings=tuple(entry for run in runs for entry in run.findings),
    )


def _known(values: Sequence[float | None]) -> list[float] | None:
    """The values, None where one is missing: half a sum is a wrong figure."""
    known = [value for value in values if value is not None]
    return known if known and len(known) == len(values) else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return math.fsum(known) if known else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return math.fsum(known) / len(known) if known else None


def _elapsed_ms(figures: ToolFigures) -> float | None:
    if figures.elapsed_ms is not None or figures.mean_ms is None or figures.executions is None:
        return figures.elapsed_ms
    return figures.mean_ms * figures.executions


def _figures(runs: Sequence[DeviceRun]) -> ToolFigures:
    if len(runs) == 1:
        return runs[0].figures
    every = [run.figures for run in runs]
    executions = _sum([figures.executions for figures in every])
    # The device that was busy for the shortest time tells how long all of them were.
    elapsed_ms = _known([_elapsed_ms(figures) for figures in every])
    slowest_ms = _known([figures.max_ms for figures in every])
    return ToolFigures(
        batch_size=every[0].batch_size,
        max_ms=max(slowest_ms) if slowest_ms else None,
        throughput=_sum([figures.throughput for figures in every]),
        executions=None if executions is None else int(executions),
        elapsed_ms=min(elapsed_ms) if elapsed_ms else None,
    )


def _latency(runs: Sequence[DeviceRun]) -> LatencyMs:
    if len(runs) == 1:
        return runs[0].latency
    if all(run.latencies_ms for run in runs):
        return latency_summary([value for run in runs for value in run.latencies_ms])
    return LatencyMs(mean=_mean([run.latency.mean for run in runs]))


def _stages(runs: Sequence[DeviceRun]) -> Mapping[str, StageRate] | None:
    """The rates of each stage; the time of a call is that of one device alone."""
    if any(run.stages is None for run in runs):
        return None
    if len(runs) == 1:
        return runs[0].stages
    every = [run.stages or {} for run in runs]
    return {
        name: StageRate(
            throughput=_sum([stages[name].throughput for stages in every]), module_latency_ms=None
        )
        for name in every[0]
    }
