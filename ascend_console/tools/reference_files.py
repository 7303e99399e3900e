"""Files of reference figures: the shipped ones, and those of the user beside the settings file."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError
from ascend_console.core.reference import ReferenceSet, parse_reference
from ascend_console.tools.model_file import line_of
from ascend_console.tools.paths import assets

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.settings import Settings

_ORDER = ("guide", "own", "readme", "upstream", "training")


def read_reference_file(path: Path) -> ReferenceSet:
    """The set of one file; UserError names what is wrong with file, key and line."""
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "reference.unreadable",
            "{path} cannot be read: {reason}",
            hint="Correct the file (it must be UTF-8 text), or move it away.",
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        named = re.search(r"at line (\d+)", str(error))
        raise UserError(
            "reference.syntax",
            "{path}, line {line}: this is no readable TOML: {reason}",
            hint='Correct that line. A text stands in quotes: model = "ghostnet".',
            path=path,
            line=named[1] if named else max(1, len(text.splitlines())),
            reason=error,
        ) from error
    found = parse_reference(values, str(path), functools.partial(line_of, text))
    if found.id != path.stem:
        raise UserError(
            "reference.name",
            "{path}, line {line}: id is {id!r}, and must be the name of its file, {stem!r}",
            hint="Correct the id, or rename the file.",
            path=path,
            line=line_of(text, ("id",)),
            key="id",
            id=found.id,
            stem=path.stem,
        )
    return found


@functools.cache
def shipped_sets() -> tuple[ReferenceSet, ...]:
    """The sets that the program brings: the guides, and what else is published of their models."""
    folder = assets() / "reference"
    return tuple(read_reference_file(path) for path in sorted(folder.glob("*.toml")))


def shipped_ids() -> tuple[str, ...]:
    """The ids of the shipped sets, without reading any."""
    return tuple(sorted(path.stem for path in (assets() / "reference").glob("*.toml")))


def user_files(settings: Settings) -> dict[str, Path]:
    """The user's files by the id of their set, unread; empty without a folder."""
    if settings.config_file is None:
        return {}
    folder = settings.config_file.parent / "references"
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return {path.stem: path for path in paths if not path.name.startswith(".")}


def _read_own(path: Path) -> ReferenceSet:
    """A set of the user, which counts as its own kind; its id must be free."""
    if path.stem in shipped_ids():
        raise UserError(
            "reference.clash",
            "{path}: the reference set {id!r} is one of the program's own",
            hint="Choose another id, and name the file after it.",
            path=path,
            id=path.stem,
        )
    return replace(read_reference_file(path), kind="own")


def user_sets(settings: Settings) -> tuple[tuple[ReferenceSet, ...], tuple[UserError, ...]]:
    """The user's sets, and what is wrong in the files that hold none."""
    found, mistakes = [], []
    for path in user_files(settings).values():
        try:
            found.append(_read_own(path))
        except UserError as error:
            mistakes.append(error)
    return tuple(found), tuple(mistakes)


def reference_sets(
    settings: Settings, model: str | None = None, document: str | None = None
) -> tuple[ReferenceSet, ...]:
    """The sets of a model or of a document, or all: guides first, then the user's own.

    A file of the user that holds no set is passed over (`user_sets` tells what is wrong in it),
    unless it is the document that is asked for. UserError for a document that there is not.
    """
    own, _ = user_sets(settings)
    known = sorted((*shipped_sets(), *own), key=lambda entry: (_ORDER.index(entry.kind), entry.id))
    chosen = [entry for entry in known if model in (None, entry.model)]
    if document is None:
        return tuple(chosen)
    asked = tuple(entry for entry in chosen if entry.id == document)
    if asked:
        return asked
    files = user_files(settings)
    if document in files and document not in {entry.id for entry in known}:
        _read_own(files[document])
    raise UserError(
        "reference.unknown",
        "there is no reference set {document!r}" + (" of {model}" if model else ""),
        hint="Choose one of: {known}. Sets of your own are files references/NAME.toml beside the "
        "settings file.",
        document=document,
        model=model or "",
        known=", ".join(entry.id for entry in chosen) or "none",
    )


def in_force(sets: tuple[ReferenceSet, ...]) -> tuple[ReferenceSet, ...]:
    """What is shown of a model where no document is named: its guide, else every set of the user.

    A model with neither has its published documents, never mixed: the first of them.
    """
    for kinds in (("guide",), ("own",)):
        found = tuple(entry for entry in sets if entry.kind in kinds)
        if found:
            return found
    return sets[:1]
