"""`accuracy`: accuracies side by side, published and own, each with what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs._models import zoo_names
from ascend_console.tools.reference_files import shipped_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.core.specs import Events
    from ascend_console.jobs._perf_table import Footnotes
    from ascend_console.jobs._reference_choice import Section

_COLUMNS = (
    "model", "figure of", "batch", "metric", "value %", "reference %", "drop points", "drop %",
    "interval, points", "gate", "images", "fingerprint", "remark",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AccuracyRequest:
    """Which figures to show."""

    model: tuple[str, ...] | None = option(
        "Only these models.", default=None, default_text="all", known=zoo_names
    )
    document: tuple[str, ...] | None = option(
        "Documents whose figures are shown, beside own runs.",
        default=None,
        default_text="the guide of each model",
        known=shipped_ids,
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _interval(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{100 * ends[0]:+.2f} to {100 * ends[1]:+.2f}"


def _figure_of(row: Mapping[str, Any]) -> str:
    """`om on 310, moco_v2-guide, line 203`, or the column of a run."""
    if row["run_id"]:
        return str(row["column"])
    device = f" on {row['device']}" if row["device"] else ""
    return f"{row['of']}{device}, {row['source']}"


def _line(row: Mapping[str, Any], notes: Footnotes) -> tuple[Any, ...]:
    note = row["note_zh"] if notes.lang == "zh" and row["note_zh"] else row["note"]
    value = "not printed" if row["value"] is None else _percent(row["value"])
    passed = row["passed"]
    source = f"against {row['reference_source']}" if row["reference_source"] else ""
    return (
        row["model"],
        _figure_of(row),
        row["batch_size"],
        row["metric"],
        value + (notes.mark(note) if note else ""),
        _percent(row["reference"]),
        _signed(row["drop_points"]),
        _signed(row["drop_percent"]),
        _interval(row["interval"]),
        "-" if passed is None else "met" if passed else "not met",
        row["images"],
        row["fingerprint"],
        source,
    )


def _judgement_lines(section: Section, notes: Footnotes) -> Iterator[tuple[str, str]]:
    """The published judgement and the recomputed one with its basis."""
    from ascend_console.core.reference_judgement import judgements
    from ascend_console.jobs._perf_table import published_text, recomputed_text

    for reference in section.sets:
        for pair in judgements(reference, section.known):
            if pair.recomputed.kind == "accuracy":
                note = pair.published.note if pair.published else None
                mark = notes.mark(note.told(notes.lang)) if note else ""
                for text in (
                    published_text(pair, notes.lang) + mark,
                    recomputed_text(pair, notes.lang),
                ):
                    yield section.model, text


def _fingerprint_warnings(section: Section, rows: Sequence[Mapping[str, Any]]) -> Iterator[Warned]:
    """A warning where own figures of one model were not made from the same pixels."""
    from ascend_console.jobs._accuracy_rows import differing_keys

    runs = {row["run_id"] for row in rows if row["run_id"]}
    names = dict.fromkeys(row["fingerprint"] for row in rows if row["run_id"])
    if len(names) < 2:
        return
    seen = [run.verdict.get("fingerprint") for run in section.runs if run.summary.run_id in runs]
    values = {
        "model": section.model,
        "count": str(len(names)),
        "keys": ", ".join(differing_keys(seen)),
    }
    yield Warned(
        "accuracy.fingerprints",
        f"{section.model}: own figures have {len(names)} fingerprints, which differ in "
        f"{values['keys']}: they are not of the same pixels",
        "Compare figures of one fingerprint only.",
        values,
    )


def accuracy(request: AccuracyRequest, env: Env) -> Events:
    """The published and the own accuracies of one model or of all."""
    from ascend_console.core.reference_judgement import judgements
    from ascend_console.jobs._accuracy_rows import accuracy_rows, fingerprint_id
    from ascend_console.jobs._own_runs import own_runs
    from ascend_console.jobs._perf_document import judgement_document, set_document
    from ascend_console.jobs._perf_table import Footnotes
    from ascend_console.jobs._reference_choice import file_warnings, sections

    yield from file_warnings(env.settings)
    runs = list(own_runs(env, request.model))
    notes = Footnotes(env.settings.lang)
    found: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    lines: list[tuple[Any, ...]] = []
    below: list[tuple[str, str]] = []
    shown = sections(env.settings, runs, request.model, request.document)
    for section in shown:
        rows = accuracy_rows(section)
        yield from _fingerprint_warnings(section, rows)
        found += rows
        lines += [_line(row, notes) for row in rows]
        below += _judgement_lines(section, notes)
        told += [
            judgement_document(pair)
            for reference in section.sets
            for pair in judgements(reference, section.known)
            if pair.recomputed.kind == "accuracy"
        ]
    below += notes.rows()
    used = {row["run_id"] for row in found}
    document = {
        "schema": SCHEMA,
        "rows": found,
        "judgements": told,
        "documents": [set_document(entry) for section in shown for entry in section.sets],
        "fingerprints": {
            fingerprint_id(run): run.verdict["fingerprint"]
            for run in runs
            if run.summary.run_id in used and run.verdict.get("fingerprint")
        },
    }
    title = "a drop of at most 1 point passes"
    yield Answered(document, _COLUMNS, tuple(lines), title=title, notes=tuple(below))


ENTRY = Job(
    name="accuracy",
    summary="Accuracies side by side: published and own, drop, gate, judgements.",
    request=AccuracyRequest,
    run=accuracy,
    example="ascend-console accuracy --model moco_v2",
    recording=False,
    order=65,
)
