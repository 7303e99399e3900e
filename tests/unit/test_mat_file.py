"""MATLAB files are read by what they hold; sizes that do not agree never reach numpy."""

from __future__ import annotations

import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ascend_console.core.errors import UserError
from ascend_console.tools import peta
from ascend_console.tools.mat_file import Cell, Struct, is_mat, read_mat
from tests.data.peta_files import Mat, Peta


def put(path, data):
    path.write_bytes(data)
    return path


def refused(call, *argv):
    with pytest.raises(UserError) as caught:
        call(*argv)
    assert caught.value.hint
    return caught.value


def test_every_kind_of_value_is_read(tmp_path):
    """Numbers in MATLAB's order, texts, nested cells and structs."""
    table = np.arange(6, dtype="i4").reshape(2, 3)
    value = {"table": table, "list": ["ab", np.ones((1, 1))], "deep": {"x": [["y"]]}}
    for order, text in (("<", "utf-16"), (">", "utf-16"), ("<", "utf-8")):
        variables = [("v", value), ("w", "é")]
        data = Mat(order, text=text, variables=variables).data()
        found = read_mat(put(tmp_path / "x.mat", data))
        assert found["w"] == "é"
        inner = found["v"].values[0]
        assert np.array_equal(inner["table"], table)
        assert inner["list"].values[0] == "ab"
        assert inner["deep"] == Struct((1, 1), ({"x": Cell((1, 1), (Cell((1, 1), ("y",)),))},))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"too short", "version 5"),
        (bytes(200), "version 5"),
        (b" " * 124 + b"\x00\x02IM" + bytes(400), "-v7"),
        (Mat(variables=[("x", "abc")]).data()[:-8], "cut off"),
        (Mat(variables=[("x", "abc")], packed=True).data()[:-3], "cut off"),
        (Mat(variables=[("x", [[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]])]).data(), "too deep"),
    ],
    ids=["short", "zeros", "7.3", "cut", "cut packed", "deep"],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, data, said):
    """7.3 is another format altogether: the way to save it again is told."""
    path = put(tmp_path / "x.mat", data)
    error = refused(read_mat, path)
    assert error.id == "mat.unreadable"
    assert said in error.message


def made_array(sizes, code, body):
    """A file with one array of doubles, its parts as they are given."""
    mat = Mat()
    flags = mat.element(6, struct.pack("<II", 6, 0))
    shape = mat.element(5, struct.pack(f"<{len(sizes)}i", *sizes))
    inner = flags + shape + mat.element(1, b"x") + mat.element(code, body)
    return mat.data() + mat.element(14, inner)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (made_array([1], 9, bytes(8)), "no proper shape"),
        (made_array([1, -1], 9, bytes(8)), "no proper shape"),
        (made_array([2, 2], 9, bytes(8)), "1 numbers, where 4 belong"),
        (made_array([1, 1], 9, bytes(12)), "cut off"),
        (made_array([1, 1], 16, bytes(8)), "something else"),
        (made_array([1, 1], 9, bytes(8)) + bytes(4), "in the middle"),
        (Mat().data() + struct.pack("<II", 15, 9) + zlib.compress(bytes(99))[:9], "is cut off"),
        (Mat().data() + struct.pack("<II", 15, 9) + b"no packed", "header"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(tmp_path, data, said):
    """Sizes are compared before anything is built from them."""
    error = refused(read_mat, put(tmp_path / "x.mat", data))
    assert error.id == "mat.unreadable"
    assert said in error.message


def test_an_empty_value_has_no_parts(tmp_path):
    """MATLAB writes [] in a cell as an array without any part."""
    mat = Mat()
    cell = mat.element(6, struct.pack("<II", 1, 0)) + mat.element(5, struct.pack("<2i", 1, 1))
    data = mat.data() + mat.element(14, cell + mat.element(1, b"c") + mat.element(14, b""))
    assert read_mat(put(tmp_path / "x.mat", data))["c"].values[0].shape == (0, 0)


def test_kinds_that_are_not_known_are_refused(tmp_path):
    """Sparse, complex, objects: not read wrongly, but not read."""
    plain_data = Mat(variables=[("x", np.ones((1, 2)))]).data()
    at = plain_data.index(struct.pack("<II", 6, 8)) + 8
    for flags in (5, 3, 16, 17, 6 | 0x0800):
        data = plain_data[:at] + struct.pack("<I", flags) + plain_data[at + 4 :]
        assert "x in it is no plain" in refused(read_mat, put(tmp_path / "x.mat", data)).message


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    """A few bytes that unpack to gigabytes end at a limit."""
    monkeypatch.setattr("ascend_console.tools.mat_file._LARGEST_BYTES", 1 << 20)
    small = zlib.compress(bytes(4 << 20))
    data = Mat().data() + struct.pack("<II", 15, len(small)) + small
    assert "1 MiB" in refused(read_mat, put(tmp_path / "x.mat", data)).message


def test_a_file_of_a_wrong_size_is_not_read(tmp_path):
    """A video named by mistake must not fill the memory."""
    path = put(tmp_path / "x.mat", Mat().data())
    with path.open("rb+") as stream:
        stream.truncate(513 << 20)
    assert "512 MiB" in refused(read_mat, path).message


def test_a_matlab_file_is_known_by_its_head(tmp_path):
    """The suffix is not believed."""
    assert is_mat(put(tmp_path / "x", Mat().data()))
    assert not is_mat(put(tmp_path / "x", pickle.dumps([])))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_damage_to_a_matlab_file_is_an_error_or_harmless(tmp_path_factory, data):
    """One flipped byte anywhere: a split or a UserError, nothing else."""
    raw = bytearray(Peta(images=5).mat(packed=data.draw(st.booleans())))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = put(tmp_path_factory.mktemp("damage") / "PETA.mat", bytes(raw))
    try:
        split = peta.read_split(path, None) if is_mat(path) else None
    except UserError:
        return
    assert split is None or all(set(row) <= {0, 1} for row in split.rows)
