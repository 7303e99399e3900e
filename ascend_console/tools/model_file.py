"""A model that a user describes in a TOML file: what may stand there, and every mistake named.

Here each key is judged by itself; what keys mean together is in `model_spec`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Place = tuple[str | int, ...]
"""Where a value stands: ("input", "shape") or ("references", 0, "metric")."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a key takes, in words and as a test."""

    wanted: str
    accepts: Callable[[Any], bool]
    required: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_list(value: Any, accepts: Callable[[Any], bool], length: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and all(map(accepts, value))
        and (len(value) == length if length else bool(value))
    )


def _text(*, required: bool = False) -> Rule:
    return Rule("a text", _is_text, required)


def _count() -> Rule:
    return Rule("a whole number of at least 1", _is_count)


def _one_of(*values: str, required: bool = False) -> Rule:
    return Rule(" or ".join(map(repr, values)), lambda value: value in values, required)


def _sizes() -> Rule:
    return Rule(
        "a list of different whole numbers of at least 1",
        lambda value: _is_list(value, _is_count) and len(set(value)) == len(value),
    )


_THREE = "a list of three numbers, one a channel"

RULES: dict[str, dict[str, Rule]] = {
    "": {
        "name": _text(required=True),
        "title": _text(),
        "summary": _text(),
        "task": _one_of("classification", "attributes", required=True),
        "onnx": _text(),
        "checkpoint": _text(),
        "architecture": _text(),
        "labels": Rule(
            "a list of different texts, or the path of a file with one a line",
            lambda value: (
                _is_text(value) or (_is_list(value, _is_text) and len(set(value)) == len(value))
            ),
        ),
        "official_batch_sizes": _sizes(),
        "tested_batch_sizes": _sizes(),
        "fixed_batch": Rule("true or false", lambda value: isinstance(value, bool)),
        "input": Rule("a table", lambda value: isinstance(value, dict)),
        "preprocess": Rule("a table", lambda value: isinstance(value, dict)),
        "output": Rule("a table", lambda value: isinstance(value, dict)),
        "references": Rule(
            "an array of tables",
            lambda value: _is_list(value, lambda entry: isinstance(entry, dict)),
        ),
    },
    "input": {
        "name": _text(),
        "shape": Rule(
            "the three sizes of one image, such as [3, 224, 224]",
            lambda value: _is_list(value, _is_count, 3),
        ),
        "dtype": _one_of("float32", "uint8"),
        "layout": _one_of("NCHW", "NHWC"),
    },
    "preprocess": {
        "variant": _text(),
        "resize": _one_of("short", "exact"),
        "size": _count(),
        "filter": _one_of("bilinear", "bicubic"),
        "crop": _count(),
        "mean": Rule(_THREE, lambda value: _is_list(value, _is_number, 3)),
        "std": Rule(
            "a list of three numbers above 0, one a channel",
            lambda value: _is_list(value, lambda one: _is_number(one) and one > 0, 3),
        ),
        "dtype": _one_of("float32", "uint8"),
        "layout": _one_of("NCHW", "NHWC"),
    },
    "output": {
        "name": _text(),
        "shape": Rule(
            "the number of values of one image, such as [1000]",
            lambda value: _is_list(value, _is_count, 1),
        ),
        "index": Rule(
            "the number of an output, from 0", lambda value: type(value) is int and value >= 0
        ),
    },
    "references": {
        "metric": _text(required=True),
        "value": Rule(
            "a fraction above 0 and at most 1, such as 0.7398",
            lambda value: _is_number(value) and 0 < value <= 1,
            required=True,
        ),
        "source": _text(required=True),
        "images": Rule("a whole number of at least 1", _is_count, required=True),
    },
}
"""Table -> key -> what it takes; the empty name is the file itself."""


def _within(document: Any, place: Place) -> bool:
    for part in place:
        if isinstance(part, int):
            if not isinstance(document, list) or len(document) <= part:
                return False
        elif not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return True


def line_of(text: str, place: Place) -> int:
    """The line, from 1, in which the statement begins that sets `place`, else what it stands in.

    A file's first lines are whole TOML wherever a statement ends; the statement after whose end
    the place is there is the one that sets it.
    """
    import tomllib

    lines = text.split("\n")
    begin = 0
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]))
        except ValueError:
            continue
        if _within(document, place):
            stated = (n for n in range(begin, end) if lines[n].strip()[:1] not in ("", "#"))
            return next(stated, begin) + 1
        begin = end
    return line_of(text, place[:-1]) if len(place) > 1 else 1


def key_text(place: Place) -> str:
    """`input.shape`; the number of a table in an array is left out, the line tells it."""
    return ".".join(part for part in place if isinstance(part, str))


@dataclass(slots=True)
class ModelFile:
    """One file as it was read: its values, those of wrong kind left out, and what is wrong."""

    path: Path
    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    mistakes: list[UserError] = field(default_factory=list)

    def get(self, *place: str | int, default: Any = None) -> Any:
        """The value that stands at a place."""
        found: Any = self.values
        for part in place:
            found = found.get(part) if isinstance(found, dict) else found[part]
            if found is None:
                return default
        return found

    def wrong(self, place: Place, value: Any, wanted: str) -> None:
        """Note a value that cannot be right."""
        self.mistakes.append(
            UserError(
                "model_file.value",
                "{path}, line {line}: {key} is {value}, and must be {wanted}",
                hint="Correct that line; the documentation page user-models has an example.",
                path=self.path,
                line=line_of(self.text, place),
                key=key_text(place),
                value=repr(value),
                wanted=wanted,
            )
        )

    def missing(self, place: Place, wanted: str) -> None:
        """Note a key that must be there; one whose value was wrong is noted already."""
        if key_text(place) in {entry.values.get("key") for entry in self.mistakes}:
            return
        self.mistakes.append(
            UserError(
                "model_file.missing",
                "{path}, line {line}: {key} is missing, {wanted}",
                hint="Add it there; the documentation page user-models has an example.",
                path=self.path,
                line=line_of(self.text, place[:-1]) if len(place) > 1 else 1,
                key=key_text(place),
                wanted=wanted,
            )
        )

    def unknown(self, place: Place, known: Mapping[str, Rule]) -> None:
        """Note a key that nothing reads."""
        self.mistakes.append(
            UserError(
                "model_file.key",
                "{path}, line {line}: there is no key {key!r}",
                hint="Known there: {known}.",
                path=self.path,
                line=line_of(self.text, place),
                key=key_text(place),
                known=", ".join(known),
            )
        )

    def no_file(self, place: Place, file: Path) -> None:
        """Note a path that leads to no file."""
        self.mistakes.append(
            UserError(
                "model_file.no_file",
                "{path}, line {line}: {key} names {file}, which is no file",
                hint="Correct the path; a relative one begins at the folder of {path}.",
                path=self.path,
                line=line_of(self.text, place),
                key=key_text(place),
                file=file,
            )
        )

    def clash(self) -> None:
        """Note that the name is taken."""
        self.mistakes.append(
            UserError(
                "model_file.clash",
                "{path}, line {line}: name is {name!r}, and a model of the zoo has that name",
                hint="Choose another name for the model and its file.",
                path=self.path,
                line=line_of(self.text, ("name",)),
                key="name",
                name=self.path.stem,
            )
        )

    def require_sound(self) -> None:
        """Raise what is wrong: the one mistake, or all of them in the order of their lines."""
        if len(self.mistakes) == 1:
            raise self.mistakes[0]
        if self.mistakes:
            ordered = sorted(self.mistakes, key=lambda entry: int(entry.values.get("line", 0)))
            texts = [entry.message.removeprefix(f"{self.path}, ") for entry in ordered]
            raise UserError(
                "model_file.mistakes",
                "{path} has {count} mistakes: {mistakes}",
                hint="Correct these lines; the documentation page user-models has an example.",
                path=self.path,
                count=len(texts),
                mistakes="; ".join(texts),
            )

    def check_table(self, place: Place, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
        """Judge every key of one table; wrong ones are noted and taken out of `values`."""
        for key in list(values):
            rule = rules.get(key)
            if rule is None:
                self.unknown((*place, key), rules)
                del values[key]
            elif not rule.accepts(values[key]):
                self.wrong((*place, key), values.pop(key), rule.wanted)
        for key, rule in rules.items():
            if rule.required and key not in values:
                self.missing((*place, key), rule.wanted)


def read_model_file(path: Path) -> ModelFile:
    """The file with every mistake that a single key can have; UserError where it is no TOML."""
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "model_file.unreadable",
            "{path} cannot be read: {reason}",
            hint="Correct the file (it must be UTF-8 text), or move it away.",
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        named = re.search(r"at line (\d+)", str(error))
        raise UserError(
            "model_file.syntax",
            "{path}, line {line}: this is no readable TOML: {reason}",
            hint='Correct that line. A text stands in quotes: task = "classification".',
            path=path,
            line=named[1] if named else max(1, len(text.splitlines())),
            reason=error,
        ) from error
    file = ModelFile(path, text, values)
    file.check_table((), values, RULES[""])
    for table in ("input", "preprocess", "output"):
        if table in values:
            file.check_table((table,), values[table], RULES[table])
    for index, entry in enumerate(values.get("references", ())):
        file.check_table(("references", index), entry, RULES["references"])
    return file
