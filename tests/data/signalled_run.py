"""The program, which sends itself a signal once, at a moment of a run: STEP MOMENT SIGNAL ARGUMENT…

`told`: the step has just recorded its first progress. `unnamed`: the step has written its first
file, which still has its temporary name. Unlike a signal from outside, this one is never late.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ascend_console.cli import main
from ascend_console.core.events import Progress, StepStarted
from ascend_console.tools.run_folder import EventLog


def send_at(step: str, moment: str, number: int) -> None:
    """Arrange for the signal."""
    append, replace = EventLog.append, Path.replace
    now, awaited = "", True

    def reached(this: str) -> None:
        nonlocal awaited
        if awaited and (now, this) == (step, moment):
            awaited = False
            os.kill(os.getpid(), number)

    def appending(log, record):
        nonlocal now
        append(log, record)
        if isinstance(record.event, StepStarted):
            now = record.event.name
        elif isinstance(record.event, Progress):
            reached("told")

    def naming(path, target):
        if Path(target).name != "view.json":
            reached("unnamed")
        return replace(path, target)

    EventLog.append, Path.replace = appending, naming


if __name__ == "__main__":
    at, moment_of_it, name = sys.argv[1:4]
    send_at(at, moment_of_it, signal.Signals[name])
    raise SystemExit(main(sys.argv[4:]))
