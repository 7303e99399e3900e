"""A measured throughput: its figures, its trust, its raw samples, and its file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.stats import Measurement, measurement_of
from ascend_console.core.validity import (
    Conditions,
    ToolFigures,
    Validity,
    judge_measurement,
    judge_tool_figures,
)
from ascend_console.core.verdict import Finding, LatencyMs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ascend_console.core.backend import Backend, ToolRun
    from ascend_console.core.verdict import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRate:
    """The device's own throughput at one batch size, in images a second, with its trust.

    `latencies_ms` are all executions that were timed, where they are known; `figures` is what a
    loop of ours saw, `tool` what a tool printed, with its own `findings`. Transfers are the mean
    times of the copies of one execution, where the tool tells them. `random_throughput` is that of
    random input, measured right afterwards.
    """

    batch_size: int
    throughput: float | None
    latency_ms: LatencyMs
    executions: int | None
    validity: Validity
    source: Source = "dataset"
    latencies_ms: tuple[float, ...] = ()
    figures: Measurement | None = None
    tool: ToolFigures | None = None
    findings: tuple[Finding, ...] = ()
    h2d_ms: float | None = None
    d2h_ms: float | None = None
    random_throughput: float | None = None


def rate_of_measurement(
    figures: Measurement,
    conditions: Conditions,
    latencies_ms: Sequence[float],
) -> MeasuredRate:
    """What a measuring loop in this process found."""
    return MeasuredRate(
        batch_size=figures.batch_size,
        throughput=figures.throughput,
        latency_ms=figures.latency_ms,
        executions=figures.samples,
        validity=judge_measurement(figures, conditions),
        source=conditions.source,
        latencies_ms=tuple(latencies_ms),
        figures=figures,
    )


def rate_of_tool(ran: ToolRun, batch_size: int, conditions: Conditions) -> MeasuredRate:
    """What a tool printed, with the samples that it keeps.

    Several devices are measured at once: their samples are no series of one device.
    """
    single = len(ran.shares) < 2 and bool(ran.latencies_ms)
    figures = measurement_of(ran.latencies_ms, batch_size) if single else None
    rate = MeasuredRate(
        batch_size=batch_size,
        throughput=ran.figures.throughput,
        latency_ms=figures.latency_ms if figures is not None else ran.latency,
        executions=ran.figures.executions,
        validity=Validity(False),
        source=ran.source,
        latencies_ms=ran.latencies_ms,
        figures=figures,
        tool=ran.figures,
        findings=ran.findings,
        h2d_ms=ran.h2d_ms,
        d2h_ms=ran.d2h_ms,
    )
    return judged_tool_rate(rate, conditions)


def judged_tool_rate(rate: MeasuredRate, conditions: Conditions) -> MeasuredRate:
    """A tool's measurement judged by its raw samples where it keeps them, else by its figures."""
    copies = None if rate.h2d_ms is None or rate.d2h_ms is None else rate.h2d_ms + rate.d2h_ms
    seen = replace(conditions, source=rate.source, transfer_ms=copies)
    if rate.figures is not None:
        judged = judge_measurement(rate.figures, seen)
    else:
        judged = judge_tool_figures(rate.tool or ToolFigures(batch_size=rate.batch_size), seen)
    known = rate.throughput is not None
    validity = Validity(
        judged.valid and known,
        judged.reasons if known else judged.reasons + rate.findings,
        judged.notes + rate.findings if known else judged.notes,
    )
    return replace(rate, validity=validity, random_throughput=conditions.random_throughput)


def write_rate(rate: MeasuredRate, path: Path, backend: Backend, facts: Mapping[str, Any]) -> None:
    """Write one measurement with all of its raw samples."""
    from ascend_console.tools import files

    document = {
        "schema": 1,
        "tool": backend.infer_version(),
        "device": backend.device_name(),
        **facts,
        "throughput": rate.throughput,
        "latency_ms": asdict(rate.latency_ms),
        "executions": rate.executions,
        "source": rate.source,
        "h2d_ms": rate.h2d_ms,
        "d2h_ms": rate.d2h_ms,
        "random_throughput": rate.random_throughput,
        "measurement": asdict(rate.figures) if rate.figures else None,
        "printed": asdict(rate.tool) if rate.tool else None,
        "findings": [entry.to_json() for entry in rate.findings],
        "valid": rate.validity.valid,
        "reasons": [entry.to_json() for entry in rate.validity.reasons],
        "notes": [entry.to_json() for entry in rate.validity.notes],
        "latencies_ms": [round(value, 4) for value in rate.latencies_ms],
    }
    files.write_json(path, document)


def _findings(entries: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(entry["id"], entry["message"], entry["hint"], entry["args"]) for entry in entries
    )


def read_rate(path: Path, key: str) -> MeasuredRate | None:
    """The measurement of an earlier attempt at the same; None where there is none."""
    from ascend_console.tools import files

    document = files.read_json(path) if path.is_file() else None
    if not isinstance(document, dict) or document.get("key") != key:
        return None
    stored = document["measurement"]
    if stored is not None:
        stored = Measurement(
            **stored
            | {
                "latency_ms": LatencyMs(**stored["latency_ms"]),
                "window_throughputs": tuple(stored["window_throughputs"]),
            }
        )
    return MeasuredRate(
        batch_size=document["batch_size"],
        throughput=document["throughput"],
        latency_ms=LatencyMs(**document["latency_ms"]),
        executions=document["executions"],
        validity=Validity(
            document["valid"], _findings(document["reasons"]), _findings(document["notes"])
        ),
        source=document["source"],
        latencies_ms=tuple(document["latencies_ms"]),
        figures=stored,
        tool=ToolFigures(**document["printed"]) if document["printed"] else None,
        findings=_findings(document["findings"]),
        h2d_ms=document["h2d_ms"],
        d2h_ms=document["d2h_ms"],
        random_throughput=document["random_throughput"],
    )
