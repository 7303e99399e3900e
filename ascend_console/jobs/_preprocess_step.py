"""The preprocessing step of a run that needs files: one `.bin` an image, made once a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.events import ArtifactWritten, LogLine
from ascend_console.jobs.preprocess import list_bins, write_bins
from ascend_console.tools import bins, files
from ascend_console.tools.result_set import require_distinct_keys

if TYPE_CHECKING:
    from collections.abc import Generator

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events
    from ascend_console.jobs._workflow import Workflow


@dataclass(frozen=True, slots=True)
class Bins:
    """The preprocessed images of a run: `paths` and the names of the `images` in their order.

    `bad` are the images that could not be used; `elapsed_s` is how long preprocessing took.
    """

    folder: Path
    images: tuple[str, ...]
    bad: tuple[str, ...]
    elapsed_s: float

    @property
    def paths(self) -> tuple[Path, ...]:
        """One file an image."""
        return tuple(self.folder / bins.bin_name(name) for name in self.images)


def _kept(run: Workflow, facts: Path, key: str) -> Bins | None:
    """What an earlier attempt made of the same images."""
    document = files.read_json(facts) if facts.is_file() else None
    if not isinstance(document, dict) or document.get("key") != key:
        return None
    found = Bins(
        run.env.folder / "preprocess",
        tuple(document["images"]),
        tuple(document["bad"]),
        document["elapsed_s"],
    )
    return found if all(path.is_file() for path in found.paths) else None


def _list(run: Workflow, names: list[str]) -> Events:
    """The list for the benchmark tool; its paths start at the run folder."""
    folder = run.env.folder / "preprocess"
    info = folder / f"{run.spec.name}.info"
    yield from list_bins(info, folder.name, names, run.data.chosen.side)


def preprocessed(run: Workflow) -> Generator[Event, None, Bins]:
    """The `.bin` files of the run; UserError where no image can be used."""
    yield run.step("preprocess")
    folder = run.env.folder / "preprocess"
    facts = run.env.folder / "preprocess.json"
    key = files.sha256_json(run.fingerprint)
    kept = _kept(run, facts, key)
    if kept is not None:
        yield LogLine("preprocessed by an earlier attempt")
        return kept
    require_distinct_keys([path.name for path in run.data.images.files])
    started_s = run.env.clock.monotonic_s()
    oddities, names = yield from write_bins(
        run.data.images.files, run.data.chosen, folder, run.workers, run.env
    )
    elapsed_s = run.env.clock.monotonic_s() - started_s
    yield from oddities.warnings()
    if not names:
        raise UserError(
            "images.none_good",
            "none of the {count} images can be used",
            hint="Check that the folder holds images that Pillow can open.",
            count=len(run.data.images),
        )
    yield ArtifactWritten(str(folder), "bins")
    yield from _list(run, names)
    document = {"key": key, "images": names, "bad": oddities.bad, "elapsed_s": elapsed_s}
    files.write_json(facts, document)
    return Bins(folder, tuple(names), tuple(oddities.bad), elapsed_s)
