"""Text of npu-smi as lines, tokens and numbers: what the parsers of its outputs share."""

from __future__ import annotations

import re

from ascend_console.ascend.log_text import log_lines
from ascend_console.core.errors import UserError

_TOKENS = re.compile(r"[Nn]/[Aa](?![^\s/])|/|[^\s/]+")
# Bounded, since `int` itself raises on thousands of digits; ASCII, since `\d` takes more.
_WHOLE = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_UNKNOWN = re.compile(r"n/?a|-{1,2}|x{2,}", re.IGNORECASE)
_SHOWN_CHARACTERS = 100


def unreadable(reason: str, line: str = "") -> UserError:
    """The one error of the npu-smi parsers, with the line that could not be read.

    Its value `where` is empty, for a caller that knows the file.
    """
    shown = line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
    return UserError(
        "npu_smi.unreadable",
        "{where}no readable npu-smi output: {reason}{at}",
        hint="Save the whole output of npu-smi once more, unchanged: `npu-smi info > FILE`.",
        where="",
        reason=reason,
        at=f": {shown!r}" if line else "",
    )


def lines_of(text: str) -> list[str]:
    """Lines without quoting marks, outer blanks and the colour codes of terminals."""
    return [line.lstrip("> \t").strip() for line in log_lines(text)]


def tokens_of(cell: str) -> list[str]:
    """Words of a cell; a slash is a word of its own, except in `N/A`."""
    return _TOKENS.findall(cell)


def is_unknown(token: str) -> bool:
    """`NA`, `N/A`, `-`, and the `xxx` that manuals put in place of a value."""
    return _UNKNOWN.fullmatch(token) is not None


def whole(token: str) -> int | None:
    """A count; None where the tool does not know; UserError for anything else."""
    if is_unknown(token):
        return None
    if not _WHOLE.fullmatch(token):
        raise unreadable("no whole number", token)
    return int(token)


def decimal(token: str) -> float | None:
    """A number; None where the tool does not know; UserError for anything else."""
    if is_unknown(token):
        return None
    if not _DECIMAL.fullmatch(token):
        raise unreadable("no number", token)
    return float(token)


def identity(token: str) -> int:
    """A number that names something, and so must be known."""
    number = whole(token)
    if number is None:
        raise unreadable("an id is missing", token)
    return number
