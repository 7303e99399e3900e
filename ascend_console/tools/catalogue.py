"""Translations: the text of an error, warning or label in the user's language, by its id.

English stands in the code, beside what it describes; `assets/locale/<lang>.toml` has the others:
`[messages]` and `[hints]` by id, and `[words]` for the labels of the front ends.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_Tables = dict[str, dict[str, str]]


@functools.cache
def _load(lang: str) -> _Tables:
    if lang == "en":
        return {}
    import tomllib

    from ascend_console.tools.paths import assets

    path = assets() / "locale" / f"{lang}.toml"
    return tomllib.loads(path.read_text("utf-8"))


def _fill(template: str, values: Mapping[str, str], english: str) -> str:
    try:
        return template.format(**values)
    except (KeyError, IndexError, ValueError):
        return english


def message(text_id: str, values: Mapping[str, str], english: str, lang: str) -> str:
    """The message of an id; the English one where there is no translation."""
    template = _load(lang).get("messages", {}).get(text_id)
    return english if template is None else _fill(template, values, english)


def hint(text_id: str, values: Mapping[str, str], english: str, lang: str) -> str:
    """The hint of an id; the English one where there is no translation."""
    template = _load(lang).get("hints", {}).get(text_id)
    return english if template is None else _fill(template, values, english)


def word(english: str, lang: str) -> str:
    """A label of the front ends."""
    return _load(lang).get("words", {}).get(english, english)
