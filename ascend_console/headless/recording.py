"""Runs that are recorded: a folder each, its event log first among the sinks."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import (
    BackendUnavailable,
    ConsoleError,
    UserError,
    worst_exit_code,
)
from ascend_console.core.events import ArtifactWritten, to_json
from ascend_console.core.options import request_document, request_from_document
from ascend_console.headless.printer import Printer
from ascend_console.jobs._loop import run_job
from ascend_console.tools import files, history, run_folder
from ascend_console.tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ascend_console.core.events import Record
    from ascend_console.core.specs import Env, Job
    from ascend_console.core.view import RunView
    from ascend_console.headless.arguments import Arguments


def _out(text: str) -> None:
    """A line on stdout. A reader that has gone ends the output, not the run."""
    try:
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _json_line(record: Record) -> None:
    _out(json.dumps(to_json(record), ensure_ascii=False, default=str))


def _print_artifact(record: Record) -> None:
    if isinstance(record.event, ArtifactWritten):
        _out(record.event.path)


def _write_run_document(job: Job, request: Any, env: Env, argv: Sequence[str]) -> None:
    document = {
        "schema": 1,
        "run_id": env.run_id,
        "job": job.name,
        "model": job.label(request) if job.label else None,
        "started": env.clock.utc(),
        "command": ["ascend-console", *argv],
        "request": request_document(request),
        "environment": environment() | _vendor_facts(request, env),
        "fingerprints": {},
    }
    files.write_json(env.folder / "run.json", document)


def _vendor_facts(request: Any, env: Env) -> dict[str, str | None]:
    """What a run on the vendor's tools adds to its environment; nothing for any other."""
    if getattr(request, "backend", None) != "ascend":
        return {}
    from ascend_console.tools.vendor_tools import VendorTools

    try:
        return VendorTools.of(env.settings).facts()
    except ConsoleError:
        # What is wrong with a tool is told by the step that needs it.
        return {}


def _attempt(
    job: Job, request: Any, env: Env, typed: Arguments, begin: Callable[[Env], None]
) -> tuple[int, RunView]:
    """One attempt at a run whose folder stands: its event log, its printer."""
    log = run_folder.EventLog(env.folder)
    printer = Printer(env.settings)
    env = replace(env, first_seq=log.next_seq)
    try:
        begin(env)
        out = _json_line if typed.json else _print_artifact
        return run_job(job, request, env, log.append, out, printer), printer.view
    finally:
        log.close()


def _record(
    job: Job, request: Any, env: Env, typed: Arguments, argv: Sequence[str]
) -> tuple[int, RunView]:
    """A new run. What was refused before it made anything leaves no folder behind."""
    label = job.label(request) if job.label else job.name
    folder = run_folder.create(env.settings.workspace, env.clock.utc(), label, typed.run_dir)
    stop = run_folder.StopRequest(env.cancel, folder)
    env = replace(env, run_id=folder.name, run_dir=folder, cancel=stop)
    code, view = _attempt(
        job, request, env, typed, lambda env: _write_run_document(job, request, env, argv)
    )
    refused = code in (UserError.exit_code, BackendUnavailable.exit_code)
    if refused and not view.artifacts:
        run_folder.discard(folder)
    return code, view


def _refuse_resume(stored: run_folder.StoredRun) -> None:
    """A run that is over, that never began, or that another machine began is not taken up."""
    name = stored.folder.name
    if "imported" in stored.document:
        raise UserError(
            "resume.imported",
            "the run {name} was imported: another machine began it",
            hint="Take it up there, or start a new run here.",
            name=name,
        )
    if stored.state == "finished":
        raise UserError(
            "resume.finished",
            "the run {name} has finished",
            hint="Start a new run; `runs show {name}` shows this one.",
            name=name,
        )
    if "request" not in stored.document:
        raise UserError(
            "resume.nothing",
            "the run {name} never began: it has no request",
            hint="Start a new run; `runs delete {name}` removes this one.",
            name=name,
        )


def _resume(wanted: str, env: Env, typed: Arguments) -> int:
    """Take up a run that did not finish, with the request that it began with."""
    folder = history.find(env.settings.workspace, wanted)
    stored = run_folder.load(folder)
    _refuse_resume(stored)
    job = discovery.load("jobs", stored.document["job"])
    request = request_from_document(job.request, stored.document["request"])
    stop = run_folder.StopRequest(env.cancel, folder)
    attempt = max(stored.view.attempt, 0) + 1
    env = replace(env, run_id=folder.name, run_dir=folder, cancel=stop, attempt=attempt)
    code, view = _attempt(job, request, env, typed, lambda env: run_folder.clear(env.folder))
    Printer(env.settings).summary([view])
    return code


def record_all(job: Job, request: Any, env: Env, typed: Arguments, argv: Sequence[str]) -> int:
    """Record a request, or each of the requests that it stands for, one after the other.

    The exit code is the worst one; a summary of all stands at the end of stderr.
    """
    wanted = getattr(request, "resume", None)
    if wanted is not None:
        if replace(request, resume=None) != type(request)():
            raise UserError(
                "resume.alone",
                "--resume takes up a run with the request that it began with",
                hint="Leave every other option of the run out.",
            )
        return _resume(wanted, env, typed)
    requests = job.split(request, env.settings) if job.split else [request]
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
