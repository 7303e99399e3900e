"""The screen Accuracy: figures, and below them classes, images, and one image."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len

from ascend_console.jobs.accuracy import AccuracyRequest
from ascend_console.tools import paths
from ascend_console.tui import accuracy_drill as drill
from ascend_console.tui import accuracy_figures as figures
from ascend_console.tui import accuracy_tables as tables
from ascend_console.tui import keymap
from ascend_console.tui.accuracy_predictions import read_verdict
from ascend_console.tui.accuracy_view import ImageView
from ascend_console.tui.figures import SCREEN_KEYS, FiguresScreen, page_text
from ascend_console.tui.figures_report import write_report
from ascend_console.tui.pen import Pen
from ascend_console.tui.performance_detail import judgement_facts
from ascend_console.tui.widgets.ask import Page
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.pick_list import PickList
from ascend_console.tui.widgets.rule import Panel
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import BindingType
    from textual.widget import Widget

LEVELS = ("figures", "classes", "images", "image")
_EVIDENCE_LINES = 3
_STATE_CELLS, _RULE_CELLS = 12, 9
_IMAGE_KEYS = ("source", "previous", "next")


class AccuracyScreen(FiguresScreen):
    """One table at a time; Enter goes down, Esc up, and each keeps its cursor, order and filter."""

    page = "accuracy"
    job = "accuracy"
    every = True
    help_text = (
        "Enter goes down: figures, classes or attributes, images, one image; Esc goes up.\n"
        "v shows all metrics; of images all, wrong, or those that differ from the reference.\n"
        "Space marks two figures, d compares their predictions image by image."
    )
    CSS = "AccuracyScreen { layers: base above; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings("accuracy", footer=(
            "accuracy.model", "accuracy.compare", "accuracy.source")),
        *keymap.bindings("view", without=SCREEN_KEYS, footer=("view.show", "view.zoom")),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.level = "figures"
        self.every_metric = False
        self.told = figures.Accuracies()
        self.drilled: drill.Drilled | None = None
        self.group = tables.ALL
        self.mode = "all"
        self.as_seen = False
        self._titles: dict[str, tuple[str, ...]] = {}
        self._verdicts: dict[str, dict[str, Any]] = {}

    def body(self) -> Iterable[Widget]:
        """Every level in a panel of its own, of which one is seen; below the first its evidence."""
        t = self.app.t
        columns = figures.columns_of(self._pen, every_metric=False)
        yield Panel(t("Accuracy"), Table(columns, marks=True, id="accuracy"), id="figures",
                    classes="fills")  # fmt: skip
        yield Panel(t("Evidence"), Block(id="why"), id="evidence")
        yield Panel("", Table((), id="accuracy-classes"), id="classes", classes="fills")
        yield Panel("", Table((), id="accuracy-images"), id="images", classes="fills")
        yield Panel("", ImageView(), id="image", classes="fills")
        yield PickList()

    def on_mount(self) -> None:
        """Begin with the figures."""
        self.remade()

    def remade(self) -> None:
        """The tables below the figures are empty now."""
        self.query_one("#why", Block).can_focus = False
        self._to("figures")
        self._draw()

    @property
    def _pen(self) -> Pen:
        return Pen.of(self.app)

    def _table(self, level: str) -> Table:
        return self.query_one(f"#{level} Table", Table)

    @property
    def _row(self) -> figures.Document | None:
        """The figure under the cursor."""
        row = self._table("figures").row
        return self.told.rows.get(row.key) if row is not None else None

    # What comes in.

    def request(self, model: str | None) -> AccuracyRequest:
        """Figures of one model, or of all."""
        return AccuracyRequest(model=(model,) if model else None)

    def asking(self) -> None:
        """Say so where there is nothing to see yet."""
        if not self.told.rows:
            self._table("figures").empty = f"{self.app.glyphs.ellipsis} {self.app.t('reading')}"

    def other_model(self) -> None:
        """Back to the figures, which are others now."""
        self.told = figures.Accuracies()
        self._to("figures")
        self._draw()

    def refused(self, text: str) -> None:
        """Say why there are none."""
        self._table("figures").empty = text
        if self.told.rows:
            self.app.say(text, "error")
        self._table("figures").refresh()

    def arrived(self, document: dict[str, Any]) -> None:
        """Show the figures, with the cursor on those of the run that is followed."""
        first = not self.told.rows
        self.told = figures.accuracies(document)
        self._verdicts.clear()
        self._table("figures").empty = self.app.t("no figures yet; 1 Run makes them")
        self._draw()
        run = self.app.state.run
        if first and run is not None:
            wanted = (key for key in self.told.rows if key.startswith(f"{run.run_id}|"))
            self._table("figures").select(next(wanted, ""))

    # The figures.

    def _draw(self) -> None:
        table, pen = self._table("figures"), self._pen
        name = f"{self.app.t('Accuracy')} > {self.model}" if self.model else self.app.t("Accuracy")
        self.query_one("#figures", Panel).title = name
        table.set_columns(figures.columns_of(pen, every_metric=self.every_metric))
        table.set_rows(figures.rows_of(self.told, pen, every_metric=self.every_metric))
        self._draw_evidence()

    def _draw_evidence(self) -> None:
        row, block = self._row, self.query_one("#why", Block)
        panel = self.query_one("#evidence", Panel)
        if row is None:
            block.show([])
        else:
            verdict = self._verdict_of(row)
            block.show(figures.evidence_facts(self.told, row, verdict, self._pen))
        lines = block.height_at(self.size.width)
        spare = self.size.height - 4 - len(self._table("figures").rows) - 2
        panel.styles.height = 1 + min(lines, max(_EVIDENCE_LINES, spare))
        panel.display = self.level == "figures" and row is not None

    def _verdict_of(self, row: figures.Document) -> dict[str, Any]:
        """`verdict.json` of the run of a row, empty until it is read."""
        run_id = row.get("run_id")
        if not run_id or run_id in self._verdicts:
            return self._verdicts.get(str(run_id), {})
        self._verdicts[run_id] = {}
        folder = paths.runs_folder(self.app.settings.workspace) / run_id

        def read() -> None:
            found = read_verdict(folder)
            self.app.call_from_thread(arrive, found)

        def arrive(found: dict[str, Any]) -> None:
            self._verdicts[run_id] = found
            if self.is_attached:
                self._draw_evidence()

        self.run_worker(read, thread=True, group="verdict")
        return {}

    # Levels.

    def _to(self, level: str) -> None:
        """Show one level; the others keep what they have."""
        self.level = level
        for name in LEVELS:
            self.query_one(f"#{name}", Panel).display = name == level
        self._draw_title()
        self._draw_evidence()
        if level == "image":
            self.query_one(ImageView).focus()
        else:
            table = self._table(level)
            self.query_one(f"#{level}", Panel).state = table.state_text()
            table.focus()
        self.refresh_bindings()

    def _draw_title(self) -> None:
        """The path to what is shown, cut where the state needs the room."""
        parts = self._titles.get(self.level)
        if parts is not None:
            panel = self.query_one(f"#{self.level}", Panel)
            room = self.size.width - max(cell_len(panel.state), _STATE_CELLS) - _RULE_CELLS
            panel.title = drill.path_title(parts, room, self._pen)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of an image are there on an image only."""
        del parameters
        if action in _IMAGE_KEYS:
            return self.level == "image"
        if action == "show":
            return self.level in ("figures", "images")
        if action in ("model", "compare", "before", "after", "report"):
            return self.level == "figures"
        return True

    def on_table_moved(self, message: Table.Moved) -> None:
        """Tell of another figure."""
        if message.table is self._table("figures"):
            self._draw_evidence()

    def on_table_opened(self, message: Table.Opened) -> None:
        """One level down."""
        if self.level == "figures":
            self._open_figure()
        elif self.level == "classes":
            self.group = message.row.key
            self.mode = "all"
            self._show_images()
        elif self.level == "images":
            self._show_image()

    def back(self) -> bool:
        """Out of a filter, or one level up."""
        if self.level != "image":
            table = self._table(self.level)
            if table.filter_words:
                table.filter_words = ""
                return True
        if self.level == "figures":
            return False
        self._to(LEVELS[LEVELS.index(self.level) - 1])
        return True

    def _open_figure(self) -> None:
        row = self._row
        if row is None:
            return
        if not row.get("run_id"):
            self._page_of(row)
            return
        self._drill(drill.Wanted.of(row, self.told, self._folder_of(row), self._pen), None)

    def _folder_of(self, row: figures.Document) -> Any:
        return paths.runs_folder(self.app.settings.workspace) / str(row["run_id"])

    def _page_of(self, row: figures.Document) -> None:
        """A published figure: its evidence, and what its document says of itself."""
        pen = self._pen
        facts = figures.evidence_facts(self.told, row, {}, pen)
        told = [entry for entry in self.told.judgements if entry["document"] == row["document"]]
        facts += judgement_facts(told, "accuracy", pen)
        title = f"{row['model']}  {figures.runs_on(row, pen.t)}"
        self.app.push_screen(Page(title, page_text(facts)))

    def _drill(self, wanted: drill.Wanted, against: drill.Wanted | None) -> None:
        """Read predictions in a thread, then show their classes."""
        pen = self._pen

        def make() -> drill.Drilled:
            return drill.read(wanted, against, pen)

        self.query_one("#figures", Panel).state = f"{pen.glyphs.ellipsis} {pen.t('reading')}"
        self.apart(make, self._drilled, lambda: self._to(self.level))

    def _drilled(self, found: drill.Drilled) -> None:
        self.drilled = found
        if found.warning:
            self.app.say(found.warning, "warning")
        table = self._table("classes")
        table.filter_words = ""
        table.set_columns(tables.group_columns(found.level, self._pen))
        table.set_rows(found.rows)
        # Above the worst one stand all together.
        table.select(found.rows[min(1, len(found.rows) - 1)].key)
        self._titles["classes"] = found.path
        self._to("classes")

    # Images.

    def _show_images(self) -> None:
        drilled = self.drilled
        if drilled is not None:
            make = partial(tables.image_rows, drilled.level, self.group, self.mode, self._pen)
            self.apart(make, self._images_made)

    def _images_made(self, rows: list[Any]) -> None:
        drilled, pen = self.drilled, self._pen
        if drilled is None:
            return
        table = self._table("images")
        table.set_columns(tables.image_columns(drilled.level, pen))
        table.empty = self.app.t("no such image")
        table.set_rows(rows)
        words = tables.mode_text(self.mode, pen)
        self._titles["images"] = (*drilled.path_to(self.group, pen), words)
        self._to("images")

    def _show_image(self) -> None:
        drilled, pen = self.drilled, self._pen
        table = self._table("images")
        if drilled is None or table.row is None:
            return
        image = drilled.by_name[table.row.key]
        at = next(n for n, row in enumerate(table.rows, 1) if row is table.row)
        self._titles["image"] = (*drilled.path_to(self.group, pen), image.name)
        seen = self.app.t("as the model saw it") if self.as_seen else self.app.t("the file")
        place = self.app.t("{at} of {count}", at=at, count=len(table.rows))
        panel = self.query_one("#image", Panel)
        panel.state = f"{place}, {tables.mode_text(self.mode, pen)}, {seen}"
        self._to("image")
        self.query_one(ImageView).show(
            drilled.level,
            image,
            drilled.ours,
            drilled.places.get(image.name),
            drilled.preprocess if self.as_seen else None,
            drilled.missing,
        )

    # Keys.

    def action_show(self) -> None:
        """All metrics or the main ones; all images, wrong ones, or those that differ."""
        if self.level == "figures":
            self.every_metric = not self.every_metric
            self._draw()
        elif self.level == "images":
            modes = tables.MODES
            self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
            self._show_images()

    def action_previous(self) -> None:
        """The image before."""
        self._table("images").action_move(-1)
        self._show_image()

    def action_next(self) -> None:
        """The next image."""
        self._table("images").action_move(1)
        self._show_image()

    def action_source(self) -> None:
        """The file, or the crop that the model got of it."""
        if self.drilled is not None and self.drilled.preprocess is None:
            self.app.say(self.app.t("the run did not record its preprocessing"), "warning")
            return
        self.as_seen = not self.as_seen
        self._show_image()

    def action_compare(self) -> None:
        """Two marked figures, image by image."""
        table = self._table("figures")
        marked = [self.told.rows[row.key] for row in table.rows if row.key in table.marked]
        own = [row for row in marked if row.get("run_id")]
        if len(own) != 2 or own[0]["model"] != own[1]["model"]:
            self.app.say(self.app.t("mark two own figures of one model with Space"), "warning")
            return
        a, b = (drill.Wanted.of(row, self.told, self._folder_of(row), self._pen) for row in own)
        self._drill(a, b)

    def action_report(self) -> None:
        """The report of the run under the cursor."""
        row = self._row
        if row is None or not row.get("run_id"):
            self.app.say(self.app.t("a published figure has no run of ours"), "warning")
            return
        write_report(self.app, str(row["run_id"]))

    def on_resize(self) -> None:
        """Evidence gets what the table can spare, the title what the state leaves."""
        if self.query(ImageView):
            self._draw_title()
            self._draw_evidence()
