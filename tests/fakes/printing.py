"""How the fakes print: lines and bars at once on stdout, or held back to be mixed with others'."""

from __future__ import annotations

import itertools
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BAR_WIDTH = 20
_MOST_STATES = 50


class Console:
    """Where one process of a tool prints: stdout, or a list of pieces in their order."""

    def __init__(self, held: list[str] | None = None) -> None:
        self.held = held
        self.debugging = False

    def raw(self, text: str) -> None:
        """Print as it is."""
        if self.held is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            self.held.append(text)

    def line(self, text: str) -> None:
        """Print a line."""
        self.raw(text + "\n")

    def block(self, lines: Iterable[str]) -> None:
        """Print several lines."""
        for line in lines:
            self.line(line)

    def info(self, text: str) -> None:
        """Print a line with the level of information."""
        self.line(f"[INFO] {text}")

    def warn(self, text: str, level: str = "WARN") -> None:
        """Print a line with the level of warnings: WARN in C++, WARNING in Python."""
        self.line(f"[{level}] {text}")

    def error(self, text: str) -> None:
        """Print a line with the level of errors."""
        self.line(f"[ERROR] {text}")

    def debug(self, text: str) -> None:
        """Print a line with the level of debugging, where that is on."""
        if self.debugging:
            self.line(f"[DEBUG] {text}")


def mixed(texts: Sequence[Sequence[str]]) -> str:
    """The pieces of processes that print at the same time, one of each in turn."""
    rounds = itertools.zip_longest(*texts, fillvalue="")
    return "".join(itertools.chain.from_iterable(rounds))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def bar(console: Console, title: str, total: int) -> Iterator[int]:
    """Count to `total`, and show a bar that overwrites itself; the last state ends its line."""
    start_s = time.monotonic()
    step = max(1, total // _MOST_STATES)
    for done in range(total + 1):
        if done % step == 0 or done == total:
            elapsed_s = max(time.monotonic() - start_s, 1e-6)
            left_s = elapsed_s * (total - done) / done if done else 0.0
            filled = "█" * (_BAR_WIDTH * done // total)
            rate = f"{done / elapsed_s:6.2f}it/s" if done else "?it/s"
            console.raw(
                f"\r{title}: {100 * done // total:3d}%|{filled:{_BAR_WIDTH}}| {done}/{total} "
                f"[{_clock(elapsed_s)}<{_clock(left_s)}, {rate}]"
            )
        if done < total:
            yield done
    console.raw("\n")
