"""The list of runs: its title tells how far the history is read, and an empty one starts one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from ascend_console.tui.runs_rows import columns
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from ascend_console.tui.texts import Texts


class RunsTable(Table):
    """Runs, newest first; `c` copies the id of one, which every command takes.

    `known` is whether the whole history has been read once.
    """

    help_text = (
        "Signs before a run: * marked, b baseline, i imported.\n"
        "Enter shows a run, R replays it; mark two with Space, then d compares them."
    )

    class SampleWanted(Message):
        """Enter where there is no run yet."""

    class Emptied(Message):
        """No row has the cursor any more."""

    def __init__(self, t: Texts) -> None:
        super().__init__(columns(t), marks=True, id="runs")
        self._reading: tuple[int, int] | None = None
        self.known = False

    def tell_reading(self, done: int, total: int) -> None:
        """So many runs of so many are read."""
        self._reading = (done, total)
        self._tell()

    def tell_read(self) -> None:
        """The history is whole."""
        self._reading = None
        self.known = True
        self.empty = self.app.t("no runs yet; Enter runs the sample")

    def state_text(self) -> str:
        """`3,000 of 10,000` while the history is read; then `42, newest first`."""
        t = self.app.t
        if self._reading is not None:
            done, total = self._reading
            return t("{shown} of {total}", shown=f"{done:,}", total=f"{total:,}")
        if not self.known:
            return self.app.glyphs.ellipsis
        count, *rest = super().state_text().split(", ")
        order = [] if self._sort is not None or not self.rows else [t("newest first")]
        return ", ".join([count, *order, *rest])

    def _tell(self) -> None:
        super()._tell()
        if self.row is None:
            self._told = None
            self.post_message(self.Emptied())

    def action_open(self) -> None:
        """Open the run; where there is none, run the sample."""
        if self.known and not self._all:
            self.post_message(self.SampleWanted())
        else:
            super().action_open()

    def action_copy(self) -> None:
        """Copy the id of the run."""
        if self.row is not None:
            self.app.copy(self.row.key)
