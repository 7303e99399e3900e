"""Bytes of result files: read to the last bit, or refused with the kind of fault."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ascend_console.core.errors import UserError
from ascend_console.tools.result_decode import BadResultError, Outfmt, decode_block, decode_one
from ascend_console.tools.result_writer import txt_bytes
from ascend_console.tools.results import read_results

if TYPE_CHECKING:
    from pathlib import Path

FORMATS: tuple[Outfmt, ...] = ("BIN", "NPY", "TXT")


def _error(source: Path, **options: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        read_results(source, **options)
    return caught.value


def test_arrays_of_other_types_are_read_as_float32(tmp_path: Path) -> None:
    """fp16 models write half precision; some writers use double or Fortran order."""
    arrays: dict[str, Any] = {
        "a_0.npy": np.array([[1.5, 2.0]], np.float16),
        "b_0.npy": np.asfortranarray(np.array([[1.5, 2.0]], np.float64)),
        "c_0.npy": np.array([1, 2], ">i4"),
        "d_0.npy": np.array([1.5, 2.0], np.float32).reshape(1, 2, 1, 1),
    }
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    assert read_results(tmp_path).scores.tolist() == [[1.5, 2.0]] * 2 + [[1.0, 2.0], [1.5, 2.0]]


@pytest.mark.parametrize(
    ("name", "content", "error_id"),
    [
        ("a_0.bin", b"12345", "results.size"),
        ("a_0.npy", b"\x93NUMPY\x01\x00", "results.header"),
        ("a_0.npy", b"<html></html>", "results.header"),
        ("a_0.txt", b"1.000000 x \n", "results.not_numbers"),
        ("a_0.txt", b"1_0 2 \n", "results.not_numbers"),
        ("a_0.txt", b"\xff\xfe 2 \n", "results.not_numbers"),
        ("a_0.txt", b"1.0 2.0 \n3.0 4.0 \n", "results.several_rows"),
        ("a_0.txt", b" \n", "results.empty"),
    ],
)
def test_damaged_files_are_an_error(
    tmp_path: Path, name: str, content: bytes, error_id: str
) -> None:
    """Each fault by its own name: the remedies differ."""
    (tmp_path / name).write_bytes(content)
    assert _error(tmp_path).id == error_id


def test_arrays_that_are_no_single_row_of_numbers_are_an_error(tmp_path: Path) -> None:
    """Objects would run code, several rows hide several images, half a file is half a truth."""
    np.save(tmp_path / "a_0.npy", np.float32(3))
    assert read_results(tmp_path).scores.tolist() == [[3.0]]
    cases: dict[str, Any] = {
        "results.header": np.array([{}], object),
        "results.several_rows": np.zeros((2, 3), np.float32),
        "results.empty": np.zeros((1, 0), np.float32),
    }
    for error_id, array in cases.items():
        np.save(tmp_path / "a_0.npy", array, allow_pickle=True)
        assert _error(tmp_path).id == error_id
    np.save(tmp_path / "a_0.npy", np.zeros((1, 3), np.float32))
    whole = (tmp_path / "a_0.npy").read_bytes()
    (tmp_path / "a_0.npy").write_bytes(whole[:-1])
    assert _error(tmp_path).id == "results.size"


def test_files_that_look_different_are_read_one_by_one(tmp_path: Path) -> None:
    """The same size, another header; a header that is none; both while the width is known."""
    np.save(tmp_path / "a_0.npy", np.array([[1.5, 2.0]], np.float32))
    np.save(tmp_path / "b_0.npy", np.array([[1.5], [2.0]], np.float32).reshape(2, 1).T)
    np.save(tmp_path / "c_0.npy", np.array([1.5, 2.0], np.float32))
    assert read_results(tmp_path, width=2).scores.tolist() == [[1.5, 2.0]] * 3
    np.save(tmp_path / "b_0.npy", np.array([1, 2], np.int32))
    assert read_results(tmp_path).scores.tolist()[1] == [1.0, 2.0]
    (tmp_path / "a_0.npy").write_bytes(b"x")
    assert _error(tmp_path, width=2).id == "results.header"


FLOATS = st.floats(-3e7, 3e7, width=32) | st.sampled_from([0.0, -0.0, 9.9999999, -0.0000001, 1e7])


@given(st.lists(st.lists(FLOATS, min_size=4, max_size=4), min_size=1, max_size=5), st.booleans())
def test_the_fast_text_reader_equals_float(rows: list[list[float]], newline: bool) -> None:
    """To the last bit, signs of zero included."""
    chunks = [txt_bytes(np.array([row])) for row in rows]
    if not newline:
        chunks = [chunk.rstrip(b"\n") for chunk in chunks]
    expected = np.array([[float(token) for token in chunk.split()] for chunk in chunks])
    found = decode_block(chunks, "TXT", 4)
    assert found is not None
    assert found.tobytes() == expected.astype(np.float32).tobytes()


@given(st.data())
def test_a_damaged_text_is_never_read_as_other_numbers(data: st.DataObject) -> None:
    """One byte changed: the fast reader gives up, or agrees with the exact one."""
    rows = data.draw(st.lists(st.lists(FLOATS, min_size=3, max_size=3), min_size=1, max_size=3))
    chunks = [bytearray(txt_bytes(np.array([row]))) for row in rows]
    chunk = chunks[data.draw(st.integers(0, len(chunks) - 1))]
    chunk[data.draw(st.integers(0, len(chunk) - 1))] = data.draw(st.integers(0, 255))
    found = decode_block([bytes(part) for part in chunks], "TXT", 3)
    if found is None:
        return
    exact = [decode_one(bytes(part), "TXT") for part in chunks]
    assert found.tobytes() == np.stack(exact).tobytes()


@given(st.sampled_from(FORMATS), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(outfmt: Outfmt, content: bytes) -> None:
    """Nothing but the error that the reader expects."""
    with contextlib.suppress(BadResultError):
        assert len(decode_one(content, outfmt)) > 0


@given(st.binary(max_size=120))
def test_any_numpy_header_is_read_or_refused(rest: bytes) -> None:
    """The header is text that a stranger wrote; it is matched, never evaluated."""
    start = b"\x93NUMPY\x01\x00" + len(rest).to_bytes(2, "little")
    for content in (start + rest, start + b"{'descr': '<f4', 'fortran_order': False, " + rest):
        with contextlib.suppress(BadResultError):
            decode_one(content, "NPY")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=24), min_size=1, max_size=4), st.sampled_from(FORMATS))
def test_any_folder_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], outfmt: Outfmt
) -> None:
    """A reader of files that others made raises UserError and nothing else."""
    folder = tmp_path_factory.mktemp("any")
    for row, content in enumerate(contents):
        (folder / f"i{row}_0.{outfmt.lower()}").write_bytes(content)
    with contextlib.suppress(UserError):
        found = read_results(folder)
        assert np.isfinite(found.scores).all()
        assert len(found.names) == len(contents)
