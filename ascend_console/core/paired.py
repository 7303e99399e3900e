"""Tests that compare a model with its reference on the same images, and the n that decides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Figures = NDArray[np.float64]

Z_95 = 1.96
BOOTSTRAP_DRAWS = 10_000
BOOTSTRAP_SEED = 20_201_120
NO_DISAGREEMENT_IMAGES = 100
MOST_IMAGES_NEEDED = 10_000_000

_CELLS_AT_ONCE = 1 << 20


def paired_counts(reference_correct: Flags, artefact_correct: Flags) -> tuple[int, int]:
    """(b, c): images that only the reference gets right, and only the artefact."""
    b = int((reference_correct & ~artefact_correct).sum())
    c = int((artefact_correct & ~reference_correct).sum())
    return b, c


def bonett_price_interval(b: float, c: float, n: float) -> tuple[float, float]:
    """95 % interval of (b - c) / n for paired proportions (Bonett and Price, 2012)."""
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = Z_95 * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return p - q - half, p - q + half


def no_disagreement_bound(n: int) -> float:
    """95 % upper bound of the rate of something that none of n images showed."""
    return 1 - math.pow(0.05, 1 / n)


def mcnemar_exact_p(b: int, c: int) -> float:
    """Two-sided exact p of McNemar's test; 1.0 where nothing disagrees."""
    n, term, total = b + c, 1, 0
    for k in range(min(b, c) + 1):
        total += term
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * total / (1 << n))


def paired_bootstrap(
    reference_rows: Figures,
    artefact_rows: Figures,
    draws: int = BOOTSTRAP_DRAWS,
    seed: int = BOOTSTRAP_SEED,
) -> tuple[float, float]:
    """95 % percentile interval of mean(reference - artefact), over images drawn with replacement.

    Images with the same difference are drawn as one multinomial count, which is the same draw;
    memory stays bounded whatever the number of images.
    """
    import numpy as np

    values, counts = np.unique(reference_rows - artefact_rows, return_counts=True)
    n = int(counts.sum())
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    step = max(1, _CELLS_AT_ONCE // len(values))
    for start in range(0, draws, step):
        drawn = generator.multinomial(n, counts / n, size=min(step, draws - start))
        means[start : start + step] = drawn @ values / n
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def images_needed(b: int, c: int, n: int, limit: float = 0.01) -> int | None:
    """Images after which the rules decide, should both rates stay as observed in n images.

    Without any disagreement that is 100. None where no realistic number decides: a drop at the
    limit itself, or more than ten million images.
    """
    if b + c == 0:
        return max(n, NO_DISAGREEMENT_IMAGES)

    def decides(images: int) -> bool:
        low, high = bonett_price_interval(b * images / n, c * images / n, images)
        return low > limit or ((b - c) / n <= limit and high <= limit)

    undecided, enough = n, n
    while not decides(enough):
        undecided, enough = enough, enough * 2
        if enough > MOST_IMAGES_NEEDED:
            return None
    while enough - undecided > 1:
        middle = (undecided + enough) // 2
        undecided, enough = (undecided, middle) if decides(middle) else (middle, enough)
    return enough


def bootstrap_images_needed(
    reference_rows: Figures, artefact_rows: Figures, limit: float = 0.01
) -> int | None:
    """Like `images_needed`, from mean and spread of the differences of images."""
    import numpy as np

    difference = reference_rows - artefact_rows
    if not difference.any():
        return max(len(difference), NO_DISAGREEMENT_IMAGES)
    gap = abs(limit - float(difference.mean()))
    spread = Z_95 * float(np.std(difference))
    if spread > gap * math.sqrt(MOST_IMAGES_NEEDED):
        return None
    needed = math.ceil((spread / gap) ** 2) if spread else 0
    return max(needed, len(difference), NO_DISAGREEMENT_IMAGES)
