"""A window on a log of any size that may still grow: some of its rows, never the whole file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

READ_BYTES = 256 << 10
MOST_ROWS = 20_000

_ERROR = re.compile(r"\b(?:error|fatal|failed|failure|traceback|exception|E[0-9A-Z]\d{4})\b", re.I)
_WARNING = re.compile(r"\b(?:warn|warning|W\d{5})\b", re.I)


class LogRow(NamedTuple):
    """One line of a log; `level` is error, warning or info, `bytes` what it takes in the file."""

    level: str
    text: str
    bytes: int


def level_of(text: str) -> str:
    """How bad a line of a tool sounds."""
    if _ERROR.search(text):
        return "error"
    return "warning" if _WARNING.search(text) else "info"


def _row(line: bytes, end: int = 1) -> LogRow:
    text = line.decode("utf-8", "replace")
    return LogRow(level_of(text), text, len(line) + end)


class LogWindow:
    """Rows that follow each other in a file; each call reads at most 256 KB.

    `first` is the number of rows before the window, None where nobody has counted them. `size` is
    that of the file at the last look. At most 20,000 rows are kept: those at the other end leave.
    One thread at a time may call; `rows` is replaced and never changed, so that another may read.
    What moves the window says by how many rows their numbers grew, None where all rows are others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[LogRow] = []
        self.first: int | None = 0
        self.size = 0
        self._start = self._end = 0
        self._unfinished = 0

    @property
    def at_start(self) -> bool:
        """Whether nothing lies before the window."""
        return self._start == 0

    @property
    def at_end(self) -> bool:
        """Whether nothing lies behind the window but a line that is still being written."""
        return self._end + self._unfinished >= self.size

    def to_end(self) -> None:
        """The last 256 KB of the file."""
        self.size = self._look()
        start, data = self._back(self.size)
        self.rows, self.first = [], 0 if start == 0 else None
        self._start = self._end = start
        self._append(data)

    def to_start(self) -> None:
        """The first 256 KB of the file."""
        self.size = self._look()
        self.rows, self.first = [], 0
        self._start = self._end = 0
        self._append(self._read(0, min(READ_BYTES, self.size)))

    def grow(self) -> int | None:
        """What the file has new; of more than 256 KB only the end."""
        self.size = self._look()
        if self.size < self._end or self.size - self._end > READ_BYTES:
            self.to_end()
            return None
        return 0 if self.at_end else self.later()

    def later(self) -> int:
        """The rows behind the window, with what the file has new."""
        self.size = max(self._look(), self._end)
        end = min(self._end + READ_BYTES, self.size)
        self._append(self._read(self._end, end))
        return -self._trim_front()

    def earlier(self) -> int:
        """The rows before the window."""
        self._start, data = self._back(self._start)
        *lines, rest = data.split(b"\n")
        new = [*map(_row, lines), *([_row(rest, 0)] if rest else [])]
        self.rows = new + self.rows
        if self._start == 0:
            self.first = 0
        elif self.first is not None:
            self.first -= len(new)
        self._trim_back()
        return len(new)

    def seek(self, step: int) -> int:
        """Move on, with -1 back, until rows with an error come in, or to that end of the file."""
        moved = 0
        while not (self.at_end if step > 0 else self.at_start):
            count = len(self.rows)
            by = self.later() if step > 0 else self.earlier()
            moved += by
            new = self.rows[count + by :] if step > 0 else self.rows[:by]
            if any(row.level == "error" for row in new):
                break
        return moved

    def _append(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        new = [_row(line) for line in lines]
        if not lines and len(rest) >= READ_BYTES:
            new, rest = [_row(rest, 0)], b""
        self.rows = self.rows + new
        self._end += len(data) - len(rest)
        self._unfinished = len(rest)

    def _trim_front(self) -> int:
        excess = max(len(self.rows) - MOST_ROWS, 0)
        if excess:
            self._start += sum(row.bytes for row in self.rows[:excess])
            self.rows = self.rows[excess:]
            if self.first is not None:
                self.first += excess
        return excess

    def _trim_back(self) -> None:
        left = self.rows[MOST_ROWS:]
        if left:
            self._end -= sum(row.bytes for row in left)
            self._unfinished = 0
            self.rows = self.rows[:MOST_ROWS]

    def _back(self, end: int) -> tuple[int, bytes]:
        """Up to 256 KB before an offset that begin with a line, and where they begin."""
        start = max(end - READ_BYTES, 0)
        if start == 0:
            return 0, self._read(0, end)
        # The byte before tells whether a line begins there. Without any line end the piece is
        # one of a very long line, whose beginning is not looked for.
        data = self._read(start - 1, end)
        cut = data.find(b"\n") + 1
        if cut in (0, len(data)):
            return start, data[1:]
        return start - 1 + cut, data[cut:]

    def _look(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def _read(self, start: int, end: int) -> bytes:
        try:
            with self.path.open("rb") as stream:
                stream.seek(start)
                return stream.read(end - start)
        except OSError:
            return b""
