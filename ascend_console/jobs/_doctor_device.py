"""Checks of the NPUs: what they are, who may use them, what a container lacks, what is visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.ascend.soc import SOC_NOTES
from ascend_console.ascend.visible_devices import visible_devices
from ascend_console.core.doctor import Check
from ascend_console.core.verdict import finding
from ascend_console.jobs._doctor_cann import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.core.devices import Chip
    from ascend_console.core.doctor import CheckVerdict
    from ascend_console.jobs._doctor_facts import AscendFacts

_HEALTH: dict[str, CheckVerdict] = {"OK": "PASS", "WARNING": "WARN", "UNKNOWN": "WARN"}
_ORDER: tuple[CheckVerdict, ...] = ("FAIL", "WARN", "PASS")


def _chip_text(chip: Chip) -> str:
    return f"{chip.label} {chip.name or '?'} {chip.health or '?'}"


def check_device(facts: AscendFacts) -> Check:
    """What npu-smi tells of the chips, or why it tells nothing."""
    devices = facts.devices
    if devices.chips:
        verdicts = [_HEALTH.get((chip.health or "UNKNOWN").upper(), "FAIL")
                    for chip in devices.chips]  # fmt: skip
        worst = min(verdicts, key=_ORDER.index)
        values = {"chips": ", ".join(map(_chip_text, devices.chips))}
        if worst == "PASS":
            return Check("ascend.device", "PASS", finding(
                "doctor.device", "{chips}", **values))  # fmt: skip
        return Check("ascend.device", worst, finding(
            "doctor.device_ill",
            "not every chip is well: {chips}",
            "Type: npu-smi info -t health -i {npu}",
            npu=devices.chips[verdicts.index(worst)].npu,
            **values,
        ))  # fmt: skip
    npu_smi = facts.tool("npu-smi")
    if devices.trouble is not None and npu_smi.command is not None:
        return Check("ascend.device", "FAIL", told(devices.trouble))
    if devices.is_expected:
        return Check("ascend.device", "FAIL", finding(
            "doctor.device_unseen",
            "there is an NPU, and nothing that tells of it",
            "Install the driver, or make npu-smi reachable.",
        ))  # fmt: skip
    return Check("ascend.device", "SKIP", finding(
        "doctor.device_none", "no NPU here: models can be converted, not run"))  # fmt: skip


def check_soc(facts: AscendFacts) -> Check | None:
    """The target that models are converted for by default; None without a chip."""
    if not facts.devices.chips:
        return None
    soc = facts.devices.soc_version
    if soc is None:
        return Check("ascend.soc", "WARN", finding(
            "doctor.soc_unknown",
            "the chip {name} does not tell its --soc-version",
            "Give it with --soc-version; `npu-smi info -t board -i {npu} -c 0` has both of its "
            "parts.",
            name=facts.devices.chips[0].name, npu=facts.devices.chips[0].npu,
        ))  # fmt: skip
    note = SOC_NOTES.get(soc)
    if note is not None:
        return Check("ascend.soc", "PASS", finding(
            "doctor.soc_note",
            "{soc}, from npu-smi: {note}",
            soc=soc, note=note.cause_en,
        ))  # fmt: skip
    return Check("ascend.soc", "PASS", finding("doctor.soc", "{soc}, from npu-smi", soc=soc))


def check_permissions(facts: AscendFacts) -> Check | None:
    """Whether this user may use the device files; None where there are none."""
    devices = facts.devices
    if not devices.nodes:
        return None
    if devices.refused:
        return Check("ascend.permissions", "FAIL", finding(
            "doctor.permissions_refused",
            "{user} may not read and write {paths}",
            "Type: sudo usermod -aG HwHiAiUser {user}; then log in again.",
            user=facts.user or "this user", paths=", ".join(devices.refused),
        ))  # fmt: skip
    return Check("ascend.permissions", "PASS", finding(
        "doctor.permissions",
        "{count} device files may be used",
        count=len(devices.nodes),
    ))  # fmt: skip


def check_container(facts: AscendFacts) -> Check | None:
    """What a container lacks of driver and devices; None outside of one."""
    devices = facts.devices
    if not facts.in_container:
        return None
    missing = [path for path, is_there in devices.mounts.items() if not is_there]
    if not missing:
        return Check("ascend.container", "PASS", finding(
            "doctor.container",
            "a container, with everything that it needs of the driver",
        ))  # fmt: skip
    is_wanted = devices.is_expected or facts.tool("npu-smi").command is not None
    verdict: CheckVerdict = "WARN" if devices.chips else "FAIL" if is_wanted else "SKIP"
    options = " ".join(
        f"--device {path}" if path.startswith("/dev/") else f"-v {path}:{path}"
        for path in missing
    )  # fmt: skip
    return Check("ascend.container", verdict, finding(
        "doctor.container_lacks",
        "a container without {paths}",
        "Start it with: docker run --device /dev/davinci0 {options} …",
        paths=", ".join(missing), options=options,
    ))  # fmt: skip


def check_visible(facts: AscendFacts) -> Iterator[Check]:
    """What the variables that choose devices do (ascend-tools.md section 4.6)."""
    devices = facts.devices
    if devices.visible is not None:
        yield _check_runtime_variable(devices.visible, facts)
    if devices.container_visible is not None and not facts.in_container:
        yield Check("ascend.container_visible", "WARN", finding(
            "doctor.visible_container",
            "ASCEND_VISIBLE_DEVICES={value} chooses devices for containers, and does nothing here",
            "Use ASCEND_RT_VISIBLE_DEVICES, or --device.",
            value=devices.container_visible,
        ))  # fmt: skip


def _check_runtime_variable(value: str, facts: AscendFacts) -> Check:
    count = len(facts.devices.chips) or None
    found = visible_devices(value, count)
    values = {
        "value": value,
        "left": ",".join(map(str, found.devices)) or "none",
        "count": str(count or "?"),
    }
    if found.mistake is None:
        return Check("ascend.visible", "PASS", finding(
            "doctor.visible",
            "ASCEND_RT_VISIBLE_DEVICES={value}: tools number these from 0, npu-smi shows all",
            **values,
        ))  # fmt: skip
    if found.mistake == "unknown":
        return Check("ascend.visible", "FAIL", finding(
            "doctor.visible_unknown",
            "ASCEND_RT_VISIBLE_DEVICES={value} names {at}, and there are {count} devices: "
            "{left} stay visible",
            "Devices are numbered from 0; inside a container with one device it is 0.",
            at=found.at, **values,
        ))  # fmt: skip
    return Check("ascend.visible", "FAIL", finding(
        "doctor.visible_form",
        "ASCEND_RT_VISIBLE_DEVICES={value} is read up to {at!r} only: {left} stay visible",
        "Write ascending numbers without blanks, such as 0,1.",
        at=found.at, **values,
    ))  # fmt: skip
