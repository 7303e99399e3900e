"""A run beside an earlier one: what fell, by how much, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ascend_console.core.errors import worst_exit_code
from ascend_console.core.verdict import EXIT_CODES, Finding, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.core.settings import BaselineSettings

Interval: TypeAlias = tuple[float, float]
Row: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[Any, ...]

# The first figure of each family of metrics, which stands for its accuracy.
FIRST_METRICS = ("top1", "instance_acc")

_TITLES = {"top1": "Top-1"}
_Z_95 = 1.96
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class BaselineGate:
    """Whether a run held against its baseline: NO_RULE where nothing could be compared.

    `run_id` is the baseline's. `findings` say what fell, what was not judged, and why.
    """

    run_id: str
    state: Literal["PASS", "FAIL", "NO_RULE"]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool | None:
        """None where nothing was judged."""
        return None if self.state == "NO_RULE" else self.state == "PASS"

    def exit_code(self, of_verdict: int) -> int:
        """The graver of the verdict's exit code and that of FAIL, if something fell."""
        fell = [EXIT_CODES["FAIL"]] if self.state == "FAIL" else []
        return worst_exit_code((of_verdict, *fell))

    def to_json(self) -> dict[str, Any]:
        """The value of `baseline` in verdict.json."""
        return {
            "run_id": self.run_id,
            "passed": self.passed,
            "findings": [entry.to_json() for entry in self.findings],
        }


# --- intervals -----------------------------------------------------------------------------------


def wilson_interval(value: float, n: int) -> Interval:
    """95 % interval of a fraction of n images (Wilson, 1927).

    A mean of values between 0 and 1, such as instance_acc, spreads less than that.
    """
    middle = value + _Z_95**2 / (2 * n)
    half = _Z_95 * math.sqrt(max(value * (1 - value), 0) / n + _Z_95**2 / (4 * n * n))
    scale = 1 + _Z_95**2 / n
    return (middle - half) / scale, (middle + half) / scale


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def _pair(value: object) -> Interval | None:
    """A stored interval; None where there is none."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    low, high = _number(value[0]), _number(value[1])
    return None if low is None or high is None else (low, high)


def accuracy_interval(row: Row, images: int) -> Interval | None:
    """95 % interval of an accuracy of `verdict.json`: from the paired one, else the binomial."""
    value, reference = _number(row.get("value")), _number(row.get("reference"))
    paired = _pair(row.get("interval"))
    if value is None:
        return None
    if paired is not None and reference is not None:
        return reference - paired[1], reference - paired[0]
    return wilson_interval(value, images) if images > 0 else None


# --- rows of two documents -----------------------------------------------------------------------


def _usable(document: Row, table: str) -> list[Row]:
    rows = document.get(table)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def performance_key(row: Row, document: Row) -> Key:
    """What measurements must have in common: batch size, precision and threads."""
    threads = row.get("threads", document.get("threads"))
    return row.get("batch_size"), row.get("precision"), threads


def _performance(document: Row) -> dict[Key, Row]:
    return {performance_key(row, document): row for row in _usable(document, "performance")}


def _accuracy(document: Row) -> dict[Key, Row]:
    return {
        (row.get("batch_size"), row.get("precision"), row.get("metric")): row
        for row in _usable(document, "accuracy")
        if row.get("metric") in FIRST_METRICS
    }


def _used(document: Row) -> int:
    images = document.get("images")
    used = images.get("used") if isinstance(images, Mapping) else None
    return used if isinstance(used, int) else 0


def _data_set(document: Row) -> Any:
    found = document.get("fingerprint")
    return found.get("data_set") if isinstance(found, Mapping) else found


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """One figure in both runs: whether it was judged, whether it fell, and what to say."""

    judged: bool
    fell: bool = False
    finding: Finding | None = None


def _judge_accuracy(key: Key, now: Row, before: Row, both: tuple[Row, Row], points: float) -> _Seen:
    old, new = _number(before.get("value")), _number(now.get("value"))
    if old is None or new is None:
        return _Seen(judged=False)
    facts = {
        "at": f"bs{key[0]} {key[1]}",
        "title": _TITLES.get(str(key[2]), str(key[2])),
        "now": f"{100 * new:.3f}",
        "before": f"{100 * old:.3f}",
        "fall": f"{100 * (old - new):.3f}",
        "limit": f"{points:g}",
    }
    if 100 * (old - new) <= points + _ROUNDING:
        return _Seen(judged=True)
    after = accuracy_interval(now, _used(both[0]))
    earlier = accuracy_interval(before, _used(both[1]))
    if after is None or earlier is None or after[1] >= earlier[0]:
        return _Seen(
            judged=True,
            finding=finding(
                "baseline.accuracy_unclear",
                "{at} {title}: {now} % after {before} %, {fall} points lower, but the 95 % "
                "intervals overlap",
                "Judge more images.",
                **facts,
            ),
        )
    return _Seen(
        judged=True,
        fell=True,
        finding=finding(
            "baseline.accuracy_fell",
            "{at} {title}: {now} % after {before} %, {fall} points lower, allowed {limit}",
            "`ascend-console runs diff` shows what changed between the two runs.",
            **facts,
        ),
    )


def _untrusted(at: str, now: Row, before: Row) -> Finding | None:
    """A throughput that proves nothing, on either side."""
    if now.get("valid") and before.get("valid"):
        return None
    side = "this run" if before.get("valid") else "the baseline"
    if not (now.get("valid") or before.get("valid")):
        side = "this run and the baseline"
    return finding(
        "baseline.untrusted",
        "{at}: throughput not judged, since that of {side} cannot be trusted",
        "Measure again on an idle device.",
        at=at,
        side=side,
    )


def _spread(row: Row) -> Interval | None:
    """The interval of a throughput, in images a second."""
    return _pair(row.get("interval"))


def _judge_throughput(key: Key, now: Row, before: Row, percent: float) -> _Seen:
    at = f"bs{key[0]} {key[1]}"
    old, new = _number(before.get("throughput")), _number(now.get("throughput"))
    if not old or new is None:
        return _Seen(judged=False)
    doubt = _untrusted(at, now, before)
    if doubt is None and now.get("source") != before.get("source"):
        doubt = finding(
            "baseline.other_input",
            "{at}: throughput not judged, since one was measured on the data set and one was not",
            at=at,
        )
    if doubt is not None:
        return _Seen(judged=False, finding=doubt)
    fall = 100 * (1 - new / old)
    if fall <= percent + _ROUNDING:
        return _Seen(judged=True)
    facts = {
        "at": at,
        "now": f"{new:.4g}",
        "before": f"{old:.4g}",
        "fall": f"{fall:.1f}",
        "limit": f"{percent:g}",
    }
    after, earlier = _spread(now), _spread(before)
    if after is None or earlier is None:
        return _Seen(
            judged=False,
            finding=finding(
                "baseline.no_spread",
                "{at}: throughput {now} after {before} images/s, {fall} % lower; not judged, since "
                "a tool that tells no spread measured one of them",
                "Measure both with `bench --repeat 5`.",
                **facts,
            ),
        )
    if after[1] >= earlier[0]:
        return _Seen(
            judged=True,
            finding=finding(
                "baseline.throughput_unclear",
                "{at}: throughput {now} after {before} images/s, {fall} % lower, but the "
                "measurements overlap",
                "Measure both with `bench --repeat 5`.",
                **facts,
            ),
        )
    return _Seen(
        judged=True,
        fell=True,
        finding=finding(
            "baseline.throughput_fell",
            "{at}: throughput {now} after {before} images/s, {fall} % lower, allowed {limit} %",
            "`ascend-console runs diff` shows what changed between the two runs.",
            **facts,
        ),
    )


def _accuracies(document: Row, baseline: Row, limits: BaselineSettings) -> Iterator[_Seen]:
    now, before = _accuracy(document), _accuracy(baseline)
    common = [key for key in now if key in before]
    if common and _data_set(document) != _data_set(baseline):
        why = finding(
            "baseline.other_data",
            "accuracy not judged, since the two runs had other images",
            "Name a baseline on the same data set, with the same --limit.",
        )
        yield _Seen(judged=False, finding=why)
        return
    for key in common:
        both = (document, baseline)
        yield _judge_accuracy(key, now[key], before[key], both, limits.accuracy_points)


def _throughputs(document: Row, baseline: Row, limits: BaselineSettings) -> Iterator[_Seen]:
    now, before = _performance(document), _performance(baseline)
    common = [key for key in now if key in before]
    places = [_place(side) for side in (document, baseline)]
    if common and places[0] != places[1]:
        why = finding(
            "baseline.other_device",
            "throughput not judged, since the two runs were on other devices: {now}, {before}",
            "Name a baseline of this device.",
            now=places[0],
            before=places[1],
        )
        yield _Seen(judged=False, finding=why)
        return
    for key in common:
        yield _judge_throughput(key, now[key], before[key], limits.throughput_percent)


def _place(document: Row) -> str:
    """The device; of a CPU, which all are called alike, with the processor."""
    device = str(document.get("device") or "unknown")
    processor = document.get("processor")
    return f"{device} ({processor})" if processor and device.startswith("cpu") else device


def judge_regression(document: Row, baseline: Row, limits: BaselineSettings) -> BaselineGate:
    """Compare two `verdict.json` whose throughputs have their `interval`, images a second.

    A fall counts where it is larger than the limit and the intervals are apart. Where both tell
    their `processor`, it must be the same for throughputs to be compared.
    """
    run_id = str(baseline.get("run_id"))
    if document.get("model") != baseline.get("model"):
        why = finding(
            "baseline.other_model",
            "the baseline {run} is of {before}, not of {now}: nothing is judged",
            "Name a baseline of the same model.",
            run=run_id,
            before=baseline.get("model"),
            now=document.get("model"),
        )
        return BaselineGate(run_id, "NO_RULE", (why,))
    seen = [
        *_accuracies(document, baseline, limits),
        *_throughputs(document, baseline, limits),
    ]
    said = tuple(entry.finding for entry in seen if entry.finding is not None)
    if any(entry.fell for entry in seen):
        return BaselineGate(run_id, "FAIL", said)
    if any(entry.judged for entry in seen):
        held = finding(
            "baseline.held",
            "nothing fell beyond {points} points of accuracy or {percent} % of throughput against "
            "{run}",
            points=f"{limits.accuracy_points:g}",
            percent=f"{limits.throughput_percent:g}",
            run=run_id,
        )
        return BaselineGate(run_id, "PASS", (held, *said))
    nothing = finding(
        "baseline.nothing",
        "no figure of the baseline {run} could be compared",
        "Name a baseline with the same batch sizes and precision.",
        run=run_id,
    )
    return BaselineGate(run_id, "NO_RULE", (nothing, *said))
