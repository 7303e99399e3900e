"""Ratios of throughputs: at the same batch size, and best against best.

Best against best within one document decides; a ratio at one batch size, or across documents, is
shown and decides nothing (design.md section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core.reference import best, differs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ascend_console.core.reference import RatioFigure, ReferenceSet, Remark, ThroughputFigure

GATES: Mapping[tuple[str, str], float] = {
    ("310P", "310"): 1.2,
    ("310P", "T4"): 1.6,
    ("310", "T4"): 1.0,
}
"""Ratio of best cards -> the least that passes (design.md section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio of two columns at one batch size, or, with `batch_size` None, of their best ones.

    `gate` is the least that best against best must reach; `passed` is None where nothing is
    decided: at the same batch size, across documents, and where `missing` says what there is not.
    """

    a: str
    b: str
    batch_size: int | None = None
    value: float | None = None
    printed: float | None = None
    gate: float | None = None
    passed: bool | None = None
    a_figure: ThroughputFigure | None = None
    b_figure: ThroughputFigure | None = None
    missing: str = ""
    note: Remark | None = None

    @property
    def across(self) -> bool:
        """Whether its figures come from different documents."""
        pair = (self.a_figure, self.b_figure)
        return len({figure.document for figure in pair if figure is not None}) > 1

    @property
    def misprinted(self) -> bool:
        """Whether the document prints another ratio than that of its own figures."""
        return (
            self.value is not None
            and self.printed is not None
            and differs(self.value, self.printed)
        )


def _ratio(
    names: tuple[str, str],
    pair: tuple[ThroughputFigure | None, ThroughputFigure | None],
    batch_size: int | None,
    printed: RatioFigure | None,
) -> Ratio:
    a, b = pair
    lacking = [name for name, figure in zip(names, pair, strict=True) if figure is None]
    missing = f"no {lacking[0]} figure" if lacking else ""
    if len(lacking) == 2:
        missing = f"neither a {names[0]} nor a {names[1]} figure"
    value = a.throughput / b.throughput if a is not None and b is not None else None
    across = a is not None and b is not None and a.document != b.document
    gate = None if across else GATES.get(names)
    decides = batch_size is None and gate is not None and value is not None
    return Ratio(
        a=names[0],
        b=names[1],
        batch_size=batch_size,
        value=value,
        printed=printed.printed if printed else None,
        gate=gate,
        passed=value is not None and gate is not None and value >= gate if decides else None,
        a_figure=a,
        b_figure=b,
        missing=missing,
        note=printed.note if printed else None,
    )


def ratios(
    names: tuple[str, str],
    a: Sequence[ThroughputFigure],
    b: Sequence[ThroughputFigure],
    printed: Iterable[RatioFigure] = (),
) -> tuple[Ratio, ...]:
    """The ratios of two columns at every batch size that one of them has; the best ones last.

    `printed` are those of the document, which may print other ones.
    """
    told = {figure.batch_size: figure for figure in printed if (figure.a, figure.b) == names}
    by_a, by_b = ({figure.batch_size: figure for figure in side} for side in (a, b))
    found = [
        _ratio(names, (by_a.get(size), by_b.get(size)), size, told.get(size))
        for size in sorted({*by_a, *by_b})
    ]
    return (*found, _ratio(names, (best(a), best(b)), None, told.get(None)))


def set_ratios(reference: ReferenceSet, pairs: Iterable[tuple[str, str]] = ()) -> tuple[Ratio, ...]:
    """The ratios of one document: those that are gated, those that it prints, and `pairs`."""
    printed = [(figure.a, figure.b) for figure in reference.ratios]
    return tuple(
        ratio
        for names in dict.fromkeys((*GATES, *printed, *pairs))
        for ratio in ratios(
            names, reference.rates(names[0]), reference.rates(names[1]), reference.ratios
        )
    )


def with_copies(reference: ReferenceSet, device: str, batch_size: int) -> float | None:
    """Images a second of a device with its copies counted; None without the three mean times."""
    means = {
        figure.name: figure.mean_ms
        for figure in reference.timings
        if (figure.device, figure.batch_size) == (device, batch_size)
    }
    return 1000 * batch_size / sum(means.values()) if len(means) == 3 else None
