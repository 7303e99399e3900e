"""All that is known of one device or process, as a page to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from ascend_console.tui import cells
from ascend_console.tui.devices_facts import GPU, HOST, NPU, age_text, name_of
from ascend_console.tui.devices_plot import WINDOWS_MIN, plot_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.tui.devices_facts import Device
    from ascend_console.tui.devices_history import DeviceHistory
    from ascend_console.tui.pen import Pen

_WIDTH = 72


def _pair(used: float | None, total: float | None, pen: Pen, unit: str = "") -> str:
    shown = [pen.glyphs.unknown if value is None else f"{value:,}" for value in (used, total)]
    return f"{'/'.join(shown)} {unit}".strip()


def _known(value: object, unit: str, pen: Pen) -> str:
    return pen.glyphs.unknown if value is None else f"{value} {unit}".strip()


def _npu_facts(device: Device, pen: Pen) -> dict[str, str]:
    raw, t = device.raw, pen.t
    if "aicore_pct" not in raw:
        return {t("card and chip"): device.place or ""}
    number = raw["device"]
    return {
        t("health"): _known(raw["health"], "", pen),
        t("card and chip"): device.place or pen.glyphs.unknown,
        "--device": _known(number, "", pen),
        t("bus"): _known(raw["bus_id"], "", pen),
        "AICore": _known(raw["aicore_pct"], "%", pen),
        t("memory"): _pair(raw["memory_used_mb"], raw["memory_total_mb"], pen, "MB"),
        "HBM": _pair(raw["hbm_used_mb"], raw["hbm_total_mb"], pen, "MB"),
        t("hugepages"): _pair(raw["hugepages_used"], raw["hugepages_total"], pen),
        t("temperature"): _known(raw["temp_c"], "C", pen),
        t("power"): _known(raw["power_w"], "W", pen),
    }


def _other_facts(device: Device, pen: Pen) -> dict[str, str]:
    t = pen.t
    found = {
        t("utilisation"): _known(device.util_pct, "%", pen),
        t("memory"): _pair(device.used_mb, device.total_mb, pen, "MB"),
    }
    if device.source == GPU:
        found[t("temperature")] = _known(device.temp_c, "C", pen)
        found[t("power")] = _known(device.power_w, "W", pen)
    if device.source == HOST:
        found[t("load")] = _known(device.load_1m, "", pen)
    return found


def _source_facts(source: Mapping[str, Any] | None, pen: Pen) -> dict[str, str]:
    if source is None:
        return {}
    t = pen.t
    age_s = source["age_s"]
    told = pen.glyphs.unknown if age_s is None else t("{age} ago", age=age_text(age_s))
    took = cells.duration(source["took_s"]) if source["took_s"] is not None else pen.glyphs.unknown
    return {
        t("told by"): f"{source['source']} {source['version'] or ''}".strip(),
        t("driver"): _known(source["driver_version"], "", pen),
        t("asked"): t("every {interval} s, took {took}, answered {told}",
                      interval=f"{source['interval_s']:g}", took=took, told=told),
    }  # fmt: skip


def _aligned(facts: Mapping[str, str]) -> list[str]:
    width = max((cell_len(label) for label in facts), default=0) + 2
    return [cells.fit(label, width) + text for label, text in facts.items()]


def device_page(
    device: Device,
    source: Mapping[str, Any] | None,
    history: DeviceHistory,
    now_s: float,
    pen: Pen,
) -> tuple[str, str]:
    """Title and text: every fact, then the history of 5, 15 and 60 minutes."""
    t = pen.t
    facts = {t("name"): name_of(device, pen) or pen.glyphs.unknown}
    facts |= _npu_facts(device, pen) if device.source == NPU else _other_facts(device, pen)
    lines = _aligned(facts | _source_facts(source, pen))
    for minutes in WINDOWS_MIN:
        rows = plot_lines(device, history, now_s, minutes, _WIDTH, pen)
        if rows:
            lines += ["", t("last {minutes} min", minutes=minutes), *rows]
    return device.label, "\n".join(lines)


def process_page(process: Mapping[str, Any], label: str, pen: Pen) -> tuple[str, str]:
    """Title and text of a process on a chip."""
    t = pen.t
    facts = {
        t("device"): label,
        t("name"): _known(process["name"], "", pen),
        t("user"): _known(process["user"], "", pen),
        t("memory"): _known(process["memory_mb"], "MB", pen),
        "CPU": _known(process["cpu_pct"], "%", pen),
        t("command"): _known(process["command"], "", pen),
    }
    title = t("process {pid}", pid=_known(process["pid"], "", pen))
    return title, "\n".join(_aligned(facts))
