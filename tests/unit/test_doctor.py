"""The checks of Ascend in `doctor`, each over facts of machines that are not at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ascend_console.ascend.version_info import cann_fits, firmware_fits, parse_package
from ascend_console.ascend.visible_devices import Visible, visible_devices
from ascend_console.ascend.wheels import aclruntime_wheel
from ascend_console.core.devices import Trouble
from ascend_console.jobs import _doctor_device as device
from ascend_console.jobs._doctor_facts import (
    AscendFacts,
    CannFacts,
    DeviceFacts,
    Interpreter,
    Module,
    ToolFact,
)
from ascend_console.jobs.doctor import ascend_checks
from tests.data.device_probes import chip_of

if TYPE_CHECKING:
    from ascend_console.core.doctor import Check

DRIVER = parse_package(
    "Version=24.1.rc3\nInnerversion=V100R001C19SPC001B124\n"
    "compatible_version=[V100R001C13],[V100R001C15],[V100R001C19]\n"
    "compatible_version_fw=[6.4.0,6.4.99],[7.0.0,7.5.99]\n"
)
FIRMWARE = parse_package("Version=7.5.0.1.129\ncompatible_version_drv=[24.0,24.0.],[24.1,24.1.]\n")
TOOLKIT = parse_package("version=8.0.RC3\ninnerversion=V100R001C19SPC001B200\n")
CANN = CannFacts(
    home="/opt/cann", version="8.0.RC3", numbers=(8, 0), package=TOOLKIT, set_env="/opt/set_env.sh"
)
TOOLS = tuple(
    ToolFact(name=name, command=f"/opt/{name}", origin="PATH")
    for name in ("atc", "aoe", "ais_bench", "benchmark", "msame", "npu-smi", "msprof")
)
MODULES = {
    name: Module(version="1.2.3")
    for name in ("numpy", "decorator", "sympy", "attr", "cffi", "yaml", "psutil", "scipy",
                 "google.protobuf", "te", "aclruntime")
}  # fmt: skip
PYTHON = Interpreter(
    command="/usr/bin/python3", version=(3, 9, 2), machine="x86_64", modules=MODULES
)
DEVICES = DeviceFacts(
    chips=(chip_of(),),
    nodes=("/dev/davinci0", "/dev/davinci_manager"),
    soc_version="Ascend310P3",
    mounts={"/dev/hisi_hdc": True},
)
WELL = AscendFacts(
    machine="x86_64", signs=("PATH",), is_sourced=True, user="liu", cann=CANN, driver=DRIVER,
    firmware=FIRMWARE, tools=TOOLS, python=PYTHON, devices=DEVICES,
)  # fmt: skip


def without(name: str) -> tuple[ToolFact, ...]:
    """The tools, one of them missing."""
    return tuple(ToolFact(name=tool.name) if tool.name == name else tool for tool in TOOLS)


def with_module(name: str, module: Module) -> Interpreter:
    return replace(PYTHON, modules={**MODULES, name: module})


def all_of(facts: AscendFacts) -> dict[str, Check]:
    found = list(ascend_checks(facts, is_working_here=True))
    assert len({check.id for check in found}) == len(found)
    return {check.id: check for check in found}


def test_a_machine_where_everything_is_well_passes_every_check():
    """A warning that is always there is read by nobody."""
    found = all_of(WELL)
    assert {check.verdict for check in found.values()} == {"PASS"}
    assert set(found) >= {
        "ascend.cann", "ascend.set_env", "ascend.driver", "ascend.firmware", "ascend.match",
        "ascend.device", "ascend.soc", "ascend.permissions", "tool.atc", "tool.npu-smi",
        "vendor.python", "vendor.packages", "vendor.te", "vendor.aclruntime",
    }  # fmt: skip
    assert not any(check.finding.hint for check in found.values())
    assert found["ascend.cann"].finding.message == "CANN 8.0.RC3 in /opt/cann"


def test_a_laptop_has_one_line_about_ascend():
    """Fifteen lines of what is missing would hide that everything works."""
    facts = AscendFacts(machine="x86_64")
    (check,) = ascend_checks(facts, is_working_here=True)
    assert (check.id, check.verdict) == ("ascend", "SKIP")
    assert "--backend onnxruntime works here" in check.finding.message
    (check,) = ascend_checks(facts, is_working_here=False)
    assert "works here" not in check.finding.message


CASES = [
    # CANN and its environment
    ({"cann": None, "tools": without("atc")}, "ascend.cann", "FAIL", "linux-x86_64.run"),
    ({"cann": None}, "ascend.cann", "WARN", "set_env.sh"),
    ({"cann": None, "machine": "aarch64"}, "ascend.cann", "WARN", "linux-aarch64.run"),
    ({"cann": replace(CANN, version=None)}, "ascend.cann", "WARN", "Install the toolkit"),
    ({"is_sourced": False}, "ascend.set_env", "PASS", ""),
    ({"is_sourced": False, "cann": replace(CANN, set_env=None)}, "ascend.set_env", "WARN",
     "Source"),
    ({"is_sourced": False, "cann": replace(CANN, is_set=False)}, "ascend.set_env", "FAIL",
     "bash -c 'source /opt/set_env.sh; env | grep ASCEND'"),
    # Driver and firmware
    ({"driver": None}, "ascend.driver", "WARN", "version.info"),
    ({"driver": None, "devices": DeviceFacts()}, "ascend.driver", "SKIP", "npu-driver"),
    ({"driver": None, "devices": DeviceFacts(pci=1), "machine": "aarch64"}, "ascend.driver",
     "FAIL", "linux-aarch64.run"),
    ({"firmware": None}, "ascend.firmware", "SKIP", "On the host"),
    ({"firmware": parse_package("Version=7.6.0.1.129")}, "ascend.firmware", "FAIL", "one release"),
    ({"cann": replace(CANN, package=None)}, "ascend.match", "SKIP", ""),
    ({"cann": replace(CANN, package=parse_package("innerversion=V100R001C25SPC001"))},
     "ascend.match", "WARN", "Update the driver"),
    # Devices
    ({"devices": replace(DEVICES, chips=(chip_of(health="Warning"),))}, "ascend.device", "WARN",
     "npu-smi info -t health -i 0"),
    ({"devices": replace(DEVICES, chips=(chip_of(), chip_of(npu=4, health="Alarm")))},
     "ascend.device", "FAIL", "-i 4"),
    ({"devices": replace(DEVICES, chips=(), trouble=Trouble(id="x", message="ret -8005",
                                                           hint="mount it"))},
     "ascend.device", "FAIL", "mount it"),
    ({"devices": DeviceFacts(pci=2), "tools": without("npu-smi")}, "ascend.device", "FAIL",
     "driver"),
    ({"devices": DeviceFacts()}, "ascend.device", "SKIP", ""),
    ({"devices": replace(DEVICES, soc_version=None)}, "ascend.soc", "WARN", "--soc-version"),
    ({"devices": replace(DEVICES, refused=("/dev/davinci0",))}, "ascend.permissions", "FAIL",
     "usermod -aG HwHiAiUser liu"),
    ({"in_container": True}, "ascend.container", "PASS", ""),
    ({"in_container": True, "devices": replace(DEVICES, mounts={"/usr/local/dcmi": False})},
     "ascend.container", "WARN", "-v /usr/local/dcmi:/usr/local/dcmi"),
    ({"in_container": True, "devices": replace(DEVICES, chips=(), mounts={"/dev/x": False})},
     "ascend.container", "FAIL", "--device /dev/x"),
    ({"in_container": True, "tools": without("npu-smi"),
      "devices": DeviceFacts(mounts={"/dev/x": False})}, "ascend.container", "SKIP", "--device"),
    ({"devices": replace(DEVICES, visible="0")}, "ascend.visible", "PASS", ""),
    ({"devices": replace(DEVICES, visible="0,3")}, "ascend.visible", "FAIL", "numbered from 0"),
    ({"devices": replace(DEVICES, visible="0, 1")}, "ascend.visible", "FAIL", "without blanks"),
    ({"devices": replace(DEVICES, container_visible="0-3")}, "ascend.container_visible", "WARN",
     "ASCEND_RT_VISIBLE_DEVICES"),
    # Tools
    ({"tools": without("atc")}, "tool.atc", "FAIL", "ASCEND_CONSOLE_ATC"),
    ({"tools": without("npu-smi")}, "tool.npu-smi", "FAIL", "PATH"),
    ({"tools": without("npu-smi"), "devices": DeviceFacts()}, "tool.npu-smi", "SKIP", ""),
    ({"tools": without("ais_bench")}, "tool.ais_bench", "SKIP", ""),
    ({"tools": (*TOOLS[:2], ToolFact(name="ais_bench"), *TOOLS[5:])}, "tool.ais_bench", "FAIL",
     "ASCEND_CONSOLE_AIS_BENCH"),
    ({"tools": (ToolFact(name="ais_bench", trouble=Trouble(id="x", message="another product",
                                                           hint="install ours")),)},
     "tool.ais_bench", "FAIL", "install ours"),
    ({"tools": (replace(TOOLS[2], generation="F"),)}, "tool.ais_bench", "PASS", ""),
    # The Python of the tools
    ({"python": None}, "vendor.python", "FAIL", "ASCEND_CONSOLE_PYTHON"),
    ({"python": Interpreter(command="python3", error="Segmentation fault")}, "vendor.python",
     "FAIL", "ASCEND_CONSOLE_PYTHON"),
    ({"python": replace(PYTHON, version=(3, 13, 1))}, "vendor.python", "WARN", "3.7 to 3.11"),
    ({"python": with_module("sympy", Module(error="No module named 'sympy'"))}, "vendor.packages",
     "FAIL", "/usr/bin/python3 -m pip install sympy"),
    ({"python": with_module("numpy", Module(version="2.1.0"))}, "vendor.packages", "FAIL",
     'install "numpy<2"'),
    ({"python": with_module("numpy", Module(version="2.1.0")),
      "cann": replace(CANN, numbers=(8, 5))}, "vendor.packages", "PASS", ""),
    ({"python": with_module("te", Module(error="No module named 'te'"))}, "vendor.te", "FAIL",
     "/opt/cann/lib64/te-*-py3-none-any.whl"),
    ({"python": with_module("aclruntime", Module(error="none"))}, "vendor.aclruntime", "SKIP",
     "aclruntime-0.0.2-cp39-cp39-linux_x86_64.whl"),
    ({"python": replace(with_module("aclruntime", Module(error="none")), machine="aarch64"),
      "tools": TOOLS[:1]}, "vendor.aclruntime", "FAIL",
     "aclruntime-0.0.2-cp39-cp39-linux_aarch64.whl"),
    ({"python": replace(with_module("aclruntime", Module(error="none")), version=(3, 12, 1))},
     "vendor.aclruntime", "SKIP", "3.7 to 3.11"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "check_id", "verdict", "remedy"), CASES, ids=lambda value: str(value)[:40]
)
def test_each_fault_is_found_and_says_what_to_type(changes, check_id, verdict, remedy):
    """One thing is wrong; the check names it, with the remedy for this machine."""
    check = all_of(replace(WELL, **changes))[check_id]
    assert check.verdict == verdict
    assert remedy in check.finding.hint
    if verdict in ("FAIL", "WARN"):
        assert check.finding.hint


def test_packages_that_are_missing_and_too_new_are_one_command():
    """Two commands would undo each other."""
    modules = {**MODULES, "numpy": Module(version="2.1.0"), "attr": Module(error="none")}
    found = all_of(replace(WELL, python=replace(PYTHON, modules=modules)))
    assert found["vendor.packages"].finding.hint.endswith("install 'numpy<2' attrs")


def test_what_only_atc_needs_is_not_asked_of_a_machine_without_it():
    """A machine that only watches its devices has no use for sympy."""
    facts = replace(WELL, tools=without("atc"), cann=None, python=replace(PYTHON, modules={}))
    assert {"vendor.packages", "vendor.te"}.isdisjoint(all_of(facts))


def test_a_chip_of_the_first_generation_is_told_from_its_namesakes():
    """Ascend910B is no 910B1: the wrong target converts, and does not run."""
    devices = replace(DEVICES, soc_version="Ascend910B")
    check = device.check_soc(replace(WELL, devices=devices))
    assert "first generation" in check.finding.message
    assert device.check_soc(replace(WELL, devices=DeviceFacts())) is None


# Versions that belong together


@pytest.mark.parametrize(
    ("ranges", "version", "wanted"),
    [
        ("[7.0.0,7.5.99]", "7.5.0.1.129", True),
        ("[7.0.0,7.5.99]", "7.5.99.3", True),
        ("[7.0.0,7.5.99]", "7.6.0.1", False),
        ("[7.0.0,7.2.99]", "7.3.0.1.231", False),
        ("[6.4.0,6.4.99],[7.0.0,8.9.9]", "6.4.12", True),
        ("[7.0.0,7.5.99]", "6.9.9", False),
        ("[a,b]", "7.0", None),
        ("", "7.0", None),
    ],
)
def test_a_driver_names_its_firmware_by_ranges(ranges, version, wanted):
    """24.1.rc2 with firmware 7.3 lost its device ids in the field; the file says why."""
    driver = parse_package(f"Version=24.1\ncompatible_version_fw={ranges}")
    assert firmware_fits(driver, parse_package(f"Version={version}")) is wanted


@pytest.mark.parametrize(
    ("version", "wanted"), [("24.1.rc3", True), ("24.10", False), ("23.0.7", False)]
)
def test_firmware_names_drivers_by_their_beginning(version, wanted):
    """Where the driver says nothing; 24.10 is no 24.1."""
    driver = parse_package(f"Version={version}")
    assert firmware_fits(driver, FIRMWARE) is wanted
    assert firmware_fits(driver, parse_package("")) is None


def test_driver_and_cann_fit_when_either_names_the_other():
    """A new CANN knows old drivers, a new driver knows old CANNs."""
    newer = parse_package(
        "version=8.5.0\ninnerversion=V100R001C25SPC001B212\n"
        "compatible_version=[V100R001C15],[V100R001C19]\n"
    )
    assert cann_fits(DRIVER, newer) is True
    assert cann_fits(DRIVER, TOOLKIT) is True
    assert cann_fits(DRIVER, parse_package("innerversion=V100R001C25")) is False
    assert cann_fits(DRIVER, parse_package("version=8.0")) is None
    assert cann_fits(parse_package("Innerversion=V100R001C19"), TOOLKIT) is None


def test_a_version_file_may_be_anything():
    """Files are cut, empty, or of another tool."""
    assert parse_package("").version is None
    assert parse_package("no pairs\n=\n[x\n").version is None
    assert parse_package('version="8.0"\n').version == "8.0"
    assert parse_package("package_version=23.0.7\n").version == "23.0.7"


@pytest.mark.parametrize(
    ("text", "count", "wanted"),
    [
        ("0,1", 2, Visible((0, 1))),
        ("1", None, Visible((1,))),
        ("1,0", 2, Visible((1,), "order", "0")),
        ("0,0", 2, Visible((0,), "order", "0")),
        ("0, 1", 2, Visible((0,), "blank", " 1")),
        ("0,7,1", 2, Visible((0,), "unknown", "7")),
        ("", 2, Visible((), "no_number", "")),
        ("-1", 2, Visible((), "no_number", "-1")),
        ("٠", 2, Visible((), "no_number", "٠")),
    ],
)
def test_a_list_of_devices_is_dropped_from_its_first_mistake_on(text, count, wanted):
    """The runtime does so without a word; who asked for two devices then measures one."""
    assert visible_devices(text, count) == wanted


@pytest.mark.parametrize(
    ("version", "machine", "wanted"),
    [
        ((3, 7, 5), "x86_64", "aclruntime-0.0.2-cp37-cp37m-linux_x86_64.whl"),
        ((3, 11), "aarch64", "aclruntime-0.0.2-cp311-cp311-linux_aarch64.whl"),
        ((3, 12, 0), "x86_64", None),
        ((3, 6), "x86_64", None),
        ((3, 9), "riscv64", None),
    ],
)
def test_the_wheel_is_named_as_it_is_published(version, machine, wanted):
    """Up to Python 3.7 the name has an `m`."""
    assert aclruntime_wheel(version, machine) == wanted
