"""The screen Doctor: why does it not work here, and what is to be typed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container, VerticalScroll
from textual.message import Message

from ascend_console.tui import doctor_rows, keymap
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.doctor_checks import CheckArrived, CheckReader, ChecksDone
from ascend_console.tui.pen import Pen
from ascend_console.tui.save import save_as, write_text
from ascend_console.tui.widgets import rows as values
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.rule import Panel
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from textual import events
    from textual.binding import BindingType
    from textual.widget import Widget

    from ascend_console.tui.state import AppState
    from ascend_console.tui.texts import Texts
    from ascend_console.tui.widgets.rows import Row

_VIEW = ("view.zoom", "view.pause")
_WIDE = 160
_TICK_S = 1.0
_SUFFIXES = (".md", ".csv", ".json", ".zip")


class CheckTable(Table):
    """Checks, the worst first; `c` copies the remedy, `x` writes the table or the bundle."""

    class CopyWanted(Message):
        """Copy what to do."""

    class ExportWanted(Message):
        """Write the table, or the bundle for support."""

    def __init__(self, t: Texts) -> None:
        super().__init__(doctor_rows.check_columns(t), id="checks")
        self.note = ""

    def state_text(self) -> str:
        """The counts and their age; before them order and filter, where the user chose any."""
        chosen = self._sort is not None or bool(self.filter_words)
        parts = [super().state_text()] if chosen else []
        return "; ".join(part for part in (*parts, self.note) if part)

    def take(self, rows: Sequence[Row]) -> None:
        """Other rows; a cursor on the first one stays there, since the worst come first."""
        at_top = self._cursor == 0
        self.set_rows(rows)
        if at_top:
            self.action_to(0)

    def tell(self, note: str) -> None:
        """Another note in the title."""
        if note != self.note:
            self.note = note
            self._tell()

    def action_copy(self) -> None:
        """Copy the remedy: the screen has it."""
        self.post_message(self.CopyWanted())

    def action_export(self) -> None:
        """Write the table or the bundle: the screen does."""
        self.post_message(self.ExportWanted())


class DoctorScreen(ConsoleScreen):
    """Checks over the remedy of the one under the cursor."""

    page = "doctor"
    help_text = (
        "Enter hides and shows what to do; c copies it.\nx also writes a bundle for support."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings("doctor"),
        *(entry for entry in keymap.bindings("view") if entry.id in _VIEW),
    ]
    DEFAULT_CSS = """
    DoctorScreen #parts { height: 1fr; }
    DoctorScreen #checks-panel { height: 1fr; }
    DoctorScreen #remedy-panel { height: 11; max-height: 50%; }
    DoctorScreen.wide #parts { layout: horizontal; }
    DoctorScreen.wide #remedy-panel { width: 64; height: 1fr; max-height: 100%; }
    DoctorScreen #remedy-panel.-maximized { width: 1fr; height: 1fr; max-height: 100%; }
    DoctorScreen.folded #remedy-panel { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._checks: dict[str, dict[str, Any]] = {}
        self._seen: list[str] = []
        self._reader: CheckReader | None = None
        self._asked = False
        self._checked_s: float | None = None
        self._drawn: CheckTable | None = None

    def body(self) -> Iterable[Widget]:
        """The checks over the remedy."""
        t = self.app.t
        self._table = CheckTable(t)
        self._block = Block()
        yield Container(
            Panel(t("Doctor"), self._table, id="checks-panel"),
            Panel("", VerticalScroll(self._block, can_maximize=True), id="remedy-panel"),
            id="parts",
        )

    def on_mount(self) -> None:
        """The checks have the focus, and an age."""
        self._table.focus()
        self.set_interval(_TICK_S, self._tell)

    def on_screen_resume(self) -> None:
        """Shown: the first time everything is checked."""
        super().on_screen_resume()
        if not self._asked:
            self.check()

    def on_unmount(self) -> None:
        """Nobody is there to check for."""
        if self._reader is not None:
            self._reader.stop()

    # The checks come in.

    def show(self, state: AppState) -> None:
        """Fill tables that were made again, as in another language."""
        del state
        if self._drawn is not self._table:
            self._fill()

    def check(self, bundle: Path | None = None) -> None:
        """Check everything in a thread, unless that goes on."""
        if self._reader is not None:
            self.app.say(self.app.t("the checks go on"))
            return
        self._asked = True
        self._seen = []
        self._reader = CheckReader(self.app.settings, self.app.clock, self.post_message)
        self.run_worker(partial(self._reader.read, bundle), thread=True, group="doctor")
        self._tell()

    def on_check_arrived(self, message: CheckArrived) -> None:
        """One more check; it takes the place of what it said before."""
        name = str(message.check["id"])
        again = self._seen.count(name)
        self._seen.append(name)
        self._checks[f"{name} {again}" if again else name] = message.check
        self._fill()

    def on_checks_done(self, message: ChecksDone) -> None:
        """All are made; those of before that were not made again are of the past."""
        self._reader = None
        if message.error is not None:
            self.app.say_error(message.error)
        else:
            self._checked_s = self.app.clock.monotonic_s()
            self._checks = {key: check for key, check in self._checks.items() if self._is_new(key)}
        if message.bundle is not None:
            self.app.say(self.app.t("saved to {path}", path=message.bundle))
        self._fill()

    def _is_new(self, key: str) -> bool:
        name, _, again = key.partition(" ")
        return self._seen.count(name) > int(again or 0)

    def _fill(self) -> None:
        self._drawn = self._table
        self._table.empty = self.app.t("checking")
        self._table.take(doctor_rows.check_rows(self._checks.items(), Pen.of(self.app)))
        self._tell()
        self._show_remedy()

    def _tell(self) -> None:
        """Counts, and how old they are, in the title."""
        t = self.app.t
        parts = [doctor_rows.counts_text(self._checks.values(), t)]
        if self._reader is not None:
            parts.append(t("checking, {count} so far", count=len(self._seen)))
        elif self._checked_s is not None:
            age_s = self.app.clock.monotonic_s() - self._checked_s
            parts.append(doctor_rows.ago_text(age_s, t))
        self._table.tell("; ".join(part for part in parts if part))

    # The check under the cursor.

    def _chosen(self) -> dict[str, Any] | None:
        row = self._table.row
        return None if row is None else self._checks.get(row.key)

    def _show_remedy(self) -> None:
        check = self._chosen()
        panel = self.query_one("#remedy-panel", Panel)
        panel.title = "" if check is None else check["id"]
        pen = Pen.of(self.app)
        self._block.show(() if check is None else doctor_rows.remedy_facts(check, pen))

    def on_table_moved(self) -> None:
        """Another check has the cursor."""
        self._show_remedy()

    def on_table_opened(self) -> None:
        """Hide or show what to do."""
        self.toggle_class("folded")

    def back(self) -> bool:
        """Show again what to do."""
        if not self.has_class("folded"):
            return False
        self.remove_class("folded")
        return True

    def on_resize(self, event: events.Resize) -> None:
        """From 160 columns on what to do stands beside the checks."""
        self.set_class(event.size.width >= _WIDE, "wide")

    # Keys.

    def action_check(self) -> None:
        """Check again."""
        self.check()

    def on_check_table_copy_wanted(self) -> None:
        """Copy what to do; where there is nothing, what was seen."""
        check = self._chosen()
        if check is not None:
            t = self.app.t
            self.app.copy(doctor_rows.remedy_text(check, t) or doctor_rows.seen_text(check, t))

    def on_check_table_export_wanted(self) -> None:
        """Write the table, or the bundle for support."""
        about = self.app.t(".zip is the bundle for support: without names, addresses and secrets")
        save_as(self.app, "doctor", _SUFFIXES, self._write, about)

    def _write(self, path: Path) -> None:
        if path.suffix == ".zip":
            self.check(path)
            return
        columns, rows = doctor_rows.with_remedies(
            self._table.columns, self._table.rows, self._checks, self.app.t
        )
        writers = {
            ".md": values.table_markdown,
            ".csv": values.table_csv,
            ".json": values.table_json,
        }
        write_text(self.app, path, writers[path.suffix](columns, rows))
