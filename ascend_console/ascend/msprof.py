"""Tables of msprof: which operators cost most.

Reads `op_summary` (a row a task) and `op_statistic` (a row a type) as CANN 5 and 6 and as CANN 7
and newer write them, and `kernel_details` of the framework profiler. Columns are found by name:
their number and order change with version, chip and metrics.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend.advice import Advice
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal["op_summary", "op_statistic", "kernel_details"]

# Times are bounded and finite; spreadsheets get a TAB behind long numbers.
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_UNKNOWN = frozenset({"", "n/a", "na", "-", "none"})
_BYTE_ORDER_MARK = "\ufeff"
_AVERAGE_TOLERANCE = 0.01
_ROUNDING_US = 0.01

FLAGS: dict[str, Advice] = {
    "ai_cpu": Advice(
        "msprof.ai_cpu",
        "runs on the AI CPU, not on an AI core",
        "在 AI CPU 上执行，未使用 AI Core",
        ("Export with a data type and an operator that the AI core has: int32, not int64.",),
        ("导出时改用 AI Core 支持的数据类型或算子，例如用 int32 代替 int64。",),
    ),
    "trans_data": Advice(
        "msprof.trans_data",
        "only changes the layout of its data (NCHW and NC1HWC0)",
        "仅转换数据排布（NCHW 与 NC1HWC0）",
        ("Remove what breaks a chain of convolutions: Slice, Transpose, Reshape between them.",),
        ("去掉打断卷积链的算子，例如其间的 Slice、Transpose、Reshape。",),
    ),
    "strided_slice_d": Advice(
        "msprof.strided_slice_d",
        "only copies a part of its input",
        "仅复制输入的一部分",
        ("Remove Slice nodes that keep everything; choose channel numbers that need no cut.",),
        ("去掉保留全部数据的 Slice 节点，或选择无需裁剪的通道数。",),
    ),
    "cast": Advice(
        "msprof.cast",
        "only changes the data type",
        "仅转换数据类型",
        ("Give inputs the type that the model computes in, or convert with another precision.",),
        ("让输入类型与计算类型一致，或改用其他精度模式转换。",),
    ),
}
_FLAGGED_TYPES = {
    "transdata": "trans_data",
    "stridedsliced": "strided_slice_d",
    "cast": "cast",
}


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """Operators of one name or type on one kind of core.

    `name` is None when grouped by type; `share` is a fraction of the time of all operators;
    `flags` are keys of FLAGS.
    """

    name: str | None
    op_type: str | None
    core_type: str | None
    count: int
    total_us: float
    share: float
    flags: tuple[str, ...]

    @property
    def mean_us(self) -> float:
        """Time of one execution."""
        return self.total_us / self.count


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """All operators, the most expensive first.

    `untimed` counts the rows without a duration. `unread_lines` are the numbers of lines with a
    cell too few or too many, in which no figure can be trusted: shares are of the others.
    """

    kind: Kind
    operators: tuple[OperatorCost, ...]
    total_us: float
    untimed: int = 0
    unread_lines: tuple[int, ...] = ()

    def top(self, count: int) -> tuple[OperatorCost, ...]:
        """The most expensive ones."""
        return self.operators[:count]


@dataclass(frozen=True, slots=True)
class _Row:
    """What one line adds: a task, or the sum of a type."""

    name: str | None
    op_type: str | None
    core_type: str | None
    count: int
    total_us: float


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a table keeps what is read; -1 where it has no such column."""

    kind: Kind
    width: int
    name: int
    op_type: int
    core_type: int
    time: int
    count: int
    average: int

    @property
    def ends_with_figure(self) -> bool:
        """Whether a line that was cut may show it only by a figure that lost digits."""
        return max(self.time, self.count, self.average) == self.width - 1


def _unreadable(reason: str, number: int | None = None) -> UserError:
    return UserError(
        "msprof.unreadable",
        "{where}no readable table of msprof: {at}{reason}",
        hint="Name a whole op_summary_*.csv or op_statistic_*.csv; `msprof --export=on "
        "--output=PROF_DIR` writes them again.",
        where="",
        at=f"line {number}: " if number else "",
        reason=reason,
    )


def _plain(name: str) -> str:
    return "".join(name.split()).casefold().removeprefix(_BYTE_ORDER_MARK)


_NAMES: dict[Kind, tuple[str, str, str, str]] = {
    # name, type, core, time
    "op_summary": ("opname", "optype", "tasktype", "taskduration(us)"),
    "kernel_details": ("name", "type", "acceleratorcore", "duration(us)"),
    "op_statistic": ("", "optype", "coretype", "totaltime(us)"),
}


def _columns(header: Sequence[str]) -> _Columns | None:
    """Where the columns of a table stand, if this line is a header."""
    names = [_plain(cell) for cell in header]

    def find(name: str) -> int:
        return names.index(name) if name in names else -1

    for kind, (name, op_type, core_type, time) in _NAMES.items():
        columns = _Columns(
            kind,
            len(names),
            find(name) if name else -1,
            find(op_type),
            find(core_type),
            find(time),
            find("count") if kind == "op_statistic" else -1,
            find("avgtime(us)") if kind == "op_statistic" else -1,
        )
        labelled = columns.count >= 0 if kind == "op_statistic" else columns.name >= 0
        if columns.time >= 0 and labelled:
            _refuse_doubled(names, {name, op_type, core_type, time, "count", "avgtime(us)"})
            return columns
    return None


def _refuse_doubled(names: list[str], used: set[str]) -> None:
    for name in used:
        if names.count(name) > 1:
            raise _unreadable(f"two columns are called {name!r}")


def _number(cell: str, line: int) -> float | None:
    """A number; None where msprof has none (`N/A`)."""
    text = cell.strip()
    if text.casefold() in _UNKNOWN:
        return None
    if not _NUMBER.fullmatch(text):
        raise _unreadable(f"{text[:40]!r} is no number", line)
    return float(text)


def _text(cells: Sequence[str], column: int) -> str | None:
    text = cells[column].strip() if column >= 0 else ""
    return None if text.casefold() in _UNKNOWN else text


def _count(cells: Sequence[str], columns: _Columns, line: int) -> int:
    if columns.count < 0:
        return 1
    count = _number(cells[columns.count], line)
    if count is None or count < 1 or count != int(count):
        raise _unreadable(f"{cells[columns.count].strip()[:40]!r} is no count", line)
    return int(count)


def _check_average(row: _Row, average: float | None, line: int) -> None:
    """A count and a mean that do not make the total show a line that was cut or edited."""
    if average is None:
        return
    expected = row.count * average
    slack = max(_AVERAGE_TOLERANCE * row.total_us, row.count * _ROUNDING_US)
    if abs(expected - row.total_us) > slack:
        raise _unreadable(f"{row.count} times {average:g} us do not make {row.total_us:g} us", line)


def _row(cells: Sequence[str], columns: _Columns, line: int) -> _Row | None:
    """A whole line as a row; None for one without a duration."""
    total_us = _number(cells[columns.time], line)
    if total_us is None:
        return None
    row = _Row(
        _text(cells, columns.name),
        _text(cells, columns.op_type),
        _text(cells, columns.core_type),
        _count(cells, columns, line),
        total_us,
    )
    if columns.average >= 0:
        _check_average(row, _number(cells[columns.average], line), line)
    return row


def _table(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV text with their numbers; blank ones left out.

    No cell of these tables has a line end, so one that runs on has lost its closing quote.
    """
    reader = csv.reader(re.split(r"\r\n|\n|\r", text), strict=True)
    before = 0
    try:
        for cells in reader:
            if reader.line_num != before + 1:
                raise _unreadable("its quotes do not match", before + 1)
            before = reader.line_num
            if any(cell.strip() for cell in cells):
                yield before, cells
    except csv.Error as error:
        raise _unreadable("its quotes do not match", before + 1) from error


@dataclass(slots=True)
class _Reader:
    """Collects the rows of a table."""

    columns: _Columns | None = None
    rows: list[_Row] = field(default_factory=list)
    untimed: int = 0
    unread: list[int] = field(default_factory=list)

    def take(self, line: int, cells: Sequence[str], *, cut: bool) -> None:
        """Take a line; before the header, lines are somebody else's."""
        if self.columns is None:
            self.columns = _columns(cells)
        elif len(cells) != self.columns.width or (cut and self.columns.ends_with_figure):
            self.unread.append(line)
        elif row := _row(cells, self.columns, line):
            self.rows.append(row)
        else:
            self.untimed += 1


def _read(text: str) -> tuple[Kind, _Reader]:
    """What a text holds, and which table it is."""
    reader = _Reader()
    lines = list(_table(text))
    open_end = not text.endswith(("\n", "\r"))
    for place, (line, cells) in enumerate(lines, start=1):
        reader.take(line, cells, cut=open_end and place == len(lines))
    if reader.columns is None:
        raise _unreadable("no header of op_summary, op_statistic or kernel_details")
    if not reader.rows:
        raise _unreadable("no operator with a duration")
    return reader.columns.kind, reader


def _flags(op_type: str | None, core_type: str | None) -> tuple[str, ...]:
    found = []
    if core_type is not None and core_type.casefold() in {"ai_cpu", "aicpu"}:
        found.append("ai_cpu")
    if op_type is not None and (flag := _FLAGGED_TYPES.get(op_type.casefold())):
        found.append(flag)
    return tuple(found)


_Key = tuple[str | None, str | None, str | None]


def _grouped(rows: Iterable[_Row], by_name: bool) -> dict[_Key, list[_Row]]:
    """Rows that belong together. Without a type, which `task-time=l0` loses, the name decides."""
    groups: dict[_Key, list[_Row]] = {}
    for row in rows:
        name = row.name if by_name or row.op_type is None else None
        groups.setdefault((name, row.op_type, row.core_type), []).append(row)
    return groups


def parse_operators(text: str, *, by: Literal["type", "name"] = "type") -> OperatorProfile:
    """The operators of a CSV text of msprof, whichever of its tables that is.

    `op_statistic` knows types only. Every run of an operator counts, warm-up too. UserError
    `msprof.unreadable` for a text that is none of these tables.
    """
    kind, reader = _read(text)
    total_us = math.fsum(row.total_us for row in reader.rows)
    operators = []
    for (name, op_type, core_type), group in _grouped(reader.rows, by == "name").items():
        group_us = math.fsum(row.total_us for row in group)
        operators.append(
            OperatorCost(
                name,
                op_type,
                core_type,
                sum(row.count for row in group),
                group_us,
                group_us / total_us if total_us else 0.0,
                _flags(op_type, core_type),
            )
        )
    operators.sort(key=lambda cost: cost.total_us, reverse=True)
    unread = tuple(reader.unread)
    return OperatorProfile(kind, tuple(operators), total_us, reader.untimed, unread)
