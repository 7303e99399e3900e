"""A saved log of any of the tools: what happened, why, and what to do about it.

The order of search: how the process ended, the first coded message, return codes, signs in the
words, and what the tool's own verdict says. The same function explains failures inside runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.ascend import error_remedies as fix
from ascend_console.ascend.acl import acl_code
from ascend_console.ascend.advice import Advice
from ascend_console.ascend.ais_bench_output import looks_like_summary
from ascend_console.ascend.error_blocks import blamed_operators, error_blocks
from ascend_console.ascend.error_codes import code_advice
from ascend_console.ascend.error_signs import exit_advice, find_signs
from ascend_console.ascend.log_text import last_words, log_lines
from ascend_console.ascend.npu_smi_errors import dcmi_advice
from ascend_console.ascend.readings import LogWarning, Reading, read_log

if TYPE_CHECKING:
    from ascend_console.ascend.atc_output import Outcome
    from ascend_console.ascend.error_blocks import ErrorBlock, Operator
    from ascend_console.ascend.error_signs import Sign
    from ascend_console.ascend.performance import Performance
    from ascend_console.ascend.readings import Tool

_MOST_REMEDIES = 8

# One point for each mark that a text bears; the tool with most points printed it.
_MARKS: dict[Tool, tuple[re.Pattern[str], ...]] = {
    "atc": tuple(map(re.compile, (
        r"ATC start working now", r"ATC run (?:success|failed)", r"\batc(?:\.bin)?: ",
        r"\(\d+,atc(?:\.bin)?\)", r"usage: atc\b", r"ATC model parse", r"Display Model Info start",
    ))),
    "ais_bench": tuple(map(re.compile, (
        r"NPU_compute_time", r"throughput \(?1000\*batchsize", r"Inference \w+ Processing",
        r"filesperbatch", r"try get model batchsize", r"\baclruntime\b",
        r"ais[ _]bench[\w ]{0,20}/|ais_bench: |-m ais_bench", r"save out files error",
        r"multidevice run|energy consumption\(J\)",
        r"arg0 tensorsize", r"\[DEBUG\] session info", r"\[INFO\] -+Performance Summary",
        r"load model from file failed, model file is", r"\[I\] === Performance summary",
        r"\[INFO\] acl init success", r"TensorBufferCopy",
    ))),
    "benchmark": tuple(map(re.compile, (
        r"\[e2e\]\s*throughputRate", r"Interface throughputRate", r"ave_throughputRate",
        r"PureInfer", r"benchmark\.(?:x86_64|aarch64)",
    ))),
    "msame": tuple(map(re.compile, (
        r"Execute sample success|Sample process failed", r"Inference average time",
        r"Inference time:", r"get run mode success", r"create stream success", r"\bmsame\b",
        r"get (?:max dynamic batch size|input dynamic gear count) success",
    ))),
    "npu-smi": tuple(map(re.compile, (
        r"npu-smi[: ]", r"\| {0,9}NPU +(?:ID|Name)\b", r"dcmi mod(?:ule|el) initial",
        r"(?m)^[ \t]{0,40}NPU ID {2,}", r"(?m)^[ \t]{0,40}Health(?: Status)? +: ",
        r"does not support querying", r"Invalid card id", r"No running processes found in NPU",
        r"DrvMngGetConsoleLogLevel", r"NpuID\(Idx\)",
        r"(?m)^[ \t]{0,40}[A-Z][\w ()/%-]{1,40} : ",
        r"(?m)^[ \t]{0,40}Process id ?:\s?\d+ +Process name",
    ))),
}  # fmt: skip

_RUNTIME = re.compile(
    r"torch.?npu|\baclrt\w|\brt[A-Z]\w{1,60} execute failed|ACL_ERROR|NPU error|\bAclNN_"
)
_BUILD_FAMILIES = ("E1", "E2", "E4", "E5", "E6", "E7", "E8", "E9", "EA", "EB", "EZ")
_NUMBER = re.compile(r"(?<![0-9.\-])(?:[1-5][0-9]{5}|-8[0-9]{3})(?![0-9A-Za-z])(?!\.[0-9])")
# A number is a return code only behind words that announce one: logs are full of six digits.
_ANNOUNCED = re.compile(
    r"(?:\bret(?:urn)?(?: ?code)?|error ?code|\berror|\bresul ?t|\bfailure|\bcode)\s{0,3}"
    r"(?:[=:\[]|is\b)?\s{0,3}\[?$",
    re.IGNORECASE,
)
_ANNOUNCEMENT = 40
_USAGE = re.compile(r"^usage: ", re.MULTILINE | re.IGNORECASE)
# The tool shows itself at the beginning and at the end of a log.
_SHOWN = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a log says. `findings` are causes with remedies, the most telling first.

    `said` are the tool's own words, empty where it printed none that matter.
    """

    tool: Tool
    outcome: Outcome
    code: str | None
    codes: tuple[str, ...]
    said: str
    findings: tuple[Advice, ...]
    warnings: tuple[LogWarning, ...]
    operators: tuple[Operator, ...]
    vendor_cause: str
    vendor_solution: str
    performance: Performance | None

    @property
    def cause_id(self) -> str | None:
        """The id of the cause, for scripts; None where none is known."""
        return self.findings[0].id if self.findings else None

    def message(self, lang: str = "en") -> str:
        """What happened: in the tool's words, which are not translated, else in ours."""
        return self.said or _OUTCOMES[self.outcome][lang == "zh"]

    def cause(self, lang: str = "en") -> str | None:
        """Why it happened; None where nothing tells."""
        return self.findings[0].cause(lang) if self.findings else None

    def remedies(self, lang: str = "en") -> tuple[str, ...]:
        """What to do, the most promising first; of all findings, each once."""
        every = [remedy for finding in self.findings for remedy in finding.remedies(lang)]
        return tuple(dict.fromkeys(every))[:_MOST_REMEDIES]

    def document(self) -> dict[str, Any]:
        """The external form, in English; `cause_id` is the key to other languages."""
        return {
            "tool": self.tool,
            "outcome": self.outcome,
            "code": self.code,
            "codes": list(self.codes),
            "message": self.message(),
            "cause_id": self.cause_id,
            "cause": self.cause(),
            "remedies": list(self.remedies()),
            "warnings": [{"code": item.code, "message": item.text()} for item in self.warnings],
            "operators": [
                {"name": item.name or None, "type": item.type, "opset": item.opset}
                for item in self.operators
            ],
            "vendor": {
                "possible_cause": self.vendor_cause or None,
                "solution": self.vendor_solution or None,
            },
            "performance": self.performance.document() if self.performance else None,
        }


_OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "success": ("it ended well", "执行成功"),
    "failure": ("it failed", "执行失败"),
    "unknown": ("the log has no verdict", "日志没有结论"),
}

_NO_VERDICT = Advice(
    "explain.no_verdict",
    "the log ends without a verdict and without a complaint: the tool was stopped, or goes on",
    "日志没有结论也没有报错：工具被中止，或仍在运行",
    (fix.PLOG[0], "Run it again and save everything that it prints: COMMAND > FILE 2>&1"),
    (fix.PLOG[1], "重新运行并保存全部输出：命令 > 文件 2>&1"),
)
_UNCODED = Advice(
    "explain.uncoded",
    "the tool failed and printed neither a code nor words that are known here",
    "工具失败，但没有输出错误码或已知的提示",
    (fix.PLOG[0], fix.DOCTOR[0]),
    (fix.PLOG[1], fix.DOCTOR[1]),
)
_HELP_TEXT = Advice(
    "explain.help",
    "the text is the tool's help: nothing was run",
    "文本是工具的帮助信息，没有执行任何任务",
    ("Give the log of a run, or of a conversion.",),
    ("请提供转换或推理的日志。",),
)
_FOREIGN = Advice(
    "explain.foreign",
    "the text is of none of the tools that are known here",
    "文本不是已知工具的输出",
    (
        "Give the log of atc, ais_bench, benchmark, msame, npu-smi or the ACL runtime.",
        "Save everything that the tool prints: COMMAND > FILE 2>&1",
    ),
    ("请提供 atc、ais_bench、benchmark、msame、npu-smi 或 ACL 运行时的日志。",
     "保存工具的全部输出：命令 > 文件 2>&1"),
)  # fmt: skip


def detect_tool(text: str, blocks: tuple[ErrorBlock, ...] = ()) -> Tool:
    """The tool that printed a text; error blocks alone are told apart by their families."""
    if len(text) > 2 * _SHOWN:
        text = text[:_SHOWN] + "\n" + text[-_SHOWN:]
    marks = {tool: sum(mark.search(text) is not None for mark in found)
             for tool, found in _MARKS.items()}  # fmt: skip
    best = max(marks, key=lambda tool: marks[tool])
    if marks[best]:
        return best
    if looks_like_summary(text):
        return "ais_bench"
    headline = next((block.code for block in blocks if not block.is_warning), "")
    if headline.startswith(_BUILD_FAMILIES) and not _RUNTIME.search(text):
        return "atc"
    coded = headline or _return_codes(text)
    return "acl" if coded or _RUNTIME.search(text) else "unknown"


def _return_codes(text: str) -> tuple[tuple[str, Advice], ...]:
    """Known return codes as printed, each once, with their advice."""
    found: dict[str, Advice] = {}
    for match in _NUMBER.finditer(text):
        code = match[0]
        if code in found:
            continue
        before = text[max(0, match.start() - _ANNOUNCEMENT) : match.start()]
        if _ANNOUNCED.search(before) is None:
            continue
        known = acl_code(int(code)) if code[0] != "-" else None
        advice = known.advice if known else dcmi_advice(int(code))
        if advice is not None:
            found[code] = advice
    return tuple(found.items())


def _findings(
    reading: Reading,
    blocks: tuple[ErrorBlock, ...],
    returned: tuple[tuple[str, Advice], ...],
    signs: tuple[Sign, ...],
    exit_code: int | None,
) -> list[Advice]:
    """Causes in the order of trust. A wide code says less than a sign or a return code."""
    narrow: list[Advice] = []
    wide: list[Advice] = []
    for code in dict.fromkeys(block.code for block in blocks):
        known = code_advice(code)
        if known:
            (wide if known.is_wide else narrow).append(known.advice)
    ended = exit_advice(exit_code) if exit_code else None
    read = [reading.advice] if reading.advice else []
    numbers = [advice for _, advice in returned]
    found = [*([ended] if ended else []), *narrow, *read, *(sign.advice for sign in signs),
             *numbers, *wide]  # fmt: skip
    return list({advice.id: advice for advice in found}.values())


def _outcome(
    reading: Reading, coded: bool, signs: tuple[Sign, ...], exit_code: int | None, tool: Tool
) -> Outcome:
    if exit_code:
        return "failure"
    if reading.outcome == "success" and tool in ("atc", "npu-smi"):
        return "success"
    if coded or reading.outcome == "failure":
        return "failure"
    if reading.outcome == "unknown" and any(sign.is_fatal for sign in signs):
        return "failure"
    return reading.outcome


def _said(
    outcome: Outcome, errors: tuple[ErrorBlock, ...], signs: tuple[Sign, ...], reading: Reading
) -> str:
    if errors:
        return last_words(errors[0].message or errors[0].title or errors[0].code)
    if reading.complaint:
        return last_words(reading.complaint)
    if signs and outcome != "success":
        return last_words(signs[0].line)
    return ""


def _fallback(tool: Tool, outcome: Outcome, text: str) -> list[Advice]:
    """What to say where nothing was found."""
    if outcome == "success":
        return []
    if outcome == "failure":
        return [_UNCODED]
    if tool == "unknown":
        return [_FOREIGN]
    return [_HELP_TEXT if _USAGE.search(text) else _NO_VERDICT]


def explain(text: str, *, exit_code: int | None = None, tool: Tool | None = None) -> Explanation:
    """Read a log. `exit_code` and `tool` are given where they are known, as inside a run.

    An explanation of any text: what cannot be read makes it poorer, and never wrong.
    """
    lines = log_lines(text)
    clean = "\n".join(lines)
    blocks = error_blocks(lines)
    tool = tool or detect_tool(clean, blocks)
    errors = tuple(block for block in blocks if not block.is_warning)
    reading = read_log(tool, clean)
    returned = _return_codes(clean)
    signs = find_signs(clean)
    bad_number = bool(returned) and reading.outcome == "unknown"
    outcome = _outcome(reading, bool(errors) or bad_number, signs, exit_code, tool)
    answered = tool == "npu-smi" and outcome == "success"
    if outcome == "success":
        # What stood there on the way to a success is no cause of anything.
        signs, returned = (), ()
    findings = [] if answered else _findings(reading, blocks, returned, signs, exit_code)
    lettered = list(dict.fromkeys(block.code for block in errors))
    codes = [] if answered else [*lettered, *(code for code, _ in returned)]
    warned = [LogWarning(block.code, block.message) for block in blocks if block.is_warning]
    warned += reading.warnings
    return Explanation(
        tool=tool,
        outcome=outcome,
        code=codes[0] if codes else None,
        codes=tuple(codes),
        said=_said(outcome, errors, signs, reading),
        findings=tuple(findings or _fallback(tool, outcome, clean)),
        warnings=tuple(replace(item, english=last_words(item.english)) for item in warned),
        operators=blamed_operators(blocks),
        vendor_cause=errors[0].possible_cause if errors else "",
        vendor_solution=errors[0].solution if errors else "",
        performance=reading.performance
        if reading.performance is not None and reading.performance.is_known
        else None,
    )
