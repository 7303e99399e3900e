"""The status strip: what goes on, in a few words at the right of the first line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.devices import STALE_INTERVALS
from ascend_console.tui import themes

if TYPE_CHECKING:
    from ascend_console.core.settings import Settings
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.glyphs import Glyphs
    from ascend_console.tui.state import AppState
    from ascend_console.tui.texts import Texts

Part = tuple[str, str, str]


def run_percent(run: RunSnapshot) -> int | None:
    """How far a run is, by its steps and the progress inside the last; None before any step."""
    step = run.view.step
    if step is None or not step.count:
        return None
    inside = (step.done or 0) / step.total if step.total else 0.0
    return int(100 * min((step.index - 1 + inside) / step.count, 1.0))


def _runs(state: AppState, t: Texts, glyphs: Glyphs, look: str) -> Part:
    waiting = [run for run in state.live if run.state == "waiting"]
    running = [run for run in state.live if run.state != "waiting"]
    if running:
        done = run_percent(running[0])
        text = t("{count} run", count=len(running))
        share = "" if done is None else f" {done} %"
        return (f"{glyphs.running} {text}{share}", themes.style(look, "primary"), "runs")
    if waiting:
        text = t("{count} waits", count=len(waiting))
        return (f"{glyphs.waiting} {text}", themes.style(look, "warning"), "runs")
    return (t("idle"), themes.style(look, "muted"), "runs")


def _host(state: AppState, t: Texts) -> list[Part]:
    host = (state.devices or {}).get("host") or {}
    found: list[Part] = []
    used, total = host.get("memory_used_mb"), host.get("memory_total_mb")
    if used is not None and total:
        found.append((t("mem {share} %", share=round(100 * used / total)), "", "devices"))
    if host.get("cpu_pct") is not None:
        found.append((t("cpu {share} %", share=round(host["cpu_pct"])), "", "devices"))
    return found


def _in_use(state: AppState) -> list[Part]:
    """The chip that a run of the vendor's tools computes on, and how busy that is."""
    for run in state.live:
        request = run.document.get("request") or {}
        if run.state != "running" or request.get("backend") != "ascend":
            continue
        number = str(request.get("device") or 0).removeprefix("npu:").partition(",")[0]
        for chip in (state.devices or {}).get("chips") or ():
            if str(chip["device"]) == number and chip["aicore_pct"] is not None:
                return [(f"npu:{number} {chip['aicore_pct']} %", "", "devices")]
    return []


def _trouble(state: AppState, t: Texts, glyphs: Glyphs, look: str) -> list[Part]:
    """The worst chip, else the source that has been silent longest."""
    document = state.devices or {}
    warning = themes.style(look, "warning")
    for chip in document.get("chips") or ():
        if chip.get("health") not in (None, "OK"):
            device = chip.get("device")
            name = f"npu:{device}" if device is not None else f"npu {chip.get('npu')}"
            return [(f"{glyphs.attention} {name} {chip['health']}", warning, "devices")]
    for chip in document.get("lost") or ():
        name = f"npu:{chip['device']}" if chip["device"] is not None else f"npu {chip['npu']}"
        return [(f"{glyphs.failed} {name} {t('lost')}", themes.style(look, "error"), "devices")]
    ages = [
        (source["age_s"], source["source"])
        for source in document.get("sources") or ()
        if (source.get("age_s") or 0) > STALE_INTERVALS * source["interval_s"]
    ]
    if not ages:
        return []
    age_s, source_name = max(ages)
    return [(f"{glyphs.stale} {source_name} {age_s:.0f} s", warning, "devices")]


def _mode(state: AppState, settings: Settings, t: Texts) -> list[Part]:
    found: list[Part] = []
    if state.replay is not None:
        found.append((f" {t('REPLAY')} {state.replay:g}x ", "reverse", "run"))
    if state.paused:
        found.append((f" {t('PAUSED')} ", "reverse", "run"))
    if settings.screen.readonly:
        found.append((f" {t('READ-ONLY')} ", "reverse", "run"))
    return found


def parts(state: AppState, settings: Settings, t: Texts, glyphs: Glyphs, look: str) -> list[Part]:
    """Text, style and screen of every part; those that may be dropped first come first."""
    return [
        *_host(state, t),
        *_in_use(state),
        *_trouble(state, t, glyphs, look),
        _runs(state, t, glyphs, look),
        *_mode(state, settings, t),
    ]
