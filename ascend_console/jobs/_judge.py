"""From scores and measurements to judgements, gates, the verdict and its rows."""

from __future__ import annotations

from dataclasses import dataclass
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

    from ascend_console.core.specs import ModelSpec
    from ascend_console.core.verdict import AccuracyRow, Finding, Images, Verdict
    from ascend_console.jobs._measure import MeasuredRate
    from ascend_console.jobs._scoring import Scores

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


def judge_published(spec: ModelSpec, result: BatchResult) -> list[Judgement]:
    """Each figure against the published one, where there is one."""
    references = {entry.metric: entry for entry in spec.accuracy}
    at = f"bs{result.batch_size} "
    return [
        against_published(metric, value, references[metric], at=at)
        if metric in references
        else recorded(metric, value)
        for metric, value in accuracy_figures(result.scores)
    ]


def judge_paired(reference: Scores, result: BatchResult) -> list[Judgement]:
    """Each gated figure against the torch float32 model on the same images."""
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
    return found


def accuracy_rows(
    results: Sequence[BatchResult], judgements: Mapping[int, Sequence[Judgement]]
) -> list[AccuracyRow]:
    """The rows of verdict.json; a figure without a basis is left out of them."""
    return [
        judgement.row(result.batch_size, result.precision)
        for result in results
        for judgement in judgements[result.batch_size]
    ]


def performance_row(result: BatchResult, *, official: bool) -> PerformanceRow:
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
        throughput=rate.figures.throughput,
        e2e_throughput=result.e2e_images_per_s,
        latency_ms=rate.figures.latency_ms,
        samples=rate.figures.samples,
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


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def summary_row(
    spec: ModelSpec,
    weights: str,
    backend: str,
    row: PerformanceRow,
    judgements: Sequence[Judgement],
    verdict: Verdict,
) -> dict[str, Any]:
    """One line of the table that ends a run. Accuracies in percent, latencies in ms."""
    wanted = ("top1", "top5") if spec.task == "classification" else ("instance_acc", "instance_F1")
    figures = {entry.metric: entry for entry in judgements}
    shown = " / ".join(f"{_percent(figures[name].value)}" for name in wanted)
    gated = figures[wanted[0]]
    differing = None if gated.b is None or gated.c is None else gated.b + gated.c

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    return {
        "model": spec.name,
        "weights": weights,
        "backend": backend,
        "batch": row.batch_size,
        "metric": " / ".join(wanted),
        "value %": shown,
        "reference %": _percent(gated.reference),
        "differ": differing,
        "device img/s": rounded(row.throughput),
        "end-to-end img/s": rounded(row.e2e_throughput),
        "p50 ms": rounded(row.latency_ms.median),
        "p90 ms": rounded(row.latency_ms.p90),
        "p99 ms": rounded(row.latency_ms.p99),
        "valid": row.valid,
        "verdict": verdict.verdict,
    }
