"""The one loop that runs every job: events in, records out, an exit code at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.core.events import (
    Event,
    JobCancelled,
    JobFailed,
    JobStarted,
    JobSucceeded,
    Record,
)
from ascend_console.core.record_bounds import RecordBounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ascend_console.core.specs import Env, Job

    Sink = Callable[[Record], None]


class _Recorder:
    """Wraps events in records and sends those on that the bounds of a record let through."""

    def __init__(self, env: Env, sinks: tuple[Sink, ...]) -> None:
        self._env = env
        self._sinks = sinks
        self._started_s = env.clock.monotonic_s()
        self._seq = env.first_seq
        self._bounds = RecordBounds(self._started_s, bounded=env.run_dir is not None)

    def send(self, event: Event) -> None:
        for passed in self._bounds.let_through(event, self._env.clock.monotonic_s()):
            self._emit(passed)

    def _emit(self, event: Event) -> None:
        clock = self._env.clock
        elapsed_s = clock.monotonic_s() - self._started_s
        record = Record(self._env.run_id, self._seq, clock.utc(), elapsed_s, event)
        self._seq += 1
        for sink in self._sinks:
            sink(record)


def _failure(error: ConsoleError) -> Event:
    if isinstance(error, Interrupted):
        return JobCancelled()
    return JobFailed(error.id, error.message, error.hint, error.exit_code, error.values)


def _bug(error: BaseException) -> JobFailed:
    reason = f"{type(error).__name__}: {error}"
    return JobFailed(
        "console.bug",
        f"a bug of the console: {reason}",
        "Please report it with the lines above.",
        1,
        {"error": reason},
    )


def run_job(job: Job, request: Any, env: Env, *sinks: Sink) -> int:
    """Run a job to its terminal event; its exit code is the result.

    A ConsoleError ends in JobFailed, a request to stop in JobCancelled. Any other exception is
    our bug: it is announced and raised again, so that its traceback is never lost. A job may
    yield its own terminal JobSucceeded; one is added where it does not.
    """
    recorder = _Recorder(env, sinks)
    title = job.label(request) if job.label else job.name
    recorder.send(JobStarted(job.name, title, env.attempt))
    try:
        ended = _drain(job.run(request, env), env, recorder)
    except ConsoleError as error:
        ended = _failure(error)
    except BaseException as error:
        recorder.send(_bug(error))
        raise
    recorder.send(ended)
    return int(getattr(ended, "exit_code", 0))


def _drain(events: Iterator[Event], env: Env, recorder: _Recorder) -> Event:
    """Send every event; the terminal one is given back instead."""
    for event in events:
        if event.terminal:
            return event
        recorder.send(event)
        if env.cancel.is_set():
            getattr(events, "close", lambda: None)()
            raise Interrupted
    if env.cancel.is_set():
        raise Interrupted
    return JobSucceeded()
