"""`preprocess`: images to `.bin` files and the `.info` file, bit for bit as published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.events import (
    ArtifactWritten,
    JobSucceeded,
    Measured,
    Progress,
    RowAdded,
    StepStarted,
    Warned,
)
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job, Preprocess
from ascend_console.core.variants import VARIANTS, preprocessing, variant
from ascend_console.jobs._models import find_model, zoo_names
from ascend_console.jobs._output import output_file
from ascend_console.jobs._stream import Oddities

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events

INCOMPLETE = JobSucceeded("INCOMPLETE", 7)


@dataclass(frozen=True, kw_only=True)
class PreprocessRequest:
    """Which images, and how."""

    model: str | None = option(
        "Model, whose first variant, or own preprocessing, is taken.",
        default=None,
        default_text="none; then --variant",
        known=zoo_names,
    )
    variant: str | None = option(
        "Preprocessing variant.",
        default=None,
        default_text="the first one of --model",
        choices=lambda: tuple(VARIANTS),
    )
    input: Path = option("Folder of images.")
    list: Path | None = option(
        "File with one image name a line, such as image.txt.",
        default=None,
        default_text="every image of the folder",
    )
    output: Path = option("Folder for the .bin files.")
    info: Path | None = option(
        "File that lists the .bin files for the `benchmark` tool.",
        default=None,
        default_text="OUTPUT.info beside the folder",
    )
    threads: int | None = option(
        "Decoding threads.", default=None, default_text="one a core", unit="threads", minimum=1
    )
    skip_bad_images: bool = option("Leave bad images out and succeed.", default=False)


def chosen_variant(request: PreprocessRequest, env: Env) -> Preprocess:
    """The variant that the request means; UserError where it means none, or one that is unfit."""
    if request.model is None and request.variant is None:
        raise UserError(
            "preprocess.which",
            "neither a model nor a variant is named",
            hint="Add --model NAME or --variant NAME; `ascend-console models` lists the models.",
        )
    if request.model is None:
        return variant(request.variant or "")
    spec = find_model(request.model, env.settings)
    name = request.variant or spec.variants[0]
    if name == spec.variants[0]:
        return preprocessing(spec)
    if name not in spec.variants:
        raise UserError(
            "preprocess.unfit",
            "{model} is not preprocessed as {variant!r}",
            hint="Its variants: {known}.",
            model=spec.name,
            variant=name,
            known=", ".join(spec.variants),
        )
    return variant(name)


def write_bins(
    files: tuple[Path, ...], chosen: Preprocess, output: Path, workers: int, env: Env
) -> Generator[Event, None, tuple[Oddities, list[str]]]:
    """Write one `.bin` an image; gives back what was odd, and the names of what was written."""
    from ascend_console.tools import bins, image_stream

    bins.prepare_folder(output, [path.name for path in files])
    oddities = Oddities()
    written: list[str] = []
    results = image_stream.stream(files, chosen, workers=workers, cancel=env.cancel)
    for done, result in enumerate(results, 1):
        oddities.add(result)
        if result.data is not None:
            bins.write_bin(output, result.name, result.data)
            written.append(result.name)
        yield Progress(done, len(files), "images")
    return oddities, written


def _has_blanks(folder: Path, files: Sequence[Path]) -> bool:
    """Whether a path of the list would hold blanks, which separate its columns."""
    texts = [str(folder), *(path.name for path in files)]
    return any(text.split() != [text] for text in texts)


def _info_file(request: PreprocessRequest, files: Sequence[Path], env: Env) -> Path | None:
    """Where the list goes; None where it cannot be written and was not asked for by name."""
    default = request.output.with_name(request.output.name + ".info")
    if not _has_blanks(request.output, files):
        return output_file(request.info, default, "", env)
    if request.info is not None:
        raise UserError(
            "info.blanks",
            "paths in {output} hold blanks, which separate the columns of {info}",
            hint="Name an output folder, and images, without blanks.",
            output=request.output,
            info=request.info,
        )
    return None


def list_bins(info: Path | None, folder: str, written: Sequence[str], side: int) -> Events:
    """Write the list of the `.bin` files, or say why it cannot be written."""
    from ascend_console.tools import bins

    if info is None or _has_blanks(Path(folder), [Path(name) for name in written]):
        yield Warned(
            "preprocess.no_info",
            "no .info file is written: blanks in the paths would shift its columns",
            "Name an output folder, and images, without blanks, if the benchmark tool is used.",
        )
        return
    bins.write_info(info, folder, written, width=side, height=side)
    yield ArtifactWritten(str(info), "info")


def preprocess(request: PreprocessRequest, env: Env) -> Events:
    """Decode, resize, crop, normalise and write every image."""
    from ascend_console.tools import image_sets
    from ascend_console.tools.environment import cores

    chosen = chosen_variant(request, env)
    files = image_sets.list_images(request.input, request.list)
    info = _info_file(request, files, env)
    yield StepStarted("preprocess", 1, 1)
    started_s = env.clock.monotonic_s()
    oddities, written = yield from write_bins(
        files, chosen, request.output, request.threads or cores(), env
    )
    seconds = env.clock.monotonic_s() - started_s
    yield Measured("preprocessing", len(files) / seconds, "images/s")
    yield ArtifactWritten(str(request.output), "bins")
    yield from list_bins(info, str(request.output), written, chosen.side)
    yield from oddities.warnings()
    yield RowAdded(
        "summary",
        {
            "variant": chosen.name,
            "images": len(written),
            "bad": len(oddities.bad),
            "images/s": round(len(files) / seconds, 1),
            "bytes each": _bytes(chosen),
        },
    )
    if oddities.bad and not request.skip_bad_images:
        yield INCOMPLETE


def _bytes(chosen: Preprocess) -> int:
    width = 4 if chosen.dtype == "float32" else 1
    return 3 * chosen.side * chosen.side * width


ENTRY = Job(
    name="preprocess",
    summary="Images to .bin files and the .info file, bit for bit as published.",
    request=PreprocessRequest,
    run=preprocess,
    example="ascend-console preprocess --model ghostnet --input val --output prep_dataset",
    recording=True,
    label=lambda request: str(request.model or request.variant),
    order=40,
)
