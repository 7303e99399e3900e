"""`explain`: a saved log of a vendor's tool -> what happened, why, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.explain import Explanation
from ascend_console.ascend.explain import explain as explain_text
from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools.text_input import read_text

if TYPE_CHECKING:
    from ascend_console.core.specs import Events

_MOST_OPERATORS = 10


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """Which log to explain."""

    file: str = option("A saved log of a tool, or - for the standard input.", positional=True)


def explanation_rows(found: Explanation, lang: str) -> list[tuple[str, Any]]:
    """An explanation for people: cause and remedies in their language, the tool's words as said."""
    rows: list[tuple[str, Any]] = [
        ("tool", found.tool),
        ("outcome", found.outcome),
        ("code", found.code),
        ("message", found.message(lang)),
        ("cause", found.cause(lang)),
    ]
    rows += [(f"remedy {number}", text) for number, text in enumerate(found.remedies(lang), 1)]
    for item in found.operators[:_MOST_OPERATORS]:
        opset = f", opset {item.opset}" if item.opset is not None else ""
        rows.append(("operator", f"{item.type} {item.name}".rstrip() + opset))
    if len(found.operators) > _MOST_OPERATORS:
        rows.append(("operator", f"and {len(found.operators) - _MOST_OPERATORS} more"))
    if found.vendor_solution:
        rows.append(("tool's own advice", found.vendor_solution))
    for warning in found.warnings:
        code = f"{warning.code}: " if warning.code else ""
        rows.append(("warning", code + warning.text(lang)))
    return rows + _figures(found)


def _figures(found: Explanation) -> list[tuple[str, Any]]:
    """The figures that the log has."""
    performance = found.performance
    if performance is None:
        return []
    per = f" a {performance.compute_per}" if performance.compute_per else ""
    named: list[tuple[str, float | None]] = [
        ("throughput", performance.throughput),
        ("batch size", performance.batch_size),
        *((f"compute {name} ms{per}", value)
          for name, value in performance.compute.document().items()),
        ("h2d ms", performance.h2d_ms),
        ("d2h ms", performance.d2h_ms),
        ("end-to-end throughput", performance.e2e_throughput),
        *((f"throughput device {item.device}", item.throughput) for item in performance.devices),
    ]  # fmt: skip
    return [(name, value) for name, value in named if value is not None]


def explain(request: ExplainRequest, env: Env) -> Events:
    """Read the log and say what it means; every text that can be read ends well."""
    source = read_text(request.file, should_stop=env.cancel.is_set)
    if source.is_cut:
        yield Warned(
            "explain.cut",
            f"{source.name} is very long: only its beginning and its end were read",
            "Cut out the part of one run where the answer looks wrong.",
            {"name": source.name},
        )
    found = explain_text(source.text)
    rows = tuple(explanation_rows(found, env.settings.lang))
    yield Answered({"schema": SCHEMA, **found.document()}, ("field", "value"), rows)


ENTRY = Job(
    name="explain",
    summary="A saved log of a tool: what happened, why, what to do.",
    request=ExplainRequest,
    run=explain,
    example="ascend-console explain atc.log",
    recording=False,
    order=72,
)
