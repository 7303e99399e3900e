"""From the points of a bench to its gates, its verdict and `verdict.json`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.gates import performance_gate, validity_gate, verdict_of
from ascend_console.core.reference_ratios import GATES
from ascend_console.core.sweep import pareto, recommendation, recommended
from ascend_console.core.verdict import finding, verdict_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.core.operators import OperatorTable
    from ascend_console.core.sweep import SweepPoint
    from ascend_console.core.verdict import Finding, Gate, PerformanceRow, Verdict
    from ascend_console.jobs._bench_accuracy import Accuracy
    from ascend_console.jobs._bench_point import Point
    from ascend_console.jobs._bench_subject import Subject

_COSTLY = 3
_FAMILIES = (("310P", r"310P"), ("310", r"Ascend310(?![A-Za-z0-9])"), ("T4", r"\bT4\b"))


def family(*texts: object) -> str | None:
    """The device family of the published ratios that these texts speak of; None for others."""
    text = " ".join(str(entry) for entry in texts if entry)
    return next((name for name, pattern in _FAMILIES if re.search(pattern, text)), None)


def best_card(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """The highest trusted throughput of a card on a data set, from rows of `verdict.json`."""
    known = [
        float(row["card_throughput"])
        for row in rows
        if row["valid"] and row["source"] == "dataset" and row["card_throughput"] is not None
    ]
    return max(known, default=None)


def baseline_gate(own: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> Gate:
    """Best card against the best of a baseline, where a rule speaks of both devices.

    Both are documents of `verdict.json` that the console measured. Another model, or devices that
    no rule compares, decide nothing.
    """
    if baseline is None:
        return performance_gate(
            "throughput ratio", None, 1.0, "no published figure is for this device"
        )
    names = [
        family(document.get("device"), document.get("tool")) or str(document.get("device"))
        for document in (own, baseline)
    ]
    pair, least = "/".join(names), GATES.get((names[0], names[1]))
    if least is None:
        return performance_gate(pair, None, 1.0, "no rule compares these devices")
    if baseline.get("model") != own["model"]:
        return performance_gate(pair, None, least, "the baseline is of another model")
    ours, theirs = best_card(own["performance"]), best_card(baseline["performance"])
    if ours is None or not theirs:
        return performance_gate(pair, None, least, f"no {names[0 if ours is None else 1]} figure")
    return performance_gate(pair, ours / theirs, least)


def with_operators(gate: Gate, tables: Sequence[OperatorTable]) -> Gate:
    """A missed gate names the kinds of operators that cost most, where they were profiled."""
    if gate.state != "FAIL" or not tables:
        return gate
    why = finding(
        "performance.costly_operators",
        "most of the time goes to {operators}",
        "Replace or fuse them, or tune with aoe.",
        operators="; ".join(table.costliest(_COSTLY) for table in tables),
    )
    return replace(gate, findings=(*gate.findings, why))


def _official(subject: Subject, point: Point) -> bool:
    """A published data set at an official batch size (design.md section 1)."""
    run = subject.run
    return (
        run is not None
        and bool(run.data.references)
        and point.batch_size in run.spec.official_batch_sizes
    )


def _beside(row: PerformanceRow, baseline: Mapping[str, Any] | None) -> PerformanceRow:
    """A row with the throughput of the baseline at the same batch size and precision."""
    if baseline is None:
        return row
    same = (row.batch_size, row.precision)
    other: float | None = next(
        (
            entry["throughput"]
            for entry in baseline["performance"]
            if (entry["batch_size"], entry["precision"]) == same and entry["valid"]
        ),
        None,
    )
    ratio = None
    if other and row.throughput is not None and row.valid:
        ratio = row.throughput / other
    return replace(row, reference=other, ratio=ratio)


def sweep_document(points: Sequence[SweepPoint]) -> dict[str, Any]:
    """Which of the points are worth having, and which one to take."""
    best = pareto(points)
    chosen = recommended(points)
    said = recommendation(points)

    def name(point: SweepPoint) -> dict[str, Any]:
        return {
            "batch_size": point.batch_size,
            "precision": point.precision,
            "threads": point.threads,
        }

    return {
        "pareto": [name(point) for point in best],
        "recommended": None if chosen is None else name(chosen),
        "finding": said.to_json(),
    }


def conclude(
    subject: Subject,
    points: Sequence[Point],
    accuracy: Accuracy,
    tables: Sequence[OperatorTable],
    baseline: Mapping[str, Any] | None,
    notes: Sequence[Finding],
) -> tuple[Verdict, dict[str, Any]]:
    """The verdict and the content of `verdict.json`; each row has what a bench knows beside it."""
    backend = points[0].column.backend
    rows = [_beside(point.row(official=_official(subject, point)), baseline) for point in points]
    own = {
        "model": subject.name,
        "device": backend.device_name(),
        "tool": backend.version(),
        "performance": [row.to_json() for row in rows],
    }
    gates = [
        accuracy.gate,
        with_operators(baseline_gate(own, baseline), tables),
        validity_gate([rate.validity for point in points for rate in point.rates], decides=True),
        accuracy.consistency,
    ]
    verdict = verdict_of(gates, notes)
    document = verdict_document(
        run_id=subject.env.run_id,
        model=subject.name,
        weights=subject.weights_kind,
        backend=subject.backend_name,
        provider=backend.provider_name(),
        device=backend.device_name(),
        verdict=verdict,
        images=accuracy.images,
        fingerprint=subject.run.fingerprint if subject.run is not None else None,
        accuracy=accuracy.rows,
        performance=rows,
    )
    for row, point in zip(document["performance"], points, strict=True):
        row |= point.more()
    document["tool"] = backend.version()
    document["threads"] = backend.threads
    document["baseline"] = None
    document["sweep"] = sweep_document([point.sweep_point() for point in points])
    document["operators"] = [table.document() for table in tables]
    return verdict, document
