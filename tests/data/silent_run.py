"""A recorded run whose job waits for a silent tool: WORKSPACE RUN_DIR TOOL_ARGUMENT…"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from ascend_console.core.events import LogLine, LogOpened, StepStarted
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env, Job
from ascend_console.headless.arguments import Arguments
from ascend_console.headless.recording import record_all
from ascend_console.tools import process
from ascend_console.tools.clock import SystemClock


@dataclass(frozen=True, kw_only=True)
class ToolRequest:
    """The tool as an argument list."""

    tool: tuple[str, ...]


def drive(request, env):
    """As a backend of vendor tools does it: lines as events, the raw text in `logs`."""
    yield StepStarted("tool", 1, 1)
    log = env.folder / "logs" / "tool.log"
    yield LogOpened("tool", str(log))
    with process.stream(
        request.tool, cwd=env.folder, environment=None, cancel=env.cancel, log=log
    ) as output:
        for line in output:
            yield LogLine(line)


JOB = Job(name="drive", summary="", request=ToolRequest, run=drive, example="", recording=True)


if __name__ == "__main__":
    workspace, run_dir, *tool = sys.argv[1:]
    folder = Path(workspace)
    settings = Settings(workspace=folder)
    env = Env(settings=settings, cancel=threading.Event(), clock=SystemClock())
    typed = Arguments("drive", (), workspace=folder, json=True, run_dir=Path(run_dir))
    raise SystemExit(record_all(JOB, ToolRequest(tool=tuple(tool)), env, typed, tool))
