"""Writing what a screen shows to a file of the user's choice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import files
from ascend_console.tui.widgets.ask import Ask, AskText

if TYPE_CHECKING:
    from collections.abc import Callable

    from ascend_console.tui.app import ConsoleApp


def save_table(
    app: ConsoleApp, name: str, writers: dict[str, Callable[[], str]], about: str = ""
) -> None:
    """Offer a path; write there in the form of its suffix, never over a file unasked."""

    def write(path: Path) -> None:
        write_text(app, path, writers[path.suffix]())

    save_as(app, name, tuple(writers), write, about)


def write_text(app: ConsoleApp, path: Path, text: str) -> None:
    """Write a file, and say where it is, or why it is not."""
    try:
        files.write_text(path, text)
    except ConsoleError as error:
        app.say_error(error)
        return
    app.say(app.t("saved to {path}", path=path))


def save_as(
    app: ConsoleApp,
    name: str,
    suffixes: tuple[str, ...],
    write: Callable[[Path], None],
    about: str = "",
) -> None:
    """Offer a path with the first suffix; `write` gets the one that is typed.

    Another suffix than these is refused, and a file that is there is replaced only after a
    question. `about` says more of the forms.
    """
    known = ", ".join(suffixes)
    offered = str(Path.cwd() / f"{name}{suffixes[0]}")

    def take(typed: str | None) -> None:
        if not typed:
            return
        path = Path(typed).expanduser()
        if path.suffix not in suffixes:
            app.say(app.t("end the name in one of {known}", known=known), "error")
        elif path.exists():
            question = app.t("{path} exists. Replace it?", path=path)
            app.push_screen(Ask(question), lambda yes: write(path) if yes else None)
        else:
            write(path)

    forms = app.t("forms: {known}", known=known)
    app.push_screen(AskText(app.t("Save as"), offered, f"{forms}\n{about}".rstrip()), take)
