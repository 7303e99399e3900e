"""The other answers of npu-smi: `info -l`, `-m`, `-t TYPE`, `watch` and `-v`.

Key-value lines are `key : value`, with a blank before the colon. Lines that name a chip open its
section in some types (`common`, `board`) and close it in others (`usages`, `temp`, `health`, …);
within one text they all do the same, so the first line after the card's own says which. A section
of the card's controller (MCU) stays apart from the chips.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ascend_console.ascend.npu_smi_errors import find_npu_smi_failure
from ascend_console.ascend.npu_smi_text import (
    decimal,
    identity,
    is_unknown,
    lines_of,
    unreadable,
    whole,
)

if TYPE_CHECKING:
    from ascend_console.core.errors import UserError

_PROCESS = re.compile(r"Process id\s*:\s*(\S+)\s+Process name\s*:(.*?)Process memory\(MB\)\s*:(.*)")
_NO_PROCESS = re.compile(r"No process in device", re.IGNORECASE)
_VERSION = re.compile(r"npu-smi version[ \t]*:[ \t]*(\S+)")
_MAPPING = re.compile(r"NPU ID|Slot ID|Chip ID|Chip Logic ID|Chip Phy-ID|Chip Name")
_WATCHED = re.compile(r"[A-Za-z][A-Za-z ]{0,30}\([^()]{1,10}\)")
_WATCHED_ID = re.compile(r"([0-9]{1,15})(?:\([0-9]{1,15}\))?")

# Keys are printed 30 wide; quotes lose the indentation, and a blank at times.
_KEY_WIDTH = 28

_AICORE = ("aicoreusagerate(%)",)
_MEMORY = ("memoryusagerate(%)", "ddrusagerate(%)")
_HBM = ("hbmusagerate(%)",)
_TEMPERATURE = ("temperature(c)", "nputemperature(c)")
_POWER = ("npureal-timepower(w)", "powerdissipation(w)")


def _plain(key: str) -> str:
    """A key without blanks and case: `Temperature (C)` and `Temperature(C)` are the same."""
    return "".join(key.split()).casefold()


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One line of `-t proc-mem`."""

    pid: int | None
    name: str | None
    memory_mb: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """Keys and values of one chip, of the MCU, or of the card where `chip` is None.

    Values are text as printed; None where npu-smi says that it does not know.
    """

    npu: int | None
    chip: int | None
    mcu: bool
    values: tuple[tuple[str, str | None], ...]
    processes: tuple[ProcessMemory, ...] = ()

    def text(self, *keys: str) -> str | None:
        """The value of the first of these keys that is there; UserError if it is there twice."""
        for wanted in map(_plain, keys):
            found = [value for key, value in self.values if _plain(key) == wanted]
            if len(found) > 1:
                raise unreadable(f"{wanted!r} stands twice in one section")
            if found:
                return found[0]
        return None

    def number(self, *keys: str) -> float | None:
        """The same as a number."""
        text = self.text(*keys)
        return None if text is None else decimal(text)


@dataclass(frozen=True, slots=True)
class ChipUsage:
    """What `-t common`, `usages`, `temp` and `power` say of one chip; shares are 0-100."""

    npu: int | None
    chip: int | None
    aicore_pct: float | None
    memory_pct: float | None
    hbm_pct: float | None
    temp_c: float | None
    power_w: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """One entry of `info -l`."""

    npu: int
    product_name: str | None
    serial_number: str | None
    chip_count: int | None


@dataclass(frozen=True, slots=True)
class ChipMapping:
    """One row of `info -m`. `logic_id` is what inference tools take as their device."""

    npu: int
    chip: int | None
    logic_id: int | None
    phy_id: int | None
    slot_id: int | None
    name: str | None

    @property
    def mcu(self) -> bool:
        """Whether this is the controller of the card, on which nothing runs."""
        return (self.name or "").casefold() == "mcu"


@dataclass(frozen=True, slots=True)
class WatchRow:
    """One row of `info watch`: values by the header's own words."""

    npu: int
    chip: int | None
    values: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a key-value text: a key with its value, or one process."""

    key: str
    value: str | None
    process: ProcessMemory | None = None

    @property
    def mcu(self) -> bool:
        return _plain(self.key) == "chipname" and (self.value or "").casefold() == "mcu"

    @property
    def chip(self) -> bool:
        return _plain(self.key) == "chipid"


def _value(text: str | None) -> str | None:
    text = (text or "").strip()
    return None if not text or is_unknown(text) else text


def _process_line(line: str) -> _Line | None:
    if found := _PROCESS.match(line):
        pid, memory_mb = whole(found[1]), whole(found[3].strip())
        return _Line("process", None, ProcessMemory(pid, _value(found[2]), memory_mb))
    return _Line("process", None) if _NO_PROCESS.match(line) else None


def _lines(text: str) -> list[_Line]:
    """The key-value lines of a text; foreign ones are left out, continued ones joined.

    None at all unless one has the width of npu-smi's keys or names an NPU.
    """
    found: list[_Line] = []
    sure = False
    for line in lines_of(text):
        key, colon, value = line.partition(":")
        if entry := _process_line(line):
            found.append(entry)
            sure = True
        elif not colon or value[:1].strip():
            continue
        elif key[:1].isalpha() and key[-1:].isspace():
            found.append(_Line(key.strip(), _value(value)))
            sure = sure or len(key) > _KEY_WIDTH or key.split() == ["NPU", "ID"]
        elif not key and found and value.strip():
            joined = "\n".join(filter(None, (found[-1].value, value.strip())))
            found[-1] = _Line(found[-1].key, joined, found[-1].process)
    return found if sure else []


@dataclass(slots=True)
class _CardReader:
    """Cuts the lines of one card into sections."""

    npu: int | None
    lines: list[_Line]
    held: list[_Line] = field(default_factory=list)
    name: _Line | None = None
    sections: list[Section] = field(default_factory=list)

    def read(self) -> list[Section]:
        """Its sections, in the order of the text."""
        counted = bool(self.lines) and _plain(self.lines[0].key) == "chipcount"
        content = self.lines[1:] if counted else self.lines
        opens = bool(content) and (content[0].chip or content[0].mcu)
        for entry in content:
            if not (entry.chip or entry.mcu):
                self.held.append(entry)
            elif opens or (entry.mcu and not self.held):
                self._finish()
                self.name = entry
            else:
                if self.name is not None:
                    raise unreadable("a section is named at both its ends", entry.value or "")
                self.name = entry
                self._finish()
        self._finish()
        return self.sections

    def _finish(self) -> None:
        if self.name is None and not self.held:
            return
        if self.name is not None and self.name.mcu and not self.held:
            raise unreadable("nothing is said of the MCU")
        mcu = self.name is not None and self.name.mcu
        chip = None if self.name is None or mcu else identity(self.name.value or "")
        values = tuple((entry.key, entry.value) for entry in self.held if entry.key != "process")
        processes = tuple(entry.process for entry in self.held if entry.process is not None)
        self.sections.append(Section(self.npu, chip, mcu, values, processes))
        self.held, self.name = [], None


def _cards(lines: list[_Line]) -> list[tuple[int | None, list[_Line]]]:
    """The lines of each card; what stands before the first `NPU ID` belongs to none."""
    cards: list[tuple[int | None, list[_Line]]] = [(None, [])]
    for entry in lines:
        if _plain(entry.key) == "npuid":
            cards.append((identity(entry.value or ""), []))
        else:
            cards[-1][1].append(entry)
    return cards if cards[0][1] else cards[1:]


def _unanswered(text: str, wanted: str) -> UserError:
    """The error of a text without what was asked for; npu-smi's own reason where it gives one."""
    failure = find_npu_smi_failure(text)
    return failure.error() if failure else unreadable(f"no {wanted}")


def parse_npu_smi_sections(text: str) -> tuple[Section, ...]:
    """The sections of any `info -t TYPE` text, also of several NPUs one after the other."""
    found: list[Section] = []
    for npu, lines in _cards(_lines(text)):
        found += _CardReader(npu, lines).read()
    if not found:
        raise _unanswered(text, "key-value lines of `npu-smi info -t`")
    return tuple(found)


def parse_npu_smi_usages(text: str) -> tuple[ChipUsage, ...]:
    """The chips of a `-t common`, `usages`, `temp` or `power` text; what it leaves out is None."""
    return tuple(
        ChipUsage(
            section.npu,
            section.chip,
            section.number(*_AICORE),
            section.number(*_MEMORY),
            section.number(*_HBM),
            section.number(*_TEMPERATURE),
            section.number(*_POWER),
        )
        for section in parse_npu_smi_sections(text)
        if not section.mcu
    )


def _keyed(lines: list[_Line], *keys: str) -> str | None:
    found = [entry.value for entry in lines if _plain(entry.key) in keys]
    if len(found) > 1:
        raise unreadable(f"{keys[0]!r} stands twice in one entry")
    return found[0] if found else None


def parse_npu_smi_list(text: str) -> tuple[Card, ...]:
    """The cards of `info -l`; UserError if there are fewer or more than it counts."""
    entries = _cards(_lines(text))
    head = [lines for npu, lines in entries if npu is None]
    counted = _keyed(head[0], "totalcount", "cardcount") if head else None
    if counted is None:
        raise _unanswered(text, "list of `npu-smi info -l`")
    cards = []
    for npu, lines in entries:
        if npu is not None:
            chips = _keyed(lines, "chipcount")
            name, serial = _keyed(lines, "productname"), _keyed(lines, "serialnumber")
            cards.append(Card(npu, name, serial, None if chips is None else whole(chips)))
    if whole(counted) != len(cards):
        raise unreadable(f"it counts {counted} NPUs and lists {len(cards)}")
    return tuple(cards)


def _mapped(columns: list[str], line: str) -> ChipMapping:
    cells = line.split(maxsplit=len(columns) - 1)
    if len(cells) != len(columns):
        raise unreadable("a row does not fit its header", line)
    row = dict(zip(columns, cells, strict=True))
    name = _value(row.pop("Chip Name"))
    numbers = {column: whole(cell) for column, cell in row.items()}
    return ChipMapping(
        identity(row["NPU ID"]),
        numbers.get("Chip ID"),
        numbers.get("Chip Logic ID"),
        numbers.get("Chip Phy-ID"),
        numbers.get("Slot ID"),
        name,
    )


def parse_npu_smi_mapping(text: str) -> tuple[ChipMapping, ...]:
    """The rows of `info -m`, controllers of cards too; columns by the words of its header."""
    columns: list[str] = []
    found: dict[tuple[int, int | None], ChipMapping] = {}
    for line in lines_of(text):
        named = _MAPPING.findall(line)
        if named[:1] == ["NPU ID"] and named[-1] == "Chip Name":
            columns = named
        elif columns and line[:1].isdigit():
            row = _mapped(columns, line)
            if (row.npu, row.chip) in found:
                raise unreadable("a chip stands in it twice", line)
            found[row.npu, row.chip] = row
    if not found:
        raise _unanswered(text, "table of `npu-smi info -m`")
    return tuple(found.values())


def _watched(columns: list[str], line: str) -> WatchRow:
    cells = line.split()
    if len(cells) != len(columns):
        raise unreadable("a row does not fit its header", line)
    ids: dict[str, int] = {}
    values = []
    for column, cell in zip(columns, cells, strict=True):
        if column.endswith("(Idx)"):
            number = _WATCHED_ID.fullmatch(cell)
            ids[column] = identity(number[1] if number else cell)
        else:
            values.append((column, decimal(cell)))
    return WatchRow(ids["NpuID(Idx)"], ids.get("ChipId(Idx)"), tuple(values))


def parse_npu_smi_watch(text: str) -> tuple[WatchRow, ...]:
    """The rows of `info watch`; its header comes again and again and may change between."""
    columns: list[str] = []
    rows = []
    for line in lines_of(text):
        if line.startswith("NpuID(Idx)"):
            columns = _WATCHED.findall(line)
        elif columns and line[:1].isdigit():
            rows.append(_watched(columns, line))
    if not rows:
        raise _unanswered(text, "rows of `npu-smi info watch`")
    return tuple(rows)


def parse_npu_smi_version(text: str) -> str:
    """The version that `npu-smi -v` prints."""
    found = _VERSION.search(text)
    if not found:
        raise _unanswered(text, "version line of `npu-smi -v`")
    return found[1]
