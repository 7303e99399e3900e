"""The columns of the performance table: published devices, then own runs; and their ratios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.reference import Remark, ThroughputFigure, best
from ascend_console.core.reference_ratios import GATES, Ratio, ratios
from ascend_console.core.verdict import Finding, finding
from ascend_console.jobs._own_runs import findings, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.core.reference import ReferenceSet
    from ascend_console.jobs._own_runs import OwnRun
    from ascend_console.jobs._reference_choice import Section

DEVICES = ("310", "310P", "T4")


@dataclass(frozen=True, slots=True)
class Cell:
    """One rate of a column: `mark` is its standing, `own` the row and run that it comes from."""

    figure: ThroughputFigure
    mark: str
    own: tuple[OwnRun, Mapping[str, Any]] | None = None

    @property
    def counts(self) -> bool:
        """Whether it may be a best: a published one, or a trusted one on a data set."""
        if self.own is None:
            return True
        row = self.own[1]
        return row.get("valid") is True and row.get("source", "dataset") == "dataset"

    def remarks(self) -> Iterator[Finding]:
        """What must be known of an own figure: why it is not trusted, and where it was imported."""
        if self.own is None:
            return
        run, row = self.own
        if row.get("valid") is not True:
            reasons = findings(row.get("validity"))
            yield from reasons
            if not reasons:
                yield finding("perf.not_valid", "the run does not trust this measurement")
        if run.imported is not None:
            yield finding(
                "perf.imported",
                "run {run}, imported {at} from {source}; processor there: {processor}",
                run=run.summary.run_id,
                at=run.imported.get("at") or "?",
                source=run.imported.get("from") or "?",
                processor=run.summary.processor or "?",
            )


@dataclass(frozen=True, slots=True)
class Column:
    """One device of a document, or one of the runs here; cells by batch size."""

    name: str
    device: str
    cells: Mapping[int, Cell] = field(default_factory=dict)
    reference: ReferenceSet | None = None

    @property
    def is_cpu(self) -> bool:
        """Whether its figures are those of a CPU."""
        return self.device.startswith("cpu")

    @property
    def figures(self) -> tuple[ThroughputFigure, ...]:
        """Every rate."""
        return tuple(cell.figure for cell in self.cells.values())

    @property
    def counting(self) -> tuple[ThroughputFigure, ...]:
        """The rates that may be a best."""
        return tuple(cell.figure for cell in self.cells.values() if cell.counts)

    @property
    def best(self) -> Cell | None:
        """The cell of the highest rate that counts."""
        found = best(self.counting)
        return None if found is None else self.cells[found.batch_size]


def _published(reference: ReferenceSet, *, first: bool) -> Iterator[Column]:
    for device in reference.devices:
        cells = {
            figure.batch_size: Cell(figure, _standing(figure)) for figure in reference.rates(device)
        }
        yield Column(device if first else f"{device}@{reference.id}", device, cells, reference)


def _standing(figure: ThroughputFigure) -> str:
    word = "official" if figure.official else "recorded"
    return f"{word}, doubtful" if figure.doubtful else word


def _own_mark(run: OwnRun, row: Mapping[str, Any]) -> str:
    if row.get("source", "dataset") != "dataset":
        word = "approximate"
    elif run.is_sample:
        word = "recorded, sample"
    else:
        word = "official" if row.get("official") is True else "recorded"
    return word if row.get("valid") is True else f"{word}, not valid"


def _own_figure(run: OwnRun, row: Mapping[str, Any]) -> ThroughputFigure | None:
    """The rate of a row as other figures are; None where it has none."""
    rate, factor = number(row.get("throughput")), number(row.get("card_factor")) or 1
    if rate is None or rate <= 0:
        return None
    return ThroughputFigure(
        document=run.summary.run_id,
        model=run.model,
        device=run.device,
        batch_size=row["batch_size"],
        per="card",
        per_basis="stated",
        factor=max(1, int(factor)),
        raw=rate,
        unit_basis="stated",
        precision=str(row.get("precision") or "") or None,
        precision_basis="stated",
        official=row.get("official") is True and not run.is_sample,
    )


def _own(runs: Sequence[OwnRun]) -> list[Column]:
    """A column for each device, backend and precision: of each batch size the newest figure."""
    cells: dict[str, dict[int, Cell]] = {}
    devices: dict[str, str] = {}
    for run in runs:
        for row in run.rows("performance"):
            figure = _own_figure(run, row)
            if figure is None:
                continue
            name = run.column(row.get("precision"))
            devices.setdefault(name, run.device)
            cells.setdefault(name, {}).setdefault(
                figure.batch_size, Cell(figure, _own_mark(run, row), (run, row))
            )
    return [Column(name, devices[name], cells[name]) for name in sorted(cells)]


def columns_of(section: Section) -> list[Column]:
    """The columns of one model; a device of a second document is named `310P@DOCUMENT`."""
    found: list[Column] = []
    for index, reference in enumerate(section.sets):
        found += _published(reference, first=index == 0)
    return [*found, *_own(section.runs)]


def parse_pairs(texts: Sequence[str] | None) -> list[tuple[str, str]] | None:
    """The pairs of `--columns`; None where nothing was asked for."""
    if texts is None:
        return None
    pairs = []
    for text in texts:
        a, slash, b = (part.strip() for part in text.partition("/"))
        if not (slash and a and b) or a == b:
            raise UserError(
                "perf.pair",
                "--columns takes ratios such as 310P/310, not {text!r}",
                hint="Write the names of two columns with a slash between them.",
                text=text,
            )
        pairs.append((a, b))
    return pairs


def _find(columns: Sequence[Column], name: str) -> Column | None:
    """The column of a name, or the only one whose name begins with that word."""
    exact = [column for column in columns if column.name == name]
    begun = [column for column in columns if column.name.startswith(f"{name} ")]
    return (exact or begun)[0] if len(exact or begun) == 1 else None


def require_known(pairs: Sequence[tuple[str, str]], columns: Sequence[Column]) -> None:
    """UserError where a pair names no column; the three devices of the rule may be missing."""
    for name in dict.fromkeys(name for pair in pairs for name in pair):
        if name in DEVICES or _find(columns, name) is not None:
            continue
        known = dict.fromkeys((*DEVICES, *(column.name for column in columns)))
        raise UserError(
            "perf.column",
            "there is no single column {name!r}",
            hint="Choose from: {known}.",
            name=name,
            known=", ".join(known),
        )


def default_pairs(section: Section, columns: Sequence[Column]) -> list[tuple[str, str]]:
    """The ratios that the documents print, else those of the rule whose columns are there."""
    printed = [(ratio.a, ratio.b) for entry in section.sets for ratio in entry.ratios]
    if printed:
        return list(dict.fromkeys(printed))
    names = {column.name for column in columns}
    return [pair for pair in GATES if set(pair) <= names]


def pair_ratios(pair: tuple[str, str], columns: Sequence[Column]) -> tuple[Ratio, ...]:
    """The ratios of two columns by their names, at every batch size and best against best."""
    a, b = (_find(columns, name) for name in pair)
    same = (
        a is not None and b is not None and a.reference is not None and a.reference is b.reference
    )
    names = (a.device, b.device) if same and a is not None and b is not None else pair
    printed = a.reference.ratios if same and a is not None and a.reference is not None else ()
    sides = [column.figures if column is not None else () for column in (a, b)]
    counting = [column.counting if column is not None else () for column in (a, b)]
    found = ratios(names, sides[0], sides[1], printed)
    at_best = ratios(names, counting[0], counting[1], printed)[-1]
    return (*found[:-1], at_best)


def cpu_note(pair: tuple[str, str], columns: Sequence[Column]) -> Finding | None:
    """What is said of a ratio in which a CPU stands; None where none does."""
    found = (_find(columns, name) for name in pair)
    for column in found:
        if column is not None and column.is_cpu:
            return finding(
                "perf.cpu",
                "{name} is a CPU, not an NPU result: the ratio decides nothing",
                name=column.name,
            )
    return None


def log_note(column: Column, batch_size: int) -> Remark | None:
    """What contradicts itself in the log behind a published rate."""
    logs = column.reference.logs if column.reference is not None else ()
    for log in logs:
        if log.contradicts and (log.device, log.batch_size) == (column.device, batch_size):
            return log.note
    return None
