"""A path to type, with what there is below the line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ascend_console.tui.widgets.rows import Cell, Column, Row
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp

MOST = 200


def matches(typed: str, suffixes: tuple[str, ...], *, folders: bool) -> list[str]:
    """Up to 200 paths that begin as typed; folders end with a slash. Reads a folder."""
    path = Path(typed).expanduser()
    parent, begin = (path, "") if typed.endswith("/") or not typed else (path.parent, path.name)
    found = []
    try:
        with os.scandir(parent) as entries:
            for entry in entries:
                if not entry.name.startswith(begin) or (entry.name[0] == "." and begin[:1] != "."):
                    continue
                if entry.is_dir():
                    found.append(f"{parent / entry.name}/")
                elif not folders and (not suffixes or entry.name.endswith(suffixes)):
                    found.append(str(parent / entry.name))
    except OSError:
        return []
    return sorted(found)[:MOST]


def _name(path: str) -> str:
    """The last part of a path, with the slash of a folder."""
    return path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else "")


class AskPath(ModalScreen[str | None]):
    """A path: Tab takes the match under the cursor into the line, Enter takes the line.

    `folders` offers folders only; else files of some suffixes are offered too.
    """

    CSS = """
    AskPath { align: center middle; background: $background 60%; }
    AskPath > .box { width: 90%; height: 80%; background: $panel; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back"),
        Binding("tab", "complete", "Complete", priority=True),
        Binding("down", "move(1)", "Down", priority=True),
        Binding("up", "move(-1)", "Up", priority=True),
    ]
    app: ConsoleApp

    def __init__(
        self,
        question: str,
        value: str = "",
        *,
        suffixes: tuple[str, ...] = (),
        folders: bool = False,
    ) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._suffixes = suffixes
        self._folders = folders

    def compose(self) -> ComposeResult:
        """The question, the line, what there is."""
        t = self.app.t
        with Vertical(classes="box"):
            yield Static(Text(self._question, "bold"))
            yield Input(self._value or f"{Path.cwd()}/", compact=True)
            yield Static(Text(t("Tab completes, Enter takes the line, Esc gives up")))
            yield Table(
                (Column(key="path", title=t("path"), width=20, flex=True),),
                empty=t("nothing begins so"), header=False,
            )  # fmt: skip

    def on_mount(self) -> None:
        """Look at the first folder."""
        self.query_one(Input).focus()
        self._look()

    def on_input_changed(self) -> None:
        """Look for what begins as typed."""
        self._look()

    def _look(self) -> None:
        typed = self.query_one(Input).value

        def look() -> None:
            found = matches(typed, self._suffixes, folders=self._folders)
            self.app.call_from_thread(self._found, typed, found)

        self.run_worker(look, thread=True, exclusive=True, group="matches")

    def _found(self, typed: str, found: list[str]) -> None:
        if self.is_mounted and self.query_one(Input).value == typed:
            self.query_one(Table).set_rows([Row(path, (Cell(_name(path)),)) for path in found])

    def action_move(self, step: int) -> None:
        """To another match."""
        self.query_one(Table).action_move(step)

    def action_complete(self) -> None:
        """Take the match under the cursor into the line."""
        row = self.query_one(Table).row
        if row is not None:
            line = self.query_one(Input)
            line.value = row.key
            line.cursor_position = len(line.value)

    def on_table_opened(self, event: Table.Opened) -> None:
        """A click on a match takes it into the line."""
        self.query_one(Input).value = event.row.key
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the line."""
        path = event.value.strip()
        self.dismiss(str(Path(path).expanduser()) if path else None)

    def action_cancel(self) -> None:
        """Nothing was chosen."""
        self.dismiss(None)
