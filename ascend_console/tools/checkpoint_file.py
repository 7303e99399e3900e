"""What a file that is named as a checkpoint really is, seen from its bytes; nothing is unpickled.

Files of `torch.save` are zip archives, or, before torch 1.6, pickles in a row ("legacy").
"""

from __future__ import annotations

import contextlib
import io
import lzma
import pickletools
import re
import struct
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Literal, NoReturn

from ascend_console.core.errors import ToolFailed, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

Format = Literal["zip", "legacy"]

_HEAD_BYTES = 4096
_ZIP_END = b"PK\x05\x06"
_PICKLE_BYTES = 16 << 20  # far more than the keys of any model take
_DOS_FOLDER = 0x10
_TAIL_BYTES = 65_557  # the directory's end with the longest comment
_AGAIN = "Download it again and compare its size and checksum."
_NAME = "Name the checkpoint itself: a .pth or .pth.tar file."

# What the zipfile module raises for an archive with wrong bytes in it.
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")

_MAGIC = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x7fELF", "a program"),
    (b"IMOD", "an om model"),
)

# What torch.save writes for weights; anything else in a pickle names code that is not weights.
_WEIGHT_GLOBAL = re.compile(
    r"collections\.OrderedDict|_codecs\.encode"
    r"|torch\._utils\.\w+|torch\._tensor\.\w+|torch\.storage\.\w+|torch\.serialization\.\w+"
    r"|torch\.nn\.parameter\.Parameter|torch\.(Size|Tensor|device|\w+Storage)"
    r"|torch\.(b?float|double|half|u?int|long|short|bool|complex)\w*"
)


def _refuse(error_id: str, message: str, hint: str, path: Path, **values: object) -> NoReturn:
    raise UserError(f"checkpoint.{error_id}", message, hint=hint, path=path, **values)


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        _refuse("folder", "{path} is a folder, not a checkpoint", _NAME, path)
    if not path.exists():
        _refuse("missing", "there is no file {path}", "Check the path.", path)
    if not path.is_file():
        _refuse("special", "{path} is no regular file", _NAME, path)
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except PermissionError:
        _refuse("unreadable", "{path} may not be read", "Check its permissions.", path)
    except OSError as error:
        raise ToolFailed(
            "checkpoint.read",
            "cannot read {path}: {reason}",
            hint="Check the disk, then run again.",
            path=path,
            reason=error.strerror or error,
        ) from error


def _is_text(head: bytes) -> bool:
    try:
        text = head[: _HEAD_BYTES - 4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\t\r\n\f" for char in text)


def _kind(head: bytes, suffix: str) -> str:
    """What a file that is no checkpoint is, in words."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "a safetensors file"
    if suffix == ".onnx":
        return "an ONNX model"
    return "a text file" if _is_text(head) else "no checkpoint: its first bytes are none of torch's"


def checkpoint_format(path: Path) -> Format:
    """Which of torch's two formats a file has; UserError says what it is instead.

    A zip is checked whole: its directory, its kind, and the checksum of every record, which
    torch itself does not compare.
    """
    head = _read_head(path)
    if not head:
        _refuse("empty", "{path} is empty", _AGAIN, path)
    page = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if page.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        _refuse(
            "html",
            "{path} is a web page, not a checkpoint",
            "The download got a page instead of the file: open the link in a browser, or fetch the "
            "file's direct address.",
            path,
        )
    if head.startswith(b"version https://git-lfs"):
        _refuse(
            "lfs",
            "{path} is a Git LFS pointer, not the checkpoint",
            "Fetch the file itself: git lfs pull.",
            path,
        )
    if head.startswith(b"PK\x03\x04"):
        _check_zip(path)
        return "zip"
    if head[0] == 0x80 and len(head) > 1 and 2 <= head[1] <= 5:
        return "legacy"
    _refuse("kind", "{path} is {kind}", _NAME, path, kind=_kind(head, path.suffix.lower()))


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_records(path, archive)
    except _ARCHIVE_ERRORS as error:
        if _ZIP_END not in _read_tail(path):
            _refuse("truncated", "{path} is cut off: the end of the file is missing", _AGAIN, path)
        raise damaged(path, str(error)) from error


def _read_tail(path: Path) -> bytes:
    """The last bytes of a file, where a zip archive keeps the place of its directory."""
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - _TAIL_BYTES))
        return stream.read()


def _check_records(path: Path, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        _refuse(
            "torchscript",
            "{path} is a TorchScript archive, which carries code",
            "Save the weights alone: torch.save(model.state_dict(), 'weights.pth').",
            path,
        )
    if not any(name.endswith("/data.pkl") for name in names):
        inside = [name for name in names if name.endswith((".pth", ".tar", ".pt"))]
        _refuse(
            "archive",
            "{path} is a zip archive, not a checkpoint",
            "Unpack it and name the file inside{inside}.",
            path,
            inside=f": {inside[0]}" if inside else "",
        )
    for record in archive.infolist():
        # torch skips such a record and leaves its tensor as the memory happened to be.
        if record.filename.endswith("/") or record.external_attr & _DOS_FOLDER:
            raise damaged(path, f"{record.filename} is marked as a folder")
    bad = archive.testzip()
    if bad is not None:
        raise damaged(path, f"the checksum of {bad} is wrong")


def damaged(path: Path, reason: str) -> UserError:
    """The error for a file that began as a checkpoint and does not hold together."""
    return UserError(
        "checkpoint.damaged",
        "{path} is damaged: {reason}",
        hint=_AGAIN,
        path=path,
        reason=reason,
    )


def refusal(path: Path, kind: Format, error: Exception) -> UserError:
    """Why torch refused what looked like a checkpoint: code, a foreign pickle, or damage."""
    foreign = foreign_globals(path, kind)
    if foreign:
        return UserError(
            "checkpoint.code",
            "{path} holds more than weights: loading it would run {name!r}, so it was not loaded",
            hint="Do not load it if you do not know who made it. Otherwise save the weights alone "
            "where it was made: torch.save(model.state_dict(), 'weights.pth').",
            path=path,
            name=foreign[0],
        )
    if kind == "legacy" and _LEGACY_MAGIC not in _read_head(path)[:16]:
        return UserError(
            "checkpoint.kind",
            "{path} is {kind}",
            hint=_NAME,
            path=path,
            kind="a pickle that torch did not write",
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return damaged(path, lines[0][:200])


def _pickles(path: Path, kind: Format) -> Iterator[BinaryIO]:
    """The pickles of a checkpoint, each as a stream that stands at its start."""
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".pkl"):
                    yield io.BytesIO(archive.read(name))
        return
    with path.open("rb") as file:
        stream = io.BytesIO(file.read(_PICKLE_BYTES))
    for _ in range(5):  # magic number, protocol, system, object, storage keys
        yield stream


def foreign_globals(path: Path, kind: Format) -> tuple[str, ...]:
    """Names of the classes and functions in a checkpoint's pickles that weights do not need.

    Reads the pickle's instructions one by one without following any. A damaged pickle gives what
    stands before the damage.
    """
    found: dict[str, None] = {}
    # torch's own refusal stands; the names only explain it.
    with (
        contextlib.suppress(KeyError, IndexError, *_ARCHIVE_ERRORS),
        warnings.catch_warnings(action="ignore"),
    ):
        for stream in _pickles(path, kind):
            for name in _global_names(stream):
                found[name] = None
    return tuple(name for name in found if not _WEIGHT_GLOBAL.fullmatch(name))


def _global_names(stream: BinaryIO) -> Iterator[str]:
    strings: list[str] = []
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(strings[-2:])
        elif isinstance(argument, str):
            strings.append(argument)


def read_note(path: Path) -> str:
    """The note that `add_note` left, or nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment.decode("utf-8", "replace")
    except _ARCHIVE_ERRORS:
        return ""


def add_note(data: bytes, note: str) -> bytes:
    """A zip checkpoint with `note` as the archive's comment: outside of everything torch reads."""
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = note.encode("utf-8")
    return stream.getvalue()
