"""The error and warning blocks of CANN: code, message, possible cause, solution, traceback.

Five generations of the first line exist, from `E10007: text` to
`[PID: n] time Error_Title(E10007): text`; a code is found by its form, never by its column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ascend_console.ascend.log_text import count

CODE = r"[EW][0-9A-Z][0-9]{4}|E[A-Z][0-9]{3}"

_ANY = re.compile(r"[EW][0-9A-Z][0-9]{3}|E[A-Z][0-9]{3}")
_COLON = re.compile(rf"(?:^|(?<=[\s>\])|\"'`]))({CODE})(?:\[PID:\s*[0-9]{{1,10}}\])?\s?[:：]")
_TITLE = re.compile(rf"(?:^|(?<=[\s\])]))([A-Za-z][A-Za-z_]{{0,79}})\(({CODE})\)\s?[:：]")
_BARE = re.compile(rf"\s*({CODE})(?=\s|\[PID)")
_PID = re.compile(r"\[PID:\s*([0-9]{1,10})\]")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{2}:[0-9]{2}:[0-9]{2}[.0-9]{0,12}")
_LEAD = re.compile(
    rf"\s*(?:{_PID.pattern}|{_TIME.pattern}|(?:[A-Za-z][A-Za-z_]{{0,79}}\()?(?:{CODE})"
    rf"(?:\)\s?[:：]|\s?[:：]|\s))"
)
_INNER = re.compile(r"\s*(?:An )?(?:inner|internal) error!?\.?\s*", re.IGNORECASE)
_FIELD = re.compile(r"(Possible Cause|Solution)\s?[:：]", re.IGNORECASE)
_TRACE = re.compile(r"\s*Trace\s?[Bb]ack \(most recent call last\):?\s*$")
_LEVEL = re.compile(r"\s*\[(?:INFO|WARN|WARNING|ERROR|DEBUG)\]|ATC run |Traceback \(")
_GLUED = re.compile(r"\[(?:INFO|WARN|WARNING)\] ")
_PLACE = re.compile(r"\[FUNC:[^\]]*\](?:\[FILE:[^\]]*\])?(?:\[LINE:?[^\]]*\]?)?")
_LONGEST_TRACE = 400
# Process id, time, title and code can each stand once more behind an inner error.
_MOST_LEADS = 8

_OPERATORS = (
    re.compile(r"Op \[([^,\[\]]{1,400}), optype \[([^\[\]]{1,200})\]\]"),
    re.compile(r"found for \[([^\[\]]{1,400})\], optype \[([^\[\]]{1,200})\]"),
    re.compile(r"Op \[([^\[\]]{1,400})\]\.? \(optype: \[([^\[\]]{1,200})\]\)"),
    re.compile(r"Op:? ([^\s,\[\]]{1,400}), [oO]ptype:? ([^\s,.\[\]]{1,200})"),
    re.compile(r"Operator ([^\s,]{1,400}) compilation failed\. ?Optype is ([^\s,.]{1,200})"),
    re.compile(r"Op ([^\s,]{1,400})\. oppath is .{0,400} optype is ([^\s,.]{1,200})"),
)
_TYPE_ONLY = re.compile(r"Optype \[([^\[\]]{1,200})\] of Ops kernel")
_DOMAIN_TYPE = re.compile(r"(?:ai\.onnx|[A-Za-z_.]{1,80})::([0-9]{1,3})::([A-Za-z0-9_]{1,120})")


@dataclass(frozen=True, slots=True)
class ErrorBlock:
    """One coded message; texts are the tool's own, empty where it printed none."""

    code: str
    message: str
    pid: int | None = None
    time: str = ""
    title: str = ""
    possible_cause: str = ""
    solution: str = ""
    traceback: tuple[str, ...] = ()

    @property
    def is_warning(self) -> bool:
        """True for a W code: the tool went on."""
        return self.code.startswith("W")


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator that a message blames; unknown parts are empty or None."""

    name: str
    type: str
    opset: int | None = None


@dataclass(slots=True)
class _Open:
    """A block whose lines are still coming."""

    code: str
    message: str
    pid: int | None
    time: str
    title: str
    inner: bool
    fields: dict[str, str] = field(default_factory=dict)
    trace: list[str] | None = None

    def closed(self) -> ErrorBlock:
        return ErrorBlock(
            code=self.code,
            message=self.message,
            pid=self.pid,
            time=self.time,
            title=self.title,
            possible_cause=self.fields.get("possible cause", ""),
            solution=self.fields.get("solution", ""),
            traceback=tuple(self.trace or ()),
        )


def without_place(text: str) -> str:
    """A message without its `[FUNC:…][FILE:…][LINE:…]`."""
    return " ".join(_PLACE.sub("", text).split())


def _headline(line: str) -> _Open | None:
    """The block that a line opens, if it carries a code."""
    if _ANY.search(line) is None:
        return None
    title = _TITLE.search(line)
    colon = _COLON.search(line)
    bare = _BARE.match(line)
    if title:
        code, end = title[2], title.end()
    elif colon:
        code, end = colon[1], colon.end()
    elif bare:
        code, end = bare[1], bare.end(1)
    else:
        return None
    rest = _GLUED.split(line[end:], maxsplit=1)[0]
    inner = _INNER.match(rest)
    if inner:
        rest = rest[inner.end() :]
    head = line[:end] + " "
    for _ in range(_MOST_LEADS):
        lead = _LEAD.match(rest)
        if lead is None:
            break
        head += lead[0]
        rest = rest[lead.end() :]
    pid, time = _PID.search(head), _TIME.search(head)
    rest, *glued = _FIELD.split(rest)
    opened = _Open(
        code=code,
        message=without_place(rest),
        pid=count(pid[1]) if pid else None,
        time=time[0] if time else "",
        title=title[1] if title else "",
        inner=inner is not None,
    )
    _fill_fields(opened, glued)
    return opened


def _fill_fields(block: _Open, parts: list[str]) -> None:
    """Keep names and texts that alternate, the first of each."""
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        text = " ".join(value.split())
        if text and text.upper() != "N/A":
            block.fields.setdefault(name.lower(), text)


def _take(block: _Open, line: str) -> bool:
    """Give a line to the open block; False where it belongs to none."""
    if _LEVEL.match(line):
        return False
    before, *parts = _FIELD.split(line)
    if parts and not before.strip():
        _fill_fields(block, parts)
        return True
    if _TRACE.match(line):
        block.trace = block.trace or []
        return True
    if block.trace is not None:
        if line.strip() and len(block.trace) < _LONGEST_TRACE:
            block.trace.append(_GLUED.split(line, maxsplit=1)[0].strip())
        return True
    if not block.message and line.strip():
        block.message = without_place(line)
        return True
    return bool(line[:1].isspace() or not line.strip())


def error_blocks(lines: list[str]) -> tuple[ErrorBlock, ...]:
    """Every coded block of a log, in the order of its lines."""
    blocks: list[_Open] = []
    current: _Open | None = None
    for line in lines:
        opened = _headline(line)
        if opened is None:
            if current is not None and not _take(current, line):
                current = None
            continue
        again = current is not None and current.code == opened.code and current.inner
        if again and current is not None and not current.message:
            current.message = opened.message
            current.pid, current.time = opened.pid or current.pid, opened.time or current.time
            current.title = opened.title or current.title
            continue
        current = opened
        blocks.append(opened)
    return tuple(block.closed() for block in blocks)


def _operator(name: str, kind: str) -> Operator:
    domain = _DOMAIN_TYPE.fullmatch(kind.strip())
    if domain:
        return Operator(name.strip(), domain[2], int(domain[1]))
    return Operator(name.strip(), kind.strip())


def blamed_operators(blocks: tuple[ErrorBlock, ...]) -> tuple[Operator, ...]:
    """The operators that the messages and tracebacks of error blocks name, each once."""
    found: dict[Operator, None] = {}
    for block in blocks:
        if block.is_warning:
            continue
        for text in (block.message, *block.traceback):
            for pattern in _OPERATORS:
                for match in pattern.finditer(text):
                    found[_operator(match[1], match[2])] = None
            for match in _TYPE_ONLY.finditer(text):
                found[_operator("", match[1])] = None
    return tuple(found)
