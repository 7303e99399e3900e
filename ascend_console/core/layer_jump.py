"""Two graphs of one network, layer beside layer: where their values begin to part.

A wrong weight, a wrong attribute or a lost precision shows at one layer first, and from there on in
everything that follows. The first jump is looked for, not the largest difference.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from numpy.typing import NDArray

JUMP_RATIO = 10.0
"""A jump is larger than so many times the median of the layers before it."""

JUMP_WINDOW = 8
"""How many layers before it are looked at, so that rounding that grows slowly is no jump."""

# Fewer partners than this share of the smaller graph: the names are those of something else.
_ENOUGH = 0.5

AlignedBy: TypeAlias = Literal["tensor names", "weight names", "order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One node of a graph: its name (may be empty), its kind, and its first output tensor.

    `weights` are the fixed tensors that it takes, with their `shapes`.
    """

    node: str
    op_type: str
    output: str
    weights: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def kind(self) -> tuple[str, tuple[tuple[int, ...], ...]]:
        """What two layers that stand for each other have in common."""
        return self.op_type, self.shapes

    @property
    def title(self) -> str:
        """The node's name, or its tensor's where it has none."""
        return self.node or self.output


Pair: TypeAlias = tuple[Layer, Layer]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Layers that stand for each other, reference first, in its order, and how they were found."""

    by: AlignedBy
    pairs: tuple[Pair, ...]


def align(reference: Sequence[Layer], other: Sequence[Layer]) -> Alignment:
    """Pair layers by the names of their tensors, else of their weights, else by their order.

    Partners are of one kind: the same operator, with weights of the same shapes.
    """
    by_tensor = _matched(reference, other, lambda layer: layer.output)
    if len(by_tensor) >= _ENOUGH * min(len(reference), len(other)) > 0:
        return Alignment("tensor names", by_tensor)
    weighted = [[layer for layer in side if layer.weights] for side in (reference, other)]
    by_weights = _matched(weighted[0], weighted[1], lambda layer: layer.weights)
    if len(by_weights) >= _ENOUGH * min(map(len, weighted)) > 0:
        return Alignment("weight names", by_weights)
    return Alignment("order", _in_order(reference, other))


def _matched(
    reference: Sequence[Layer], other: Sequence[Layer], name: Callable[[Layer], Hashable]
) -> tuple[Pair, ...]:
    """Layers of one kind that share a name, which only one layer of the other side has."""
    found: dict[Hashable, list[Layer]] = {}
    for layer in other:
        found.setdefault((name(layer), layer.kind), []).append(layer)
    partners = [(layer, found.get((name(layer), layer.kind), [])) for layer in reference]
    return tuple((layer, same[0]) for layer, same in partners if len(same) == 1)


def _in_order(reference: Sequence[Layer], other: Sequence[Layer]) -> tuple[Pair, ...]:
    """The longest runs of layers of the same kinds."""
    kinds = [[layer.kind for layer in side] for side in (reference, other)]
    blocks = SequenceMatcher(None, kinds[0], kinds[1], autojunk=False).get_matching_blocks()
    return tuple(
        (reference[block.a + step], other[block.b + step])
        for block in blocks
        for step in range(block.size)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDifference:
    """How far the values of two layers are apart.

    `max_abs` is the largest difference, `scale` the largest absolute reference value. `is_finite`
    is False where the other has NaN or an infinity that the reference lacks: then `max_abs` is
    None.
    """

    reference: Layer
    other: Layer
    max_abs: float | None
    scale: float
    is_finite: bool = True

    @property
    def max_rel(self) -> float | None:
        """`max_abs` against `scale`; None where there is no such figure."""
        if self.max_abs is None:
            return None
        if self.scale == 0:
            return 0.0 if self.max_abs == 0 else None
        return self.max_abs / self.scale

    @property
    def size(self) -> float:
        """`max_rel` as a number to compare by: infinite where there is none."""
        return math.inf if self.max_rel is None else self.max_rel


def layer_difference(
    pair: Pair, reference: NDArray[Any], other: NDArray[Any]
) -> LayerDifference | None:
    """The difference of two float tensors; None for what cannot be compared.

    That is another shape, no floats, or a reference without a finite value.
    """
    import numpy as np

    if reference.shape != other.shape or reference.dtype.kind != "f" or other.dtype.kind != "f":
        return None
    known = np.isfinite(reference)
    a = reference[known].astype(np.float64)
    b = other[known].astype(np.float64)
    if not a.size:
        return None
    scale = float(np.abs(a).max())
    is_finite = bool(np.isfinite(b).all())
    return LayerDifference(
        reference=pair[0],
        other=pair[1],
        max_abs=float(np.abs(a - b).max()) if is_finite else None,
        scale=scale,
        is_finite=is_finite,
    )


@dataclass(frozen=True, slots=True)
class LayerJump:
    """The first layer that jumps, its place from 0, and what was usual just before it."""

    index: int
    difference: LayerDifference
    before: float


def first_jump(
    differences: Sequence[LayerDifference],
    *,
    floor: float,
    ratio: float = JUMP_RATIO,
    window: int = JUMP_WINDOW,
) -> LayerJump | None:
    """The first layer whose relative difference exceeds `floor` and `ratio` times the usual one.

    Usual is the median of at most `window` layers before it. None where no layer jumps.
    """
    for index, entry in enumerate(differences):
        before = [layer.size for layer in differences[max(0, index - window) : index]]
        usual = statistics.median(before) if before else 0.0
        if entry.size > max(floor, ratio * usual):
            return LayerJump(index, entry, usual)
    return None
