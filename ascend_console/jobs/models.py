"""`models`: the zoo and the user's own models as a table, or one model's whole card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.events import SCHEMA, Answered, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job, ModelSpec
from ascend_console.jobs._models import find_model, user_models, zoo_names

if TYPE_CHECKING:
    from ascend_console.core.specs import Events


@dataclass(frozen=True, kw_only=True)
class ModelsRequest:
    """What to list."""

    name: str | None = option(
        "One model, shown with its whole card.",
        default=None,
        default_text="all, one a line",
        positional=True,
        known=zoo_names,
    )


def _origin_document(spec: ModelSpec) -> dict[str, Any] | None:
    origin = spec.origin
    if origin is None:
        return None
    return {
        "paper": origin.paper_title,
        "paper_url": origin.paper_url,
        "repository": origin.repository,
        "branch": origin.branch,
        "commit": origin.commit,
        "licence": origin.licence,
    }


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def model_document(spec: ModelSpec) -> dict[str, Any]:
    """A model in the external form of design.md section 2, and the rest of its card."""
    return {
        "name": spec.name,
        "title": spec.title,
        "summary": spec.summary,
        "task": spec.task,
        "input": {
            "name": spec.input.name,
            "shape": list(spec.input.shape),
            "dtype": spec.input.dtype,
            "layout": spec.input.layout,
        },
        "output": {"name": spec.output.name, "shape": list(spec.output.shape)},
        "preprocessing": list(spec.variants),
        "official_batch_sizes": list(spec.official_batch_sizes),
        "tested_batch_sizes": list(spec.tested_batch_sizes),
        "fixed_batch": spec.fixed_batch,
        "parameters": spec.parameters,
        "macs": spec.macs,
        "accuracy": [
            {
                "metric": item.metric,
                "value": item.value,
                "source": item.source,
                "gated": item.gated,
                "images": item.images,
            }
            for item in spec.accuracy
        ],
        "checkpoint": {
            "file": spec.checkpoint.file,
            "url": spec.checkpoint.url,
            "md5": spec.checkpoint.md5,
            "container": spec.checkpoint.container,
            "note": spec.checkpoint.note,
        },
        "origin": _origin_document(spec),
        "environment": dict(spec.environment),
        "labels": list(spec.labels),
        "defined_in": _text(spec.user and spec.user.defined_in),
        "onnx": _text(spec.onnx),
        "architecture": spec.architecture if spec.onnx is None else None,
    }


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)


def _gated(spec: ModelSpec) -> str:
    return " ".join(
        f"{item.metric} {100 * item.value:.2f} %" for item in spec.accuracy if item.gated
    )


def _list(specs: tuple[ModelSpec, ...]) -> Answered:
    columns = ("model", "task", "input", "output", "official batch", "published", "checkpoint")
    rows = tuple(
        (
            spec.name,
            spec.task,
            f"{spec.input.name} {_shape(spec.input.shape)} {spec.input.dtype}",
            f"{spec.output.name} {_shape(spec.output.shape)}",
            ",".join(str(size) for size in spec.official_batch_sizes),
            _gated(spec),
            spec.checkpoint.file,
        )
        for spec in specs
    )
    document = {"schema": SCHEMA, "models": [model_document(spec) for spec in specs]}
    return Answered(document, columns, rows)


def _on(images: int | None) -> str:
    return "" if images is None else f", on {images:,} images"


def _preprocessing(spec: ModelSpec) -> str:
    own = spec.preprocess
    if own is None or own.name != spec.name:
        return ", ".join(spec.variants)
    crop = "" if own.crop is None else f", crop {own.crop}"
    scaled = "raw" if own.dtype == "uint8" else f"mean {list(own.mean)}, std {list(own.std)}"
    return f"{own.resize} {own.size} {own.filter}{crop}, {scaled}"


def _origin_rows(spec: ModelSpec) -> list[tuple[str, str]]:
    origin = spec.origin
    if origin is None:
        return []
    return [
        ("paper", f"{origin.paper_title}, {origin.paper_url}"),
        ("code", f"{origin.repository}, branch {origin.branch}, commit {origin.commit}"),
        ("licence", origin.licence),
    ]


def _source_rows(spec: ModelSpec) -> list[tuple[str, str]]:
    """Where the weights or the ONNX file are, and how large the network is where that is known."""
    weights, mine = spec.checkpoint, spec.user
    rows = []
    if spec.parameters is not None and spec.macs is not None:
        rows.append(("size", f"{spec.parameters:,} parameters, {spec.macs:,} MACs an image"))
    if mine is not None:
        kind = "ONNX file" if mine.onnx else f"checkpoint of {mine.architecture}"
        return [
            *rows,
            (kind, str(mine.onnx or mine.checkpoint)),
            ("defined in", str(mine.defined_in)),
        ]
    prefix = f", prefix {weights.prefix}" if weights.prefix else ""
    rows += [
        ("checkpoint", weights.file),
        ("checkpoint URL", weights.url or "none published"),
        ("checkpoint md5", weights.md5 or "none published"),
        ("checkpoint layout", f"{weights.container}{prefix}"),
    ]
    return [*rows, ("checkpoint note", weights.note)] if weights.note else rows


def _card_rows(spec: ModelSpec) -> list[tuple[str, str]]:
    batch = f"fixed at export: {spec.fixed_batch_reason}" if spec.fixed_batch else "dynamic"
    rows = [
        ("model", f"{spec.name}: {spec.title}"),
        ("summary", spec.summary),
        ("task", spec.task),
        *_origin_rows(spec),
        ("input", f"{spec.input.name} {_shape(spec.input.shape)} {spec.input.dtype} "
                  f"{spec.input.layout}"),
        ("output", f"{spec.output.name} {_shape(spec.output.shape)} {spec.output.dtype}"),
        ("preprocessing", _preprocessing(spec)),
        ("batch", batch),
        ("official batch sizes", ", ".join(map(str, spec.official_batch_sizes))),
        ("tested batch sizes", ", ".join(map(str, spec.tested_batch_sizes))),
        *_source_rows(spec),
    ]  # fmt: skip
    rows += [
        (f"published {item.metric}", f"{100 * item.value:.3f} % ({item.source})" + _on(item.images))
        for item in spec.accuracy
    ]
    rows += [("published environment", f"{name} {pin}") for name, pin in spec.environment.items()]
    if spec.labels:
        rows.append(("labels", ", ".join(spec.labels)))
    return rows


def models(request: ModelsRequest, env: Env) -> Events:
    """List the models, or show one card; a file that describes no model is a warning of a list."""
    if request.name is None:
        mine, mistakes = user_models(env.settings)
        for error in mistakes:
            yield Warned(error.id, error.message, error.hint, error.values)
        yield _list((*discovery.load_all("zoo"), *mine))
        return
    spec = find_model(request.name, env.settings)
    document = {"schema": SCHEMA, "models": [model_document(spec)]}
    yield Answered(document, ("field", "value"), tuple(_card_rows(spec)))


ENTRY = Job(
    name="models",
    summary="The zoo and your own models: task, input, output, published accuracy, checkpoint.",
    request=ModelsRequest,
    run=models,
    example="ascend-console models ghostnet",
    recording=False,
    order=90,
)
