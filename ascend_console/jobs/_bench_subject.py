"""What a bench measures: artefacts of a model, of an ONNX file, or one that is there already."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.backend import ConvertSource, FileBackend
from ascend_console.core.errors import UserError
from ascend_console.jobs import _calibration, _convert, _measure, _sources
from ascend_console.jobs._backend_options import backend_options
from ascend_console.jobs._convert import Artifact
from ascend_console.jobs._data import data_notes
from ascend_console.jobs._models import find_model
from ascend_console.jobs._workflow import Workflow
from ascend_console.jobs.infer import backend_for
from ascend_console.jobs.preprocess import write_bins
from ascend_console.jobs.run import RunRequest
from ascend_console.tools import bins, files
from ascend_console.tools.random_input import random_batch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core import specs
    from ascend_console.core.backend import Backend, BackendInfo, Calibration
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env
    from ascend_console.core.verdict import Source as InputSource
    from ascend_console.jobs._sources import Source
    from ascend_console.jobs.bench import BenchRequest

DEFAULT_BACKEND = "onnxruntime"
_POOL_IMAGES = 32


@dataclass(frozen=True, slots=True)
class Column:
    """One precision and number of threads; `run` gives images, and is None for random input.

    `note` stands behind the batch size where there are several columns: ` int8 2 threads`.
    """

    precision: str
    backend: Backend
    run: Workflow | None
    note: str = ""

    @property
    def card_factor(self) -> int:
        """By what a device's throughput is multiplied for its card; a CPU is its own."""
        return self.backend.card_factor if isinstance(self.backend, FileBackend) else 1


def _refuse(request: BenchRequest) -> None:
    """UserError for a request that names nothing to measure, or two things."""
    if request.model is None and request.onnx is None and request.artifact is None:
        raise UserError(
            "bench.what",
            "there is nothing to measure",
            hint="Name --model NAME, --onnx FILE or --artifact FILE.",
        )
    if request.onnx is not None and (request.model is not None or request.artifact is not None):
        raise UserError(
            "bench.two",
            "--onnx stands alone, and --{other} is named too",
            hint="Leave one of them out.",
            other="model" if request.model is not None else "artifact",
        )
    if request.artifact is None:
        return
    weights = request.checkpoint is not None
    named = [*(["checkpoint"] if weights else []), *(["precision"] if request.precision else [])]
    if named:
        raise UserError(
            "bench.artifact_fixed",
            "an artefact has its weights and its precision inside, and --{other} is named",
            hint="Leave --{other} out, or measure the model with --model.",
            other=named[0],
        )
    data = [name for name in ("dataset", "labels", "limit", "sample") if getattr(request, name)]
    if data and request.model is None:
        raise UserError(
            "bench.artifact_data",
            "--{other} needs to know how images are prepared for this artefact",
            hint="Name its model with --model, or leave --{other} out for random input.",
            other=data[0],
        )


def _precision_of(artifact: Path) -> str:
    """What the file beside an artefact says of its precision."""
    beside = artifact.with_name(artifact.name + ".json")
    document = files.read_json(beside) if beside.is_file() else None
    found = document.get("precision") if isinstance(document, dict) else None
    return str(found) if found else "unknown"


class Subject:
    """One bench under way: what it measures, and with which settings."""

    def __init__(self, request: BenchRequest, env: Env) -> None:
        _refuse(request)
        self.request = request
        self.env = env
        self.artifact_path = files.require_file(request.artifact, "an artefact") if (
            request.artifact is not None
        ) else None  # fmt: skip
        self.backend_name = (
            backend_for(self.artifact_path, request.backend)
            if self.artifact_path is not None
            else request.backend or DEFAULT_BACKEND
        )
        self.info: BackendInfo = discovery.load("backends", self.backend_name)
        self.columns = self._columns()
        self.run = self.columns[0].run
        self.weights: Source | None = None
        self._conversions: dict[int | None, ConvertSource] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._artifacts: dict[tuple[str, int], Artifact] = {}
        self._bins: tuple[Path, ...] = ()

    # --- settings ------------------------------------------------------------------------------

    def _run_request(self, precision: str | None, threads: int | None) -> RunRequest:
        request = self.request
        zoo = request.model is not None and (
            find_model(request.model, self.env.settings).user is None
        )
        return RunRequest(
            model=(request.model,) if request.model is not None else None,
            onnx=request.onnx,
            backend=self.backend_name,
            provider=request.provider,
            device=request.device,
            threads=threads,
            batch_size=request.batch_size,
            precision=precision,
            soc_version=request.soc_version,
            infer_tool=request.infer_tool,
            sample=request.sample or (zoo and request.checkpoint is None),
            checkpoint=request.checkpoint,
            dataset=request.dataset,
            labels=request.labels,
            limit=request.limit,
            wait_idle=request.wait_idle,
            allow_busy=request.allow_busy,
        )

    def _columns(self) -> tuple[Column, ...]:
        request = self.request
        precisions = request.precision or (None,)
        settings = [
            self._run_request(precision, threads)
            for precision in precisions
            for threads in request.threads or (None,)
        ]
        first = settings[0]
        has_images = request.dataset is not None or first.sample or request.model is not None
        base = Workflow(first, self.env) if has_images else None
        several = len(precisions) > 1, len(request.threads or ()) > 1
        return tuple(self._column(setting, base, several) for setting in settings)

    def _column(
        self, setting: RunRequest, base: Workflow | None, several: tuple[bool, bool]
    ) -> Column:
        run = None
        if base is None:
            options = backend_options(setting, self.info, self.env)
            backend = _convert.load_backend(self.backend_name, options)[1]
        else:
            # The images are the same: reading and hashing them once is enough.
            run = copy.copy(base)
            run.request = setting
            run.precision = setting.precision or base.precision
            run.backend = backend = run.new_backend()
        precision = backend.options.precision
        if self.artifact_path is not None:
            precision = _precision_of(self.artifact_path)
        note = f" {precision}" if several[0] else ""
        note += f" {backend.threads} threads" if several[1] else ""
        return Column(precision, backend, run, note)

    # --- what it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The model's name, or that of the file."""
        file = self.artifact_path or self.request.onnx
        return self.request.model or (file.stem if file is not None else "")

    @property
    def weights_kind(self) -> specs.Weights:
        """Whose weights the figures belong to; those of files are the user's."""
        return self.weights.kind if self.weights is not None else "user"

    @property
    def source(self) -> InputSource:
        """What the artefacts are fed."""
        return "dataset" if self.run is not None else "random"

    @property
    def judges_accuracy(self) -> bool:
        """Whether accuracy is part of it: several settings of a model whose weights are known."""
        return self.run is not None and self.artifact_path is None and len(self.columns) > 1

    def notes(self) -> Iterator[Event]:
        """What is to be known before the first figure."""
        if self.run is not None:
            yield from self.run.notes
            yield from data_notes(self.run.data, self.run.request)

    def sizes(self) -> tuple[int, ...] | None:
        """The batch sizes to measure; None for a sweep."""
        if self.request.batch_size is not None:
            return self.request.batch_size
        fixed = self._fixed_batch()
        return None if fixed is None else (fixed,)

    def _fixed_batch(self) -> int | None:
        """The one batch size that a file takes."""
        if self.artifact_path is not None:
            backend = self.columns[0].backend
            backend.open(self.artifact_path, _convert.builder)
            size = backend.batch_size
            backend.close()
            return size
        if self.run is not None:
            spec = self.run.spec
            return spec.official_batch_sizes[0] if spec.onnx and spec.fixed_batch else None
        from ascend_console.tools.onnx_graph import inspect_graph

        shape = inspect_graph(self.request.onnx).inputs[0].shape if self.request.onnx else ()
        return shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None

    # --- artefacts -------------------------------------------------------------------------------

    def resolve(self) -> Generator[Event, None, None]:
        """Make or check the weights."""
        if self.run is not None and self.artifact_path is None:
            request = self.run.request
            self.weights = yield from _sources.resolve(
                self.run.spec, request.sample, request.checkpoint, self.env
            )

    def artifact(self, column: Column, size: int) -> Generator[Event, None, Artifact]:
        """The artefact for one batch size; threads share it."""
        if self.artifact_path is not None:
            return Artifact(self.artifact_path, size, column.precision)
        key = column.precision, size
        if key not in self._artifacts:
            source = yield from self._conversion(column, size)
            name = _convert.artifact_name(self.name, size, column.precision, self.info.suffix)
            path = self.env.folder / "convert" / name
            self._artifacts[key] = yield from _convert.convert_cached(
                column.backend, source, size, path, self.env
            )
        return self._artifacts[key]

    def _conversion(self, column: Column, size: int) -> Generator[Event, None, ConvertSource]:
        """What an artefact is made from, with images to calibrate on where its precision asks."""
        run = column.run
        if run is None or self.weights is None:
            return ConvertSource(onnx=self.request.onnx)
        # One file serves every batch size, unless the model is exported for each.
        key = size if run.spec.fixed_batch else None
        if key not in self._conversions:
            found = yield from _sources.convert_sources(
                run.spec, self.weights, self.info, (size,), self.env
            )
            self._conversions[key] = found[size]
        if column.precision not in self._calibrations:
            self._calibrations[column.precision] = _calibration.calibration_for(
                column.precision,
                run.spec,
                run.data,
                self.env,
                sample=run.request.dataset is None,
            )
        return replace(self._conversions[key], calibration=self._calibrations[column.precision])

    # --- input -----------------------------------------------------------------------------------

    def pool(self, column: Column, size: int) -> list[NDArray[Any]]:
        """Full batches in memory for the opened artefact."""
        if column.run is not None:
            return _measure.input_pool(column.run.intake(), size)
        tensor = column.backend.inputs[0]
        sizes = tensor.shape[1:]
        if None in sizes:
            raise UserError(
                "bench.free_shape",
                "the input {name} has a free size besides the batch: {shape}",
                hint="Convert it with a fixed --input-shape first, or name its --model.",
                name=tensor.name,
                shape="x".join("?" if entry is None else str(entry) for entry in tensor.shape),
            )
        return [random_batch((size, *(entry or 1 for entry in sizes)), tensor.dtype)]

    def bins(self, column: Column, size: int) -> Generator[Event, None, tuple[Path, ...]]:
        """Some images as `.bin` files, for tools that read files; none where input is random."""
        run = column.run
        if run is None:
            return ()
        count = max(_POOL_IMAGES, size)
        if len(self._bins) < min(count, len(run.data.images)):
            folder = self.env.folder / "work" / "bins"
            files.remove_folder(folder)
            images = run.data.images.files[:count]
            oddities, names = yield from write_bins(
                images, run.data.chosen, folder, run.workers, self.env
            )
            yield from oddities.warnings()
            self._bins = tuple(folder / bins.bin_name(name) for name in names)
        return self._bins[:count]
