"""Runs one tool, and ends it with everything that it started when its run ends.

A program of its own, started as `python -I -S guard.py STATUS EXECUTABLE NAME [ARGUMENT ...]`, so
it imports the standard library alone, and little of that: it is started for every probe.

Standard input is a pipe whose write end only the run holds. It brings the tool's environment (a
line with its length in bytes or `-` for the guard's own, then `NAME=VALUE` strings with a NUL
after each), later `stop SECONDS` lines: TERM now, KILL after so many seconds. Its end means that
the run is dead, however it died, and stops the tool too. What the tool prints goes where the
guard's own output goes, without passing through it.

STATUS is a descriptor on which the guard says `started PID`, then `ended CODE SIGNAL`; or
`refused ERRNO` where the tool cannot be started; or `stuck` where the system cannot kill it. The
exit code is the tool's, 128 + n for signal n. What the tool leaves behind when it ends by itself
is ended too: its process group everywhere, on Linux also what has left that group.

On Windows there are no process groups and no STATUS, and the tool takes the guard's environment:
anything on standard input, or its end, ends the tool itself at once, what the tool started may live
on, and a tool that cannot be started shows in the exit code alone (127).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

_LOST_RUN_GRACE_S = 1.0
_LEFT_BEHIND_GRACE_S = 1.0
_KILL_PATIENCE_S = 2.0
_RECHECK_S = 0.02


def _read_exactly(count: int) -> bytes | None:
    """So many bytes of standard input and not one more; None where it ends before."""
    data = b""
    while len(data) < count:
        chunk = os.read(0, count - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def _read_environment() -> dict[bytes, bytes] | None:
    """The environment that the run wants for its tool; None where the run died before it said."""
    size = b""
    while not size.endswith(b"\n"):
        digit = _read_exactly(1)
        if digit is None:
            return None
        size += digit
    if size == b"-\n":
        return dict(os.environb)
    block = _read_exactly(int(size))
    if block is None:
        return None
    pairs = (entry.split(b"=", 1) for entry in block.split(b"\0") if entry)
    return dict(pairs)


def _adopt_orphans() -> None:
    """On Linux, become the parent of descendants that lose theirs, so that none gets away."""
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            set_child_subreaper = 36
            ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def _descendants() -> dict[int, int]:
    """Process group by process id of everything below this process; empty without a /proc."""
    parents: dict[int, int] = {}
    groups: dict[int, int] = {}
    with contextlib.suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, ValueError):
                with open(f"/proc/{name}/stat", "rb") as stream:
                    # The name in parentheses may hold blanks and parentheses itself.
                    fields = stream.read().rpartition(b")")[2].split()
                parents[int(name)], groups[int(name)] = int(fields[1]), int(fields[2])
    below = {os.getpid()}
    while added := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= added
    return {pid: groups[pid] for pid in below if pid in groups and pid != os.getpid()}


class _Tool:
    """The tool, what it started, and when to end them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self._kill_at_s = float("inf")

    def lives(self) -> bool:
        """Whether anything is left; what has ended is collected."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return self._group_lives()
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status

    def _group_lives(self) -> bool:
        """Where orphans are not adopted the group may live on without being ours."""
        try:
            os.killpg(self.pid, 0)
        except OSError:
            return False
        return True

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)
        for pid, group in _descendants().items():
            if group != self.pid:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)

    def stop(self, grace_s: float) -> None:
        """TERM once, KILL at the earliest time that any caller asked for."""
        if self._kill_at_s == float("inf"):
            self._send(signal.SIGTERM)
        self._kill_at_s = min(self._kill_at_s, time.monotonic() + grace_s)

    def act(self) -> float | None:
        """Do what is due; how long to wait for news, negative where there is no hope."""
        if self.status is not None:
            self.stop(_LEFT_BEHIND_GRACE_S)
        wait_s = self._kill_at_s - time.monotonic()
        if wait_s == float("inf"):
            return None
        if wait_s > 0:
            return wait_s if self.status is None else min(wait_s, _RECHECK_S)
        if wait_s < -_KILL_PATIENCE_S:
            return wait_s
        # Again and again: a process may start others while it is being killed.
        self._send(signal.SIGKILL)
        return _RECHECK_S


def _wait(tool: _Tool, wake: int) -> None:
    """Wait until nothing is left of the tool, or what is left cannot be killed."""
    listening = [0, wake]
    while tool.lives():
        wait_s = tool.act()
        if wait_s is not None and wait_s < 0:
            return
        ready = select.select(listening, [], [], wait_s)[0]
        if wake in ready and set(os.read(wake, 512)) - {signal.SIGCHLD}:
            tool.stop(_LOST_RUN_GRACE_S)
        if 0 in ready:
            told = os.read(0, 4096)
            tool.stop(float(told.split()[-1]) if told else _LOST_RUN_GRACE_S)
            if not told:
                listening.remove(0)


def _wake_on_signals() -> int:
    """A descriptor that brings the numbers of the signals that come; none of them ends us."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return readable


def _watch_group(status: int, executable: str, argv: list[str]) -> int:
    """Run the tool in a process group of its own; its exit code."""

    def say(text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(status, text.encode() + b"\n")

    os.set_inheritable(status, False)
    environment = _read_environment()
    if environment is None:
        return 128 + signal.SIGTERM
    wake = _wake_on_signals()
    _adopt_orphans()
    try:
        pid = os.posix_spawn(
            executable,
            argv,
            environment,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setpgroup=0,
            setsigmask=(),
            # Python ignores PIPE and XFSZ, and whoever started the run may have ignored TERM.
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM),
        )
    except OSError as error:
        say(f"refused {error.errno}")
        return 127
    say(f"started {pid}")
    tool = _Tool(pid)
    _wait(tool, wake)
    if tool.status is None:
        say("stuck")
        return 128 + signal.SIGKILL
    code = os.waitstatus_to_exitcode(tool.status)
    say(f"ended {code} 0" if code >= 0 else f"ended {128 - code} {-code}")
    return code if code >= 0 else 128 - code


def watch_alone(executable: str, argv: list[str]) -> int:
    """Run the tool where there are no process groups: any news on standard input ends it."""
    import subprocess
    import threading

    try:
        tool = subprocess.Popen(argv, executable=executable, stdin=subprocess.DEVNULL)
    except OSError:
        return 127

    def listen() -> None:
        os.read(0, 4096)
        tool.terminate()

    threading.Thread(target=listen, daemon=True).start()
    code = tool.wait()
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """Run the tool that the arguments name; its exit code is the result."""
    status, executable, *argv = arguments
    if os.name == "nt":
        return watch_alone(executable, argv)
    return _watch_group(int(status), executable, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
