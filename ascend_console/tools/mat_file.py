"""MATLAB files of version 5 to 7: numbers, texts, cell arrays and structs; nothing else.

A reader for annotation files, which come from strangers: every size is checked against what is
really there before anything is built from it.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ascend_console.core.errors import UserError
from ascend_console.tools.files import require_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEADER_BYTES = 128
_LARGEST_BYTES = 512 << 20
_DEEPEST = 16
_COMPLEX = 0x08

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_TEXTS = {2: "latin-1", 1: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_CLASS_DTYPES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell array, its values in MATLAB's order: column after column."""

    shape: tuple[int, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct array in MATLAB's order; each element maps every field, in the order of the file."""

    shape: tuple[int, ...]
    values: tuple[dict[str, Any], ...]


class _Damaged(Exception):
    """The bytes do not hold together."""


def _damaged(reason: str) -> NoReturn:
    raise _Damaged(reason)


def is_mat(path: Path) -> bool:
    """Whether a file begins as a MATLAB file of any version from 5 on."""
    with require_file(path, "an annotation file").open("rb") as stream:
        head = stream.read(_HEADER_BYTES)
    return len(head) == _HEADER_BYTES and head[126:] in (b"IM", b"MI")


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a file: numbers as numpy arrays, texts as str, else Cell and Struct.

    Raises UserError for files of other versions, for damaged ones, and for kinds of values that
    this reader does not know (sparse and complex numbers, objects, functions).
    """
    if require_file(path, "a MATLAB file").stat().st_size > _LARGEST_BYTES:
        _refuse(path, f"it is larger than {_LARGEST_BYTES >> 20} MiB")
    data = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER_BYTES])
    if order is None:
        _refuse(path, "it is no MATLAB file of version 5 or later")
    version = struct.unpack(order + "H", data[124:126])[0]
    if version != 0x0100:
        _refuse(path, "it was saved as version 7.3: save it again with save(…, '-v7')")
    try:
        reader = _Reader(order)
        variables = {}
        for kind, body in reader.elements(memoryview(data)[_HEADER_BYTES:], packed=True):
            if kind == _MATRIX:
                name, value = reader.matrix(body, 0)
                variables[name] = value
    except (_Damaged, zlib.error, ValueError, OverflowError, MemoryError) as error:
        _refuse(path, str(error))
    return variables


def _refuse(path: Path, reason: str) -> NoReturn:
    raise UserError(
        "mat.unreadable",
        "{path} cannot be read: {reason}",
        hint="Name the PETA.mat of the data set, or download it again.",
        path=path,
        reason=reason,
    )


class _Reader:
    """Reads elements of one byte order; what is unpacked in all is bounded."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._left = _LARGEST_BYTES

    def elements(self, data: memoryview, *, packed: bool = False) -> Iterator[tuple[int, Any]]:
        """Type and body of each element; `packed` ones are unpacked on the way."""
        offset = 0
        while offset < len(data):
            kind, start, size, offset = self._tag(data, offset)
            body = data[start : start + size]
            if kind == _COMPRESSED and packed:
                yield from self.elements(memoryview(self._unpacked(body)))
            else:
                yield kind, body

    def _tag(self, data: memoryview, offset: int) -> tuple[int, int, int, int]:
        """Type, first byte and size of the element at `offset`, and where the next one is."""
        if len(data) - offset < 8:
            _damaged("it ends in the middle")
        word, size = struct.unpack_from(self._order + "II", data, offset)
        if word >> 16:  # four bytes or less stand in the tag itself
            kind, size = word & 0xFFFF, word >> 16
            if size > 4:
                _damaged("a size in it is wrong")
            return kind, offset + 4, size, offset + 8
        start = offset + 8
        if size > len(data) - start:
            _damaged("it is cut off, or a size in it is wrong")
        padding = 0 if word == _COMPRESSED else -size % 8
        return word, start, size, start + size + padding

    def _unpacked(self, body: memoryview) -> bytes:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(body, self._left)
        if unpacker.unconsumed_tail:
            _damaged(f"it unpacks to more than {_LARGEST_BYTES >> 20} MiB")
        if not unpacker.eof:
            _damaged("a packed part of it is cut off")
        self._left -= len(found)
        return found

    def matrix(self, body: memoryview, depth: int) -> tuple[str, Any]:
        """Name and value of an array element."""
        import numpy as np

        if depth > _DEEPEST:
            _damaged("its values are nested too deep")
        if not len(body):
            return "", np.zeros((0, 0))
        parts = self.elements(body)
        flags = self._flags(parts)
        shape = tuple(int(size) for size in self._numbers(parts))
        name = bytes(self._next(parts)[1]).decode("latin-1")
        if len(shape) < 2 or min(shape) < 0:
            _damaged("an array in it has no proper shape")
        kind, count = flags & 0xFF, math.prod(shape)
        if kind == _CELL:
            return name, Cell(shape, tuple(self._nested(parts, count, depth)))
        if kind == _STRUCT:
            return name, Struct(shape, self._structs(parts, count, depth))
        if kind == _CHAR:
            return name, self._text(parts, count)
        if kind not in _CLASS_DTYPES or flags >> 8 & _COMPLEX:
            _damaged(f"{name or 'a value'} in it is no plain number, text, cell array or struct")
        values = self._numbers(parts)
        if values.size != count:
            _damaged(f"an array in it has {values.size} numbers, where {count} belong")
        with np.errstate(invalid="ignore"):
            numbers = values.astype(_CLASS_DTYPES[kind])
        return name, numbers.reshape(shape, order="F")

    def _next(self, parts: Iterator[tuple[int, Any]]) -> tuple[int, Any]:
        found = next(parts, None)
        return found if found is not None else _damaged("a part of it is missing")

    def _flags(self, parts: Iterator[tuple[int, Any]]) -> int:
        kind, body = self._next(parts)
        if _NUMBERS.get(kind) != "u4" or len(body) < 4:
            _damaged("an array in it has no flags")
        flags: int = struct.unpack_from(self._order + "I", body)[0]
        return flags

    def _numbers(self, parts: Iterator[tuple[int, Any]]) -> Any:
        import numpy as np

        kind, body = self._next(parts)
        if kind not in _NUMBERS:
            _damaged("it has something else where numbers belong")
        dtype = np.dtype(self._order + _NUMBERS[kind])
        if len(body) % dtype.itemsize:
            _damaged("numbers in it are cut off")
        return np.frombuffer(body, dtype)

    def _text(self, parts: Iterator[tuple[int, Any]], count: int) -> str:
        kind, body = self._next(parts)
        if kind not in _TEXTS:
            _damaged("it has something else where a text belongs")
        encoding = _TEXTS[kind]
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self._order == "<" else "-be"
        return bytes(body).decode(encoding)[:count]

    def _nested(self, parts: Iterator[tuple[int, Any]], count: int, depth: int) -> Iterator[Any]:
        """`count` values that are arrays of their own."""
        for _ in range(count):
            kind, body = self._next(parts)
            if kind != _MATRIX:
                _damaged("it has something else where an array belongs")
            yield self.matrix(body, depth + 1)[1]

    def _structs(
        self, parts: Iterator[tuple[int, Any]], count: int, depth: int
    ) -> tuple[dict[str, Any], ...]:
        length = self._numbers(parts)
        width = int(length[0]) if length.size == 1 else 0
        packed = bytes(self._next(parts)[1])
        if width <= 0 or len(packed) % width:
            _damaged("the field names of a struct in it are wrong")
        texts = (packed[start : start + width] for start in range(0, len(packed), width))
        names = [text.split(b"\0", 1)[0].decode("latin-1") for text in texts]
        return tuple(
            dict(zip(names, self._nested(parts, len(names), depth), strict=True))
            for _ in range(count if names else 0)
        )
