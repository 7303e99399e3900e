"""A vendor's tool at work: its lines as they come, a tick while it is silent, its text in the end.

atc prints one line and then nothing for minutes, and a reader of lines waits as long. So a worker
thread reads, and whoever follows the tool hears of every second.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ascend_console.ascend.error_blocks import error_blocks
from ascend_console.ascend.log_text import last_words
from ascend_console.backends._ascend_durations import Durations
from ascend_console.core.events import LogLine, LogOpened, Progress
from ascend_console.tools import process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Cancel, Env
    from ascend_console.tools.process import ExitStatus, ToolOutput

_TICK_S = 1.0
_GRACE_S = 10.0
_MOST_WAITING = 4096
_LOOK_S = 0.05
_HEAD_LINES = 4_000
_TAIL_LINES = 20_000
_LINE_CHARACTERS = 4_000
# A warning is repeated for each operator; the log has them all.
_TIMES_SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a tool ended: its text (beginning and end of a long one), exit code and duration."""

    text: str
    code: int
    elapsed_s: float


class _Stop:
    """Asks a tool to stop: on the run's request, or because nobody follows it any more."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel
        self.left = threading.Event()

    def is_set(self) -> bool:
        """True from either request on."""
        return self.left.is_set() or self._cancel.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the run's request."""
        return self._cancel.wait(timeout) or self.left.is_set()


def ticking(
    start: Callable[[Cancel], ToolOutput], cancel: Cancel, tick_s: float
) -> Generator[str | None, None, ExitStatus]:
    """The lines of a tool, and None where none came for `tick_s`; its end is the result.

    Raises what the reading of the tool raises. Left early, it stops the tool first.
    """
    stop = _Stop(cancel)
    waiting: queue.Queue[str | ExitStatus | BaseException] = queue.Queue(_MOST_WAITING)

    def read() -> None:
        ended: ExitStatus | BaseException
        try:
            with start(stop) as output:
                for line in output:
                    waiting.put(line)
                ended = output.exit
        except BaseException as error:  # it is raised again where the tool is followed
            ended = error
        waiting.put(ended)

    reader = threading.Thread(target=read, name="vendor-tool")
    reader.start()
    try:
        while True:
            try:
                item = waiting.get(timeout=tick_s)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, BaseException):
                raise item
            if not isinstance(item, str):
                return item
            yield item
    finally:
        stop.left.set()
        while reader.is_alive():
            with contextlib.suppress(queue.Empty):
                waiting.get(timeout=_LOOK_S)
        reader.join()


@dataclass(slots=True)
class _Follower:
    """Keeps the text within bounds, and tells which lines are worth seeing."""

    head: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))
    seen: Counter[str] = field(default_factory=Counter)

    def take(self, line: str) -> LogLine | None:
        """Keep a line; an event where it carries a code that was not shown often."""
        line = line[:_LINE_CHARACTERS]
        if len(self.head) < _HEAD_LINES:
            self.head.append(line)
        else:
            self.tail.append(line)
        blocks = error_blocks([line])
        if not blocks:
            return None
        self.seen[blocks[0].code] += 1
        if self.seen[blocks[0].code] > _TIMES_SHOWN:
            return None
        return LogLine(last_words(line), "warning" if blocks[0].is_warning else "error")

    def text(self) -> str:
        return "\n".join([*self.head, *self.tail])

    def repeated(self) -> str:
        """Codes that came more often than they were shown, such as `W11001 57 times`."""
        often = (f"{code} {count} times" for code, count in self.seen.items()
                 if count > _TIMES_SHOWN)  # fmt: skip
        return ", ".join(often)


def run_tool(
    argv: Sequence[str],
    *,
    step: str,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    env: Env,
    takes: str,
) -> Generator[Event, None, Ended]:
    """Start a tool and follow it to its end, which is the result, good or bad.

    `takes` names what is done, so that the next time its duration is known beforehand. Raises
    Interrupted on the run's request, and what `process.stream` raises.
    """
    durations = Durations(env.settings.workspace)
    expected_s = durations.get(takes)
    follower = _Follower()
    started_s = env.clock.monotonic_s()

    def start(cancel: Cancel) -> ToolOutput:
        return process.stream(
            argv, cwd=cwd, environment=environment, cancel=cancel, log=log, grace_s=_GRACE_S
        )

    def elapsed() -> Progress:
        done = int(env.clock.monotonic_s() - started_s)
        return Progress(done, expected_s if expected_s and done <= expected_s else None, "s")

    yield LogOpened(step, str(log))
    yield elapsed()
    lines = ticking(start, env.cancel, _TICK_S)
    with contextlib.closing(lines):
        while True:
            try:
                line = next(lines)
            except StopIteration as end:
                status: ExitStatus = end.value
                break
            event = elapsed() if line is None else follower.take(line)
            if event is not None:
                yield event
    if repeated := follower.repeated():
        yield LogLine(f"{step}: {repeated}, all in {log.name}", "warning")
    elapsed_s = env.clock.monotonic_s() - started_s
    whole_s = max(1, round(elapsed_s))
    yield Progress(whole_s, whole_s, "s")
    if status.code == 0:
        durations.put(takes, elapsed_s)
    return Ended(text=follower.text(), code=status.code, elapsed_s=elapsed_s)
