"""Finding inference results in the layouts of ais_infer, ais_bench and benchmark, and pairing them.

One file an image and output, `<stem>_<output>.<bin|npy|txt>`; ais_infer counts outputs from 0,
benchmark from 1. Files that name no image (`sample_id_0_output_0.bin`) are understood through the
summary that lies in or beside their folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ascend_console.core.errors import UserError
from ascend_console.core.metrics import some_names
from ascend_console.tools import files, label_files
from ascend_console.tools.result_decode import SUFFIXES, Outfmt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_ANONYMOUS = re.compile(r"(?:sample_id_\d+|input\d+)_output_\d+", re.ASCII)
_NAME = re.compile(r"([^.]+)_(0|[1-9][0-9]{0,5})\.(?:.*\.)?(?:bin|npy|txt)", re.I | re.S)


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Result files of one output, found but not read: image names, in order, and their paths."""

    outfmt: Outfmt
    names: tuple[str, ...]
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def image_key(name: str) -> str:
    """What pairs images, results and labels: the file name up to its first dot."""
    return label_files.image_key(os.path.basename(name))


def require_distinct_keys(names: Sequence[str]) -> dict[str, int]:
    """Position of each name by its key; UserError where two names share one."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        first = places.setdefault(image_key(name), place)
        if first != place:
            raise UserError(
                "results.collision",
                "{first!r} and {second!r} have the same name up to the first dot, "
                "so their results would overwrite each other",
                hint="Rename one of them.",
                first=names[first],
                second=name,
            )
    return places


def refuse(
    error_id: str, message: str, hint: str, names: Sequence[str], **values: object
) -> NoReturn:
    """Raise a UserError that counts the names and gives the first three."""
    raise UserError(
        error_id, message, hint=hint, count=len(names), names=some_names(names), **values
    )


def unreadable(path: str | Path, error: OSError) -> UserError:
    """The error of a file or folder that the system does not let us read."""
    return UserError(
        "results.unreadable",
        "{path} cannot be read: {reason}",
        hint="Check the path and its permissions.",
        path=path,
        reason=error.strerror or error,
    )


def _listed(folder: Path) -> list[tuple[str, str, str]]:
    """(image, output number, path) of the result files of a folder.

    Hidden files, JSON and folders are none; any other file is an error.
    """
    found, odd = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == "." or "json" in name:
                    continue
                parts = _NAME.fullmatch(name)
                if parts is not None and entry.is_file():
                    found.append((parts[1], parts[2], entry.path))
                elif not entry.is_dir():
                    odd.append(name)
    except OSError as error:
        raise unreadable(folder, error) from error
    if odd:
        _refuse_odd(folder, sorted(odd))
    return found


def _refuse_odd(folder: Path, names: list[str]) -> NoReturn:
    unknown = [
        name for name in names if _format_of(name) is None or _NAME.fullmatch(name) is not None
    ]
    if unknown:
        refuse(
            "results.unknown_file",
            "{count} files in {folder} are no results: {names}",
            "Name a folder that holds only .bin, .npy or .txt results.",
            unknown,
            folder=folder,
        )
    refuse(
        "results.name",
        "{count} result files have no output number in their names: {names}",
        "Results are files called <image>_<output>.bin, such as cat_0.bin.",
        names,
    )


def _format_of(name: str) -> Outfmt | None:
    return SUFFIXES.get(os.path.splitext(name)[1].lower())


def _of_output(listed: list[tuple[str, str, str]], output_index: int) -> list[tuple[str, str]]:
    """(image, path) of the wanted output."""
    numbers = {number for _, number, _ in listed}
    wanted = str(output_index + ("0" not in numbers))
    if wanted not in numbers:
        raise UserError(
            "results.output",
            "there is no result of output {wanted}; found outputs: {found}",
            hint="Choose one of the outputs that are there.",
            wanted=wanted,
            found=", ".join(map(str, sorted(map(int, numbers)))),
        )
    return [(image, path) for image, number, path in listed if number == wanted]


def _result_set(found: list[tuple[str, str]]) -> ResultSet:
    """The set of (image, path); UserError for mixed formats and for an image that comes twice."""
    found.sort()
    suffixes = {path[-4:].lower() for _, path in found}
    if len(suffixes) > 1:
        refuse(
            "results.mixed",
            "results in several formats: {names}",
            "Keep the results of one inference in a folder of their own.",
            [
                next(os.path.basename(path) for _, path in found if path.lower().endswith(suffix))
                for suffix in sorted(suffixes)
            ],
        )
    names = tuple(image for image, _ in found)
    if len(set(names)) < len(names):
        times = Counter(names)
        refuse(
            "results.duplicate",
            "{count} files are results of the same images: {names}",
            "Keep one result an image; a fresh folder for each inference avoids this.",
            [os.path.basename(path) for image, path in found if times[image] > 1],
        )
    outfmt = _format_of(found[0][1])
    if outfmt is None:
        refuse(
            "results.unknown_file",
            "{count} listed files are no results: {names}",
            "Results end in .bin, .npy or .txt.",
            [os.path.basename(path) for _, path in found],
        )
    return ResultSet(outfmt, names, tuple(path for _, path in found))


def summary_path(folder: Path) -> Path:
    """Where the summary of a result folder lies: beside it, as ais_bench writes it."""
    return folder.parent / f"{folder.name}_summary.json"


def _summary_of(folder: Path) -> Path | None:
    """The summary of a folder: `<folder>_summary.json` beside it, or `sumary.json` inside."""
    candidates = (summary_path(folder), folder / "sumary.json")
    return next((path for path in candidates if path.is_file()), None)


def _from_summary(path: Path, output_index: int) -> ResultSet:
    """The results that a summary lists, where they lie now."""
    folder = path.parent
    if path.name.endswith("_summary.json"):
        folder /= path.name.removesuffix("_summary.json")
    try:
        listed = files.read_json(path)["filesinfo"]
        pairs = [
            (image_key(str(entry["infiles"][0])), str(entry["outfiles"][output_index]))
            for entry in listed.values()
        ]
    except (AttributeError, IndexError, KeyError, TypeError, RecursionError):
        raise UserError(
            "results.summary",
            "{path} does not list output {output} of every sample in its filesinfo",
            hint="Name the folder of the results instead.",
            path=path,
            output=output_index,
        ) from None
    found = [(image, str(folder / os.path.basename(name))) for image, name in pairs]
    # A summary whose folder was moved: the names still hold, the paths may not.
    found = [
        (image, here if os.path.isfile(here) else name)
        for (image, here), (_, name) in zip(found, pairs, strict=True)
    ]
    gone = [name for _, name in found if not os.path.isfile(name)]
    if gone or not found:
        refuse(
            "results.gone",
            "{path} lists {count} result files that are not there: {names}"
            if gone
            else "{path} lists no result file",
            "Infer again, or name the folder of the results.",
            gone,
            path=path,
        )
    return _result_set(found)


def find_results(source: Path, *, output_index: int = 0) -> ResultSet:
    """The result files of a folder or a summary, one an image; UserError names what is wrong."""
    if source.is_file():
        if source.suffix.lower() != ".json":
            raise UserError(
                "results.source",
                "{path} is neither a folder of results nor a summary",
                hint="Name the folder of the results, or its _summary.json.",
                path=source,
            )
        return _from_summary(source, output_index)
    listed = _listed(source)
    if not listed:
        raise UserError(
            "results.none",
            "{path} holds no results",
            hint="Name the folder that holds the .bin, .npy or .txt files.",
            path=source,
        )
    if all(_ANONYMOUS.fullmatch(f"{image}_{number}") for image, number, _ in listed):
        summary = _summary_of(source)
        if summary is None:
            refuse(
                "results.anonymous",
                "the results in {path} do not name their images: {names}",
                "Put the sumary.json of this inference into the folder.",
                sorted(os.path.basename(path) for _, _, path in listed),
                path=source,
            )
        return _from_summary(summary, output_index)
    return _result_set(_of_output(listed, output_index))


def pair(names: Sequence[str], images: Sequence[str]) -> NDArray[np.int64]:
    """For each image the row of its result; `names` are those of a result set.

    Images are paired by their names up to the first dot. UserError names images without a result,
    results without an image, and images that share a name.
    """
    import numpy as np

    rows = {name: row for row, name in enumerate(names)}
    keys = require_distinct_keys(images)
    missing = [images[place] for key, place in keys.items() if key not in rows]
    extra = [names[row] for key, row in rows.items() if key not in keys]
    if missing:
        refuse(
            "results.missing",
            "{count} of {images} images have no result: {names}; {extra} results have no image",
            "Infer these images; `evaluate --allow-missing` judges those that have results.",
            missing,
            images=len(images),
            extra=len(extra),
        )
    if extra:
        refuse(
            "results.extra",
            "{count} results belong to no image: {names}",
            "Name the images and labels that were inferred.",
            extra,
        )
    return np.array([rows[key] for key in keys], np.int64)
