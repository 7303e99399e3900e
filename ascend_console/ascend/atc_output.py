"""What atc prints: the verdict, the coded blocks, the warnings, and the files that it writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend.error_blocks import ErrorBlock, Operator, blamed_operators, error_blocks
from ascend_console.ascend.log_text import count, log_lines
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

Outcome = Literal["success", "failure", "unknown"]

_STARTED = "ATC start working now"
_SUCCEEDED = "ATC run success"
_FAILED = "ATC run failed"
_ERROR_LINE = re.compile(r"\s*\[ERROR\]|\s*ERROR:")
_NO_START = re.compile(r"atc(?:\.bin)?: (?:command not found|error while loading shared libraries)")
_MEMORY = re.compile(r"Current available mem is ([0-9]{1,15}) ?kB")
_INFO_START = "Display Model Info start"
_INFO_END = "Display Model Info end"
_COMMAND = re.compile(r"Original Atc command line:\s*(.*)")
_FIELD = re.compile(r"([a-z_]{1,60})\[([^\]]{0,400})\]")
_BYTES = re.compile(r"([0-9]{1,15}) B")
_TARGET = re.compile(r"_(linux|minios)_(x86_64|aarch64|arm)$")


@dataclass(frozen=True, slots=True)
class AtcLog:
    """A conversion as its text tells it.

    `outcome` is unknown where no verdict was printed and nothing complains: a killed atc prints
    none, and a success counts only together with exit code 0 and the om itself.
    """

    outcome: Outcome
    started: bool
    blocks: tuple[ErrorBlock, ...]
    error_lines: tuple[str, ...]
    operators: tuple[Operator, ...]
    available_memory_kb: int | None

    @property
    def errors(self) -> tuple[ErrorBlock, ...]:
        """Blocks with an E code, the headline first."""
        return tuple(block for block in self.blocks if not block.is_warning)

    @property
    def warnings(self) -> tuple[ErrorBlock, ...]:
        """Blocks with a W code."""
        return tuple(block for block in self.blocks if block.is_warning)


@dataclass(frozen=True, slots=True)
class OmInfo:
    """What `atc --mode=6` tells of an om; figures that it did not print are None."""

    command: str
    atc_version: str | None
    soc_version: str | None
    memory_bytes: int | None
    weight_bytes: int | None
    stream_count: int | None
    event_count: int | None


def _outcome(lines: list[str], errors: bool) -> Outcome:
    if any(_FAILED in line for line in lines) or any(_NO_START.search(line) for line in lines):
        return "failure"
    if any(_SUCCEEDED in line for line in lines):
        return "success"
    return "failure" if errors else "unknown"


def parse_atc(text: str) -> AtcLog:
    """Read the output of one atc. Any text is read; one that atc did not print says little."""
    lines = log_lines(text)
    blocks = error_blocks(lines)
    error_lines = tuple(line.strip() for line in lines if _ERROR_LINE.match(line))
    coded = any(not block.is_warning for block in blocks)
    memory = next((found for line in lines if (found := _MEMORY.search(line))), None)
    return AtcLog(
        outcome=_outcome(lines, coded or bool(error_lines)),
        started=any(_STARTED in line for line in lines),
        blocks=blocks,
        error_lines=error_lines,
        operators=blamed_operators(blocks),
        available_memory_kb=count(memory[1]) if memory else None,
    )


def _bytes(text: str | None) -> int | None:
    found = _BYTES.fullmatch(text or "")
    return count(found[1]) if found else None


def parse_om_info(text: str) -> OmInfo:
    """The information block of an om; UserError where the text has none, or not a whole one."""
    lines = log_lines(text)
    starts = [index for index, line in enumerate(lines) if _INFO_START in line]
    ends = [index for index, line in enumerate(lines) if _INFO_END in line]
    if not starts or not ends or ends[0] < starts[0]:
        raise UserError(
            "atc.no_model_info",
            "atc told nothing of the om",
            hint="Check that the file is an om of this or an older CANN: atc --mode=6 --om=FILE.",
        )
    block = lines[starts[0] : ends[0]]
    command = next((found[1] for line in block if (found := _COMMAND.search(line))), "")
    values = {name: value for line in block if not _COMMAND.search(line)
              for name, value in _FIELD.findall(line)}  # fmt: skip
    return OmInfo(
        command=command.strip(),
        atc_version=values.get("atc_version"),
        soc_version=values.get("soc_version"),
        memory_bytes=_bytes(values.get("memory_size")),
        weight_bytes=_bytes(values.get("weight_size")),
        stream_count=count(values.get("stream_num")),
        event_count=count(values.get("event_num")),
    )


def om_candidates(output: str) -> tuple[str, ...]:
    """The files that atc may have made of `--output`, the plain name first.

    A model that carries host code gets the system and the machine that it runs on in its name.
    """
    machines = ("linux_x86_64", "linux_aarch64", "minios_aarch64", "linux_arm")
    return (f"{output}.om", *(f"{output}_{machine}.om" for machine in machines))


def choose_om(output: str, present: Iterable[str]) -> str | None:
    """The om of `--output` among the files that a conversion left; None where it left none.

    UserError where several could be meant.
    """
    names = set(present)
    found = [name for name in om_candidates(output) if name in names]
    if len(found) > 1:
        raise UserError(
            "atc.output_several",
            "several files could be the result: {found}",
            hint="Give the conversion an empty folder of its own.",
            found=", ".join(found),
        )
    return found[0] if found else None


def om_target(name: str) -> tuple[str, str] | None:
    """System and machine in the name of a fully dynamic om; None in that of a static one."""
    found = _TARGET.search(name.removesuffix(".om"))
    return (found[1], found[2]) if found else None
