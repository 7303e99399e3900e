"""What ais_infer, ais_bench and msit benchmark print: progress, summaries, devices, complaints."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ascend_console.ascend.advice import Advice
from ascend_console.ascend.log_text import END, NUMBER, count, figure, log_lines
from ascend_console.ascend.performance import (
    DevicePerformance,
    Timing,
    derived_batch,
    nearly,
    throughput_doubt,
)

_BAR = re.compile(
    r"(Inference[A-Za-z ]{0,40}):\s*[0-9]{1,3}%\|[^|]*\|\s*([0-9]{1,12})/([0-9]{1,12}) \["
)
_LOOP = re.compile(r"(loop inference exec): \(([0-9]{1,12})/([0-9]{1,12})\)")
_TIMES = re.compile(r"(H2D_latency|NPU_compute_time|D2H_latency) \(ms\): (.*)")
_TRT_TIMES = re.compile(r"\[I\] (H2D Latency|GPU Compute Time|D2H Latency): (min = .*)")
_PAIR = re.compile(
    rf"(min|max|mean|median|percentile\(99%\)|count)\s*=\s*({NUMBER}(?=\s*(?:,(?![0-9])|\[|$))|\S*)"
)
_UNIT = re.compile(r" ms\b")
_THROUGHPUT = re.compile(rf"\bthroughput (\(?1000\*batchsize[^:]*):\s*({NUMBER}){END}")
_LABEL_BATCH = re.compile(rf"batchsize(?:\.mean)?\(({NUMBER})\)")
_LABEL_MEAN = re.compile(rf"NPU_compute_time\.mean\(({NUMBER})\)")
_PLAIN_THROUGHPUT = re.compile(rf"(?:\[I\]|\[INFO\]) Throughput: ({NUMBER}) (?:fps|qps)\b")
_PLAIN_MEAN = re.compile(rf"Average time without first time: ({NUMBER}) ms\b")
_DEVICE = re.compile(
    rf"\bi:([0-9]{{1,4}}) device_([0-9]{{1,4}}) throughput:\s*({NUMBER}){END}"
    rf"(?:\s+start_time:({NUMBER}) end_time:({NUMBER}){END})?"
)
_TOTAL = re.compile(rf"\bsummary throughput:\s*({NUMBER}){END}")
_ENERGY = re.compile(rf"NPU ID:([0-9]{{1,6}}) energy consumption\(J\):\s*({NUMBER}){END}")
_SHAPE = re.compile(
    rf"\bdymshape:(\S{{1,400}})\s+result:(OK|Failed)(?:\s+throughput:({NUMBER}){END})?"
)
_FOLDER = re.compile(r"\[INFO\] output path:(.+)")
_MODEL = re.compile(r"\[INFO\] load model (.+?) success\b")
_RUNS = re.compile(r"filesperbatch:([0-9]{1,12}) runcount:([0-9]{1,12})")
_TENSOR = re.compile(r"\s*#([0-9]{1,4})\s+(\S.{0,400}?)\s+\(([-0-9, ]{0,200})\)\s+(\w{1,20})\s+"
                     r"([0-9]{1,15})\s+([0-9]{1,15})\s*")  # fmt: skip
_LEVEL = re.compile(r"\s*\[(WARN|WARNING|ERROR)\]\s*(.*)")
# A line of the runtime's own log, which goes on for more than the tool does.
_SYSTEM_LOG = re.compile(r"[A-Z]{2,12}\([0-9]{1,10},")
_NUMBERED = re.compile(r"[0-9]{1,2}\. ")
_EXCEPTION = re.compile(r"(?:^|\s)([A-Za-z_][\w.]{0,80}(?:Error|Exception)):\s?(.*)")
_USAGE = re.compile(
    r"(?:\S{1,80}: )?error: (argument .*|unrecognized arguments.*|the following .*)"
)
_COMPUTE = ("NPU_compute_time", "GPU Compute Time")
_ENDED = "unload model success"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSummary:
    """One performance summary. `batch_size` is the printed one, or the one behind the figures."""

    compute: Timing
    h2d: Timing | None = None
    d2h: Timing | None = None
    throughput: float | None = None
    batch_size: float | None = None

    def doubts(self) -> tuple[Advice, ...]:
        """What in it contradicts itself."""
        found = self.compute.doubts("compute time")
        for name, timing in (("H2D", self.h2d), ("D2H", self.d2h)):
            if timing is not None:
                found += replace(timing, median_ms=None, p99_ms=None).doubts(name)
        return found + throughput_doubt(self.throughput, self.batch_size, self.compute.mean_ms)


@dataclass(frozen=True, slots=True)
class TensorLine:
    """A model's input or output as `--debug` lists it; sizes are in bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    size: int
    real_size: int


@dataclass(frozen=True, slots=True)
class ShapeResult:
    """One shape of a range run."""

    shape: str
    succeeded: bool
    throughput: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AisBenchLog:
    """A run as its text tells it. Lists are empty and values None where nothing was printed."""

    summaries: tuple[LogSummary, ...]
    unmatched: int
    devices: tuple[DevicePerformance, ...]
    total_throughput: float | None
    energy_j: tuple[tuple[int, float], ...]
    shapes: tuple[ShapeResult, ...]
    inputs: tuple[TensorLine, ...]
    outputs: tuple[TensorLine, ...]
    model: str | None
    folder: str | None
    files_per_batch: int | None
    run_count: int | None
    progress: tuple[int, int] | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    ended: bool

    def doubts(self) -> tuple[Advice, ...]:
        """What in the figures contradicts itself."""
        found = [doubt for summary in self.summaries for doubt in summary.doubts()]
        rates = [item.throughput for item in self.devices]
        known = [rate for rate in rates if rate is not None]
        total = self.total_throughput if rates and len(known) == len(rates) else None
        if total is not None and not nearly(total, sum(known)):
            found.append(Advice(
                "figures.sum",
                f"summary throughput {total:g} is not the sum {sum(known):g} of its devices",
                f"总吞吐率 {total:g} 不等于各设备之和 {sum(known):g}",
            ))  # fmt: skip
        if self.unmatched:
            found.append(Advice(
                "figures.unmatched",
                "a throughput line belongs to none of the printed times",
                "有一行吞吐率与打印的时间均不对应",
            ))  # fmt: skip
        return tuple(found)


def progress_of(line: str) -> tuple[int, int] | None:
    """Done and total of a progress line; None for any other line."""
    found = _BAR.search(line) or _LOOP.search(line)
    if found is None or int(found[2]) > int(found[3]):
        return None
    return int(found[2]), int(found[3])


def _timing(tail: str) -> Timing:
    """The times of `min = 1, max = 2, …`; a key that stands there twice is not believed."""
    seen: dict[str, float | None] = {}
    for name, text in _PAIR.findall(tail):
        value = figure(text) if re.fullmatch(NUMBER, text) else None
        seen[name] = None if name in seen or value is None or value < 0 else value
    number = seen.get("count")
    return Timing(
        min_ms=seen.get("min"),
        max_ms=seen.get("max"),
        mean_ms=seen.get("mean"),
        median_ms=seen.get("median"),
        p99_ms=seen.get("percentile(99%)"),
        count=int(number) if number is not None and number.is_integer() else None,
    )


@dataclass(slots=True)
class _Printed:
    """The pieces of all summaries, each kind in the order of its lines."""

    times: list[tuple[str, Timing]]
    throughputs: list[tuple[float, float | None, float | None]]


def _positive(text: str | None) -> float | None:
    value = figure(text)
    return value if value is not None and value > 0 else None


def _printed(lines: list[str]) -> _Printed:
    pieces = _Printed([], [])
    for line in lines:
        if found := _TIMES.search(line) or _TRT_TIMES.search(line):
            pieces.times.append((found[1], _timing(_UNIT.sub("", found[2]))))
        elif (found := _THROUGHPUT.search(line)) and (value := _positive(found[2])):
            batch, mean = _LABEL_BATCH.search(found[1]), _LABEL_MEAN.search(found[1])
            pieces.throughputs.append(
                (value, figure(batch[1]) if batch else None, figure(mean[1]) if mean else None)
            )
        elif (found := _PLAIN_THROUGHPUT.search(line)) and (value := _positive(found[1])):
            pieces.throughputs.append((value, None, None))
        elif found := _PLAIN_MEAN.search(line):
            pieces.times.append((_COMPUTE[0], Timing(mean_ms=_positive(found[1]))))
    return pieces


def _match(pieces: _Printed, compute: list[Timing]) -> list[int | None]:
    """Which throughput belongs to each compute time: by the mean in its label, else by order.

    Processes of several devices interleave their lines, so the order alone proves nothing there.
    """
    free = list(range(len(pieces.throughputs)))
    chosen: list[int | None] = []
    for timing in compute:
        named = [index for index in free
                 if (mean := pieces.throughputs[index][2]) is not None
                 and timing.mean_ms is not None and nearly(mean, timing.mean_ms, 1e-9)]  # fmt: skip
        chosen.append(named[0] if named else None)
        if named:
            free.remove(named[0])
    if len(compute) == len(pieces.throughputs):
        unnamed = [index for index in free if pieces.throughputs[index][2] is None]
        for place, index in zip(
            [place for place, found in enumerate(chosen) if found is None], unnamed, strict=False
        ):
            chosen[place] = index
    return chosen


def _summaries(lines: list[str]) -> tuple[tuple[LogSummary, ...], int]:
    """The summaries, and how many throughput lines belong to none of them."""
    pieces = _printed(lines)
    compute = [timing for name, timing in pieces.times if name in _COMPUTE]
    h2d = [timing for name, timing in pieces.times if name.startswith("H2D")]
    d2h = [timing for name, timing in pieces.times if name.startswith("D2H")]
    if not compute and pieces.throughputs:
        compute = [Timing() for _ in pieces.throughputs]
        order: list[int | None] = list(range(len(compute)))
    else:
        order = _match(pieces, compute)
    # Copy times name no partner, so they are told apart by order, and only where order can tell.
    kinds = [name[:3] for name, _ in pieces.times]
    in_order = kinds == ["H2D", kinds[1], "D2H"] * len(compute) if len(kinds) > 1 else False
    found = []
    for index, timing in enumerate(compute):
        place = order[index]
        value, batch = pieces.throughputs[place][:2] if place is not None else (None, None)
        found.append(
            LogSummary(
                compute=timing,
                h2d=h2d[index] if in_order else None,
                d2h=d2h[index] if in_order else None,
                throughput=value,
                batch_size=batch or derived_batch(value, timing.mean_ms),
            )
        )
    return tuple(found), len(pieces.throughputs) - sum(place is not None for place in order)


def _devices(lines: list[str]) -> tuple[DevicePerformance, ...]:
    found: dict[int, DevicePerformance] = {}
    for line in lines:
        if match := _DEVICE.search(line):
            found[int(match[1])] = DevicePerformance(
                device=int(match[2]),
                throughput=figure(match[3]),
                start_s=figure(match[4]),
                end_s=figure(match[5]),
            )
    return tuple(found[index] for index in sorted(found))


def _tensors(lines: list[str]) -> tuple[tuple[TensorLine, ...], tuple[TensorLine, ...]]:
    """Inputs and outputs of the model table that `--debug 1` prints."""
    sides: dict[str, list[TensorLine]] = {"input:": [], "output:": []}
    side = ""
    for line in lines:
        if line.strip() in sides:
            side = line.strip()
        elif side and (found := _TENSOR.fullmatch(line)):
            parts = [part.strip() for part in found[3].split(",") if part.strip()]
            sizes = [int(part) for part in parts if re.fullmatch(r"-?[0-9]{1,12}", part)]
            sides[side].append(
                TensorLine(found[2], tuple(sizes), found[4], int(found[5]), int(found[6]))
            )
        elif line.strip():
            side = ""
    return tuple(sides["input:"]), tuple(sides["output:"])


def _complaints(lines: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Errors and warnings; a numbered line of advice belongs to the warning before it."""
    errors: list[str] = []
    warnings: list[str] = []
    for line in lines:
        if found := _LEVEL.match(line):
            text = found[2].strip()
            if _SYSTEM_LOG.match(text):
                continue
            if found[1] == "ERROR":
                errors.append(text)
            elif warnings and _NUMBERED.match(text):
                warnings[-1] += " " + text
            else:
                warnings.append(text)
        elif found := _USAGE.match(line.strip()):
            errors.append(found[1])
        elif ("Error:" in line or "Exception:" in line) and (found := _EXCEPTION.search(line)):
            errors.append(f"{found[1]}: {found[2]}".rstrip(": "))
    return tuple(errors), tuple(warnings)


def _first(pattern: re.Pattern[str], lines: list[str]) -> re.Match[str] | None:
    return next((found for line in lines if (found := pattern.search(line))), None)


def parse_ais_bench(text: str) -> AisBenchLog:
    """Read the output of one run of any generation. Any text is read."""
    lines = log_lines(text)
    summaries, unmatched = _summaries(lines)
    inputs, outputs = _tensors(lines)
    errors, warnings = _complaints(lines)
    model, folder, runs = _first(_MODEL, lines), _first(_FOLDER, lines), _first(_RUNS, lines)
    total = _first(_TOTAL, lines)
    shapes = {found[1]: ShapeResult(found[1], found[2] == "OK", _positive(found[3]))
              for line in lines if (found := _SHAPE.search(line))}  # fmt: skip
    steps = [step for line in lines if (step := progress_of(line))]
    return AisBenchLog(
        summaries=summaries,
        unmatched=unmatched,
        devices=_devices(lines),
        total_throughput=_positive(total[1]) if total else None,
        energy_j=tuple((int(found[1]), value) for line in lines if (found := _ENERGY.search(line))
                       and (value := figure(found[2])) is not None),
        shapes=tuple(shapes.values()),
        inputs=inputs,
        outputs=outputs,
        model=model[1] if model else None,
        folder=folder[1].strip() if folder else None,
        files_per_batch=count(runs[1]) if runs else None,
        run_count=count(runs[2]) if runs else None,
        progress=steps[-1] if steps else None,
        errors=errors,
        warnings=warnings,
        ended=any(_ENDED in line for line in lines),
    )  # fmt: skip
