"""The composition root: arguments and environment to settings, then a front end, then a code.

The only module that reads the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.core.settings import Settings
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


def _settings(typed: Arguments, environment: Mapping[str, str]) -> Settings:
    """Defaults below the settings file below the environment below flags."""
    path = typed.config or paths.default_config()
    from_file = settings_file.read(path, required=typed.config is not None)
    named = environment.get("ASCEND_CONSOLE_WORKSPACE")
    if typed.workspace:
        workspace, origin = typed.workspace, "--workspace"
    elif named:
        workspace, origin = Path(named), "ASCEND_CONSOLE_WORKSPACE"
    elif "workspace" in from_file:
        workspace, origin = Path(from_file["workspace"]), str(path)
    else:
        workspace, origin = paths.default_workspace(), "default"
    plain = typed.no_color or bool(environment.get("NO_COLOR"))
    plain = plain or environment.get("TERM") == "dumb" or not from_file.get("color", True)
    return Settings(
        workspace=workspace.expanduser().absolute(),
        workspace_origin=origin,
        lang=typed.lang or from_file.get("lang") or _language(environment),
        colour=not plain,
        verbosity=int(typed.verbose) - int(typed.quiet),
        assume_yes=typed.yes,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is the result."""
    words = sys.argv[1:] if argv is None else list(argv)
    lang = _language(os.environ)
    try:
        typed = arguments.parse(words)
        lang = typed.lang or lang
        return run(words, typed, _settings(typed, os.environ))
    except ConsoleError as error:
        return print_error(error, lang)
    except BrokenPipeError:
        # The reader of stdout has gone: nothing is left to say, and closing must stay silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
