"""Both sides layer by layer, on a few images: the first layer whose values part.

Graphs run as they stand, one side after the other, some tensors at a time, so that memory holds.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.backend import BackendOptions
from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.core.events import LogLine, Progress
from ascend_console.core.layer_jump import align, first_jump, layer_difference
from ascend_console.core.verdict import Finding, finding
from ascend_console.jobs import _convert
from ascend_console.jobs._export import export_all
from ascend_console.jobs._stream import full_batch
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

    from ascend_console.core.events import Event
    from ascend_console.core.layer_jump import Alignment, LayerDifference, LayerJump, Pair
    from ascend_console.core.specs import Env, ModelSpec
    from ascend_console.jobs._compare_sides import Side

SAMPLES = 2

# Tensors that are held at once, times the batch: some hundred megabytes of an ImageNet network.
_TENSORS = 256
_SHOWN_WEIGHTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightDifference:
    """A weight of the layer that jumps, on both sides; `max_abs` None where shapes differ."""

    name: str
    reference_name: str
    max_abs: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """What the layers tell; `why` says why they were not compared, else what was found."""

    why: Finding
    is_compared: bool = False
    aligned_by: str | None = None
    differences: tuple[LayerDifference, ...] = ()
    skipped: int = 0
    jump: LayerJump | None = None
    weights: tuple[WeightDifference, ...] = ()


# --- the graphs ----------------------------------------------------------------------------------


def _fixed_batch(graph: Path) -> int | None:
    from ascend_console.tools.onnx_graph import inspect_graph

    inputs = inspect_graph(graph).inputs
    first = inputs[0].shape[0] if inputs and inputs[0].shape else None
    return first if isinstance(first, int) and first > 0 else None


def _graphs(
    spec: ModelSpec, sides: tuple[Side, Side], batch_size: int, env: Env
) -> Generator[Event, None, tuple[Path, Path] | Finding]:
    """The ONNX file of each side, exported where only its weights are known; or why there is none.

    An export has the batch size that the other side's file is bound to.
    """
    for side in sides:
        if side.graph is None and side.weights is None:
            return side.no_graph or finding(
                "compare.layers_unknown", "no layers are known of {side}", side=side.title
            )
    same = finding(
        "compare.layers_same",
        "both sides have the same graph and weights: what differs comes from the conversion and "
        "from the runtime",
    )
    if _is_own_export(sides[0], sides[1], env):
        return same
    bound = [_fixed_batch(side.graph) for side in sides if side.graph is not None]
    size = next((found for found in bound if found is not None), batch_size)
    graphs = []
    for side in sides:
        if side.graph is not None:
            graphs.append(side.graph)
        else:
            assert side.weights is not None
            exported = yield from export_all(spec, side.weights, (size,), env)
            graphs.append(exported[size].path)
    if files.sha256_file(graphs[0]) == files.sha256_file(graphs[1]):
        return same
    return graphs[0], graphs[1]


def _is_own_export(artefact: Side, reference: Side, env: Env) -> bool:
    """Whether the artefact was made from the very export that the reference would get."""
    is_shared = artefact.weights is not None and artefact.weights is reference.weights
    exported = (env.folder / "export").resolve()
    return is_shared and (artefact.graph is None or artefact.graph.resolve().parent == exported)


class _Probe:
    """One graph that can be asked for the values of its tensors on some images."""

    def __init__(self, graph: Path, data: NDArray[Any], folder: Path) -> None:
        from ascend_console.tools.onnx_graph import read_model

        self.model: onnx.ModelProto = read_model(graph)
        self._count = len(data)
        self._data = full_batch(data, _fixed_batch(graph))
        self._file = folder / f"{graph.stem}_layers.onnx"

    @property
    def batch(self) -> int:
        """Images that one execution takes."""
        return len(self._data)

    def values(self, tensors: Sequence[str]) -> list[NDArray[Any]]:
        """The tensors' values, of the images alone that were given."""
        from ascend_console.tools.onnx_layers import exposed

        files.write_bytes(self._file, exposed(self.model, tensors))
        options = BackendOptions(optimise=False)
        with closing(discovery.load("backends", "onnxruntime").backend(options)) as backend:
            backend.open(self._file, _convert.builder)
            found: list[NDArray[Any]] = backend.infer(self._data)
        return [self._of_images(value) for value in found]

    def _of_images(self, value: NDArray[Any]) -> NDArray[Any]:
        """Without the filling of a short batch; what has no batch stays whole."""
        is_batched = value.ndim > 0 and value.shape[0] == self.batch
        return value[: self._count] if is_batched else value


# --- the comparison ------------------------------------------------------------------------------


def _differences(
    pairs: Sequence[Pair], reference: _Probe, other: _Probe
) -> Generator[Event, None, list[LayerDifference]]:
    """The differences of all pairs that can be compared, in their order."""
    found = []
    step = max(1, _TENSORS // max(reference.batch, other.batch))
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        ours = other.values([pair[1].output for pair in part])
        theirs = reference.values([pair[0].output for pair in part])
        for pair, expected, seen in zip(part, theirs, ours, strict=True):
            entry = layer_difference(pair, expected, seen)
            if entry is not None:
                found.append(entry)
        yield Progress(min(start + step, len(pairs)), len(pairs), "layers")
    return found


def _weight_differences(
    jump: LayerJump, reference: onnx.ModelProto, other: onnx.ModelProto
) -> tuple[WeightDifference, ...]:
    """The weights of the layer that jumps, side by side."""
    import numpy as np

    from ascend_console.tools.onnx_layers import weight

    found = []
    layers = jump.difference.reference, jump.difference.other
    for expected, seen in zip(layers[0].weights, layers[1].weights, strict=True):
        a, b = weight(reference, expected), weight(other, seen)
        same = a.shape == b.shape and a.dtype.kind == b.dtype.kind == "f" and a.size
        largest = float(np.abs(a.astype(np.float64) - b).max()) if same else None
        known = largest if largest is not None and np.isfinite(largest) else None
        found.append(WeightDifference(name=seen, reference_name=expected, max_abs=known))
    return tuple(found)


def _shown(entry: LayerDifference) -> str:
    """A relative difference: NaN where the other side is none, inf beside a reference of zeros."""
    return f"{entry.size:.3g}" if entry.is_finite else "NaN"


def _told(
    jump: LayerJump | None,
    differences: Sequence[LayerDifference],
    weights: Sequence[WeightDifference],
) -> Finding:
    """What was found, in one sentence."""
    if not differences:
        return finding(
            "compare.layers_none",
            "no layer of one side has its like on the other: final outputs alone are compared",
            "Compare graphs of the same network.",
        )
    if jump is None:
        worst = max(differences, key=lambda entry: entry.size)
        return finding(
            "compare.no_jump",
            "no layer jumps: of {count} layers the largest difference is {difference} of its "
            "largest value, at {layer} ({operator})",
            count=len(differences),
            difference=_shown(worst),
            layer=worst.other.title,
            operator=worst.other.op_type,
        )
    entry = jump.difference
    named = [
        f"{found.name} (Δ {found.max_abs:.3g})" if found.max_abs else found.name
        for found in weights[:_SHOWN_WEIGHTS]
    ]
    return finding(
        "compare.jump",
        "layer {place} of {count} is the first that jumps: {layer} ({operator}), difference "
        "{difference} of its largest value, {before} just before it; weights: {weights}",
        "Look at this layer's weights and attributes on both sides; what follows it only inherits "
        "the difference.",
        place=jump.index + 1,
        count=len(differences),
        layer=entry.other.title,
        operator=entry.other.op_type,
        difference=_shown(entry),
        before=f"{jump.before:.3g}",
        weights=", ".join(named) or "-",
    )


def _report(
    graphs: tuple[Path, Path], data: NDArray[Any], floor: float, env: Env
) -> Generator[Event, None, LayerReport]:
    from ascend_console.tools.onnx_layers import layers_of

    folder = env.folder / "work"
    data = data[: min(_fixed_batch(graph) or len(data) for graph in graphs)]
    try:
        other = _Probe(graphs[0], data, folder / "artefact")
        reference = _Probe(graphs[1], data, folder / "reference")
        alignment: Alignment = align(layers_of(reference.model), layers_of(other.model))
        pairs = alignment.pairs
        yield LogLine(f"{len(pairs)} layers, paired by {alignment.by}")
        differences = yield from _differences(pairs, reference, other)
    finally:
        files.remove_folder(folder)
    jump = first_jump(differences, floor=floor)
    weights = _weight_differences(jump, reference.model, other.model) if jump else ()
    return LayerReport(
        why=_told(jump, differences, weights),
        is_compared=bool(differences),
        aligned_by=alignment.by,
        differences=tuple(differences),
        skipped=len(pairs) - len(differences),
        jump=jump,
        weights=weights,
    )


def compare_layers(
    spec: ModelSpec,
    sides: tuple[Side, Side],
    data: NDArray[Any],
    batch_size: int,
    floor: float,
    env: Env,
) -> Generator[Event, None, LayerReport]:
    """The layers of artefact and reference on the images `data` (n, *input).

    `floor` is the relative difference from which on a layer can jump. What hinders the comparison
    is told and ends nothing: the outputs were compared before.
    """
    try:
        graphs = yield from _graphs(spec, sides, batch_size, env)
        if isinstance(graphs, Finding):
            return LayerReport(why=graphs)
        return (yield from _report(graphs, data, floor, env))
    except Interrupted:
        raise
    except ConsoleError as error:
        return LayerReport(
            why=finding(
                "compare.layers_failed",
                "the layers could not be compared: {reason}",
                "{advice}",
                reason=error.message,
                advice=error.hint,
            )
        )
