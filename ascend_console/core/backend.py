"""Runtimes: what a backend is made of, and what it is opened with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, Events
    from ascend_console.core.validity import ToolFigures
    from ascend_console.core.verdict import Finding, LatencyMs, Source


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of an opened artefact, batch included; unknown sizes are None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorOptions:
    """What only the backend `ascend` can follow; the others refuse whatever is set here.

    `atc_option` holds `name=value` texts, `aipp` an AIPP file, `out_nodes` what atc takes under
    this name.
    """

    soc_version: str | None = None
    infer_tool: str | None = None
    aipp: Path | None = None
    out_nodes: str | None = None
    atc_log: str | None = None
    atc_option: tuple[str, ...] = ()
    tune: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """What a backend is opened with; with `threads` None the backend chooses and says so.

    With `optimise` false a graph runs as it stands, as a reference for its optimised form. `env` is
    the run's, which a backend needs that starts tools; its figures need none.
    """

    provider: str | None = None
    device: str | None = None
    threads: int | None = None
    precision: str = "fp32"
    optimise: bool = True
    vendor: VendorOptions = VendorOptions()
    env: Env | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Images that tell which values a model's tensors take, for artefacts that compute in integers.

    `samples` gives each preprocessed, as a batch of one; `key` is a hash of all that they are.
    """

    samples: Callable[[], Iterator[NDArray[Any]]]
    images: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertSource:
    """What an artefact is made from: an ONNX file, and, where there is one, the torch model.

    `checkpoint` is a checked file with nothing but the state_dict that `build()` takes;
    `input_shape` is that of one sample.
    """

    onnx: Path | None
    model: str | None = None
    checkpoint: Path | None = None
    input_shape: tuple[int, ...] = ()
    input_name: str = "input"
    output_name: str = "output"
    build: Callable[[], Any] | None = None
    calibration: Calibration | None = None


class Backend(ABC):
    """A runtime. Use: `convert` makes the artefact; `open`, `infer` and `close` run it.

    A backend never knows the zoo: what it must build is handed to it in `builders`. `threads` is
    what one inference takes: the number of the options, or the one that was chosen.
    """

    threads: int

    def __init__(self, options: BackendOptions) -> None:
        self.options = options

    @abstractmethod
    def version(self) -> str:
        """The runtime's own version line, as it stands beside every figure."""

    def require_ready(self) -> None:
        """Raise where conversion and inference, one after the other, cannot work here.

        A run asks before its first step, so that nothing is converted in vain.
        """
        return

    def infer_version(self) -> str:
        """The line of what runs artefacts, where another tool converts them."""
        return self.version()

    @abstractmethod
    def device_name(self) -> str:
        """The device that figures belong to, such as `cpu:0`."""

    def lock_names(self) -> tuple[str, ...]:
        """The devices that a run must have for itself, one lock each."""
        return (self.device_name(),)

    def provider_name(self) -> str | None:
        """The execution provider; None for a runtime without such."""
        return None

    def cache_facts(self) -> tuple[Any, ...]:
        """What artefacts depend on besides source, batch size, precision, version and machine."""
        return ()

    @abstractmethod
    def convert(self, source: ConvertSource, output: Path, *, batch_size: int) -> Events:
        """Write the artefact for one batch size and the options' precision to `output`.

        Raises ConversionFailed, or UserError where the source cannot serve this backend.
        """

    @abstractmethod
    def open(self, artifact: Path, builders: Callable[[str], Callable[[], Any]]) -> None:
        """Load an artefact; `builders` gives the network builder of a model's name."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs of the opened artefact, batch first."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs of the opened artefact, batch first."""

    @abstractmethod
    def infer(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs of one full batch of the first input, in the order of `outputs`.

        The arrays may be reused by the next call: copy what must stay.
        """

    @abstractmethod
    def close(self) -> None:
        """Free what `open` took. Closing twice is allowed."""

    @property
    def batch_size(self) -> int | None:
        """The fixed batch size of the opened artefact, None where any size is taken."""
        return self.inputs[0].shape[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceShare:
    """What one of several devices did; `failed` says why it gave no results, None where it did."""

    device: int
    samples: int
    throughput: float | None
    failed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRate:
    """One stage of a tool that reads, prepares, infers and stores by itself: samples a second."""

    throughput: float | None
    module_latency_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One pass of an inference tool over files, or over input that it made by itself.

    `figures` are those that the tool printed, per execution of a whole batch, of all devices
    together; `throughput` in them is the device's own. `outputs` has, for each input in order, its
    result files by output, and is empty without results. `latencies_ms` are the raw compute times,
    where the tool keeps them. `wall_s` is the whole pass by our clock, start of the tool included.
    """

    figures: ToolFigures
    latency: LatencyMs
    samples: int
    wall_s: float
    source: Source
    outputs: tuple[tuple[Path, ...], ...] = ()
    latencies_ms: tuple[float, ...] = ()
    h2d_ms: float | None = None
    d2h_ms: float | None = None
    e2e_throughput: float | None = None
    stages: Mapping[str, StageRate] | None = None
    shares: tuple[DeviceShare, ...] = ()
    findings: tuple[Finding, ...] = ()


class FileBackend(Backend):
    """A runtime that is a tool of its own: it takes files of inputs and gives files of results.

    `infer` serves it too, by way of files; whoever has many inputs calls `run_files` once.
    Its options carry the run's `env`.
    """

    @property
    @abstractmethod
    def card_factor(self) -> int:
        """By what one device's throughput is multiplied for its card."""

    @abstractmethod
    def run_files(
        self,
        artifact: Path,
        inputs: Sequence[Path],
        output: Path,
        *,
        batch_size: int,
        loop: int = 1,
    ) -> Generator[Event, None, ToolRun]:
        """Run every input, one sample a file, results into the new folder `output`.

        Each batch is executed `loop` times, for a longer measurement of few inputs.
        Results are raw values in files whose layout is that of the tool; `outputs` says where.
        Raises ToolFailed with cause and remedy where the tool fails, or gives fewer results.
        """

    @abstractmethod
    def run_random(
        self, artifact: Path, *, batch_size: int, duration_s: float
    ) -> Generator[Event, None, ToolRun]:
        """Run input that the tool makes by itself for about `duration_s` seconds."""

    @abstractmethod
    def read_outputs(self, files: Sequence[Path]) -> list[NDArray[Any]]:
        """The outputs of one sample, from its files in `ToolRun.outputs`, without the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendInfo:
    """A backend as pickers and help show it; `takes` is what its artefacts are made from.

    `unavailable` says, for an environment, why the backend cannot work here and what to type; None
    where it can. `vendor` tells whether it follows VendorOptions.
    """

    name: str
    summary: str
    suffix: str
    precisions: tuple[str, ...]
    takes: Literal["onnx", "checkpoint"] = "onnx"
    backend: Callable[[BackendOptions], Backend]
    unavailable: Callable[[Mapping[str, str]], str | None]
    vendor: bool = False
    order: int = 100
