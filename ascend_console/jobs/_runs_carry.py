"""`runs export` and `runs import`: a run from one machine beside those of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.jobs._output import output_file
from ascend_console.tools import files, history
from ascend_console.tools.paths import runs_folder

if TYPE_CHECKING:
    from ascend_console.core.specs import Env, Events
    from ascend_console.jobs.runs import RunsRequest


def export(request: RunsRequest, env: Env) -> Events:
    """Write the archive of a run."""
    from ascend_console.tools import run_archive

    folder = history.find(env.settings.workspace, request.run[0])
    run_archive.require_idle(folder)
    wanted = request.output or Path(f"{folder.name}.zip")
    target = output_file(wanted, wanted, ".zip", env)
    packed = run_archive.pack(folder, target, env.cancel)
    for name in packed.left_out:
        yield Warned(
            "archive.left_out",
            f"{name} is a link and was left out",
            args={"name": name},
        )
    document = {
        "schema": SCHEMA,
        "run_id": packed.run_id,
        "path": str(target),
        "files": len(packed.files),
        "bytes": target.stat().st_size,
        "sha256": files.sha256_file(target),
    }
    yield Answered(document, ("field", "value"), tuple(document.items())[1:])


def bring_in(request: RunsRequest, env: Env) -> Events:
    """Place the run of an archive among those of the workspace."""
    from ascend_console.tools import run_unpack

    archive = Path(request.run[0])
    runs = runs_folder(env.settings.workspace)
    folder, packed, is_new = run_unpack.unpack(archive, runs, env.clock.utc(), env.cancel)
    document = {
        "schema": SCHEMA,
        "run_id": packed.run_id,
        "folder": str(folder),
        "files": len(packed.files),
        "bytes": packed.bytes,
        "new": is_new,
    }
    yield Answered(document, ("field", "value"), tuple(document.items())[1:])
