"""What entries are made of: models, backends, jobs, and the environment that a job runs in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ascend_console.core.events import Event
    from ascend_console.core.settings import Settings

    Events: TypeAlias = Iterator[Event]

Task = Literal["classification", "attributes"]
Weights = Literal["official", "sample", "user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output of a model; `shape` is that of a single sample, without the batch."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    layout: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How an image becomes the tensor that a model takes (models.md section 4).

    `resize` is "short" (short side to `size`, ratio kept, lengths cut to integers) or "exact" (both
    sides to `size`, ratio lost). `crop` is the centre square taken afterwards, None for none.
    Pixels are RGB. dtype float32 is (pixel / 255 - mean) / std; dtype uint8 is raw. `layout` None
    is that of the published scripts: CHW for float32, HWC for uint8.
    `library` does the resizing; its filters differ, so they never stand in for each other.
    """

    name: str
    resize: Literal["short", "exact"]
    size: int
    filter: Literal["bilinear", "bicubic"]
    crop: int | None
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    dtype: Literal["float32", "uint8"] = "float32"
    layout: Literal["CHW", "HWC"] | None = None
    library: Literal["pillow", "opencv"] = "pillow"
    source: str = ""

    @property
    def side(self) -> int:
        """Height and width of the result, in pixels."""
        return self.crop or self.size

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one sample in its layout."""
        return (self.side, self.side, 3) if self.channels_last else (3, self.side, self.side)

    @property
    def channels_last(self) -> bool:
        """Whether a sample is HWC, not CHW."""
        return (self.layout or ("CHW" if self.dtype == "float32" else "HWC")) == "HWC"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReference:
    """A published accuracy as a fraction 0-1, with the document that says so.

    `images` is how many images a user's figure holds for; the zoo's hold on the published sets.
    """

    metric: str
    value: float
    source: str
    gated: bool = False
    images: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSource:
    """The official weights: file name, where they are published, how they are packed.

    `container` is the layout of the published file: "bare" (a state_dict), "state_dict" (a dict
    with that key) or "state_dicts" (a dict with a list, the model first); `prefix` stands before
    every key in it. `counters` tells whether the file has BatchNorm's num_batches_tracked.
    `extra` holds what else the published container carries, with neutral values.
    """

    file: str
    url: str | None
    md5: str | None
    container: Literal["bare", "state_dict", "state_dicts"]
    prefix: str = ""
    counters: bool = True
    note: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a model comes from, as its card prints it."""

    paper_title: str
    paper_url: str
    repository: str
    branch: str
    commit: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserModel:
    """What a model that a user brought has beside the fields of a zoo entry.

    It is an ONNX file, or a checkpoint of a zoo model, its `architecture`. `defined_in` is its
    TOML file, None for a bare ONNX file. `output_index` is the graph's output that is judged.
    """

    defined_in: Path | None = None
    onnx: Path | None = None
    checkpoint: Path | None = None
    architecture: str | None = None
    output_index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything that the console knows of one model.

    `preprocess` is a preprocessing of its own, in place of the first of `variants`. What nobody
    stated of a user's model is None.
    """

    name: str
    title: str
    summary: str
    task: Task
    input: TensorSpec
    output: TensorSpec
    variants: tuple[str, ...]
    official_batch_sizes: tuple[int, ...]
    tested_batch_sizes: tuple[int, ...]
    fixed_batch: bool
    fixed_batch_reason: str = ""
    onnx_file: str
    accuracy: tuple[AccuracyReference, ...]
    checkpoint: CheckpointSource
    origin: Origin | None
    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: int | None
    macs: int | None
    signature: Mapping[str, tuple[int, ...]]
    build: Callable[[], Any]
    labels: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    user: UserModel | None = None
    order: int = 100

    @property
    def label_classes(self) -> int:
        """How many classes or attributes labels speak of: 1000 for 1001 outputs (Top-N rule)."""
        outputs = self.output.shape[0]
        return 1000 if self.task == "classification" and outputs == 1001 else outputs

    @property
    def onnx(self) -> Path | None:
        """The ONNX file that a user's model is; None for a model with weights."""
        return self.user.onnx if self.user else None

    @property
    def architecture(self) -> str:
        """The zoo model whose network this is; its own name where it stands for itself."""
        return (self.user.architecture if self.user else None) or self.name

    @property
    def metric(self) -> Literal["topn", "attributes"]:
        """The family of figures that judges this model."""
        return "topn" if self.task == "classification" else "attributes"


class Cancel(Protocol):
    """Tells whether the run was asked to stop; a threading.Event is one."""

    def is_set(self) -> bool:
        """True from the request on."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the request at most `timeout` seconds; whether it came."""


class Clock(Protocol):
    """The only source of time."""

    def utc(self) -> str:
        """Now as `2026-11-20T10:15:00.123Z`."""

    def monotonic_s(self) -> float:
        """Seconds that only grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """What a job is run with. `run_dir` is None for jobs that record nothing.

    `attempt` counts from 1; a run that is taken up again continues its records at `first_seq`.
    """

    settings: Settings
    cancel: Cancel
    clock: Clock
    run_id: str = ""
    run_dir: Path | None = None
    attempt: int = 1
    first_seq: int = 0

    @property
    def folder(self) -> Path:
        """The run folder of a recording job."""
        if self.run_dir is None:
            raise AssertionError("this job records nothing and has no folder")
        return self.run_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as front ends start it: a request class and the generator that serves it.

    A job that makes documents of its own names their `formats`; its request has that field.
    """

    name: str
    summary: str
    request: type[Any]
    run: Callable[[Any, Env], Events]
    example: str
    recording: bool
    split: Callable[[Any, Settings], list[Any]] | None = None
    label: Callable[[Any], str] | None = None
    formats: tuple[str, ...] = ()
    order: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBatch:
    """Preprocessed samples in memory: `data` is (n, *shape), one name a row."""

    names: tuple[str, ...]
    data: NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A screen as the app finds it: `screen` is the dotted name of its class.

    `short` is the title where the terminal is narrow, `about` the question that it answers.
    """

    name: str
    title: str
    short: str
    key: str
    about: str
    screen: str
    order: int = 100
