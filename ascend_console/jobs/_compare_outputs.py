"""The same preprocessed images through both sides, reduced batch by batch to figures."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, Progress
from ascend_console.core.output_tally import AgreementTally, OutputTally
from ascend_console.jobs import _convert
from ascend_console.jobs._compare_sides import running
from ascend_console.jobs._scoring import Scorer
from ascend_console.jobs._stream import labels_by_name, require_width
from ascend_console.jobs.preprocess import write_bins
from ascend_console.tools import device_lock, files

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.backend import FileBackend
    from ascend_console.core.events import Event
    from ascend_console.core.output_tally import Agreement, OutputFigures
    from ascend_console.core.specs import Env, ImageBatch, ModelSpec, Preprocess
    from ascend_console.jobs._compare_sides import Running, Side
    from ascend_console.jobs._scoring import Scores
    from ascend_console.jobs._stream import Intake
    from ascend_console.tools.image_sets import ImageSet

    Results = Mapping[str, tuple[Path, ...]]

_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the images gave: each pair of outputs, the predictions, and the scores of both sides.

    Scores are those of the labelled images whose results are finite on both sides: artefact first;
    None without labels. `used` images were compared, `bad` ones could not be read. `tools` are the
    version lines of both sides, and `batch_size` is what one inference of the artefact took.
    """

    outputs: tuple[OutputFigures, ...]
    agreement: Agreement
    scores: tuple[Scores, Scores] | None
    used: int
    bad: tuple[str, ...]
    tools: tuple[str, str]
    batch_size: int


# --- a side that is a tool of its own -----------------------------------------------------------


def preprocess_to_files(
    images: ImageSet, chosen: Preprocess, workers: int, env: Env
) -> Generator[Event, None, dict[str, Path]]:
    """One `.bin` an image in the run folder, by image name; bad images are left out."""
    from ascend_console.tools import bins
    from ascend_console.tools.result_set import require_distinct_keys

    require_distinct_keys([path.name for path in images.files])
    folder = env.folder / "preprocess"
    _, names = yield from write_bins(images.files, chosen, folder, workers, env)
    return {name: folder / bins.bin_name(name) for name in names}


def run_tool(
    side: Side, backend: FileBackend, inputs: Mapping[str, Path], folder: Path, env: Env,
    batch_size: int,
) -> Generator[Event, None, Results]:  # fmt: skip
    """Every input through the tool of a side, while its devices are ours; its files by image."""
    assert side.artifact is not None
    with ExitStack() as stack:
        for name in sorted(backend.lock_names()):
            lock = yield from device_lock.take_turn(name, env)
            stack.enter_context(device_lock.held(lock))
        backend.open(side.artifact, _convert.builder)
        size = side.batch_size(batch_size)
        files.remove_folder(folder)
        paths = tuple(inputs.values())
        ran = yield from backend.run_files(side.artifact, paths, folder, batch_size=size)
    for entry in ran.findings:
        yield entry.warned()
    return dict(zip(inputs, ran.outputs, strict=True))


# --- pairs of outputs -----------------------------------------------------------------------------


def paired_outputs(
    artefact: Sequence[str], reference: Sequence[str], judged: int
) -> tuple[list[tuple[int, int]], int]:
    """Which outputs belong together, by name, else by place; and the place of the judged pair.

    Sides with differing numbers of outputs have only the judged one in common. UserError where
    even that is not there.
    """
    if judged < len(artefact):
        if set(artefact) == set(reference):
            return [(place, reference.index(name)) for place, name in enumerate(artefact)], judged
        if len(artefact) == len(reference):
            return [(place, place) for place in range(len(artefact))], judged
        if artefact[judged] in reference:
            return [(judged, reference.index(artefact[judged]))], 0
        if len(reference) == 1:
            return [(judged, 0)], 0
    if len(artefact) == 1 and judged < len(reference):
        return [(0, judged)], 0
    raise UserError(
        "compare.outputs",
        "the outputs {artefact} and {reference} do not tell which belong together",
        hint="Compare artefacts of the same model.",
        artefact=", ".join(artefact),
        reference=", ".join(reference),
    )


# --- the pass over the images --------------------------------------------------------------------


class _Collector:
    """Everything that is kept of the outputs of two sides at work."""

    def __init__(
        self, spec: ModelSpec, artefact: Running, reference: Running, labels: Any | None
    ) -> None:
        judged = (spec.user.output_index if spec.user else None) or 0
        self._pairs, self._judged = paired_outputs(artefact.names, reference.names, judged)
        self._sides = (artefact, reference)
        self._spec, self._labels = spec, labels
        self._tallies = [OutputTally(artefact.names[a], reference.names[b]) for a, b in self._pairs]
        self._agreement = AgreementTally(spec.task)
        self._scorers = (Scorer(spec.task), Scorer(spec.task))
        self.count = 0

    def add(self, batch: ImageBatch) -> None:
        """Take one batch through both sides."""
        found = [side.answer(batch) for side in self._sides]
        pairs = [(found[0][a], found[1][b]) for a, b in self._pairs]
        for tally, (ours, theirs) in zip(self._tallies, pairs, strict=True):
            tally.add(batch.names, ours, theirs)
        ours, theirs = pairs[self._judged]
        require_width(self._spec, ours.shape[1])
        self._agreement.add(batch.names, ours, theirs)
        self.count += len(batch.names)
        if self._labels is not None:
            self._score(batch.names, ours, theirs)

    def _score(self, names: tuple[str, ...], ours: NDArray[Any], theirs: NDArray[Any]) -> None:
        import numpy as np

        finite = np.isfinite(ours).all(axis=1) & np.isfinite(theirs).all(axis=1)
        kept = [name for name, good in zip(names, finite, strict=True) if good]
        if not kept or self._labels is None:
            return
        for scorer, values in zip(self._scorers, (ours, theirs), strict=True):
            scorer.add(kept, values[finite], self._labels(kept))

    def result(self, bad: tuple[str, ...]) -> Compared:
        """Everything that was collected."""
        scored = self._scorers[0].count > 0
        return Compared(
            outputs=tuple(tally.figures() for tally in self._tallies),
            agreement=self._agreement.result(),
            scores=(self._scorers[0].scores(), self._scorers[1].scores()) if scored else None,
            used=self.count,
            bad=bad,
            tools=(self._sides[0].tool, self._sides[1].tool),
            batch_size=self._sides[0].batch_size,
        )


def compare_outputs(
    spec: ModelSpec,
    sides: tuple[Side, Side],
    results: tuple[Results | None, Results | None],
    images: ImageSet,
    intake: Intake,
    batch_size: int,
    *,
    has_labels: bool,
) -> Generator[Event, None, Compared]:
    """One pass over the images, artefact and reference; UserError where no image can be used."""
    with (
        running(sides[0], spec, batch_size, results[0]) as artefact,
        running(sides[1], spec, batch_size, results[1]) as reference,
    ):
        for side, at_work in zip(sides, (artefact, reference), strict=True):
            yield LogLine(f"{side.title}: {at_work.tool}")
        labels = labels_by_name(images) if has_labels else None
        collector = _Collector(spec, artefact, reference, labels)
        for batch in intake.batches(max(_AT_ONCE, artefact.batch_size, reference.batch_size)):
            collector.add(batch)
            yield Progress(collector.count + len(intake.oddities.bad), len(images), "images")
    yield from intake.oddities.warnings()
    if not collector.count:
        raise UserError(
            "images.none_good",
            "none of the {count} images can be used",
            hint="Check that the folder holds images that Pillow can open.",
            count=len(images),
        )
    return collector.result(tuple(intake.oddities.bad))
