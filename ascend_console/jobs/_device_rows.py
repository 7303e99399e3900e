"""A snapshot of devices as rows: a chip, a GPU, the processor each, then what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.tools import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = (
    "device", "state", "util_pct", "memory_used_mb", "memory_total_mb", "temp_c", "power_w",
    "name", "card_chip", "note",
)  # fmt: skip

_STALE_INTERVALS = 3

Row = tuple[Any, ...]


def _process_text(process: Mapping[str, Any]) -> str:
    """`4711 python3 1204 MB`, and whose it is where that is known."""
    pid = "?" if process["pid"] is None else process["pid"]
    memory = "?" if process["memory_mb"] is None else process["memory_mb"]
    user = f" of {process['user']}" if process.get("user") else ""
    return f"{pid} {process['name'] or '?'} {memory} MB{user}"


def _stale_s(source: Mapping[str, Any]) -> float | None:
    """The age of a source that has not answered for three intervals, or whose last look failed."""
    age_s: float | None = source["age_s"]
    if age_s is None:
        return None
    late = age_s > _STALE_INTERVALS * source["interval_s"]
    return age_s if late or source["error"] is not None else None


def _state(told: str | None, stale_s: float | None) -> str | None:
    return told if stale_s is None else f"stale {stale_s:.0f} s"


def _chip_rows(document: Mapping[str, Any], stale_s: float | None) -> Iterator[Row]:
    for chip in document["chips"]:
        key = (chip["npu"], chip["chip"])
        has_hbm = bool(chip["hbm_total_mb"])
        memory = ("hbm_used_mb", "hbm_total_mb") if has_hbm else (
            "memory_used_mb", "memory_total_mb"
        )  # fmt: skip
        using = [
            _process_text(process)
            for process in document["processes"]
            if (process["npu"], process["chip"]) == key
        ]
        yield (
            _device(chip),
            _state(chip["health"], stale_s),
            chip["aicore_pct"],
            *(chip[name] for name in memory),
            chip["temp_c"],
            chip["power_w"],
            chip["name"],
            f"{key[0]}.{key[1]}",
            "; ".join(using) or None,
        )


def _device(chip: Mapping[str, Any]) -> str:
    return "npu" if chip["device"] is None else f"npu:{chip['device']}"


def _gpu_rows(document: Mapping[str, Any], stale_s: float | None) -> Iterator[Row]:
    for gpu in document["gpus"]:
        yield (
            f"gpu:{gpu['index']}",
            _state("OK", stale_s),
            gpu["util_pct"],
            gpu["memory_used_mb"],
            gpu["memory_total_mb"],
            gpu["temp_c"],
            gpu["power_w"],
            gpu["name"],
            None,
            None,
        )


def _host_row(host: Mapping[str, Any], stale_s: float | None) -> Row:
    name = f"{host['cores']} cores {host['machine'] or ''}".strip() if host["cores"] else None
    load = None if host["load_1m"] is None else f"load {host['load_1m']}"
    memory = (host["memory_used_mb"], host["memory_total_mb"])
    return "cpu", _state("OK", stale_s), host["cpu_pct"], *memory, None, None, name, None, load


def _lost_row(chip: Mapping[str, Any]) -> Row:
    unknown = (None,) * 5
    return _device(chip), "lost", *unknown, chip["name"], f"{chip['npu']}.{chip['chip']}", None


def _source_row(source: Mapping[str, Any], lang: str) -> Row:
    """What a source that says nothing says instead."""
    state, note = ("waiting", None) if source["error"] is None else ("not read", source["error"])
    if source["error"] is not None:
        note = catalogue.message(source["error_id"], source["error_args"], note or "", lang)
    return source["source"], state, *(None,) * 7, note


def device_rows(document: Mapping[str, Any], lang: str) -> tuple[Row, ...]:
    """The rows of a snapshot's external form, under COLUMNS; memory is HBM where a chip has any.

    `state` is the health that npu-smi tells, or `stale 12 s`, `lost`, `waiting`, `not read`.
    """
    sources = {source["source"]: source for source in document["sources"]}

    def stale_s(name: str) -> float | None:
        return _stale_s(sources[name]) if name in sources else None

    rows = [*_chip_rows(document, stale_s("npu-smi")), *map(_lost_row, document["lost"])]
    rows += _gpu_rows(document, stale_s("nvml"))
    if document["host"] is not None:
        rows.append(_host_row(document["host"], stale_s("psutil")))
    silent = [
        source
        for source in document["sources"]
        if source["error"] is not None or source["age_s"] is None
    ]
    return (*rows, *(_source_row(source, lang) for source in silent))
