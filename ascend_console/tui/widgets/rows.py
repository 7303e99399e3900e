"""Rows of a table as values: filtered, sorted, and written as Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from ascend_console.tui import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: `width` in cells, at least that of its title; `right` aligned for figures.

    Columns with the greatest `drop` leave first where the table is narrow; 0 never leaves. A
    `flex` column takes what is left. Names whose end tells them apart are cut in the `middle`.
    """

    key: str
    title: str
    width: int
    right: bool = False
    drop: int = 0
    flex: bool = False
    middle: bool = False

    @property
    def cells(self) -> int:
        """The width that it needs."""
        return max(self.width, cell_len(self.title))


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: a text, the role of its colour, and what it sorts by."""

    text: str = ""
    role: str = ""
    sort: Any = None

    @property
    def order(self) -> tuple[int, Any]:
        """Numbers before texts; unknown is last in both directions, which `sorted_rows` sees to."""
        value = self.sort if self.sort is not None else self.text
        if isinstance(value, bool | int | float):
            return (0, value)
        return (1, str(value))

    @property
    def is_unknown(self) -> bool:
        """Whether there is nothing to sort by."""
        return self.sort is None and self.text in ("", cells.UNKNOWN, "-")


@dataclass(frozen=True)
class Row:
    """One line of a table; `key` is the same for the same thing in the next picture.

    `sign` stands before the row while it is not marked: one cell.
    """

    key: str
    cells: tuple[Cell, ...]
    sign: str = " "

    @cached_property
    def searched(self) -> str:
        """What a filter looks at."""
        return " ".join(cell.text for cell in self.cells).casefold()


def filtered(rows: Sequence[Row], words: str) -> Sequence[Row]:
    """The rows that have every word; those with a `!word` are left out."""
    wanted = [word.casefold() for word in words.split() if not word.startswith("!")]
    unwanted = [word[1:].casefold() for word in words.split() if word.startswith("!") and word[1:]]
    if not (wanted or unwanted):
        return rows
    return [
        row
        for row in rows
        if all(word in row.searched for word in wanted)
        and not any(word in row.searched for word in unwanted)
    ]


def sorted_rows(rows: Sequence[Row], column: int, *, reverse: bool) -> list[Row]:
    """Stable by one column; rows without a value come last, whichever the direction."""
    known = [row for row in rows if not row.cells[column].is_unknown]
    unknown = [row for row in rows if row.cells[column].is_unknown]
    known.sort(key=lambda row: row.cells[column].order, reverse=reverse)
    return [*known, *unknown]


def arranged(rows: Sequence[Row], words: str, sort: tuple[int, bool] | None) -> Sequence[Row]:
    """The rows that a filter leaves, sorted by a column, its second value for backwards."""
    found = filtered(rows, words)
    return found if sort is None else sorted_rows(found, sort[0], reverse=sort[1])


def visible_columns(columns: Sequence[Column], width: int) -> list[tuple[int, Column, int]]:
    """Index, column and width of those that fit into `width` cells, a blank before each."""
    kept = list(enumerate(columns))

    def needed() -> int:
        return sum(column.cells + 1 for _, column in kept)

    while needed() > width and any(column.drop for _, column in kept):
        worst = max((column.drop, index) for index, column in kept)
        kept = [entry for entry in kept if entry[0] != worst[1]]
    spare = max(width - needed(), 0)
    flexible = next((index for index, column in kept if column.flex), None)
    return [
        (index, column, column.cells + (spare if index == flexible else 0))
        for index, column in kept
    ]


def table_markdown(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """A Markdown table; what Markdown reads as its own is escaped."""

    def text(value: str) -> str:
        return cells.safe(value).replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`")

    lines = [
        "| " + " | ".join(text(column.title) for column in columns) + " |",
        "|" + "|".join("---:" if column.right else "---" for column in columns) + "|",
    ]
    lines += ["| " + " | ".join(text(cell.text) for cell in row.cells) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def table_csv(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """The same as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.key for column in columns])
    writer.writerows([cell.text for cell in row.cells] for row in rows)
    return stream.getvalue()


def table_json(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """The same as JSON: what a cell sorts by where it has that, so that figures stay figures."""
    found = [
        {
            column.key: cell.sort if cell.sort is not None else cell.text
            for column, cell in zip(columns, row.cells, strict=True)
        }
        for row in rows
    ]
    return json.dumps({"schema": 1, "rows": found}, ensure_ascii=False, indent=1) + "\n"
