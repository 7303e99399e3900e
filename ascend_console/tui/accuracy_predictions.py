"""What an artefact predicted, image by image, from the files of its run: read in threads.

`accuracy/bs8_fp32/predictions.csv` has a line an image; `accuracy/reference/predictions.csv`, where
a run kept it, the same of what it was compared with. Columns `share_1` and so on, where there are
any, are the shares of the first classes after a softmax.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

REFERENCE = "reference"
_LONGEST_FIELD = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image: its true class and the predicted one, or its attributes as `0` and `1` each.

    `reference` is what the reference predicted, None where that was not kept; `rank` the place of
    the true class from 0; `top` the first classes, `shares` their shares.
    """

    name: str
    truth: str
    ours: str
    reference: str | None = None
    rank: int | None = None
    top: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether the prediction is not the truth."""
        return self.ours != self.truth

    @property
    def differs(self) -> bool:
        """Whether the reference predicted something else; False where that is unknown."""
        return self.reference is not None and self.reference != self.ours

    @property
    def margin(self) -> float | None:
        """By how much of the whole the first class leads the second."""
        return self.shares[0] - self.shares[1] if len(self.shares) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """All images of one batch size of a run; `attributes` are their names, none for classes."""

    images: tuple[Image, ...]
    attributes: tuple[str, ...] = ()
    with_reference: bool = False

    @property
    def of_attributes(self) -> bool:
        """Whether images have attributes in place of a class."""
        return bool(self.attributes)


def read_predictions(folder: Path, batch_size: int, precision: str) -> Predictions:
    """The predictions of a run at a batch size. UserError where it kept none."""
    place = folder / "accuracy" / f"bs{batch_size}_{precision}"
    images = tuple(_images(place / "predictions.csv"))
    document: Any = {}
    with suppress(UserError):
        document = files.read_json(place / "accuracy.json")
    rows = document.get("attributes") if isinstance(document, dict) else None
    names = [str(row.get("name")) for row in rows or () if isinstance(row, dict)]
    if images and not images[0].top:
        count = len(images[0].truth)
        if any(len(image.truth) != count or len(image.ours) != count for image in images):
            raise _unreadable(place / "predictions.csv", "its rows are not of one length")
        names = names if len(names) == count else [str(index) for index in range(count)]
    found = Predictions(images=images, attributes=tuple(names))
    reference = folder / "accuracy" / REFERENCE / "predictions.csv"
    return against(found, tuple(_images(reference))) if reference.is_file() else found


def against(ours: Predictions, others: Sequence[Image]) -> Predictions:
    """The same images with what something else predicted for them, by name."""
    known = {image.name: image.ours for image in others}
    if ours.of_attributes:
        count = len(ours.attributes)
        known = {name: bits for name, bits in known.items() if len(bits) == count}
    images = tuple(replace(image, reference=known.get(image.name)) for image in ours.images)
    return replace(ours, images=images, with_reference=True)


def _images(path: Path) -> Iterator[Image]:
    """Every line of a file; UserError for one that is none of ours."""
    # A name may hold any character, and a field of a broken file may never end.
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8", newline="", errors="replace") as stream:
            for row in csv.DictReader(stream):
                yield _image(row)
    except (OSError, csv.Error, LookupError, TypeError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or error) from error


def _unreadable(path: Path, reason: object) -> UserError:
    return UserError(
        "predictions.unreadable",
        "the run kept no predictions that can be read in {path}: {reason}",
        hint="Run the model again; only `run` keeps what it predicted.",
        path=path,
        reason=reason,
    )


def _image(row: Mapping[str, str]) -> Image:
    if "labels" in row:
        return Image(name=row["name"], truth=row["labels"], ours=row["predicted"])
    top = tuple(row[key] for key in row if key.startswith("class_") and row[key])
    shares = tuple(float(row[key]) for key in row if key.startswith("share_") and row[key])
    return Image(name=row["name"], truth=row["label"], ours=top[0], rank=int(row["rank"]),
                 top=top, shares=shares)  # fmt: skip


def read_verdict(folder: Path) -> dict[str, Any]:
    """`verdict.json` of a run, empty where there is none."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / "verdict.json").read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


# --- counts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """How one class fared; `reference` and `differing` are None where that is not known."""

    name: str
    images: int
    correct: int
    reference: int | None = None
    differing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCount:
    """How one attribute fared: fractions 0-1, None where a formula divides by nothing."""

    index: int
    name: str
    images: int
    precision: float | None
    recall: float | None
    mean: float | None
    reference: float | None = None
    differing: int | None = None


def class_counts(found: Predictions) -> list[ClassCount]:
    """Every class that has images, the worst first: most differing, then fewest correct."""
    totals: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    reference: Counter[str] = Counter()
    differing: Counter[str] = Counter()
    for image in found.images:
        totals[image.truth] += 1
        correct[image.truth] += not image.is_wrong
        reference[image.truth] += image.reference == image.truth
        differing[image.truth] += image.differs
    known = found.with_reference
    counts = [
        ClassCount(
            name=name,
            images=count,
            correct=correct[name],
            reference=reference[name] if known else None,
            differing=differing[name] if known else None,
        )
        for name, count in totals.items()
    ]
    return sorted(counts, key=_worst_first)


def _worst_first(entry: ClassCount) -> tuple[int, float, tuple[int, str]]:
    return -(entry.differing or 0), entry.correct / entry.images, _class_order(entry.name)


def _class_order(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else 0, name)


def attribute_counts(found: Predictions) -> list[AttributeCount]:
    """Every attribute, the worst mA first."""
    counts = [_attribute(found, index, name) for index, name in enumerate(found.attributes)]
    return sorted(counts, key=lambda entry: (entry.mean is None, entry.mean or 0.0, entry.index))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _rates(pairs: Counter[tuple[str, str]]) -> tuple[float | None, float | None, float | None]:
    """Precision, recall, and the mean of the hit rates of both sides (mA), of (truth, ours)."""
    hit, missed = pairs["1", "1"], pairs["1", "0"]
    claimed, right = pairs["0", "1"], pairs["0", "0"]
    recall, rejected = _ratio(hit, hit + missed), _ratio(right, right + claimed)
    mean = None if recall is None or rejected is None else (recall + rejected) / 2
    return _ratio(hit, hit + claimed), recall, mean


def _attribute(found: Predictions, index: int, name: str) -> AttributeCount:
    ours = Counter((image.truth[index], image.ours[index]) for image in found.images)
    precision, recall, mean = _rates(ours)
    reference = differing = None
    if found.with_reference:
        known = [image for image in found.images if image.reference is not None]
        theirs = Counter((image.truth[index], (image.reference or "")[index]) for image in known)
        reference = _rates(theirs)[2]
        differing = sum((image.reference or "")[index] != image.ours[index] for image in known)
    return AttributeCount(
        index=index,
        name=name,
        images=ours["1", "1"] + ours["1", "0"],
        precision=precision,
        recall=recall,
        mean=mean,
        reference=reference,
        differing=differing,
    )
