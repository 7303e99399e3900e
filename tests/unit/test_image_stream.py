"""Decoding runs ahead in threads, in order, within bounds, and ends when its consumer does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ascend_console.core.errors import BackendUnavailable, Interrupted
from ascend_console.core.variants import VARIANTS
from ascend_console.tools import image_stream, images

if TYPE_CHECKING:
    from pathlib import Path

RESNET = VARIANTS["resnet"]


class Watched:
    """A sequence of files that counts how many were taken."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.taken = 0

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Path:
        if index >= len(self.files):
            raise IndexError(index)
        self.taken = max(self.taken, index + 1)
        return self.files[index]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve images, each of a single colour of its own; the fifth is no image."""
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for index in range(12):
        path = folder / f"{index:03d}.png"
        Image.new("RGB", (300 - 20 * (index % 3), 260), (index * 20, 0, 0)).save(path)
        paths.append(path)
    paths[4].write_bytes(b"nothing")
    return paths


def decoders() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order_whatever_finishes_first(files: list[Path], workers: int) -> None:
    """Predictions are paired with names, so order is correctness."""
    found = list(image_stream.stream(files, RESNET, workers=workers, cancel=threading.Event()))
    assert [result.path for result in found] == files
    for result in found:
        if result.error is None:
            assert result.data is not None
            assert np.array_equal(result.data, images.preprocess_file(result.path, RESNET))
    assert decoders() == []


def test_a_bad_image_is_a_result_and_not_the_end(files: list[Path]) -> None:
    """One damaged file among 50,000 must be named, and the others judged."""
    found = list(image_stream.stream(files, RESNET, workers=2, cancel=threading.Event()))
    bad = [result for result in found if result.error is not None]
    assert [result.name for result in bad] == ["004.png"]
    assert bad[0].data is None
    assert bad[0].error is not None
    assert bad[0].error.id == "image.bad"


def test_notes_come_with_the_sample(tmp_path: Path) -> None:
    """What was unusual is reported once per image, by whoever reads the stream."""
    path = tmp_path / "grey.png"
    Image.new("L", (30, 30)).save(path)
    (found,) = image_stream.stream([path], RESNET, workers=1, cancel=threading.Event())
    assert found.notes == ("grayscale",)


def test_no_more_is_decoded_than_the_depth_allows(files: list[Path]) -> None:
    """Memory stays the same for a thousand and for fifty thousand images."""
    watched = Watched(files)
    results = image_stream.stream(watched, RESNET, workers=2, cancel=threading.Event(), depth=3)
    assert watched.taken == 0
    for done in range(1, 5):
        next(results)
        assert watched.taken <= done + 3
    results.close()


def test_closing_the_stream_leaves_no_thread(files: list[Path]) -> None:
    """A consumer that fails must not leave decoders behind."""
    results = image_stream.stream(files, RESNET, workers=3, cancel=threading.Event())
    next(results)
    assert decoders()
    results.close()
    assert decoders() == []


def test_cancel_ends_the_stream_as_interrupted(files: list[Path]) -> None:
    """A stream that just ended early would look like a small, complete data set."""
    cancel = threading.Event()
    results = image_stream.stream(files, RESNET, workers=2, cancel=cancel)
    next(results)
    cancel.set()
    with pytest.raises(Interrupted):
        next(results)
    assert decoders() == []


def test_an_absent_library_is_told_before_any_work(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once per image, and not as a bad image."""
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(BackendUnavailable):
        image_stream.stream(files, VARIANTS["se_builtin"], workers=1, cancel=threading.Event())


def test_nothing_to_do_is_an_empty_stream() -> None:
    """No files, no results, no threads."""
    assert list(image_stream.stream([], RESNET, workers=2, cancel=threading.Event())) == []


@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 11), (4, [4, 4, 3]), (20, [11])])
def test_batches_hold_the_good_images_in_order(
    files: list[Path], size: int, lengths: list[int]
) -> None:
    """The last batch is short; bad images take no row, and `seen` hears of every one."""
    seen: list[str] = []
    results = image_stream.stream(files, RESNET, workers=2, cancel=threading.Event())
    found = list(image_stream.batches(results, size, lambda result: seen.append(result.name)))
    assert [len(batch.names) for batch in found] == lengths
    assert all(batch.data.shape == (len(batch.names), *RESNET.shape) for batch in found)
    assert [name for batch in found for name in batch.names] == [
        path.name for path in files if path.name != "004.png"
    ]
    assert seen == [path.name for path in files]
    assert found[0].data.flags.c_contiguous


def test_closing_the_batches_closes_the_stream(files: list[Path]) -> None:
    """The consumer sees only the batches; the threads must end with them."""
    results = image_stream.stream(files, RESNET, workers=2, cancel=threading.Event())
    grouped = image_stream.batches(results, 2)
    next(grouped)
    grouped.close()
    assert decoders() == []
