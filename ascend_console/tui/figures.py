"""What the screens of figures share: the model they speak of, and when they ask for figures.

They ask a listing job when they are shown, when another model is chosen, and when a run ends.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rich.cells import cell_len

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError
from ascend_console.tui import cells
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.messages import ModelChosen
from ascend_console.tui.widgets.block import wrapped
from ascend_console.tui.widgets.pick_list import Choice, PickList, letters_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ascend_console.tui.messages import Answer
    from ascend_console.tui.state import AppState
    from ascend_console.tui.widgets.block import Fact

SCREEN_KEYS = (
    "view.open", "view.mark", "view.filter", "view.sort", "view.copy", "view.copy_table",
    "view.export",
)  # fmt: skip
"""Actions of a table, which a screen itself leaves out."""

Made = TypeVar("Made")

_ALL = ""
_PAGE_WIDTH = 72


def page_text(facts: Sequence[Fact], width: int = _PAGE_WIDTH) -> str:
    """Facts as a page of text, wrapped beside their labels."""
    wide = max((cell_len(fact.label) for fact in facts), default=0)
    lines = []
    for fact in facts:
        for number, line in enumerate(wrapped(cells.safe(fact.text), max(width - wide - 2, 20))):
            lines.append(f"{cells.fit(fact.label if number == 0 else '', wide)}  {line}")
    return "\n".join(lines)


class FiguresScreen(ConsoleScreen):
    """A screen over the document of one listing job.

    A subclass names the `job`, makes its request with `request(model)` (None is every model) and
    takes the document with `arrived(document)`, or what went wrong with `refused(text)`.
    `asking()` is called before. `every` allows to look at all models at once. Its body has a
    `PickList`.
    """

    job: ClassVar[str] = ""
    every: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.model: str | None = None
        self.models: list[str] = list(discovery.names("zoo"))
        self._seen: tuple[str | None, str | None] = (None, None)
        self._live: frozenset[str] = frozenset()
        self._asked = 0
        self._making = 0

    def request(self, model: str | None) -> Any:
        """What to ask the job for."""
        raise NotImplementedError

    def arrived(self, document: dict[str, Any]) -> None:
        """Take new figures."""

    def refused(self, text: str) -> None:
        """There are none, because of this."""

    def asking(self) -> None:
        """Figures are on their way."""

    def other_model(self) -> None:
        """Another model is spoken of; its figures come later."""

    # What comes in.

    def show(self, state: AppState) -> None:
        """Ask again where another model is spoken of, or a run has ended."""
        run = state.run
        of_run = run.document.get("model") if run is not None else None
        seen = (state.model, of_run if isinstance(of_run, str) else None)
        live = frozenset(snapshot.run_id for snapshot in state.live)
        ended = bool(self._live - live)
        self._live = live
        before, self._seen = self._seen, seen
        wanted = self.model
        if seen[0] != before[0]:
            wanted = seen[0]
        elif seen[1] != before[1]:
            wanted = seen[1]
        if wanted != self.model and (wanted or self.every):
            self.speak_of(wanted)
        elif ended:
            self.ask()

    def on_screen_resume(self) -> None:
        """The figures may be others by now."""
        asked = self._asked
        self.show(self.app.state)
        if asked == self._asked:
            self.ask()

    def remade(self) -> None:
        """The widgets are new ones, as after a change of language."""

    async def recompose(self) -> None:
        """Make the widgets again, and fill them."""
        await super().recompose()
        self.remade()
        self.ask()

    def speak_of(self, model: str | None) -> None:
        """Show the figures of another model."""
        if model != self.model:
            self.model = model
            self.other_model()
            self.ask()

    def ask(self) -> None:
        """Ask for the figures; a later question makes an earlier one void."""
        self._asked += 1
        self.asking()
        self.app.ask(self.job, self.request(self.model), partial(self._take, self._asked))

    def _take(self, number: int, answer: Answer) -> None:
        if number != self._asked or not self.is_attached:
            return
        if answer.error is not None:
            error = answer.error
            self.refused(self.app.t.message(error.id, error.message, error.values))
        elif answer.answered is not None:
            document: dict[str, Any] = answer.answered.document
            names = [row["model"] for row in document.get("rows", ())]
            self.models = list(dict.fromkeys((*self.models, *names)))
            self.arrived(document)

    def apart(
        self,
        make: Callable[[], Made],
        receive: Callable[[Made], None],
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Have something made in a thread; what was asked for before is void.

        `receive` gets it in the main thread; an error is said, and `failed` called.
        """
        self._making += 1
        number = self._making

        def arrive(found: Made | None, error: ConsoleError | None) -> None:
            if number != self._making or not self.is_attached:
                return
            if found is not None:
                receive(found)
            elif error is not None:
                self.app.say_error(error)
                if failed is not None:
                    failed()

        def work() -> None:
            try:
                found, error = make(), None
            except ConsoleError as caught:
                found, error = None, caught
            self.app.call_from_thread(arrive, found, error)

        self.run_worker(work, thread=True, group="apart", exclusive=True)

    # Keys.

    def choose(self, model: str | None) -> None:
        """All screens speak of this model from now on; None is every model."""
        self.speak_of(model)
        if model is None:
            self.app.change(model=None)
        else:
            self.post_message(ModelChosen(model))

    def action_model(self) -> None:
        """Offer the models."""
        letters = letters_for(self.models)
        offered = [Choice(value=name, label=name, letter=letters[name]) for name in self.models]
        if self.every:
            offered.insert(0, Choice(value=_ALL, label=self.app.t("all models")))
        self.query_one(PickList).open(
            offered, lambda value: self.choose(value or None), chosen=self.model or _ALL
        )

    def _step(self, step: int) -> None:
        names = self.models
        at = names.index(self.model) if self.model in names else -1 if step > 0 else 0
        self.choose(names[(at + step) % len(names)])

    def action_before(self) -> None:
        """The model before."""
        self._step(-1)

    def action_after(self) -> None:
        """The next model."""
        self._step(1)
