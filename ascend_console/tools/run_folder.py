"""Run folders: made by mkdir, filled by whole files, their events appended line by line."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.core.events import SCHEMA, from_json, to_json
from ascend_console.core.view import RunView, fold, view_document, view_from_document
from ascend_console.tools import files, locks, run_removal
from ascend_console.tools.paths import cache_folder, runs_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedWriter
    from pathlib import Path

    from ascend_console.core.events import Record
    from ascend_console.core.specs import Cancel

_VIEW_INTERVAL_S = 5.0
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.]+")


def _run_name(utc: str, label: str) -> str:
    """`20261120-101500-ghostnet-3f9a` from `2026-11-20T10:15:00.123Z` and `ghostnet`."""
    stamp = utc[:19].replace("-", "").replace(":", "").replace("T", "-")
    word = _NOT_IN_NAME.sub("-", label).strip("-.")[:40] or "run"
    return f"{stamp}-{word}-{secrets.token_hex(2)}"


def free_name(workspace: Path, utc: str, label: str) -> Path:
    """A folder that a run may be given with --run-dir; nothing is made."""
    runs = runs_folder(workspace)
    while (path := runs / _run_name(utc, label)).exists():
        pass
    return path


def create(workspace: Path, utc: str, label: str, wanted: Path | None = None) -> Path:
    """A new, empty run folder; `wanted` must be a new folder directly under `<workspace>/runs`."""
    runs = runs_folder(workspace)
    sweep_workspace(workspace)
    if wanted is not None and wanted.absolute().parent.resolve() != runs.absolute().resolve():
        raise UserError(
            "run.dir",
            "--run-dir {wanted} is not directly under {runs}",
            hint="Name a new folder there, or leave --run-dir out.",
            wanted=wanted,
            runs=runs,
        )
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for _ in range(20):
            path = wanted.absolute() if wanted else runs / _run_name(utc, label)
            try:
                path.mkdir()
            except FileExistsError:
                if wanted:
                    break
            else:
                return path
    except OSError as error:
        raise ToolFailed(
            "run.create",
            "no run folder can be made under {runs}: {reason}",
            hint="Name a folder that you may write to with --workspace.",
            runs=runs,
            reason=error.strerror or error,
        ) from error
    raise UserError(
        "run.exists",
        "the run folder {wanted} exists already",
        hint="Name a new folder, or leave --run-dir out.",
        wanted=wanted or runs,
    )


class StopRequest:
    """Whether a run was asked to stop: by a signal, or by a file `cancel` in its folder."""

    def __init__(self, signalled: Cancel, folder: Path) -> None:
        self._signalled = signalled
        self._file = folder / "cancel"

    def is_set(self) -> bool:
        """True from the request on."""
        return self._signalled.is_set() or self._file.exists()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the request at most `timeout` seconds; whether it came."""
        return self.is_set() or self._signalled.wait(timeout) or self.is_set()


def _cut_torn_line(path: Path) -> int:
    """Cut what a killed writer left of its last line; gives back the number of whole lines."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("rb+") as stream:
            stream.truncate(whole)
    return data.count(b"\n")


class EventLog:
    """The writer of a run's `events.jsonl` and `view.json`; holds `run.lock` while it is open.

    `next_seq` is the number of the first record to come. The view is written every five seconds
    and at the end, with the offset in bytes that it covers, so that opening a long run is cheap.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = locks.FileLock(folder / "run.lock")
        if not self._lock.acquire(folder.name):
            raise UserError(
                "run.busy",
                "another process works on the run {name}",
                hint="Wait for it, or stop it: ascend-console runs cancel {name}.",
                name=folder.name,
            )
        self._folder = folder
        self._path = folder / "events.jsonl"
        self.next_seq = _cut_torn_line(self._path)
        self._view = load(folder).view
        self._view_s = 0.0
        self._stream: BufferedWriter | None = self._path.open("ab")

    def append(self, record: Record) -> None:
        """Append one record as one line, visible to readers at once."""
        if self._stream is None:
            return
        line = json.dumps(to_json(record), ensure_ascii=False, default=str)
        try:
            self._stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
            self._stream.flush()
        except OSError as error:
            raise ToolFailed(
                "run.events",
                "cannot write {path}: {reason}",
                hint="Free some space, then run again.",
                path=self._path,
                reason=error.strerror or error,
            ) from error
        self._view = fold(self._view, record)
        if record.elapsed_s - self._view_s >= _VIEW_INTERVAL_S or record.event.terminal:
            self._view_s = record.elapsed_s
            self._write_view(self._stream.tell())

    def _write_view(self, offset: int) -> None:
        document = {"schema": SCHEMA, "offset": offset, "view": view_document(self._view)}
        files.write_json(self._folder / "view.json", document)

    def close(self) -> None:
        """Close the file and free the lock."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._lock.release()


def read_records(folder: Path, offset: int = 0) -> Iterator[Record]:
    """The records of a run from a byte offset on; torn lines and unknown events are left out."""
    try:
        stream = (folder / "events.jsonl").open("rb")
    except OSError:
        return
    with stream:
        stream.seek(offset)
        for line in stream:
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict) and (record := from_json(document)) is not None:
                yield record


def _stored_view(folder: Path) -> tuple[RunView, int]:
    """The view of `view.json` and the offset that it covers; an empty one where it is unusable."""
    try:
        document = json.loads((folder / "view.json").read_bytes())
        view, offset = view_from_document(document["view"]), int(document["offset"])
        usable = view is not None and offset <= (folder / "events.jsonl").stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return RunView(run_id=folder.name), 0
    return (view, offset) if usable and view is not None else (RunView(run_id=folder.name), 0)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left behind; the run's lock must be held."""
    for path in sorted(folder.rglob(".*"), reverse=True):
        if ".tmp" not in path.name:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sweep_workspace(workspace: Path) -> None:
    """Remove what killed writers left in the cache, and killed removals among the runs."""
    with suppress(OSError):
        run_removal.sweep(workspace)
        cache = cache_folder(workspace)
        for folder in (cache, *cache.glob("*")):
            files.sweep_dead(folder)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as its folder tells it. `state` adds `interrupted`: begun, not ended, nobody at it."""

    folder: Path
    view: RunView
    document: dict[str, Any]
    alive: bool

    @property
    def state(self) -> str:
        """One of waiting, running, finished, failed, cancelled, interrupted."""
        unfinished = self.view.state in ("waiting", "running")
        return "interrupted" if unfinished and not self.alive else self.view.state

    @property
    def backend(self) -> str | None:
        """The backend that the request named or was given."""
        backend = (self.document.get("request") or {}).get("backend")
        return str(backend) if backend else None


def read_document(path: Path) -> dict[str, Any]:
    """The content of run.json, empty where there is none; UserError for a damaged file."""
    document = files.read_json(path) if path.is_file() else {}
    return document if isinstance(document, dict) else {}


def load(folder: Path) -> StoredRun:
    """The run of a folder."""
    # Looked at before the events: a run that ends in between is finished, not interrupted.
    alive = locks.is_held(folder / "run.lock")
    view, offset = _stored_view(folder)
    for record in read_records(folder, offset):
        view = fold(view, record)
    document = read_document(folder / "run.json")
    return StoredRun(folder, view, document, alive)


def clear(folder: Path) -> None:
    """Make the folder of a stopped run ready for another attempt."""
    (folder / "cancel").unlink(missing_ok=True)
    sweep(folder)
    sweep_workspace(folder.parents[1])


def discard(folder: Path) -> None:
    """Remove a run folder that nobody works on: out of sight at once, then file by file."""
    run_removal.remove(folder)


def list_folders(workspace: Path) -> tuple[Path, ...]:
    """Every run folder of a workspace, oldest first."""
    runs = runs_folder(workspace)
    if not runs.is_dir():
        return ()
    return tuple(
        sorted(path for path in runs.iterdir() if path.is_dir() and not path.name.startswith("."))
    )


def find(workspace: Path, wanted: str) -> Path:
    """The run that an id, a unique prefix, a path or `last` names."""
    folders = list_folders(workspace)
    if wanted == "last" and folders:
        return folders[-1]
    matches = [path for path in folders if path.name == wanted] or [
        path for path in folders if path.name.startswith(wanted)
    ]
    if not matches:
        matches = [path for path in folders if str(path) == wanted.rstrip("/")]
    if len(matches) == 1:
        return matches[0]
    raise UserError(
        "run.ambiguous" if matches else "run.unknown",
        "{count} runs begin with {wanted!r}" if matches else "there is no run {wanted!r}",
        hint="`ascend-console runs list` shows them.",
        count=len(matches),
        wanted=wanted,
    )
