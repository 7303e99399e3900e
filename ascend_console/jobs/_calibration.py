"""The images that int8 artefacts are calibrated on: from the first half of the data, no labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ascend_console.core.backend import Calibration
from ascend_console.core.variants import preprocessing
from ascend_console.jobs import _weights
from ascend_console.tools import files
from ascend_console.tools.environment import cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.specs import Env, ModelSpec, Preprocess
    from ascend_console.jobs._data import Data

MOST_IMAGES = 96
"""More of them move the smallest and largest value of a tensor hardly any further."""

_CALIBRATED = frozenset({"int8"})


def spread(paths: Sequence[Path], most: int = MOST_IMAGES) -> tuple[Path, ...]:
    """At most so many of the files, evenly spread: classes often come one after the other."""
    if len(paths) <= most:
        return tuple(paths)
    return tuple(paths[index * len(paths) // most] for index in range(most))


def _content(path: Path) -> str | None:
    """The hash of an image; None where it cannot be read."""
    try:
        return files.sha256_file(path)
    except OSError:
        return None


def calibration_on(paths: Sequence[Path], chosen: Preprocess, env: Env) -> Calibration:
    """Calibration on some of these images; those that cannot be read are passed over."""
    from ascend_console.tools.image_stream import batches, stream

    taken = spread(paths)

    def samples() -> Iterator[NDArray[Any]]:
        results = stream(taken, chosen, workers=cores(), cancel=env.cancel)
        for batch in batches(results, 1):
            yield batch.data

    content = [(path.name, _content(path)) for path in taken]
    key = files.sha256_json(["calibration", content, asdict(chosen)])
    return Calibration(samples=samples, images=len(taken), key=key)


def calibration_for(
    precision: str, spec: ModelSpec, data: Data, env: Env, *, sample: bool
) -> Calibration | None:
    """What a precision is calibrated on; None for one that needs nothing of the kind.

    The first half of the images. Of the sample data that is the half which is never judged.
    """
    if precision not in _CALIBRATED:
        return None
    if sample:
        return calibration_on(_weights.sample_set(spec, "fit").files, data.chosen, env)
    images = data.images.files
    return calibration_on(images[: (len(images) + 1) // 2], data.chosen, env)


def _images_in(folder: Path) -> list[Path]:
    """The images of a folder, or those of its subfolders where it has none itself."""
    from ascend_console.tools.image_folders import require_images, scan

    images, subfolders = scan(folder)
    if not images:
        images = [path for inner in subfolders for path in scan(inner)[0]]
    require_images(folder, images)
    return images


def calibration_in(
    precision: str, spec: ModelSpec, folder: Path | None, env: Env, *, sample: bool
) -> Calibration | None:
    """The same without a data set: from the first half of a folder's images, labels unseen.

    None where neither a folder nor the sample is named: the backend then says what it needs.
    """
    if precision not in _CALIBRATED or (folder is None and not sample):
        return None
    chosen = preprocessing(spec)
    if folder is None:
        return calibration_on(_weights.sample_set(spec, "fit").files, chosen, env)
    images = _images_in(folder)
    return calibration_on(images[: (len(images) + 1) // 2], chosen, env)
