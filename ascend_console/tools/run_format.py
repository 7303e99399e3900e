"""What the files of a run may hold: names, event lines and documents that are safe to read."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn

from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, RowAdded, from_json
from ascend_console.core.view import RunView, fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.events import Record

KIND = "ascend-console run"
MANIFEST = "manifest.json"

# The lock and the request to stop are of the moment; view.json only repeats the events.
LEFT_OUT = ("run.lock", "cancel", "view.json")

_MOST_NAME_BYTES = 200
_MOST_NUMBER = 1 << 53
_MOST_SECONDS = 1e9
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float | None": (int, float, type(None)),
    "int | None": (int, type(None)),
    "str | None": (str, type(None)),
    "dict[str, Any]": (dict,),
    "dict[str, str]": (dict,),
}
_UNSOUND = (
    TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packed:
    """What an archive holds, by name: size and SHA-256.

    `left_out` names links and the like, which are not packed.
    """

    run_id: str
    files: Mapping[str, tuple[int, str]]
    left_out: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of all files, unpacked."""
        return sum(size for size, _ in self.files.values())


def refuse(reason: str, message: str, hint: str, /, **values: object) -> NoReturn:
    """Raise the UserError `archive.<reason>`."""
    raise UserError(f"archive.{reason}", message, hint=hint, **values)


def is_text(name: str) -> bool:
    """Whether a name is Unicode text; on Linux a file may have another one."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_safe_name(name: str) -> bool:
    """Whether a name leads to a file below the folder that it is unpacked in, on every system."""
    return (
        "\\" not in name
        and "\0" not in name
        and not _DRIVE.match(name)
        and is_text(name)
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )


def is_packed(name: str) -> bool:
    """Whether a file of a run goes into its archive: nothing hidden, nothing of this moment."""
    hidden = any(part.startswith(".") for part in name.split("/"))
    return is_safe_name(name) and not hidden and name not in LEFT_OUT


def is_run_id(name: str) -> bool:
    """Whether a name can be that of a run folder that listings show."""
    return (
        is_safe_name(name)
        and "/" not in name
        and not name.startswith(".")
        and not _CONTROL.search(name)
        and len(name.encode()) <= _MOST_NAME_BYTES
    )


def _has_known_types(record: Record) -> bool:
    event = record.event
    for entry in fields(event):
        value = getattr(event, entry.name)
        if not isinstance(value, _TYPES.get(str(entry.type), (object,))):
            return False
        if isinstance(value, int) and abs(value) > _MOST_NUMBER:
            return False
    if isinstance(event, RowAdded) and event.table == "reasons":
        texts = [event.row.get(key) for key in ("id", "message", "gate")]
        return all(isinstance(text, str) for text in texts)
    return math.isfinite(record.elapsed_s) and abs(record.elapsed_s) <= _MOST_SECONDS


def is_sound(line: Any) -> bool:
    """Whether an event line has the types that readers rely on; unknown events pass."""
    if not isinstance(line, dict) or not isinstance(line.get("event"), str):
        return False
    try:
        record = from_json(line)
        if record is None:
            return True
        fold(RunView(), record)
        return _has_known_types(record)
    except _UNSOUND:
        return False


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def read_document(data: bytes) -> dict[str, Any] | None:
    """A JSON object of Unicode text and finite numbers; None where it is anything else."""
    try:
        document = json.loads(data, parse_constant=_no_constant)
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except _UNSOUND:
        return None
    return document if isinstance(document, dict) else None


def _is_optional(document: Mapping[str, Any], kind: type, *names: str) -> bool:
    return all(isinstance(document.get(name), (kind, type(None))) for name in names)


def is_sound_run(document: Mapping[str, Any]) -> bool:
    """Whether a `run.json` has the types that readers rely on."""
    return (
        isinstance(document.get("request", {}), dict)
        and isinstance(document.get("environment", {}), dict)
        and _is_optional(document, str, "job", "model", "started")
        and _is_optional(document, list, "command")
    )


def is_sound_verdict(document: Mapping[str, Any]) -> bool:
    """Whether a `verdict.json` has the types that readers rely on."""
    for table in ("accuracy", "performance", "reasons", "warnings", "gates"):
        rows = document.get(table, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return False
    messages = [row.get("message") for row in document.get("reasons", [])]
    return all(isinstance(message, str) for message in messages)


def _file_entry(entry: Any) -> tuple[str, tuple[int, str]] | None:
    """Name, size and hash of a line of the manifest; None where it is unusable."""
    if not isinstance(entry, dict):
        return None
    name, size, digest = entry.get("path"), entry.get("bytes"), entry.get("sha256")
    if not isinstance(name, str) or not isinstance(size, int) or not isinstance(digest, str):
        return None
    return (name, (size, digest.lower())) if size >= 0 and is_packed(name) else None


def read_manifest(data: bytes) -> Packed | str:
    """What a manifest promises, or why it cannot be used."""
    document = read_document(data)
    if document is None or document.get("kind") != KIND:
        return "its manifest is not that of a run"
    if document.get("schema") != SCHEMA:
        made_by = document.get("console")
        return f"its schema is {document.get('schema')!r}, made by ascend-console {made_by}"
    run_id, listed = document.get("run_id"), document.get("files")
    if not isinstance(run_id, str) or not is_run_id(run_id):
        return f"{run_id!r} is no id of a run"
    if not isinstance(listed, list):
        return "its manifest lists no files"
    entries = [_file_entry(entry) for entry in listed]
    kept = [entry for entry in entries if entry is not None]
    if len(kept) < len(entries) or len(dict(kept)) < len(kept):
        return "its manifest lists a file that cannot be"
    return Packed(run_id, dict(kept))
