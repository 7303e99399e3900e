"""Tables as npu-smi prints them, rendered from a report: each layout, and how copies spoil it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from ascend_console.ascend.npu_smi import NpuChip, NpuProcess, NpuSmiReport


@dataclass(frozen=True)
class Layout:
    """Widths of the three cells and what the tool prints in them."""

    name: str
    widths: tuple[int, int, int]
    second: str  # what follows the chip number: "Device", "Phy-ID" or nothing
    hugepages: bool
    hbm: bool
    npu_id_cell: bool = False
    container_pid: bool = False
    process_table: bool = True


LAYOUTS = (
    Layout("310-before-21.0.4", (19, 17, 40), "Device", False, False, process_table=False),
    Layout("310-from-21.0.4", (19, 17, 62), "Device", True, False, process_table=False),
    Layout("310P-22.0", (19, 17, 54), "Device", True, False),
    Layout("310P-23-to-25", (31, 17, 54), "Device", True, False),
    Layout("910-before-21.0.4", (22, 15, 45), "", False, True, process_table=False),
    Layout("910-22.0", (22, 15, 52), "", True, True),
    Layout("910B", (27, 15, 52), "", True, True),
    Layout("910_93", (27, 15, 52), "Phy-ID", True, True),
    Layout("26.x", (33, 17, 62), "Phy-ID", True, True, container_pid=True),
    Layout("950", (27, 15, 53), "", True, True, npu_id_cell=True),
    Layout("950-wide", (33, 17, 62), "", True, True, npu_id_cell=True, container_pid=True),
)
_UNKNOWN = ("NA", "-", "N/A")
_NAMES = ("310", "310P3", "310B4", "910A", "910B2C", "910B4-1", "Ascend910", "xxx")
_HEALTH = ("OK", "Warning", "Alarm", "Critical", "UNKNOWN")
_FOREIGN = (
    "",
    "grep: warning: GREP_OPTIONS is deprecated; please use an alias or script",
    "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)",
    "[WARNING]The driver package may not be completely installed, please check.",
    "```",
    "root@server:~# npu-smi info",
    "Fri Nov 20 10:15:00 UTC 2026",
    "见下表：",
)

_numbers = st.integers(0, 131072)
_maybe_number = st.none() | _numbers


@st.composite
def pairs(draw) -> tuple[int | None, int | None]:
    return draw(_maybe_number), draw(_maybe_number)


@st.composite
def chips(draw, layout: Layout, npu: int, chip: int) -> NpuChip:
    bus = draw(st.none() | st.integers(0, 255).map(lambda bus: f"0000:{bus:02X}:00.0"))
    hbm = draw(pairs()) if layout.hbm else (None, None)
    hugepages = draw(pairs()) if layout.hugepages else (None, None)
    power_w = draw(st.none() | st.integers(0, 9999).map(lambda tenths: tenths / 10))
    memory = draw(pairs())
    return NpuChip(
        npu=npu,
        chip=chip,
        device=draw(_maybe_number) if layout.second else None,
        name=draw(st.sampled_from(_NAMES)),
        health=draw(st.sampled_from(_HEALTH)),
        power_w=power_w,
        temp_c=draw(st.none() | st.integers(-20, 120).map(float)),
        bus_id=bus,
        aicore_pct=draw(st.none() | st.integers(0, 100)),
        memory_used_mb=memory[0],
        memory_total_mb=memory[1],
        hbm_used_mb=hbm[0],
        hbm_total_mb=hbm[1],
        hugepages_used=hugepages[0],
        hugepages_total=hugepages[1],
    )


@st.composite
def reports(draw, layout: Layout) -> NpuSmiReport:
    """A state of a server that this layout can show."""
    npus = draw(st.lists(st.integers(0, 40000), min_size=1, max_size=4, unique=True))
    per_npu = 1 if layout.npu_id_cell else draw(st.integers(1, 4))
    found = tuple(draw(chips(layout, npu, chip)) for npu in npus for chip in range(per_npu))
    processes = []
    listed = draw(st.lists(st.sampled_from(npus), unique=True)) if layout.process_table else []
    for npu in listed:
        for chip in range(per_npu):
            processes += draw(
                st.lists(
                    st.builds(
                        NpuProcess,
                        npu=st.just(npu),
                        chip=st.just(chip),
                        pid=st.integers(1, 4194304),
                        name=st.none() | st.from_regex(r"[a-z_][a-z0-9_.|]{0,14}", fullmatch=True),
                        memory_mb=_maybe_number,
                    ),
                    max_size=3,
                )
            )
    version = draw(st.sampled_from(("20.2.0", "21.0.4.B030", "24.1.rc1.b030", "1.9.3", "x.x.x")))
    driver = draw(st.sampled_from(("21.0.rc1", "22.0.2", "24.1.RC2", "x.x.x")))
    return NpuSmiReport(version, driver, found, tuple(processes), tuple(listed))


@dataclass(frozen=True)
class Style:
    """How a copy differs from what the tool printed, place by place.

    A seeded generator, not a draw at each place: those made tables ten times slower to render.
    """

    random: Random

    def chance(self) -> bool:
        return self.random.random() < 0.5

    def pick(self, choices):
        return self.random.choice(choices)

    def unknown(self) -> str:
        return self.pick(_UNKNOWN)


styles = st.integers(0, 2**32).map(lambda seed: Style(Random(seed)))


def _known(value, style: Style) -> str:
    return style.unknown() if value is None else str(value)


def _pair(used: int | None, total: int | None, style: Style) -> str:
    """`used / total`; a value that fills its field touches the slash."""
    blank = "" if style.chance() else " " * style.pick((1, 2, 3, 4))
    return f"{_known(used, style)}{blank}/ {_known(total, style)}"


def _row(cells: tuple[str, ...], widths: tuple[int, ...], style: Style) -> str:
    """Cells in their widths; a cell that overflows shifts the rest, as in real tables."""
    lead = style.pick((" ", " ", "  "))
    fitted = zip(cells, widths, strict=True)
    return "|" + "|".join((lead + cell).ljust(width) for cell, width in fitted) + "|"


def _rule(widths: tuple[int, ...], mark: str, style: Style) -> str:
    """A rule; some tools draw one run, some copies have other signs at the crossings."""
    kind = style.pick(("plain", "plain", "plain", "run", "bars", "equals"))
    if kind == "run":
        return "+" + mark * (sum(widths) + len(widths) - 1) + "+"
    cross = {"plain": "+", "bars": "|", "equals": "="}[kind]
    return "+" + cross.join(mark * width for width in widths) + "+"


def _cells(layout: Layout) -> tuple[int, ...]:
    first, second, third = layout.widths
    return (8, first - 9, second, third) if layout.npu_id_cell else (first, second, third)


def _headers(layout: Layout) -> list[tuple[str, ...]]:
    figures = "Power(W)    Temp(C)" + "           Hugepages-Usage(page)" * layout.hugepages
    use = "NPU Util(%)" if layout.npu_id_cell else "AICore(%)"
    memory = f"{use}   Memory-Usage(MB)" + "  HBM-Usage(MB)" * layout.hbm
    if layout.npu_id_cell:
        return [("NPU ID", "Name", "Health", figures), ("", "", "Bus-Id", memory)]
    return [
        ("NPU     Name", "Health", figures),
        (f"Chip    {layout.second}".strip(), "Bus-Id", memory),
    ]


def _chip_rows(chip: NpuChip, layout: Layout, style: Style) -> list[tuple[str, ...]]:
    power = style.unknown() if chip.power_w is None else f"{chip.power_w:.1f}"
    temp = style.unknown() if chip.temp_c is None else f"{chip.temp_c:.0f}"
    figures = f"{power:<12}{temp:<18}"
    if layout.hugepages:
        figures += _pair(chip.hugepages_used, chip.hugepages_total, style)
    memory = f"{_known(chip.aicore_pct, style):<12}"
    memory += _pair(chip.memory_used_mb, chip.memory_total_mb, style)
    if layout.hbm:
        memory += "   " + _pair(chip.hbm_used_mb, chip.hbm_total_mb, style)
    bus = style.pick(("NA", "")) if chip.bus_id is None else chip.bus_id
    if layout.npu_id_cell:
        return [(str(chip.npu), chip.name, chip.health, figures), ("", "", bus, memory)]
    number = f"{chip.chip:<7} {_known(chip.device, style)}" if layout.second else str(chip.chip)
    return [(f"{chip.npu:<7} {chip.name}", chip.health, figures), (number, bus, memory)]


def _process_rows(report: NpuSmiReport, layout: Layout, style: Style) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for npu in report.process_npus:
        running = [process for process in report.processes if process.npu == npu]
        if not running:
            rows.append((f"No running processes found in NPU {npu}",))
        for process in running:
            owner = str(npu) if layout.npu_id_cell else f"{npu:<7} {process.chip}"
            cells = (owner, str(process.pid), process.name or "", _known(process.memory_mb, style))
            rows.append((*cells, "NA") if layout.container_pid else cells)
    return rows


def _process_table(report: NpuSmiReport, layout: Layout, style: Style) -> list[str]:
    first, second, third = layout.widths
    widths: tuple[int, ...] = (first, second, 26, third - 27)
    header = ("NPU ID" if layout.npu_id_cell else "NPU     Chip", "Process id", "Process name",
              "Process memory(MB)")  # fmt: skip
    if layout.container_pid:
        widths, header = (*widths[:3], 20, third - 48), (*header, "Process id in container")
    lines = [_rule(widths, "-", style), _row(header, widths, style), _rule(widths, "=", style)]
    for cells in _process_rows(report, layout, style):
        full = (sum(layout.widths) + 2,) if len(cells) == 1 else widths
        lines.append(_row(cells, full, style))
        lines.append(_rule(widths, "=", style))
    return lines


def render(report: NpuSmiReport, layout: Layout, style: Style) -> list[str]:
    """The lines of the table."""
    widths = _cells(layout)
    blank = "" if style.chance() else " "
    title = f"npu-smi {report.version}            Version:{blank}{report.driver_version}"
    lines = [_rule(widths, "-", style), _row((title,), (sum(layout.widths) + 2,), style)]
    lines.append(_rule(widths, "-", style))
    lines += [_row(cells, widths, style) for cells in _headers(layout)]
    lines.append(_rule(widths, "=", style))
    for chip in report.chips:
        lines += [_row(cells, widths, style) for cells in _chip_rows(chip, layout, style)]
        lines.append(_rule(widths, style.pick("-="), style))
    if report.process_npus or (layout.process_table and style.chance()):
        lines += _process_table(report, layout, style)
    return lines


def is_rule(line: str) -> bool:
    """Whether a rendered line is a rule."""
    return set(line) <= set("+|-=")


def spoil(lines: list[str], style: Style) -> str:
    """The lines as people pass them on: quoted, indented, without rules, among other lines."""
    if style.chance():
        lines = [line for line in lines if not is_rule(line)]
    prefix = style.pick(("", "", "> ", "   ", "\t", ">> ", "> > "))
    ending = style.pick(("", "", " ", "   "))
    lines = [prefix + line + ending for line in lines]
    for _ in range(style.pick((0, 1, 2, 3))):
        lines.insert(style.random.randint(0, len(lines)), style.pick(_FOREIGN))
    lines = [style.pick(_FOREIGN), *lines, style.pick(_FOREIGN)]
    if style.chance():
        lines.insert(0, "# source: somewhere; Ascend; npu-smi; complete; command: npu-smi info")
    return style.pick(("\n", "\r\n")).join(lines) + "\n"
