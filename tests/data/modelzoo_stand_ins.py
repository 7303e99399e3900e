"""Stand-ins for the ModelZoo's scripts: the same arguments and files, a very small network.

Each checks what the real one needs (models.md sections 3 to 5): how many arguments, the folder that
it is started in, the names of results. `write_scripts` writes them under the real names.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

SIDE = 224
_PEDESTRIANS = "pedestrian-attribute-recognition-pytorch"
_STUB = "from tests.data.modelzoo_stand_ins import run\n\nrun(__file__)\n"

SCRIPTS = {
    "se_resnet50": ("se_resnet50_pth2onnx", "imagenet_torch_preprocess", "gen_dataset_info",
                    "imagenet_acc_eval"),
    "moco_v2": ("pthtar2onnx", "imagenet_torch_preprocess", "get_info", "vision_metric_ImageNet"),
    "deepmar": ("DeepMAR", "export_onnx", "remove_pad", "preprocess_deepmar_pytorch", "get_info",
                "postprocess_deepmar_pytorch"),
    "ghostnet": ("ghostnet_pth2onnx", "imagenet_torch_preprocess", "gen_dataset_info",
                 "imagenet_acc_eval"),
}  # fmt: skip
REPOSITORIES = {
    "se_resnet50": "pretrained-models.pytorch",
    "deepmar": f"{_PEDESTRIANS}/baseline/model",
    "ghostnet": "CV-Backbones",
}


def write_scripts(model: str, folder: Path, work: Path) -> None:
    """The scripts of a model, and in `work` the repository that they need, as if cloned."""
    folder.mkdir()
    for name in SCRIPTS[model]:
        (folder / f"{name}.py").write_text(_STUB)
    if model in REPOSITORIES:
        repository = work / REPOSITORIES[model]
        repository.mkdir(parents=True)
        if model == "se_resnet50":
            (repository / "setup.py").write_text(_STUB)


def write_network(
    path: Path, names: tuple[str, str], width: int, batch: int | str, *, pad: bool = False
) -> None:
    """A classifier of so many outputs; with `pad` a Pad without effect stands in front."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(width)
    weights = {"w": rng.standard_normal((width, 3), np.float32),
               "pads": np.zeros(8, np.int64)}  # fmt: skip
    nodes = [helper.make_node("Pad", [names[0], "pads"], ["padded"])] if pad else []
    nodes += [
        helper.make_node("GlobalAveragePool", ["padded" if pad else names[0]], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
        helper.make_node("Gemm", ["features", "w"], [names[1]], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "stand_in",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, [batch, width])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()
         if pad or name != "pads"],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 11)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=6)
    path.write_bytes(model.SerializeToString())


def _setup(action: str) -> None:
    assert action == "install"
    assert Path.cwd().name == REPOSITORIES["se_resnet50"]


def _export_dynamic(checkpoint: str, onnx: str) -> None:
    assert Path(checkpoint).stat().st_size
    assert any(Path(name).is_dir() for name in REPOSITORIES.values())
    write_network(Path(onnx), ("image", "class"), 1000, "-1")


def _export_moco(batch: str, checkpoint: str) -> None:
    assert Path(checkpoint).stat().st_size
    names = ("actual_input_1", "output1")
    write_network(Path(f"moco-v2-bs{batch}.onnx"), names, 1000, int(batch))


def _export_deepmar(checkpoint: str, onnx: str, batch: str) -> None:
    assert Path(checkpoint).stat().st_size
    assert Path.cwd().name == _PEDESTRIANS
    assert Path("baseline/model/DeepMAR.py").is_file()
    write_network(Path(onnx), ("actual_input_1", "output1"), 35, int(batch), pad=batch == "1")


def _remove_pad(onnx_path: str, _ignored: str) -> None:
    """As the real one: its input is overwritten, and without a Pad it fails."""
    import onnx

    model = onnx.load(onnx_path)
    (pad,) = (node for node in model.graph.node if node.op_type == "Pad")
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = pad.input[0] if name == pad.output[0] else name
    model.graph.node.remove(pad)
    Path(onnx_path).write_bytes(model.SerializeToString())


def _bins(names: Iterable[str], source: str, output: str) -> None:
    for name in names:
        seed = int.from_bytes(hashlib.sha256(Path(source, name).read_bytes()).digest()[:4])
        pixels = np.random.default_rng(seed).standard_normal((3, SIDE, SIDE), np.float32)
        pixels += np.random.default_rng(seed + 1).standard_normal((3, 1, 1), np.float32)
        pixels.tofile(Path(output, name.split(".")[0] + ".bin"))


def _preprocess(*arguments: str) -> None:
    """With a mode in front (SENet, GhostNet), or without one (MoCo), where the folder is there."""
    *mode, source, output = arguments
    assert mode in (["resnet"], ["ghostnet"], [])
    assert Path(output).is_dir()
    _bins((path.name for path in Path(source).iterdir()), source, output)


def _preprocess_listed(source: str, output: str, listed: str) -> None:
    _bins(Path(listed).read_text().split("\n")[:-1], source, output)


def _info(*arguments: str) -> None:
    """The file format in front is that of the ImageNet scripts alone."""
    *kind, folder, info, width, height = arguments
    assert kind in (["bin"], [])
    paths = Path(folder).glob("*.bin")
    lines = [f"{index} {path} {width} {height}\n" for index, path in enumerate(paths)]
    Path(info).write_text("".join(lines))


def _labels(path: str) -> dict[str, int]:
    lines = [line.strip().split(" ") for line in Path(path).read_text().splitlines()]
    return {name.split(".")[0]: int(label) for name, label in lines}


def _top1(rows: dict[str, NDArray[Any]], labels: dict[str, int]) -> float:
    hits = [int(scores.argmax() == labels[name]) for name, scores in rows.items()]
    assert all(scores.shape == (1000,) for scores in rows.values())
    return sum(hits) / len(hits)


def _evaluate_folder(results: str, labels: str, folder: str, name: str) -> None:
    rows = {path.name.split(".")[0].rpartition("_")[0]:
            np.array(path.read_text().splitlines()[0].strip().split(" "), np.float32)
            for path in Path(results).iterdir()}  # fmt: skip
    top1 = _top1(rows, _labels(labels))
    document = {"title": "Overall statistical evaluation",
                "value": [{"key": "Number of images", "value": str(len(rows))},
                          {"key": "Top1 accuracy", "value": f"{100 * top1}%"}]}  # fmt: skip
    Path(folder, name).write_text(json.dumps(document))


def _evaluate_summary(summary: str, labels: str) -> None:
    entries = json.loads(Path(summary).read_text())["filesinfo"].values()
    rows = {Path(entry["infiles"][0]).stem: np.mean(np.load(entry["outfiles"][0]), axis=0)
            for entry in entries}  # fmt: skip
    print(f"Number of images {len(rows)}")
    print(f"top1_acc\t{_top1(rows, _labels(labels)):.4f}")


def _evaluate(*arguments: str) -> None:
    (_evaluate_summary if len(arguments) == 2 else _evaluate_folder)(*arguments)


def _evaluate_deepmar(results: str, labels: str) -> None:
    known = json.loads(Path(labels).read_text())
    count = 0
    for path in Path(results).iterdir():
        assert np.fromfile(path, np.float32).shape == (35,)
        assert len(known[path.name.rpartition("_")[0] + ".png"]) == 35
        count += 1
    print(f"Number of images {count}")
    print("instance_acc: 0.5")


_ROLES: dict[str, Callable[..., None]] = {
    "setup": _setup,
    "se_resnet50_pth2onnx": _export_dynamic,
    "ghostnet_pth2onnx": _export_dynamic,
    "pthtar2onnx": _export_moco,
    "export_onnx": _export_deepmar,
    "remove_pad": _remove_pad,
    "imagenet_torch_preprocess": _preprocess,
    "preprocess_deepmar_pytorch": _preprocess_listed,
    "gen_dataset_info": _info,
    "get_info": _info,
    "imagenet_acc_eval": _evaluate,
    "vision_metric_ImageNet": _evaluate_folder,
    "postprocess_deepmar_pytorch": _evaluate_deepmar,
}


def run(file: str) -> None:
    """Do what the script of this name does, with the arguments of this process."""
    _ROLES[Path(file).stem](*sys.argv[1:])
