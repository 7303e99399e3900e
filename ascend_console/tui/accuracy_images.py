"""Where the images of a run lie, how its model saw them, and the facts about one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.specs import Preprocess
from ascend_console.tools import image_folders, paths, run_folder
from ascend_console.tui.accuracy_tables import wrong_attributes
from ascend_console.tui.widgets.block import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.tui.accuracy_predictions import Image
    from ascend_console.tui.accuracy_tables import Level
    from ascend_console.tui.pen import Pen

_MOST_NAMES = 6


# --- files ---------------------------------------------------------------------------------------


def image_folder(request: Mapping[str, Any], *, attributes: bool) -> Path | None:
    """The folder that a run took its images from, by what was asked of it."""
    if request.get("dataset"):
        return Path(str(request["dataset"]))
    if request.get("sample") or not request.get("checkpoint"):
        sample = paths.sample_data()
        return sample / "peta" / "images" if attributes else sample / "imagenet" / "val"
    return None


def find_images(folder: Path, *, attributes: bool) -> dict[str, Path]:
    """The images of a run folder's data set by file name, those of class folders too.

    ConsoleError where the data set is not there, as for a run of another machine. Reads folders,
    so call it in a thread.
    """
    document = run_folder.read_document(folder / "run.json")
    request = document.get("request")
    place = image_folder(request if isinstance(request, dict) else {}, attributes=attributes)
    if place is None:
        return {}
    found = image_folders.images_by_name(place)
    if not found:
        for sub in image_folders.scan(place)[1]:
            found |= {path.name: path for path in image_folders.scan(sub)[0]}
    return found


def class_names(images: Sequence[Image], places: Mapping[str, Path]) -> dict[str, str]:
    """The names of class folders by class; none where all images lie in one folder."""
    parents = {path.parent for path in places.values()}
    if len(parents) < 2:
        return {}
    return {image.truth: places[image.name].parent.name
            for image in images if image.name in places}  # fmt: skip


def preprocess_of(fingerprint: Mapping[str, Any]) -> Preprocess | None:
    """How a run preprocessed its images, from what it recorded; None where that is not whole."""
    resize, _, size = str(fingerprint.get("resize") or "").partition(" ")
    crop = fingerprint.get("crop")
    if crop is not None and type(crop) is not int:
        return None
    try:
        return Preprocess(
            name=str(fingerprint["variant"]),
            resize="short" if resize == "short" else "exact",
            size=int(size),
            filter="bicubic" if fingerprint["filter"] == "bicubic" else "bilinear",
            crop=crop,
            library="opencv" if fingerprint.get("library") == "opencv" else "pillow",
        )
    except (KeyError, ValueError):
        return None


# --- facts ---------------------------------------------------------------------------------------


def image_facts(level: Level, image: Image, ours: str, pen: Pen) -> list[Fact]:
    """Truth and predictions of an image; `ours` names what predicted."""
    if level.found.of_attributes:
        return list(_attribute_facts(level, image, ours, pen))
    return list(_class_facts(level, image, ours, pen))


def _judged(right: bool, pen: Pen) -> dict[str, str]:
    glyphs = pen.glyphs
    return {"head": glyphs.passed if right else glyphs.failed,
            "role": "success" if right else "error"}  # fmt: skip


def _class_facts(level: Level, image: Image, ours: str, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    yield Fact(label=t("true"), text=level.class_text(image.truth))
    share = f"  {image.shares[0]:.2f}" if image.shares else ""
    word = t("right") if not image.is_wrong else t("wrong")
    if image.is_wrong and image.rank is not None:
        word += ", " + t("the true class is at place {place}", place=image.rank + 1)
    yield Fact(label=ours, text=f"{level.class_text(image.ours)}{share}  {word}",
               **_judged(not image.is_wrong, pen))  # fmt: skip
    if image.reference is None:
        yield Fact(label=level.against, text=t("{unknown} the run did not keep its predictions",
                                               unknown=pen.glyphs.unknown))  # fmt: skip
    else:
        right = image.reference == image.truth
        yield Fact(label=level.against, **_judged(right, pen), text=(
            f"{level.class_text(image.reference)}  {t('right') if right else t('wrong')}"
        ))  # fmt: skip
    shown = [
        level.class_text(name)
        + (f" {image.shares[place]:.2f}" if place < len(image.shares) else "")
        for place, name in enumerate(image.top)
    ]
    yield Fact(label=t("top {count}", count=len(shown)), text=", ".join(shown))


def _attribute_facts(level: Level, image: Image, ours: str, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    names = level.found.attributes
    true = [name for name, bit in zip(names, image.truth, strict=False) if bit == "1"]
    yield Fact(label=t("true"), text=_some(true, pen))
    for label, bits in ((ours, image.ours), (level.against, image.reference)):
        if bits is None:
            yield Fact(label=label, text=t("{unknown} the run did not keep its predictions",
                                           unknown=pen.glyphs.unknown))  # fmt: skip
            continue
        missed = [name for name, truth, bit in zip(names, image.truth, bits, strict=False)
                  if truth > bit]  # fmt: skip
        claimed = [name for name, truth, bit in zip(names, image.truth, bits, strict=False)
                   if truth < bit]  # fmt: skip
        parts = [t("right")] if not missed and not claimed else []
        parts += [t("missed {names}", names=_some(missed, pen))] if missed else []
        parts += [t("false {names}", names=_some(claimed, pen))] if claimed else []
        yield Fact(label=label, text="; ".join(parts), **_judged(not (missed or claimed), pen))
    wrong = len(wrong_attributes(image))
    yield Fact(label=t("wrong"), text=t("{count} of {total} attributes", count=wrong,
                                        total=len(names)))  # fmt: skip


def _some(names: Sequence[str], pen: Pen) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown}, {pen.t('{count} more', count=more)}" if more > 0 else shown


def file_facts(
    path: Path | None, missing: str, told: tuple[tuple[int, int], Sequence[str]] | None, pen: Pen
) -> list[Fact]:
    """Where the file is, its size in pixels, and what is special about it."""
    t = pen.t
    if path is None:
        return [Fact(label=t("file"), text=missing, head=pen.glyphs.attention, role="warning")]
    facts = [Fact(label=t("file"), text=str(path))]
    if told is not None:
        (width, height), notes = told
        words = ", ".join((f"{width}x{height}", *(note.replace("_", " ") for note in notes)))
        facts.append(Fact(label=t("pixels"), text=words))
    return facts


def error_facts(text: str, pen: Pen) -> list[Fact]:
    """Why a file cannot be shown."""
    return [Fact(label=pen.t("unreadable"), text=text, head=pen.glyphs.failed, role="error")]
