"""What a person should know about a code or a finding: why it happened, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """Cause and remedies of one finding, in both languages; front ends choose by theirs."""

    id: str
    cause_en: str
    cause_zh: str
    remedies_en: tuple[str, ...] = ()
    remedies_zh: tuple[str, ...] = ()

    def cause(self, lang: str) -> str:
        """The cause in `zh`, else in English."""
        return self.cause_zh if lang == "zh" else self.cause_en

    def remedies(self, lang: str) -> tuple[str, ...]:
        """The remedies in `zh`, else in English; the most promising first."""
        return self.remedies_zh if lang == "zh" else self.remedies_en
