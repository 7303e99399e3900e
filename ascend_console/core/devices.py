"""The state of devices at one moment, and the probes that tell it.

A snapshot is frozen: what a probe said last, how old that is, and what hinders it now. Memory is in
MB as npu-smi counts it (1,048,576 bytes), shares are 0-100, unknown is None.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ascend_console.core.events import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ascend_console.core.errors import ConsoleError
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Cancel

STALE_INTERVALS = 3
"""After so many intervals without an answer what a source said is called stale (tui.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One NPU chip, with the keys of design.md section 2.

    `device` is the number that inference tools take as `--device`; `npu` and `chip` are what
    npu-smi prints.
    """

    npu: int
    chip: int
    device: int | None
    name: str | None
    health: str | None
    power_w: float | None
    temp_c: float | None
    bus_id: str | None
    aicore_pct: int | None
    memory_used_mb: int | None
    memory_total_mb: int | None
    hbm_used_mb: int | None
    hbm_total_mb: int | None
    hugepages_used: int | None
    hugepages_total: int | None

    @property
    def key(self) -> tuple[int, int]:
        """What tells chips apart as long as the machine runs."""
        return self.npu, self.chip

    @property
    def label(self) -> str:
        """`npu:0` where the number for `--device` is known, else `npu 4.0`, card and chip."""
        return f"npu {self.npu}.{self.chip}" if self.device is None else f"npu:{self.device}"

    @property
    def memory_mb(self) -> tuple[int | None, int | None]:
        """Used and total of the memory that counts: HBM where the chip has any, else its DDR."""
        if self.hbm_total_mb:
            return self.hbm_used_mb, self.hbm_total_mb
        return self.memory_used_mb, self.memory_total_mb


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipProcess:
    """One process on one chip; `user`, `command` and `cpu_pct` (of a core) where it is seen here.

    In a container the process id may be that of another world: then they are None.
    """

    npu: int
    chip: int
    pid: int | None
    name: str | None
    memory_mb: int | None
    user: str | None = None
    command: str | None = None
    cpu_pct: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU, with the keys of design.md section 2."""

    index: int
    name: str | None
    util_pct: int | None
    memory_used_mb: int | None
    memory_total_mb: int | None
    power_w: float | None
    temp_c: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine itself; `cpu_pct` is of all cores together."""

    cpu_pct: float | None
    memory_used_mb: int | None
    memory_total_mb: int | None
    load_1m: float | None
    cores: int | None
    machine: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReading:
    """What one probe saw in one look. `version` is that of the tool or library which told it."""

    version: str | None = None
    driver_version: str | None = None
    chips: tuple[Chip, ...] = ()
    processes: tuple[ChipProcess, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    host: Host | None = None


class Sampler(Protocol):
    """An opened probe; it may keep what the next look needs."""

    def __call__(self, cancel: Cancel) -> ProbeReading:
        """Look once. ConsoleError where the source does not answer, Interrupted on `cancel`."""

    def close(self) -> None:
        """Free what was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A family of devices: the ENTRY of a file in `devices/`.

    `source` is what tells of it, such as `npu-smi`; `interval_s` its own pace. `open` gives None
    where this machine has no such thing and nobody misses it, and raises ConsoleError where the
    source is not there.
    """

    name: str
    summary: str
    source: str
    interval_s: float
    open: Callable[[Settings], Sampler | None]
    order: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a source tells nothing now; front ends translate by `id` and `args`."""

    id: str
    message: str
    hint: str
    args: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: ConsoleError) -> Trouble:
        """The trouble that an error tells of."""
        return cls(id=error.id, message=error.message, hint=error.hint, args=dict(error.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """One source at one moment.

    `age_s` is the age of what it said last, None where it never said anything; `took_s` how long
    that look took; `interval_s` its pace. `trouble` is that of its last look.
    """

    source: str
    version: str | None
    driver_version: str | None
    age_s: float | None
    interval_s: float
    took_s: float | None
    trouble: Trouble | None

    @property
    def is_stale(self) -> bool:
        """Whether what it said is older than three of its intervals."""
        return self.age_s is not None and self.age_s > STALE_INTERVALS * self.interval_s

    def document(self) -> dict[str, Any]:
        """The external form: `error` is English, `error_id` and `error_args` are for front ends."""
        trouble = self.trouble
        return {
            "source": self.source,
            "version": self.version,
            "driver_version": self.driver_version,
            "age_s": _rounded(self.age_s),
            "interval_s": self.interval_s,
            "took_s": _rounded(self.took_s),
            "error": trouble and trouble.message,
            "error_id": trouble and trouble.id,
            "error_args": trouble and dict(trouble.args),
            "hint": trouble and trouble.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingCost:
    """CPU seconds that polling took, its tools included, in `wall_s` seconds.

    `cpu_s` is None where the system does not tell.
    """

    cpu_s: float | None
    wall_s: float

    @property
    def core_pct(self) -> float | None:
        """Percent of one core; None in the first instant."""
        return None if self.cpu_s is None or self.wall_s <= 0 else 100 * self.cpu_s / self.wall_s

    def document(self) -> dict[str, Any]:
        """The external form."""
        return {
            "cpu_s": _rounded(self.cpu_s),
            "wall_s": _rounded(self.wall_s),
            "core_pct": _rounded(self.core_pct),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSnapshot:
    """All devices at one moment. `lost` are chips that were seen before and are listed no more."""

    taken_at: str
    chips: tuple[Chip, ...]
    processes: tuple[ChipProcess, ...]
    gpus: tuple[Gpu, ...]
    host: Host | None
    sources: tuple[SourceState, ...]
    lost: tuple[Chip, ...]
    polling: PollingCost

    @property
    def is_empty(self) -> bool:
        """Whether no source tells anything at all."""
        return not self.chips and not self.gpus and self.host is None

    def document(self) -> dict[str, Any]:
        """The external form of design.md section 2."""
        return {
            "schema": SCHEMA,
            "taken_at": self.taken_at,
            "chips": [asdict(chip) for chip in self.chips],
            "processes": [asdict(process) for process in self.processes],
            "gpus": [asdict(gpu) for gpu in self.gpus],
            "host": self.host and asdict(self.host),
            "sources": [source.document() for source in self.sources],
            "lost": [
                {"npu": chip.npu, "chip": chip.chip, "device": chip.device, "name": chip.name}
                for chip in self.lost
            ],
            "polling": self.polling.document(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeState:
    """What is known of one probe: its last reading, when it came, and what hinders it since.

    `seen` are all chips that it ever listed. `absent`: this machine has no such devices.
    """

    probe: Probe
    interval_s: float
    reading: ProbeReading | None = None
    read_at_s: float = 0.0
    took_s: float | None = None
    trouble: Trouble | None = None
    absent: bool = False
    seen: Mapping[tuple[int, int], Chip] = field(default_factory=dict)

    def source(self, now_s: float) -> SourceState:
        """The state of its source at `now_s` on the clock of `read_at_s`."""
        reading = self.reading
        return SourceState(
            source=self.probe.source,
            version=None if reading is None else reading.version,
            driver_version=None if reading is None else reading.driver_version,
            age_s=None if reading is None else max(0.0, now_s - self.read_at_s),
            interval_s=self.interval_s,
            took_s=self.took_s,
            trouble=self.trouble,
        )

    def is_outdated(self, now_s: float, max_age_s: float | None) -> bool:
        """Whether the reading is older than `max_age_s` and than three intervals; None: never."""
        if max_age_s is None:
            return False
        return now_s - self.read_at_s > max(max_age_s, STALE_INTERVALS * self.interval_s)

    @property
    def lost(self) -> tuple[Chip, ...]:
        """Chips that an earlier reading listed and the last one does not."""
        listed = {chip.key for chip in self.reading.chips} if self.reading else set()
        return tuple(chip for key, chip in self.seen.items() if key not in listed)


def snapshot_of(
    states: Iterable[ProbeState],
    *,
    now_s: float,
    taken_at: str,
    polling: PollingCost,
    max_age_s: float | None = None,
) -> DeviceSnapshot:
    """The snapshot of what all probes said last.

    `max_age_s` leaves out what is older, though never younger than three intervals of its probe;
    the sources stay, with their age.
    """
    known = [state for state in states if not state.absent]
    readings = [
        state.reading
        for state in known
        if state.reading is not None and not state.is_outdated(now_s, max_age_s)
    ]
    return DeviceSnapshot(
        taken_at=taken_at,
        chips=tuple(chip for reading in readings for chip in reading.chips),
        processes=tuple(process for reading in readings for process in reading.processes),
        gpus=tuple(gpu for reading in readings for gpu in reading.gpus),
        host=next((reading.host for reading in readings if reading.host is not None), None),
        sources=tuple(state.source(now_s) for state in known),
        lost=tuple(chip for state in known for chip in state.lost),
        polling=polling,
    )
