"""Data sets on disk, in the published layouts or as class folders, with one label per image.

Images and labels pair by key: the file name up to its first dot, which also names the `.bin` and
the result of an image. Two images with the same key are an error before any work.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import UserError
from ascend_console.tools import peta
from ascend_console.tools.image_folders import images_by_name, require_images, scan
from ascend_console.tools.label_files import (
    attribute_labels,
    class_labels,
    image_key,
    image_list,
    some,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ascend_console.core.specs import Task

CLASS_LABELS = "val_label.txt"
IMAGE_LIST = "image.txt"
ATTRIBUTE_LABELS = "label.json"

_CLASSES = 1000
_WNID = re.compile(r"n\d{8}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_IMAGENET_NAME = re.compile(r"ILSVRC2012_val_(\d{8})")
_IMAGENET_FIRST_LABELS = (65, 970, 230, 809, 516)


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a data set that does not stop the work."""

    id: str
    message: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Images in their order, each with its class (topn) or its 0/1 attributes.

    `missing` counts labels without an image. `classes` are the names of class folders by index.
    """

    folder: Path
    kind: Literal["topn", "attributes"]
    files: tuple[Path, ...]
    labels: tuple[int, ...] | tuple[tuple[int, ...], ...]
    source: str
    label_file: Path | None = None
    list_file: Path | None = None
    classes: tuple[str, ...] = ()
    missing: int = 0
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @property
    def names(self) -> tuple[str, ...]:
        """File names, one an image."""
        return tuple(path.name for path in self.files)

    @property
    def keys(self) -> tuple[str, ...]:
        """Names up to the first dot, which pair images with labels and results."""
        return tuple(image_key(path.name) for path in self.files)

    def subset(self, limit: int | None) -> ImageSet:
        """The first `limit` images; of several folders, `limit` images spread evenly over all."""
        count = len(self.files)
        if limit is None or limit >= count:
            return self
        several = len({path.parent for path in self.files}) > 1
        chosen = [index * count // limit if several else index for index in range(limit)]
        labels: Any = tuple(self.labels[index] for index in chosen)
        return replace(self, files=tuple(self.files[index] for index in chosen), labels=labels)

    def fingerprint(self) -> str:
        """SHA-256 over name, content and label of every image; what cannot be read has none."""
        digest = hashlib.sha256()
        labels: Sequence[int | tuple[int, ...]] = self.labels
        for path, label in zip(self.files, labels, strict=True):
            text = str(label) if isinstance(label, int) else "".join(str(bit) for bit in label)
            digest.update(os.fsencode(f"{path.name}\t{_content(path)}\t{text}\n"))
        return digest.hexdigest()


def open_dataset(
    folder: Path, labels: Path | None, task: Task, *, outputs: int | None = None
) -> ImageSet:
    """The images under `folder` with their labels, from `labels` or from where they are usual.

    Classes: `val_label.txt` in or beside the folder, or class folders. Attributes: `image.txt` and
    `label.json` in or beside it, images in it or in its `images`. `outputs` is the model's number
    of classes (default 1000) or attributes (default: any). Raises UserError, naming files and
    counts, for everything that leaves an image without one certain label.
    """
    if not folder.is_dir():
        raise UserError(
            "dataset.folder",
            "the data set {folder!r} is no folder",
            hint="Name the folder that holds the images.",
            folder=folder,
        )
    if task == "attributes":
        return _attribute_set(folder, labels, outputs)
    return _class_set(folder, labels, outputs or _CLASSES)


def list_images(folder: Path, list_file: Path | None = None) -> tuple[Path, ...]:
    """The images of a folder by name, or those of an `image.txt` in its order.

    Labels are not asked for. UserError for an empty folder, for listed images that are not there,
    and for two images with the same name up to the first dot.
    """
    if list_file is None:
        images, subfolders = scan(folder)
        files = images or [path for sub in subfolders for path in scan(sub)[0]]
        require_images(folder, files)
        return tuple(files)
    present = images_by_name(folder)
    listed = image_list(list_file)
    absent = [name for name in listed if name not in present]
    if absent:
        raise UserError(
            "dataset.absent",
            "{count} of {total} images of {file!r} are not in {folder!r}: {names}",
            hint="Name the folder that holds them, or take them out of the list.",
            count=len(absent),
            total=len(listed),
            file=list_file,
            folder=folder,
            names=some(absent),
        )
    return tuple(present[name] for name in listed)


def published_set(image_set: ImageSet) -> str | None:
    """The published data set that this is, recognised by count, names, labels or hashes."""
    if image_set.kind == "topn":
        ordered = sorted(zip(image_set.keys, image_set.labels, strict=True))
        matches = [_IMAGENET_NAME.fullmatch(key) for key, _ in ordered]
        numbers = [int(match[1]) for match in matches if match]
        first = tuple(label for _, label in ordered[:5])
        whole = len(ordered) == 50_000 and numbers == list(range(1, 50_001))
        return "imagenet-val-50000" if whole and first == _IMAGENET_FIRST_LABELS else None
    files = (image_set.list_file, image_set.label_file)
    if len(image_set) != peta.TEST_IMAGES or image_set.missing or None in files:
        return None
    hashes = tuple(_md5(path) for path in files if path is not None)
    return "peta-test-7600" if hashes == (peta.IMAGE_LIST_MD5, peta.LABELS_MD5) else None


def _content(path: Path) -> str:
    """SHA-256 of a file, "-" where it is none that can be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "-"
    except OSError:
        return "-"


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


# --- classes -------------------------------------------------------------------------------------


def _class_set(folder: Path, labels: Path | None, classes: int) -> ImageSet:
    """Images of the folder, or of its class folders where it holds none itself."""
    images, subfolders = scan(folder)
    nested = {} if images else {sub.name: scan(sub)[0] for sub in subfolders}
    files = images or [path for group in nested.values() for path in group]
    require_images(folder, files)
    places = [folder / CLASS_LABELS] if nested else [folder / CLASS_LABELS, _beside(folder)]
    label_file = labels or next((place for place in places if place.is_file()), None)
    if label_file is None and nested:
        return _from_class_folders(folder, nested, classes)
    if label_file is None:
        raise UserError(
            "labels.missing",
            "{count} images in {folder!r}, but no {name} in or beside it",
            hint="Put {name} there, name it with --labels, or sort the images into class folders.",
            count=len(files),
            folder=folder,
            places=folder,
            name=CLASS_LABELS,
        )
    table = class_labels(label_file, classes)
    _require_labels(files, table, label_file)
    missing = _unused(files, table)
    return ImageSet(
        folder=folder,
        kind="topn",
        files=tuple(files),
        labels=tuple(table[image_key(path.name)] for path in files),
        source=f"labels of {label_file}",
        label_file=label_file,
        missing=len(missing),
        notes=_missing_note(missing, label_file) + _unread_note(folder, images, subfolders),
    )


def _unread_note(
    folder: Path, images: Sequence[Path], subfolders: Sequence[Path]
) -> tuple[Note, ...]:
    if not images or not subfolders:
        return ()
    names = some(path.name for path in subfolders)
    values = {"count": str(len(subfolders)), "folder": str(folder), "names": names}
    text = f"{len(subfolders)} folders in {folder} are not read beside its images: {names}"
    return (Note("dataset.subfolders", text, values),)


def _beside(folder: Path) -> Path:
    return folder.absolute().parent / CLASS_LABELS


def _from_class_folders(
    folder: Path, nested: Mapping[str, Sequence[Path]], classes: int
) -> ImageSet:
    """Classes from the names of the folders: their number, else their place in the sorted list."""
    indices, order = _class_indices(folder, sorted(nested), classes)
    empty = [name for name in nested if not nested[name]]
    if empty:
        raise UserError(
            "dataset.empty_class",
            "{count} of the class folders in {folder!r} hold no images: {names}",
            hint="Remove them, since classes are counted by folder, or give a file with --labels.",
            count=len(empty),
            folder=folder,
            names=some(empty),
        )
    pairs = [(path, indices[name]) for name in sorted(nested) for path in nested[name]]
    named = {index: name for name, index in indices.items()}
    values = {"count": str(len(indices)), "order": order}
    text = f"{len(indices)} class folders: the class of an image is {order}"
    return ImageSet(
        folder=folder,
        kind="topn",
        files=tuple(path for path, _ in pairs),
        labels=tuple(label for _, label in pairs),
        source=f"class folders of {folder}",
        classes=tuple(named.get(index, "") for index in range(max(named) + 1)),
        notes=(Note("dataset.class_folders", text, values),),
    )


def _class_indices(folder: Path, names: list[str], classes: int) -> tuple[dict[str, int], str]:
    """Class of each folder name, and in words where it comes from."""
    if any(_NUMBER.fullmatch(name) for name in names):
        indices = {name: int(name) if _NUMBER.fullmatch(name) else classes for name in names}
        if max(indices.values()) >= classes or len(set(indices.values())) < len(names):
            raise UserError(
                "dataset.class_numbers",
                "the class folders of {folder!r} are not numbered 0 to {last} without repeats",
                hint="Rename the folders, or give a label file with --labels.",
                folder=folder,
                last=classes - 1,
            )
        return indices, "its folder's number"
    wnids = sum(bool(_WNID.fullmatch(name)) for name in names)
    if len(names) > classes or wnids not in (0, classes):
        raise UserError(
            "dataset.class_count",
            "{count} class folders in {folder!r} do not tell their place among {classes} classes",
            hint="Give a label file with --labels, or name each folder by its class number.",
            count=len(names),
            folder=folder,
            classes=classes,
        )
    places = {name: index for index, name in enumerate(names)}
    return places, "its folder's place among the sorted names, counted from 0"


# --- attributes ----------------------------------------------------------------------------------


def _attribute_set(folder: Path, labels: Path | None, outputs: int | None) -> ImageSet:
    """Images of `image.txt` in its order, with the rows of `label.json`."""
    parent = folder.absolute().parent
    label_file = labels or _usual(ATTRIBUTE_LABELS, (folder, parent))
    list_file = _usual(IMAGE_LIST, (label_file.parent, folder, parent))
    table = attribute_labels(label_file, outputs)
    listed = image_list(list_file)
    present = images_by_name(folder)
    files = [present[name] for name in listed if name in present]
    require_images(folder, files)
    _require_labels(files, table, label_file)
    absent = [name for name in listed if name not in present]
    spare = sorted(set(present) - set(listed))
    unlisted = sorted(set(table) - {image_key(name) for name in listed})
    notes = _missing_note(absent, list_file) + _missing_note(unlisted, label_file)
    if spare:
        text = f"{len(spare)} images are not in {list_file} and stay out: {some(spare)}"
        notes += (Note("dataset.unlisted", text, {"count": str(len(spare)), "names": some(spare)}),)
    return ImageSet(
        folder=folder,
        kind="attributes",
        files=tuple(files),
        labels=tuple(table[image_key(path.name)] for path in files),
        source=f"list {list_file}, labels of {label_file}",
        label_file=label_file,
        list_file=list_file,
        missing=len(absent),
        notes=notes,
    )


def _usual(name: str, places: Sequence[Path]) -> Path:
    """The first of `places` that holds the file `name`."""
    for place in places:
        if (place / name).is_file():
            return place / name
    raise UserError(
        "labels.missing",
        "there is no {name} in {places}",
        hint="Put {name} into the folder or beside it, or name label.json with --labels.",
        name=name,
        places=" or ".join(dict.fromkeys(str(place) for place in places)),
    )


# --- parts of both -------------------------------------------------------------------------------


def _require_labels(files: Sequence[Path], table: Mapping[str, Any], label_file: Path) -> None:
    unlabelled = [path.name for path in files if image_key(path.name) not in table]
    if unlabelled:
        raise UserError(
            "labels.unlabelled",
            "{count} of {total} images have no label in {file!r}: {names}",
            hint="Add their labels, remove the images, or name the right file with --labels.",
            count=len(unlabelled),
            total=len(files),
            file=label_file,
            names=some(unlabelled),
        )


def _unused(files: Sequence[Path], table: Mapping[str, Any]) -> list[str]:
    """Keys of labels that no image has."""
    return sorted(set(table) - {image_key(path.name) for path in files})


def _missing_note(missing: Sequence[str], file: Path) -> tuple[Note, ...]:
    if not missing:
        return ()
    values = {"count": str(len(missing)), "file": str(file), "names": some(missing)}
    text = f"{len(missing)} entries of {file} have no image here: {some(missing)}"
    return (Note("labels.without_image", text, values),)
