"""The command line of the fake ais_bench: probes, one device or several, ranges, profiles."""

from __future__ import annotations

import copy
import itertools
import math
import os
import shlex
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.acting import TEST_DOUBLE
from tests.fakes.ais_bench_inputs import chunks, files_of
from tests.fakes.ais_bench_options import GENERATIONS, parse, parser, program
from tests.fakes.ais_bench_run import Job, Outcome, open_session, result_folder, run
from tests.fakes.om_session import WORDS as RUNTIME_WORDS
from tests.fakes.om_session import Refused
from tests.fakes.printing import Console, mixed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORDS = (*RUNTIME_WORDS, "no_aclruntime", "no_ascendcl", "old_aclruntime", "noise", "aicore",
         "no_results", "missing_result", "cut_result", "no_summary", "no_summary_file",
         "truncated_summary", "nan_summary", "result")  # fmt: skip
_SCRIPT = Path(__file__).with_name("fake_ais_bench.py")
VERSION_LINE = f"[INFO] ais_bench 0.0.2 ({TEST_DOUBLE})"


def main(
    argv: Sequence[str],
    *,
    generation: str = "F",
    words: Mapping[str, str] | None = None,
    soc: str | None = None,
) -> int:
    """The tool with these arguments; its exit code. `soc` is the chip of this machine."""
    if generation not in GENERATIONS:
        raise ValueError(f"{generation!r} is no generation of ais_bench: {', '.join(GENERATIONS)}")
    try:
        return _command(list(argv), generation, words or {}, soc)
    except SystemExit as end:
        return int(end.code or 0)
    except Exception as error:  # as Python ends a program: the tool catches nothing either
        # The runtime's own errors are of Python's kind in the real tool.
        shown = RuntimeError(str(error)) if isinstance(error, Refused) else error
        traceback.print_exception(shown.with_traceback(error.__traceback__))
        return 1


def check_runtime(words: Mapping[str, str]) -> None:
    """What the import of the tool's own modules runs into."""
    if "no_aclruntime" in words:
        raise ModuleNotFoundError("No module named 'aclruntime'")
    if "no_ascendcl" in words:
        raise ImportError(
            "libascendcl.so: cannot open shared object file: No such file or directory"
        )


def _command(argv: list[str], generation: str, words: Mapping[str, str], soc: str | None) -> int:
    console = Console()
    arguments = argv
    if generation == "msit":
        if arguments[:1] != ["benchmark"]:
            return _msit_usage(arguments, console)
        arguments = arguments[1:]
    if "noise" in words:
        sys.stderr.write("UserWarning: pkg_resources is deprecated as an API.\n")
    check_runtime(words)
    if "--version" in arguments:
        console.line(VERSION_LINE)
        return 0
    if "--help" in arguments or "-h" in arguments:
        console.line(VERSION_LINE)
        console.raw(parser(generation, console).format_help())
        return 0
    args = parse(generation, arguments, console)
    script = program(generation).split()
    job = Job(generation=generation, args=args, words=words, argv=[*script[:1], *argv], soc=soc,
              console=console, device=args.device[0], folder=None)  # fmt: skip
    code = _checked(job)
    # msit does not hand the code on.
    return 0 if generation == "msit" else code


def _msit_usage(arguments: Sequence[str], console: Console) -> int:
    if arguments and arguments[0] in ("-h", "--help", "--version"):
        console.line(VERSION_LINE)
        console.line("usage: msit [-h] {benchmark} ...")
        return 0
    sys.stderr.write("usage: msit [-h] {benchmark} ...\nmsit: error: invalid choice\n")
    return 2


def _checked(job: Job) -> int:
    """The rules between options, then the kind of run that they ask for."""
    args, console = job.args, job.console
    if args.profiler and args.dump:
        console.error("parameter --profiler cannot be true at the same time as parameter --dump, "
                      "please check them!\n")  # fmt: skip
        raise RuntimeError("error bad parameters --profiler and --dump")
    if (args.profiler or args.dump) and args.output is None:
        console.error("when dump or profiler, miss output path, please check them!")
        raise RuntimeError("miss output parameter!")
    if job.since("F") and (args.output_dirname or "").startswith("/"):
        raise ValueError("--output_dirname do not support abs path!")
    if args.output_dirname and args.output is None:
        console.error("parameter --output_dirname cann't be used alone. "
                      "Please use it together with the parameter --output!\n")  # fmt: skip
        raise RuntimeError("error bad parameters --output_dirname")
    if args.threads > 1 and not args.pipeline:
        console.info("need to set --pipeline when setting threads number to be more than one.")
        args.threads = 1
    if "old_aclruntime" in job.words and job.since("D"):
        console.warn("aclruntime version:0.0.1 is lower please update aclruntime follow any one "
                     "method", "WARNING")  # fmt: skip
        console.warn("1. visit the page of the tool to install", "WARNING")
        console.warn("2. or run cmd: pip3 install --force-reinstall aclruntime", "WARNING")
        args.run_mode = "tensor"
    if args.perf:
        raise RuntimeError(f"the {TEST_DOUBLE} has no trtexec")
    return _started(job)


def _started(job: Job) -> int:
    args = job.args
    if args.profiler and job.since("D"):
        return _profiled(job)
    if args.dym_shape_range and not args.dym_shape:
        return _ranged(job)
    if len(args.device) > 1:
        return _on_devices(job)
    job.folder = result_folder(args)
    run(job)
    return 0


def _profiled(job: Job) -> int:
    """The tool starts itself again under msprof, from another folder: relative paths are lost."""
    args, console = job.args, job.console
    program = shutil.which("msprof")
    if program is None:
        console.info("find no msprof continue use acl.json mode")
        args.profiler = False
        return _started(job)
    if args.input is not None and args.warmup_count:
        console.info("profiler mode with input change warmup_count to 0")
    dashed = "-" if job.generation == "msit" else "_"
    again = [*job.argv[1:], "--profiler=0", f"--warmup{dashed}count=0"]
    application = shlex.join([sys.executable, str(_SCRIPT), *again])
    output = f"--output={os.path.abspath(args.output)}/profiler"
    command = [program, output, f"--application={application}", "--model-execution=on",
               "--runtime-api=on", "--task-time=on", "--aicpu=on"]  # fmt: skip
    os.makedirs(os.path.join(args.output, "profiler"), exist_ok=True)
    console.info(f"msprof cmd:{' '.join(command)} begin run")
    code = subprocess.run(command, cwd=_SCRIPT.parent, check=False).returncode
    console.info(f"msprof cmd:{' '.join(command)} end run ret:{code}")
    return code if job.since("F") else 0


def _range_shapes(text: str) -> list[str]:
    """`in:1,3,8~10` as one shape each: `a~b`, `a~b~step` and `a-b-c`; or the lines of a file."""
    if os.path.isfile(text):
        with open(text, encoding="utf-8") as stream:
            return [shape for line in stream.read().split() for shape in _range_shapes(line)]
    inputs = []
    for part in text.split(";"):
        name, _, sizes = part.rpartition(":")
        axes = []
        for size in sizes.split(","):
            if "~" in size:
                first, last, *step = map(int, size.split("~"))
                axes.append([str(value) for value in range(first, last + 1, *(step or [1]))])
            else:
                axes.append(size.split("-"))
        inputs.append([f"{name}:{','.join(axis)}" for axis in itertools.product(*axes)])
    return [";".join(shapes) for shapes in itertools.product(*inputs)]


def _ranged(job: Job) -> int:
    """Each shape of a range in a run of its own."""
    console = job.console
    results: list[tuple[float, str]] = []
    for shape in _range_shapes(job.args.dym_shape_range):
        one = copy.copy(job)
        one.args = copy.copy(job.args)
        one.args.dym_shape = shape
        one.folder = result_folder(one.args)
        try:
            outcome = run(one)
        except RuntimeError:
            outcome = None
        rate = outcome.throughput if outcome else 0.0
        console.info(f"dymshape:{shape} end run result:{'OK' if outcome else 'Failed'}")
        results.append((rate, shape))
    rates = [rate for rate, _ in results if rate]
    average = sum(rates) / len(rates) if rates else float("nan")
    console.info("-----------------dyshape_range Performance Summary------------------")
    console.info(f"run_count:{len(results)} success_count:{len(rates)} avg_throughput:{average}")
    for index, (rate, shape) in enumerate(sorted(results, key=lambda item: -item[0])):
        verdict = "OK" if rate else "Failed"
        console.info(f"{index} dymshape:{shape}  result:{verdict} throughput:{rate}")
    console.info("------------------------------------------------------")
    return 0


def _shares(job: Job, devices: Sequence[int]) -> list[str | None]:
    """The input of each device: up to E its share, from F on all of it unless told to divide."""
    args = job.args
    if args.input is None or (job.since("F") and not args.divide_input):
        return [args.input] * len(devices)
    probe = copy.copy(job)
    probe.device = 0
    session = open_session(probe)
    paths = args.input.split(",")
    if os.path.isdir(paths[0]):
        paths = [path for folder in paths
                 for path in files_of(folder, job.generation, job.console)]  # fmt: skip
    columns = chunks(paths, math.ceil(len(paths) / len(session.inputs)), "")
    shares: list[list[str]] = [[] for _ in devices]
    for column in columns:
        size, left = divmod(len(column), len(devices))
        if not job.since("F"):
            # Rounded up: the last devices may get nothing, and fail.
            size, left = math.ceil(len(column) / len(devices)), 0
        start = 0
        for index, share in enumerate(shares):
            end = start + size + (1 if index < left else 0)
            share.extend(column[start:end])
            start = end
    return [",".join(filter(None, share)) for share in shares]


def _device_job(job: Job, index: int, share: str | None, name: str) -> Job:
    one = copy.copy(job)
    one.args = copy.copy(job.args)
    one.args.input, one.args.output_dirname = share, name
    one.device = job.args.device[index]
    suffix = f"_{index}" if job.since("F") else ""
    one.folder = result_folder(one.args, f"device{one.device}{suffix}")
    one.many = (index, len(job.args.device))
    return one


def _on_devices(job: Job) -> int:
    """A process for each device; here one after the other, with their texts mixed.

    The vendor's own example of a run that went well says `result:1`, and so do D and E; F counts.
    """
    args, console = job.args, job.console
    devices = list(args.device)
    console.info(f"multidevice:{devices} run begin")
    base = result_folder(args)
    name = os.path.basename(base) if base and not args.output_dirname else args.output_dirname
    outcomes: dict[int, Outcome] = {}
    texts: list[list[str]] = []
    complaints: list[str] = []
    started = 0
    for index, share in enumerate(_shares(job, devices)):
        held: list[str] = []
        one = _device_job(job, index, share, name)
        one.console = Console(held)
        texts.append(held)
        try:
            outcome = run(one)
        except Exception as error:  # the pool hands every error to one line of text
            complaints.append(f"subprocess run failed error_callback:{error}")
            continue
        started += 1
        if outcome is not None:
            outcomes[index] = outcome
    console.raw(mixed(texts))
    for complaint in complaints:
        console.error(complaint)
    queued = started + len(outcomes)
    result = 0 if job.since("F") and queued == 2 * len(devices) else 1
    result = int(job.words.get("result") or result)
    console.info(f"multidevice run end qsize:{queued} result:{result}")
    # The blanks of F are those of its source, where the line was broken inside the text.
    lead, gap = ("[INFO] ", " " * 17) if job.since("F") else ("", " ")
    for index, outcome in outcomes.items():
        console.line(f"{lead}i:{index} device_{devices[index]} throughput:{outcome.throughput}"
                     f"{gap}start_time:{outcome.start_s} end_time:{outcome.end_s}")  # fmt: skip
    console.info(f"summary throughput:{sum(item.throughput for item in outcomes.values())}")
    return result
