"""What the devices say of themselves while a bench measures: use, temperature, power, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.events import DevicesSampled
from ascend_console.jobs._device_poll import Poller

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType
    from typing import TypeVar

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env

    Result = TypeVar("Result")

_INTERVAL_S = 1.0
_KEPT = ("chips", "gpus", "host")


class Telemetry:
    """Samples of all devices, once a second; as a context it starts and stops polling."""

    def __init__(self, env: Env) -> None:
        self._clock = env.clock
        self._poller = Poller(env.settings, env.clock, interval_s=_INTERVAL_S)
        self._begun_s = self._looked_s = env.clock.monotonic_s()
        self._samples: list[dict[str, Any]] = []

    def __enter__(self) -> Telemetry:
        self._poller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._poller.stop()

    def begin(self) -> None:
        """A measurement begins: samples from here on belong to it."""
        self._begun_s = self._looked_s = self._clock.monotonic_s()
        self._samples = []

    def look(self) -> Iterator[Event]:
        """One sample, if the last is a second old."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < _INTERVAL_S:
            return
        self._looked_s = now_s
        document = self._poller.latest(max_age_s=3 * _INTERVAL_S).document()
        kept = {key: document[key] for key in _KEPT if document[key]}
        self._samples.append({"elapsed_s": round(now_s - self._begun_s, 3), **kept})
        yield DevicesSampled(document)

    def beside(self, steps: Generator[Event, None, Result]) -> Generator[Event, None, Result]:
        """The events of a step, with samples between them."""
        try:
            while True:
                try:
                    event = next(steps)
                except StopIteration as end:
                    found: Result = end.value
                    return found
                yield event
                yield from self.look()
        finally:
            steps.close()

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Those of the measurement, in order."""
        return self._samples
