"""Every backend keeps the same promises, on the same network, whoever wrote it."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.core import discovery
from ascend_console.core.backend import Backend, BackendInfo, BackendOptions
from ascend_console.core.errors import ToolFailed, UserError

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 3
TOLERANCE = 1e-5


@pytest.fixture(params=discovery.names("backends"))
def info(request: pytest.FixtureRequest) -> BackendInfo:
    """One backend that works here; the others are skipped with their own reason."""
    entry: BackendInfo = discovery.load("backends", request.param)
    reason = entry.unavailable(dict(os.environ))
    if reason:
        pytest.skip(reason)
    return entry


@pytest.fixture
def backend(info: BackendInfo) -> Any:
    """A fresh backend on one thread, closed at the end."""
    made = info.backend(BackendOptions(threads=1))
    yield made
    made.close()


@pytest.fixture
def artifact(info: BackendInfo, backend: Backend, tiny: Any, tmp_path: Path) -> Path:
    """The network converted for a batch of three, in a folder that holds nothing else."""
    path = tmp_path / "artefacts 图" / f"tiny_bs3{info.suffix}"
    list(backend.convert(tiny.source, path, batch_size=BATCH))
    return path


def test_results_are_those_of_the_network(backend: Backend, tiny: Any, artifact: Path) -> None:
    """The one promise that everything else rests on."""
    backend.open(artifact, tiny.builders)
    for seed in range(3):
        batch = tiny.batch(BATCH, seed)
        outputs = backend.infer(batch)
        assert len(outputs) == 1
        assert outputs[0].dtype == np.float32
        np.testing.assert_allclose(outputs[0], tiny.reference(batch), rtol=0, atol=TOLERANCE)


def test_the_artefact_tells_its_tensors(backend: Backend, tiny: Any, artifact: Path) -> None:
    """Names, shapes and dtypes decide how inputs are prepared and results are written."""
    backend.open(artifact, tiny.builders)
    (image,), (scores,) = backend.inputs, backend.outputs
    assert (image.name, image.shape, image.dtype) == ("image", (BATCH, 3, 8, 8), "float32")
    assert (scores.name, scores.shape, scores.dtype) == ("class", (BATCH, 5), "float32")
    assert backend.batch_size == BATCH


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((BATCH - 1, 3, 8, 8), np.float32),
        np.zeros((BATCH + 1, 3, 8, 8), np.float32),
        np.zeros((BATCH, 8, 8, 3), np.float32),
        np.zeros((3, 8, 8), np.float32),
        np.zeros((), np.float32),
        np.zeros((BATCH, 3, 8, 8), np.float64),
        np.zeros((BATCH, 3, 8, 8), np.uint8),
        np.zeros((BATCH, 3, 8, 8), ">f4" if sys.byteorder == "little" else "<f4"),
    ],
    ids=lambda array: f"{array.shape}-{array.dtype}",
)
def test_a_batch_that_does_not_fit_is_refused(
    backend: Backend, tiny: Any, artifact: Path, wrong: np.ndarray[Any, Any]
) -> None:
    """A silent cast or a silent batch of another size would be a wrong figure."""
    backend.open(artifact, tiny.builders)
    with pytest.raises(UserError, match="image") as caught:
        backend.infer(wrong)
    assert caught.value.hint
    good = tiny.batch(BATCH)
    np.testing.assert_allclose(backend.infer(good)[0], tiny.reference(good), atol=TOLERANCE)


def test_the_memory_layout_of_a_batch_does_not_matter(
    backend: Backend, tiny: Any, artifact: Path
) -> None:
    """Batches come from slices, mapped files and read-only buffers."""
    backend.open(artifact, tiny.builders)
    batch = tiny.batch(BATCH)
    strided = np.repeat(batch, 2, axis=3)[:, :, :, ::2]
    frozen = batch.copy()
    frozen.flags.writeable = False
    backwards = batch[::-1].copy()[::-1]
    expected = backend.infer(batch)[0].copy()
    for same in (strided, frozen, backwards, np.asfortranarray(batch)):
        np.testing.assert_array_equal(backend.infer(same)[0], expected)


def test_the_same_batch_gives_the_same_bits(
    info: BackendInfo, backend: Backend, tiny: Any, artifact: Path
) -> None:
    """Also after opening again: a figure can be made twice."""
    batch = tiny.batch(BATCH)
    backend.open(artifact, tiny.builders)
    first = backend.infer(batch)[0].copy()
    np.testing.assert_array_equal(backend.infer(batch)[0], first)
    other = info.backend(BackendOptions(threads=1))
    other.open(artifact, tiny.builders)
    np.testing.assert_array_equal(other.infer(batch)[0], first)
    other.close()


def test_results_do_not_depend_on_the_neighbours_in_the_batch(
    backend: Backend, tiny: Any, artifact: Path
) -> None:
    """The last batch is padded, and the padding dropped: it must not reach the real rows."""
    backend.open(artifact, tiny.builders)
    batch = tiny.batch(BATCH)
    expected = backend.infer(batch)[0][0].copy()
    batch[1:] = 1e3
    np.testing.assert_allclose(backend.infer(batch)[0][0], expected, atol=TOLERANCE)


def test_every_batch_size_gives_the_same_results(
    info: BackendInfo, tiny: Any, tmp_path: Path
) -> None:
    """Batch consistency is judged on data; the backend itself must not add to it."""
    batch = tiny.batch(8)
    for size in (1, 8):
        backend = info.backend(BackendOptions(threads=1))
        path = tmp_path / f"bs{size}{info.suffix}"
        list(backend.convert(tiny.source, path, batch_size=size))
        backend.open(path, tiny.builders)
        rows = [backend.infer(batch[at : at + size])[0].copy() for at in range(0, 8, size)]
        np.testing.assert_allclose(np.concatenate(rows), tiny.reference(batch), atol=TOLERANCE)
        backend.close()


def test_convert_replaces_an_older_artefact_and_leaves_no_other_file(
    info: BackendInfo, backend: Backend, tiny: Any, artifact: Path
) -> None:
    """A run folder holds artefacts and their notes, no remains."""
    list(backend.convert(tiny.source, artifact, batch_size=2))
    backend.open(artifact, tiny.builders)
    assert backend.batch_size == 2
    names = {path.name for path in artifact.parent.iterdir()}
    assert names <= {artifact.name, artifact.name + ".json"}
    assert artifact.suffix == info.suffix


def test_an_artefact_outlives_its_move(backend: Backend, tiny: Any, artifact: Path) -> None:
    """Artefacts are copied between runs, through a cache and by hand."""
    moved = artifact.parent.parent / f"renamed{artifact.suffix}"
    artifact.rename(moved)
    backend.open(moved, tiny.builders)
    batch = tiny.batch(BATCH)
    np.testing.assert_allclose(backend.infer(batch)[0], tiny.reference(batch), atol=TOLERANCE)


def test_closing_twice_and_opening_again_is_allowed(
    backend: Backend, tiny: Any, artifact: Path
) -> None:
    """Clean-up runs on every way out, also on those that closed before."""
    backend.close()
    backend.open(artifact, tiny.builders)
    backend.close()
    backend.close()
    backend.open(artifact, tiny.builders)
    backend.open(artifact, tiny.builders)
    assert backend.infer(tiny.batch(BATCH))[0].shape == (BATCH, 5)


def test_every_figure_can_name_its_runtime_and_device(info: BackendInfo, backend: Backend) -> None:
    """They stand beside every figure, on one line."""
    assert re.fullmatch(r"[ -~]*\d+\.\d+[ -~]*", backend.version())
    assert re.fullmatch(r"[a-z]+:\d+", backend.device_name())
    assert info.backend(BackendOptions(threads=2)).threads == 2  # type: ignore[attr-defined]
    assert info.backend(BackendOptions()).threads >= 1  # type: ignore[attr-defined]


def test_availability_is_none_or_a_line_with_what_to_type(info: BackendInfo) -> None:
    """Pickers show the reason beside a greyed entry."""
    assert info.unavailable(dict(os.environ)) is None


@pytest.mark.parametrize(
    "options",
    [
        BackendOptions(precision="fp7"),
        BackendOptions(threads=0),
        BackendOptions(threads=-2),
        BackendOptions(device="abacus:0"),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused_before_any_work(
    info: BackendInfo, options: BackendOptions
) -> None:
    """A run must not end after minutes in what could be said at once."""
    with pytest.raises(UserError) as caught:
        info.backend(options)
    assert caught.value.hint


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_without_samples_is_refused(
    backend: Backend, info: BackendInfo, tiny: Any, tmp_path: Path, batch_size: int
) -> None:
    """Nothing is written for it."""
    output = tmp_path / "out" / f"none{info.suffix}"
    with pytest.raises(UserError, match=str(batch_size)):
        list(backend.convert(tiny.source, output, batch_size=batch_size))
    assert not output.parent.exists()


def test_a_place_that_cannot_be_written_is_named(
    backend: Backend, info: BackendInfo, tiny: Any, tmp_path: Path
) -> None:
    """The system failed, not the model: another exit code, another remedy."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ToolFailed, match="cannot write") as caught:
        list(backend.convert(tiny.source, tmp_path / "file" / f"x{info.suffix}", batch_size=1))
    assert type(caught.value) is ToolFailed


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_torn_artefact_is_refused_by_name(
    backend: Backend, tiny: Any, artifact: Path, keep: float
) -> None:
    """A copy that broke off is bad input, and never a traceback or a figure."""
    data = artifact.read_bytes()
    artifact.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(UserError) as caught:
        backend.open(artifact, tiny.builders)
    assert str(artifact) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html><html>404</html>", b"\x80\x04N.", b"PK\x03\x04", bytes(64), b"{}" * 99],
    ids=["html", "pickle", "zip", "zeros", "json"],
)
def test_another_kind_of_file_is_refused_by_name(
    backend: Backend, info: BackendInfo, tiny: Any, tmp_path: Path, content: bytes
) -> None:
    """A saved error page with the right suffix is the usual case."""
    path = tmp_path / f"foreign{info.suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        backend.open(path, tiny.builders)
    assert str(path) in caught.value.message


def test_a_missing_artefact_or_a_folder_is_refused_by_name(
    backend: Backend, info: BackendInfo, tiny: Any, tmp_path: Path
) -> None:
    """A typing error in a path."""
    for path in (tmp_path / f"absent{info.suffix}", tmp_path):
        with pytest.raises(UserError, match=re.escape(str(path))):
            backend.open(path, tiny.builders)


def test_a_refused_artefact_leaves_nothing_open(
    backend: Backend, tiny: Any, artifact: Path
) -> None:
    """The figures of an earlier artefact must not come out under a later name."""
    backend.open(artifact, tiny.builders)
    artifact.write_bytes(b"torn")
    with pytest.raises(UserError):
        backend.open(artifact, tiny.builders)
    assert backend.inputs == ()
    assert backend.outputs == ()


def test_nothing_is_printed(
    backend: Backend, tiny: Any, artifact: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output is data and standard error is ours: runtimes like to write to both."""
    backend.open(artifact, tiny.builders)
    backend.infer(tiny.batch(BATCH))
    artifact.write_bytes(artifact.read_bytes()[:200])
    with pytest.raises(UserError):
        backend.open(artifact, tiny.builders)
    assert capfd.readouterr() == ("", "")
