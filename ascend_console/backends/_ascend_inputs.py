"""Private folders in which inputs lie as the vendor's tools insist (ascend-tools.md section 2.3).

The newest ais_bench refuses links, foreign owners, files that others may write, and any character
of a path besides letters, digits and `_ . / -`; benchmark and msame misread blanks and commas.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.ascend.ais_bench import path_problems
from ascend_console.backends._ascend_sizes import closed_shape
from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.tools import files, input_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ascend_console.ascend.ais_bench import PathProblem
    from ascend_console.core.backend import TensorInfo
    from ascend_console.core.specs import Cancel, Env

_LARGEST_OM = 10 * 2**30
_OTHERS_MAY_WRITE = 0o022
_PRIVATE = 0o640
_LOOK_EACH = 16


def _is_ours(facts: os.stat_result) -> bool:
    return facts.st_uid == os.geteuid() or facts.st_gid in (os.getegid(), *os.getgroups())


def _is_legal_root(path: Path) -> bool:
    """Whether a path may lead to inputs and results; msame takes `.bin` anywhere for a file."""
    problems = path_problems(str(path), is_link=False, owned=True, mode=0)
    return not problems and ".bin" not in str(path)


def _roots(env: Env) -> tuple[Path, ...]:
    """Where a private folder may lie, the run's own first."""
    temporary = (env.settings.environ.get("TMPDIR"), "/tmp", "/var/tmp")
    folders = (env.folder.resolve() / "work", *(Path(name).resolve() for name in temporary if name))
    return tuple(filter(_is_legal_root, folders))


@contextlib.contextmanager
def work_folder(env: Env) -> Iterator[Path]:
    """A new private folder with a path that every tool takes, removed at the end.

    It lies in the run folder, where hard links to its files are possible; with a path that the
    tools refuse, in the folder for temporary files. ToolFailed where neither can be made.
    """
    folder = _new_folder(env)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.parent == env.folder.resolve() / "work":
            with contextlib.suppress(OSError):
                folder.parent.rmdir()


def _new_folder(env: Env) -> Path:
    reason: object = "every path has characters that the tools refuse"
    for root in _roots(env):
        try:
            if root.name == "work":
                root.mkdir(parents=True, exist_ok=True)
                files.sweep_dead(root)
            return Path(tempfile.mkdtemp(f".{os.getpid()}.tmp", ".ascend-console-", root))
        except OSError as error:
            reason = error.strerror or error
    raise ToolFailed(
        "ascend.work_folder",
        "no folder for the inputs can be made: {reason}",
        hint="Name a folder of letters, digits and _ . / - that you may write to: --workspace, or "
        "the variable TMPDIR.",
        reason=reason,
    )


def problems_of(path: Path, limit: int = _LARGEST_OM) -> tuple[PathProblem, ...]:
    """Why the newest ais_bench would refuse a file where it lies."""
    facts = path.lstat()
    return path_problems(
        str(path),
        is_link=stat.S_ISLNK(facts.st_mode),
        owned=_is_ours(facts),
        mode=stat.S_IMODE(facts.st_mode),
        size=facts.st_size,
        limit=limit,
    )


def place_model(path: Path, folder: Path) -> Path:
    """The om itself where the tools take it as it lies, else a link or copy of it in `folder`."""
    path = files.require_file(path.absolute(), "an om")
    if not problems_of(path):
        return path
    target = folder / "model.om"
    _put(path, target)
    return target


def _put(source: Path, target: Path) -> None:
    """A hard link, or a copy where that is impossible or would keep a mode that is refused."""
    try:
        source = source.resolve()
        facts = source.stat()
        if _is_ours(facts) and not facts.st_mode & _OTHERS_MAY_WRITE:
            with contextlib.suppress(OSError):
                os.link(source, target)
                return
        shutil.copyfile(source, target)
        target.chmod(_PRIVATE)
    except OSError as error:
        raise _cannot_place(source, target, error) from error


def _cannot_place(source: Path, target: Path, error: OSError) -> ToolFailed:
    return ToolFailed(
        "ascend.inputs_place",
        "{path} cannot be put into {folder}: {reason}",
        hint="Free some space there, or check that you may read the file, then run again.",
        path=source,
        folder=target.parent,
        reason=error.strerror or error,
    )


def input_name(number: int) -> str:
    """The name under which an input or batch lies in a private folder, by its number from 0."""
    return f"{number:06d}.bin"


def batches_of(samples: int, batch_size: int) -> int:
    """How many batches so many samples fill, the last one perhaps not whole."""
    return -(-samples // batch_size)


def _raw(path: Path, tensor: TensorInfo) -> bytes:
    """One sample as raw bytes; UserError where the file is no sample of that input."""
    if path.suffix.lower() == ".npy":
        return input_files.read_input(path, closed_shape(tensor), tensor.dtype).tobytes()
    return path.read_bytes()


def _place_one(path: Path, target: Path, tensor: TensorInfo) -> None:
    if path.suffix.lower() != ".npy":
        _put(path, target)
        return
    data = _raw(path, tensor)
    try:
        target.write_bytes(data)
        target.chmod(_PRIVATE)
    except OSError as error:
        raise _cannot_place(path, target, error) from error


def _look(number: int, cancel: Cancel) -> None:
    if number % _LOOK_EACH == 0 and cancel.is_set():
        raise Interrupted


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(0o750)
    except OSError as error:
        raise _cannot_place(folder, folder, error) from error


def place_samples(
    inputs: Sequence[Path],
    folder: Path,
    tensor: TensorInfo,
    *,
    batch_size: int,
    cancel: Cancel,
    rounds: int = 1,
) -> int:
    """Put every input into the new `folder` as `000000.bin` on; how many files that made.

    The last one fills up its batch: the oldest ais_infer drops a batch that is not whole. With
    several `rounds` all of them follow again.
    """
    _make_folder(folder)
    padded = batches_of(len(inputs), batch_size) * batch_size
    for number in range(padded * rounds):
        _look(number, cancel)
        first = min(number % padded, len(inputs) - 1)
        target = folder / input_name(number)
        if first == number:
            _place_one(inputs[first], target, tensor)
        else:
            _put(folder / input_name(first), target)
    return padded * rounds


def place_batches(
    inputs: Sequence[Path],
    folder: Path,
    tensor: TensorInfo,
    *,
    batch_size: int,
    cancel: Cancel,
    rounds: int = 1,
) -> int:
    """As `place_samples`, with the samples of a batch behind one another in one file."""
    if batch_size == 1:
        return place_samples(inputs, folder, tensor, batch_size=1, cancel=cancel, rounds=rounds)
    _make_folder(folder)
    count = batches_of(len(inputs), batch_size)
    for number in range(count * rounds):
        target = folder / input_name(number)
        if number >= count:
            _put(folder / input_name(number % count), target)
            continue
        _look(number, cancel)
        batch = list(inputs[number * batch_size : (number + 1) * batch_size])
        _join([*batch, *batch[-1:] * (batch_size - len(batch))], target, tensor)
    return count * rounds


def _join(samples: Sequence[Path], target: Path, tensor: TensorInfo) -> None:
    try:
        with target.open("wb") as stream:
            for path in samples:
                stream.write(_raw(path, tensor))
        target.chmod(_PRIVATE)
    except OSError as error:
        raise _cannot_place(samples[0], target, error) from error


def place_random(folder: Path, tensor: TensorInfo, *, batch_size: int, count: int) -> None:
    """One batch of random numbers under `count` names in the new `folder`.

    Floats are those of a normal distribution: random bits would hold NaN.
    """
    import numpy as np

    shape = (batch_size, *closed_shape(tensor))
    draw = np.random.default_rng(0)
    kind = np.dtype(tensor.dtype)
    values = draw.standard_normal(shape) if kind.kind == "f" else draw.integers(0, 128, shape)
    _make_folder(folder)
    first = folder / input_name(0)
    try:
        first.write_bytes(values.astype(kind).tobytes())
        first.chmod(_PRIVATE)
    except OSError as error:
        raise _cannot_place(first, first, error) from error
    for number in range(1, count):
        _put(first, folder / input_name(number))
