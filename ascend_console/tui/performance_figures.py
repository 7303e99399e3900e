"""The document of the job `perf` by columns: devices, own runs, ratios, and what they are.

Figures are those of the document; only the factor from a card to its chip is divided out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ascend_console.tui.performance_files import Key, Measured, is_number, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.tui.pen import Pen

FIGURES = ("device", "e2e", "p50", "p99")
BEST = "best"
DECIDING = (("310P", "310"), ("310P", "T4"), ("310", "T4"))

_CHIPS = {"310": 4}
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What of the figures is shown; `keys` are the chosen columns, None the usual ones."""

    figure: str = "device"
    unit: str = "card"
    keys: tuple[str, ...] | None = None

    @property
    def with_ratios(self) -> bool:
        """Ratios are of cards and of the device's own throughput, so of nothing else."""
        return self.figure == "device" and self.unit == "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A column of figures: `rows` are those of the document by batch size."""

    key: str
    name: str
    own: bool
    rows: Mapping[int, Document]
    best: Document | None = None

    @property
    def is_cpu(self) -> bool:
        """Whether its figures are none of an NPU."""
        return self.name.startswith("cpu")

    @property
    def newest(self) -> Document:
        """The row of the newest run."""
        return max(self.rows.values(), key=lambda row: str(row.get("run_id") or ""))


class RatioColumn(NamedTuple):
    """Two names, and the ratios of the document by batch size; that of the best has None."""

    a: str
    b: str
    rows: Mapping[int | None, Document]
    printed: bool

    @property
    def key(self) -> str:
        """`310P/310`."""
        return f"{self.a}/{self.b}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the document says of one model."""

    model: str
    devices: tuple[Device, ...] = ()
    ratios: tuple[RatioColumn, ...] = ()
    document: Mapping[str, list[Document]] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """Every batch size that has a figure."""
        return sorted({size for device in self.devices for size in device.rows})

    @property
    def own_keys(self) -> list[Key]:
        """The measurements that own figures come from."""
        return [key_of(row) for device in self.devices if device.own
                for row in device.rows.values()]  # fmt: skip

    def device(self, key: str) -> Device | None:
        """The column of a key."""
        return next((entry for entry in self.devices if entry.key == key), None)

    def ratio(self, key: str) -> RatioColumn | None:
        """The ratio of a key."""
        return next((entry for entry in self.ratios if entry.key == key), None)


def newest_model(document: Mapping[str, Any]) -> str | None:
    """The model of the newest own run in a document, else of its first figure."""
    rows: list[Document] = document.get("rows", [])
    own = [row for row in rows if row.get("run_id")]
    newest = max(own, key=lambda row: str(row["run_id"]), default=rows[0] if rows else None)
    return str(newest["model"]) if newest else None


def comparison(document: Mapping[str, Any], model: str) -> Comparison:
    """The part of a document that is about one model, by columns."""
    of_model: dict[str, list[Document]] = {
        name: [row for row in rows if row.get("model") == model]
        for name, rows in document.items()
        if isinstance(rows, list)
    }
    first = next((entry["id"] for entry in of_model.get("documents", [])), None)
    columns: dict[str, list[Document]] = {}
    for row in of_model.get("rows", []):
        key = row.get("column") or row["device"]
        if row.get("document") not in (None, first):
            key = f"{row['device']}@{row['document']}"
        columns.setdefault(str(key), []).append(row)
    best = {str(entry["column"]): entry for entry in of_model.get("best", [])}
    devices = tuple(
        Device(
            key=key,
            name=str(rows[0]["device"]),
            own=bool(rows[0].get("run_id")),
            rows={row["batch_size"]: row for row in rows},
            best=best.get(key),
        )
        for key, rows in columns.items()
    )
    return Comparison(model=model, devices=devices, ratios=_ratios(of_model), document=of_model)


def _ratios(of_model: Mapping[str, list[Document]]) -> tuple[RatioColumn, ...]:
    """Those that have a value: printed ones first, then those that decide, then the others."""
    found: dict[tuple[str, str], dict[int | None, Document]] = {}
    for ratio in of_model.get("ratios", []):
        # Of several documents the first one's: a column has one figure a line.
        found.setdefault((ratio["a"], ratio["b"]), {}).setdefault(ratio["batch_size"], ratio)
    columns = [
        RatioColumn(*pair, rows, any(is_number(row.get("printed")) for row in rows.values()))
        for pair, rows in found.items()
        if any(is_number(row.get("value")) for row in rows.values())
    ]

    def order(column: RatioColumn) -> tuple[bool, int]:
        pair = (column.a, column.b)
        return not column.printed, DECIDING.index(pair) if pair in DECIDING else len(DECIDING)

    return tuple(sorted(columns, key=order))


def own_pairs(told: Comparison) -> list[str]:
    """Ratios that can be asked for besides: own against published, own against own.

    A CPU never stands against an NPU or a GPU.
    """
    own = [device for device in told.devices if device.own]
    published = [device for device in told.devices if not device.own]
    found = [f"{a.key}/{b.key}" for a in own if not a.is_cpu for b in published]
    found += [f"{a.key}/{b.key}" for a in own for b in own if a is not b and a.name == b.name]
    return found


def _is_shown(key: str, shown: Shown) -> bool:
    return shown.keys is None or key in shown.keys


def shown_devices(told: Comparison, shown: Shown) -> list[Device]:
    """The chosen columns of figures, in order."""
    return [device for device in told.devices if _is_shown(device.key, shown)]


def shown_ratios(told: Comparison, shown: Shown) -> list[RatioColumn]:
    """The chosen ratios; none where they would be of something else than what is shown."""
    found = [ratio for ratio in told.ratios if _is_shown(ratio.key, shown)]
    return found if shown.with_ratios else []


def _timing(told: Comparison, row: Document, name: str) -> float | None:
    """A published latency of the computing at the batch size of a row."""
    for entry in told.document.get("timings", []):
        at = (entry.get("document"), entry.get("device"), entry.get("batch_size"))
        here = at == (row["document"], row["device"], row["batch_size"])
        if here and entry.get("name") == "compute" and is_number(entry.get(name)):
            return float(entry[name])
    return None


def log_of(told: Comparison, row: Document) -> Document | None:
    """The published stage log behind a row."""
    for entry in told.document.get("logs", []):
        at = (entry.get("document"), entry.get("device"), entry.get("batch_size"))
        if at == (row["document"], row["device"], row["batch_size"]):
            return entry
    return None


def value_of(
    told: Comparison, row: Document, shown: Shown, measured: Mapping[Key, Measured]
) -> float | None:
    """The figure of a row that is shown: images a second, or ms of one execution."""
    if shown.figure == "device":
        rate: float | None = row.get("throughput")
        return rate if rate is None or shown.unit == "card" else rate / (row.get("factor") or 1)
    if shown.figure == "e2e":
        if row.get("run_id"):
            found: float | None = row.get("e2e_throughput")
            return found
        log = log_of(told, row)
        return log["e2e"].get("rate") if log and isinstance(log.get("e2e"), dict) else None
    if row.get("run_id"):
        found_ms = measured.get(key_of(row), Measured()).latency_ms
        return found_ms.get("median" if shown.figure == "p50" else "p99")
    return _timing(told, row, "median_ms" if shown.figure == "p50" else "p99_ms")


def unit_text(told: Comparison, shown: Shown, pen: Pen) -> str:
    """`img/s per card (310: 4 chips, x4), device time`."""
    t = pen.t
    if shown.figure == "e2e":
        return t("img/s end to end, of what ran: no factor to a card")
    if shown.figure == "p50":
        return t("ms of one execution, p50")
    if shown.figure == "p99":
        return t("ms of one execution, p99, from 662 samples on")
    if shown.unit == "chip":
        return t("img/s per chip, device time; ratios are of cards")
    factors = _factors(shown_devices(told, shown), pen)
    inside = f" ({factors})" if factors else ""
    return t("img/s per card{factors}, device time", factors=inside)


def _factors(devices: Sequence[Device], pen: Pen) -> str:
    """`310: 4 chips, x4`: what a figure of one chip was multiplied with."""
    found = {}
    for device in devices:
        for row in device.rows.values():
            if (row.get("factor") or 1) > 1:
                found[device.name] = row["factor"]
    parts = [
        f"{name}: {pen.t('{count} chips', count=_CHIPS.get(name, factor))}, x{factor}"
        for name, factor in found.items()
    ]
    return "; ".join(parts)
