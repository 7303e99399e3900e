"""What the screen Runs tells of the run under the cursor: why, how it was started, its size."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import history, run_folder, run_removal
from ascend_console.tui import cells
from ascend_console.tui.runs_rows import ALIVE, live_summary
from ascend_console.tui.widgets.block import Fact

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.view import StepView
    from ascend_console.tools.history import RunSummary
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.texts import Texts

Why = tuple[str, str, dict[str, str], str]
"""A reason as it is recorded: id, English text, values, hint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A run as its folder tells it. `freed_bytes` is what deleting it frees."""

    summary: RunSummary
    reasons: tuple[Why, ...] = ()
    step: StepView | None = None
    command: str = ""
    imported: str = ""
    freed_bytes: int | None = None


def _why(entry: Any) -> Why:
    args = entry.get("args")
    values = args if isinstance(args, dict) else {}
    return (str(entry.get("id")), str(entry.get("message") or ""),
            {str(name): str(value) for name, value in values.items()},
            str(entry.get("hint") or ""))  # fmt: skip


def _reasons(run: run_folder.StoredRun) -> tuple[Why, ...]:
    """The error that a run ended with, else the reasons of its verdict."""
    error = run.view.error
    if error is not None:
        return ((error.id, error.message, dict(error.args or {}), error.hint or ""),)
    found = history.verdict_document(run).get("reasons")
    entries = found if isinstance(found, list) else []
    return tuple(_why(entry) for entry in entries if isinstance(entry, dict))


def _imported(document: dict[str, Any]) -> str:
    """The archive that a run came in, and the machine that made it."""
    told = document.get("imported")
    if not isinstance(told, dict):
        return ""
    environment = document.get("environment")
    machine = environment.get("processor") if isinstance(environment, dict) else None
    parts = (cells.moment(told.get("at")), told.get("from"), machine)
    return ", ".join(str(part) for part in parts if part)


def about(folder: Path) -> About:
    """Read a run; what is damaged stays unknown. Walks its files, so call it in a thread."""
    summary = history.summary(folder)
    freed = run_removal.freed_bytes(folder)
    with contextlib.suppress(ConsoleError, OSError, ValueError, TypeError, AttributeError):
        run = run_folder.load(folder)
        command = run.document.get("command")
        return About(
            summary=summary,
            reasons=_reasons(run),
            step=run.view.step,
            command=shlex.join(map(str, command)) if isinstance(command, list) else "",
            imported=_imported(run.document),
            freed_bytes=freed,
        )
    return About(summary=summary, freed_bytes=freed)


class Facts:
    """Makes the lines below the list, in the user's language."""

    def __init__(self, t: Texts) -> None:
        self._t = t

    def of(self, told: About, live: RunSnapshot | None, *, baseline: bool, most: int) -> list[Fact]:
        """All that is known, first the reasons, at `most` so many of them."""
        t = self._t
        summary = live_summary(live) if live is not None else told.summary
        facts = self._state(summary, told, live, most=most)
        if told.command:
            facts.append(Fact(label=t("command"), text=told.command))
        if told.imported:
            facts.append(Fact(label=t("imported"), text=told.imported))
        if told.freed_bytes is not None and live is None:
            size = t("{size}, which D frees", size=cells.size(told.freed_bytes))
            facts.append(Fact(label=t("size"), text=size))
        if baseline:
            text = t("later runs of {model} are compared with it", model=str(summary.model))
            facts.append(Fact(label=t("baseline"), text=text))
        facts.append(Fact(label=t("began"), text=self._began(summary)))
        return facts

    def _began(self, summary: RunSummary) -> str:
        """When and on what; a CPU is named as one."""
        t = self._t
        place = " ".join(word for word in (summary.backend, summary.device) if word)
        weights = {"official": t("official weights"), "sample": t("sample weights")}
        known = weights.get(summary.weights or "", "")
        parts = [cells.moment_in_full(summary.began), place, known]
        if (summary.device or "").startswith("cpu"):
            parts.append(t("CPU, not an NPU result"))
        return ", ".join(part for part in parts if part)

    def _state(
        self, summary: RunSummary, told: About, live: RunSnapshot | None, *, most: int
    ) -> list[Fact]:
        """What led to the verdict, or how far the run came."""
        t = self._t
        if summary.problem:
            return [Fact(label=t("unreadable"), text=summary.problem)]
        if live is not None and live.waiting and summary.state == "waiting":
            return [Fact(label=t("waits"), text=live.waiting)]
        step = live.view.step if live is not None else told.step
        facts = []
        if step is not None and summary.state not in ("finished", "failed"):
            facts.append(Fact(label=t("reached"), text=self._reached(step, summary)))
        return [*facts, *self._why(() if summary.state in ALIVE else told.reasons, most)]

    def _why(self, reasons: tuple[Why, ...], most: int) -> list[Fact]:
        """The first reasons, and what to do; a remedy that several share stands once."""
        t = self._t
        facts = []
        for reason_id, message, args, _ in reasons[:most]:
            facts.append(Fact(label=t("why"), text=t.message(reason_id, message, args)))
        more = len(reasons) - most
        if more > 0:
            last = facts.pop()
            facts.append(replace(last, text=f"{last.text} ({t('and {count} more', count=more)})"))
        hints = dict.fromkeys(t.hint(entry[0], entry[3], entry[2]) for entry in reasons[:most])
        return facts + [Fact(label=t("do"), text=hint) for hint in hints if hint]

    def _reached(self, step: StepView, summary: RunSummary) -> str:
        """The step and how far it is; of a run that stopped also what can be done."""
        t = self._t
        text = t("{step} after {time}", step=t(step.name), time=cells.duration(summary.elapsed_s))
        if step.done is not None and step.total:
            text += f", {step.done:,}/{step.total:,} {t(step.unit)}"
        stopped = summary.state in ("cancelled", "interrupted") and summary.origin == "local"
        return f"{text}; {t('u resumes, D deletes')}" if stopped else text


def in_one_line_each(facts: list[Fact], width: int, ellipsis: str) -> list[Fact]:
    """Facts cut to the width of a block, where there are fewer lines than they would take."""
    labels = max((cell_len(fact.label) for fact in facts), default=0)
    room = max(width - labels - 5, 12)
    return [
        replace(fact, text=cells.middle(cells.safe(fact.text), room, ellipsis=ellipsis))
        for fact in facts
    ]
