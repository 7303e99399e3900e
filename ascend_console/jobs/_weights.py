"""Which weights a job works on: sample weights made here, or a checkpoint that the user names."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, Progress, Warned
from ascend_console.core.variants import preprocessing
from ascend_console.tools import files, paths

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from ascend_console.core import specs
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, ModelSpec
    from ascend_console.tools.image_sets import ImageSet
    from ascend_console.tools.torch_checkpoint import LoadedCheckpoint

_SEED = 20261120
_CALIBRATION_BATCH = 20


class Weights:
    """Checked weights of one model, loaded when they are first needed."""

    def __init__(self, path: Path, kind: specs.Weights, spec: ModelSpec) -> None:
        self.path = path
        self.kind = kind
        self.sha256 = files.sha256_file(path)
        self._spec = spec

    @property
    def state_dict(self) -> Mapping[str, Any]:
        """Every key of the network with its tensor; UserError where the file is none of it."""
        return self._loaded.state_dict

    @property
    def notes(self) -> tuple[str, ...]:
        """What loading changed, such as weights of another precision."""
        return self._loaded.notes

    @functools.cached_property
    def _loaded(self) -> LoadedCheckpoint:
        from ascend_console.tools import torch_checkpoint

        architecture = discovery.load("zoo", self._spec.architecture)
        zoo = discovery.load_all("zoo")
        return torch_checkpoint.load_checkpoint_for(self.path, architecture, zoo)

    def module(self) -> Any:
        """The torch network with these weights, in evaluation mode."""
        network = self._spec.build()
        network.load_state_dict(self.state_dict, strict=True)
        return network.eval()


def require_one_source(spec: ModelSpec, sample: bool, checkpoint: Path | None) -> None:
    """Exactly one of `--sample` and `--checkpoint`; UserError names both ways.

    A user's model brings its own file: it takes no sample weights, and an ONNX file no checkpoint.
    """
    if spec.user is not None and sample:
        raise UserError(
            "weights.own_model",
            "{model} is a model of your own, and sample weights are made for models of the zoo",
            hint="Leave --sample out, and name your images with --dataset DIR.",
            model=spec.name,
        )
    if spec.onnx is not None and checkpoint is not None:
        raise UserError(
            "weights.onnx",
            "{model} is the ONNX file {onnx}, which takes no checkpoint",
            hint="Leave --checkpoint out.",
            model=spec.name,
            onnx=spec.onnx,
        )
    if spec.user is not None:
        return
    if sample and checkpoint:
        raise UserError(
            "weights.both",
            "--sample and --checkpoint exclude each other",
            hint="Leave one of them out.",
        )
    if not sample and not checkpoint:
        raise UserError(
            "weights.none",
            "{model} needs weights",
            hint="Add --sample for sample weights made here, or --checkpoint FILE with your own "
            "({file} is the official one).",
            model=spec.name,
            file=spec.checkpoint.file,
        )


def sample_set(spec: ModelSpec, part: str) -> ImageSet:
    """The sample images of a model's task: `part` is `fit` or `val` (held out)."""
    from ascend_console.tools.image_sets import open_dataset

    root = paths.sample_data()
    if spec.task == "classification":
        folder = root / "imagenet" / part
        return open_dataset(folder, root / "imagenet" / f"{part}_label.txt", spec.task)
    folder = root / "peta" if part == "val" else root / "peta" / "fit"
    return open_dataset(root / "peta" / "images", folder / "label.json", spec.task)


def _fit_batches(spec: ModelSpec, fit: ImageSet, env: Env) -> Iterator[Any]:
    """Preprocessed batches of the fitting half, in its order."""
    from ascend_console.tools.environment import cores
    from ascend_console.tools.image_stream import batches, stream

    chosen = preprocessing(spec)
    results = stream(fit.files, chosen, workers=cores(), cancel=env.cancel)
    for batch in batches(results, _CALIBRATION_BATCH):
        yield batch.data


def _sample_key(spec: ModelSpec, fit: ImageSet) -> str:
    """Everything that sample weights are made from, as a hash."""
    from ascend_console.tools import torch_sample
    from ascend_console.tools.environment import version_of

    recipe = [files.sha256_file(path) for path in torch_sample.recipe_files(spec.name)]
    return files.sha256_json([spec.name, _SEED, fit.fingerprint(), recipe, version_of("torch")])


def _make_sample(spec: ModelSpec, fit: ImageSet, path: Path, env: Env) -> Iterator[Event]:
    """Fit the final layer on the first half of the sample data and store the checkpoint."""
    import numpy as np

    from ascend_console.tools import torch_checkpoint, torch_sample

    yield LogLine(f"fitting sample weights on {len(fit)} sample images")
    steps = torch_sample.fit_steps(
        spec, _fit_batches(spec, fit, env), np.asarray(fit.labels), seed=_SEED
    )
    for done, state_dict in steps:
        yield Progress(done, len(fit), "images")
        if state_dict is not None:
            torch_checkpoint.save_checkpoint(
                path, state_dict, spec, "sample weights of ascend-console"
            )


def _sample(spec: ModelSpec, env: Env) -> Generator[Event, None, Path]:
    fit = sample_set(spec, "fit")
    folder = paths.cache_folder(env.settings.workspace) / "sample"
    path = folder / f"{spec.name}-{_sample_key(spec, fit)[:16]}.pth"
    files.sweep_dead(folder)
    if _is_whole(path):
        yield LogLine(f"sample weights from the cache: {path.name}")
    else:
        yield from _make_sample(spec, fit, path, env)
        files.write_text(_checksum_of(path), files.sha256_file(path))
    return path


def _checksum_of(path: Path) -> Path:
    """The file beside cached weights that says which bytes they had."""
    return path.with_suffix(".sha256")


def _is_whole(path: Path) -> bool:
    """Whether cached weights are there and are what was written; damaged ones are made again."""
    try:
        return _checksum_of(path).read_text("utf-8") == files.sha256_file(path)
    except (OSError, ValueError):
        return False


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _kind(spec: ModelSpec, path: Path) -> Iterator[Event]:
    """Say whether a user's file is the official one, as far as a published checksum can tell."""
    published = spec.checkpoint.md5
    if spec.user is None and published is None and path.name == spec.checkpoint.file:
        yield Warned(
            "weights.unverified",
            f"{path.name} has the official file's name, but no checksum of it is published: "
            "shown as user weights",
            args={"file": path.name},
        )


def resolve(
    spec: ModelSpec, sample: bool, checkpoint: Path | None, env: Env
) -> Generator[Event, None, Weights]:
    """The weights of a job; UserError where there are none, or where a user's file is wrong."""
    require_one_source(spec, sample, checkpoint)
    from ascend_console.tools import torch_checkpoint

    torch_checkpoint.require_torch()
    chosen = checkpoint or (spec.user.checkpoint if spec.user else None)
    if chosen is None:
        return Weights((yield from _sample(spec, env)), "sample", spec)
    path = files.require_file(chosen, "a checkpoint")
    md5 = spec.checkpoint.md5
    kind: specs.Weights = "official" if md5 and _md5(path) == md5.lower() else "user"
    weights = Weights(path, kind, spec)
    # Loading is the check: a wrong file must be refused before anything is made of it.
    for note in weights.notes:
        yield Warned("weights.note", f"{path.name}: {note}", args={"file": path.name, "note": note})
    yield from _kind(spec, path)
    return weights
