"""One run of the fake ais_bench on one device: load, warm up, execute batch by batch, report."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fakes import acting
from tests.fakes.ais_bench_inputs import PURE, plan, read
from tests.fakes.ais_bench_options import at_least
from tests.fakes.ais_bench_results import (
    Measured,
    damage_last,
    mean_batch,
    report,
    save,
    summary_of,
    summary_path,
    write_summary,
)
from tests.fakes.om_session import (
    OmSession,
    Refused,
    altered,
    described,
    open_device,
)
from tests.fakes.printing import Console, bar

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tests.fakes.ais_bench_inputs import Batch

_OLD_BAR = {"A": "Inference Processing task", "B": "Inference Processing task",
            "C": "Inference Processing"}  # fmt: skip
_BARS = {"array": "Inference array Processing", "tensor": "Inference tensor Processing",
         "files": "Inference files Processing", "full": "Inference Processing full"}  # fmt: skip
_JOULES_A_SECOND = 13.0


@dataclass
class Job:
    """One process of the tool: what it was asked, the device that it takes, where it prints.

    `folder` is where its results go, None for nowhere. `many` is its number among processes on
    several devices, and how many they are.
    """

    generation: str
    args: Namespace
    words: Mapping[str, str]
    argv: Sequence[str]
    soc: str | None
    console: Console
    device: int
    folder: str | None
    many: tuple[int, int] | None = None

    def since(self, generation: str) -> bool:
        """Whether the tool is of this generation or newer."""
        return at_least(self.generation, generation)


@dataclass(frozen=True)
class Outcome:
    """What a process tells the one that started it."""

    throughput: float
    start_s: float
    end_s: float


def result_folder(job_args: Namespace, *parts: str) -> str | None:
    """The folder of a run inside `--output`: the named one, or one named after the time."""
    if job_args.output is None:
        return None
    name = job_args.output_dirname or time.strftime("%Y_%m_%d-%H_%M_%S")
    return os.path.join(job_args.output, name, *parts)


def open_session(job: Job) -> OmSession:
    """Open the device and load the om; Refused after the lines that the runtime prints."""
    console, path = job.console, job.args.model
    if job.since("C"):
        console.info("acl init success")
    try:
        open_device(job.device, job.words)
    except Refused as error:
        job.console.block(error.block)
        console.error(f"acl open device {job.device} failed")
        console.line("SetDevice failed.ret=507033")
        raise
    if job.since("C"):
        console.info(f"open device {job.device} success")
    try:
        session = OmSession(path, job.words, job.soc)
    except Refused as error:
        job.console.block(error.block)
        console.error(f"load model from file failed, model file is {path}")
        console.warn("Check failed:processModel->LoadModelFromFile(modelPath), ret:1")
        console.warn("no model had been loaded, unload failed")
        raise
    console.info(f"load model {path} success")
    console.info("create model description success")
    if "hang" in job.words:
        acting.wait_for_signal(deaf="deaf" in job.words)
    try:
        _choose_shapes(job, session)
    except Refused as error:
        job.console.block(error.block)
        raise
    _describe(job, session)
    return session


def _choose_shapes(job: Job, session: OmSession) -> None:
    """The gear or shape of the options, and from E on the batch size that follows from it."""
    args = job.args
    session.choose_by(batch=args.dym_batch, size=args.dym_hw or "", dims=args.dym_dims or "",
                      shape=args.dym_shape or "")  # fmt: skip
    if args.batchsize is None:
        args.batchsize = session.inputs[0].shape[0]
        job.console.info(f"try get model batchsize:{args.batchsize}")
    if session.is_open and not (args.auto_set_dymshape_mode or args.auto_set_dymdims_mode):
        raise Refused("dynamic batch om model detected, but dymbatch, dymdims or dymshape not set!")
    if session.facts.dynamic and not args.output_size:
        raise Refused("[1][ACL: invalid parameter]", "[ERROR] out i:0 size is zero")
    mode = (session.facts.aipp or {}).get("aipp_mode")
    if mode == "dynamic" and not args.aipp_config:
        job.console.error("can't find aipp config file for model with dym aipp input , "
                          "please check it!")  # fmt: skip
        raise Refused("aipp model without aipp config!")


def _describe(job: Job, session: OmSession) -> None:
    """The model table of `--debug`."""
    console = job.console
    if job.since("F"):
        console.debug(f"Input nums: {len(session.inputs)}")
        console.debug("Model id: 1")
        console.debug("aipp_input_exist: 0")
    rows = ["session info:<Model>", f"device: {job.device}"]
    for title, tensors in (("input:", session.inputs), ("output:", session.outputs)):
        rows.append(title)
        rows += [f"  #{index}    {described(item)}" for index, item in enumerate(tensors)]
    console.debug("\n".join(rows))


def _copied(arrays: Sequence[NDArray[Any]], times_ms: list[float]) -> list[NDArray[Any]]:
    """Copies, as to the device or from it, and how long each took."""
    made = []
    for array in arrays:
        start_s = time.monotonic()
        made.append(np.array(array))
        times_ms.append(1000 * (time.monotonic() - start_s))
    return made


class _Runner:
    """Executes batches and keeps their times."""

    def __init__(self, job: Job, session: OmSession) -> None:
        self.job, self.session = job, session
        self.measured = Measured()

    def load(self, batch: Batch) -> list[NDArray[Any]]:
        """The data of a batch, one array for each input."""
        args, console = self.job.args, self.job.console
        return [read(files, tensor, args, self.job.generation, console)
                for files, tensor in zip(batch, self.session.inputs, strict=True)]  # fmt: skip

    def _shape_by(self, arrays: Sequence[NDArray[Any]]) -> None:
        args = self.job.args
        if not (args.auto_set_dymshape_mode or args.auto_set_dymdims_mode):
            return
        names = [tensor.name for tensor in self.session.facts.inputs]
        self.session.choose(dict(zip(names, (array.shape for array in arrays), strict=True)))
        self.measured.batchsizes.append(arrays[0].shape[0])

    def execute(self, arrays: Sequence[NDArray[Any]], loop: int) -> list[NDArray[Any]]:
        """One batch, `loop` times; the outputs of the last time."""
        job, measured = self.job, self.measured
        self._shape_by(arrays)
        inputs = _copied(arrays, measured.h2d_ms)
        times_ms = []
        for number in range(1, loop + 1):
            try:
                outputs, start_s, end_s = self.session.execute(inputs)
            except Refused as error:
                job.console.block(error.block)
                raise
            times_ms.append(1000 * (end_s - start_s))
            job.console.debug(f"model aclExec cost : {times_ms[-1]:f}")
            if loop > 1 and job.since("C"):
                end = "\n" if number == loop else ""
                job.console.raw(f"\rloop inference exec: ({number}/{loop}){end}")
        # The first two generations timed the whole loop, later ones every execution.
        measured.compute_ms += times_ms if job.since("C") else [sum(times_ms) / loop]
        copies_ms: list[float] = []
        host = _copied(outputs, copies_ms)
        measured.d2h_ms += [sum(copies_ms)] if self.job.generation == "C" else copies_ms
        return altered(host, job.words)

    def save(self, outputs: Sequence[NDArray[Any]], batch: Batch, index: int) -> None:
        """The results of a batch, where the run has a folder for them."""
        if self.job.folder is None or "no_results" in self.job.words:
            return
        save(outputs, self.job.folder, batch, self.job.args, index=index,
             generation=self.job.generation, filesinfo=self.measured.filesinfo,
             console=self.job.console)  # fmt: skip

    def warm_up(self, batch: Batch) -> None:
        """Executions that no figure counts; up to C on zeros, from D on with the first batch."""
        job, count = self.job, self.job.args.warmup_count
        files = batch if job.since("D") else [[PURE] for _ in self.session.inputs]
        arrays = self.load(files)
        for _ in range(count):
            self.execute(arrays, 1)
        self.measured.forget_times()
        if job.generation == "C":
            job.console.info(f"warm up {count} times done")
        elif job.since("D"):
            job.console.info(f"warm up {count} done")


def _loop(runner: _Runner, batches: Sequence[Batch]) -> None:
    """Batch by batch, with the bar of the mode."""
    job = runner.job
    title = _OLD_BAR.get(job.generation) or _BARS[job.args.run_mode]
    for index in bar(job.console, title, len(batches)):
        _perhaps_die(job, index, len(batches))
        outputs = runner.execute(runner.load(batches[index]), job.args.loop)
        runner.save(outputs, batches[index], index)


def _perhaps_die(job: Job, index: int, count: int) -> None:
    """The variants that end in the middle."""
    if index != count // 2:
        return
    if "killed" in job.words:
        acting.die(signal.SIGKILL)
    if "crash" in job.words:
        acting.die(signal.SIGSEGV)
    if "aicore" in job.words:
        job.console.line("EZ9999: Inner Error!")
        job.console.line(f"EZ9999  The error from device({job.device}), serial number is 1, there "
                         "is an aicore error, core id is 0, error code = 0x800000")  # fmt: skip
        job.console.error("Execute model failed, modelId is 1, ret:507011")
        raise RuntimeError("[1][ACL: invalid parameter]")


def _pipeline(runner: _Runner, batches: Sequence[Batch]) -> None:
    """Several threads on the same device; the times of each execution are an interval."""
    job, args = runner.job, runner.job.args
    job.console.info(f"run in pipeline mode with computing threadsnumber:{args.threads}")

    def one(batch: Batch) -> tuple[list[NDArray[Any]], tuple[float, float]]:
        outputs, start_s, end_s = runner.session.execute(runner.load(batch))
        return altered(outputs, job.words), (start_s, end_s)

    with ThreadPoolExecutor(args.threads) as pool:
        done = list(pool.map(one, batches))
    for index, (outputs, (start_s, end_s)) in enumerate(done):
        runner.measured.compute_ms.append(1000 * (end_s - start_s))
        if args.threads > 1:
            runner.measured.intervals.append((start_s, end_s))
        named = [[f"{PURE}_{args.pure_data_type}"] if files == [PURE] else files
                 for files in batches[index]]  # fmt: skip
        runner.save(outputs, named, index)


def _make_folder(job: Job) -> None:
    """The result folder; up to C only in an output folder that is there, and never twice."""
    if job.folder is None:
        return
    if job.since("D"):
        os.makedirs(job.folder, 0o750, exist_ok=True)
    else:
        os.mkdir(job.folder, 0o755)
    if job.since("F"):
        os.chmod(job.args.output, 0o750)
    job.console.info(f"output path:{job.folder}")


def _write_acl_json(job: Job) -> None:
    """What a dump, or a profile without msprof, is asked for with."""
    args = job.args
    if args.output is None or not (args.dump or args.profiler):
        return
    kind = "profiler" if args.profiler else "dump"
    os.makedirs(os.path.join(args.output, kind), exist_ok=True)
    with open(os.path.join(args.output, "acl.json"), "w", encoding="utf-8") as stream:
        json.dump({kind: {"output": os.path.join(args.output, kind)}}, stream)


def _end(job: Job) -> None:
    console = job.console
    console.info("unload model success, model Id is 1")
    if job.since("D"):
        console.info("end to destroy context")
        console.info(f"end to reset device is {job.device}")
        console.info("end to finalize acl")
    else:
        console.line(f"DestroyDevices begindestory device:{job.device}")
        console.line("aclrtDestroyContext successfully!")
        console.line("DestroyDevices successfully")


def run(job: Job) -> Outcome | None:
    """The whole of one process; None where a variant makes it end without a summary."""
    args = job.args
    job.console.debugging = bool(args.debug)
    if job.many:
        job.console.info(f"subprocess_{job.many[0]} main run")
    _write_acl_json(job)
    runner = _Runner(job, open_session(job))
    _make_folder(job)
    if not job.since("D"):
        runner.warm_up([])
    batches = plan(args, runner.session.inputs, job.generation, job.console)
    if job.since("D"):
        runner.warm_up(batches[0])
    if job.many:
        job.console.info(f"subprocess_{job.many[0]} qsize:{job.many[0]} now waiting")
        job.console.info(f"subprocess_{job.many[0]} qsize:{job.many[1]} ready to infer run")
    start_s = time.time()
    (_pipeline if args.pipeline else _loop)(runner, batches)
    end_s = time.time()
    damage_last(runner.measured.filesinfo, job.words)
    outcome = None
    if "no_summary" not in job.words:
        document = summary_of(runner.measured, args, job.argv, job.generation)
        batch = mean_batch(runner.measured, args)
        report(document, batch, args, job.generation, job.console)
        if job.folder is not None:
            write_summary(summary_path(job.folder, job.generation), document, job.words)
        outcome = Outcome(document["throughput"], start_s, end_s)
    if args.energy_consumption:
        job.console.info(f"NPU ID:{args.npu_id[0]} energy consumption(J):"
                         f"{_JOULES_A_SECOND * (end_s - start_s)}")  # fmt: skip
    _end(job)
    return outcome
