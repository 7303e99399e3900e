"""Text that somebody saved: a file or the standard input, of any size, in any usual encoding.

The only owner of the standard input.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

STDIN = "-"

_HEAD_BYTES = 1 << 20
_TAIL_BYTES = 5 << 20
_CHUNK_BYTES = 1 << 20
# A pipe that never ends must not hold the console for ever.
_MOST_BYTES = 1 << 30
# Text has next to no control codes beside white space, colours and the bell; a log on a disk that
# lost power can have a run of zero bytes.
_CONTROLS = bytes({*range(1, 7), *range(14, 27), *range(28, 32)})
_CONTROL_SHARE = 0.02
_ZERO_SHARE = 0.3
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text with its name. `is_cut` where the middle of a very long one was left out."""

    name: str
    text: str
    encoding: str
    is_cut: bool


def _decode(data: bytes) -> tuple[str, str]:
    """Text and encoding: UTF-8 where most of it is, else GB 18030, else with replaced bytes."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        damaged = data.decode("utf-8", "replace")
    lost = damaged.count("\ufffd")
    foreign = sum(char > "\x7f" for char in damaged) - lost
    # One broken byte in a UTF-8 log must not turn all of it into another encoding.
    if foreign > lost:
        return damaged, "utf-8, damaged"
    try:
        return data.decode("gb18030"), "gb18030"
    except UnicodeDecodeError:
        return damaged, "utf-8, damaged"


def _is_binary(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return controls > _CONTROL_SHARE * len(data) or data.count(0) > _ZERO_SHARE * len(data)


def _read_bounded(stream: BinaryIO, should_stop: Callable[[], bool]) -> tuple[bytes, bytes, bool]:
    """Head, tail and whether something between them was left out; the tail of what was cut
    begins with a whole line.
    """
    head = bytearray()
    tail = bytearray()
    total, is_cut = 0, False
    while total < _MOST_BYTES and not should_stop():
        chunk = stream.read(_CHUNK_BYTES)
        if not chunk:
            break
        total += len(chunk)
        room = _HEAD_BYTES - len(head)
        head += chunk[: max(room, 0)]
        tail += chunk[max(room, 0) :]
        if len(tail) > 2 * _TAIL_BYTES:
            del tail[:-_TAIL_BYTES]
            is_cut = True
    if len(tail) > _TAIL_BYTES:
        del tail[:-_TAIL_BYTES]
        is_cut = True
    if is_cut:
        del tail[: tail.find(b"\n") + 1]
        del head[head.rfind(b"\n") + 1 :]
    return bytes(head), bytes(tail), is_cut


def _open(name: str) -> BinaryIO:
    if name == STDIN:
        return sys.stdin.buffer
    path = Path(name)
    if path.is_dir():
        raise UserError(
            "text.folder",
            "{name} is a folder, not a text",
            hint="Name the log file itself, or - for the standard input.",
            name=name,
        )
    # A pipe such as <(command) can be opened once only, so there is no look before this.
    return path.open("rb")


def read_text(name: str, *, should_stop: Callable[[], bool] = lambda: False) -> TextInput:
    """The text of a file, or of the standard input where the name is `-`.

    Of more than 6 MiB the first and the last five are kept. UserError where there is no such file,
    it cannot be read, or it is no text.
    """
    try:
        if name == STDIN:
            head, tail, is_cut = _read_bounded(_open(name), should_stop)
        else:
            with _open(name) as stream:
                head, tail, is_cut = _read_bounded(stream, should_stop)
    except (OSError, ValueError) as error:
        raise UserError(
            "text.unreadable",
            "{name} cannot be read: {reason}",
            hint="Check the path and its permissions; - reads the standard input.",
            name=name,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    data = head + tail
    if _is_binary(data):
        raise UserError(
            "text.binary",
            "{name} is no text",
            hint="Give a saved log; `ascend-console inspect` shows model files.",
            name=name,
        )
    text, encoding = _decode(data)
    return TextInput(name, text, encoding, is_cut)
