"""What ais_infer and ais_bench leave on disk: result names by generation, and the summary."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.ais_bench import at_least
from ascend_console.ascend.log_text import log_lines
from ascend_console.ascend.performance import Timing, derived_batch
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from ascend_console.ascend.ais_bench import Generation

_NO_JSON = "it is no JSON"

PURE_STEM = "pure_infer_data"
PADDING_FILE = "padding_infer_fake_file"

_KEYS = {"min": "min_ms", "max": "max_ms", "mean": "mean_ms", "median": "median_ms",
         "percentile(99%)": "p99_ms"}  # fmt: skip
_PARTS = ("NPU_compute_time", "H2D_latency", "D2H_latency", "throughput")
_FIRST_KEY = re.compile(
    r'"(?:filesinfo|NPU_compute_time|H2D_latency|D2H_latency|throughput|args|pid)"\s*:'
)
_SAMPLE = re.compile(r"(?:sample_id_|input)([0-9]{1,9})_output_([0-9]{1,4})\.(bin|npy|txt)", re.I)
_STEM = re.compile(r"(.+)_([0-9]{1,4})\.(bin|npy|txt)", re.I | re.S)


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """The files of one sample: inputs in the order of the model's, outputs in theirs."""

    index: int
    infiles: tuple[str, ...]
    outfiles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AisBenchSummary:
    """A summary file. `compute_list_ms` is empty in generations that kept no samples."""

    compute: Timing | None
    h2d: Timing | None
    d2h: Timing | None
    throughput: float | None
    compute_list_ms: tuple[float, ...] = ()
    files: tuple[SampleFiles, ...] = ()
    args: tuple[str, ...] = ()

    @property
    def batch_size(self) -> int | None:
        """The batch size behind the throughput, None where it cannot be told."""
        return derived_batch(self.throughput, self.compute.mean_ms if self.compute else None)


def stem(path: str) -> str:
    """A file's name up to the first dot, as the tool names results after inputs."""
    return path.rsplit("/", 1)[-1].split(".", 1)[0]


def result_name(
    generation: Generation, *, sample: int, first_input: str, output: int, suffix: str
) -> str:
    """The name of one result file; `sample` and `output` count from 0, `suffix` has no dot."""
    if generation == "A":
        return f"sample_id_{sample}_output_{output}.{suffix}"
    if generation == "B":
        return f"input{sample}_output_{output}.{suffix}"
    return f"{stem(first_input)}_{output}.{suffix}"


def read_result_name(name: str, generation: Generation) -> tuple[int | str, int] | None:
    """Sample number (A, B) or stem (C and later) and output number of a file; None for others."""
    pattern = _STEM if at_least(generation, "C") else _SAMPLE
    found = pattern.fullmatch(name)
    if found is None:
        return None
    return (found[1] if at_least(generation, "C") else int(found[1])), int(found[2])


def summary_places(folder: str) -> tuple[str, ...]:
    """Where the summary of a result folder may lie: inside it, or beside it since D."""
    folder = folder.rstrip("/")
    return (f"{folder}/sumary.json", f"{folder}_summary.json")


def device_folders(
    folder: str, devices: tuple[int, ...], generation: Generation
) -> tuple[str, ...]:
    """The result folder of each device of a run on several."""
    folder = folder.rstrip("/")
    numbered = at_least(generation, "F")
    return tuple(
        f"{folder}/device{device}_{index}" if numbered else f"{folder}/device{device}"
        for index, device in enumerate(devices)
    )


def _bad(reason: str) -> UserError:
    return UserError(
        "ais_bench.summary",
        "the summary of ais_bench cannot be read: {reason}",
        hint="Run the inference again into a fresh folder.",
        reason=reason,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _bad("it gives one key twice")
    return found


def _refuse_constant(text: str) -> Any:
    raise _bad(f"{text} stands for a figure")


def _load(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _bad(_NO_JSON) from error
    if not isinstance(document, dict):
        raise _bad("it is no JSON object")
    return document


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _bad(f"{name} is no number")
    if isinstance(value, int) and value.bit_length() > 60:
        raise _bad(f"{name} is out of bounds")
    if not math.isfinite(value) or value < 0:
        raise _bad(f"{name} is {value}")
    return float(value)


def _timing(document: dict[str, Any], name: str) -> Timing | None:
    part = document.get(name)
    if part is None:
        return None
    if not isinstance(part, dict):
        raise _bad(f"{name} holds no times")
    times = {field: _number(part[key], f"{name} {key}") for key, field in _KEYS.items()
             if key in part}  # fmt: skip
    count = _number(part["count"], f"{name} count") if "count" in part else None
    if count is not None and not count.is_integer():
        raise _bad(f"{name} count is {count}")
    return Timing(**times, count=None if count is None else int(count))


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _bad(f"{name} is no list of texts")
    return tuple(value)


def _files(document: dict[str, Any]) -> tuple[SampleFiles, ...]:
    part = document.get("filesinfo", {})
    if not isinstance(part, dict):
        raise _bad("filesinfo is no object")
    found: dict[int, SampleFiles] = {}
    for key, entry in part.items():
        if not re.fullmatch(r"[0-9]{1,9}", key) or not isinstance(entry, dict):
            raise _bad(f"filesinfo has an entry {key[:40]!r} that is none of a sample")
        index = int(key)
        if index in found:
            raise _bad(f"filesinfo has the sample {index} twice")
        infiles = _texts(entry.get("infiles"), "infiles")
        found[index] = SampleFiles(index, infiles, _texts(entry.get("outfiles"), "outfiles"))
    return tuple(found[index] for index in sorted(found))


def _compute_list(document: dict[str, Any]) -> tuple[float, ...]:
    part = document.get("npu_compute_time_list", [])
    if not isinstance(part, list):
        raise _bad("npu_compute_time_list is no list")
    # With several threads it holds pairs of start and end, which overlap: no times of one batch.
    if any(isinstance(item, list) for item in part):
        return ()
    return tuple(_number(item, "npu_compute_time_list") for item in part)


def _summary(document: dict[str, Any]) -> AisBenchSummary:
    throughput = document.get("throughput")
    return AisBenchSummary(
        compute=_timing(document, "NPU_compute_time"),
        h2d=_timing(document, "H2D_latency"),
        d2h=_timing(document, "D2H_latency"),
        throughput=None if throughput is None else _number(throughput, "throughput"),
        compute_list_ms=_compute_list(document),
        files=_files(document),
        args=_texts(document.get("args", []), "args"),
    )


def parse_summary(text: str) -> AisBenchSummary:
    """A `sumary.json` or `…_summary.json`; UserError for what is none, or holds no figures."""
    document = _load(text)
    if not any(name in document for name in (*_PARTS, "filesinfo")):
        raise _bad("it has none of the keys of a summary")
    return _summary(document)


def looks_like_summary(text: str) -> bool:
    """Whether a pasted text is a summary or a part of one, with or without its outer braces."""
    head = text.lstrip("\ufeff \t\r\n{")
    return _FIRST_KEY.match(head) is not None


def parse_summary_fragment(text: str) -> AisBenchSummary:
    """A summary as guides quote it: without an outer brace, or with only the last one."""
    body = "\n".join(log_lines(text)).strip().rstrip(",")
    attempts = [body, "{" + body, "{" + body + "}"]
    for attempt in attempts:
        try:
            return parse_summary(attempt)
        except UserError as error:
            if error.values["reason"] != _NO_JSON:
                raise
    raise _bad(_NO_JSON)
