"""benchmark.x86_64 and benchmark.aarch64: flags, performance files, results in text.

Its latency is per sample, its modules' latency per call; `Interface throughputRate` is the rate
of the chip alone, and the one that the guides report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ascend_console.ascend.advice import Advice
from ascend_console.ascend.log_text import NUMBER, count, figure, log_lines
from ascend_console.core.errors import UserError

MODEL_TYPES = ("vision", "nmt", "widedeep", "nlp", "yolocaffe", "bert", "deepfm")

StageName = Literal["data read", "preprocess", "infer", "post"]

_SECTION = re.compile(
    r"\[\s*(e2e|data\s+read|preprocess|infer(?:ence)?|post(?:\s?process)?)\s*\]", re.IGNORECASE
)
_ENTRY = re.compile(
    rf"(Interface\s+throughputRate|throughputRate|moduleLatency|latency)\s*[:=]\s*"
    rf"(?:({NUMBER})(?=\s|$|\[|,(?![0-9]))|(\S*))"
)
_OLD_LABELS = {"inference": "infer", "postprocess": "post", "post process": "post"}
_WIDE = str.maketrans("，：；", ",:;")
_ROUND = re.compile(rf"Dataset number: ([0-9]{{1,9}}) finished cost ({NUMBER})ms\b")
_SAVED = re.compile(r"PureInfer_perf_of_(.{1,200}?)_in_device_([0-9]{1,4})\.txt")
_BATCH_IN_NAME = re.compile(r"(?:^|_)bs([0-9]{1,5})(?=_|$)")
_AVERAGE = re.compile(
    rf"ave_throughputRate\s*[:=]\s*({NUMBER})samples/s,\s*ave_latency\s*[:=]\s*({NUMBER})ms\b"
)
_PERF_NAME = re.compile(r"perf_([a-z]{1,20})_batchsize_([0-9]{1,6})_device_([0-9]{1,4})\.txt")
_RESULT_NAME = re.compile(r"(.+)_([0-9]{1,4})\.(txt|bin)", re.DOTALL)
_VALUE = re.compile(rf"{NUMBER}|[-+]?(?:nan|inf)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRequest:
    """One run over a data set, or, with `rounds`, over random data."""

    om: str
    batch_size: int
    device: int = 0
    info: str = ""
    model_type: str = "vision"
    width: int | None = None
    height: int | None = None
    output_binary: bool = False
    use_dvpp: bool = False
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A module of the pipeline: samples (post: batches) a second, ms a call."""

    rate: float
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfFile:
    """A `perf_…_batchsize_…_device_….txt`; `elapsed_ms` is the time of the whole run."""

    e2e_rate: float
    elapsed_ms: float
    data_read: Stage
    preprocess: Stage
    infer: Stage
    post: Stage
    interface_rate: float

    @property
    def images(self) -> float:
        """How many inputs the run had, by its own figures; rounded as they are."""
        return self.e2e_rate * self.elapsed_ms / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PureInference:
    """A run on random data: cost of each round in ms a batch, averages per sample."""

    rounds: tuple[tuple[int, float], ...]
    rate: float
    latency_ms: float
    om_stem: str | None
    device: int | None


def _refused(text_id: str, message: str, hint: str, **values: object) -> UserError:
    return UserError(f"benchmark.{text_id}", message, hint=hint, **values)


def program_name(machine: str) -> str:
    """The program for `uname -m`; UserError for a machine that has none."""
    if machine not in ("x86_64", "aarch64"):
        raise _refused("machine", "there is no benchmark tool for a {machine!r} machine",
                       "Use --infer-tool ais_bench, or run on x86_64 or aarch64.",
                       machine=machine)  # fmt: skip
    return f"benchmark.{machine}"


def benchmark_argv(request: BenchmarkRequest) -> list[str]:
    """The arguments after the program, in the order of the guides; UserError for what it refuses.

    It writes into `./result`, so it wants a folder of its own to run in.
    """
    if request.batch_size < 1 or not 0 <= request.device <= 255:
        raise _refused("numbers", "batch size {batch} or device {device} is no possible number",
                       "A batch size is at least 1, a device 0 to 255.",
                       batch=request.batch_size, device=request.device)  # fmt: skip
    base = [f"-device_id={request.device}", f"-batch_size={request.batch_size}",
            f"-om_path={request.om}"]  # fmt: skip
    if request.rounds is not None:
        if request.rounds < 1 or request.info:
            raise _refused("rounds", "rounds of random data go without a list of inputs, from 1 on",
                           "Leave the list out, or the rounds.")  # fmt: skip
        return [*base, f"-round={request.rounds}"]
    if request.model_type not in MODEL_TYPES:
        raise _refused("model_type", "benchmark knows no model type {kind!r}",
                       "Choose one of: {known}.",
                       kind=request.model_type, known=", ".join(MODEL_TYPES))  # fmt: skip
    if not request.info:
        raise _refused("info", "benchmark needs a list of inputs",
                       "Make one with `ascend-console preprocess --info FILE`.")  # fmt: skip
    argv = [f"-model_type={request.model_type}", *base, f"-input_text_path={request.info}"]
    if request.model_type in ("vision", "yolocaffe"):
        if not request.width or not request.height or min(request.width, request.height) < 1:
            raise _refused("size", "a vision model needs the width and height of its input",
                           "Give both in pixels.")  # fmt: skip
        argv += [f"-input_width={request.width}", f"-input_height={request.height}"]
    return [*argv, f"-output_binary={request.output_binary}", f"-useDvpp={request.use_dvpp}"]


def _bad(reason: str) -> UserError:
    return UserError(
        "benchmark.perf_file",
        "the performance file cannot be read: {reason}",
        hint="Run the inference again, or check the file that you copied.",
        reason=reason,
    )


def _entries(name: str, body: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for match in _ENTRY.finditer(body):
        key = "interface" if match[1].startswith("Interface") else match[1]
        value = figure(match[2])
        if value is None or value <= 0:
            shown = (match[2] or match[3])[:40]
            raise _bad(f"[{name}] {key} is {shown!r}")
        if key in found:
            raise _bad(f"[{name}] gives {key} twice")
        found[key] = value
    return found


def _sections(text: str) -> dict[str, dict[str, float]]:
    parts = _SECTION.split("\n".join(log_lines(text)).translate(_WIDE))
    found: dict[str, dict[str, float]] = {}
    for label, body in zip(parts[1::2], parts[2::2], strict=True):
        short = " ".join(label.lower().split())
        name = _OLD_LABELS.get(short, short)
        if name in found:
            raise _bad(f"[{name}] stands there twice: it is more than one file")
        found[name] = _entries(name, body)
    return found


def parse_perf(text: str) -> PerfFile:
    """A performance file, as written or as guides quote it.

    Labels of both tool ages, exponents, full-width commas, missing commas and lost line ends are
    taken; a figure that is missing, repeated or no number is a UserError.
    """
    sections = _sections(text)

    def value(section: str, key: str) -> float:
        if key not in sections.get(section, {}):
            raise _bad(f"[{section}] has no {key}")
        return sections[section][key]

    def stage(section: str) -> Stage:
        return Stage(value(section, "throughputRate"), value(section, "moduleLatency"))

    return PerfFile(
        e2e_rate=value("e2e", "throughputRate"),
        elapsed_ms=value("e2e", "latency"),
        data_read=stage("data read"),
        preprocess=stage("preprocess"),
        infer=stage("infer"),
        post=stage("post"),
        interface_rate=value("infer", "interface"),
    )


def format_perf(perf: PerfFile) -> str:
    """The text of a performance file in the layout of the newer tool (ascend-tools.md 3.4)."""

    def stage(label: str, figures: Stage, interface: str = "") -> str:
        rate, latency = f"{figures.rate:g}", f"{figures.latency_ms:g}"
        return f"[{label}] throughputRate: {rate}, {interface}moduleLatency: {latency}"

    lines = (
        f"[e2e] throughputRate: {perf.e2e_rate:g}, latency: {perf.elapsed_ms:g}",
        stage("data read", perf.data_read),
        stage("preprocess", perf.preprocess),
        stage("infer", perf.infer, f"Interface throughputRate: {perf.interface_rate:g}, "),
        stage("post", perf.post),
    )
    return "\n".join(lines) + "\n"


def split_perf(text: str) -> tuple[str, ...]:
    """The performance files of a text, each from its `[e2e]` on."""
    starts = [found.start() for found in re.finditer(r"\[\s*e2e\s*\]", text)]
    ends = [*starts[1:], len(text)]
    return tuple(text[start:end] for start, end in zip(starts, ends, strict=False))


def perf_batch(perf: PerfFile) -> int | None:
    """The batch size behind a file, by its rates; None where they do not tell."""
    exact = perf.infer.rate / perf.post.rate
    whole = round(exact) if exact < 1e6 else 0
    told = whole >= 1 and abs(exact - whole) <= _BATCH_SHARE * whole
    return whole if told and perf.images >= _MANY_IMAGES else None


_LATENCY_SHARE = 0.005
_PURE_SHARE = 0.1
_BATCH_SHARE = 0.01
_MANY_IMAGES = 1000
_PRINTED_SHARE = 1e-4


def perf_doubts(perf: PerfFile, batch_size: int, images: int | None = None) -> tuple[Advice, ...]:
    """How a performance file contradicts itself; nothing where it can be believed.

    Rate x time = inputs; 1000 / rate = latency of a stage within 0.5 %; no stage is slower than
    the whole; from 1,000 inputs on the rate of post x batch is that of infer within 1 %. The ids
    are perf.images, perf.latency, perf.slower and perf.batch.
    """
    found: list[Advice] = []
    if images is not None and abs(perf.images - images) > max(0.5, _PRINTED_SHARE * images):
        found.append(Advice(
            "perf.images",
            f"e2e rate x latency is {perf.images:.0f} inputs, and the data set has {images}",
            f"e2e 吞吐率与 latency 之积为 {perf.images:.0f} 个输入，而数据集有 {images} 个",
        ))  # fmt: skip
    for name, stage in _stages(perf):
        expected = 1000 / stage.rate
        if name != "infer" and abs(stage.latency_ms - expected) > _LATENCY_SHARE * expected:
            found.append(Advice(
                "perf.latency",
                f"{name}: 1000 / {stage.rate:g} is {expected:.4g} ms, not {stage.latency_ms:g} ms",
                f"{name}：1000 / {stage.rate:g} 为 {expected:.4g} ms，而不是 "
                f"{stage.latency_ms:g} ms",
            ))  # fmt: skip
        rate = stage.rate * batch_size if name == "post" else stage.rate
        if rate < perf.e2e_rate * (1 - _PRINTED_SHARE):
            found.append(Advice(
                "perf.slower",
                f"{name}: {rate:.6g}/s is below the whole run's {perf.e2e_rate:g}/s",
                f"{name}：{rate:.6g}/s 低于整体的 {perf.e2e_rate:g}/s",
            ))  # fmt: skip
    after = perf.post.rate * batch_size
    apart = abs(after - perf.infer.rate) > _BATCH_SHARE * perf.infer.rate
    if apart and perf.images >= _MANY_IMAGES:
        found.append(Advice(
            "perf.batch",
            f"post x batch is {after:.6g}/s, and infer {perf.infer.rate:g}/s",
            f"post 与 batch 之积为 {after:.6g}/s，而 infer 为 {perf.infer.rate:g}/s",
        ))  # fmt: skip
    return tuple(found)


def _stages(perf: PerfFile) -> tuple[tuple[StageName, Stage], ...]:
    return (("data read", perf.data_read), ("preprocess", perf.preprocess),
            ("infer", perf.infer), ("post", perf.post))  # fmt: skip


def parse_pure(text: str) -> tuple[PureInference, ...]:
    """The runs on random data in a log or a `PureInfer_perf_of_….txt`; UserError where none is."""
    found: list[PureInference] = []
    rounds: list[tuple[int, float]] = []
    saved: re.Match[str] | None = None
    for line in log_lines(text):
        if match := _ROUND.search(line):
            rounds.append((int(match[1]), _above_zero(match[2], line)))
        elif match := _SAVED.search(line):
            saved = match
        elif "ave_throughputRate" in line:
            average = _AVERAGE.search(line.translate(_WIDE))
            if average is None:
                raise _bad(f"{line[:80]!r} has no figures")
            found.append(
                PureInference(
                    rounds=tuple(rounds),
                    rate=_above_zero(average[1], line),
                    latency_ms=_above_zero(average[2], line),
                    om_stem=saved[1] if saved else None,
                    device=count(saved[2]) if saved else None,
                )
            )
            rounds, saved = [], None
    if not found:
        raise _bad("it has no ave_throughputRate")
    return tuple(found)


def pure_batch(run: PureInference) -> int | None:
    """The batch size in the om's name, unless the cost of the rounds speaks against it."""
    named = _BATCH_IN_NAME.search(run.om_stem or "")
    if named is None or int(named[1]) == 0:
        return None
    batch = int(named[1])
    if run.rounds:
        mean_ms = sum(cost for _, cost in run.rounds) / len(run.rounds)
        seen = max(1, round(mean_ms / run.latency_ms))
        return batch if abs(seen - batch) <= batch / 4 else None
    return batch


def pure_doubts(run: PureInference) -> tuple[Advice, ...]:
    """A finding where rate and latency of random data do not belong together.

    Both are averages over rounds, so unsteady rounds set them apart by some percent.
    """
    if abs(run.rate * run.latency_ms - 1000) <= _PURE_SHARE * 1000:
        return ()
    return (
        Advice(
            "perf.pure",
            f"ave_latency {run.latency_ms:g} ms is not 1000 / {run.rate:g}",
            f"ave_latency {run.latency_ms:g} ms 不等于 1000 / {run.rate:g}",
        ),
    )


def _above_zero(text: str, line: str) -> float:
    value = figure(text)
    if value is None or value <= 0:
        raise _bad(f"{line[:80]!r} has a figure that is no time or rate")
    return value


def perf_name(batch_size: int, device: int, model_type: str = "vision") -> str:
    """The name of the performance file of a run."""
    return f"perf_{model_type}_batchsize_{batch_size}_device_{device}.txt"


def read_perf_name(name: str) -> tuple[str, int, int] | None:
    """Model type, batch size and device in the name of a performance file; None for others."""
    found = _PERF_NAME.fullmatch(name)
    return (found[1], int(found[2]), int(found[3])) if found else None


def read_result_name(name: str) -> tuple[str, int] | None:
    """The input's stem and the output's number, from 1, in a result's name; None for others."""
    found = _RESULT_NAME.fullmatch(name)
    return (found[1], int(found[2])) if found and int(found[2]) > 0 else None


def parse_text_result(text: str) -> tuple[tuple[float, ...], ...]:
    """The rows of a result in text; nan and inf are kept, since models make them.

    UserError for an empty file, a word that is no number, and rows of different lengths. The tool
    writes integer outputs of 64 bits as zeros, so those need `-output_binary=True`.
    """
    rows = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        words = line.split()
        for word in words:
            if not _VALUE.fullmatch(word):
                raise _refused("result", "line {number} of the result holds {word!r}",
                               "Run the inference again.", number=number,
                               word=word[:40])  # fmt: skip
        if words:
            rows.append(tuple(map(float, words)))
    if not rows or len({len(row) for row in rows}) > 1:
        raise _refused("result_shape", "the result is empty, or its rows differ in length",
                       "Run the inference again; the disk may be full.")  # fmt: skip
    return tuple(rows)
