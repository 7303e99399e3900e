"""Arguments: common options anywhere, then a command whose flags are the fields of its request."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.core.options import Option, options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.specs import Job

FORMATS = ("table", "json", "csv", "md", "html")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours, so that they carry an id, a hint and exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UserError(
            "usage",
            "{message}",
            hint="`{program} --help` shows what it takes, with an example.",
            message=message,
            program=self.prog,
        )


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was typed: the common options, the command, and its own words still unread."""

    command: str | None
    rest: tuple[str, ...]
    workspace: Path | None = None
    config: Path | None = None
    lang: str | None = None
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    json: bool = False
    format: str | None = None
    run_dir: Path | None = None
    readonly: bool = False
    headless: bool = False
    help: bool = False
    version: bool = False


@dataclass(frozen=True, slots=True)
class _Common:
    """One common option: its flags, its help, and how a value is read (None for a switch)."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = field(default=())
    path: bool = False


_COMMON = (
    _Common(("--workspace",), "Folder of runs and cache; default: the user data folder, or "
            "ASCEND_CONSOLE_WORKSPACE.", "DIR", path=True),
    _Common(("--config",), "Settings file; default: config.toml in the user config folder.",
            "FILE", path=True),
    _Common(("--lang",), "Language of messages; default: from LANG.", "LANG", ("en", "zh")),
    _Common(("--no-color",), "No colours; NO_COLOR does the same."),
    _Common(("-q", "--quiet"), "Only warnings, errors and results on stderr."),
    _Common(("-v", "--verbose"), "Every figure and log line on stderr."),
    _Common(("--yes",), "Answer yes: replace an output file that exists."),
    _Common(("--json",), "Recording jobs: event lines on stdout; others: --format json."),
    _Common(("--format",), "Form of a listing; default: table. html is for reports.", "FORM",
            FORMATS),
    _Common(("--run-dir",), "Recording jobs: a new folder directly under WORKSPACE/runs; default: "
            "named by time and model.", "DIR", path=True),
    _Common(("--readonly",), "tui and serve: start, stop and delete nothing."),
    _Common(("--version",), "Print the version."),
    _Common(("-h", "--help"), "Help of the program, or of the command."),
)  # fmt: skip


def _common_parser() -> _Parser:
    parser = _Parser(prog="ascend-console", add_help=False, allow_abbrev=False)
    parser.add_argument("--headless", action="store_true", help=argparse.SUPPRESS)
    for entry in _COMMON:
        if entry.metavar is None:
            parser.add_argument(*entry.flags, action="store_true", help=entry.help)
        else:
            parser.add_argument(
                *entry.flags,
                metavar=entry.metavar,
                help=entry.help,
                choices=entry.choices or None,
                type=Path if entry.path else str,
            )
    return parser


def parse(argv: Sequence[str]) -> Arguments:
    """The common options, wherever they stand, and the command with the words that are its own."""
    found, rest = _common_parser().parse_known_args(list(argv))
    if rest and rest[0].startswith("-"):
        raise UserError(
            "usage.command_first",
            "{word} stands before a command, or is no common option",
            hint="Write the command first: ascend-console COMMAND {word} …; --help lists both.",
            word=rest[0],
        )
    values = vars(found)
    return Arguments(command=rest[0] if rest else None, rest=tuple(rest[1:]), **values)


def _help(entry: Option) -> str:
    """Help of one option with its unit, its choices and its default."""
    notes = []
    if entry.unit:
        notes.append(f"in {entry.unit}")
    if entry.choices:
        notes.append("one or several of " * entry.many + "/".join(entry.choices))
    if entry.known:
        notes.append("one or several of " * entry.many + "/".join((*entry.known, "your own")))
    if entry.default_text:
        notes.append(f"default: {entry.default_text}")
    elif entry.kind is bool:
        notes.append("default: off")
    elif entry.default is not None:
        shown = entry.default
        notes.append(f"default: {','.join(map(str, shown)) if entry.many else shown}")
    elif entry.required:
        notes.append("required")
    return f"{entry.help} ({'; '.join(notes)})".replace("%", "%%") if notes else entry.help


def command_parser(job: Job) -> argparse.ArgumentParser:
    """The parser of one command, made from the fields of its request."""
    parser = _Parser(
        prog=f"ascend-console {job.name}",
        description=job.summary,
        epilog=f"example:\n  {job.example}\n\nCommon options: ascend-console --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    for entry in options_of(job.request):
        if entry.positional:
            count = None if entry.required else "*" if entry.many else "?"
            parser.add_argument(entry.name, nargs=count, metavar=entry.name.upper(),
                                default=argparse.SUPPRESS, help=_help(entry))  # fmt: skip
        elif entry.kind is bool:
            parser.add_argument(entry.flag, dest=entry.name, action="store_true", help=_help(entry))
        else:
            several = entry.many and not entry.repeated
            metavar = entry.name.upper().replace("_", "-") + (",…" if several else "")
            flags = [entry.short, entry.flag] if entry.short else [entry.flag]
            action = "append" if entry.repeated else "store"
            parser.add_argument(
                *flags, dest=entry.name, metavar=metavar, help=_help(entry), action=action
            )
    return parser


def typed_values(job: Job, rest: Sequence[str]) -> dict[str, str | bool | Sequence[str]]:
    """What was typed for a command, by field name, still as text; options stand anywhere."""
    return vars(command_parser(job).parse_intermixed_args(list(rest)))


def overall_help() -> str:
    """Help of the program: every command with its summary, then the common options."""
    jobs = discovery.load_all("jobs")
    commands = "\n".join(f"  {job.name:<12} {job.summary}" for job in jobs)
    options = _common_parser().format_help().split("\n\n", 1)[1]
    return (
        "usage: ascend-console COMMAND [options]\n\n"
        "Takes a PyTorch vision model to a verdict: export, conversion, preprocessing,\n"
        "inference, accuracy, throughput.\n\n"
        f"commands (ascend-console COMMAND --help):\n{commands}\n\n{options}\n"
        "exit codes: 0 done or PASS, 1 a bug of ours, 2 wrong usage or bad input, 3 a tool or the\n"
        "system failed, 4 backend unavailable, 5 FAIL, 6 INVALID, 7 INCOMPLETE, 130 interrupted\n"
    )
