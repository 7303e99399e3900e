"""Signs of models, inputs, outputs and devices in the logs of converters and inference tools."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.ascend import error_remedies as fix

if TYPE_CHECKING:
    from ascend_console.ascend.error_remedies import Words


@dataclass(frozen=True, slots=True)
class SignRow:
    """A pattern and what it means; groups of the pattern stand in the texts as `{name}`.

    A text that holds none of the `needles` cannot match: they make long logs quick to search.
    """

    name: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    cause: Words
    remedies: tuple[Words, ...]
    is_fatal: bool = True

    def search(self, text: str) -> re.Match[str] | None:
        """The first place where the sign stands."""
        if not any(needle in text for needle in self.needles):
            return None
        return self.pattern.search(text)


def sign(
    name: str,
    needles: str,
    cause: Words,
    remedies: tuple[Words, ...],
    *,
    pattern: str = "",
    is_fatal: bool = True,
) -> SignRow:
    """A row; `needles` are divided by bars, and are the pattern themselves where there is none."""
    words = tuple(needles.split("|"))
    found = pattern or "|".join(map(re.escape, words))
    return SignRow(name, words, re.compile(found, re.MULTILINE), cause, remedies, is_fatal)


_OUTPUT_SIZE = (
    "Give the bytes of each output: --outputSize, and --dymShape for the inputs.",
    "指定各输出字节数 --outputSize，并用 --dymShape 指定输入 Shape。",
)
_GEAR = (
    "Name the gear that the om was made for: --dymBatch, --dymHW or --dymDims.",
    "用 --dymBatch、--dymHW 或 --dymDims 指定转换时的档位。",
)
_STATIC = (
    "Convert again with a fixed shape: --input-shape with numbers only.",
    "使用固定 Shape 重新转换：--input-shape 全部写数字。",
)
_PRIVATE_COPY = (
    "Make a private copy: cp -rL FILES DIR && chmod -R u=rwX,g=rX,o= DIR, with letters, digits "
    "and _ - . only in the path.",
    "复制一份私有文件：cp -rL 文件 目录 && chmod -R u=rwX,g=rX,o= 目录，路径只含字母、数字和 _ - .",
)
_ABSOLUTE = (
    "Use absolute paths: with --profiler the tool runs in another folder.",
    "使用绝对路径：启用 --profiler 时工具会切换目录。",
)
_SPLIT_AXIS = (
    "If the batch is another axis of the output, say which: --output_batchsize_axis N.",
    "若输出的 batch 不在第 0 轴，用 --output_batchsize_axis N 指定。",
)
_SAME_PAIR = (
    "Install aclruntime and ais_bench of the same date, for this Python and machine.",
    "安装同一时间发布、与当前 Python 和架构匹配的 aclruntime 与 ais_bench。",
)

SIGNS: tuple[SignRow, ...] = (
    sign("opp_version",
         "opp version of the model does not match",
         ("the om was made with operator package {model}, and here is {here}",
          "om 由算子包 {model} 生成，而本机为 {here}"),
         (fix.RECONVERT, fix.OPS_PACKAGE, fix.DOCTOR),
         pattern=r"opp version of the model does not match.{0,80}Model is "
         r"\[(?P<model>[^\]\n]{0,80})\], opp run package is \[(?P<here>[^\]\n]{0,80})\]"),
    sign("version", "CANN version mismatch|ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT|"
         "undefined symbol: ",
         ("driver, CANN, operator package and model do not belong together",
          "驱动、CANN、算子包与模型版本不匹配"), (fix.DOCTOR, fix.DRIVER, fix.RECONVERT)),
    sign("soc_unknown",
         "SOC_VERSION |Unsupported SOC version",
         ("the soc_version is not known here, or in the wrong case",
          "soc_version 不受支持或大小写有误"), (fix.RIGHT_SOC, fix.OPS_PACKAGE),
         pattern=r"SOC_VERSION \S{1,60} does not support|Unsupported SOC version:? ?\S{0,60}"),
    sign("other_chip", "stream_list.size()|Task index:",
         ("the om was made for another chip than this one", "om 的目标芯片与本机芯片不一致"),
         (fix.OM_INFO, fix.RIGHT_SOC, fix.RECONVERT),
         pattern=r"stream_list\.size\(\)|Task index:[0-9]{1,6} init failed"),
    sign("type_unsupported", "The type is not supported.",
         ("check_result.json names operators that this CANN does not support",
          "check_result.json 中列出了当前 CANN 不支持的算子"),
         (fix.OPSET, fix.SIMPLIFY, fix.REWRITE)),
    sign("kernel_package", "Parse dynamic kernel config fail|AclOpKernelInit failed",
         ("the operator package of another chip is installed", "安装的算子包与芯片不匹配"),
         (fix.OPS_PACKAGE, fix.DOCTOR)),
    sign("address", "errorStr: The DDR address of the MTE instruction is out of range",
         ("an operator read outside its memory (operator {op}): mostly input values that are no "
          "valid indices, or a wrong shape",
          "算子访问内存越界（算子 {op}）：多为输入值不是有效索引，或 Shape 有误"),
         (("Check that the input values are what the model takes (range, type, order of inputs).",
           "检查输入数值是否符合模型要求（范围、类型、输入顺序）。"),
          fix.INPUT_BYTES, fix.KEEP_FOR_VENDOR)),
    sign("aicore", "kernel execute failed",
         ("the operator {op} failed on the chip; often the batch or the image is too large",
          "算子 {op} 在芯片上执行失败；多为 batch 或图像过大"),
         (fix.SMALLER_BATCH, fix.PRECISION, fix.KEEP_FOR_VENDOR),
         pattern=r"(?:Aicore|aicore|vector core) kernel execute failed.{0,300}?"
         r"fault kernel_name=(?P<op>[^,\s]{1,300})"),
    sign("aicore_any", "there is an aicore error|Aicore kernel execute failed|aic error mask",
         ("an operator failed on the chip", "算子在芯片上执行失败"),
         (fix.SMALLER_BATCH, fix.PRECISION, fix.KEEP_FOR_VENDOR)),
    sign("chip_memory", "MxbsMalloc failed|Call rtMalloc fail|aclrtMalloc failed",
         ("the device has too little free memory", "设备内存不足"),
         (fix.SMALLER_BATCH, fix.WHO_USES, fix.WAIT)),
    sign("device_open",
         "open device ",
         ("the device {device} cannot be opened: it is absent, taken, or the driver does not run",
          "设备 {device} 无法打开：设备不存在、被占用或驱动未运行"),
         (fix.DEVICE_NUMBER, ("Unset ASCEND_RT_VISIBLE_DEVICES inside a container.",
                              "在容器内取消 ASCEND_RT_VISIBLE_DEVICES。"),
          fix.WAIT, fix.CONTAINER, fix.DRIVER),
         pattern=r"open device (?P<device>[0-9]{1,4}) failed"),
    sign("no_driver", "HDC init failed, driver may not load",
         ("no driver runs here; a conversion does not need one, an inference does",
          "本机没有运行驱动；转换不需要驱动，推理需要"),
         (fix.CONTAINER, fix.DRIVER), is_fatal=False),
    sign("device_link", "hdc send msg fail|halQueueEnQueueBuff failed",
         ("host and device lost their connection: mostly a process on the other side ended",
          "主机与设备的通信中断：多为对端进程已退出"), (fix.WAIT, fix.WHO_USES, fix.PLOG)),
    sign("aicpu", "TsdOpen failed|tsd client wait response fail|"
         "Start aicpu executor failed",
         ("the AI CPU service of the device does not start: an older process holds it",
          "设备的 AI CPU 服务无法启动：被旧进程占用"),
         (fix.WAIT, fix.WHO_USES, ("Run `unset ASCEND_AICPU_PATH` and try again.",
                                   "执行 unset ASCEND_AICPU_PATH 后重试。"))),
    sign("model_load", "load model from file failed",
         ("the om {file} cannot be loaded: for another chip or CANN, too large for the free "
          "memory, damaged, or a relative path together with --profiler",
          "无法加载 {file}：芯片或 CANN 版本不符、内存不足、文件损坏，"
          "或在 --profiler 下使用了相对路径"),
         (_ABSOLUTE, fix.OM_INFO, fix.RECONVERT, fix.WHO_USES),
         pattern=r"load model from file failed, model file is (?P<file>\S{1,300})"),
    sign("input_count", "intensor:|args input dir num",
         ("the number of input files or folders is not the number of the model's inputs",
          "输入文件或目录的数量与模型输入个数不一致"),
         (fix.INSPECT, ("Give one folder for each input, with commas, in the model's order.",
                        "按模型输入顺序为每个输入提供一个目录，用逗号分隔。")),
         pattern=r"intensor: ?\S{1,20} not match|args input dir num"),
    sign("input_vector", "Check InVector failed|Check i:",
         ("an input has another size than the model takes", "输入大小与模型要求不一致"),
         (fix.INPUT_BYTES, fix.OM_INFO),
         pattern=r"Check InVector failed|Check i:[0-9]{1,4} name:"),
    sign("split_results", "save out files error array shape",
         ("the outputs of a batch cannot be split into one file for each input: their first axis "
          "is not the batch, or the inputs are smaller than the model takes",
          "无法按 batch 拆分输出：输出第 0 轴不是 batch，或输入小于模型所需大小"),
         (_SPLIT_AXIS, fix.INPUT_BYTES)),
    sign("output_size", "size is zero|size is 0, create output failed",
         ("an output has no known size: the om has a dynamic shape",
          "输出大小未知：om 为动态 Shape"), (_OUTPUT_SIZE, _STATIC),
         pattern=r"out i:[0-9]{1,4} size is zero|size is 0, create output failed"),
    sign("not_dynamic", "dynamic_batch_size parameter is not specified for model conversion|"
         "CheckDynamicBatchSize",
         ("the om has no batch gears: a -1 in --input_shape alone makes a fully dynamic om",
          "om 没有 batch 档位：仅在 --input_shape 写 -1 得到的是全动态模型"),
         (_OUTPUT_SIZE, ("Or convert with --atc-option dynamic_batch_size=1,8 and -1 as batch.",
                         "或使用 --atc-option dynamic_batch_size=1,8 且 batch 写 -1 重新转换。"))),
    sign("gear_missing", "om model detected, but dymbatch|check failed dym gearcount",
         ("the om has gears, and none was chosen", "om 带有档位但未指定"), (_GEAR,)),
    sign("gear_wrong", ""
         "parameter is not correct|dynamic_image_size parameter is not specified",
         ("the om has no such gear", "om 没有该档位"), (_GEAR, fix.OM_INFO),
         pattern=r"the dym\w{1,12} parameter is not correct|"
         r"dynamic_image_size parameter is not specified"),
    sign("dynamic_chip", "Dynamic shape is not supported on this chip",
         ("this chip runs no dynamic shapes", "该芯片不支持动态 Shape"), (_STATIC,)),
    sign("aipp_missing", "can't find aipp config file|aipp model without aipp config",
         ("the om has dynamic AIPP and wants its settings", "om 使用动态 AIPP，需要配置文件"),
         (("Give them: --aipp_config FILE.config", "指定 --aipp_config FILE.config。"),)),
    sign("dump_profiler", "error bad parameters --profiler and --dump|miss output parameter",
         ("dump and profile exclude each other and need an output folder",
          "dump 与 profiler 互斥，且需要指定输出目录"),
         (("Choose one of them, and give --output.", "只选其一，并指定 --output。"),)),
    sign("secure_path", "contains illegal char|is a soft link|owner or ownergroup|"
         "group writable|others writable|may be insecure because it does not belong",
         ("the tool refuses the path: a link, another owner, writable for others, odd characters",
          "工具拒绝该路径：软链接、属主不符、他人可写或含特殊字符"), (_PRIVATE_COPY,)),
    sign("copy_back", "TensorBufferCopy failed|CheckCopyValid failed",
         ("an output could not be copied back: it has no memory, since its size is unknown, or "
          "aclruntime and ais_bench do not belong together",
          "输出无法拷回：输出大小未知而没有内存，或 aclruntime 与 ais_bench 版本不匹配"),
         (_SAME_PAIR, _OUTPUT_SIZE, fix.OM_INFO)),
    sign("aclruntime_old", "aclruntime version:",
         ("aclruntime is older than ais_bench: some options then do nothing",
          "aclruntime 比 ais_bench 旧，部分选项会失效"), (_SAME_PAIR,), is_fatal=False,
         pattern=r"aclruntime version:\S{1,20} is lower"),
    sign("quantise_layer", "arq weight fake quant failed",
         ("the weights of the layer {layer} cannot be quantised", "层 {layer} 的权重无法量化"),
         (("Leave that layer out of the quantisation (skip_layers of the AMCT configuration).",
           "在 AMCT 配置中用 skip_layers 跳过该层。"),),
         pattern=r"\](?P<layer>[^\s\]]{1,300}) arq weight fake quant failed"),
    sign("quantise", "Do Calibration failed|GenerateCalibrationGraph|InnerQuantizeGraph",
         ("the quantisation inside atc failed", "atc 内部量化失败"),
         (fix.INPUT_BYTES, fix.SMALLER_BATCH,
          ("Convert without compression_optimize_conf to see whether the model itself converts.",
           "先去掉 compression_optimize_conf 转换，确认模型本身可转换。"))),
)  # fmt: skip
