"""`perf`: throughputs side by side, published and own, their ratios, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.events import SCHEMA, Answered
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs._models import zoo_names
from ascend_console.tools.reference_files import shipped_ids

if TYPE_CHECKING:
    from ascend_console.core.specs import Events

_TABLES = ("rows", "ratios", "best", "judgements", "documents", "logs", "timings")


@dataclass(frozen=True, kw_only=True)
class PerfRequest:
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
    columns: tuple[str, ...] | None = option(
        "Ratios to show, each two columns with a slash, such as 310P/310,310P/T4.",
        default=None,
        default_text="those that the document prints",
    )


def perf(request: PerfRequest, env: Env) -> Events:
    """The published and the own throughputs of one model or of all."""
    from ascend_console.jobs import _perf_columns, _perf_table
    from ascend_console.jobs._own_runs import own_runs
    from ascend_console.jobs._perf_document import section_document
    from ascend_console.jobs._reference_choice import file_warnings, sections

    pairs = _perf_columns.parse_pairs(request.columns)
    yield from file_warnings(env.settings)
    runs = list(own_runs(env, request.model))
    notes = _perf_table.Footnotes(env.settings.lang)
    document: dict[str, Any] = {"schema": SCHEMA, **{name: [] for name in _TABLES}}
    tables = []
    shown = sections(env.settings, runs, request.model, request.document)
    of_section = {section.model: _perf_columns.columns_of(section) for section in shown}
    if pairs is not None:
        every = [column for columns in of_section.values() for column in columns]
        _perf_columns.require_known(pairs, every)
    for section in shown:
        columns = of_section[section.model]
        for name, entries in section_document(section, columns, pairs).items():
            document[name] += entries
        chosen = _perf_columns.default_pairs(section, columns) if pairs is None else pairs
        tables.append(_perf_table.SectionTable(section, columns, chosen, notes))
    heads, rows, below = _perf_table.table(tables, notes)
    yield Answered(document, heads, rows, title="images/s per card", notes=below)


ENTRY = Job(
    name="perf",
    summary="Throughputs side by side: published and own, ratios, best batch, judgements.",
    request=PerfRequest,
    run=perf,
    example="ascend-console perf --model moco_v2 --columns 310P/310,310P/T4",
    recording=False,
    order=60,
)
