"""The page of options: a line for each option of a job that has no field of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ascend_console.core.errors import ConsoleError
from ascend_console.core.options import parse_value
from ascend_console.tui import cells
from ascend_console.tui.widgets.field import Field
from ascend_console.tui.widgets.pick_list import Choice, PickList

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import DescendantFocus
    from textual.widget import Widget

    from ascend_console.core.options import Option
    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.run_command import Value

_TAKE = "take"


class OptionLine(Horizontal):
    """An option: its flag, and a switch, choices or a line to type."""

    DEFAULT_CSS = """
    OptionLine { height: 1; }
    OptionLine > Static { width: 24; height: 1; }
    OptionLine > Input { width: 1fr; height: 1; border: none; }
    """
    app: ConsoleApp

    def __init__(self, option: Option, value: Value) -> None:
        super().__init__()
        self.option = option
        self.value = value

    def compose(self) -> ComposeResult:
        """The flag beside its widget."""
        yield Static(Text(cells.fit(self.option.flag, 23)))
        if self.option.kind is bool:
            field = Field("")
            field.value = "x" if self.value else " "
            yield field
        elif self.option.choices:
            field = Field()
            field.value = str(self.value)
            yield field
        else:
            yield Input(str(self.value or ""), compact=True, placeholder=self._default())

    def _default(self) -> str:
        option = self.option
        if option.default_text:
            return option.default_text
        return "" if option.default is None else f"{option.default} {option.unit}".strip()

    def put(self, value: Value) -> None:
        """Another value of a switch or of choices."""
        self.value = value
        shown = ("x" if value else " ") if self.option.kind is bool else str(value)
        self.query_one(Field).value = shown

    @property
    def typed(self) -> Value:
        """What is typed or chosen."""
        lines = self.query(Input)
        return lines.first().value.strip() if lines else self.value

    @property
    def mistake(self) -> ConsoleError | None:
        """Why what is typed cannot be read."""
        typed = self.typed
        if not typed or isinstance(typed, bool) or self.option.repeated:
            return None
        try:
            parse_value(self.option, typed)
        except ConsoleError as error:
            return error
        return None


class OptionsPage(ModalScreen["dict[str, Value] | None"]):
    """Options of a job; Enter takes them all, Esc leaves them as they were."""

    CSS = """
    OptionsPage { align: center middle; background: $background 60%; layers: base above; }
    OptionsPage > .box { width: 78; max-width: 100%; height: auto; max-height: 100%;
        background: $panel; padding: 1 2; }
    OptionsPage VerticalScroll { height: auto; max-height: 14; background: $panel; }
    OptionsPage #about { height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]
    AUTO_FOCUS = ""
    app: ConsoleApp

    def __init__(
        self, title: str, options: Iterable[Option], values: Mapping[str, Value], at: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._options = tuple(options)
        self._values = values
        self._at = at

    def compose(self) -> ComposeResult:
        """The title, the lines, what the line under the cursor is for."""
        with Vertical(classes="box"):
            yield Static(Text(self._title, "bold"))
            with VerticalScroll(can_focus=False):
                for option in self._options:
                    yield OptionLine(option, self._values.get(option.name, ""))
            yield Static(id="about")
            take = Field("", id=_TAKE)
            take.value = self.app.t("take: Enter")
            yield take
        yield PickList()

    def on_mount(self) -> None:
        """Begin at the option that is asked for, else at the first."""
        lines = list(self.query(OptionLine))
        wanted = [line for line in lines if line.option.name == self._at] or lines
        for line in wanted[:1]:
            line.query("Input, Field").first().focus()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Tell what the option is for."""
        line = _line_of(event.widget)
        text = ""
        if line is not None:
            option = line.option
            default = (
                f" ({self.app.t('default')}: {option.default_text})" if option.default_text else ""
            )
            text = f"{option.help}{default}"
        self.query_one("#about", Static).update(Text(cells.safe(text)))

    def on_field_opened(self, event: Field.Opened) -> None:
        """Switch, choose, or take all."""
        event.stop()
        if event.field.id == _TAKE:
            self._take()
            return
        line = _line_of(event.field)
        if line is None:
            return
        if line.option.kind is bool:
            line.put(not line.value)
            return
        choices = [Choice(value="", label=self.app.t("default"))]
        choices += [Choice(value=name, label=name) for name in line.option.choices]
        self.query_one(PickList).open(
            choices, line.put, chosen=str(line.value), below=event.field.region
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes all."""
        event.stop()
        self._take()

    def _take(self) -> None:
        """Give the values back, or go to the first that cannot be read."""
        lines = list(self.query(OptionLine))
        for line in lines:
            if error := line.mistake:
                line.query("Input, Field").first().focus()
                text = self.app.t.message(error.id, error.message, error.values)
                self.query_one("#about", Static).update(Text(cells.safe(text)))
                return
        self.dismiss({line.option.name: line.typed for line in lines})

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _line_of(widget: Widget) -> OptionLine | None:
    return next((node for node in widget.ancestors if isinstance(node, OptionLine)), None)
