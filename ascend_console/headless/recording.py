"""Runs that are recorded: a folder each, its event log first among the sinks."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError, worst_exit_code
from ascend_console.core.events import ArtifactWritten, to_json
from ascend_console.core.options import request_document
from ascend_console.headless.printer import Printer
from ascend_console.jobs._loop import run_job
from ascend_console.tools import files, run_folder
from ascend_console.tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.events import Record
    from ascend_console.core.specs import Env, Job
    from ascend_console.core.view import RunView
    from ascend_console.headless.arguments import Arguments


def _json_line(record: Record) -> None:
    sys.stdout.write(json.dumps(to_json(record), ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def _print_artifact(record: Record) -> None:
    if isinstance(record.event, ArtifactWritten):
        sys.stdout.write(record.event.path + "\n")
        sys.stdout.flush()


def _write_run_document(job: Job, request: Any, env: Env, argv: Sequence[str]) -> None:
    document = {
        "schema": 1,
        "run_id": env.run_id,
        "job": job.name,
        "model": job.label(request) if job.label else None,
        "started": env.clock.utc(),
        "command": ["ascend-console", *argv],
        "request": request_document(request),
        "environment": environment(),
        "fingerprints": {},
    }
    files.write_json(env.folder / "run.json", document)


def _record(
    job: Job, request: Any, env: Env, typed: Arguments, argv: Sequence[str]
) -> tuple[int, RunView]:
    """One recorded run: its folder, its event log, its printer."""
    label = job.label(request) if job.label else job.name
    folder = run_folder.create(env.settings.workspace, env.clock.utc(), label, typed.run_dir)
    env = replace(env, run_id=folder.name, run_dir=folder)
    log = run_folder.EventLog(folder)
    printer = Printer(env.settings)
    try:
        _write_run_document(job, request, env, argv)
        out = _json_line if typed.json else _print_artifact
        return run_job(job, request, env, log.append, out, printer), printer.view
    finally:
        log.close()


def record_all(job: Job, request: Any, env: Env, typed: Arguments, argv: Sequence[str]) -> int:
    """Record a request, or each of the requests that it stands for, one after the other.

    The exit code is the worst one; a summary of all stands at the end of stderr.
    """
    requests = job.split(request) if job.split else [request]
    if typed.run_dir is not None and len(requests) > 1:
        raise UserError(
            "run.dir_many",
            "--run-dir names one folder, and {count} models need one each",
            hint="Leave --run-dir out, or name one model.",
            count=len(requests),
        )
    codes, views = [], []
    for entry in requests:
        code, view = _record(job, entry, env, typed, argv)
        codes.append(code)
        views.append(view)
        if env.cancel.is_set():
            break
    Printer(env.settings).summary(views)
    return worst_exit_code(codes)
