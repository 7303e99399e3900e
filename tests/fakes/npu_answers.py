"""What the fake npu-smi answers: its table, and the key-value texts (ascend-tools.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from tests.fakes.acting import TEST_DOUBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ascend_console.ascend.npu_smi import NpuChip
    from tests.fakes.npu_servers import Server

Lines = list[str]
WATCHED = {
    "p": "Pwr(W)", "t": "Temp(C)", "a": "AI Core(%)", "i": "AI Cpu(%)", "c": "Ctrl Cpu(%)",
    "m": "Memory(%)", "b": "Memory BW(%)", "n": "NPU Util(%)", "u": "AI Cube(%)",
}  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return "NA" if value is None else str(value)


def row(key: str, value: Any) -> str:
    """One line as the tool pads it."""
    return f"\t{key:<30} : {_text(value)}"


def rows(**values: Any) -> Lines:
    """Lines of keys without signs; a low line stands for a blank."""
    return [row(key.replace("_", " "), value) for key, value in values.items()]


# The table


def table(server: Server) -> Lines:
    """`npu-smi info`: the rules are those of the tool, not of a copy."""
    from ascend_console.ascend.npu_smi import NpuSmiReport
    from tests import npu_smi_tables as tables

    @dataclass(frozen=True)
    class Printed(tables.Style):
        """The tool itself: nothing is spoiled, and a number that is unknown is the same sign."""

        mark: str = "NA"

        def chance(self) -> bool:
            return False

        def pick(self, choices: Any) -> Any:
            return choices[0]

        def unknown(self) -> str:
            return self.mark

    layout = next(layout for layout in tables.LAYOUTS if layout.name == server.layout)
    report = NpuSmiReport(
        server.version, server.driver, server.chips, server.processes, server.process_npus
    )
    mark = "-" if layout.second == "Phy-ID" else "NA"
    lines: Lines = tables.render(report, layout, Printed(Random(0), mark))
    return _ruled(lines, server, unbroken=layout.second == "Phy-ID")


def _ruled(lines: Lines, server: Server, *, unbroken: bool) -> Lines:
    """`-` between the chips of a card, `=` behind a card; between dies without a crossing."""
    head = 6
    for place, chip in enumerate(server.chips):
        index = head + 3 * place + 2
        same = [other.npu for other in server.chips[place + 1 : place + 2]] == [chip.npu]
        if not same:
            lines[index] = lines[index].replace("-", "=")
        elif unbroken:
            lines[index] = "+" + "-" * (len(lines[index]) - 2) + "+"
    return lines


# Lists


def cards(server: Server) -> Lines:
    """`info -l`."""
    lines = [row(server.family.count_key, len(server.npus))]
    for place, npu in enumerate(server.npus):
        lines += ["", *rows(NPU_ID=npu)]
        if server.family.count_key == "Total Count":
            serial = f"TESTDOUBLE{place:04}"
            lines += rows(Product_Name=server.family.product, Serial_Number=serial)
        if server.family.chip_ids:
            lines += rows(Chip_Count=len(server.of(npu)))
    return lines


def mapping(server: Server) -> Lines:
    """`info -m`: logic ids count the chips, and controllers have none."""
    family = server.family
    head = ["NPU ID", "Chip ID", "Chip Logic ID", "Chip Name"]
    if family.phy_id:
        head.insert(3, "Chip Phy-ID")
    if not family.chip_ids:
        head = ["NPU ID", "Slot ID", "Chip ID", "Chip Phy-ID", "Chip Name"]
    table_rows: list[list[Any]] = [list(head)]
    for logic, chip in enumerate(server.chips):
        name = family.chip_name.format(name=chip.name)
        device = logic if chip.device is None else chip.device
        ids = [chip.npu, chip.chip, device, *([device] if family.phy_id else [])]
        ids = ids if family.chip_ids else [chip.npu, 0, 0, logic]
        table_rows.append([*ids, name])
        if family.mcu and chip is server.of(chip.npu)[-1]:
            marks = ["-"] * (len(ids) - 2)
            table_rows.append([chip.npu, len(server.of(chip.npu)), *marks, "Mcu"])
    return ["\t" + "".join(f"{cell!s:<31}" for cell in cells).rstrip() for cells in table_rows]


# One type


def _share(used: int | None, total: int | None) -> int | None:
    return None if used is None or total is None else (100 * used // total if total else 0)


def _memory(chip: NpuChip, key: str) -> tuple[str, int | None]:
    return key, _share(chip.memory_used_mb, chip.memory_total_mb)


def usages(chip: NpuChip, server: Server) -> Lines:
    """`-t usages`."""
    name = "Memory" if server.family.chip_name == "MiniD" else "DDR"
    lines = [
        row(f"{name} Capacity(MB)", chip.memory_total_mb),
        row(*_memory(chip, f"{name} Usage Rate(%)")),
        row(f"{name} Hugepages Total(page)", chip.hugepages_total or 0),
        row(f"{name} Hugepages Usage Rate(%)", 0),
    ]
    if server.family.hbm:
        lines.append(row("HBM Capacity(MB)", chip.hbm_total_mb))
        lines.append(row("HBM Usage Rate(%)", _share(chip.hbm_used_mb, chip.hbm_total_mb)))
    lines.append(row("Aicore Usage Rate(%)", chip.aicore_pct))
    lines += [row(f"{part} Usage Rate(%)", 0) for part in ("Aicpu", "Ctrlcpu", f"{name} Bandwidth")]
    return lines + ([] if server.family.chip_ids else [row("NPU Utilization(%)", chip.aicore_pct)])


def common(chip: NpuChip, server: Server) -> Lines:
    """`-t common`, the best single poll."""
    lines = [row(*_memory(chip, "Memory Usage Rate(%)"))]
    if server.family.hbm:
        lines.append(row("HBM Usage Rate(%)", _share(chip.hbm_used_mb, chip.hbm_total_mb)))
    lines.append(row("Aicore Usage Rate(%)", chip.aicore_pct))
    lines += [row("Aicore Freq(MHZ)", 1080), row("Aicore curFreq(MHZ)", 1080)]
    lines += [row("Aicore Count", 8), row("Temperature(C)", chip.temp_c)]
    return [*lines, row("NPU Real-time Power(W)", chip.power_w)]


def temperature(chip: NpuChip, server: Server) -> Lines:
    """`-t temp`."""
    return [row(server.family.temp_key, chip.temp_c)]


def power(chip: NpuChip, server: Server) -> Lines:
    """`-t power`: a 310 tells only what it may draw at most."""
    return [row(server.family.power_key, chip.power_w)]


def health(chip: NpuChip, server: Server) -> Lines:
    """`-t health`."""
    well = chip.health == "OK"
    code = None if well else "8C084E00"
    told = None if well else "node type=adda, sensor type=Heartbeat Sensor, Heartbeat Lost."
    return rows(Health=chip.health, Error_Code=code, Error_Information=told)


def memory(chip: NpuChip, server: Server) -> Lines:
    """`-t memory`: capacities."""
    lines = [row("DDR Capacity(MB)", chip.memory_total_mb), row("DDR Clock Speed(MHz)", 1600)]
    if server.family.hbm:
        lines += [row("HBM Capacity(MB)", chip.hbm_total_mb), row("HBM Temperature(C)", 45)]
    return lines


def processes(chip: NpuChip, server: Server) -> Lines:
    """`-t proc-mem`."""
    return [
        f"\tProcess id:{found.pid!s:<7} Process name:{found.name or '':<17} "
        f"Process memory(MB):{_text(found.memory_mb)}"
        for found in server.running_on(chip)
    ] or ["\tNo process in device."]


def product(chip: NpuChip, server: Server) -> Lines:
    """`-t product`."""
    return rows(Product_Type=server.family.product)


_BY_CHIP: dict[str, Callable[[NpuChip, Server], Lines]] = {
    "usages": usages, "common": common, "temp": temperature, "power": power, "health": health,
    "memory": memory, "proc-mem": processes, "product": product,
}  # fmt: skip
TYPES = (*_BY_CHIP, "board")


def of_type(server: Server, kind: str, npu: int, chip: int | None) -> Lines:
    """`info -t KIND -i NPU [-c CHIP]`; in `common` a chip opens its section, else it closes it."""
    if kind == "board":
        return _board(server, npu, chip)
    chips = [found for found in server.of(npu) if chip in (None, found.chip)]
    lines = rows(NPU_ID=npu)
    if not server.family.chip_ids:
        return lines + _BY_CHIP[kind](chips[0], server)
    if chip is None:
        lines += rows(Chip_Count=len(chips))
    for found in chips:
        told, named = _BY_CHIP[kind](found, server), rows(Chip_ID=found.chip)
        lines += ["", *([*named, *told] if kind == "common" else [*told, *named])]
    if server.family.mcu and chip is None and kind in ("common", "temp", "power"):
        key = {"temp": "Temperature (C)", "power": "Power Dissipation(W)"}.get(kind)
        told = [row(key, 33)] if key else [row("Temperature(C)", 33), row(_BOARD_POWER, 42.8)]
        named = rows(Chip_Name="mcu" if kind == "common" else "MCU")
        lines += ["", *([*named, *told] if kind == "common" else [*told, *named])]
    return lines


_BOARD_POWER = "NPU Real-time Power(W)"


def _board(server: Server, npu: int, chip: int | None) -> Lines:
    found = server.of(npu)[chip or 0]
    family, bus = server.family, partial(row, "PCIe Bus Info", found.bus_id)
    ids = [row("Board ID", "0x02"), row("PCB ID", "A"), row("BOM ID", 1)]
    named = rows(NPU_Name=family.npu_name) if family.npu_name else []
    name = family.chip_name if family.npu_name else found.name
    if chip is not None:
        lines = [*rows(NPU_ID=npu, Chip_ID=chip, Chip_Type="Ascend"), *named]
        lines += [*rows(Chip_Name=name, Chip_Version="V1"), *ids]
        return [*lines, row("Chip Position ID", 0), bus(), row("Firmware Version", "7.1.0.7.220")]
    lines = rows(NPU_ID=npu, Product_Name=family.product)
    lines += [] if family.chip_ids else [*named, *rows(Chip_Name=name, Chip_Version="V1")]
    lines += rows(Model="NA", Manufacturer=TEST_DOUBLE, Serial_Number="TESTDOUBLE0000")
    lines += rows(Software_Version=server.driver, Firmware_Version="7.1.0.7.220")
    lines += [row("Compatibility", "OK"), *ids, bus()]
    return [*lines, row("Slot ID", 0), row("Class ID", None), *rows(Chip_Count=len(server.of(npu)))]


# Watching


def _watched(chip: NpuChip, letter: str) -> str:
    figures = {
        "p": chip.power_w, "t": chip.temp_c, "a": chip.aicore_pct, "n": chip.aicore_pct,
        "m": _share(chip.hbm_used_mb or chip.memory_used_mb,
                    chip.hbm_total_mb or chip.memory_total_mb),
    }  # fmt: skip
    return _text(figures.get(letter, 0))


def watch(server: Server, chips: list[NpuChip], letters: str) -> Lines:
    """One round of `info watch`, with its header."""
    ids = ["NpuID(Idx)", *(["ChipId(Idx)"] if server.family.chip_ids else [])]
    head = [*ids, *(WATCHED[letter] for letter in letters)]
    found: list[list[str]] = [head]
    for chip in chips:
        numbers = [chip.npu, chip.chip][: len(ids)]
        found.append([*map(str, numbers), *(_watched(chip, letter) for letter in letters)])
    return ["".join(f"{cell:<12} " for cell in cells).rstrip() for cells in found]
