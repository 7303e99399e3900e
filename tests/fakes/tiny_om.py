"""A very small network as a fake om: input `image` (N, 3, 8, 8), output `class` (N, 5), float32."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fakes import fake_om
from tests.fakes.fake_om import OPEN, OmFacts, OmTensor

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 8
CLASSES = 5


@functools.cache
def onnx_bytes(batch: int | str) -> bytes:
    """The network for one batch size, or for a free one with a name."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(20261120)
    weights = {
        "conv.weight": rng.standard_normal((4, 3, 3, 3), np.float32),
        "fc.weight": rng.standard_normal((CLASSES, 4), np.float32),
        "fc.bias": rng.standard_normal(CLASSES, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "conv.weight"], ["maps"], pads=[1] * 4),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
        helper.make_node("Gemm", ["features", "fc.weight", "fc.bias"], ["class"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("class", TensorProto.FLOAT, [batch, CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [helper.make_opsetid("", 11)]
    made: bytes = helper.make_model(graph, opset_imports=opset, ir_version=6).SerializeToString()
    return made


def write_tiny_om(path: Path, batch: int = OPEN, **changes: Any) -> Path:
    """Write it as atc would for a batch size; `changes` are fields of OmFacts."""
    image = OmTensor("image", (batch, 3, SIDE, SIDE), "float32")
    facts = {
        "soc_version": "Ascend310P3",
        "atc_version": "8.0.RC1",
        "command": "atc",
        "framework": 5,
        "precision_mode": "force_fp16",
        "batch": None if batch == OPEN else batch,
        "inputs": (image,),
        "outputs": (OmTensor("class", (batch, CLASSES), "float32"),),
        "model_input": image,
    }
    model = onnx_bytes("batch" if batch == OPEN else batch)
    fake_om.write(path, OmFacts(**{**facts, **changes}), model)
    return path


def scores_of(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ONNX Runtime itself says of images (N, 3, 8, 8)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_bytes("batch"), providers=["CPUExecutionProvider"])
    scores: NDArray[np.float32] = session.run(None, {"image": images})[0]
    return scores


def random_images(count: int) -> NDArray[np.float32]:
    """Pictures that all differ."""
    return np.random.default_rng(7).standard_normal((count, 3, SIDE, SIDE), np.float32)
