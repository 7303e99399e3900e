"""`evaluate` over a folder of result files, against reading file by file as published scripts do.

Both sides take a folder of one format and the labels by image, and return Top-1 to Top-5.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ascend_console.core import metrics
from ascend_console.tools.result_set import find_results, pair
from ascend_console.tools.result_writer import ResultWriter
from ascend_console.tools.results import read_blocks
from tests.benchmarks.harness import LEAST_ROUNDS, Result, compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from ascend_console.tools.result_decode import Outfmt

    Evaluate = Callable[[Path, dict[str, int]], tuple[float, ...]]

FORMATS: tuple[Outfmt, ...] = ("TXT", "NPY", "BIN")
GOALS = {"TXT": 8.0, "NPY": 8.0, "BIN": 4.0}
IMAGES = 10_000
CLASSES = 1000


def make_results(folder: Path, outfmt: Outfmt, images: int = IMAGES) -> dict[str, int]:
    """Write results of random scores whose label is often near the top; return the labels."""
    random = np.random.default_rng(7)
    folder.mkdir(parents=True)
    writer = ResultWriter(folder, outfmt)
    labels: dict[str, int] = {}
    for start in range(0, images, 100):
        names = [f"ILSVRC2012_val_{start + row + 1:08}" for row in range(min(100, images - start))]
        scores = random.normal(0, 3, (len(names), CLASSES)).astype(np.float32)
        chosen = random.integers(0, CLASSES, len(names))
        scores[np.arange(len(names)), chosen] += 8
        labels |= dict(zip(names, chosen.tolist(), strict=True))
        writer.write([f"{name}.bin" for name in names], [scores])
    return labels


def _read_txt(path: str) -> Any:
    """First line, split on blanks, one float32 after the other."""
    with open(path) as stream:
        parts = stream.readline().strip().split(" ")
    values = np.zeros(len(parts), np.float32)
    for place, part in enumerate(parts):
        values[place] = np.float32(part)
    return values


def _read_npy(path: str) -> Any:
    return np.load(path).mean(axis=0)


def _read_bin(path: str) -> Any:
    return np.fromfile(path, dtype=np.float32)


_READERS: dict[str, Callable[[str], Any]] = {
    ".txt": _read_txt,
    ".npy": _read_npy,
    ".bin": _read_bin,
}


def file_by_file(folder: Path, labels: dict[str, int]) -> tuple[float, ...]:
    """Read a file, sort its scores, look for the label, go on to the next file."""
    names = os.listdir(folder)
    hits = np.zeros(5)
    for name in names:
        stem, suffix = os.path.splitext(name)
        values = _READERS[suffix](os.path.join(folder, name))
        order = np.argsort(-values)
        label = labels[stem.split(".")[0].rpartition("_")[0]]
        for rank in range(5):
            if order[rank] == label:
                hits[rank] += 1
                break
    return tuple((np.cumsum(hits) / len(names)).tolist())


def in_blocks(folder: Path, labels: dict[str, int]) -> tuple[float, ...]:
    """As `evaluate` does it: find, pair by name, read and rank block by block."""
    found = find_results(folder)
    values = np.array(list(labels.values()))
    ordered = np.empty(len(values), np.int64)
    ordered[pair(found.names, list(labels))] = values
    ranks, start = [], 0
    for block in read_blocks(found, width=CLASSES):
        ranks.append(metrics.topn_ranks(block, ordered[start : start + len(block)]))
        start += len(block)
    return metrics.topn_accuracy(np.concatenate(ranks), CLASSES)


def seconds(evaluate: Evaluate, folder: Path, labels: dict[str, int]) -> float:
    """CPU seconds of one evaluation, its result thrown away."""
    started = time.process_time()
    evaluate(folder, labels)
    return time.process_time() - started


def compare_formats(images: int = IMAGES, rounds: int = LEAST_ROUNDS) -> list[Result]:
    """One row a format, on files in a temporary folder; both sides must agree first."""
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for outfmt in FORMATS:
            folder = Path(home) / outfmt
            labels = make_results(folder, outfmt, images)
            if file_by_file(folder, labels) != in_blocks(folder, labels):
                raise AssertionError(f"both sides must agree on {outfmt}")
            rows.append(
                compare(
                    f"evaluate {images:,} {outfmt} files",
                    functools.partial(seconds, file_by_file, folder, labels),
                    functools.partial(seconds, in_blocks, folder, labels),
                    GOALS[outfmt],
                    rounds=rounds,
                )
            )
    return rows
