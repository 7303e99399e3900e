"""Preprocessing against the pipeline of the published scripts, with the same bytes as a result.

`baseline` is what the published scripts do, step for step, in one process: open, convert, resize,
crop, to float32 planes, divide, subtract, divide, `tofile`. `baseline_contiguous` lays the planes
out before it writes, which the scripts do not; it shows how much of the gain is only that.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ascend_console.core.variants import VARIANTS
from ascend_console.tools.bins import write_bin
from ascend_console.tools.image_stream import stream
from tests.benchmarks.harness import Result, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAMPLES = Path(__file__).parents[2] / "sample_data/imagenet/val"
RESNET = VARIANTS["resnet"]
GOAL = 1.6
GOAL_TWO_CORES = 1.8


def _planes(path: Path) -> np.ndarray:
    """Normalised planes as the published script makes them: a transposed view."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    if width < height:
        image = image.resize((256, int(256 * height / width)), Image.Resampling.BILINEAR)
    elif height != 256:
        image = image.resize((int(256 * width / height), 256), Image.Resampling.BILINEAR)
    width, height = image.size
    left, top = round((width - 224) / 2.0), round((height - 224) / 2.0)
    image = image.crop((left, top, left + 224, top + 224))
    planes = np.array(image, dtype=np.float32).transpose(2, 0, 1)
    planes = planes / 255.0
    planes -= np.array(RESNET.mean, dtype=np.float32)[:, None, None]
    planes /= np.array(RESNET.std, dtype=np.float32)[:, None, None]
    return planes


def baseline(files: Sequence[Path], out: Path) -> None:
    """The published pipeline, one file after the other."""
    for path in files:
        _planes(path).tofile(out / (path.name.split(".")[0] + ".bin"))


def baseline_contiguous(files: Sequence[Path], out: Path) -> None:
    """The published pipeline with the planes laid out in the order of the file."""
    for path in files:
        planes = np.ascontiguousarray(_planes(path))
        planes.tofile(out / (path.name.split(".")[0] + ".bin"))


def ours(files: Sequence[Path], out: Path, workers: int = 1) -> None:
    """What the job `preprocess` does: a stream of samples, each written as a whole file."""
    for result in stream(files, RESNET, workers=workers, cancel=threading.Event()):
        assert result.data is not None, result.error
        write_bin(out, result.name, result.data)


def sample_files(scratch: Path, count: int = 100) -> list[Path]:
    """JPEGs of the sample data, or noisy ones of ImageNet's usual size where there are none."""
    found = sorted(SAMPLES.glob("*.JPEG"))[:count]
    if found:
        return found
    scratch.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    for index in range(count):
        coarse = generator.integers(0, 256, (25, 34, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        noise = generator.normal(0, 8, (375, 500, 3))
        pixels = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(scratch / f"noise_{index:03d}.JPEG", quality=90)
    return sorted(scratch.glob("noise_*.JPEG"))


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and the threads that it starts, on one core where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def rows(folder: Path, count: int = 60) -> list[Result]:
    """One core by CPU seconds, which other processes disturb least; two cores by wall time."""
    files = sample_files(folder / "jpeg", count)
    outs = {name: folder / name for name in ("published", "ours", "two")}
    for out in outs.values():
        out.mkdir(parents=True)

    def on_one_core(clock: Callable[[], float], work: Callable[[], None]) -> float:
        with one_core():
            begin = clock()
            work()
            return clock() - begin

    def timed(work: Callable[[], None]) -> float:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    published = functools.partial(baseline, files, outs["published"])
    single = functools.partial(ours, files, outs["ours"])
    double = functools.partial(ours, files, outs["two"], 2)
    one = compare(
        "preprocess, one core / published pipeline",
        functools.partial(on_one_core, time.process_time, published),
        functools.partial(on_one_core, time.process_time, single),
        GOAL,
    )
    two = compare(
        "preprocess, two cores / one core",
        functools.partial(on_one_core, time.perf_counter, single),
        functools.partial(timed, double),
        GOAL_TWO_CORES,
    )
    for path in outs["published"].iterdir():
        for out in outs.values():
            assert path.read_bytes() == (out / path.name).read_bytes(), path.name
    return [one, two]
