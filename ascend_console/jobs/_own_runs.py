"""What the runs of this workspace found: finished ones with a verdict, newest first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError
from ascend_console.core.verdict import Finding
from ascend_console.tools import catalogue, history, run_folder
from ascend_console.tools.paths import runs_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.core.specs import Env
    from ascend_console.tools.history import RunSummary

# The provider that needs no word: the embedded default.
_PLAIN_PROVIDER = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True)
class OwnRun:
    """A finished run: its summary, its `verdict.json`, and where it was brought from, if it was."""

    summary: RunSummary
    verdict: Mapping[str, Any]
    imported: Mapping[str, Any] | None

    @property
    def model(self) -> str:
        """The model that was run."""
        return str(self.verdict.get("model") or self.summary.model)

    @property
    def device(self) -> str:
        """The device that its figures belong to."""
        return str(self.verdict.get("device") or "unknown device")

    @property
    def is_cpu(self) -> bool:
        """Whether that is a CPU, whose figures are none of an NPU."""
        return self.device.startswith("cpu")

    @property
    def is_sample(self) -> bool:
        """Whether its weights are those that are made here."""
        return self.verdict.get("weights") == "sample"

    def rows(self, table: str) -> list[Mapping[str, Any]]:
        """The rows of a table of the verdict that have a batch size."""
        found = self.verdict.get(table)
        rows = found if isinstance(found, list) else []
        return [
            row
            for row in rows
            if isinstance(row, dict) and type(row.get("batch_size")) is int and row["batch_size"]
        ]

    def column(self, precision: object) -> str:
        """`cpu:0 onnxruntime fp32 sample`: what tells its figures from those of other runs."""
        provider = self.verdict.get("provider")
        parts = [
            self.device,
            self.summary.backend or self.verdict.get("backend"),
            provider if provider != _PLAIN_PROVIDER else None,
            precision,
            "sample" if self.is_sample else None,
            "imported" if self.imported is not None else None,
        ]
        return " ".join(str(part) for part in parts if part)


def number(value: object) -> float | None:
    """A figure of a recorded document; None for what is none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def said(found: Finding, lang: str) -> str:
    """A finding in the user's language."""
    return catalogue.message(found.id, found.args, found.message, lang)


def findings(rows: object) -> tuple[Finding, ...]:
    """The findings of a recorded document, such as the reasons against a measurement."""
    usable = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(
        Finding(str(row.get("id", "")), str(row.get("message", "")), "", row.get("args") or {})
        for row in usable
    )


def own_runs(env: Env, models: Sequence[str] | None = None) -> Iterator[OwnRun]:
    """Every finished run of these models with a verdict.

    Damaged ones are passed over: `runs list` names them.
    """
    for summary in history.summaries(env.settings.workspace, env.cancel):
        other = models is not None and summary.model not in models
        if summary.state != "finished" or not summary.figures or other:
            continue
        try:
            stored = run_folder.load(runs_folder(env.settings.workspace) / summary.run_id)
        except (ConsoleError, OSError):
            continue
        verdict = history.verdict_document(stored)
        if verdict.get("accuracy") or verdict.get("performance"):
            imported = stored.document.get("imported")
            yield OwnRun(summary, verdict, imported if isinstance(imported, dict) else None)
