"""The rows of a log as lines: filtered by words and level, wrapped, and found by number again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from ascend_console.core import events
from ascend_console.tui import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ascend_console.tools.run_follow import Line
    from ascend_console.tui.texts import Texts

LEVELS: tuple[tuple[str, ...], ...] = ((), ("warning", "error"), ("error",))


class LogLines:
    """Lines made from rows with a `level` and a `text`; more rows cost only what is new.

    A line is the number of its row and where in the row's text it begins. `width` is in cells.
    `text_of` gives the text of a row as it is shown.
    """

    def __init__(self, text_of: Callable[[Any], str]) -> None:
        self.text_of = text_of
        self.rows: Sequence[Any] = ()
        self.lines: list[tuple[int, int]] = []
        self.counts: Counter[str] = Counter()
        self.words = ""
        self.level = 0
        self.wrapped = False
        self.width = 80
        self._seen = 0

    def take(self, rows: Sequence[Any], *, grown: bool) -> None:
        """Other rows; `grown` where they are those from before and more behind them."""
        self.rows = rows
        if grown and len(rows) >= self._seen:
            self._extend()
        else:
            self.arrange()

    def arrange(self) -> None:
        """All lines again."""
        self.lines, self.counts, self._seen = [], Counter(), 0
        self._extend()

    def _extend(self) -> None:
        levels = LEVELS[self.level]
        wanted = [word.casefold() for word in self.words.split()]
        # The rows may grow in another thread meanwhile.
        start, self._seen = self._seen, len(self.rows)
        for number in range(start, self._seen):
            row = self.rows[number]
            self.counts[row.level] += 1
            if levels and row.level not in levels:
                continue
            if wanted and not has_words(self.text_of(row), wanted):
                continue
            self.lines.append((number, 0))
            if self.wrapped:
                starts = wrap_starts(cells.safe(self.text_of(row)), self.width)
                self.lines += [(number, start) for start in starts[1:]]

    def line_of(self, row: int) -> int:
        """The first line at or behind a row; 0 where there is none."""
        return next((n for n, line in enumerate(self.lines) if line[0] >= row), 0)

    def row_at(self, line: int) -> int:
        """The row of a line, 0 where there is none."""
        return self.lines[line][0] if 0 <= line < len(self.lines) else 0

    def problem(self, start: int, step: int) -> int | None:
        """The next error from row `start` on, backwards with -1; warnings where no error is."""
        wanted = "error" if self.counts["error"] else "warning"
        ahead = range(start + step, self._seen if step > 0 else -1, step)
        return next((number for number in ahead if self.rows[number].level == wanted), None)

    def text(self) -> str:
        """The rows that are shown, whole, for a file."""
        kept = dict.fromkeys(number for number, _ in self.lines)
        return "".join(f"{self.text_of(self.rows[number])}\n" for number in kept)


def line_text(line: Line, folder: Path, t: Texts) -> str:
    """A line of a run's narrative; of a file in its folder what lies below that."""
    event = line.event
    if isinstance(event, events.StepStarted):
        what, at, size = event.name.partition(" bs")
        return f"[{event.index}/{event.count}] {t(what)}{at}{size}"
    if isinstance(event, events.ArtifactWritten):
        return line.text.removeprefix(f"{folder}/")
    if isinstance(event, events.Warned | events.JobFailed):
        # A message and its hint are lines of their own.
        of = t.message if line.level in ("warning", "error") else t.hint
        return of(event.id, line.text, event.args)
    if isinstance(event, events.Measured):
        what, at, size = event.name.partition(" bs")
        value = cells.UNKNOWN if event.value is None else f"{event.value:.4g}"
        return f"{t(what)}{at}{size} {value} {t(event.unit)}"
    return line.text


def has_words(text: str, words: Sequence[str]) -> bool:
    """Whether a text has every word, and none that begins with `!`; words are casefolded."""
    if not words:
        return True
    folded = text.casefold()
    return all(
        (word == "!" or word[1:] not in folded) if word.startswith("!") else word in folded
        for word in words
    )


def wrap_starts(text: str, width: int) -> list[int]:
    """Where each line of a text begins when it is wrapped at `width` cells."""
    width = max(width, 2)
    if text.isascii():
        return list(range(0, max(len(text), 1), width))
    starts, used = [0], 0
    for number, char in enumerate(text):
        size = cell_len(char)
        if used + size > width:
            starts.append(number)
            used = 0
        used += size
    return starts
