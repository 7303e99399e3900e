"""What a file of reference figures may hold: every key with what it takes, and every mistake.

The same rules hold for the sets that are shipped and for those of users; the documentation page
`references` shows a whole file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Place = tuple[str | int, ...]
"""Where a value stands: ("title",) or ("throughput", 0, "device")."""

Kind = Literal["guide", "readme", "upstream", "training", "own"]
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """What a key takes, in words and as a test."""

    wanted: str
    accepts: Callable[[Any], bool]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a place: a `value` other than `wanted`, a `missing` or an `unknown` key.

    Of an unknown key `wanted` lists those that there are.
    """

    kind: Literal["value", "missing", "unknown"]
    place: Place
    wanted: str
    value: Any = None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _is_above_zero(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0


def _is_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(_is_whole(part, 1) for part in value)
        and len(set(value)) == len(value)
    )


def _text(*, required: bool = False) -> Rule:
    return Rule("a text", _is_text, required)


def _whole(least: int = 1, *, required: bool = False) -> Rule:
    return Rule(
        f"a whole number of at least {least}", lambda value: _is_whole(value, least), required
    )


def _rate(*, required: bool = False) -> Rule:
    return Rule("a number above 0", _is_above_zero, required)


def _one_of(*values: str, required: bool = False) -> Rule:
    return Rule(f"one of {', '.join(values)}", lambda value: value in values, required)


def _sizes() -> Rule:
    return Rule("a list of different whole numbers of at least 1", _is_sizes)


def _flag() -> Rule:
    return Rule("true or false", lambda value: isinstance(value, bool))


def _tables() -> Rule:
    return Rule(
        "an array of tables",
        lambda value: isinstance(value, list) and all(isinstance(part, dict) for part in value),
    )


def _stage() -> Rule:
    return Rule("a table", lambda value: isinstance(value, dict), required=True)


_BASIS = ("stated", "inferred")
_NOTED = {"line": _whole(), "note": _text(), "note_zh": _text()}

RULES: dict[str, dict[str, Rule]] = {
    "": {
        "schema": Rule(str(SCHEMA), lambda value: type(value) is int and value == SCHEMA, True),
        "id": _text(required=True),
        "model": _text(required=True),
        "title": _text(required=True),
        "title_zh": _text(),
        "about": _text(),
        "about_zh": _text(),
        "kind": _one_of("guide", "readme", "upstream", "training", "own"),
        "date": _text(),
        "source": _text(),
        "official_batch_sizes": _sizes(),
        "official_basis": _one_of(*_BASIS),
        "official_line": _whole(),
        "doubtful": _text(),
        "doubtful_zh": _text(),
        "columns": _tables(),
        "notes": _tables(),
        "accuracy": _tables(),
        "throughput": _tables(),
        "logs": _tables(),
        "timings": _tables(),
        "ratios": _tables(),
        "best": _tables(),
        "judgements": _tables(),
    },
    "columns": {
        "device": _text(required=True),
        "chip": _text(),
        "per": _one_of("card", "chip", required=True),
        "per_basis": _one_of(*_BASIS),
        "factor": _whole(required=True),
        "unit": _one_of("images/s", "batches/s"),
        "unit_basis": _one_of(*_BASIS),
        "precision": _text(),
        "precision_basis": _one_of(*_BASIS),
    },
    "notes": {
        "lines": _sizes(),
        "text": _text(required=True),
        "text_zh": _text(),
    },
    "accuracy": {
        **_NOTED,
        "metric": _text(required=True),
        "value": Rule(
            "a fraction above 0 and at most 1, such as 0.7398",
            lambda value: _is_above_zero(value) and value <= 1,
        ),
        "of": _one_of("om", "checkpoint", "upstream", "training", required=True),
        "device": _text(),
        "against": _text(),
        "batch_sizes": _sizes(),
        "images": _whole(),
        "precision": _text(),
    },
    "throughput": {
        **_NOTED,
        "device": _text(required=True),
        "device_index": _whole(0),
        "batch_size": _whole(required=True),
        "raw": _rate(),
        "printed": _rate(),
        "stated": _rate(),
    },
    "logs": {
        **_NOTED,
        "device": _text(required=True),
        "device_index": _whole(0),
        "batch_size": _whole(required=True),
        "images": _whole(),
        "e2e": _stage(),
        "data_read": _stage(),
        "preprocess": _stage(),
        "infer": _stage(),
        "post": _stage(),
        "contradicts": _flag(),
    },
    "timings": {
        **_NOTED,
        "device": _text(required=True),
        "batch_size": _whole(required=True),
        "name": _one_of("compute", "h2d", "d2h", required=True),
        "min_ms": _rate(),
        "max_ms": _rate(),
        "mean_ms": _rate(required=True),
        "median_ms": _rate(),
        "p99_ms": _rate(),
    },
    "ratios": {
        **_NOTED,
        "a": _text(required=True),
        "b": _text(required=True),
        "batch_size": _whole(),
        "printed": _rate(required=True),
    },
    "best": {
        **_NOTED,
        "device": _text(required=True),
        "batch_size": _whole(),
        "printed": _rate(),
    },
    "judgements": {
        **_NOTED,
        "kind": _one_of("accuracy", "performance", required=True),
        "said": _one_of("met", "not met", required=True),
        "word": _text(),
        "remark": _text(),
        "remark_zh": _text(),
    },
}
"""Table -> key -> what it takes; the empty name is the file itself."""

STAGE = {"rate": _rate(required=True), "latency_ms": _rate(required=True)}
INFER_STAGE = {**STAGE, "interface_rate": _rate(required=True)}
STAGES = ("e2e", "data_read", "preprocess", "infer", "post")


@dataclass(slots=True)
class _Check:
    """The mistakes of one file, in the order in which they are met."""

    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, place: Place, value: Any, wanted: str) -> None:
        self.mistakes.append(Mistake("value", place, wanted, value))

    def table(self, place: Place, values: Mapping[str, Any], rules: Mapping[str, Rule]) -> bool:
        """Judge every key of a table; whether all are well."""
        before = len(self.mistakes)
        for key, value in values.items():
            rule = rules.get(key)
            if rule is None:
                self.mistakes.append(Mistake("unknown", (*place, key), ", ".join(rules)))
            elif not rule.accepts(value):
                self.wrong((*place, key), value, rule.wanted)
        for key, rule in rules.items():
            if rule.required and key not in values:
                self.mistakes.append(Mistake("missing", (*place, key), rule.wanted))
        return len(self.mistakes) == before


def _entries(document: Mapping[str, Any], name: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The tables of an array with their places; nothing where it is no such array."""
    found = document.get(name)
    if isinstance(found, list):
        for index, entry in enumerate(found):
            if isinstance(entry, dict):
                yield (name, index), entry


def _once(check: _Check, document: Mapping[str, Any], name: str, *keys: str) -> None:
    """Note the entries that say again what another one says, by these keys."""
    seen = set()
    for place, entry in _entries(document, name):
        key = tuple(str(entry.get(part)) for part in keys)
        if key in seen:
            check.wrong((*place, keys[0]), entry.get(keys[0]), f"the only one of its {name}")
        seen.add(key)


def _devices(check: _Check, document: Mapping[str, Any]) -> None:
    """Every throughput belongs to a column, which says what its figures are."""
    columns = [entry.get("device") for _, entry in _entries(document, "columns")]
    known = ", ".join(str(device) for device in columns) or "none"
    for place, entry in _entries(document, "throughput"):
        device = entry.get("device")
        if _is_text(device) and device not in columns:
            check.wrong((*place, "device"), device, f"a device of the columns: {known}")
        if not {"raw", "printed", "stated"} & entry.keys():
            check.mistakes.append(
                Mistake("missing", (*place, "printed"), "or raw, or stated, in its place")
            )


def mistakes_in(document: Mapping[str, Any]) -> list[Mistake]:
    """Everything that is wrong in the content of a file; nothing where it is a whole set."""
    check = _Check()
    check.table((), document, RULES[""])
    for name in RULES:
        for place, entry in _entries(document, name) if name else ():
            check.table(place, entry, RULES[name])
    for place, entry in _entries(document, "logs"):
        for stage in STAGES:
            rules = INFER_STAGE if stage == "infer" else STAGE
            if isinstance(entry.get(stage), dict):
                check.table((*place, stage), entry[stage], rules)
    _devices(check, document)
    _once(check, document, "columns", "device")
    _once(check, document, "throughput", "device", "batch_size")
    _once(check, document, "logs", "device", "batch_size")
    _once(check, document, "ratios", "a", "b", "batch_size")
    _once(check, document, "best", "device")
    _once(check, document, "judgements", "kind")
    return check.mistakes


def _key(place: Place) -> str:
    """`throughput[3].batch_size`, counted from 1."""
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).removeprefix(".")


def _error(mistake: Mistake, path: str, line: int | None) -> UserError:
    where = path if line is None else f"{path}, line {line}"
    facts = {"where": where, "path": path, "line": line, "key": _key(mistake.place)}
    if mistake.kind == "unknown":
        return UserError(
            "reference.key",
            "{where}: there is no key {key}",
            hint="Known there: {known}.",
            known=mistake.wanted,
            **facts,
        )
    if mistake.kind == "missing":
        return UserError(
            "reference.missing",
            "{where}: {key} is missing, {wanted}",
            hint="Add it there; the documentation page references has an example.",
            wanted=mistake.wanted,
            **facts,
        )
    return UserError(
        "reference.value",
        "{where}: {key} is {value}, and must be {wanted}",
        hint="Correct it; the documentation page references has an example.",
        value=repr(mistake.value),
        wanted=mistake.wanted,
        **facts,
    )


def error_of(
    mistakes: Sequence[Mistake], path: str, line_of: Callable[[Place], int] | None
) -> UserError:
    """The one mistake, or all of them, each with its key and, where `line_of` tells, its line."""
    errors = []
    for mistake in mistakes:
        place = mistake.place[:-1] if mistake.kind == "missing" else mistake.place
        line = line_of(place) if line_of and place else 1
        errors.append(_error(mistake, path, line if line_of else None))
    if len(errors) == 1:
        return errors[0]
    texts = [entry.message.removeprefix(path) for entry in errors]
    return UserError(
        "reference.mistakes",
        "{path} has {count} mistakes: {mistakes}",
        hint="Correct these lines; the documentation page references has an example.",
        path=path,
        count=len(errors),
        mistakes="; ".join(text.removeprefix(", ").removeprefix(": ") for text in texts),
    )
