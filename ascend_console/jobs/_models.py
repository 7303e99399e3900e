"""Models by name: those of the zoo, and those that the user describes in the config folder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import ModelSpec


def zoo_names() -> tuple[str, ...]:
    """The names of the zoo's models, without importing any."""
    return discovery.names("zoo")


def model_files(settings: Settings) -> dict[str, Path]:
    """The user's model files by the name of their model, unread; empty without a folder."""
    folder = settings.models_dir
    if folder is None or not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))
    return {path.stem: path for path in paths}


def _read(path: Path) -> ModelSpec:
    from ascend_console.tools.model_file import read_model_file
    from ascend_console.tools.model_spec import model_from_file

    known: dict[str, Any] = {
        name: partial(discovery.load, "zoo", name) for name in discovery.names("zoo")
    }
    return model_from_file(read_model_file(path), known)


def find_model(name: str, settings: Settings) -> ModelSpec:
    """The model of a name; UserError names all there are, or what is wrong in its file."""
    mine = model_files(settings)
    if name in mine:
        return _read(mine[name])
    if name in zoo_names():
        spec: ModelSpec = discovery.load("zoo", name)
        return spec
    raise UserError(
        "model.unknown",
        "there is no model {name!r}",
        hint="Choose one of: {known}. A model of your own is a file {folder}/NAME.toml.",
        name=name,
        known=", ".join((*zoo_names(), *mine)),
        folder=settings.models_dir or "models",
    )


def user_models(settings: Settings) -> tuple[list[ModelSpec], list[UserError]]:
    """The user's models, and what is wrong in the files that describe none."""
    found, mistakes = [], []
    for path in model_files(settings).values():
        try:
            found.append(_read(path))
        except UserError as error:
            mistakes.append(error)
    return found, mistakes
