"""The reference on the same images, in float32: what an artefact is compared with.

Of a model with weights it is the torch network; of an ONNX file the file itself, unoptimised.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.backend import BackendOptions
from ascend_console.core.events import LogLine
from ascend_console.jobs._convert import builder
from ascend_console.jobs._scoring import Scorer, Scores, load_scores, save_scores
from ascend_console.jobs._sources import OnnxFile
from ascend_console.jobs._stream import inferring, run_through
from ascend_console.tools import files, paths

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ascend_console.core.backend import Backend
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec, Preprocess
    from ascend_console.jobs._sources import Source
    from ascend_console.jobs._stream import Intake, Streamed
    from ascend_console.jobs._weights import Weights
    from ascend_console.tools.image_sets import ImageSet

_BATCH = 8


def fingerprint(image_set: ImageSet, chosen: Preprocess) -> dict[str, Any]:
    """Everything but the model that an accuracy depends on (design.md section 4)."""
    from ascend_console.tools.environment import environment

    seen = environment()
    return {
        "data_set": image_set.fingerprint(),
        "images": len(image_set),
        "variant": chosen.name,
        "resize": f"{chosen.resize} {chosen.size}",
        "filter": chosen.filter,
        "crop": chosen.crop,
        "mean": list(chosen.mean),
        "std": list(chosen.std),
        "dtype": chosen.dtype,
        "layout": "HWC" if chosen.channels_last else "CHW",
        "library": chosen.library,
        "pillow": seen["pillow"],
        "libjpeg_turbo": seen["libjpeg_turbo"],
        "opencv": seen["opencv"] if chosen.library == "opencv" else None,
    }


def reference_name(spec: ModelSpec) -> str | None:
    """What a model is compared with, where that is not torch float32."""
    return "the ONNX file, unoptimised," if spec.onnx is not None else None


def _plain_runtime() -> Backend:
    """ONNX Runtime that takes a graph as it stands."""
    made: Backend = discovery.load("backends", "onnxruntime").backend(
        BackendOptions(optimise=False)
    )
    return made


def _cache_path(
    spec: ModelSpec, source: Source, seen: dict[str, Any], chosen: Preprocess, env: Env
) -> Path:
    from ascend_console.tools.environment import version_of

    onnx = isinstance(source, OnnxFile)
    index = spec.user.output_index if spec.user else None
    runtime = [_plain_runtime().version(), index] if onnx else version_of("torch")
    key = files.sha256_json(
        [
            spec.name,
            source.sha256,
            seen,
            asdict(chosen),
            runtime,
            "float32",
        ]
    )
    folder = paths.cache_folder(env.settings.workspace) / "reference"
    return folder / f"{spec.name}-{key[:24]}.npz"


def _of_torch(
    spec: ModelSpec, source: Weights, image_set: ImageSet, intake: Intake, env: Env
) -> Generator[Event, None, Streamed]:
    from ascend_console.tools import torch_parallel

    compute = torch_parallel.network_compute(source.module())
    with torch_parallel.spread_over_cores(compute) as spread:
        return (
            yield from run_through(
                spread, intake, image_set, Scorer(spec.task), torch_parallel.reference_batch(), env
            )
        )


def _of_onnx(
    spec: ModelSpec, source: OnnxFile, image_set: ImageSet, intake: Intake, env: Env
) -> Generator[Event, None, Streamed]:
    backend = _plain_runtime()
    with closing(backend):
        backend.open(source.path, builder)
        size = backend.batch_size or _BATCH
        infer = inferring(backend, spec)
        return (yield from run_through(infer, intake, image_set, Scorer(spec.task), size, env))


def reference_scores(
    spec: ModelSpec, source: Source, image_set: ImageSet, intake: Intake, env: Env,
    chosen: Preprocess, seen: dict[str, Any],
) -> Generator[Event, None, Scores]:  # fmt: skip
    """Scores of the reference, from the cache where these very inputs were scored.

    `seen` is the `fingerprint` of the images.
    """
    path = _cache_path(spec, source, seen, chosen, env)
    cached = load_scores(path, spec.task)
    if cached is not None:
        yield LogLine(f"{reference_name(spec) or 'torch float32'} reference from the cache")
        return cached
    if isinstance(source, OnnxFile):
        streamed = yield from _of_onnx(spec, source, image_set, intake, env)
    else:
        streamed = yield from _of_torch(spec, source, image_set, intake, env)
    if not streamed.bad:
        save_scores(path, streamed.scores)
    return streamed.scores
