"""The thread that looks at the devices and tells the app, at most once a second."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ascend_console.core.devices import DeviceSnapshot, PollingCost, SourceState, Trouble
from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.jobs._device_poll import Poller
from ascend_console.tui.messages import DevicesArrived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ascend_console.core.devices import Probe
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Clock

_INTERVAL_S = 1.0
_FIRST_S = 1.0
_JOIN_S = 5.0


def _news_of(snapshot: DeviceSnapshot) -> tuple[object, ...]:
    """What differs once a source was read anew, fails, works again, or is a second more stale.

    No two looks take equally long, so that the time they took tells them apart.
    """
    return tuple(
        (
            source.source,
            source.took_s,
            source.trouble and source.trouble.id,
            round(source.age_s or 0) if source.is_stale or source.trouble else None,
        )
        for source in snapshot.sources
    )


def _broken(error: Exception, taken_at: str) -> dict[str, Any]:
    """In place of figures that would never change again: what ended the polling."""
    told = ToolFailed(
        "devices.bug",
        "a bug ended the polling: {reason}",
        hint="Start the console again.",
        reason=repr(error),
    )
    source = SourceState(
        source="polling", version=None, driver_version=None, age_s=None,
        interval_s=_INTERVAL_S, took_s=None, trouble=Trouble.of(told),
    )  # fmt: skip
    return DeviceSnapshot(
        taken_at=taken_at, chips=(), processes=(), gpus=(), host=None, sources=(source,),
        lost=(), polling=PollingCost(cpu_s=None, wall_s=0.0),
    ).document()  # fmt: skip


class DevicePolling:
    """Looks at all devices until it is stopped; `post` gets a message for each news.

    Each probe has a thread and a pace of its own (`jobs/_device_poll.py`): a hung source delays
    nobody. `probes` are those of `devices/`.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        post: Callable[[DevicesArrived], object],
        *,
        probes: Sequence[Probe] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._post = post
        self._probes = probes
        self._poller: Poller | None = None
        self._news: tuple[object, ...] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)

    def start(self) -> DevicePolling:
        """Begin; the same polling, so that it can be kept in one line."""
        self._thread.start()
        return self

    def poke(self) -> None:
        """Have every source asked now."""
        if self._poller is not None:
            self._poller.poke()

    def stop(self) -> None:
        """End it, and what it started; a thread that hangs in a driver ends with the program."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        # Made here: the modules of the probes are imported by it, and the screen goes on.
        poller = Poller(self._settings, self._clock, probes=self._probes)
        self._poller = poller
        try:
            with poller:
                poller.wait_first(self._stop, _FIRST_S)
                while not self._stop.is_set():
                    self._tell(poller.latest())
                    self._stop.wait(_INTERVAL_S)
        except Interrupted:
            return
        except Exception as error:
            # The console goes on without devices, and says why there are none.
            self._post(DevicesArrived(_broken(error, self._clock.utc()), None))

    def _tell(self, snapshot: DeviceSnapshot) -> None:
        news = _news_of(snapshot)
        if news != self._news:
            self._news = news
            share = snapshot.polling.core_pct
            self._post(DevicesArrived(snapshot.document(), None if share is None else share / 100))
