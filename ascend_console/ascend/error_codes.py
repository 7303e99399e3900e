"""What an error code of CANN means and what to do about it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.ascend import error_data_build, error_data_command
from ascend_console.ascend.advice import Advice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ascend_console.ascend.error_data_command import Row

# Codes whose own meaning is so wide that a sign in the text says more.
_WIDE = frozenset({"E10001", "EL0003", "EE1001", "E20001", "E14001", "EH0001"})
_INNER = re.compile(r"[EW][0-9A-Z]9999")
_CUT_CODE = re.compile(r"(E[A-Z])([0-9]{3})")


@dataclass(frozen=True, slots=True)
class CodeAdvice:
    """Advice for a code; `is_wide` where the code alone says little."""

    advice: Advice
    is_wide: bool


def _advice(text_id: str, row: Row) -> Advice:
    _, cause_en, cause_zh, remedies = row
    return Advice(
        text_id,
        cause_en,
        cause_zh,
        tuple(english for english, _ in remedies),
        tuple(chinese for _, chinese in remedies),
    )


def _table(rows: Iterable[Row], prefix: str) -> dict[str, Advice]:
    found: dict[str, Advice] = {}
    for row in rows:
        for key in row[0].split():
            if key in found:
                raise AssertionError(f"{key} has two rows")
            found[key] = _advice(f"{prefix}.{key}", row)
    return found


@functools.cache
def known_codes() -> Mapping[str, Advice]:
    """Every code that has a row of its own."""
    return _table((*error_data_command.ROWS, *error_data_build.ROWS), "code")


@functools.cache
def _families() -> tuple[Mapping[str, Advice], Mapping[str, Advice]]:
    return (
        _table(error_data_build.FAMILIES, "code.family"),
        _table(error_data_build.INNER, "code.inner"),
    )


def code_advice(code: str) -> CodeAdvice | None:
    """What a code means: its own row, else that of its family; None for what is no such code."""
    short = _CUT_CODE.fullmatch(code)
    # Some texts lose a digit of the four, such as EL003 for EL0003.
    code = f"{short[1]}0{short[2]}" if short else code
    families, inner = _families()
    if code in known_codes():
        return CodeAdvice(known_codes()[code], code in _WIDE)
    if _INNER.fullmatch(code) and code[:2] in inner:
        return CodeAdvice(inner[code[:2]], True)
    if re.fullmatch(r"[EW][0-9A-Z][0-9]{4}", code) and code[:2] in families:
        return CodeAdvice(families[code[:2]], True)
    return None
