"""`.bin` files and the `.info` list, as the published scripts write them for the vendor's tools."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.tools.files import write_text
from ascend_console.tools.label_files import image_key, some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIX = ".bin"

_NUMBER = re.compile(r"[0-9]{1,9}")

_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class InfoLine:
    """One line of an `.info` file: number from 0, path as spelled there, size in pixels."""

    index: int
    path: str
    width: int
    height: int


def bin_name(image_name: str) -> str:
    """The name of an image's `.bin`: up to the first dot, then the suffix."""
    return image_key(image_name) + SUFFIX


def prepare_folder(folder: Path, image_names: Collection[str]) -> None:
    """Make the output folder without `.bin` files; refuse one with those of other images.

    The vendor's tools take every file of a folder, so a stale one would be run and judged too.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = {path.name: path for path in folder.iterdir() if path.suffix in (SUFFIX, ".tmp")}
    except FileExistsError as error:
        raise UserError(
            "bins.folder",
            "the output {folder!r} is a file, not a folder",
            hint="Name another folder.",
            folder=folder,
        ) from error
    except OSError as error:
        raise _cannot_write(folder, error) from error
    present = {name for name, path in found.items() if path.suffix == SUFFIX}
    stale = present - {bin_name(name) for name in image_names}
    if stale:
        raise UserError(
            "bins.not_empty",
            "the output folder {folder!r} is not empty: {count} .bin files are of other images:"
            " {names}",
            hint="Remove them or name a new folder; the next step would take them for inputs.",
            folder=folder,
            count=len(stale),
            names=some(stale),
        )
    for path in found.values():
        path.unlink(missing_ok=True)


def write_bin(folder: Path, image_name: str, sample: NDArray[Any]) -> Path:
    """Write one sample as raw little-endian numbers, whole or not at all; returns the path.

    Renamed into place but not synced: thousands of syncs would take longer than the work, and a
    machine that loses power leaves a folder that is made again.
    """
    import numpy as np

    data = np.ascontiguousarray(sample, sample.dtype.newbyteorder("<"))
    target = folder / bin_name(image_name)
    temporary = folder / f".{os.getpid()}-{next(_serial)}.tmp"
    try:
        temporary.write_bytes(data.data)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _cannot_write(target, error) from error
    return target


def write_info(
    info: Path, folder: str, image_names: Iterable[str], *, width: int, height: int
) -> None:
    """Write `<index from 0> <folder>/<name>.bin <width> <height>`, sorted by name.

    `folder` stands there as it is spelled, since the vendor's tool resolves it from where it is
    started. UserError where a blank in a path would shift the columns.
    """
    paths = [os.path.join(folder, name) for name in sorted(map(bin_name, image_names))]
    blank = [path for path in paths if path.split() != [path]]
    if blank:
        raise UserError(
            "info.blanks",
            "{count} paths hold blanks, which separate the columns of {info!r}: {names}",
            hint="Rename the folder or the images without blanks.",
            count=len(blank),
            info=info,
            names=some(blank),
        )
    lines = (f"{index} {path} {width} {height}\n" for index, path in enumerate(paths))
    write_text(info, "".join(lines))


def read_info(info: Path) -> tuple[InfoLine, ...]:
    """The lines of an `.info` file; UserError names the first that is none."""
    try:
        text = info.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "info.unreadable",
            "the file {info!r} cannot be read: {reason}",
            hint="Check the path; `preprocess --info FILE` writes such a file.",
            info=info,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    return tuple(_info_line(info, number, line) for number, line in _numbered(text))


def _numbered(text: str) -> Iterable[tuple[int, str]]:
    """Lines that are not blank, with their number from 1."""
    lines = enumerate(text.split("\n"), 1)
    return ((number, line.strip()) for number, line in lines if line.strip())


def _info_line(info: Path, number: int, line: str) -> InfoLine:
    parts = line.split()
    numbers = [int(part) for part in (*parts[:1], *parts[2:]) if _NUMBER.fullmatch(part)]
    if len(parts) != 4 or len(numbers) != 3:
        raise UserError(
            "info.line",
            "line {number} of {info!r} is {line!r}, not: index, path, width and height",
            hint="Write the file again with `preprocess --info FILE`.",
            number=number,
            info=info,
            line=line[:80],
        )
    return InfoLine(numbers[0], parts[1], numbers[1], numbers[2])


def _cannot_write(path: Path, error: OSError) -> ToolFailed:
    return ToolFailed(
        "bins.write",
        "cannot write {path!r}: {reason}",
        hint="Free some space or choose another folder that you may write to, then run again.",
        path=path,
        reason=error.strerror or error,
    )
