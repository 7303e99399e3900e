"""A run beside an earlier one: its figures, the other's, how they differ, and whether one fell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import RowAdded
from ascend_console.core.regression import FIRST_METRICS, judge_regression, performance_key
from ascend_console.tools import files, history, run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ascend_console.core.regression import BaselineGate, Interval, Key
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Env, Events

_JOBS = ("run", "bench")

# A twin that was measured beside an artefact has a mark of its own in its name.
_PERF_FILE = re.compile(r"bs[0-9]+_[a-z0-9]+(_t[0-9]+)?(_r[0-9]+)?\.json")


def _other_than_this(wanted: str, env: Env) -> str:
    """`last` as the newest finished run with figures, since the newest of all is this one."""
    if wanted != "last":
        return wanted
    found = history.summaries(env.settings.workspace)
    usable = (run.run_id for run in found if run.verdict and run.figures and run.job in _JOBS)
    return next((name for name in usable if name != env.run_id), wanted)


def open_baseline(wanted: str | None, env: Env) -> dict[str, Any] | None:
    """The verdict of the run to compare with, checked before any work; None where none is named.

    Its throughputs have their `interval`; `processor` is that of its machine.
    """
    if wanted is None:
        return None
    run = run_folder.load(history.find(env.settings.workspace, _other_than_this(wanted, env)))
    document = history.verdict_document(run)
    if not document:
        raise UserError(
            "baseline.no_verdict",
            "the run {name} has no verdict to compare with",
            hint="Name a finished run: `runs list --state finished` shows them.",
            name=run.folder.name,
        )
    environment = run.document.get("environment")
    processor = environment.get("processor") if isinstance(environment, dict) else None
    return {**with_intervals(document, run.folder), "processor": processor}


# --- how far measurements spread -----------------------------------------------------------------


def _windows(path: Path) -> tuple[Key, list[float]] | None:
    """What a measurement is of, and the throughput of each of its windows; None where unknown."""
    try:
        document = files.read_json(path)
    except UserError:
        return None
    measured = document.get("measurement") if isinstance(document, dict) else None
    rates = measured.get("window_throughputs") if isinstance(measured, dict) else None
    if not isinstance(rates, list) or not rates:
        return None
    return performance_key(document, {}), [float(rate) for rate in rates]


def _spreads(folder: Path) -> dict[Key, Interval]:
    """Slowest and fastest window of each measurement of a run, repeats taken together."""
    found: dict[Key, list[float]] = {}
    for path in sorted((folder / "perf").glob("*.json")):
        windows = _windows(path) if _PERF_FILE.fullmatch(path.name) else None
        if windows is not None:
            found.setdefault(windows[0], []).extend(windows[1])
    return {key: (min(rates), max(rates)) for key, rates in found.items()}


def with_intervals(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A verdict whose throughputs have an `interval`, images a second.

    That of repeats stays; else it reaches from the slowest to the fastest window of the
    measurement in the run's folder. None where a tool told no spread.
    """
    spreads = _spreads(folder)
    rows = [
        {**row, "interval": row.get("interval") or spreads.get(performance_key(row, document))}
        for row in document.get("performance") or ()
    ]
    return {**document, "performance": rows}


# --- judging and telling -------------------------------------------------------------------------


def baseline_gate(
    document: Mapping[str, Any],
    baseline: Mapping[str, Any],
    settings: Settings,
    folder: Path | None = None,
) -> BaselineGate:
    """Whether the figures of a verdict held against a baseline from `open_baseline`.

    `folder` is the run's own, whose measurements tell how far they spread; without one the rows
    of `document` must have their `interval`.
    """
    from ascend_console.tools.environment import environment

    own = dict(document) if folder is None else with_intervals(document, folder)
    if baseline.get("processor"):
        own["processor"] = environment()["processor"]
    return judge_regression(own, baseline, settings.baseline)


def told(gate: BaselineGate) -> Events:
    """What the gate said, as reasons."""
    for entry in gate.findings:
        row = {"gate": "baseline", "state": gate.state, **entry.to_json()}
        yield RowAdded("reasons", row)


def _rows(document: Mapping[str, Any]) -> dict[Key, tuple[float | None, float | None]]:
    """First accuracy and trusted throughput by batch size, precision and threads."""
    accuracy = {
        (row["batch_size"], row["precision"]): row["value"]
        for row in document["accuracy"]
        if row["metric"] in FIRST_METRICS
    }
    return {
        performance_key(row, document): (
            accuracy.get((row["batch_size"], row["precision"])),
            row["throughput"] if row["valid"] else None,
        )
        for row in document["performance"]
    }


def compare(document: Mapping[str, Any], baseline: Mapping[str, Any]) -> Events:
    """One row for each batch size that both have; an untrusted throughput gives no ratio."""
    other = _rows(baseline)
    for key, (accuracy, throughput) in _rows(document).items():
        if key not in other:
            continue
        before, rate = other[key]
        points = None if accuracy is None or before is None else 100 * (accuracy - before)
        ratio = None if throughput is None or rate is None else throughput / rate
        yield RowAdded(
            "baseline",
            {
                "model": document["model"],
                "batch": key[0],
                "baseline": baseline["run_id"],
                "accuracy points": None if points is None else round(points, 2),
                "throughput ratio": None if ratio is None else round(ratio, 3),
            },
        )
