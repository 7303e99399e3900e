"""One process of an inference tool: what it works on, how it is run, what its failure means."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend.explain import explain
from ascend_console.ascend.log_text import last_words
from ascend_console.core.errors import BackendUnavailable, ToolFailed
from ascend_console.core.events import LogLine, LogOpened
from ascend_console.core.verdict import LatencyMs, finding
from ascend_console.tools import process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from ascend_console.ascend.advice import Advice
    from ascend_console.ascend.explain import Explanation
    from ascend_console.backends._ascend_om import OmFacts
    from ascend_console.core.backend import StageRate
    from ascend_console.core.errors import ConsoleError
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Cancel
    from ascend_console.core.validity import ToolFigures
    from ascend_console.core.verdict import Finding
    from ascend_console.tools.vendor_tools import VendorTools

InferTool = Literal["ais_bench", "benchmark", "msame"]

_HEAD_CHARS = 16 << 20
_TAIL_CHARS = 1 << 20
_LINE_CHARS = 4000
_MOST_REMEDIES = 3
_MOST_CODES = 3
_MOST_COMPLAINTS = 10
_ERROR = re.compile(r"^\[ERROR\] ?(\S.*)", re.MULTILINE)
_COMPLAINT = re.compile(r"\[(WARN|WARNING|ERROR)\] ?(\S.*)")
# Causes for which neither the om nor its inputs can be blamed: the device or the tool is not there.
UNAVAILABLE = frozenset({
    "acl.107001", "acl.200002", "acl.207004", "acl.207006", "acl.507010", "acl.507033",
    "acl.507899", "acl.507901", "code.EL0001", "code.EL0002", "code.EL0003", "code.EL0005",
    "code.EL0007", "code.EL0015", "exit.126", "exit.127", "sign.aclruntime", "sign.aicpu",
    "sign.device_open", "sign.driver_library", "sign.glibc", "sign.library", "sign.module",
    "sign.no_driver", "sign.not_executable", "sign.not_found", "sign.numpy",
    "sign.other_ais_bench", "sign.static_tls",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one process works on: `model` is the om as the tools take it, on one device.

    `folder` is private, empty and the process's own; `log` takes what it prints.
    """

    tool: InferTool
    tools: VendorTools
    cancel: Cancel
    artifact: OmFacts
    model: Path
    batch_size: int
    device: int
    folder: Path
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRun:
    """What one process did. `outputs` has, for each input, its result files, empty where missing.

    The fields are those of ToolRun, of this device alone.
    """

    device: int
    samples: int
    figures: ToolFigures
    latency: LatencyMs
    latencies_ms: tuple[float, ...] = ()
    h2d_ms: float | None = None
    d2h_ms: float | None = None
    e2e_throughput: float | None = None
    stages: Mapping[str, StageRate] | None = None
    findings: tuple[Finding, ...] = ()
    outputs: tuple[tuple[Path, ...], ...] = ()


@dataclass(slots=True)
class _Words:
    """What a tool prints, bounded: the beginning whole, and the end.

    Its first complaints are worth seeing while it runs.
    """

    head: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=deque)
    head_chars: int = 0
    tail_chars: int = 0

    complaints: int = 0

    def add(self, line: str) -> LogLine | None:
        """Take the next line; an event where it is one of the first complaints."""
        if self.head_chars < _HEAD_CHARS:
            self.head.append(line)
            self.head_chars += len(line)
        else:
            self.tail.append(line)
            self.tail_chars += len(line)
            while self.tail_chars > _TAIL_CHARS:
                self.tail_chars -= len(self.tail.popleft())
        found = _COMPLAINT.match(line)
        self.complaints += found is not None
        if found is None or self.complaints > _MOST_COMPLAINTS:
            return None
        return LogLine(last_words(found[2]), "error" if found[1] == "ERROR" else "warning")

    @property
    def text(self) -> str:
        """All that was kept."""
        return "\n".join((*self.head, *self.tail)) + "\n"


def run_tool(
    task: Task,
    arguments: Sequence[str],
    told: Callable[[str], Event | None],
    *,
    silence_limit_s: float = 3600.0,
) -> Generator[Event, None, str]:
    """Run the tool to its end in its own folder; gives back what it printed.

    `told` makes an event of a line that tells how far it is. Raises what `failure` says of an
    exit code, and the errors of `process.stream`.
    """
    argv = [*task.tools.require(task.tool).argv, *arguments]
    return (yield from follow(task, argv, told, silence_limit_s=silence_limit_s))


def follow(
    task: Task,
    argv: Sequence[str],
    told: Callable[[str], Event | None],
    *,
    silence_limit_s: float = 3600.0,
    name: str = "",
) -> Generator[Event, None, str]:
    """As `run_tool`, for a whole command; `name` is that of a tool which starts the task's own."""
    words = _Words()
    yield LogOpened("infer", str(task.log))
    with process.stream(
        argv,
        cwd=task.folder,
        environment=task.tools.environment,
        cancel=task.cancel,
        log=task.log,
        silence_limit_s=silence_limit_s,
    ) as output:
        for line in output:
            event = words.add(line[:_LINE_CHARS]) or told(line)
            if event is not None:
                yield event
    if output.exit.code:
        raise failure(task, words.text, output.exit.code, name=name)
    return words.text


def _explained(task: Task, text: str, code: int | None = None) -> Explanation:
    """What a log says. That of benchmark is no performance file where it failed."""
    tool = "unknown" if task.tool == "benchmark" else task.tool
    return explain(text, exit_code=code, tool=tool)


def _first_complaint(text: str) -> str:
    found = _ERROR.search(text)
    return last_words(found[1]) if found else ""


def failure(task: Task, text: str, code: int | None = None, *, name: str = "") -> ConsoleError:
    """What a tool's last words mean: ToolFailed, or BackendUnavailable for device and set-up."""
    found = _explained(task, text, code)
    cause, cause_zh = (found.cause(lang) or found.message(lang) for lang in ("en", "zh"))
    said = found.said or _first_complaint(text) or f"exit code {code}"
    if found.codes:
        said = f"{' '.join(found.codes[:_MOST_CODES])}: {said}"
    remedies, remedies_zh = (
        " ".join(found.remedies(lang)[:_MOST_REMEDIES]) for lang in ("en", "zh")
    )
    cause_id = found.cause_id or ""
    if cause_id in UNAVAILABLE:
        return BackendUnavailable(
            "ascend.infer_unavailable",
            "{tool} cannot run on device {device}: {cause} ({said})",
            hint="{remedies} What it printed is in {log}.",
            tool=name or task.tool,
            device=task.device,
            cause=cause,
            cause_zh=cause_zh,
            cause_id=cause_id,
            said=said,
            remedies=remedies,
            remedies_zh=remedies_zh,
            log=task.log,
        )
    return ToolFailed(
        "ascend.infer_failed",
        "{tool} failed: {cause} ({said})",
        hint="{remedies} What it printed is in {log}.",
        tool=name or task.tool,
        cause=cause,
        cause_zh=cause_zh,
        cause_id=cause_id,
        said=said,
        remedies=remedies,
        remedies_zh=remedies_zh,
        log=task.log,
    )


def without_figures(task: Task, text: str, file: str) -> ConsoleError:
    """The error of a tool that ended with 0 and did not write the file with its figures.

    `msit` ends with 0 whatever happened, so its words are read first.
    """
    if _explained(task, text).outcome == "failure":
        return failure(task, text)
    return ToolFailed(
        "ascend.no_figures",
        "{tool} ended without a complaint and did not write {file}",
        hint="Run it again; what it printed is in {log}.",
        tool=task.tool,
        file=file,
        log=task.log,
    )


def unreadable_figures(task: Task, path: Path, reason: str) -> ToolFailed:
    """The error of a file of figures that is cut or damaged."""
    return ToolFailed(
        "ascend.bad_figures",
        "the figures of {tool} in {file} cannot be used: {reason}",
        hint="Run it again, with enough space on the disk; what it printed is in {log}.",
        tool=task.tool,
        file=path.name,
        reason=reason,
        log=task.log,
    )


def doubted(task: Task, doubts: Sequence[Advice]) -> tuple[Finding, ...]:
    """Findings that say why figures are not believed, one for each contradiction."""
    return tuple(
        finding(
            "ascend.doubt",
            "bs{batch}: the figures of {tool} contradict themselves: {doubt}",
            "Measure again on an idle device; what it printed is in {log}.",
            batch=task.batch_size,
            tool=task.tool,
            doubt=doubt.cause_en,
            log=task.log,
        )
        for doubt in doubts
    )
