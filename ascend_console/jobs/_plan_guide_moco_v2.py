"""The guide of MoCo v2: its commands, and where one of them is put right (guides-audit.md)."""

from __future__ import annotations

from ascend_console.jobs._plan import PlanStep, Text
from ascend_console.jobs._plan_guide import (
    CHIP,
    CONTRIB,
    DOES_EXPORT,
    DOES_INFO,
    DOES_TOPN,
    EVALUATE,
    EXPORT_BATCH,
    INFO,
    LATER_ORDER,
    PREPROCESS,
    RESULT_NAME,
    AtcStyle,
    BenchmarkStyle,
    Guide,
    Script,
)

_COMMIT = "316c53d8735c48310bc8e9c371470cb8bbb778be"
GUIDE = Guide(
    title="Moco-v2 ONNX模型端到端推理指导",
    source=f"{CONTRIB}/Moco-v2",
    tool="benchmark",
    scripts=(
        Script(f"{CONTRIB}/Moco-v2/pthtar2onnx.py", _COMMIT, DOES_EXPORT),
        Script(
            f"{CONTRIB}/Moco-v2/imagenet_torch_preprocess.py",
            _COMMIT,
            Text(
                "resizes the short side to 256 with a bicubic filter, cuts the centre 224, "
                "normalises",
                "短边以双三次插值缩放到 256，中心裁剪 224，归一化",
            ),
        ),
        Script(f"{CONTRIB}/Moco-v2/get_info.py", _COMMIT, DOES_INFO, ("benchmark",)),
        Script(f"{CONTRIB}/Moco-v2/vision_metric_ImageNet.py", _COMMIT, DOES_TOPN),
    ),
    dataset="/path/dataset/ILSVRC2012_img_val/val",
    labels="/path/val_label.txt",
    data_note=Text(
        "The guide has three data paths: /path/dataset/ILSVRC2012_img_val/val, "
        "${datasets_path}/imageNet/val, and labels in /path and in the current folder.",
        "指南中数据路径前后不一：/path/dataset/ILSVRC2012_img_val/val、"
        "${datasets_path}/imageNet/val，标签则在 /path 或当前目录。",
    ),
    weights_notes=(
        Text(
            "The guide links a page, not a file: https://www.hiascend.com/zh/software/modelzoo/"
            "detail/1/79c64b56e43642c3a2e62a84f9ed9897. No checksum is published.",
            "指南给出的是网页而非文件：https://www.hiascend.com/zh/software/modelzoo/"
            "detail/1/79c64b56e43642c3a2e62a84f9ed9897。没有公布校验值。",
        ),
    ),
    each_batch=True,
    export=PlanStep(
        title=EXPORT_BATCH,
        notes=(
            Text(
                "The batch is fixed: the guide warns of accuracy and performance problems with a "
                "dynamic one. The script names the file itself.",
                "batch 固定：指南指出动态 batch 存在精度和性能问题。文件名由脚本决定。",
            ),
        ),
        lines=('"$PYTHON" "$SCRIPTS"/pthtar2onnx.py {batch} "$CHECKPOINT"',),
        expected=("moco-v2-bs{batch}.onnx",),
    ),
    onnx="moco-v2-bs{batch}.onnx",
    atc=AtcStyle(
        order=LATER_ORDER,
        log="info",
        model="moco-v2-bs{batch}.onnx",
        output="moco-v2-atc-bs{batch}",
        notes=(
            CHIP,
            Text(
                "The guide speaks of output nodes to choose and names none: the graph has one "
                "output, and nothing is to be removed.",
                "指南称需要指定输出节点，但未给出：该模型只有一个输出，无需去除。",
            ),
        ),
    ),
    preprocess=PlanStep(
        title=PREPROCESS,
        lines=('"$PYTHON" "$SCRIPTS"/imagenet_torch_preprocess.py "$DATASET" ./prep_dataset',),
    ),
    bins="prep_dataset",
    info=PlanStep(
        title=INFO,
        lines=(
            '"$PYTHON" "$SCRIPTS"/get_info.py bin ./prep_dataset ./dataset_prep_bin.info 224 224',
        ),
        expected=("dataset_prep_bin.info",),
    ),
    info_file="./dataset_prep_bin.info",
    benchmark=BenchmarkStyle(
        order=(
            "model_type",
            "batch_size",
            "device_id",
            "input_text_path",
            "input_width",
            "input_height",
            "om_path",
            "useDvpp",
            "output_binary",
        ),
        om="./moco-v2-atc-bs{batch}.om",
        binary=False,
        notes=(
            Text(
                "The guide makes benchmark.${arch} executable and starts benchmark.x86_64; here "
                "both are that of this machine.",
                "指南为 benchmark.${arch} 增加执行权限，却运行 benchmark.x86_64；"
                "此处均按本机架构。",
            ),
            Text(
                "The guide infers at batch size 1 and shows the accuracy at 32.",
                "指南以 batch size 1 推理，却给出 batch size 32 的精度。",
            ),
        ),
    ),
    ais_om="./moco-v2-atc-bs{batch}.om",
    outfmt="TXT",
    evaluate=PlanStep(
        title=EVALUATE,
        notes=(RESULT_NAME,),
        lines=(
            '"$PYTHON" "$SCRIPTS"/vision_metric_ImageNet.py {results}/ "$LABELS" ./ '
            "result_bs{batch}.json",
            "cat result_bs{batch}.json",
        ),
        expected=("result_bs{batch}.json",),
    ),
)
