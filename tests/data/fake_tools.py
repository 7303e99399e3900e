"""Small programs that stand for tools, and a pipe that proves that they are gone."""

from __future__ import annotations

import os
import select
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.tools import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 120.0
"""How long a test waits for what must happen; reached only where it does not."""

READY_AND_SILENT = """
import os, signal, sys
witness = open(sys.argv[1], "w")
print("ready", os.getppid(), flush=True)
while True:
    signal.pause()
"""

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + READY_AND_SILENT

LEAVES_A_CHILD = """
import os, signal, sys
witness = open(sys.argv[1], "w")
read, write = os.pipe()
if os.fork() == 0:
    {child}
    os.write(write, b"x")
    while True:
        signal.pause()
os.read(read, 1)
print("ready", os.getppid(), flush=True)
{parent}
"""


class Witness:
    """A pipe that a tool and all that it forks hold open.

    Its end proves, without waiting for any fixed time, that every one of them is gone.
    """

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def all_gone(self) -> bool:
        """Wait until nobody holds the other end any more; False where somebody stays."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        while poll.poll(PATIENCE_S * 1000):
            if os.read(self.descriptor, 100) == b"":
                return True
        return False


@dataclass
class Bench:
    """A folder in which a test writes tools and starts them."""

    folder: Path
    witness: Witness

    @property
    def log(self) -> Path:
        """Where a stream keeps the raw output."""
        return self.folder / "log"

    def tool(self, source: str, *arguments: object) -> list[str]:
        """The argument list of a program that is written now."""
        path = self.folder / f"tool{len(list(self.folder.glob('tool*')))}.py"
        path.write_text(source)
        return [sys.executable, "-S", str(path), *map(str, arguments)]

    def witnessed(self, source: str) -> list[str]:
        """The same for a program that opens the witness."""
        return self.tool(source, self.witness.path)

    def stream(self, argv: list[str], **settings: Any) -> process.ToolOutput:
        """A stream with the settings that most tests share."""
        shared = {"cwd": self.folder, "log": self.log, "cancel": threading.Event()}
        return process.stream(argv, **{"environment": None, **shared, **settings})

    def capture(self, argv: list[str], **settings: Any) -> process.Captured:
        """A probe with the settings that most tests share."""
        shared = {"cwd": self.folder, "environment": None, "timeout_s": PATIENCE_S}
        return process.capture(argv, **{**shared, **settings})


@contextmanager
def bench_in(folder: Path) -> Iterator[Bench]:
    """A bench whose witness is closed in the end."""
    witness = Witness(folder / "witness")
    yield Bench(folder, witness)
    os.close(witness.descriptor)


def guard_of(output: process.ToolOutput) -> int:
    """Read until the tool is ready; the process id of its guard."""
    for line in output:
        if line.startswith("ready "):
            return int(line.split()[1])
    raise AssertionError("the tool ended before it was ready")
