"""What a run leaves: result files by generation, and the summary (ascend-tools.md section 2.5)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fakes.ais_bench_inputs import PADDING
from tests.fakes.ais_bench_options import at_least

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.fakes.ais_bench_inputs import Batch
    from tests.fakes.printing import Console

_FIGURES = {"min": np.min, "max": np.max, "mean": np.mean, "median": np.median,
            "percentile(99%)": lambda values: np.percentile(values, 99)}  # fmt: skip


@dataclass
class Measured:
    """What was measured, in ms; `intervals` of executions that ran side by side, in s."""

    compute_ms: list[float] = field(default_factory=list)
    h2d_ms: list[float] = field(default_factory=list)
    d2h_ms: list[float] = field(default_factory=list)
    intervals: list[tuple[float, float]] = field(default_factory=list)
    batchsizes: list[int] = field(default_factory=list)
    filesinfo: dict[int, dict[str, list[str]]] = field(default_factory=dict)

    def forget_times(self) -> None:
        """Drop what the warm-up measured."""
        for values in (self.compute_ms, self.h2d_ms, self.d2h_ms, self.intervals, self.batchsizes):
            values.clear()


def _write(path: str, values: NDArray[Any], outfmt: str, generation: str) -> None:
    """One file; text is added to what is there up to D, and replaces it from E on."""
    if outfmt == "NPY":
        np.save(path, values)
    elif outfmt == "BIN":
        values.tofile(path)
    else:
        form = "%f" if values.dtype.kind == "f" else "%d"
        with open(path, "w" if at_least(generation, "E") else "a", encoding="ascii") as stream:
            for row in values.reshape(-1, values.shape[-1]):
                stream.write("".join(f"{form % value} " for value in row) + "\n")


def _name(generation: str, sample: int, first: str, output: int, outfmt: str) -> str:
    suffix = outfmt.lower()
    if generation == "A":
        return f"sample_id_{sample}_output_{output}.{suffix}"
    if generation == "B":
        return f"input{sample}_output_{output}.{suffix}"
    return f"{os.path.basename(first).split('.')[0]}_{output}.{suffix}"


def save(
    outputs: Sequence[NDArray[Any]],
    folder: str,
    batch: Batch,
    args: Namespace,
    *,
    index: int,
    generation: str,
    filesinfo: dict[int, dict[str, list[str]]],
    console: Console,
) -> None:
    """The results of batch number `index`: a file for each input that was no filling."""
    axis = args.output_batchsize_axis
    count = len(batch[0])
    for number, output in enumerate(outputs):
        if count > 1 and (axis >= output.ndim or output.shape[axis] % count):
            console.error(f"save out files error array shape:{output.shape} filesinfo:{batch} "
                          f"files_count_perbatch:{count} ndata.shape{axis}:"
                          f"{output.shape[axis] if axis < output.ndim else None}")  # fmt: skip
            raise RuntimeError
        for place, values in enumerate(np.array_split(output, count, axis)):
            infiles = [column[place] for column in batch]
            if infiles[0] == PADDING:
                continue
            sample = index * count + place
            path = os.path.join(folder, _name(generation, sample, infiles[0], number, args.outfmt))
            entry = filesinfo.setdefault(sample, {"infiles": infiles, "outfiles": []})
            entry["outfiles"].append(path)
            _write(path, values, args.outfmt, generation)


def _timing(values: Sequence[float], generation: str) -> dict[str, float]:
    figures = {name: float(take(values)) if values else 0.0 for name, take in _FIGURES.items()}
    return {**figures, "count": len(values)} if at_least(generation, "D") else figures


def _shared_mean_ms(intervals: Sequence[tuple[float, float]]) -> float:
    """The time in which anything ran, per execution: what is left when they overlap."""
    busy_s, until_s = 0.0, float("-inf")
    for start_s, end_s in sorted(intervals):
        busy_s += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
    return 1000 * busy_s / len(intervals)


def mean_batch(measured: Measured, args: Namespace) -> float:
    """The batch size behind the throughput; a mean where every input had its own."""
    if measured.batchsizes:
        return sum(measured.batchsizes) / len(measured.batchsizes)
    batch: int = args.batchsize
    return batch


def summary_of(
    measured: Measured, args: Namespace, argv: Sequence[str], generation: str
) -> dict[str, Any]:
    """The document of the summary file."""
    parts = {
        "NPU_compute_time": _timing(measured.compute_ms, generation),
        "H2D_latency": _timing(measured.h2d_ms, generation),
        "D2H_latency": _timing(measured.d2h_ms, generation),
    }
    times: list[Any] = list(measured.compute_ms)
    if measured.intervals:
        times = [list(pair) for pair in measured.intervals]
        parts = {name: {"mean": part["mean"], "count": part["count"]}
                 for name, part in parts.items()}  # fmt: skip
        parts["NPU_compute_time"] = {
            "mean": _shared_mean_ms(measured.intervals), "count": len(times)
        }  # fmt: skip
    document = {
        "filesinfo": measured.filesinfo,
        "args": list(argv),
        **parts,
        "throughput": 1000 * mean_batch(measured, args) / parts["NPU_compute_time"]["mean"],
    }
    if at_least(generation, "D"):
        document |= {"npu_compute_time_list": times, "pid": os.getpid()}
    return document


def _figures_line(name: str, part: Mapping[str, float]) -> str:
    shown = ", ".join(f"{key} = {value}" for key, value in part.items() if key != "count")
    return f"{name} (ms): {shown}"


def report(
    document: Mapping[str, Any], batch: float, args: Namespace, generation: str, console: Console
) -> None:
    """The block of the log that the summary file repeats."""
    mean_ms, rate = document["NPU_compute_time"]["mean"], document["throughput"]
    with_copies = args.display_all_summary or not at_least(generation, "D")
    console.info("-----------------Performance Summary------------------")
    for name in ("H2D_latency", "NPU_compute_time", "D2H_latency"):
        if name == "NPU_compute_time" or with_copies:
            console.info(_figures_line(name, document[name]))
    if not at_least(generation, "C"):
        console.info(f"throughput (1000*batchsize/NPU_compute_time): {rate}")
    else:
        label = "batchsize.mean" if at_least(generation, "E") else "batchsize"
        console.info(f"throughput 1000*{label}({batch})/NPU_compute_time.mean({mean_ms}): "
                     f"{rate}")  # fmt: skip
    console.info("------------------------------------------------------")


def summary_path(folder: str, generation: str) -> str:
    """In the result folder up to C, beside it from D on."""
    if at_least(generation, "D"):
        return folder.rstrip("/") + "_summary.json"
    return os.path.join(folder, "sumary.json")


def write_summary(path: str | Path, document: Mapping[str, Any], words: Mapping[str, str]) -> None:
    """The file, or what a variant makes of it: absent, cut in half, or with NaN in it."""
    if "no_summary" in words or "no_summary_file" in words:
        return
    if "nan_summary" in words:
        compute = {**document["NPU_compute_time"], "mean": float("nan")}
        document = {**document, "NPU_compute_time": compute}
    text = json.dumps(document)
    if "truncated_summary" in words:
        text = text[: len(text) // 2]
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def damage_last(filesinfo: Mapping[int, Mapping[str, list[str]]], words: Mapping[str, str]) -> None:
    """The variants of the last result file: absent, or cut in half, though it is listed."""
    if not filesinfo or not {"missing_result", "cut_result"} & set(words):
        return
    path = filesinfo[max(filesinfo)]["outfiles"][-1]
    if "missing_result" in words:
        os.unlink(path)
    else:
        os.truncate(path, os.path.getsize(path) // 2)
