"""Polling of all devices: each probe at its own pace, in a thread of its own.

A slow or hung source delays nobody: `latest` never waits, and what a source said last stays, with
its age. What polling itself costs is counted and told with every snapshot.

    with Poller(settings, clock) as poller:
        poller.wait_first(cancel, limit_s=6)
        snapshot = poller.latest()
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ascend_console.core import discovery
from ascend_console.core.devices import PollingCost, Probe, ProbeState, Trouble, snapshot_of
from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.tools.environment import cores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from ascend_console.core.devices import DeviceSnapshot, ProbeReading, Sampler
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Cancel, Clock

# A source that is not there is looked for again, since a driver may be installed meanwhile.
_ABSENT_INTERVAL_S = 30.0
_LOOK_S = 0.05
_JOIN_S = 5.0


class _CpuTimes(NamedTuple):
    """CPU seconds of this thread, and of all children that were waited for."""

    thread_s: float
    children_s: float


def _cpu_times() -> _CpuTimes | None:
    """None where the system does not count for each thread."""
    try:
        import resource

        # getattr: only Linux has it.
        own = resource.getrusage(getattr(resource, "RUSAGE_THREAD"))  # noqa: B009
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
    except (ImportError, AttributeError, OSError):
        return None
    return _CpuTimes(own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime)


def _spent_s(before: _CpuTimes | None, after: _CpuTimes | None, wall_s: float) -> float | None:
    """CPU seconds of one look. Children that took more than the look itself are somebody else's.

    A tool of the same program that ends meanwhile, such as a long atc, is counted by the system
    in the same place.
    """
    if before is None or after is None:
        return None
    children_s = after.children_s - before.children_s
    return after.thread_s - before.thread_s + (children_s if children_s <= wall_s else 0.0)


def rest_s(wall_s: float, pace_s: float, cpu_s: float | None, most_cpu: float | None) -> float:
    """How long to rest after a look that took so long, and cost `cpu_s` seconds of a processor.

    At least as long as it took, so that a slow source is not asked all the time; and so long that
    looks take at most `most_cpu` processor seconds a second.
    """
    period_s = max(pace_s, wall_s + min(wall_s, pace_s))
    if most_cpu is not None and cpu_s is not None:
        period_s = max(period_s, cpu_s / most_cpu)
    return period_s - wall_s


class _Looker:
    """One probe and its thread."""

    def __init__(
        self,
        probe: Probe,
        settings: Settings,
        clock: Clock,
        interval_s: float | None,
        most_cpu: float | None,
    ) -> None:
        self.state = ProbeState(probe=probe, interval_s=interval_s or probe.interval_s)
        self._most_cpu = most_cpu
        self.cpu_s: float | None = 0.0
        self.bug: BaseException | None = None
        self.looked = threading.Event()
        self._settings = settings
        self._clock = clock
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._sampler: Sampler | None = None
        self._thread = threading.Thread(target=self._run, name=f"probe-{probe.name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """End the look that goes on, and begin no other."""
        self._stop.set()
        self._wake.set()

    def poke(self) -> None:
        """Rest no longer: look now, or again as soon as the look that goes on is over."""
        self._wake.set()

    def join(self, limit_s: float) -> None:
        """Wait until the thread has ended; one that hangs in a driver ends with the program."""
        if self._thread.is_alive():
            self._thread.join(limit_s)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                started_s = self._clock.monotonic_s()
                before = _cpu_times()
                self._look()
                wall_s = max(0.0, self._clock.monotonic_s() - started_s)
                cpu_s = _spent_s(before, _cpu_times(), wall_s)
                self._count(cpu_s)
                self.looked.set()
                self._wake.wait(rest_s(wall_s, self._pace_s(), cpu_s, self._most_cpu))
                self._wake.clear()
        except Interrupted:
            pass
        except BaseException as error:
            # Told where somebody sees it: `latest` raises it again.
            self.bug = error
        finally:
            self.looked.set()
            if self._sampler is not None:
                self._sampler.close()

    def _pace_s(self) -> float:
        return self.state.interval_s if self._sampler is not None else _ABSENT_INTERVAL_S

    def _count(self, cpu_s: float | None) -> None:
        self.cpu_s = None if self.cpu_s is None or cpu_s is None else self.cpu_s + cpu_s

    def _look(self) -> None:
        """One look; its result, or its error beside the result before."""
        started_s = self._clock.monotonic_s()
        try:
            if self._sampler is None:
                self._sampler = self.state.probe.open(self._settings)
            if self._sampler is None:
                self.state = replace(self.state, absent=True)
                return
            reading = self._sampler(self._stop)
        except Interrupted:
            raise
        except ConsoleError as error:
            self.state = replace(self.state, trouble=Trouble.of(error), absent=False)
            return
        self._keep(reading, started_s)

    def _keep(self, reading: ProbeReading, started_s: float) -> None:
        now_s = self._clock.monotonic_s()
        self.state = replace(
            self.state,
            reading=reading,
            read_at_s=now_s,
            took_s=now_s - started_s,
            trouble=None,
            absent=False,
            seen={**self.state.seen, **{chip.key: chip for chip in reading.chips}},
        )


class Poller:
    """Looks at all devices until it is stopped; as a context it starts and stops by itself.

    `interval_s` is the pace of every probe, by default its own; `most_share` slows a probe down
    where it would take more than that share of the machine's cores, as beside a measurement;
    `probes` are those of `devices/`.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        interval_s: float | None = None,
        most_share: float | None = None,
        probes: Sequence[Probe] | None = None,
    ) -> None:
        self._clock = clock
        self._started_s = clock.monotonic_s()
        chosen = discovery.load_all("devices") if probes is None else probes
        most_cpu = None if most_share is None else most_share * cores()
        self._lookers = [_Looker(probe, settings, clock, interval_s, most_cpu) for probe in chosen]

    def start(self) -> Poller:
        """Begin to look; the same poller, so that it can be kept in one line."""
        self._started_s = self._clock.monotonic_s()
        for looker in self._lookers:
            looker.start()
        return self

    def wait_first(self, cancel: Cancel, limit_s: float) -> bool:
        """Wait until every probe has looked once, at most so long; whether all have.

        Interrupted on `cancel`.
        """
        until_s = self._clock.monotonic_s() + limit_s
        for looker in self._lookers:
            while not looker.looked.wait(_LOOK_S):
                if cancel.is_set():
                    raise Interrupted
                if self._clock.monotonic_s() >= until_s:
                    return False
        return True

    def latest(self, max_age_s: float | None = None) -> DeviceSnapshot:
        """What every probe said last; never waits. A bug in a probe is raised here.

        `max_age_s` leaves out what is older (`core.devices.snapshot_of`).
        """
        for looker in self._lookers:
            if looker.bug is not None:
                raise looker.bug
        now_s = self._clock.monotonic_s()
        costs = [looker.cpu_s for looker in self._lookers]
        known = [cost for cost in costs if cost is not None]
        return snapshot_of(
            [looker.state for looker in self._lookers],
            now_s=now_s,
            taken_at=self._clock.utc(),
            polling=PollingCost(
                cpu_s=sum(known) if len(known) == len(costs) else None,
                wall_s=now_s - self._started_s,
            ),
            max_age_s=max_age_s,
        )

    def poke(self) -> None:
        """Have every probe look now, also those that are looked for seldom because they lack."""
        for looker in self._lookers:
            looker.poke()

    def stop(self) -> None:
        """End every look and every tool that it started. Stopping twice is allowed."""
        for looker in self._lookers:
            looker.ask_to_stop()
        for looker in self._lookers:
            looker.join(_JOIN_S)

    def __enter__(self) -> Poller:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
