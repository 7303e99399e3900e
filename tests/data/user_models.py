"""Three small ONNX classifiers of differing shape, images that they know, and their TOML files.

An image has one bright channel; its class is the number of that channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 32
IMAGES = 110
CLASSES = 3

_NHWC = """\
name = "bytes"
title = "Raw pixels"
summary = "Takes raw pixels, channels last."
task = "classification"
onnx = "files/bytes.onnx"
labels = ["red", "green", "blue"]
official_batch_sizes = [4]
tested_batch_sizes = [1, 4, 8]
fixed_batch = false

[input]
name = "pixels"
shape = [32, 32, 3]
dtype = "uint8"
layout = "NHWC"

[preprocess]
resize = "exact"
size = 32
filter = "bilinear"

[output]
name = "scores"
shape = [3]
"""

_BACKGROUND = """\
name = "background"
task = "classification"
onnx = "files/background.onnx"
official_batch_sizes = [4]

[input]
name = "image"
shape = [3, 32, 32]

[preprocess]
resize = "short"
size = 36
filter = "bicubic"
crop = 32
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
dtype = "float32"
layout = "NCHW"

[output]
shape = [1001]

[[references]]
metric = "top1"
value = 0.995
source = "a paper"
images = 110

[[references]]
metric = "top5"
value = 0.998
source = "a paper"
images = 50000
"""

_TWO = """\
name = "two"
task = "classification"
onnx = "files/two.onnx"
official_batch_sizes = [4]
fixed_batch = true

[input]
name = "image"
shape = [3, 32, 32]

[preprocess]
resize = "exact"
size = 32

[output]
index = 1
shape = [3]
"""

FILES = {"bytes": _NHWC, "background": _BACKGROUND, "two": _TWO}
"""The TOML files of the three models by name."""


def _weights(width: int, first: int) -> np.ndarray:
    """Class k, at column `first + k`, scores by channel k."""
    found = np.zeros((width, 3), np.float32)
    found[np.arange(3) + first, np.arange(3)] = 4
    return found


def onnx_bytes(
    name: str,
    *,
    width: int = CLASSES,
    first: int = 0,
    side: int = SIDE,
    raw: bool = False,
    batch: int | str = "n",
    features: bool = False,
) -> bytes:
    """A classifier of so many classes; with `features` these are its first output."""
    from onnx import TensorProto, helper, numpy_helper

    shape = [batch, side, side, 3] if raw else [batch, 3, side, side]
    kind = TensorProto.UINT8 if raw else TensorProto.FLOAT
    source = "pixels" if raw else "image"
    nodes = [
        helper.make_node("Cast", [source], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
    ] if raw else [helper.make_node("Relu", [source], ["planes"])]  # fmt: skip
    nodes += [
        helper.make_node("GlobalAveragePool", ["planes"], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
        helper.make_node("Gemm", ["features", "w"], ["scores"], transB=1),
    ]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, width])]
    if features:
        outputs.insert(0, helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 3]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(source, kind, shape)],
        outputs,
        [numpy_helper.from_array(_weights(width, first), "w")],
    )
    opsets = [helper.make_opsetid("", 13)]
    made: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=7).SerializeToString()
    return made


def write_models(folder: Path) -> None:
    """The three TOML files and, in `files`, their ONNX files."""
    (folder / "files").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / f"{name}.toml").write_text(text)
    models = {
        "bytes": onnx_bytes("bytes", raw=True),
        "background": onnx_bytes("background", width=1001, first=1),
        "two": onnx_bytes("two", features=True, batch=4),
    }
    for name, data in models.items():
        (folder / "files" / f"{name}.onnx").write_bytes(data)


def write_images(folder: Path) -> None:
    """110 JPEGs of a bright channel each, with `val_label.txt` beside them."""
    from PIL import Image

    folder.mkdir()
    dice = np.random.default_rng(20261120)
    lines = []
    for number in range(IMAGES):
        label = number % CLASSES
        pixels = dice.integers(0, 90, (40, 44, 3), np.uint8)
        pixels[:, :, label] += 150
        Image.fromarray(pixels).save(folder / f"picture_{number:03}.jpg", quality=95)
        lines.append(f"picture_{number:03}.jpg {label}\n")
    (folder.parent / "val_label.txt").write_text("".join(lines))
