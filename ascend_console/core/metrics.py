"""Accuracy figures and the distance of outputs.

Formulas and formats are those of the published post-processing scripts.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Scores = NDArray[np.floating[Any]]
    Integers = NDArray[np.integer[Any]]
    Ranks = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Figures = NDArray[np.float64]

TOP = 5

_NAMED = 3
_ROWS_AT_ONCE = 1024
EXTRA_CLASS = 1001


def some_names(names: Sequence[str]) -> str:
    """At most three names, quoted, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _chunks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield slice(start, min(start + _ROWS_AT_ONCE, rows))


def require_finite(scores: Scores, names: Sequence[str] = ()) -> None:
    """UserError with the rows (or their names) that hold NaN or an infinity."""
    import numpy as np

    bad = [
        part.start + int(row)
        for part in _chunks(len(scores))
        for row in np.flatnonzero(~np.isfinite(scores[part]).all(axis=1))
    ]
    if bad:
        raise UserError(
            "results.not_finite",
            "{count} of {total} results hold NaN or an infinity: {names}",
            hint="Look at the model: infer these images again, in float32 or on the torch backend.",
            count=len(bad),
            total=len(scores),
            names=some_names([names[row] if names else f"row {row}" for row in bad]),
        )


def _require_labels(labels: Integers, count: int, classes: int) -> None:
    if labels.shape != (count,):
        raise UserError(
            "labels.count",
            "{labels} labels for {count} results",
            hint="Give one label for each result.",
            labels=len(labels),
            count=count,
        )
    outside = [str(label) for label in labels[(labels < 0) | (labels >= classes)].tolist()]
    if outside:
        raise UserError(
            "labels.range",
            "{count} labels are outside 0 to {last}: {labels}",
            hint="Check that the labels belong to this model's classes.",
            count=len(outside),
            last=classes - 1,
            labels=", ".join(outside[:_NAMED]),
        )


def topn_ranks(scores: Scores, labels: Integers, names: Sequence[str] = ()) -> Ranks:
    """Rank of each true label among the (n, c) scores, 0 for the highest.

    With 1001 scores label k is column k + 1, as published. The scripts leave the order of equal
    scores to numpy's sort; here a tie counts against the label, whatever its column. Raises
    UserError for scores that are not finite and for labels outside the classes.
    """
    import numpy as np

    require_finite(scores, names)
    count, width = scores.shape
    shift = int(width == EXTRA_CLASS)
    _require_labels(labels, count, width - shift)
    ranks = np.empty(count, np.int64)
    for part in _chunks(count):
        block = scores[part]
        true = np.take_along_axis(block, labels[part, None].astype(np.int64) + shift, axis=1)
        ranks[part] = np.count_nonzero(block >= true, axis=1) - 1
    return ranks


def predictions(scores: Scores) -> Ranks:
    """The predicted column of each row; the first one of equal scores."""
    import numpy as np

    columns: Ranks = np.argmax(scores, axis=1).astype(np.int64)
    return columns


def topn_accuracy(ranks: Ranks, classes: int) -> tuple[float, ...]:
    """Top-1 to Top-5 as fractions; fewer where there are fewer classes, none of no image."""
    count = len(ranks)
    if count == 0:
        return ()
    return tuple(int((ranks < top).sum()) / count for top in range(1, min(TOP, classes) + 1))


def mean_class_accuracy(predicted: Integers, labels: Integers) -> float | None:
    """Accuracy averaged over classes, as GhostNet's script prints it; None of no image.

    As there, a class that is predicted without being any image's label counts as 0.
    """
    import numpy as np

    classes = np.union1d(predicted, labels)
    if len(classes) == 0:
        return None
    position = np.searchsorted(classes, labels)
    images = np.bincount(position, minlength=len(classes))
    hits = np.bincount(position[predicted == labels], minlength=len(classes))
    return float(np.mean(hits / np.maximum(images, 1)))


def _percent(accuracy: float) -> str:
    """round(100 * accuracy, 2) as numpy >= 1.19 rounds: half to even after scaling."""
    return f"{round(accuracy * 100 * 100) / 100}%"


def published_percent(hits: int, count: int) -> str:
    """A percentage as the published files print it: `84.0%`, never `84.00%`."""
    return _percent(hits / count)


def result_json_text(images: int, classes: int, accuracies: Sequence[float]) -> str:
    """The published `result.json`, byte for byte: one line, no newline, every value a string."""
    entries = [("Number of images", str(images)), ("Number of classes", str(classes))]
    entries += [
        (f"Top{top} accuracy", _percent(accuracy)) for top, accuracy in enumerate(accuracies, 1)
    ]
    value = [{"key": key, "value": text} for key, text in entries]
    return json.dumps({"title": "Overall statistical evaluation", "value": value})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeMetrics:
    """DeepMAR's figures as fractions; None where a formula divides by nothing.

    Instance figures are over `rows_used`, the images with at least one positive label.
    `mean_label_acc` is mA: it needs positives and negatives of every attribute.
    """

    instance_acc: float | None
    instance_precision: float | None
    instance_recall: float | None
    instance_f1: float | None
    mean_label_acc: float | None
    label_acc: tuple[float | None, ...]
    label_pos_acc: tuple[float | None, ...]
    label_neg_acc: tuple[float | None, ...]
    rows_used: int


def _known(values: Figures) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in values.tolist())


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def _attribute_flags(scores: Scores, labels: Integers, names: Sequence[str]) -> tuple[Flags, Flags]:
    """Labels and predictions as booleans; a score of 0 or -0 is positive."""
    require_finite(scores, names)
    if scores.shape != labels.shape:
        raise UserError(
            "labels.shape",
            "results of shape {scores} do not fit labels of shape {labels}",
            hint="Check that the labels belong to this model: one row an image, 0 or 1 each.",
            scores=scores.shape,
            labels=labels.shape,
        )
    if not ((labels == 0) | (labels == 1)).all():
        raise UserError(
            "labels.not_binary",
            "attribute labels must be 0 or 1",
            hint="Make label.json again from the data set's annotations.",
        )
    return labels == 1, scores >= 0


def attribute_metrics(
    scores: Scores, labels: Integers, names: Sequence[str] = ()
) -> AttributeMetrics:
    """Label and instance figures of (n, attributes) scores against labels of 0 and 1."""
    import numpy as np

    truth, predicted = _attribute_flags(scores, labels, names)
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = (truth & predicted).sum(axis=0) / truth.sum(axis=0)
        negative = (~truth & ~predicted).sum(axis=0) / (~truth).sum(axis=0)
        label = (positive + negative) / 2
    used = truth.any(axis=1)
    truth, predicted = truth[used], predicted[used]
    rows = int(used.sum())
    both = (truth & predicted).sum(axis=1)
    accuracy = _ratio(float((both / (truth | predicted).sum(axis=1)).sum()), rows)
    precision = _ratio(float((both / np.maximum(predicted.sum(axis=1), 1)).sum()), rows)
    recall = _ratio(float((both / truth.sum(axis=1)).sum()), rows)
    f1 = None
    if precision is not None and recall is not None:
        f1 = _ratio(2 * precision * recall, precision + recall)
    mean = None if np.isnan(label).any() or not label.size else float(label.mean())
    return AttributeMetrics(
        instance_acc=accuracy,
        instance_precision=precision,
        instance_recall=recall,
        instance_f1=f1,
        mean_label_acc=mean,
        label_acc=_known(label),
        label_pos_acc=_known(positive),
        label_neg_acc=_known(negative),
        rows_used=rows,
    )


def instance_accuracies(scores: Scores, labels: Integers, names: Sequence[str] = ()) -> Figures:
    """instance_acc image by image, of those with at least one positive label, in order."""
    truth, predicted = _attribute_flags(scores, labels, names)
    used = truth.any(axis=1)
    both = (truth & predicted)[used].sum(axis=1)
    rows: Figures = both / (truth | predicted)[used].sum(axis=1)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDistance:
    """How far outputs are from a reference.

    `cosine` is over all values at once, `worst_cosine` that of the worst row (None where one side
    is all zero and the other is not); `max_rel` is `max_abs` against the largest absolute reference
    value; `top1_agreement` is the fraction of rows with the same highest column.
    """

    cosine: float | None
    worst_cosine: float | None
    max_abs: float
    max_rel: float | None
    top1_agreement: float | None


def _cosines(a: Figures, b: Figures) -> list[float | None]:
    import numpy as np

    a_top, b_top = (np.abs(side).max(axis=1, keepdims=True) for side in (a, b))
    # Scaled first, so that squares of large values stay finite.
    tiny = np.finfo(np.float64).tiny
    a, b = a / np.maximum(a_top, tiny), b / np.maximum(b_top, tiny)
    products = (a * b).sum(axis=1)
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    empty = (np.maximum(a_top, b_top) == 0).ravel().tolist()
    figures = zip(products.tolist(), lengths.tolist(), empty, strict=True)
    return [1.0 if zero else _ratio(product, length) for product, length, zero in figures]


def output_distance(reference: NDArray[Any], other: NDArray[Any]) -> OutputDistance:
    """Distance of two outputs of one shape, rows first; UserError for other shapes or NaN."""
    import numpy as np

    if reference.shape != other.shape or reference.size == 0:
        raise UserError(
            "compare.shape",
            "outputs of shape {other} cannot be compared with {reference}",
            hint="Compare the same model on the same images and batch size.",
            other=other.shape,
            reference=reference.shape,
        )
    a = reference.reshape(len(reference), -1).astype(np.float64)
    b = other.reshape(len(other), -1).astype(np.float64)
    require_finite(a)
    require_finite(b)
    max_abs = float(np.abs(a - b).max())
    scale = float(np.abs(a).max())
    rows = _cosines(a, b)
    known = [value for value in rows if value is not None]
    return OutputDistance(
        cosine=_cosines(a.reshape(1, -1), b.reshape(1, -1))[0],
        worst_cosine=min(known) if len(known) == len(rows) else None,
        max_abs=max_abs,
        max_rel=max_abs / scale if scale else (0.0 if max_abs == 0 else None),
        top1_agreement=float((a.argmax(axis=1) == b.argmax(axis=1)).mean())
        if a.shape[1] > 1
        else None,
    )
