"""Who else uses the NPUs of a measurement, by the process table of npu-smi."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from ascend_console.core import discovery
from ascend_console.core.events import LogLine
from ascend_console.core.validity import Conditions, ForeignUse
from ascend_console.jobs._device_poll import Poller

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from ascend_console.core.backend import FileBackend
    from ascend_console.core.devices import DeviceSnapshot
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env

_LOOK_INTERVAL_S = 1.0
_FIRST_LOOK_S = 6.0


def _own_pids() -> set[int]:
    """This process and everything that it started."""
    import os

    import psutil

    try:
        children = psutil.Process().children(recursive=True)
    except psutil.Error:
        children = []
    return {os.getpid(), *(child.pid for child in children)}


class NpuNeighbours:
    """Looks at the devices from before the first execution until after the last, once a second.

    Nothing is checked where npu-smi does not answer, or with `allow_busy`; the result says so. A
    process is foreign when it is none of ours. In a container npu-smi tells numbers of the host:
    a number that is no process here counts only before anything of ours ran.
    """

    def __init__(self, backend: FileBackend, env: Env, *, allow_busy: bool) -> None:
        self._devices = {
            int(number) for name in backend.lock_names() for number in re.findall(r"\d+", name)
        }
        self._env = env
        self._stop = threading.Event()
        self._seen: dict[int, ForeignUse] = {}
        self.checked = False
        self._poller = None if allow_busy else Poller(
            env.settings,
            env.clock,
            interval_s=_LOOK_INTERVAL_S,
            probes=[discovery.load("devices", "npu")],
        )  # fmt: skip
        self._thread = threading.Thread(target=self._watch, name="neighbours", daemon=True)

    def __enter__(self) -> NpuNeighbours:
        if self._poller is not None:
            self._poller.start()
            self._poller.wait_first(self._env.cancel, _FIRST_LOOK_S)
            self._look(before=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._poller is not None:
            self._poller.stop()
            self._thread.join(timeout=_FIRST_LOOK_S)

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_INTERVAL_S):
            self._look(before=False)

    def _look(self, *, before: bool) -> None:
        assert self._poller is not None
        snapshot = self._poller.latest()
        ours = self._keys_of_ours(snapshot)
        self.checked = self.checked or bool(ours)
        own = _own_pids()
        for entry in snapshot.processes:
            if (entry.npu, entry.chip) not in ours or entry.pid is None or entry.pid in own:
                continue
            if before or _is_here(entry.pid):
                self._seen[entry.pid] = ForeignUse(entry.pid, entry.name or "a process")

    def _keys_of_ours(self, snapshot: DeviceSnapshot) -> set[tuple[int, int]]:
        """The chips of the devices that are measured."""
        return {chip.key for chip in snapshot.chips if chip.device in self._devices}

    def wait_idle(self, most_s: float) -> Generator[Event, None, None]:
        """Wait until nobody else uses the devices, at most `most_s` seconds; then go on anyway."""
        until_s = self._env.clock.monotonic_s() + most_s
        while self._seen and self._env.clock.monotonic_s() < until_s:
            other = next(iter(self._seen.values()))
            yield LogLine(f"waiting for idle devices: {other}")
            if self._env.cancel.wait(_LOOK_INTERVAL_S):
                return
            self._seen.clear()
            self._look(before=True)

    def conditions(self, random_throughput: float | None) -> Conditions:
        """What the looks found."""
        return Conditions(
            foreign=tuple(self._seen.values()),
            exclusive_checked=self.checked,
            random_throughput=random_throughput,
        )


def _is_here(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)
