"""SE-ResNet50: ImageNet classification with channel gates."""

from __future__ import annotations

from typing import Any

from ascend_console.core.specs import (
    AccuracyReference,
    CheckpointSource,
    ModelSpec,
    Origin,
    TensorSpec,
)

_PORT = "README of pretrained-models.pytorch, evaluation on ImageNet (guide, section 6.2)"
_ON_310 = "Guide, section 6.1: om on Ascend 310, ImageNet validation, the same at batch 1 and 16"
_CAFFE = "README of pretrained-models.pytorch: the Caffe original"
_ON_310P3 = "ModelZoo README of 2023-05: om on Ascend 310P3"
_BUILT_IN = "ModelZoo built-in SE_ResNet50: om on Ascend 310P, uint8 input stretched to 256x256"


def _build() -> Any:
    from ascend_console.zoo.nets.se_resnet50 import se_resnet50

    return se_resnet50()


ENTRY = ModelSpec(
    name="se_resnet50",
    title="SE-ResNet50",
    summary="ImageNet classifier, ResNet-50 with squeeze-and-excitation gates.",
    task="classification",
    input=TensorSpec(name="image", shape=(3, 224, 224), layout="NCHW"),
    output=TensorSpec(name="class", shape=(1000,)),
    variants=("resnet", "se_builtin"),
    official_batch_sizes=(1, 16),
    tested_batch_sizes=(1, 4, 8, 16, 32, 64),
    fixed_batch=False,
    onnx_file="se_resnet50.onnx",
    accuracy=(
        AccuracyReference(metric="top1", value=0.77636, source=_PORT, gated=True),
        AccuracyReference(metric="top5", value=0.93752, source=_PORT, gated=True),
        AccuracyReference(metric="top1", value=0.7763, source=_ON_310),
        AccuracyReference(metric="top2", value=0.8731, source=_ON_310),
        AccuracyReference(metric="top3", value=0.9082, source=_ON_310),
        AccuracyReference(metric="top4", value=0.9258, source=_ON_310),
        AccuracyReference(metric="top5", value=0.9375, source=_ON_310),
        AccuracyReference(metric="top1", value=0.7763, source=_CAFFE),
        AccuracyReference(metric="top5", value=0.9364, source=_CAFFE),
        AccuracyReference(metric="top1", value=0.7764, source=_ON_310P3),
        AccuracyReference(metric="top5", value=0.9374, source=_ON_310P3),
        AccuracyReference(metric="top1", value=0.7736, source=_BUILT_IN),
        AccuracyReference(metric="top5", value=0.9376, source=_BUILT_IN),
    ),
    checkpoint=CheckpointSource(
        file="se_resnet50-ce0d4300.pth",
        url="https://data.lip6.fr/cadene/pretrainedmodels/se_resnet50-ce0d4300.pth",
        md5="61e9180249761ae2f5fa5e2fa1cef6d7",
        container="bare",
        counters=False,
        note="The guide links it over plain http; the md5 stands in the guide alone. Ported in "
        "2018-04, before BatchNorm had counters. Mirrored by the release v0.1-cadene of "
        "rwightman/pytorch-image-models.",
    ),
    origin=Origin(
        paper_title="Squeeze-and-Excitation Networks",
        paper_url="https://arxiv.org/abs/1709.01507",
        repository="https://github.com/Cadene/pretrained-models.pytorch",
        branch="master",
        commit="8aae3d8f1135b6b13fed79c1d431e3449fdbf6e0",
        licence="BSD-3-Clause",
    ),
    environment={
        "CANN": "5.0.1",
        "pytorch": ">= 1.5.0",
        "torchvision": ">= 0.6.0",
        "onnx": ">= 1.7.0",
        "numpy": "== 1.20.3",
        "Pillow": "== 8.2.0",
        "opencv-python": "== 4.5.2.54",
    },
    parameters=28_088_024,
    macs=3_860_488_192,
    signature={"layer0.conv1.weight": (64, 3, 7, 7), "last_linear.weight": (1000, 2048)},
    build=_build,
    order=10,
)
