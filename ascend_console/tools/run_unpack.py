"""Placing a run from its archive: everything in it is checked before it becomes a run.

An archive comes from another machine, perhaps from another person. Names that lead elsewhere,
links, sizes that cannot be, wrong hashes and foreign schemas are refused; the run appears by one
rename or not at all.
"""

from __future__ import annotations

import errno
import shutil
import stat
import zlib
from contextlib import contextmanager
from hashlib import sha256
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, NoReturn

from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.core.events import SCHEMA
from ascend_console.tools import files, locks, run_archive
from ascend_console.tools.run_format import (
    MANIFEST,
    Packed,
    is_safe_name,
    is_sound,
    is_sound_run,
    is_sound_verdict,
    read_document,
    read_manifest,
    refuse,
)

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from pathlib import Path

    from ascend_console.core.specs import Cancel

_IMPORTING = ".import"
_CHUNK_BYTES = 1 << 20
_MOST_DOCUMENT_BYTES = 64 << 20
_MOST_EVENTS_BYTES = 512 << 20
_MOST_MANIFEST_BYTES = 256 << 20
_ANY_RATIO_BYTES = 64 << 20  # below this size no ratio is absurd
_MOST_RATIO = 200  # logs and tables shrink up to thirty times, weights hardly at all
_ENCRYPTED = 0x1
_LOCK_LOOK_S = 0.2
_KEEP = 64 << 20  # of the disk's free space, for the run index and what else goes on


def _damaged(path: Path, reason: object) -> NoReturn:
    refuse(
        "damaged",
        "{path} is no whole archive of a run: {reason}",
        "Copy it again, or make it again with `ascend-console runs export`.",
        path=path,
        reason=reason,
    )


def _unsafe(path: Path, reason: str) -> NoReturn:
    refuse(
        "unsafe",
        "{path} is refused: {reason}",
        "Take an archive that `ascend-console runs export` made, from somebody you trust.",
        path=path,
        reason=reason,
    )


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, opened; whatever is wrong with its bytes is said once, here."""
    import zipfile

    files.require_file(path, "an archive of a run")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OverflowError,
    ) as error:  # fmt: skip
        _damaged(path, str(error) or "its end is missing")
    except OSError as error:
        if error.errno == errno.EINVAL:  # it names a place before its beginning
            _damaged(path, "it names a place outside of it")
        raise


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    import zipfile

    name = entry.filename
    mode = entry.external_attr >> 16
    if not is_safe_name(name.removesuffix("/")):
        _unsafe(path, f"{name!a} leads out of the run's folder")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        _unsafe(path, f"{name!a} is a link or a device, not a file")
    if entry.flag_bits & _ENCRYPTED:
        _unsafe(path, f"{name!a} is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        _unsafe(path, f"{name!a} is packed in a way that no export uses")


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of the archive by name, once their names, kinds and sizes are seen to be sane."""
    found = {}
    for entry in archive.infolist():
        _check_entry(path, entry)
        if entry.is_dir():
            continue
        if entry.filename in found:
            _unsafe(path, f"{entry.filename!a} is in it twice")
        found[entry.filename] = entry
    folders = {str(above) for name in found for above in PurePosixPath(name).parents}
    if both := folders & found.keys():
        _unsafe(path, f"{min(both)!a} is a file and a folder")
    archive_bytes = path.stat().st_size
    packed = sum(entry.compress_size for entry in found.values())
    unpacked = sum(entry.file_size for entry in found.values())
    too_dense = unpacked > max(_ANY_RATIO_BYTES, _MOST_RATIO * archive_bytes)
    if packed > archive_bytes or too_dense:
        _unsafe(path, f"{archive_bytes:,} bytes would become {unpacked:,}")
    return found


def _manifest(path: Path, archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> Packed:
    """What the archive promises, once it is seen to hold just that."""
    entry = entries.pop(MANIFEST, None)
    if entry is None or entry.file_size > _MOST_MANIFEST_BYTES:
        _damaged(path, f"it has no {MANIFEST}")
    packed = read_manifest(archive.read(entry))
    if isinstance(packed, str):
        refuse(
            "schema",
            "{path} cannot be imported: {reason}",
            f"This console reads schema {SCHEMA}; take the version that made the archive.",
            path=path,
            reason=packed,
        )
    promised = {f"{packed.run_id}/{name}": size for name, (size, _) in packed.files.items()}
    present = {name: entry.file_size for name, entry in entries.items()}
    if promised != present:
        odd = sorted(set(promised.items()) ^ set(present.items()))[0][0]
        _damaged(path, f"{odd!a} does not agree with its manifest")
    missing = {"run.json", "events.jsonl"} - packed.files.keys()
    if missing:
        _damaged(path, f"it has no {min(missing)}")
    return packed


def _unpack_one(source: IO[bytes], target: Path, size: int, cancel: Cancel) -> str:
    """Write one file of at most `size` bytes, and no more whatever comes; its SHA-256."""
    digest, left = sha256(), size
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        while left and (chunk := source.read(min(left, _CHUNK_BYTES))):
            if cancel.is_set():
                raise Interrupted
            digest.update(chunk)
            stream.write(chunk)
            left -= len(chunk)
    return digest.hexdigest() if not left else ""


def _unpack_all(
    path: Path, archive: zipfile.ZipFile, packed: Packed, folder: Path, cancel: Cancel
) -> None:
    free = shutil.disk_usage(folder).free
    if packed.bytes + _KEEP > free:
        raise ToolFailed(
            "archive.space",
            "{path} needs {needed} MB, and {free} MB are free",
            hint="Free some space, or name another folder with --workspace.",
            path=path,
            needed=packed.bytes >> 20,
            free=free >> 20,
        )
    for name, (size, promised) in packed.files.items():
        with archive.open(f"{packed.run_id}/{name}") as source:
            if _unpack_one(source, folder / name, size, cancel) != promised:
                _damaged(path, f"the SHA-256 of {name!a} is another one")


def _document(path: Path, folder: Path, name: str, most_bytes: int) -> bytes:
    if (folder / name).stat().st_size > most_bytes:
        _unsafe(path, f"its {name} is too large to be one")
    return (folder / name).read_bytes()


def _check_documents(path: Path, folder: Path, packed: Packed) -> None:
    """Whether the run's own files have the schema of this console."""

    def unreadable(name: str) -> NoReturn:
        refuse(
            "schema",
            "{path} cannot be imported: {reason}",
            "Make it again with the console that recorded the run.",
            path=path,
            reason=f"its {name} is not what this console reads",
        )

    checks = {"run.json": is_sound_run, "verdict.json": is_sound_verdict}
    for name in checks.keys() & packed.files.keys():
        document = read_document(_document(path, folder, name, _MOST_DOCUMENT_BYTES))
        if document is None or document.get("schema") != SCHEMA or not checks[name](document):
            unreadable(name)
        if document.get("run_id") != packed.run_id:
            _damaged(path, f"its {name} is that of another run")
    lines = _document(path, folder, "events.jsonl", _MOST_EVENTS_BYTES).split(b"\n")
    torn = lines.pop()  # the last line of a run that was killed, or nothing
    documents = [read_document(line) for line in lines]
    for number, line in enumerate(documents, 1):
        if line is None or line.get("schema") != SCHEMA or not is_sound(line):
            unreadable(f"events.jsonl, line {number},")
    if torn and (last := read_document(torn)) is not None and not is_sound(last):
        unreadable("events.jsonl, last line,")


@contextmanager
def _alone(runs: Path, cancel: Cancel) -> Iterator[Path]:
    """A hidden folder for one import at a time; what an import that was killed left is removed."""
    folder = runs / _IMPORTING
    runs.mkdir(parents=True, exist_ok=True)
    lock = locks.FileLock(runs / f"{_IMPORTING}.lock")
    while not lock.acquire():
        if cancel.wait(_LOCK_LOOK_S):
            raise Interrupted
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _is_here(folder: Path, packed: Packed, cancel: Cancel) -> bool:
    """Whether the run is here already; UserError where it is another one with the same id."""
    if not folder.exists():
        return False
    run_archive.require_idle(folder)
    has_records = all((folder / name).is_file() for name in ("run.json", "events.jsonl"))
    if has_records and run_archive.contents(folder, cancel).files == packed.files:
        return True
    return refuse(
        "exists",
        "another run {name} is here already",
        "Keep it, or delete it first: ascend-console runs delete {name} --yes.",
        name=packed.run_id,
    )


def unpack(path: Path, runs: Path, utc: str, cancel: Cancel) -> tuple[Path, Packed, bool]:
    """Place the run of an archive under `runs`: its folder, what it holds, and whether it is new.

    `run.json` gets `imported` with the time and the archive's name; a run that is here already,
    with the same content, stays as it is.
    """
    try:
        with _opened(path) as archive:
            packed = _manifest(path, archive, _entries(path, archive))
            target = runs / packed.run_id
            if _is_here(target, packed, cancel):
                return target, packed, False
            with _alone(runs, cancel) as folder:
                _unpack_all(path, archive, packed, folder, cancel)
                _check_documents(path, folder, packed)
                document = files.read_json(folder / "run.json")
                document["imported"] = {"at": utc, "from": path.name}
                files.write_json(folder / "run.json", document)
                if _is_here(target, packed, cancel):
                    return target, packed, False
                folder.rename(target)
            return target, packed, True
    except OSError as error:
        raise ToolFailed(
            "archive.place",
            "{path} cannot be unpacked into {runs}: {reason}",
            hint="Free some space or name another folder with --workspace, then import again.",
            path=path,
            runs=runs,
            reason=error.strerror or error,
        ) from error
