"""What the screens have others do: runs as processes, listing jobs, polling, the clipboard."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError, ToolFailed
from ascend_console.core.events import Answered
from ascend_console.core.specs import Env
from ascend_console.tools import files, paths, process, run_folder
from ascend_console.tools.detached import Detached, console_argv
from ascend_console.tui.messages import Answer

if TYPE_CHECKING:
    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Clock
    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.polling import DevicePolling

_COPY_S = 5.0


def start_run(
    settings: Settings, words: tuple[str, ...], clock: Clock
) -> tuple[Detached, Path | None]:
    """Start a recording job in a session of its own; its process, and the folder of its run.

    The folder's name is chosen here, so that the screen knows what to follow at once; None for
    several models, which have a run each.
    """
    resumed = "--resume" in words
    several = any("," in value for flag, value in pairwise(words) if flag == "--model")
    if resumed:
        folder = run_folder.find(settings.workspace, words[words.index("--resume") + 1])
    else:
        folder = run_folder.free_name(settings.workspace, clock.utc(), _label(words))
    argv = [
        *console_argv(*words),
        "--workspace", str(settings.workspace),
        "--lang", settings.lang,
        *(() if resumed or several else ("--run-dir", str(folder))),
        *(("--config", str(settings.config_file)) if _is_file(settings.config_file) else ()),
    ]  # fmt: skip
    output = paths.cache_folder(settings.workspace) / "started" / f"{folder.name}.log"
    return Detached(argv, output, settings.environ), None if several else folder


def _is_file(path: Path | None) -> bool:
    return path is not None and path.is_file()


def _label(words: tuple[str, ...]) -> str:
    """What the run's name ends with: its model, else its job."""
    for flag in ("--model", "--onnx"):
        if flag in words[:-1]:
            return Path(words[words.index(flag) + 1]).stem
    return words[0]


def ask_to_stop(folder: Path) -> None:
    """Leave the request that a run looks for."""
    with contextlib.suppress(OSError):
        (folder / "cancel").touch()


def answer_of(name: str, request: Any, settings: Settings, clock: Clock) -> Answer:
    """Run a listing job to its answer; errors become part of it."""
    job = discovery.load("jobs", name)
    env = Env(settings=settings, cancel=threading.Event(), clock=clock)
    try:
        events = list(job.run(request, env))
    except ConsoleError as error:
        return Answer(name, None, error)
    except Exception as error:
        # A fault in one answer must not take all screens with it.
        return Answer(name, None, _fault(name, error))
    found = [event for event in events if isinstance(event, Answered)]
    return Answer(name, found[-1] if found else None)


def _fault(name: str, error: Exception) -> ToolFailed:
    return ToolFailed(
        "answer.fault",
        "{job} cannot answer: {kind} {reason}",
        hint="Type the command without the screens to see where: ascend-console {job} --help.",
        job=name,
        kind=type(error).__name__,
        reason=error,
    )


def start_polling(app: ConsoleApp) -> DevicePolling:
    """Begin to look at the devices; what is found is posted to the app."""
    from ascend_console.tui.polling import DevicePolling

    return DevicePolling(app.settings, app.clock, app.post_message).start()


def copy_text(app: ConsoleApp, text: str) -> str:
    """Copy, and say how: tmux drops what terminals are told, so it is asked by its own command."""
    path = app.settings.workspace / "clipboard.txt"
    with contextlib.suppress(ConsoleError, OSError):
        files.write_text(path, text)
    tmux = shutil.which("tmux", path=app.settings.environ.get("PATH", os.defpath))
    if app.settings.environ.get("TMUX") and tmux:
        # tmux reads a file as well as its input; `-w` hands it to the terminal's clipboard.
        with contextlib.suppress(ConsoleError):
            done = process.capture(
                [tmux, "load-buffer", "-w", str(path)],
                cwd=Path("/"),
                environment=app.settings.environ,
                timeout_s=_COPY_S,
            )
            if done.code == 0:
                return f"tmux, {path}"
    app.copy_to_clipboard(text)
    return app.t("terminal, {path}", path=path)
