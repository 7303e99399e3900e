"""Every action of the screens with its keys, its word and what it does: one table for all.

Bindings, footer, help and palette are made from it; `[keys]` of the settings file remaps by id
(`"run.start" = "f5"`). A Chinese input method sends its own punctuation, which is bound too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the screens: `id` is `prefix.word`, `keys` are comma separated, as Textual's.

    `method` is the Textual action; empty means the word. `hidden` ones stay out of the footer.
    """

    id: str
    keys: str
    label: str
    about: str
    method: str = ""
    hidden: bool = False

    @property
    def word(self) -> str:
        """The id without its prefix."""
        return self.id.partition(".")[2]

    @property
    def prefix(self) -> str:
        """The group that it belongs to: app, view, or a screen."""
        return self.id.partition(".")[0]


ACTIONS = (
    Action("app.help", "question_mark,f1,？", "Help", "explain what has the focus"),
    Action("app.palette", "colon,：", "Palette", "find any action, model or run",
           "command_palette", hidden=True),
    Action("app.back", "escape", "Back", "undo one step: dialog, zoom, filter, level", "undo",
           hidden=True),
    Action("app.quit", "q", "Quit", "leave; runs go on", "leave"),
    Action("app.quit_now", "ctrl+q", "Quit now", "leave without asking", "quit", hidden=True),
    Action("view.open", "enter", "Open", "open what the cursor is on", hidden=True),
    Action("view.mark", "space", "Mark", "mark a row", hidden=True),
    Action("view.filter", "slash,／,、", "Filter", "show rows with these words; !word excludes"),
    Action("view.sort", "s", "Sort", "sort by a column; again reverses", hidden=True),
    Action("view.copy", "c", "Copy", "copy the row, the command or the remedy"),
    Action("view.copy_table", "C", "Copy table", "copy the table as Markdown", hidden=True),
    Action("view.export", "x", "Save", "write the table to a file"),
    Action("view.zoom", "z", "Zoom", "give the focused part the whole screen"),
    Action("view.pause", "p", "Pause", "hold the picture still; again goes on", hidden=True),
    Action("view.before", "left_square_bracket", "Before", "the one before", hidden=True),
    Action("view.after", "right_square_bracket", "After", "the next one", hidden=True),
    Action("view.show", "v", "Show", "choose what is shown", hidden=True),
    Action("run.pick", "m", "Pick", "choose a model"),
    Action("run.batch", "b", "Batch", "choose batch sizes"),
    Action("run.start", "r", "Run", "start what the form says"),
    Action("run.new", "n", "New", "back to the form", hidden=True),
    Action("run.resume", "u", "Resume", "take up an interrupted run", hidden=True),
    Action("run.stop", "K", "Stop", "stop the run; it asks first"),
    Action("run.report", "o", "Report", "write the report", hidden=True),
    Action("run.log", "l", "Log", "go to the log"),
    Action("run.wrap", "w", "Wrap", "wrap long log lines", hidden=True),
    Action("run.next_problem", "e", "Next problem", "the next error in the log", hidden=True),
    Action("run.previous_problem", "E", "Previous problem", "the error before", hidden=True),
    Action("devices.poll", "r", "Poll", "ask all devices now"),
    Action("devices.end", "K", "End", "end a process; it asks first"),
    Action("accuracy.model", "m", "Model", "choose a model"),
    Action("accuracy.compare", "d", "Compare", "compare two rows"),
    Action("accuracy.source", "f", "Source", "the file, or what the model saw"),
    Action("accuracy.report", "o", "Report", "write the report", hidden=True),
    Action("accuracy.previous", "left", "Previous", "the image before", hidden=True),
    Action("accuracy.next", "right", "Next", "the next image", hidden=True),
    Action("performance.model", "m", "Model", "choose a model"),
    Action("performance.unit", "u", "Card/chip", "figures per card or per chip"),
    Action("performance.figure", "t", "Figure", "device, end to end, p50, p99"),
    Action("performance.report", "o", "Report", "write the report", hidden=True),
    Action("runs.diff", "d", "Diff", "what changed between two runs"),
    Action("runs.replay", "R", "Replay", "see a run again, in its own time"),
    Action("runs.report", "o", "Report", "write the report", hidden=True),
    Action("runs.resume", "u", "Resume", "take up an interrupted run"),
    Action("runs.stop", "K", "Stop", "stop a run; it asks first"),
    Action("runs.delete", "D", "Delete", "delete a run; it asks first"),
    Action("runs.baseline", "b", "Baseline", "mark the baseline of a model, for --baseline",
           hidden=True),
    Action("replay.faster", "plus", "Faster", "replay faster", hidden=True),
    Action("replay.slower", "minus", "Slower", "replay slower", hidden=True),
    Action("replay.back", "left", "Back 5 s", "five seconds back", hidden=True),
    Action("replay.forward", "right", "On 5 s", "five seconds on", hidden=True),
    Action("doctor.check", "r", "Check", "check again"),
)  # fmt: skip

KNOWN = {action.id: action for action in ACTIONS}

_SCREENS = ("run", "devices", "accuracy", "performance", "runs", "replay", "doctor")
_DIGITS = "123456"


def actions_of(*prefixes: str, without: tuple[str, ...] = ()) -> tuple[Action, ...]:
    """The actions of some groups, but those of the ids in `without`."""
    return tuple(
        action for action in ACTIONS if action.prefix in prefixes and action.id not in without
    )


def check_remap(remap: Mapping[str, str]) -> None:
    """UserError for an action that there is not, or a key that two actions of a screen share."""
    for name in remap:
        if name not in KNOWN:
            raise UserError(
                "keys.unknown",
                "there is no action {name!r} to give a key to",
                hint="Actions: {known}.",
                name=name,
                known=", ".join(KNOWN),
            )
    for group in _SCREENS:
        taken = dict.fromkeys(_DIGITS, "a screen")
        for action in actions_of("app", "view", group):
            for key in remap.get(action.id, action.keys).split(","):
                first = taken.setdefault(key.strip(), action.id)
                if first != action.id and (first in remap or action.id in remap):
                    raise UserError(
                        "keys.clash",
                        "the key {key} is given to {first} and to {second}",
                        hint="Give one of them another key in [keys] of the settings file.",
                        key=key,
                        first=first,
                        second=action.id,
                    )
