"""Which inference tool runs an om, and what tells its version."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from typing import TYPE_CHECKING, get_args

from ascend_console.ascend.benchmark import program_name
from ascend_console.backends._ascend_task import InferTool
from ascend_console.core.errors import BackendUnavailable, UserError

if TYPE_CHECKING:
    from ascend_console.ascend.ais_bench import Generation
    from ascend_console.core.backend import BackendOptions
    from ascend_console.tools.vendor_tools import VendorTools

INFER_TOOLS: tuple[InferTool, ...] = get_args(InferTool)

_PROBE_S = 30.0


def infer_tool(tools: VendorTools, options: BackendOptions) -> InferTool:
    """The tool of `--infer-tool`, else the first one that is installed.

    UserError for a name that is none of them, BackendUnavailable where none is there.
    """
    wanted = options.vendor.infer_tool
    names = tuple(name for name in INFER_TOOLS if wanted in (None, name))
    if not names:
        raise UserError(
            "ascend.infer_tool",
            "there is no inference tool {wanted!r}",
            hint="Choose one of: {known}.",
            wanted=wanted,
            known=", ".join(INFER_TOOLS),
        )
    for name in names:
        if tools.find(name) is not None:
            return name
    closed = _closed_benchmark(tools) if "benchmark" in names else None
    if closed:
        raise BackendUnavailable(
            "ascend.not_executable",
            "{path} may not be executed",
            hint="Type: chmod u+x {quoted}",
            path=closed,
            quoted=shlex.quote(closed),
        )
    if wanted is not None:
        tools.require(names[0])
    raise BackendUnavailable(
        "ascend.no_infer_tool",
        "none of the inference tools ais_bench, benchmark and msame is installed here, or found",
        hint="Source CANN's set_env.sh, or name the command of one in ASCEND_CONSOLE_AIS_BENCH, "
        "ASCEND_CONSOLE_BENCHMARK or ASCEND_CONSOLE_MSAME.",
    )


def _closed_benchmark(tools: VendorTools) -> str | None:
    """A benchmark tool on PATH that lacks its execute bit, as it is when it was just unpacked."""
    with contextlib.suppress(UserError):
        path = tools.environment.get("PATH", "")
        return shutil.which(program_name(tools.machine), mode=os.F_OK, path=path)
    return None


def infer_tool_line(tools: VendorTools, options: BackendOptions) -> str:
    """The tool's command and what tells its version, as it stands beside figures.

    None of the tools prints one that means much: ais_bench has been 0.0.2 for years, so that its
    generation stands beside what it says, and the CANN that it runs on for the others.
    """
    name = infer_tool(tools, options)
    parts = [tools.require(name).path]
    if name == "ais_bench":
        parts.append(f"generation {generation_of(tools)}")
        parts += [tools.ais_bench_says] if tools.ais_bench_says else []
    if tools.cann is not None and tools.cann.version:
        parts.append(f"CANN {tools.cann.version}")
    return ", ".join(parts)


def generation_of(tools: VendorTools) -> Generation:
    """The generation of ais_bench; BackendUnavailable where it cannot even print its help."""
    return tools.ais_bench_generation
