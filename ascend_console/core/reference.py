"""Published figures: one set for each document, typed rows with their source.

A figure of one document is never mixed into another one. Rates are images a second of a card,
accuracies fractions 0-1, times ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.reference_rules import STAGES, error_of, mistakes_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ascend_console.core.reference_rules import Kind, Place

Basis = Literal["stated", "inferred"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What must be known of a figure or a set, in both languages, with the lines it speaks of."""

    text: str
    text_zh: str = ""
    lines: tuple[int, ...] = ()

    def told(self, lang: str) -> str:
        """The text in a language; English where there is no other."""
        return self.text_zh if lang == "zh" and self.text_zh else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What every row has: its document, its model, its line there, and what is odd about it."""

    document: str
    model: str
    line: int | None = None
    note: Remark | None = None

    @property
    def place(self) -> str:
        """`moco_v2-guide, line 220`."""
        return self.document if self.line is None else f"{self.document}, line {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyFigure(Figure):
    """One accuracy; `value` is None where a document judges a figure that it does not print.

    `of` is what was measured: an om on `device`, the checkpoint that was exported, the upstream
    repository's claim, or a training on NPUs. `against` is the device whose figure the document
    itself compares it with.
    """

    metric: str
    of: Literal["om", "checkpoint", "upstream", "training"]
    value: float | None = None
    device: str | None = None
    against: str | None = None
    batch_sizes: tuple[int, ...] = ()
    images: int | None = None
    precision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughputFigure(Figure):
    """One rate. `raw` is that of one device as its tool gave it, in `unit`; `printed` is what the
    document prints, of a card or of a chip (`per`); `stated` is images a second of a card where
    neither is at hand.

    `factor` is the number of devices on a card. Each basis tells whether the document states it.
    """

    device: str
    batch_size: int
    per: Literal["card", "chip"]
    factor: int
    raw: float | None = None
    printed: float | None = None
    stated: float | None = None
    device_index: int | None = None
    chip: str | None = None
    per_basis: Basis = "inferred"
    unit: Literal["images/s", "batches/s"] = "images/s"
    unit_basis: Basis = "inferred"
    precision: str | None = None
    precision_basis: Basis = "inferred"
    official: bool = False
    doubtful: bool = False

    @property
    def recomputed(self) -> float | None:
        """Images a second of a card, made from the figure that it begins with.

        None where the document gives nothing but that number itself.
        """
        images = self.batch_size if self.unit == "batches/s" else 1
        if self.raw is not None:
            return self.raw * self.factor * images
        if self.printed is None or (self.per == "card" and images == 1):
            return None
        return self.printed * images * (self.factor if self.per == "chip" else 1)

    @property
    def throughput(self) -> float:
        """Images a second of a card, recomputed where that can be done."""
        known = (self.recomputed, self.printed, self.stated)
        return next(value for value in known if value is not None)

    @property
    def misprinted(self) -> bool:
        """Whether the document prints another product than that of its own factors."""
        if self.raw is None or self.printed is None or self.unit != "images/s":
            return False
        printed = self.printed * (self.factor if self.per == "chip" else 1)
        return differs(self.throughput, printed)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the benchmark tool: samples (post: batches) a second, ms a call.

    Of `e2e` the latency is that of the whole run. `interface_rate` is the chip's own, of infer.
    """

    rate: float
    latency_ms: float
    interface_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLog(Figure):
    """A performance file as a document quotes it; `contradicts` marks one that cannot be right.

    `images` is the size of the data set that it claims to be of.
    """

    device: str
    batch_size: int
    e2e: Stage
    data_read: Stage
    preprocess: Stage
    infer: Stage
    post: Stage
    device_index: int | None = None
    images: int | None = None
    contradicts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingFigure(Figure):
    """Times of one kind per batch, in ms: compute, or the copies to (h2d) and from the device."""

    device: str
    batch_size: int
    name: Literal["compute", "h2d", "d2h"]
    mean_ms: float
    min_ms: float | None = None
    max_ms: float | None = None
    median_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioFigure(Figure):
    """A printed ratio of two columns; `batch_size` None is best against best."""

    a: str
    b: str
    printed: float
    batch_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BestFigure(Figure):
    """What a document calls a device's best: its batch size, its rate, or both."""

    device: str
    batch_size: int | None = None
    printed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedJudgement(Figure):
    """A document's own judgement, the word it uses, and what it remarks."""

    kind: Literal["accuracy", "performance"]
    said: Literal["met", "not met"]
    word: str | None = None
    remark: Remark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSet:
    """Everything that one document publishes of one model.

    `official_batch_sizes` are those whose figures it calls decisive. `doubtful` says why its rates
    are shown, but win no comparison with another document.
    """

    id: str
    model: str
    title: Remark
    about: Remark | None = None
    kind: Kind = "own"
    date: str | None = None
    source: str | None = None
    official_batch_sizes: tuple[int, ...] = ()
    official_basis: Basis = "inferred"
    official_line: int | None = None
    doubtful: Remark | None = None
    notes: tuple[Remark, ...] = ()
    accuracy: tuple[AccuracyFigure, ...] = ()
    throughput: tuple[ThroughputFigure, ...] = ()
    logs: tuple[StageLog, ...] = ()
    timings: tuple[TimingFigure, ...] = ()
    ratios: tuple[RatioFigure, ...] = ()
    best: tuple[BestFigure, ...] = ()
    judgements: tuple[PublishedJudgement, ...] = ()

    def rates(self, device: str) -> tuple[ThroughputFigure, ...]:
        """The figures of one column."""
        return tuple(figure for figure in self.throughput if figure.device == device)

    @property
    def devices(self) -> tuple[str, ...]:
        """The columns, in their order."""
        return tuple(dict.fromkeys(figure.device for figure in self.throughput))


def _decimals(value: float) -> int:
    """How many decimals a printed number has; trailing zeros are not known."""
    tail = repr(value).partition(".")[2]
    return 0 if tail == "0" or not tail.isdecimal() else len(tail)


def differs(value: float, printed: float) -> bool:
    """Whether `printed` is not `value` rounded to as many decimals."""
    return abs(value - printed) > 0.5 * math.pow(10, -_decimals(printed)) + 1e-9 * abs(value)


def rounded_as(value: float, printed: float | None, decimals: int = 3) -> str:
    """A value with the decimals of a printed one, or with `decimals`."""
    return f"{value:.{decimals if printed is None else _decimals(printed)}f}"


def best(figures: Iterable[ThroughputFigure]) -> ThroughputFigure | None:
    """The highest rate, of equal ones that of the smaller batch; None of none.

    Where figures of several documents meet, those of a doubtful set win nothing.
    """
    known = tuple(figures)
    if len({figure.document for figure in known}) > 1:
        known = tuple(figure for figure in known if not figure.doubtful)
    return max(known, key=lambda entry: (entry.throughput, -entry.batch_size), default=None)


# --- from a file's content to a set --------------------------------------------------------------

_TABLES: Mapping[str, type[Figure]] = {
    "accuracy": AccuracyFigure,
    "throughput": ThroughputFigure,
    "logs": StageLog,
    "timings": TimingFigure,
    "ratios": RatioFigure,
    "best": BestFigure,
    "judgements": PublishedJudgement,
}


def _note(entry: Mapping[str, Any], key: str) -> Remark | None:
    text = entry.get(key)
    return None if text is None else Remark(text, entry.get(f"{key}_zh", ""))


def _field(entry: Mapping[str, Any], name: str) -> Any:
    """The value of a dataclass field as the file has it."""
    value = entry[name]
    if name in STAGES:
        return Stage(**value)
    return tuple(value) if isinstance(value, list) else value


def _figure(kind: type[Any], entry: Mapping[str, Any], **facts: Any) -> Any:
    names = {item.name for item in fields(kind)} - {"note", "remark"}
    values = {name: _field(entry, name) for name in entry if name in names}
    noted = {key: _note(entry, key) for key in ("note", "remark") if key in entry}
    return kind(**facts, **values, **noted)


def _set(document: Mapping[str, Any]) -> ReferenceSet:
    own = {"document": document["id"], "model": document["model"]}
    official = tuple(document.get("official_batch_sizes", ()))
    columns = {entry["device"]: entry for entry in document.get("columns", ())}
    rows: dict[str, Any] = {
        name: tuple(_figure(kind, entry, **own) for entry in document.get(name, ()))
        for name, kind in _TABLES.items()
        if name != "throughput"
    }
    rows["throughput"] = tuple(
        _figure(
            ThroughputFigure,
            columns[entry["device"]] | entry,
            **own,
            official=entry["batch_size"] in official,
            doubtful="doubtful" in document,
        )
        for entry in document.get("throughput", ())
    )
    keys = ("id", "model", "kind", "date", "source", "official_basis", "official_line")
    return ReferenceSet(
        **{key: document[key] for key in keys if key in document},
        title=Remark(document["title"], document.get("title_zh", "")),
        about=_note(document, "about"),
        doubtful=_note(document, "doubtful"),
        official_batch_sizes=official,
        notes=tuple(
            Remark(entry["text"], entry.get("text_zh", ""), tuple(entry.get("lines", ())))
            for entry in document.get("notes", ())
        ),
        **rows,
    )


def parse_reference(
    mapping: Mapping[str, Any], where: str, line_of: Callable[[Place], int] | None = None
) -> ReferenceSet:
    """The set that the content of a file describes; `where` names the file.

    UserError names the one mistake, or all of them, each with its key and, where `line_of` can
    tell, its line.
    """
    found = mistakes_in(mapping)
    if found:
        raise error_of(found, where, line_of)
    return _set(mapping)
