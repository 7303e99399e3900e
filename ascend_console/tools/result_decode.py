"""Bytes of result files to rows of float32: many equal files at once, or one odd file exactly.

`decode_block` serves files as the tools write them; it returns None for anything else, and
`decode_one` then says what is wrong with which file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

Outfmt = Literal["BIN", "NPY", "TXT"]
Problem = Literal["empty", "not_numbers", "header", "size", "several_rows"]

SUFFIXES: dict[str, Outfmt] = {".bin": "BIN", ".npy": "NPY", ".txt": "TXT"}

# A token of `%f `: the eight characters "d.dddddd" before the blank, perhaps more before them.
_TAIL = 8
_DECIMALS = 1e6
_MOST_EXTRA_DIGITS = 8
_NPY_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[<>|=]?(?:f[248]|[iu][1248]))', 'fortran_order': (?:True|False), "
    rb"'shape': \((?P<shape>[0-9, ]*)\), \} *\n"
)
_NPY_MAGIC = b"\x93NUMPY"
_NPY_LONGEST_HEADER = 1024


class BadResultError(ValueError):
    """A result file that cannot be read; `problem` names the kind."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def _npy_layout(data: bytes) -> tuple[int, str, tuple[int, ...]]:
    """Header length, dtype and shape of a numpy file. No code of numpy reads the header: it
    evaluates text.
    """
    if not data.startswith(_NPY_MAGIC) or len(data) < 12:
        raise BadResultError("header")
    wide = data[6] >= 2
    start = 12 if wide else 10
    length = start + int.from_bytes(data[8:start], "little")
    found = _NPY_HEADER.fullmatch(data[start:length]) if length <= _NPY_LONGEST_HEADER else None
    if found is None:
        raise BadResultError("header")
    shape = tuple(int(part) for part in found["shape"].split(b",") if part.strip())
    return length, found["dtype"].decode(), shape


def _decode_bin(data: bytes) -> Rows:
    import numpy as np

    if len(data) % 4:
        raise BadResultError("size")
    return np.frombuffer(data, "<f4")


def _decode_npy(data: bytes) -> Rows:
    import numpy as np

    length, dtype, shape = _npy_layout(data)
    if len(data) - length != np.dtype(dtype).itemsize * int(np.prod(shape, dtype=object)):
        raise BadResultError("size")
    if len(shape) > 1 and np.prod(shape[:-1], dtype=object) > 1 < shape[-1]:
        raise BadResultError("several_rows")
    with np.errstate(over="ignore"):
        return np.frombuffer(data, dtype, offset=length).astype(np.float32)


def _decode_txt(data: bytes) -> Rows:
    import numpy as np

    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) > 1 and any(len(line.split()) > 1 for line in lines):
        raise BadResultError("several_rows")
    tokens = data.split()
    if b"_" in data:
        # Python reads 1_0 as ten; no tool writes it, so it is damage.
        raise BadResultError("not_numbers")
    try:
        values = list(map(float, tokens))
    except ValueError:
        raise BadResultError("not_numbers") from None
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


_DECODERS: dict[Outfmt, Callable[[bytes], Rows]] = {
    "BIN": _decode_bin,
    "NPY": _decode_npy,
    "TXT": _decode_txt,
}


def decode_one(data: bytes, outfmt: Outfmt) -> Rows:
    """The values of one file, flat; BadResultError where it holds no single row of numbers."""
    if not data.strip() if outfmt == "TXT" else not data:
        raise BadResultError("empty")
    values = _DECODERS[outfmt](data)
    if not len(values):
        raise BadResultError("empty")
    return values


def _block_bin(chunks: Sequence[bytes], width: int) -> Rows | None:
    import numpy as np

    if any(len(chunk) != 4 * width for chunk in chunks):
        return None
    return np.frombuffer(b"".join(chunks), "<f4").reshape(len(chunks), width)


def _block_npy(chunks: Sequence[bytes], width: int) -> Rows | None:
    """Files whose headers are byte for byte that of the first, which alone is parsed."""
    import numpy as np

    try:
        length, dtype, shape = _npy_layout(chunks[0])
    except BadResultError:
        return None
    size = length + 4 * width
    one_row = shape[-1:] == (width,) and np.prod(shape, dtype=object) == width
    if dtype != "<f4" or not one_row or any(len(chunk) != size for chunk in chunks):
        return None
    table = np.frombuffer(b"".join(chunks), np.uint8).reshape(len(chunks), size)
    if not (table[:, :length] == table[0, :length]).all():
        return None
    return np.ascontiguousarray(table[:, length:]).view("<f4")


def _token_ends(data: bytes, chunks: Sequence[bytes], width: int) -> NDArray[np.int64] | None:
    """Position of the blank after each token, (files, width); None unless every file is one line
    of `width` tokens that end in a blank.
    """
    import numpy as np

    blanks = np.flatnonzero(np.frombuffer(data, np.uint8) == ord(" "))
    if len(blanks) != len(chunks) * width:
        return None
    ends = blanks.reshape(len(chunks), width)
    files_end = np.cumsum([len(chunk) for chunk in chunks])
    newline = np.array([chunk.endswith(b"\n") for chunk in chunks])
    return ends if (ends[:, -1] == files_end - 1 - newline).all() else None


def _tail_values(words: NDArray[np.uint64]) -> NDArray[np.uint64] | None:
    """Millionths of texts "d.dddddd", each given as its 8 bytes; None where one is no such text.

    The eight characters are handled at once inside a 64-bit word: digits become their values,
    then neighbours are joined to pairs, fours and the whole.
    """
    import numpy as np

    word = np.uint64
    words ^= word(0x3030303030302E30)  # digits to 0-9, the point to 0
    excess = words + word(0x7676767676767F76)  # sets the high bit of a byte above 9, or no point
    excess |= words
    if int(np.bitwise_or.reduce(excess)) & 0x8080808080808080:
        return None
    high = words >> word(8)
    words *= word(10)
    words += high
    high = words >> word(16)
    mask = word(0x000000FF000000FF)
    words &= mask
    high &= mask
    words *= word(100 + (100_000 << 32))  # the first pair is "d.", a tenth of what it seems
    high *= word(1 + (10_000 << 32))
    words += high
    words >>= word(32)
    return words


def _block_txt(chunks: Sequence[bytes], width: int) -> Rows | None:
    """Files as `%f ` writes them; equal to float() of every token, and many times faster."""
    import numpy as np

    data = b"".join(chunks)
    ends = _token_ends(data, chunks, width)
    if ends is None or len(data) < _TAIL or ends.flat[0] < _TAIL:
        return None
    starts = np.empty_like(ends)
    starts[:, 1:] = ends[:, :-1]
    starts[:, 1:] += 1
    starts[0, 0] = 0
    starts[1:, 0] = np.cumsum([len(chunk) for chunk in chunks[:-1]])
    flat_ends, text = ends.ravel(), np.frombuffer(data, np.uint8)
    negative = text[starts.ravel()] == ord("-")
    extra = flat_ends - starts.ravel()
    extra -= _TAIL
    extra -= negative
    if extra.min() < 0 or extra.max() > _MOST_EXTRA_DIGITS:
        return None
    words: NDArray[Any] = np.ndarray((len(data) - _TAIL + 1,), "<u8", data, 0, (1,))
    values = _tail_values(words[flat_ends - _TAIL].astype(np.uint64, copy=False))
    if values is None:
        return None
    more = np.flatnonzero(extra > 0)
    for digit in range(int(extra.max())):
        more = more[extra[more] > digit]
        digits = text[flat_ends[more] - (_TAIL + 1 + digit)] - np.uint8(ord("0"))
        if (digits > 9).any():
            return None
        values[more] += digits.astype(np.uint64) * np.uint64(10 ** (7 + digit))
    floats = values.astype(np.float64)
    floats /= _DECIMALS
    floats *= 1.0 - 2.0 * negative
    return floats.astype(np.float32).reshape(len(chunks), width)


_BLOCKS: dict[Outfmt, Callable[[Sequence[bytes], int], Rows | None]] = {
    "BIN": _block_bin,
    "NPY": _block_npy,
    "TXT": _block_txt,
}


def decode_block(chunks: Sequence[bytes], outfmt: Outfmt, width: int) -> Rows | None:
    """Rows (files, width) of whole files that all look as the tools write them; else None."""
    return _BLOCKS[outfmt](chunks, width)
