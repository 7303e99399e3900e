"""A report's document with the texts that the templates print beside its figures."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_HIDDEN = ("published_environment", "paper_title", "paper_url", "repository", "branch", "commit")


def _text(value: object) -> str:
    """A value of a table of facts: lists and mappings as people write them."""
    if isinstance(value, dict):
        shown = (
            {**value, "shape": "x".join(map(str, value["shape"]))} if "shape" in value else value
        )
        return ", ".join(f"{key} {_text(entry)}" for key, entry in shown.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)


def _decided(entry: Mapping[str, Any], verdict: str) -> dict[str, Any]:
    """A gate or a row as it may be called: without a FAIL nothing is missed, only undecided."""
    passed = None if verdict != "FAIL" and entry["passed"] is False else entry["passed"]
    return {**entry, "passed": passed}


def _remark(told: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if told["own"]:
        return str(told["own"])
    return " ".join(words[entry["id"]].format(**entry["args"]) for entry in told["told"])


def with_texts(document: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """The document for the templates, which add no figure of their own."""
    from ascend_console.tools.report_render import texts

    words = texts(lang)
    card = document["model"]
    return {
        **document,
        "model": {"paper_title": None, "paper_url": None, "repository": None, "branch": None,
                  "commit": None, **card},
        "gates": [_decided(gate, document["verdict"]) for gate in document["gates"]],
        "accuracy": [_decided(row, document["verdict"]) for row in document["accuracy"]],
        "cpu": str(document["device"]).startswith("cpu"),
        "card_rows": [(key, _text(value)) for key, value in card.items() if key not in _HIDDEN],
        "environment_rows": [
            (key, _text(value)) for key, value in document["environment"].items()
        ],
        "fingerprint_rows": [
            (key, _text(value)) for key, value in (document["fingerprint"] or {}).items()
        ],
        "command_lines": [shlex.join(command) for command in document["commands"] if command],
        "remark_texts": {
            kind: _remark(told, words) for kind, told in document["remarks"].items()
        },
    }  # fmt: skip
