"""The guide of GhostNet: its commands, and where one of them is put right (guides-audit.md)."""

from __future__ import annotations

from ascend_console.jobs._plan import PlanStep, Text
from ascend_console.jobs._plan_guide import (
    CHIP,
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
    Tool,
)

_FOLDER = f"{CONTRIB}/GhostNet1.0x"
# The summary of ais_infer is read since the first of these; the second is the oldest one that is
# known to hold the export script, which never changed.
_SUMMARY = "59d9c591d8f095480dafbbb4e3b58a8dda5af54d"
_EXPORT_COMMIT = "0525219d745e04e98f311a6b04a66094c6fc9af7"
_AIS: tuple[Tool, ...] = ("ais_infer", "ais_bench")

GUIDE = Guide(
    title="GhostNet1.0x模型PyTorch离线推理指导",
    source=_FOLDER,
    tool="ais_infer",
    scripts=(
        Script(f"{_FOLDER}/ghostnet_pth2onnx.py", _EXPORT_COMMIT, DOES_EXPORT),
        Script(f"{_FOLDER}/imagenet_torch_preprocess.py", R1, DOES_SHORT),
        Script(f"{_FOLDER}/gen_dataset_info.py", R1, DOES_INFO, ("benchmark", "ais_infer")),
        Script(
            f"{_FOLDER}/imagenet_acc_eval.py",
            _SUMMARY,
            Text(
                "compares the results that a summary lists with the labels, prints Top-1 and Top-5",
                "将汇总文件列出的结果与标签比对，打印 Top1 与 Top5 精度",
            ),
            _AIS,
        ),
        Script(f"{_FOLDER}/imagenet_acc_eval.py", R1, DOES_TOPN, ("benchmark",)),
    ),
    dataset="/root/datasets/imagenet/val",
    labels="/root/datasets/imagenet/val_label.txt",
    data_note=Text(
        "The guide has the data in /root/datasets/imagenet, in /root/datasets/imageNet and in "
        "/home/HwHiAiUser/dataset/imageNet.",
        "指南中数据路径前后不一：/root/datasets/imagenet、/root/datasets/imageNet 与 "
        "/home/HwHiAiUser/dataset/imageNet。",
    ),
    weights_notes=(
        HTTPS,
        Text(
            "It prints the md5 in capitals: F7241350B4486BF00ACCBF9C3A192331.",
            "指南中的 md5 为大写：F7241350B4486BF00ACCBF9C3A192331。",
        ),
    ),
    code=PlanStep(
        title=CODE,
        lines=(
            "if [ ! -d CV-Backbones ]; then",
            "    git clone https://github.com/huawei-noah/CV-Backbones.git",
            "    git -C CV-Backbones checkout 5a06c87a8c659feb2d18d3d4179f344b9defaceb",
            "fi",
        ),
    ),
    each_batch=False,
    export=PlanStep(
        title=EXPORT,
        notes=(ON_CPU,),
        lines=('"$PYTHON" "$SCRIPTS"/ghostnet_pth2onnx.py "$CHECKPOINT" ghostnet.onnx',),
        expected=("ghostnet.onnx",),
    ),
    onnx="ghostnet.onnx",
    atc=AtcStyle(
        order=TOPN_ORDER,
        log="debug",
        model="./ghostnet.onnx",
        output="ghostnet_bs{batch}",
        notes=(
            Text(
                "The guide runs atc before it sources set_env.sh; here that came first.",
                "指南在 source set_env.sh 之前运行 atc；此处已先加载环境变量。",
            ),
            CHIP,
        ),
    ),
    preprocess=PlanStep(
        title=PREPROCESS,
        lines=(
            '"$PYTHON" "$SCRIPTS"/imagenet_torch_preprocess.py ghostnet "$DATASET" ./prep_dataset',
        ),
    ),
    bins="prep_dataset",
    info=PlanStep(
        title=INFO,
        notes=(
            Text(
                "The guide makes this list for ais_infer too, which does not read it.",
                "指南使用 ais_infer 时也生成此文件，但 ais_infer 并不读取它。",
            ),
        ),
        lines=(
            '"$PYTHON" "$SCRIPTS"/gen_dataset_info.py bin ./prep_dataset '
            "./ghostnet_prep_bin.info 224 224",
        ),
        expected=("ghostnet_prep_bin.info",),
    ),
    info_file="./ghostnet_prep_bin.info",
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
        om="ghostnet_bs{batch}.om",
        binary=False,
    ),
    ais_om="./ghostnet_bs{batch}.om",
    ais_notes=(
        Text(
            "The guide describes --input_shape, which is no option of ais_infer, and starts it "
            "with `python`.",
            "指南说明了 --input_shape，但 ais_infer 没有该选项；指南用 python 启动。",
        ),
        Text(
            "It writes into ./ and looks for ./lcmout/2022_xx_xx-xx_xx_xx/sumary.json; here the "
            "folder is looked up.",
            "指南输出到 ./，却在 ./lcmout/2022_xx_xx-xx_xx_xx/sumary.json 中查找；"
            "此处自动查找结果目录。",
        ),
    ),
    outfmt="NPY",
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
    evaluate_summary=PlanStep(
        title=EVALUATE,
        lines=(
            '"$PYTHON" "$SCRIPTS"/imagenet_acc_eval.py {summary} "$LABELS" '
            "| tee accuracy_bs{batch}.txt",
        ),
        expected=("accuracy_bs{batch}.txt",),
    ),
)
