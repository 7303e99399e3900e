"""The machine itself: processor, memory, load."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from ascend_console.core.devices import Host, Probe, ProbeReading
from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.tools.environment import cores, version_of

if TYPE_CHECKING:
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Cancel

_MB = 1 << 20
# The first share needs a beginning; the system counts in ticks of 10 ms.
_FIRST_SPAN_S = 0.25


class HostSampler:
    """Looks at the machine; a processor share is that since the look before."""

    def __init__(self) -> None:
        self._version = version_of("psutil")
        self._is_begun = False

    def __call__(self, cancel: Cancel) -> ProbeReading:
        """One look; the first one takes a quarter of a second."""
        import psutil

        try:
            if not self._is_begun:
                psutil.cpu_percent()
                if cancel.wait(_FIRST_SPAN_S):
                    raise Interrupted
                self._is_begun = True
            memory = psutil.virtual_memory()
            host = Host(
                cpu_pct=psutil.cpu_percent(),
                memory_used_mb=(memory.total - memory.available) // _MB,
                memory_total_mb=memory.total // _MB,
                load_1m=round(psutil.getloadavg()[0], 2),
                cores=cores(),
                machine=platform.machine() or None,
            )
        except (psutil.Error, OSError) as error:
            raise ToolFailed(
                "devices.host",
                "the system does not tell its load: {reason}",
                hint="Mount /proc in this container, or run outside of it.",
                reason=error,
            ) from error
        return ProbeReading(version=self._version, host=host)

    def close(self) -> None:
        """Nothing is open."""


def _open(settings: Settings) -> HostSampler:
    return HostSampler()


ENTRY = Probe(
    name="host",
    summary="The machine itself: processor, memory, load.",
    source="psutil",
    interval_s=1.0,
    open=_open,
    order=90,
)
