"""`runs diff A B`: what two runs were asked, made with and found differently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.events import SCHEMA, Answered
from ascend_console.tools import history, run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ascend_console.core.specs import Env, Events
    from ascend_console.jobs.runs import RunsRequest
    from ascend_console.tools.history import RunSummary
    from ascend_console.tools.run_folder import StoredRun

_SECTIONS = ("run", "request", "environment", "fingerprints", "result")
_RUN = ("job", "model", "backend", "device", "weights", "state", "verdict")
_RESULT = ("provider", "threads", "tool", "images", "best_batch_size", "fingerprint")
_RATES = ("throughput", "e2e_throughput")


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two runs, with what its files tell."""

    run: StoredRun
    summary: RunSummary
    verdict: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The run's id; with the machine that made it where it was imported."""
        if self.summary.origin == "local":
            return self.summary.run_id
        return f"{self.summary.run_id} (imported, {self.summary.processor or 'unknown machine'})"


def _side(wanted: str, env: Env) -> _Side:
    run = run_folder.load(history.find(env.settings.workspace, wanted))
    return _Side(run, history.summary(run.folder), history.verdict_document(run))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings by dotted name; lists are one value."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _facts(side: _Side) -> dict[tuple[str, str], Any]:
    """Everything but figures, by section and name."""
    document = side.run.document
    own = {
        "run": {name: getattr(side.summary, name) for name in _RUN},
        "result": {name: side.verdict.get(name) for name in _RESULT},
    }
    return {
        (section, name): value
        for section in _SECTIONS
        for name, value in _flat(own.get(section) or document.get(section) or {})
        if name
    }


def differing_facts(
    a: Mapping[tuple[str, str], Any], b: Mapping[tuple[str, str], Any]
) -> list[dict[str, Any]]:
    """The facts that are not the same in both; what one side lacks is None."""
    keys = sorted({*a, *b}, key=lambda key: (_SECTIONS.index(key[0]), key[1]))
    return [
        {"section": key[0], "field": key[1], "a": a.get(key), "b": b.get(key)}
        for key in keys
        if a.get(key) != b.get(key)
    ]


def _table(verdict: Mapping[str, Any], name: str, *keys: str) -> dict[tuple[Any, ...], Any]:
    """The rows of a table of `verdict.json` by their keys."""
    rows = verdict.get(name)
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {tuple(str(row.get(key)) for key in keys): row for row in found}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def accuracy_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accuracy figures that are not the same, with the difference in points."""
    keys = ("batch_size", "precision", "metric")
    left, right = _table(a, "accuracy", *keys), _table(b, "accuracy", *keys)
    found = []
    for key in dict.fromkeys((*left, *right)):
        row = left.get(key) or right[key]
        one, two = left.get(key, {}).get("value"), right.get(key, {}).get("value")
        if one == two:
            continue
        points = 100 * (two - one) if _is_number(one) and _is_number(two) else None
        named = {name: row.get(name) for name in keys}
        found.append(named | {"a": one, "b": two, "difference_points": points})
    return found


def _note(one: Mapping[str, Any], two: Mapping[str, Any]) -> str:
    """Why a ratio must not be taken at its word; empty where nothing speaks against it."""
    notes = []
    for name, row in (("first", one), ("second", two)):
        if row and not row.get("valid"):
            notes.append(f"{name} not trusted")
        if row and row.get("source", "dataset") != "dataset":
            notes.append(f"{name} on {row['source']} input")
    return ", ".join(notes)


def _figure(row: Mapping[str, Any], name: str) -> Any:
    if name != "latency_median_ms":
        return row.get(name)
    latency = row.get("latency_ms")
    return latency.get("median") if isinstance(latency, dict) else None


def performance_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rates and latencies that are not the same, with second over first as `ratio`."""
    keys = ("batch_size", "precision")
    left, right = _table(a, "performance", *keys), _table(b, "performance", *keys)
    found = []
    for key in dict.fromkeys((*left, *right)):
        one, two = left.get(key, {}), right.get(key, {})
        named = {name: (one or two).get(name) for name in keys}
        for figure in (*_RATES, "latency_median_ms"):
            first, second = _figure(one, figure), _figure(two, figure)
            if first == second:
                continue
            known = _is_number(first) and _is_number(second) and first > 0
            ratio = second / first if known else None
            found.append({**named, "figure": figure, "a": first, "b": second, "ratio": ratio,
                          "note": _note(one, two)})  # fmt: skip
    return found


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _percent(value: Any) -> str | None:
    return f"{100 * value:.3f} %" if _is_number(value) else None


def _rows(document: Mapping[str, Any], devices: str) -> Iterator[tuple[Any, ...]]:
    """The differences as lines: what, in the first, in the second, the change."""
    for item in document["differences"]:
        what = f"{item['section']} {item['field']}"
        yield what, _cell(item["a"]), _cell(item["b"]), None
    for item in document["accuracy"]:
        points = item["difference_points"]
        what = f"{item['metric']} bs{item['batch_size']} {item['precision']}"
        change = None if points is None else f"{points:+.3f} points"
        yield what, _percent(item["a"]), _percent(item["b"]), change
    for item in document["performance"]:
        what = f"{item['figure']} bs{item['batch_size']} {item['precision']}"
        ratio = None if item["ratio"] is None else f"{item['ratio']:.3f}x"
        notes = [note for note in (item["note"], devices) if note]
        change = f"{ratio} ({', '.join(notes)})" if ratio and notes else ratio
        yield what, item["a"], item["b"], change


def _devices(a: _Side, b: _Side) -> str:
    """Names both devices where they are not the same: such a ratio is none of one machine."""
    if a.summary.device == b.summary.device and a.summary.processor == b.summary.processor:
        return ""
    if a.summary.device == b.summary.device:
        return "different machines"
    return f"{b.summary.device or 'unknown'} against {a.summary.device or 'unknown'}"


def diff(request: RunsRequest, env: Env) -> Events:
    """What differs between two runs, and only that."""
    from ascend_console.jobs.runs import summary_document

    a, b = (_side(wanted, env) for wanted in request.run)
    found: dict[str, Any] = {
        "differences": differing_facts(_facts(a), _facts(b)),
        "accuracy": accuracy_differences(a.verdict, b.verdict),
        "performance": performance_differences(a.verdict, b.verdict),
    }
    devices = _devices(a, b)
    rows = tuple(_rows(found, devices)) or (("nothing differs", None, None, None),)
    document = {
        "schema": SCHEMA,
        "a": {**summary_document(a.summary), "environment": a.run.document.get("environment")},
        "b": {**summary_document(b.summary), "environment": b.run.document.get("environment")},
        "same": not any(found.values()),
        "devices": devices or None,
        **found,
    }
    yield Answered(document, ("what", a.label, b.label, "change"), rows)
