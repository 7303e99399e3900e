"""MoCo v2: a linear ImageNet classifier over self-supervised ResNet-50 features."""

from __future__ import annotations

from typing import Any

from ascend_console.core.specs import (
    AccuracyReference,
    CheckpointSource,
    ModelSpec,
    Origin,
    TensorSpec,
)

_WEIGHTS = "ModelZoo README of 2022-03: the checkpoint that was exported"
_GUIDE_310 = "Guide, section 6.2: om on Ascend 310, batch 32"
_GUIDE_310P = "Guide, section 6.2: om on Ascend 310P, batch 32"
_UPSTREAM = "README of facebookresearch/moco: linear classifier, 200 epochs (five runs 67.5 +- 0.1)"
_R1 = "ModelZoo README of 2022-03: om on Ascend 310"
_R3 = "ModelZoo README of 2023-01: om on Ascend 310P3"
_TRAINED = "ModelZoo training README: trained on an NPU"


def _build() -> Any:
    from ascend_console.zoo.nets.moco_v2 import moco_v2

    return moco_v2()


ENTRY = ModelSpec(
    name="moco_v2",
    title="MoCo v2, linear classifier",
    summary="ImageNet classifier, ResNet-50 with momentum-contrast features.",
    task="classification",
    input=TensorSpec(name="actual_input_1", shape=(3, 224, 224), layout="NCHW"),
    output=TensorSpec(name="output1", shape=(1000,)),
    variants=("moco",),
    official_batch_sizes=(1, 16),
    tested_batch_sizes=(1, 4, 8, 16, 32, 64),
    fixed_batch=True,
    fixed_batch_reason="the guide says that an export with a dynamic batch has accuracy and "
    "performance problems on the NPU, and tells to export a fixed batch",
    onnx_file="moco-v2-bs{batch_size}.onnx",
    accuracy=(
        AccuracyReference(metric="top1", value=0.67589, source=_WEIGHTS, gated=True),
        AccuracyReference(metric="top5", value=0.87990, source=_WEIGHTS, gated=True),
        AccuracyReference(metric="top1", value=0.6731, source=_GUIDE_310),
        AccuracyReference(metric="top5", value=0.8782, source=_GUIDE_310),
        AccuracyReference(metric="top1", value=0.6728, source=_GUIDE_310P),
        AccuracyReference(metric="top5", value=0.8782, source=_GUIDE_310P),
        AccuracyReference(metric="top1", value=0.677, source=_UPSTREAM),
        AccuracyReference(metric="top1", value=0.673, source=_R1),
        AccuracyReference(metric="top5", value=0.8781, source=_R1),
        AccuracyReference(metric="top1", value=0.6741, source=_R3),
        AccuracyReference(metric="top5", value=0.8802, source=_R3),
        AccuracyReference(metric="top1", value=0.67272, source=_TRAINED),
    ),
    checkpoint=CheckpointSource(
        file="model_lincls_best.pth.tar",
        url="https://ascend-repo-modelzoo.obs.cn-east-2.myhuaweicloud.com/model/"
        "1_PyTorch_PTH/MocoV2/PTH/model_lincls_best.pth.tar",
        md5=None,
        container="state_dict",
        prefix="module.",
        note="The linear classifier, not the pre-training file (that one has encoder_q keys and "
        "no classifier). The guide links the detail page "
        "https://www.hiascend.com/zh/software/modelzoo/detail/1/79c64b56e43642c3a2e62a84f9ed9897.",
        extra={"epoch": 0, "arch": "resnet50", "best_acc1": 0.0, "optimizer": {}},
    ),
    origin=Origin(
        paper_title="Improved Baselines with Momentum Contrastive Learning",
        paper_url="https://arxiv.org/abs/2003.04297",
        repository="https://github.com/facebookresearch/moco",
        branch="master",
        commit="78b69cafae80bc74cd1a89ac3fb365dc20d157d3",
        licence="CC-BY-NC 4.0 at this commit (MIT since 7397dfe146c7ca6bbb58e9c382498069178ba764)",
    ),
    environment={
        "CANN": "== 5.1.RC1",
        "onnx": "== 1.7.0",
        "pytorch": "== 1.5.0",
        "torchvision": "== 0.6.0",
        "numpy": "== 1.18.5",
        "pillow": "== 7.2.0",
    },
    parameters=25_557_032,
    macs=4_089_184_256,
    signature={"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 2048)},
    build=_build,
    order=20,
)
