"""The steps of `compare`: both sides are made, answer the same images, and are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core import discovery
from ascend_console.core.backend import FileBackend
from ascend_console.core.comparison import rule_for
from ascend_console.core.errors import UserError
from ascend_console.core.events import StepStarted
from ascend_console.jobs import _convert, _onnx_model, _sources, _weights
from ascend_console.jobs._backend_options import backend_options
from ascend_console.jobs._calibration import calibration_for
from ascend_console.jobs._compare_data import image_notes, open_images
from ascend_console.jobs._compare_layers import SAMPLES, compare_layers
from ascend_console.jobs._compare_outputs import compare_outputs, preprocess_to_files, run_tool
from ascend_console.jobs._compare_report import Findings, tell
from ascend_console.jobs._compare_sides import (
    artefact_side,
    read_against,
    reference_artefact,
    require_network,
    torch_side,
)
from ascend_console.jobs._models import find_model
from ascend_console.jobs._stream import Intake
from ascend_console.jobs.infer import backend_for
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator

    from ascend_console.core import specs
    from ascend_console.core.backend import BackendInfo
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec
    from ascend_console.core.verdict import Verdict
    from ascend_console.jobs._compare_outputs import Compared, Results
    from ascend_console.jobs._compare_sides import Against, Side
    from ascend_console.jobs._sources import Source
    from ascend_console.jobs.compare import CompareRequest

_DEFAULT_BACKEND = "onnxruntime"


# --- before any work -----------------------------------------------------------------------------


def _require_sense(request: CompareRequest, against: Against) -> None:
    """UserError for a request without a side, or with options that would do nothing."""
    if request.model is None and request.artifact is None:
        raise UserError(
            "compare.what",
            "there is nothing to compare",
            hint="Name --model NAME or --artifact FILE, and --against torch, a run or a file.",
        )
    if request.artifact is None:
        return
    for name in ("precision", "soc_version"):
        if getattr(request, name) is not None:
            raise UserError(
                "compare.made",
                "--{option} is for making an artefact, and {artifact} is one already",
                hint="Leave --{option} out, or leave --artifact out and name --model.",
                option=name.replace("_", "-"),
                artifact=request.artifact.name,
            )
    if request.checkpoint is not None and against.kind != "torch":
        raise UserError(
            "compare.no_weights",
            "--checkpoint is for a side that is made from weights, and both sides are artefacts",
            hint="Leave --checkpoint out, or compare --against torch.",
        )


def _model_of(request: CompareRequest, against: Against, env: Env) -> tuple[ModelSpec, list[Event]]:
    """The model that both sides are of, with what was assumed of a bare ONNX file."""
    if request.model is not None:
        if against.model not in (None, request.model):
            raise UserError(
                "compare.other_model",
                "the run {name} is of {other}, not of {model}",
                hint="Name a run of the same model.",
                name=against.path.name if against.path else "",
                other=against.model,
                model=request.model,
            )
        return _onnx_model.checked_model(find_model(request.model, env.settings)), []
    assert request.artifact is not None
    artifact = files.require_file(request.artifact, "an artefact")
    if against.model is not None:
        try:
            return _onnx_model.checked_model(find_model(against.model, env.settings)), []
        except UserError as error:
            if error.id != "model.unknown":
                raise
    if artifact.suffix != ".onnx" or against.kind == "torch":
        raise UserError(
            "compare.model",
            "{artifact} alone does not tell its preprocessing and its network",
            hint="Add --model NAME: the model that it is of.",
            artifact=artifact.name,
        )
    spec, note = _onnx_model.assumed_model(artifact)
    return spec, [note]


class Comparison:
    """One comparison under way: what its steps share."""

    def __init__(self, request: CompareRequest, env: Env) -> None:
        from ascend_console.tools.environment import cores

        self.request, self.env = request, env
        self.against = read_against(request.against, env)
        _require_sense(request, self.against)
        self.spec, self.notes = _model_of(request, self.against, env)
        named = request.backend or _DEFAULT_BACKEND
        self.name = backend_for(request.artifact, request.backend) if request.artifact else named
        self.info: BackendInfo = discovery.load("backends", self.name)
        options = backend_options(request, self.info, env)
        self.backend = _convert.load_backend(self.name, options)[1]
        self.makes_artefact = request.artifact is None
        self.needs_weights = self.makes_artefact or self.against.kind == "torch"
        by_default = request.checkpoint is None and self.spec.user is None
        self.takes_sample = request.sample or (self.needs_weights and by_default)
        if self.needs_weights:
            _weights.require_one_source(self.spec, self.takes_sample, request.checkpoint)
        self.batch_size = request.batch_size or self.spec.official_batch_sizes[0]
        self.reference: Side | None = None
        if self.against.kind == "torch":
            require_network(self.spec)
        else:
            self.reference = reference_artefact(
                request, self.against, self.name, self.batch_size, env
            )
        if self.makes_artefact:
            _sources.require_fit(self.spec, self.info)
            _onnx_model.require_batch_sizes(self.spec, (self.batch_size,))
        is_sample = self.takes_sample or self.against.weights == "sample"
        self.data = open_images(self.spec, request, answers_sample=is_sample)
        self.workers = cores()
        names = list(self._step_names())
        self._steps = {step: (index, len(names)) for index, step in enumerate(names, 1)}

    def _step_names(self) -> Generator[str, None, None]:
        if self.needs_weights:
            yield "weights"
        if self.makes_artefact:
            yield "export"
            yield "convert"
        yield from ("outputs", "layers", "verdict")

    def step(self, name: str) -> StepStarted:
        """The event that begins a step."""
        return StepStarted(name, *self._steps[name])

    def intake(self) -> Intake:
        """A fresh pass over the images."""
        return Intake(self.data.images, self.data.data.chosen, self.env, self.workers)


# --- the sides -----------------------------------------------------------------------------------


def _made(this: Comparison, source: Source) -> Generator[Event, None, Side]:
    """The artefact of a model, made from its weights."""
    size, precision = this.batch_size, this.backend.options.precision
    calibration = calibration_for(
        precision, this.spec, this.data.data, this.env, sample=this.data.is_sample
    )
    yield this.step("export")
    sources = yield from _sources.convert_sources(
        this.spec, source, this.info, (size,), this.env, calibration
    )
    yield this.step("convert")
    name = _convert.artifact_name(this.spec.name, size, precision, this.info.suffix)
    path = this.env.folder / "convert" / name
    made = yield from _convert.convert_cached(this.backend, sources[size], size, path, this.env)
    weights = None if isinstance(source, _sources.OnnxFile) else source
    title = made.path.name
    return artefact_side(made.path, (this.name, this.backend), title, weights=weights)


def _sides(this: Comparison) -> Generator[Event, None, tuple[tuple[Side, Side], specs.Weights]]:
    """Artefact and reference, and whose weights they have as far as that is known."""
    source: Source | None = None
    kind = this.against.weights or "user"
    if this.takes_sample:
        kind = "sample"
    if this.needs_weights:
        yield this.step("weights")
        sample = this.takes_sample
        source = yield from _sources.resolve(this.spec, sample, this.request.checkpoint, this.env)
    if this.makes_artefact:
        assert source is not None
        artefact = yield from _made(this, source)
    else:
        assert this.request.artifact is not None
        path = files.require_file(this.request.artifact, "an artefact")
        wanted = this.request.batch_size
        artefact = artefact_side(path, (this.name, this.backend), path.name, wanted_batch=wanted)
    reference = this.reference
    if reference is None:
        assert source is not None
        reference = torch_side(source)
    return (artefact, reference), kind


# --- the images ----------------------------------------------------------------------------------


def _results(
    this: Comparison, sides: tuple[Side, Side]
) -> Generator[Event, None, tuple[Results | None, Results | None]]:
    """What the tools of such sides answer to every image; None for a side in this process."""
    found: list[Results | None] = [None, None]
    if not any(isinstance(side.backend, FileBackend) for side in sides):
        return None, None
    inputs = yield from preprocess_to_files(
        this.data.images, this.data.data.chosen, this.workers, this.env
    )
    for place, side in enumerate(sides):
        if isinstance(side.backend, FileBackend):
            folder = this.env.folder / "infer" / str(place)
            found[place] = yield from run_tool(
                side, side.backend, inputs, folder, this.env, this.batch_size
            )
    return found[0], found[1]


def _compared(this: Comparison, sides: tuple[Side, Side]) -> Generator[Event, None, Compared]:
    yield this.step("outputs")
    try:
        results = yield from _results(this, sides)
        return (
            yield from compare_outputs(
                this.spec, sides, results, this.data.images, this.intake(), this.batch_size,
                has_labels=this.data.has_labels,
            )
        )  # fmt: skip
    finally:
        for name in ("preprocess", "infer"):
            files.remove_folder(this.env.folder / name)


def carry_out(request: CompareRequest, env: Env) -> Generator[Event, None, Verdict]:
    """Compare both sides; the verdict is the result."""
    this = Comparison(request, env)
    yield from this.notes
    yield from image_notes(this.data)
    sides, weights = yield from _sides(this)
    rule = rule_for(sides[0].precision, sides[1].precision, request.tolerance)
    compared = yield from _compared(this, sides)
    yield this.step("layers")
    first = next(this.intake().batches(SAMPLES))
    layers = yield from compare_layers(
        this.spec, sides, first.data, this.batch_size, rule.layer_floor, env
    )
    yield this.step("verdict")
    found = Findings(
        spec=this.spec,
        weights=weights,
        data=this.data,
        sides=sides,
        rule=rule,
        compared=compared,
        layers=layers,
        skip_bad_images=request.skip_bad_images,
    )
    return (yield from tell(found, env))
