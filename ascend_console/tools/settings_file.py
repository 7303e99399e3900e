"""The settings file: TOML, every key known, every mistake named with file, key and line."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from ascend_console.core.actions import check_remap
from ascend_console.core.errors import UserError
from ascend_console.core.settings import BaselineSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEYS: dict[str, tuple[type, tuple[Any, ...]]] = {
    "workspace": (str, ()),
    "lang": (str, ("en", "zh")),
    "color": (bool, ()),
    "theme": (str, ("dark", "light", "contrast", "terminal", "mono")),
    "glyphs": (str, ("unicode", "ascii")),
    "refresh": (int, (1, 2, 4, 5, 10)),
    "keys": (dict, ()),
    "baseline": (dict, ()),
}
"""Key -> type and, where only some values are allowed, those."""


_KINDS = {str: "a text", bool: "true or false", int: "a number", dict: "a table"}

ABOUT: dict[str, str] = {
    "workspace": "Folder of runs, checkpoints and cache. Default: the user data folder.",
    "lang": "Language of messages: en or zh. Default: that of LANG.",
    "color": "Colours: true, or false for none. Default: true.",
    "theme": "Look of the screens. Default: what the terminal can show, dark.",
    "glyphs": "Signs of the screens: unicode, or ascii for 7-bit ones. Default: unicode.",
    "refresh": "How often the screens change in a second. Default: 10, over SSH 4.",
    "keys": "Keys of the screens: a table of action ids, which the help page names, and keys.",
    "baseline": "What a run may lose against its --baseline: points of accuracy, percent of "
    "throughput.",
}
"""Key -> what it sets, in one sentence each, and the default."""


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.match(line):
            return number
    return 1


def _mistake(path: Path, text: str, key: str, value: Any) -> UserError | None:
    line = _line_of(text, key)
    if key not in KEYS:
        return UserError(
            "config.key",
            "{path}, line {line}: there is no setting {key!r}",
            hint="Known settings: {known}.",
            path=path,
            line=line,
            key=key,
            known=", ".join(KEYS),
        )
    kind, allowed = KEYS[key]
    if key == "keys" and isinstance(value, dict):
        return _mistaken_keys(path, text, value)
    if key == "baseline" and isinstance(value, dict):
        return _mistaken_limits(path, text, value)
    if isinstance(value, kind) and (not allowed or value in allowed) and value != "":
        return None
    wanted = " or ".join(map(repr, allowed)) or _KINDS[kind]
    return UserError(
        "config.value",
        "{path}, line {line}: {key} is {value}, and must be {wanted}",
        hint="Correct that line.",
        path=path,
        line=line,
        key=key,
        value=repr(value),
        wanted=wanted,
    )


def _mistaken_keys(path: Path, text: str, value: dict[str, Any]) -> UserError | None:
    """What is wrong in the table of keys."""
    wrong = next((name for name, keys in value.items() if not isinstance(keys, str)), None)
    if wrong is not None:
        return UserError(
            "config.value",
            "{path}, line {line}: {key} is {value}, and must be {wanted}",
            hint="Correct that line.",
            path=path,
            line=_line_of(text, wrong),
            key=wrong,
            value=repr(value[wrong]),
            wanted=_KINDS[str],
        )
    try:
        check_remap(value)
    except UserError as error:
        named = error.values.get("name") or error.values.get("second") or "keys"
        return UserError(
            error.id,
            "{path}, line {line}: {problem}",
            hint="{advice}",
            path=path,
            line=_line_of(text, named),
            problem=error.message,
            advice=error.hint,
            **error.values,
        )
    return None


def _mistaken_limits(path: Path, text: str, value: dict[str, Any]) -> UserError | None:
    """What is wrong in the table of the baseline."""
    known = [entry.name for entry in fields(BaselineSettings)]
    for name, limit in value.items():
        if name not in known:
            return UserError(
                "config.key",
                "{path}, line {line}: there is no setting {key!r}",
                hint="Known settings: {known}.",
                path=path,
                line=_line_of(text, name),
                key=f"baseline.{name}",
                known=", ".join(f"baseline.{known_name}" for known_name in known),
            )
        is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if not is_number or not 0 <= limit < math.inf:
            return UserError(
                "config.value",
                "{path}, line {line}: {key} is {value}, and must be {wanted}",
                hint="Correct that line.",
                path=path,
                line=_line_of(text, name),
                key=f"baseline.{name}",
                value=repr(limit),
                wanted="a number of at least 0",
            )
    return None


def _syntax(path: Path, text: str, error: ValueError) -> UserError:
    named = re.search(r"at line (\d+)", str(error))
    return UserError(
        "config.syntax",
        "{path}, line {line}: this is no readable TOML: {reason}",
        hint='Correct that line. A text stands in quotes: lang = "en".',
        path=path,
        line=named[1] if named else max(1, len(text.splitlines())),
        reason=error,
    )


def _load(path: Path) -> tuple[dict[str, Any], list[UserError]]:
    """The values of a file that exists, those without mistakes alone, and every mistake."""
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        unreadable = UserError(
            "config.unreadable",
            "{path} cannot be read: {reason}",
            hint="Correct the file (it must be UTF-8 text), or move it away.",
            path=path,
            reason=getattr(error, "strerror", None) or error,
        )
        return {}, [unreadable]
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        return {}, [_syntax(path, text, error)]
    found = {key: _mistake(path, text, key, value) for key, value in values.items()}
    mistakes = sorted(filter(None, found.values()), key=lambda entry: int(entry.values["line"]))
    return {key: value for key, value in values.items() if found[key] is None}, mistakes


def exists(path: Path) -> bool:
    """Whether there is something at `path`, readable or not."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def mistakes(path: Path) -> list[UserError]:
    """Every mistake of a file that exists, each with file and, where there is one, line and key."""
    return _load(path)[1]


def read_valid(path: Path) -> dict[str, Any]:
    """The settings without those that are mistaken; nothing where there is no file."""
    return _load(path)[0] if exists(path) else {}


def read(path: Path, *, required: bool) -> dict[str, Any]:
    """The settings of a file; nothing where it does not exist and is not `required`.

    UserError names the first mistake.
    """
    if not exists(path):
        if not required:
            return {}
        raise UserError(
            "config.missing",
            "there is no settings file {path}",
            hint="Check --config, or write one with `ascend-console config init`.",
            path=path,
        )
    values, found = _load(path)
    if found:
        raise found[0]
    return values


def default_text(defaults: Mapping[str, Any]) -> str:
    """A settings file that sets nothing: every key as a comment, with its default from `defaults`.

    The limits of a baseline are those of `BaselineSettings` where `defaults` has none.
    """
    lines = [
        "# Settings of ascend-console. Environment variables and flags go before what stands here.",
        "# Take the # away from a line to set it.",
    ]
    every = {"baseline": asdict(BaselineSettings()), **defaults}
    for key, about in ABOUT.items():
        lines += ["", f"# {about}", f"# {key} = {_toml(every[key])}"]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A value in one line; a text, a number or a flag in JSON is one in TOML too."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    return "{" + ", ".join(f"{name} = {_toml(entry)}" for name, entry in value.items()) + "}"
