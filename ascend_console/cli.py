"""The composition root: arguments and environment to settings, then a front end, then a code.

The only module that reads the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError, UserError
from ascend_console.core.settings import BaselineSettings, ScreenSettings, Settings
from ascend_console.headless import arguments
from ascend_console.headless.main import print_error, run
from ascend_console.tools import paths, settings_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.headless.arguments import Arguments


def _language(environment: Mapping[str, str]) -> str:
    """The language of the locale, as the C library would choose it."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def _first(*candidates: tuple[Any, str]) -> tuple[Any, str]:
    """The first value that is there, with its origin; the last one is the default."""
    return next(pair for pair in candidates if pair[0] is not None)


def _from_file(typed: Arguments, path: Path) -> dict[str, Any]:
    """The settings file; `config` is for repairing it, and gets what is right in it."""
    if typed.command == "config":
        return settings_file.read_valid(path)
    return settings_file.read(path, required=typed.config is not None)


def _settings(typed: Arguments, environment: Mapping[str, str]) -> Settings:
    """Defaults below the settings file below the environment below flags."""
    path = typed.config or paths.default_config()
    from_file = _from_file(typed, path)
    plain_terminal = environment.get("TERM") == "dumb"
    workspace, workspace_origin = _first(
        (typed.workspace, "flag --workspace"),
        (environment.get("ASCEND_CONSOLE_WORKSPACE") or None,
         "environment ASCEND_CONSOLE_WORKSPACE"),
        (from_file.get("workspace"), f"file {path}"),
        (paths.default_workspace(), "default"),
    )  # fmt: skip
    lang, lang_origin = _first(
        (typed.lang, "flag --lang"),
        (from_file.get("lang"), f"file {path}"),
        (_language(environment), "default"),
    )
    colour, colour_origin = _first(
        (False if typed.no_color else None, "flag --no-color"),
        (False if environment.get("NO_COLOR") else None, "environment NO_COLOR"),
        (False if plain_terminal else None, "environment TERM"),
        (from_file.get("color"), f"file {path}"),
        (True, "default"),
    )
    lock_dir = environment.get("ASCEND_CONSOLE_LOCK_DIR")
    return Settings(
        workspace=Path(workspace).expanduser().absolute(),
        workspace_origin=workspace_origin.partition(" ")[2] or workspace_origin,
        lock_dir=Path(lock_dir) if lock_dir else None,
        lang=lang,
        colour=colour,
        verbosity=int(typed.verbose) - int(typed.quiet),
        assume_yes=typed.yes,
        config_file=path,
        screen=ScreenSettings(
            look=from_file.get("theme"),
            glyphs=from_file.get("glyphs", "unicode"),
            refresh_hz=from_file.get("refresh"),
            readonly=typed.readonly,
            keys=from_file.get("keys", {}),
        ),
        baseline=BaselineSettings(**from_file.get("baseline", {})),
        environ=dict(environment),
        origins={
            "workspace": workspace_origin,
            "lang": lang_origin,
            "color": colour_origin,
            **{
                key: f"file {path}"
                for key in ("theme", "glyphs", "refresh", "keys", "baseline")
                if key in from_file
            },
        },
    )


def _wants_screens(typed: Arguments) -> bool:
    """Whether the screens are to be opened: nothing else was asked for."""
    if typed.command == "tui":
        return not typed.help
    return typed.command is None and not (typed.headless or typed.help or typed.version)


def _open_screens(typed: Arguments, settings: Settings) -> int:
    """The screens; UserError where there is no terminal to show them on."""
    if typed.rest:
        raise UserError(
            "tui.words",
            "tui takes no {word}",
            hint="`ascend-console --help` shows the common options.",
            word=typed.rest[0],
        )
    # Textual draws on stderr.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(
            "tui.no_terminal",
            "the screens need a terminal",
            hint="Without one name a command: ascend-console --headless run --help.",
        )
    from ascend_console.tui.app import run_app

    return run_app(settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is the result."""
    words = sys.argv[1:] if argv is None else list(argv)
    lang = _language(os.environ)
    try:
        typed = arguments.parse(words)
        lang = typed.lang or lang
        settings = _settings(typed, os.environ)
        lang = settings.lang
        if _wants_screens(typed):
            return _open_screens(typed, settings)
        return run(words, typed, settings)
    except ConsoleError as error:
        return print_error(error, lang)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of stdout has gone: nothing is left to say, and closing must stay silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
