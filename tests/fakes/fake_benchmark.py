"""A test double of `benchmark.x86_64` and `benchmark.aarch64` (ascend-tools.md section 3).

It executes the ONNX inside a fake om with ONNX Runtime on one CPU thread, reads the inputs that an
`.info` file lists, and writes `./result`. FAKE_SOC is the chip of this machine.
Words of FAKE_BENCHMARK:

- runtime: `device_error`, `busy` (both `=N` for one device), `no_memory`, `wrong_soc`, `hang` (with
  `deaf`), `killed`, `crash`, `zeros`, `nan`, `half`; `lib` (the loader finds no library: exit 127)
- performance file: `old_labels`, `no_comma`, `no_blank`, `exponent`, `full_width` (its writing);
  `wrong_rate`, `wrong_latency`, `slow_stage` (it contradicts itself); `no_perf`, `cut_perf`,
  `nan_perf`
- pure inference: `equals` (the older words)
- results: `no_results`, `missing_result`, `cut_result` (the last one)
- `exit=N`: another exit code
"""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from tests.fakes import acting
from tests.fakes.benchmark_figures import Stages, perf_lines, pure_lines
from tests.fakes.om_session import WORDS as RUNTIME_WORDS
from tests.fakes.om_session import OmSession, Refused, altered, open_device
from tests.fakes.printing import Console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

WORDS = (*RUNTIME_WORDS, "lib", "old_labels", "no_comma", "no_blank", "exponent", "full_width",
         "wrong_rate", "wrong_latency", "slow_stage", "no_perf", "cut_perf", "nan_perf", "equals",
         "no_results", "missing_result", "cut_result", "exit")  # fmt: skip
MODEL_TYPES = ("vision", "nmt", "widedeep", "nlp", "yolocaffe", "bert", "deepfm")
_FLAGS = ("model_type", "batch_size", "device_id", "om_path", "input_text_path", "input_width",
          "input_height", "output_binary", "useDvpp", "round")  # fmt: skip
_FAILED = 1
_NO_LIBRARY = 127
_RULE = "-" * 64


class _Wrong(Exception):
    """What the tool complains of in one line."""


@dataclass
class _Run:
    """One call: its flags, its variants, and where it prints."""

    flags: Mapping[str, str]
    words: Mapping[str, str]
    soc: str | None
    console: Console = field(default_factory=Console)

    def number(self, name: str, default: int) -> int:
        """A flag that is a number."""
        text = self.flags.get(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise _Wrong(f"parameter {name} is invalid: {text}")
        return int(text)

    def is_true(self, name: str) -> bool:
        """A flag that is spelled True or False."""
        return self.flags.get(name, "False").lower() == "true"

    @property
    def model_type(self) -> str:
        """The kind of model, which is in the name of the performance file."""
        return self.flags.get("model_type", "vision")


@dataclass(frozen=True)
class _Line:
    """A line of an `.info` file."""

    index: str
    path: str


def _flags(argv: Sequence[str]) -> dict[str, str]:
    found = {}
    for argument in argv:
        match = re.fullmatch(r"--?(\w+)=(.*)", argument, re.DOTALL)
        if match is None or match[1] not in _FLAGS:
            raise _Wrong(f"unknown parameter: {argument}")
        found[match[1]] = match[2]
    return found


def main(argv: Sequence[str], words: Mapping[str, str], soc: str | None = None) -> int:
    """The tool with these arguments; its exit code."""
    if "lib" in words:
        sys.stderr.write("./benchmark: error while loading shared libraries: libascendcl.so: "
                         "cannot open shared object file: No such file or directory\n")  # fmt: skip
        return _NO_LIBRARY
    console = Console()
    console.info("benchmark test double")
    try:
        run = _Run(_flags(argv), words, soc, console)
        session = _load(run)
        code = _pure(run, session) if "round" in run.flags else _data_set(run, session)
    except (_Wrong, Refused) as error:
        console.block(getattr(error, "block", ()))
        console.error(str(error))
        code = _FAILED
    return int(words.get("exit") or code)


def _load(run: _Run) -> OmSession:
    """Check the flags, open the device, load the om."""
    if run.model_type not in MODEL_TYPES:
        raise _Wrong(f"model_type {run.model_type} is not supported")
    path = run.flags.get("om_path", "")
    if not os.path.isfile(path):
        raise _Wrong(f"om_path {path} does not exist")
    device = run.number("device_id", 0)
    open_device(device, run.words)
    session = OmSession(path, run.words, run.soc)
    if "hang" in run.words:
        acting.wait_for_signal(deaf="deaf" in run.words)
    if run.number("batch_size", 1) < 1:
        raise _Wrong("batch_size is invalid")
    return session


def _pure(run: _Run, session: OmSession) -> int:
    """Rounds of random data: the cost of each a batch, and averages per sample."""
    batch, device = run.number("batch_size", 1), run.number("device_id", 0)
    rng = np.random.default_rng()
    buffers = [rng.integers(0, 256, tensor.nbytes, np.uint8) for tensor in session.inputs]
    model_batch = session.inputs[0].shape[0]
    if batch != model_batch:
        raise _Wrong(f"batch_size[{batch}] is not equal to model batch size[{model_batch}]")
    costs_ms = []
    for number in range(run.number("round", 1)):
        _, start_s, end_s = session.execute(buffers)
        costs_ms.append(1000 * (end_s - start_s))
        run.console.info(f"Dataset number: {number} finished cost {costs_ms[-1]:g}ms")
    om = Path(run.flags["om_path"]).stem
    path = Path("result") / f"PureInfer_perf_of_{om}_in_device_{device}.txt"
    path.parent.mkdir(exist_ok=True)
    shown, written = pure_lines(costs_ms, batch)
    if "no_perf" not in run.words:
        path.write_text(written + "\n", encoding="ascii")
    run.console.info(f"PureInfer result saved in ./{path}")
    run.console.line("-----------------PureInfer Performance Summary------------------")
    run.console.line(written if "equals" in run.words else f"[INFO] {shown}")
    run.console.line(_RULE)
    return 0


def _info(run: _Run, inputs: int) -> list[list[_Line]]:
    """The samples of the list: a line for each input of the model."""
    path = run.flags.get("input_text_path", "")
    if run.model_type in ("vision", "yolocaffe") and not (
        run.number("input_width", 0) and run.number("input_height", 0)
    ):
        raise _Wrong("input_width and input_height are needed")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise _Wrong(f"input_text_path {path} does not exist") from error
    lines = [_Line(*line.split(" ")[:2]) for line in text.splitlines() if line.strip()]
    if not lines or len(lines) % inputs:
        raise _Wrong(f"the list has {len(lines)} lines for {inputs} inputs")
    return [lines[start : start + inputs] for start in range(0, len(lines), inputs)]


def _read(run: _Run, path: str) -> NDArray[np.uint8]:
    """The bytes of one input: a file as it is, or with DVPP a picture of the asked size."""
    try:
        if not run.is_true("useDvpp"):
            return np.fromfile(path, np.uint8)
        from PIL import Image

        size = (run.number("input_width", 0), run.number("input_height", 0))
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB").resize(size)).ravel()
    except OSError as error:
        raise _Wrong(f"open file {path} failed") from error


def _batch(
    run: _Run, session: OmSession, samples: Sequence[Sequence[_Line]], stages: Stages
) -> list[NDArray[np.uint8]]:
    """The data of a batch, filled up with its first sample."""
    batch = run.number("batch_size", 1)
    start_s = time.monotonic()
    read = [[_read(run, line.path) for line in sample] for sample in samples]
    stages.read_s += time.monotonic() - start_s
    start_s = time.monotonic()
    read += [read[0]] * (batch - len(read))
    joined = [np.concatenate(parts) for parts in zip(*read, strict=True)]
    for data, tensor in zip(joined, session.inputs, strict=True):
        if data.nbytes != tensor.nbytes:
            raise _Wrong(f"input image size[{data.nbytes}] is not equal to model input size"
                         f"[{tensor.nbytes}]")  # fmt: skip
    stages.preprocess_s += time.monotonic() - start_s
    return joined


def _text(values: NDArray[Any]) -> str:
    """Rows of six digits; integers of 64 bits come out as zeros, as in the real tool."""
    if values.dtype in (np.int64, np.uint64):
        values = np.zeros_like(values)
    rows = values.reshape(-1, values.shape[-1]).tolist()
    return "".join(" ".join(f"{value:g}" for value in row) + "\n" for row in rows)


def _write(
    run: _Run, folder: Path, outputs: Sequence[NDArray[Any]], samples: Sequence[Sequence[_Line]]
) -> None:
    """One file for each sample and output, named after the first input, outputs from 1."""
    for number, output in enumerate(outputs, 1):
        for place, sample in enumerate(samples):
            values = output[place : place + 1]
            path = folder / f"{Path(sample[0].path).stem}_{number}"
            if run.is_true("output_binary"):
                values.tofile(path.with_name(path.name + ".bin"))
            else:
                path.with_name(path.name + ".txt").write_text(_text(values), encoding="ascii")


def _data_set(run: _Run, session: OmSession) -> int:
    """All inputs of the list, their results, and the figures of each stage."""
    batch, device = run.number("batch_size", 1), run.number("device_id", 0)
    samples = _info(run, len(session.inputs))
    folder = Path("result") / f"dumpOutput_device{device}"
    folder.mkdir(parents=True, exist_ok=True)
    stages = Stages(images=len(samples), batch=batch)
    count = math.ceil(len(samples) / batch)
    start_s = time.monotonic()
    for index in range(count):
        if index == count // 2:
            _perhaps_die(run)
        part = samples[index * batch : (index + 1) * batch]
        joined = _batch(run, session, part, stages)
        infer_s = time.monotonic()
        made, began_s, ended_s = session.execute(joined)
        outputs = altered(made, run.words)
        stages.execute_s += ended_s - began_s
        post_s = time.monotonic()
        stages.infer_s += post_s - infer_s
        if "no_results" not in run.words:
            _write(run, folder, outputs, part)
        stages.post_s += time.monotonic() - post_s
    stages.total_s = time.monotonic() - start_s
    _damage_last(run, folder, samples[-1])
    _report(run, stages, device)
    return 0


def _damage_last(run: _Run, folder: Path, sample: Sequence[_Line]) -> None:
    suffix = "bin" if run.is_true("output_binary") else "txt"
    path = folder / f"{Path(sample[0].path).stem}_1.{suffix}"
    if "missing_result" in run.words:
        path.unlink()
    elif "cut_result" in run.words:
        os.truncate(path, path.stat().st_size // 2)


def _report(run: _Run, stages: Stages, device: int) -> None:
    lines = perf_lines(stages, run.words)
    path = Path("result") / f"perf_{run.model_type}_batchsize_{stages.batch}_device_{device}.txt"
    text = "".join(f"{line}\n" for line in lines)
    if "cut_perf" in run.words:
        text = text[: len(text) // 2]
    if "no_perf" not in run.words:
        path.write_text(text, encoding="utf-8")
    run.console.line("-----------------Performance Summary------------------")
    run.console.raw(text)
    run.console.line("-" * 59)


def _perhaps_die(run: _Run) -> None:
    if "killed" in run.words:
        acting.die(signal.SIGKILL)
    if "crash" in run.words:
        acting.die(signal.SIGSEGV)


if __name__ == "__main__":
    part = acting.begin("benchmark", WORDS)
    sys.exit(main(sys.argv[1:], part.words, os.environ.get("FAKE_SOC")))
