"""`runs cancel`, `delete` and `prune`: what ends or removes runs, living ones never by force."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.tools import files, history, locks, run_removal
from ascend_console.tools.paths import runs_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ascend_console.core.specs import Env, Events
    from ascend_console.jobs.runs import RunsRequest

_COLUMNS = ("run_id", "state", "bytes")


def _is_alive(folder: Path) -> bool:
    return locks.is_held(folder / "run.lock")


def _require_alive(folder: Path) -> None:
    if not _is_alive(folder):
        raise UserError(
            "runs.not_alive",
            "the run {name} is not going on: {state}",
            hint="`ascend-console runs list --state running` shows those that are.",
            name=folder.name,
            state=history.summary(folder).state,
        )


def cancel(request: RunsRequest, env: Env) -> Events:
    """Ask a living run to stop; it looks for the request at least every second."""
    folder = history.find(env.settings.workspace, request.run[0])
    _require_alive(folder)
    wish = folder / "cancel"
    files.write_bytes(wish, b"")
    if not _is_alive(folder):
        wish.unlink(missing_ok=True)  # it ended meanwhile; a later attempt must not find this
        _require_alive(folder)
    document = {"schema": SCHEMA, "run_id": folder.name, "requested": True}
    yield Answered(document, ("field", "value"), tuple(document.items())[1:])


def _entry(folder: Path, state: str) -> dict[str, Any]:
    return {"run_id": folder.name, "state": state, "bytes": run_removal.freed_bytes(folder)}


def _answer(entries: list[dict[str, Any]], *, done: bool) -> Answered:
    document = {"schema": SCHEMA, "deleted": done, "runs": entries}
    rows = tuple(tuple(entry[name] for name in _COLUMNS) for entry in entries)
    return Answered(document, _COLUMNS, rows)


def _remove(folders: Sequence[Path], env: Env) -> None:
    run_removal.sweep(env.settings.workspace)
    for folder in folders:
        run_removal.remove(folder)


def delete(request: RunsRequest, env: Env) -> Events:
    """Delete the named runs, none where one of them cannot be; without --yes only say which."""
    workspace = env.settings.workspace
    folders = list(dict.fromkeys(history.find(workspace, wanted) for wanted in request.run))
    here = runs_folder(workspace)
    for folder in folders:
        if folder.parent != here:
            raise UserError(
                "runs.elsewhere",
                "{folder} is a run of another workspace",
                hint="Name that one with --workspace.",
                folder=folder,
            )
        if _is_alive(folder):
            raise UserError(
                "runs.alive",
                "the run {name} is going on",
                hint="Stop it first: ascend-console runs cancel {name}.",
                name=folder.name,
            )
    entries = [_entry(folder, history.summary(folder).state) for folder in folders]
    if env.settings.assume_yes:
        _remove(folders, env)
    yield _answer(entries, done=env.settings.assume_yes)
    if not env.settings.assume_yes:
        raise UserError(
            "runs.confirm",
            "nothing was deleted: {count} runs would be, {megabytes} MB",
            hint="Add --yes to delete: {names}.",
            count=len(folders),
            megabytes=sum(entry["bytes"] for entry in entries) // 1_000_000,
            names=" ".join(folder.name for folder in folders),
        )


def _seconds(utc: str) -> float | None:
    """Seconds of a time such as `2026-11-20T10:15:00.123Z`; None where it is none."""
    try:
        date, _, clock = utc[:19].partition("T")
        parts = [int(part) for part in (*date.split("-"), *clock.split(":"))]
        year, month, day, hour, minute, second = parts
        return calendar.timegm((year, month, day, hour, minute, second))
    except ValueError:
        return None


def _is_older(began: str, now: str, days: float) -> bool:
    """Whether more than so many days lie between; not where a time is unknown."""
    begun_s, now_s = _seconds(began), _seconds(now)
    return begun_s is not None and now_s is not None and now_s - begun_s > days * 86_400


def prune(request: RunsRequest, env: Env) -> Events:
    """Delete the oldest runs; without --yes only list them. Living runs stay."""
    if (request.keep is None) == (request.older_than is None):
        raise UserError(
            "runs.prune",
            "runs prune needs one of --keep and --older-than",
            hint="Write --keep 20, or --older-than 30 (days); --yes then deletes.",
        )
    workspace = env.settings.workspace
    summaries = yield from history.reading(workspace, env.cancel)
    if request.keep is not None:
        chosen = summaries[request.keep :]
    else:
        now, days = env.clock.utc(), request.older_than or 0.0
        chosen = [entry for entry in summaries if _is_older(entry.began, now, days)]
    runs = runs_folder(workspace)
    dead = [entry for entry in reversed(chosen) if not _is_alive(runs / entry.run_id)]
    folders = [runs / entry.run_id for entry in dead]
    entries = [_entry(runs / entry.run_id, entry.state) for entry in dead]
    if env.settings.assume_yes:
        _remove(folders, env)
    yield _answer(entries, done=env.settings.assume_yes)
    if folders and not env.settings.assume_yes:
        count = str(len(folders))
        yield Warned(
            "runs.prune_confirm",
            f"nothing was deleted yet: {count} runs would be",
            "Add --yes to delete them.",
            {"count": count},
        )
