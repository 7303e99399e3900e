"""Files on disk: whole or absent, never half-written; hashes; locks.

Every writer goes through `atomic_path`, so a process that is killed at any moment leaves either
the old file or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ToolFailed, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20


def _cannot_write(path: Path, error: OSError) -> ToolFailed:
    """The one message for a write that failed: full disk, read-only, missing rights."""
    return ToolFailed(
        "files.write",
        "cannot write {path}: {reason}",
        hint="Free some space or choose another folder that you may write to, then run again.",
        path=path,
        reason=error.strerror or error,
    )


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it at the end, removed on any error.

    The name keeps the suffix, since some writers choose their format by it. Raises ToolFailed
    where the system cannot write.
    """
    temporary = path.with_name(f".{path.stem[:80]}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _is_dead(pid: int) -> bool:
    """Whether no process has this number; one that took it over keeps its file a while longer."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def sweep_dead(folder: Path) -> None:
    """Remove the temporary files and folders of writers in `folder` that were killed."""
    if os.name != "posix" or not folder.is_dir():
        return
    for path in folder.glob(".*.tmp*"):
        numbers = [int(part) for part in path.name.split(".") if part.isdecimal()]
        if not any(_is_dead(pid) for pid in numbers[-1:]):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path, *, keep_existing: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path`; renamed to it at the end, removed on any error.

    A folder with files that stands there by then is an error, or stays with `keep_existing`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_dead(path.parent)
        prefix = f".{path.name[:80]}-"
        temporary = Path(tempfile.mkdtemp(f".{os.getpid()}.tmp", prefix, path.parent))
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        temporary.chmod(0o755)
        yield temporary
        try:
            temporary.replace(path)
        except OSError:
            if not (keep_existing and path.is_dir()):
                raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` as a whole file."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with the line ends that it has; bytes of file names stay those bytes."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_json(path: Path, document: object) -> None:
    """Write an object as indented JSON; NaN is refused, since no reader agrees on it."""
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    # Half a character, as in a file name of another encoding, becomes a JSON escape.
    write_bytes(path, (text + "\n").encode("utf-8", "backslashreplace"))


def read_json(path: Path) -> Any:
    """The object of a JSON file; UserError names a file that is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            "files.json",
            "{path} is no readable JSON file: {reason}",
            hint="Check the path, or make the file again.",
            path=path,
            reason=error,
        ) from error


def sha256_file(path: Path) -> str:
    """SHA-256 of a file as lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_json(document: object) -> str:
    """SHA-256 of an object's canonical JSON: a key for everything that it was made from."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def remove_folder(folder: Path) -> None:
    """Remove a folder of ours with all that is in it; a missing one is well."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_write(folder, error) from error


def link_or_copy(source: Path, target: Path) -> None:
    """Put `source` at `target`: a hard link where the file system allows it, else a copy."""
    with atomic_path(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def require_file(path: Path, what: str) -> Path:
    """`path` itself, once it is seen to be a readable file; UserError says what is missing."""
    if path.is_dir():
        raise UserError(
            "files.is_folder",
            "{path} is a folder, not {what}",
            hint="Name the file itself.",
            path=path,
            what=what,
        )
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise UserError(
            "files.missing",
            "{path} cannot be read as {what}: {reason}",
            hint="Check the path and its permissions.",
            path=path,
            what=what,
            reason=error.strerror or error,
        ) from error
