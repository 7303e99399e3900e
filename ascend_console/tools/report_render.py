"""Reports from their documents: Markdown and HTML by templates, CSV row by row.

The only module that knows Jinja2. HTML escapes by itself; Markdown cells escape what Markdown or a
browser would read as its own, so that a file name or a log line stays text in every form.
"""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from ascend_console.tools import catalogue
from ascend_console.tools.paths import assets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MARKDOWN = re.compile(r"([\\`*_\[\]|#])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")

_CSV_COLUMNS = (
    "kind", "run_id", "model", "weights", "backend", "device", "batch_size", "precision",
    "metric", "value", "reference", "reference_source", "drop_points", "passed", "throughput",
    "card_throughput", "card_factor", "e2e_throughput", "latency_median_ms", "latency_p90_ms",
    "latency_p99_ms", "h2d_ms", "d2h_ms", "samples", "source", "official", "valid",
)  # fmt: skip


def texts(lang: str) -> dict[str, str]:
    """The texts of reports in one language."""
    import tomllib

    tables = tomllib.loads((assets() / "report" / "texts.toml").read_text("utf-8"))
    found: dict[str, str] = tables[lang]
    return found


def _plain(value: object) -> str:
    """One line without what does not print."""
    return _CONTROL.sub(" ", str(value).replace("\n", " ").replace("\t", " "))


def _plain_text(value: Any) -> Any:
    """What a template prints, without control characters; its own markup passes."""
    return _CONTROL.sub(" ", value) if type(value) is str and "\n" not in value else value


def _cell(value: object) -> str:
    """Text in Markdown, also inside a table."""
    text = _plain(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", text)


def _fenced(value: object) -> str:
    """A line of a code block, which no run of back-ticks in it can end."""
    return _plain(value).replace("```", "'''")


def number(value: float | None) -> str:
    """A figure as it stands in the document; a dash where it is unknown."""
    return "–" if value is None else repr(value) if isinstance(value, float) else str(value)


def _list_of(values: Sequence[object], none: str) -> str:
    return ", ".join(map(str, values)) or none


def _met(passed: bool | None, words: Mapping[str, str]) -> str:
    return words["undecided" if passed is None else "passed" if passed else "failed"]


def _message(entry: object, lang: str) -> str:
    """A finding in the language of the report; a text as it is."""
    if not isinstance(entry, dict):
        return str(entry)
    return catalogue.message(entry["id"], entry.get("args", {}), entry["message"], lang)


def _translator(words: Mapping[str, str]) -> Callable[..., str]:
    def t(key: str, **values: object) -> str:
        return words[key].format(**values) if values else words[key]

    return t


def render(form: str, documents: Sequence[Mapping[str, Any]], lang: str, version: str) -> str:
    """`md` or `html` of one or several runs."""
    import jinja2

    words = texts(lang)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(assets() / "report"),
        autoescape=form == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain_text,
    )
    environment.filters |= {
        "cell": _cell if form == "md" else _plain,
        "fenced": _fenced,
        "number": number,
        "list_of": partial(_list_of, none=words["none"]),
        "met": partial(_met, words=words),
        "message": partial(_message, lang=lang),
    }
    template = environment.get_template(f"report.{form}.j2")
    text = template.render(runs=documents, t=_translator(words), lang=lang, version=version)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _csv_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    shared = {
        "run_id": document["run_id"],
        "model": document["model"]["name"],
        "weights": document["weights"],
        "backend": document["backend"],
        "device": document["device"],
    }
    rows = [{"kind": "accuracy", **shared, **row} for row in document["accuracy"]]
    for row in document["performance"]:
        latency = row["latency_ms"]
        rows.append(
            {
                "kind": "performance",
                **shared,
                **row,
                "latency_median_ms": latency["median"],
                "latency_p90_ms": latency["p90"],
                "latency_p99_ms": latency["p99"],
            }
        )
    return rows


def render_csv(documents: Sequence[Mapping[str, Any]]) -> str:
    """A row for each accuracy and each throughput; unknown is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for document in documents:
        writer.writerows(_csv_rows(document))
    return stream.getvalue()
