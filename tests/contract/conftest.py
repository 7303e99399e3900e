"""One small network in three forms - numpy, ONNX, torch - that every backend must agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.core.backend import ConvertSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 8
CLASSES = 5


def _weights() -> dict[str, NDArray[np.float32]]:
    """A convolution to 4 channels and a classifier, of a size that shows every wrong element."""
    rng = np.random.default_rng(20261120)
    shapes = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "fc.weight": (5, 4), "fc.bias": (5,)}
    return {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}


def _reference(weights: Mapping[str, NDArray[Any]], batch: NDArray[Any]) -> NDArray[np.float64]:
    """Convolution with padding 1, ReLU, mean over the picture, linear: in float64, by the book."""
    exact = {name: value.astype(np.float64) for name, value in weights.items()}
    padded = np.pad(batch.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    maps = np.einsum("nchwij,ocij->nohw", windows, exact["conv.weight"])
    maps = np.maximum(maps + exact["conv.bias"][:, None, None], 0.0)
    scores: NDArray[np.float64] = maps.mean(axis=(2, 3)) @ exact["fc.weight"].T + exact["fc.bias"]
    return scores


def _onnx_bytes(weights: Mapping[str, NDArray[Any]], batch: int | str) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["maps"], pads=[1] * 4),
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
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=6).SerializeToString()
    return data


def _torch_network() -> Any:
    import torch
    from torch import nn

    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)
            self.fc = nn.Linear(4, CLASSES)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            features = torch.relu(self.conv(image)).mean((2, 3))
            scores: torch.Tensor = self.fc(features)
            return scores

    return Tiny()


@dataclass(frozen=True)
class Tiny:
    """The network as a source of artefacts, and what it must answer."""

    source: ConvertSource
    reference: Callable[[NDArray[Any]], NDArray[np.float64]]
    onnx_bytes: Callable[[int | str], bytes]

    @staticmethod
    def builders(model: str) -> Callable[[], Any]:
        """The builder by name, as a job hands it to a backend."""
        assert model == "tiny"
        return _torch_network

    @staticmethod
    def batch(size: int, seed: int = 0) -> NDArray[np.float32]:
        """Random pictures."""
        rng = np.random.default_rng(seed)
        return rng.standard_normal((size, 3, SIDE, SIDE), dtype=np.float32)


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """The network's ONNX file (free batch) and checkpoint in a folder of their own."""
    weights = _weights()
    folder = tmp_path / "source files"
    folder.mkdir()
    onnx_path, checkpoint = folder / "tiny.onnx", folder / "tiny.pth"
    onnx_path.write_bytes(_onnx_bytes(weights, "batch"))
    try:
        import torch
    except ImportError:
        pass  # the backends that need it are skipped as unavailable
    else:
        torch.save({name: torch.from_numpy(value) for name, value in weights.items()}, checkpoint)
    source = ConvertSource(
        onnx=onnx_path,
        model="tiny",
        checkpoint=checkpoint,
        input_shape=(3, SIDE, SIDE),
        input_name="image",
        output_name="class",
        build=_torch_network,
    )
    return Tiny(
        source=source,
        reference=lambda batch: _reference(weights, batch),
        onnx_bytes=lambda batch: _onnx_bytes(weights, batch),
    )
