"""msame: flags, and what it prints. It prints times and no throughput."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ascend_console.ascend.advice import Advice
from ascend_console.ascend.log_text import NUMBER, figure, log_lines
from ascend_console.ascend.performance import Timing, nearly
from ascend_console.core.errors import UserError

_TIME = re.compile(rf"Inference time:\s*({NUMBER})\s?ms\b")
_AVERAGE = re.compile(rf"Inference average time\s?:\s*({NUMBER})\s?ms\b")
_WITHOUT_FIRST = re.compile(rf"Inference average time without first time\s?:\s*({NUMBER})\s?ms\b")
_DONE = "Execute sample success"
_FAILED = "Sample process failed"
_START = re.compile(r"\[INFO\] acl init success")
_MODEL = re.compile(r"\[INFO\] load model (.+?) success\b")
_FOLDER = re.compile(r"(?:\./|\.\./|/|[\w.\-]+/)\S*")
_ERROR = re.compile(r"\[ERROR\]\s*(.*)")
_MOST_LOOPS = 100


# Averages have two decimals at least.
_HALF_DIGIT_MS = 0.006


@dataclass(frozen=True, slots=True, kw_only=True)
class MsameRequest:
    """One run of msame; `input` are files or folders, one for each input of the model."""

    model: str
    output: str
    input: tuple[str, ...] = ()
    outfmt: Literal["TXT", "BIN"] = "BIN"
    loop: int = 1
    device: int = 0
    debug: bool = False
    profiler: bool = False
    dump: bool = False
    dym_batch: int | None = None
    dym_hw: str = ""
    dym_dims: str = ""
    dym_shape: str = ""
    output_size: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MsameRun:
    """One run in a log; times in ms an execution, `folder` where its results went."""

    times_ms: tuple[float, ...]
    average_ms: float | None
    without_first_ms: float | None
    model: str | None
    folder: str | None
    outcome: Literal["success", "failure", "unknown"]
    errors: tuple[str, ...]

    @property
    def timing(self) -> Timing:
        """Mean as printed; least, greatest and median only where every execution was printed."""
        mean_ms = self.average_ms if self.average_ms is not None else self.without_first_ms
        times = sorted(self.times_ms)
        # A log that somebody shortened still averages over all executions.
        whole = bool(times) and self.average_ms is not None and (
            abs(sum(times) / len(times) - self.average_ms) <= _HALF_DIGIT_MS
        )  # fmt: skip
        if not whole:
            return Timing(mean_ms=mean_ms)
        middle = len(times) // 2
        median_ms = times[middle] if len(times) % 2 else (times[middle - 1] + times[middle]) / 2
        return Timing(min_ms=times[0], max_ms=times[-1], mean_ms=mean_ms, median_ms=median_ms,
                      count=len(times))  # fmt: skip

    def doubts(self) -> tuple[Advice, ...]:
        """What in the figures contradicts itself."""
        # The average without the first one is printed only after several executions.
        single = len(self.times_ms) == 1 and self.without_first_ms is None
        average_ms = self.average_ms if single else None
        only_ms = self.times_ms[0] if self.times_ms else 0.0
        # With a folder of inputs the average is printed with two decimals only.
        rounded = average_ms is not None and abs(only_ms - average_ms) <= _HALF_DIGIT_MS
        if average_ms is None or rounded or nearly(only_ms, average_ms, 0.01):
            return ()
        return (
            Advice(
                "figures.average",
                f"the only time {only_ms:g} ms is not the average {average_ms:g} ms",
                f"唯一一次耗时 {only_ms:g} ms 与平均值 {average_ms:g} ms 不符",
            ),
        )


def _refused(text_id: str, message: str, hint: str, **values: object) -> UserError:
    return UserError(f"msame.{text_id}", message, hint=hint, **values)


def msame_argv(request: MsameRequest) -> list[str]:
    """The arguments after `msame`; UserError for what it refuses."""
    dynamic = [text for text in (request.dym_hw, request.dym_dims, request.dym_shape) if text]
    if len(dynamic) + (request.dym_batch is not None) > 1:
        raise _refused("dynamic", "msame takes one kind of dynamic size",
                       "Give the one that the om was made for.")  # fmt: skip
    if not 1 <= request.loop <= _MOST_LOOPS:
        raise _refused("loop", "msame repeats 1 to 100 times, not {loop}",
                       "Choose a number up to 100.", loop=request.loop)  # fmt: skip
    if not 0 <= request.device <= 255:
        raise _refused("device", "{device} is no device number", "Choose one from 0 to 255.",
                       device=request.device)  # fmt: skip
    if any("," in path for path in request.input):
        raise _refused("comma", "msame takes a comma in {path!r} for the end of the path",
                       "Give it a copy without a comma.",
                       path=next(path for path in request.input if "," in path))  # fmt: skip
    if request.dump and request.profiler:
        raise _refused("dump_profiler", "a dump and a profile cannot be made in one run",
                       "Choose one of them.")  # fmt: skip
    argv = ["--model", request.model]
    argv += ["--input", ",".join(request.input)] if request.input else []
    argv += ["--output", request.output, "--outfmt", request.outfmt]
    argv += ["--loop", str(request.loop)] if request.loop > 1 else []
    argv += ["--device", str(request.device)]
    for name in ("debug", "profiler", "dump"):
        argv += [f"--{name}", "true"] if getattr(request, name) else []
    argv += ["--dymBatch", str(request.dym_batch)] if request.dym_batch is not None else []
    for flag, text in (("--dymHW", request.dym_hw), ("--dymDims", request.dym_dims),
                       ("--dymShape", request.dym_shape)):  # fmt: skip
        argv += [flag, text] if text else []
    argv += ["--outputSize", ",".join(map(str, request.output_size))] if request.output_size else []
    return argv


def _positive(match: re.Match[str] | None) -> float | None:
    value = figure(match[1]) if match else None
    return value if value is not None and value > 0 else None


def _only(pattern: re.Pattern[str], lines: list[str]) -> float | None:
    """The figure that a pattern finds; None where it is printed twice with different values."""
    found = {value for line in lines if (value := _positive(pattern.search(line))) is not None}
    return found.pop() if len(found) == 1 else None


def _run(lines: list[str]) -> MsameRun:
    errors = tuple(found[1] for line in lines if (found := _ERROR.search(line)))
    done = any(_DONE in line for line in lines)
    failed = bool(errors) or any(_FAILED in line for line in lines)
    model = next((found for line in lines if (found := _MODEL.search(line))), None)
    folders = [line.strip() for line in lines if _FOLDER.fullmatch(line.strip())]
    return MsameRun(
        times_ms=tuple(value for line in lines
                       if (value := _positive(_TIME.search(line))) is not None),
        average_ms=_only(_AVERAGE, lines),
        without_first_ms=_only(_WITHOUT_FIRST, lines),
        model=model[1] if model else None,
        folder=folders[0] if folders else None,
        outcome="failure" if failed else "success" if done else "unknown",
        errors=errors,
    )  # fmt: skip


def parse_msame(text: str) -> tuple[MsameRun, ...]:
    """The runs of a log, each from its `acl init success` on. Any text is read."""
    lines = log_lines(text)
    starts = [index for index, line in enumerate(lines) if _START.search(line)]
    if not starts:
        return (_run(lines),)
    return tuple(
        _run(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )


def result_name(first_input: str, output: int, outfmt: Literal["TXT", "BIN"]) -> str:
    """The name of a result of a folder of inputs: the input's without its suffix, outputs from 0.

    For single files msame names results after the model instead.
    """
    name = first_input.rsplit("/", 1)[-1]
    return f"{name.rsplit('.', 1)[0]}_output_{output}.{outfmt.lower()}"
