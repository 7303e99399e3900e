"""One run of atc: its words turned into an error with cause and remedy, its om moved into place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.ascend.atc import atc_argv
from ascend_console.ascend.atc_output import choose_om
from ascend_console.ascend.explain import explain
from ascend_console.backends._ascend_live import run_tool
from ascend_console.backends._ascend_om import ask_atc, is_whole
from ascend_console.core.errors import ConversionFailed, UserError
from ascend_console.core.events import LogLine
from ascend_console.tools.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ascend_console.ascend.atc import AtcRequest
    from ascend_console.ascend.explain import Explanation
    from ascend_console.backends._ascend_live import Ended
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env
    from ascend_console.tools.vendor_tools import VendorTools

_MOST_REMEDIES = 3
_MOST_OPERATORS = 10
_REPORTS = ("check_result.json", "fusion_result.json")


def run_atc(
    request: AtcRequest,
    *,
    tools: VendorTools,
    environment: Mapping[str, str],
    env: Env,
    folder: Path,
    log: Path,
    takes: str,
) -> Generator[Event, None, tuple[Path, tuple[str, ...]]]:
    """Convert inside `folder`; the om that atc wrote there, and the command line.

    Success is exit code 0 and atc's own verdict and a whole om; ConversionFailed says what is
    missing, why, and what to do.
    """
    tool = tools.require("atc")
    cann = tools.cann
    argv = (*tool.argv, *atc_argv(request, cann=cann.numbers if cann else None))
    ended = yield from run_tool(
        argv,
        step="atc",
        log=log,
        cwd=folder,
        environment=environment,
        env=env,
        takes=takes,
    )
    keep_reports(folder, log)
    found = explain(ended.text, exit_code=ended.code, tool="atc")
    if found.outcome != "success":
        yield from _blamed(found)
        raise failure("atc", found, ended, log)
    return _om_of(request.output, folder, tools, env, log), argv


def _blamed(found: Explanation) -> Generator[Event, None, None]:
    """The operators that a failure names: what has to be exported otherwise."""
    for operator in found.operators[:_MOST_OPERATORS]:
        opset = f", opset {operator.opset}" if operator.opset is not None else ""
        yield LogLine(f"operator {operator.type} {operator.name}".rstrip() + opset, "error")


def failure(tool: str, found: Explanation, ended: Ended, log: Path) -> ConversionFailed:
    """The error of a tool that failed: its cause, its own words, remedies, and the log."""
    said = found.said or f"exit code {ended.code}"
    return ConversionFailed(
        "ascend.convert_failed",
        "{tool} failed: {cause} ({said})",
        hint="{remedies} What it printed is in {log}.",
        tool=tool,
        cause=found.cause() or found.message(),
        cause_zh=found.cause("zh") or found.message("zh"),
        said=f"{found.code}: {said}" if found.code and found.code not in said else said,
        remedies=_numbered(found.remedies()),
        remedies_zh=_numbered(found.remedies("zh")),
        cause_id=found.cause_id or "",
        code=found.code or "",
        log=log,
    )


def _numbered(remedies: tuple[str, ...]) -> str:
    """The first remedies on one line; some end in a command, so that numbers divide them."""
    return " ".join(f"({place}) {text}" for place, text in enumerate(remedies[:_MOST_REMEDIES], 1))


def keep_reports(folder: Path, log: Path) -> None:
    """Save what atc found out of each operator beside its log, before the folder goes."""
    for name in _REPORTS:
        report = folder / name
        if report.is_file():
            shutil.move(report, log.with_name(f"{log.stem}_{name}"))


def _om_of(output: str, folder: Path, tools: VendorTools, env: Env, log: Path) -> Path:
    """The whole om of a conversion that called itself a success."""
    present = [str(path) for path in folder.iterdir()]
    chosen = choose_om(output, present)
    if chosen is None:
        raise ConversionFailed(
            "ascend.no_om",
            "atc says that it succeeded, and wrote no om",
            hint="Run it again with free space on the disk of {folder}. What it printed is in "
            "{log}.",
            folder=folder,
            log=log,
        )
    om = Path(chosen)
    whole = is_whole(om)
    if whole is None:
        whole = _is_readable(om, tools, env)
    if not whole:
        raise ConversionFailed(
            "ascend.short_om",
            "atc says that it succeeded, and the om of {bytes} bytes that it wrote is not whole",
            hint="Free some space on the disk, then run it again. What it printed is in {log}.",
            bytes=om.stat().st_size,
            log=log,
        )
    return om


def _is_readable(om: Path, tools: VendorTools, env: Env) -> bool:
    """Whether atc itself reads the om, for one whose header does not tell its length."""
    try:
        return ask_atc(om, tools, env) is not None
    except UserError:
        return False


def place(om: Path, output: Path) -> None:
    """Move an om to its place: whole or not at all, also onto another disk."""
    with atomic_path(output) as temporary:
        try:
            os.replace(om, temporary)
        except OSError:
            shutil.copyfile(om, temporary)
