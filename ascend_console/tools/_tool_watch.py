"""When a running tool must be stopped: on request, or at a time limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.tools.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.specs import Cancel

_CLOCK = SystemClock()
_LOOK_S = 0.025


class Watch:
    """Looks whether a tool must be stopped. `timed_out` once it took more than `time_s`."""

    def __init__(
        self, tool: str, cancel: Cancel, log: Path, silence_s: float | None, time_s: float | None
    ) -> None:
        self._tool = tool
        self._cancel = cancel
        self._log = log
        self._silence_s = math.inf if silence_s is None else silence_s
        self._time_s = math.inf if time_s is None else time_s
        self._started_s = self._heard_s = _CLOCK.monotonic_s()
        self._looked_s = -math.inf
        self.timed_out = False

    def heard(self) -> None:
        """The tool printed something."""
        self._heard_s = _CLOCK.monotonic_s()

    def look(self) -> None:
        """Raise Interrupted, or ToolFailed at a limit. Cheap enough for every line."""
        now_s = _CLOCK.monotonic_s()
        if now_s - self._looked_s < _LOOK_S:
            return
        self._looked_s = now_s
        if self._cancel.is_set():
            raise Interrupted
        hint = "What it printed is in {log}. If it only needs longer, raise the time limit."
        if now_s - self._started_s > self._time_s:
            self.timed_out = True
            raise ToolFailed(
                "process.timeout",
                "{tool} took more than {limit} s and was stopped",
                hint=hint,
                tool=self._tool,
                limit=f"{self._time_s:g}",
                log=self._log,
            )
        if now_s - self._heard_s > self._silence_s:
            raise ToolFailed(
                "process.silent",
                "{tool} printed nothing for {limit} s and was stopped",
                hint=hint,
                tool=self._tool,
                limit=f"{self._silence_s:g}",
                log=self._log,
            )
