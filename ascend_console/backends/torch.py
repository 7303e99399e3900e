"""PyTorch in this process: the float32 reference that every other backend is compared with."""

from __future__ import annotations

import io
import pickle
import re
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ascend_console.backends import _checks
from ascend_console.core.backend import (
    Backend,
    BackendInfo,
    BackendOptions,
    ConvertSource,
    TensorInfo,
)
from ascend_console.core.errors import BackendUnavailable, ToolFailed, UserError
from ascend_console.core.events import LogLine
from ascend_console.tools import environment
from ascend_console.tools.files import require_file, write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from ascend_console.core.specs import Events

_PRECISIONS = ("fp32",)
_FORMAT = 1
_FIELDS = {
    "model": str,
    "batch_size": int,
    "precision": str,
    "input_name": str,
    "output_name": str,
    "input_shape": list,
    "state_dict": dict,
}

# What torch.load raises for files that are torn, something else, or would run code.
_LOAD_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
)


def unavailable(environ: Mapping[str, str] | None = None) -> str | None:
    """Why PyTorch cannot work here; None where it can."""
    if find_spec("torch") is None:
        return "PyTorch is not installed; type: pip install 'ascend-console[torch]'"
    return None


def _load(path: Path, what: str) -> Any:
    """The values in a file of torch.save; no code of the file is run. UserError where torn."""
    import torch

    require_file(path, what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of other programs, refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except _LOAD_ERRORS as error:
        reason = str(error).partition("\n")[0]
        raise _checks.unreadable(path, what, reason or "it is cut short") from error


def _load_artifact(path: Path) -> dict[str, Any]:
    """The fields of an artefact; UserError for a file that is none."""
    found = _load(path, "a torch artefact")
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise _checks.unreadable(path, "a torch artefact", "`convert` did not write it")
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(found.get(name), kind)]
    if wrong:
        raise _checks.unreadable(path, "a torch artefact", f"it lacks {', '.join(wrong)}")
    return found


def _filled(build: Callable[[], Any], state_dict: Any, path: Path) -> torch.nn.Module:
    """The network with exactly these weights, ready to infer; UserError where they differ."""
    network: torch.nn.Module = build()
    try:
        network.load_state_dict(state_dict, strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = _checks.one_line(error)
        raise _checks.unreadable(path, "weights of this model", reason) from error
    return network.eval()


def _cuda_index(wanted: str | None) -> int | None:
    """The index in `cuda` or `cuda:1`, None for the CPU; UserError for any other device."""
    if wanted in (None, "", "0", "cpu", "cpu:0"):
        return None
    found = re.fullmatch(r"cuda(?::([0-9]+))?", wanted or "")
    if found is None:
        raise UserError(
            "torch.device",
            "PyTorch has no device {device!r} here",
            hint="Give --device cpu or --device cuda:0.",
            device=wanted,
        )
    return int(found[1] or 0)


def _require_cuda(index: int) -> None:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        raise BackendUnavailable(
            "torch.cuda",
            "PyTorch {version} sees {count} CUDA devices, so there is no cuda:{index}",
            hint="Check the driver with nvidia-smi, or give --device cpu.",
            version=torch.__version__,
            count=count,
            index=index,
        )


class TorchBackend(Backend):
    """Runs a model's own network on its checkpoint, in full float32 on the CPU or on CUDA.

    The number of threads is torch's own setting and holds for the whole process.
    """

    def __init__(self, options: BackendOptions) -> None:
        super().__init__(options)
        _checks.require("torch", unavailable())
        _checks.check_options("torch", _PRECISIONS, options)
        if options.provider is not None:
            raise UserError(
                "torch.provider",
                "the torch backend has no providers, so {provider!r} means nothing to it",
                hint="Leave --provider out; --device chooses between cpu and cuda:0.",
                provider=options.provider,
            )
        self._cuda = _cuda_index(options.device)
        if self._cuda is not None:
            _require_cuda(self._cuda)
        self.threads = options.threads or environment.cores()
        self._network: torch.nn.Module | None = None
        self._inputs: tuple[TensorInfo, ...] = ()
        self._outputs: tuple[TensorInfo, ...] = ()

    def version(self) -> str:
        """Such as `PyTorch 2.13.0+cpu (cpu:0)`."""
        import torch

        return f"PyTorch {torch.__version__} ({self.device_name()})"

    def device_name(self) -> str:
        """`cpu:0` or `cuda:<index>`."""
        return "cpu:0" if self._cuda is None else f"cuda:{self._cuda}"

    def convert(self, source: ConvertSource, output: Path, *, batch_size: int) -> Events:
        """Put the weights, their model's name and the batch size into one file."""
        import torch

        _checks.check_batch_size(batch_size)
        if source.checkpoint is None or source.build is None or source.model is None:
            raise UserError(
                "torch.source",
                "the torch backend runs checkpoints, not ONNX files",
                hint="Name the model and its weights: --model NAME --checkpoint FILE.",
            )
        _checks.check_output(source.checkpoint, output)
        state_dict = _load(source.checkpoint, "a checkpoint")
        network = _filled(source.build, state_dict, source.checkpoint)
        artifact = {
            "format": _FORMAT,
            "model": source.model,
            "batch_size": batch_size,
            "precision": self.options.precision,
            "input_name": source.input_name,
            "output_name": source.output_name,
            "input_shape": list(source.input_shape),
            "state_dict": dict(network.state_dict()),
        }
        # Through memory: torch reports a full disk in a way of its own, our writer as an error.
        buffer = io.BytesIO()
        torch.save(artifact, buffer)
        write_bytes(output, buffer.getvalue())
        yield LogLine(f"batch fixed at {batch_size}, weights packed for {self.version()}")

    def open(self, artifact: Path, builders: Callable[[str], Callable[[], Any]]) -> None:
        """Build the artefact's network, fill it, and learn its outputs from one zero sample."""
        import torch

        self.close()
        found = _load_artifact(artifact)
        network = _filled(builders(found["model"]), found["state_dict"], artifact)
        torch.set_num_threads(self.threads)
        if self._cuda is not None:  # pragma: no cover - needs a GPU
            self._reference_arithmetic()
        self._network = network.to(self._device())
        shape = tuple(found["input_shape"])
        self._inputs = (TensorInfo(found["input_name"], (found["batch_size"], *shape), "float32"),)
        try:
            sample = self._run(torch.zeros((1, *shape)))
        except ToolFailed as error:
            self.close()
            raise _checks.unreadable(artifact, "a torch artefact", error.message) from error
        names = [found["output_name"]]
        if len(sample) > 1:
            names = [f"{names[0]}_{index}" for index in range(len(sample))]
        self._outputs = tuple(
            TensorInfo(name, (found["batch_size"], *value.shape[1:]), value.dtype.name)
            for name, value in zip(names, sample, strict=True)
        )

    @staticmethod
    def _reference_arithmetic() -> None:  # pragma: no cover - needs a GPU
        """Full float32: TF32 would keep 10 bits of a mantissa, which is no reference."""
        import torch

        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False

    def _device(self) -> str:
        return "cpu" if self._cuda is None else f"cuda:{self._cuda}"

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The one input, batch first."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs in the order of the network, batch first."""
        return self._outputs

    def infer(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs of one full batch; UserError where its dtype or shape does not fit."""
        import numpy as np
        import torch

        _checks.check_batch(batch, self._inputs[0])
        return self._run(torch.from_numpy(np.require(batch, requirements=["C", "W"])))

    def _run(self, batch: torch.Tensor) -> list[NDArray[Any]]:
        import torch

        if self._network is None:
            raise AssertionError("open an artefact before it is run")
        try:
            with torch.inference_mode():
                found = self._network(batch.to(self._device()))
                values = list(found) if isinstance(found, tuple | list) else [found]
                return [value.cpu().numpy() for value in values]
        except (RuntimeError, MemoryError) as error:
            raise ToolFailed(
                "torch.run",
                "PyTorch stopped: {reason}",
                hint="Try a smaller batch size, or another --device.",
                reason=_checks.one_line(error),
            ) from error

    def close(self) -> None:
        """Free the network."""
        self._network = None
        self._inputs = self._outputs = ()


ENTRY = BackendInfo(
    name="torch",
    summary="PyTorch: the float32 reference, on the CPU or a CUDA GPU.",
    suffix=".pt",
    precisions=_PRECISIONS,
    takes="checkpoint",
    backend=TorchBackend,
    unavailable=unavailable,
    order=30,
)
