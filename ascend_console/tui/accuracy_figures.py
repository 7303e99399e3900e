"""The first table of the screen Accuracy, from the document of the job `accuracy`; its evidence.

Own figures come first, the newest run before older ones; then those that documents publish.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui import glyphs as signs
from ascend_console.tui.performance_detail import finding_text, noted
from ascend_console.tui.performance_files import is_number
from ascend_console.tui.widgets.block import Fact
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.tui.pen import Pen
    from ascend_console.tui.texts import Texts

Document = dict[str, Any]

_MAIN = ("top1", "instance_acc")
_TITLES = {"top1": "Top-1", "top2": "Top-2", "top3": "Top-3", "top4": "Top-4", "top5": "Top-5",
           "instance_acc": "inst acc", "instance_precision": "inst prec",
           "instance_recall": "inst rec", "instance_F1": "inst F1"}  # fmt: skip
_SHORT = {"onnxruntime": "ort"}
_SAME_IMAGES = re.compile(r"(.+) on the same (\d+) images")
# Differences of fractions are off by less than this.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Accuracies:
    """The document: its rows by key, and what the accuracies of its runs depend on."""

    rows: Mapping[str, Document] = field(default_factory=dict)
    fingerprints: Mapping[str, Document] = field(default_factory=dict)
    judgements: Sequence[Document] = ()


def accuracies(document: Mapping[str, Any]) -> Accuracies:
    """The document of the job, ordered for the screen."""
    rows: list[Document] = document.get("rows", [])
    own = [row for row in rows if row.get("run_id")]
    own.sort(key=lambda row: (row["batch_size"] or 0, _rank(row)))
    own.sort(key=lambda row: str(row["run_id"]), reverse=True)
    found = {f"{row['run_id']}|{row['batch_size']}|{row['precision']}|{row['metric']}": row
             for row in own}  # fmt: skip
    published = [row for row in rows if not row.get("run_id")]
    found |= {f"published|{number}": row for number, row in enumerate(published)}
    return Accuracies(found, document.get("fingerprints", {}), document.get("judgements", []))


def _rank(row: Document) -> tuple[int, str]:
    metric = str(row["metric"])
    return (_MAIN.index(metric) if metric in _MAIN else len(_MAIN), metric)


def is_main(row: Document) -> bool:
    """Whether a row is the figure that a model is known by; a published one must have a value."""
    return row["metric"] in _MAIN and (bool(row.get("run_id")) or row.get("value") is not None)


def metric_title(metric: str) -> str:
    """`Top-1` of `top1`."""
    return _TITLES.get(metric, metric)


def runs_on(row: Document, t: Texts) -> str:
    """`ort cpu:0 sample`, `published om 310`: what made a figure."""
    if not row.get("run_id"):
        return " ".join(str(part) for part in (t("published"), row["of"], row["device"]) if part)
    backend = str(row.get("backend") or "")
    parts = [_SHORT.get(backend, backend), row.get("device"),
             t("sample") if row.get("weights") == "sample" else None,
             t("imported") if row.get("origin") == "imported" else None]  # fmt: skip
    return " ".join(str(part) for part in parts if part)


def gate_of(row: Document) -> str | None:
    """PASS, FAIL or INCOMPLETE of a row; None where no rule applies.

    A row only records that its gate was not passed. FAIL needs a drop that is proven: the lower end
    of its interval above the tolerance, or a published figure of the same images (design.md
    section 4).
    """
    passed = row.get("passed")
    if passed is None:
        return None
    if passed:
        return "PASS"
    interval, tolerance = row.get("interval"), row.get("tolerance")
    if row.get("images_needed") is not None or row.get("value") is None:
        return "INCOMPLETE"
    if isinstance(interval, list) and is_number(tolerance):
        return "FAIL" if 100 * interval[0] > tolerance + 100 * _ROUNDING else "INCOMPLETE"
    return "FAIL"


def difference_points(row: Document) -> float | None:
    """Percentage points above the reference; negative below it."""
    drop = row.get("drop_points")
    return -drop + 0.0 if is_number(drop) else None


def _interval(row: Document, pen: Pen) -> str:
    ends = row.get("interval")
    if not isinstance(ends, list):
        return pen.glyphs.unknown
    return f"{-100 * ends[1]:+.2f} .. {-100 * ends[0]:+.2f}"


# --- the table -----------------------------------------------------------------------------------


def columns_of(pen: Pen, *, every_metric: bool) -> list[Column]:
    """Interval, data type and images leave first; the metric stays where there are several."""
    t = pen.t
    # A verdict in Chinese is the word and its translation.
    english = t.lang == "en"
    return [
        Column(key="model", title=t("Model"), width=11, drop=1 if every_metric else 0),
        Column(key="runs_on", title=t("Runs on"), width=17 if english else 14, flex=True),
        Column(key="batch", title=t("Batch"), width=5, right=True),
        Column(key="metric", title=t("Metric"), width=9, drop=0 if every_metric else 2),
        Column(key="value", title=t("Value %"), width=6, right=True),
        Column(key="reference", title=t("Ref %"), width=6, right=True),
        Column(key="difference", title=t("Diff pt"), width=7, right=True),
        Column(key="gate", title=t("Gate"), width=12 if english else 21),
        Column(key="images", title=t("Images"), width=7, right=True, drop=3),
        Column(key="precision", title=t("Type"), width=5, drop=4),
        Column(key="interval", title=t("95 % of diff pt"), width=16, drop=5),
    ]


def rows_of(told: Accuracies, pen: Pen, *, every_metric: bool) -> list[Row]:
    """A row for each figure; without `every_metric` one for each batch size of a run."""
    return [
        Row(key, _cells(row, pen)) for key, row in told.rows.items() if every_metric or is_main(row)
    ]


def _percent(value: object) -> Cell:
    if not is_number(value):
        return Cell(cells.UNKNOWN, "muted")
    return Cell(cells.percent(value), "", value)


def _cells(row: Document, pen: Pen) -> tuple[Cell, ...]:
    gate = gate_of(row)
    mark = signs.marks(pen.glyphs).get(gate or "", "")
    told = Cell(cells.UNKNOWN, "muted") if gate is None else Cell(
        f"{mark} {pen.t.verdict(gate)}", signs.ROLES.get(gate, "")
    )  # fmt: skip
    difference = difference_points(row)
    images = row.get("images")
    batch = row.get("batch_size")
    return (
        Cell(str(row["model"])),
        Cell(runs_on(row, pen.t), "" if row.get("run_id") else "muted"),
        Cell(cells.UNKNOWN, "muted") if batch is None else Cell(str(batch), "", batch),
        Cell(metric_title(str(row["metric"]))),
        _percent(row.get("value")),
        _percent(row.get("reference")),
        Cell(cells.points(difference), "", difference),
        told,
        Cell(f"{images:,}", "", images) if is_number(images) else Cell(cells.UNKNOWN),
        Cell(str(row.get("precision") or cells.UNKNOWN)),
        Cell(_interval(row, pen)),
    )


# --- evidence ------------------------------------------------------------------------------------


def evidence_facts(
    told: Accuracies, row: Document, verdict: Mapping[str, Any], pen: Pen
) -> list[Fact]:
    """What a figure is judged by, how that went image by image, and from which pixels.

    `verdict` is the `verdict.json` of its run, empty while it is not read.
    """
    return list(_evidence(told, row, verdict, pen))


def _evidence(
    told: Accuracies, row: Document, verdict: Mapping[str, Any], pen: Pen
) -> Iterator[Fact]:
    t = pen.t
    yield Fact(label=t("against"), text=_reference(row, pen))
    if not row.get("run_id"):
        yield Fact(label=t("printed in"), text=str(row.get("source") or pen.glyphs.unknown))
        if noted(row, "note", pen):
            yield Fact(label=t("note"), text=noted(row, "note", pen),
                       head=pen.glyphs.attention, role="warning")  # fmt: skip
        return
    yield Fact(label=t("paired"), text=_paired(row, verdict, pen))
    yield Fact(label=t("preprocess"), text=_preprocess(told, row, pen))
    others = {
        entry["fingerprint"]
        for entry in told.rows.values()
        if entry.get("run_id") and entry["model"] == row["model"]
    }
    if len(others) > 1:
        yield Fact(label=t("note"), head=pen.glyphs.attention, role="warning",
                   text=t("figures of {count} preprocessings: do not compare across them",
                          count=len(others)))  # fmt: skip
    yield from _images(row, verdict, pen)


def _reference(row: Document, pen: Pen) -> str:
    t = pen.t
    if not is_number(row.get("reference")):
        return t("none: the figure is only recorded")
    source = str(row.get("reference_source") or "")
    same = _SAME_IMAGES.fullmatch(source)
    if same:
        source = t("{reference} on the same {count} images", reference=same[1], count=same[2])
    elif row.get("run_id"):
        source = t("published: {source}", source=source)
    return f"{cells.percent(row['reference'])} %, {source}"


def _paired(row: Document, verdict: Mapping[str, Any], pen: Pen) -> str:
    """The reason that the run gave; where there is none, the images that differ."""
    t = pen.t
    at = f"bs{row['batch_size']} "
    for reason in verdict.get("reasons") or ():
        args = reason.get("args") if isinstance(reason, dict) else None
        if (
            isinstance(args, dict)
            and args.get("at") == at
            and (args.get("title") == metric_title(str(row["metric"])))
        ):
            return finding_text(reason, pen)
    count = row.get("disagreements")
    if not is_number(count):
        return t("no image is compared: the published figure decides")
    text = t("{count} of {images} images are right in only one of the two",
             count=count, images=row.get("images") or pen.glyphs.unknown)  # fmt: skip
    ends = t("95 % of the difference {interval} points", interval=_interval(row, pen))
    needed = row.get("images_needed")
    more = t("{count} images would decide", count=needed) if is_number(needed) else ""
    return ", ".join(part for part in (text, ends, more) if part)


def _preprocess(told: Accuracies, row: Document, pen: Pen) -> str:
    t = pen.t
    name = str(row.get("fingerprint") or "")
    seen = told.fingerprints.get(name)
    if not seen:
        return t("not recorded")
    library = "OpenCV" if seen.get("library") == "opencv" else "Pillow"
    version = seen.get("opencv") if seen.get("library") == "opencv" else seen.get("pillow")
    parts = [name, f"{library} {version} {seen.get('filter')} {seen.get('resize')}"]
    if seen.get("crop"):
        parts.append(t("crop {size}", size=seen["crop"]))
    if _SAME_IMAGES.fullmatch(str(row.get("reference_source") or "")):
        parts.append(t("same pixels as the reference"))
    return ", ".join(parts)


def _images(row: Document, verdict: Mapping[str, Any], pen: Pen) -> Iterator[Fact]:
    t = pen.t
    images = verdict.get("images")
    if isinstance(images, dict) and images.get("bad"):
        yield Fact(label=t("images"), head=pen.glyphs.attention, role="warning",
                   text=t("{bad} of {total} could not be read", bad=images["bad"],
                          total=images.get("total") or pen.glyphs.unknown))  # fmt: skip
    if row.get("weights") == "sample":
        yield Fact(label=t("weights"), text=t(
            "sample weights and data: nothing about published figures"))  # fmt: skip
