"""The performance table in its external form (design.md section 2)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ascend_console.core.reference import best
from ascend_console.core.reference_judgement import judgements
from ascend_console.core.reference_ratios import set_ratios, with_copies
from ascend_console.jobs._own_runs import number
from ascend_console.jobs._perf_columns import cpu_note, log_note, pair_ratios

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ascend_console.core.reference import ReferenceSet, Remark, ThroughputFigure
    from ascend_console.core.reference_judgement import JudgementPair
    from ascend_console.core.reference_ratios import Ratio
    from ascend_console.jobs._perf_columns import Cell, Column
    from ascend_console.jobs._reference_choice import Section


def noted(note: Remark | None, key: str = "note") -> dict[str, str | None]:
    """A note in both languages; null where there is none."""
    return {
        key: note.text if note else None,
        f"{key}_zh": (note.text_zh or None) if note else None,
    }


def _index(device: str) -> int | None:
    """The number in `cpu:0`."""
    digits = device.rpartition(":")[2]
    return int(digits) if ":" in device and digits.isdecimal() else None


def _facts(figure: ThroughputFigure) -> dict[str, Any]:
    return {
        "batch_size": figure.batch_size,
        "throughput": figure.throughput,
        "per": "card",
        "per_basis": figure.per_basis,
        "factor": figure.factor,
        "official": figure.official,
        "unit": figure.unit,
        "unit_basis": figure.unit_basis,
        "precision": figure.precision,
        "precision_basis": figure.precision_basis,
        "raw": figure.raw,
        "doubtful": figure.doubtful,
    }


def _published_row(column: Column, cell: Cell, reference: ReferenceSet) -> dict[str, Any]:
    figure = cell.figure
    return {
        "document": figure.document,
        "model": figure.model,
        "device": figure.device,
        "device_index": figure.device_index,
        **_facts(figure),
        "chip": figure.chip,
        "source": figure.place,
        "line": figure.line,
        "printed": figure.printed,
        "printed_per": figure.per if figure.printed is not None else None,
        "recomputed": figure.recomputed,
        "misprinted": figure.misprinted,
        "with_copies": with_copies(reference, figure.device, figure.batch_size),
        "run_id": None,
        "mark": cell.mark,
        **noted(figure.note),
        **noted(log_note(column, figure.batch_size), "log_note"),
    }


def _own_row(column: Column, cell: Cell) -> dict[str, Any]:
    assert cell.own is not None
    run, row = cell.own
    remarks = [entry.message for entry in cell.remarks()]
    return {
        "document": None,
        "model": run.model,
        "device": run.device,
        "device_index": _index(run.device),
        **_facts(cell.figure),
        "source": f"run {run.summary.run_id}",
        "printed": None,
        "recomputed": None,
        "run_id": run.summary.run_id,
        "mark": cell.mark,
        "note": "; ".join(remarks) or None,
        "column": column.name,
        "backend": run.summary.backend,
        "weights": run.verdict.get("weights"),
        "data": row.get("source"),
        "valid": row.get("valid"),
        "e2e_throughput": number(row.get("e2e_throughput")),
        "origin": run.summary.origin,
        "processor": run.summary.processor,
    }


def _rows(columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    for column in columns:
        for size in sorted(column.cells):
            cell = column.cells[size]
            if column.reference is None:
                yield _own_row(column, cell)
            else:
                yield _published_row(column, cell, column.reference)


def _ratio(
    ratio: Ratio, document: str | None, model: str, names: tuple[str, str], remark: str | None
) -> dict[str, Any]:
    figures = {"a": ratio.a_figure, "b": ratio.b_figure}
    return {
        "document": document,
        "model": model,
        "a": names[0],
        "b": names[1],
        "batch_size": ratio.batch_size,
        "value": ratio.value,
        "printed": ratio.printed,
        "gate": ratio.gate,
        "passed": ratio.passed,
        "misprinted": ratio.misprinted,
        **{
            f"{side}_batch_size": figure.batch_size if figure else None
            for side, figure in figures.items()
        },
        "across_documents": ratio.across,
        "missing": ratio.missing or None,
        **noted(ratio.note),
        "remark": remark,
    }


def _ratios(
    section: Section, columns: Sequence[Column], pairs: Sequence[tuple[str, str]] | None
) -> Iterator[dict[str, Any]]:
    """Those of each document, then those of the named pairs that are of no single document."""
    for reference in section.sets:
        if reference.throughput:
            for ratio in set_ratios(reference):
                yield _ratio(ratio, reference.id, section.model, (ratio.a, ratio.b), None)
    for pair in pairs or ():
        remark = cpu_note(pair, columns)
        for ratio in pair_ratios(pair, columns):
            own = any(
                figure and figure.document not in {entry.id for entry in section.sets}
                for figure in (ratio.a_figure, ratio.b_figure)
            )
            if own or ratio.across:
                yield _ratio(ratio, None, section.model, pair, remark.message if remark else None)


def _wins(column: Column, figure: ThroughputFigure, columns: Sequence[Column]) -> bool | None:
    """Whether a best is that of its device over all shown documents; None with one document."""
    rivals = [
        entry
        for other in columns
        if other.reference is not None and other.device == column.device
        for entry in other.counting
    ]
    if column.reference is None or len({entry.document for entry in rivals}) < 2:
        return None
    return best(rivals) is figure


def _best(section: Section, columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    for column in columns:
        cell = column.best
        reference = column.reference
        claims = reference.best if reference is not None else ()
        claim = next((entry for entry in claims if entry.device == column.device), None)
        if cell is None:
            continue
        figure = cell.figure
        yield {
            "document": reference.id if reference is not None else None,
            "model": section.model,
            "device": column.device,
            "column": column.name,
            "batch_size": figure.batch_size,
            "throughput": figure.throughput,
            "official": figure.official,
            "doubtful": figure.doubtful,
            "mark": cell.mark,
            "printed": claim.printed if claim else None,
            "printed_batch_size": claim.batch_size if claim else None,
            "wins": _wins(column, figure, columns),
            "run_id": cell.own[0].summary.run_id if cell.own else None,
            **noted(claim.note if claim else None),
        }


def judgement_document(pair: JudgementPair) -> dict[str, Any]:
    """A judgement of a document beside the recomputed one and the figures that it stands on."""
    published = pair.published
    return {
        "document": pair.reference.id,
        "model": pair.reference.model,
        "kind": pair.recomputed.kind,
        "published": published.said if published else None,
        "published_word": published.word if published else None,
        "line": published.line if published else None,
        **noted(published.remark if published else None, "remark"),
        "recomputed": pair.recomputed.said,
        "basis": "; ".join(entry.message for entry in pair.recomputed.basis),
        "findings": [entry.to_json() for entry in pair.recomputed.basis],
        **noted(published.note if published else None),
    }


def set_document(reference: ReferenceSet) -> dict[str, Any]:
    """What a document is, and what must be known of it as a whole."""
    return {
        "id": reference.id,
        "model": reference.model,
        "kind": reference.kind,
        "date": reference.date,
        "source": reference.source,
        **noted(reference.title, "title"),
        **noted(reference.about, "about"),
        "official_batch_sizes": list(reference.official_batch_sizes),
        "official_basis": reference.official_basis,
        "official_line": reference.official_line,
        **noted(reference.doubtful, "doubtful"),
        "notes": [
            {"lines": list(note.lines), "text": note.text, "text_zh": note.text_zh or None}
            for note in reference.notes
        ],
    }


def section_document(
    section: Section, columns: Sequence[Column], pairs: Sequence[tuple[str, str]] | None
) -> dict[str, list[dict[str, Any]]]:
    """Everything of one model, by the keys of the document."""
    sets = section.sets
    told = [pair for entry in sets for pair in judgements(entry, section.known)]
    return {
        "rows": list(_rows(columns)),
        "ratios": list(_ratios(section, columns, pairs)),
        "best": list(_best(section, columns)),
        "judgements": [judgement_document(pair) for pair in told],
        "documents": [set_document(entry) for entry in sets],
        "logs": [asdict(log) | noted(log.note) for entry in sets for log in entry.logs],
        "timings": [asdict(time) | noted(time.note) for entry in sets for time in entry.timings],
    }
