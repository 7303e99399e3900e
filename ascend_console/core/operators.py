"""Which kinds of operators an artefact spends its time in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ascend_console.core.events import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from ascend_console.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """All operators of one type in one place: an execution provider, or a kind of core."""

    operator: str
    where: str | None
    count: int
    total_ms: float


@dataclass(frozen=True, slots=True)
class OperatorTable:
    """The operators of some executions, the costliest first; `executions` None where unknown."""

    operators: tuple[OperatorTime, ...]
    executions: int | None = None

    @property
    def total_ms(self) -> float:
        """The time of all operators together."""
        return math.fsum(entry.total_ms for entry in self.operators)

    def share(self, entry: OperatorTime) -> float:
        """The part of the time that one of them takes, 0-1."""
        total_ms = self.total_ms
        return entry.total_ms / total_ms if total_ms > 0 else 0.0

    def costliest(self, count: int) -> str:
        """The first ones in words: `Conv 84.2 %, Add 2.7 %`."""
        return ", ".join(
            f"{entry.operator} {100 * self.share(entry):.1f} %" for entry in self.operators[:count]
        )

    def rows(self) -> list[dict[str, Any]]:
        """One row for each kind: `share` is a fraction."""
        return [
            {
                "operator": entry.operator,
                "where": entry.where,
                "count": entry.count,
                "total_ms": round(entry.total_ms, 4),
                "share": round(self.share(entry), 6),
            }
            for entry in self.operators
        ]

    def document(self) -> dict[str, Any]:
        """The external form."""
        return {
            "schema": SCHEMA,
            "executions": self.executions,
            "total_ms": round(self.total_ms, 4),
            "operators": self.rows(),
        }


def operator_table(entries: Iterable[OperatorTime], executions: int | None = None) -> OperatorTable:
    """The table of some operators, those of one type and place added up."""
    sums: dict[tuple[str, str | None], tuple[int, float]] = {}
    for entry in entries:
        count, total_ms = sums.get((entry.operator, entry.where), (0, 0.0))
        sums[entry.operator, entry.where] = (count + entry.count, total_ms + entry.total_ms)
    found = [
        OperatorTime(operator=operator, where=where, count=count, total_ms=total_ms)
        for (operator, where), (count, total_ms) in sums.items()
    ]
    found.sort(key=lambda entry: (-entry.total_ms, entry.operator))
    return OperatorTable(tuple(found), executions)


@runtime_checkable
class Profiler(Protocol):
    """A backend that can tell what an artefact's operators cost."""

    def profile(
        self, artifact: Path, *, batch_size: int, output: Path
    ) -> Generator[Event, None, OperatorTable]:
        """Run an artefact under its profiler on input made up for it; traces go into `output`."""
