"""Where a job writes: into its run folder, or where the user says, never over a file unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.tools import files

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.specs import Env


def output_file(wanted: Path | None, default: Path, suffix: str, env: Env) -> Path:
    """The file to write; UserError where it exists, is a folder, or has another suffix.

    An empty `suffix` lets any name pass.
    """
    if wanted is None:
        return default
    if suffix and wanted.suffix != suffix:
        raise UserError(
            "output.suffix",
            "{path} does not end in {suffix}",
            hint="Name the output {better}.",
            path=wanted,
            suffix=suffix,
            better=wanted.with_suffix(suffix),
        )
    if wanted.is_dir():
        raise UserError(
            "output.is_folder",
            "{path} is a folder",
            hint="Name a file in it.",
            path=wanted,
        )
    if wanted.exists() and not env.settings.assume_yes:
        raise UserError(
            "output.exists",
            "{path} exists already",
            hint="Name another file, or add --yes to replace it.",
            path=wanted,
        )
    files.sweep_dead(wanted.parent)
    return wanted


def output_folder(wanted: Path | None, default: Path) -> Path:
    """The folder to write into: new or empty, since old results beside new ones mislead."""
    if wanted is None:
        return default
    wanted = wanted.resolve()
    if wanted.exists() and (not wanted.is_dir() or any(wanted.iterdir())):
        raise UserError(
            "output.not_empty",
            "{path} is not an empty folder",
            hint="Name a new one, or empty it: old results would be mixed with new ones.",
            path=wanted,
        )
    return wanted
