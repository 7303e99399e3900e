"""From scores and measurements to judgements, gates, the verdict and its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.accuracy import (
    Judgement,
    against_float32,
    against_published,
    attributes_against_float32,
    recorded,
)
from ascend_console.core.gates import (
    accuracy_gate,
    batch_consistency_gate,
    performance_gate,
    validity_gate,
    verdict_of,
)
from ascend_console.core.metrics import instance_accuracies
from ascend_console.core.verdict import PerformanceRow
from ascend_console.jobs._scoring import accuracy_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.core.specs import AccuracyReference, ModelSpec
    from ascend_console.core.verdict import AccuracyRow, Finding, Images, Verdict
    from ascend_console.jobs._rates import MeasuredRate
    from ascend_console.jobs._scoring import Scores
    from ascend_console.jobs._stages import StageTimes

_GATED_TOPS = {"top1": 1, "top5": 5}
_GATED_ATTRIBUTE = "instance_acc"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """Everything that a run found at one batch size. `rate` is None where nothing was measured."""

    batch_size: int
    precision: str
    scores: Scores
    bad: tuple[str, ...]
    e2e_images_per_s: float
    rate: MeasuredRate | None
    stages: StageTimes | None = None


def deciding(references: Sequence[AccuracyReference]) -> dict[str, AccuracyReference]:
    """The reference of each metric: the gated one, else the first."""
    ordered = sorted(references, key=lambda entry: not entry.gated)
    return {entry.metric: entry for entry in reversed(ordered)}


def judge_published(
    published: Sequence[AccuracyReference], result: BatchResult
) -> list[Judgement]:  # fmt: skip
    """Each figure against the published one, where there is one."""
    references = deciding(published)
    at = f"bs{result.batch_size} "
    return [
        against_published(metric, value, references[metric], at=at)
        if metric in references
        else recorded(metric, value)
        for metric, value in accuracy_figures(result.scores)
    ]


def judge_paired(
    reference: Scores, result: BatchResult, *, source: str | None = None
) -> list[Judgement]:
    """Each gated figure against the reference on the same images: torch float32, or `source`."""
    at = f"bs{result.batch_size} "
    found = []
    for metric, value in accuracy_figures(result.scores):
        top = _GATED_TOPS.get(metric)
        if top is not None:
            pair = (reference.correct(top), result.scores.correct(top))
            found.append(against_float32(metric, *pair, at=at))
        elif metric == _GATED_ATTRIBUTE:
            rows = [
                instance_accuracies(scores.values, scores.labels)
                for scores in (reference, result.scores)
                if scores.values is not None
            ]
            found.append(attributes_against_float32(rows[0], rows[1], at=at))
        else:
            found.append(recorded(metric, value))
    if source is None:
        return found
    said = f"{source} on the same {len(result.scores.names)} images"
    return [
        replace(entry, reference_source=said) if entry.reference is not None else entry
        for entry in found
    ]


def accuracy_rows(
    results: Sequence[BatchResult], judgements: Mapping[int, Sequence[Judgement]]
) -> list[AccuracyRow]:
    """The rows of verdict.json; a figure without a basis is left out of them."""
    return [
        judgement.row(result.batch_size, result.precision)
        for result in results
        for judgement in judgements[result.batch_size]
    ]


def performance_row(result: BatchResult, *, official: bool, card_factor: int = 1) -> PerformanceRow:
    """The throughput of one batch size, with how far it can be trusted."""
    rate = result.rate
    if rate is None:
        return PerformanceRow(
            batch_size=result.batch_size,
            precision=result.precision,
            throughput=None,
            e2e_throughput=result.e2e_images_per_s,
        )
    return PerformanceRow(
        batch_size=result.batch_size,
        precision=result.precision,
        throughput=rate.throughput,
        card_factor=card_factor,
        e2e_throughput=result.e2e_images_per_s,
        latency_ms=rate.latency_ms,
        samples=rate.executions,
        source=rate.source,
        official=official,
        valid=rate.validity.valid,
        validity=rate.validity.findings,
    )


def judge(
    results: Sequence[BatchResult],
    judgements: Mapping[int, Sequence[Judgement]],
    images: Images,
    *,
    skip_bad_images: bool,
    warnings: Sequence[Finding] = (),
) -> Verdict:
    """The verdict over all batch sizes."""
    every = [entry for result in results for entry in judgements[result.batch_size]]
    bad = tuple(dict.fromkeys(name for result in results for name in result.bad))
    gates = [
        accuracy_gate(every, images, bad_names=bad, skip_bad_images=skip_bad_images),
        performance_gate("throughput ratio", None, 1.0, "no published figure is for this device"),
        validity_gate(
            [result.rate.validity for result in results if result.rate], decides=False
        ),
        batch_consistency_gate(
            {result.batch_size: result.scores.predictions for result in results},
            results[0].scores.names,
        ),
    ]  # fmt: skip
    return verdict_of(gates, warnings)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


_SHOWN = {
    "topn": (("Top-1", "top1"), ("Top-5", "top5")),
    "attributes": (("acc", "instance_acc"), ("F1", "instance_F1")),
}


def accuracy_summary(
    spec: ModelSpec, batch_size: int, judgements: Sequence[Judgement], verdict: Verdict
) -> dict[str, Any]:
    """One line of the accuracy table that ends a run, in percent.

    `differ` counts the images that only one of reference and artefact gets right.
    """
    figures = {entry.metric: entry for entry in judgements}
    # A classifier of fewer than five classes has no Top-5.
    pairs = [(title, key) for title, key in _SHOWN[spec.metric] if key in figures]
    shown = [f"{title} {_percent(figures[key].value)}" for title, key in pairs]
    gated = figures[_SHOWN[spec.metric][0][1]]
    differ = None if gated.b is None or gated.c is None else gated.b + gated.c
    return {
        "model": spec.name,
        "batch": batch_size,
        "accuracy %": "  ".join(shown),
        "reference %": _percent(gated.reference),
        "differ": differ,
        "verdict": verdict.verdict,
    }


def performance_summary(spec: ModelSpec, row: PerformanceRow) -> dict[str, Any]:
    """One line of the performance table that ends a run: images a second, latencies in ms."""
    latency = row.latency_ms
    return {
        "model": spec.name,
        "batch": row.batch_size,
        "device img/s": _rounded(row.throughput),
        "end-to-end img/s": _rounded(row.e2e_throughput),
        "p50 ms": _rounded(latency.median),
        "p90 ms": _rounded(latency.p90),
        "p99 ms": _rounded(latency.p99),
        "valid": row.valid,
    }
