"""What opening a figure reads: predictions, their counts, and where their images lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ascend_console.core.errors import ConsoleError
from ascend_console.tui import accuracy_tables as tables
from ascend_console.tui import cells
from ascend_console.tui.accuracy_figures import runs_on
from ascend_console.tui.accuracy_images import class_names, find_images, preprocess_of
from ascend_console.tui.accuracy_predictions import against, read_predictions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ascend_console.core.specs import Preprocess
    from ascend_console.tui.accuracy_figures import Accuracies, Document
    from ascend_console.tui.accuracy_predictions import Image
    from ascend_console.tui.accuracy_tables import Level
    from ascend_console.tui.pen import Pen
    from ascend_console.tui.widgets.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A figure whose predictions are wanted."""

    folder: Path
    model: str
    batch_size: int
    precision: str
    runs_on: str
    reference: str
    fingerprint: Mapping[str, object]

    @classmethod
    def of(cls, row: Document, told: Accuracies, folder: Path, pen: Pen) -> Wanted:
        """The figure of a row."""
        source = str(row.get("reference_source") or "")
        return cls(
            folder=folder,
            model=str(row["model"]),
            batch_size=row["batch_size"],
            precision=str(row.get("precision") or ""),
            runs_on=runs_on(row, pen.t),
            reference="torch" if source.startswith("torch") else pen.t("Ref"),
            fingerprint=told.fingerprints.get(str(row.get("fingerprint")), {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """The level below a figure. `missing` says why images have no path."""

    level: Level
    ours: str
    path: tuple[str, ...]
    rows: Sequence[Row]
    preprocess: Preprocess | None
    places: Mapping[str, Path] = field(default_factory=dict)
    by_name: Mapping[str, Image] = field(default_factory=dict)
    missing: str = ""
    warning: str = ""

    def path_to(self, group: str, pen: Pen) -> tuple[str, ...]:
        """The way to a class or an attribute, each step a word of the title."""
        found = self.level.found
        if group == tables.ALL:
            words = pen.t("all attributes") if found.of_attributes else pen.t("all classes")
        elif found.of_attributes:
            words = found.attributes[int(group)]
        else:
            words = self.level.class_text(group)
        return (*self.path, words)


def path_title(parts: Sequence[str], width: int, pen: Pen) -> str:
    """`Accuracy > ghostnet ort 8 > 437 beacon` in at most `width` cells: its end tells most."""
    title = " > ".join(map(cells.safe, parts))
    rest = list(parts)
    while cell_len(title) > width and len(rest) > 1:
        rest = rest[1:]
        title = " > ".join((pen.glyphs.ellipsis, *map(cells.safe, rest)))
    return cells.middle(title, max(width, 8), ellipsis=pen.glyphs.ellipsis)


def read(wanted: Wanted, other: Wanted | None, pen: Pen) -> Drilled:
    """Read everything; UserError where the run kept no predictions. Call it in a thread."""
    t = pen.t
    found = read_predictions(wanted.folder, wanted.batch_size, wanted.precision)
    ours = t("{runs_on} batch {size}", runs_on=wanted.runs_on, size=wanted.batch_size)
    label, warning = wanted.reference, ""
    path = [t("Accuracy"), f"{wanted.model} {ours}"]
    if other is not None:
        theirs = read_predictions(other.folder, other.batch_size, other.precision)
        found = against(found, theirs.images)
        label = "B"
        theirs_on = t("{runs_on} batch {size}", runs_on=other.runs_on, size=other.batch_size)
        path.append(t("against B: {runs_on}", runs_on=theirs_on))
        if wanted.fingerprint != other.fingerprint:
            warning = t("preprocessing differs, do not compare")
    places, missing = {}, ""
    try:
        places = find_images(wanted.folder, attributes=found.of_attributes)
    except ConsoleError as error:
        missing = t.message(error.id, error.message, error.values)
    except ValueError as error:  # a path that cannot be one, in a record from elsewhere
        missing = str(error)
    level = tables.Level(found=found, against=label, class_names=class_names(found.images, places))
    return Drilled(
        level=level,
        ours=wanted.runs_on.partition(" ")[0],
        path=tuple(path),
        rows=tables.group_rows(level, pen),
        preprocess=preprocess_of(wanted.fingerprint),
        places=places,
        by_name={image.name: image for image in found.images},
        missing=missing or t("it is not in the data set of the run any more"),
        warning=warning,
    )
