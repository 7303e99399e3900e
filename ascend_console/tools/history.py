"""The history of a workspace: one summary a run, from the run folders.

`index.sqlite` only saves reading: a summary in it counts while the files that it was made from
have the same times and sizes. The folders are the truth. An index that is missing, damaged or of
another version is made again from them; one that is locked or cannot be written is passed over.
"""

from __future__ import annotations

import json
import os
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.core.events import Progress, StepStarted
from ascend_console.tools import locks, run_folder
from ascend_console.tools.paths import runs_folder
from ascend_console.tools.run_format import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterable, Mapping

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Cancel
    from ascend_console.tools.run_folder import StoredRun

_VERSION = 1  # of the table, and of what a summary holds: another one is built anew
_WAIT_S = 1.0
_MANY = 300  # runs that are read without a word
_CHUNK = 500  # summaries that one write holds, so that a build that is stopped keeps its work
_ALIVE = ("waiting", "running")
_ENDED = ("finished", "failed", "cancelled")

# What a folder made by anything else can do to its reader.
_UNREADABLE = (
    ConsoleError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError,
)  # fmt: skip


class RunSummary(NamedTuple):
    """One run as listings show it.

    `figures` has batch_sizes, metric, accuracy, throughput and best_batch_size of a finished run;
    the throughput is that of the best trusted measurement. `problem` says why a folder could not
    be read; then the rest is unknown.
    """

    run_id: str
    job: str | None = None
    model: str | None = None
    backend: str | None = None
    device: str | None = None
    weights: str | None = None
    started: str | None = None
    elapsed_s: float | None = None
    state: str = "waiting"
    verdict: str | None = None
    origin: str = "local"
    attempt: int = 0
    processor: str | None = None
    figures: dict[str, Any] = {}  # noqa: RUF012 - never changed, and a tuple has no factory
    problem: str | None = None

    @property
    def began(self) -> str:
        """When the run began, as text that sorts; by its id where it recorded no start."""
        name = self.run_id
        stamp = f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:{name[13:15]}"
        return self.started or stamp


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _rows(verdict: Mapping[str, Any], table: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a table with their batch sizes."""
    rows = verdict.get(table)
    usable = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [(row["batch_size"], row) for row in usable if isinstance(row.get("batch_size"), int)]


def _figures(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The best figures of a `verdict.json`; what it does not tell is None."""
    accuracy, performance = _rows(verdict, "accuracy"), _rows(verdict, "performance")
    best = verdict.get("best_batch_size")
    known = [_text(row.get("metric")) for _, row in accuracy]
    metric = next((name for name in ("top1", "instance_acc", *known) if name in known), None)
    values = [(size == best, _number(row.get("value")))
              for size, row in accuracy if row.get("metric") == metric]  # fmt: skip
    rates = [_number(row.get("throughput"))
             for size, row in performance if size == best and row.get("valid")]  # fmt: skip
    return {
        "batch_sizes": sorted({size for size, _ in (*accuracy, *performance)}),
        "metric": metric,
        "accuracy": next((value for is_best, value in values if is_best),
                         next((value for _, value in values), None)),
        "throughput": next(iter(rates), None),
        "best_batch_size": best if isinstance(best, int) else None,
    }  # fmt: skip


def verdict_document(run: StoredRun) -> dict[str, Any]:
    """`verdict.json` of a finished run; of no other, where it may be that of an earlier attempt."""
    if run.view.state != "finished":
        return {}
    with suppress(OSError, ValueError, RecursionError):
        document = json.loads((run.folder / "verdict.json").read_bytes())
        return document if isinstance(document, dict) else {}
    return {}


def _recorded(run: StoredRun) -> RunSummary:
    """The summary as the files tell it; whether the run lives is not in them."""
    view, document, verdict = run.view, run.document, verdict_document(run)
    started = _text(view.started) or _text(document.get("started"))
    environment = document.get("environment")
    return RunSummary(
        run_id=run.folder.name,
        job=_text(view.job) or _text(document.get("job")),
        model=_text(document.get("model")),
        backend=_text(run.backend),
        device=_text(verdict.get("device")),
        weights=_text(verdict.get("weights")),
        started=started,
        elapsed_s=round(view.elapsed_s, 3) if view.started else None,
        state=view.state,
        verdict=view.verdict,
        origin="imported" if document.get("imported") else "local",
        attempt=view.attempt,
        processor=_text(environment.get("processor")) if isinstance(environment, dict) else None,
        figures=_figures(verdict) if verdict else {},
    )


def _read(folder: Path) -> RunSummary | None:
    """The summary of a folder; None where the folder has gone, `problem` where it is damaged."""
    try:
        return _recorded(run_folder.load(folder))
    except _UNREADABLE as error:
        if not folder.is_dir():
            return None
        reason = error.message if isinstance(error, ConsoleError) else str(error)
        return RunSummary(folder.name, problem=reason or type(error).__name__)


def _signature(folder: str) -> str:
    """Times and sizes of what a summary is made from; `view.json` only repeats the events."""
    parts = []
    for name in ("run.json", "events.jsonl", "verdict.json"):
        try:
            seen = os.stat(f"{folder}/{name}")
        except OSError:
            parts.append("-")
        else:
            parts.append(f"{seen.st_mtime_ns} {seen.st_size}")
    return " ".join(parts)


def _look(folder: Path, kept: tuple[str, RunSummary] | None) -> tuple[str, RunSummary, str] | None:
    """Signature, recorded summary and present state of a run; None where it has gone.

    Who holds the lock is looked at before the files: a run that ends in between is then seen with
    its end, and not as one that was interrupted.
    """
    lock = folder / "run.lock"
    held = locks.is_held(lock)
    signature = _signature(str(folder))
    entry = kept[1] if kept is not None and kept[0] == signature else _read(folder)
    if entry is None:
        return None
    if entry.state in _ENDED:
        return signature, entry, entry.state
    return signature, entry, entry.state if held or locks.is_held(lock) else "interrupted"


def summary(folder: Path) -> RunSummary:
    """The summary of a run folder, read now; `problem` says why it could not be."""
    seen = _look(folder, None)
    if seen is None:
        return RunSummary(folder.name, state="interrupted", problem="it has gone")
    return seen[1]._replace(state=seen[2])


def _signatures(workspace: Path) -> dict[str, str]:
    """Every run folder's name with its signature."""
    try:
        with os.scandir(runs_folder(workspace)) as entries:
            return {
                entry.name: _signature(entry.path)
                for entry in entries
                if entry.name[0] != "." and entry.is_dir()
            }
    except OSError:
        return {}


def _checksum(run_id: object, signature: object, summary: object) -> int:
    """What tells a row that was overwritten: SQLite does not notice a changed digit."""
    return crc32(f"{run_id}\n{signature}\n{summary}".encode("utf-8", "surrogateescape"))


class _Index:
    """The SQLite file. Where it cannot serve, it knows nothing and keeps nothing."""

    def __init__(self, workspace: Path) -> None:
        self._path = workspace / "index.sqlite"
        self._serves = True

    def read(self) -> dict[str, tuple[str, RunSummary]]:
        """Signature and summary of every row that is whole."""
        import sqlite3

        if not self._path.is_file():
            return {}
        try:
            with closing(self._connect()) as connection:
                query = "SELECT run_id, signature, summary, checksum FROM runs"
                rows = connection.execute(query).fetchall() if _is_ours(connection) else []
        except sqlite3.Error as error:
            self._fail(error)
            return {}
        whole = [row[:3] for row in rows if _checksum(*row[:3]) == row[3]]
        values = json.loads(f"[{','.join(row[2] for row in whole)}]")
        return {
            row[0]: (row[1], RunSummary(*fields)) for row, fields in zip(whole, values, strict=True)
        }

    def write(self, changed: list[tuple[str, RunSummary]], gone: Iterable[str]) -> None:
        """Keep summaries with their signatures, and forget the runs that have gone."""
        import sqlite3

        rows = []
        for signature, entry in changed:
            text = json.dumps(entry, default=str)
            checksum = _checksum(entry.run_id, signature, text)
            rows.append((entry.run_id, signature, text, checksum))
        for _ in range(2):  # once more where the first one found damage and removed it
            if not self._serves:
                return
            try:
                self._store(rows, [(name,) for name in gone])
            except sqlite3.Error as error:
                self._fail(error)
            else:
                return

    def _connect(self) -> sqlite3.Connection:
        """A connection without WAL, which a network file system cannot hold."""
        import sqlite3

        return sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None)

    def _store(self, rows: list[tuple[str, str, str, int]], gone: list[tuple[str]]) -> None:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _is_ours(connection):
                connection.execute(
                    "CREATE TABLE runs (run_id TEXT PRIMARY KEY, signature TEXT NOT NULL, "
                    "summary TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID"
                )
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", rows)
            connection.executemany("DELETE FROM runs WHERE run_id = ?", gone)
            connection.execute("COMMIT")

    def _fail(self, error: sqlite3.Error) -> None:
        """Remove a damaged index; leave alone what is locked, full or not ours to write.

        What belongs to a damaged one goes too: it would be applied to the next one.
        """
        self._serves = _is_damage(error)
        if not self._serves:
            return
        for suffix in ("-journal", "-wal", "-shm", ""):
            with suppress(OSError):
                Path(f"{self._path}{suffix}").unlink()


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the table of this version is there; an empty file has none, another one is damage."""
    import sqlite3

    if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
        return True
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("another version")
    return False


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the index must be made again; a lock or a full disk is no damage."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return code not in (
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_AUTH,
    )  # fmt: skip


def _is_current(kept: tuple[str, RunSummary] | None, signature: str) -> bool:
    """Whether a row of the index is that of a run which ended and has not changed since."""
    return kept is not None and kept[0] == signature and kept[1].state in _ENDED


def reading(
    workspace: Path, cancel: Cancel | None = None
) -> Generator[Event, None, list[RunSummary]]:
    """As `summaries`, and tells how far it is where many runs are new to the index."""
    seen = _signatures(workspace)
    if not seen:
        return []
    index, runs = _Index(workspace), runs_folder(workspace)
    known = index.read()
    found = [known[name][1] for name in seen if _is_current(known.get(name), seen[name])]
    unknown = [name for name in seen if not _is_current(known.get(name), seen[name])]
    if is_told := len(unknown) > _MANY:
        yield StepStarted("read the history", 1, 1)
    changed: list[tuple[str, RunSummary]] = []
    for done, name in enumerate(unknown, 1):
        if cancel is not None and cancel.is_set():
            raise Interrupted
        if is_told:
            yield Progress(done, len(unknown), "runs")
        kept = known.get(name)
        looked = _look(runs / name, kept)
        if looked is None:
            continue
        signature, entry, state = looked
        found.append(entry._replace(state=state))
        is_new = kept is None or kept[1] is not entry
        if is_new and entry.problem is None and state not in _ALIVE and is_text(name):
            changed.append((signature, entry))
        if len(changed) >= _CHUNK:
            index.write(changed, ())
            changed = []
    gone = known.keys() - seen.keys()
    if changed or gone:
        index.write(changed, gone)
    return sorted(found, key=lambda entry: (entry.began, entry.run_id), reverse=True)


def summaries(workspace: Path, cancel: Cancel | None = None) -> list[RunSummary]:
    """Every run of a workspace, newest first. Raises Interrupted once `cancel` is set."""
    steps = reading(workspace, cancel)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[RunSummary] = end.value
            return found


def find(workspace: Path, wanted: str) -> Path:
    """The run that an id, a unique prefix, a path or `last` (by its start) names.

    A path may lead to a run of another workspace.
    """
    if wanted == "last":
        newest = summaries(workspace)[:1]
        if newest:
            return runs_folder(workspace) / newest[0].run_id
    is_path = os.sep in wanted or wanted in (".", "..")
    by_path = _find_path(workspace, Path(wanted)) if is_path else None
    return by_path or run_folder.find(workspace, wanted)


def _find_path(workspace: Path, wanted: Path) -> Path | None:
    """The run folder at a path; None where there is none."""
    try:
        path, runs = wanted.resolve(), runs_folder(workspace).resolve()
        if not any((path / name).is_file() for name in ("run.json", "events.jsonl")):
            return None
    except (OSError, RuntimeError):  # a name too long, or links in a circle
        return None
    return runs_folder(workspace) / path.name if path.parent == runs else path
