"""Reading inference results: whole files to rows of scores, in bounded memory."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ascend_console.tools.result_decode import BadResultError, Outfmt, decode_block, decode_one
from ascend_console.tools.result_set import ResultSet, find_results, refuse, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ascend_console.tools.result_decode import Rows

_MOST_BYTES = 64 << 20
_VALUE_BYTES = {"BIN": 4, "NPY": 4, "TXT": 16}
_ROWS = 256
# Values decoded at once. Text takes 64-bit arrays of this length, and 48 KB of them stay in the
# heap; from 64 KB on the C library gives them back to the system after each block, and getting
# them again takes longer than decoding.
_BLOCK_VALUES = {"BIN": 12_288, "NPY": 12_288, "TXT": 6144}


@dataclass(frozen=True, slots=True)
class Results:
    """All rows of a result set: `scores` is (n, c) float32, row i belongs to `names[i]`."""

    names: tuple[str, ...]
    scores: Rows


def _read(paths: Sequence[str], expected_bytes: int) -> list[bytes]:
    """Whole files, each read at once where it is smaller than expected."""
    chunks = []
    path = ""
    try:
        for path in paths:
            handle = os.open(path, os.O_RDONLY)
            try:
                data = os.read(handle, expected_bytes)
                if len(data) == expected_bytes:
                    data += _rest(handle, path)
            finally:
                os.close(handle)
            chunks.append(data)
    except OSError as error:
        raise unreadable(path, error) from error
    return chunks


def _rest(handle: int, path: str) -> bytes:
    """What follows in an open file; UserError where that is too much for a result."""
    parts, size = [], 0
    while part := os.read(handle, 1 << 20):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            refuse(
                "results.too_large",
                "{names} is larger than {limit} MB",
                "Name the folder of the results of one model.",
                [os.path.basename(path)],
                limit=_MOST_BYTES >> 20,
            )
    return b"".join(parts)


_COMPLAINTS: dict[str, tuple[str, str]] = {
    "empty": ("{count} result files are empty: {names}", "Infer these images again."),
    "not_numbers": ("{count} result files hold no numbers: {names}", "Infer these images again."),
    "header": ("{count} result files are no numpy arrays of numbers: {names}", "Infer them again."),
    "size": ("{count} result files are cut off or damaged: {names}", "Infer these images again."),
    "several_rows": (
        "{count} result files hold several rows, perhaps of several inferences: {names}",
        "Infer into a fresh folder: older ais_infer appends to files that are there.",
    ),
    "width": (
        "{count} result files do not hold {width} values: {names}",
        "Check that all results come from this model and output.",
    ),
    "not_finite": (
        "{count} result files hold NaN or an infinity: {names}",
        "Look at the model: infer these images again, in float32 or on the torch backend.",
    ),
}


def _explain(found: ResultSet, width: int | None) -> NoReturn:
    """Raise the error that names all files with the same fault; reads every file again."""
    import numpy as np

    widths: dict[str, int] = {}
    faults: dict[str, list[str]] = defaultdict(list)
    for path in found.paths:
        name = os.path.basename(path)
        try:
            values = decode_one(_read([path], 1 << 16)[0], found.outfmt)
        except BadResultError as error:
            faults[error.problem].append(name)
            continue
        widths[name] = len(values)
        if not np.isfinite(values).all():
            faults["not_finite"].append(name)
    usual = width or Counter(widths.values()).most_common(1)[0][0] if widths else width
    faults["width"] = [name for name, count in widths.items() if count != usual]
    problem = next((kind for kind in _COMPLAINTS if faults[kind]), "size")
    message, hint = _COMPLAINTS[problem]
    refuse(f"results.{problem}", message, hint, faults[problem], width=usual)


def _decode(chunks: list[bytes], outfmt: Outfmt, width: int) -> Rows | None:
    """Rows of some files, one by one where they do not all look alike; None where one is bad."""
    import numpy as np

    rows = decode_block(chunks, outfmt, width)
    if rows is None:
        try:
            each = [decode_one(chunk, outfmt) for chunk in chunks]
        except BadResultError:
            return None
        if any(len(values) != width for values in each):
            return None
        rows = np.stack(each)
    return rows if np.isfinite(rows).all() else None


def result_width(found: ResultSet) -> int:
    """Values in one result, by the first file; UserError where it holds none."""
    try:
        return len(decode_one(_read(found.paths[:1], 1 << 16)[0], found.outfmt))
    except BadResultError:
        _explain(found, None)


def _fill(found: ResultSet, rows: Rows, first: int, asked_width: int | None) -> None:
    """Read `len(rows)` files from number `first` on into `rows`."""
    width = rows.shape[1]
    step = max(1, _BLOCK_VALUES[found.outfmt] // width)
    expected_bytes = _VALUE_BYTES[found.outfmt] * width + 512
    for start in range(0, len(rows), step):
        end = min(start + step, len(rows))
        chunks = _read(found.paths[first + start : first + end], expected_bytes)
        block = _decode(chunks, found.outfmt, width)
        if block is None:
            _explain(found, asked_width)
        rows[start:end] = block


def read_blocks(found: ResultSet, *, width: int | None = None, rows: int = _ROWS) -> Iterator[Rows]:
    """The rows of a result set in order, at most `rows` at a time, so that memory stays small.

    `width` is the number of values that each must have; by default what the first file has.
    Raises UserError for files that are empty, damaged, of another width, or not finite.
    """
    import numpy as np

    known = width or result_width(found)
    for first in range(0, len(found), rows):
        block = np.empty((min(rows, len(found) - first), known), np.float32)
        _fill(found, block, first, width)
        yield block


def read_results(source: Path, *, output_index: int = 0, width: int | None = None) -> Results:
    """All results of a folder or a summary; errors as in `find_results` and `read_blocks`."""
    import numpy as np

    found = find_results(source, output_index=output_index)
    known = width or result_width(found)
    scores = np.empty((len(found), known), np.float32)
    _fill(found, scores, 0, width)
    return Results(found.names, scores)
