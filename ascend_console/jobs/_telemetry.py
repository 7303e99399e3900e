"""The state of the devices, told among the events of a run while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ascend_console.core.events import DevicesSampled
from ascend_console.jobs._device_poll import Poller

if TYPE_CHECKING:
    from collections.abc import Generator

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env

Result = TypeVar("Result")

_INTERVAL_S = 5.0
_MOST_SHARE = 0.01
"""Polling takes at most so much of a core, lest it change what is measured."""


def sampled(events: Generator[Event, None, Result], env: Env) -> Generator[Event, None, Result]:
    """The events of a job, with a sample of all devices every five seconds among them."""
    with Poller(env.settings, env.clock, interval_s=_INTERVAL_S, most_share=_MOST_SHARE) as poller:
        told_s = env.clock.monotonic_s()
        try:
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    result: Result = end.value
                    return result
                yield event
                now_s = env.clock.monotonic_s()
                if now_s - told_s >= _INTERVAL_S:
                    told_s = now_s
                    yield DevicesSampled(poller.latest().document())
        finally:
            events.close()
