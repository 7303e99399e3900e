"""The guide of DeepMAR: its commands, and where one of them is put right (guides-audit.md)."""

from __future__ import annotations

from ascend_console.jobs._plan import PlanStep, Text
from ascend_console.jobs._plan_guide import (
    CODE,
    DOES_EXPORT,
    DOES_INFO,
    EVALUATE,
    EXPORT_BATCH,
    INFO,
    LATER_ORDER,
    PREPROCESS,
    AtcStyle,
    BenchmarkStyle,
    Guide,
    Script,
)

_COMMIT = "b4060a27d2328537cc9c53039b8929811a2892bd"
_PEDESTRIANS = "pedestrian-attribute-recognition-pytorch"
_FOLDER = "ACL_PyTorch/built-in/cv/Deepmar_for_Pytorch"
_COUNT_PADS = (
    "'import onnx, sys; "
    'print(sum(node.op_type == "Pad" for node in onnx.load(sys.argv[1]).graph.node))\''
)
GUIDE = Guide(
    title="Deepmar Onnx模型端到端推理指导",
    source=_FOLDER,
    tool="benchmark",
    scripts=(
        Script(
            f"{_FOLDER}/DeepMAR.py",
            _COMMIT,
            Text("replaces the network's source", "替换网络源码中的同名文件"),
        ),
        Script(f"{_FOLDER}/export_onnx.py", _COMMIT, DOES_EXPORT),
        Script(
            f"{_FOLDER}/remove_pad.py",
            _COMMIT,
            Text("takes the Pad without effect out of the graph", "去除无作用的 Pad 算子"),
        ),
        Script(
            f"{_FOLDER}/preprocess_deepmar_pytorch.py",
            _COMMIT,
            Text(
                "stretches each listed image to 224x224, normalised, one .bin an image",
                "将列表中的图片拉伸到 224x224，归一化，每张图片一个 .bin",
            ),
        ),
        Script(f"{_FOLDER}/get_info.py", _COMMIT, DOES_INFO, ("benchmark",)),
        Script(
            f"{_FOLDER}/postprocess_deepmar_pytorch.py",
            _COMMIT,
            Text(
                "compares results with label.json and prints accuracy, precision, recall, F1",
                "将推理结果与 label.json 比对，打印精度、查准率、查全率和 F1",
            ),
        ),
        Script(
            f"{_FOLDER}/image.txt",
            _COMMIT,
            Text("the names of the 7,600 test images", "7600 张测试图片的文件名"),
        ),
        Script(
            f"{_FOLDER}/label.json",
            _COMMIT,
            Text("their 35 attributes", "其 35 个属性标签"),
        ),
    ),
    dataset="/home/HwHiAiUser/dataset/peta/images",
    labels="label.json",
    image_list="image.txt",
    data_note=Text(
        "The images are those of PETA; list and labels of its test split come with the scripts.",
        "图片为 PETA 数据集；测试集的图片列表与标签随脚本提供。",
    ),
    weights_notes=(
        Text(
            "The guide says to use a checkpoint of your own training.",
            "指南要求使用自行训练的权重。",
        ),
    ),
    code=PlanStep(
        title=CODE,
        lines=(
            f"if [ ! -d {_PEDESTRIANS} ]; then",
            f"    git clone https://github.com/dangweili/{_PEDESTRIANS}",
            f"    git -C {_PEDESTRIANS} checkout 468ae58cf49d09931788f378e4b3d4cc2f171c22",
            "fi",
            f'cp "$SCRIPTS"/DeepMAR.py {_PEDESTRIANS}/baseline/model/DeepMAR.py',
            f'cp "$SCRIPTS"/export_onnx.py {_PEDESTRIANS}/export_onnx.py',
        ),
    ),
    each_batch=True,
    export=PlanStep(
        title=EXPORT_BATCH,
        lines=(
            f'( cd {_PEDESTRIANS} && "$PYTHON" export_onnx.py "$CHECKPOINT" '
            "../deepmar_bs{batch}.onnx {batch} )",
        ),
        expected=("deepmar_bs{batch}.onnx",),
    ),
    fix_up=PlanStep(
        title=Text("Remove the Pad, batch size {batch}", "去除 Pad 算子，batch size 为 {batch}"),
        notes=(
            Text(
                "The guide writes deepmar_bs1_nopad.pnnx, a slip for .onnx, after a line of prose "
                "in the same block.",
                "指南的输出文件名为 deepmar_bs1_nopad.pnnx，应为 .onnx；"
                "同一代码块中还混有说明文字。",
            ),
            Text(
                "Its script overwrites its input and never writes its output with onnx up to 1.14, "
                "and fails with a newer one and on a graph without a Pad. So it works on a copy, "
                "and only where there is a Pad; newer exporters write none.",
                "onnx 1.14 及更早版本下，该脚本会覆盖输入且不写输出文件；"
                "更新的 onnx 或图中没有 Pad 时则出错。"
                "因此在副本上执行，且仅在有 Pad 时执行；较新的导出器不产生 Pad。",
            ),
        ),
        lines=(
            "cp deepmar_bs{batch}.onnx deepmar_bs{batch}_nopad.onnx",
            f'pads=$("$PYTHON" -c {_COUNT_PADS} deepmar_bs{{batch}}.onnx)',
            'if [ "$pads" -gt 0 ]; then',
            '    "$PYTHON" "$SCRIPTS"/remove_pad.py deepmar_bs{batch}_nopad.onnx '
            "deepmar_bs{batch}_nopad.onnx",
            "fi",
        ),
        expected=("deepmar_bs{batch}_nopad.onnx",),
    ),
    onnx="deepmar_bs{batch}.onnx",
    atc=AtcStyle(
        order=LATER_ORDER,
        log="error",
        model="deepmar_bs{batch}_nopad.onnx",
        output="deepmar_bs{batch}",
        notes=(
            Text(
                "The guide has --soc_version=${chip_name}, without Ascend in front.",
                "指南写作 --soc_version=${chip_name}，缺少前缀 Ascend。",
            ),
        ),
    ),
    preprocess=PlanStep(
        title=PREPROCESS,
        lines=(
            '"$PYTHON" "$SCRIPTS"/preprocess_deepmar_pytorch.py "$DATASET" input_bin "$IMAGE_LIST"',
        ),
    ),
    bins="input_bin",
    info=PlanStep(
        title=INFO,
        notes=(
            Text(
                "The guide describes five arguments, a file format first; the script takes four.",
                "指南描述了五个参数（首个为文件格式）；脚本只有四个。",
            ),
        ),
        lines=('"$PYTHON" "$SCRIPTS"/get_info.py ./input_bin deepmar.info 224 224',),
        expected=("deepmar.info",),
    ),
    info_file="deepmar.info",
    benchmark=BenchmarkStyle(
        order=(
            "model_type",
            "batch_size",
            "device_id",
            "om_path",
            "input_width",
            "input_height",
            "input_text_path",
            "useDvpp",
            "output_binary",
        ),
        om="deepmar_bs{batch}.om",
        binary=True,
        lower_case=True,
    ),
    ais_om="./deepmar_bs{batch}.om",
    outfmt="BIN",
    evaluate=PlanStep(
        title=EVALUATE,
        notes=(
            Text(
                "The guide looks for the figures in fusion_result.json, which atc writes; the "
                "script only prints them.",
                "指南称精度保存在 fusion_result.json 中，该文件实为 atc 的产物；脚本只打印结果。",
            ),
        ),
        lines=(
            '"$PYTHON" "$SCRIPTS"/postprocess_deepmar_pytorch.py {results}/ "$LABELS" '
            "| tee accuracy_bs{batch}.txt",
        ),
        expected=("accuracy_bs{batch}.txt",),
    ),
)
