"""`runs replay`: a recorded run once more, at the pace of then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.events import Replayed
from ascend_console.tools import history
from ascend_console.tools.run_format import is_sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ascend_console.core.specs import Env, Events
    from ascend_console.jobs.runs import RunsRequest

_MOST_PAUSE_S = 86_400.0


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    """The recorded lines; torn and unusable ones are passed over."""
    try:
        stream = (folder / "events.jsonl").open("rb")
    except OSError:
        return
    with stream:
        for text in stream:
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if is_sound(line):
                yield line


def _elapsed_s(line: dict[str, Any]) -> float:
    value = line.get("elapsed_s", 0.0)
    return float(value) if isinstance(value, int | float) and value >= 0 else 0.0


def replay(request: RunsRequest, env: Env) -> Events:
    """Every recorded line when its time has come; each attempt begins anew."""
    folder = history.find(env.settings.workspace, request.run[0])
    speed = 1.0 if request.speed is None else request.speed
    begun_s, first_s, count = env.clock.monotonic_s(), 0.0, 0
    for line in _lines(folder):
        if line["event"] == "JobStarted":
            begun_s, first_s = env.clock.monotonic_s(), _elapsed_s(line)
        elif speed > 0:
            due_s = begun_s + (_elapsed_s(line) - first_s) / speed
            pause_s = due_s - env.clock.monotonic_s()
            if pause_s > 0 and env.cancel.wait(min(pause_s, _MOST_PAUSE_S)):
                return
        yield Replayed(line)
        count += 1
    if not count:
        raise UserError(
            "runs.empty",
            "the run {name} recorded no events",
            hint="`ascend-console runs list` shows the others.",
            name=folder.name,
        )
