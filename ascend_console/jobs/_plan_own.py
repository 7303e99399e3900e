"""The plan of any model with the console's own commands, which need no script of the ModelZoo."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ascend_console.ascend.atc import AtcRequest, atc_values
from ascend_console.jobs._plan import (
    Plan,
    PlanStep,
    Setting,
    Text,
    comment,
    path_word,
    require,
    word,
)
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
    from pathlib import PurePath

    from ascend_console.core.specs import ModelSpec
    from ascend_console.jobs._plan import Wish

_NO_CONSOLE = Text("not found; put its folder on PATH:", "未找到，请将其目录加入 PATH：")
_INPUT_FORMATS = {4: "NCHW", 5: "NCDHW"}


def own_plan(spec: ModelSpec, wish: Wish, dataset: PurePath) -> Plan:
    """The workflow with `ascend-console export`, `convert`, `preprocess`, `infer`, `evaluate`."""
    found = require("command -v ascend-console > /dev/null", _NO_CONSOLE, wish.lang,
                    "ascend-console")  # fmt: skip
    steps = [
        environment(wish, found),
        data(spec, wish, look_up=True, class_folders=True),
        *([weights(spec, wish)] if _takes_checkpoint(spec, wish) else []),
        *_exports(spec, wish),
        *(_convert(spec, batch, wish) for batch in wish.batch_sizes),
        _preprocess(spec, wish),
    ]
    for batch in wish.batch_sizes:
        steps += [_infer(spec, batch, wish), _evaluate(spec, batch, wish)]
    return Plan(head=_head(spec, wish), settings=_settings(spec, wish, dataset), steps=tuple(steps))


def _head(spec: ModelSpec, wish: Wish) -> tuple[Text, ...]:
    sizes = ", ".join(map(str, wish.batch_sizes))
    found = [
        Text(
            f"{spec.title} on Ascend, from the model to accuracy and throughput; batch sizes: "
            f"{sizes}.",
            f"{spec.title} 在 Ascend 上的全流程：从模型到精度与吞吐率，batch size：{sizes}。",
        ),
        Text(
            "It needs ascend-console and the vendor's tools. Save it as a file and start it with "
            "bash; it exits with 3 where a file is missing, else with the code of the command that "
            "failed (evaluate: 5 for FAIL).",
            "需要 ascend-console 和 Ascend 工具。请保存为文件并用 bash 执行；缺少文件时以 3 退出，"
            "其余以出错命令的返回值退出（evaluate 未达标为 5）。",
        ),
    ]
    if spec.user is not None and spec.user.defined_in is not None:
        path = spec.user.defined_in
        found.append(
            Text(
                f"The model is described in {path}, which the server needs too.",
                f"模型由 {path} 描述，服务器上也需要该文件。",
            )
        )
    return tuple(found)


def _takes_checkpoint(spec: ModelSpec, wish: Wish) -> bool:
    """Whether a checkpoint is named in the script; a user's model names its own."""
    return not wish.sample and (spec.user is None or wish.checkpoint is not None)


def _settings(spec: ModelSpec, wish: Wish, dataset: PurePath) -> tuple[Setting, ...]:
    attributes = spec.task == "attributes"
    labels = wish.labels or beside(dataset, "label.json" if attributes else "val_label.txt")
    found = [*work_settings(spec, wish)]
    if wish.config is not None:
        found.append(Setting(name="CONFIG", value=path_word(wish.config)))
    if _takes_checkpoint(spec, wish):
        found.append(checkpoint_setting(spec, wish))
    found += [
        Setting(name="DATASET", value=path_word(dataset)),
        Setting(name="LABELS", value=path_word(labels)),
    ]
    if attributes:
        found.append(Setting(name="IMAGE_LIST", value=path_word(beside(labels, "image.txt"))))
    return tuple(found)


def _command(wish: Wish, *words: str) -> str:
    """A command of the console; what an earlier start of the script wrote is replaced."""
    config = ["--config", '"$CONFIG"'] if wish.config is not None else []
    return " ".join(["ascend-console", *words, *config, "--yes"])


# --- export and conversion -----------------------------------------------------------------------


def _onnx(spec: ModelSpec, batch: int) -> str:
    """The exported file of a batch size."""
    return f"./{spec.onnx_file.format(batch_size=batch)}"


def _exports(spec: ModelSpec, wish: Wish) -> list[PlanStep]:
    """Export: once, or for each batch size where that is fixed; never for an ONNX model."""
    if spec.onnx is not None:
        return []
    source = ["--sample"] if wish.sample else []
    source += ["--checkpoint", '"$CHECKPOINT"'] if _takes_checkpoint(spec, wish) else []
    steps = []
    for batch in wish.batch_sizes if spec.fixed_batch else wish.batch_sizes[:1]:
        output = word(_onnx(spec, batch))
        fixed = ["--batch-size", str(batch)] if spec.fixed_batch else []
        of_batch = Text(f", batch size {batch}", f"，batch size 为 {batch}")
        ending = of_batch if spec.fixed_batch else Text("", "")
        command = _command(wish, "export", "--model", word(spec.name), *source, *fixed,
                           "--output", output)  # fmt: skip
        steps.append(
            PlanStep(
                title=Text(
                    f"Export to ONNX and fix-ups{ending.en}", f"导出 ONNX 并修正{ending.zh}"
                ),
                lines=(command,),
                expected=(output,),
            )
        )
    return steps


def atc_command(spec: ModelSpec, onnx: str, output: str, batch: int, wish: Wish) -> list[str]:
    """The command line of atc with which `convert` makes an om, but for its private folders.

    An unknown chip is `Ascend${chip_name}`, as the guides write it.
    """
    sizes = (batch, *spec.input.shape)
    values = atc_values(
        AtcRequest(
            model=onnx,
            output=output,
            soc_version=wish.soc_version or "Ascend${chip_name}",
            input_format=_INPUT_FORMATS.get(len(sizes), "ND"),
            input_shape=f"{spec.input.name}:{','.join(map(str, sizes))}",
            precision_mode=KEEPS_TYPES if wish.precision == "fp32" else "",
        )
    )
    return ["atc", *(f"--{name}={value}" for name, value in values.items())]


def _convert(spec: ModelSpec, batch: int, wish: Wish) -> PlanStep:
    output = f"./{spec.name}_bs{batch}.om"
    onnx = str(spec.onnx) if spec.onnx is not None else _onnx(spec, batch)
    source = [] if spec.onnx is not None else ["--onnx", word(onnx)]
    soc = ["--soc-version", word(wish.soc_version)] if wish.soc_version else []
    command = _command(
        wish, "convert", "--model", word(spec.name), *source, "--backend", "ascend",
        "--batch-size", str(batch), "--precision", wish.precision, *soc, "--output", word(output),
    )  # fmt: skip
    inside = atc_command(spec, onnx, output, batch, wish)
    return PlanStep(
        title=Text(f"Convert, batch size {batch}", f"模型转换，batch size 为 {batch}"),
        notes=(Text("This starts atc in a private folder:", "该命令在独立目录中执行 atc："),),
        lines=(comment(shlex.join(inside)), command),
        expected=(word(output),),
    )


# --- images, inference, accuracy -----------------------------------------------------------------


def _preprocess(spec: ModelSpec, wish: Wish) -> PlanStep:
    listed = ["--list", '"$IMAGE_LIST"'] if spec.task == "attributes" else []
    return PlanStep(
        title=Text("Preprocessing", "数据预处理"),
        lines=(
            "rm -rf prep_dataset",
            _command(wish, "preprocess", "--model", word(spec.name), "--input", '"$DATASET"',
                     *listed, "--output", "./prep_dataset"),
        ),
        expected=("prep_dataset.info",),
    )  # fmt: skip


def _infer(spec: ModelSpec, batch: int, wish: Wish) -> PlanStep:
    tool = ["--infer-tool", wish.infer_tool] if wish.infer_tool else []
    results = f"./result_bs{batch}"
    return PlanStep(
        title=Text(f"Inference, batch size {batch}", f"离线推理，batch size 为 {batch}"),
        lines=(
            f"rm -rf {results}",
            _command(wish, "infer", "--artifact", word(f"./{spec.name}_bs{batch}.om"), "--backend",
                     "ascend", "--device", str(wish.device), *tool, "--input", "./prep_dataset",
                     "--output", results, "--outfmt", "NPY"),
        ),
        expected=(f"{results}_summary.json",),
    )  # fmt: skip


def _evaluate(spec: ModelSpec, batch: int, wish: Wish) -> PlanStep:
    # A list that is cut leaves labels of images that were not run.
    fewer = ["--allow-missing"] if wish.limit and spec.task == "attributes" else []
    output = f"./accuracy_bs{batch}.json"
    command = _command(wish, "evaluate", "--model", word(spec.name), "--results",
                       f"./result_bs{batch}", "--labels", '"$LABELS"', *fewer,
                       "--output", output)  # fmt: skip
    return PlanStep(
        title=Text(f"Accuracy, batch size {batch}", f"精度统计，batch size 为 {batch}"),
        lines=(command,),
        expected=(output,),
    )
