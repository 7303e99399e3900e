"""A check of the environment: what was looked at, the verdict, what was seen, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ascend_console.core.verdict import Finding

CheckVerdict = Literal["PASS", "WARN", "FAIL", "SKIP"]
_BY_GRAVITY: tuple[CheckVerdict, ...] = ("FAIL", "WARN", "PASS", "SKIP")
FAILED_EXIT_CODE = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `id` says what was looked at; the finding says what was seen, its hint the remedy.

    SKIP is what does not apply here, or cannot be told.
    """

    id: str
    verdict: CheckVerdict
    finding: Finding

    def document(self) -> dict[str, Any]:
        """The external form of design.md section 2; `text` and `args` are for front ends."""
        return {
            "id": self.id,
            "verdict": self.verdict,
            "seen": self.finding.message,
            "remedy": self.finding.hint or None,
            "text": self.finding.id,
            "args": dict(self.finding.args),
        }


def by_gravity(checks: Iterable[Check]) -> list[Check]:
    """The worst first; within a verdict as they were made."""
    return sorted(checks, key=lambda check: _BY_GRAVITY.index(check.verdict))


def exit_code_of(checks: Sequence[Check]) -> int:
    """4 with any FAIL, else 0."""
    return FAILED_EXIT_CODE if any(check.verdict == "FAIL" for check in checks) else 0
