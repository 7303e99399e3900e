"""Folders of images: which files count, in which order, and that no two would be confused."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.tools.label_files import image_key, some

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})


def scan(folder: Path) -> tuple[list[Path], list[Path]]:
    """Images and subfolders of a folder, sorted by name; hidden and other files are left out."""
    images: list[str] = []
    subfolders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    subfolders.append(entry.name)
                elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                    images.append(entry.name)
    except OSError as error:
        raise UserError(
            "dataset.folder",
            "the folder {folder!r} cannot be read: {reason}",
            hint="Check the path and its permissions.",
            folder=folder,
            reason=error.strerror or error,
        ) from error
    return [folder / name for name in sorted(images)], [folder / n for n in sorted(subfolders)]


def images_by_name(folder: Path) -> dict[str, Path]:
    """Images of a folder and of its `images` subfolder by file name; the folder's own win."""
    found: dict[str, Path] = {}
    images = folder / "images"
    for place in (images, folder) if images.is_dir() else (folder,):
        found.update({path.name: path for path in scan(place)[0]})
    return found


def require_images(folder: Path, files: Sequence[Path]) -> None:
    """At least one image, and no two with the same key."""
    if not files:
        raise UserError(
            "dataset.empty",
            "there are no images for this data set in {folder!r}",
            hint="Name the folder that holds the images: {suffixes}.",
            folder=folder,
            suffixes=", ".join(sorted(suffix[1:] for suffix in SUFFIXES)),
        )
    counts = Counter(image_key(path.name) for path in files)
    if len(counts) == len(files):
        return
    doubled = [path.name for path in files if counts[image_key(path.name)] > 1]
    raise UserError(
        "dataset.collision",
        "{count} images in {folder!r} share their name up to the first dot: {names}",
        hint="Rename them: results are paired by the name up to the first dot.",
        count=len(doubled),
        folder=folder,
        names=some(doubled),
    )
