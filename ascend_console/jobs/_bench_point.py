"""One point of a bench, and its figures as rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

from ascend_console.core.backend import FileBackend
from ascend_console.core.stats import mean_interval
from ascend_console.core.sweep import SweepPoint
from ascend_console.core.verdict import LatencyMs, PerformanceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.verdict import Finding, Source, State
    from ascend_console.jobs._bench_subject import Column
    from ascend_console.jobs._convert import Artifact
    from ascend_console.jobs._rates import MeasuredRate


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean of repeats; None where one of them is unknown, or where there are none."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known and len(known) == len(values) else None


def mean_latency(latencies: Sequence[LatencyMs]) -> LatencyMs:
    """Each figure's mean over repeats; None where one of them does not have it."""
    return LatencyMs(
        mean=mean_of([entry.mean for entry in latencies]),
        median=mean_of([entry.median for entry in latencies]),
        p90=mean_of([entry.p90 for entry in latencies]),
        p99=mean_of([entry.p99 for entry in latencies]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was measured at one batch size of a column, once for each repeat.

    `memory_bytes` is that of `_bench_memory`, None where it was not taken; `e2e_throughput` that of
    the pass over the images which judged the accuracy.
    """

    column: Column
    artifact: Artifact
    rates: tuple[MeasuredRate, ...]
    memory_bytes: int | None = None
    e2e_throughput: float | None = None
    accuracy: float | None = None
    accuracy_state: State = "NO_RULE"

    @property
    def batch_size(self) -> int:
        """Images of one execution."""
        return self.artifact.batch_size

    @property
    def throughputs(self) -> tuple[float, ...]:
        """Those that are known, in images a second."""
        return tuple(rate.throughput for rate in self.rates if rate.throughput is not None)

    @property
    def throughput(self) -> float | None:
        """The mean of the repeats; None where one of them has none."""
        return mean_of([rate.throughput for rate in self.rates])

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the throughput over the repeats."""
        return mean_interval(self.throughputs)

    @property
    def valid(self) -> bool:
        """Whether every repeat can be trusted."""
        return all(rate.validity.valid for rate in self.rates)

    @property
    def source(self) -> Source:
        """What it was measured on."""
        return self.rates[0].source

    def row(self, *, official: bool) -> PerformanceRow:
        """The row of `verdict.json`: figures are the means of the repeats."""
        counts = [rate.executions for rate in self.rates if rate.executions is not None]
        findings: dict[tuple[str, str], Finding] = {
            (entry.id, entry.message): entry
            for rate in self.rates
            for entry in rate.validity.findings
        }
        return PerformanceRow(
            batch_size=self.batch_size,
            precision=self.column.precision,
            throughput=self.throughput,
            card_factor=self.column.card_factor,
            e2e_throughput=self.e2e_throughput,
            latency_ms=mean_latency([rate.latency_ms for rate in self.rates]),
            samples=sum(counts) if len(counts) == len(self.rates) else None,
            source=self.source,
            official=official and self.source == "dataset",
            valid=self.valid,
            validity=tuple(findings.values()),
        )

    def more(self) -> dict[str, Any]:
        """What a bench knows beside the row of `verdict.json`."""
        colds = [rate.figures.first_ms if rate.figures else None for rate in self.rates]
        size = self.artifact.path.stat().st_size if self.artifact.path.is_file() else None
        return {
            "threads": self.column.backend.threads,
            "repeats": len(self.rates),
            "interval": None if self.interval is None else list(self.interval),
            "cold_start_ms": colds[0],
            "h2d_ms": mean_of([rate.h2d_ms for rate in self.rates]),
            "d2h_ms": mean_of([rate.d2h_ms for rate in self.rates]),
            "memory_bytes": self.memory_bytes,
            "artifact_bytes": size,
        }

    def sweep_point(self) -> SweepPoint:
        """What a sweep compares."""
        more = self.more()
        return SweepPoint(
            batch_size=self.batch_size,
            precision=self.column.precision,
            threads=more["threads"],
            throughput=self.throughput,
            valid=self.valid,
            source=self.source,
            interval=self.interval,
            accuracy=self.accuracy,
            accuracy_state=self.accuracy_state,
            memory_bytes=self.memory_bytes,
            artifact_bytes=more["artifact_bytes"],
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _interval_text(interval: tuple[float, float] | None) -> str | None:
    return None if interval is None else f"{interval[0]:.1f} - {interval[1]:.1f}"


def performance_line(name: str, point: Point) -> dict[str, Any]:
    """One line of the table of measurements: images a second, times in ms."""
    row, more = point.row(official=False), point.more()
    latency = row.latency_ms
    # A tool of its own tells the copies of each execution, and a runtime in this process its first.
    of_tool = isinstance(point.column.backend, FileBackend)
    own = (
        {"H2D ms": _rounded(more["h2d_ms"]), "D2H ms": _rounded(more["d2h_ms"])}
        if of_tool
        else {"cold start ms": _rounded(more["cold_start_ms"])}
    )
    return {
        "model": name,
        "batch": point.batch_size,
        "precision": point.column.precision,
        "threads": more["threads"],
        "input": point.source,
        "device img/s": _rounded(row.throughput),
        "95 % interval": _interval_text(point.interval),
        "p50 ms": _rounded(latency.median),
        "p90 ms": _rounded(latency.p90),
        "p99 ms": _rounded(latency.p99),
        **own,
        "valid": row.valid,
    }


def repeat_line(name: str, point: Point) -> dict[str, Any]:
    """One line for the last repeat of a point: its own figure, and the mean of all so far."""
    return {
        "model": name,
        "batch": point.batch_size,
        "precision": point.column.precision,
        "threads": point.column.backend.threads,
        "repeat": len(point.rates),
        "device img/s": _rounded(point.rates[-1].throughput),
        "mean img/s": _rounded(point.throughput),
        "95 % interval": _interval_text(point.interval),
        "valid": point.rates[-1].validity.valid,
    }


def sweep_line(name: str, point: SweepPoint, *, pareto: bool, recommended: bool) -> dict[str, Any]:
    """One line of the comparison of all points; memory and artefact in MB of 1,000,000 bytes."""

    def megabytes(value: int | None) -> float | None:
        return None if value is None else round(value / 1e6, 1)

    return {
        "model": name,
        "batch": point.batch_size,
        "precision": point.precision,
        "threads": point.threads,
        "device img/s": _rounded(point.throughput),
        "95 % interval": _interval_text(point.interval),
        "accuracy %": None if point.accuracy is None else round(100 * point.accuracy, 2),
        "accuracy": None if point.accuracy_state == "NO_RULE" else point.accuracy_state,
        "memory MB": megabytes(point.memory_bytes),
        "artefact MB": megabytes(point.artifact_bytes),
        "Pareto": pareto,
        "recommended": recommended,
        "valid": point.valid,
    }
