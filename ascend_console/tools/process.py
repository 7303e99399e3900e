"""The only module that starts processes; each tool runs behind a guard that ends it with its run.

The guard (`tools/guard.py`) holds the read end of a pipe whose write end only this process holds,
and has the tool in a process group of its own: neither a Ctrl-C meant for the run nor a closed
terminal reaches the tool, and nothing of it outlives the run, even one that is killed with -9.
There is no shell anywhere and no thread; a tool's standard input is empty.

On Windows a stop ends the tool at once, without grace and without what the tool started.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ToolFailed
from ascend_console.tools._tool_command import Command, start_failure
from ascend_console.tools._tool_output import LineSplitter, OutputLog
from ascend_console.tools._tool_watch import Watch
from ascend_console.tools.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ascend_console.core.specs import Cancel

_GUARD = Path(__file__).absolute().with_name("guard.py")
_CLOCK = SystemClock()
_CHUNK_BYTES = 1 << 16
_TAIL_BYTES = 1 << 20
_LOOK_S = 0.05
_PROBE_GRACE_S = 0.5
# The guard gives up two seconds after KILL; a busy machine may need longer to let it run at all.
_GUARD_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How a tool ended: its exit code, or 128 + n and `signal` n where a signal killed it."""

    code: int
    signal: int | None
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What a probe printed and how it ended.

    `timed_out`: it was stopped at its time limit; `code` is how it ended then, None where the
    system could not end it. `cut`: it printed more than was kept.
    """

    code: int | None
    stdout: str
    stderr: str
    elapsed_s: float
    timed_out: bool = False
    cut: bool = False


class ToolOutput(Generator[str, None, ExitStatus]):
    """The lines of a running tool; it is started by the first `next`.

    `exit` is known when the lines have ended (`yield from` has it as its value). Closing it, or
    leaving it as a context, stops the tool.
    """

    def __init__(self, lines: Generator[str, None, ExitStatus]) -> None:
        self._lines = lines
        self._exit: ExitStatus | None = None

    @property
    def exit(self) -> ExitStatus:
        """How the tool ended."""
        if self._exit is None:
            raise AssertionError("the tool's lines have not been read to their end")
        return self._exit

    def send(self, value: None, /) -> str:
        """The next line."""
        try:
            return self._lines.send(value)
        except StopIteration as end:
            self._exit = end.value or self._exit
            raise

    def throw(self, *error: Any) -> str:
        """Raise inside the reader, which stops the tool."""
        return self._lines.throw(*error)

    def close(self) -> None:
        """Stop the tool if it still runs."""
        self._lines.close()

    def __enter__(self) -> ToolOutput:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Tool:
    """A tool behind its guard: what comes from it, and how it ended.

    As a context it is left with the tool ended, the guard collected and every descriptor closed.
    `last_words` takes what the tool prints while it is being stopped.
    """

    def __init__(
        self,
        command: Command,
        grace_s: float,
        *,
        merged: bool,
        last_words: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._command = command
        self._grace_s = grace_s
        self._last_words = last_words
        self._executable = command.executable()
        self._said = b""
        self.gone = False
        self._started_s = _CLOCK.monotonic_s()
        try:
            self._guard, self._status = self._start(merged)
        except OSError as error:
            raise start_failure(command.tool, error.strerror or error) from error
        self._pipes = {self._status: "status"} if self._status >= 0 else {}
        for name, pipe in (("stdout", self._guard.stdout), ("stderr", self._guard.stderr)):
            if pipe is not None:
                self._pipes[pipe.fileno()] = name

    def _start(self, merged: bool) -> tuple[subprocess.Popen[bytes], int]:
        """The guard, and the descriptor on which it tells of the tool (-1 on Windows)."""
        readable = writable = -1
        options: dict[str, Any] = {"env": self._command.environment}
        if sys.platform != "win32":
            readable, writable = os.pipe()
            options = {"pass_fds": (writable,), "start_new_session": True}
        try:
            guard = [sys.executable, "-I", "-S", str(_GUARD), str(writable)]
            return subprocess.Popen(
                [*guard, self._executable, *self._command.argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                cwd=self._command.cwd,
                bufsize=0,
                **options,
            ), readable
        except BaseException:
            _close(readable)
            raise
        finally:
            _close(writable)

    def __enter__(self) -> _Tool:
        if sys.platform != "win32":
            self._tell(self._command.environment_block())
        return self

    def _tell(self, data: bytes) -> None:
        """Write to the guard's standard input; a guard that is gone shows elsewhere."""
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._guard.stdin.fileno(), data) :]

    def receive(self, timeout_s: float) -> list[tuple[str, bytes]]:
        """What came meanwhile, as (stdout or stderr, bytes); waits at most so long for any."""
        received = []
        for descriptor in self._readable(timeout_s):
            data = os.read(descriptor, _CHUNK_BYTES)
            name = self._pipes[descriptor] if data else self._pipes.pop(descriptor)
            if name == "status":
                self._said += data
                self.gone = not data
            elif data:
                received.append((name, data))
        return received

    def tail(self) -> Iterator[tuple[str, bytes]]:
        """What is still in the pipes when the tool has ended.

        Their end is not waited for: whatever got away from the guard may hold them open.
        """
        tail_bytes = 0
        while tail_bytes < _TAIL_BYTES and (received := self.receive(0.0)):
            tail_bytes += sum(len(data) for _, data in received)
            yield from received

    def _readable(self, timeout_s: float) -> list[int]:
        if sys.platform == "win32":
            return self._readable_on_windows(timeout_s)
        poll = select.poll()
        for descriptor in self._pipes:
            poll.register(descriptor, select.POLLIN)
        return [descriptor for descriptor, _ in poll.poll(math.ceil(timeout_s * 1000))]

    if sys.platform == "win32":

        def _readable_on_windows(self, timeout_s: float) -> list[int]:
            import _winapi
            import msvcrt

            ready = []
            for descriptor in self._pipes:
                try:
                    if _winapi.PeekNamedPipe(msvcrt.get_osfhandle(descriptor), 0)[0]:
                        ready.append(descriptor)
                except OSError:
                    ready.append(descriptor)
            if not ready:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._said = b"ended %d 0" % self._guard.wait(timeout_s)
                    self.gone = True
            return ready

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return _CLOCK.monotonic_s() - self._started_s

    def exit_status(self) -> ExitStatus | None:
        """How the tool ended, None where nobody saw it; an error if it never began."""
        words = self._said.split()
        if b"refused" in words:
            raise self._command.refusal(self._executable, int(words[-1]))
        if b"ended" not in words:
            return None
        code, number = map(int, words[-2:])
        return ExitStatus(code=code, signal=number or None, elapsed_s=self.elapsed_s)

    def __exit__(self, *_: object) -> None:
        try:
            self._stop()
        finally:
            if b"ended" not in self._said and b"refused" not in self._said:
                self._kill()
            self._guard.wait()
            _close(self._status)
            for pipe in (self._guard.stdin, self._guard.stdout, self._guard.stderr):
                if pipe is not None:
                    pipe.close()

    def _stop(self) -> None:
        """Ask the guard to end the tool, and wait until it has."""
        if not self.gone:
            self._tell(b"stop %f\n" % self._grace_s)
        until_s = _CLOCK.monotonic_s() + self._grace_s + _GUARD_PATIENCE_S
        while not self.gone and _CLOCK.monotonic_s() < until_s:
            for _, data in self.receive(_LOOK_S):
                self._last_words(data)
        for _, data in self.tail():
            self._last_words(data)

    def _kill(self) -> None:
        """End what the guard did not: it was killed itself, or cannot be waited for any longer."""
        self._guard.kill()
        if sys.platform != "win32" and self._said.startswith(b"started "):
            with contextlib.suppress(OSError):
                os.killpg(int(self._said.split()[1]), signal.SIGKILL)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _seen(status: ExitStatus | None, tool: str) -> ExitStatus:
    """The status itself; ToolFailed where the guard did not live to see the tool's end."""
    if status is not None:
        return status
    raise ToolFailed(
        "process.lost",
        "{tool} was stopped, since the process that guards it was ended from outside",
        hint="The system does that when memory is short; free some, then run again.",
        tool=tool,
    )


def _received(tool: _Tool, watch: Watch) -> Iterator[tuple[str, bytes]]:
    """Everything that a tool prints, until it has ended; raises what `watch` raises."""
    while not tool.gone:
        for name, data in tool.receive(_LOOK_S):
            watch.heard()
            yield name, data
        watch.look()
    yield from tool.tail()


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None,
    cancel: Cancel,
    log: Path,
    silence_limit_s: float | None = None,
    time_limit_s: float | None = None,
    grace_s: float = 10.0,
    log_limit_bytes: int = 1 << 30,
) -> ToolOutput:
    """The lines that a tool prints, stdout and stderr merged, while it runs.

    Its raw bytes are appended to `log` as they come. `cancel` is looked at ten times a second
    and more, also while the tool is silent. A stop is TERM to the tool's group, KILL after
    `grace_s`; it ends in Interrupted, at a limit in ToolFailed `process.silent` or
    `process.timeout`. BackendUnavailable where the tool is missing or cannot run here.
    """
    command = Command(argv, cwd, environment)

    def lines() -> Generator[str, None, ExitStatus]:
        watch = Watch(command.tool, cancel, log, silence_limit_s, time_limit_s)
        watch.look()
        splitter = LineSplitter()
        with (
            OutputLog(log, log_limit_bytes) as kept,
            _Tool(command, grace_s, merged=True, last_words=kept.write_last_words) as tool,
        ):
            for _, data in _received(tool, watch):
                kept.write(data)
                for line in splitter.feed(data):
                    yield line
                    watch.look()
            yield from splitter.rest()
            ended = tool.exit_status()
        return _seen(ended, command.tool)

    return ToolOutput(lines())


def capture(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None,
    timeout_s: float,
    cancel: Cancel | None = None,
    limit_bytes: int = 8 << 20,
) -> Captured:
    """What a short probe prints, as text with its own line ends; stopped at its time limit.

    KILL follows TERM after half a second. More than `limit_bytes` of either stream is not kept.
    Interrupted on `cancel`, and the errors of `stream` for a tool that cannot be started.
    """
    command = Command(argv, cwd, environment)
    # The error of its time limit becomes `timed_out`, so it never names this folder as the log.
    watch = Watch(command.tool, cancel or threading.Event(), cwd, None, timeout_s)
    kept = {"stdout": bytearray(), "stderr": bytearray()}
    cut = False
    with _Tool(command, _PROBE_GRACE_S, merged=False) as tool:
        try:
            for name, data in _received(tool, watch):
                room = limit_bytes - len(kept[name])
                kept[name] += data[:room]
                cut = cut or len(data) > room
        except ToolFailed:
            if not watch.timed_out:
                raise
    ended = tool.exit_status()
    if not watch.timed_out:
        ended = _seen(ended, command.tool)
    return Captured(
        code=ended.code if ended else None,
        stdout=kept["stdout"].decode("utf-8", "replace"),
        stderr=kept["stderr"].decode("utf-8", "replace"),
        elapsed_s=tool.elapsed_s,
        timed_out=watch.timed_out,
        cut=cut,
    )
