"""The plan of a zoo model with the ModelZoo's scripts: its guide's commands, put right."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ascend_console.ascend.atc import AtcRequest, atc_values
from ascend_console.jobs._plan import (
    Plan,
    PlanStep,
    Setting,
    Text,
    path_word,
    present,
    require,
    word,
)
from ascend_console.jobs._plan_guide import MODELZOO
from ascend_console.jobs._plan_inference import judged, preprocess
from ascend_console.jobs._plan_steps import (
    KEEPS_TYPES,
    beside,
    checkpoint_setting,
    data,
    environment,
    weights,
    work_settings,
)

if TYPE_CHECKING:
    from ascend_console.core.specs import ModelSpec
    from ascend_console.jobs._plan import Wish
    from ascend_console.jobs._plan_guide import Guide, Script, Tool


def guide_of(spec: ModelSpec) -> Guide | None:
    """The guide of a zoo model; None for a model that somebody brought."""
    if spec.user is not None:
        return None
    module = import_module(f"ascend_console.jobs._plan_guide_{spec.name}")
    guide: Guide = module.GUIDE
    return guide


def published_plan(spec: ModelSpec, guide: Guide, tool: Tool, wish: Wish) -> Plan:
    """The workflow with the scripts of the guide; UserError for what a tool would refuse."""
    scripts = tuple(entry for entry in guide.scripts if tool in entry.tools or not entry.tools)
    steps = [
        environment(wish, *_tool_lines(tool, wish.lang), notes=_tool_notes(tool)),
        *([] if wish.soc_version else [_chip(wish.lang)]),
        _scripts(scripts),
        data(spec, wish, look_up=guide.image_list is None),
        weights(spec, wish, *guide.weights_notes),
        *([guide.code] if guide.code else []),
        *_onnx_steps(guide, wish),
        *(_atc(spec, guide, batch, wish) for batch in wish.batch_sizes),
        preprocess(guide, wish.lang),
        *([guide.info] if tool in ("benchmark", guide.tool) else []),
    ]
    for batch in wish.batch_sizes:
        steps += judged(spec, guide, tool, batch, wish)
    return Plan(
        head=_head(spec, guide, wish),
        settings=_settings(spec, guide, tool, wish),
        steps=tuple(steps),
    )


def _head(spec: ModelSpec, guide: Guide, wish: Wish) -> tuple[Text, ...]:
    sizes = ", ".join(map(str, wish.batch_sizes))
    return (
        Text(
            f"{spec.title} on Ascend, from the checkpoint to accuracy and throughput; batch "
            f"sizes: {sizes}.",
            f"{spec.title} 在 Ascend 上的全流程：从权重到精度与吞吐率，batch size：{sizes}。",
        ),
        Text(
            f"The commands are those of the guide {guide.title} ({MODELZOO}, {guide.source}); "
            "where one was put right, a comment says what the guide has.",
            f"命令取自《{guide.title}》（{MODELZOO}，{guide.source}）；更正之处均以注释说明指南原文。",
        ),
        Text(
            "Save this as a file and start it with bash; it exits with 3 where a file is missing.",
            "请保存为文件并用 bash 执行；缺少文件时以 3 退出。",
        ),
    )


# --- settings and environment --------------------------------------------------------------------


def _settings(spec: ModelSpec, guide: Guide, tool: Tool, wish: Wish) -> tuple[Setting, ...]:
    python = Text(
        "The guide starts python3.7; any that has torch, onnx and numpy will do.",
        "指南使用 python3.7；任何装有 torch、onnx 和 numpy 的版本均可。",
    )
    scripts = Text("The scripts of the ModelZoo.", "ModelZoo 的脚本。")
    found = [
        *work_settings(spec, wish),
        Setting(name="PYTHON", value="python3", note=python),
        Setting(name="SCRIPTS", value=path_word(f"modelzoo_{spec.name}"), note=scripts),
        checkpoint_setting(spec, wish),
        *_data_settings(guide, wish),
        Setting(
            name="SOC_VERSION",
            value=word(wish.soc_version or ""),
            note=None if wish.soc_version else _SOC_NOTE,
        ),
    ]
    if tool == "benchmark":
        value = '"$PWD"/benchmark."$(uname -m)"'
        found.append(Setting(name="BENCHMARK", value=value, note=_BENCHMARK_NOTE))
    elif tool == "ais_infer":
        value = path_word("ais_infer.py")
        found.append(Setting(name="AIS_INFER", value=value, note=_AIS_INFER_NOTE))
    return tuple(found)


_SOC_NOTE = Text(
    "The chip to convert for, such as Ascend310P3; empty: the first one that npu-smi info shows.",
    "转换的目标芯片，如 Ascend310P3；为空时取 npu-smi info 显示的第一个。",
)
_BENCHMARK_NOTE = Text(
    "The guides name benchmark.x86_64; here it is that of this machine.",
    "指南写作 benchmark.x86_64；此处按本机架构选择。",
)
_AIS_INFER_NOTE = Text(
    "From https://gitee.com/ascend/tools, ais-bench_workload/tool/ais_infer; it needs the "
    "aclruntime wheel from there.",
    "来自 https://gitee.com/ascend/tools 的 ais-bench_workload/tool/ais_infer，"
    "需安装其 aclruntime 包。",
)


def _data_settings(guide: Guide, wish: Wish) -> list[Setting]:
    """Images and labels as named, else as in the guide; a list and its labels lie together."""
    note = guide.data_note if wish.dataset is None else None
    images = Setting(name="DATASET", value=path_word(wish.dataset or guide.dataset), note=note)
    if guide.image_list is not None:
        labels, listed = f'"$SCRIPTS"/{guide.labels}', f'"$SCRIPTS"/{guide.image_list}'
        if wish.labels is not None:
            labels = path_word(wish.labels)
            listed = path_word(beside(wish.labels, guide.image_list))
        return [
            images,
            Setting(name="LABELS", value=labels),
            Setting(name="IMAGE_LIST", value=listed),
        ]
    default = beside(wish.dataset, "val_label.txt") if wish.dataset else guide.labels
    return [images, Setting(name="LABELS", value=path_word(wish.labels or default))]


_NO_AIS_BENCH = Text(
    "is not installed for this Python (AISBench for language models has the same name):",
    "未安装到该 Python（评测大模型的 AISBench 与其同名）：",
)


_NO_ATC = Text(
    "not found; is CANN installed, and SET_ENV right?", "未找到；请检查 CANN 和 SET_ENV："
)


def _tool_lines(tool: Tool, lang: str) -> tuple[str, ...]:
    """Lines that make sure of atc and of the inference tool."""
    atc = require("command -v atc > /dev/null", _NO_ATC, lang, "atc")
    if tool == "benchmark":
        return (atc, present('"$BENCHMARK"', lang), 'chmod u+x "$BENCHMARK"')
    if tool == "ais_infer":
        return (atc, present('"$AIS_INFER"', lang), "umask 022")
    test = """"$PYTHON" -c 'import ais_bench.infer.interface'"""
    return (atc, require(test, _NO_AIS_BENCH, lang, "ais_bench", '"$PYTHON"'), "umask 022")


def _tool_notes(tool: Tool) -> tuple[Text, ...]:
    if tool == "benchmark":
        return ()
    return (
        Text(
            "Newer versions of the tool refuse files that a group may write, hence umask.",
            "新版工具拒绝同组用户可写的文件，因此设置 umask。",
        ),
    )


# --- scripts, export, conversion -----------------------------------------------------------------


def _scripts(scripts: tuple[Script, ...]) -> PlanStep:
    """Take each script out of the ModelZoo at its commit, unless it is there."""
    return PlanStep(
        title=Text("Scripts of the ModelZoo", "ModelZoo 脚本"),
        notes=tuple(
            Text(
                f"{entry.name}: {entry.does.en} ({entry.path}, commit {entry.commit[:12]})",
                f"{entry.name}：{entry.does.zh}（{entry.path}，commit {entry.commit[:12]}）",
            )
            for entry in scripts
        ),
        lines=(
            "take() {",
            '    if [ -s "$SCRIPTS"/"${2##*/}" ]; then return; fi',
            f"    if [ ! -d ModelZoo-PyTorch ]; then git clone --no-checkout {MODELZOO}; fi",
            '    git -C ModelZoo-PyTorch show "$1:$2" > "$SCRIPTS"/"${2##*/}"',
            "}",
            'mkdir -p "$SCRIPTS"',
            *(f"take {entry.commit} {word(entry.path)}" for entry in scripts),
        ),
        expected=tuple(f'"$SCRIPTS"/{word(entry.name)}' for entry in scripts),
    )


_OPSET = (
    "'import onnx, sys; "
    "found = {entry.domain: entry.version for entry in onnx.load(sys.argv[1]).opset_import}; "
    'sys.exit(found.get("") != 11)\''
)
_NOT_OPSET_11 = Text(
    "not opset 11 (newer versions of torch need dynamo=False in the export script):",
    "不是 opset 11（较新的 torch 需在导出脚本中加 dynamo=False）：",
)


def _onnx_steps(guide: Guide, wish: Wish) -> list[PlanStep]:
    """Export and fix-up: once, or once for each batch size where the guide fixes it."""
    steps = []
    for batch in wish.batch_sizes if guide.each_batch else wish.batch_sizes[:1]:
        export = guide.export.filled(batch=batch)
        onnx = guide.onnx.replace("{batch}", str(batch))
        check = require(f'"$PYTHON" -c {_OPSET} {onnx}', _NOT_OPSET_11, wish.lang, onnx)
        steps.append(PlanStep(title=export.title, notes=export.notes,
                              lines=(*export.lines, present(onnx, wish.lang), check)))  # fmt: skip
        if guide.fix_up is not None:
            steps.append(guide.fix_up.filled(batch=batch))
    return steps


_FIRST_CHIP = (
    "awk -F'|' '$2 ~ /^ *[0-9]+ +[0-9A-Za-z]/ && !rows++ { split($2, cell, \" \"); print cell[2] }'"
)
_NO_CHIP = Text(
    "npu-smi info does not tell the chip; set SOC_VERSION above. It shows:",
    "npu-smi info 未能给出芯片型号，请在上方设置 SOC_VERSION。当前显示：",
)


def _chip(lang: str) -> PlanStep:
    """The chip that npu-smi shows; names that need its board are not guessed."""
    return PlanStep(
        title=Text("Chip", "芯片"),
        lines=(
            'if [ -z "$SOC_VERSION" ]; then',
            f"    chip_name=$(npu-smi info | {_FIRST_CHIP})",
            '    case "$chip_name" in',
            f'        ""|[!0-9]*|950*) echo {word(_NO_CHIP.said(lang))} "$chip_name" >&2; exit 3;;',
            "    esac",
            '    SOC_VERSION="Ascend$chip_name"',
            "fi",
        ),
    )


def _atc(spec: ModelSpec, guide: Guide, batch: int, wish: Wish) -> PlanStep:
    """One conversion, its options in the order of the guide."""
    style, shape = guide.atc, ",".join(map(str, (batch, *spec.input.shape)))
    output = style.output.replace("{batch}", str(batch))
    values = atc_values(
        AtcRequest(
            model=style.model.replace("{batch}", str(batch)),
            output=output,
            soc_version="$SOC_VERSION",
            input_shape=f"{spec.input.name}:{shape}",
            log=style.log,
            precision_mode=KEEPS_TYPES if wish.precision == "fp32" else "",
        )
    )
    quoted = ("input_shape", "soc_version")
    order = [*style.order, *(name for name in values if name not in style.order)]
    options = [
        f'--{name}="{values[name]}"' if name in quoted else f"--{name}={values[name]}"
        for name in order
    ]
    return PlanStep(
        title=Text(f"atc, batch size {batch}", f"atc 转换，batch size 为 {batch}"),
        notes=style.notes,
        lines=(" ".join(["atc", *options]),),
        expected=(f"{output}.om",),
    )
