"""What the folders of own runs know of their measurements: read in threads, never in the screen.

`perf/bs8_fp32.json` holds one measurement with its raw samples (design.md section 3), the row of
`verdict.json` what became of it. Files of other versions, or damaged ones, give what they have.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import files, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Key = tuple[str, int, str]
"""Run, batch size and precision of one measurement."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The two documents of one measurement, each empty where there is none."""

    rate: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, Any] = field(default_factory=dict)

    @property
    def latency_ms(self) -> dict[str, float]:
        """mean, median, p90 and p99 as far as the samples support them."""
        for document in (self.row, self.rate):
            found = document.get("latency_ms")
            if isinstance(found, dict):
                return {key: value for key, value in found.items() if is_number(value)}
        return {}

    @property
    def samples(self) -> int | None:
        """How many executions the figures are made from."""
        for value in (self.row.get("samples"), self.rate.get("executions")):
            if is_number(value):
                return int(value)
        return None

    @property
    def figures(self) -> dict[str, Any]:
        """What the measuring loop saw, empty for a tool without raw samples."""
        found = self.rate.get("measurement")
        return found if isinstance(found, dict) else {}

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Why the measurement is not trusted."""
        return self._findings(self.row.get("validity")) or self._findings(self.rate.get("reasons"))

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What else is to be known of it."""
        return self._findings(self.rate.get("notes"))

    @property
    def latencies_ms(self) -> list[float]:
        """Every execution that was timed, in order."""
        found = self.rate.get("latencies_ms")
        return [value for value in found if is_number(value)] if isinstance(found, list) else []

    @property
    def windows(self) -> list[float]:
        """The throughput of each window."""
        found = self.figures.get("window_throughputs")
        return [value for value in found if is_number(value)] if isinstance(found, list) else []

    @staticmethod
    def _findings(value: object) -> list[dict[str, Any]]:
        rows = value if isinstance(value, list) else []
        return [row for row in rows if isinstance(row, dict) and row.get("message")]


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value of a document is a figure."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def key_of(row: Mapping[str, Any]) -> Key:
    """The measurement that an own row of the `perf` document comes from."""
    return str(row["run_id"]), row["batch_size"], str(row.get("precision") or "")


def _document(path: Path) -> dict[str, Any]:
    with suppress(ConsoleError, OSError, ValueError, RecursionError):
        found = files.read_json(path)
        return found if isinstance(found, dict) else {}
    return {}


def _row(verdict: Mapping[str, Any], size: int, precision: str) -> Mapping[str, Any]:
    rows = verdict.get("performance")
    for row in rows if isinstance(rows, list) else ():
        if (
            isinstance(row, dict)
            and row.get("batch_size") == size
            and (str(row.get("precision") or "") == precision)
        ):
            return row
    return {}


def read_measured(workspace: Path, keys: Iterable[Key]) -> dict[Key, Measured]:
    """The measurements of these keys, every document read once."""
    verdicts: dict[str, dict[str, Any]] = {}
    found = {}
    for key in keys:
        run_id, size, precision = key
        folder = paths.runs_folder(workspace) / run_id
        if run_id not in verdicts:
            verdicts[run_id] = _document(folder / "verdict.json")
        rate = _document(folder / "perf" / f"bs{size}_{precision}.json")
        found[key] = Measured(rate, _row(verdicts[run_id], size, precision))
    return found
