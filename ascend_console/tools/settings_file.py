"""The settings file: TOML, every key known, every mistake named with file, key and line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEYS: dict[str, tuple[type, tuple[Any, ...]]] = {
    "workspace": (str, ()),
    "lang": (str, ("en", "zh")),
    "color": (bool, ()),
}
"""Key -> type and, where only some values are allowed, those."""


ABOUT: dict[str, str] = {
    "workspace": "Folder of runs, checkpoints and cache. Default: the user data folder.",
    "lang": "Language of messages: en or zh. Default: that of LANG.",
    "color": "Colours: true, or false for none. Default: true.",
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
    if isinstance(value, kind) and (not allowed or value in allowed) and value != "":
        return None
    wanted = " or ".join(map(repr, allowed)) or {str: "a text", bool: "true or false"}[kind]
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

    A text in JSON is one in TOML too.
    """
    lines = [
        "# Settings of ascend-console. Environment variables and flags go before what stands here.",
        "# Take the # away from a line to set it.",
    ]
    for key, about in ABOUT.items():
        lines += ["", f"# {about}", f"# {key} = {json.dumps(defaults[key])}"]
    return "\n".join(lines) + "\n"
