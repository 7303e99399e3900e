"""A linear layer over fixed features in closed form: ridge regression in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

# Strength of the ridge, as a multiple of a feature's mean square.
_RIDGE = 10.0
# Logits of the fitted outputs spread this far over the fitting images.
_LOGIT_STD = 4.0
# Share of that spread which outputs without a fit get, so that no row is zero.
_NOISE = 0.02


def classes(features: Matrix, labels: NDArray[Any], count: int, seed: int) -> tuple[Matrix, Matrix]:
    """Weight (count, width) and bias (count) that tell the classes among `labels` apart.

    Classes that do not occur get small random rows and a bias that lets them never win.
    """
    import numpy as np

    present = np.unique(labels)
    if len(present) < 2 or present[0] < 0 or present[-1] >= count:
        raise UserError(
            "sample.classes",
            "classes {low} to {high}, {number} of them, cannot be fitted to {count} outputs",
            hint="Label the images with at least two classes from 0 to {last}.",
            low=present[0] if len(present) else "none",
            high=present[-1] if len(present) else "none",
            number=len(present),
            count=count,
            last=count - 1,
        )
    targets = (labels[:, None] == present) - 1 / len(present)
    some_weight, some_bias, logits = _ridge(features, targets)
    weight, bias = _noise(features, count, seed)
    bias += logits.min() - np.ptp(logits) / 2
    weight[present], bias[present] = some_weight, some_bias
    return weight, bias


def attributes(
    features: Matrix, labels: NDArray[Any], count: int, seed: int
) -> tuple[Matrix, Matrix]:
    """Weight (count, width) and bias (count) with one yes or no per column of `labels`, at 0."""
    if labels.ndim != 2 or labels.shape[1] != count:
        raise UserError(
            "sample.attributes",
            "labels of shape {shape} cannot be fitted to {count} attributes",
            hint="Give each image a row of {count} zeros and ones.",
            shape="x".join(map(str, labels.shape)),
            count=count,
        )
    noise, _ = _noise(features, count, seed)
    weight, bias, _ = _ridge(features, 2.0 * labels - 1)
    return weight + noise, bias - noise @ features.mean(axis=0)


def _ridge(features: Matrix, targets: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Weight, bias and fitted logits, scaled to the common spread.

    Solved over images, which are fewer than features. Features that hardly vary are not blown up.
    """
    import numpy as np

    mean, scale = _standard(features)
    standard = (features - mean) / scale
    offset = targets.mean(axis=0)
    kernel = standard @ standard.T / standard.shape[1]
    kernel[np.diag_indices_from(kernel)] += _RIDGE / len(standard)
    slopes = standard.T @ np.linalg.solve(kernel, targets - offset) / standard.shape[1]
    logits = standard @ slopes + offset
    spread = _LOGIT_STD / max(float(logits.std()), 1e-12)
    weight = (slopes / scale[:, None]).T * spread
    return weight, offset * spread - weight @ mean, logits * spread


def _standard(features: Matrix) -> tuple[Matrix, Matrix]:
    deviation = features.std(axis=0)
    return features.mean(axis=0), deviation + 0.01 * max(float(features.std()), 1e-12)


def _noise(features: Matrix, count: int, seed: int) -> tuple[Matrix, Matrix]:
    """Random rows whose logits stay within a small part of the spread, and their bias."""
    import numpy as np

    rng = np.random.default_rng(seed)
    mean, scale = _standard(features)
    weight = rng.standard_normal((count, features.shape[1])) / scale
    weight *= _NOISE * _LOGIT_STD / np.sqrt(features.shape[1])
    return weight, -weight @ mean
