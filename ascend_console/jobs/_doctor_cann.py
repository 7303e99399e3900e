"""Checks of CANN, driver and firmware, the vendor's tools, and the Python that they run in."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ascend_console.ascend.version_info import cann_fits, firmware_fits
from ascend_console.ascend.wheels import AIS_BENCH_WHEEL, aclruntime_wheel
from ascend_console.core.doctor import Check
from ascend_console.core.verdict import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.core.devices import Trouble
    from ascend_console.core.doctor import CheckVerdict
    from ascend_console.jobs._doctor_facts import AscendFacts, CannFacts, Interpreter, ToolFact

INFER_TOOLS = ("ais_bench", "benchmark", "msame")
_PACKAGES = {
    "numpy": "numpy<2", "decorator": "decorator", "sympy": "sympy", "attr": "attrs",
    "cffi": "cffi", "yaml": "pyyaml", "psutil": "psutil", "scipy": "scipy",
    "google.protobuf": "protobuf==3.20.0",
}  # fmt: skip
_LAST_WITHOUT_NUMPY_2 = (8, 2)
_FIRST_DOUBTFUL_PYTHON = (3, 12)


def told(trouble: Trouble) -> Finding:
    """What a source said, as the finding of a check."""
    return Finding(trouble.id, trouble.message, trouble.hint, trouble.args)


def ascend_absent(is_working_here: bool) -> Check:
    """The one check of a machine that has nothing to do with Ascend."""
    if is_working_here:
        return Check("ascend", "SKIP", finding(
            "doctor.no_ascend",
            "no sign of Ascend here; --backend onnxruntime works here",
        ))  # fmt: skip
    return Check("ascend", "SKIP", finding("doctor.no_ascend_at_all", "no sign of Ascend here"))


def check_cann(facts: AscendFacts) -> Check:
    """Whether CANN is there, and which."""
    cann = facts.cann
    if cann is None:
        has_atc = facts.tool("atc").command is not None
        return Check("ascend.cann", "WARN" if has_atc else "FAIL", finding(
            "doctor.cann_missing",
            "CANN is not installed here, or not found",
            "Install Ascend-cann-toolkit_<version>_linux-{machine}.run, then type: "
            "source <its folder>/set_env.sh",
            machine=facts.machine,
        ))  # fmt: skip
    if cann.version is None:
        return Check("ascend.cann", "WARN", finding(
            "doctor.cann_version",
            "CANN in {home} does not tell its version",
            "Install the toolkit for {machine} again if its tools fail.",
            home=cann.home, machine=facts.machine,
        ))  # fmt: skip
    seen = finding("doctor.cann", "CANN {version} in {home}", version=cann.version, home=cann.home)
    return Check("ascend.cann", "PASS", seen)


def check_set_env(facts: AscendFacts) -> Check | None:
    """Whether the tools get the environment of `set_env.sh`; None without CANN."""
    cann = facts.cann
    if cann is None:
        return None
    if facts.is_sourced:
        return Check("ascend.set_env", "PASS", finding(
            "doctor.set_env_sourced", "set_env.sh was sourced before the start"))  # fmt: skip
    if cann.set_env is None:
        return Check("ascend.set_env", "WARN", finding(
            "doctor.set_env_missing",
            "there is no set_env.sh in or beside {home}",
            "Source the environment of CANN by hand before the start; its tools need it.",
            home=cann.home,
        ))  # fmt: skip
    if not cann.is_set:
        return Check("ascend.set_env", "FAIL", finding(
            "doctor.set_env_failed",
            "{script} was sourced and does not set ASCEND_OPP_PATH",
            "Type: bash -c {command}; bash must be installed.",
            script=cann.set_env,
            command=shlex.quote(f"source {shlex.quote(cann.set_env)}; env | grep ASCEND"),
        ))  # fmt: skip
    return Check("ascend.set_env", "PASS", finding(
        "doctor.set_env_own",
        "the console sources {script} for the vendor's tools",
        script=cann.set_env,
    ))  # fmt: skip


def check_driver(facts: AscendFacts) -> Check:
    """Whether a driver is there; without an NPU none is needed."""
    if facts.driver is not None and facts.driver.version is not None:
        seen = finding("doctor.driver", "driver {version}", version=facts.driver.version)
        return Check("ascend.driver", "PASS", seen)
    if facts.devices.nodes or facts.devices.chips:
        return Check("ascend.driver", "WARN", finding(
            "doctor.driver_unread",
            "a driver runs, but driver/version.info cannot be read",
            "In a container, mount /usr/local/Ascend/driver/version.info and "
            "/etc/ascend_install.info.",
        ))  # fmt: skip
    return Check("ascend.driver", "FAIL" if facts.devices.pci else "SKIP", finding(
        "doctor.driver_missing",
        "no driver here: models can be converted, not run",
        "For the NPU of this machine: Ascend-hdk-<chip>-npu-driver_<version>_linux-{machine}.run",
        machine=facts.machine,
    ))  # fmt: skip


def check_firmware(facts: AscendFacts) -> Check | None:
    """Whether driver and firmware name each other; None without a driver."""
    driver, firmware = facts.driver, facts.firmware
    if driver is None or driver.version is None:
        return None
    fits = None if firmware is None else firmware_fits(driver, firmware)
    if firmware is None or firmware.version is None or fits is None:
        return Check("ascend.firmware", "SKIP", finding(
            "doctor.firmware_unknown",
            "the version of the firmware is not told here",
            "On the host: cat /usr/local/Ascend/firmware/version.info",
        ))  # fmt: skip
    values = {"firmware": firmware.version, "driver": driver.version}
    if fits:
        return Check("ascend.firmware", "PASS", finding(
            "doctor.firmware",
            "firmware {firmware} and driver {driver} fit",
            **values,
        ))  # fmt: skip
    return Check("ascend.firmware", "FAIL", finding(
        "doctor.firmware_mismatch",
        "firmware {firmware} and driver {driver} do not fit",
        "Install firmware and driver of one release, the firmware first, then reboot the host.",
        **values,
    ))  # fmt: skip


def check_match(facts: AscendFacts) -> Check | None:
    """Whether driver and CANN name each other as compatible; None without both."""
    driver, cann = facts.driver, facts.cann
    if driver is None or driver.version is None or cann is None:
        return None
    fits = None if cann.package is None else cann_fits(driver, cann.package)
    values = {"driver": driver.version, "cann": cann.version or "?"}
    if fits is None:
        return Check("ascend.match", "SKIP", finding(
            "doctor.match_unknown",
            "driver {driver} and CANN {cann} do not tell what they are compatible with",
            **values,
        ))  # fmt: skip
    if fits:
        return Check("ascend.match", "PASS", finding(
            "doctor.match", "driver {driver} and CANN {cann} fit", **values))  # fmt: skip
    return Check("ascend.match", "WARN", finding(
        "doctor.match_unnamed",
        "neither driver {driver} nor CANN {cann} names the other as compatible",
        "Update the driver, or install the CANN of its release.",
        **values,
    ))  # fmt: skip


def check_tools(facts: AscendFacts) -> Iterator[Check]:
    """Each tool, where it was found, and which generation answers."""
    can_infer = any(facts.tool(name).command for name in INFER_TOOLS)
    for tool in facts.tools:
        yield _check_tool(tool, facts, can_infer)


def _check_tool(tool: ToolFact, facts: AscendFacts, can_infer: bool) -> Check:
    name = f"tool.{tool.name}"
    if tool.trouble is not None:
        return Check(name, "FAIL", told(tool.trouble))
    if tool.command is None:
        return Check(name, *_missing_tool(tool.name, facts, can_infer))
    values = {"command": tool.command, "origin": tool.origin or "?"}
    if tool.generation is None:
        return Check(name, "PASS", finding(
            "doctor.tool", "{command} (from {origin})", **values))  # fmt: skip
    return Check(name, "PASS", finding(
        "doctor.tool_generation",
        "{command} (from {origin}), generation {generation}",
        generation=tool.generation,
        **values,
    ))  # fmt: skip


def _missing_tool(name: str, facts: AscendFacts, can_infer: bool) -> tuple[CheckVerdict, Finding]:
    if name == "atc":
        return "FAIL", finding(
            "doctor.atc_missing",
            "atc is not found: no model can be converted",
            "Install the toolkit of CANN for {machine}, or name the command in ASCEND_CONSOLE_ATC.",
            machine=facts.machine,
        )
    if name == "npu-smi" and facts.devices.is_expected:
        return "FAIL", finding(
            "doctor.npu_smi_missing",
            "npu-smi is not found, though there is an NPU",
            "Add /usr/local/sbin and /usr/local/bin to PATH; in a container, mount "
            "/usr/local/bin/npu-smi and the driver.",
        )
    if name == "ais_bench" and not can_infer and facts.devices.is_expected:
        return "FAIL", finding(
            "doctor.infer_missing",
            "no inference tool is found: ais_bench, benchmark, msame",
            "Install ais_bench with its aclruntime (check vendor.aclruntime), or name a command in "
            "ASCEND_CONSOLE_AIS_BENCH.",
        )
    return "SKIP", finding("doctor.tool_missing", "not installed, or not found")


def check_python(facts: AscendFacts) -> Iterator[Check]:
    """The interpreter of the vendor's tools and the packages that they import."""
    python = facts.python
    if python is None:
        yield Check("vendor.python", "FAIL", finding(
            "doctor.python_missing",
            "there is no python3 for the vendor's tools",
            "Install Python 3.7 to 3.11, or name one in ASCEND_CONSOLE_PYTHON.",
        ))  # fmt: skip
        return
    if python.error is not None:
        yield Check("vendor.python", "FAIL", finding(
            "doctor.python_broken",
            "{python} does not work: {reason}",
            "Name another interpreter in ASCEND_CONSOLE_PYTHON.",
            python=python.command, reason=python.error,
        ))  # fmt: skip
        return
    yield _check_version(python)
    if facts.tool("atc").command is not None:
        yield _check_packages(python, facts.cann)
    if facts.cann is not None:
        yield _check_te(python, facts.cann)
    yield _check_aclruntime(python, facts)


def _check_version(python: Interpreter) -> Check:
    values = {"python": python.command, "version": python.version_text}
    if python.version[:2] < _FIRST_DOUBTFUL_PYTHON:
        return Check("vendor.python", "PASS", finding(
            "doctor.python", "Python {version}, {python}", **values))  # fmt: skip
    return Check("vendor.python", "WARN", finding(
        "doctor.python_new",
        "Python {version}, {python}, is newer than the vendor's tools are made for",
        "Name an interpreter of 3.7 to 3.11 in ASCEND_CONSOLE_PYTHON.",
        **values,
    ))  # fmt: skip


def _check_packages(python: Interpreter, cann: CannFacts | None) -> Check:
    missing = [name for name in _PACKAGES if not python.module(name).is_there]
    numpy = python.module("numpy").version or ""
    is_old_cann = cann is None or cann.numbers is None or cann.numbers <= _LAST_WITHOUT_NUMPY_2
    is_too_new = is_old_cann and numpy.partition(".")[0] not in ("", "0", "1")
    command = shlex.join([python.command, "-m", "pip", "install"])
    if missing:
        names = ["numpy", *missing] if is_too_new else missing
        wanted = shlex.join(_PACKAGES[name] for name in names)
        return Check("vendor.packages", "FAIL", finding(
            "doctor.packages_missing",
            "the vendor's Python lacks {names}",
            "Type: {command} {wanted}",
            names=", ".join(missing), command=command, wanted=wanted,
        ))  # fmt: skip
    if is_too_new:
        return Check("vendor.packages", "FAIL", finding(
            "doctor.numpy_new",
            "numpy {version} is too new for CANN up to 8.2",
            'Type: {command} "numpy<2"',
            version=numpy, command=command,
        ))  # fmt: skip
    shown = ", ".join(f"{name} {python.module(name).version or '?'}" for name in _PACKAGES)
    return Check("vendor.packages", "PASS", finding(
        "doctor.packages", "{packages}", packages=shown))  # fmt: skip


def _check_te(python: Interpreter, cann: CannFacts) -> Check:
    te = python.module("te")
    if te.is_there:
        return Check("vendor.te", "PASS", finding("doctor.te", "te, the operators of CANN"))
    return Check("vendor.te", "FAIL", finding(
        "doctor.te_missing",
        "te, the operators of CANN, cannot be imported: {reason}",
        "Source set_env.sh, or type: {python} -m pip install {wheel}",
        reason=te.error, python=shlex.quote(python.command),
        wheel=f"{cann.home}/lib64/te-*-py3-none-any.whl",
    ))  # fmt: skip


def _check_aclruntime(python: Interpreter, facts: AscendFacts) -> Check:
    found = python.module("aclruntime")
    if found.is_there:
        return Check("vendor.aclruntime", "PASS", finding(
            "doctor.aclruntime", "aclruntime {version}", version=found.version or "?"))  # fmt: skip
    others = any(facts.tool(name).command for name in ("benchmark", "msame"))
    is_needed = facts.devices.is_expected and not others
    machine = python.machine or facts.machine
    wheel = aclruntime_wheel(python.version, machine)
    verdict: CheckVerdict = "FAIL" if is_needed else "SKIP"
    if wheel is None:
        return Check("vendor.aclruntime", verdict, finding(
            "doctor.aclruntime_none",
            "aclruntime, which ais_bench needs, has no wheel for Python {version} on {machine}",
            "Name an interpreter of 3.7 to 3.11 in ASCEND_CONSOLE_PYTHON, or build aclruntime "
            "from the Ascend tools with CANN_PATH set.",
            version=python.version_text, machine=machine,
        ))  # fmt: skip
    return Check("vendor.aclruntime", verdict, finding(
        "doctor.aclruntime_missing",
        "aclruntime, which ais_bench needs, cannot be imported: {reason}",
        "Download {wheel} and {other} of the Ascend tools, and type: {command} {wheel} {other}. "
        "The ais_bench of the package index is another product.",
        reason=found.error, wheel=wheel, other=AIS_BENCH_WHEEL,
        command=shlex.join([python.command, "-m", "pip", "install"]),
    ))  # fmt: skip
