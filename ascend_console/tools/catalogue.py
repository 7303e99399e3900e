"""Translations: the text of an error, warning or label in the user's language, by its id.

English stands in the code, beside what it describes; `assets/locale/<lang>.toml` has the others:
`[messages]` and `[hints]` by id, `[words]` for the labels of the
headless front end, `[screens]` for the texts of the screens, and `[phrases.NAME]`
for what the value NAME of a message can be, where that is English too.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Mapping

_Tables = dict[str, dict[str, Any]]
_Phrases = dict[str, list[tuple[re.Pattern[str], str]]]


@functools.cache
def _load(lang: str) -> _Tables:
    if lang == "en":
        return {}
    import tomllib

    from ascend_console.tools.paths import assets

    try:
        return tomllib.loads((assets() / "locale" / f"{lang}.toml").read_text("utf-8"))
    except (ConsoleError, OSError):
        # What an incomplete installation has to say must still come out, if in English.
        return {}


def _pattern(english: str) -> re.Pattern[str]:
    """What matches a phrase, where the names in its braces stand for any text."""
    parts = re.split(r"\{(\w+)\}", english)
    texts = (f"(?P<{part}>.+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    return re.compile("".join(texts), re.DOTALL)


@functools.cache
def _phrases(lang: str) -> _Phrases:
    tables: dict[str, dict[str, str]] = _load(lang).get("phrases", {})
    return {
        name: [(_pattern(english), text) for english, text in table.items()]
        for name, table in tables.items()
    }


def _value(name: str, value: str, lang: str) -> str:
    """A value of a message; translated where it is one of the known phrases of its name."""
    for pattern, text in _phrases(lang).get(name, ()):
        found = pattern.fullmatch(value)
        if found:
            return text.format(**found.groupdict())
    return value


def _text(table: str, text_id: str, values: Mapping[str, str], english: str, lang: str) -> str:
    template = _load(lang).get(table, {}).get(text_id)
    if template is None or not english:
        return english
    known = {name: _value(name, value, lang) for name, value in values.items()}
    try:
        return str(template.format(**known))
    except (KeyError, IndexError, ValueError):
        return english


def message(text_id: str, values: Mapping[str, str], english: str, lang: str) -> str:
    """The message of an id; the English one where there is no translation that its values fill."""
    return _text("messages", text_id, values, english, lang)


def hint(text_id: str, values: Mapping[str, str], english: str, lang: str) -> str:
    """The hint of an id, as `message`; none where there is none in English."""
    return _text("hints", text_id, values, english, lang)


def word(english: str, lang: str) -> str:
    """A label of the headless front end."""
    return str(_load(lang).get("words", {}).get(english, english))


def screen_text(english: str, lang: str) -> str:
    """A text of the screens, or a label that both front ends have."""
    return str(_load(lang).get("screens", {}).get(english) or word(english, lang))
