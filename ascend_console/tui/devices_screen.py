"""The screen Devices: which chip is busy, hot, ill or stuck, and who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.containers import Container
from textual.widgets import Static

from ascend_console.tui import cells, keymap, themes
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.devices_end import ProcessEnd
from ascend_console.tui.devices_facts import devices_of, sources_of, title_text, trouble_lines
from ascend_console.tui.devices_page import device_page, process_page
from ascend_console.tui.devices_plot import WINDOWS_MIN, HistoryRows, plot_lines
from ascend_console.tui.devices_rows import device_rows, process_key, process_rows
from ascend_console.tui.devices_tables import DeviceTable, ProcessTable
from ascend_console.tui.pen import Pen
from ascend_console.tui.widgets.ask import Page
from ascend_console.tui.widgets.rule import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.binding import BindingType
    from textual.widget import Widget

    from ascend_console.tui.devices_facts import Device
    from ascend_console.tui.state import AppState
    from ascend_console.tui.widgets.table import Table

_VIEW = ("view.zoom", "view.pause", "view.before", "view.after")
_NARROW = 100
_WIDE = 160
_HEAD_AND_FOOTER = 2
_RULE_AND_HEAD = 2
_LOW = 22
_PROCESSES = 9
_FEW_PROCESSES = 5
_MANY_ROWS, _FEW_ROWS = 4, 2


class DevicesScreen(ConsoleScreen):
    """Devices over the history of the one under the cursor, over the processes on chips."""

    page = "devices"
    help_text = (
        "Device is what --device takes, Card.chip what npu-smi prints.\n"
        "~ stale: the source does not answer; these are the last values.\n"
        "K ends a process of yours, after a question."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings("devices"),
        *(entry for entry in keymap.bindings("view") if entry.id in _VIEW),
    ]
    DEFAULT_CSS = """
    DevicesScreen #parts { height: 1fr; }
    DevicesScreen #side { height: 1fr; }
    DevicesScreen #troubles { height: auto; }
    DevicesScreen.wide #parts { layout: horizontal; }
    DevicesScreen.wide #devices-panel { width: 108; }
    DevicesScreen.wide #side { width: 1fr; height: 1fr; }
    DevicesScreen #devices-panel.-maximized { width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._window = 0
        self._devices: dict[str, Device] = {}
        self._processes: dict[str, dict[str, Any]] = {}
        self._end: ProcessEnd | None = None

    def body(self) -> Iterable[Widget]:
        """Three regions, one below the other."""
        t = self.app.t
        self._troubles = Static(id="troubles")
        self._table = DeviceTable(t, self.app.device_history)
        self._history = HistoryRows()
        self._users = ProcessTable(t)
        yield Container(
            Panel(t("Devices"), self._troubles, self._table, id="devices-panel"),
            Container(
                Panel("", self._history, id="history-panel"),
                Panel(t("Processes"), self._users, id="processes-panel", classes="fills"),
                id="side",
            ),
            id="parts",
        )

    def on_mount(self) -> None:
        """The devices have the focus."""
        self._table.focus()

    # The state comes in.

    def show(self, state: AppState) -> None:
        """A new look at the devices."""
        document, pen = state.devices, Pen.of(self.app)
        if document is None:
            self._table.take([])
            self._arrange()
            return
        devices = devices_of(document)
        self._devices = {device.key: device for device in devices}
        self._processes = {process_key(entry): entry for entry in document["processes"]}
        now_s = self.app.clock.monotonic_s()
        self._table.known = True
        brief = self.size.width < _NARROW
        self._table.note = title_text(document, state.polling_share, pen, brief=brief)
        self._table.take(
            device_rows(devices, self.app.device_history, now_s, pen),
            self.app.t("no source tells of a device; 6 Doctor says why"),
        )
        self._users.take(
            process_rows(document["processes"], devices),
            self.app.t("no process is listed on a chip"),
        )
        self._draw_history()
        self._arrange()

    def _arrange(self) -> None:
        """Share the height: as many rows as there are devices, then history, then processes."""
        document, width = self.app.state.devices, self.size.width
        troubles = trouble_lines(document, Pen.of(self.app)) if document else []
        self._show_troubles(troubles)
        room = self.size.height - _HEAD_AND_FOOTER
        wanted = max(len(self._table.rows), 1) + len(troubles) + _RULE_AND_HEAD
        processes = _PROCESSES if room >= _LOW else _FEW_PROCESSES
        shown = _FEW_ROWS if room >= _LOW else 0
        if width >= _WIDE or wanted + 1 + _MANY_ROWS + processes <= room:
            shown = _MANY_ROWS
        shown = min(shown, len(self._history.lines))
        left = room - processes - (shown + 1 if shown else 0)
        height = max(min(wanted, left), _RULE_AND_HEAD + 1)
        panel = self.query_one("#devices-panel", Panel)
        fills = width >= _WIDE or self.maximized is panel
        panel.styles.height = "1fr" if fills else height
        self._history.styles.height = shown
        self.query_one("#history-panel").display = shown > 0

    def _show_troubles(self, lines: list[tuple[str, str]]) -> None:
        """One line for each source that says nothing, above the devices."""
        look, ellipsis = self.app.look, self.app.glyphs.ellipsis
        width = 107 if self.size.width >= _WIDE else self.size.width - 1
        text = Text(no_wrap=True)
        for number, (line, role) in enumerate(lines):
            text.append("\n" if number else "")
            fitted = cells.fit(cells.safe(line), max(width, 1), ellipsis=ellipsis)
            text.append(f" {fitted.rstrip()}", themes.style(look, role))
        self._troubles.display = bool(lines)
        if lines:
            self._troubles.update(text)

    def _draw_history(self) -> None:
        """The history of the device that has the cursor."""
        row = self._table.row
        device = self._devices.get(row.key) if row is not None else None
        panel = self.query_one("#history-panel", Panel)
        if device is None:
            panel.title, panel.state = "", ""
            self._history.show([])
            return
        t, minutes = self.app.t, WINDOWS_MIN[self._window]
        others = ", ".join(str(entry) for entry in WINDOWS_MIN if entry != minutes)
        panel.title = device.label
        panel.state = t("last {minutes} min; [ ] {others}", minutes=minutes, others=others)
        width = self._history.size.width or self.size.width
        now_s = self.app.clock.monotonic_s()
        pen = Pen.of(self.app)
        self._history.show(
            plot_lines(device, self.app.device_history, now_s, minutes, width, pen)
        )  # fmt: skip

    # Keys and mouse.

    def on_table_moved(self, message: Table.Moved) -> None:
        """Another device has the cursor."""
        if message.table is self._table:
            self._draw_history()

    def on_table_opened(self, message: Table.Opened) -> None:
        """All that is known of a device or a process."""
        key, pen = message.row.key, Pen.of(self.app)
        document = self.app.state.devices or {}
        if message.table is self._table and key in self._devices:
            device = self._devices[key]
            source = sources_of(document).get(device.source)
            now_s = self.app.clock.monotonic_s()
            page = device_page(device, source, self.app.device_history, now_s, pen)
            self.app.push_screen(Page(*page))
        elif message.table is self._users and key in self._processes:
            label = message.row.cells[1].text
            self.app.push_screen(Page(*process_page(self._processes[key], label, pen)))

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other parts, from 160 columns on beside the devices."""
        self.set_class(event.size.width >= _WIDE, "wide")
        self.call_after_refresh(self.show, self.app.state)

    def watch_maximized(self) -> None:
        """A part that has the whole screen fills it."""
        self._arrange()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only greys what ends a process."""
        del parameters
        return None if action == "end" and self.app.settings.screen.readonly else True

    def on_key(self, event: events.Key) -> None:
        """The key of a grey action says why it is grey."""
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            self.app.refuse_readonly()

    def action_poll(self) -> None:
        """Ask all devices now."""
        self.app.poll_devices()
        self.app.say(self.app.t("all devices are asked now"))

    def action_before(self) -> None:
        """A shorter history."""
        self._turn(-1)

    def action_after(self) -> None:
        """A longer history."""
        self._turn(1)

    def _turn(self, step: int) -> None:
        self._window = min(max(self._window + step, 0), len(WINDOWS_MIN) - 1)
        self._draw_history()

    def action_end(self) -> None:
        """End the process that has the cursor, after a question."""
        row = self._users.row
        process = self._processes.get(row.key) if row is not None else None
        if self.app.refuse_readonly():
            return
        if process is None:
            self.app.say(self.app.t("no process is listed on a chip"), "warning")
            return
        if self._end is None:
            self._end = ProcessEnd(self.app)
        self._end.begin(process)
