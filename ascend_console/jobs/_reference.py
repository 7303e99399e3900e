"""The torch float32 model on the same images: what an artefact is compared with."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ascend_console.core.events import LogLine
from ascend_console.jobs._scoring import Scorer, Scores, load_scores, save_scores
from ascend_console.jobs._stream import run_through
from ascend_console.tools import files, paths

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec, Preprocess
    from ascend_console.jobs._stream import Intake
    from ascend_console.jobs._weights import Weights
    from ascend_console.tools.image_sets import ImageSet


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
        "library": chosen.library,
        "pillow": seen["pillow"],
        "libjpeg_turbo": seen["libjpeg_turbo"],
        "opencv": seen["opencv"] if chosen.library == "opencv" else None,
    }


def _cache_path(
    spec: ModelSpec, weights: Weights, image_set: ImageSet, chosen: Preprocess, env: Env
) -> Path:
    from ascend_console.tools.environment import version_of

    key = files.sha256_json(
        [
            spec.name,
            weights.sha256,
            fingerprint(image_set, chosen),
            asdict(chosen),
            version_of("torch"),
            "float32",
        ]
    )
    folder = paths.cache_folder(env.settings.workspace) / "reference"
    return folder / f"{spec.name}-{key[:24]}.npz"


def reference_scores(
    spec: ModelSpec, weights: Weights, image_set: ImageSet, intake: Intake, env: Env,
    chosen: Preprocess,
) -> Generator[Event, None, Scores]:  # fmt: skip
    """Scores of the torch float32 model, from the cache where these very inputs were scored."""
    from ascend_console.tools import torch_parallel

    path = _cache_path(spec, weights, image_set, chosen, env)
    cached = load_scores(path, spec.task)
    if cached is not None:
        yield LogLine("torch float32 reference from the cache")
        return cached
    compute = torch_parallel.network_compute(weights.module())
    with torch_parallel.spread_over_cores(compute) as spread:
        streamed = yield from run_through(
            spread, intake, image_set, Scorer(spec.task), torch_parallel.reference_batch(), env
        )
    if not streamed.bad:
        save_scores(path, streamed.scores)
    return streamed.scores
