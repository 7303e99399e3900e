"""GhostNet 1.0x: a small ImageNet classifier."""

from __future__ import annotations

from typing import Any

from ascend_console.core.specs import (
    AccuracyReference,
    CheckpointSource,
    ModelSpec,
    Origin,
    TensorSpec,
)

_UPSTREAM = "README of CV-Backbones, ghostnet_pytorch (guide, section 6.2)"
_R1 = "ModelZoo README of 2022-03: om on Ascend 310"
_R2 = "ModelZoo README of 2022-09: om on Ascend 310 and 310P"
_R3 = "ModelZoo README of 2022-12: om on Ascend 310P3"


def _build() -> Any:
    from ascend_console.zoo.nets.ghostnet import ghostnet

    return ghostnet()


ENTRY = ModelSpec(
    name="ghostnet",
    title="GhostNet 1.0x",
    summary="Small ImageNet classifier, half of its features from cheap operations.",
    task="classification",
    input=TensorSpec(name="image", shape=(3, 224, 224), layout="NCHW"),
    output=TensorSpec(name="class", shape=(1000,)),
    variants=("ghostnet", "ghostnet_r3"),
    official_batch_sizes=(1, 16),
    tested_batch_sizes=(1, 4, 8, 16, 32, 64),
    fixed_batch=False,
    onnx_file="ghostnet.onnx",
    accuracy=(
        AccuracyReference(metric="top1", value=0.7398, source=_UPSTREAM, gated=True),
        AccuracyReference(metric="top5", value=0.9146, source=_UPSTREAM, gated=True),
        AccuracyReference(metric="top1", value=0.7399, source=_R1),
        AccuracyReference(metric="top2", value=0.84, source=_R1),
        AccuracyReference(metric="top3", value=0.8799, source=_R1),
        AccuracyReference(metric="top4", value=0.9011, source=_R1),
        AccuracyReference(metric="top5", value=0.9146, source=_R1),
        AccuracyReference(metric="top1", value=0.7398, source=_R2),
        AccuracyReference(metric="top5", value=0.9146, source=_R2),
        AccuracyReference(metric="top1", value=0.7398, source=_R3),
    ),
    checkpoint=CheckpointSource(
        file="state_dict_73.98.pth",
        url="https://github.com/huawei-noah/CV-Backbones/raw/master/ghostnet_pytorch/models/"
        "state_dict_73.98.pth",
        md5="f7241350b4486bf00accbf9c3a192331",
        container="bare",
        note="The guide prints the md5 in capitals. The repository is also known as ghostnet and "
        "Efficient-AI-Backbones.",
    ),
    origin=Origin(
        paper_title="GhostNet: More Features from Cheap Operations",
        paper_url="https://arxiv.org/abs/1911.11907",
        repository="https://github.com/huawei-noah/CV-Backbones",
        branch="master",
        commit="5a06c87a8c659feb2d18d3d4179f344b9defaceb",
        licence="Apache-2.0",
    ),
    environment={
        "CANN": "5.1.RC1",
        "pytorch": ">= 1.8.0",
        "torchvision": ">= 0.9.0",
        "onnx": ">= 1.7.0",
        "numpy": "== 1.18.5",
        "Pillow": "== 8.2.0",
        "opencv-python": "== 4.5.1.48",
    },
    parameters=5_182_508,
    macs=141_150_512,
    signature={
        "conv_stem.weight": (16, 3, 3, 3),
        "blocks.9.0.conv.weight": (960, 160, 1, 1),
        "classifier.weight": (1000, 1280),
    },
    build=_build,
    order=40,
)
