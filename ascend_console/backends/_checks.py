"""What every in-process backend refuses alike: options, batch sizes, batches, torn files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import BackendUnavailable, UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.backend import BackendOptions, TensorInfo

_REASON_CHARACTERS = 300
# More than any machine has cores; each thread costs memory before it does any work.
MOST_THREADS = 256


def one_line(error: BaseException) -> str:
    """The reason of a runtime's error on one line, cut where it becomes a dump."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _REASON_CHARACTERS else text[: _REASON_CHARACTERS - 1] + "…"


def require(backend: str, unavailable: str | None) -> None:
    """BackendUnavailable where there is a reason why the backend cannot work here."""
    if unavailable is not None:
        raise BackendUnavailable(
            "backend.unavailable",
            "the {backend} backend cannot work here: {reason}",
            hint="Install what is missing, or choose another --backend.",
            backend=backend,
            reason=unavailable,
        )


def check_options(backend: str, precisions: tuple[str, ...], options: BackendOptions) -> None:
    """UserError for a precision that the backend lacks, or fewer than one thread."""
    if options.precision not in precisions:
        raise UserError(
            "backend.precision",
            "the {backend} backend has no precision {precision!r}",
            hint="Choose one of: {known}.",
            backend=backend,
            precision=options.precision,
            known=", ".join(precisions),
        )
    if options.threads is not None and not 1 <= options.threads <= MOST_THREADS:
        raise UserError(
            "backend.threads",
            "{threads} threads cannot run a model",
            hint="Give --threads 1 to {most}, or leave it out.",
            threads=options.threads,
            most=MOST_THREADS,
        )


def check_batch_size(batch_size: int) -> None:
    """UserError for a batch size below 1."""
    if batch_size < 1:
        raise UserError(
            "backend.batch_size",
            "a batch of {batch_size} holds no sample",
            hint="Give --batch-size 1 or more.",
            batch_size=batch_size,
        )


def check_output(source: Path, output: Path) -> None:
    """UserError where the artefact would replace what it is made from."""
    if output.exists() and source.exists() and output.samefile(source):
        raise UserError(
            "convert.overwrite",
            "{path} is the source itself and would be lost",
            hint="Name another file with --output.",
            path=output,
        )


def check_batch(batch: NDArray[Any], expected: TensorInfo) -> None:
    """UserError for a batch whose dtype or shape the opened artefact does not take."""
    wanted = expected.shape
    fits = len(batch.shape) == len(wanted) and all(
        size is None or size == given for given, size in zip(batch.shape, wanted, strict=True)
    )
    # The other byte order has the same name, and runtimes take its bytes as they lie.
    if fits and batch.dtype.isnative and batch.dtype.name == expected.dtype:
        return
    raise UserError(
        "backend.input",
        "the input {name!r} takes {dtype} {wanted}, not {given_dtype} {given}",
        hint="Preprocess for this model, and convert for this batch size.",
        name=expected.name,
        dtype=expected.dtype,
        wanted=shape_text(wanted),
        given_dtype=batch.dtype,
        given=shape_text(batch.shape),
    )


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape as it is written everywhere: `16x3x224x224`, `?` for a size that is not fixed."""
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def unreadable(path: Path, what: str, reason: str) -> UserError:
    """The error for an artefact that is torn or something else."""
    return UserError(
        "artifact.unreadable",
        "{path} cannot be opened as {what}: {reason}",
        hint="Check that this is the file that `convert` wrote, or run `convert` again.",
        path=path,
        what=what,
        reason=reason,
    )
