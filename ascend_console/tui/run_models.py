"""The table of models: what each is doing, or how its last run ended and how long ago."""

from __future__ import annotations

from calendar import timegm
from time import strptime
from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui import glyphs as signs
from ascend_console.tui.widgets.rows import Cell, Column, Row
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ascend_console.tools.history import RunSummary
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.pen import Pen


def seconds_of(utc: str) -> float | None:
    """Seconds since 1970 of `2026-11-20T10:15:00.123Z`; None for another text."""
    try:
        return float(timegm(strptime(utc[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return None


def age(seconds: float | None) -> str:
    """`9 s`, `5m`, `3h`, `3d`."""
    if seconds is None:
        return cells.UNKNOWN
    seconds = max(seconds, 0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)} s"


def columns(pen: Pen) -> tuple[Column, ...]:
    """Name, state, age."""
    t = pen.t
    return (
        Column(key="model", title=t("Model"), width=10, flex=True),
        Column(key="verdict", title=t("Verdict"), width=12),
        Column(key="age", title=t("Age"), width=4, right=True),
    )


def last_runs(summaries: Iterable[RunSummary]) -> dict[str, RunSummary]:
    """The newest run of each model that has a verdict, else its newest one."""
    newest: dict[str, RunSummary] = {}
    for entry in summaries:
        if entry.model is None:
            continue
        known = newest.get(entry.model)
        if known is None or (known.verdict is None and entry.verdict is not None):
            newest[entry.model] = entry
    return newest


def rows(
    models: Sequence[Mapping[str, Any]],
    last: Mapping[str, RunSummary],
    live: Iterable[RunSnapshot],
    now_utc: str,
    pen: Pen,
) -> list[Row]:
    """One row a model; a run that goes on counts before every one that ended."""
    now_s = seconds_of(now_utc)
    going = {str(run.document.get("model")): run for run in live}
    found = []
    for document in models:
        name = document["name"]
        state, since, word = "", "", cells.UNKNOWN
        if name in going:
            state, since = going[name].state, going[name].view.started
            word = pen.t.verdict(state)
        elif name in last:
            entry = last[name]
            state, since = entry.verdict or entry.state, entry.began
            word = entry.verdict or pen.t.verdict(state)
        began_s = seconds_of(since)
        passed_s = None if now_s is None or began_s is None else now_s - began_s
        mark = signs.marks(pen.glyphs).get(state, "")
        shown = age(passed_s) if state else ""
        found.append(Row(name, (
            Cell(name), Cell(f"{mark} {word}".strip(), signs.ROLES.get(state, "")),
            Cell(shown, "muted", passed_s),
        )))  # fmt: skip
    return found


class ModelsTable(Table):
    """Models; Enter opens the form of one, Space marks several. Copying and saving are the
    screen's: the command and the log.
    """

    help_text = "Enter opens the form of a model, Space marks several for one command."

    async def action_copy(self) -> None:  # type: ignore[override]
        """Copy the command."""
        await self.run_action("screen.copy")

    async def action_export(self) -> None:  # type: ignore[override]
        """Save the log."""
        await self.run_action("screen.export")
