"""How a test double behaves: the words that it was told, its witness, and waiting without a clock.

Every double reads these variables:

- `FAKE_<TOOL>` (`FAKE_ATC`, `FAKE_AOE`, `FAKE_NPU_SMI`, `FAKE_MSPROF`): words with commas between
  them, some with a value (`flood=3`). A word that the double does not know ends it with code 99.
- `FAKE_STATE`: a JSON file; the object under the tool's name (`atc`, `npu-smi`, …) is its state, in
  which `words` may stand too, as a text like that of the variable.
- `FAKE_CANN`: the version of CANN that it belongs to; 8.0.RC1 where it is not given.
- `FAKE_WITNESS`: a FIFO that the double and all that it forks hold open for writing, so that its
  end proves that they are gone. Somebody must read it.
- `FAKE_READY`: a FIFO or file that gets the line `ready PID` when the double begins to wait, and
  `child PID` for a child that it leaves.
- `FAKE_GATE`: a FIFO; the word `held` makes a double wait until it was written to and closed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEST_DOUBLE = "test double"
UNKNOWN_WORD = 99
# A double that a broken test forgets does not stay for ever.
LIFETIME_S = 900
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Part:
    """What a double was told to play: its words with their values, and its state."""

    tool: str
    words: Mapping[str, str]
    state: Mapping[str, Any]

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def number(self, word: str, default: int) -> int:
        """The value of a word; the default where it has none."""
        return int(self.words.get(word) or default)

    @property
    def cann(self) -> str:
        """The version of CANN that the double belongs to."""
        return os.environ.get("FAKE_CANN") or "8.0.RC1"


def refuse(tool: str, why: str) -> NoReturn:
    """End loudly: a test asked for what the double cannot play."""
    print(f"{tool} ({TEST_DOUBLE}): {why}", file=sys.stderr)
    raise SystemExit(UNKNOWN_WORD)


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = word.partition("=")
        yield name, value


def begin(tool: str, known: Iterable[str]) -> Part:
    """Read the part of a tool and open its witness; signals are those of a program in C."""
    for name in (signal.SIGINT, signal.SIGPIPE):
        if signal.getsignal(name) is not signal.SIG_IGN or name == signal.SIGPIPE:
            signal.signal(name, signal.SIG_DFL)
    state: Mapping[str, Any] = {}
    if path := os.environ.get("FAKE_STATE"):
        with open(path, encoding="utf-8") as file:
            state = json.load(file).get(tool, {})
    variable = "FAKE_" + tool.upper().replace("-", "_")
    words = dict(_pairs(state.get("words", "") + "," + os.environ.get(variable, "")))
    if unknown := sorted(set(words) - set(known) - {"success"}):
        refuse(tool, f"{variable} has no word {unknown[0]!r}")
    if path := os.environ.get("FAKE_WITNESS"):
        # Held by number for the whole life of the process: nothing closes it but the end.
        os.open(path, os.O_WRONLY)
    return Part(tool, words, state)


def say(*lines: str) -> None:
    """Lines to the standard output, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def complain(*lines: str) -> None:
    """Lines to the standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def tell_ready(what: str = "ready", pid: int | None = None) -> None:
    """Write `what PID` to FAKE_READY, if there is one."""
    path = os.environ.get("FAKE_READY")
    if path:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"{what} {pid or os.getpid()}\n".encode())
        os.close(descriptor)


def _ignore_stops(deaf: bool) -> None:
    for name in _STOPS if deaf else ():
        signal.signal(name, signal.SIG_IGN)


def _pause() -> NoReturn:
    signal.alarm(LIFETIME_S)
    while True:
        signal.pause()


def wait_for_signal(*, deaf: bool = False) -> NoReturn:
    """Say nothing more until a signal ends the process; `deaf` ignores all but KILL."""
    _ignore_stops(deaf)
    tell_ready()
    _pause()


def wait_at_gate() -> None:
    """Wait until FAKE_GATE was opened for writing and closed again."""
    signal.alarm(LIFETIME_S)
    tell_ready()
    with open(os.environ["FAKE_GATE"], "rb") as gate:
        gate.read()
    signal.alarm(0)


def leave_child(*, deaf: bool, own_session: bool) -> int:
    """Fork a child that stays, holding the standard output and the witness; its process id."""
    sys.stdout.flush()
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        if own_session:
            os.setsid()
        _ignore_stops(deaf)
        os.write(writable, b"x")
        _pause()
    os.read(readable, 1)
    os.close(readable)
    os.close(writable)
    tell_ready("child", child)
    return child


def die(name: signal.Signals) -> NoReturn:
    """End by a signal, without a core file."""
    import resource

    sys.stdout.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), name)
    signal.pause()
    raise AssertionError("the signal did not come")


def flood(megabytes: int) -> None:
    """So many million bytes of lines of 100 characters."""
    row = "[DEBUG] GE(1,atc.bin):2026-11-20-10:15:00.000.000 [flood.cc:1]".ljust(99, "x") + "\n"
    for _ in range(megabytes * 10):
        sys.stdout.write(row * 1000)
    sys.stdout.flush()


def garbage() -> None:
    """Every byte, broken UTF-8, escape codes, and a long line that does not end."""
    sys.stdout.flush()
    block = bytes(range(256)) * 8 + b"\xc3\x28\xf0\x9f\x1b[31m\x1b]0;title\x07[/bold] $x\r" * 40
    sys.stdout.buffer.write(block + b"\n" + b"\x00\xff" * 20_000 + b"\n")
    sys.stdout.flush()


def stamp() -> str:
    """The time as the vendor's error lines have it."""
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%d-%H:%M:%S}.{now.microsecond // 1000:03}.{now.microsecond % 1000:03}"
