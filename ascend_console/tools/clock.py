"""The only module that reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's own clock."""

    def utc(self) -> str:
        """Now, as `2026-11-20T10:15:00.123Z`."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def monotonic_s(self) -> float:
        """Seconds that only grow; the origin means nothing."""
        return time.perf_counter()
