"""`npu-smi info`: the table of chips and processes, in every layout from 20.x to 26.x and of 950.

Columns are never counted in characters: a row is split at its bars, a cell at its blanks and
slashes, and the two header rows say what the numbers are. A row that does not fit its header is
an error, so that no number is taken for another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ascend_console.ascend.npu_smi_errors import find_npu_smi_failure
from ascend_console.ascend.npu_smi_text import (
    decimal,
    identity,
    is_unknown,
    lines_of,
    tokens_of,
    unreadable,
    whole,
)

_VERSION = re.compile(r"npu-smi\s+(\S+)")
_DRIVER = re.compile(r"\bVersion\s*:\s*(\S+)")
_IDLE = re.compile(r"No running processes found in NPU\s+(\S+)")
_BUS_ID = re.compile(r"[0-9A-Fx]{2,8}:[0-9A-Fx]{2}:[0-9A-Fx]{2}\.[0-9A-Fx]{1,4}", re.IGNORECASE)
_RULE = frozenset("+|=- ")
_HEALTH = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")

_FIGURES = "power(w)temp(c)"
_HUGEPAGES = "hugepages-usage(page)"
_MEMORY = "memory-usage(mb)"
_HBM = "hbm-usage(mb)"
_PROCESS_HEADER = ("processid", "processname", "processmemory(mb)")
_NUMBERS_AFTER_CHIP = {"chip": 0, "chipdevice": 1, "chipphy-id": 1}


@dataclass(frozen=True, slots=True)
class NpuChip:
    """One chip. `device` is the Device or Phy-ID column, None in tables that have neither.

    On a 950, which has no chip number, `chip` is 0 and `aicore_pct` is its NPU Util. Memory that
    a 910B family prints as 0 / 0 stays so: only HBM counts there.
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


@dataclass(frozen=True, slots=True)
class NpuProcess:
    """One process on one chip. Names are cut by the kernel, and None in some containers."""

    npu: int
    chip: int
    pid: int | None
    name: str | None
    memory_mb: int | None


@dataclass(frozen=True, slots=True)
class NpuSmiReport:
    """A table. `process_npus` are the NPUs that its process table speaks of, idle ones too."""

    version: str | None
    driver_version: str | None
    chips: tuple[NpuChip, ...]
    processes: tuple[NpuProcess, ...]
    process_npus: tuple[int, ...] = ()

    def lists_processes_of(self, npu: int) -> bool:
        """False where nothing can be said: no process table, or one that leaves this NPU out."""
        return npu in self.process_npus


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the two header rows say of the rows below them."""

    cells: int
    hugepages: bool
    numbers_after_chip: int
    hbm: bool


@dataclass(frozen=True, slots=True)
class _FirstRow:
    """The upper row of a chip, until its lower row comes."""

    npu: int
    name: str | None
    health: str | None
    power_w: float | None
    temp_c: float | None
    hugepages: tuple[int | None, int | None]


_Pair = tuple[int | None, int | None]


def _take_pair(tokens: list[str]) -> _Pair:
    """The front `used / total`; one unknown word may stand for both."""
    if tokens[1:2] == ["/"] and len(tokens) > 2:
        used, _, total = tokens[:3]
        del tokens[:3]
        return whole(used), whole(total)
    if tokens and is_unknown(tokens[0]):
        del tokens[0]
        return None, None
    raise unreadable("no pair `used / total`", " ".join(tokens))


def _words(cell: str) -> str | None:
    """Text of a cell; None where it is blank or says that it is not known."""
    text = " ".join(cell.split())
    return None if text in {"", "NA", "N/A", "-"} else text


def _first_row(cells: list[str], layout: _Layout) -> _FirstRow:
    head, health, figures = cells[:-2], cells[-2], tokens_of(cells[-1])
    if len(head) == 1:
        head = head[0].split(maxsplit=1)
    if len(figures) < 2 or not 1 <= len(head) <= 2:
        raise unreadable("a row does not fit its header", " | ".join(cells))
    if not _HEALTH.fullmatch(health) and not is_unknown(health):
        raise unreadable("no word for health", health)
    power_w, temp_c = decimal(figures.pop(0)), decimal(figures.pop(0))
    hugepages = _take_pair(figures) if figures and layout.hugepages else (None, None)
    if figures:
        raise unreadable("a row has more numbers than its header", " | ".join(cells))
    name = _words(head[1]) if len(head) == 2 else None
    return _FirstRow(identity(head[0]), name, _words(health), power_w, temp_c, hugepages)


def _chip_and_device(cells: list[str], layout: _Layout) -> tuple[int, int | None]:
    if layout.cells == 4:
        if any(cells[:2]):
            raise unreadable("a second row begins with text", " | ".join(cells))
        return 0, None
    numbers = cells[0].split()
    if len(numbers) != 1 + layout.numbers_after_chip:
        raise unreadable("a row does not fit its header", " | ".join(cells))
    return identity(numbers[0]), whole(numbers[1]) if layout.numbers_after_chip else None


def _chip(first: _FirstRow, cells: list[str], layout: _Layout) -> NpuChip:
    """The chip of an upper row and the lower row that follows it."""
    chip, device = _chip_and_device(cells, layout)
    bus_id, figures = cells[-2], tokens_of(cells[-1])
    if not figures or not (_BUS_ID.fullmatch(bus_id) or not bus_id or is_unknown(bus_id)):
        raise unreadable("a row does not fit its header", " | ".join(cells))
    aicore_pct = whole(figures.pop(0))
    memory = _take_pair(figures)
    hbm = _take_pair(figures) if layout.hbm else (None, None)
    if figures:
        raise unreadable("a row has more numbers than its header", " | ".join(cells))
    return NpuChip(
        npu=first.npu,
        chip=chip,
        device=device,
        name=first.name,
        health=first.health,
        power_w=first.power_w,
        temp_c=first.temp_c,
        bus_id=_words(bus_id),
        aicore_pct=aicore_pct,
        memory_used_mb=memory[0],
        memory_total_mb=memory[1],
        hbm_used_mb=hbm[0],
        hbm_total_mb=hbm[1],
        hugepages_used=first.hugepages[0],
        hugepages_total=first.hugepages[1],
    )


def _upper_header(keys: list[str]) -> tuple[int, bool] | None:
    """Number of cells and whether hugepages follow, if this is the upper header row."""
    if keys[:-1] not in (["npuname", "health"], ["npuid", "name", "health"]):
        return None
    if keys[-1] not in (_FIGURES, _FIGURES + _HUGEPAGES):
        return None
    return len(keys), keys[-1].endswith(_HUGEPAGES)


def _lower_header(keys: list[str], upper: tuple[int, bool]) -> _Layout | None:
    """The layout, if this is the lower header row that belongs to `upper`."""
    if upper[0] == 4:
        ids, use = keys[:-2] == ["", ""], "npuutil(%)"
        after_chip = 0
    else:
        ids, use = len(keys) == 3 and keys[0] in _NUMBERS_AFTER_CHIP, "aicore(%)"
        after_chip = _NUMBERS_AFTER_CHIP.get(keys[0], 0)
    figures = (use + _MEMORY, use + _MEMORY + _HBM)
    if not ids or keys[-2] != "bus-id" or keys[-1] not in figures:
        return None
    return _Layout(upper[0], upper[1], after_chip, keys[-1].endswith(_HBM))


@dataclass(slots=True)
class _Reader:
    """Collects a report row by row."""

    version: str | None = None
    driver_version: str | None = None
    upper: tuple[int, bool] | None = None
    layout: _Layout | None = None
    first: _FirstRow | None = None
    process_header: list[str] | None = None
    chips: dict[tuple[int, int], NpuChip] = field(default_factory=dict)
    processes: list[NpuProcess] = field(default_factory=list)
    process_npus: dict[int, None] = field(default_factory=dict)

    @property
    def inside(self) -> bool:
        """Whether the table has begun; bars before it are somebody else's."""
        return self.version is not None or self.upper is not None

    def line(self, line: str) -> None:
        """Take one line; lines without a bar at either end are foreign."""
        if _RULE.issuperset(line) and line.count("-") + line.count("=") >= 3:
            self._close()
            return
        if not line.startswith("|") and not line.endswith("|"):
            return
        if not (line.startswith("|") and line.endswith("|") and len(line) > 1):
            if self.inside:
                raise unreadable("a row is cut", line)
            return
        cells = [cell.strip() for cell in line[1:-1].split("|")]
        if any(cells):
            self._cells(cells)

    def _cells(self, cells: list[str]) -> None:
        if len(cells) == 1:
            self._single(cells[0])
        elif not self._header(["".join(cell.split()).casefold() for cell in cells]):
            self._row(cells)

    def _single(self, cell: str) -> None:
        """The version line, or a sentence."""
        if version := _VERSION.match(cell):
            driver = _DRIVER.search(cell)
            self.version = version[1]
            self.driver_version = driver[1] if driver else None
        elif idle := _IDLE.match(cell):
            self.process_npus[identity(idle[1])] = None
        elif self.inside and cell[:1].isdigit():
            raise unreadable("a row has lost its bars", cell)

    def _header(self, keys: list[str]) -> bool:
        """Take a header row; False if this is none."""
        if upper := _upper_header(keys):
            self._close()
            self.upper, self.layout, self.process_header = upper, None, None
        elif self.upper and not self.layout and (layout := _lower_header(keys, self.upper)):
            self.layout = layout
        elif tuple(keys[1:4]) == _PROCESS_HEADER and keys[0] in {"npuchip", "npuid"}:
            self._close()
            self.process_header = keys
        else:
            return False
        return True

    def _row(self, cells: list[str]) -> None:
        if self.process_header:
            self._process(cells, self.process_header)
        elif self.layout:
            self._chip_row(cells, self.layout)
        elif self.inside:
            raise unreadable("the header of the table is not known", " | ".join(cells))

    def _chip_row(self, cells: list[str], layout: _Layout) -> None:
        if len(cells) != layout.cells:
            raise unreadable("a row does not fit its header", " | ".join(cells))
        if self.first is None:
            self.first = _first_row(cells, layout)
            return
        chip = _chip(self.first, cells, layout)
        if (chip.npu, chip.chip) in self.chips:
            raise unreadable(f"chip {chip.chip} of NPU {chip.npu} stands in it twice")
        self.chips[chip.npu, chip.chip] = chip
        self.first = None

    def _process(self, cells: list[str], header: list[str]) -> None:
        """A row of the process table; bars between its outer cells belong to the name."""
        after_name = len(header) - 3
        ids = cells[0].split()
        if len(cells) < len(header) or len(ids) != (2 if header[0] == "npuchip" else 1):
            raise unreadable("a row does not fit its header", " | ".join(cells))
        npu, chip = identity(ids[0]), identity(ids[1]) if len(ids) == 2 else 0
        name = _words("|".join(cells[2:-after_name]))
        self.process_npus[npu] = None
        self.processes.append(
            NpuProcess(npu, chip, whole(cells[1]), name, whole(cells[-after_name]))
        )

    def _close(self) -> None:
        """A rule, a header or the end came: no chip may be half read."""
        if self.first is not None:
            raise unreadable(f"the second row of NPU {self.first.npu} is missing")

    def report(self) -> NpuSmiReport:
        """The whole table; UserError if it ends in the middle."""
        self._close()
        if not self.chips:
            raise unreadable("a table without chips" if self.inside else "no table")
        return NpuSmiReport(
            self.version,
            self.driver_version,
            tuple(self.chips.values()),
            tuple(self.processes),
            tuple(self.process_npus),
        )


def parse_npu_smi(text: str) -> NpuSmiReport:
    """The report of an `npu-smi info` text, whatever stands around its table.

    UserError `npu_smi.unreadable` if there is no whole table, `npu_smi.failed` if npu-smi itself
    says why there is none.
    """
    reader = _Reader()
    for line in lines_of(text):
        reader.line(line)
    if not reader.inside and (failure := find_npu_smi_failure(text)):
        raise failure.error()
    return reader.report()
