"""`infer`'s loop without files against a bare ONNX Runtime loop with the same options."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch

from ascend_console.core import discovery
from ascend_console.core.backend import BackendOptions, ConvertSource
from ascend_console.tools.torch_export import export_onnx
from tests.benchmarks.harness import Result, compare, seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ascend_console.core.backend import Backend

BATCHES = (1, 16)
GOAL = 0.97
IMAGES = 48


def _bare(session: onnxruntime.InferenceSession, name: str, data: np.ndarray) -> None:
    for _ in range(max(1, IMAGES // len(data))):
        session.run(None, {name: data})


def _ours(backend: Backend, data: np.ndarray) -> None:
    for _ in range(max(1, IMAGES // len(data))):
        backend.infer(data)


def _row(folder: Path, model: str, batch_size: int) -> Result:
    spec = discovery.load("zoo", model)
    torch.manual_seed(0)
    exported, artifact = folder / f"{model}.onnx", folder / f"{model}_{batch_size}.onnx"
    export_onnx(spec.build(), spec, exported, batch_size=batch_size)
    backend = discovery.load("backends", "onnxruntime").backend(BackendOptions())
    list(backend.convert(ConvertSource(onnx=exported), artifact, batch_size=batch_size))
    backend.open(artifact, lambda name: discovery.load("zoo", name).build)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = backend.threads
    session = onnxruntime.InferenceSession(str(exported), options, ["CPUExecutionProvider"])
    data = np.random.default_rng(7).standard_normal((batch_size, *spec.input.shape), np.float32)
    bare: Callable[[], None] = functools.partial(_bare, session, spec.input.name, data)
    try:
        return compare(
            f"infer {model} bs{batch_size} / bare loop",
            functools.partial(seconds, bare),
            functools.partial(seconds, functools.partial(_ours, backend, data)),
            GOAL,
        )
    finally:
        backend.close()


def rows(folder: Path, models: tuple[str, ...] = ("ghostnet", "moco_v2")) -> list[Result]:
    """One row for each model and batch size."""
    return [_row(folder, model, size) for model in models for size in BATCHES]
