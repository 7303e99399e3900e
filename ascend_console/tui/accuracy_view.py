"""One image: its facts, and its picture where the terminal can show one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Container

from ascend_console.tui import accuracy_images as about
from ascend_console.tui.pen import Pen
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.picture import Picture

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.core.specs import Preprocess
    from ascend_console.tui.accuracy_predictions import Image
    from ascend_console.tui.accuracy_tables import Level
    from ascend_console.tui.app import ConsoleApp

_WIDE = 100
_PICTURE_WIDE, _PICTURE_NARROW = (60, 28), (34, 14)


class ImageView(Container, can_focus=True):
    """Facts first; the picture comes when it is decoded. `c` copies the path."""

    DEFAULT_CSS = """
    ImageView { height: 1fr; layout: vertical; }
    ImageView.-wide { layout: horizontal; }
    ImageView > Block { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "copy", "Copy", id="view.copy")]
    help_text = "Left and right go to the next image; f shows the file, or what the model saw."
    app: ConsoleApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.path: Path | None = None
        self._level: Level | None = None
        self._image: Image | None = None
        self._ours = ""
        self._missing = ""
        self._told: tuple[tuple[int, int], tuple[str, ...]] | None = None
        self._error = ""

    def compose(self) -> ComposeResult:
        """Picture and facts."""
        yield Picture()
        yield Block()

    def on_mount(self) -> None:
        """The facts are only read."""
        self.query_one(Block).can_focus = False
        self.on_resize()

    def show(
        self,
        level: Level,
        image: Image,
        ours: str,
        path: Path | None,
        seen_as: Preprocess | None,
        missing: str,
    ) -> None:
        """Show an image; `missing` says why there is no path, `seen_as` is how the model saw it."""
        if path != self.path:
            self._told = None
        self._level, self._image, self._ours = level, image, ours
        self.path, self._missing, self._error = path, missing, ""
        self._draw()
        self.query_one(Picture).show(path, seen_as)

    def _draw(self) -> None:
        if self._level is None or self._image is None:
            return
        pen = Pen.of(self.app)
        facts = about.image_facts(self._level, self._image, self._ours, pen)
        facts += about.file_facts(self.path, self._missing, self._told, pen)
        if self._error:
            facts += about.error_facts(self._error, pen)
        self.query_one(Block).show(facts)

    def on_resize(self) -> None:
        """Picture beside the facts where the screen is wide, else above them."""
        wide = self.size.width >= _WIDE
        self.set_class(wide, "-wide")
        picture = self.query_one(Picture)
        picture.display = picture.can_show
        most = _PICTURE_WIDE if wide else _PICTURE_NARROW
        picture.styles.width = min(most[0], self.size.width)
        picture.styles.height = min(most[1], max(self.size.height - (0 if wide else 7), 1))

    def on_picture_taken(self, message: Picture.Taken) -> None:
        """The size of the picture is known now."""
        if message.path == self.path:
            self._told = (message.size, message.notes)
            self._draw()

    def on_picture_failed(self, message: Picture.Failed) -> None:
        """Say why there is none."""
        if message.path == self.path:
            error = message.error
            self._error = self.app.t.message(error.id, error.message, error.values)
            self._draw()

    def action_copy(self) -> None:
        """Copy the path."""
        if self.path is not None:
            self.app.copy(str(self.path))
