"""What each tool's log says, in one shape: outcome, own words, warnings, figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend import benchmark, msame
from ascend_console.ascend.advice import Advice
from ascend_console.ascend.ais_bench_log import AisBenchLog, LogSummary, parse_ais_bench
from ascend_console.ascend.ais_bench_output import (
    AisBenchSummary,
    looks_like_summary,
    parse_summary_fragment,
)
from ascend_console.ascend.atc_output import Outcome, parse_atc
from ascend_console.ascend.npu_smi import parse_npu_smi
from ascend_console.ascend.npu_smi_errors import find_npu_smi_failure
from ascend_console.ascend.performance import Performance, Timing, throughput_doubt
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Tool = Literal["atc", "ais_bench", "benchmark", "msame", "npu-smi", "acl", "unknown"]

_COMPLAINT = re.compile(r"^.{0,40}\[(?:ERROR|error)\].{0,400}$", re.MULTILINE)
_EXCEPTION = re.compile(r"[A-Za-z_.]{0,80}(?:Error|Exception): ?.*")
_TABLE = re.compile(r"^[ \t>]{0,40}\|[^\n]*\|[ \t]*$", re.MULTILINE)
_KEYS = re.compile(
    r"^[ \t>]{0,40}(?:NPU ID +(?:Chip|Slot) ID|NpuID\(Idx\)|npu-smi version:"
    r"|[A-Za-z][^:|\n]{0,60} : )",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class LogWarning:
    """Something to know: the tool's own words, or ours, which have a Chinese text too."""

    code: str | None
    english: str
    chinese: str = ""

    def text(self, lang: str = "en") -> str:
        """The words in `zh` where they are ours, else as they are."""
        return self.chinese if lang == "zh" and self.chinese else self.english


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A log as its tool means it. `complaint` is the first line in which it complains."""

    outcome: Outcome
    complaint: str = ""
    warnings: tuple[LogWarning, ...] = ()
    performance: Performance | None = None
    advice: Advice | None = None


def _said(messages: Sequence[str]) -> list[LogWarning]:
    return [LogWarning(None, message) for message in messages]


def _found(doubts: Sequence[Advice]) -> list[LogWarning]:
    return [LogWarning(None, doubt.cause_en, doubt.cause_zh) for doubt in doubts]


def _several(count: int) -> list[LogWarning]:
    """That the figures are those of the last of several runs."""
    if count < 2:
        return []
    return [LogWarning(None, f"{count} runs stand in the log; the figures are those of the last",
                       f"日志中有 {count} 次运行，数据取自最后一次")]  # fmt: skip


def _read_atc(text: str) -> Reading:
    log = parse_atc(text)
    complaint = log.error_lines[0] if log.error_lines else ""
    # After a success its complaints on the way are worth a look, and no more.
    noted = log.error_lines[:5] if log.outcome == "success" else ()
    return Reading(outcome=log.outcome, complaint=complaint, warnings=tuple(_said(noted)))


def _merged(summaries: Sequence[LogSummary]) -> Timing:
    """The times of several devices: only what holds for all of them together."""
    least = [item.compute.min_ms for item in summaries]
    most = [item.compute.max_ms for item in summaries]
    return Timing(
        min_ms=min((value for value in least if value is not None), default=None)
        if None not in least
        else None,
        max_ms=max((value for value in most if value is not None), default=None)
        if None not in most
        else None,
    )


def _whole_batch(batch: float | None) -> int | None:
    return int(batch) if batch is not None and batch >= 1 and float(batch).is_integer() else None


def _ais_bench_performance(log: AisBenchLog) -> Performance | None:
    if not log.summaries:
        return None
    last = log.summaries[-1]
    batches = {_whole_batch(item.batch_size) for item in log.summaries}
    together = log.total_throughput is not None
    return Performance(
        throughput=log.total_throughput if together else last.throughput,
        batch_size=(batches.pop() if len(batches) == 1 else None)
        if together
        else _whole_batch(last.batch_size),
        compute=_merged(log.summaries) if together and len(log.summaries) > 1 else last.compute,
        compute_per="batch",
        h2d_ms=last.h2d.mean_ms if last.h2d and not together else None,
        d2h_ms=last.d2h.mean_ms if last.d2h and not together else None,
        devices=log.devices,
    )


def _read_ais_bench(text: str) -> Reading:
    if looks_like_summary(text):
        return _read_summary(text)
    log = parse_ais_bench(text)
    performance = _ais_bench_performance(log)
    runs = 1 if log.total_throughput is not None else len(log.summaries)
    warnings = _said(log.warnings) + _several(runs) + _found(log.doubts())
    outcome: Outcome = "unknown"
    if log.errors or any(not shape.succeeded for shape in log.shapes):
        outcome = "failure"
    elif performance is not None and performance.is_known:
        outcome = "success"
    return Reading(
        outcome=outcome,
        complaint=log.errors[0] if log.errors else "",
        warnings=tuple(warnings),
        performance=performance,
    )


def _read_summary(text: str) -> Reading:
    try:
        summary = _parse_whole_or_end(text)
    except UserError as error:
        return Reading(outcome="unknown", complaint=error.message)
    performance = _summary_performance(summary)
    doubts = list(performance.compute.doubts("compute time"))
    doubts += throughput_doubt(
        performance.throughput, performance.batch_size, performance.compute.mean_ms
    )
    known = performance.throughput is not None and performance.compute.mean_ms is not None
    if known and performance.batch_size is None:
        doubts.append(
            Advice(
                "figures.batch",
                "throughput x mean compute time is no whole batch size",
                "吞吐率与平均耗时之积不是整数 batch",
            )
        )
    outcome: Outcome = "success" if performance.is_known or summary.files else "unknown"
    warnings = tuple(_found(doubts))
    return Reading(outcome=outcome, warnings=warnings, performance=performance)


def _parse_whole_or_end(text: str) -> AisBenchSummary:
    """A summary; of a very long one, whose list of files was cut, the figures that end it."""
    try:
        return parse_summary_fragment(text)
    except UserError:
        start = text.find('"NPU_compute_time"')
        if start < 0:
            raise
        return parse_summary_fragment(text[start:])


def _summary_performance(summary: AisBenchSummary) -> Performance:
    return Performance(
        throughput=summary.throughput,
        batch_size=summary.batch_size,
        compute=summary.compute or Timing(),
        compute_per="batch" if summary.compute else None,
        h2d_ms=summary.h2d.mean_ms if summary.h2d else None,
        d2h_ms=summary.d2h.mean_ms if summary.d2h else None,
    )


def _read_benchmark(text: str) -> Reading:
    try:
        files = [benchmark.parse_perf(part) for part in benchmark.split_perf(text)]
        pure = benchmark.parse_pure(text) if not files else ()
    except UserError as error:
        # A log of a run that failed has no such file, and its own complaint tells more.
        said = _COMPLAINT.search(text)
        return Reading(outcome="unknown", complaint=said[0].strip() if said else error.message)
    several = _several(len(files) or len(pure))
    if files:
        perf = files[-1]
        batch = max(1, round(perf.infer.rate / perf.post.rate))
        doubts = _found(benchmark.perf_doubts(perf, batch))
        performance = Performance(
            throughput=perf.interface_rate,
            batch_size=benchmark.perf_batch(perf),
            e2e_throughput=perf.e2e_rate,
        )
        return Reading(outcome="success", warnings=tuple(several + doubts), performance=performance)
    run = pure[-1]
    performance = Performance(
        throughput=run.rate,
        batch_size=benchmark.pure_batch(run),
        compute=Timing(mean_ms=run.latency_ms),
        compute_per="sample",
    )
    warnings = several + _found(benchmark.pure_doubts(run))
    return Reading(outcome="success", warnings=tuple(warnings), performance=performance)


def _read_msame(text: str) -> Reading:
    runs = msame.parse_msame(text)
    timed = [run for run in runs if run.timing.is_known]
    failed = next((run for run in runs if run.outcome == "failure"), None)
    doubts = [doubt for run in timed[-1:] for doubt in run.doubts()]
    outcome: Outcome = "failure" if failed else "unknown"
    if not failed and all(run.outcome == "success" or run.timing.is_known for run in runs):
        outcome = "success"
    return Reading(
        outcome=outcome,
        complaint=failed.errors[0] if failed and failed.errors else "",
        warnings=tuple(_several(len(timed)) + _found(doubts)),
        performance=Performance(compute=timed[-1].timing, compute_per="batch") if timed else None,
    )


def _read_npu_smi(text: str) -> Reading:
    is_table = _TABLE.search(text) is not None
    if not is_table and _KEYS.search(text) is None:
        failure = find_npu_smi_failure(text)
        if failure is None:
            return Reading(outcome="unknown")
        return Reading(outcome="failure", complaint=failure.message, advice=failure.advice)
    try:
        chips = parse_npu_smi(text).chips if is_table else ()
    except UserError as error:
        return Reading(outcome="unknown", complaint=error.message)
    warnings = tuple(
        LogWarning(None, f"NPU {chip.npu} chip {chip.chip}: health {chip.health}",
                   f"NPU {chip.npu} 芯片 {chip.chip}：健康状态 {chip.health}")
        for chip in chips
        if chip.health not in (None, "OK")
    )  # fmt: skip
    return Reading(outcome="success", warnings=warnings)


def _read_other(text: str) -> Reading:
    """A text of no known tool fails only by a code or a sign, which its caller looks for."""
    raised = _EXCEPTION.search(text) if "Error:" in text or "Exception:" in text else None
    return Reading(outcome="unknown", complaint=raised[0].strip() if raised else "")


_READERS: dict[Tool, Callable[[str], Reading]] = {
    "atc": _read_atc,
    "ais_bench": _read_ais_bench,
    "benchmark": _read_benchmark,
    "msame": _read_msame,
    "npu-smi": _read_npu_smi,
    "acl": _read_other,
    "unknown": _read_other,
}


def read_log(tool: Tool, text: str) -> Reading:
    """A log as its tool means it. Any text is read: what is none of that tool's says nothing."""
    return _READERS[tool](text)
