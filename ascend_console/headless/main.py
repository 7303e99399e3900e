"""From arguments to an exit code: data on stdout, narrative on stderr."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from ascend_console import __version__
from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError, UserError
from ascend_console.core.events import (
    Answered,
    DevicesSampled,
    JobCancelled,
    JobFailed,
    LogLine,
    Measured,
    Progress,
    Replayed,
    StepStarted,
    Warned,
    from_json,
)
from ascend_console.core.options import build_request
from ascend_console.core.specs import Env, Job
from ascend_console.headless import arguments, table
from ascend_console.jobs._loop import run_job
from ascend_console.tools import catalogue
from ascend_console.tools.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.core.events import Record
    from ascend_console.core.settings import Settings
    from ascend_console.headless.arguments import Arguments
    from ascend_console.headless.device_stream import DeviceStream
    from ascend_console.headless.printer import Printer


def _say(
    kind: str, text_id: str, values: Mapping[str, str], text: str, advice: str, lang: str
) -> None:
    """What happened and what to type next, in the user's language, on stderr."""
    text = catalogue.message(text_id, values, text, lang)
    advice = catalogue.hint(text_id, values, advice, lang)
    sys.stderr.write(f"{catalogue.word(kind, lang)} {table.cell_text(text)}\n")
    if advice:
        sys.stderr.write(f"  {catalogue.word('hint:', lang)} {table.cell_text(advice)}\n")


def print_error(error: ConsoleError, lang: str) -> int:
    """Say what happened and what to type next; the error's exit code is the result."""
    _say("error:", error.id, error.values, error.message, error.hint, lang)
    return error.exit_code


@contextlib.contextmanager
def _stop_signals(cancel: threading.Event) -> Iterator[None]:
    """INT, TERM and HUP ask the run to stop; a second INT ends the process at once."""

    def ask(number: int, _frame: object) -> None:
        if cancel.is_set() and number == signal.SIGINT:
            os._exit(130)
        cancel.set()

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    wanted = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _out(text: str) -> None:
    """A line on stdout; what is no Unicode text, such as half a file name, is shown escaped."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


class _ListingSink:
    """Prints the answer of a listing job on stdout, and its warnings and errors on stderr.

    A replayed run is printed as it was: its lines on stdout as JSON, or its narrative on stderr.
    """

    def __init__(self, form: str, settings: Settings) -> None:
        self._form = form
        self._lang = settings.lang
        self._settings = settings
        self._narrator: Printer | None = None
        self._devices: DeviceStream | None = None

    def __call__(self, record: Record) -> None:
        event = record.event
        if isinstance(event, Answered):
            plain = event.text is not None and self._form == "table"
            _out((event.text or "").rstrip("\n") if plain else table.render(event, self._form))
            # A job that goes on, such as a server, has said where it is.
            with contextlib.suppress(BrokenPipeError):
                sys.stdout.flush()
        elif isinstance(event, DevicesSampled):
            self._stream().show(event.document)
        elif self._narrator is not None and isinstance(event, Warned | JobFailed):
            self._narrator(record)
        elif isinstance(event, Warned | JobFailed):
            kind = "error:" if event.terminal else "warning:"
            _say(kind, event.id, event.args, event.message, event.hint, self._lang)
        elif isinstance(event, Replayed):
            self._replay(event.line)
        elif isinstance(event, StepStarted | Progress | LogLine | Measured):
            self._printer()(record)
        elif self._narrator is not None and isinstance(event, JobCancelled):
            self._narrator(record)
        elif self._narrator is not None and event.terminal:
            self._narrator.summary([self._narrator.view])

    def _replay(self, line: dict[str, Any]) -> None:
        if self._form == "json":
            import json

            _out(json.dumps(line, ensure_ascii=False))
            sys.stdout.flush()
            return
        recorded = from_json(line)
        if recorded is not None:
            self._printer()(recorded)

    def _stream(self) -> DeviceStream:
        if self._devices is None:
            from ascend_console.headless.device_stream import DeviceStream

            self._devices = DeviceStream(self._form, self._settings)
        return self._devices

    def _printer(self) -> Printer:
        """The narrator of jobs that take a while, made when there is something to tell."""
        if self._narrator is None:
            from ascend_console.headless.printer import Printer

            self._narrator = Printer(self._settings)
        return self._narrator


def _run_command(job: Job, typed: Arguments, env: Env, argv: Sequence[str]) -> int:
    values = arguments.typed_values(job, typed.rest)
    if job.formats and (typed.json or typed.format):
        values = {**values, "format": "json" if typed.json else str(typed.format)}
    request = build_request(job.request, values)
    if job.recording:
        from ascend_console.headless.recording import record_all

        return record_all(job, request, env, typed, argv)
    form = "json" if typed.json else typed.format or "table"
    form = "table" if job.formats else form
    return run_job(job, request, env, _ListingSink(form, env.settings))


def _refuse_misplaced(job: Job, typed: Arguments) -> None:
    """Common options that would do nothing for this command are an error, not a silence."""
    if typed.format and job.recording:
        raise UserError(
            "usage.format",
            "--format is for listings; {job} records a run",
            hint="Use --json for its events, or `runs show last --format json` afterwards.",
            job=job.name,
        )
    if typed.format == "html" and "html" not in job.formats:
        raise UserError(
            "usage.html",
            "{job} has no form html",
            hint="Choose one of: table, json, csv, md.",
            job=job.name,
        )
    if typed.run_dir and not job.recording:
        raise UserError(
            "usage.run_dir",
            "--run-dir is for jobs that record a run; {job} records none",
            hint="Leave --run-dir out.",
            job=job.name,
        )


def run(argv: Sequence[str], typed: Arguments, settings: Settings) -> int:
    """Run the command that was typed; the exit code is the result."""
    if typed.version:
        sys.stdout.write(f"ascend-console {__version__}\n")
        return 0
    if typed.command is None:
        stream = sys.stdout if typed.help else sys.stderr
        stream.write(arguments.overall_help())
        return 0 if typed.help else 2
    job: Job = discovery.load("jobs", typed.command)
    if typed.help:
        sys.stdout.write(arguments.command_parser(job).format_help())
        return 0
    _refuse_misplaced(job, typed)
    cancel = threading.Event()
    env = Env(settings=settings, cancel=cancel, clock=SystemClock())
    with _stop_signals(cancel):
        return _run_command(job, typed, env, argv)
