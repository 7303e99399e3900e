"""Which models and documents a table shows: those that were named, else every guide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.core.events import Warned
from ascend_console.jobs._models import find_model, zoo_names
from ascend_console.tools.reference_files import in_force, reference_sets, user_sets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ascend_console.core.reference import ReferenceSet
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import AccuracyReference
    from ascend_console.jobs._own_runs import OwnRun


@dataclass(frozen=True, slots=True)
class Section:
    """One model of a table: its documents, what judges its accuracy, and its runs, newest first."""

    model: str
    sets: tuple[ReferenceSet, ...]
    known: tuple[AccuracyReference, ...]
    runs: tuple[OwnRun, ...]


def file_warnings(settings: Settings) -> Iterator[Warned]:
    """A warning for each file of the user that holds no set of figures."""
    for error in user_sets(settings)[1]:
        yield Warned(error.id, error.message, error.hint, error.values)


def _known(model: str, settings: Settings) -> tuple[AccuracyReference, ...]:
    """The accuracies that a model is known by; none where nothing describes it."""
    try:
        return find_model(model, settings).accuracy
    except UserError:
        return ()


def _models(settings: Settings, runs: Sequence[OwnRun]) -> list[str]:
    """Every model that has figures: the zoo's in their order, then the others."""
    zoo = [spec.name for spec in discovery.load_all("zoo")]
    own = [entry.model for entry in user_sets(settings)[0]]
    return list(dict.fromkeys((*zoo, *own, *(run.model for run in runs))))


def _documents(
    settings: Settings, models: Sequence[str] | None, documents: Sequence[str]
) -> dict[str, tuple[ReferenceSet, ...]]:
    """The named documents by model; UserError for one that is not there, or of another model."""
    found: dict[str, tuple[ReferenceSet, ...]] = dict.fromkeys(models or (), ())
    for name in documents:
        (entry,) = reference_sets(settings, document=name)
        if models is not None and entry.model not in models:
            reference_sets(settings, models[0], name)
        found[entry.model] = (*found.get(entry.model, ()), entry)
    return found


def sections(
    settings: Settings,
    runs: Sequence[OwnRun],
    models: Sequence[str] | None,
    documents: Sequence[str] | None,
) -> list[Section]:
    """The models to show. UserError for a model or a document that nothing is known of."""
    if documents:
        chosen = _documents(settings, models, documents)
    else:
        names = models or _models(settings, runs)
        chosen = {name: in_force(reference_sets(settings, name)) for name in names}
    found = []
    for model, sets in chosen.items():
        own = tuple(run for run in runs if run.model == model)
        if not sets and not own and model not in zoo_names():
            find_model(model, settings)
        found.append(Section(model, sets, _known(model, settings), own))
    return found
