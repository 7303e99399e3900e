"""What the keys of the Run screen do with the run that is shown: its log, its replay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from ascend_console.tui import keymap, replay
from ascend_console.tui.messages import FollowRequested
from ascend_console.tui.run_form_pane import FormPane
from ascend_console.tui.run_models import ModelsTable
from ascend_console.tui.run_pane import OVER, RunPane
from ascend_console.tui.run_reading import RunReading

if TYPE_CHECKING:
    from pathlib import Path

    from textual.binding import BindingType

    from ascend_console.tools.run_follow import RunSnapshot

_REPLAYING = ("faster", "slower", "back", "forward", "replay_start", "replay_end")


def replay_bindings() -> list[Binding]:
    """The keys of a replay; they come before those of tables, and work only while one goes on."""
    found = [replace(entry, priority=True) for entry in keymap.bindings("replay")]
    return [
        *found,
        Binding("home", "replay_start", show=False, priority=True),
        Binding("end", "replay_end", show=False, priority=True),
    ]


class RunViewing(RunReading):
    """Keys of the run that is `shown`, None for the form; `stopping`: which one, and when."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings(
            "view",
            "run",
            without=("view.open", "view.mark", "view.sort", "view.copy_table"),
            footer=("run.pick", "run.batch", "run.start", "run.stop", "view.copy", "run.log",
                    "view.filter", "view.zoom"),
        ),
        *replay_bindings(),
    ]  # fmt: skip

    shown: RunSnapshot | None = None
    stopping: tuple[Path, float] | None = None

    @property
    def is_replaying(self) -> bool:
        """Whether a recording is shown."""
        return self.replayed is not None and self.app.state.replay is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of a replay are keys only during one."""
        del parameters
        return self.is_replaying if action in _REPLAYING else True

    @property
    def form_pane(self) -> FormPane:
        """The form."""
        return self.query_one(FormPane)

    @property
    def run_pane(self) -> RunPane:
        """The run."""
        return self.query_one(RunPane)

    # The log.

    def action_log(self) -> None:
        """To the log; there to the next one."""
        if self.shown is None:
            return
        view = self.run_pane.log_view
        if self.focused is view:
            view.next_source()
        else:
            self.set_focus(view)

    def action_wrap(self) -> None:
        """Wrap long lines of the log."""
        self.run_pane.log_view.wrap()

    def action_show(self) -> None:
        """The next level of the log."""
        self.run_pane.log_view.next_level()

    def action_next_problem(self) -> None:
        """The next error of the log."""
        self._problem(1)

    def action_previous_problem(self) -> None:
        """The error before."""
        self._problem(-1)

    def _problem(self, step: int) -> None:
        if self.shown is not None and not self.run_pane.log_view.problem(step):
            self.app.say(self.app.t("no other error in this log; l shows the next one"))

    def action_filter(self) -> None:
        """Filter the log, or the models where no run is shown."""
        if self.shown is not None:
            self.run_pane.log_view.filter()
        else:
            self.query_one(ModelsTable).action_filter()

    def action_export(self) -> None:
        """Write the log as it is filtered."""
        if self.shown is not None:
            text = self.run_pane.log_view.lines.text
            self.app.save_table("log", {".log": text, ".txt": text})

    def action_before(self) -> None:
        """The run before the one that is shown."""
        self._neighbour(1)

    def action_after(self) -> None:
        """The run after it."""
        self._neighbour(-1)

    def _neighbour(self, step: int) -> None:
        names = [entry.run_id for entry in self.facts.summaries]
        run = self.shown
        at = names.index(run.run_id) if run is not None and run.run_id in names else None
        wanted = (0 if step > 0 else -1) if at is None else at + step
        if not names or not 0 <= wanted < len(names):
            self.app.say(self.app.t("no other run on this side"))
            return
        from ascend_console.tools.paths import runs_folder

        folder = runs_folder(self.app.settings.workspace) / names[wanted]
        self.post_message(FollowRequested(folder))

    # Replay.

    def _speed(self, speed: float) -> None:
        self.app.change(replay=speed, paused=self.app.state.paused)

    def action_faster(self) -> None:
        """Twice as fast."""
        self._speed(replay.faster(self.app.state.replay or 1.0))

    def action_slower(self) -> None:
        """Half as fast."""
        self._speed(replay.slower(self.app.state.replay or 1.0))

    def _move(self, to_s: float) -> None:
        if self.replayed is not None:
            self.replayed.seek(to_s)
            self.arrived()

    def action_back(self) -> None:
        """Five seconds back."""
        self._move(self.replayed.position_s - replay.STEP_S if self.replayed else 0)

    def action_forward(self) -> None:
        """Five seconds on."""
        self._move(self.replayed.position_s + replay.STEP_S if self.replayed else 0)

    def action_replay_start(self) -> None:
        """To its beginning."""
        self._move(0)

    def action_replay_end(self) -> None:
        """To its end."""
        self._move(self.replayed.length_s if self.replayed else 0)

    def back(self) -> bool:
        """Undo the filter, the level, the replay, a run that is over; a live one stays."""
        view = self.run_pane.log_view
        if self.shown is not None and view.filter_words:
            view.filter_words = ""
        elif self.shown is not None and view.lines.level:
            view.reset_level()
        elif self.is_replaying:
            self.replayed = None
            self.app.change(replay=None, paused=False)
        elif self.shown is not None and self.shown.state in OVER:
            self.to_form()
        else:
            return False
        return True

    def to_form(self) -> None:
        """Leave the run that is shown."""
        self.app.follow(None)
