"""For which chip atc compiles: `--soc-version`, else the chip of the device, always told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.ascend.soc import SOC_NOTES, normalise_soc_version, same_chip
from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.backends._ascend_device import Npus
    from ascend_console.core.events import Event


@dataclass(frozen=True, slots=True)
class Target:
    """The chip that is compiled for; `origin` is `--soc-version` or `npu-smi`."""

    soc_version: str
    origin: str


def local_chip(npus: Npus, devices: tuple[int, ...]) -> str | None:
    """The soc_version of the first of these devices, None where nothing tells it."""
    npu = npus.get(devices[0])
    return npu.soc_version if npu else None


def chosen_target(named: str | None, npus: Npus, devices: tuple[int, ...]) -> Target:
    """The target; UserError where none is named and none can be seen."""
    if named is not None:
        return Target(normalise_soc_version(named), "--soc-version")
    local = local_chip(npus, devices)
    if local is None:
        shown = ", ".join(str(npu.number) for npu in npus.found)
        raise UserError(
            "ascend.no_soc",
            "the chip to convert for is not known: {reason}",
            hint="Name it: --soc-version Ascend310P3 ('Ascend' and the Name column of "
            "`npu-smi info` on the server that will run the model).",
            reason=npus.problem
            or f"device {devices[0]} is not among {shown or 'none'}, or its name does not tell",
        )
    return Target(local, "npu-smi")


def target_events(target: Target, npus: Npus, devices: tuple[int, ...]) -> Iterator[Event]:
    """The target and where it comes from; a warning where it is not the chip of this machine."""
    yield LogLine(f"target {target.soc_version}, from {target.origin}")
    local = local_chip(npus, devices)
    if local is not None and not same_chip(local, target.soc_version):
        yield Warned(
            "ascend.other_target",
            f"the model is made for {target.soc_version}, and device {devices[0]} here is {local}",
            "That is right for another server; leave --soc-version out to convert for this one.",
            {"target": target.soc_version, "local": local, "device": str(devices[0])},
        )
    note = SOC_NOTES.get(target.soc_version)
    if note is not None and target.origin == "--soc-version":
        yield Warned(
            "ascend.soc_note",
            f"{target.soc_version}: {note.cause_en}",
            note.remedies_en[0],
            {
                "soc": target.soc_version,
                "cause_zh": note.cause_zh,
                "remedy_zh": note.remedies_zh[0],
            },
        )
