"""DeepMAR: 35 pedestrian attributes of the PETA data set."""

from __future__ import annotations

from typing import Any

from ascend_console.core.specs import (
    AccuracyReference,
    CheckpointSource,
    ModelSpec,
    Origin,
    TensorSpec,
)

_CLAIM = "Guide, section 6.2: quoted as the open-source figure; its own repository publishes none"
_ON_310 = "Guide, section 6.1: om on Ascend 310, 7,600 PETA images, the same at batch 1 and 8"
_TRAINED = "ModelZoo training README: trained on an NPU"

# The order of the classifier's rows: attribute i of the PETA annotation is logit i.
_ATTRIBUTES = (
    "personalLess30",
    "personalLess45",
    "personalLess60",
    "personalLarger60",
    "carryingBackpack",
    "carryingOther",
    "lowerBodyCasual",
    "upperBodyCasual",
    "lowerBodyFormal",
    "upperBodyFormal",
    "accessoryHat",
    "upperBodyJacket",
    "lowerBodyJeans",
    "footwearLeatherShoes",
    "upperBodyLogo",
    "hairLong",
    "personalMale",
    "carryingMessengerBag",
    "accessoryMuffler",
    "accessoryNothing",
    "carryingNothing",
    "upperBodyPlaid",
    "carryingPlasticBags",
    "footwearSandals",
    "footwearShoes",
    "lowerBodyShorts",
    "upperBodyShortSleeve",
    "lowerBodyShortSkirt",
    "footwearSneaker",
    "upperBodyThinStripes",
    "accessorySunglasses",
    "lowerBodyTrousers",
    "upperBodyTshirt",
    "upperBodyOther",
    "upperBodyVNeck",
)


def _build() -> Any:
    from ascend_console.zoo.nets.deepmar import deepmar

    return deepmar()


ENTRY = ModelSpec(
    name="deepmar",
    title="DeepMAR",
    summary="Pedestrian attribute recognition, ResNet-50 with 35 logits.",
    task="attributes",
    input=TensorSpec(name="actual_input_1", shape=(3, 224, 224), layout="NCHW"),
    output=TensorSpec(name="output1", shape=(35,)),
    variants=("deepmar",),
    official_batch_sizes=(1, 8),
    tested_batch_sizes=(1, 4, 8, 16, 32, 64),
    fixed_batch=True,
    fixed_batch_reason="the guide exports DeepMAR for one batch size, given to its export script",
    onnx_file="deepmar_bs{batch_size}.onnx",
    accuracy=(
        AccuracyReference(metric="instance_acc", value=0.789, source=_CLAIM, gated=True),
        AccuracyReference(metric="instance_acc", value=0.78965245043699, source=_ON_310),
        AccuracyReference(metric="instance_precision", value=0.8823281028182345, source=_ON_310),
        AccuracyReference(metric="instance_recall", value=0.8496866930584036, source=_ON_310),
        AccuracyReference(metric="instance_F1", value=0.8656998192635741, source=_ON_310),
        AccuracyReference(metric="instance_acc", value=0.7652, source=_TRAINED),
    ),
    checkpoint=CheckpointSource(
        file="checkpoint.pth.tar",
        url=None,
        md5=None,
        container="state_dict",
        prefix="module.",
        note="The guide says to use a checkpoint of your own training. ModelZoo of 2023-01 names "
        "https://obs-9be7.obs.cn-east-2.myhuaweicloud.com/turing/resourcecenter/model/"
        "ATC%20Deepmar%20from%20Pytorch%20Ascend310/zh/1.1/"
        "ATC_Deepmar_from_Pytorch_Ascend310.zip: unpack checkpoint.pth.tar from it. Files of "
        "the original training (ckpt_epoch<N>.pth) keep the model in state_dicts[0].",
        extra={"epoch": 0, "optimizer": {}, "amp": {}},
    ),
    origin=Origin(
        paper_title="Multi-attribute learning for pedestrian attribute recognition in "
        "surveillance scenarios",
        paper_url="https://ieeexplore.ieee.org/document/7486476",
        repository="https://github.com/dangweili/pedestrian-attribute-recognition-pytorch",
        branch="master",
        commit="468ae58cf49d09931788f378e4b3d4cc2f171c22",
        licence="no licence file; README: academic research only",
    ),
    environment={
        "CANN": "5.1.RC1",
        "pytorch": "== 1.6.0",
        "torchvision": "== 0.7.0",
        "onnx": "== 1.7.0",
        "numpy": "== 1.18.5",
        "Pillow": "== 7.2.0",
    },
    parameters=23_579_747,
    macs=4_087_207_936,
    signature={"base.conv1.weight": (64, 3, 7, 7), "classifier.weight": (35, 2048)},
    build=_build,
    labels=_ATTRIBUTES,
    order=30,
)
