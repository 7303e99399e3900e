"""`runs`: the history of a workspace: list, look, compare, replay, stop, remove, carry over."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools import files, history, run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.core.specs import Events
    from ascend_console.tools.history import RunSummary
    from ascend_console.tools.run_folder import StoredRun

_State = Literal["waiting", "running", "finished", "failed", "cancelled", "interrupted"]
_MOST_TOLD = 5
_KNOWN = history.RunSummary._fields[:-2]  # but figures and problem
_FIGURES = ("batch_sizes", "metric", "accuracy", "throughput", "best_batch_size")
_NO_FIGURES: dict[str, Any] = dict.fromkeys(_FIGURES)
_SHOWN = (
    "run_id", "job", "model", "backend", "device", "weights", "started", "elapsed_s", "state",
    "verdict", "origin", "attempt", *_FIGURES,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RunsRequest:
    """What to do with which runs."""

    action: Literal[
        "list", "show", "diff", "cancel", "delete", "prune", "replay", "export", "import"
    ] = option("What to do.", positional=True)
    run: tuple[str, ...] = option(
        "Runs, each an id, a unique prefix, a path or `last`: two for `diff`, any number for "
        "`delete`, none for `list` and `prune`, else one; for `import` the archive.",
        default=(),
        default_text="none",
        positional=True,
    )
    state: tuple[_State, ...] | None = option(
        "list: only runs in these states.", default=None, default_text="all"
    )
    model: tuple[str, ...] | None = option(
        "list: only runs of these models.", default=None, default_text="all"
    )
    limit: int | None = option(
        "list: only the newest.", default=None, default_text="all", unit="runs", minimum=1
    )
    keep: int | None = option(
        "prune: keep the newest, remove the others.",
        default=None,
        default_text="none; name this or --older-than",
        unit="runs",
        minimum=0,
    )
    older_than: float | None = option(
        "prune: remove the runs that began longer ago.",
        default=None,
        default_text="none; name this or --keep",
        unit="days",
        minimum=0,
    )
    speed: float | None = option(
        "replay: how many times faster than it was; 0 is at once.",
        default=None,
        default_text="1, with its own timing",
        minimum=0,
    )
    output: Path | None = option(
        "export: archive to write.",
        default=None,
        default_text="RUN.zip in the current folder",
        short="-o",
    )


_OPTIONS = {
    "list": ("state", "model", "limit"),
    "prune": ("keep", "older_than"),
    "replay": ("speed",),
    "export": ("output",),
}
_COUNTS = {"list": (0, 0), "prune": (0, 0), "diff": (2, 2), "delete": (1, None)}
_NEEDS = {"diff": ("two runs", "A B"), "import": ("an archive", "F.zip")}


def summary_document(summary: RunSummary) -> dict[str, Any]:
    """A run of `runs list` in its external form; what is unknown is null."""
    figures = summary.figures or _NO_FIGURES
    return {**dict(zip(_KNOWN, summary, strict=False)), **figures}


def _unreadable(summaries: list[RunSummary]) -> Iterator[Warned]:
    """A warning for each run whose files are damaged; the listing goes on without them."""
    bad = [entry for entry in summaries if entry.problem]
    for entry in bad[:_MOST_TOLD]:
        values = {"name": entry.run_id, "reason": str(entry.problem)}
        yield Warned(
            "runs.unreadable",
            f"the run {entry.run_id} cannot be read: {entry.problem}",
            "Restore its files, or delete it with `ascend-console runs delete`.",
            values,
        )
    if len(bad) > _MOST_TOLD:
        count = str(len(bad) - _MOST_TOLD)
        yield Warned("runs.unreadable_more", f"{count} more runs cannot be read",
                     args={"count": count})  # fmt: skip


def _list(request: RunsRequest, env: Env) -> Events:
    summaries = yield from history.reading(env.settings.workspace, env.cancel)
    chosen = [
        entry
        for entry in summaries
        if (request.state is None or entry.state in request.state)
        and (request.model is None or entry.model in request.model)
    ][: request.limit]
    yield from _unreadable(chosen)
    found = [summary_document(entry) for entry in chosen]
    columns = (
        "run_id", "job", "model", "backend", "started", "elapsed_s", "state", "verdict",
        "weights", "accuracy", "throughput", "origin",
    )  # fmt: skip
    rows = tuple(map(itemgetter(*columns), found))
    yield Answered({"schema": SCHEMA, "runs": found}, columns, rows)


def inside(path: str, run: StoredRun) -> str:
    """A recorded path, relative where it lies in the run's folder, here or where it was made."""
    marker = f"/{run.folder.name}/"
    return path.partition(marker)[2] if marker in path else path


def _result(run: StoredRun) -> dict[str, Any] | None:
    path = run.folder / "verdict.json"
    document = files.read_json(path) if path.is_file() else None
    return document if isinstance(document, dict) else None


def _show_document(run: StoredRun) -> dict[str, Any]:
    view = run.view
    return {
        "schema": SCHEMA,
        **summary_document(history.summary(run.folder)),
        "folder": str(run.folder),
        "imported": run.document.get("imported"),
        "request": run.document.get("request"),
        "command": run.document.get("command"),
        "environment": run.document.get("environment"),
        "fingerprints": run.document.get("fingerprints"),
        "steps": [
            {"name": step.name, "started_s": step.started_s, "ended_s": step.ended_s,
             "done": step.done, "total": step.total, "unit": step.unit}
            for step in view.steps
        ],
        "warnings": [{"id": item.id, "message": item.message} for item in view.warnings],
        "error": {"id": view.error.id, "message": view.error.message, "hint": view.error.hint}
        if view.error
        else None,
        "artifacts": [{"path": inside(item.path, run), "kind": item.kind}
                      for item in view.artifacts],
        "result": _result(run),
    }  # fmt: skip


def _origin_rows(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Where an imported run comes from, and what it was made with."""
    rows: list[tuple[str, Any]] = []
    if isinstance(imported := document["imported"], dict):
        rows.append(("imported", f"{imported.get('at')} from {imported.get('from')}"))
    environment = document["environment"]
    if isinstance(environment, dict):
        rows += [(f"environment {name}", value) for name, value in environment.items()
                 if value is not None]  # fmt: skip
    return rows


def _show_rows(run: StoredRun, document: dict[str, Any]) -> list[tuple[str, Any]]:
    rows = [(name, document[name]) for name in _SHOWN]
    rows[_SHOWN.index("batch_sizes")] = (
        "batch_sizes", ",".join(map(str, document["batch_sizes"] or ())) or None
    )  # fmt: skip
    rows.append(("folder", document["folder"]))
    rows += _origin_rows(document)
    for step in run.view.steps:
        seconds = None if step.ended_s is None else step.ended_s - step.started_s
        rows.append((f"step {step.name}", "running" if seconds is None else f"{seconds:.1f} s"))
    rows += [("warning", item.message) for item in run.view.warnings]
    if run.view.error:
        rows += [("error", run.view.error.message), ("hint", run.view.error.hint)]
    for reason in (document["result"] or {}).get("reasons", []):
        rows.append(("reason", reason["message"]))
    return rows


def _show(request: RunsRequest, env: Env) -> Events:
    run = run_folder.load(history.find(env.settings.workspace, request.run[0]))
    document = _show_document(run)
    yield Answered(document, ("field", "value"), tuple(_show_rows(run, document)))


def _check_count(request: RunsRequest) -> None:
    """UserError where an action got too few or too many runs."""
    least, most = _COUNTS.get(request.action, (1, 1))
    what, example = _NEEDS.get(request.action, ("a run", "last"))
    count = len(request.run)
    if count < least:
        raise UserError(
            "runs.which",
            "runs {action} needs {what}",
            hint="Type `ascend-console runs {action} {example}`; `runs list` shows the ids.",
            action=request.action,
            what=what,
            example=example,
        )
    if most is not None and count > most:
        raise UserError(
            "runs.too_many",
            "runs {action} does not take {word!r}",
            hint="`ascend-console runs --help` shows what each action takes.",
            action=request.action,
            word=request.run[most],
        )


def _check(request: RunsRequest) -> None:
    """UserError where runs are missing, or where an option would do nothing."""
    _check_count(request)
    for action, names in _OPTIONS.items():
        for name in names:
            if action != request.action and getattr(request, name) is not None:
                raise UserError(
                    "runs.option",
                    "--{option} is for `runs {owner}`; `runs {action}` takes none",
                    hint="Leave --{option} out.",
                    option=name.replace("_", "-"),
                    owner=action,
                    action=request.action,
                )


def runs(request: RunsRequest, env: Env) -> Events:
    """Do one thing with the history."""
    _check(request)
    if request.action == "list":
        yield from _list(request, env)
    elif request.action == "show":
        yield from _show(request, env)
    else:
        from ascend_console.jobs import _runs_carry, _runs_change, _runs_diff, _runs_replay

        actions = {
            "diff": _runs_diff.diff,
            "cancel": _runs_change.cancel,
            "delete": _runs_change.delete,
            "prune": _runs_change.prune,
            "replay": _runs_replay.replay,
            "export": _runs_carry.export,
            "import": _runs_carry.bring_in,
        }
        yield from actions[request.action](request, env)


ENTRY = Job(
    name="runs",
    summary="The history: list, show, diff, replay, cancel, delete, prune, export, import.",
    request=RunsRequest,
    run=runs,
    example="ascend-console runs show last",
    recording=False,
    order=80,
)
