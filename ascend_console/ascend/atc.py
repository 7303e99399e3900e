"""atc, the converter: a request, the rules that it must keep, and its argument list.

What atc prints is read by `atc_output`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ascend_console.ascend.advice import Advice
from ascend_console.ascend.atc_options import check_value, is_true
from ascend_console.ascend.atc_shapes import DYNAMIC, GEAR_OPTIONS, check_gears, parse_input_shape
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

CAFFE, MINDSPORE, TENSORFLOW, ONNX = 0, 1, 3, 5

_FORMATS = {
    CAFFE: ("NCHW", "ND"),
    MINDSPORE: ("NCHW",),
    TENSORFLOW: ("NHWC", "NCHW", "ND", "NCDHW", "NDHWC"),
    ONNX: ("NCHW", "NCDHW", "ND"),
}
_MIX_MODES = (
    "allow_mix_precision",
    "allow_mix_precision_fp16",
    "allow_mix_precision_bf16",
    "mixed_float16",
    "mixed_bfloat16",
    "mixed_hif8",
)
_ODD_CHARACTER = re.compile(r"[^A-Za-z0-9_./\-\u4e00-\u9fff]")
_FIRST_WITHOUT_AUTO_TUNE = (5, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtcRequest:
    """One conversion. Empty or None means: leave the option out.

    Paths should be absolute, since atc changes folders; `output` is taken without its `.om`.
    `options` are all others, by name without dashes (`atc_options.parse_options`).
    """

    model: str
    output: str
    soc_version: str
    framework: int = ONNX
    weight: str = ""
    input_format: str = "NCHW"
    input_shape: str = ""
    log: str = "error"
    out_nodes: str = ""
    output_type: str = ""
    precision_mode: str = ""
    op_precision_mode: str = ""
    op_select_implmode: str = ""
    insert_op_conf: str = ""
    enable_small_channel: bool = False
    auto_tune_mode: str = ""
    dynamic_batch_size: tuple[int, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


def output_without_suffix(path: str) -> str:
    """The path as `--output` wants it: atc appends `.om` itself, even to a name that has it."""
    return path.removesuffix(".om")


def odd_characters(path: str) -> str:
    """The characters of a path that atc does not document, each once; such a file needs a copy."""
    return "".join(dict.fromkeys(_ODD_CHARACTER.findall(path)))


def _canonical_shape(text: str) -> str:
    """The shape as atc reads it: quotes and blanks of a copied command line taken off."""
    return ";".join(map(str, parse_input_shape(text))) if text else ""


def atc_values(request: AtcRequest) -> dict[str, str]:
    """Every option of a request by name, in the order of the argument list."""
    typed = {
        "framework": str(request.framework),
        "model": request.model,
        "weight": request.weight,
        "input_format": request.input_format,
        "input_shape": _canonical_shape(request.input_shape),
        "output": output_without_suffix(request.output),
        "log": request.log,
        "soc_version": request.soc_version,
        "out_nodes": request.out_nodes.strip().strip("\"'"),
        "output_type": request.output_type,
        "precision_mode": request.precision_mode,
        "op_precision_mode": request.op_precision_mode,
        "op_select_implmode": request.op_select_implmode,
        "insert_op_conf": request.insert_op_conf,
        "enable_small_channel": "1" if request.enable_small_channel else "",
        "auto_tune_mode": request.auto_tune_mode,
        "dynamic_batch_size": ",".join(map(str, request.dynamic_batch_size)),
    }
    values = {name: value for name, value in typed.items() if value}
    for name, value in request.options.items():
        named_twice = name in values and name not in ("framework", "input_format")
        if named_twice and values[name] != value:
            raise UserError(
                "atc.option_conflict",
                "atc's --{name} is wanted as {first!r} and as {value!r}",
                hint="Leave one of them out.",
                name=name,
                first=values[name],
                value=value,
            )
        values[name] = value
    return values


def atc_argv(request: AtcRequest, *, cann: tuple[int, ...] | None = None) -> list[str]:
    """The arguments after `atc`, checked as `check_atc` does."""
    values = atc_values(request)
    check_values(values, cann=cann)
    return [f"--{name}={value}" for name, value in values.items()]


def om_info_argv(om: str) -> list[str]:
    """The arguments that make atc tell what an om was made from."""
    return ["--mode=6", f"--om={om}"]


def check_atc(request: AtcRequest, *, cann: tuple[int, ...] | None = None) -> None:
    """UserError for everything that atc would refuse after its start.

    `cann` is the version as numbers, None where it is not known.
    """
    check_values(atc_values(request), cann=cann)


def check_values(values: Mapping[str, str], *, cann: tuple[int, ...] | None = None) -> None:
    """The rules of `check_atc` over options by name."""
    for name, value in values.items():
        check_value(name, value)
    _check_required(values)
    _check_target(values)
    _check_format(values)
    _check_pairs(values)
    _check_shapes(values)
    if "auto_tune_mode" in values and cann is not None and cann >= _FIRST_WITHOUT_AUTO_TUNE:
        raise UserError(
            "atc.auto_tune",
            "CANN {cann} has no --auto_tune_mode any more",
            hint="Use --tune opat or --tune sgat, which run aoe.",
            cann=".".join(map(str, cann)),
        )


def _check_required(values: Mapping[str, str]) -> None:
    needed = ["output", "soc_version"]
    needed += [] if "singleop" in values else ["model", "framework"]
    needed += ["weight"] if values.get("framework") == str(CAFFE) else []
    for name in needed:
        if not values.get(name, "").strip():
            raise UserError(
                "atc.option_missing",
                "atc cannot convert without --{name}",
                hint="Give a value for it.",
                name=name,
            )


def _check_target(values: Mapping[str, str]) -> None:
    soc = values["soc_version"]
    if not re.fullmatch(r"Ascend[A-Za-z0-9_\-]+", soc):
        raise UserError(
            "atc.soc_version",
            "{soc!r} is no soc_version",
            hint="Write it as atc knows it, such as Ascend310, Ascend310P3 or Ascend910B4: "
            "'Ascend' and the Name column of `npu-smi info`, letters as they stand there.",
            soc=soc,
        )
    if values["output"].endswith("/"):
        raise UserError(
            "atc.output_name",
            "the output {path!r} is a folder",
            hint="Add a file name, such as {path}model.",
            path=values["output"],
        )
    if values.get("mode") == "30" and not soc.startswith("Ascend035"):
        raise _conflict("mode=30", f"soc_version={soc}", "it makes models for Ascend035 only")


def _conflict(first: str, second: str, why: str) -> UserError:
    return UserError(
        "atc.conflict",
        "atc does not take --{first} and --{second} together: {why}",
        hint="Leave one of them out.",
        first=first,
        second=second,
        why=why,
    )


def _check_format(values: Mapping[str, str]) -> None:
    given = values.get("input_format")
    if given is None or "framework" not in values:
        return
    known = _FORMATS[int(values["framework"])]
    if given not in known:
        raise UserError(
            "atc.input_format",
            "atc takes no --input_format={given} for this kind of model",
            hint="Use one of: {known}.",
            given=given,
            known=", ".join(known),
        )
    images = ("NCHW", "NHWC")
    for name in ("insert_op_conf", "dynamic_image_size"):
        if name in values and given not in images:
            raise _conflict(name, f"input_format={given}", "it works on images, NCHW or NHWC")


_EXCLUSIVE = (
    ("dynamic_dims", "insert_op_conf", "gears of any size do not support AIPP"),
    ("precision_mode", "precision_mode_v2", "they say the same thing"),
    ("enable_compress_weight", "compress_weight_conf", "the one is for all weights"),
    ("singleop", "framework", "single operators come from no framework"),
    ("singleop", "insert_op_conf", "single operators have no preprocessing"),
)

_NEEDS = (
    ("is_input_adjust_hw_layout", "input_fp16_nodes"),
    ("is_output_adjust_hw_layout", "out_nodes"),
    ("optypelist_for_implmode", "op_select_implmode"),
    ("modify_mixlist", "precision_mode"),
)


def _needs(name: str, needed: str, example: str) -> UserError:
    return UserError(
        "atc.option_needs",
        "atc's --{name} works only together with --{needed}",
        hint="Add {needed}={example}, or leave {name} out.",
        name=name,
        needed=needed,
        example=example,
    )


def _is_on(values: Mapping[str, str], name: str) -> bool:
    return name != "enable_compress_weight" or is_true(values[name])


def _check_pairs(values: Mapping[str, str]) -> None:
    dynamic = [name for name in (*GEAR_OPTIONS, "input_shape_range") if name in values]
    if len(dynamic) > 1:
        raise _conflict(dynamic[0], dynamic[1], "a model has one kind of gears")
    for first, second, why in _EXCLUSIVE:
        if first in values and second in values and _is_on(values, first):
            raise _conflict(first, second, why)
    if "singleop" in values and values.get("display_model_info") == "1":
        raise _conflict("singleop", "display_model_info", "there is no model to show")
    if "singleop" in values and values.get("mode", "0") != "0":
        raise _conflict("singleop", f"mode={values['mode']}", "single operators need mode 0")
    _check_needs(values)


def _check_needs(values: Mapping[str, str]) -> None:
    either = {**values, "precision_mode": values.get("precision_mode_v2", "")}
    either |= {"precision_mode": values["precision_mode"]} if "precision_mode" in values else {}
    for name, needed in _NEEDS:
        if name in values and not either.get(needed):
            raise _needs(name, needed, "allow_mix_precision" if "mix" in name else "…")
    if "modify_mixlist" in values and either["precision_mode"] not in _MIX_MODES:
        raise _needs("modify_mixlist", "precision_mode", "allow_mix_precision")
    for_all = values.get("op_select_implmode", "").endswith("_for_all")
    if for_all and "optypelist_for_implmode" in values:
        raise _needs("optypelist_for_implmode", "op_select_implmode", "high_precision")
    if ":" in values.get("output_type", "") and "out_nodes" not in values:
        raise _needs("output_type", "out_nodes", "NODE:0")
    for name, listed in (("is_input_adjust_hw_layout", "input_fp16_nodes"),
                         ("is_output_adjust_hw_layout", "out_nodes")):  # fmt: skip
        if name in values and len(values[name].split(",")) != len(
            values[listed].strip().rstrip(";").split(";")
        ):
            raise UserError(
                "atc.option_count",
                "atc's --{name} needs one true or false for each of --{listed}",
                hint="Write as many words, with commas, as there are nodes.",
                name=name,
                listed=listed,
            )


def _check_shapes(values: Mapping[str, str]) -> None:
    text = values.get("input_shape", "")
    shapes = parse_input_shape(text) if text else ()
    gear = next((name for name in GEAR_OPTIONS if name in values), None)
    if gear:
        if not shapes:
            raise _needs(gear, "input_shape", '"image:-1,3,224,224"')
        if gear == "dynamic_dims" and values.get("input_format", "ND") != "ND":
            raise _conflict(gear, f"input_format={values['input_format']}", "it needs ND")
        check_gears(gear, values[gear], shapes, input_format=values.get("input_format", "NCHW"),
                    soc_version=values["soc_version"])  # fmt: skip
    fp16 = [name for name in values.get("input_fp16_nodes", "").split(";") if name]
    if fp16 and "insert_op_conf" in values and len(shapes) == 1:
        raise _conflict("input_fp16_nodes", "insert_op_conf", "AIPP takes 8-bit images")


def _idle(name: str, english: str, chinese: str) -> Advice:
    return Advice(f"atc.{name}", english, chinese)


def atc_advice(values: Mapping[str, str]) -> tuple[Advice, ...]:
    """What atc takes without effect, or with one that surprises."""
    found: list[Advice] = []
    keeps = values.get("precision_mode") == "must_keep_origin_dtype"
    if "keep_dtype" in values and (keeps or values.get("precision_mode_v2") == "origin"):
        found.append(_idle("keep_dtype_idle",
                           "keep_dtype has no effect where all types are kept",
                           "已保留全部数据类型，keep_dtype 不起作用"))  # fmt: skip
    if values.get("enable_small_channel") == "1" and "insert_op_conf" not in values:
        found.append(_idle("small_channel_idle",
                           "enable_small_channel gains only with static AIPP",
                           "enable_small_channel 只有配合静态 AIPP 才有收益"))  # fmt: skip
    caches = values.get("op_compiler_cache_mode", "disable") != "disable"
    if caches and values.get("op_debug_level", "0") != "0":
        found.append(_idle("cache_idle",
                           "the operator cache rests while op_debug_level is on",
                           "开启 op_debug_level 时不使用算子编译缓存"))  # fmt: skip
    if values.get("op_debug_level") in ("1", "2"):
        found.append(_idle("debug_slow",
                           "op_debug_level 1 and 2 make the model slower",
                           "op_debug_level 为 1 或 2 时模型变慢"))  # fmt: skip
    if "weight" in values and values.get("framework") != str(CAFFE):
        found.append(_idle("weight_idle",
                           "weight is read for Caffe models only",
                           "weight 只对 Caffe 模型有效"))  # fmt: skip
    shapes = parse_input_shape(values["input_shape"]) if "input_shape" in values else ()
    is_open = any(
        size == DYNAMIC or isinstance(size, tuple) for shape in shapes for size in shape.sizes
    )
    if is_open and not any(name in values for name in GEAR_OPTIONS):
        found.append(_idle("fully_dynamic",
                           "-1 or a range without gears makes a fully dynamic om: its name gets "
                           "_linux_<machine>, and it needs --dymShape and --outputSize to run",
                           "-1 或范围且未分档会得到全动态 om：文件名带 _linux_<架构>，推理时需要 "
                           "--dymShape 和 --outputSize"))  # fmt: skip
    return tuple(found)
