"""The performance table for people: a row for each batch size, footnotes and judgements below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.reference import rounded_as
from ascend_console.core.reference_judgement import judgements
from ascend_console.core.reference_ratios import with_copies
from ascend_console.core.verdict import finding
from ascend_console.jobs._own_runs import said
from ascend_console.jobs._perf_columns import cpu_note, log_note, pair_ratios

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ascend_console.core.reference import ReferenceSet, ThroughputFigure
    from ascend_console.core.reference_judgement import JudgementPair
    from ascend_console.core.reference_ratios import Ratio
    from ascend_console.core.verdict import Finding
    from ascend_console.jobs._perf_columns import Cell, Column
    from ascend_console.jobs._reference_choice import Section

    Row = list[str]


class Footnotes:
    """Texts below a table, each numbered once in the order in which it is first met."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts: dict[str, int] = {}

    def mark(self, text: str) -> str:
        """` [3]`, to stand behind what the text is about."""
        return f" [{self._texts.setdefault(text, len(self._texts) + 1)}]"

    def of(self, found: Finding) -> str:
        """The mark of a finding, in the user's language."""
        return self.mark(said(found, self.lang))

    def rows(self) -> Iterator[tuple[str, str]]:
        """Every mark with its text."""
        return ((f"[{number}]", text) for text, number in self._texts.items())


def rate_text(value: float) -> str:
    """Images a second with the decimals that guides print, at most four."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _rate(cell: Cell) -> str:
    """A published rate with its decimals, an own one with four digits."""
    value = cell.figure.throughput
    if cell.own is None:
        return rate_text(value)
    return f"{value:.4g}" if value < 1000 else f"{value:.1f}"


def _misprint(figure: ThroughputFigure) -> Finding:
    return finding(
        "perf.misprinted",
        "{document} prints {printed}; {raw} x {factor} is {value}",
        document=figure.place,
        printed=rate_text(figure.printed or 0.0),
        raw=rate_text(figure.raw or 0.0),
        factor=figure.factor,
        value=rate_text(figure.throughput),
    )


class SectionTable:
    """The rows of one model: label, one cell for each column and ratio, remark."""

    def __init__(
        self,
        section: Section,
        columns: Sequence[Column],
        pairs: Sequence[tuple[str, str]],
        notes: Footnotes,
    ) -> None:
        self.section = section
        self.columns = columns
        self.notes = notes
        self.ratios = {pair: pair_ratios(pair, columns) for pair in pairs}
        self.heads = [column.name for column in columns] + [f"{a}/{b}" for a, b in pairs]

    def rows(self) -> list[Row]:
        """Every row; the empty text is a cell that says nothing."""
        found = []
        for size in self._sizes():
            found += [self._batch_row(size), *self._copies_rows(size)]
        if any(column.cells for column in self.columns):
            found += [self._best_row(), *self._same_batch_rows(), self._card_row()]
        return found

    def below(self) -> Iterator[tuple[str, str]]:
        """What stands below the rows, as label and text: judgements, then the documents."""
        for reference in self.section.sets:
            for pair in judgements(reference, self.section.known):
                yield pair.recomputed.kind, self._published(pair)
                yield pair.recomputed.kind, recomputed_text(pair, self.notes.lang)
        for reference in self.section.sets:
            yield from set_rows(reference, self.notes.lang)

    def _sizes(self) -> list[int]:
        return sorted({size for column in self.columns for size in column.cells})

    def _row(self, label: str, cells: Sequence[str], remark: str = "") -> Row:
        return [label, *cells, *[""] * (len(self.heads) - len(cells)), remark]

    def _cell(self, column: Column, size: int) -> str:
        cell = column.cells.get(size)
        if cell is None:
            return "-"
        text = _rate(cell) if cell.own is None else f"{_rate(cell)} ({cell.mark})"
        notes = [note for note in (cell.figure.note, log_note(column, size)) if note]
        marks = [self.notes.mark(note.told(self.notes.lang)) for note in notes]
        if cell.figure.misprinted and cell.figure.note is None:
            marks.append(self.notes.of(_misprint(cell.figure)))
        marks += [self.notes.of(entry) for entry in cell.remarks()]
        return text + "".join(marks)

    def _ratio_cell(self, ratio: Ratio, pair: tuple[str, str]) -> str:
        if ratio.value is None:
            return "-"
        text = rounded_as(ratio.value, ratio.printed)
        if ratio.note is not None:
            text += self.notes.mark(ratio.note.told(self.notes.lang))
        elif ratio.misprinted:
            text += self.notes.of(
                finding(
                    "perf.ratio_misprinted",
                    "{pair} is printed as {printed}; its figures give {value}",
                    pair=f"{ratio.a}/{ratio.b}",
                    printed=ratio.printed,
                    value=text,
                )
            )
        return text + self._ratio_marks(ratio, pair)

    def _ratio_marks(self, ratio: Ratio, pair: tuple[str, str]) -> str:
        """What keeps a ratio from being one of a single document's NPUs."""
        cpu = cpu_note(pair, self.columns)
        if cpu is not None:
            return self.notes.of(cpu)
        if not ratio.across:
            return ""
        return self.notes.of(
            finding("perf.across", "a ratio across documents or runs is shown and never gated")
        )

    def _batch_row(self, size: int) -> Row:
        cells = [self._cell(column, size) for column in self.columns]
        for pair, ratios in self.ratios.items():
            at = next((ratio for ratio in ratios if ratio.batch_size == size), None)
            cells.append(self._ratio_cell(at, pair) if at is not None else "-")
        standing = dict.fromkeys(
            "official" if column.cells[size].figure.official else "recorded"
            for column in self.columns
            if column.reference is not None and size in column.cells
        )
        return self._row(str(size), cells, " / ".join(standing))

    def _copies_rows(self, size: int) -> Iterator[Row]:
        """The published rates with their copies counted, where a document has the times."""
        rates = [
            with_copies(column.reference, column.device, size) if column.reference else None
            for column in self.columns
        ]
        if any(rates):
            cells = ["-" if rate is None else f"{rate:.1f}" for rate in rates]
            told = finding(
                "perf.copies", "with the mean times of the copies to and from the device"
            )
            yield self._row(f"{size} with copies", cells, said(told, self.notes.lang))

    def _best_row(self) -> Row:
        cells = []
        for column in self.columns:
            cell = column.best
            if cell is None:
                cells.append("-")
                continue
            reference = column.reference
            doubt = reference.doubtful if reference is not None else None
            mark = self.notes.mark(doubt.told(self.notes.lang)) if doubt else ""
            word = cell.mark if doubt or cell.own else ""
            text = f"{_rate(cell)} at {cell.figure.batch_size}{mark}"
            cells.append(f"{text} ({word})" if word else text)
        cells += [self._best_ratio(pair) for pair in self.ratios]
        told = finding("perf.decides", "best against best decides")
        return self._row("best of each", cells, said(told, self.notes.lang) + self._claims())

    def _claims(self) -> str:
        """Marks of what the documents themselves call best, where that is odd."""
        claims = (entry for reference in self.section.sets for entry in reference.best)
        return "".join(
            self.notes.mark(entry.note.told(self.notes.lang)) for entry in claims if entry.note
        )

    def _best_ratio(self, pair: tuple[str, str]) -> str:
        ratio = self.ratios[pair][-1]
        if ratio.value is None:
            told = finding("perf.no_ratio", "not computable: {missing}", missing=ratio.missing)
            return said(told, self.notes.lang)
        text = self._ratio_cell(ratio, pair)
        if ratio.gate is None:
            return text
        return f"{text} {'ok' if ratio.passed else 'low'}, gate {ratio.gate:g}"

    def _same_batch_rows(self) -> Iterator[Row]:
        """The row of the batch size at which the first side of a ratio is best."""
        for name in dict.fromkeys(pair[0] for pair in self.ratios):
            figures = [
                ratios[-1].a_figure for pair, ratios in self.ratios.items() if pair[0] == name
            ]
            figure = figures[0]
            if figure is None:
                continue
            size = figure.batch_size
            cells = [self._cell(column, size) for column in self.columns]
            for pair, ratios in self.ratios.items():
                at = next((ratio for ratio in ratios if ratio.batch_size == size), None)
                shown = pair[0] == name and at is not None
                cells.append(self._ratio_cell(at, pair) if shown and at is not None else "")
            told = finding(
                "perf.same_batch",
                "the batch size at which {name} is best; decides nothing",
                name=name,
            )
            yield self._row(f"same batch, {size}", cells, said(told, self.notes.lang))

    def _card_row(self) -> Row:
        """The factor from a device to its card, and whether the document states it."""
        cells = []
        for column in self.columns:
            factors = dict.fromkeys(f"x{cell.figure.factor}" for cell in column.cells.values())
            bases = dict.fromkeys(cell.figure.per_basis for cell in column.cells.values())
            cells.append(", ".join((*factors, *bases)))
        told = finding("perf.per_card", "figures are images/s of a card: one device times this")
        return self._row("per card", cells, said(told, self.notes.lang))

    def _published(self, pair: JudgementPair) -> str:
        text = published_text(pair, self.notes.lang)
        note = pair.published.note if pair.published else None
        return text + (self.notes.mark(note.told(self.notes.lang)) if note else "")


def published_text(pair: JudgementPair, lang: str) -> str:
    """A document's own judgement with its line and its remark."""
    own = pair.published
    if own is None:
        nothing = finding(
            "perf.unpublished", "{document} gives no judgement", document=pair.reference.id
        )
        return said(nothing, lang)
    remark = own.remark.told(lang) if own.remark else ""
    found = finding(
        "perf.published_remark" if remark else "perf.published",
        "published ({place}): {said}. {remark}" if remark else "published ({place}): {said}",
        place=own.place,
        said=own.said,
        remark=remark,
    )
    return said(found, lang)


def recomputed_text(pair: JudgementPair, lang: str) -> str:
    """The recomputed judgement and every figure that it stands on."""
    basis = "; ".join(said(entry, lang) for entry in pair.recomputed.basis)
    found = finding(
        "perf.recomputed", "recomputed: {said}; {basis}", said=pair.recomputed.said, basis=basis
    )
    return said(found, lang)


def set_rows(reference: ReferenceSet, lang: str) -> Iterator[tuple[str, str]]:
    """What a document is, and what must be known of it as a whole, as label and text."""
    about = f": {reference.about.told(lang)}" if reference.about else ""
    yield "document", f"{reference.id}: {reference.title.told(lang)}{about}"
    for note in reference.notes:
        text = note.told(lang)
        if note.lines:
            lines = ", ".join(map(str, note.lines))
            text = said(finding("perf.lines", "line {lines}: {text}", lines=lines, text=text), lang)
        yield "note", text


def table(
    tables: Sequence[SectionTable], notes: Footnotes
) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...], tuple[tuple[str, str], ...]]:
    """Columns and rows over all models, then the notes below them, each with its label.

    A first column names the model where there are several.
    """
    heads = list(dict.fromkeys(head for entry in tables for head in entry.heads))
    several = len(tables) > 1
    columns = (*(["model"] if several else []), "batch", *heads, "remark")
    rows: list[tuple[str, ...]] = []

    def add(model: str, label: str, cells: Sequence[str], remark: str) -> None:
        rows.append((*([model] if several else []), label, *cells, remark))

    for entry in tables:
        for label, *cells, remark in entry.rows():
            by_head = dict(zip(entry.heads, cells, strict=True))
            shown = [by_head.get(head, "") for head in heads]
            add(entry.section.model, label, shown, remark)
    below = [
        (f"{entry.section.model} {label}" if several else label, text)
        for entry in tables
        for label, text in entry.below()
    ]
    return columns, tuple(rows), (*below, *notes.rows())
