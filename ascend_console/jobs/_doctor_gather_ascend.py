"""The facts of the vendor's software and devices for `doctor`: asks, judges nothing.

A tool that hangs is stopped at its time limit, and its trouble is a fact as well.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.ascend.npu_smi_keys import parse_npu_smi_sections
from ascend_console.ascend.soc import soc_version_of_board, soc_version_of_chip
from ascend_console.ascend.version_info import Package, parse_package, read_pairs
from ascend_console.core import discovery
from ascend_console.core.devices import ProbeReading, Trouble
from ascend_console.core.errors import ConsoleError, Interrupted, ToolFailed, UserError
from ascend_console.jobs._doctor_facts import (
    AscendFacts,
    CannFacts,
    DeviceFacts,
    ToolFact,
    is_device_node,
)
from ascend_console.jobs._doctor_place import interpreter
from ascend_console.tools import process
from ascend_console.tools.vendor_tools import VENDOR_NAMES, VendorTools, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ascend_console.jobs._doctor_place import Place
    from ascend_console.tools.vendor_tools import VendorName

VENDOR_MODULES = (
    "numpy", "decorator", "sympy", "attr", "cffi", "yaml", "psutil", "scipy", "google.protobuf",
    "te", "aclruntime",
)  # fmt: skip
_DRIVER_NODES = ("davinci_manager", "devmm_svm", "hisi_hdc")
MOUNTS = (
    "/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc", "/usr/local/dcmi",
    "/usr/local/bin/npu-smi", "/usr/local/Ascend/driver/lib64",
    "/usr/local/Ascend/driver/version.info", "/etc/ascend_install.info",
)  # fmt: skip
_HUAWEI, _ACCELERATOR = "0x19e5", "0x1200"
_ASK_S = 5.0
_CONTAINER = re.compile(r"docker|kubepods|containerd|libpod|lxc")


def _package(texts: Iterable[str | None]) -> Package | None:
    found = next((text for text in texts if text is not None), None)
    return None if found is None else parse_package(found)


def _install_roots(place: Place, tools: VendorTools) -> list[Path]:
    """Folders that may hold `driver` and `firmware`: told by the system, usual, beside CANN."""
    told = read_pairs(place.text("/etc/ascend_install.info") or "")
    named = told.get("driver_install_path_param")
    roots = [place.path(named)] if named else []
    roots.append(place.path("/usr/local/Ascend"))
    if tools.cann is not None:
        roots += [*tools.cann.home.parents[:2], *tools.cann.home.resolve().parents[:3]]
    return roots


def _cann(place: Place, tools: VendorTools) -> CannFacts | None:
    cann = tools.cann
    if cann is None:
        return None
    infos = [
        *sorted(cann.home.glob("*-linux/ascend_toolkit_install.info")),
        *sorted(cann.home.glob("*-linux/ascend_*_install.info")),
    ]
    return CannFacts(
        home=str(cann.home),
        version=cann.version,
        numbers=cann.numbers,
        package=_package(map(place.text, infos)),
        set_env=None if cann.set_env is None else str(cann.set_env),
        is_set="ASCEND_OPP_PATH" in tools.environment,
    )


def _tool(tools: VendorTools, name: VendorName) -> ToolFact:
    try:
        found = tools.find(name)
        if found is None:
            return ToolFact(name=name)
        generation = tools.ais_bench_generation if name == "ais_bench" else None
    except ConsoleError as error:
        return ToolFact(name=name, trouble=Trouble.of(error))
    return ToolFact(
        name=name,
        command=found.path,
        origin=found.origin,
        generation=None if generation is None else str(generation),
    )


def _nodes(place: Place) -> tuple[str, ...]:
    numbers = sorted(
        (found.name for found in place.path("/dev").glob("davinci[0-9]*")),
        key=lambda name: (len(name), name),
    )
    names = [name for name in numbers if is_device_node(f"/dev/{name}")]
    names += [name for name in _DRIVER_NODES if place.path(f"/dev/{name}").exists()]
    return tuple(f"/dev/{name}" for name in names)


def _pci(place: Place) -> int:
    """How many of the vendor's accelerators the bus shows, driver or none."""
    count = 0
    for device in place.path("/sys/bus/pci/devices").glob("*"):
        vendor, kind = place.text(device / "vendor"), place.text(device / "class")
        count += (vendor or "").strip() == _HUAWEI and (kind or "").startswith(_ACCELERATOR)
    return count


def _look_at_npus(place: Place) -> tuple[ProbeReading, Trouble | None]:
    """One look through the probe of the NPUs."""
    probe = discovery.load("devices", "npu")
    try:
        sampler = probe.open(place.settings)
        return sampler(place.cancel), None
    except Interrupted:
        raise
    except ConsoleError as error:
        return ProbeReading(), Trouble.of(error)


def _soc_version(place: Place, tools: VendorTools, reading: ProbeReading) -> str | None:
    """The `--soc-version` of the first chip: from its name, or from its board."""
    if not reading.chips:
        return None
    chip = reading.chips[0]
    try:
        named = soc_version_of_chip(chip.name)
        if named is not None:
            return named
        said = process.capture(
            [*tools.require("npu-smi").argv, "info", "-t", "board", "-i", str(chip.npu),
             "-c", str(chip.chip)],
            cwd=Path("/"), environment=tools.environment, timeout_s=_ASK_S, cancel=place.cancel,
        )  # fmt: skip
        board = parse_npu_smi_sections(said.stdout)[0]
        return soc_version_of_board(board.text("Chip Name"), board.text("NPU Name"))
    except (UserError, ToolFailed):
        return None


def _devices(place: Place, tools: VendorTools) -> DeviceFacts:
    reading, trouble = _look_at_npus(place)
    nodes = _nodes(place)
    environ = place.settings.environ
    return DeviceFacts(
        chips=reading.chips,
        npu_smi_version=reading.version,
        trouble=trouble,
        nodes=nodes,
        refused=tuple(node for node in nodes if not os.access(place.path(node), os.R_OK | os.W_OK)),
        pci=_pci(place),
        soc_version=_soc_version(place, tools, reading),
        mounts={path: place.path(path).exists() for path in MOUNTS},
        visible=environ.get("ASCEND_RT_VISIBLE_DEVICES"),
        container_visible=environ.get("ASCEND_VISIBLE_DEVICES"),
    )


def _signs(place: Place, tools: VendorTools) -> Iterator[str]:
    """What speaks of Ascend here, without asking any tool."""
    yield from (name for name in map(variable_of, VENDOR_NAMES) if place.settings.environ.get(name))
    if tools.cann is not None:
        yield str(tools.cann.home)
    yield from (node for node in _nodes(place) if is_device_node(node))
    if place.path("/usr/local/Ascend").is_dir():
        yield "/usr/local/Ascend"
    if _pci(place):
        yield "PCI"
    # Last, since it sources the environment of CANN.
    if tools.find("npu-smi") is not None:
        yield "npu-smi"


def is_in_container(place: Place) -> bool:
    """Whether this is a container, as the usual engines leave their marks."""
    marks = ("/.dockerenv", "/run/.containerenv")
    groups = place.text("/proc/1/cgroup") or ""
    return any(place.path(mark).exists() for mark in marks) or bool(_CONTAINER.search(groups))


def gather_ascend(place: Place, machine: str) -> AscendFacts:
    """Everything of the vendor's; where nothing speaks of Ascend, nothing else is asked."""
    tools = VendorTools(place.settings.environ, machine)
    try:
        signs = tuple(_signs(place, tools))
    except UserError:
        signs = ("npu-smi",)  # its variable cannot be read, which its check says
    if not signs:
        return AscendFacts(machine=machine)
    roots = _install_roots(place, tools)
    python = tools.python
    return AscendFacts(
        machine=machine,
        signs=signs,
        is_sourced=tools.is_sourced,
        in_container=is_in_container(place),
        user=place.user,
        cann=_cann(place, tools),
        driver=_package(place.text(root / "driver" / "version.info") for root in roots),
        firmware=_package(place.text(root / "firmware" / "version.info") for root in roots),
        tools=tuple(_tool(tools, name) for name in VENDOR_NAMES),
        python=None
        if python is None
        else interpreter(python, VENDOR_MODULES, place, tools.environment),
        devices=_devices(place, tools),
    )
