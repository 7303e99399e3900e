"""The images that two sides are compared on; labels are taken where there are some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, Warned
from ascend_console.core.variants import preprocessing
from ascend_console.jobs._data import Data, open_data
from ascend_console.jobs._reference import fingerprint
from ascend_console.jobs.run import RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ascend_console.core.events import Event
    from ascend_console.core.specs import ModelSpec
    from ascend_console.jobs.compare import CompareRequest
    from ascend_console.tools.image_sets import ImageSet


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareData:
    """The images of a comparison; `has_labels` tells whether the model is known to answer them.

    The labels of the sample images are those of sample weights alone.
    """

    data: Data
    is_sample: bool
    has_labels: bool
    fingerprint: dict[str, Any]

    @property
    def images(self) -> ImageSet:
        """The images in their order."""
        return self.data.images


def _unlabelled(spec: ModelSpec, folder: Path, limit: int | None) -> Data:
    """The images of a folder without labels; what stands for a label says nothing."""
    from ascend_console.tools.image_sets import ImageSet, list_images

    paths = list_images(folder)
    is_class = spec.task == "classification"
    images = ImageSet(
        folder=folder,
        kind="topn" if is_class else "attributes",
        files=paths,
        labels=(0,) * len(paths) if is_class else ((),) * len(paths),
        source=f"images of {folder}, without labels",
    )
    return Data(images.subset(limit), preprocessing(spec), ())


def open_images(spec: ModelSpec, request: CompareRequest, *, answers_sample: bool) -> CompareData:
    """The images of a request, those of the sample where it names none.

    `answers_sample` tells whether the weights are sample weights.
    """
    is_sample = request.dataset is None
    wanted = RunRequest(
        sample=is_sample, dataset=request.dataset, labels=request.labels, limit=request.limit
    )
    has_labels = answers_sample or not is_sample
    try:
        data = open_data(spec, wanted)
    except UserError as error:
        if error.id != "labels.missing" or request.dataset is None or request.labels is not None:
            raise
        data, has_labels = _unlabelled(spec, request.dataset, request.limit), False
    return CompareData(
        data=data,
        is_sample=is_sample,
        has_labels=has_labels,
        fingerprint=fingerprint(data.images, data.chosen),
    )


def image_notes(found: CompareData) -> Iterator[Event]:
    """What is to be known of the images."""
    yield LogLine(f"{len(found.images)} images: {found.images.source}")
    if not found.is_sample:
        for note in found.images.notes:
            yield Warned(note.id, note.message, args=dict(note.args))
