"""The two tables of the screen Devices: they are filled again every second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.tui.devices_rows import MEMORY_COLUMN, device_columns, process_columns
from ascend_console.tui.widgets import rows as values
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from ascend_console.tui.devices_history import DeviceHistory
    from ascend_console.tui.texts import Texts
    from ascend_console.tui.widgets.rows import Row


class LiveTable(Table):
    """A table that draws again only where its rows are others."""

    def take(self, rows: list[Row], empty: str = "") -> None:
        """The rows of now, and what stands there in place of any."""
        if rows != self._all or empty != self.empty:
            self.empty = empty
            self.set_rows(rows)
        else:
            self._tell()


class DeviceTable(LiveTable):
    """Devices; the title tells who told of them, how often, and what that costs."""

    def __init__(self, t: Texts, history: DeviceHistory) -> None:
        super().__init__(device_columns(t), id="devices")
        self._history = history
        self.note = ""
        self.known = False

    def state_text(self) -> str:
        """The note; before it order and filter, where the user chose any."""
        if not self.known:
            return self.app.glyphs.ellipsis
        chosen = self._sort is not None or bool(self.filter_words)
        parts = [super().state_text()] if chosen else []
        return "; ".join(part for part in (*parts, self.note) if part)

    def action_export(self) -> None:
        """Write the table, or with .jsonl the samples of the last hour."""
        shown = (self.columns, tuple(self.rows))
        self.app.save_table(
            "devices",
            {
                ".md": lambda: values.table_markdown(*shown),
                ".csv": lambda: values.table_csv(*shown),
                ".json": lambda: values.table_json(*shown),
                ".jsonl": self._history.json_lines,
            },
            self.app.t(".jsonl has the samples of the last hour"),
        )


class ProcessTable(LiveTable):
    """Processes on chips, the largest first."""

    def __init__(self, t: Texts) -> None:
        super().__init__(process_columns(t), id="processes")
        self._sort = (MEMORY_COLUMN, True)
