"""The tables below the figures of the screen Accuracy: classes or attributes, then images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.tui import cells
from ascend_console.tui.accuracy_predictions import attribute_counts, class_counts
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.tui.accuracy_predictions import Image, Predictions
    from ascend_console.tui.pen import Pen

ALL = "*"
MODES = ("all", "wrong", "differing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is drilled into: predictions, what they are compared with, names of their classes."""

    found: Predictions
    against: str
    class_names: Mapping[str, str]

    def class_text(self, name: str) -> str:
        """`437 beacon`, or the number alone."""
        known = self.class_names.get(name)
        return f"{name} {known}" if known else name


def mode_text(mode: str, pen: Pen) -> str:
    """The word of a mode."""
    t = pen.t
    return {"all": t("all"), "wrong": t("wrong"), "differing": t("differing")}[mode]


# --- classes and attributes ----------------------------------------------------------------------


def group_columns(level: Level, pen: Pen) -> list[Column]:
    """The columns of classes, or of attributes."""
    t = pen.t
    if level.found.of_attributes:
        return [
            Column(key="attribute", title=t("Attribute"), width=16, flex=True),
            Column(key="images", title=t("Images"), width=7, right=True),
            Column(key="precision", title=t("Precision %"), width=6, right=True),
            Column(key="recall", title=t("Recall %"), width=6, right=True),
            Column(key="mean", title="mA %", width=6, right=True),
            Column(key="reference", title=f"{level.against} mA %", width=9, right=True, drop=1),
            Column(key="differing", title=t("Differing"), width=6, right=True),
        ]
    return [
        Column(key="class", title=t("Class"), width=16, flex=True),
        Column(key="images", title=t("Images"), width=7, right=True),
        Column(key="correct", title=t("Correct"), width=7, right=True),
        Column(key="share", title=t("Correct %"), width=7, right=True),
        Column(key="reference", title=t("{name} correct", name=level.against), width=9, right=True,
               drop=1),
        Column(key="differing", title=t("Differing"), width=6, right=True),
    ]  # fmt: skip


def _count(value: int | None) -> Cell:
    return Cell(cells.UNKNOWN, "muted") if value is None else Cell(f"{value:,}", "", value)


def _share(value: float | None) -> Cell:
    return Cell(cells.UNKNOWN, "muted") if value is None else Cell(
        cells.percent(value), "", value
    )  # fmt: skip


def group_rows(level: Level, pen: Pen) -> list[Row]:
    """All together, then each class or attribute, the worst first."""
    return _attribute_rows(level, pen) if level.found.of_attributes else _class_rows(level, pen)


def _class_rows(level: Level, pen: Pen) -> list[Row]:
    counts = class_counts(level.found)
    known = level.found.with_reference

    def total(values: list[int | None]) -> int | None:
        return sum(value or 0 for value in values) if known else None

    images = sum(entry.images for entry in counts)
    correct = sum(entry.correct for entry in counts)
    rows = [Row(ALL, (
        Cell(pen.t("all classes")), _count(images), _count(correct),
        _share(correct / images if images else None),
        _count(total([entry.reference for entry in counts])),
        _count(total([entry.differing for entry in counts])),
    ))]  # fmt: skip
    rows += [
        Row(entry.name, (
            Cell(level.class_text(entry.name), "", _order(entry.name)), _count(entry.images),
            _count(entry.correct), _share(entry.correct / entry.images),
            _count(entry.reference), _count(entry.differing),
        ))
        for entry in counts
    ]  # fmt: skip
    return rows


def _order(name: str) -> int | str:
    return int(name) if name.isdecimal() else name


def _attribute_rows(level: Level, pen: Pen) -> list[Row]:
    counts = attribute_counts(level.found)
    means = [entry.mean for entry in counts]
    theirs = [entry.reference for entry in counts]
    differing = [entry.differing or 0 for entry in counts]

    def mean_of(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None

    unknown = Cell(cells.UNKNOWN, "muted")
    rows = [Row(ALL, (
        Cell(pen.t("all attributes")), _count(len(level.found.images)), unknown, unknown,
        _share(mean_of(means)), _share(mean_of(theirs)),
        _count(sum(differing) if level.found.with_reference else None),
    ))]  # fmt: skip
    rows += [
        Row(str(entry.index), (
            Cell(entry.name), _count(entry.images), _share(entry.precision),
            _share(entry.recall), _share(entry.mean), _share(entry.reference),
            _count(entry.differing),
        ))
        for entry in counts
    ]  # fmt: skip
    return rows


# --- images --------------------------------------------------------------------------------------


def image_columns(level: Level, pen: Pen) -> list[Column]:
    """The columns of images."""
    t = pen.t
    wide = 7 if level.found.of_attributes else 14
    last = (
        Column(key="wrong", title=t("Wrong"), width=6, right=True)
        if level.found.of_attributes
        else Column(key="margin", title=t("Margin"), width=7, right=True, drop=1)
    )
    return [
        Column(key="name", title=t("Image"), width=20, flex=True, middle=True),
        Column(key="true", title=t("True"), width=wide),
        Column(key="ours", title=t("Ours"), width=wide),
        Column(key="reference", title=level.against, width=wide),
        last,
    ]


def in_group(level: Level, group: str, mode: str) -> list[Image]:
    """The images of a class, or all of them for an attribute, as the mode wants them."""
    images = level.found.images
    at = None
    if not level.found.of_attributes:
        images = tuple(image for image in images if group in (ALL, image.truth))
    elif group != ALL:
        at = int(group)
    if mode == "wrong":
        return [image for image in images if _is_wrong(image, at)]
    if mode == "differing":
        return [image for image in images if _differs(image, at)]
    return list(images)


def _is_wrong(image: Image, at: int | None) -> bool:
    """Whether the prediction is false, or that of one attribute."""
    return image.is_wrong if at is None else image.ours[at] != image.truth[at]


def _differs(image: Image, at: int | None) -> bool:
    """Whether the reference says something else, or does of one attribute."""
    if at is None or image.reference is None:
        return image.differs
    return image.reference[at] != image.ours[at]


def image_rows(level: Level, group: str, mode: str, pen: Pen) -> list[Row]:
    """A row for each image of a group, in the order of the data set."""
    images = in_group(level, group, mode)
    if level.found.of_attributes:
        return [_attribute_row(image, group, pen) for image in images]
    return [_class_row(level, image) for image in images]


def _class_row(level: Level, image: Image) -> Row:
    ours = "error" if image.is_wrong else ""
    theirs = Cell(cells.UNKNOWN, "muted") if image.reference is None else Cell(
        level.class_text(image.reference), "warning" if image.differs else ""
    )  # fmt: skip
    margin = image.margin
    return Row(image.name, (
        Cell(image.name), Cell(level.class_text(image.truth)),
        Cell(("" if not image.is_wrong else "! ") + level.class_text(image.ours), ours), theirs,
        Cell(cells.UNKNOWN, "muted") if margin is None else Cell(f"{margin:.3f}", "", margin),
    ))  # fmt: skip


def wrong_attributes(image: Image) -> list[int]:
    """The attributes that were predicted falsely, by their place."""
    pairs = zip(image.truth, image.ours, strict=False)
    return [index for index, (truth, ours) in enumerate(pairs) if truth != ours]


def _attribute_row(image: Image, group: str, pen: Pen) -> Row:
    t = pen.t
    wrong = len(wrong_attributes(image))

    def told(bits: str | None) -> Cell:
        if bits is None:
            return Cell(cells.UNKNOWN, "muted")
        if group == ALL:
            return Cell(t("{count} yes", count=bits.count("1")), "", bits.count("1"))
        return Cell(t("yes") if bits[int(group)] == "1" else t("no"))

    ours = told(image.ours)
    if group != ALL and image.ours[int(group)] != image.truth[int(group)]:
        ours = Cell(f"! {ours.text}", "error")
    return Row(image.name, (
        Cell(image.name), told(image.truth), ours, told(image.reference),
        Cell(str(wrong), "error" if wrong else "", wrong),
    ))  # fmt: skip
