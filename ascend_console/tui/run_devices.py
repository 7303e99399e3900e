"""The box of devices: chips, GPUs and the machine in a few lines each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from ascend_console.tui import cells, themes
from ascend_console.tui import glyphs as signs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.tui.pen import Pen

_FEW = 2


def _share(used: Any, total: Any) -> float | None:
    return used / total if used is not None and total else None


def _bar_line(label: str, share: float | None, width: int, pen: Pen) -> Text:
    """` AICore  63 % ######----`."""
    percent = cells.UNKNOWN if share is None else f"{round(100 * share)}"
    head = f" {cells.fit(label, 7)} {percent:>3} % "
    return Text(head + signs.bar(share, max(min(width - len(head) - 1, 12), 4), pen.glyphs),
                no_wrap=True, overflow="crop")  # fmt: skip


def _chip_name(chip: Mapping[str, Any]) -> str:
    device = chip.get("device")
    where = f"npu:{device}" if device is not None else f"npu {chip.get('npu')}.{chip.get('chip')}"
    return f"{where} {chip.get('name') or ''}".strip()


def _chip(chip: Mapping[str, Any], width: int, pen: Pen, *, brief: bool) -> list[Text]:
    health = str(chip.get("health") or cells.UNKNOWN)
    role = "" if health == "OK" else "warning"
    style = themes.style(pen.look, role)
    pct = chip.get("aicore_pct")
    use = None if pct is None else pct / 100
    if brief:
        name = cells.fit(cells.safe(_chip_name(chip)), 10)
        line = _bar_line(name, use, width, pen)
        return [line if health == "OK" else Text(f" {name} {cells.safe(health)}", style)]
    memory = _share(chip.get("memory_used_mb"), chip.get("memory_total_mb"))
    memory = (
        memory if memory is not None else _share(chip.get("hbm_used_mb"), chip.get("hbm_total_mb"))
    )
    name = cells.fit(cells.safe(_chip_name(chip)), 13)
    title = Text(f" {name} ", no_wrap=True, overflow="crop").append(cells.safe(health), style)
    facts = []
    if chip.get("temp_c") is not None:
        facts.append(f"{chip['temp_c']} C")
    if chip.get("power_w") is not None:
        facts.append(f"{chip['power_w']} W")
    return [
        title,
        _bar_line("AICore", use, width, pen),
        _bar_line(pen.t("memory"), memory, width, pen),
        Text(f" {'     '.join(facts)}"),
    ]


def _host(host: Mapping[str, Any], width: int, pen: Pen) -> list[Text]:
    used, total = host.get("memory_used_mb"), host.get("memory_total_mb")
    found = []
    if host.get("cpu_pct") is not None:
        found.append(_bar_line("cpu", host["cpu_pct"] / 100, width, pen))
    if used is not None and total:
        head = f" {pen.t('mem')} {used / 1000:.1f}/{total / 1000:.1f} GB "
        room = max(min(width - len(head) - 1, 12), 4)
        found.append(Text(head + signs.bar(used / total, room, pen.glyphs), no_wrap=True))
    return found


def lines(document: Mapping[str, Any] | None, width: int, pen: Pen) -> list[Text]:
    """What to draw of a device snapshot; None before the first one."""
    if document is None:
        return [Text(f" {pen.glyphs.ellipsis}")]
    chips = list(document.get("chips") or ())
    found: list[Text] = []
    for chip in chips:
        found += _chip(chip, width, pen, brief=len(chips) > _FEW)
    for gpu in document.get("gpus") or ():
        pct = gpu.get("util_pct")
        found.append(_bar_line(f"gpu:{gpu.get('index')}", None if pct is None else pct / 100,
                               width, pen))  # fmt: skip
    if not chips:
        style = themes.style(pen.look, "muted")
        absent = f" {pen.t('no NPU found')} ({pen.t('6 Doctor')})"
        found.append(Text(cells.fit(absent, width, ellipsis=pen.glyphs.ellipsis), style))
    return [*found, *_host(document.get("host") or {}, width, pen)]
