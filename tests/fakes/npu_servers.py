"""Servers that the fake npu-smi may stand on: one for each layout of its table, and their changes.

The names T1 to T5 are those of ascend-tools.md section 4.2.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.npu_smi import NpuChip, NpuProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GAPS = (2, 96, 2144, 32768)


@dataclass(frozen=True)
class Family:
    """What the products of one chip call things. `hbm`: memory that counts is HBM."""

    product: str
    power_key: str = "NPU Real-time Power(W)"
    temp_key: str = "Temperature (C)"
    count_key: str = "Total Count"
    chip_name: str = "Ascend {name}"
    mcu: bool = True
    hbm: bool = False
    phy_id: bool = False
    chip_ids: bool = True
    npu_name: str = ""


FAMILIES = {
    "310": Family(
        "Atlas 300I", "Rated Power Dissipation(W)", count_key="Card Count", chip_name="MiniD"
    ),
    "310P": Family("Atlas 300I Pro"),
    "310P Duo": Family("Atlas 300I Duo", "Power Dissipation(W)"),
    "310B": Family("Atlas 200I A2", "Power Dissipation(W)", mcu=False),
    "910A": Family("Atlas 800", temp_key="NPU Temperature (C)", mcu=False, hbm=True),
    "910B": Family("Atlas 800T A2", temp_key="NPU Temperature (C)", hbm=True),
    "A3": Family(
        "Atlas 800T A3", temp_key="NPU Temperature (C)", chip_name="Ascend910", hbm=True,
        phy_id=True, npu_name="9392",
    ),
    "950": Family(
        "Atlas 350", hbm=True, mcu=False, chip_ids=False, chip_name="Ascend950", npu_name="9579"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A state: `layout` is a name of `npu_smi_tables.LAYOUTS`.

    `process_npus` are the NPUs of its process table; without any there is no such table.
    """

    layout: str
    family: Family
    version: str
    driver: str
    chips: tuple[NpuChip, ...]
    processes: tuple[NpuProcess, ...] = ()
    process_npus: tuple[int, ...] = ()

    @property
    def npus(self) -> tuple[int, ...]:
        """The NPU ids in their order."""
        return tuple(dict.fromkeys(chip.npu for chip in self.chips))

    def of(self, npu: int) -> tuple[NpuChip, ...]:
        """The chips of one NPU."""
        return tuple(chip for chip in self.chips if chip.npu == npu)

    def running_on(self, chip: NpuChip) -> tuple[NpuProcess, ...]:
        """The processes of one chip."""
        return tuple(
            process
            for process in self.processes
            if (process.npu, process.chip) == (chip.npu, chip.chip)
        )


def _chip(npu: int, chip: int, device: int | None, name: str, **given: Any) -> NpuChip:
    plain: dict[str, Any] = {
        "health": "OK",
        "power_w": None,
        "temp_c": 50.0,
        "bus_id": f"0000:{1 + npu % 255:02X}:00.0",
        "aicore_pct": 0,
        "memory_used_mb": 1529,
        "memory_total_mb": 21527,
        "hbm_used_mb": None,
        "hbm_total_mb": None,
        "hugepages_used": 0,
        "hugepages_total": 0,
    }
    return NpuChip(npu=npu, chip=chip, device=device, name=name, **{**plain, **given})


_HBM = {"memory_used_mb": 0, "memory_total_mb": 0, "hbm_used_mb": 3161, "hbm_total_mb": 65536}
_BOTH = {"memory_used_mb": 303, "memory_total_mb": 15171, "hbm_used_mb": 0, "hbm_total_mb": 32768}
_310 = {"power_w": 12.8, "memory_used_mb": 2703, "memory_total_mb": 8192}
_NO_PAGES = {"hugepages_used": None, "hugepages_total": None}
_T1 = tuple(_chip(6, n, n, "310", **_310, **_NO_PAGES) for n in range(4))
_A3 = (
    _chip(0, 0, 0, "Ascend910", power_w=162.8, **_HBM),
    _chip(0, 1, 1, "Ascend910", **_HBM),
)

# Layout, family, version of the tool, chips, whether it has a process table.
_SERVERS: dict[str, tuple[str, str, str, tuple[NpuChip, ...], bool]] = {
    "T1": ("310-before-21.0.4", "310", "20.2.0", _T1, False),
    "T1h": ("310-from-21.0.4", "310", "21.0.4",
            tuple(replace(chip, hugepages_used=0, hugepages_total=970) for chip in _T1), False),
    "T2": ("310P-23-to-25", "310P", "24.1.rc1", (_chip(0, 0, 0, "310P3"),), True),
    "T2old": ("310P-22.0", "310P", "22.0.0", (_chip(0, 0, 0, "310P3", power_w=16.9),), True),
    "T2duo": ("310P-23-to-25", "310P Duo", "25.2.0",
              (_chip(2, 0, 0, "310P3"), _chip(2, 1, 1, "310P3")), True),
    "T2b": ("310P-23-to-25", "310B", "23.0.0",
            (_chip(0, 0, 0, "310B4", bus_id=None, power_w=0.0),), False),
    "T3": ("910-before-21.0.4", "910A", "1.9.3",
           tuple(_chip(n, 0, None, "910A", power_w=67.2, **_BOTH, **_NO_PAGES) for n in (4, 5)),
           False),
    "T3h": ("910-22.0", "910A", "22.0.3", (_chip(0, 0, None, "910A", power_w=67.2, **_BOTH),),
            True),
    "T4": ("910B", "910B", "24.1.rc1",
           tuple(_chip(n, 0, None, "910B3", power_w=93.6, **_HBM) for n in range(2)), True),
    "T4b": ("910_93", "A3", "25.2.0", _A3, True),
    "A3wide": ("26.x", "A3", "26.0.rc2", _A3, True),
    "T5": ("950", "950", "26.0.0", (_chip(0, 0, None, "Ascend950", power_w=204.4, **_HBM),), True),
    "T5wide": ("950-wide", "950", "26.0.0",
               (_chip(0, 0, None, "Ascend950", power_w=204.4, **_HBM),), True),
}  # fmt: skip
SERVERS = tuple(_SERVERS)


def server_named(name: str) -> Server:
    """The server of a name in SERVERS, idle and healthy."""
    layout, family, version, chips, has_processes = _SERVERS[name]
    npus = tuple(dict.fromkeys(chip.npu for chip in chips)) if has_processes else ()
    driver = {"1.9.3": "21.0.rc1", "22.0.0": "22.0.2"}.get(version, version)
    return Server(layout, FAMILIES[family], version, driver, chips, (), npus)


def with_state(server: Server, state: Mapping[str, Any]) -> Server:
    """A server as a state describes it; what that leaves out stays.

    `chips` are objects with any of the fields of NpuChip, on top of the server's first chip;
    `processes` have those of NpuProcess. Both replace what was there.
    """
    if "server" in state:
        server = server_named(state["server"])
    for key in ("version", "driver", "layout"):
        if key in state:
            server = replace(server, **{key: state[key]})
    family = {key: state[key] for key in ("product", "npu_name") if key in state}
    server = replace(server, family=replace(server.family, **family))
    if "chips" in state:
        server = _with_chips(server, state["chips"])
    if "processes" in state:
        blank = {"chip": 0, "name": None, "memory_mb": None}
        found = tuple(NpuProcess(**{**blank, **given}) for given in state["processes"])
        server = replace(server, processes=found)
    if "process_npus" in state:
        server = replace(server, process_npus=tuple(state["process_npus"]))
    return server


def _with_chips(server: Server, given: Sequence[Mapping[str, Any]]) -> Server:
    first = asdict(server.chips[0])
    chips = tuple(NpuChip(**{**first, **chip}) for chip in given)
    npus = tuple(dict.fromkeys(chip.npu for chip in chips)) if server.process_npus else ()
    return replace(server, chips=chips, process_npus=npus)


def without_figures(server: Server) -> Server:
    """The same server, which does not tell a single figure."""
    names = ("power_w", "temp_c", "aicore_pct", "memory_used_mb", "hbm_used_mb", "hugepages_used")
    chips = tuple(replace(chip, **dict.fromkeys(names)) for chip in server.chips)
    return replace(server, chips=chips)


def with_gaps(server: Server) -> Server:
    """The same server, its NPU ids far apart."""
    new = dict(zip(server.npus, _GAPS, strict=False))
    return replace(
        server,
        chips=tuple(replace(chip, npu=new[chip.npu]) for chip in server.chips),
        processes=tuple(replace(process, npu=new[process.npu]) for process in server.processes),
        process_npus=tuple(new[npu] for npu in server.process_npus),
    )


def with_foreign(server: Server, pid: int) -> Server:
    """The same server, its first chip in use by somebody else."""
    first = replace(server.chips[0], aicore_pct=87)
    process = NpuProcess(first.npu, first.chip, pid, "python", 1024)
    return replace(server, chips=(first, *server.chips[1:]), processes=(process,))


def without_last(server: Server) -> Server:
    """The same server after it lost its last chip."""
    chips = server.chips[:-1]
    left = {chip.npu for chip in chips}
    npus = tuple(npu for npu in server.process_npus if npu in left)
    return replace(server, chips=chips, process_npus=npus)
