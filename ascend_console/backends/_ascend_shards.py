"""Several devices at work at once: one process each, read by a thread each, stopped together."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ascend_console.backends._ascend_inputs import batches_of
from ascend_console.core.errors import BackendUnavailable, ToolFailed
from ascend_console.core.events import Event, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from ascend_console.backends._ascend_task import DeviceRun
    from ascend_console.core.errors import ConsoleError
    from ascend_console.core.specs import Cancel

    Work = Callable[[Cancel], Generator[Event, None, DeviceRun]]


class Shard(NamedTuple):
    """The inputs `start` to `end` (not included) on one device."""

    device: int
    start: int
    end: int


def shards_of(start: int, end: int, batch_size: int, devices: Sequence[int]) -> tuple[Shard, ...]:
    """Whole batches of a range of inputs over devices, as evenly as they go; none empty."""
    batches = batches_of(end - start, batch_size)
    shares = [-(-batches * place // len(devices)) for place in range(len(devices) + 1)]
    cuts = [start + share * batch_size for share in shares]
    return tuple(
        Shard(device, first, min(last, end))
        for device, first, last in zip(devices, cuts, cuts[1:], strict=False)
        if first < min(last, end)
    )


class _Stop:
    """Asks the processes of all devices to stop, on the run's request or on our own."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel
        self._left = threading.Event()

    def set(self) -> None:
        """Ask."""
        self._left.set()

    def is_set(self) -> bool:
        """True from either request on."""
        return self._left.is_set() or self._cancel.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the run's request."""
        return self._cancel.wait(timeout) or self._left.is_set()


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a thread ended: what its device did, or what it raised."""

    value: DeviceRun | BaseException


def _follow(work: Work, stop: _Stop, place: int, told: queue.SimpleQueue[_News]) -> None:
    """The body of a thread."""
    try:
        events = work(stop)
        while True:
            told.put(_News(place, next(events)))
    except StopIteration as end:
        told.put(_News(place, _Ended(end.value)))
    except BaseException as error:  # it is raised again, or told, where the devices are followed
        told.put(_News(place, _Ended(error)))


class _News(NamedTuple):
    """What came from which thread."""

    place: int
    what: Event | _Ended


def at_once(
    works: Sequence[Work], totals: Sequence[int], cancel: Cancel
) -> Generator[Event, None, list[DeviceRun | ConsoleError]]:
    """Do all works at the same time; what each did, or why its device failed.

    `totals` is how much each has to do, in the unit of its progress; one bar tells of all.
    What is no failure of one device (a stop, bad input, a bug) stops the others and is raised.
    Left early, it stops all of them first.
    """
    if len(works) == 1:
        try:
            return [(yield from works[0](cancel))]
        except (ToolFailed, BackendUnavailable) as error:
            return [error]
    stop = _Stop(cancel)
    told: queue.SimpleQueue[_News] = queue.SimpleQueue()
    threads = [
        threading.Thread(target=_follow, args=(work, stop, place, told), name=f"device-{place}")
        for place, work in enumerate(works)
    ]
    try:
        for thread in threads:
            thread.start()
        return (yield from _collected(totals, told))
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _collected(
    totals: Sequence[int], told: queue.SimpleQueue[_News]
) -> Generator[Event, None, list[DeviceRun | ConsoleError]]:
    """Events of all threads, their progress as one, until each has ended."""
    ended: dict[int, DeviceRun | ConsoleError] = {}
    done = [0] * len(totals)
    while len(ended) < len(totals):
        place, what = told.get()
        if isinstance(what, Progress):
            done[place] = what.done
            yield Progress(sum(done), sum(totals), what.unit)
        elif isinstance(what, Event):
            yield what
        elif isinstance(what.value, ToolFailed | BackendUnavailable):
            ended[place] = what.value
        elif isinstance(what.value, BaseException):
            raise what.value
        else:
            ended[place] = what.value
    return [ended[place] for place in range(len(totals))]
