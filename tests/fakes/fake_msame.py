"""A test double of `msame` (ascend-tools.md section 3.7): whole batches, times, no throughput.

It executes the ONNX inside a fake om with ONNX Runtime on one CPU thread. FAKE_SOC is the chip of
this machine. Like the real one it ends with 0 after an option that it does not know, names the
results of single files after the model, and those of a folder after each file.
Words of FAKE_MSAME: `device_error`, `busy` (both `=N` for one device), `no_memory`, `wrong_soc`,
`hang` (with `deaf`), `killed`, `crash`, `zeros`, `nan`, `half`; `old` (no lines of the dynamic
gears, a full stop behind the last success), `no_results`, `no_average`, `size_zero` (the om has an
output without a size).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from tests.fakes import acting
from tests.fakes.om_session import WORDS as RUNTIME_WORDS
from tests.fakes.om_session import OmSession, Refused, altered, open_device
from tests.fakes.printing import Console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

WORDS = (*RUNTIME_WORDS, "old", "no_results", "no_average", "size_zero")
_OPTIONS = ("model", "input", "output", "outfmt", "loop", "debug", "profiler", "dump", "device",
            "dymBatch", "dymHW", "dymDims", "dymShape", "outputSize")  # fmt: skip
_MOST_LOOPS = 100
_VALUES_A_LINE = 100
_FAILED = 1


class _UnknownOption(Exception):
    """An option that it does not know, or one without its value."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UnknownOption(message)


def _parser() -> _Parser:
    parser = _Parser(prog="msame", add_help=False)
    for name in _OPTIONS:
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--help", action="store_true")
    return parser


@dataclass
class _Run:
    """One call: its options, its variants, and where it prints."""

    args: argparse.Namespace
    words: Mapping[str, str]
    soc: str | None
    console: Console

    @property
    def device(self) -> int:
        """The device, 0 where none was named."""
        return int(self.args.device or 0)


def main(argv: Sequence[str], words: Mapping[str, str], soc: str | None = None) -> int:
    """The tool with these arguments; its exit code."""
    console = Console()
    console.info("msame test double")
    try:
        args = _parser().parse_args(list(argv))
    except _UnknownOption as error:
        sys.stderr.write(f"msame: {error}\n")
        console.error("unknown paramenter\n")
        console.error("Execute sample failed.\n")
        _usage(console)
        return 0
    if args.help:
        _usage(console)
        return 0
    run = _Run(args, words, soc, console)
    wrong = _wrong(args)
    if wrong:
        console.error(f"{wrong}\n")
        return 0
    if args.profiler == args.dump == "true":
        console.error("dump and profiler can not both be true")
        return _FAILED
    return _sample(run)


def _usage(console: Console) -> None:
    console.line(
        "\nUsage:\n./msame --model X.om --input X.bin --output DIR --outfmt TXT --loop 2\n"
    )
    for action in _parser()._actions:
        console.line(f"  {action.option_strings[0]}")


def _wrong(args: argparse.Namespace) -> str:
    """What the options themselves are refused for: the tool then ends with 0."""
    if not args.model:
        return "Invalid params."
    if ".om" not in args.model:
        return "input model file type is not .om , please check your model type!"
    if args.loop and not (args.loop.isdecimal() and 1 <= int(args.loop) <= _MOST_LOOPS):
        return "loop must in 1 to 100"
    if args.device and not (args.device.isdecimal() and int(args.device) <= 255):
        return "device id must in 0 to 255"
    return ""


def _sample(run: _Run) -> int:
    """From the device to its end; whatever goes wrong in between, the end is printed."""
    console = run.console
    console.info("acl init success")
    try:
        open_device(run.device, run.words)
    except Refused as error:
        console.block(error.block)
        console.error(f"acl open device {run.device} failed")
        console.error("Sample init resource failed.")
        _end(run)
        return _FAILED
    console.info(f"open device {run.device} success")
    for step in ("create context", "create stream", "get run mode"):
        console.info(f"{step} success")
    done = _process(run)
    if done:
        console.info("Execute sample success" + ("." if "old" in run.words else ""))
    else:
        console.error("Sample process failed")
    _end(run)
    return 0 if done else _FAILED


def _end(run: _Run) -> None:
    run.console.info("end to destroy stream")
    run.console.info("end to destroy context")
    run.console.info(f"end to reset device is {run.device}")
    run.console.info("end to finalize acl")


def _load(run: _Run) -> OmSession | None:
    """The model with its shape chosen; None after the lines that say why not."""
    console, args = run.console, run.args
    try:
        session = OmSession(args.model, run.words, run.soc)
    except Refused as error:
        console.block(error.block)
        console.error(f"load model from file failed, model file is {args.model}")
        console.error("load model from file failed")
        console.warn("no model had been loaded, unload failed")
        return None
    console.info(f"load model {args.model} success")
    if "hang" in run.words:
        acting.wait_for_signal(deaf="deaf" in run.words)
    console.info("create model description success")
    if "old" not in run.words:
        console.info("get input dynamic gear count success")
    try:
        session.choose_by(batch=int(args.dymBatch or 0), size=args.dymHW, dims=args.dymDims,
                          shape=args.dymShape)  # fmt: skip
    except Refused as error:
        console.block(error.block)
        console.info("unload model success, model Id is 1")
        return None
    if not _has_outputs(run, session):
        return None
    if args.debug == "true":
        _describe(session, console)
    console.info("create model output success")
    return session


def _has_outputs(run: _Run, session: OmSession) -> bool:
    """Whether every output has a size; complains where the om leaves one open."""
    console = run.console
    if "size_zero" in run.words or (session.facts.dynamic and not run.args.outputSize):
        console.line("EH0001: Value [0] for [size] is invalid. Reason: size must be greater than "
                     "zero.\n")  # fmt: skip
        console.error("can't malloc buffer, size is 0, create output failed")
        console.error("create model output failed")
        console.info("unload model success, model Id is 1")
        return False
    return True


def _describe(session: OmSession, console: Console) -> None:
    console.debugging = True
    console.debug("start print model description")
    for title, tensors in (("input", session.inputs), ("output", session.outputs)):
        console.debug(f"Num{title.capitalize()}s: {len(tensors)}")
        for index, tensor in enumerate(tensors):
            console.debug(f"the size of {index} {title}: {tensor.nbytes}")
            console.debug(f"the dims of {index} {title}:")
            console.line("".join(f"{side} " for side in tensor.shape))
            console.debug(f"the name of {index} {title}: {tensor.name}")
    console.debug("end print model description")


def _folder(run: _Run) -> str | None:
    """A new folder for the results, named after the time; None where it cannot be made."""
    output = run.args.output
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d_%H%M%S}"
    if "old" not in run.words:
        name = (f"{now.year}{now.month}{now.day}_{now.hour}_{now.minute}_{now.second}_"
                f"{now.microsecond}")  # fmt: skip
    path = f"{output}/{name}"
    run.console.line(path)
    try:
        if not os.path.isdir(output):
            os.mkdir(output, 0o775)
        os.makedirs(path, 0o775, exist_ok=True)
    except OSError:
        run.console.error("current user does not have permission")
        return None
    return path


def _process(run: _Run) -> bool:
    session = _load(run)
    if session is None:
        return False
    folder = _folder(run)
    if folder is None:
        return False
    inputs = [part.strip() for part in run.args.input.split(",")] if run.args.input else []
    # A path with `.bin` anywhere in it is a file, and every other one a folder.
    over_folder = bool(inputs) and ".bin" not in inputs[0]
    one = _each_file if over_folder else _once
    done = one(run, session, folder, inputs)
    run.console.info("unload model success, model Id is 1")
    return done


def _read(run: _Run, path: str) -> NDArray[Any] | None:
    run.console.info(f"start to process file:{path}")
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        run.console.error(f"open file {path} failed")
        return None
    if not data.size:
        run.console.error(f"binfile is empty, filename is {path}")
        return None
    return data


def _execute(
    run: _Run, session: OmSession, buffers: Sequence[NDArray[Any]]
) -> tuple[list[NDArray[Any]], float] | None:
    """Outputs and ms of one execution; None after the lines that say why there are none."""
    if "killed" in run.words:
        acting.die(signal.SIGKILL)
    if "crash" in run.words:
        acting.die(signal.SIGSEGV)
    try:
        outputs, start_s, end_s = session.execute(buffers)
    except (Refused, ValueError) as error:
        run.console.block(getattr(error, "block", ()))
        run.console.error("execute model failed, modelId is 1")
        run.console.error("model execute failed")
        return None
    cost_ms = 1000 * (end_s - start_s)
    run.console.info("model execute success")
    run.console.line(f"Inference time: {cost_ms:g}ms")
    return altered(outputs, run.words), cost_ms


def _write(run: _Run, outputs: Sequence[NDArray[Any]], folder: str, name: str) -> None:
    if "old" not in run.words:
        run.console.info("get max dynamic batch size success")
    for index, output in enumerate(outputs):
        if "no_results" in run.words:
            break
        path = Path(folder) / f"{name}_output_{index}"
        if run.args.outfmt == "TXT":
            path.with_name(path.name + ".txt").write_text(_text(output), encoding="ascii")
        else:
            output.tofile(path.with_name(path.name + ".bin"))
    run.console.info("output data success")


def _text(output: NDArray[Any]) -> str:
    """Six digits a value; an empty line behind each sample, a line end after a hundred values."""
    sample = max(1, output[0].size) if output.ndim else 1
    form = "{:g} " if output.dtype.kind == "f" else "{} "
    parts = []
    for number, value in enumerate(output.ravel().tolist(), 1):
        parts.append(form.format(value))
        if number == output.size:
            break
        if number > 1 and number % sample == 0:
            parts.append("\n\n")
        elif number % _VALUES_A_LINE == 0:
            parts.append("\n")
    return "".join(parts)


def _once(run: _Run, session: OmSession, folder: str, inputs: Sequence[str]) -> bool:
    """Zeros, or one batch from a file for each input; repeated `--loop` times."""
    if inputs:
        read = [_read(run, path) for path in inputs]
        buffers = [data for data in read if data is not None]
        if len(buffers) < len(read):
            run.console.error(f"get pic device buffer failed,index is {read.index(None)}")
            return False
    else:
        buffers = [np.zeros(tensor.nbytes, np.uint8) for tensor in session.inputs]
    times_ms: list[float] = []
    outputs: list[NDArray[Any]] = []
    for _ in range(int(run.args.loop or 1)):
        made = _execute(run, session, buffers)
        if made is None:
            return False
        outputs = made[0]
        times_ms.append(made[1])
    _write(run, outputs, folder, Path(run.args.model).stem)
    _averages(run, times_ms, " time:", "f")
    run.console.info("destroy model input success")
    return True


def _each_file(run: _Run, session: OmSession, folder: str, inputs: Sequence[str]) -> bool:
    """Every file of the first folder, with those of the same name in the others."""
    if not os.path.isdir(inputs[0]):
        run.console.error("input parameter must be folder or file ending in '.bin'")
        return False
    times_ms = []
    names = sorted(name for name in os.listdir(inputs[0]) if not name.startswith("."))
    for number, name in enumerate(names):
        read = [_read(run, f"{path}/{name}") for path in inputs]
        buffers = [data for data in read if data is not None]
        if len(buffers) < len(read):
            run.console.error(f"get pic device buffer failed,index is {read.index(None)}")
            return False
        made = _execute(run, session, buffers)
        if made is None:
            if number == 1:  # only the second file ends the run, as in the source
                return False
            continue
        times_ms.append(made[1])
        _write(run, made[0], folder, name.rpartition(".")[0] or name)
        run.console.info("destroy model input success")
    _averages(run, times_ms, " time :", ".2f")
    return True


def _averages(run: _Run, times_ms: Sequence[float], words: str, form: str) -> None:
    if not times_ms or "no_average" in run.words:
        return
    run.console.line(f"Inference average{words} {sum(times_ms) / len(times_ms):{form}} ms")
    if len(times_ms) > 1:
        rest_ms = sum(times_ms[1:]) / (len(times_ms) - 1)
        run.console.line(f"Inference average time without first time: {rest_ms:{form}} ms")


if __name__ == "__main__":
    told = acting.begin("msame", WORDS).words
    sys.exit(main(sys.argv[1:], told, os.environ.get("FAKE_SOC")))
