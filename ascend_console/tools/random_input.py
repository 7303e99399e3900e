"""Input that is made up where there is no data: a figure on it is approximate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_SEED = 0


def random_batch(shape: Iterable[int], dtype: str) -> NDArray[Any]:
    """Normal values, as preprocessed images have them; of an integer type all values alike."""
    import numpy as np

    generator = np.random.default_rng(_SEED)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return generator.integers(info.min, info.max, tuple(shape), kind, endpoint=True)
    return generator.standard_normal(tuple(shape)).astype(kind)
