"""A run beside an earlier one: its figures, the other's, and how they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import RowAdded
from ascend_console.tools import history, run_folder

if TYPE_CHECKING:
    from ascend_console.core.specs import Env, Events

_FIRST = ("top1", "instance_acc")


def _other_than_this(wanted: str, env: Env) -> str:
    """`last` as the newest finished run with a verdict, since the newest of all is this one."""
    if wanted != "last":
        return wanted
    found = history.summaries(env.settings.workspace)
    return next((run.run_id for run in found if run.verdict and run.run_id != env.run_id), wanted)


def open_baseline(wanted: str | None, env: Env) -> dict[str, Any] | None:
    """The verdict of the run to compare with, checked before any work; None where none is named."""
    if wanted is None:
        return None
    folder = history.find(env.settings.workspace, _other_than_this(wanted, env))
    document = history.verdict_document(run_folder.load(folder))
    if not document:
        raise UserError(
            "baseline.no_verdict",
            "the run {name} has no verdict to compare with",
            hint="Name a finished run: `runs list --state finished` shows them.",
            name=folder.name,
        )
    return document


def _rows(document: dict[str, Any]) -> dict[tuple[int, str], tuple[float | None, float | None]]:
    """First accuracy and throughput by batch size and precision."""
    accuracy = {
        (row["batch_size"], row["precision"]): row["value"]
        for row in document["accuracy"]
        if row["metric"] in _FIRST
    }
    return {
        (row["batch_size"], row["precision"]): (
            accuracy.get((row["batch_size"], row["precision"])),
            row["throughput"] if row["valid"] else None,
        )
        for row in document["performance"]
    }


def compare(document: dict[str, Any], baseline: dict[str, Any]) -> Events:
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
