"""Devices as the screen speaks of them: one value for a chip, a GPU and the machine itself.

Made from a device snapshot in its external form (design.md section 2). Memory is in MB as npu-smi
counts it, and HBM where a chip has any; unknown is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.core.devices import STALE_INTERVALS
from ascend_console.tui import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ascend_console.tui.pen import Pen

NPU, GPU, HOST = "npu-smi", "nvml", "psutil"
LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device at one moment.

    `key` stays the same as long as the machine runs, `label` is what `--device` takes where that is
    known. `state` is the health as told, or `lost`; `stale_s` the age of figures that are not of
    now. `place` is card and chip as npu-smi prints them. `raw` is everything that was told.
    """

    key: str
    label: str
    source: str
    state: str | None
    stale_s: float | None = None
    util_pct: float | None = None
    used_mb: float | None = None
    total_mb: float | None = None
    temp_c: float | None = None
    power_w: float | None = None
    load_1m: float | None = None
    cores: int | None = None
    name: str | None = None
    place: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


def stale_s(source: Mapping[str, Any] | None) -> float | None:
    """The age of a source that is silent for three intervals, or whose last look failed."""
    age_s: float | None = source["age_s"] if source else None
    if source is None or age_s is None:
        return None
    late = age_s > STALE_INTERVALS * source["interval_s"]
    return age_s if late or source["error"] is not None else None


def sources_of(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The sources of a snapshot by their names."""
    return {source["source"]: source for source in document["sources"]}


def chip_key(chip: Mapping[str, Any]) -> str:
    """What tells a chip from others, of a chip, a process on it, or a lost one."""
    return f"npu {chip['npu']}.{chip['chip']}"


def _chip_label(chip: Mapping[str, Any]) -> str:
    return chip_key(chip) if chip["device"] is None else f"npu:{chip['device']}"


def _chips(document: Mapping[str, Any], age_s: float | None) -> Iterator[Device]:
    for chip in document["chips"]:
        memory = "hbm" if chip["hbm_total_mb"] else "memory"
        yield Device(
            key=chip_key(chip),
            label=_chip_label(chip),
            source=NPU,
            state=chip["health"],
            stale_s=age_s,
            util_pct=chip["aicore_pct"],
            used_mb=chip[f"{memory}_used_mb"],
            total_mb=chip[f"{memory}_total_mb"],
            temp_c=chip["temp_c"],
            power_w=chip["power_w"],
            name=chip["name"],
            place=f"{chip['npu']}.{chip['chip']}",
            raw=chip,
        )
    for chip in document["lost"]:
        yield Device(
            key=chip_key(chip),
            label=_chip_label(chip),
            source=NPU,
            state=LOST,
            name=chip["name"],
            place=f"{chip['npu']}.{chip['chip']}",
            raw=chip,
        )


def _gpus(document: Mapping[str, Any], age_s: float | None) -> Iterator[Device]:
    for gpu in document["gpus"]:
        label = f"gpu:{gpu['index']}"
        yield Device(
            key=label,
            label=label,
            source=GPU,
            state="OK",
            stale_s=age_s,
            util_pct=gpu["util_pct"],
            used_mb=gpu["memory_used_mb"],
            total_mb=gpu["memory_total_mb"],
            temp_c=gpu["temp_c"],
            power_w=gpu["power_w"],
            name=gpu["name"],
            raw=gpu,
        )


def _host(host: Mapping[str, Any], age_s: float | None) -> Device:
    return Device(
        key="cpu",
        label="cpu",
        source=HOST,
        state="OK",
        stale_s=age_s,
        util_pct=host["cpu_pct"],
        used_mb=host["memory_used_mb"],
        total_mb=host["memory_total_mb"],
        load_1m=host["load_1m"],
        cores=host["cores"],
        name=host["machine"],
        raw=host,
    )


def devices_of(document: Mapping[str, Any]) -> tuple[Device, ...]:
    """Chips, those that are lost, GPUs, the machine itself."""
    sources = sources_of(document)
    found = [
        *_chips(document, stale_s(sources.get(NPU))),
        *_gpus(document, stale_s(sources.get(GPU))),
    ]
    if document["host"] is not None:
        found.append(_host(document["host"], stale_s(sources.get(HOST))))
    return tuple(found)


def name_of(device: Device, pen: Pen) -> str | None:
    """The name of a chip or GPU; of the machine its cores and architecture."""
    if device.source != HOST or device.cores is None:
        return device.name
    return pen.t("{count} cores {machine}", count=device.cores, machine=device.name or "").strip()


def age_text(age_s: float) -> str:
    """`12 s`, then `1:02`."""
    return f"{age_s:.0f} s" if age_s < 59.5 else cells.duration(age_s)


def trouble_lines(document: Mapping[str, Any], pen: Pen) -> list[tuple[str, str]]:
    """Why sources say nothing, and the role of each line's colour."""
    t = pen.t
    found = []
    for source in document["sources"]:
        if source["error"] is None:
            continue
        reason = t.message(source["error_id"], source["error"], source["error_args"])
        if source["error_id"] == "vendor.tool_missing":
            reason = t("{tool} not found", tool=source["source"])
        family = {NPU: t("no NPU"), GPU: t("no GPU")}.get(source["source"], source["source"])
        silent = source["age_s"] is None
        what = family if silent else source["source"]
        line = reason if reason.startswith(what) else f"{what}: {reason}"
        found.append((f"{line} ({t('6 Doctor')})", "muted" if silent else "warning"))
    return found


def title_text(document: Mapping[str, Any], share: float | None, pen: Pen, *, brief: bool) -> str:
    """`npu-smi 25.5.1 every 5 s, took 1.1 s; polling costs 0.3 % of a core`."""
    t = pen.t
    sources = sources_of(document)
    told = [source for source in sources.values() if source["age_s"] is not None]
    order = (NPU, GPU, HOST)
    told.sort(key=lambda source: order.index(source["source"]) if source["source"] in order else 9)
    parts = []
    if told:
        first = told[0]
        parts.append(t("{source} every {interval} s", source=_named(first, brief=brief),
                       interval=f"{first['interval_s']:g}"))  # fmt: skip
        if first["took_s"] is not None and not brief:
            parts[0] += t(", took {took}", took=cells.duration(first["took_s"]))
    if share is not None:
        parts.append(t("polling costs {share} % of a core", share=f"{100 * share:.1f}"))
    return "; ".join(parts)


def _named(source: Mapping[str, Any], *, brief: bool) -> str:
    version = "" if brief else source["version"] or ""
    return f"{source['source']} {version}".strip()
