"""`infer`: an artefact over a folder of inputs, results in the layout of ais_infer."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core import discovery
from ascend_console.core.backend import FileBackend
from ascend_console.core.errors import UserError
from ascend_console.core.events import (
    ArtifactWritten,
    LogLine,
    Measured,
    Progress,
    RowAdded,
    StepStarted,
    Warned,
)
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs import _convert
from ascend_console.jobs._backend_options import (
    backend_options,
    device_option,
    infer_tool_option,
    provider_option,
    threads_option,
)
from ascend_console.jobs._infer_files import run_tool
from ascend_console.jobs._output import output_file, output_folder
from ascend_console.jobs._stream import full_batch
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from ascend_console.core.backend import Backend, BackendInfo, TensorInfo
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events
    from ascend_console.tools.result_writer import ResultWriter


@dataclass(frozen=True, kw_only=True)
class InferRequest:
    """Which artefact on which inputs."""

    artifact: Path = option("Converted model: .onnx, .pt or .om.")
    input: Path = option("Folder of .bin or .npy inputs, one sample a file.")
    output: Path | None = option(
        "New folder for the results; their summary is written beside it.",
        default=None,
        default_text="infer/ in the run folder",
    )
    outfmt: Literal["BIN", "NPY", "TXT"] = option("Format of the results.", default="BIN")
    backend: str | None = option(
        "Runtime.", default=None, default_text="by the suffix", choices=_convert.backend_names
    )
    provider: str | None = provider_option()
    device: str | None = device_option()
    threads: int | None = threads_option()
    infer_tool: str | None = infer_tool_option()
    batch_size: int | None = option(
        "Batch size of an artefact whose batch is free.",
        default=None,
        default_text="the artefact's own, or 1",
        unit="images",
        minimum=1,
    )


def backend_for(artifact: Path, wanted: str | None) -> str:
    """The backend that was named, or the one whose suffix the artefact has."""
    infos: tuple[BackendInfo, ...] = discovery.load_all("backends")
    found = wanted or next((info.name for info in infos if info.suffix == artifact.suffix), None)
    if found is None:
        raise UserError(
            "infer.suffix",
            "no backend runs {artifact}",
            hint="Known suffixes: {known}. Name the backend with --backend.",
            artifact=artifact.name,
            known=", ".join(f"{info.suffix} ({info.name})" for info in infos),
        )
    return found


def batch_of(backend: Backend, wanted: int | None) -> int:
    """The batch size to run with; UserError where the artefact has another one."""
    own = backend.batch_size
    if own is not None and wanted not in (None, own):
        raise UserError(
            "infer.batch",
            "the artefact has batch size {own}, not {wanted}",
            hint="Leave --batch-size out, or convert for {wanted}.",
            own=own,
            wanted=wanted,
        )
    return own or wanted or 1


def _sample_shape(info: TensorInfo) -> tuple[int, ...]:
    sizes = tuple(size for size in info.shape[1:] if size is not None)
    if len(sizes) + 1 != len(info.shape):
        raise UserError(
            "infer.free_shape",
            "the input {name} has a free size besides the batch: {shape}",
            hint="Convert it with a fixed --input-shape first.",
            name=info.name,
            shape="x".join("?" if size is None else str(size) for size in info.shape),
        )
    return sizes


def _run(
    backend: Backend, inputs: tuple[Path, ...], batch_size: int, writer: ResultWriter, env: Env
) -> Generator[Event, None, list[float]]:
    """Execute every batch; gives back the compute time of each in ms, the warm-up left out."""
    from ascend_console.tools import input_files

    tensor = backend.inputs[0]
    shape = _sample_shape(tensor)
    input_files.check_sizes(inputs, shape, tensor.dtype)
    batches = input_files.read_batches(inputs, shape, tensor.dtype, batch_size)
    times_ms: list[float] = []
    done, odd = 0, 0
    for paths, data in batches:
        full = full_batch(data, batch_size)
        if not times_ms:
            backend.infer(full)
        started_s = env.clock.monotonic_s()
        outputs = backend.infer(full)
        times_ms.append(1000 * (env.clock.monotonic_s() - started_s))
        writer.write([str(path) for path in paths], outputs)
        done += len(paths)
        odd += not_finite(outputs, len(paths))
        yield Progress(done, len(inputs), "images")
    if odd:
        yield Warned(
            "infer.not_finite",
            f"{odd} of {done} results hold NaN or infinity",
            "Look at the model and its inputs: such results cannot be evaluated.",
            {"count": str(odd), "total": str(done)},
        )
    return times_ms


def not_finite(outputs: list[NDArray[Any]], count: int) -> int:
    """How many of the first `count` results hold a number that is none."""
    import numpy as np

    rows = np.zeros(count, bool)
    for output in outputs:
        if output.dtype.kind == "f":
            rows |= ~np.isfinite(output[:count].reshape(count, -1)).all(axis=1)
    return int(rows.sum())


def infer(request: InferRequest, env: Env) -> Events:
    """Open the artefact, run every input, write results and summary."""
    from ascend_console.tools import input_files
    from ascend_console.tools.result_set import summary_path

    artifact = files.require_file(request.artifact, "an artefact")
    name = backend_for(artifact, request.backend)
    info = discovery.load("backends", name)
    options = backend_options(request, info, env)
    _, backend = _convert.load_backend(name, options)
    output = output_folder(request.output, env.folder / "infer" / "results")
    output_file(summary_path(output), summary_path(output), ".json", env)
    inputs = input_files.list_inputs(request.input)
    yield StepStarted("infer", 1, 1)
    with closing(backend):
        backend.open(artifact, _convert.builder)
        yield LogLine(f"{len(inputs)} inputs, {backend.infer_version()}, {backend.threads} threads")
        batch_size = batch_of(backend, request.batch_size)
        summary = yield from _write_results(request, backend, inputs, output, batch_size, env)
    files.write_json(summary_path(output), summary)
    yield ArtifactWritten(str(output), "results")
    yield ArtifactWritten(str(summary_path(output)), "summary")
    yield Measured("throughput", summary["throughput"], "images/s")
    yield RowAdded(
        "summary",
        {
            "artefact": artifact.name,
            "tool": backend.infer_version(),
            "device": backend.device_name(),
            "batch": batch_size,
            "images": len(inputs),
            "compute mean ms": _rounded(summary["NPU_compute_time"]["mean"], 3),
            "device img/s": _rounded(summary["throughput"], 2),
        },
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _write_results(
    request: InferRequest, backend: Backend, inputs: tuple[Path, ...], output: Path,
    batch_size: int, env: Env,
) -> Generator[Event, None, dict[str, Any]]:  # fmt: skip
    """Write the result files as a whole folder; gives back the summary."""
    from ascend_console.tools.result_writer import ResultWriter, summary_document

    if len(backend.outputs) > 1:
        names = ", ".join(entry.name for entry in backend.outputs)
        yield Warned(
            "infer.outputs",
            f"the artefact has {len(backend.outputs)} outputs ({names}); each is written, "
            "numbered from 0",
            args={"count": str(len(backend.outputs)), "names": names},
        )
    with files.atomic_folder(output) as folder:
        writer = ResultWriter(folder, request.outfmt, final=output)
        if isinstance(backend, FileBackend):
            artifact = files.require_file(request.artifact, "an artefact")
            ran = yield from run_tool(backend, artifact, inputs, batch_size, writer, env)
            times_ms, printed = list(ran.latencies_ms), ran.figures
        else:
            times_ms = yield from _run(backend, inputs, batch_size, writer, env)
            printed = None
    document = summary_document(
        writer.filesinfo,
        args=["ascend-console", "infer", "--artifact", str(request.artifact)],
        compute_ms=times_ms,
        batch_size=batch_size,
        pid=os.getpid(),
    )
    if printed is not None:
        # What the tool printed of all its executions goes before what its samples give.
        document["throughput"] = printed.throughput
        document["NPU_compute_time"] |= {
            key: value
            for key, value in (
                ("mean", printed.mean_ms),
                ("median", printed.median_ms),
                ("max", printed.max_ms),
                ("percentile(99%)", printed.p99_ms),
            )
            if value is not None
        }
    # The vendor's keys say NPU; these two say what it really was.
    return {**document, "tool": backend.infer_version(), "device": backend.device_name()}


ENTRY = Job(
    name="infer",
    summary="An artefact over a folder of inputs, results in the layout of ais_infer.",
    request=InferRequest,
    run=infer,
    example="ascend-console infer --artifact ghostnet_bs16_fp32.onnx --input prep_dataset "
    "--output result --outfmt TXT",
    recording=True,
    label=lambda request: str(request.artifact.stem),
    order=50,
)
