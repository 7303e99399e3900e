"""Ascend chips, as `npu-smi info` tells of them (ascend-tools.md section 4).

A look is one call of the table, under a hard time limit; looks never overlap. Two slower questions
fill what tables leave out: `info -m` has the numbers that inference tools take as their device, and
`info -t common` the power of chips whose table says `NA`, as that of the 310P does.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.ascend.npu_smi import parse_npu_smi
from ascend_console.ascend.npu_smi_keys import parse_npu_smi_mapping, parse_npu_smi_usages
from ascend_console.core.devices import Chip, ChipProcess, Probe, ProbeReading
from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.devices._process_owners import ProcessOwners
from ascend_console.tools import process
from ascend_console.tools.vendor_tools import VendorTools

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ascend_console.ascend.npu_smi import NpuChip, NpuSmiReport
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Cancel

TIME_LIMIT_S = 5.0
# Slow questions are a part of every fourth look, and none is put once a look took so long.
_SLOW_EVERY = 4
_SLOW_BUDGET_S = 2.0

_CRASHES = frozenset(128 + number for number in (4, 6, 7, 8, 9, 11))

_Key = tuple[int, int]


def _unanswered(limit_s: float) -> ToolFailed:
    return ToolFailed(
        "devices.npu_smi_silent",
        "npu-smi did not answer within {limit} s and was stopped",
        hint="Its driver may hang: look at `dmesg`, end what uses the device, then reset the "
        "device or reboot the host.",
        limit=f"{limit_s:g}",
    )


def _crashed(code: int) -> ToolFailed:
    return ToolFailed(
        "devices.npu_smi_crashed",
        "npu-smi crashed (exit code {code})",
        hint="Its version may not fit the driver: compare `npu-smi -v` with "
        "/usr/local/Ascend/driver/version.info.",
        code=code,
    )


def _both(said: process.Captured) -> str:
    """Both streams as one text: the loader complains on the second."""
    return f"{said.stdout}\n{said.stderr}"


def with_devices(chips: Iterable[NpuChip], logic_ids: dict[_Key, int]) -> tuple[Chip, ...]:
    """Chips with the number that tools take: that of `info -m`, that of the table, or its place.

    ascend-tools.md section 4.2, rule 4. Numbers of a table that has one twice are no such numbers:
    both dies of a shared 910_93 can have the Phy-ID 0.
    """
    chips = tuple(chips)
    numbers = [chip.device for chip in chips]
    is_told = None not in numbers and len(set(numbers)) == len(numbers)
    found = []
    for place, chip in enumerate(chips):
        told = chip.device if is_told else place
        values = {**asdict(chip), "device": logic_ids.get((chip.npu, chip.chip), told)}
        found.append(Chip(**values))
    return tuple(found)


class NpuSampler:
    """Looks at the chips of one npu-smi. BackendUnavailable where there is none."""

    def __init__(self, settings: Settings, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._tools = VendorTools.of(settings)
        self._argv = self._tools.require("npu-smi").argv
        self._limit_s = time_limit_s
        self._owners = ProcessOwners()
        self._looks = 0
        self._spent_s = 0.0
        self._keys: tuple[_Key, ...] = ()
        self._logic_ids: dict[_Key, int] = {}
        self._powers: dict[_Key, float] = {}
        self._without_power: deque[int] = deque()

    def __call__(self, cancel: Cancel) -> ProbeReading:
        """One look. ToolFailed at the time limit, UserError with npu-smi's own reason."""
        self._spent_s = 0.0
        report = self._table(cancel)
        keys = tuple((chip.npu, chip.chip) for chip in report.chips)
        if keys != self._keys:
            self._begin(report.chips)
        if self._looks % _SLOW_EVERY == 0:
            self._ask_for_devices(cancel)
            self._ask_for_power(cancel)
        self._looks += 1
        chips = with_devices(report.chips, self._logic_ids)
        return ProbeReading(
            version=report.version,
            driver_version=report.driver_version,
            chips=tuple(self._with_power(chip) for chip in chips),
            processes=self._owners.told(ChipProcess(**asdict(entry)) for entry in report.processes),
        )

    def close(self) -> None:
        """Nothing stays open between two looks."""

    def _table(self, cancel: Cancel) -> NpuSmiReport:
        said = self._captured(("info",), cancel)
        try:
            return parse_npu_smi(_both(said))
        except UserError as error:
            # Its own exit codes are those of the driver, cut to a byte, and say nothing.
            if error.id != "npu_smi.unreadable" or said.code not in _CRASHES:
                raise
            raise _crashed(said.code) from error

    def _ask(self, words: tuple[str, ...], cancel: Cancel) -> str:
        return _both(self._captured(words, cancel))

    def _captured(self, words: tuple[str, ...], cancel: Cancel) -> process.Captured:
        """What npu-smi says; ToolFailed at the time limit."""
        said = process.capture(
            [*self._argv, *words],
            cwd=Path("/"),
            environment=self._tools.environment,
            timeout_s=self._limit_s,
            cancel=cancel,
        )
        self._spent_s += said.elapsed_s
        if said.timed_out:
            raise _unanswered(self._limit_s)
        return said

    def _begin(self, chips: tuple[NpuChip, ...]) -> None:
        """Forget what was asked of other chips than these."""
        self._keys, self._looks = tuple((chip.npu, chip.chip) for chip in chips), 0
        self._logic_ids, self._powers = {}, {}
        self._without_power = deque(
            dict.fromkeys(chip.npu for chip in chips if chip.power_w is None)
        )

    def _ask_for_devices(self, cancel: Cancel) -> None:
        """The numbers of `-m`; what is not told now is asked for again later."""
        if self._logic_ids:
            return
        with contextlib.suppress(UserError, ToolFailed):
            self._logic_ids = {
                (row.npu, row.chip or 0): row.logic_id
                for row in parse_npu_smi_mapping(self._ask(("info", "-m"), cancel))
                if row.logic_id is not None and not row.mcu
            }

    def _ask_for_power(self, cancel: Cancel) -> None:
        """The power of cards whose table lacks it: of all at first, later of one at a time.

        A card that does not tell is not asked again.
        """
        count = len(self._without_power) if self._looks == 0 else 1
        for npu in list(self._without_power)[:count]:
            if self._spent_s > _SLOW_BUDGET_S:
                return
            self._without_power.popleft()
            told = self._power_of(npu, cancel)
            self._powers = {key: power for key, power in self._powers.items() if key[0] != npu}
            if told:
                self._powers.update(told)
                self._without_power.append(npu)

    def _power_of(self, npu: int, cancel: Cancel) -> dict[_Key, float]:
        try:
            usages = parse_npu_smi_usages(
                self._ask(("info", "-t", "common", "-i", str(npu)), cancel)
            )
        except (UserError, ToolFailed):
            return {}
        return {
            (npu, usage.chip or 0): usage.power_w for usage in usages if usage.power_w is not None
        }

    def _with_power(self, chip: Chip) -> Chip:
        if chip.power_w is not None or chip.key not in self._powers:
            return chip
        return replace(chip, power_w=self._powers[chip.key])


def _open(settings: Settings) -> NpuSampler:
    return NpuSampler(settings)


ENTRY = Probe(
    name="npu",
    summary="Ascend chips and their processes, as npu-smi tells of them.",
    source="npu-smi",
    interval_s=5.0,
    open=_open,
    order=10,
)
