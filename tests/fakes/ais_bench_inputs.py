"""Which files make which batch, and their bytes (ascend-tools.md section 2.4)."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fakes.ais_bench_options import at_least
from tests.fakes.ais_bench_security import is_legal

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tests.fakes.fake_om import OmTensor
    from tests.fakes.printing import Console

PURE = "pure_infer_data"
PADDING = "padding_infer_fake_file"

Batch = list[list[str]]
"""The files of one execution: a list for each input of the model."""

_SUFFIXES = (".npy", ".NPY", ".bin", ".BIN")
_NUMPY = (".npy", ".NPY")


def _natural(path: str) -> list[int | str]:
    return [int(part) if part.isdigit() else part.lower() for part in re.split("([0-9]+)", path)]


def files_of(folder: str, generation: str, console: Console) -> list[str]:
    """The input files of a folder: by name, from C on with numbers in their order.

    F looks at every file, also at those that it then leaves out.
    """
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if at_least(generation, "F") and not is_legal(path, console):
            raise RuntimeError(f"input data:{path} is illegal")
        if name.endswith(_SUFFIXES):
            found.append(path)
    if not found:
        console.error(f"{folder} of input args not find valid file,valid file format:"
                      "[*.npy *.NPY *.bin *.BIN]")  # fmt: skip
        raise RuntimeError
    return sorted(found, key=_natural) if at_least(generation, "C") else found


def chunks(items: Sequence[str], size: int, filler: str) -> Iterator[list[str]]:
    """Parts of `size` items, the last one filled up."""
    for start in range(0, len(items), size):
        part = list(items[start : start + size])
        yield part + [filler] * (size - len(part))


def _bytes_of(path: str) -> int:
    if path.endswith(_NUMPY):
        return int(np.load(path).nbytes)
    return os.path.getsize(path)


def _listed(paths: list[str], count: int, generation: str, console: Console) -> list[list[str]]:
    """The files of each input."""
    if os.path.isfile(paths[0]):
        for path in paths:
            if not os.path.isfile(path):
                console.error(f"Invalid args. file_path:{path} not exist")
                raise RuntimeError
        return list(chunks(paths, max(1, len(paths) // count), PADDING))
    if os.path.isdir(paths[0]):
        if len(paths) != count:
            console.error(f"Invalid args. args input dir num:{len(paths)} not equal to model "
                          f"inputs num:{count}")  # fmt: skip
            raise RuntimeError
        return [files_of(folder, generation, console) for folder in paths]
    console.error(f"Invalid args. {paths[0]}  of --input is invalid")
    raise RuntimeError


def plan(
    args: Namespace, tensors: Sequence[OmTensor], generation: str, console: Console
) -> list[Batch]:
    """The batches of a run; RuntimeError after a line that says why there are none.

    A and B leave out what does not fill a batch; later ones fill it up with the first file again.
    """
    if args.input is None:
        return [[[PURE] for _ in tensors]]
    files = _listed(args.input.split(","), len(tensors), generation, console)
    if len(files) != len(tensors):
        console.error(f"fileslist:{len(files)} intensor:{len(tensors)} not match")
        raise RuntimeError
    if args.pipeline:
        return [list(map(list, zip(row, strict=True))) for row in zip(*files, strict=True)]
    file_size, tensor_size = _bytes_of(files[0][0]), tensors[0].nbytes
    if args.auto_set_dymshape_mode or args.auto_set_dymdims_mode:
        per_batch = 1
    elif file_size == 0 or tensor_size % file_size:
        console.error(f"arg0 tensorsize: {tensor_size} filesize: {file_size} not match")
        raise RuntimeError
    else:
        per_batch = tensor_size // file_size
    whole = at_least(generation, "C")
    count = math.ceil(len(files[0]) / per_batch) if whole else len(files[0]) // per_batch
    console.info(f"get filesperbatch files0 size:{file_size} tensor0size:{tensor_size} "
                 f"filesperbatch:{per_batch} runcount:{count}")  # fmt: skip
    if count == 0:
        console.error("create_infileslist_from_fileslist return infileslist size: 0")
        raise RuntimeError
    parts = [list(chunks(column, per_batch, PADDING)) for column in files]
    return [[part[index] for part in parts] for index in range(count)]


def _content(path: str, console: Console) -> NDArray[Any]:
    if not os.path.exists(path):
        console.error(f"filepath:{path} not valid")
        raise RuntimeError
    if path.endswith(_NUMPY):
        loaded: NDArray[Any] = np.load(path)
        return loaded
    return np.fromfile(path, np.int8)


def read(
    files: Sequence[str], tensor: OmTensor, args: Namespace, generation: str, console: Console
) -> NDArray[Any]:
    """The data of one input of one batch, in whatever type the files have.

    From E on a single file's size is left to the runtime; several together are looked at here.
    """
    if args.run_mode == "files":
        for path in files:
            if path == PURE:
                raise RuntimeError("not support pure infer")
            if path.endswith(_NUMPY):
                raise RuntimeError(f"not support npy file:{path}")
    if list(files) == [PURE]:
        if args.pure_data_type == "random":
            return np.random.default_rng().integers(0, 256, tensor.nbytes, dtype=np.uint8)
        return np.zeros(tensor.nbytes, np.uint8)
    parts = [_content(files[0] if path == PADDING else path, console) for path in files]
    if len(parts) == 1 and at_least(generation, "E"):
        return parts[0]
    joined = np.concatenate(parts)
    if joined.nbytes != tensor.nbytes:
        console.error(f"ndata size:{joined.nbytes} not match {tensor.nbytes}")
        raise RuntimeError
    return joined
