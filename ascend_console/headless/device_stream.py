"""`devices --watch` on stdout: JSON lines, CSV with one header, or tables one after the other.

On a terminal the table is drawn again in its place.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import Interrupted
from ascend_console.headless import table
from ascend_console.jobs._device_rows import COLUMNS, device_rows
from ascend_console.tools import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.settings import Settings


def _cut(line: str, width: int) -> str:
    """The front of a line that a terminal of so many cells shows without a break."""
    while table.cells(line) > width:
        line = line[:-1]
    return line


class DeviceStream:
    """Prints one sample after the other in one form."""

    def __init__(self, form: str, settings: Settings) -> None:
        self._form = form
        self._lang = settings.lang
        self._redraws = (
            form == "table" and sys.stdout.isatty() and settings.environ.get("TERM") != "dumb"
        )
        self._count = 0

    def show(self, document: Mapping[str, Any]) -> None:
        """Print a sample at once. Interrupted where nobody reads any more."""
        text = self._text(document)
        self._count += 1
        try:
            sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # What is left in the buffer has nobody to go to either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Interrupted from None

    def _text(self, document: Mapping[str, Any]) -> str:
        if self._form == "json":
            return json.dumps(document, ensure_ascii=False)
        rows = device_rows(document, self._lang)
        if self._form == "csv":
            timed = [(document["taken_at"], *row) for row in rows]
            text = table.comma_separated(("taken_at", *COLUMNS), timed)
            return text if self._count == 0 else text.partition("\n")[2]
        if self._form == "md":
            return f"{document['taken_at']}\n\n{table.markdown(COLUMNS, rows)}\n"
        text = f"{self._head(document)}\n{table.aligned(COLUMNS, rows)}"
        return self._redrawn(text) if self._redraws else text + "\n"

    def _word(self, english: str) -> str:
        return catalogue.word(english, self._lang)

    def _head(self, document: Mapping[str, Any]) -> str:
        """Time, sources with their pace, and what polling costs."""
        pace = self._word("every {interval} s, took {took} s")
        parts = [
            f"{source['source']} {source['version'] or ''} ".replace("  ", " ")
            + pace.format(interval=f"{source['interval_s']:g}", took=f"{source['took_s']:.1f}")
            for source in document["sources"]
            if source["took_s"] is not None
        ]
        share = document["polling"]["core_pct"]
        if share is not None:
            parts.append(
                self._word("polling costs {share} % of a core").format(share=f"{share:.1f}")
            )
        return f"{document['taken_at']}  {'; '.join(parts)}"

    def _redrawn(self, text: str) -> str:
        size = shutil.get_terminal_size()
        lines = [_cut(line, size.columns) for line in text.split("\n")][: size.lines - 1]
        start = "\x1b[2J\x1b[H" if self._count == 0 else "\x1b[H"
        return start + "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J"
