"""Whether a measured throughput can be trusted, and what must be said beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core.stats import Measurement, MeasurementPlan, device_throughput
from ascend_console.core.verdict import Finding, Source, finding

if TYPE_CHECKING:
    from collections.abc import Sequence

FOREIGN_CPU_PERCENT = 20.0
SHARED_RATIO = 1.10
SKEW_RATIO = 1.10
OUTLIER_RATIO = 10.0
RATE_RATIO = 1.01


@dataclass(frozen=True, slots=True)
class ForeignUse:
    """A process that is not the console's own on the measured device.

    `cpu_percent` is in percent of one core; None where the device is no CPU.
    """

    pid: int
    name: str
    cpu_percent: float | None = None

    @property
    def disturbs(self) -> bool:
        """Any process on an accelerator; on the CPU one that takes more than 20 % of a core."""
        return self.cpu_percent is None or self.cpu_percent > FOREIGN_CPU_PERCENT

    def __str__(self) -> str:
        share = "" if self.cpu_percent is None else f", {self.cpu_percent:.0f} % of a core"
        return f"{self.name} (pid {self.pid}{share})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under which circumstances a measurement was made.

    `exclusive_checked` is False where there is no process table. `throttled` is the driver's own
    word for it, None where nothing slowed the device down. `transfer_ms` is the mean time of both
    copies of one execution. `random_throughput` is that of the same artefact on random input,
    measured right afterwards.
    """

    source: Source = "dataset"
    foreign: tuple[ForeignUse, ...] = ()
    exclusive_checked: bool = True
    throttled: str | None = None
    transfer_ms: float | None = None
    random_throughput: float | None = None


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a measurement can be trusted. `reasons` say why not; `notes` do not decide."""

    valid: bool
    reasons: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Reasons, then notes."""
        return self.reasons + self.notes


def _too_short(batch: str, executions: int, elapsed_ms: float) -> Finding:
    return finding(
        "measure.too_short",
        "{batch}: {executions} executions in {seconds} s are too few",
        "Measure at least 3 s and 100 executions, or 10 s and 30.",
        batch=batch,
        executions=executions,
        seconds=f"{elapsed_ms / 1000:.1f}",
    )


def _of_figures(measured: Measurement) -> list[Finding]:
    reasons = []
    batch = f"bs{measured.batch_size}"
    if measured.stable is False:
        reasons.append(
            finding(
                "measure.unstable",
                "{batch}: the last windows differ by more than 10 % in median latency or in "
                "throughput: {rates} images/s",
                "Close other programs and measure again.",
                batch=batch,
                rates=", ".join(f"{rate:.1f}" for rate in measured.window_throughputs[-3:]),
            )
        )
    if not measured.enough or measured.stable is None:
        reasons.append(_too_short(batch, measured.samples, measured.elapsed_ms))
    return reasons


def _busiest(uses: Sequence[ForeignUse]) -> str:
    """The first three, and how many more."""
    more = f" and {len(uses) - 3} more" if len(uses) > 3 else ""
    return ", ".join(map(str, uses[:3])) + more


def _of_device(batch: str, throughput: float | None, conditions: Conditions) -> list[Finding]:
    reasons = []
    uses = sorted(
        (use for use in conditions.foreign if use.disturbs), key=lambda use: -(use.cpu_percent or 0)
    )
    if uses:
        reasons.append(
            finding(
                "measure.foreign_load",
                "{batch}: the device was not ours alone: {processes}",
                "Stop these processes, or wait for them with --wait-idle, and measure again.",
                batch=batch,
                processes=_busiest(uses),
            )
        )
    if conditions.throttled is not None:
        reasons.append(
            finding(
                "measure.throttled",
                "{batch}: the device was slowed down: {reason}",
                "Let it cool down or raise its power limit, and measure again.",
                batch=batch,
                reason=conditions.throttled,
            )
        )
    random_rate = conditions.random_throughput
    if random_rate and throughput and random_rate > SHARED_RATIO * throughput:
        reasons.append(
            finding(
                "measure.probably_shared",
                "{batch}: {random} images/s on random input right after {rate} on the data set: "
                "the device was probably shared",
                "Measure again when the device is idle.",
                batch=batch,
                random=f"{random_rate:.1f}",
                rate=f"{throughput:.1f}",
            )
        )
    return reasons


def _notes(batch: str, mean_ms: float | None, conditions: Conditions) -> list[Finding]:
    notes = []
    if conditions.source != "dataset":
        notes.append(
            finding(
                f"measure.{conditions.source}_input",
                "{batch}: measured on {source} input: approximate, never official",
                "Name a data set for a figure that counts.",
                batch=batch,
                source=conditions.source,
            )
        )
    if not conditions.exclusive_checked:
        notes.append(
            finding(
                "measure.exclusive_unknown",
                "exclusive use could not be checked",
                "Make sure that nothing else uses the device.",
            )
        )
    if conditions.transfer_ms is not None and mean_ms and conditions.transfer_ms > mean_ms:
        notes.append(
            finding(
                "measure.transfer_bound",
                "{batch}: copying takes {transfer} ms of each execution, computing {compute} ms",
                "Preprocess on the device (AIPP), or send uint8 instead of float32.",
                batch=batch,
                transfer=f"{conditions.transfer_ms:.2f}",
                compute=f"{mean_ms:.2f}",
            )
        )
    return notes


def judge_measurement(measured: Measurement, conditions: Conditions | None = None) -> Validity:
    """Whether the measurement can be trusted under these conditions.

    Random or zero input, an unchecked device and slow transfers are named without deciding:
    a figure on random input is approximate, which is another matter than untrusted.
    """
    seen = conditions or Conditions()
    batch = f"bs{measured.batch_size}"
    reasons = (*_of_figures(measured), *_of_device(batch, measured.throughput, seen))
    notes = tuple(_notes(batch, measured.latency_ms.mean, seen))
    return Validity(not reasons, reasons, notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFigures:
    """What a tool printed that keeps no raw samples; None for what it did not print."""

    batch_size: int
    mean_ms: float | None = None
    median_ms: float | None = None
    max_ms: float | None = None
    p99_ms: float | None = None
    throughput: float | None = None
    executions: int | None = None
    elapsed_ms: float | None = None


def _apart(a: float | None, b: float | None, ratio: float) -> bool:
    """Whether two known figures differ by more than `ratio`."""
    return bool(a and b) and not 1 / ratio <= (a or 0) / (b or 1) <= ratio


def _tool_reasons(figures: ToolFigures) -> list[Finding]:
    reasons = []
    batch = f"bs{figures.batch_size}"
    elapsed_ms = figures.elapsed_ms or (figures.mean_ms or 0) * (figures.executions or 0)
    if figures.executions is not None and not MeasurementPlan().enough(
        figures.executions, elapsed_ms
    ):
        reasons.append(_too_short(batch, figures.executions, elapsed_ms))
    if _apart(figures.mean_ms, figures.median_ms, SKEW_RATIO):
        reasons.append(
            finding(
                "measure.skewed",
                "{batch}: mean {mean} ms and median {median} ms are more than 10 % apart",
                "Measure again on an idle device with more executions.",
                batch=batch,
                mean=f"{figures.mean_ms:.3f}",
                median=f"{figures.median_ms:.3f}",
            )
        )
    computed = device_throughput(figures.batch_size, figures.mean_ms) if figures.mean_ms else None
    if _apart(figures.throughput, computed, RATE_RATIO):
        reasons.append(
            finding(
                "measure.rate_mismatch",
                "{batch}: the tool says {printed} images/s, its mean time gives {computed}",
                "Check the batch size that the tool was told.",
                batch=batch,
                printed=f"{figures.throughput:.2f}",
                computed=f"{computed:.2f}",
            )
        )
    return reasons


def _tool_notes(figures: ToolFigures) -> list[Finding]:
    notes = []
    batch = f"bs{figures.batch_size}"
    if figures.max_ms and figures.p99_ms and figures.max_ms > OUTLIER_RATIO * figures.p99_ms:
        notes.append(
            finding(
                "measure.outliers",
                "{batch}: the slowest execution took {slowest} ms, 99 % took at most {p99} ms",
                "Look for another program that used the device for a moment.",
                batch=batch,
                slowest=f"{figures.max_ms:.3f}",
                p99=f"{figures.p99_ms:.3f}",
            )
        )
    if figures.executions is None:
        notes.append(
            finding(
                "measure.count_unknown",
                "{batch}: the tool does not say how many executions it measured",
                batch=batch,
            )
        )
    return notes


def judge_tool_figures(figures: ToolFigures, conditions: Conditions | None = None) -> Validity:
    """The checks that printed figures allow: mean against median, max against p99, rate, length.

    Agreement of windows cannot be seen in such figures, and is not claimed.
    """
    seen = conditions or Conditions()
    batch = f"bs{figures.batch_size}"
    reasons = (*_tool_reasons(figures), *_of_device(batch, figures.throughput, seen))
    notes = (*_tool_notes(figures), *_notes(batch, figures.mean_ms, seen))
    return Validity(not reasons, reasons, notes)
