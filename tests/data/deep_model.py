"""A small ONNX classifier with named layers, and what can be wrong with a file of it."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

NODE = "/features/1/Conv"

TOML = """\
name = "deep"
task = "classification"
onnx = "files/deep.onnx"
official_batch_sizes = [4]

[input]
name = "image"
shape = [3, 32, 32]

[preprocess]
resize = "exact"
size = 32

[output]
shape = [3]
"""


def network():
    """Two convolutions and a classifier, named as the exporter of torch names them.

    The convolutions hand on what they get and a little of its neighbours.
    """
    near = np.full((3, 3, 3, 3), 0.01, np.float32)
    near[range(3), range(3), 1, 1] = 1
    weights = {
        "features.0.weight": near,
        "features.1.weight": near[::-1, ::-1].copy(),
        "fc.weight": 4 * np.eye(3, dtype=np.float32),
    }
    nodes = [
        ("Conv", ["image", "features.0.weight"], "a", "/features/0/Conv", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["a"], "b", "/features/0/Relu", {}),
        ("Conv", ["b", "features.1.weight"], "c", NODE, {"pads": [1, 1, 1, 1]}),
        ("Relu", ["c"], "d", "/features/1/Relu", {}),
        ("GlobalAveragePool", ["d"], "e", "/pool/GlobalAveragePool", {}),
        ("Flatten", ["e"], "f", "/Flatten", {}),
        ("Gemm", ["f", "fc.weight"], "scores", "/fc/Gemm", {"transB": 1}),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], name, **more)
         for kind, inputs, output, name, more in nodes],
        "deep",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def planted(model, node, change):
    """The model with the first weight of a node changed in place."""
    name = next(entry for entry in model.graph.node if entry.name == node).input[1]
    tensor = next(entry for entry in model.graph.initializer if entry.name == name)
    values = numpy_helper.to_array(tensor).copy()
    change(values)
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    return model


def bump(values):
    values.flat[5] += 0.5


def renamed(model):
    """As another exporter names it: neither tensors nor nodes nor weights keep their names."""
    kept = {"image", "scores"}
    for node in model.graph.node:
        node.name = ""
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = name if name in kept else f"v_{name}"
    for tensor in model.graph.initializer:
        tensor.name = f"v_{tensor.name}"
    return model


def halved(model):
    """Weights in half precision, raised again where they are used."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor).astype(np.float16)
        node = helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name],
                                to=TensorProto.FLOAT)  # fmt: skip
        model.graph.node.insert(0, node)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{tensor.name}_half"))
    return model
