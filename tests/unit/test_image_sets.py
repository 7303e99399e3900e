"""Data sets pair every image with one certain label, or say which file is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ascend_console.core.errors import UserError
from ascend_console.tools import image_sets, peta
from ascend_console.tools.image_sets import ImageSet, list_images, open_dataset, published_set

ROW = [0, 1, 0]


def fill(folder: Path, *names: str) -> Path:
    """A folder with empty files; nothing is decoded here."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def refusal(folder: Path, labels: Path | None = None, task: str = "classification") -> UserError:
    with pytest.raises(UserError) as caught:
        open_dataset(folder, labels, task)
    assert caught.value.hint
    return caught.value


def attributes(folder: Path, names: list[str], rows: dict | None = None) -> Path:
    """A folder in the layout of the published pedestrian data."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image.txt").write_text("".join(f"{name}\n" for name in names))
    table = dict.fromkeys(names, ROW) if rows is None else rows
    (folder / "label.json").write_text(json.dumps(table))
    return folder


# --- a folder and val_label.txt ------------------------------------------------------------------


@pytest.mark.parametrize("place", ["in", "beside", "given"])
def test_labels_are_found_in_beside_or_where_told(tmp_path: Path, place: str) -> None:
    """All three are usual; the pairing is by name, not by order."""
    folder = fill(tmp_path / "val", "b.JPEG", "a.jpeg", "c.PNG")
    places = {"in": folder, "beside": tmp_path, "given": tmp_path / "elsewhere"}
    labels = fill(places[place], "val_label.txt") / "val_label.txt"
    labels.write_text("c.JPEG 3\na.JPEG 1\nb.JPEG 2\n")
    found = open_dataset(folder, labels if place == "given" else None, "classification")
    assert found.kind == "topn"
    assert found.names == ("a.jpeg", "b.JPEG", "c.PNG")
    assert found.keys == ("a", "b", "c")
    assert found.labels == (1, 2, 3)
    assert str(labels) in found.source
    assert len(found) == 3
    assert found.notes == ()


def test_the_label_file_inside_wins_over_the_one_beside(tmp_path: Path) -> None:
    """The nearer file belongs to these images."""
    folder = fill(tmp_path / "val", "a.jpg")
    (folder / "val_label.txt").write_text("a.jpg 1")
    (tmp_path / "val_label.txt").write_text("a.jpg 2")
    assert open_dataset(folder, None, "classification").labels == (1,)


def test_only_images_count(tmp_path: Path) -> None:
    """Labels, lists, hidden files and folders lie about in every data set."""
    folder = fill(tmp_path / "val", "a.jpg", "a.txt", "b.json", ".c.jpg", "Thumbs.db", "d.bmp")
    fill(folder, "e.webp", "old/f.jpg")
    (folder / "val_label.txt").write_text("a 0\nd 1\ne 2\n")
    found = open_dataset(folder, None, "classification")
    assert found.names == ("a.jpg", "d.bmp", "e.webp")
    assert [note.id for note in found.notes] == ["dataset.subfolders"]


def test_labels_without_an_image_are_noted(tmp_path: Path) -> None:
    """A part of a data set is fine, as long as it is said."""
    folder = fill(tmp_path / "val", "a.jpg")
    (folder / "val_label.txt").write_text("".join(f"{name}.jpg 1\n" for name in "abcdef"))
    found = open_dataset(folder, None, "classification")
    assert found.missing == 5
    assert [note.id for note in found.notes] == ["labels.without_image"]
    assert "'b', 'c', 'd' and 2 more" in found.notes[0].message


def test_images_without_a_label_are_refused(tmp_path: Path) -> None:
    """Left out, they would change the accuracy in silence."""
    folder = fill(tmp_path / "val", *(f"{name}.jpg" for name in "abcdef"))
    (folder / "val_label.txt").write_text("a.jpg 1\n")
    error = refusal(folder)
    assert error.id == "labels.unlabelled"
    assert "5 of 6 images" in error.message
    assert "'b.jpg', 'c.jpg', 'd.jpg' and 2 more" in error.message


def test_names_that_collide_at_the_first_dot_are_refused(tmp_path: Path) -> None:
    """Both would be written to the same .bin, and one judged twice."""
    folder = fill(tmp_path / "val", "a.b.png", "a.c.png", "d.png")
    (folder / "val_label.txt").write_text("a 1\nd 2\n")
    error = refusal(folder)
    assert error.id == "dataset.collision"
    assert "'a.b.png', 'a.c.png'" in error.message


def test_absent_and_binary_label_files_are_named(tmp_path: Path) -> None:
    """What is given is what is read, or refused."""
    folder = fill(tmp_path / "val", "a.jpg")
    assert refusal(folder).id == "labels.missing"
    assert "absent.txt" in refusal(folder, tmp_path / "absent.txt").message
    assert "cannot be used" in refusal(folder, tmp_path).message
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00a")
    assert "not UTF-8" in refusal(folder, tmp_path / "binary.txt").message


@pytest.mark.parametrize("task", ["classification", "attributes"])
def test_empty_and_absent_folders_are_refused(tmp_path: Path, task: str) -> None:
    """Nothing to judge is no accuracy of 0."""
    attributes(tmp_path / "empty", ["a.png"])
    assert refusal(tmp_path / "empty", None, task).id == "dataset.empty"
    assert refusal(tmp_path / "absent", None, task).id == "dataset.folder"
    file = fill(tmp_path, "file") / "file"
    assert refusal(file, None, task).id == "dataset.folder"


# --- class folders -------------------------------------------------------------------------------


def test_numbered_class_folders_give_their_number(tmp_path: Path) -> None:
    """Sorted as text, folder 10 would be class 1."""
    fill(tmp_path / "set", "0/a.jpg", "2/b.jpg", "10/c.jpg", "007/d.jpg")
    found = open_dataset(tmp_path / "set", None, "classification")
    assert dict(zip(found.names, found.labels, strict=True)) == {
        "a.jpg": 0,
        "b.jpg": 2,
        "c.jpg": 10,
        "d.jpg": 7,
    }
    assert "number" in found.notes[0].message


def test_named_class_folders_give_their_place_and_say_so(tmp_path: Path) -> None:
    """The order is a guess that the user must be able to check."""
    fill(tmp_path / "set", "dog/a.jpg", "cat/b.jpg", "cat/c.jpg", "readme.txt", ".git/x.jpg")
    found = open_dataset(tmp_path / "set", None, "classification")
    assert found.names == ("b.jpg", "c.jpg", "a.jpg")
    assert found.labels == (0, 0, 1)
    assert found.classes == ("cat", "dog")
    assert [note.id for note in found.notes] == ["dataset.class_folders"]


@pytest.mark.parametrize(
    ("names", "error_id"),
    [
        (["1/a.jpg", "1000/b.jpg"], "dataset.class_numbers"),
        (["1/a.jpg", "01/b.jpg"], "dataset.class_numbers"),
        (["1/a.jpg", "thumbs/b.jpg"], "dataset.class_numbers"),
        (["n01440764/a.jpg", "n01443537/b.jpg"], "dataset.class_count"),
        (["cat/a.jpg", "dog/b.txt"], "dataset.empty_class"),
        (["cat/1.jpg", "dog/1.jpg"], "dataset.collision"),
    ],
)
def test_class_folders_that_leave_the_class_in_doubt_are_refused(
    tmp_path: Path, names: list[str], error_id: str
) -> None:
    """A shifted class index is an accuracy of 0 without an error."""
    assert refusal(fill(tmp_path / "set", *names)).id == error_id


def test_a_thousand_wnids_are_imagenets_order(tmp_path: Path) -> None:
    """ImageNet numbers its classes by sorted WordNet id, which needs all of them."""
    names = [f"n{90_000_000 + 37 * index}/{index}.jpg" for index in range(1000)]
    found = open_dataset(fill(tmp_path / "set", *reversed(names)), None, "classification")
    assert [int(path.stem) for path in found.files] == list(found.labels)


def test_a_label_file_overrules_class_folders(tmp_path: Path) -> None:
    """Given or inside, it is certain; one beside may belong to another folder."""
    folder = fill(tmp_path / "set", "n01440764/a.jpg", "n01443537/b.jpg")
    labels = tmp_path / "labels.txt"
    labels.write_text("a 7\nb 9\n")
    assert open_dataset(folder, labels, "classification").labels == (7, 9)
    labels.rename(folder / "val_label.txt")
    assert open_dataset(folder, None, "classification").labels == (7, 9)
    (folder / "val_label.txt").rename(tmp_path / "val_label.txt")
    assert refusal(folder).id == "dataset.class_count"


# --- attributes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("images", ["", "images"])
@pytest.mark.parametrize("beside", [False, True])
def test_attribute_sets_follow_the_list(tmp_path: Path, images: str, beside: bool) -> None:
    """The order of image.txt is the order of the published evaluation."""
    folder = tmp_path / "peta"
    attributes(tmp_path if beside else folder, ["3.png", "1.png"], {"1.png": [0], "3.png": [1]})
    fill(folder / images, "1.png", "3.png")
    found = open_dataset(folder, None, "attributes")
    assert found.kind == "attributes"
    assert found.names == ("3.png", "1.png")
    assert found.labels == ((1,), (0,))
    assert found.notes == ()


def test_a_list_without_a_final_newline_keeps_its_last_image(tmp_path: Path) -> None:
    """The published loader drops it."""
    folder = fill(attributes(tmp_path / "peta", ["1.png", "2.png"]), "1.png", "2.png")
    (folder / "image.txt").write_bytes(b"\xef\xbb\xbf1.png\r\n2.png")
    assert open_dataset(folder, None, "attributes").names == ("1.png", "2.png")


def test_what_list_labels_and_folder_do_not_share_is_noted(tmp_path: Path) -> None:
    """A part is fine; each difference is said with names."""
    rows = dict.fromkeys(["1.png", "2.png", "9.png"], ROW)
    folder = fill(attributes(tmp_path / "peta", ["1.png", "2.png"], rows), "1.png", "7.png")
    found = open_dataset(folder, None, "attributes")
    assert found.names == ("1.png",)
    assert found.missing == 1
    assert [(note.id, note.args["names"]) for note in found.notes] == [
        ("labels.without_image", "'2.png'"),
        ("labels.without_image", "'9'"),
        ("dataset.unlisted", "'7.png'"),
    ]


def test_the_models_number_of_attributes_is_demanded(tmp_path: Path) -> None:
    """Labels of another data set have another width."""
    folder = fill(attributes(tmp_path / "peta", ["1.png"]), "1.png")
    assert open_dataset(folder, None, "attributes", outputs=3).labels == (tuple(ROW),)
    with pytest.raises(UserError, match="lists of 35 numbers"):
        open_dataset(folder, None, "attributes", outputs=35)


@pytest.mark.parametrize("name", ["image.txt", "label.json"])
def test_an_absent_list_or_label_file_is_named(tmp_path: Path, name: str) -> None:
    """With the places that were looked at."""
    folder = fill(attributes(tmp_path / "peta", ["1.png"]), "1.png")
    (folder / name).unlink()
    error = refusal(folder, None, "attributes")
    assert error.id == "labels.missing"
    assert name in error.message
    assert str(folder) in error.message


def test_a_listed_image_without_attributes_is_refused(tmp_path: Path) -> None:
    """It could only be left out or guessed."""
    folder = fill(attributes(tmp_path / "peta", ["1.png", "2.png"]), "1.png", "2.png")
    (folder / "label.json").write_text('{"1.png": [1]}')
    error = refusal(folder, None, "attributes")
    assert error.id == "labels.unlabelled"
    assert "1 of 2 images" in error.message


def test_a_list_that_names_an_image_twice_is_refused(tmp_path: Path) -> None:
    """It would be judged twice."""
    folder = fill(attributes(tmp_path / "peta", ["1.png", "1.jpg"]), "1.png", "1.jpg")
    (folder / "label.json").write_text('{"1.png": [1]}')
    assert refusal(folder, None, "attributes").id == "labels.repeated"


# --- images without labels -----------------------------------------------------------------------


def test_images_are_listed_by_name_or_in_the_order_of_a_list(tmp_path: Path) -> None:
    """Preprocessing needs no labels, but the same care for names."""
    folder = fill(tmp_path / "flat", "b.png", "a.png", "notes.txt")
    assert [path.name for path in list_images(folder)] == ["a.png", "b.png"]
    (folder / "image.txt").write_text("b.png\na.png")
    assert [path.name for path in list_images(folder, folder / "image.txt")] == ["b.png", "a.png"]
    nested = fill(tmp_path / "nested", "1/b.png", "0/c.png")
    assert [path.name for path in list_images(nested)] == ["c.png", "b.png"]


@pytest.mark.parametrize(
    ("names", "error_id"),
    [
        ([], "dataset.empty"),
        (["a.1.png", "a.2.png"], "dataset.collision"),
        (["0/a.png", "1/a.png"], "dataset.collision"),
    ],
)
def test_images_that_cannot_be_told_apart_are_refused_without_labels_too(
    tmp_path: Path, names: list[str], error_id: str
) -> None:
    """Their .bin files would overwrite each other."""
    (tmp_path / "set").mkdir()
    with pytest.raises(UserError) as caught:
        list_images(fill(tmp_path / "set", *names))
    assert caught.value.id == error_id


def test_listed_images_that_are_absent_are_named(tmp_path: Path) -> None:
    """The published script fails at the first of them, after an hour of work."""
    folder = fill(tmp_path / "set", "a.png")
    (folder / "image.txt").write_text("a.png\nb.png\n")
    with pytest.raises(UserError, match=r"1 of 2 images .* 'b.png'"):
        list_images(folder, folder / "image.txt")
    with pytest.raises(UserError, match="cannot be read"):
        list_images(tmp_path / "absent")


# --- the sample data -----------------------------------------------------------------------------


def test_the_sample_data_are_in_the_published_layouts() -> None:
    """The sets that README's commands name open without a word, and are not the published ones."""
    samples = Path(__file__).parents[2] / "sample_data"
    for folder, task in (("imagenet/val", "classification"), ("peta", "attributes")):
        found = open_dataset(samples / folder, None, task)
        assert len(found) >= 100
        assert found.missing == 0
        assert published_set(found) is None


# --- subset, fingerprint, recognition ------------------------------------------------------------


def test_a_subset_is_the_first_images_or_even_over_class_folders(tmp_path: Path) -> None:
    """The first hundred of class folders would be one class."""
    flat = fill(tmp_path / "flat", *(f"{index}.jpg" for index in range(9)))
    (flat / "val_label.txt").write_text("".join(f"{index} {index}\n" for index in range(9)))
    found = open_dataset(flat, None, "classification")
    assert found.subset(3).labels == (0, 1, 2)
    assert found.subset(None) is found
    assert found.subset(99) is found
    nested = fill(tmp_path / "nested", *(f"{i // 3}/{i}.jpg" for i in range(9)))
    assert open_dataset(nested, None, "classification").subset(3).labels == (0, 1, 2)
    assert len(found.subset(0)) == 0


def test_the_fingerprint_changes_with_name_size_and_label(tmp_path: Path) -> None:
    """It stands beside every accuracy; equal prints must mean equal data."""
    prints = set()
    for name, content, label in [("a", b"", 1), ("b", b"", 1), ("a", b"x", 1), ("a", b"", 2)]:
        folder = tmp_path / str(len(prints))
        fill(folder, f"{name}.jpg")
        (folder / f"{name}.jpg").write_bytes(content)
        (folder / "val_label.txt").write_text(f"{name} {label}")
        found = open_dataset(folder, None, "classification")
        assert found.fingerprint() == found.fingerprint()
        prints.add(found.fingerprint())
    assert len(prints) == 4
    (found.files[0]).unlink()
    assert found.fingerprint() not in prints


def imagenet(folder: Path, first: tuple[int, ...], count: int = 50_000) -> ImageSet:
    names = [f"ILSVRC2012_val_{index:08d}.JPEG" for index in range(1, count + 1)]
    return ImageSet(
        folder=folder,
        kind="topn",
        files=tuple(folder / name for name in names),
        labels=first + (0,) * (count - len(first)),
        source="",
    )


def test_imagenet_is_recognised_by_count_names_and_first_labels(tmp_path: Path) -> None:
    """The published accuracy holds on this data set only."""
    first = (65, 970, 230, 809, 516)
    whole = imagenet(tmp_path, first)
    assert published_set(whole) == "imagenet-val-50000"
    assert published_set(imagenet(tmp_path, first, 49_999)) is None
    assert published_set(imagenet(tmp_path, (490, *first[1:]))) is None
    assert published_set(whole.subset(100)) is None


def test_peta_is_recognised_by_the_hashes_of_its_files(tmp_path: Path) -> None:
    """A list of 7,600 images is not yet the published one."""
    names = [f"{index:05d}.png" for index in range(7_600)]
    folder = fill(attributes(tmp_path / "peta", names), *names)
    found = open_dataset(folder, None, "attributes")
    assert len(found) == 7_600
    assert published_set(found) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peta, "IMAGE_LIST_MD5", image_sets._md5(folder / "image.txt"))
        patch.setattr(peta, "LABELS_MD5", image_sets._md5(folder / "label.json"))
        assert published_set(found) == "peta-test-7600"
        assert published_set(found.subset(100)) is None
