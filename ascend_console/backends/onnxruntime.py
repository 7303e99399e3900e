"""ONNX Runtime in this process: the default backend, on any installed execution provider."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ascend_console.backends import _checks
from ascend_console.backends._onnxruntime_int8 import Quantised, quantised, write_fixed
from ascend_console.backends._onnxruntime_profile import profiled
from ascend_console.backends._onnxruntime_provider import (
    CPU,
    DEVICES,
    QUIET,
    chosen_provider,
    device_index,
    runtime,
)
from ascend_console.backends._onnxruntime_recipe import (
    Machine,
    Recipe,
    recipe_in,
    relative_source,
)
from ascend_console.core.backend import (
    Backend,
    BackendInfo,
    BackendOptions,
    ConvertSource,
    TensorInfo,
)
from ascend_console.core.errors import (
    BackendUnavailable,
    ConversionFailed,
    ToolFailed,
    UserError,
)
from ascend_console.core.events import ArtifactWritten, LogLine
from ascend_console.tools import environment
from ascend_console.tools.files import atomic_folder, atomic_path, sha256_file, write_json
from ascend_console.tools.random_input import random_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

    from ascend_console.core.events import Event
    from ascend_console.core.operators import OperatorTable
    from ascend_console.core.specs import Events

_PRECISIONS = ("fp32", "int8")

# What a side that a graph leaves free is taken as.
_FREE_SIDE = 224

# Element types whose numpy name is not the one that ONNX Runtime prints.
_DTYPES = {"float": "float32", "double": "float64"}


def _errors() -> tuple[type[Exception], ...]:
    """Every exception of the library; they share no base class of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (getattr(state, name) for name in dir(state))
    found = [kind for kind in own if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*found, RuntimeError, ValueError, MemoryError)


def unavailable(environ: Mapping[str, str] | None = None) -> str | None:
    """Why ONNX Runtime cannot work here; None where it can."""
    if find_spec("onnxruntime") is None:
        return "ONNX Runtime is not installed; type: pip install onnxruntime"
    return None


def _tensor(meta: Any) -> TensorInfo:
    element = str(meta.type).removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in meta.shape)
    return TensorInfo(meta.name, shape, _DTYPES.get(element, element))


def _not_taken(path: Path, error: Exception) -> ConversionFailed:
    return ConversionFailed(
        "onnxruntime.convert",
        "ONNX Runtime cannot take {path}: {reason}",
        hint="Look at the file with `inspect`, and export it again at opset 11.",
        path=path,
        reason=_checks.one_line(error),
    )


def _portable(path: Path) -> onnx.ModelProto:
    """The model of an ONNX file that any machine can run; UserError for an artefact."""
    from ascend_console.tools.onnx_graph import inspect_graph, read_model

    model = read_model(path)
    if recipe_in(model) is not None:
        raise UserError(
            "onnxruntime.converted",
            "{path} was optimised by `convert` before and is bound to one machine",
            hint="Give the ONNX file that it was made from.",
            path=path,
        )
    weights = inspect_graph(model).external_data
    if weights:
        raise UserError(
            "onnx.external_data",
            "{path} keeps its weights in a second file, {file}",
            hint="Save it as one file: onnx.save(onnx.load({path!r}), 'one.onnx').",
            path=path,
            file=weights[0],
        )
    return model


def _fixed(path: Path, batch_size: int) -> onnx.ModelProto:
    """The model of an ONNX file with its batch fixed; UserError where that cannot be."""
    from ascend_console.tools.onnx_graph import fix_batch

    model = _portable(path)
    fix_batch(model, batch_size)
    return model


class OnnxRuntimeBackend(Backend):
    """Runs ONNX files, and optimises them once for this machine.

    Figures depend on the graph, the version, the processor, the provider and the threads; each
    can be asked for. Sessions are deterministic: the same batch gives the same bits.
    """

    def __init__(self, options: BackendOptions) -> None:
        super().__init__(options)
        _checks.require("onnxruntime", unavailable())
        _checks.check_options("onnxruntime", _PRECISIONS, options)
        self.provider = chosen_provider(options.provider)
        self.threads = options.threads or environment.cores()
        self._index = device_index(self.provider, options.device)
        self._errors = _errors()
        self._session: Any = None
        self._inputs: tuple[TensorInfo, ...] = ()
        self._outputs: tuple[TensorInfo, ...] = ()
        self._names: list[str] = []
        self._quantised: dict[tuple[str, str], Quantised] = {}

    def version(self) -> str:
        """Such as `ONNX Runtime 1.31.1 (CPUExecutionProvider)`."""
        return f"ONNX Runtime {runtime().__version__} ({self.provider})"

    def device_name(self) -> str:
        """`cpu:0`, or the provider's own device."""
        return f"{DEVICES.get(self.provider, 'cpu')}:{self._index}"

    @property
    def machine(self) -> Machine:
        """What an artefact that is made here is bound to."""
        return Machine(
            version=str(runtime().__version__),
            processor=environment.processor_model(),
            vector_extensions=environment.vector_extensions(),
            provider=self.provider,
        )

    def provider_name(self) -> str:
        """Such as `CPUExecutionProvider`."""
        return self.provider

    def convert(self, source: ConvertSource, output: Path, *, batch_size: int) -> Events:
        """Optimise an ONNX file for one batch size and this machine, for int8 quantised before.

        The recipe stands inside the artefact, and beside it as `<output>.json` for readers. The
        quantised model as any machine can run it stands beside it as `<stem>_qdq.onnx`.
        """
        _checks.check_batch_size(batch_size)
        if source.onnx is None:
            raise UserError(
                "onnxruntime.source",
                "the onnxruntime backend converts ONNX files, and there is none",
                hint="Give --onnx FILE, or export the checkpoint first.",
            )
        _checks.check_output(source.onnx, output)
        model, origin, facts = _fixed(source.onnx, batch_size), source.onnx, None
        if self.options.precision == "int8":
            origin = output.with_name(f"{output.stem}_qdq.onnx")
            facts = yield from self._quantise(source, source.onnx, origin, batch_size)
            model = _fixed(origin, batch_size)
        recipe = Recipe(
            machine=self.machine,
            threads=self.threads,
            batch_size=batch_size,
            precision=self.options.precision,
            source=relative_source(origin, output),
            source_sha256=sha256_file(origin),
            calibration=facts,
        )
        recipe.write_into(model)
        with atomic_path(output) as temporary:
            self._write_optimised(model, temporary, source.onnx)
        write_json(output.with_name(output.name + ".json"), recipe.document())
        yield LogLine(f"batch fixed at {batch_size}, optimised by {self.version()}")

    def _quantise(
        self, source: ConvertSource, onnx: Path, output: Path, batch_size: int
    ) -> Generator[Event, None, Mapping[str, Any]]:
        """Write the int8 form of an ONNX file; what tells how it was made.

        One calibration serves every batch size of a model whose batch is free.
        """
        calibration = source.calibration
        if calibration is None:
            raise UserError(
                "onnxruntime.calibration",
                "int8 needs images of the model's kind, to see which values its tensors take",
                hint="Add --dataset DIR with some, or --sample for the sample images.",
            )
        key = (sha256_file(onnx), calibration.key)
        with atomic_path(output) as temporary:
            if key not in self._quantised:
                try:
                    self._quantised[key] = yield from quantised(
                        _portable(onnx), calibration, output.parent
                    )
                except self._errors as error:
                    raise _not_taken(onnx, error) from error
            found = self._quantised[key]
            write_fixed(found.model, batch_size, temporary)
        return found.facts(calibration, relative_source(onnx, output), key[0])

    def _write_optimised(self, model: onnx.ModelProto, path: Path, source: Path) -> None:
        try:
            data = model.SerializeToString()
            if self.provider == CPU:
                self._new_session(data, optimise=True, store=path)
            else:
                # Other providers compile into forms that no ONNX file holds: they do it at load.
                self._new_session(data, optimise=True)
                path.write_bytes(data)
        except self._errors as error:
            if path.exists():  # the graph was taken, and only the disk failed
                raise OSError(_checks.one_line(error)) from error
            raise _not_taken(source, error) from error

    def _new_session(
        self,
        model: str | bytes,
        *,
        optimise: bool,
        store: Path | None = None,
        trace: Path | None = None,
    ) -> Any:
        """A session on a file's path or on a model's bytes; `trace` begins the profile's name."""
        library = runtime()
        levels = library.GraphOptimizationLevel
        options = library.SessionOptions()
        options.log_severity_level = QUIET
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = library.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.graph_optimization_level = (
            levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
        )
        if store is not None:
            options.optimized_model_filepath = str(store)
        if trace is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(trace)
        own = {"device_id": str(self._index)} if self.provider in DEVICES else {}
        # Without `enable_fallback=0` a broken provider would run on the CPU under its own name.
        session = library.InferenceSession(
            model, options, providers=[(self.provider, own)], enable_fallback=0
        )
        if self.provider not in session.get_providers():
            raise BackendUnavailable(
                "onnxruntime.provider_failed",
                "ONNX Runtime could not start {provider}",
                hint="Check its driver and libraries, or leave --provider out.",
                provider=self.provider,
            )
        return session

    def open(self, artifact: Path, builders: Callable[[str], Callable[[], Any]]) -> None:
        """Load an artefact or any ONNX file; one from another machine is optimised again."""
        del builders
        self.close()
        try:
            self._session = self._opened(artifact)
        except self._errors as error:
            reason = _checks.one_line(error)
            raise _checks.unreadable(artifact, "an ONNX model", reason) from error
        self._inputs = tuple(map(_tensor, self._session.get_inputs()))
        self._outputs = tuple(map(_tensor, self._session.get_outputs()))
        self._names = [tensor.name for tensor in self._outputs]
        if len(self._inputs) != 1:
            count = len(self._inputs)
            self.close()
            raise _checks.unreadable(artifact, "a vision model", f"it has {count} inputs, not one")

    def _opened(self, artifact: Path, trace: Path | None = None) -> Any:
        from ascend_console.tools.onnx_graph import read_model

        recipe = recipe_in(read_model(artifact))
        if recipe is None:
            optimise = self.options.optimise
            return self._new_session(str(artifact), optimise=optimise, trace=trace)
        if recipe.machine == self.machine:
            optimise = self.provider != CPU
            return self._new_session(str(artifact), optimise=optimise, trace=trace)
        model = _fixed(recipe.find_source(artifact), recipe.batch_size)
        return self._new_session(model.SerializeToString(), optimise=True, trace=trace)

    def profile(
        self, artifact: Path, *, batch_size: int, output: Path
    ) -> Generator[Event, None, OperatorTable]:
        """What the operators of an artefact cost on random input; the trace lies in `output`."""
        try:
            with atomic_folder(output) as folder:
                session = self._opened(artifact, folder / "onnxruntime")
                tensor = _tensor(session.get_inputs()[0])
                sizes = [batch_size, *(size or _FREE_SIDE for size in tensor.shape[1:])]
                batch = random_batch(sizes, tensor.dtype)
                table = profiled(session, tensor.name, batch, folder / "trace.json")
        except self._errors as error:
            reason = _checks.one_line(error)
            raise _checks.unreadable(artifact, "an ONNX model", reason) from error
        yield ArtifactWritten(str(output), "profile")
        return table

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The one input, batch first."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the graph, batch first."""
        return self._outputs

    def infer(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs of one full batch; UserError where its dtype or shape does not fit."""
        tensor = self._inputs[0]
        _checks.check_batch(batch, tensor)
        try:
            # Binding outputs beforehand costs more a call than it saves for outputs this small.
            outputs: list[NDArray[Any]] = self._session.run(self._names, {tensor.name: batch})
        except self._errors as error:
            raise ToolFailed(
                "onnxruntime.run",
                "ONNX Runtime stopped: {reason}",
                hint="Try a smaller batch size; `convert` again where the model was edited.",
                reason=_checks.one_line(error),
            ) from error
        return outputs

    def close(self) -> None:
        """Free the session."""
        self._session = None
        self._inputs = self._outputs = ()


ENTRY = BackendInfo(
    name="onnxruntime",
    summary="ONNX Runtime, on the CPU or any installed execution provider (default).",
    suffix=".onnx",
    precisions=_PRECISIONS,
    backend=OnnxRuntimeBackend,
    unavailable=unavailable,
    order=10,
)
