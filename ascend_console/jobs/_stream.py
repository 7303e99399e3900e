"""Images through a model: decoded in workers, inferred in batches, scored as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import Progress, Warned
from ascend_console.jobs._stages import StageClock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from ascend_console.core.backend import Backend
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ImageBatch, ModelSpec, Preprocess
    from ascend_console.jobs._scoring import Scorer, Scores
    from ascend_console.jobs._stages import StageTimes
    from ascend_console.tools.image_sets import ImageSet
    from ascend_console.tools.image_stream import ImageResult

    Infer = Callable[[NDArray[Any]], NDArray[Any]]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of one pass over a data set. `images_per_s` is wall-clock, end to end."""

    scores: Scores
    bad: tuple[str, ...]
    images_per_s: float
    stages: StageTimes | None


class Oddities:
    """What was special about the images of a stream, and which of them were bad."""

    def __init__(self) -> None:
        self.bad: list[str] = []
        self._reasons: list[str] = []
        self._notes: dict[str, list[str]] = {}

    def add(self, result: ImageResult) -> None:
        """Take note of one result."""
        for note in result.notes:
            self._notes.setdefault(note, []).append(result.name)
        if result.error is not None:
            self.bad.append(result.name)
            self._reasons.append(result.error.message)

    def warnings(self) -> Iterator[Event]:
        """One warning for the bad images, and one for each kind of odd ones."""
        if self.bad:
            shown = "; ".join(self._reasons[:_SHOWN])
            more = f"; and {len(self.bad) - _SHOWN} more" if len(self.bad) > _SHOWN else ""
            yield Warned(
                "images.bad",
                f"{len(self.bad)} images cannot be used: {shown}{more}",
                "Repair or remove them; --skip-bad-images judges the rest.",
                {"count": str(len(self.bad)), "shown": shown + more},
            )
        for note, names in self._notes.items():
            shown = ", ".join(names[:_SHOWN])
            yield Warned(
                f"images.{note}",
                f"{note.replace('_', ' ')}: {len(names)} of the images, read as the published "
                f"scripts read them: {shown}",
                args={"count": str(len(names)), "shown": shown},
            )


class Intake:
    """The images of a data set, preprocessed in workers, in order and in batches."""

    def __init__(self, image_set: ImageSet, chosen: Preprocess, env: Env, workers: int) -> None:
        self._files = image_set.files
        self._chosen = chosen
        self._cancel = env.cancel
        self._clock = env.clock
        self._workers = workers
        self.oddities = Oddities()

    def batches(
        self, batch_size: int, seen: Callable[[ImageResult], None] | None = None
    ) -> Iterator[ImageBatch]:
        """Batches of at most `batch_size`, the last one short, bad images left out.

        `seen` gets every result.
        """
        from ascend_console.tools.image_stream import batches, stream

        oddities = self.oddities = Oddities()

        def take(result: ImageResult) -> None:
            oddities.add(result)
            if seen is not None:
                seen(result)

        results = stream(
            self._files,
            self._chosen,
            workers=self._workers,
            cancel=self._cancel,
            clock=self._clock,
        )
        return batches(results, batch_size, seen=take)


def full_batch(data: NDArray[Any], batch_size: int | None) -> NDArray[Any]:
    """A short last batch filled up with its first sample, whose results are dropped."""
    import numpy as np

    if batch_size is None or len(data) == batch_size:
        return data
    filling = np.repeat(data[:1], batch_size - len(data), axis=0)
    return np.concatenate([data, filling])


def inferring(backend: Backend, spec: ModelSpec) -> Infer:
    """A function from a batch of any size up to the artefact's to the rows of the model's output.

    UserError where a row has another number of values than the model.
    """
    index = (spec.user.output_index if spec.user else None) or 0

    def infer(data: NDArray[Any]) -> NDArray[Any]:
        output = backend.infer(full_batch(data, backend.batch_size))[index]
        rows = output[: len(data)].reshape(len(data), -1)
        require_width(spec, rows.shape[1])
        return rows

    return infer


def require_width(spec: ModelSpec, found: int) -> None:
    """UserError where a row has another number of values than the model's output."""
    if found != spec.output.shape[0]:
        raise UserError(
            "model.output_width",
            "{model} gives {found} values an image, not {wanted}",
            hint="Correct the shape of its output, or choose another output.",
            model=spec.name,
            found=found,
            wanted=spec.output.shape[0],
        )


def run_through(
    infer: Infer, intake: Intake, image_set: ImageSet, scorer: Scorer, batch_size: int, env: Env
) -> Generator[Event, None, Streamed]:
    """One pass of a data set through a model; UserError where no image can be used."""
    labels = labels_by_name(image_set)
    watch = StageClock(env.clock)
    for batch in intake.batches(batch_size, watch.seen):
        watch.infer_begins()
        outputs = infer(batch.data)
        watch.infer_ended(len(batch.names))
        scorer.add(batch.names, outputs, labels(batch.names))
        watch.scored()
        yield Progress(scorer.count + len(intake.oddities.bad), len(image_set), "images")
    stages = watch.times()
    if not scorer.count:
        raise UserError(
            "images.none_good",
            "none of the {count} images can be used",
            hint="Check that the folder holds images that Pillow can open.",
            count=len(image_set),
        )
    bad = tuple(intake.oddities.bad)
    return Streamed(scorer.scores(), bad, scorer.count / stages.total_s, stages)


def labels_by_name(image_set: ImageSet) -> Callable[[Sequence[str]], NDArray[Any]]:
    """A function from image names to their labels, (n,) classes or (n, a) attributes."""
    import numpy as np

    table = dict(zip(image_set.names, image_set.labels, strict=True))
    return lambda names: np.asarray([table[name] for name in names], dtype=np.int64)
