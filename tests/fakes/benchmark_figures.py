"""The figures of the fake benchmark, from measured times, in the writing of each tool age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDE = str.maketrans({",": "，"})


@dataclass
class Stages:
    """Seconds that a run spent in each of its parts, and in all of them together."""

    images: int
    batch: int
    read_s: float = 0.0
    preprocess_s: float = 0.0
    infer_s: float = 0.0
    execute_s: float = 0.0
    post_s: float = 0.0
    total_s: float = 0.0


def _figures(stages: Stages, words: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    """Rates a second and ms: of a stage `rate, latency`, of inference with the chip's own rate.

    Post waits for inference, so both go at one pace; it is counted in batches.
    """
    images = stages.images
    e2e = images / stages.total_s
    paced = images / (stages.infer_s + stages.post_s)
    read, preprocess = images / stages.read_s, images / stages.preprocess_s
    post = paced / stages.batch
    executions = -(-images // stages.batch)
    chip = executions * stages.batch / stages.execute_s
    found = {
        "e2e": (e2e, 1000 * stages.total_s),
        "data read": (read, 1000 / read),
        "preprocess": (preprocess, 1000 / preprocess),
        "infer": (paced, chip, 1000 * stages.infer_s / images),
        "post": (post, 1000 / post),
    }
    if "wrong_rate" in words:
        found["e2e"] = (2 * e2e, 1000 * stages.total_s)
    if "wrong_latency" in words:
        found["post"] = (post, 2000 / post)
    if "slow_stage" in words:
        found["data read"] = (e2e / 2, 2000 / e2e)
    if "nan_perf" in words:
        found["infer"] = (paced, float("nan"), 1000 * stages.infer_s / images)
    return found


def perf_lines(stages: Stages, words: Mapping[str, str]) -> list[str]:
    """The lines of `perf_…_batchsize_…_device_….txt`."""
    figures = _figures(stages, words)
    colon = ":" if "no_blank" in words else ": "

    def pair(name: str, value: float) -> str:
        text = f"{value:.5e}" if "exponent" in words else f"{value:g}"
        return f"{name}{colon}{text}"

    e2e_rate, elapsed_ms = figures["e2e"]
    lines = [f"[e2e] {pair('throughputRate', e2e_rate)}, {pair('latency', elapsed_ms)}"]
    for name in ("data read", "preprocess", "infer", "post"):
        rate, *chip, latency_ms = figures[name]
        label = {"infer": "inference", "post": "postprocess"}.get(name, name)
        parts = [pair("throughputRate", rate)]
        parts += [pair("Interface throughputRate", value) for value in chip]
        parts.append(pair("moduleLatency", latency_ms))
        joined = ", ".join(parts)
        if chip and "no_comma" in words:
            joined = " ".join([", ".join(parts[:2]), parts[2]])
        lines.append(f"[{label if 'old_labels' in words else name}] {joined}")
    return [line.translate(_WIDE) for line in lines] if "full_width" in words else lines


def pure_lines(costs_ms: Sequence[float], batch: int) -> tuple[str, str]:
    """The averages per sample of rounds on random data: as printed, and as written to the file."""
    latency_ms = sum(costs_ms) / len(costs_ms) / batch
    rate = 1000 / latency_ms
    return (
        f"ave_throughputRate: {rate:g}samples/s, ave_latency: {latency_ms:g}ms",
        f"ave_throughputRate = {rate:g}samples/s, ave_latency = {latency_ms:g}ms",
    )
