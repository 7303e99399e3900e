"""ONNX Runtime on a graph, by itself and without the backend around it."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def run(model, feeds, optimise=False):
    """Outputs of ONNX Runtime, by default of the graph exactly as it stands."""
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)
