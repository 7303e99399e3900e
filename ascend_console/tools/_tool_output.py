"""What a tool prints: cut into lines for readers, and kept raw in a log."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ascend_console.core.errors import ToolFailed

if TYPE_CHECKING:
    from pathlib import Path

_LINE_BYTES = 1 << 16


class LineSplitter:
    r"""Cuts raw output into lines at `\n` and `\r`, however it is chunked.

    A `\r` begins the line anew, as progress bars do: each state that was shown is a line, and
    nothing is made of the empty text between `\r` and `\n`. A line longer than 64 KiB is cut.
    Bytes that are not UTF-8 become U+FFFD; control characters stay.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._shown = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *rows, last = (self._pending + data).split(b"\n")
        lines: list[bytes] = []
        for row in rows:
            states = [state for state in row.split(b"\r") if state]
            lines += states if states or self._shown else [b""]
            self._shown = False
        *states, pending = last.split(b"\r")
        states = [state for state in states if state]
        self._shown = self._shown or bool(states)
        self._pending = pending[:_LINE_BYTES]
        return [self._text(line) for line in lines + states]

    def rest(self) -> list[str]:
        """The last line, if the output ended without completing it."""
        pending, self._pending = self._pending, b""
        return [self._text(pending)] if pending else []

    @staticmethod
    def _text(line: bytes) -> str:
        return line[:_LINE_BYTES].decode("utf-8", "replace")


class OutputLog:
    """A file that takes raw output as it comes, at the end of what it has, up to a size.

    ToolFailed where the system cannot write it.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._cut = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("ab", buffering=0)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._size = os.fstat(self._stream.fileno()).st_size

    def write(self, data: bytes) -> None:
        """Append what there is room for; where there is no more, the log says so once."""
        room = max(0, self._limit_bytes - self._size)
        if len(data) > room:
            note = f"\n[cut here: this log is limited to {self._limit_bytes} bytes]\n".encode()
            data = b"" if self._cut else data[:room] + note
            self._cut = True
        view = memoryview(data)
        try:
            while view:
                written = self._stream.write(view) or 0
                self._size += written
                view = view[written:]
        except OSError as error:
            raise self._cannot_write(error) from error

    def write_last_words(self, data: bytes) -> None:
        """As `write`, for a tool that is being stopped: the reason for that is the error to see."""
        with contextlib.suppress(ToolFailed):
            self.write(data)

    def _cannot_write(self, error: OSError) -> ToolFailed:
        return ToolFailed(
            "process.log",
            "cannot write {path}: {reason}",
            hint="Free some space or choose another folder that you may write to, then run again.",
            path=self._path,
            reason=error.strerror or error,
        )

    def __enter__(self) -> OutputLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
