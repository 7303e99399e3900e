"""A request is a frozen dataclass whose fields are its options, its flags and its record.

@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    onnx: Path = option("ONNX file to convert.")
    batch_size: int = option("Images per inference.", default=1, unit="images")
"""

from __future__ import annotations

import types
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option as parsers, forms and help read it. `kind` is the type of a single value."""

    name: str
    help: str
    kind: type[Any]
    many: bool
    required: bool
    default: Any
    default_text: str
    unit: str
    positional: bool
    minimum: float | None
    choices: tuple[str, ...]
    short: str = ""
    known: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def flag(self) -> str:
        """`batch_size` as it is typed: `--batch-size`; a positional as itself."""
        return self.name if self.positional else "--" + self.name.replace("_", "-")


def option(
    help: str,
    *,
    default: Any = MISSING,
    default_text: str = "",
    unit: str = "",
    positional: bool = False,
    minimum: float | None = None,
    choices: Callable[[], tuple[str, ...]] | None = None,
    known: Callable[[], tuple[str, ...]] | None = None,
    short: str = "",
    repeated: bool = False,
) -> Any:
    """A field of a request. `default_text` says what None stands for; `choices` is asked late.

    `known` values are shown like choices, and others are left for the job to judge. `short` is a
    second spelling, such as `-o`. A `repeated` option takes one value each time that it is typed,
    commas included.
    """
    meta = {
        "help": help,
        "default_text": default_text,
        "unit": unit,
        "positional": positional,
        "minimum": minimum,
        "choices": choices,
        "known": known,
        "short": short,
        "repeated": repeated,
    }
    if default is MISSING:
        return field(metadata=meta)
    return field(default=default, metadata=meta)


def _single(annotation: Any) -> tuple[Any, bool]:
    """The type of one value, and whether a comma list of them is taken."""
    if get_origin(annotation) in (types.UnionType, Union):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return _single(get_args(annotation)[0])[0], True
    return annotation, False


_known: dict[type[Any], tuple[Option, ...]] = {}


def options_of(request: type[Any]) -> tuple[Option, ...]:
    """The options of a request class, in the order of its fields; read once for each class."""
    if request not in _known:
        _known[request] = _read_options(request)
    return _known[request]


def _read_options(request: type[Any]) -> tuple[Option, ...]:
    hints = get_type_hints(request)
    found = []
    for entry in fields(request):
        kind, many = _single(hints[entry.name])
        meta = entry.metadata
        choices = tuple(meta["choices"]()) if meta["choices"] else ()
        if get_origin(kind) is Literal:
            kind, choices = str, tuple(str(choice) for choice in get_args(kind))
        found.append(
            Option(
                name=entry.name,
                help=meta["help"],
                kind=kind,
                many=many,
                required=entry.default is MISSING,
                default=None if entry.default is MISSING else entry.default,
                default_text=meta["default_text"],
                unit=meta["unit"],
                positional=meta["positional"],
                minimum=meta["minimum"],
                choices=choices,
                short=meta["short"],
                repeated=meta["repeated"],
                known=tuple(meta["known"]()) if meta["known"] else (),
            )
        )
    return tuple(found)


def _convert(entry: Option, text: str) -> Any:
    """One value from its text; UserError names the option and what it takes."""
    if entry.choices and text not in entry.choices:
        raise UserError(
            "option.choice",
            "{flag} does not know {text!r}",
            hint="Choose one of: {known}.",
            flag=entry.flag,
            text=text,
            known=", ".join(entry.choices),
        )
    try:
        value = entry.kind(text)
    except ValueError:
        value = None
    too_small = entry.minimum is not None and value is not None and not value >= entry.minimum
    if value is None or text == "" or too_small:
        wanted = {int: "a whole number", float: "a number"}.get(entry.kind, "a value")
        limit = f" of at least {entry.minimum:g}" if entry.minimum is not None else ""
        raise UserError(
            "option.value",
            "{flag} takes {wanted}, not {text!r}",
            hint="Write it as {flag} VALUE; --help shows an example.",
            flag=entry.flag,
            wanted=wanted + limit,
            text=text,
        )
    return value


def parse_value(entry: Option, text: str | Sequence[str]) -> Any:
    """The value of an option from what was typed.

    Several are separated by commas; several positionals are words of their own.
    """
    if not isinstance(text, str):
        return tuple(_convert(entry, part) for part in text)
    if not entry.many:
        return _convert(entry, text)
    values = tuple(_convert(entry, part.strip()) for part in text.split(","))
    if len(set(values)) < len(values):
        raise UserError(
            "option.repeated",
            "{flag} names a value twice: {text}",
            hint="Name each value once.",
            flag=entry.flag,
            text=text,
        )
    return values


def build_request(request: type[Any], typed: Mapping[str, str | bool | Sequence[str]]) -> Any:
    """The request from what was typed; UserError for what is missing or cannot be read."""
    values: dict[str, Any] = {}
    for entry in options_of(request):
        if entry.name in typed:
            raw = typed[entry.name]
            values[entry.name] = raw if isinstance(raw, bool) else parse_value(entry, raw)
        elif entry.required:
            raise UserError(
                "option.missing",
                "{flag} is missing: {help}",
                hint="Add {flag}; --help shows an example.",
                flag=entry.flag,
                help=entry.help,
            )
    return request(**values)


def request_document(request: Any) -> dict[str, Any]:
    """A request as JSON values, for run.json: paths as text, tuples as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        return value

    return {entry.name: plain(getattr(request, entry.name)) for entry in fields(request)}


def request_from_document(request: type[Any], document: Mapping[str, Any]) -> Any:
    """The request that `request_document` gave; keys that are no fields any more are left out."""

    def value(entry: Option, stored: Any) -> Any:
        if stored is None:
            return None
        if entry.many:
            return tuple(entry.kind(part) for part in stored)
        return entry.kind(stored)

    known = {entry.name: entry for entry in options_of(request)}
    return request(
        **{name: value(known[name], stored) for name, stored in document.items() if name in known}
    )
