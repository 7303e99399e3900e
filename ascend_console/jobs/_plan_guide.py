"""What a published guide is to a plan: its scripts, its commands, the order of its options.

In its lines `{batch}` and `{device}` stand for numbers, `{results}` and `{summary}` for what the
inference tool wrote. The guides themselves are the modules `_plan_guide_<model>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ascend_console.jobs._plan import PlanStep, Text

Tool = Literal["ais_infer", "ais_bench", "benchmark"]
TOOLS: tuple[Tool, ...] = ("ais_infer", "ais_bench", "benchmark")

MODELZOO = "https://github.com/Ascend/ModelZoo-PyTorch"
CONTRIB = "ACL_PyTorch/contrib/cv/classfication"
R1 = "05360171699bbe3bb1916bbafa84a445bd112e87"


@dataclass(frozen=True, slots=True)
class Script:
    """A file of the ModelZoo at a commit, and what it does; it is for `tools`, empty: for all."""

    path: str
    commit: str
    does: Text
    tools: tuple[Tool, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtcStyle:
    """The order of atc's options and its log level."""

    order: tuple[str, ...]
    log: str
    model: str
    output: str
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkStyle:
    """The order of the options of benchmark, and how its switches are spelled."""

    order: tuple[str, ...]
    om: str
    binary: bool
    lower_case: bool = False
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """One guide. Steps with a fixed batch (`each_batch`) are written once for each batch size.

    `evaluate` takes a folder of results in the format `outfmt`, `evaluate_summary` the summary of
    ais_infer, where the guide uses that. `bins` is the folder of preprocessed images.
    """

    title: str
    source: str
    tool: Tool
    scripts: tuple[Script, ...]
    dataset: str
    labels: str
    image_list: str | None = None
    data_note: Text
    weights_notes: tuple[Text, ...] = ()
    code: PlanStep | None = None
    each_batch: bool
    export: PlanStep
    fix_up: PlanStep | None = None
    onnx: str
    atc: AtcStyle
    preprocess: PlanStep
    bins: str
    info: PlanStep
    info_file: str
    benchmark: BenchmarkStyle
    ais_om: str
    ais_notes: tuple[Text, ...] = ()
    outfmt: Literal["NPY", "TXT", "BIN"]
    evaluate: PlanStep
    evaluate_summary: PlanStep | None = None


EXPORT = Text("Export to ONNX, opset 11", "导出 ONNX，opset 11")
EXPORT_BATCH = Text(
    "Export to ONNX, opset 11, batch size {batch}", "导出 ONNX，opset 11，batch size 为 {batch}"
)
CODE = Text("Source of the network", "网络源码")
PREPROCESS = Text("Preprocessing", "数据预处理")
INFO = Text("List of the preprocessed files", "数据集信息文件")
EVALUATE = Text("Accuracy, batch size {batch}", "精度统计，batch size 为 {batch}")
HTTPS = Text("The guide downloads over http.", "指南使用 http 下载。")
DOES_EXPORT = Text("exports the checkpoint to ONNX", "将权重导出为 ONNX")
DOES_INFO = Text("lists the .bin files for the benchmark tool", "为 benchmark 工具列出 .bin 文件")
DOES_TOPN = Text(
    "compares results with the labels and writes Top-1 to Top-5",
    "将推理结果与标签比对，写出 Top1 至 Top5 精度",
)
DOES_SHORT = Text(
    "resizes the short side to 256, cuts the centre 224, normalises, one .bin an image",
    "短边缩放到 256，中心裁剪 224，归一化，每张图片一个 .bin",
)
ON_CPU = Text(
    "The script loads the checkpoint where it was saved: one saved on CUDA needs CUDA.",
    "该脚本按权重保存时的设备加载：在 CUDA 上保存的权重需要 CUDA。",
)
RESULT_NAME = Text(
    "The guide calls every result result.json; here each batch size has its own.",
    "指南中结果均为 result.json；此处按 batch size 区分。",
)
TOPN_ORDER = ("framework", "model", "input_format", "input_shape", "output", "log", "soc_version")
LATER_ORDER = ("model", "framework", "output", "input_format", "input_shape", "log", "soc_version")
CHIP = Text(
    "The guide writes Ascend${chip_name}; SOC_VERSION holds both.",
    "指南写作 Ascend${chip_name}；此处 SOC_VERSION 为其全称。",
)
