"""`.bin` and `.info` files are what the vendor's tools expect, and never half of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.tools import bins
from ascend_console.tools.bins import InfoLine

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("order", ["<f4", ">f4"])
def test_a_bin_is_the_raw_little_endian_numbers(tmp_path: Path, order: str) -> None:
    """No header, C order, named up to the first dot."""
    path = bins.write_bin(tmp_path, "ILSVRC2012_val_00000001.tar.JPEG", SAMPLE.astype(order))
    assert path == tmp_path / "ILSVRC2012_val_00000001.bin"
    assert path.read_bytes() == SAMPLE.astype("<f4").tobytes()
    assert list(tmp_path.iterdir()) == [path]


def test_a_strided_sample_is_written_in_its_own_order(tmp_path: Path) -> None:
    """A transposed view must not be written in the order of its memory."""
    path = bins.write_bin(tmp_path, "a.png", SAMPLE.transpose(2, 0, 1))
    assert path.read_bytes() == np.ascontiguousarray(SAMPLE.transpose(2, 0, 1)).tobytes()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """The target is a folder here; with a full disk it is the same."""
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(ToolFailed) as caught:
        bins.write_bin(tmp_path, "a.png", SAMPLE)
    assert str(tmp_path / "a.bin") in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_stale_bins_of_other_images_are_refused(tmp_path: Path) -> None:
    """The next tool takes every file of the folder, so an old one would be judged as well."""
    for name in ("a.bin", "old1.bin", "old2.bin", "old3.bin", "old4.bin", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"output folder .* is not empty") as caught:
        bins.prepare_folder(tmp_path, ["a.png", "b.png"])
    assert "4 .bin files" in caught.value.message
    assert "'old1.bin', 'old2.bin', 'old3.bin' and 1 more" in caught.value.message


def test_own_bins_may_be_written_again(tmp_path: Path) -> None:
    """A second run over the same images is no mistake."""
    folder = tmp_path / "new" / "folder"
    bins.prepare_folder(folder, ["a.png"])
    bins.write_bin(folder, "a.png", SAMPLE)
    bins.prepare_folder(folder, ["a.png", "b.png"])


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """Said before any image is decoded."""
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="is a file"):
        bins.prepare_folder(tmp_path / "out", [])


def test_info_has_the_published_lines(tmp_path: Path) -> None:
    """Numbers from 0, sorted by name, the folder as it was spelled."""
    info = tmp_path / "prep.info"
    bins.write_info(info, "./prep_dataset/", ["b.JPEG", "a.x.JPEG"], width=224, height=224)
    assert info.read_bytes() == (
        b"0 ./prep_dataset/a.bin 224 224\n1 ./prep_dataset/b.bin 224 224\n"
    )
    assert bins.read_info(info) == (
        InfoLine(0, "./prep_dataset/a.bin", 224, 224),
        InfoLine(1, "./prep_dataset/b.bin", 224, 224),
    )


@pytest.mark.parametrize(("folder", "name"), [("my data", "a.png"), ("d", "a b.png"), ("d", "a\n")])
def test_blanks_in_info_paths_are_refused(tmp_path: Path, folder: str, name: str) -> None:
    """The vendor's tool splits lines at blanks and would open another file."""
    with pytest.raises(UserError, match="blanks"):
        bins.write_info(tmp_path / "a.info", folder, [name], width=1, height=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["0 a.bin 224", "x a.bin 1 1", "0 a.bin 1 1 1", "-1 a.bin 1 1"])
def test_a_bad_info_line_is_named(tmp_path: Path, line: str) -> None:
    """File and line number lead to the mistake."""
    info = tmp_path / "a.info"
    info.write_text(f"0 ok.bin 224 224\n\n{line}\n")
    with pytest.raises(UserError, match="line 3 of"):
        bins.read_info(info)


def test_an_unreadable_info_is_named(tmp_path: Path) -> None:
    """A missing file and one that is no text are the user's mistakes, not ours."""
    (tmp_path / "binary.info").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.info", "binary.info"):
        with pytest.raises(UserError, match=name):
            bins.read_info(tmp_path / name)


@given(names=st.lists(st.text("abcXYZ019_-", min_size=1), unique=True), side=st.integers(1, 999))
def test_info_survives_a_round_trip(
    names: list[str], side: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is written is read back, for any number of names."""
    info = tmp_path_factory.mktemp("info") / "a.info"
    bins.write_info(info, "d", [f"{name}.png" for name in names], width=side, height=side + 1)
    expected = [
        InfoLine(index, f"d/{name}", side, side + 1)
        for index, name in enumerate(sorted(f"{name}.bin" for name in names))
    ]
    assert list(bins.read_info(info)) == expected
