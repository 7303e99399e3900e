"""A run as one zip file, packed on one machine and placed on another.

The archive has the run's files under `<run id>/`, with paths inside the run made relative, and
`manifest.json` with the size and SHA-256 of each. The same run always gives the same bytes.
`view.json` is left out: it only repeats the events.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import ascend_console
from ascend_console.core.errors import Interrupted, UserError
from ascend_console.core.events import SCHEMA
from ascend_console.tools import files, locks
from ascend_console.tools.run_format import (
    KIND,
    LEFT_OUT,
    MANIFEST,
    Packed,
    is_run_id,
    is_safe_name,
    refuse,
)

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Mapping

    from ascend_console.core.specs import Cancel

_PACKED_ALREADY = (".onnx", ".om", ".bin", ".npy", ".pth", ".pt", ".zip", ".png", ".jpg")
_CHUNK_BYTES = 1 << 20
_ZIP64_BYTES = 1 << 31


def _relative(value: Any, inside: re.Pattern[str]) -> Any:
    """The document with every `path` that leads into the run made relative to its folder."""
    if isinstance(value, list):
        return [_relative(part, inside) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inside.sub("", part)
        if key == "path" and isinstance(part, str)
        else _relative(part, inside)
        for key, part in value.items()
    }


def _portable_line(line: bytes, inside: re.Pattern[str]) -> bytes:
    """An event line with relative paths; one that has none stays as it is, byte for byte."""
    if b'"path"' not in line:
        return line
    try:
        document = json.loads(line)
    except ValueError:
        return line
    changed = _relative(document, inside)
    if changed == document:
        return line
    return json.dumps(changed, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _rewritten(folder: Path) -> dict[str, bytes]:
    """The files that are not packed as they are: without paths and origins of this machine."""
    name = re.escape(folder.name)
    inside = re.compile(rf"^(?:/|[A-Za-z]:[/\\]).*[/\\]{name}[/\\]", re.DOTALL)
    changed = {}
    document = files.read_json(folder / "run.json")
    if isinstance(document, dict) and document.pop("imported", None):
        changed["run.json"] = json_bytes(document)
    with (folder / "events.jsonl").open("rb") as stream:
        changed["events.jsonl"] = b"".join(_portable_line(line, inside) for line in stream)
    return changed


def json_bytes(document: object) -> bytes:
    """The bytes that `files.write_json` writes."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return (text + "\n").encode("utf-8", "replace")


def _members(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files to pack and of what is left out; hidden files are passed over."""
    packed: list[str] = []
    left_out: list[str] = []
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*names, *links]):
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if name.startswith(".") or relative in LEFT_OUT:
                continue
            regular = path.is_file() and not path.is_symlink()
            (packed if regular else left_out).append(relative)
    return packed, left_out


def _chunks(stream: IO[bytes], cancel: Cancel) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        if cancel.is_set():
            raise Interrupted
        yield chunk


@contextmanager
def _source(folder: Path, name: str, changed: Mapping[str, bytes]) -> Iterator[IO[bytes]]:
    """The bytes of a member, opened."""
    if name in changed:
        yield io.BytesIO(changed[name])
        return
    try:
        stream = (folder / name).open("rb")
    except OSError as error:
        raise UserError(
            "archive.unreadable",
            "{path} cannot be read: {reason}",
            hint="Check who owns the file, then try again.",
            path=folder / name,
            reason=error.strerror or error,
        ) from error
    with stream:
        yield stream


def require_idle(folder: Path) -> None:
    """UserError where the run is going on."""
    if locks.is_held(folder / "run.lock"):
        refuse(
            "alive",
            "the run {name} is going on",
            "Wait for its end, or stop it: ascend-console runs cancel {name}.",
            name=folder.name,
        )


def _packable(folder: Path) -> tuple[list[str], list[str]]:
    """The members of a run that can be packed; UserError says why it cannot."""
    require_idle(folder)
    names, left_out = _members(folder)
    if not {"run.json", "events.jsonl"} <= set(names) or not is_run_id(folder.name):
        refuse(
            "nothing",
            "the run {name} recorded nothing that could be packed",
            "`ascend-console runs list` shows the others.",
            name=folder.name,
        )
    for name in names:
        if not is_safe_name(name):
            refuse(
                "name",
                "{file} of the run {name} has a name that other systems cannot hold",
                "Rename the file, then export again.",
                file=ascii(name),
                name=folder.name,
            )
    return names, left_out


def _copy(stream: IO[bytes], sink: IO[bytes] | None, cancel: Cancel) -> tuple[int, str]:
    """Size and SHA-256 of what was read, and, with a sink, written."""
    digest, size = sha256(), 0
    for chunk in _chunks(stream, cancel):
        digest.update(chunk)
        size += len(chunk)
        if sink is not None:
            sink.write(chunk)
    return size, digest.hexdigest()


def contents(folder: Path, cancel: Cancel) -> Packed:
    """What packing a run would put into its archive."""
    names, left_out = _packable(folder)
    changed, found = _rewritten(folder), {}
    for name in names:
        with _source(folder, name, changed) as stream:
            found[name] = _copy(stream, None, cancel)
    return Packed(folder.name, found, tuple(left_out))


def _entry(name: str) -> zipfile.ZipInfo:
    """The header of a member: no time and no owner, so that the same run gives the same bytes."""
    import zipfile

    entry = zipfile.ZipInfo(name)
    entry.create_system = 3  # the system whose file modes follow
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    stored = name.endswith(_PACKED_ALREADY)
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    return entry


def _manifest(packed: Packed) -> bytes:
    listed = [
        {"path": name, "bytes": size, "sha256": digest}
        for name, (size, digest) in packed.files.items()
    ]
    return json_bytes(
        {
            "schema": SCHEMA,
            "kind": KIND,
            "console": ascend_console.__version__,
            "run_id": packed.run_id,
            "files": listed,
        }
    )


def _last_event(folder: Path) -> tuple[int, int]:
    seen = (folder / "events.jsonl").stat()
    return seen.st_mtime_ns, seen.st_size


def pack(folder: Path, target: Path, cancel: Cancel) -> Packed:
    """Write the archive of a run to `target`, whole or not at all."""
    import zipfile

    names, left_out = _packable(folder)
    before = _last_event(folder)
    changed, found = _rewritten(folder), {}
    with files.atomic_path(target) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name in names:
                with _source(folder, name, changed) as stream:
                    size = os.fstat(stream.fileno()).st_size if name not in changed else 0
                    big = size >= _ZIP64_BYTES
                    entry = _entry(f"{folder.name}/{name}")
                    with archive.open(entry, "w", force_zip64=big) as member:
                        found[name] = _copy(stream, member, cancel)
            packed = Packed(folder.name, found, tuple(left_out))
            archive.writestr(_entry(MANIFEST), _manifest(packed))
        require_idle(folder)
        if _last_event(folder) != before:
            refuse(
                "changed",
                "the run {name} changed while it was packed",
                "Wait until nothing works on it, then export again.",
                name=folder.name,
            )
    return packed
