"""The images that a model is judged on, and the published figures that hold on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, Warned
from ascend_console.core.variants import preprocessing
from ascend_console.jobs import _weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.core.events import Event
    from ascend_console.core.specs import AccuracyReference, ModelSpec, Preprocess
    from ascend_console.jobs.run import RunRequest
    from ascend_console.tools.image_sets import ImageSet


@dataclass(frozen=True, slots=True)
class Data:
    """The images of a run; `references` are the published figures that hold on them, if any."""

    images: ImageSet
    chosen: Preprocess
    references: tuple[AccuracyReference, ...]


def holding(spec: ModelSpec, images: ImageSet) -> tuple[AccuracyReference, ...]:
    """The published figures of a model that hold on a data set; none where none of them is gated.

    The zoo's hold on the published sets, which are recognised by content; those of a user's model
    on a data set with their count of images.
    """
    from ascend_console.tools.image_sets import published_set

    if spec.user is None:
        return spec.accuracy if published_set(images) is not None else ()
    found = tuple(entry for entry in spec.accuracy if entry.images == len(images))
    return found if any(entry.gated for entry in found) else ()


def open_data(spec: ModelSpec, request: RunRequest) -> Data:
    """The data set of a request; UserError where it names none."""
    from ascend_console.tools.image_sets import open_dataset

    if request.dataset is None and not request.sample:
        raise UserError(
            "run.dataset",
            "{model} needs images to be judged on",
            hint="Add --dataset DIR with the images and their labels.",
            model=spec.name,
        )
    if request.dataset is None:
        if request.labels:
            raise UserError(
                "run.labels",
                "--labels needs --dataset",
                hint="Add --dataset DIR, or leave --labels out.",
            )
        images = _weights.sample_set(spec, "val")
    else:
        outputs = spec.label_classes
        images = open_dataset(request.dataset, request.labels, spec.task, outputs=outputs)
    references = holding(spec, images)
    limited = images.subset(request.limit)
    kept = references if len(limited) == len(images) else ()
    return Data(limited, preprocessing(spec), kept)


def data_notes(data: Data, request: RunRequest) -> Iterator[Event]:
    """What is to be known of the images."""
    yield LogLine(f"{len(data.images)} images: {data.images.source}")
    if request.dataset is not None:
        for note in data.images.notes:
            yield Warned(note.id, note.message, args=dict(note.args))
