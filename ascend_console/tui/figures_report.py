"""`o` on the screens of figures: the report of one run, written where the user says."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.jobs.report import FORMATS, ReportRequest
from ascend_console.tools import files
from ascend_console.tui.widgets.ask import Ask, AskText

if TYPE_CHECKING:
    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.messages import Answer


def write_report(app: ConsoleApp, run_id: str) -> None:
    """Ask for a path, and have the job `report` make the report in the form of its suffix."""
    t = app.t
    known = ", ".join(f".{form}" for form in FORMATS)

    def take(typed: str | None) -> None:
        if not typed:
            return
        path = Path(typed).expanduser()
        if path.suffix.lstrip(".") not in FORMATS:
            app.say(t("end the name in one of {known}", known=known), "error")
        elif path.exists():
            question = t("{path} exists. Replace it?", path=path)
            app.push_screen(Ask(question), lambda yes: _make(app, run_id, path) if yes else None)
        else:
            _make(app, run_id, path)

    offered = str(Path.cwd() / f"{run_id}.md")
    app.push_screen(AskText(t("Report of {run}", run=run_id), offered,
                            t("forms: {known}", known=known)), take)  # fmt: skip


def _make(app: ConsoleApp, run_id: str, path: Path) -> None:
    request = ReportRequest(run=(run_id,), format=path.suffix.lstrip("."))  # type: ignore[arg-type]
    app.ask("report", request, partial(_write, app, path))


def _write(app: ConsoleApp, path: Path, answer: Answer) -> None:
    if answer.error is not None:
        app.say_error(answer.error)
        return
    text = answer.answered.text if answer.answered is not None else None
    try:
        files.write_text(path, text or "")
    except ConsoleError as error:
        app.say_error(error)
        return
    app.say(app.t("saved to {path}", path=path))
