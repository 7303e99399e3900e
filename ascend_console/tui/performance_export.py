"""The performance table as files: Markdown in the shape of the guides, CSV and JSON.

Unlike a cell of the screen, a figure of Markdown has the decimals that guides print, and one of
CSV and JSON has all.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui.performance_detail import judgement_facts
from ascend_console.tui.performance_figures import (
    shown_devices,
    shown_ratios,
    unit_text,
    value_of,
)
from ascend_console.tui.performance_files import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.tui.pen import Pen
    from ascend_console.tui.performance_figures import Comparison, Device, RatioColumn, Shown
    from ascend_console.tui.performance_files import Key, Measured

_DECIMALS = 4


def _plain(value: float | None) -> str:
    """A figure as guides print it: at most four decimals, no commas."""
    return "-" if value is None else f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")


def _escaped(text: str) -> str:
    return cells.safe(text).replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`")


def guide_table(told: Comparison, shown: Shown, measured: Mapping[Key, Measured], pen: Pen) -> str:
    """The table with a line for each batch size, the best, and the judgements below."""
    t = pen.t
    devices, ratios = shown_devices(told, shown), shown_ratios(told, shown)
    heads = [t("Batch size"), *(_head(device, pen) for device in devices),
             *(ratio.key for ratio in ratios)]  # fmt: skip
    lines = [f"{told.model}: {unit_text(told, shown, pen)}", "", _line(heads),
             "|" + "|".join([":------", *[":------:"] * (len(heads) - 1)]) + "|"]  # fmt: skip
    for size in told.sizes:
        line = [str(size)]
        line += [_cell(told, device, size, shown, measured, pen) for device in devices]
        line += [_ratio(ratio, size) for ratio in ratios]
        lines.append(_line(line))
    if shown.figure == "device":
        best = [_best(device, shown) for device in devices]
        lines.append(_line([t("best batch"), *best, *(_ratio(ratio, None) for ratio in ratios)]))
    for fact in judgement_facts(told.document.get("judgements", []), "performance", pen):
        lines += ["", _escaped(fact.text)]
    return "\n".join(lines) + "\n"


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(part) for part in parts) + " |"


def _head(device: Device, pen: Pen) -> str:
    cpu = f", {pen.t('CPU, not an NPU result')}" if device.is_cpu else ""
    return f"{device.key}{cpu}"


def _cell(
    told: Comparison, device: Device, size: int, shown: Shown,
    measured: Mapping[Key, Measured], pen: Pen,
) -> str:  # fmt: skip
    row = device.rows.get(size)
    text = _plain(value_of(told, row, shown, measured)) if row is not None else "-"
    if row is None or text == "-":
        return text
    words = []
    if device.own and row.get("valid") is not True:
        words.append(pen.t("not valid"))
    if device.own and row.get("data") not in (None, "dataset"):
        words.append(pen.t("random input"))
    return f"{text} ({', '.join(words)})" if words else text


def _ratio(ratio: RatioColumn, size: int | None) -> str:
    value = ratio.rows.get(size, {}).get("value")
    return _plain(value) if is_number(value) else "-"


def _best(device: Device, shown: Shown) -> str:
    if device.best is None:
        return "-"
    size = device.best["batch_size"]
    factor = (device.rows.get(size, {}).get("factor") or 1) if shown.unit == "chip" else 1
    return f"{_plain(device.best['throughput'] / factor)} @ {size}"


def all_figures(
    told: Comparison, shown: Shown, measured: Mapping[Key, Measured]
) -> list[dict[str, Any]]:
    """A record for each figure and ratio that is shown, unrounded, with its origin."""
    found: list[dict[str, Any]] = []
    for size in told.sizes:
        for device in shown_devices(told, shown):
            row = device.rows.get(size)
            if row is not None:
                found.append({
                    "model": told.model, "column": device.key, "batch_size": size,
                    "figure": shown.figure, "per": shown.unit,
                    "value": value_of(told, row, shown, measured),
                    "source": row.get("source"), "run_id": row.get("run_id"),
                    "valid": row.get("valid"), "data": row.get("data"),
                    "mark": row.get("mark"), "gate": None, "passed": None,
                })  # fmt: skip
    for ratio in shown_ratios(told, shown):
        for size_or_best, row in ratio.rows.items():
            found.append({
                "model": told.model, "column": ratio.key, "batch_size": size_or_best,
                "figure": "ratio", "per": shown.unit, "value": row.get("value"),
                "source": row.get("document"), "run_id": None, "valid": None, "data": None,
                "mark": None, "gate": row.get("gate"), "passed": row.get("passed"),
            })  # fmt: skip
    return found


def csv_table(told: Comparison, shown: Shown, measured: Mapping[Key, Measured]) -> str:
    """The records as CSV; a batch size that is empty is the best of each."""
    records = all_figures(told, shown, measured)
    stream = io.StringIO()
    if records:
        writer = csv.DictWriter(stream, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return stream.getvalue()


def json_table(told: Comparison, shown: Shown, measured: Mapping[Key, Measured]) -> str:
    """The records as JSON."""
    document = {"schema": 1, "figures": all_figures(told, shown, measured)}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
