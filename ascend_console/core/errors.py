"""Every error that a user can meet, and the exit code that it ends in.

    ConsoleError
    +-- UserError            2   wrong usage, or input that cannot be right
    +-- ToolFailed           3   a tool or the system failed: disk full, unwritable, a crash
    |   +-- ConversionFailed 3   an artefact could not be made
    +-- BackendUnavailable   4   a backend, device or extra is missing or busy
    +-- Interrupted          130 INT, TERM, HUP or `runs cancel`

A verdict is no error: a run that ends in FAIL (5), INVALID (6) or INCOMPLETE (7) succeeded.
Exit code 1 is left for bugs of ours.
"""

from collections.abc import Iterable


class ConsoleError(Exception):
    """An error written to the person who must fix it.

    `message` and `hint` are templates in English, filled with `values`; front ends translate by
    `id` and the same values.
    """

    exit_code = 1

    def __init__(self, error_id: str, message: str, /, *, hint: str, **values: object) -> None:
        self.id = error_id
        self.values = {key: str(value) for key, value in values.items()}
        self.message = message.format(**self.values)
        self.hint = hint.format(**self.values)
        super().__init__(self.message)


class UserError(ConsoleError):
    """Wrong usage or bad input."""

    exit_code = 2


class ToolFailed(ConsoleError):
    """A tool or the system failed."""

    exit_code = 3


class ConversionFailed(ToolFailed):
    """An artefact could not be made."""


class BackendUnavailable(ConsoleError):
    """A backend, device or extra is missing or busy."""

    exit_code = 4


class Interrupted(ConsoleError):
    """The run was asked to stop."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("run.cancelled", "stopped on request", hint="Start it again when ready.")


_BY_GRAVITY = (1, 130, 3, 4, 2, 5, 7, 6, 0)


def worst_exit_code(codes: Iterable[int]) -> int:
    """The exit code of several runs: the worst of 1, 130, 3, 4, 2, 5, 7, 6, 0; 0 of none."""
    seen = set(codes)
    return next((code for code in _BY_GRAVITY if code in seen), max(seen, default=0))
