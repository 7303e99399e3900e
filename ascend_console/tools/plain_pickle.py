"""Pickles of plain data from strangers: lists, dicts, numbers, texts, ranges and numpy arrays.

No name in a pickle reaches the function or class that it stands for: the few names that plain data
needs are answered with inert stand-ins of this module, every other one ends the reading.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.tools.files import require_file

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_BYTES = 512 << 20
_DTYPE = re.compile(r"[<>=|]?([biuf][1248]|[SU]\d{1,4})")
_LATIN = ("latin1", "latin-1", "iso-8859-1")


class _Foreign(Exception):
    """A name that plain data does not need."""


class _Inert:
    """A stand-in that only keeps what a pickle gives it."""

    __slots__ = ("given", "state")

    def __init__(self, *given: Any) -> None:
        self.given = given
        self.state: Any = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _DType(_Inert):
    """numpy.dtype: its code, and the byte order that follows as its state."""

    __slots__ = ()


class _Array(_Inert):
    """numpy.ndarray: shape, dtype, order and data follow as its state."""

    __slots__ = ()


class _Buffer(_Inert):
    """An array of pickle protocol 5: data, dtype, shape and order."""

    __slots__ = ()


class _Scalar(_Inert):
    """One number or text of numpy: dtype and data."""

    __slots__ = ()


class _Encoded(_Inert):
    """Bytes that an old protocol keeps as a text; without one there are none."""

    __slots__ = ()


class _Range(_Inert):
    """A range: its bounds."""

    __slots__ = ()


_STAND_INS: dict[tuple[str, str], type[_Inert]] = {
    ("_codecs", "encode"): _Encoded,
    ("builtins", "bytes"): _Encoded,
    ("__builtin__", "bytes"): _Encoded,
    ("builtins", "range"): _Range,
    ("__builtin__", "range"): _Range,
    ("__builtin__", "xrange"): _Range,
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): _Array,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _Array),
            ("multiarray", "scalar", _Scalar),
            ("numeric", "_frombuffer", _Buffer),
        )
    },
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        """The stand-in for a name of plain data."""
        stand_in = _STAND_INS.get((module_name, global_name))
        if stand_in is None:
            raise _Foreign(f"{module_name}.{global_name}")
        return stand_in

    def persistent_load(self, pid: Any) -> Any:
        """Nothing outside the pickle is looked at."""
        raise _Foreign("an object outside the file")


def read_plain_pickle(path: Path) -> Any:
    """The object of a pickle; arrays in it are still closed, see `plain`.

    UserError where the file is no pickle, is damaged, or names code.
    """
    if require_file(path, "a pickle").stat().st_size > _LARGEST_BYTES:
        raise _unreadable(path, f"it is larger than {_LARGEST_BYTES >> 20} MiB")
    data = path.read_bytes()
    try:
        _check_slots(data)
        # Texts of Python 2 are bytes to Python 3; this encoding keeps every one of them.
        return _PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
    except _Foreign as error:
        raise UserError(
            "pickle.code",
            "{path} holds more than plain data: reading it would run {name}, so it was not read",
            hint="Do not use it if you do not know who made it. The data set's PETA.mat holds the "
            "same annotations.",
            path=path,
            name=error,
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        raise _unreadable(path, str(error) or type(error).__name__) from error


def _check_slots(data: bytes) -> None:
    """ValueError where a damaged byte would make the unpickler ask for gigabytes of memory."""
    for opcode, argument, _ in pickletools.genops(data):
        slot = argument if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") else 0
        if isinstance(slot, int) and slot > len(data):
            raise ValueError(f"it names slot {slot}, and is too short for so many")


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(
        "pickle.unreadable",
        "{path} cannot be read as a pickle: {reason}",
        hint="Name the right file, or download it again.",
        path=path,
        reason=reason[:200],
    )


def plain(value: Any) -> Any:
    """A value with its arrays as nested lists, its scalars and ranges as what they stand for.

    Lists and dicts are not looked into. Raises ValueError for an array that does not hold together
    or is not of numbers or texts.
    """
    if isinstance(value, _Array) and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, dtype, fortran, data = value.state
        return _array(data, dtype, shape, "F" if fortran is True else "C")
    if isinstance(value, _Buffer) and len(value.given) == 4:
        data, dtype, shape, order = value.given
        return _array(data, dtype, shape, "F" if order == "F" else "C")
    if isinstance(value, _Scalar) and len(value.given) == 2:
        return next(iter(_array(value.given[1], value.given[0], (1,), "C")), "")
    if isinstance(value, _Range):
        return _range(value.given)
    if isinstance(value, _Inert):
        raise ValueError("it holds a value that is neither a number, a text nor an array")
    return value


def _range(bounds: tuple[Any, ...]) -> range:
    if not all(type(bound) is int and abs(bound) < _LARGEST_BYTES for bound in bounds):
        raise ValueError("a range in it has no proper bounds")
    try:
        return range(*bounds)
    except TypeError as error:
        raise ValueError("a range in it has no proper bounds") from error


def _bytes(data: Any) -> bytes:
    if isinstance(data, _Encoded) and len(data.given) in (0, 2):
        text, encoding = data.given or ("", "latin1")
        if isinstance(text, str) and encoding in _LATIN:
            return text.encode("latin-1")
    if isinstance(data, str):
        return data.encode("latin-1")
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    raise ValueError("an array in it has no data")


def _dtype_code(dtype: Any) -> str:
    """The dtype as numpy writes it, with its byte order; only numbers and texts."""
    if not isinstance(dtype, _DType) or not dtype.given:
        raise ValueError("an array in it has no type")
    code = plain(dtype.given[0])
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "|"
    if not isinstance(code, str) or order not in ("<", ">", "=", "|"):
        raise ValueError("an array in it has no type")
    code = code if code[:1] in "<>=|" else f"{order}{code}"
    if not _DTYPE.fullmatch(code):
        raise ValueError(f"an array in it is of {code}, not of numbers or texts")
    return code


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    import numpy as np

    code = np.dtype(_dtype_code(dtype))
    raw = _bytes(data)
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("an array in it has no shape")
    if code.itemsize * math.prod(shape) != len(raw):
        raise ValueError("an array in it is cut off")
    if not raw:
        return []
    return np.frombuffer(raw, code).reshape(shape, order=order).tolist()
