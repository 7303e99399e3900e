"""The command line that a form stands for: what is typed for each option, and the words of it.

Values are kept by the option's name as they are typed after its flag, True for a switch that is on.
An option that takes several words (a repeated one, or several positionals) keeps them in one text,
quoted as in a shell.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError
from ascend_console.core.options import Option, build_request, options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.specs import Job

Value = str | bool


def _takes_words(entry: Option) -> bool:
    return entry.repeated or (entry.positional and entry.many)


def _split(text: str) -> list[str]:
    """The words of a text; one that a shell could not read is one word."""
    try:
        return shlex.split(text)
    except ValueError:
        return [text]


def text_of(entry: Option, value: Any) -> Value:
    """A value of a request as it is typed; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        parts = [str(part) for part in value]
        return shlex.join(parts) if _takes_words(entry) else ",".join(parts)
    return f"{value:g}" if isinstance(value, float) else str(value)


def values_of(job: Job, document: Mapping[str, Any]) -> dict[str, Value]:
    """What was typed for a recorded request: only what differs from the defaults."""
    found = {}
    for entry in options_of(job.request):
        value = document.get(entry.name)
        default = value_list(entry.default)
        if value is not None and value_list(value) != default:
            found[entry.name] = text_of(entry, value)
    return found


def value_list(value: Any) -> Any:
    """A value as JSON has it, so that a recorded one can be compared with a default."""
    if isinstance(value, tuple):
        return [value_list(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def words(job: Job, values: Mapping[str, Value]) -> tuple[str, ...]:
    """The words after `--headless`: the job, its positionals, then its flags, defaults left out."""
    found, flags = [job.name], []
    for entry in options_of(job.request):
        value = values.get(entry.name, "")
        if value is True:
            flags.append(entry.flag)
        elif value and value != text_of(entry, entry.default):
            parts = _split(str(value)) if _takes_words(entry) else [str(value)]
            if entry.positional:
                found += parts
                continue
            for part in parts:
                # A value that begins with a dash would be read as another flag.
                dashed = part.startswith("-")
                flags += [f"{entry.flag}={part}"] if dashed else [entry.flag, part]
    return (*found, *flags)


def command_line(typed: tuple[str, ...]) -> str:
    """The line that a shell takes."""
    return "ascend-console --headless " + shlex.join(typed)


def request_of(job: Job, values: Mapping[str, Value]) -> Any:
    """The request; ConsoleError as the command line would say it."""
    typed = {}
    for entry in options_of(job.request):
        value = values.get(entry.name, "")
        if value:
            typed[entry.name] = (
                _split(value) if isinstance(value, str) and _takes_words(entry) else value
            )
    return build_request(job.request, typed)


def mistake(job: Job, values: Mapping[str, Value]) -> tuple[str, ConsoleError] | None:
    """The option that cannot be read, or that is missing, with what is to be said of it."""
    try:
        request_of(job, values)
    except ConsoleError as error:
        flag = error.values.get("flag")
        names = [entry.name for entry in options_of(job.request) if entry.flag == flag]
        return (names[0] if names else "", error)
    return None
