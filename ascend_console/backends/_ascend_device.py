"""This machine's NPUs as npu-smi tells of them: what each device number is, and who uses it.

Nothing here fails because npu-smi does: conversion needs no NPU, and a figure of a device that
nobody could look at says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.ascend.npu_smi import parse_npu_smi
from ascend_console.ascend.npu_smi_keys import parse_npu_smi_mapping, parse_npu_smi_sections
from ascend_console.ascend.soc import (
    chips_on_cards,
    needs_board,
    soc_version_of_board,
    soc_version_of_chip,
)
from ascend_console.core.errors import ConsoleError, Interrupted, UserError
from ascend_console.tools import process

if TYPE_CHECKING:
    from ascend_console.ascend.npu_smi import NpuChip, NpuSmiReport
    from ascend_console.core.specs import Cancel
    from ascend_console.tools.vendor_tools import VendorTools

# A call takes up to seconds, and hangs where the driver is sick (ascend-tools.md section 4.1).
_ANSWER_S = 10.0
_LAST_DEVICE = 255
_DEVICES = re.compile(r"(?:npu:)?([0-9]{1,3}(?:,[0-9]{1,3})*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Npu:
    """One chip. `number` is what tools take as their device; what nothing tells is None.

    `users` are the processes on it, such as `pid 4711 python3`; None where npu-smi lists none.
    """

    number: int
    npu: int
    chip: int
    soc_version: str | None
    chips_on_card: int
    product: str = ""
    users: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Npus:
    """The chips of this machine; `problem` says why there are none."""

    found: tuple[Npu, ...] = ()
    problem: str = ""

    def get(self, number: int) -> Npu | None:
        """The chip that a device number is, None where npu-smi shows none."""
        return next((npu for npu in self.found if npu.number == number), None)


def device_numbers(text: str | None) -> tuple[int, ...]:
    """The devices of `--device`: `0`, `0,1` or `npu:0`; the first one where none is named."""
    found = _DEVICES.fullmatch((text or "0").replace(" ", ""))
    numbers = tuple(int(part) for part in found[1].split(",")) if found else ()
    if not numbers or max(numbers) > _LAST_DEVICE or len(set(numbers)) < len(numbers):
        raise UserError(
            "ascend.device",
            "{text!r} names no NPU",
            hint="Give its number, such as --device 0, or several, each once: --device 0,1. "
            "`npu-smi info` lists them.",
            text=text,
        )
    return numbers


def lock_name(number: int) -> str:
    """The name under which a run has a device for itself."""
    return f"npu:{number}"


def read_npus(tools: VendorTools, cancel: Cancel | None = None) -> Npus:
    """Ask npu-smi once. Whatever it cannot tell is left unknown; Interrupted on `cancel`."""
    try:
        report = parse_npu_smi(_ask(tools, cancel, "info"))
    except Interrupted:
        raise
    except ConsoleError as error:
        return Npus(problem=error.message)
    numbers = _numbers(report, tools, cancel)
    cards = chips_on_cards(report.chips)
    found = []
    for chip in report.chips:
        soc, product = _soc_and_product(chip, cards[chip.npu], tools, cancel)
        found.append(
            Npu(
                number=numbers[chip.npu, chip.chip],
                npu=chip.npu,
                chip=chip.chip,
                soc_version=soc,
                chips_on_card=cards[chip.npu],
                product=product,
                users=_users(report, chip),
            )
        )
    return Npus(found=tuple(found))


def _ask(tools: VendorTools, cancel: Cancel | None, *arguments: str) -> str:
    """What npu-smi prints; its exit code means little, and its complaints come on stdout."""
    tool = tools.require("npu-smi")
    answer = process.capture(
        [*tool.argv, *arguments],
        cwd=Path("/"),
        environment=tools.environment,
        timeout_s=_ANSWER_S,
        cancel=cancel,
    )
    if answer.timed_out:
        raise UserError(
            "ascend.npu_smi_slow",
            "npu-smi did not answer within {limit} s",
            hint="Try `npu-smi info` by hand; if it hangs, the driver is sick: reboot the host.",
            limit=f"{_ANSWER_S:g}",
        )
    return answer.stdout + answer.stderr


def _numbers(
    report: NpuSmiReport, tools: VendorTools, cancel: Cancel | None
) -> dict[tuple[int, int], int]:
    """The device number of each chip: the Device column of a 310, else `info -m`, else the order.

    The Phy-ID column of an A3 stands in the same place and is no device number.
    """
    is_310 = all((chip.name or "").removeprefix("Ascend").startswith("310") and
                 chip.device is not None for chip in report.chips)  # fmt: skip
    if is_310:
        return {(chip.npu, chip.chip): chip.device or 0 for chip in report.chips}
    numbers = {(chip.npu, chip.chip): place for place, chip in enumerate(report.chips)}
    try:
        rows = parse_npu_smi_mapping(_ask(tools, cancel, "info", "-m"))
    except Interrupted:
        raise
    except ConsoleError:
        return numbers
    told = {(row.npu, row.chip or 0): row.logic_id for row in rows if not row.mcu}
    known = {key: number for key in numbers if (number := told.get(key)) is not None}
    return known if len(known) == len(numbers) else numbers


def _soc_and_product(
    chip: NpuChip, chips_on_card: int, tools: VendorTools, cancel: Cancel | None
) -> tuple[str | None, str]:
    """The chip's soc_version, and the product's name where that alone tells a Duo card."""
    try:
        soc = soc_version_of_chip(chip.name)
    except UserError:
        soc = None
    maybe_duo = chips_on_card == 1 and (soc or "").startswith("Ascend310P")
    if not maybe_duo and not (soc is None and needs_board(chip.name)):
        return soc, ""
    query = ("info", "-t", "board", "-i", str(chip.npu))
    for arguments in (query,) if maybe_duo else ((*query, "-c", str(chip.chip)), query):
        try:
            sections = parse_npu_smi_sections(_ask(tools, cancel, *arguments))
            for section in sections:
                soc = soc or soc_version_of_board(
                    section.text("Chip Name"), section.text("NPU Name")
                )
            product = next(filter(None, (part.text("Product Name") for part in sections)), "")
        except Interrupted:
            raise
        except ConsoleError:
            continue
        if soc:
            return soc, product or ""
    return soc, ""


def _users(report: NpuSmiReport, chip: NpuChip) -> tuple[str, ...] | None:
    if not report.lists_processes_of(chip.npu):
        return None
    return tuple(
        f"pid {'?' if entry.pid is None else entry.pid} {entry.name or ''}".rstrip()
        for entry in report.processes
        if (entry.npu, entry.chip) == (chip.npu, chip.chip)
    )
