"""The settings file: TOML, every key known, every mistake named with file, key and line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

KEYS: dict[str, tuple[type, tuple[Any, ...]]] = {
    "workspace": (str, ()),
    "lang": (str, ("en", "zh")),
    "color": (bool, ()),
}
"""Key -> type and, where only some values are allowed, those."""


def _line_of(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return 1


def _check(path: Path, text: str, key: str, value: Any) -> None:
    line = _line_of(text, key)
    if key not in KEYS:
        raise UserError(
            "config.key",
            "{path}, line {line}: there is no setting {key!r}",
            hint="Known settings: {known}.",
            path=path,
            line=line,
            key=key,
            known=", ".join(KEYS),
        )
    kind, allowed = KEYS[key]
    if not isinstance(value, kind) or (allowed and value not in allowed):
        wanted = " or ".join(map(repr, allowed)) or {str: "a text", bool: "true or false"}[kind]
        raise UserError(
            "config.value",
            "{path}, line {line}: {key} is {value}, and must be {wanted}",
            hint="Correct that line.",
            path=path,
            line=line,
            key=key,
            value=repr(value),
            wanted=wanted,
        )


def read(path: Path, *, required: bool) -> dict[str, Any]:
    """The settings of a file; nothing where it does not exist and is not `required`."""
    if not required and not path.exists():
        return {}
    import tomllib

    try:
        text = path.read_text("utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        raise UserError(
            "config.missing",
            "there is no settings file {path}",
            hint="Check --config, or leave it out.",
            path=path,
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            "config.unreadable",
            "{path} is no readable TOML file: {reason}",
            hint="Correct the file, or move it away.",
            path=path,
            reason=error,
        ) from error
    for key, value in values.items():
        _check(path, text, key, value)
    return values
