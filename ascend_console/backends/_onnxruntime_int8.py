"""float32 to int8 for ONNX Runtime: static quantisation with a QDQ pair at each tensor.

Activations are unsigned 8-bit with the smallest and largest value that calibration images gave;
weights are signed, with a scale for each channel. Everything that can be quantised is. Where the
outputs for calibration images then differ too much from those in float32, the first and the last
layer stay in float32, if that brings them nearer.
"""

from __future__ import annotations

import math
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConversionFailed, UserError
from ascend_console.core.events import LogLine, Progress
from ascend_console.tools import environment

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import onnx
    from numpy.typing import NDArray

    from ascend_console.core.backend import Calibration
    from ascend_console.core.events import Event

OPSET = 13
"""The first one that has a scale for each channel."""

MOST_NOISE = 0.25
"""Largest difference from float32 that full int8 may have, relative to the outputs' own spread."""

_BATCH = 8
_CHECKED_SAMPLES = 32
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_QUIET = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """An int8 model that runs on any machine, in ONNX, and how it was made.

    `noise` is the root mean square of its outputs' difference from float32 on calibration images,
    relative to how much the outputs in float32 differ from image to image. `reduced` tells that
    weights have 7 bits, since this processor's 8-bit sums would overflow.
    """

    model: bytes
    images: int
    noise: float
    float_ends: bool
    reduced: bool

    def facts(self, calibration: Calibration, source: str, source_sha256: str) -> dict[str, Any]:
        """What stands in the recipe of an artefact."""
        return {
            "key": calibration.key,
            "images": self.images,
            "noise": round(self.noise, 6) if math.isfinite(self.noise) else None,
            "float_ends": self.float_ends,
            "reduced_range": self.reduced,
            "source": source,
            "source_sha256": source_sha256,
        }


def quantised(
    model: onnx.ModelProto, calibration: Calibration, near: Path
) -> Generator[Event, None, Quantised]:
    """The int8 form of a model whose batch may be free; temporary files lie in the folder `near`.

    Raises ConversionFailed where the model cannot be raised to opset 13, and what ONNX Runtime
    raises where it cannot take it.
    """
    with _scratch(near) as folder:
        prepared = _prepared(model, folder)
        batches = _Batches(prepared, calibration)
        ranges = yield from _ranges(prepared, batches, calibration.images, folder)
        reduced = _needs_reduced_range()
        full = _with_integers(prepared, ranges, (), reduced)
        float_outputs = _outputs(prepared.read_bytes(), batches)
        noise = _noise(float_outputs, _outputs(full, batches))
        yield LogLine(f"int8: {100 * noise:.1f} % noise on {calibration.images} images")
        ends = _ends(prepared)
        if noise > MOST_NOISE and len(ends) == 2:
            partly = _with_integers(prepared, ranges, ends, reduced)
            less = _noise(float_outputs, _outputs(partly, batches))
            yield LogLine(f"int8: {100 * less:.1f} % noise with the first and last layer in float")
            if less < noise:
                return Quantised(
                    model=partly,
                    images=calibration.images,
                    noise=less,
                    float_ends=True,
                    reduced=reduced,
                )
    return Quantised(
        model=full, images=calibration.images, noise=noise, float_ends=False, reduced=reduced
    )


def write_fixed(data: bytes, batch_size: int, path: Path) -> None:
    """Write a quantised model with its batch fixed to `path`."""
    import onnx

    from ascend_console.tools.onnx_graph import fix_batch

    model = onnx.ModelProto.FromString(data)
    fix_batch(model, batch_size)
    path.write_bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _scratch(near: Path) -> Iterator[Path]:
    """A temporary folder whose name tells whose it is, so that it is swept after a kill."""
    near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(f".{os.getpid()}.tmp", ".int8-", near) as name:
        yield Path(name)


def _needs_reduced_range() -> bool:
    """On x86 without VNNI two products of 8 bits overflow the 16 bits that they are added in."""
    extensions = environment.vector_extensions()
    return "avx" in extensions and "vnni" not in extensions


def _opset(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if not entry.domain), 1)


def _raised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model at opset 13, or as it is where it is there already."""
    from onnx import version_converter

    if _opset(model) >= OPSET:
        return model
    try:
        return version_converter.convert_version(model, OPSET)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ConversionFailed(
            "onnxruntime.opset",
            "the model cannot be raised to opset {opset}, which int8 needs: {reason}",
            hint="Export it at opset {opset}, or convert it with --precision fp32.",
            opset=OPSET,
            reason=" ".join(str(error).split())[:300] or type(error).__name__,
        ) from error


def _prepared(model: onnx.ModelProto, folder: Path) -> Path:
    """The model with constants folded and BatchNorm inside its convolutions, still all ONNX."""
    import onnx
    import onnxruntime

    path = folder / "prepared.onnx"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(
        _raised(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = onnx.load(str(path))
    for index, node in enumerate(found.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
    onnx.save(found, str(path))
    return path


class _Batches:
    """Calibration images in batches that a model takes, each once through."""

    def __init__(self, path: Path, calibration: Calibration) -> None:
        import onnx

        graph = onnx.load(str(path)).graph
        weights = {tensor.name for tensor in graph.initializer}
        (value,) = [value for value in graph.input if value.name not in weights]
        self.name = value.name
        self.batch_size = value.type.tensor_type.shape.dim[0].dim_value or _BATCH
        self._calibration = calibration

    def feeds(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Full batches; the last one is filled up with its first image."""
        import numpy as np

        samples = self._calibration.samples()
        while group := list(islice(samples, self.batch_size)):
            group += [group[0]] * (self.batch_size - len(group))
            yield {self.name: np.concatenate(group)}


class _Once:
    """One batch, as the library's calibrator asks for it."""

    def __init__(self, feed: dict[str, NDArray[Any]]) -> None:
        self._left = [feed]

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The batch, then None."""
        return self._left.pop() if self._left else None


def _operators() -> list[str]:
    """Every kind of operator that can be quantised."""
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QLinearOpsRegistry, *QDQRegistry})


def _ranges(
    prepared: Path, batches: _Batches, images: int, folder: Path
) -> Generator[Event, None, Any]:
    """The smallest and largest value of every tensor, over all calibration images."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator

    calibrator = create_calibrator(
        prepared,
        _operators(),
        augmented_model_path=str(folder / "augmented.onnx"),
        calibrate_method=CalibrationMethod.MinMax,
    )
    done = 0
    for feed in batches.feeds():
        # Batch by batch, so that a run can be followed, and stopped, meanwhile.
        calibrator.collect_data(_Once(feed))
        done = min(images, done + batches.batch_size)
        yield Progress(done, images, "images")
    if not done:
        raise UserError(
            "onnxruntime.no_calibration",
            "none of the {count} images to calibrate on can be used",
            hint="Check that the folder holds images that Pillow can open.",
            count=images,
        )
    return calibrator.compute_data()


def _with_integers(prepared: Path, ranges: Any, excluded: tuple[str, ...], reduced: bool) -> bytes:
    """The model with QDQ pairs, except around the `excluded` nodes."""
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

    try:
        quantizer = QDQQuantizer(
            load_model_with_shape_infer(prepared),
            per_channel=True,
            reduce_range=reduced,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=list(excluded),
            op_types_to_quantize=_operators(),
            extra_options={},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
    except (LookupError, TypeError, AttributeError, AssertionError) as error:
        # The library checks little of what it is given: an odd graph shows as any of these.
        raise ValueError(f"it cannot be quantised: {error!r}") from error
    model = quantizer.model.model
    del model.metadata_props[:]
    data: bytes = model.SerializeToString()
    return data


def _ends(prepared: Path) -> tuple[str, ...]:
    """The names of the first and the last layer with weights."""
    import onnx

    names = [node.name for node in onnx.load(str(prepared)).graph.node if node.op_type in _LAYERS]
    return tuple(dict.fromkeys((names[0], names[-1]))) if names else ()


def _outputs(model: bytes, batches: _Batches) -> list[NDArray[Any]]:
    """The outputs (n, values) of a model for the first calibration images, in float64."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    count = max(1, _CHECKED_SAMPLES // batches.batch_size)
    found = [session.run(None, feed) for feed in islice(batches.feeds(), count)]
    return [
        np.concatenate([rows.reshape(len(rows), -1) for rows in column]).astype(np.float64)
        for column in zip(*found, strict=True)
    ]


def _noise(exact: list[NDArray[Any]], found: list[NDArray[Any]]) -> float:
    """Root mean square difference relative to the spread over images; the worst output counts."""
    import numpy as np

    worst = 0.0
    for right, seen in zip(exact, found, strict=True):
        error = float(np.sqrt(((seen - right) ** 2).mean()))
        spread = float(np.sqrt(((right - right.mean(axis=0)) ** 2).mean()))
        if error > 0:
            worst = max(worst, error / spread if spread > 0 else float("inf"))
    return worst
