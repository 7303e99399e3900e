"""Figures that a tool printed: times, throughput, and what in them contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ascend_console.ascend.advice import Advice

# Printed figures are rounded; six digits are the fewest that a tool gives.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Times of one kind, in ms; None for what was not printed or could not be read."""

    min_ms: float | None = None
    max_ms: float | None = None
    mean_ms: float | None = None
    median_ms: float | None = None
    p99_ms: float | None = None
    count: int | None = None

    @property
    def is_known(self) -> bool:
        """True where at least one time is known."""
        return any(value is not None for value in self.document().values())

    def document(self) -> dict[str, float | None]:
        """The external form."""
        return {
            "min": self.min_ms,
            "max": self.max_ms,
            "mean": self.mean_ms,
            "median": self.median_ms,
            "p99": self.p99_ms,
        }

    def doubts(self, name: str) -> tuple[Advice, ...]:
        """What cannot be true of these times; the texts begin with `name`."""
        ordered = (
            ("min", self.min_ms, "mean", self.mean_ms),
            ("min", self.min_ms, "median", self.median_ms),
            ("mean", self.mean_ms, "max", self.max_ms),
            ("median", self.median_ms, "p99", self.p99_ms),
            ("p99", self.p99_ms, "max", self.max_ms),
            ("min", self.min_ms, "max", self.max_ms),
        )
        return tuple(
            Advice(
                "figures.order",
                f"{name}: {low_name} {low:g} ms is above {high_name} {high:g} ms",
                f"{name}：{low_name} {low:g} ms 大于 {high_name} {high:g} ms",
            )
            for low_name, low, high_name, high in ordered
            if low is not None and high is not None and low > high * (1 + _ROUNDING)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePerformance:
    """One device's share of a run on several."""

    device: int
    throughput: float | None
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What a log says of speed. `compute` is per batch or per sample, as the tool counts it.

    `throughput` is the device's own, in samples a second; `e2e_throughput` is by the wall clock.
    """

    throughput: float | None = None
    batch_size: int | None = None
    compute: Timing = field(default_factory=Timing)
    compute_per: Literal["batch", "sample"] | None = None
    h2d_ms: float | None = None
    d2h_ms: float | None = None
    e2e_throughput: float | None = None
    devices: tuple[DevicePerformance, ...] = ()

    @property
    def is_known(self) -> bool:
        """True where the log has any figure."""
        alone = (self.throughput, self.e2e_throughput, self.h2d_ms, self.d2h_ms)
        return self.compute.is_known or any(value is not None for value in alone)

    def document(self) -> dict[str, Any]:
        """The external form."""
        return {
            "throughput": self.throughput,
            "batch_size": self.batch_size,
            "compute_ms": self.compute.document(),
            "compute_per": self.compute_per,
            "h2d_ms": self.h2d_ms,
            "d2h_ms": self.d2h_ms,
            "e2e_throughput": self.e2e_throughput,
            "devices": [
                {"device": item.device, "throughput": item.throughput} for item in self.devices
            ],
        }


def nearly(first: float, second: float, tolerance: float = _ROUNDING) -> bool:
    """Whether two figures agree within a share of the greater one."""
    return abs(first - second) <= tolerance * max(abs(first), abs(second))


def derived_batch(throughput: float | None, mean_ms: float | None) -> int | None:
    """The batch size that a throughput was made with; None where it is no whole number."""
    if throughput is None or mean_ms is None:
        return None
    exact = throughput * mean_ms / 1000
    whole = round(exact) if exact < 1e9 else 0
    return whole if whole >= 1 and nearly(exact, whole) else None


def throughput_doubt(
    throughput: float | None, batch_size: float | None, mean_ms: float | None
) -> tuple[Advice, ...]:
    """A finding where throughput is not 1000 x batch / mean; nothing where one is unknown."""
    if throughput is None or batch_size is None or not mean_ms:
        return ()
    expected = 1000 * batch_size / mean_ms
    if nearly(throughput, expected):
        return ()
    said = f"1000 x {batch_size:g} / {mean_ms:g} ms = {expected:g}"
    return (
        Advice(
            "figures.throughput",
            f"throughput {throughput:g} is not {said}",
            f"吞吐率 {throughput:g} 不等于 {said}",
        ),
    )
