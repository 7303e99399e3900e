"""A stranger's pickle is read as plain data, or not at all: its code never runs."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ascend_console.core.errors import UserError
from ascend_console.tools import peta
from ascend_console.tools.plain_pickle import plain, read_plain_pickle
from tests.data.peta_files import Peta


def put(path, data):
    path.write_bytes(data)
    return path


def refused(call, *argv):
    with pytest.raises(UserError) as caught:
        call(*argv)
    assert caught.value.hint
    return caught.value


class Runs:
    """What an evil pickle does: call something while it is read."""

    def __init__(self, function, *given):
        self.call = function, given

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_a_pickle_never_runs(tmp_path, protocol):
    """The reason for this reader: a downloaded pickle is a program otherwise."""
    mark = tmp_path / "ran"
    for evil in (
        Runs(os.mkdir, str(mark)),
        Runs(eval, f"open({str(mark)!r}, 'w')"),
        Runs(getattr, "x", "upper"),
    ):
        path = put(tmp_path / "x.pkl", pickle.dumps([1, evil], protocol))
        error = refused(read_plain_pickle, path)
        assert error.id == "pickle.code"
        assert "would run" in error.message
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        b"\x80\x04",
        pickle.dumps(list(range(1000)))[:-30],
        b"\x80\x02P1\n.",
        b"\x80\x02]q\x00r\xff\xff\xff\x7f.",
        b"\x80\x02\x82\x01.",
        b"cnumpy\ndtype\n}b.",
    ],
    ids=["empty", "text", "header", "cut", "outside", "slot", "extension", "build"],
)
def test_a_damaged_pickle_is_named(tmp_path, data):
    """Also one whose damage would take gigabytes of memory; never a traceback."""
    path = put(tmp_path / "x.pkl", data)
    assert refused(read_plain_pickle, path).id in ("pickle.unreadable", "pickle.code")


@pytest.mark.parametrize(
    "value",
    [
        np.array([None]),
        np.array([1 + 2j]),
        np.zeros(2, [("a", "i4")]),
        np.array(["2026-11-20"], "M8[D]"),
    ],
    ids=["object", "complex", "record", "date"],
)
def test_arrays_of_anything_but_numbers_and_texts_are_refused(tmp_path, value):
    """Their data would have to be believed."""
    closed = read_plain_pickle(put(tmp_path / "x.pkl", pickle.dumps(value)))
    with pytest.raises(ValueError, match="in it"):
        plain(closed)


@pytest.mark.parametrize(
    "value",
    [
        Runs(np.dtype, "f8"),
        Runs(range),
        Runs(range, 1.5),
        Runs(range, 0, 9, 0),
        Runs(np._core.multiarray.scalar, "f8", b"12345678"),
        Runs(np._core.multiarray.scalar, np.dtype("f8"), 3),
        Runs(np._core.multiarray.scalar, np.dtype("f8"), b"1234"),
        Runs(np._core.multiarray.scalar, Runs(np.dtype), b"1234"),
        Runs(np._core.multiarray.scalar, Runs(np.dtype, 7), b"1234"),
        Runs(np._core.numeric._frombuffer, b"1234", np.dtype("i4"), 1, "C"),
        Runs(np._core.numeric._frombuffer, b"1234", np.dtype("i4"), (-1,), "C"),
        Runs(np._core.numeric._frombuffer, b"1234"),
        Runs(np._core.multiarray._reconstruct, np.ndarray, (0,), b"b"),
    ],
)
def test_values_that_contradict_themselves_are_refused(tmp_path, value):
    """Names of plain data with arguments that make none."""
    closed = read_plain_pickle(put(tmp_path / "x.pkl", pickle.dumps(value)))
    with pytest.raises(ValueError, match=r"in it|it holds|must not be zero"):
        plain(closed)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [np.zeros((0, 3)), np.str_(""), np.str_("é"), np.int64(-3), np.bool_(True), np.arange(3)],
)
def test_scalars_and_empty_arrays_are_read(tmp_path, value, protocol):
    """They come where a list was made from an array."""
    path = put(tmp_path / "x.pkl", pickle.dumps(value, protocol))
    assert plain(read_plain_pickle(path)) == value.tolist()


def test_scalars_of_python_2_are_read(tmp_path):
    """Their data is a text there, not bytes."""
    text = (
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'U2'\nI0\nI1\ntR(I3\nS'<'\n"
        b"NNNI8\nI4\nI0\ntbS'a\\x00\\x00\\x00b\\x00\\x00\\x00'\ntR."
    )
    assert plain(read_plain_pickle(put(tmp_path / "x.pkl", text))) == "ab"


def test_a_file_of_a_wrong_size_is_not_read(tmp_path):
    """A video named by mistake must not fill the memory."""
    path = tmp_path / "x"
    with path.open("wb") as stream:
        stream.truncate(513 << 20)
    assert "512 MiB" in refused(read_plain_pickle, path).message


def test_an_array_that_lies_about_its_size_is_refused(tmp_path):
    """Shape and data must agree before numpy sees them."""
    data = pickle.dumps(np.arange(1000, dtype="i4"), 2)
    lying = data.replace(b"M\xe8\x03", b"M\xe9\x03")
    assert lying != data
    with pytest.raises(ValueError, match="cut off"):
        plain(read_plain_pickle(put(tmp_path / "x.pkl", lying)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_damage_to_the_pickles_is_an_error_or_harmless(tmp_path_factory, data):
    """One flipped byte anywhere: a split or a UserError, nothing else."""
    folder = tmp_path_factory.mktemp("damage")
    small = Peta(images=5)
    for path in small.write_pickles(folder, data.draw(st.integers(0, 5))):
        raw = bytearray(path.read_bytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(raw)
    try:
        split = peta.read_split(folder / "peta_dataset.pkl", folder / "peta_partition.pkl")
    except UserError:
        return
    assert all(set(row) <= {0, 1} for row in split.rows)
