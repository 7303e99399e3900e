"""The two sides of a comparison: what each is, and how it answers a batch of images."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ascend_console.core import discovery
from ascend_console.core.backend import BackendOptions, FileBackend, VendorOptions
from ascend_console.core.comparison import FLOAT32
from ascend_console.core.errors import UserError
from ascend_console.core.specs import Weights as WeightsKind
from ascend_console.core.verdict import Finding, finding
from ascend_console.jobs import _convert
from ascend_console.jobs._sources import OnnxFile
from ascend_console.jobs._stream import full_batch
from ascend_console.jobs.infer import backend_for, batch_of
from ascend_console.tools import files, history, paths, run_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from ascend_console.core.backend import Backend, BackendInfo
    from ascend_console.core.specs import Env, ImageBatch, ModelSpec
    from ascend_console.jobs._sources import Source
    from ascend_console.jobs._weights import Weights
    from ascend_console.jobs.compare import CompareRequest

TORCH = "torch"

_MAKING = ("run", "convert", "export")
_ARTEFACT = re.compile(r"_bs(\d+)_[a-z0-9]+$")
_ONNX = ".onnx"


# --- what --against names ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What `--against` names: torch, an artefact's file, or the folder of a run.

    `model` and `weights` are those that a run tells of itself.
    """

    kind: Literal["torch", "file", "run"]
    path: Path | None = None
    model: str | None = None
    weights: WeightsKind | None = None


def _own_folder(wanted: str, env: Env) -> Path:
    """The folder of a run; `last` is the newest that made an artefact, since this one is newer."""
    if wanted == "last":
        for run in history.summaries(env.settings.workspace, env.cancel):
            folder = paths.runs_folder(env.settings.workspace) / run.run_id
            if run.job in _MAKING and run.state == "finished" and artefacts_of(folder):
                return folder
    return history.find(env.settings.workspace, wanted)


def read_against(wanted: str, env: Env) -> Against:
    """What `--against` means; UserError where it is neither a file nor a run."""
    if wanted == TORCH:
        return Against(kind="torch")
    path = Path(wanted)
    suffixes = {info.suffix for info in discovery.load_all("backends")}
    if path.suffix in suffixes or path.is_file():
        return Against(kind="file", path=files.require_file(path, "an artefact"))
    run = run_folder.load(_own_folder(wanted, env))
    model = run.document.get("model")
    kind = history.verdict_document(run).get("weights")
    return Against(
        kind="run",
        path=run.folder,
        model=str(model) if model else None,
        weights=kind if kind in get_args(WeightsKind) else None,
    )


def artefacts_of(folder: Path) -> dict[int, Path]:
    """The artefacts that a run keeps by batch size, else its ONNX file, as batch size 0."""
    suffixes = {info.suffix for info in discovery.load_all("backends")}
    found = {}
    for path in sorted((folder / "convert").glob("*")):
        match = _ARTEFACT.search(path.stem)
        if match and path.suffix in suffixes:
            found[int(match[1])] = path
    exported = sorted((folder / "export").glob(f"*{_ONNX}"))
    return found or ({0: exported[0]} if exported else {})


def artefact_of_run(folder: Path, batch_size: int) -> Path:
    """The artefact of a run for a batch size, else for its smallest.

    UserError where it keeps none.
    """
    found = artefacts_of(folder)
    if not found:
        raise UserError(
            "compare.run_empty",
            "the run {name} keeps no artefact to compare with",
            hint="Name a run of `run`, `convert` or `export`, or an artefact's file.",
            name=folder.name,
        )
    return found.get(batch_size) or found[min(found)]


# --- a side --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side: an artefact on a backend, or, without a backend, torch's own network.

    `graph` is the ONNX file whose layers are its own; where there is none, `no_graph` says why.
    `weights` are known where the console made the side from them. `wanted_batch` is the batch size
    that was asked for.
    """

    title: str
    precision: str | None
    backend_name: str = TORCH
    backend: Backend | None = None
    artifact: Path | None = None
    weights: Weights | None = None
    graph: Path | None = None
    no_graph: Finding | None = None
    wanted_batch: int | None = None

    @property
    def device(self) -> str:
        """The device that it runs on."""
        return self.backend.device_name() if self.backend else "cpu:0"

    @property
    def provider(self) -> str | None:
        """The execution provider; None for a runtime without such."""
        return self.backend.provider_name() if self.backend else None

    def batch_size(self, default: int) -> int:
        """What one inference takes, once it is open; UserError where that is not as wanted."""
        assert self.backend is not None
        own = self.backend.batch_size if self.wanted_batch is None else None
        return own or batch_of(self.backend, self.wanted_batch or default)

    def document(self) -> dict[str, Any]:
        """The external form of a side."""
        return {
            "title": self.title,
            "backend": self.backend_name,
            "provider": self.provider,
            "device": self.device,
            "precision": self.precision,
            "path": str(self.artifact) if self.artifact else None,
            "sha256": files.sha256_file(self.artifact) if self.artifact else None,
            "graph": str(self.graph) if self.graph else None,
        }


def require_network(spec: ModelSpec) -> None:
    """UserError for a model that is an ONNX file: torch has no network of it."""
    if spec.onnx is not None:
        raise UserError(
            "compare.no_network",
            "torch has no network of {model}, which is the ONNX file {onnx}",
            hint="Compare with the file as it stands: --against {onnx}.",
            model=spec.name,
            onnx=spec.onnx,
        )


def torch_side(weights: Source) -> Side:
    """The float32 network of a model with weights."""
    assert not isinstance(weights, OnnxFile)
    return Side(title="torch float32", precision=FLOAT32, weights=weights)


def artefact_side(
    artifact: Path,
    backend: tuple[str, Backend],
    title: str,
    *,
    weights: Weights | None = None,
    wanted_batch: int | None = None,
) -> Side:
    """An artefact on its backend by name, with the ONNX file behind it where that is at hand."""
    precision, graph, why = _behind(artifact, backend[1], title)
    return Side(
        title=title,
        precision=precision,
        backend_name=backend[0],
        backend=backend[1],
        artifact=artifact,
        weights=None if isinstance(backend[1], FileBackend) else weights,
        graph=graph,
        no_graph=why,
        wanted_batch=wanted_batch,
    )


def _behind(
    artifact: Path, backend: Backend, title: str
) -> tuple[str | None, Path | None, Finding | None]:
    """Precision and ONNX file of an artefact, or why its layers cannot be seen."""
    if isinstance(backend, FileBackend):
        precision = _side_car(artifact).get("precision")
        return (str(precision) if precision else None), None, finding(
            "compare.layers_of_tool",
            "{side} is run by a tool of its own: its final outputs alone are compared",
            side=title,
        )  # fmt: skip
    if artifact.suffix != _ONNX:
        return FLOAT32, None, finding(
            "compare.layers_of_other",
            "{side} is no ONNX file: its final outputs alone are compared",
            side=title,
        )  # fmt: skip
    return _behind_onnx(artifact, title)


def _behind_onnx(artifact: Path, title: str) -> tuple[str | None, Path | None, Finding | None]:
    from ascend_console.backends._onnxruntime_recipe import recipe_in
    from ascend_console.tools.onnx_graph import inspect_graph, read_model
    from ascend_console.tools.onnx_layers import precision_of

    model = read_model(artifact)
    try:
        recipe = recipe_in(model)
    except ValueError:  # opening the artefact says what is wrong with it
        return None, None, None
    if recipe is not None:
        try:
            return recipe.precision, recipe.find_source(artifact), None
        except UserError:
            return recipe.precision, None, finding(
                "compare.layers_bound",
                "{side} is optimised for one machine, and the ONNX file that it was made from is "
                "not at hand: its final outputs alone are compared",
                "Compare the ONNX file itself, or keep it where `convert` found it.",
                side=title,
            )  # fmt: skip
    if inspect_graph(model).external_data:
        return precision_of(model), None, finding(
            "compare.layers_in_two_files",
            "{side} keeps its weights in a second file: its final outputs alone are compared",
            "Save it as one file: onnx.save(onnx.load('model.onnx'), 'one.onnx').",
            side=title,
        )  # fmt: skip
    return precision_of(model), artifact, None


def _side_car(artifact: Path) -> Mapping[str, Any]:
    """What stands beside an artefact to say what it is; empty where nothing does."""
    path = artifact.with_name(artifact.name + ".json")
    try:
        document = files.read_json(path) if path.is_file() else {}
    except UserError:
        return {}
    return document if isinstance(document, dict) else {}


def reference_artefact(
    request: CompareRequest, against: Against, backend_name: str, batch_size: int, env: Env
) -> Side:
    """The artefact that `--against` names, on the backend of its suffix.

    An ONNX file runs as it stands. What was said of the other side's device holds where both have
    the same backend, `backend_name`; `batch_size` is the other side's.
    """
    assert against.path is not None
    path, title = against.path, against.path.name
    if against.kind == "run":
        named = _ARTEFACT.search(request.artifact.stem) if request.artifact else None
        path = artefact_of_run(against.path, int(named[1]) if named else batch_size)
        title = f"{path.name} of {against.path.name}"
    name = backend_for(path, None)
    info: BackendInfo = discovery.load("backends", name)
    same = backend_name == name
    options = BackendOptions(
        provider=request.provider if same else None,
        device=request.device if same else None,
        threads=request.threads if same else None,
        precision=info.precisions[0],
        optimise=False,
        vendor=VendorOptions(infer_tool=request.infer_tool) if info.vendor else VendorOptions(),
        env=env,
    )
    return artefact_side(path, (name, _convert.load_backend(name, options)[1]), title)


# --- answers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """A side at work: the names of its outputs, and each output (n, c) of a batch of n images.

    `batch_size` is what one inference takes, `tool` the version line of what does it.
    """

    names: tuple[str, ...]
    answer: Callable[[ImageBatch], list[NDArray[Any]]]
    batch_size: int
    tool: str


@contextmanager
def running(
    side: Side,
    spec: ModelSpec,
    batch_size: int,
    results: Mapping[str, tuple[Path, ...]] | None = None,
) -> Iterator[Running]:
    """The side, open; `results` are the files that its tool has written, by image."""
    if side.backend is None:
        with _network(side, spec) as network:
            yield network
        return
    assert side.artifact is not None
    try:
        side.backend.open(side.artifact, _convert.builder)
        size = side.batch_size(batch_size)
        names = tuple(tensor.name for tensor in side.backend.outputs)
        if isinstance(side.backend, FileBackend):
            answer = _from_files(side.backend, results or {})
        else:
            answer = _in_batches(side.backend, size)
        yield Running(names, answer, size, side.backend.infer_version())
    finally:
        side.backend.close()


@contextmanager
def _network(side: Side, spec: ModelSpec) -> Iterator[Running]:
    from ascend_console.tools import torch_parallel
    from ascend_console.tools.environment import version_of

    assert side.weights is not None
    compute = torch_parallel.network_compute(side.weights.module())
    with torch_parallel.spread_over_cores(compute) as spread:

        def answer(batch: ImageBatch) -> list[NDArray[Any]]:
            data: Any = batch.data
            found = spread(data)
            return [found.reshape(len(found), -1)]

        tool = f"PyTorch {version_of('torch')} ({side.device})"
        yield Running((spec.output.name,), answer, torch_parallel.reference_batch(), tool)


def _in_batches(backend: Backend, size: int) -> Callable[[ImageBatch], list[NDArray[Any]]]:
    import numpy as np

    def answer(batch: ImageBatch) -> list[NDArray[Any]]:
        parts = []
        for start in range(0, len(batch.data), size):
            data = batch.data[start : start + size]
            found = backend.infer(full_batch(data, backend.batch_size))
            parts.append([value[: len(data)].reshape(len(data), -1).copy() for value in found])
        return [np.concatenate(rows) for rows in zip(*parts, strict=True)]

    return answer


def _from_files(
    backend: FileBackend, results: Mapping[str, tuple[Path, ...]]
) -> Callable[[ImageBatch], list[NDArray[Any]]]:
    import numpy as np

    def answer(batch: ImageBatch) -> list[NDArray[Any]]:
        rows = [backend.read_outputs(results[name]) for name in batch.names]
        return [np.stack([value.reshape(-1) for value in same]) for same in zip(*rows, strict=True)]

    return answer
