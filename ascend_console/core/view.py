"""What a front end shows of a run: a bounded value, folded from its records.

Both front ends use the same fold, so that they cannot disagree.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ascend_console.core import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.events import Record

_MOST_ROWS = 200
_MOST_WARNINGS = 50
_MOST_ARTIFACTS = 100
_MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; `ended_s` is None while it runs. Times are seconds since the attempt began."""

    name: str
    index: int
    count: int
    started_s: float
    ended_s: float | None = None
    done: int | None = None
    total: int | None = None
    unit: str = ""

    @property
    def rate_per_s(self) -> float | None:
        """Units a second since the step began; None before there is something to divide."""
        return None if self.ended_s is None or not self.done else self._rate(self.ended_s)

    def rate_at(self, elapsed_s: float) -> float | None:
        """Units a second up to `elapsed_s`."""
        return self._rate(elapsed_s) if self.done else None

    def _rate(self, until_s: float) -> float | None:
        seconds = until_s - self.started_s
        return (self.done or 0) / seconds if seconds > 0 else None


@dataclass(frozen=True, slots=True)
class RunView:
    """The state of one run. `state` is waiting, running, finished, failed or cancelled."""

    run_id: str = ""
    job: str = ""
    title: str = ""
    attempt: int = 0
    state: str = "waiting"
    started: str = ""
    elapsed_s: float = 0.0
    steps: tuple[StepView, ...] = ()
    measured: dict[str, tuple[float | None, str]] = field(default_factory=dict)
    tables: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    warnings: tuple[events.Warned, ...] = ()
    warning_count: int = 0
    artifacts: tuple[events.ArtifactWritten, ...] = ()
    verdict: str | None = None
    exit_code: int | None = None
    error: events.JobFailed | None = None

    @property
    def step(self) -> StepView | None:
        """The step that runs or ran last."""
        return self.steps[-1] if self.steps else None


def _with_step(view: RunView, **changes: Any) -> RunView:
    """The view with its last step changed."""
    if not view.steps:
        return view
    return replace(view, steps=(*view.steps[:-1], replace(view.steps[-1], **changes)))


def _fold_step(view: RunView, event: events.StepStarted, elapsed_s: float) -> RunView:
    ended = _with_step(view, ended_s=elapsed_s)
    new = StepView(event.name, event.index, event.count, elapsed_s)
    return replace(ended, steps=(*ended.steps, new)[-_MOST_STEPS:])


def _fold_terminal(view: RunView, event: events.Event, elapsed_s: float) -> RunView:
    ended = _with_step(view, ended_s=elapsed_s)
    if isinstance(event, events.JobSucceeded):
        return replace(ended, state="finished", verdict=event.verdict, exit_code=event.exit_code)
    if isinstance(event, events.JobFailed):
        return replace(ended, state="failed", error=event, exit_code=event.exit_code)
    return replace(ended, state="cancelled", exit_code=130)


def _fold_fact(view: RunView, event: events.Event) -> RunView:
    """The view after an event that fills a table or a list."""
    if isinstance(event, events.Measured):
        return replace(view, measured={**view.measured, event.name: (event.value, event.unit)})
    if isinstance(event, events.RowAdded):
        rows = (*view.tables.get(event.table, ()), event.row)[-_MOST_ROWS:]
        return replace(view, tables={**view.tables, event.table: rows})
    if isinstance(event, events.Warned):
        kept = (*view.warnings, event)[-_MOST_WARNINGS:]
        return replace(view, warnings=kept, warning_count=view.warning_count + 1)
    if isinstance(event, events.ArtifactWritten):
        return replace(view, artifacts=(*view.artifacts, event)[-_MOST_ARTIFACTS:])
    return view


def fold(view: RunView, record: Record) -> RunView:
    """The view after `record`; unknown events change nothing, so old front ends survive."""
    event = record.event
    if isinstance(event, events.JobStarted):
        return RunView(
            run_id=record.run_id,
            job=event.job,
            title=event.title,
            attempt=event.attempt,
            state="running",
            started=view.started or record.time,
        )
    view = replace(view, elapsed_s=record.elapsed_s)
    if isinstance(event, events.Progress):
        return _with_step(view, done=event.done, total=event.total, unit=event.unit)
    if isinstance(event, events.StepStarted):
        return _fold_step(view, event, record.elapsed_s)
    if event.terminal:
        return _fold_terminal(view, event, record.elapsed_s)
    return _fold_fact(view, event)


def view_document(view: RunView) -> dict[str, Any]:
    """A view as JSON values."""
    return asdict(view)


def view_from_document(document: Mapping[str, Any]) -> RunView | None:
    """The view of a document; None where this version cannot read it."""
    try:
        kept = dict(document)
        error = kept.pop("error")
        return RunView(
            **{
                **kept,
                "steps": tuple(StepView(**step) for step in kept["steps"]),
                "measured": {name: (item[0], item[1]) for name, item in kept["measured"].items()},
                "tables": {name: tuple(rows) for name, rows in kept["tables"].items()},
                "warnings": tuple(events.Warned(**item) for item in kept["warnings"]),
                "artifacts": tuple(events.ArtifactWritten(**item) for item in kept["artifacts"]),
                "error": None if error is None else events.JobFailed(**error),
            }
        )
    except (AttributeError, IndexError, KeyError, TypeError):
        return None
