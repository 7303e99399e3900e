"""Label files in the published formats, read by key: an image's name up to its first dot.

A byte order mark, any line end, tabs and repeated blanks are accepted; everything that leaves a
label in doubt is a UserError with file and line, or file and names.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SHOWN = 3
_SHOWN_CHARACTERS = 60
_NUMBER = re.compile(r"[0-9]{1,9}")


def image_key(name: str) -> str:
    """The file name up to its first dot, as the published scripts name and pair."""
    return name.split(".", 1)[0]


def some(names: Iterable[str]) -> str:
    """At most three names in order, quoted, and how many more there are."""
    listed = sorted(names)
    text = ", ".join(repr(name) for name in listed[:_SHOWN])
    return text if len(listed) <= _SHOWN else f"{text} and {len(listed) - _SHOWN} more"


def class_labels(file: Path, classes: int) -> dict[str, int]:
    """Class by key from lines `name class`, each class below `classes`."""
    found: list[tuple[str, int]] = []
    for number, line in enumerate(_lines(file), 1):
        if not line:
            continue
        *name, label = line.rsplit(None, 1)
        key = image_key(name[0].rsplit("/", 1)[-1]) if name else ""
        if not key or not _NUMBER.fullmatch(label):
            raise _bad_line(file, number, line, "a line is an image name and a class number")
        if int(label) >= classes:
            raise _bad_line(file, number, line, f"classes are 0 to {classes - 1}")
        found.append((key, int(label)))
    return _unique(found, file)


def image_list(file: Path) -> list[str]:
    """The file names of an `image.txt` in their order, the last one with or without newline."""
    listed = [line for line in _lines(file) if line]
    _unique([(image_key(name), name) for name in listed], file)
    return listed


def attribute_labels(file: Path, outputs: int | None = None) -> dict[str, tuple[int, ...]]:
    """Rows of 0 and 1 by key, each `outputs` long (default: as the first one)."""
    pairs = _json_pairs(file)
    rows = _unique([(image_key(name), row) for name, row in pairs], file)
    first = pairs[0][1]
    width = outputs or (len(first) if isinstance(first, list) else 0)
    bad = [name for name, row in pairs if not _is_row(row, width)]
    if bad:
        raise UserError(
            "labels.rows",
            "{count} entries of {file!r} are not lists of {width} numbers 0 or 1: {names}",
            hint="Correct these entries: each image has one 0 or 1 an attribute, in order.",
            count=len(bad),
            file=file,
            width=width or "one or more",
            names=some(bad),
        )
    return {key: tuple(row) for key, row in rows.items()}


def _is_row(row: object, width: int) -> bool:
    if not isinstance(row, list) or not row or len(row) != width:
        return False
    return all(type(value) is int and value in (0, 1) for value in row)


def _json_pairs(file: Path) -> list[tuple[str, Any]]:
    """The entries of a JSON object, repeated names included."""
    try:
        pairs = json.loads(_text(file), object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise _bad_labels(file, f"it is no JSON: {error}") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise _bad_labels(file, "it is no object of image names and lists")
    if not pairs:
        raise _bad_labels(file, "it is empty")
    return pairs


def _unique(pairs: Sequence[tuple[str, Any]], file: Path) -> dict[str, Any]:
    """The pairs as a mapping; repeated keys, and no keys at all, are errors."""
    table = dict(pairs)
    if not table:
        raise _bad_labels(file, "it is empty")
    if len(table) < len(pairs):
        repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        raise UserError(
            "labels.repeated",
            "{file!r} names {count} images more than once: {names}",
            hint="Leave one entry an image; names count up to the first dot.",
            file=file,
            count=len(repeated),
            names=some(repeated),
        )
    return table


def _lines(file: Path) -> list[str]:
    text = _text(file).replace("\r\n", "\n").replace("\r", "\n")
    return [line.strip() for line in text.split("\n")]


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _bad_labels(file, error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise _bad_labels(file, "it is not UTF-8 text") from error


def _bad_labels(file: Path, reason: object) -> UserError:
    return UserError(
        "labels.bad",
        "the file {file!r} cannot be used: {reason}",
        hint="Check the file, or name another one with --labels.",
        file=file,
        reason=reason,
    )


def _bad_line(file: Path, number: int, line: str, rule: str) -> UserError:
    return UserError(
        "labels.line",
        "line {number} of {file!r} is {line!r}, but {rule}",
        hint="Correct the line, for example: ILSVRC2012_val_00000001.JPEG 65",
        number=number,
        file=file,
        line=line[:_SHOWN_CHARACTERS],
        rule=rule,
    )
