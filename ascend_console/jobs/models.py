"""`models`: the zoo as a table, or one model's whole card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.events import SCHEMA, Answered
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job, ModelSpec

if TYPE_CHECKING:
    from ascend_console.core.specs import Events


def zoo_names() -> tuple[str, ...]:
    """The names of the models, without importing any."""
    return discovery.names("zoo")


@dataclass(frozen=True, kw_only=True)
class ModelsRequest:
    """What to list."""

    name: str | None = option(
        "One model, shown with its whole card.",
        default=None,
        default_text="all, one a line",
        positional=True,
        choices=zoo_names,
    )


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
            {"metric": item.metric, "value": item.value, "source": item.source, "gated": item.gated}
            for item in spec.accuracy
        ],
        "checkpoint": {
            "file": spec.checkpoint.file,
            "url": spec.checkpoint.url,
            "md5": spec.checkpoint.md5,
            "container": spec.checkpoint.container,
            "note": spec.checkpoint.note,
        },
        "origin": {
            "paper": spec.origin.paper_title,
            "paper_url": spec.origin.paper_url,
            "repository": spec.origin.repository,
            "branch": spec.origin.branch,
            "commit": spec.origin.commit,
            "licence": spec.origin.licence,
        },
        "environment": dict(spec.environment),
        "labels": list(spec.labels),
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


def _card_rows(spec: ModelSpec) -> list[tuple[str, str]]:
    origin, weights = spec.origin, spec.checkpoint
    batch = f"fixed at export: {spec.fixed_batch_reason}" if spec.fixed_batch else "dynamic"
    rows = [
        ("model", f"{spec.name}: {spec.title}"),
        ("summary", spec.summary),
        ("task", spec.task),
        ("paper", f"{origin.paper_title}, {origin.paper_url}"),
        ("code", f"{origin.repository}, branch {origin.branch}, commit {origin.commit}"),
        ("licence", origin.licence),
        ("input", f"{spec.input.name} {_shape(spec.input.shape)} {spec.input.dtype} "
                  f"{spec.input.layout}"),
        ("output", f"{spec.output.name} {_shape(spec.output.shape)} {spec.output.dtype}"),
        ("preprocessing", ", ".join(spec.variants)),
        ("batch", batch),
        ("official batch sizes", ", ".join(map(str, spec.official_batch_sizes))),
        ("tested batch sizes", ", ".join(map(str, spec.tested_batch_sizes))),
        ("size", f"{spec.parameters:,} parameters, {spec.macs:,} MACs an image"),
        ("checkpoint", weights.file),
        ("checkpoint URL", weights.url or "none published"),
        ("checkpoint md5", weights.md5 or "none published"),
        ("checkpoint layout", f"{weights.container}{', prefix ' * bool(weights.prefix)}"
                              f"{weights.prefix}"),
    ]  # fmt: skip
    if weights.note:
        rows.append(("checkpoint note", weights.note))
    rows += [
        (f"published {item.metric}", f"{100 * item.value:.3f} % ({item.source})")
        for item in spec.accuracy
    ]
    rows += [("published environment", f"{name} {pin}") for name, pin in spec.environment.items()]
    if spec.labels:
        rows.append(("labels", ", ".join(spec.labels)))
    return rows


def models(request: ModelsRequest, env: Env) -> Events:
    """List the zoo, or show one card."""
    if request.name is None:
        yield _list(discovery.load_all("zoo"))
        return
    spec = discovery.load("zoo", request.name)
    document = {"schema": SCHEMA, "models": [model_document(spec)]}
    yield Answered(document, ("field", "value"), tuple(_card_rows(spec)))


ENTRY = Job(
    name="models",
    summary="The zoo: task, input, output, published accuracy, checkpoint.",
    request=ModelsRequest,
    run=models,
    example="ascend-console models ghostnet",
    recording=False,
    order=90,
)
