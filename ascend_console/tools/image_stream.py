"""Samples from image files, decoded ahead of their use by worker threads.

Threads are enough: Pillow, OpenCV and numpy let go of the interpreter while they work.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import Interrupted, UserError
from ascend_console.core.specs import ImageBatch
from ascend_console.tools.images import load_sample, require_library

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.specs import Cancel, Clock, Preprocess

_AHEAD_PER_WORKER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResult:
    """One file of a stream: its sample, or the error that names what is wrong with it.

    `decoded_s` and `ready_s` are when it was decoded and preprocessed, by the stream's clock.
    """

    path: Path
    data: NDArray[Any] | None
    notes: tuple[str, ...] = ()
    error: UserError | None = None
    decoded_s: float = 0.0
    ready_s: float = 0.0

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def stream(
    files: Sequence[Path],
    variant: Preprocess,
    *,
    workers: int,
    cancel: Cancel,
    depth: int | None = None,
    clock: Clock | None = None,
) -> Generator[ImageResult, None, None]:
    """Preprocess `files` in `workers` threads; results come in the order of `files`.

    At most `depth` samples (default: 4 a worker) are ready or under way, whatever the number of
    files. A bad image is a result with an error. Raises BackendUnavailable before any work where
    the variant's library is missing, and Interrupted once `cancel` is set. Closing the generator,
    by any way, ends the threads.
    With a `clock` every result says when its stages were done.
    """
    require_library(variant)
    return _results(files, partial(_load, variant, clock), max(workers, 1), cancel, depth)


def _results(
    files: Sequence[Path],
    load: Callable[[Path], ImageResult],
    workers: int,
    cancel: Cancel,
    depth: int | None,
) -> Generator[ImageResult, None, None]:
    ahead = max(depth or _AHEAD_PER_WORKER * workers, workers)
    waiting = iter(files)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        pending: deque[Future[ImageResult]] = deque(
            pool.submit(load, path) for path in islice(waiting, ahead)
        )
        while pending:
            if cancel.is_set():
                raise Interrupted
            result = pending.popleft().result()
            for path in islice(waiting, 1):
                pending.append(pool.submit(load, path))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _load(variant: Preprocess, clock: Clock | None, path: Path) -> ImageResult:
    stamps: list[float] = []

    def stamp() -> None:
        stamps.append(clock.monotonic_s() if clock else 0.0)

    try:
        data, notes = load_sample(path, variant, stamp)
    except UserError as error:
        return ImageResult(path=path, data=None, error=error)
    stamp()
    return ImageResult(path=path, data=data, notes=notes, decoded_s=stamps[0], ready_s=stamps[-1])


def batches(
    results: Iterable[ImageResult],
    batch_size: int,
    seen: Callable[[ImageResult], None] | None = None,
) -> Generator[ImageBatch, None, None]:
    """Group the good results into arrays of `(n, *shape)`; only the last may be short.

    `seen` gets every result, so that the caller counts notes and bad images. Closes `results` at
    the end where it can be closed.
    """
    good: list[ImageResult] = []
    try:
        for result in results:
            if seen is not None:
                seen(result)
            if result.data is not None:
                good.append(result)
            if len(good) == batch_size:
                yield _batch(good)
                good.clear()
        if good:
            yield _batch(good)
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()


def _batch(results: Sequence[ImageResult]) -> ImageBatch:
    import numpy as np

    samples = [result.data for result in results if result.data is not None]
    return ImageBatch(names=tuple(result.name for result in results), data=np.stack(samples))
