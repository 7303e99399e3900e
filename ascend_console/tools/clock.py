"""The only module that reads a clock."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's own clock."""

    def utc(self) -> str:
        """Now, as `2026-11-20T10:15:00.123Z`."""
        # The module datetime takes longer to import than a listing has to spare.
        seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z"

    def monotonic_s(self) -> float:
        """Seconds that only grow; the origin means nothing."""
        return time.perf_counter()
