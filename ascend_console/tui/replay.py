"""A recorded run again, in its own time: folded up to a moment, at any speed, both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ascend_console.core.events import JobStarted
from ascend_console.tools import run_folder
from ascend_console.tools.run_follow import RunFollower

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from ascend_console.core.events import Record
    from ascend_console.tools.run_follow import RunSnapshot

SLOWEST, FASTEST = 0.25, 16.0
STEP_S = 5.0


def timed(records: Sequence[Record]) -> list[tuple[float, Record]]:
    """Each record with its second of the replay: attempts follow each other without a pause."""
    found: list[tuple[float, Record]] = []
    before_s = last_s = 0.0
    for record in records:
        if isinstance(record.event, JobStarted) and found:
            before_s = last_s
        last_s = max(before_s + record.elapsed_s, last_s)
        found.append((last_s, record))
    return found


class Replay:
    """The records of a run and a position in them, in seconds from the first to the last."""

    def __init__(
        self, folder: Path, records: Sequence[Record], document: dict[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self.position_s = 0.0
        self._timed = timed(records)
        self._document = document or {}
        self._follower = RunFollower(folder)
        self._taken = 0

    @classmethod
    def read(cls, folder: Path) -> Replay:
        """The recording of a run folder. Reads files: for a thread."""
        document = run_folder.read_document(folder / "run.json")
        return cls(folder, list(run_folder.read_records(folder)), document)

    @property
    def length_s(self) -> float:
        """How long the run was."""
        return self._timed[-1][0] if self._timed else 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the attempt began that is being told."""
        if not self._taken:
            return 0.0
        at_s, record = self._timed[self._taken - 1]
        return record.elapsed_s + self.position_s - at_s

    @property
    def at_end(self) -> bool:
        """Whether everything has been told."""
        return self.position_s >= self.length_s

    def move(self, seconds: float) -> None:
        """On, or back with a negative number."""
        self.seek(self.position_s + seconds)

    def seek(self, position_s: float) -> None:
        """To a second of the run; before the first record there is none, so it begins with it."""
        wanted = min(max(position_s, 0.0), self.length_s)
        if wanted < self.position_s:
            self._follower = RunFollower(self.folder)
            self._taken = 0
        self.position_s = wanted
        while self._taken < len(self._timed) and self._timed[self._taken][0] <= wanted:
            self._follower.take(self._timed[self._taken][1])
            self._taken += 1

    def snapshot(self) -> RunSnapshot:
        """What a screen would have shown then; the run is alive until the last record."""
        return replace(self._follower.snapshot(), document=self._document, alive=not self.at_end)


def faster(speed: float) -> float:
    """Twice the speed, up to 16."""
    return min(speed * 2, FASTEST)


def slower(speed: float) -> float:
    """Half the speed, down to a quarter."""
    return max(speed / 2, SLOWEST)
