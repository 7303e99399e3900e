"""`report`: one or several runs as Markdown, HTML, JSON or CSV, in the shape of the guides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ascend_console import __version__
from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered, ArtifactWritten
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs._output import output_file
from ascend_console.jobs._report_document import run_report
from ascend_console.jobs._report_remarks import parse_remarks
from ascend_console.jobs._report_view import with_texts
from ascend_console.tools import files, history

if TYPE_CHECKING:
    from ascend_console.core.specs import Events

FORMATS = ("md", "html", "json", "csv")


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """Which runs, in which form, with which remarks."""

    run: tuple[str, ...] = option(
        "Runs: ids, unique prefixes, paths, or `last`.", default=("last",)
    )
    format: Literal["table", "md", "html", "json", "csv"] | None = option(
        "Form of the report.", default=None, default_text="by the suffix of --output, else md"
    )
    remark: tuple[str, ...] | None = option(
        "A remark in place of the console's own: conversion=…, accuracy=… or performance=….",
        default=None,
        default_text="what happened",
        repeated=True,
    )
    output: Path | None = option(
        "File to write.", default=None, default_text="the standard output", short="-o"
    )


def _form(request: ReportRequest) -> str:
    """The form that was named, or that of the output's suffix."""
    if request.format not in (None, "table"):
        return str(request.format)
    suffix = request.output.suffix.lstrip(".") if request.output else "md"
    if suffix not in FORMATS:
        raise UserError(
            "report.form",
            "the form of {path} is not known by its suffix",
            hint="Name it with --format: {known}.",
            path=request.output,
            known=", ".join(FORMATS),
        )
    return suffix


def report_text(form: str, documents: list[dict[str, Any]], lang: str) -> str:
    """The report in one form."""
    from ascend_console.tools import report_render

    if form == "json":
        return json.dumps({"schema": SCHEMA, "runs": documents}, ensure_ascii=False, indent=1)
    if form == "csv":
        return report_render.render_csv(documents)
    views = [with_texts(document, lang) for document in documents]
    return report_render.render(form, views, lang, __version__)


def report(request: ReportRequest, env: Env) -> Events:
    """Tell runs as a document, on the standard output or in a file."""
    form = _form(request)
    remarks = parse_remarks(request.remark or ())
    target = output_file(request.output, request.output, "", env) if request.output else None
    workspace = env.settings.workspace
    folders = [history.find(workspace, name) for name in request.run]
    documents = [run_report(folder, env, remarks) for folder in folders]
    text = report_text(form, documents, env.settings.lang)
    if target is not None:
        files.write_text(target, text if text.endswith("\n") else text + "\n")
        yield ArtifactWritten(str(target), "report")
        text = str(target)
    yield Answered({"schema": SCHEMA, "runs": documents}, (), (), text=text)


ENTRY = Job(
    name="report",
    summary="A run as Markdown, HTML, JSON or CSV, in the shape of the published guides.",
    request=ReportRequest,
    run=report,
    example="ascend-console report --run last --format html --output report.html",
    recording=False,
    formats=FORMATS,
    order=66,
)
