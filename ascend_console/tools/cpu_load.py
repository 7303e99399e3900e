"""Who else uses the processor: a CPU figure counts only while nobody does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psutil

    from ascend_console.core.specs import Clock

# A pid alone may be given to another process; with its start time it is one process for ever.
Identity: TypeAlias = tuple[int, float]

THRESHOLD_PERCENT = 20.0


@dataclass(frozen=True, slots=True)
class ForeignProcess:
    """A process that is not ours and was busy; `cpu_percent` is of one core."""

    pid: int
    name: str
    cpu_percent: float


def busy(
    before: Mapping[Identity, float],
    after: Mapping[Identity, float],
    elapsed_s: float,
    threshold_percent: float = THRESHOLD_PERCENT,
) -> list[tuple[Identity, float]]:
    """Processes above the threshold between two snapshots of CPU seconds, busiest first.

    A process that is only in `after` began in between, so that all of its time counts. One whose
    time went back got the pid of another: its share is unknown and left out.
    """
    if elapsed_s <= 0:
        return []
    shares = (
        (identity, 100.0 * (cpu_s - before.get(identity, 0.0)) / elapsed_s)
        for identity, cpu_s in after.items()
    )
    found = [(identity, percent) for identity, percent in shares if percent > threshold_percent]
    return sorted(found, key=lambda share: -share[1])


def _snapshot() -> dict[Identity, tuple[float, psutil.Process]] | None:
    """CPU seconds of every process that shows them; None without a process table."""
    import psutil

    found = {}
    try:
        # The objects are kept between calls, so that one small file a process is read.
        for process in psutil.process_iter():
            try:
                times = process.cpu_times()
                identity = (process.pid, process.create_time())
            except psutil.Error:
                continue  # gone, or hidden from us
            found[identity] = (times.user + times.system, process)
    except OSError:
        return None
    return found


def _foreign(process: psutil.Process, cpu_percent: float) -> ForeignProcess | None:
    """The process as a foreign one; None where it is ours, or has gone."""
    import psutil

    try:
        if not process.is_running():
            return None
        own = psutil.Process().pid
        if process.pid == own or any(parent.pid == own for parent in process.parents()):
            return None
        return ForeignProcess(process.pid, process.name(), round(cpu_percent, 1))
    except psutil.Error:
        return None


class ForeignLoad:
    """Names the foreign processes that were busy since the last look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._before: dict[Identity, float] | None = None
        self._before_s = 0.0

    def sample(self) -> tuple[ForeignProcess, ...] | None:
        """Processes other than this one and its descendants above 20 % of a core, busiest first.

        The first call only takes the starting point and names nobody. None means that the system
        shows no process table: exclusive use could not be checked. Look about once a second: the
        system counts CPU time in ticks of 10 ms, too coarse for much shorter spans.
        """
        snapshot = _snapshot()
        if snapshot is None:
            return None
        now_s = self._clock.monotonic_s()
        after = {identity: cpu_s for identity, (cpu_s, _) in snapshot.items()}
        before, elapsed_s = self._before, now_s - self._before_s
        self._before, self._before_s = after, now_s
        if before is None:
            return ()
        shares = busy(before, after, elapsed_s)
        found = (_foreign(snapshot[identity][1], percent) for identity, percent in shares)
        return tuple(process for process in found if process is not None)
