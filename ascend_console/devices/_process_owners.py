"""Whose a process on a chip is: user, command and processor share, where it is seen from here.

A container sees its own process ids, npu-smi may tell those of the host: a process counts as the
same only if its name agrees, which npu-smi cuts after 13 to 15 characters.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psutil

    from ascend_console.core.devices import ChipProcess

_SHORTEST_CUT = 13
_LONGEST_COMMAND = 400


def is_same_name(told: str | None, seen: str) -> bool:
    """Whether npu-smi's name can be that of a process seen here."""
    if not told:
        return False
    return told == seen or (len(told) >= _SHORTEST_CUT and seen.startswith(told))


class ProcessOwners:
    """Looks processes up; a share is that since the look before, unknown at the first one."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def told(self, processes: Iterable[ChipProcess]) -> tuple[ChipProcess, ...]:
        """The processes with what this machine knows of them."""
        before, self._known = self._known, {}
        return tuple(self._with_owner(process, before) for process in processes)

    def _with_owner(self, process: ChipProcess, before: dict[int, psutil.Process]) -> ChipProcess:
        import psutil

        if process.pid is None:
            return process
        try:
            known = before.get(process.pid)
            # A pid is given again; psutil compares the start times.
            found = known if known is not None and known.is_running() else None
            seen = found or psutil.Process(process.pid)
            if not is_same_name(process.name, seen.name()):
                return process
            share = seen.cpu_percent()
            command = " ".join(seen.cmdline())[:_LONGEST_COMMAND]
            self._known[process.pid] = seen
            return replace(
                process,
                user=seen.username(),
                command=command or None,
                cpu_pct=None if found is None else share,
            )
        except (psutil.Error, OSError, ValueError):
            return process
