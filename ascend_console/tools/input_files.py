"""Folders of `.bin` and `.npy` inputs, read as the vendor's inference tool reads them.

Order is natural by name, sub-folders and other files are passed over, bytes are taken as they
are: no conversion (ascend-tools, inputs of ais_infer).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.tools.label_files import image_key, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SUFFIXES = (".bin", ".npy")
_DIGITS = re.compile(r"(\d+)")


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that puts `a2` before `a10`."""
    parts = _DIGITS.split(path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def list_inputs(folder: Path) -> tuple[Path, ...]:
    """The inputs of a folder in natural order; UserError where there are none or names collide."""
    if not folder.is_dir():
        raise UserError(
            "inputs.folder",
            "{folder} is no folder",
            hint="Name the folder of .bin or .npy files, such as `preprocess` writes.",
            folder=folder,
        )
    found = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES]
    files = tuple(sorted((path for path in found if path.is_file()), key=_natural))
    if not files:
        raise UserError(
            "inputs.none",
            "{folder} holds no .bin or .npy file",
            hint="Make them with `ascend-console preprocess`, or name another folder.",
            folder=folder,
        )
    _refuse_collisions(files)
    return files


def _refuse_collisions(files: Sequence[Path]) -> None:
    """Results are named up to the first dot, so two such inputs would overwrite each other."""
    seen: dict[str, Path] = {}
    twice = []
    for path in files:
        key = image_key(path.name)
        if key in seen:
            twice += [seen[key].name, path.name]
        seen[key] = path
    if twice:
        raise UserError(
            "inputs.collide",
            "inputs have the same name up to the first dot, and so would their results: {names}",
            hint="Rename them so that they differ before the first dot.",
            names=some(dict.fromkeys(twice)),
        )


def _wrong_size(path: Path, found: int, wanted: int, shape: Sequence[int], dtype: str) -> UserError:
    reason = ""
    if found and wanted % found == 0 and wanted // found == 4:
        reason = ": it looks like uint8 data for a float32 input"
    elif found and found % wanted == 0 and found // wanted == 4:
        reason = ": it looks like float32 data for a uint8 input"
    return UserError(
        "inputs.size",
        "{path} has {found} bytes; one sample of {shape} {dtype} has {wanted}{reason}",
        hint="Preprocess with the variant that belongs to this model.",
        path=path,
        found=found,
        wanted=wanted,
        shape="x".join(map(str, shape)),
        dtype=dtype,
        reason=reason,
    )


def check_sizes(files: Sequence[Path], shape: Sequence[int], dtype: str) -> None:
    """Every `.bin` must be one sample of this shape; UserError names the first that is not."""
    import numpy as np

    wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
    for path in files:
        size = path.stat().st_size
        if path.suffix.lower() == ".bin" and size != wanted:
            raise _wrong_size(path, size, wanted, shape, dtype)


def read_input(path: Path, shape: Sequence[int], dtype: str) -> NDArray[Any]:
    """One sample of `shape`; UserError where the file is no sample of it."""
    import numpy as np

    wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        if path.suffix.lower() == ".npy":
            data = np.load(path, allow_pickle=False)
        else:
            data = np.fromfile(path, dtype)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            "inputs.unreadable",
            "{path} cannot be read: {reason}",
            hint="Make it again with `ascend-console preprocess`.",
            path=path,
            reason=error,
        ) from error
    if data.nbytes == wanted and data.dtype != np.dtype(dtype):
        raise UserError(
            "inputs.dtype",
            "{path} holds {found}, and the model takes {dtype}",
            hint="Save it as little-endian {dtype}; nothing is converted.",
            path=path,
            found=data.dtype.str,
            dtype=dtype,
        )
    if data.nbytes != wanted:
        raise _wrong_size(path, data.nbytes, wanted, shape, dtype)
    sample: NDArray[Any] = data.reshape(tuple(shape))
    return sample


def read_batches(
    files: Sequence[Path], shape: Sequence[int], dtype: str, batch_size: int
) -> Iterator[tuple[tuple[Path, ...], NDArray[Any]]]:
    """Files and their samples (n, *shape) in batches; the last may be short."""
    import numpy as np

    for start in range(0, len(files), batch_size):
        part = tuple(files[start : start + batch_size])
        yield part, np.stack([read_input(path, shape, dtype) for path in part])
