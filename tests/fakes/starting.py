"""Starts a test double as a tool is started: a process of its own, both streams together."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.fakes.cann_root import FAKES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 120.0


def command(tool: str, *arguments: object) -> list[str]:
    """The argument list of `fake_<tool>.py`."""
    return [sys.executable, str(FAKES / f"fake_{tool}.py"), *map(str, arguments)]


def play(tool: str, *arguments: object, cwd: Path, **told: str) -> subprocess.CompletedProcess[str]:
    """Run a double to its end; `told` are variables such as FAKE_ATC."""
    return subprocess.run(
        command(tool, *arguments),
        cwd=cwd,
        env={**os.environ, **told},
        timeout=PATIENCE_S,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


@contextmanager
def started(
    tool: str, *arguments: object, cwd: Path, **told: str
) -> Iterator[subprocess.Popen[str]]:
    """A running double, its errors apart; it is ended by KILL if it still runs at the end."""
    process = subprocess.Popen(
        command(tool, *arguments),
        cwd=cwd,
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        # Not until its output ends, which a child that it left may hold open.
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def told_ready(fifo: Path, lines: int = 1) -> dict[str, int]:
    """Wait for so many lines of FAKE_READY: process ids by `ready` and `child`."""
    found = {}
    with open(os.open(fifo, os.O_RDWR), "rb", buffering=0) as pipe:
        for _ in range(lines):
            if not select.select([pipe], [], [], PATIENCE_S)[0]:
                raise AssertionError("the double did not become ready")
            what, pid = pipe.readline().split()
            found[what.decode()] = int(pid)
    return found
