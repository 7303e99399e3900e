"""What a user sees who has run nothing yet: one key to a first result."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from ascend_console.tui import cells

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp

Wish = Literal["run", "pick", "doctor"]

SAMPLE: dict[str, str | bool] = {"model": "ghostnet", "sample": True}
"""What Enter runs."""

_LINE = 58


class Welcome(ModalScreen["Wish | None"]):
    """At most 78 columns: what the program is for, what this machine can, and five keys."""

    CSS = """
    Welcome { align: center middle; background: $background 60%; }
    Welcome > .box { width: 78; max-width: 100%; height: auto; background: $panel; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "wish('run')", "Run"),
        Binding("m", "wish('pick')", "Pick"),
        Binding("6", "wish('doctor')", "Doctor"),
        Binding("l,L", "language", "Language"),
        Binding("a", "ascii", "ASCII"),
        Binding("question_mark,f1", "app.help", "Help"),
        Binding("escape,n", "wish('')", "Back"),
        Binding("q", "app.leave", "Quit"),
    ]
    app: ConsoleApp

    def __init__(self, machine: str) -> None:
        super().__init__()
        self._machine = machine

    def compose(self) -> ComposeResult:
        """Six lines, and two bars that show whether the terminal counts cells as we do."""
        with Vertical(classes="box"):
            yield Static(Text(self._text()))

    def _text(self) -> str:
        t, glyphs = self.app.t, self.app.glyphs
        other = "中文" if self.app.settings.lang == "en" else "English"
        ask = t("The two bars must line up; if not, press a (ASCII)")
        rule = glyphs.rule * 10 + glyphs.vertical
        # Two lines of equal width: one of rules, one of wide signs.
        wide = "昇腾模型" + glyphs.rule * 2 + glyphs.vertical
        pad = max(_LINE, cell_len(ask) + 2)
        return "\n".join((
            t("Validates a vision model on Ascend: accuracy, speed, verdict."),
            cells.safe(t("This machine: {facts}", facts=self._machine)),
            "",
            f" Enter  {t('run the sample: GhostNet, 300 images, about a minute, no download')}",
            f" m {t('choose a model')}   6 {t('check this machine')}   L {other}   ? {t('keys')}",
            "",
            cells.fit(ask, pad) + rule,
            " " * pad + wide,
        ))  # fmt: skip

    def action_wish(self, wish: str) -> None:
        """Close, and say what is wanted."""
        found: dict[str, Wish] = {"run": "run", "pick": "pick", "doctor": "doctor"}
        self.dismiss(found.get(wish))

    def action_language(self) -> None:
        """The other language."""
        self.app.set_language("zh" if self.app.settings.lang == "en" else "en")

    def action_ascii(self) -> None:
        """7-bit signs, or the others again."""
        is_ascii = self.app.glyphs.rule.isascii()
        self.app.set_glyphs("unicode" if is_ascii else "ascii")
