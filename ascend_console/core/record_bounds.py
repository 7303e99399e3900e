"""What keeps the record of a run bounded, however long it takes and however much its tools print.

design.md section 3: `events.jsonl` is bounded in size. Steps, figures, rows, artefacts and the end
always pass: a job yields as many of them as its request asks for. What time or a tool makes more of
is thinned or counted here; the whole of it is in `logs/`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ascend_console.core.events import (
    DevicesSampled,
    Event,
    LogLine,
    Progress,
    StepStarted,
    Warned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIES: tuple[type[Event], ...] = (Progress, DevicesSampled)
"""Events that each replace the one before: the last of a step always passes, of the others some."""

INTERVAL_S = 0.1
SHARE_OF_AGE = 1 / 500
MOST_LINES = 10_000
LONGEST_LINE = 1_000


class RecordBounds:
    """What of a job's events goes on; the rest is left out.

    Of a series at most ten a second pass. With `bounded`, as runs that are kept have it, the pace
    slows down with the age of the step, so that what is seen is never older than 0.2 % of that: a
    step of ten hours leaves some 3,800 lines. Then only 10,000 log lines and as many warnings
    pass, the lines cut at 1,000 characters; those left out are told in one warning before the end.
    """

    def __init__(self, now_s: float, *, bounded: bool) -> None:
        self._bounded = bounded
        self._step_s = now_s
        self._passed_s: dict[type[Event], float] = {}
        self._held: dict[type[Event], Event] = {}
        self._count: dict[type[Event], int] = {LogLine: 0, Warned: 0}
        self._left_out = 0

    def let_through(self, event: Event, now_s: float) -> Iterator[Event]:
        """What goes on now that `event` has come: nothing, itself, or also what was held back."""
        if isinstance(event, SERIES):
            if self._is_due(type(event), now_s):
                yield event
            else:
                self._held[type(event)] = event
            return
        if not self._is_admitted(event):
            self._left_out += 1
            return
        held, self._held = self._held, {}
        yield from held.values()
        if isinstance(event, StepStarted):
            self._step_s, self._passed_s = now_s, {}
        if event.terminal and self._left_out:
            yield self._told()
        yield self._cut(event)

    def _is_due(self, kind: type[Event], now_s: float) -> bool:
        """Whether the next of a series passes; what was held back of it is then out of date."""
        age_s = now_s - self._step_s if self._bounded else 0.0
        interval_s = max(INTERVAL_S, SHARE_OF_AGE * age_s)
        if now_s - self._passed_s.get(kind, float("-inf")) < interval_s:
            return False
        self._passed_s[kind] = now_s
        self._held.pop(kind, None)
        return True

    def _is_admitted(self, event: Event) -> bool:
        """Whether there is room for one more of its kind."""
        count = self._count.get(type(event))
        if count is None or not self._bounded:
            return True
        self._count[type(event)] = count + 1
        return count < MOST_LINES

    def _cut(self, event: Event) -> Event:
        """A line of a tool may be as long as the tool likes."""
        if not self._bounded or not isinstance(event, LogLine) or len(event.text) <= LONGEST_LINE:
            return event
        return replace(event, text=event.text[:LONGEST_LINE] + " …")

    def _told(self) -> Warned:
        return Warned(
            "run.left_out",
            f"{self._left_out} more lines and warnings were left out of the run's record",
            "What tools printed is whole in the folder logs of the run.",
            {"count": str(self._left_out)},
        )
