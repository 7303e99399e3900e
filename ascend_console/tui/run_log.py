"""The log of a run: its own narrative, or a tool's file through a window; follows, or stands."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ascend_console.tools.log_window import MOST_ROWS, LogWindow
from ascend_console.tui import cells, run_pace, themes
from ascend_console.tui.run_log_lines import LEVELS, LogLines, line_text, wrap_starts
from ascend_console.tui.widgets.filter_line import FilterLine
from ascend_console.tui.widgets.rule import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.binding import BindingType

    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.app import ConsoleApp

_ROLES = {"error": "error", "warning": "warning", "file": "muted", "step": "accent"}
_WHEEL = 3
_TIME = 9


class LogView(Widget, can_focus=True):
    """Lines in sight of a log; `following` stays at its end, scrolling up stands still.

    It shows the run's narrative, or the log of a tool while a step writes one; `next_source` goes
    through them by hand. A file is read in threads, a window of it at a time.
    """

    DEFAULT_CSS = "LogView { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", show=False),
        Binding("down,j", "scroll_by(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "first", show=False),
        Binding("end,G", "last", show=False),
    ]
    help_text = (
        "Scrolling up stops following, G follows. l shows the next log of the run, e and E go from "
        "problem to problem, v chooses the level, w wraps."
    )
    app: ConsoleApp

    class Moved(Message):
        """A thread has moved the window: the numbers of its rows grew by so many."""

        def __init__(self, window: LogWindow, by: int | None) -> None:
            super().__init__()
            self.window = window
            self.by = by

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.lines = LogLines(self._text)
        self._top = 0
        self._marked: int | None = None
        self._run: RunSnapshot | None = None
        self._dropped = 0
        self._window: LogWindow | None = None
        self._pinned: str | None = None
        self._opened: tuple[str, int] | None = None
        self._busy = False
        self._sought = 0

    # Sources.

    @property
    def source(self) -> str:
        """The path of the log that is to be shown; empty for the narrative."""
        run = self._run
        if self._pinned is not None or run is None or self._opened is None:
            return self._pinned or ""
        path, step_index = self._opened
        step = run.view.step
        return path if step and step.index == step_index and run.state != "finished" else ""

    @property
    def grown(self) -> int | None:
        """How many lines the open file has; None without one, or where nobody counted them."""
        window = self._window
        if window is None or window.first is None:
            return None
        return window.first + len(window.rows)

    def show_run(self, run: RunSnapshot | None) -> None:
        """Take what a run has new; another run begins at its end."""
        if self._run is None or run is None or self._run.folder != run.folder:
            self._forget()
        self._run = run
        if run is None:
            return
        if run.logs and (self._opened is None or self._opened[0] != run.logs[-1].path):
            self._opened = (run.logs[-1].path, run.view.step.index if run.view.step else 0)
        self._choose()
        if not self.source:
            moved, self._dropped = self._dropped - run.dropped, run.dropped
            self._take(run.lines, moved)

    def _forget(self) -> None:
        self._pinned = self._opened = self._window = self._marked = None
        self._dropped, self.following = 0, True
        self.lines.take((), grown=False)

    def _choose(self) -> None:
        """Open the log that is to be shown, where it is another one."""
        path = self.source
        if path == (str(self._window.path) if self._window else ""):
            return
        self._marked, self.following = None, True
        self._window = LogWindow(Path(path)) if path else None
        self.lines.take((), grown=False)
        if self._window is not None:
            self._busy = False
            self._read(self._window.to_end)
        elif self._run is not None:
            self._take(self._run.lines, None)

    def next_source(self) -> None:
        """The narrative, then each tool's log, then again."""
        paths = ["", *dict.fromkeys(entry.path for entry in (self._run.logs if self._run else ()))]
        at = paths.index(self.source) if self.source in paths else 0
        self._pinned = paths[(at + 1) % len(paths)]
        self._choose()
        self._changed()

    def tick(self) -> None:
        """Look whether the open file has grown."""
        window = self._window
        if window is not None and self.following:
            self._read(window.grow)
        elif window is not None and len(window.rows) < MOST_ROWS and window.at_end:
            self._read(window.later)

    def _read(self, work: Callable[[], int | None]) -> None:
        """Move the window in a thread, then show what it has; one move at a time."""
        window = self._window
        if self._busy or window is None:
            return
        self._busy = True

        def read() -> None:
            self.post_message(self.Moved(window, work()))

        self.run_worker(read, thread=True, group="log")

    def on_log_view_moved(self, message: Moved) -> None:
        """Show what the window has."""
        message.stop()
        if message.window is not self._window:
            return
        self._busy = False
        self._take(message.window.rows, message.by)
        sought, self._sought = self._sought, 0
        if sought:
            self.problem(sought)

    # Lines.

    def _take(self, rows: Sequence[Any], moved: int | None) -> None:
        """Other rows, whose numbers grew by `moved`; None where none of them was there before."""
        at = self.lines.row_at(self._top)
        self.lines.take(rows, grown=moved == 0)
        if moved:
            self._top = self.lines.line_of(max(at + moved, 0))
        if moved != 0:
            kept = self._marked is not None and moved is not None
            self._marked = max((self._marked or 0) + (moved or 0), 0) if kept else None
        self._changed()

    def _arrange(self) -> None:
        """All lines again, with what was at the top still there."""
        at = self.lines.row_at(self._top)
        self.lines.width = self._room
        self.lines.arrange()
        self._top = self.lines.line_of(at)
        self._changed()

    def _changed(self) -> None:
        if self.following:
            self._top = self._last_top
        self._top = min(max(self._top, 0), self._last_top)
        if isinstance(self.parent, Panel):
            self.parent.state = self.state_text()
        self.refresh()

    @property
    def _last_top(self) -> int:
        return max(len(self.lines.lines) - self.size.height, 0)

    @property
    def _room(self) -> int:
        return self.size.width - (1 if self._window is not None else _TIME)

    @property
    def filter_words(self) -> str:
        """The words of the filter."""
        return self.lines.words

    @filter_words.setter
    def filter_words(self, words: str) -> None:
        self.lines.words = words
        self._arrange()

    def state_text(self) -> str:
        """`following, 1,204 lines, 1 warning`, or where one stands, and what hides lines."""
        t, window = self.app.t, self._window
        before = window.first if window else self._dropped
        if before is None and window is not None:
            total = t("{size} MB", size=cells.figure(window.size / 1e6))
        else:
            total = f"{(before or 0) + len(self.lines.rows):,}"
        parts = [Path(self.source).name] if self.source else []
        if self.following:
            parts += [
                t("following"),
                t("one line") if total == "1" else t("{count} lines", count=total),
            ]
        else:
            at = self.lines.row_at(self._top) + (before or 0) + 1
            parts.append(t("{line} of {total}; G follows", line=f"{at:,}", total=total))
        warnings = self.lines.counts["warning"]
        if warnings:
            many = t("{count} warnings", count=f"{warnings:,}")
            parts.append(t("one warning") if warnings == 1 else many)
        parts += ["", t("warnings and errors"), t("only errors")][self.lines.level :][:1]
        parts += [t("filter {words}", words=self.filter_words)] if self.filter_words else []
        return ", ".join(filter(None, parts))

    # Drawing.

    def on_resize(self) -> None:
        """Another width wraps otherwise."""
        if self.lines.wrapped:
            self._arrange()
        self._changed()

    def render_line(self, y: int) -> Strip:
        """The line that stands there."""
        width = self.size.width
        number = self._top + y
        plain = self.app.component_style("plain")
        if number >= len(self.lines.lines):
            return Strip.blank(width, plain)
        index, start = self.lines.lines[number]
        row = self.lines.rows[index]
        is_marked = index == self._marked
        base = style = self.app.component_style("cursor") if is_marked else plain
        role = _ROLES.get(row.level, "")
        if role and not is_marked:
            style = base + Style.parse(themes.style(self.app.look, role) or "none")
        text, room = cells.safe(self._text(row))[start:], self._room
        if self.lines.wrapped:
            text = text[: (*wrap_starts(text, room), len(text))[1]]
        segments = [Segment(self._time(row, start), base), Segment(cells.fit(text, room), style)]
        return Strip(segments).adjust_cell_length(width, base)

    def _text(self, row: Any) -> str:
        """The text of a row: a tool's as it is, the run's own in the user's language."""
        if self._window is not None or self._run is None:
            return str(row.text)
        return line_text(row, self._run.folder, self.app.t)

    def _time(self, row: Any, start: int) -> str:
        if self._window is not None:
            return " "
        return (
            " " * _TIME if start else cells.fit(run_pace.clock(row.elapsed_s), 7, right=True) + "  "
        )

    # Keys and mouse.

    def action_scroll_by(self, step: int) -> None:
        """Some lines up or down; at an end of the window it moves on."""
        wanted = self._top + step
        self._top = min(max(wanted, 0), self._last_top)
        window = self._window
        at_end = window is None or window.at_end
        self.following = step > 0 and self._top == self._last_top and at_end
        if window is not None and wanted < 0 and not window.at_start:
            self._read(window.earlier)
        elif window is not None and wanted > self._last_top and not at_end:
            self._read(window.later)
        self._changed()

    def action_page(self, step: int) -> None:
        """A page up or down."""
        self.action_scroll_by(step * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        """The first line of all."""
        self.following, self._top = False, 0
        if self._window is not None and not self._window.at_start:
            self._read(self._window.to_start)
        self._changed()

    def action_last(self) -> None:
        """The end, and follow it."""
        self.following, self._marked = True, None
        if self._window is not None and not self._window.at_end:
            self._read(self._window.to_end)
        self._changed()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.stop()
        self.action_scroll_by(-_WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.stop()
        self.action_scroll_by(_WHEEL)

    def wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.lines.wrapped = not self.lines.wrapped
        self._arrange()

    def next_level(self) -> None:
        """All lines, then warnings and errors, then errors alone."""
        self.lines.level = (self.lines.level + 1) % len(LEVELS)
        self._arrange()

    def reset_level(self) -> None:
        """All lines again."""
        self.lines.level = 0
        self._arrange()

    def filter(self) -> None:
        """Type words above the log."""
        parent = self.parent
        if isinstance(parent, Widget) and not parent.query(FilterLine):
            # It asks of its table no more than the log has: words of a filter, and the focus.
            line = FilterLine(cast("Any", self))
            parent.mount(line, before=self)
            line.focus()

    def problem(self, step: int) -> bool:
        """Go to the next error, with -1 to the one before; False where there is none in reach.

        Beyond the window the file is searched in a thread.
        """
        nowhere = -1 if step > 0 else len(self.lines.rows)
        found = self.lines.problem(nowhere if self._marked is None else self._marked, step)
        if found is None:
            return self._seek(step)
        self._marked, self.following = found, False
        self._top = self.lines.line_of(found) - self.size.height // 2
        self._changed()
        return True

    def _seek(self, step: int) -> bool:
        window = self._window
        if window is None or (window.at_end if step > 0 else window.at_start) or self._busy:
            return False
        self._sought = step
        self._read(partial(window.seek, step))
        return True
