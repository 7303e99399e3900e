"""The performance table: a line for each batch size and the best, a cell for each device and ratio.

Decimals are cut. A ratio says `ok` or `low` beside its gate; best against best decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui.performance_figures import BEST, shown_devices, shown_ratios, value_of
from ascend_console.tui.performance_files import is_number
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ascend_console.tui.pen import Pen
    from ascend_console.tui.performance_figures import (
        Comparison,
        Device,
        Document,
        RatioColumn,
        Shown,
    )
    from ascend_console.tui.performance_files import Key, Measured

_WIDTH, _OWN_WIDTH, _RATIO_WIDTH, _WIDEST = 9, 11, 9, 16

# --- columns -------------------------------------------------------------------------------------


def _title(device: Device, told: Comparison) -> str:
    """`cpu:0`, and what tells it from another column of the same device."""
    if not device.own:
        return device.key
    alike = [entry for entry in told.devices if entry.own and entry.name == device.name]
    if len(alike) < 2:
        return device.name
    words = [entry.key.split() for entry in alike]
    own = [word for word in device.key.split() if not all(word in entry for entry in words)]
    return " ".join((device.name, *(word for word in own if word not in ("sample", "imported"))))


def _origin(device: Device, pen: Pen) -> str:
    """The second line of the head: published, or the newest run and what it ran on."""
    t = pen.t
    if not device.own:
        return t("published")
    short = cells.short_id(str(device.newest["run_id"]))
    if device.newest.get("origin") == "imported":
        return t("imported {run}", run=short)
    if device.newest.get("weights") == "sample":
        return t("sample {run}", run=short)
    return t("own {run}", run=short)


def _gate(ratio: RatioColumn, pen: Pen) -> str:
    rows = [row for row in ratio.rows.values() if is_number(row.get("gate"))]
    if rows:
        return pen.t("gate {least}", least=rows[0]["gate"])
    return pen.t("no gate")


def columns_of(told: Comparison, shown: Shown, pen: Pen) -> tuple[list[Column], list[str]]:
    """The columns and the second line of their heads; those of the right leave first.

    Batch size and the first own column stay: ratios, then devices, go where there is no room.
    """
    t = pen.t
    columns = [Column(key="batch", title=t("Batch"), width=5, right=True)]
    heads = [""]
    own_seen = False
    for device in shown_devices(told, shown):
        title = _title(device, told)
        wide = min(max(_OWN_WIDTH if device.own else _WIDTH, len(title)), _WIDEST)
        drop = (1 if own_seen else 0) if device.own else 3
        own_seen = own_seen or device.own
        columns.append(Column(key=device.key, title=cells.middle(title, wide), width=wide,
                              right=True, drop=drop))  # fmt: skip
        heads.append(_origin(device, pen))
    for ratio in shown_ratios(told, shown):
        title = cells.middle(ratio.key, _WIDEST)
        columns.append(Column(key=ratio.key, title=title, width=_RATIO_WIDTH,
                              right=True, drop=2 if ratio.printed else 4))  # fmt: skip
        heads.append(_gate(ratio, pen))
    columns.append(Column(key="remark", title="", width=9, drop=5, flex=True))
    return columns, [*heads, ""]


# --- rows ----------------------------------------------------------------------------------------


def _marks(device: Device, row: Document, pen: Pen) -> str:
    """What must be seen beside a figure: best, not valid, random input, doubtful, noted."""
    marks = ""
    if device.best is not None and device.best["batch_size"] == row["batch_size"]:
        marks += "*"
    if device.own:
        marks += pen.glyphs.attention if row.get("valid") is not True else ""
        marks += "r" if row.get("data") not in (None, "dataset") else ""
    else:
        marks += pen.glyphs.unsure if row.get("doubtful") else ""
        marks += "^" if row.get("note") or row.get("log_note") or row.get("misprinted") else ""
    return marks


def _figure_cell(
    told: Comparison, device: Device, size: int, shown: Shown,
    measured: Mapping[Key, Measured], pen: Pen,
) -> Cell:  # fmt: skip
    row = device.rows.get(size)
    value = value_of(told, row, shown, measured) if row is not None else None
    if row is None or value is None:
        return Cell(cells.UNKNOWN, "muted")
    role = ""
    if device.own:
        role = "primary" if row.get("valid") is True else "warning"
    return Cell(_marks(device, row, pen) + cells.figure(value), role, value)


def judged(ratio: Mapping[str, Any], pen: Pen) -> str:
    """`1.52 ok`: a ratio beside its gate, whether that decides or not."""
    value, gate = ratio.get("value"), ratio.get("gate")
    if not is_number(value):
        return cells.UNKNOWN
    noted = "^" if ratio.get("note") or ratio.get("misprinted") else ""
    if not is_number(gate):
        return f"{noted}{value:.2f}"
    met = ratio["passed"] if isinstance(ratio.get("passed"), bool) else value >= gate
    return f"{noted}{value:.2f} {pen.t('ok') if met else pen.t('low')}"


def _ratio_cell(ratio: RatioColumn, size: int | None, pen: Pen) -> Cell:
    row = ratio.rows.get(size)
    if row is None:
        return Cell(cells.UNKNOWN, "muted")
    passed = row.get("passed")
    role = "" if passed is None else "success" if passed else "error"
    return Cell(judged(row, pen), role or "muted", row.get("value"))


def _standing(told: Comparison, size: int, pen: Pen) -> str:
    """Whether the published figures of a batch size are official ones."""
    t = pen.t
    official = [bool(device.rows[size].get("official")) for device in told.devices
                if not device.own and size in device.rows]  # fmt: skip
    if not official:
        return ""
    return t("official") if all(official) else t("recorded")


def _best_cell(device: Device, shown: Shown, pen: Pen) -> Cell:
    best = device.best
    if best is None:
        return Cell(cells.UNKNOWN, "muted")
    row = device.rows.get(best["batch_size"], {})
    value = best["throughput"]
    if shown.unit == "chip":
        value /= row.get("factor") or 1
    doubt = pen.glyphs.unsure if best.get("doubtful") else ""
    return Cell(f"{doubt}{cells.figure(value)}@{best['batch_size']}",
                "primary" if device.own else "", value)  # fmt: skip


def rows_of(
    told: Comparison, shown: Shown, measured: Mapping[Key, Measured], pen: Pen
) -> list[Row]:
    """A row for each batch size, then the best of each column."""
    return list(_rows(told, shown, measured, pen))


def _rows(
    told: Comparison, shown: Shown, measured: Mapping[Key, Measured], pen: Pen
) -> Iterator[Row]:
    devices, ratios = shown_devices(told, shown), shown_ratios(told, shown)
    for size in told.sizes:
        found = [Cell(str(size), "", size)]
        found += [_figure_cell(told, device, size, shown, measured, pen) for device in devices]
        found += [_ratio_cell(ratio, size, pen) for ratio in ratios]
        yield Row(str(size), (*found, Cell(_standing(told, size, pen), "muted")))
    if shown.figure == "device" and devices:
        found = [Cell(pen.t("best"), "", float("inf"))]
        found += [_best_cell(device, shown, pen) for device in devices]
        found += [_ratio_cell(ratio, None, pen) for ratio in ratios]
        remark = pen.t("decides") if ratios else ""
        yield Row(BEST, (*found, Cell(remark, "muted")))
