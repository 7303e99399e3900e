"""The form as widgets: fields, batch sizes, and the button; it changes only its own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from ascend_console.core import discovery
from ascend_console.tui import cells, run_form, themes
from ascend_console.tui.run_form import FILE, OTHER, SAMPLE, Form, Known
from ascend_console.tui.widgets.ask import AskText
from ascend_console.tui.widgets.chips import Chips
from ascend_console.tui.widgets.field import Field
from ascend_console.tui.widgets.pick_list import PickList

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ascend_console.tui.app import ConsoleApp
    from ascend_console.tui.run_command import Value

_ROWS = (("job", "model"), ("batch", ""), ("backend", "device"), ("data", "precision"),
         ("checkpoint", "options"))  # fmt: skip


def _labels(app: ConsoleApp) -> dict[str, str]:
    t = app.t
    return {
        "job": t("job"), "model": t("model"), "batch": t("batch size"), "backend": t("backend"),
        "device": t("device"), "data": t("data"), "precision": t("data type"),
        "checkpoint": t("checkpoint"), "options": t("options"),
    }  # fmt: skip


class RunButton(Widget, can_focus=True):
    """`[ Run  r ]`."""

    DEFAULT_CSS = "RunButton { height: 1; width: 14; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "screen.start", show=False)]
    help_text = "Enter starts what the form says; r does so from everywhere."
    app: ConsoleApp
    problem: reactive[bool] = reactive(False)

    def render(self) -> Text:
        """The button; muted where something is missing."""
        role = "muted" if self.problem else "accent"
        style = "reverse" if self.has_focus else themes.style(self.app.look, role)
        return Text(f"[ {self.app.t('Run')}  r ]", style, no_wrap=True)

    def on_focus(self) -> None:
        """Show the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide it."""
        self.refresh()

    async def on_click(self) -> None:
        """A click starts."""
        await self.run_action("screen.start")


class FormPane(Vertical):
    """The fields of a form, two beside each other; the reason of a problem below them."""

    DEFAULT_CSS = """
    FormPane { height: auto; }
    FormPane Horizontal { height: 1; }
    FormPane .label { width: 12; height: 1; padding-left: 1; }
    FormPane .left { width: 1fr; max-width: 30; }
    FormPane #reason { height: auto; padding-left: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]
    app: ConsoleApp

    class Changed(Message):
        """The form says something else."""

        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self.known = Known()
        self._marked: str = ""

    def compose(self) -> ComposeResult:
        """Rows of a label and a field, twice."""
        labels = _labels(self.app)
        for left, right in _ROWS:
            with Horizontal():
                yield Static(Text(labels[left], no_wrap=True), classes="label", id=f"label-{left}")
                if left == "batch":
                    yield Chips((), id="batch")
                    yield RunButton()
                    continue
                yield Field(self._sign(left), id=left).add_class("left")
                yield Static(
                    Text(labels[right], no_wrap=True), classes="label", id=f"label-{right}"
                )
                yield Field(self._sign(right), id=right)
        yield Static(id="reason")

    def _sign(self, name: str) -> str:
        return "..." if name == "options" else "v"

    # What is shown.

    def show(self, form: Form, known: Known, *, changed: str | None = None) -> None:
        """Another form or other choices; `changed` is a field to mark until the form changes."""
        if changed is not None or form != self.form:
            self._marked = changed or ""
        sizes_before = self.form.sizes if self.form else None
        models_before = self.form.models if self.form else None
        self.form, self.known = form, known
        if not self._is_whole:
            self.call_after_refresh(self.show, form, known)
            return
        texts = run_form.shown(form, known, self.app.t)
        for field in self.query(Field):
            name = str(field.id)
            field.value = texts[name]
            field.changed = name == self._marked
            self._reveal(name, field)
        backend = known.backend(form.backend)
        self.query_one("#backend", Field).role = "muted" if backend and backend.reason else ""
        chips = self.query_one(Chips)
        self._reveal("batch", chips)
        if (form.sizes, form.models) != (sizes_before, models_before) or not chips.chosen:
            chips.offer(form.offered_sizes(known), form.sizes)
        self.tell()

    @property
    def _is_whole(self) -> bool:
        """Whether the fields in their rows are there; rows come before what stands in them."""
        return bool(self.query("#options")) and bool(self.query(RunButton))

    def _reveal(self, name: str, widget: Widget) -> None:
        assert self.form is not None
        is_shown = run_form.is_shown(self.form, name)
        widget.visible = is_shown
        self.query_one(f"#label-{name}", Static).visible = is_shown

    def tell(self) -> tuple[str, str] | None:
        """Say below the fields what has to be changed; gives it back too."""
        if self.form is None or not self._is_whole:
            return None
        found = self.form.problem(self.known, self.app.t)
        self.query_one(RunButton).problem = found is not None
        text = (
            Text(cells.safe(found[1]), themes.style(self.app.look, "warning")) if found else Text()
        )
        self.query_one("#reason", Static).update(text)
        self.query_one("#reason", Static).display = found is not None
        return found

    def go_to(self, name: str) -> None:
        """Put the focus on a field."""
        self.screen.set_focus(self.query_one(f"#{name}"))

    # What is changed.

    def change(self, form: Form) -> None:
        """Take another form and tell whoever owns this."""
        self.show(form, self.known)
        self.post_message(self.Changed(form))

    def put(self, **values: Value) -> None:
        """Other values."""
        if self.form is not None:
            self.change(self.form.put(**values))

    def take_sizes(self) -> None:
        """The sizes of the chips, those that are still being typed too."""
        chips = self.query_one(Chips)
        chips.action_take()
        if self.form is not None and chips.chosen != self.form.sizes:
            self.change(self.form.with_sizes(chips.chosen))

    def on_chips_changed(self, event: Chips.Changed) -> None:
        """Other batch sizes; a job that takes one keeps the one that was added."""
        event.stop()
        form = self.form
        if form is None or event.chips.chosen == form.sizes:
            return
        new = tuple(size for size in event.chips.chosen if size not in form.sizes)
        many = form.has("batch_size") and form.options["batch_size"].many
        self.change(form.with_sizes(event.chips.chosen if many or not new else new))

    def on_field_opened(self, event: Field.Opened) -> None:
        """Offer the choices of a field."""
        event.stop()
        self.open(str(event.field.id))

    def open(self, name: str) -> None:
        """Offer the choices of a field, below it."""
        if self.form is None:
            return
        if name == "options":
            self.open_options()
            return
        choices = run_form.choices_of(name, self.form, self.known, self.app.t)
        field = self.query_one(f"#{name}")
        chosen = {"job": self.form.job.name, "model": ",".join(self.form.models)}.get(
            name, self.form.text(name) or self.query_one(f"#{name}", Field).value
        )
        self.screen.query_one(PickList).open(
            choices, lambda value: self._chosen(name, value), chosen=chosen, below=field.region
        )

    def open_options(self, at: str = "") -> None:
        """The page of the other options."""
        from ascend_console.tui.run_options import OptionsPage

        form = self.form
        if form is None:
            return
        page = OptionsPage(
            f"{self.app.t('options')}: {form.job.name}", form.others.values(), form.values, at
        )
        self.app.push_screen(page, lambda values: self.put(**values) if values else None)

    def _chosen(self, name: str, value: str) -> None:
        form = self.form
        if form is None:
            return
        t = self.app.t
        if name == "job":
            self.change(form.of_job(discovery.load("jobs", value)))
        elif name == "model" and value == FILE:
            self._ask_path(t("an ONNX file"), "onnx", (".onnx",))
        elif name == "model":
            self.pick((value,))
        elif name == "data":
            if value == SAMPLE:
                self.put(dataset="")
            else:
                self._ask_path(t("a folder"), "dataset", folders=True)
        elif name == "checkpoint":
            if value == FILE:
                self._ask_path(t("a file"), "checkpoint", (".pth", ".tar", ".pt", ".bin"))
            else:
                self.change(form.with_checkpoint("" if value == SAMPLE else value))
        elif name == "device" and value == OTHER:
            question = t("device")
            self.app.push_screen(AskText(question, form.text("device")), self._device)
        else:
            self.put(**{name: value})

    def _device(self, typed: str | None) -> None:
        if typed is not None:
            self.put(device=typed.strip())

    def pick(self, names: tuple[str, ...]) -> None:
        """Other models; the batch sizes have the focus then, so that digits are sizes."""
        from ascend_console.tui.messages import ModelChosen

        if self.form is None:
            return
        self.change(self.form.with_models(names, self.known))
        self.post_message(ModelChosen(names[0]))
        if self.form.has("batch_size"):
            self.screen.set_focus(self.query_one(Chips))

    def _ask_path(
        self, question: str, name: str, suffixes: tuple[str, ...] = (), *, folders: bool = False
    ) -> None:
        from ascend_console.tui.run_path import AskPath

        def take(path: str | None) -> None:
            form = self.form
            if not path or form is None:
                return
            if name == "onnx":
                self.change(form.with_onnx(path))
            elif name == "checkpoint":
                self.change(form.with_checkpoint(path))
            else:
                self.put(dataset=path)

        value = self.form.text(name) if self.form else ""
        self.app.push_screen(AskPath(question, value, suffixes=suffixes, folders=folders), take)
