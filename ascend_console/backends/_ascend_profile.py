"""Which operators cost most: msprof over an inference tool (ascend-tools.md section 5.1)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend.msprof import OperatorProfile, parse_operators
from ascend_console.backends._ascend_infer import RUNNERS, open_pass
from ascend_console.backends._ascend_task import follow
from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.core.events import ArtifactWritten
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from ascend_console.backends._ascend_om import OmFacts
    from ascend_console.backends._ascend_task import Task
    from ascend_console.core.backend import BackendOptions
    from ascend_console.core.events import Event
    from ascend_console.tools.vendor_tools import VendorTools

# The first executions are slower, so there must be enough to outweigh them.
_EXECUTIONS = 20
_DIRECT_SINCE = (8,)


def profile(
    tools: VendorTools,
    options: BackendOptions,
    artifact: OmFacts,
    *,
    batch_size: int,
    output: Path,
    by: Literal["type", "name"] = "type",
) -> Generator[Event, None, OperatorProfile]:
    """Run the om on random or zero input under msprof; its tables go into the new folder `output`.

    On the first device of the options. BackendUnavailable without msprof, ToolFailed where it
    fails or leaves no table of operators.
    """
    msprof = tools.require("msprof")
    with open_pass(tools, options, artifact, batch_size=batch_size) as this:
        task = this.task(this.devices[0], this.env.cancel, "_msprof")
        application = [
            *tools.require(this.tool).argv,
            *RUNNERS[this.tool].random_arguments(task, executions=_EXECUTIONS),
        ]
        prof = task.folder / "prof"
        prof.mkdir(0o750)
        argv = [*msprof.argv, f"--output={prof}", *_application(tools, application)]
        yield from follow(task, argv, lambda _: None, name="msprof")
        tables = _tables(task, prof)
        found = _parsed(task, tables, by)
        with files.atomic_folder(output) as folder:
            for table in tables:
                shutil.copyfile(table, folder / table.name)
    yield ArtifactWritten(str(output), "profile")
    return found


def _application(tools: VendorTools, argv: Sequence[str]) -> list[str]:
    """The application behind the options; before CANN 8 as one text, which has no quotes."""
    numbers = tools.cann.numbers if tools.cann else None
    if numbers is not None and numbers >= _DIRECT_SINCE:
        return list(argv)
    odd = next((word for word in argv if word.split() != [word]), None)
    if odd is not None:
        raise UserError(
            "ascend.profile_blank",
            "the msprof of this CANN takes no blank in {word!r}",
            hint="Give the inference tool a path without blanks.",
            word=odd,
        )
    return ["--application=" + " ".join(argv)]


def _tables(task: Task, prof: Path) -> list[Path]:
    """The tables of operators, those that tell each one first, the newest first."""
    found = [*prof.rglob("op_summary*.csv"), *prof.rglob("op_statistic*.csv")]
    if not found:
        raise ToolFailed(
            "ascend.no_profile",
            "msprof left no table of operators",
            hint="Look into {log}; with less than 20 MB of free space it writes nothing.",
            log=task.log,
        )
    return sorted(
        found, key=lambda path: (path.name.startswith("op_summary"), path.name), reverse=True
    )


def _parsed(task: Task, tables: Sequence[Path], by: Literal["type", "name"]) -> OperatorProfile:
    try:
        return parse_operators(tables[0].read_text("utf-8", "replace"), by=by)
    except UserError as error:
        raise ToolFailed(
            "ascend.bad_profile",
            "the table {table} of msprof cannot be read: {reason}",
            hint="Run it again, with enough space on the disk; what it printed is in {log}.",
            table=tables[0].name,
            reason=error.message,
            log=task.log,
        ) from error
