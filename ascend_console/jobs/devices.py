"""`devices`: chips and processes from a saved `npu-smi info` text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.npu_smi import NpuChip, NpuSmiReport, parse_npu_smi
from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools.text_input import read_text

if TYPE_CHECKING:
    from ascend_console.ascend.npu_smi import NpuProcess
    from ascend_console.core.specs import Events

_CHIP_COLUMNS = tuple(entry.name for entry in fields(NpuChip))


@dataclass(frozen=True, kw_only=True)
class DevicesRequest:
    """Where to read the state of devices."""

    input: Path = option("File with the output of `npu-smi info`; - for the standard input.")


def _parsed(path: Path, env: Env) -> NpuSmiReport:
    """The report in a file; the errors of the parser say which file it was."""
    saved = read_text(str(path), should_stop=env.cancel.is_set)
    if saved.is_cut:
        raise UserError(
            "devices.input_large",
            "{path} is too large for the output of npu-smi",
            hint="Name a file with one output of `npu-smi info`.",
            path=path,
        )
    try:
        return parse_npu_smi(saved.text)
    except UserError as error:
        located = {**error.values, "where": f"{path}: "}
        problem, advice = error.message, error.hint
        raise UserError(
            error.id, "{where}{problem}", hint="{advice}", problem=problem, advice=advice, **located
        ) from error


def npu_document(report: NpuSmiReport) -> dict[str, Any]:
    """A report in the external form of design.md section 2."""
    return {
        "schema": SCHEMA,
        "version": report.version,
        "driver_version": report.driver_version,
        "chips": [asdict(chip) for chip in report.chips],
        "processes": [asdict(process) for process in report.processes],
    }


def _process_text(process: NpuProcess) -> str:
    pid = "?" if process.pid is None else process.pid
    memory = "?" if process.memory_mb is None else process.memory_mb
    return f"{pid} {process.name or '?'} {memory} MB"


def _rows(report: NpuSmiReport) -> tuple[tuple[Any, ...], ...]:
    """A row a chip, with its processes behind it; then chips that only have processes."""
    seen: dict[tuple[int, int], list[str]] = {(chip.npu, chip.chip): [] for chip in report.chips}
    for process in report.processes:
        seen.setdefault((process.npu, process.chip), []).append(_process_text(process))
    chips = {(chip.npu, chip.chip): chip for chip in report.chips}
    unknown = (None,) * (len(_CHIP_COLUMNS) - 2)
    return tuple(
        (*(tuple(asdict(chips[key]).values()) if key in chips else (*key, *unknown)),
         "; ".join(texts) or None)
        for key, texts in seen.items()
    )  # fmt: skip


def devices(request: DevicesRequest, env: Env) -> Events:
    """Show the chips and processes of a saved text."""
    report = _parsed(request.input, env)
    yield Answered(npu_document(report), (*_CHIP_COLUMNS, "processes"), _rows(report))


ENTRY = Job(
    name="devices",
    summary="Device status: NPU chips and their processes, from a saved npu-smi text.",
    request=DevicesRequest,
    run=devices,
    example="ascend-console devices --input npu-smi.txt --format json",
    recording=False,
    order=70,
)
