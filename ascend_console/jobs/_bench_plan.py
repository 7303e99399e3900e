"""The steps of a bench, and which batch sizes a column takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.events import StepStarted
from ascend_console.core.sweep import doubling, goes_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ascend_console.jobs._bench_subject import Subject


class Steps:
    """Numbers the steps; their count grows where a sweep takes longer than was foreseen."""

    def __init__(self, foreseen: int) -> None:
        self._count = foreseen
        self._index = 0

    def begin(self, name: str) -> StepStarted:
        """The event that begins the next step."""
        self._index += 1
        self._count = max(self._count, self._index)
        return StepStarted(name, self._index, self._count)


def foreseen(subject: Subject, sizes: Sequence[int] | None) -> int:
    """How many steps there will be, as far as that is known before the first figure."""
    columns = len(subject.columns)
    precisions = len({column.precision for column in subject.columns})
    points = len(sizes) if sizes is not None else 1
    count = 1 + columns * points  # measurements and the verdict
    count += 1 if subject.run is not None and subject.artifact_path is None else 0
    count += precisions * points + 1 if subject.judges_accuracy else 0
    return count + (columns if subject.request.profile else 0)


class BatchSizes:
    """The batch sizes of one column: those named, or doubled until throughput stops to gain."""

    def __init__(self, named: Sequence[int] | None) -> None:
        self._named = named
        self._rates: list[float | None] = []

    def __iter__(self) -> Iterator[int]:
        for size in self._named if self._named is not None else doubling():
            yield size
            if self._named is None and not goes_on(self._rates):
                return

    def measured(self, throughput: float | None) -> None:
        """What the last one gave, in images a second."""
        self._rates.append(throughput)
