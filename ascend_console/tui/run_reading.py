"""What the Run screen reads in threads: facts, earlier runs, how a run ended, a recording."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.message import Message

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.replay import Replay
from ascend_console.tui.run_facts import Facts, gather
from ascend_console.tui.run_form import Form, Known
from ascend_console.tui.run_plan import Earlier, read_earlier
from ascend_console.tui.run_verdict import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ascend_console.tools.run_follow import RunSnapshot

_MOST_SAID = 12


def known_at_once() -> Known:
    """What can be told without reading anything: the models of the zoo, by name."""
    return Known(models=tuple({"name": name} for name in discovery.names("zoo")))


def said_lines(text: str) -> tuple[str, ...]:
    """The last lines that a program printed, without empty ones."""
    return tuple(line for line in text.splitlines() if line.strip())[-_MOST_SAID:]


class RunReading(ConsoleScreen):
    """The part of the screen that reads. What has come is handed on by `arrived`, in the main
    thread; what has not come yet is asked for again by whoever draws.
    """

    class Arrived(Message):
        """Something that a thread has read; `take` keeps it, in the main thread."""

        def __init__(self, take: Callable[[], None]) -> None:
            super().__init__()
            self.take = take

    def __init__(self) -> None:
        super().__init__()
        self.facts = Facts(known=known_at_once())
        self.form: Form | None = None
        self.replayed: Replay | None = None
        self.has_facts = False
        self._earlier: dict[str, Earlier] = {}
        self._endings: dict[tuple[Path, int], Mapping[str, Any]] = {}
        self._refusals: dict[Path, tuple[str, ...]] = {}
        self._asked: set[Any] = set()

    def arrived(self) -> None:
        """Draw again: something is known that was not."""

    def on_run_reading_arrived(self, message: Arrived) -> None:
        """Keep what a thread has read, and draw."""
        message.stop()
        message.take()
        self.arrived()

    def _read(self, key: Any, work: Callable[[], Callable[[], None]]) -> None:
        """Do `work` in a thread, once for each key; what it gives keeps the result."""
        if key in self._asked:
            return
        self._asked.add(key)

        def read() -> None:
            with suppress(ConsoleError, OSError, ValueError):
                self.post_message(self.Arrived(work()))

        self.run_worker(read, thread=True, group="read")

    # Facts.

    def load_facts(self) -> None:
        """Gather what there is to choose and what was run; what was known of runs is stale."""
        self._earlier.clear()
        self._asked.clear()

        def work() -> Callable[[], None]:
            facts = gather(self.app.settings, self.app.clock)
            return lambda: self._take_facts(facts)

        self._read("facts", work)

    def _take_facts(self, facts: Facts) -> None:
        self.facts = facts
        self.has_facts = True
        if self.form is None:
            self.form = facts.form

    # One run.

    def earlier_for(self, job: str, request: Mapping[str, Any]) -> Earlier:
        """What runs like this took; nothing is known until it has been read."""
        alike = {name: value for name, value in request.items() if name != "batch_size"}
        key = json.dumps([job, alike], sort_keys=True, default=str)
        if key not in self._earlier:
            workspace = self.app.settings.workspace

            def work() -> Callable[[], None]:
                found = read_earlier(workspace, job, request)
                return lambda: self._earlier.update({key: found})

            self._read(key, work)
        return self._earlier.get(key, Earlier())

    def ending_of(self, run: RunSnapshot) -> Ending:
        """How a run ended; its verdict's file is read on the way."""
        from ascend_console.tools import files

        key = (run.folder, run.view.attempt)
        if run.view.verdict and key not in self._endings:

            def work() -> Callable[[], None]:
                document = files.read_json(run.folder / "verdict.json")
                found = document if isinstance(document, dict) else {}
                return lambda: self._endings.update({key: found})

            self._read(key, work)
        published = self.facts.published.get(str(run.document.get("model")), {})
        return Ending(run, self._endings.get(key, {}), published)

    def refusal_of(self, folder: Path) -> tuple[str, ...]:
        """What a run that we started printed, where it ended before it made its folder."""
        started = self.app.launched.get(folder)
        if started is None or started.ended() is None:
            return ()
        if folder not in self._refusals:

            def work() -> Callable[[], None]:
                found = said_lines(started.said())
                return lambda: self._refusals.update({folder: found})

            self._read(("refusal", folder), work)
        return self._refusals.get(folder, ())

    def load_replay(self, folder: Path) -> None:
        """Read the recording of a run."""

        def work() -> Callable[[], None]:
            replay = Replay.read(folder)
            return lambda: setattr(self, "replayed", replay)

        self._read(("replay", folder), work)
