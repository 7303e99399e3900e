"""PETA's test split is read from each of its forms, and what is not the published one is told."""

from __future__ import annotations

import hashlib
import json
import pickle

import numpy as np
import pytest

from ascend_console.core.errors import UserError
from ascend_console.tools import peta
from tests.data.peta_files import COLUMNS, Mat, Peta

SMALL = Peta()


def put(path, data):
    path.write_bytes(data)
    return path


def refused(call, *argv):
    with pytest.raises(UserError) as caught:
        call(*argv)
    assert caught.value.hint
    return caught.value


def labels(split):
    return dict(zip(split.names, map(list, split.rows), strict=True))


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_the_matlab_file_gives_the_first_test_split(tmp_path, order, packed):
    """Columns from 4 on, indices from 1, in the order of the split."""
    path = put(tmp_path / "PETA.mat", SMALL.mat(order=order, packed=packed))
    split = peta.read_split(path, None)
    assert labels(split) == SMALL.expected
    assert list(split.names) == list(SMALL.expected)
    assert split.attributes == SMALL.names[:35]
    assert split.images == 60


@pytest.mark.parametrize("protocol", range(6))
def test_the_pickles_give_the_same(tmp_path, protocol):
    """Every protocol, since nobody knows which Python wrote them."""
    split = peta.read_split(*SMALL.write_pickles(tmp_path, protocol))
    assert labels(split) == SMALL.expected
    assert list(split.names) == list(SMALL.expected)
    assert split.attributes == SMALL.names[:35]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_pickles_may_hold_arrays(tmp_path, protocol, order):
    """Some tools keep numpy arrays where others keep lists."""
    dataset, partition = SMALL.dataset(), SMALL.partition()
    dataset["att"] = np.array(dataset["att"], order=order)
    dataset["image"] = np.array(dataset["image"])
    dataset["att_name"] = [np.str_(name) for name in dataset["att_name"]]
    dataset["selected_attribute"] = np.arange(35, dtype=">i4")
    partition["test"] = [np.array(part, "f8") for part in partition["test"]]
    split = peta.read_split(
        put(tmp_path / "d.pkl", pickle.dumps(dataset, protocol)),
        put(tmp_path / "p.pkl", pickle.dumps(partition, protocol)),
    )
    assert labels(split) == SMALL.expected
    assert split.attributes == SMALL.names[:35]


def test_pickles_of_python_2_are_read(tmp_path):
    """The original script is older than Python 3: texts are bytes there."""
    text = b"(dp0\nS'image'\np1\n(lp2\nS'00001.png'\np3\naS'00002.png'\np4\nas" + (
        b"S'att'\np5\n(lp6\n(lp7\n" + b"I1\na" * 35 + b"a(lp8\n" + b"I0\na" * 35 + b"as."
    )
    split = peta.read_split(
        put(tmp_path / "d.pkl", text),
        put(tmp_path / "p.pkl", b"(dp0\nS'test'\n(lp1\n(lp2\nI1\naas."),
    )
    assert labels(split) == {"00002.png": [0] * 35}
    assert split.attributes == ()


def test_the_files_have_the_published_form(tmp_path):
    """7,600 lines of 10 bytes and 120 bytes an entry: the published files are as large."""
    path = put(tmp_path / "PETA.mat", SMALL.mat())
    split = peta.read_split(path, None)
    assert split.image_list() == "".join(f"{name}\n" for name in SMALL.expected).encode()
    assert split.labels() == json.dumps(SMALL.expected).encode()
    whole = peta.PetaSplit(
        names=tuple(f"{index:05d}.png" for index in range(7600)),
        rows=((1,) * 35,) * 7600,
        attributes=(),
        images=19_000,
    )
    assert (len(whole.image_list()), len(whole.labels())) == (76_000, 912_000)
    assert [check.passed for check in peta.checks(whole)] == [True, True, True, False, False]


def test_counts_and_checksums_stand_beside_the_published_ones(tmp_path):
    """A split that is not the published one is told by what differs."""
    split = peta.read_split(put(tmp_path / "PETA.mat", SMALL.mat()), None)
    found = {check.name: (check.found, check.published) for check in peta.checks(split)}
    assert found["images of the data set"] == (60, 19_000)
    assert found["images of the test split"] == (24, 7_600)
    assert found["attributes"] == (35, 35)
    md5 = hashlib.md5(split.labels(), usedforsecurity=False).hexdigest()
    assert found["md5 of label.json"] == (md5, peta.LABELS_MD5)


def test_absent_and_empty_images_are_counted(tmp_path):
    """An unpacked archive is often not a whole one."""
    split = peta.read_split(put(tmp_path / "PETA.mat", SMALL.mat()), None)
    images = SMALL.write_images(tmp_path / "images")
    peta.require_images(split, images)
    peta.require_images(split, tmp_path)
    (images / split.names[3]).write_bytes(b"")
    (images / split.names[5]).unlink()
    error = refused(peta.require_images, split, images)
    assert "1 of 24 images" in error.message
    assert "1 are empty" in error.message
    assert split.names[3] in error.message
    assert split.names[5] in error.message


def broken_mat(**changes):
    """PETA.mat with other fields."""
    splits = [{"train": np.ones((1, 1)), "val": np.ones((1, 1)), "test": np.ones((1, 1))}]
    fields = {"data": SMALL.table, "attribute": ["a"], "selected": "x", "partition": splits}
    return Mat(variables=[("peta", {**fields, **changes})]).data()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Mat(variables=[("other", "x")]).data(), "no struct 'peta'"),
        (Mat().data(), "nothing"),
        (Mat(variables=[("peta", {"data": SMALL.table})]).data(), "1 fields"),
        (broken_mat(data=SMALL.table[:, :38]), "39 columns"),
        (broken_mat(data="text"), "39 columns"),
        (broken_mat(partition="text"), "no splits"),
        (broken_mat(partition=[]), "no splits"),
        (broken_mat(partition=[{"train": np.ones((1, 1))}]), "no splits"),
        (broken_mat(partition=[[np.ones((1, 1))] * 2 + ["x"]]), "no splits"),
        (broken_mat(partition=[{"test": np.zeros((0, 1))}]), "empty"),
        (broken_mat(partition=[{"test": np.full((1, 1), 61.0)}]), "names image 61"),
        (broken_mat(partition=[{"test": np.zeros((1, 1))}]), "names image 0"),
        (broken_mat(partition=[{"test": np.ones((2, 1))}]), "1 images twice"),
        (broken_mat(partition=[{"test": np.full((1, 1), 1.5)}]), "whole numbers"),
        (broken_mat(partition=[{"test": np.full((1, 1), np.nan)}]), "whole numbers"),
        (broken_mat(data=np.full((3, COLUMNS), 2, "u1")), "00001.png has 2"),
    ],
)
def test_a_matlab_file_of_something_else_is_refused(tmp_path, data, said):
    """Named by what is wrong in it, before anything is written."""
    path = put(tmp_path / "PETA.mat", data)
    error = refused(peta.read_split, path, None)
    assert said in error.message
    assert str(path) in error.message


def test_splits_may_be_cells_or_one_struct(tmp_path):
    """Two more ways to save the same five splits."""
    one = np.full((1, 1), 2.0)
    for partition in ([[one * 9, one * 9, one]], {"train": one * 9, "val": one * 9, "test": one}):
        path = put(tmp_path / "PETA.mat", broken_mat(partition=partition))
        assert peta.read_split(path, None).names == ("00002.png",)


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ([], "no 'image'"),
        ({"image": 3}, "no list"),
        ({"image": ["a.png"]}, "no 'att'"),
        ({"image": ["a.png"], "att": []}, "1 images and 0 rows"),
        ({"image": ["a.png"], "att": [[1]]}, "too short"),
    ],
)
def test_a_pickle_without_its_parts_is_refused(tmp_path, dataset, said):
    """Any pickle may be named by mistake."""
    path = put(tmp_path / "d.pkl", pickle.dumps(dataset))
    splits = put(tmp_path / "p.pkl", pickle.dumps({"test": [[0]]}))
    error = refused(peta.read_split, path, splits)
    assert said in error.message
    assert str(path) in error.message


@pytest.mark.parametrize(
    ("dataset", "partition", "said"),
    [
        ({"selected_attribute": []}, {}, "is empty"),
        ({"selected_attribute": [1.5]}, {}, "whole numbers"),
        ({"selected_attribute": [-1]}, {}, "too short"),
        ({"selected_attribute": range(10**8)}, {}, "none"),
        ({"selected_attribute": range(10**30)}, {}, "bounds"),
        ({}, {"test": []}, "is empty"),
        ({}, {"test": [[]]}, "is empty"),
        ({}, {"test": [[60]]}, "names image 60"),
        ({}, {"test": [["0"]]}, "whole numbers"),
        ({}, {"test": [7]}, "none"),
        ({"image": ["../etc/passwd"] * 60}, {}, "no name of an image"),
        ({"image": ["a\nb.png"] * 60}, {}, "no name of an image"),
        ({"image": [3] * 60}, {}, "no name of an image"),
        ({"image": ["a.png"] * 60}, {"test": [[0, 1]]}, "same name"),
        ({"att": [["x"] * 105] * 60}, {}, "has x"),
        ({"att": np.full((60, 105), None)}, {}, "not of numbers"),
    ],
)
def test_pickles_of_something_else_are_refused(tmp_path, dataset, partition, said):
    """Named by what is wrong in them, before anything is written."""
    error = refused(
        peta.read_split,
        put(tmp_path / "d.pkl", pickle.dumps(SMALL.dataset() | dataset)),
        put(tmp_path / "p.pkl", pickle.dumps(SMALL.partition() | {"test": [[0]]} | partition)),
    )
    assert said in error.message
    assert str(tmp_path) in error.message


def test_the_files_that_belong_together_are_asked_for(tmp_path):
    """A pickle needs its partner, PETA.mat has everything."""
    dataset, partition = SMALL.write_pickles(tmp_path)
    mat = put(tmp_path / "PETA.mat", SMALL.mat())
    assert "--partition" in refused(peta.read_split, dataset, None).hint
    assert "--partition" in refused(peta.read_split, mat, partition).hint
    assert refused(peta.read_split, tmp_path / "absent", None).id == "files.missing"
