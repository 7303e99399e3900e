"""Tables as text: aligned columns, Markdown, CSV; widths in terminal cells."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.events import Answered

_MOST_INDENTED = 1000  # rows that somebody reads; beyond, the fast encoder counts
_UNSEEN = dict.fromkeys((*range(32), *range(127, 160)), " ")


def cell_text(value: Any) -> str:
    """A value as one line of text without control characters; unknown is a dash."""
    if isinstance(value, str):
        return value if value.isprintable() else value.translate(_UNSEEN)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
    return str(value).translate(_UNSEEN)


def cells(text: str) -> int:
    """How many terminal cells a text takes; wide East Asian characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns two blanks apart, numbers to the right."""
    texts = [[cell_text(value) for value in row] for row in rows]
    widths = [
        max([cells(name), *(cells(row[index]) for row in texts)])
        for index, name in enumerate(columns)
    ]
    right = [
        bool(rows) and all(row[index] is None or _is_number(row[index]) for row in rows)
        for index in range(len(columns))
    ]

    def line(values: Sequence[str]) -> str:
        padded = []
        for value, width, to_right in zip(values, widths, right, strict=True):
            if value.isascii():
                padded.append(value.rjust(width) if to_right else value.ljust(width))
                continue
            blanks = " " * (width - cells(value))
            padded.append(blanks + value if to_right else value + blanks)
        return "  ".join(padded).rstrip()

    return "\n".join([line(list(columns)), *(line(row) for row in texts)])


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [[name.replace("|", "\\|") for name in columns], ["---"] * len(columns)]
    lines += [[cell_text(value).replace("|", "\\|") for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def comma_separated(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV with a header; unknown is empty."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else value for value in row] for row in rows])
    return out.getvalue().rstrip("\n")


def render(answer: Answered, form: str) -> str:
    """A listing as `table`, `json`, `csv` or `md`."""
    if form == "json":
        import json

        indent = 1 if len(answer.rows) <= _MOST_INDENTED else None
        return json.dumps(answer.document, ensure_ascii=False, indent=indent)
    if form == "csv":
        return comma_separated(answer.columns, answer.rows)
    if form == "md":
        notes = [f"- {_marked(label)}{_marked(text)}" for label, text in _labelled(answer)]
        return "\n".join([markdown(answer.columns, answer.rows), *([""] if notes else []), *notes])
    if answer.columns == ("field", "value"):
        width = max((cells(cell_text(row[0])) for row in answer.rows), default=0)
        return "\n".join(
            f"{cell_text(key)}{' ' * (width - cells(cell_text(key)))}  {cell_text(value)}"
            for key, value in answer.rows
        )
    if not answer.rows:
        return "nothing to list"
    below = [f"{label}{cell_text(text)}" for label, text in _labelled(answer)]
    return "\n".join([aligned(answer.columns, answer.rows), *([""] if below else []), *below])


def _labelled(answer: Answered) -> list[tuple[str, str]]:
    """The notes below a table, each behind its label."""
    return [
        (f"{label} " if label.startswith("[") else f"{label}: " if label else "", text)
        for label, text in answer.notes
    ]


def _marked(text: str) -> str:
    """A text in Markdown outside of a table."""
    return cell_text(text).replace("<", "&lt;")
