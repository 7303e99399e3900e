"""The rows of the accuracy table: published figures with what judges them, then own runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.accuracy import against_published
from ascend_console.core.reference_judgement import gated_references, judge_figure
from ascend_console.core.specs import AccuracyReference
from ascend_console.jobs._own_runs import number
from ascend_console.jobs._perf_document import noted
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.reference import AccuracyFigure, ReferenceSet
    from ascend_console.jobs._own_runs import OwnRun
    from ascend_console.jobs._reference_choice import Section

_OWN_KEYS = ("reference_source", "disagreements", "images_needed")


def _drop_percent(value: float | None, reference: float | None) -> float | None:
    """By how much of the reference a value lies below it."""
    if value is None or not reference:
        return None
    return 100 * (reference - value) / reference


def _judged(judgement: Judgement | None) -> dict[str, Any]:
    """What a rule said of a published figure; null where there is none."""
    if judgement is None:
        return dict.fromkeys(
            ("reference", "reference_source", "drop_points", "drop_percent", "tolerance", "passed")
        )
    row = judgement.row(0, "")
    return {
        "reference": row.reference,
        "reference_source": row.reference_source,
        "drop_points": row.drop_points,
        "drop_percent": _drop_percent(row.value, row.reference),
        "tolerance": row.tolerance,
        "passed": row.passed,
    }


def _published_row(figure: AccuracyFigure, judgement: Judgement | None) -> dict[str, Any]:
    return {
        "document": figure.document,
        "model": figure.model,
        "backend": None,
        "device": figure.device,
        "batch_size": None,
        "precision": figure.precision,
        "metric": figure.metric,
        "value": figure.value,
        **_judged(judgement),
        "interval": None,
        "images": figure.images,
        "source": figure.place,
        "line": figure.line,
        "of": figure.of,
        "weights": None,
        "run_id": None,
        "fingerprint": None,
        **noted(figure.note),
    }


def _own_comparison(figure: AccuracyFigure, reference: ReferenceSet) -> Judgement | None:
    """The rule on a figure and that of another device which the document compares it with."""
    other = next(
        (
            entry
            for entry in reference.accuracy
            if (entry.of, entry.device, entry.metric) == ("om", figure.against, figure.metric)
        ),
        None,
    )
    if figure.against is None or other is None or other.value is None or figure.value is None:
        return None
    source = f"{other.device}, {other.place}"
    known = AccuracyReference(metric=figure.metric, value=other.value, source=source, gated=True)
    return against_published(figure.metric, figure.value, known)


def _of_set(section: Section, reference: ReferenceSet) -> Iterator[dict[str, Any]]:
    """A row for each batch size of each figure; one more where the document compares devices."""
    references = gated_references(reference, section.known)
    for figure in reference.accuracy:
        own = _own_comparison(figure, reference)
        judgements = [judge_figure(figure, references), *([own] if own is not None else [])]
        for judgement in judgements:
            row = _published_row(figure, judgement)
            for size in figure.batch_sizes or (None,):
                yield row | {"batch_size": size}


def _interval(value: Any) -> list[float] | None:
    """The two ends of an interval of a recorded document."""
    ends = [number(part) for part in value] if isinstance(value, list) else []
    return [end for end in ends if end is not None] if len(ends) == 2 and None not in ends else None


def _own_row(run: OwnRun, row: Mapping[str, Any], fingerprint: str | None) -> dict[str, Any]:
    value, reference = number(row.get("value")), number(row.get("reference"))
    images = run.verdict.get("images")
    used = images.get("used") if isinstance(images, dict) else None
    passed = row.get("passed")
    return {
        "document": None,
        "model": run.model,
        "backend": run.summary.backend,
        "device": run.device,
        "batch_size": row["batch_size"],
        "precision": row.get("precision"),
        "metric": row["metric"],
        "value": value,
        "reference": reference,
        "drop_points": number(row.get("drop_points")),
        "drop_percent": _drop_percent(value, reference),
        "tolerance": number(row.get("tolerance")),
        "passed": passed if isinstance(passed, bool) else None,
        "interval": _interval(row.get("interval")),
        **{key: row.get(key) for key in _OWN_KEYS},
        "images": used if isinstance(used, int) else None,
        "source": f"run {run.summary.run_id}",
        "line": None,
        "of": "run",
        "weights": run.verdict.get("weights"),
        "run_id": run.summary.run_id,
        "fingerprint": fingerprint,
        "note": None,
        "note_zh": None,
        "column": run.column(row.get("precision")),
        "origin": run.summary.origin,
    }


def fingerprint_id(run: OwnRun) -> str | None:
    """A short name of everything but the model that the accuracies of a run depend on."""
    fingerprint = run.verdict.get("fingerprint")
    return files.sha256_json(fingerprint)[:8] if fingerprint else None


def _of_runs(runs: Sequence[OwnRun]) -> list[dict[str, Any]]:
    """Of each column, batch size and metric the newest figure."""
    found: dict[tuple[str, int, str], dict[str, Any]] = {}
    for run in runs:
        fingerprint = fingerprint_id(run)
        for row in run.rows("accuracy"):
            metric = row.get("metric")
            if isinstance(metric, str) and number(row.get("value")) is not None:
                key = (run.column(row.get("precision")), row["batch_size"], metric)
                found.setdefault(key, _own_row(run, row, fingerprint))
    return sorted(found.values(), key=lambda row: (row["column"], row["batch_size"]))


def accuracy_rows(section: Section) -> list[dict[str, Any]]:
    """Every accuracy of one model in its external form."""
    published = [row for reference in section.sets for row in _of_set(section, reference)]
    return [*published, *_of_runs(section.runs)]


def differing_keys(fingerprints: Sequence[object]) -> list[str]:
    """In which facts fingerprints are not the same."""
    whole = [entry for entry in fingerprints if isinstance(entry, dict)]
    if len(whole) < len(fingerprints):
        return ["fingerprint"]
    keys = sorted({key for entry in whole for key in entry})
    return [key for key in keys if any(entry.get(key) != whole[0].get(key) for entry in whole)]
