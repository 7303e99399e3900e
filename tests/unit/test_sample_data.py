"""The committed sample data: complete, in the published formats, and what the renderer renders."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.data import render_sample_data, sample_figures, sample_persons, sample_scenes

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = Path(__file__).parents[2] / "sample_data"
SCENES = SAMPLE / "imagenet"
PERSONS = SAMPLE / "peta"
HALVES = ("val", "fit")

# A scene as JPEG differs from its pixels by up to 4.5 grey levels on average; another scene by more
# than 19. Decoders differ by much less than the rest.
JPEG_TOLERANCE = 7.0


def _lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("ascii")
    assert text.endswith("\n")
    return text[:-1].split("\n")


def _scene_labels(half: str) -> dict[str, int]:
    pairs = (line.split(" ") for line in _lines(SCENES / f"{half}_label.txt"))
    return {name: int(class_id) for name, class_id in pairs}


def _person_labels(half: str) -> dict[str, list[int]]:
    folder = PERSONS if half == "val" else PERSONS / "fit"
    labels: dict[str, list[int]] = json.loads((folder / "label.json").read_text("ascii"))
    return labels


def _table(half: str) -> NDArray[np.int64]:
    return np.array(list(_person_labels(half).values()))


def _columns(half: str, prefix: str, *names: str) -> NDArray[np.int64]:
    """The columns of some attributes of one group, in the order of the names."""
    indices = [sample_persons.ATTRIBUTES.index(prefix + name) for name in names]
    return _table(half)[:, indices]


def test_everything_together_stays_below_eight_megabytes() -> None:
    """The data travels with every clone and in the wheel."""
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= 8_000_000


def test_no_file_is_left_over() -> None:
    """A file that no list names would be evaluated as an extra result."""
    found = {path.relative_to(SAMPLE).as_posix() for path in SAMPLE.rglob("*") if path.is_file()}
    expected = {"peta/image.txt", "peta/label.json", "peta/fit/image.txt", "peta/fit/label.json"}
    for half in HALVES:
        expected.add(f"imagenet/{half}_label.txt")
        expected |= {f"imagenet/{half}/{name}" for name in _scene_labels(half)}
        expected |= {f"peta/images/{name}" for name in _person_labels(half)}
    assert found == expected


@pytest.mark.parametrize("half", HALVES)
def test_scene_labels_have_the_published_format(half: str) -> None:
    """Published scripts split these lines on single spaces and pair them by name."""
    lines = _lines(SCENES / f"{half}_label.txt")
    names = [f"sample_{half}_{number:08d}.JPEG" for number in range(1, 301)]
    assert [line.split(" ")[0] for line in lines] == names
    assert lines == [f"{name} {class_id}" for name, class_id in _scene_labels(half).items()]


@pytest.mark.parametrize("half", HALVES)
def test_scene_classes_are_balanced(half: str) -> None:
    """An accuracy means more where no class is worth guessing."""
    counts = Counter(_scene_labels(half).values())
    assert len(counts) == 12
    assert set(counts.values()) == {25}
    assert min(counts) >= 0
    assert max(counts) <= 999


@pytest.mark.parametrize("half", HALVES)
def test_scenes_have_the_sizes_and_modes_of_imagenet(half: str) -> None:
    """Preprocessing must meet tall, wide, small and one-channel pictures."""
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    for name in _scene_labels(half):
        with Image.open(SCENES / half / name) as image:
            image.load()
            assert image.format == "JPEG"
            assert "progressive" not in image.info
            sizes[image.size] += 1
            modes[image.mode] += 1
    assert sizes.most_common(1)[0][0] == (500, 375)
    assert sum(count for (width, height), count in sizes.items() if height > 1.5 * width) >= 5
    assert sum(count for (width, height), count in sizes.items() if width > 1.7 * height) >= 5
    assert len(sizes) >= 8
    assert modes == {"RGB": 282, "L": 18}


@pytest.mark.parametrize(("half", "number"), [(0, 1), (0, 47), (0, 300), (1, 2), (1, 123)])
def test_a_scene_is_rendered_again_alone(half: int, number: int) -> None:
    """The pictures are ours because the script makes them: same class, same pixels before JPEG."""
    scene = sample_scenes.render_scene(half, number)
    name = render_sample_data.scene_name(half, number)
    assert _scene_labels(HALVES[half])[name] == scene.class_id
    with Image.open(SCENES / HALVES[half] / name) as image:
        committed = np.asarray(image, np.float64)
    assert committed.shape == scene.pixels.shape
    assert np.abs(committed - scene.pixels).mean() < JPEG_TOLERANCE


def test_the_renderer_gives_the_same_scene_twice() -> None:
    """Nothing but the seed decides a picture."""
    first, second = (sample_scenes.render_scene(0, 9).pixels for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("half", HALVES)
def test_person_labels_have_the_published_format(half: str) -> None:
    """One line of JSON in the order of the list, as the published label file is."""
    folder = PERSONS if half == "val" else PERSONS / "fit"
    labels = _person_labels(half)
    assert _lines(folder / "image.txt") == list(labels)
    assert (folder / "label.json").read_bytes() == json.dumps(labels).encode("ascii")
    assert list(labels) == sorted(labels)
    assert len(labels) == 150
    assert {(len(row), *sorted(set(row))) for row in labels.values()} == {(35, 0, 1)}


def test_every_person_belongs_to_one_half() -> None:
    """A person that is fitted must not be judged."""
    held_out, fitted = set(_person_labels("val")), set(_person_labels("fit"))
    assert not held_out & fitted
    assert sorted(held_out | fitted) == [f"{number:05d}.png" for number in range(1, 301)]


@pytest.mark.parametrize("half", HALVES)
def test_every_attribute_occurs_and_is_absent_in_both_halves(half: str) -> None:
    """Mean accuracy is undefined for an attribute that nobody, or everybody, has."""
    positives = _table(half).sum(axis=0)
    assert positives.min() >= 8
    assert positives.max() <= 142


@pytest.mark.parametrize("half", HALVES)
def test_exclusive_attributes_exclude_each_other(half: str) -> None:
    """Labels that contradict each other could not be told from a picture."""
    groups = (
        ("personal", "Less30", "Less45", "Less60", "Larger60"),
        ("footwear", "LeatherShoes", "Sandals", "Shoes", "Sneaker"),
        ("lowerBody", "Jeans", "Shorts", "ShortSkirt", "Trousers"),
        ("lowerBody", "Casual", "Formal"),
        ("upperBody", "Casual", "Formal"),
    )
    for prefix, *names in groups:
        assert (_columns(half, prefix, *names).sum(axis=1) == 1).all()
    for prefix, *names in (
        ("accessory", "Hat", "Muffler", "Sunglasses"),
        ("carrying", "Backpack", "MessengerBag", "PlasticBags", "Other"),
    ):
        nothing = _columns(half, prefix, "Nothing")[:, 0]
        assert ((_columns(half, prefix, *names).sum(axis=1) == 0) == nothing).all()


def test_attributes_are_those_of_deepmar_in_its_order() -> None:
    """Column i of a result belongs to attribute i."""
    assert len(set(sample_persons.ATTRIBUTES)) == 35
    assert sample_persons.ATTRIBUTES[::17] == (
        "personalLess30",
        "carryingMessengerBag",
        "upperBodyVNeck",
    )


@pytest.mark.parametrize("half", HALVES)
def test_persons_are_small_rgb_pictures_of_many_sizes(half: str) -> None:
    """PETA's crops are small and no two alike in shape, so the resize is put to work."""
    sizes = set()
    for name in _person_labels(half):
        with Image.open(PERSONS / "images" / name) as image:
            image.load()
            assert (image.format, image.mode) == ("PNG", "RGB")
            assert 40 <= image.width <= 90
            assert 100 <= image.height <= 180
            sizes.add(image.size)
    assert len(sizes) > 50


@pytest.mark.parametrize("number", [1, 2, 77, 150, 231, 300])
def test_a_person_is_rendered_again_alone(number: int) -> None:
    """The committed pixels and labels are exactly those of the script."""
    half = "val" if sample_persons.held_out(number) else "fit"
    name = render_sample_data.person_name(number)
    assert _person_labels(half)[name] == sample_persons.persons()[number - 1].labels
    with Image.open(PERSONS / "images" / name) as image:
        assert np.array_equal(np.asarray(image), sample_figures.render_person(number))
