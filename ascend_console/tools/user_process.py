"""Ending a process of this user, such as one that holds a device."""

from __future__ import annotations

from dataclasses import dataclass

from ascend_console.core.errors import ToolFailed, UserError


@dataclass(frozen=True, slots=True)
class UserProcess:
    """A process of this user. With its start time a pid names one process for ever."""

    pid: int
    started_s: float
    name: str
    command: str


def _not_yours(pid: int, owner: str) -> UserError:
    return UserError(
        "process.not_yours",
        "not yours: process {pid} is of {owner}",
        hint="Ask {owner} to end it.",
        pid=pid,
        owner=owner,
    )


def _gone(pid: int) -> UserError:
    return UserError(
        "process.gone",
        "process {pid} is no more",
        hint="Look at the devices again.",
        pid=pid,
    )


def own_process(pid: int) -> UserProcess:
    """The process of this user that has this number. UserError where it is another's, or gone."""
    import psutil

    try:
        found = psutil.Process(pid)
        owner = found.username()
        if owner != psutil.Process().username():
            raise _not_yours(pid, owner)
        command = " ".join(found.cmdline())
        return UserProcess(pid, found.create_time(), found.name(), command)
    except psutil.NoSuchProcess as error:
        raise _gone(pid) from error
    except (psutil.Error, OSError) as error:
        raise _not_yours(pid, "somebody else") from error


def end(process: UserProcess, *, at_once: bool = False) -> None:
    """Ask the process to end, or with `at_once` end it by KILL. UserError where it is gone."""
    import psutil

    try:
        found = psutil.Process(process.pid)
        if found.create_time() != process.started_s:
            raise _gone(process.pid)
        # psutil compares the start times once more, right before the signal.
        if at_once:
            found.kill()
        else:
            found.terminate()
    except psutil.NoSuchProcess as error:
        raise _gone(process.pid) from error
    except (psutil.Error, OSError) as error:
        raise ToolFailed(
            "process.not_ended",
            "process {pid} cannot be ended: {reason}",
            hint="Type: kill {pid}",
            pid=process.pid,
            reason=error,
        ) from error
