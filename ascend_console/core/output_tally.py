"""Outputs of an artefact beside those of its reference, on the same inputs: how far, how alike.

They are taken batch by batch, so that memory does not grow with the images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ascend_console.core.specs import Task

    Values = NDArray[Any]

NAMES_KEPT = 10
"""How many image names are kept of each list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """Results of one side that cannot be right; `names` are the first images that have one."""

    nan: int = 0
    infinite: int = 0
    all_zero: int = 0
    names: tuple[str, ...] = ()

    @property
    def not_finite(self) -> int:
        """Results that hold NaN or an infinity."""
        return self.nan + self.infinite


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFigures:
    """How far one output is from its reference, over all images.

    Cosines are those of single images, None where one side is all zero and the other is not.
    `max_rel` is `max_abs` against `largest`, the largest absolute reference value. Results that are
    not finite are in none of these figures.
    """

    name: str
    reference_name: str
    values: int
    images: int
    cosine_min: float | None
    cosine_mean: float | None
    worst_image: str | None
    max_abs: float | None
    max_rel: float | None
    largest: float | None
    artefact: Oddities
    reference: Oddities


@dataclass(slots=True)
class _SideTally:
    nan: int = 0
    infinite: int = 0
    all_zero: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, names: Sequence[str], values: Values) -> Values:
        """Look at results (n, c); which of them are finite, (n,) booleans."""
        import numpy as np

        has_nan = np.isnan(values).any(axis=1)
        finite: Values = np.asarray(np.isfinite(values).all(axis=1))
        zero = (values == 0).all(axis=1)
        self.nan += int(has_nan.sum())
        self.infinite += int((~finite & ~has_nan).sum())
        self.all_zero += int(zero.sum())
        for row in np.flatnonzero(~finite | zero)[: NAMES_KEPT - len(self.names)].tolist():
            self.names.append(names[row])
        return finite

    def result(self) -> Oddities:
        return Oddities(
            nan=self.nan,
            infinite=self.infinite,
            all_zero=self.all_zero,
            names=tuple(self.names),
        )


def _cosines(a: Values, b: Values) -> Values:
    """Cosine of each row, NaN where one side alone is zero, 1 where both are."""
    import numpy as np

    tiny = np.finfo(np.float64).tiny
    tops = [np.abs(side).max(axis=1, keepdims=True) for side in (a, b)]
    # Scaled first, so that squares of large values stay finite.
    a, b = a / np.maximum(tops[0], tiny), b / np.maximum(tops[1], tiny)
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Values = (a * b).sum(axis=1) / lengths
    found[(np.maximum(tops[0], tops[1]) == 0).ravel()] = 1.0
    return np.minimum(found, 1.0)


class OutputTally:
    """Collects the figures of one output, batch by batch."""

    def __init__(self, name: str, reference_name: str) -> None:
        self._name, self._reference_name = name, reference_name
        self._artefact, self._reference = _SideTally(), _SideTally()
        self._images = self._values = self._compared = 0
        self._cosine_sum, self._has_undefined = 0.0, False
        self._cosine_min: float | None = None
        self._worst: str | None = None
        self._max_abs = self._largest = 0.0

    def add(self, names: Sequence[str], artefact: Values, reference: Values) -> None:
        """Take the outputs (n, c) of n named images; UserError where the widths differ."""
        import numpy as np

        if artefact.shape != reference.shape or not artefact.size:
            raise UserError(
                "compare.shape",
                "outputs of shape {other} cannot be compared with {reference}",
                hint="Compare the same model on the same images and batch size.",
                other=artefact.shape,
                reference=reference.shape,
            )
        self._images += len(names)
        self._values = artefact.shape[1]
        a, b = reference.astype(np.float64), artefact.astype(np.float64)
        good = self._reference.add(names, a) & self._artefact.add(names, b)
        if not good.any():
            return
        a, b = a[good], b[good]
        self._max_abs = max(self._max_abs, float(np.abs(a - b).max()))
        self._largest = max(self._largest, float(np.abs(a).max()))
        self._add_cosines([name for name, kept in zip(names, good, strict=True) if kept], a, b)

    def _add_cosines(self, names: Sequence[str], a: Values, b: Values) -> None:
        import numpy as np

        found = _cosines(a, b)
        self._compared += len(found)
        undefined = np.flatnonzero(np.isnan(found))
        if undefined.size and not self._has_undefined:
            self._has_undefined, self._worst = True, names[int(undefined[0])]
        if self._has_undefined:
            return
        self._cosine_sum += float(found.sum())
        lowest = int(found.argmin())
        if self._cosine_min is None or found[lowest] < self._cosine_min:
            self._cosine_min, self._worst = float(found[lowest]), names[lowest]

    def figures(self) -> OutputFigures:
        """Everything that was collected."""
        known = self._compared > 0
        defined = known and not self._has_undefined
        relative = self._max_abs / self._largest if self._largest else None
        if not self._largest and self._max_abs == 0:
            relative = 0.0
        return OutputFigures(
            name=self._name,
            reference_name=self._reference_name,
            values=self._values,
            images=self._images,
            cosine_min=self._cosine_min if defined else None,
            cosine_mean=self._cosine_sum / self._compared if defined else None,
            worst_image=self._worst,
            max_abs=self._max_abs if known else None,
            max_rel=relative if known else None,
            largest=self._largest if known else None,
            artefact=self._artefact.result(),
            reference=self._reference.result(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many images get the same prediction on both sides, and the first that do not."""

    kind: Literal["top1", "attributes"]
    equal: int
    total: int
    differing: tuple[str, ...]


class AgreementTally:
    """Counts equal predictions: the highest class, or the whole row of attributes."""

    def __init__(self, task: Task) -> None:
        self._kind: Literal["top1", "attributes"] = "attributes" if task == "attributes" else "top1"
        self._equal = self._total = 0
        self._differing: list[str] = []

    def add(self, names: Sequence[str], artefact: Values, reference: Values) -> None:
        """Take the judged outputs (n, c) of n named images; what is not finite agrees with none."""
        import numpy as np

        if self._kind == "top1":
            same = artefact.argmax(axis=1) == reference.argmax(axis=1)
        else:
            same = ((artefact >= 0) == (reference >= 0)).all(axis=1)
        for side in (artefact, reference):
            same &= np.isfinite(side).all(axis=1)
        self._total += len(names)
        self._equal += int(same.sum())
        for row in np.flatnonzero(~same)[: NAMES_KEPT - len(self._differing)].tolist():
            self._differing.append(names[row])

    def result(self) -> Agreement:
        """Everything that was counted."""
        return Agreement(
            kind=self._kind,
            equal=self._equal,
            total=self._total,
            differing=tuple(self._differing),
        )
