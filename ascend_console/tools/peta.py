"""The test split of the PETA data set, from `PETA.mat` or from the two pickles made of it.

Layouts: models.md 5.3. `PETA.mat` holds one struct `peta`: field 0 a matrix with one row an image,
the attributes from column 4 on; field 1 their names; field 3 five splits, each with train, val and
test as indices from 1. The pickles hold the same as lists, indices from 0.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ascend_console.core.errors import UserError
from ascend_console.tools.image_folders import images_by_name
from ascend_console.tools.label_files import some
from ascend_console.tools.mat_file import Cell, Struct, is_mat, read_mat
from ascend_console.tools.plain_pickle import plain, read_plain_pickle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IMAGES = 19_000
TEST_IMAGES = 7_600
ATTRIBUTES = 35
IMAGE_LIST_MD5 = "c25c31798bd5628218041b8c2d565300"
LABELS_MD5 = "783319e6ba46214d81dc317b0a1fe627"

_FIRST_COLUMN = 4
_SPLIT = 0
_NAMES, _SPLITS, _TEST = 1, 3, 2
_IMAGE_NAME = re.compile(r"[^/\\\0-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PetaSplit:
    """Images of the test split in their order, each with its 0/1 attributes.

    `images` counts the whole data set; `attributes` are the names that the file gives.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    attributes: tuple[str, ...]
    images: int

    def image_list(self) -> bytes:
        """The content of `image.txt`: one name a line."""
        return "".join(f"{name}\n" for name in self.names).encode()

    def labels(self) -> bytes:
        """The content of `label.json`, byte for byte as published: one line without its end."""
        return json.dumps(dict(zip(self.names, map(list, self.rows), strict=True))).encode()


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of the split beside the published one."""

    name: str
    found: object
    published: object

    @property
    def passed(self) -> bool:
        """Whether they are the same."""
        return self.found == self.published


def checks(split: PetaSplit) -> tuple[Check, ...]:
    """Counts and checksums of a split beside those of the published one."""
    return (
        Check("images of the data set", split.images, IMAGES),
        Check("images of the test split", len(split.names), TEST_IMAGES),
        Check("attributes", len(split.rows[0]), ATTRIBUTES),
        Check("md5 of image.txt", _md5(split.image_list()), IMAGE_LIST_MD5),
        Check("md5 of label.json", _md5(split.labels()), LABELS_MD5),
    )


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def read_split(annotations: Path, partition: Path | None) -> PetaSplit:
    """The test split of the files; UserError names what in them is not as it must be."""
    if is_mat(annotations):
        if partition is not None:
            raise UserError(
                "peta.partition_unused",
                "{path} holds its splits itself, and {partition} is named besides",
                hint="Leave --partition out.",
                path=annotations,
                partition=partition,
            )
        return _from_mat(annotations)
    if partition is None:
        raise UserError(
            "peta.partition",
            "{path} is no MATLAB file, and no pickle of the splits is named",
            hint="Name PETA.mat with --annotations, or peta_dataset.pkl with --annotations and "
            "peta_partition.pkl with --partition.",
            path=annotations,
        )
    return _from_pickles(annotations, partition)


def require_images(split: PetaSplit, folder: Path) -> None:
    """UserError, with count and names, where images of the split are absent or empty."""
    present = images_by_name(folder)
    absent = [name for name in split.names if name not in present]
    empty = [name for name in split.names if name in present and not _has_bytes(present[name])]
    if absent or empty:
        raise UserError(
            "peta.images",
            "{absent} of {total} images of the test split are not in {folder!r}, {empty} are "
            "empty: {names}",
            hint="Unpack the images of the data set there, or name their folder with --images.",
            absent=len(absent),
            empty=len(empty),
            total=len(split.names),
            folder=folder,
            names=some(absent + empty),
        )


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _refuse(path: Path, reason: str) -> NoReturn:
    raise UserError(
        "peta.annotations",
        "{path} is not as the annotations of PETA are: {reason}",
        hint="Name the file of the data set itself: PETA.mat, peta_dataset.pkl or "
        "peta_partition.pkl.",
        path=path,
        reason=reason,
    )


# --- PETA.mat ------------------------------------------------------------------------------------


def _from_mat(path: Path) -> PetaSplit:
    variables = read_mat(path)
    peta = variables.get("peta")
    if not isinstance(peta, Struct) or len(peta.values) != 1:
        _refuse(path, f"it holds {', '.join(map(repr, variables)) or 'nothing'}, no struct 'peta'")
    fields = list(peta.values[0].values())
    if len(fields) <= _SPLITS:
        _refuse(path, f"its struct has {len(fields)} fields, at least {_SPLITS + 1} belong there")
    table = fields[0]
    if getattr(table, "ndim", 0) != 2 or table.shape[1] < _FIRST_COLUMN + ATTRIBUTES:
        _refuse(path, f"its first field is no table with {_FIRST_COLUMN + ATTRIBUTES} columns")
    test = [index - 1 for index in _numbers(path, _mat_test(path, fields[_SPLITS]))]
    _check_indices(path, test, len(table), first=1)
    columns = table[:, _FIRST_COLUMN : _FIRST_COLUMN + ATTRIBUTES]
    names = tuple(f"{index + 1:05d}.png" for index in test)
    rows = _rows(path, names, columns[test].tolist())
    given = fields[_NAMES].values if isinstance(fields[_NAMES], Cell) else ()
    attributes = tuple(name for name in given[:ATTRIBUTES] if isinstance(name, str))
    return PetaSplit(names=names, rows=rows, attributes=attributes, images=len(table))


def _mat_test(path: Path, splits: Any) -> list[Any]:
    """The test indices of the first split, which is a struct or a cell array."""
    first = splits.values[_SPLIT] if isinstance(splits, Cell) and splits.values else splits
    parts: list[Any] = []
    if isinstance(first, Struct) and first.values:
        members = first.values[_SPLIT]
        parts = [members["test"]] if "test" in members else list(members.values())[_TEST:]
    elif isinstance(first, Cell):
        parts = list(first.values)[_TEST:]
    if not parts or not hasattr(parts[0], "ravel"):
        _refuse(path, "its fourth field has no splits with train, val and test")
    indices: list[Any] = parts[0].ravel().tolist()
    return indices


# --- the pickles ---------------------------------------------------------------------------------


def _from_pickles(annotations: Path, partition: Path) -> PetaSplit:
    dataset, splits = read_plain_pickle(annotations), read_plain_pickle(partition)
    images = _list(annotations, dataset, "image")
    table = _list(annotations, dataset, "att")
    if len(images) != len(table):
        _refuse(annotations, f"it has {len(images)} images and {len(table)} rows of attributes")
    chosen = list(range(ATTRIBUTES))
    if "selected_attribute" in dataset:
        chosen = _numbers(annotations, _list(annotations, dataset, "selected_attribute"))
    if not chosen:
        _refuse(annotations, "its 'selected_attribute' is empty")
    tests = _list(partition, splits, "test")
    if len(tests) <= _SPLIT:
        _refuse(partition, "its 'test' is empty")
    test = _numbers(partition, _plain(partition, tests[_SPLIT]))
    _check_indices(partition, test, len(images), first=0)
    names = tuple(_plain(annotations, images[index]) for index in test)
    rows = [_selected(annotations, _plain(annotations, table[index]), chosen) for index in test]
    given = _list(annotations, dataset, "att_name") if "att_name" in dataset else []
    texts = [_plain(annotations, given[index]) for index in chosen if index < len(given)]
    return PetaSplit(
        names=names,
        rows=_rows(annotations, names, rows),
        attributes=tuple(text for text in texts if isinstance(text, str)),
        images=len(images),
    )


def _plain(path: Path, value: Any) -> Any:
    try:
        return plain(value)
    except ValueError as error:
        _refuse(path, str(error))


def _list(path: Path, document: Any, key: str) -> Sequence[Any]:
    """The list under a key, whatever plain form it has."""
    if not isinstance(document, dict) or key not in document:
        _refuse(path, f"it has no {key!r}")
    found = _plain(path, document[key])
    if not isinstance(found, list | tuple | range):
        _refuse(path, f"its {key!r} is no list")
    return found


def _selected(path: Path, row: Any, chosen: Sequence[int]) -> list[Any]:
    if not isinstance(row, list | tuple) or not all(0 <= index < len(row) for index in chosen):
        _refuse(path, "a row of 'att' is too short for 'selected_attribute'")
    return [_plain(path, row[index]) for index in chosen]


# --- parts of both -------------------------------------------------------------------------------


def _numbers(path: Path, values: Any) -> list[int]:
    """Whole numbers, whatever type they were stored in."""
    if not isinstance(values, list | tuple | range) or len(values) > IMAGES:
        _refuse(path, "a list of indices in it is none")
    numbers = [_plain(path, value) for value in values]
    if not all(isinstance(value, int | float) and value == value // 1 for value in numbers):
        _refuse(path, "a list of indices in it has something else than whole numbers")
    return [int(value) for value in numbers]


def _check_indices(path: Path, test: Sequence[int], count: int, *, first: int) -> None:
    """The images of the split exist, and each is in it once."""
    if not test:
        _refuse(path, "its test split is empty")
    outside = [index for index in test if not 0 <= index < count]
    if outside:
        _refuse(path, f"its test split names image {outside[0] + first}, and there are {count}")
    if len(set(test)) < len(test):
        _refuse(path, f"its test split names {len(test) - len(set(test))} images twice")


def _rows(
    path: Path, names: Sequence[Any], rows: Sequence[Sequence[Any]]
) -> tuple[tuple[int, ...], ...]:
    """The rows as 0 and 1, and the names as names of files; anything else is refused."""
    for name in names:
        if not isinstance(name, str) or not _IMAGE_NAME.fullmatch(name) or name in (".", ".."):
            _refuse(path, f"{str(name)[:80]!r} is no name of an image file")
    if len(set(names)) < len(names):
        _refuse(path, "two images of its test split have the same name")
    for name, row in zip(names, rows, strict=True):
        odd = [value for value in row if value not in (0, 1)]
        if odd:
            _refuse(path, f"image {name} has {str(odd[0])[:20]} among its attributes, not 0 or 1")
    return tuple(tuple(int(value) for value in row) for row in rows)
