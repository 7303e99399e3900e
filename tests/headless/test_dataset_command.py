"""`dataset peta` writes both label files or none, and says whether they are the published ones."""

from __future__ import annotations

import json

import pytest

from ascend_console.cli import main
from ascend_console.core import discovery
from ascend_console.tools import image_sets
from tests.data.peta_files import ATTRIBUTES, Peta

DEEPMAR = discovery.load("zoo", "deepmar")
ORDERED = Peta(names=DEEPMAR.labels + tuple(f"other{n}" for n in range(35, ATTRIBUTES)))


@pytest.fixture
def call(capsys):
    """Run `dataset peta` in this process: (exit code, document or None, stderr)."""

    def run(*argv):
        code = main(["--json", "dataset", "peta", *map(str, argv)])
        seen = capsys.readouterr()
        return code, json.loads(seen.out) if seen.out else None, seen.err

    return run


@pytest.fixture
def given(tmp_path):
    """The options of a small data set whose files are all there."""
    (tmp_path / "PETA.mat").write_bytes(ORDERED.mat(packed=True))
    images = ORDERED.write_images(tmp_path / "all images")
    return {
        "--annotations": tmp_path / "PETA.mat",
        "--images": images,
        "--output": tmp_path / "deep" / "peta",
    }


def words(options):
    return [word for pair in options.items() for word in pair]


def test_the_split_is_written_and_can_be_opened(call, given):
    """What comes out is a data set that `run --model deepmar --dataset` takes as it is."""
    code, document, err = call(*words(given))
    output = given["--output"]
    assert code == 0
    assert json.loads((output / "label.json").read_text()) == ORDERED.expected
    assert (output / "image.txt").read_text().split() == list(ORDERED.expected)
    assert sorted(path.name for path in output.parent.iterdir()) == ["peta"]
    assert (document["schema"], document["images"], document["attributes"]) == (1, 24, 35)
    assert document["labels"] == str(output / "label.json")
    opened = image_sets.open_dataset(
        given["--images"], output / "label.json", "attributes", outputs=35
    )
    assert opened.names == tuple(ORDERED.expected)
    assert opened.missing == 0
    # It is not the published split, and nobody may take it for that.
    assert document["published"] is False
    assert image_sets.published_set(opened) is None
    failed = {entry["name"] for entry in document["checks"] if not entry["passed"]}
    assert failed == {
        "images of the data set", "images of the test split", "md5 of image.txt",
        "md5 of label.json",
    }  # fmt: skip
    assert "24, not 7600" in err
    assert "attribute 0" not in err


def test_the_pickles_give_the_same_files(call, given, tmp_path):
    """Whoever has only them gets the same bytes."""
    assert call(*words(given))[0] == 0
    dataset, partition = ORDERED.write_pickles(tmp_path)
    other = {**given, "--output": tmp_path / "other", "--annotations": dataset}
    assert call(*words({**other, "--partition": partition}))[0] == 0
    for name in ("image.txt", "label.json"):
        assert (tmp_path / "other" / name).read_bytes() == (given["--output"] / name).read_bytes()


def test_attributes_in_another_order_are_noticed(call, given):
    """Each logit is judged against its own attribute, or every figure is wrong."""
    names = ("personalLess45", "personalLess30", *ORDERED.names[2:])
    given["--annotations"].write_bytes(Peta(names=names).mat())
    err = call(*words(given))[2]
    assert "attribute 0 is 'personalLess45'" in err
    names = tuple(name.replace("footwearSneaker", "footwearSneakers") for name in ORDERED.names)
    given["--annotations"].write_bytes(Peta(names=names).mat())
    assert "attribute 28" not in call(*words(given), "--yes")[2]


def test_files_that_stand_there_are_not_replaced_unasked(call, given):
    """The same again is no change; another content needs --yes; other files stay."""
    output = given["--output"]
    output.mkdir(parents=True)
    (output / "notes.txt").write_text("mine")
    assert call(*words(given))[0] == 0
    assert call(*words(given))[0] == 0
    written = (output / "label.json").read_bytes()
    (output / "label.json").write_text("{}")
    code, document, err = call(*words(given))
    assert (code, document) == (2, None)
    assert "--yes" in err
    assert (output / "label.json").read_text() == "{}"
    assert call(*words(given), "--yes")[0] == 0
    assert (output / "label.json").read_bytes() == written
    assert (output / "notes.txt").read_text() == "mine"
    assert len(list(output.iterdir())) == 3


def test_a_folder_in_the_place_of_a_file_is_named(call, given):
    """It may be full of something."""
    (given["--output"] / "label.json").mkdir(parents=True)
    code, _, err = call(*words(given), "--yes")
    assert code == 2
    assert "label.json is a folder" in err


def test_missing_images_are_named_before_anything_is_written(call, given):
    """A half-unpacked archive would otherwise show up hours later."""
    first = next(iter(ORDERED.expected))
    (given["--images"] / first).unlink()
    code, document, err = call(*words(given))
    assert (code, document) == (2, None)
    assert "1 of 24 images" in err
    assert first in err
    assert not given["--output"].parent.exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--annotations", "absent.mat", "absent.mat"),
        ("--annotations", ".", "folder"),
        ("--partition", "x.pkl", "--partition"),
        ("--images", "absent", "absent"),
        ("--output", "PETA.mat", "is a file"),
    ],
)
def test_wrong_files_end_in_2(call, given, tmp_path, option, value, said):
    """Each with the path and what to name instead."""
    code, document, err = call(*words({**given, option: tmp_path / value}))
    assert (code, document) == (2, None)
    assert said in err
    assert "hint:" in err


def test_a_pickle_with_code_is_refused(call, given, tmp_path):
    """Downloaded annotations are data, whatever they say."""
    evil = tmp_path / "peta_dataset.pkl"
    evil.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    code, _, err = call(*words({**given, "--annotations": evil, "--partition": evil}))
    assert code == 2
    assert "os.system" in err
    assert not (tmp_path / "ran").exists()


def test_the_data_set_must_be_named(capsys):
    """`dataset` alone is no question."""
    assert main(["dataset", "coco", "--annotations", "a", "--images", "b", "--output", "c"]) == 2
    assert "peta" in capsys.readouterr().err
