"""What widgets and screens wish for, and what arrives for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.events import Answered
    from ascend_console.tools.run_follow import RunSnapshot


class RunRequested(Message):
    """Start a job: the words of the command line after `--headless`, the job's name first."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__()
        self.words = words


class StopRequested(Message):
    """Stop a run; the user has been asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder


class FollowRequested(Message):
    """Show a run on the Run screen, live or finished; with `replay` from its beginning."""

    def __init__(self, folder: Path, *, replay: bool = False) -> None:
        super().__init__()
        self.folder = folder
        self.replay = replay


class ModelChosen(Message):
    """All screens speak of this model now."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Watched(Message):
    """What the watcher found new: the live runs, and the followed one."""

    def __init__(self, live: tuple[RunSnapshot, ...], followed: RunSnapshot | None) -> None:
        super().__init__()
        self.live = live
        self.followed = followed


class DevicesArrived(Message):
    """A device snapshot in its external form, and the polling's share of a core."""

    def __init__(self, document: dict[str, Any], share: float | None) -> None:
        super().__init__()
        self.document = document
        self.share = share


class Answer(Message):
    """The answer of a listing job that a screen asked for; `error` in its place where it failed."""

    def __init__(self, name: str, answered: Answered | None, error: Any = None) -> None:
        super().__init__()
        self.name = name
        self.answered = answered
        self.error = error
