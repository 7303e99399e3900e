"""`dataset`: the published data sets, made ready from what their authors give out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered, ArtifactWritten, StepStarted, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events
    from ascend_console.tools.peta import Check, PetaSplit

_LIST, _LABELS = "image.txt", "label.json"


@dataclass(frozen=True, kw_only=True)
class DatasetRequest:
    """What to make, from which files."""

    action: Literal["peta"] = option(
        "Data set: peta, the test split of 7,600 images.", positional=True
    )
    annotations: Path = option("PETA.mat, or peta_dataset.pkl.")
    partition: Path | None = option(
        "peta_partition.pkl, which belongs to peta_dataset.pkl.",
        default=None,
        default_text="none; PETA.mat holds the splits itself",
    )
    images: Path = option("Folder with the images of the data set.")
    output: Path = option("Folder for image.txt and label.json.")


def _require_free(output: Path, contents: Mapping[str, bytes], env: Env) -> None:
    """UserError where other files stand in the way, and --yes was not given."""
    if output.exists() and not output.is_dir():
        raise UserError(
            "output.is_file",
            "{path} is a file, and a folder is needed",
            hint="Name a folder with --output.",
            path=output,
        )
    for name, data in contents.items():
        path = output / name
        if path.is_dir():
            raise UserError(
                "output.is_folder",
                "{path} is a folder",
                hint="Name another folder with --output.",
                path=path,
            )
        if path.exists() and not env.settings.assume_yes and path.read_bytes() != data:
            raise UserError(
                "output.exists",
                "{path} exists already, with another content",
                hint="Name another folder with --output, or add --yes to replace it.",
                path=path,
            )


def _write(output: Path, contents: Mapping[str, bytes]) -> None:
    """Both files; a new folder appears with both in it."""
    if not output.exists():
        with files.atomic_folder(output) as temporary:
            for name, data in contents.items():
                (temporary / name).write_bytes(data)
        return
    for name, data in contents.items():
        files.write_bytes(output / name, data)


def _warnings(split: PetaSplit, checks: Sequence[Check]) -> Iterator[Event]:
    """What differs from the published split, each figure beside its own."""
    failed = [check for check in checks if not check.passed]
    if not failed:
        return
    parts = "; ".join(f"{check.name}: {check.found}, not {check.published}" for check in failed)
    yield Warned(
        "peta.not_published",
        f"this is not the published test split: {parts}",
        "Figures on it are measured against torch, not against the published accuracy. Check "
        "that the files are those of the data set itself.",
        {"differences": parts},
    )
    published = discovery.load("zoo", "deepmar").labels
    for index, (given, wanted) in enumerate(zip(split.attributes, published, strict=False)):
        # The images' own texts write footwearSneakers.
        if given.casefold().rstrip("s") != wanted.casefold().rstrip("s"):
            yield Warned(
                "peta.order",
                f"attribute {index} is {given!r}; the model's output {index} is {wanted!r}",
                "Use the data set's own order of attributes.",
                {"index": str(index), "given": given, "wanted": wanted},
            )
            return


def _answer(request: DatasetRequest, split: PetaSplit, checks: Sequence[Check]) -> Answered:
    labels = request.output / _LABELS
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "dataset": "peta",
        "split": "test",
        "images": len(split.names),
        "attributes": len(split.rows[0]),
        "image_list": str(request.output / _LIST),
        "labels": str(labels),
        "published": all(check.passed for check in checks),
        "checks": [
            {"name": check.name, "found": check.found, "published": check.published,
             "passed": check.passed}
            for check in checks
        ],
    }  # fmt: skip
    rows: list[tuple[str, Any]] = [
        ("image list", document["image_list"]),
        ("labels", document["labels"]),
        ("images", f"{len(split.names):,}, all present in {request.images}"),
    ]
    rows += [
        (check.name, f"{check.found}, as published" if check.passed
         else f"{check.found}, published is {check.published}")
        for check in checks
    ]  # fmt: skip
    rows.append(
        ("next", f"ascend-console run --model deepmar --checkpoint FILE "
                 f"--dataset {request.images} --labels {labels}")
    )  # fmt: skip
    return Answered(document, ("field", "value"), tuple(rows))


def dataset(request: DatasetRequest, env: Env) -> Events:
    """Read the annotations, check them and the images, write the two files."""
    from ascend_console.tools import peta

    yield StepStarted("annotations", 1, 3)
    split = peta.read_split(request.annotations, request.partition)
    checks = peta.checks(split)
    yield StepStarted("images", 2, 3)
    peta.require_images(split, request.images)
    yield StepStarted("write", 3, 3)
    contents = {_LIST: split.image_list(), _LABELS: split.labels()}
    _require_free(request.output, contents, env)
    _write(request.output, contents)
    for name in contents:
        yield ArtifactWritten(str(request.output / name), "labels")
    yield from _warnings(split, checks)
    yield _answer(request, split, checks)


ENTRY = Job(
    name="dataset",
    summary="Published data sets made ready: image.txt and label.json of the PETA test split.",
    request=DatasetRequest,
    run=dataset,
    example="ascend-console dataset peta --annotations PETA.mat --images images --output peta",
    recording=False,
    order=16,
)
