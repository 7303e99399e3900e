"""Scores of a model, reduced batch by batch to what judges it, so that memory stays small."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.metrics import AttributeMetrics
    from ascend_console.core.specs import Task

_MOST_RANKS = 5


@dataclass(frozen=True, slots=True)
class Scores:
    """What is kept of a model's outputs, a row an image, in the order of the data set.

    Classification: `ranks` (n,) of the true label, `best` (n, k) the k <= 5 first classes,
    `labels` (n,). Attributes: `values` (n, a) raw scores, `labels` (n, a).
    """

    task: Task
    names: tuple[str, ...]
    classes: int
    labels: NDArray[Any]
    ranks: NDArray[Any] | None = None
    best: NDArray[Any] | None = None
    values: NDArray[Any] | None = None

    @property
    def predictions(self) -> NDArray[Any]:
        """What was predicted: the class (n,), or the attributes (n, a) as booleans."""
        if self.best is not None:
            first: NDArray[Any] = self.best[:, 0]
            return first
        assert self.values is not None
        positive: NDArray[Any] = self.values >= 0
        return positive

    def correct(self, top: int) -> NDArray[Any]:
        """Whether the true label is among the `top` first classes, (n,) booleans."""
        assert self.ranks is not None
        hits: NDArray[Any] = self.ranks < top
        return hits

    def topn(self) -> tuple[float, ...]:
        """Top-1 to Top-5 as fractions; fewer where there are fewer classes."""
        assert self.ranks is not None
        return metrics.topn_accuracy(self.ranks, self.classes)

    def attributes(self) -> AttributeMetrics:
        """The attribute figures."""
        assert self.values is not None
        return metrics.attribute_metrics(self.values, self.labels)


class Scorer:
    """Collects outputs of one batch after the other."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._names: list[str] = []
        self._labels: list[Any] = []
        self._ranks: list[Any] = []
        self._kept: list[Any] = []
        self._classes = 0

    def add(self, names: Sequence[str], outputs: NDArray[Any], labels: NDArray[Any]) -> None:
        """Take the outputs (n, c) of n named images; UserError for NaN or infinite scores."""
        import numpy as np

        outputs = outputs.reshape(len(outputs), -1)
        self._names += names
        self._labels.append(labels)
        self._classes = outputs.shape[1]
        if self._task == "attributes":
            metrics.require_finite(outputs, names)
            self._kept.append(outputs.copy())
            return
        self._ranks.append(metrics.topn_ranks(outputs, labels))
        count = min(_MOST_RANKS, self._classes)
        chosen = np.argpartition(-outputs, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(outputs, chosen, 1), axis=1, kind="stable")
        best = np.take_along_axis(chosen, order, 1)
        # With a background class in front, class 0 of the labels is output 1.
        self._kept.append(best - 1 if self._classes == metrics.EXTRA_CLASS else best)

    def scores(self) -> Scores:
        """Everything collected so far."""
        import numpy as np

        names = tuple(self._names)
        labels = np.concatenate(self._labels)
        kept = np.concatenate(self._kept)
        if self._task == "attributes":
            return Scores("attributes", names, self._classes, labels, values=kept)
        ranks = np.concatenate(self._ranks)
        return Scores("classification", names, self._classes, labels, ranks, kept)

    @property
    def count(self) -> int:
        """Images collected so far."""
        return len(self._names)


def accuracy_figures(scores: Scores) -> list[tuple[str, float | None]]:
    """Metric names with their values as fractions; a figure without a basis is None."""
    if scores.task == "classification":
        return [(f"top{k}", value) for k, value in enumerate(scores.topn(), 1)]
    found = scores.attributes()
    return [
        ("instance_acc", found.instance_acc),
        ("instance_precision", found.instance_precision),
        ("instance_recall", found.instance_recall),
        ("instance_F1", found.instance_f1),
        ("mA", found.mean_label_acc),
    ]


def accuracy_document(scores: Scores, attribute_names: Sequence[str]) -> dict[str, Any]:
    """The numeric counterpart of the published result.json."""
    document: dict[str, Any] = {
        "schema": 1,
        "images": len(scores.names),
        "classes": scores.classes,
        "metrics": dict(accuracy_figures(scores)),
    }
    if scores.task == "attributes":
        found = scores.attributes()
        names = attribute_names or [str(index) for index in range(scores.classes)]
        document["attributes"] = [
            {"name": name, "label_acc": mean, "label_pos_acc": pos, "label_neg_acc": neg}
            for name, mean, pos, neg in zip(
                names, found.label_acc, found.label_pos_acc, found.label_neg_acc, strict=False
            )
        ]
    return document


def prediction_rows(scores: Scores) -> list[str]:
    """One CSV line an image: name, label, and the classes or attributes predicted."""
    lines = []
    if scores.ranks is not None and scores.best is not None:
        width = scores.best.shape[1]
        lines.append(
            ",".join(["name", "label", "rank", *(f"class_{k}" for k in range(1, 1 + width))])
        )
        for name, label, rank, best in zip(
            scores.names,
            scores.labels.tolist(),
            scores.ranks.tolist(),
            scores.best.tolist(),
            strict=True,
        ):
            lines.append(",".join([_quoted(name), str(label), str(rank), *map(str, best)]))
        return lines
    lines.append("name,labels,predicted")
    for name, labels, found in zip(
        scores.names, scores.labels.tolist(), scores.predictions.tolist(), strict=True
    ):
        bits = ["".join(str(int(value)) for value in row) for row in (labels, found)]
        lines.append(",".join([_quoted(name), *bits]))
    return lines


def _quoted(text: str) -> str:
    """A CSV field."""
    if any(char in text for char in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_accuracy(
    scores: Scores, folder: Path, attribute_names: Sequence[str]
) -> tuple[Path, ...]:
    """Write `result.json` (Top-N only, as published), `accuracy.json`, `predictions.csv`."""
    from ascend_console.tools import files

    written = []
    if scores.task == "classification":
        text = metrics.result_json_text(len(scores.names), scores.classes, scores.topn())
        files.write_text(folder / "result.json", text)
        written.append(folder / "result.json")
    files.write_json(folder / "accuracy.json", accuracy_document(scores, attribute_names))
    files.write_text(folder / "predictions.csv", "\n".join(prediction_rows(scores)) + "\n")
    return (*written, folder / "accuracy.json", folder / "predictions.csv")


def save_scores(path: Path, scores: Scores, facts: Mapping[str, Any] | None = None) -> None:
    """Keep scores, and what else is to be known of them, for another attempt or another run."""
    import numpy as np

    from ascend_console.tools import files

    arrays = {
        "names": np.asarray(scores.names),
        "classes": np.asarray(scores.classes),
        "labels": scores.labels,
        "ranks": scores.ranks,
        "best": scores.best,
        "values": scores.values,
        "facts": np.asarray(json.dumps(facts or {})),
    }
    held: dict[str, Any] = {key: value for key, value in arrays.items() if value is not None}
    with files.atomic_path(path) as temporary:
        np.savez(temporary, **held)


def _stored(path: Path) -> dict[str, Any] | None:
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def load_scores(path: Path, task: Task) -> Scores | None:
    """Scores that were kept; None where there are none, or where the file is damaged."""
    held = _stored(path)
    try:
        return (
            None
            if held is None
            else Scores(
                task,
                tuple(held["names"].tolist()),
                int(held["classes"]),
                held["labels"],
                held.get("ranks"),
                held.get("best"),
                held.get("values"),
            )
        )
    except (KeyError, TypeError):
        return None


def load_facts(path: Path) -> dict[str, Any]:
    """What was kept beside scores; empty where there is nothing."""
    held = _stored(path)
    found = json.loads(str(held["facts"])) if held and "facts" in held else {}
    return found if isinstance(found, dict) else {}
