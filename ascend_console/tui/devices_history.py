"""What devices told in the last hour: a series for each figure of each device.

A value holds until the next look, at most until its source is called stale. Where nothing is known
there is a gap, never a 0.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ascend_console.core.devices import STALE_INTERVALS
from ascend_console.tui.devices_facts import LOST, devices_of, sources_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ascend_console.tui.devices_facts import Device

FIGURES = ("util_pct", "used_mb", "power_w", "temp_c", "load_1m")
MOST_SAMPLES = 3_600
MOST_S = 3_600.0
# What is told again has nearly the same time; the next look comes an interval later.
_SAME_LOOK = 0.25
_INSTANT_S = 1e-3


class Sample(NamedTuple):
    """One look at a device: when, how long it holds at most, its figures as in FIGURES."""

    at_s: float
    holds_s: float
    values: tuple[float | None, ...]


class DeviceHistory:
    """Samples by the keys of devices; of each at most 3,600, and those of one hour."""

    def __init__(self) -> None:
        self._series: dict[str, deque[Sample]] = {}
        self._labels: dict[str, str] = {}
        self._now_s = 0.0
        self._taken_at = ""

    def take(self, document: Mapping[str, Any], now_s: float) -> None:
        """Add what is new in a snapshot that was taken at `now_s` of our clock."""
        self._now_s, self._taken_at = now_s, document["taken_at"]
        sources = sources_of(document)
        for device in devices_of(document):
            source = sources.get(device.source)
            if source is not None and source["age_s"] is not None and device.state != LOST:
                self._add(device, now_s - source["age_s"], source["interval_s"])
        self._forget(now_s - MOST_S)

    def _add(self, device: Device, at_s: float, interval_s: float) -> None:
        series = self._series.setdefault(device.key, deque(maxlen=MOST_SAMPLES))
        self._labels[device.key] = device.label
        if series and at_s < series[-1].at_s + _SAME_LOOK * interval_s:
            return
        values = tuple(getattr(device, figure) for figure in FIGURES)
        series.append(Sample(at_s, STALE_INTERVALS * interval_s, values))

    def _forget(self, before_s: float) -> None:
        for key in list(self._series):
            series = self._series[key]
            while series and series[0].at_s < before_s:
                series.popleft()
            if not series:
                del self._series[key]

    def _held(
        self, key: str, figure: str, start_s: float, end_s: float
    ) -> Iterator[tuple[float, float, float]]:
        """From when to when each known value held, within a span of time."""
        place = FIGURES.index(figure)
        series = self._series.get(key, ())
        following: float | None = None
        for sample in reversed(series):
            until_s = sample.at_s + sample.holds_s
            until_s = min(until_s, end_s, until_s if following is None else following)
            following = sample.at_s
            if until_s < start_s:
                return
            value = sample.values[place]
            if value is not None and sample.at_s <= end_s:
                yield max(sample.at_s, start_s), max(until_s, sample.at_s + _INSTANT_S), value

    def bounds(
        self, key: str, figure: str, start_s: float, end_s: float
    ) -> tuple[float, float] | None:
        """The lowest and the highest value in a span of time; None where none is known."""
        values = [value for _, _, value in self._held(key, figure, start_s, end_s)]
        return (min(values), max(values)) if values else None

    def spans(
        self, key: str, figure: str, start_s: float, end_s: float, width: int
    ) -> list[float | None]:
        """The mean of each of `width` equal spans, weighted by time; None where none is known."""
        sums, weights = [0.0] * width, [0.0] * width
        span_s = (end_s - start_s) / max(width, 1)
        for from_s, until_s, value in self._held(key, figure, start_s, end_s):
            first = int((from_s - start_s) / span_s)
            last = min(int((until_s - start_s) / span_s), width - 1)
            for index in range(min(first, width - 1), last + 1):
                opens_s, closes_s = start_s + index * span_s, start_s + (index + 1) * span_s
                weight = max(min(until_s, closes_s) - max(from_s, opens_s), 0.0)
                sums[index] += weight * value
                weights[index] += weight
        return [
            total / weight if weight > 0 else None
            for total, weight in zip(sums, weights, strict=True)
        ]

    def json_lines(self) -> str:
        """Every sample as a line of JSON, oldest first, with the time of the looking."""
        taken = datetime.fromisoformat(self._taken_at) if self._taken_at else None
        found = []
        for key, series in self._series.items():
            for sample in series:
                at = taken and taken + timedelta(seconds=sample.at_s - self._now_s)
                figures = dict(zip(FIGURES, sample.values, strict=True))
                told = {"device": self._labels[key], "at": _iso(at), **figures}
                found.append((sample.at_s, json.dumps(told, ensure_ascii=False)))
        return "".join(f"{line}\n" for _, line in sorted(found))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
