"""The narrative of a run on stderr: steps, progress with rate and time left, warnings, results."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from ascend_console.core import events
from ascend_console.core.view import RunView, StepView, fold
from ascend_console.headless.table import aligned, cell_text, cells
from ascend_console.tools import catalogue

if TYPE_CHECKING:
    from ascend_console.core.events import Record
    from ascend_console.core.settings import Settings

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_VERDICT_COLOURS = {"PASS": "green", "FAIL": "red", "INVALID": "yellow", "INCOMPLETE": "yellow"}
_SHARES = 10
_LABELS = ("weights", "backend")
_TABLES = (
    "accuracy", "performance", "sweep", "operators", "comparison", "baseline", "summary",
)  # fmt: skip
# Columns of the summary whose cells are words.
_WORDED = frozenset({"weights", "valid", "verdict", "Pareto", "recommended", "clear"})


def clock_text(seconds: float) -> str:
    """`2:05` or `1:02:05`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def progress_text(step: StepView, elapsed_s: float, lang: str = "en") -> str:
    """`183/300 images  61 %  118.4 images/s  about 0:01 left`."""
    done = step.done or 0
    rate = step.rate_at(elapsed_s)
    unit = catalogue.word(step.unit, lang)
    parts = [f"{done}/{step.total} {unit}" if step.total else f"{done} {unit}"]
    if step.total:
        parts.append(f"{100 * done // step.total} %")
    if rate:
        if step.unit != "s":
            parts.append(f"{rate:.1f} {unit}/s")
        if step.total and done < step.total:
            left = catalogue.word("about {time} left", lang)
            parts.append(left.format(time=clock_text((step.total - done) / rate)))
    return "  ".join(parts)


class Printer:
    """A sink that tells a person how the run goes, and keeps its folded view."""

    def __init__(self, settings: Settings, stream: TextIO | None = None) -> None:
        self.view = RunView()
        self._settings = settings
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._colour = settings.colour and self._live
        self._share = -1
        self._line_open = False

    def __call__(self, record: Record) -> None:
        """Fold a record and print what it means."""
        self.view = fold(self.view, record)
        event = record.event
        if isinstance(event, events.Progress):
            self._progress(event)
        elif isinstance(event, events.Warned):
            self._warned(event)
        elif isinstance(event, events.JobFailed):
            self._failed(event)
        elif self._settings.verbosity >= 0:
            self._tell(event)

    def _word(self, english: str) -> str:
        return catalogue.word(english, self._settings.lang)

    def _step(self, name: str) -> str:
        """The name of a step or figure, whose batch size stays as it is: `infer bs8`."""
        what, at, batch_size = name.partition(" bs")
        return self._word(what) + at + batch_size

    def _cell(self, column: str, value: object) -> object:
        return value if value is None or column not in _WORDED else self._word(cell_text(value))

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where colours are wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour else text

    def say(self, text: str) -> None:
        """A line of its own."""
        if self._line_open:
            self._stream.write("\r\x1b[K")
            self._line_open = False
        self._stream.write(text + "\n")
        self._stream.flush()

    def _progress(self, event: events.Progress) -> None:
        step = self.view.step
        if step is None or self._settings.verbosity < 0:
            return
        text = "      " + progress_text(step, self.view.elapsed_s, self._settings.lang)
        if self._live:
            self._stream.write("\r" + text[:78] + "\x1b[K")
            self._stream.flush()
            self._line_open = True
        elif event.total:
            share = _SHARES * event.done // event.total
            if share > self._share:
                self._share = share
                self.say(text)

    def _warned(self, event: events.Warned) -> None:
        lang = self._settings.lang
        text = catalogue.message(event.id, event.args, event.message, lang)
        self.say(f"{self.paint(self._word('warning:'), 'yellow')} {cell_text(text)}")
        if event.hint:
            hint = catalogue.hint(event.id, event.args, event.hint, lang)
            self.say(f"  {self._word('hint:')} {cell_text(hint)}")

    def _failed(self, event: events.JobFailed) -> None:
        lang = self._settings.lang
        text = catalogue.message(event.id, event.args, event.message, lang)
        hint = catalogue.hint(event.id, event.args, event.hint, lang)
        self.say(f"{self.paint(self._word('error:'), 'red')} {cell_text(text)}")
        self.say(f"  {self._word('hint:')} {cell_text(hint)}")

    def _tell(self, event: events.Event) -> None:
        if isinstance(event, events.JobStarted):
            self.say(self.paint(f"==> {event.title}", "bold"))
        elif isinstance(event, events.StepStarted):
            self._share = -1
            elapsed = self.paint(clock_text(self.view.elapsed_s), "dim")
            self.say(f"[{event.index}/{event.count}] {self._step(event.name)}  {elapsed}")
        elif isinstance(event, events.LogLine):
            if event.level != "info" or self._settings.verbosity > 0:
                self.say(f"      {cell_text(event.text)}")
        elif isinstance(event, events.Measured) and self._settings.verbosity > 0:
            unit = self._word(event.unit)
            self.say(f"      {self._step(event.name)} {cell_text(event.value)} {unit}")
        elif isinstance(event, events.JobSucceeded) and event.verdict:
            self._verdict(event.verdict)
        elif isinstance(event, events.JobCancelled):
            self.say(self._word("stopped on request"))

    def _verdict(self, verdict: str) -> None:
        painted = self.paint(self._word(verdict), _VERDICT_COLOURS.get(verdict, "bold"))
        self.say(f"{painted}  {clock_text(self.view.elapsed_s)}")
        for row in self.view.tables.get("reasons", ()):
            text = catalogue.message(
                row["id"], row.get("args", {}), row["message"], self._settings.lang
            )
            gate = self._word(row["gate"].replace("_", " "))
            self.say(f"      {gate}{' ' * (17 - cells(gate))} {cell_text(text)}")
        for row in self.view.tables.get("recommendation", ()):
            text = catalogue.message(row["id"], row["args"], row["message"], self._settings.lang)
            self.say(f"      {cell_text(text)}")

    def summary(self, views: list[RunView]) -> None:
        """One table over all runs for accuracy, one for performance, one for what else is told."""
        for name in _TABLES:
            rows = [row for view in views for row in view.tables.get(name, ())]
            if rows:
                self._table("" if name == "summary" else name, rows)

    def _table(self, name: str, rows: list[dict[str, Any]]) -> None:
        """A table whose label columns move into its title where they are the same in all rows."""
        columns = list(rows[0])
        same = [
            column
            for column in _LABELS
            if column in columns and len({row.get(column) for row in rows}) == 1
        ]
        label = ", ".join(cell_text(self._cell(column, rows[0][column])) for column in same)
        title = ": ".join(filter(None, [self._word(name), label]))
        columns = [column for column in columns if column not in same]
        shown = [[self._cell(column, row.get(column)) for column in columns] for row in rows]
        self.say("")
        if title:
            self.say(self.paint(title, "bold"))
        self.say(aligned([self._word(column) for column in columns], shown))
