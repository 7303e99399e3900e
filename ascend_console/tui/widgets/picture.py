"""A picture in half blocks: two pixels a cell, decoded and scaled in a worker.

It needs 256 colours or more, and signs beyond 7 bits: `can_show` tells. What it draws is what the
decoder of the preprocessing gives, or with a preprocessing what the model saw of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ascend_console.core.errors import ConsoleError
from ascend_console.tui import themes

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from ascend_console.core.specs import Preprocess
    from ascend_console.tui.app import ConsoleApp

_UPPER = "▀"


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded file: the picture, width and height in pixels, what was special about the file."""

    image: Image
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def take(path: Path, seen_as: Preprocess | None) -> Shot:
    """Decode a file; with a preprocessing, the crop that the model gets of it.

    ConsoleError for a file that is no whole image, or where the library of the preprocessing is
    absent. Takes its time, so call it in a thread.
    """
    from PIL import Image

    from ascend_console.tools import images

    if seen_as is None:
        decoded = images.decode(path)
        return Shot(decoded.image, decoded.image.size, decoded.notes)
    plain = replace(seen_as, dtype="uint8", layout="HWC")
    decoded = images.decode(path, seen_as.library)
    pixels = images.preprocess_image(decoded.image, plain)
    return Shot(Image.fromarray(pixels), decoded.image.size, decoded.notes)


def half_blocks(image: Image, width: int, height: int) -> list[Strip]:
    """The picture in at most `width` x `height` cells, its ratio kept: a cell is two pixels high.

    Neighbours of the same colours are one segment.
    """
    from PIL import Image as Pillow

    scale = min(width / image.width, 2 * height / image.height)
    wide = max(round(image.width * scale), 1)
    tall = max(round(image.height * scale), 1)
    small = image.resize((wide, tall + tall % 2), Pillow.Resampling.LANCZOS, reducing_gap=3.0)
    data = small.tobytes()
    step = 3 * wide
    return [_strip(data[y * step : (y + 1) * step], data[(y + 1) * step : (y + 2) * step], wide)
            for y in range(0, small.height, 2)]  # fmt: skip


def _strip(upper: bytes, lower: bytes, wide: int) -> Strip:
    segments: list[Segment] = []
    start = 0
    for x in range(1, wide + 1):
        at, before = slice(3 * x, 3 * x + 3), slice(3 * start, 3 * start + 3)
        if x < wide and upper[at] == upper[before] and lower[at] == lower[before]:
            continue
        style = Style(color=Color.from_rgb(*upper[before]), bgcolor=Color.from_rgb(*lower[before]))
        segments.append(Segment(_UPPER * (x - start), style))
        start = x
    return Strip(segments, wide)


class Picture(Widget):
    """One file at a time; another one makes what was asked before void."""

    DEFAULT_CSS = "Picture { width: 1fr; height: 1fr; }"
    app: ConsoleApp

    class Taken(Message):
        """The file was decoded: its size in pixels, and what is special about it."""

        def __init__(self, path: Path, shot: Shot) -> None:
            super().__init__()
            self.path = path
            self.size = shot.size
            self.notes = shot.notes

    class Failed(Message):
        """The file cannot be shown, because of this."""

        def __init__(self, path: Path, error: ConsoleError) -> None:
            super().__init__()
            self.path = path
            self.error = error

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._wanted: tuple[Path, Preprocess | None] | None = None
        self._shot: Shot | None = None
        self._strips: list[Strip] = []
        self._number = 0

    @property
    def can_show(self) -> bool:
        """Whether this terminal can tell colours and signs enough apart."""
        return self.app.look not in themes.ANSI_LOOKS and not self.app.glyphs.full.isascii()

    def show(self, path: Path | None, seen_as: Preprocess | None = None) -> None:
        """Show a file, as it is or as a model sees it; nothing for None."""
        if self._wanted == (path, seen_as) and self._shot is not None:
            return
        self._wanted = None if path is None else (path, seen_as)
        self._number += 1
        self._shot, self._strips = None, []
        self.refresh()
        if path is not None:
            self.run_worker(
                partial(self._take, self._number, path, seen_as),
                thread=True, group="picture", exclusive=True,
            )  # fmt: skip

    def _take(self, number: int, path: Path, seen_as: Preprocess | None) -> None:
        try:
            shot = take(path, seen_as)
        except (ConsoleError, MemoryError) as error:
            found = error if isinstance(error, ConsoleError) else _too_large(path)
            self.app.call_from_thread(self._failed, number, path, found)
            return
        self.app.call_from_thread(self._taken, number, path, shot)
        self._scale(number, shot)

    def _scale(self, number: int, shot: Shot) -> None:
        """Make the cells of the picture for the size that the widget has now."""
        size = self.size
        if size and self.can_show:
            strips = half_blocks(shot.image, size.width, size.height)
            self.app.call_from_thread(self._scaled, number, strips)

    def _scaled(self, number: int, strips: list[Strip]) -> None:
        if number == self._number:
            self._strips = strips
            self.refresh()

    def _taken(self, number: int, path: Path, shot: Shot) -> None:
        if number == self._number and self.is_attached:
            self._shot = shot
            self.post_message(self.Taken(path, shot))

    def _failed(self, number: int, path: Path, error: ConsoleError) -> None:
        if number == self._number and self.is_attached:
            self.post_message(self.Failed(path, error))

    def on_resize(self) -> None:
        """Another size has other cells; the pixels are known."""
        if self._shot is not None:
            self.run_worker(
                partial(self._scale, self._number, self._shot),
                thread=True, group="scale", exclusive=True,
            )  # fmt: skip

    def render_line(self, y: int) -> Strip:
        """A line of the picture; nothing beside it."""
        plain = self.app.component_style("plain")
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(self.size.width, plain)
        return Strip.blank(self.size.width, plain)


def _too_large(path: Path) -> ConsoleError:
    from ascend_console.tools.images import bad_image

    return bad_image(path, "it does not fit into memory")
