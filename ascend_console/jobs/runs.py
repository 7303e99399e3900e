"""`runs`: the history of a workspace, read from its run folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools import files, run_folder

if TYPE_CHECKING:
    from ascend_console.core.specs import Events
    from ascend_console.tools.run_folder import StoredRun


@dataclass(frozen=True, kw_only=True)
class RunsRequest:
    """Which runs to show."""

    action: Literal["list", "show"] = option("What to do.", positional=True)
    run: str | None = option(
        "A run: its id, a unique prefix, a path, or `last`.",
        default=None,
        default_text="for `list`: all",
        positional=True,
    )


def _summary(run: StoredRun) -> dict[str, Any]:
    view = run.view
    return {
        "run_id": run.folder.name,
        "job": view.job or run.document.get("job"),
        "model": run.document.get("model"),
        "backend": run.backend,
        "started": view.started or run.document.get("started"),
        "elapsed_s": round(view.elapsed_s, 3),
        "state": run.state,
        "verdict": view.verdict,
    }


def _list(env: Env) -> Answered:
    found = [
        _summary(run_folder.load(folder))
        for folder in reversed(run_folder.list_folders(env.settings.workspace))
    ]
    columns = ("run_id", "job", "model", "backend", "started", "elapsed_s", "state", "verdict")
    rows = tuple(tuple(entry[column] for column in columns) for entry in found)
    return Answered({"schema": SCHEMA, "runs": found}, columns, rows)


def _show(env: Env, wanted: str) -> Answered:
    run = run_folder.load(run_folder.find(env.settings.workspace, wanted))
    view = run.view
    verdict_path = run.folder / "verdict.json"
    document = {
        "schema": SCHEMA,
        **_summary(run),
        "folder": str(run.folder),
        "request": run.document.get("request"),
        "command": run.document.get("command"),
        "environment": run.document.get("environment"),
        "steps": [
            {"name": step.name, "started_s": step.started_s, "ended_s": step.ended_s,
             "done": step.done, "total": step.total, "unit": step.unit}
            for step in view.steps
        ],
        "warnings": [{"id": item.id, "message": item.message} for item in view.warnings],
        "error": {"id": view.error.id, "message": view.error.message, "hint": view.error.hint}
        if view.error
        else None,
        "artifacts": [{"path": item.path, "kind": item.kind} for item in view.artifacts],
        "result": files.read_json(verdict_path) if verdict_path.is_file() else None,
    }  # fmt: skip
    rows = [(key, value) for key, value in _summary(run).items()]
    rows.append(("folder", str(run.folder)))
    for step in view.steps:
        seconds = None if step.ended_s is None else step.ended_s - step.started_s
        rows.append((f"step {step.name}", "running" if seconds is None else f"{seconds:.1f} s"))
    rows += [("warning", item.message) for item in view.warnings]
    if view.error:
        rows += [("error", view.error.message), ("hint", view.error.hint)]
    for reason in (document["result"] or {}).get("reasons", []):
        rows.append(("reason", reason["message"]))
    return Answered(document, ("field", "value"), tuple(rows))


def runs(request: RunsRequest, env: Env) -> Events:
    """Show the history, or one run of it."""
    if request.action == "list":
        yield _list(env)
        return
    if request.run is None:
        raise UserError(
            "runs.which",
            "runs show needs a run",
            hint="Type `ascend-console runs show last`, or an id of `runs list`.",
        )
    yield _show(env, request.run)


ENTRY = Job(
    name="runs",
    summary="The history: list the runs, show one.",
    request=RunsRequest,
    run=runs,
    example="ascend-console runs show last",
    recording=False,
    order=80,
)
