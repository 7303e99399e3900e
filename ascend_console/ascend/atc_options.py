"""Every option that atc knows, and how a value of it is read."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["text", "path", "switch", "bool", "whole"]

_TRUE = ("1", "t", "true", "y", "yes")
_FALSE = ("0", "f", "false", "n", "no")


@dataclass(frozen=True, slots=True)
class AtcOption:
    """One option: `switch` is 0 or 1, `bool` a word for yes or no, `choices` the only values.

    `newer` marks options that only CANN 8 and later document.
    """

    name: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    newer: bool = False


def _named(kind: Kind, names: str, *, newer: bool = False) -> tuple[AtcOption, ...]:
    return tuple(AtcOption(name, kind, newer=newer) for name in names.split())


def _chosen(name: str, choices: str, *, newer: bool = False) -> tuple[AtcOption, ...]:
    return (AtcOption(name, "text", tuple(choices.split()), newer),)


_ALL = (
    *_chosen("mode", "0 1 3 5 6 7 30"),
    *_chosen("framework", "0 1 3 5"),
    *_chosen("input_format", "NCHW NHWC ND NCDHW NDHWC"),
    *_chosen("log", "null error warning info debug"),
    *_chosen(
        "precision_mode",
        "force_fp16 force_fp32 cube_fp16in_fp32out allow_fp32_to_fp16 must_keep_origin_dtype "
        "allow_mix_precision allow_mix_precision_fp16 allow_mix_precision_bf16 allow_fp32_to_bf16",
    ),
    *_chosen(
        "precision_mode_v2",
        "fp16 origin cube_fp16in_fp32out mixed_float16 mixed_bfloat16 cube_hif8 mixed_hif8",
        newer=True,
    ),
    *_chosen(
        "op_select_implmode",
        "high_performance high_precision high_precision_for_all high_performance_for_all",
    ),
    *_chosen("export_compile_stat", "0 1 2", newer=True),
    *_chosen("buffer_optimize", "l2_optimize l1_optimize off_optimize"),
    *_chosen("external_weight", "0 1 2", newer=True),
    *_chosen("core_type", "AiCore VectorCore"),
    *_chosen("host_env_os", "linux minios", newer=True),
    *_chosen("host_env_cpu", "x86_64 aarch64 arm", newer=True),
    *_chosen("op_debug_level", "0 1 2 3 4"),
    *_chosen("op_compiler_cache_mode", "disable enable force"),
    *_chosen("dump_mode", "0 1"),
    *_chosen("deterministic_level", "0 1 2 3", newer=True),
    *_chosen("jit_compile", "0 1 2", newer=True),
    *_chosen("oo_level", "O1 O3", newer=True),
    *_chosen("shape_generalized_build_mode", "shape_precise shape_generalized", newer=True),
    *_named("switch", "enable_small_channel disable_reuse_memory display_model_info"),
    *_named("switch", "sparsity virtual_type deterministic is_weight_clip", newer=True),
    *_named("bool", "enable_compress_weight enable_single_stream save_original_model"),
    *_named("bool", "allow_hf32", newer=True),
    *_named("path", "model weight output singleop insert_op_conf op_name_map modify_mixlist"),
    *_named("path", "keep_dtype op_precision_mode mdl_bank_path op_bank_path fusion_switch_file"),
    *_named("path", "compress_weight_conf debug_dir op_compiler_cache_dir check_report om json"),
    *_named("path", "customize_dtypes compression_optimize_conf op_debug_config", newer=True),
    *_named("path", "build_config cluster_config hccl_sub_comm_config", newer=True),
    *_named("text", "input_shape input_shape_range dynamic_batch_size dynamic_image_size"),
    *_named("text", "dynamic_dims soc_version output_type out_nodes input_fp16_nodes"),
    *_named("text", "is_input_adjust_hw_layout is_output_adjust_hw_layout"),
    *_named("text", "optypelist_for_implmode auto_tune_mode enable_scope_fusion_passes aicore_num"),
    *_named("text", "status_check atomic_clean_policy quant_dumpable", newer=True),
    *_named("text", "ac_parallel_enable tiling_schedule_optimize optimization_switch", newer=True),
    *_named("text", "oo_constant_folding raw_ge_options", newer=True),
    *_named("text", "oo_dead_code_elimination topo_sorting_mode multi_stream_parallel_mode",
            newer=True),
    *_named("text", "h2d_overlapped_with_compute enable_attr_compression", newer=True),
    *_named("text", "raw_ge_options_ignore_unsupported input_hint_shape", newer=True),
    *_named("whole", "static_model_ops_lower_limit", newer=True),
)  # fmt: skip

OPTIONS = MappingProxyType({option.name: option for option in _ALL})

# Options that a flag of the console sets, so that there is one way to say each of them.
_OWN_FLAGS = MappingProxyType({
    "model": "--onnx or --model",
    "output": "--output",
    "soc_version": "--soc-version",
    "input_shape": "--input-shape",
    "out_nodes": "--out-nodes",
    "insert_op_conf": "--aipp",
    "log": "--atc-log",
})  # fmt: skip


def option_named(name: str) -> AtcOption:
    """The option of that name; UserError with the nearest names where there is none."""
    if name in OPTIONS:
        return OPTIONS[name]
    near = difflib.get_close_matches(name[:60], OPTIONS, n=3) or ["precision_mode"]
    raise UserError(
        "atc.option_unknown",
        "atc has no option {name!r}",
        hint="Write it without dashes, such as --atc-option {near}.",
        name=name,
        near=" or ".join(f"{found}=VALUE" for found in near),
    )


def is_true(value: str) -> bool:
    """Whether atc reads a word as yes."""
    return value.lower() in _TRUE


def _accepted(option: AtcOption) -> str:
    if option.choices:
        return f"one of {', '.join(option.choices)}"
    return {
        "switch": "0 or 1",
        "bool": "true or false",
        "whole": "a whole number",
        "path": "a path",
        "text": "a value",
    }[option.kind]


def _is_good(option: AtcOption, value: str) -> bool:
    if option.choices:
        return value in option.choices
    if option.kind == "switch":
        return value in ("0", "1")
    if option.kind == "bool":
        return value.lower() in _TRUE + _FALSE
    if option.kind == "whole":
        return re.fullmatch(r"-?[0-9]{1,9}", value) is not None
    return bool(value.strip()) and not re.search(r"[\x00-\x1f\x7f]", value)


def check_value(name: str, value: str) -> None:
    """UserError where atc would refuse the value, or where there is no such option."""
    option = option_named(name)
    if not _is_good(option, value):
        raise UserError(
            "atc.option_value",
            "atc's --{name} takes {accepted}, not {value!r}",
            hint="Write --{name}={example}, or leave it out.",
            name=name,
            accepted=_accepted(option),
            value=value,
            example=option.choices[0] if option.choices else "VALUE",
        )


def parse_options(texts: Iterable[str]) -> dict[str, str]:
    """`name=value` texts, as `--atc-option` takes them, checked against the known names.

    UserError for a text without `=`, an unknown name, a bad value, a name given twice, and for an
    option that has a flag of its own.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.strip().removeprefix("--").partition("=")
        name = name.strip()
        if not equals:
            raise UserError(
                "atc.option_form",
                "{text!r} is no option of atc: there is no '=' in it",
                hint="Write it as --atc-option name=value.",
                text=text,
            )
        check_value(name, value)
        if name in _OWN_FLAGS:
            raise UserError(
                "atc.option_owned",
                "atc's --{name} has a flag of its own here",
                hint="Use {flag} instead.",
                name=name,
                flag=_OWN_FLAGS[name],
            )
        if name in found:
            raise UserError(
                "atc.option_twice",
                "atc's --{name} is given twice: {first!r} and {value!r}",
                hint="Keep one of them.",
                name=name,
                first=found[name],
                value=value,
            )
        found[name] = value
    return found
