"""ONNX Runtime in this process: the default backend, on any installed execution provider."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ascend_console.backends import _checks
from ascend_console.backends._onnxruntime_recipe import (
    Machine,
    Recipe,
    recipe_in,
    relative_source,
)
from ascend_console.core.errors import (
    BackendUnavailable,
    ConversionFailed,
    ToolFailed,
    UserError,
)
from ascend_console.core.events import LogLine
from ascend_console.core.specs import (
    Backend,
    BackendInfo,
    BackendOptions,
    ConvertSource,
    TensorInfo,
)
from ascend_console.tools import environment
from ascend_console.tools.files import atomic_path, sha256_file, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

    from ascend_console.core.specs import Events

_PRECISIONS = ("fp32",)
_CPU = "CPUExecutionProvider"

# It sends tensors to a service on the network, and is no device of this machine.
_REMOTE = "AzureExecutionProvider"

# Providers on a device of their own, and that device's name; all others run on the CPU.
_DEVICES = {
    "CUDAExecutionProvider": "cuda",
    "TensorrtExecutionProvider": "cuda",
    "MIGraphXExecutionProvider": "rocm",
    "CANNExecutionProvider": "npu",
}

# Element types whose numpy name is not the one that ONNX Runtime prints.
_DTYPES = {"float": "float32", "double": "float64"}

_QUIET = 4


def _runtime() -> Any:
    """The library, silenced: whatever it has to say becomes an error of ours."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(_QUIET)
    return onnxruntime


def _errors() -> tuple[type[Exception], ...]:
    """Every exception of the library; they share no base class of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (getattr(state, name) for name in dir(state))
    found = [kind for kind in own if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*found, RuntimeError, ValueError, MemoryError)


def unavailable() -> str | None:
    """Why ONNX Runtime cannot work here; None where it can."""
    if find_spec("onnxruntime") is None:
        return "ONNX Runtime is not installed; type: pip install onnxruntime"
    return None


def _chosen_provider(wanted: str | None) -> str:
    """The provider's full name; `cuda` stands for CUDAExecutionProvider."""
    installed = [name for name in _runtime().get_available_providers() if name != _REMOTE]
    names = {name.removesuffix("ExecutionProvider").lower(): name for name in installed}
    provider: str | None = names.get((wanted or _CPU).removesuffix("ExecutionProvider").lower())
    if provider is None:
        raise BackendUnavailable(
            "onnxruntime.provider",
            "ONNX Runtime has no provider {provider!r} here",
            hint="Installed: {installed}. Others come with other builds of ONNX Runtime.",
            provider=wanted,
            installed=", ".join(installed),
        )
    return provider


def _device_index(provider: str, wanted: str | None) -> int:
    """The index in `1`, `cuda` or `cuda:1`; UserError for a device that the provider lacks."""
    kind = _DEVICES.get(provider, "cpu")
    found = re.fullmatch(rf"(?:{kind})?:?([0-9]*)", wanted or "")
    index = int(found[1] or 0) if found else None
    if index is None or (kind == "cpu" and index > 0):
        raise UserError(
            "onnxruntime.device",
            "{provider} has no device {device!r}",
            hint="Give --device {kind}:0, or choose another --provider.",
            provider=provider,
            device=wanted,
            kind=kind,
        )
    return index


def _tensor(meta: Any) -> TensorInfo:
    element = str(meta.type).removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in meta.shape)
    return TensorInfo(meta.name, shape, _DTYPES.get(element, element))


def _fixed(path: Path, batch_size: int) -> onnx.ModelProto:
    """The model of an ONNX file with its batch fixed; UserError where that cannot be."""
    from ascend_console.tools.onnx_graph import fix_batch, inspect_graph, read_model

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
        self.provider = _chosen_provider(options.provider)
        self.threads = options.threads or environment.cores()
        self._index = _device_index(self.provider, options.device)
        self._errors = _errors()
        self._session: Any = None
        self._inputs: tuple[TensorInfo, ...] = ()
        self._outputs: tuple[TensorInfo, ...] = ()
        self._names: list[str] = []

    @staticmethod
    def unavailable() -> str | None:
        """Why ONNX Runtime cannot work here; None where it can."""
        return unavailable()

    def version(self) -> str:
        """Such as `ONNX Runtime 1.31.1 (CPUExecutionProvider)`."""
        return f"ONNX Runtime {_runtime().__version__} ({self.provider})"

    def device_name(self) -> str:
        """`cpu:0`, or the provider's own device."""
        return f"{_DEVICES.get(self.provider, 'cpu')}:{self._index}"

    @property
    def machine(self) -> Machine:
        """What an artefact that is made here is bound to."""
        return Machine(
            version=str(_runtime().__version__),
            processor=environment.processor_model(),
            vector_extensions=environment.vector_extensions(),
            provider=self.provider,
        )

    def provider_name(self) -> str:
        """Such as `CPUExecutionProvider`."""
        return self.provider

    def convert(self, source: ConvertSource, output: Path, *, batch_size: int) -> Events:
        """Optimise an ONNX file for one batch size and this machine.

        The recipe stands inside the artefact, and beside it as `<output>.json` for readers.
        """
        _checks.check_batch_size(batch_size)
        if source.onnx is None:
            raise UserError(
                "onnxruntime.source",
                "the onnxruntime backend converts ONNX files, and there is none",
                hint="Give --onnx FILE, or export the checkpoint first.",
            )
        _checks.check_output(source.onnx, output)
        model = _fixed(source.onnx, batch_size)
        recipe = Recipe(
            machine=self.machine,
            threads=self.threads,
            batch_size=batch_size,
            precision=self.options.precision,
            source=relative_source(source.onnx, output),
            source_sha256=sha256_file(source.onnx),
        )
        recipe.write_into(model)
        with atomic_path(output) as temporary:
            self._write_optimised(model, temporary, source.onnx)
        write_json(output.with_name(output.name + ".json"), recipe.document())
        yield LogLine(f"batch fixed at {batch_size}, optimised by {self.version()}")

    def _write_optimised(self, model: onnx.ModelProto, path: Path, source: Path) -> None:
        try:
            data = model.SerializeToString()
            if self.provider == _CPU:
                self._new_session(data, optimise=True, store=path)
            else:
                # Other providers compile into forms that no ONNX file holds: they do it at load.
                self._new_session(data, optimise=True)
                path.write_bytes(data)
        except self._errors as error:
            if path.exists():  # the graph was taken, and only the disk failed
                raise OSError(_checks.one_line(error)) from error
            raise ConversionFailed(
                "onnxruntime.convert",
                "ONNX Runtime cannot take {path}: {reason}",
                hint="Look at the file with `inspect`, and export it again at opset 11.",
                path=source,
                reason=_checks.one_line(error),
            ) from error

    def _new_session(self, model: str | bytes, *, optimise: bool, store: Path | None = None) -> Any:
        """A session on a file's path or on a model's bytes."""
        runtime = _runtime()
        levels = runtime.GraphOptimizationLevel
        options = runtime.SessionOptions()
        options.log_severity_level = _QUIET
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.graph_optimization_level = (
            levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
        )
        if store is not None:
            options.optimized_model_filepath = str(store)
        own = {"device_id": str(self._index)} if self.provider in _DEVICES else {}
        # Without `enable_fallback=0` a broken provider would run on the CPU under its own name.
        session = runtime.InferenceSession(
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

    def _opened(self, artifact: Path) -> Any:
        from ascend_console.tools.onnx_graph import read_model

        recipe = recipe_in(read_model(artifact))
        if recipe is None:
            return self._new_session(str(artifact), optimise=self.options.optimise)
        if recipe.machine == self.machine:
            return self._new_session(str(artifact), optimise=self.provider != _CPU)
        model = _fixed(recipe.find_source(artifact), recipe.batch_size)
        return self._new_session(model.SerializeToString(), optimise=True)

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
