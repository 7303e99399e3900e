"""From a user's model file to a model like those of the zoo: what its keys must mean together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.specs import (
    AccuracyReference,
    CheckpointSource,
    ModelSpec,
    Preprocess,
    TensorSpec,
    UserModel,
)
from ascend_console.core.variants import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ascend_console.core.specs import Task
    from ascend_console.tools.model_file import ModelFile

DEFAULT_BATCH_SIZES = (1, 16)

_METRICS = {
    "classification": ("top1", "top2", "top3", "top4", "top5"),
    "attributes": ("instance_acc", "instance_precision", "instance_recall", "instance_F1", "mA"),
}
_GATED = ("top1", "top5", "instance_acc")
_OWN_KEYS = ("resize", "size", "filter", "crop", "mean", "std", "dtype", "layout")
_SAMPLE_LAYOUT: dict[str, Any] = {"NCHW": "CHW", "NHWC": "HWC"}


def no_network() -> Any:
    """In place of a network builder: an ONNX file has none, and whoever asks must ask before."""
    raise AssertionError("a model that is an ONNX file has no torch network")


def onnx_model(
    name: str,
    onnx: Path,
    *,
    task: Task,
    tensors: tuple[TensorSpec, TensorSpec],
    preprocess: Preprocess,
    batch_sizes: tuple[int, ...],
    output_index: int | None,
    defined_in: Path | None = None,
) -> ModelSpec:
    """A model that is an ONNX file: what nobody stated of it is None or empty."""
    return ModelSpec(
        name=name,
        title=name,
        summary="",
        task=task,
        input=tensors[0],
        output=tensors[1],
        variants=(preprocess.name,),
        preprocess=preprocess,
        official_batch_sizes=batch_sizes,
        tested_batch_sizes=batch_sizes,
        fixed_batch=False,
        onnx_file=f"{name}.onnx",
        accuracy=(),
        checkpoint=CheckpointSource(file=onnx.name, url=None, md5=None, container="bare"),
        origin=None,
        parameters=None,
        macs=None,
        signature={},
        build=no_network,
        user=UserModel(defined_in=defined_in, onnx=onnx, output_index=output_index),
        order=1000,
    )


def _file(source: ModelFile, key: str) -> Path | None:
    """The file that a key names, relative to the TOML file."""
    text = source.get(key)
    if text is None:
        return None
    path = source.path.absolute().parent / Path(text).expanduser()
    if not path.is_file():
        source.no_file((key,), path)
    return path


def _check_sources(source: ModelFile, architectures: Sequence[str]) -> None:
    """Exactly one of `onnx` and `checkpoint`, the latter with its architecture."""
    onnx, checkpoint, architecture = map(source.get, ("onnx", "checkpoint", "architecture"))
    if onnx is None and checkpoint is None:
        source.missing(("onnx",), "the path of an ONNX file, or checkpoint with architecture")
    if onnx is not None:
        for key in ("checkpoint", "architecture"):
            if source.get(key) is not None:
                source.wrong((key,), source.get(key), "left out beside onnx")
    elif checkpoint is not None and architecture is None:
        source.missing(("architecture",), f"one of {', '.join(architectures)}")
    elif architecture is not None and architecture not in architectures:
        source.wrong(("architecture",), architecture, f"one of {', '.join(architectures)}")


def _input(source: ModelFile) -> TensorSpec | None:
    """The input of an ONNX model; None where it cannot be told."""
    found = source.get("input", default={})
    absent = [key for key in ("name", "shape") if key not in found]
    for key in absent:
        source.missing(("input", key), "as the ONNX file has it")
    if absent:
        return None
    layout, shape = found.get("layout", "NCHW"), tuple(found["shape"])
    sides = shape[1:] if layout == "NCHW" else shape[:2]
    if (shape[0] if layout == "NCHW" else shape[2]) != 3 or len(set(sides)) > 1:
        example = "[3, 224, 224]" if layout == "NCHW" else "[224, 224, 3]"
        source.wrong(("input", "shape"), list(shape), f"square with 3 channels, such as {example}")
        return None
    return TensorSpec(
        name=found["name"], shape=shape, dtype=found.get("dtype", "float32"), layout=layout
    )


def _output(source: ModelFile) -> TensorSpec | None:
    """The output of an ONNX model that is judged; without a name it goes by its number."""
    found = source.get("output", default={})
    if "shape" not in found:
        source.missing(("output", "shape"), "the number of values of one image, such as [1000]")
        return None
    return TensorSpec(name=found.get("name", ""), shape=tuple(found["shape"]))


def _own_preprocess(source: ModelFile, taken: TensorSpec) -> Preprocess | None:
    """A preprocessing that is spelled out."""
    found = source.get("preprocess")
    for key in ("resize", "size"):
        if key not in found:
            source.missing(("preprocess", key), "or variant in place of both")
    if "resize" not in found or "size" not in found:
        return None
    dtype = found.get("dtype", taken.dtype)
    if dtype == "uint8":
        for key in ("mean", "std"):
            if key in found:
                source.wrong(("preprocess", key), found[key], "left out: uint8 pixels are raw")
    crop = found.get("crop")
    if crop is not None and crop > found["size"]:
        source.wrong(("preprocess", "crop"), crop, f"at most the size, {found['size']}")
    if crop is None and found["resize"] == "short":
        source.missing(("preprocess", "crop"), "since a short side alone leaves no square")
    numbers: dict[str, Any] = {
        key: tuple(map(float, found[key])) for key in ("mean", "std") if key in found
    }
    return Preprocess(
        name=source.path.stem,
        resize=found["resize"],
        size=found["size"],
        filter=found.get("filter", "bilinear"),
        crop=crop,
        dtype=dtype,
        layout=_SAMPLE_LAYOUT[found.get("layout", taken.layout)],
        source=str(source.path),
        **numbers,
    )


def _preprocess(source: ModelFile, taken: TensorSpec) -> Preprocess | None:
    """How images become the input that is `taken`; a way that gives another one is a mistake."""
    found = source.get("preprocess")
    if found is None:
        source.missing(("preprocess",), "a table with variant, or with resize and size")
        return None
    if "variant" not in found:
        chosen = _own_preprocess(source, taken)
    else:
        for key in (key for key in _OWN_KEYS if key in found):
            source.wrong(("preprocess", key), found[key], "left out beside variant")
        chosen = VARIANTS.get(found["variant"])
        if chosen is None:
            known = f"one of {', '.join(VARIANTS)}"
            source.wrong(("preprocess", "variant"), found["variant"], known)
    if chosen is None or (chosen.shape, chosen.dtype) == (taken.shape, taken.dtype):
        return chosen
    made = f"{chosen.dtype} {list(chosen.shape)}"
    blamed = _blamed(found, chosen, taken)
    source.wrong(
        ("preprocess", blamed),
        found[blamed],
        f"such that it gives the input, {taken.dtype} {list(taken.shape)}, and not {made}",
    )
    return None


def _blamed(found: dict[str, Any], chosen: Preprocess, taken: TensorSpec) -> str:
    """The key of a preprocessing that makes it give another tensor than the input."""
    if "variant" in found:
        return "variant"
    if chosen.dtype != taken.dtype:
        return "dtype"
    if chosen.side not in taken.shape:
        return "crop" if "crop" in found else "size"
    return "layout"


def _labels(source: ModelFile, outputs: int) -> tuple[str, ...]:
    """The names of classes or attributes, from the list or from the file with one a line."""
    stated = source.get("labels")
    if isinstance(stated, str):
        path = _file(source, "labels")
        if path is None or not path.is_file():
            return ()
        try:
            lines = path.read_bytes().decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            source.wrong(("labels",), stated, "a file of UTF-8 text")
            return ()
        stated = [line.strip() for line in lines if line.strip()]
    if stated is None:
        return ()
    wanted = {outputs, 1000} if outputs == 1001 else {outputs}
    if len(stated) not in wanted:
        names = f"{len(stated)} names"
        source.wrong(("labels",), names, f"as many as the output has values, {outputs}")
    return tuple(stated)


def _references(source: ModelFile, task: Task) -> tuple[AccuracyReference, ...]:
    """The published figures; Top-1, Top-5 and instance_acc are gated, as in the zoo."""
    found: list[AccuracyReference] = []
    for index, entry in enumerate(source.get("references", default=())):
        metric = entry.get("metric")
        if metric is not None and metric not in _METRICS[task]:
            known = f"one of {', '.join(_METRICS[task])}"
            source.wrong(("references", index, "metric"), metric, known)
        elif {"metric", "value", "source", "images"} <= entry.keys():
            same = (metric, entry["images"])
            if any((other.metric, other.images) == same for other in found):
                said = "stated once for one number of images"
                source.wrong(("references", index, "metric"), metric, said)
            found.append(
                AccuracyReference(
                    metric=metric,
                    value=float(entry["value"]),
                    source=entry["source"],
                    gated=metric in _GATED,
                    images=entry["images"],
                )
            )
    return tuple(found)


def _from_onnx(source: ModelFile) -> ModelSpec | None:
    taken, given = _input(source), _output(source)
    chosen = _preprocess(source, taken) if taken else None
    onnx = _file(source, "onnx")
    if taken is None or given is None or chosen is None or onnx is None:
        return None
    return onnx_model(
        source.path.stem,
        onnx,
        task=source.get("task"),
        tensors=(taken, given),
        preprocess=chosen,
        batch_sizes=DEFAULT_BATCH_SIZES,
        output_index=source.get("output", "index"),
        defined_in=source.path,
    )


def _from_checkpoint(source: ModelFile, base: ModelSpec) -> ModelSpec | None:
    """A zoo model's network with other weights; its tensors are those of the network."""
    tensors = {"input": base.input, "output": base.output}
    for table, key in (("input", "shape"), ("input", "dtype"), ("input", "layout"),
                       ("output", "shape")):  # fmt: skip
        stated, own = source.get(table, key), getattr(tensors[table], key)
        if stated is not None and stated != (list(own) if key == "shape" else own):
            shown = list(own) if key == "shape" else repr(own)
            source.wrong((table, key), stated, f"{shown}, as {base.name} has it")
    if source.get("output", "index"):
        source.wrong(("output", "index"), source.get("output", "index"), "left out: one output")
    if source.get("task") != base.task:
        source.wrong(("task",), source.get("task"), f"{base.task!r}, as {base.name} has it")
    given = source.get("preprocess") is not None
    chosen = _preprocess(source, base.input) if given else base.preprocess
    path = _file(source, "checkpoint")
    if path is None or (given and chosen is None):
        return None
    stem = source.path.stem
    tail = "_bs{batch_size}" if source.get("fixed_batch", default=base.fixed_batch) else ""
    return replace(
        base,
        name=stem,
        title=stem,
        summary=f"{base.title} with weights of your own.",
        input=replace(base.input, name=source.get("input", "name", default=base.input.name)),
        output=replace(base.output, name=source.get("output", "name", default=base.output.name)),
        variants=(chosen.name,) if chosen else base.variants,
        preprocess=chosen,
        onnx_file=f"{stem}{tail}.onnx",
        accuracy=(),
        checkpoint=replace(base.checkpoint, file=path.name, url=None, md5=None, note=""),
        environment={},
        user=UserModel(defined_in=source.path, checkpoint=path, architecture=base.name),
        order=1000,
    )


def model_from_file(
    source: ModelFile, architectures: dict[str, Callable[[], ModelSpec]]
) -> ModelSpec:
    """The model that a file describes; UserError names every mistake with its key and line."""
    name = source.get("name")
    if source.path.stem in architectures:
        source.clash()
    elif name is not None and name != source.path.stem:
        source.wrong(("name",), name, f"the name of its file, {source.path.stem!r}")
    _check_sources(source, tuple(architectures))
    architecture = source.get("architecture")
    spec = None
    if source.get("onnx") is not None:
        spec = _from_onnx(source)
    elif architecture in architectures and source.get("checkpoint") is not None:
        spec = _from_checkpoint(source, architectures[architecture]())
    task = source.get("task")
    references = _references(source, task) if task else ()
    labels = _labels(source, spec.output.shape[0]) if spec else ()
    source.require_sound()
    assert spec is not None
    official = tuple(source.get("official_batch_sizes", default=spec.official_batch_sizes))
    tested = tuple(source.get("tested_batch_sizes", default=()))
    fixed = source.get("fixed_batch", default=spec.fixed_batch)
    return replace(
        spec,
        title=source.get("title", default=spec.title),
        summary=source.get("summary", default=spec.summary),
        official_batch_sizes=official,
        tested_batch_sizes=tested or official,
        fixed_batch=fixed,
        fixed_batch_reason=f"{source.path.name} says so" if fixed else "",
        accuracy=references,
        labels=labels or spec.labels,
    )
