"""The rows of the screen Runs: a run of the history, or one that goes on, as cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.tools.history import RunSummary
from ascend_console.tui import cells
from ascend_console.tui.glyphs import ROLES, marks
from ascend_console.tui.strip import run_percent
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.glyphs import Glyphs
    from ascend_console.tui.texts import Texts

ALIVE = ("waiting", "running")


def columns(t: Texts) -> tuple[Column, ...]:
    """As they stand; where the table is narrow they leave from the right.

    The verdict takes the widest word of a language: in Chinese it follows the token.
    """
    verdict = 15 if t.lang == "en" else 21
    return (
        Column(key="started", title=t("Started"), width=11),
        Column(key="model", title=t("Model"), width=11, flex=True, middle=True),
        Column(key="device", title=t("Device"), width=6, drop=2),
        Column(key="batch_sizes", title=t("Batch"), width=6, drop=3),
        Column(key="verdict", title=t("Verdict"), width=verdict),
        Column(key="took_s", title=t("Took"), width=7, right=True, drop=4),
        Column(key="accuracy_percent", title="Top-1 %", width=10, right=True, drop=5),
        Column(key="images_per_s", title=t("Best img/s"), width=10, right=True, drop=6),
        Column(key="backend", title=t("Backend"), width=11, drop=7),
        Column(key="run_id", title=t("Id"), width=13, drop=8),
    )


def live_summary(snapshot: RunSnapshot) -> RunSummary:
    """What is known of a run that goes on; its figures come with its end."""
    document, view = snapshot.document, snapshot.view
    request = document.get("request")
    asked: dict[str, Any] = request if isinstance(request, dict) else {}
    sizes = asked.get("batch_size")
    return RunSummary(
        run_id=snapshot.run_id,
        job=view.job or document.get("job"),
        model=document.get("model"),
        backend=asked.get("backend"),
        started=view.started or document.get("started"),
        elapsed_s=view.elapsed_s if view.started else None,
        state=snapshot.state,
        verdict=view.verdict,
        attempt=view.attempt,
        figures={"batch_sizes": sizes} if isinstance(sizes, list) else {},
    )


class RunRows:
    """Makes a row of each run, once for as long as the run stays the same."""

    def __init__(self, t: Texts, glyphs: Glyphs) -> None:
        self._t = t
        self._signs = marks(glyphs)
        self._made: dict[str, tuple[object, Row]] = {}

    def row(
        self, run: RunSummary, *, baseline: bool = False, now: str | None = None, share: str = ""
    ) -> Row:
        """The row of a run. `now` stands for its state, and `share` behind it, while it goes on."""
        wanted = (run, baseline, now, share)
        known = self._made.get(run.run_id)
        if known is None or known[0] != wanted:
            sign = "b" if baseline else "i" if run.origin != "local" else " "
            known = (wanted, Row(run.run_id, self._cells(run, now, share), sign))
            self._made[run.run_id] = known
        return known[1]

    def live_row(
        self, snapshot: RunSnapshot, *, baseline: bool = False, stopping: bool = False
    ) -> Row:
        """The row of a run that goes on, with how far it is."""
        percent = run_percent(snapshot) if snapshot.state == "running" else None
        share = "" if percent is None or stopping else f"{min(percent, 99)} %"
        now = self._t("stopping") if stopping else None
        return self.row(live_summary(snapshot), baseline=baseline, now=now, share=share)

    def _cells(self, run: RunSummary, now: str | None, share: str) -> tuple[Cell, ...]:
        figures = run.figures or {}
        sizes = figures.get("batch_sizes") or ()
        rate = figures.get("throughput")
        return (
            Cell(cells.moment(run.began), sort=run.began),
            Cell(self._model(run)),
            Cell(run.device or cells.UNKNOWN),
            Cell(",".join(map(str, sizes)) or cells.UNKNOWN),
            self._verdict(run, now, share),
            Cell(cells.duration(run.elapsed_s), sort=run.elapsed_s),
            self._accuracy(figures),
            Cell(cells.figure(rate), sort=rate),
            Cell(run.backend or cells.UNKNOWN),
            self._id(run),
        )

    def _model(self, run: RunSummary) -> str:
        """The model; of another job than the whole workflow also which."""
        job = run.job if run.job != "run" else None
        return " ".join(word for word in (run.model, job) if word) or cells.UNKNOWN

    def _verdict(self, run: RunSummary, now: str | None, share: str) -> Cell:
        state = "unreadable" if run.problem else run.verdict or run.state
        word = self._t("unreadable") if run.problem else now or self._t.verdict(state)
        sign = self._signs.get("INVALID" if run.problem else state, "")
        text = " ".join(part for part in (sign, word, share) if part)
        return Cell(text, ROLES.get("INVALID" if run.problem else state, ""), sort=state)

    def _accuracy(self, figures: dict[str, Any]) -> Cell:
        """Top-1 in percent; another metric is named beside its value."""
        value, metric = figures.get("accuracy"), figures.get("metric")
        if value is None:
            return Cell(cells.UNKNOWN)
        text = cells.percent(value)
        name = {"instance_acc": self._t("inst")}.get(str(metric), str(metric))
        return Cell(text if metric == "top1" else f"{name} {text}", sort=100 * value)

    def _id(self, run: RunSummary) -> Cell:
        short = cells.short_id(run.run_id)
        text = short if run.origin == "local" else f"{short} {self._t('imported')}"
        return Cell(text, sort=run.run_id)
