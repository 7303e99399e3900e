"""Devices and their processes as rows of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui.devices_facts import LOST, age_text, chip_key, name_of
from ascend_console.tui.devices_plot import tenths, whole
from ascend_console.tui.widgets.history_line import history_line
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ascend_console.tui.devices_facts import Device
    from ascend_console.tui.devices_history import DeviceHistory
    from ascend_console.tui.pen import Pen
    from ascend_console.tui.texts import Texts

LAST_WIDTH = 20
LAST_S = 300.0
MEMORY_COLUMN = 2
_LIGHT = ("WARNING", "UNKNOWN")


def device_columns(t: Texts) -> tuple[Column, ...]:
    """The columns of the devices; card and chip leave first, the name last."""
    return (
        Column(key="device", title=t("Device"), width=8),
        Column(key="state", title=t("State"), width=14),
        Column(key="util_pct", title=t("Util %"), width=6, right=True),
        Column(key="memory_mb", title=t("Memory MB"), width=13, right=True),
        Column(key="temp_c", title=t("Temp C"), width=6, right=True),
        Column(key="power_w", title=t("Power W"), width=7, right=True),
        Column(key="name", title=t("Name"), width=15, drop=1),
        Column(key="last_5_min", title=t("Last 5 min"), width=LAST_WIDTH, drop=2),
        Column(key="card_chip", title=t("Card.chip"), width=9, right=True, drop=3),
    )


def process_columns(t: Texts) -> tuple[Column, ...]:
    """The columns of the processes; the user leaves first, then the processor's share."""
    return (
        Column(key="pid", title=t("PID"), width=8, right=True),
        Column(key="device", title=t("Device"), width=8),
        Column(key="memory_mb", title=t("Memory MB"), width=10, right=True),
        Column(key="cpu_pct", title=t("CPU %"), width=6, right=True, drop=1),
        Column(key="user", title=t("User"), width=8, drop=2),
        Column(key="command", title=t("Command"), width=40, flex=True),
    )


def _figure(value: float | None, form: Callable[[float], str] = whole) -> Cell:
    return Cell(cells.UNKNOWN) if value is None else Cell(form(value), sort=value)


def state_cell(device: Device, pen: Pen) -> Cell:
    """The health as told, with a sign where it is not OK; how old it is where it is old."""
    if device.stale_s is not None:
        age = age_text(device.stale_s)
        ill = device.state is not None and device.state.upper() != "OK"
        # An illness that was told last is worth more than the word stale, which the sign says too.
        told = f"{device.state} {age}" if ill else pen.t("stale {age}", age=age)
        return Cell(f"{pen.glyphs.stale} {told}", "warning")
    if device.state is None:
        return Cell(cells.UNKNOWN)
    if device.state == LOST:
        return Cell(f"{pen.glyphs.failed} {pen.t('lost')}", "error")
    if device.state.upper() == "OK":
        return Cell("OK", "success")
    light = device.state.upper() in _LIGHT
    sign = pen.glyphs.attention if light else pen.glyphs.failed
    return Cell(f"{sign} {device.state}", "warning" if light else "error")


def _memory(device: Device) -> Cell:
    used, total = device.used_mb, device.total_mb
    if used is None and total is None:
        return Cell(cells.UNKNOWN)
    return Cell(f"{cells.megabytes(used)}/{cells.megabytes(total)}", sort=used)


def device_rows(
    devices: Iterable[Device], history: DeviceHistory, now_s: float, pen: Pen
) -> list[Row]:
    """A row for each device; its key is that of the device."""
    return [
        Row(
            device.key,
            (
                Cell(device.label),
                state_cell(device, pen),
                _figure(device.util_pct),
                _memory(device),
                _figure(device.temp_c),
                _figure(device.power_w, tenths),
                Cell(name_of(device, pen) or cells.UNKNOWN),
                Cell(_last(device, history, now_s, pen), "primary"),
                Cell(device.place or cells.UNKNOWN),
            ),
        )
        for device in devices
    ]


def _last(device: Device, history: DeviceHistory, now_s: float, pen: Pen) -> str:
    spans = history.spans(device.key, "util_pct", now_s - LAST_S, now_s, LAST_WIDTH)
    return history_line(spans, 100.0, pen.glyphs)


def process_key(process: Mapping[str, Any]) -> str:
    """What tells a process on a chip from others."""
    return f"{chip_key(process)} {process['pid']} {process['name']}"


def process_rows(processes: Sequence[Mapping[str, Any]], devices: Iterable[Device]) -> list[Row]:
    """A row for each process, the largest first."""
    labels = {device.key: device.label for device in devices}
    ordered = sorted(processes, key=lambda process: -(process["memory_mb"] or 0))
    return [
        Row(
            process_key(process),
            (
                Cell(cells.UNKNOWN) if process["pid"] is None
                else Cell(str(process["pid"]), sort=process["pid"]),
                Cell(labels.get(chip_key(process), chip_key(process))),
                _figure(process["memory_mb"]),
                _figure(process["cpu_pct"]),
                Cell(process["user"] or cells.UNKNOWN),
                Cell(process["command"] or process["name"] or cells.UNKNOWN),
            ),
        )
        for process in ordered
    ]  # fmt: skip
