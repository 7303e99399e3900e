"""The guide of SE-ResNet50: its commands, and where one of them is put right (guides-audit.md)."""

from __future__ import annotations

from ascend_console.jobs._plan import PlanStep, Text
from ascend_console.jobs._plan_guide import (
    CODE,
    CONTRIB,
    DOES_EXPORT,
    DOES_INFO,
    DOES_SHORT,
    DOES_TOPN,
    EVALUATE,
    EXPORT,
    HTTPS,
    INFO,
    ON_CPU,
    PREPROCESS,
    R1,
    RESULT_NAME,
    TOPN_ORDER,
    AtcStyle,
    BenchmarkStyle,
    Guide,
    Script,
)

GUIDE = Guide(
    title="SE-ResNet50 Onnx模型端到端推理指导",
    source=f"{CONTRIB}/SENet",
    tool="benchmark",
    scripts=(
        Script(f"{CONTRIB}/SENet/se_resnet50_pth2onnx.py", R1, DOES_EXPORT),
        Script(f"{CONTRIB}/SENet/imagenet_torch_preprocess.py", R1, DOES_SHORT),
        Script(f"{CONTRIB}/SENet/gen_dataset_info.py", R1, DOES_INFO, ("benchmark",)),
        Script(f"{CONTRIB}/SENet/imagenet_acc_eval.py", R1, DOES_TOPN),
    ),
    dataset="/opt/npu/imagenet/val",
    labels="/opt/npu/imagenet/val_label.txt",
    data_note=Text(
        "The guide has the labels in /opt/npu/imagenet and in /root/datasets/imagenet.",
        "指南中标签路径前后不一：/opt/npu/imagenet 与 /root/datasets/imagenet。",
    ),
    weights_notes=(HTTPS,),
    code=PlanStep(
        title=CODE,
        lines=(
            "if [ ! -d pretrained-models.pytorch ]; then",
            "    git clone https://github.com/Cadene/pretrained-models.pytorch.git",
            "    git -C pretrained-models.pytorch checkout "
            "8aae3d8f1135b6b13fed79c1d431e3449fdbf6e0",
            "fi",
            '( cd pretrained-models.pytorch && "$PYTHON" setup.py install )',
        ),
    ),
    each_batch=False,
    export=PlanStep(
        title=EXPORT,
        notes=(ON_CPU,),
        lines=('"$PYTHON" "$SCRIPTS"/se_resnet50_pth2onnx.py "$CHECKPOINT" se_resnet50.onnx',),
        expected=("se_resnet50.onnx",),
    ),
    onnx="se_resnet50.onnx",
    atc=AtcStyle(
        order=TOPN_ORDER,
        log="debug",
        model="./se_resnet50.onnx",
        output="se_resnet50_bs{batch}",
    ),
    preprocess=PlanStep(
        title=PREPROCESS,
        lines=(
            '"$PYTHON" "$SCRIPTS"/imagenet_torch_preprocess.py resnet "$DATASET" ./prep_dataset',
        ),
    ),
    bins="prep_dataset",
    info=PlanStep(
        title=INFO,
        lines=(
            '"$PYTHON" "$SCRIPTS"/gen_dataset_info.py bin ./prep_dataset '
            "./se_resnet50_prep_bin.info 224 224",
        ),
        expected=("se_resnet50_prep_bin.info",),
    ),
    info_file="./se_resnet50_prep_bin.info",
    benchmark=BenchmarkStyle(
        order=(
            "model_type",
            "device_id",
            "batch_size",
            "om_path",
            "input_text_path",
            "input_width",
            "input_height",
            "output_binary",
            "useDvpp",
        ),
        om="se_resnet50_bs{batch}.om",
        binary=False,
        notes=(
            Text(
                "-output_binary=False writes _1.txt files; the guide's text says _x.bin.",
                "-output_binary=False 时结果为 _1.txt 文件；指南正文写作 _x.bin。",
            ),
        ),
    ),
    ais_om="./se_resnet50_bs{batch}.om",
    outfmt="TXT",
    evaluate=PlanStep(
        title=EVALUATE,
        notes=(RESULT_NAME,),
        lines=(
            '"$PYTHON" "$SCRIPTS"/imagenet_acc_eval.py {results}/ "$LABELS" ./ '
            "result_bs{batch}.json",
            "cat result_bs{batch}.json",
        ),
        expected=("result_bs{batch}.json",),
    ),
)
