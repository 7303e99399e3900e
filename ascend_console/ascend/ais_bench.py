"""ais_infer and ais_bench: a request, and its argument list for each generation of the tool.

Generations, by the month that they appeared: A 2022-06, B 2022-07, C 2022-09, D 2022-11,
E 2023-06, F 2024-06. `msit` is the command `msit benchmark`: F with dashed names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ascend_console.core.errors import UserError

Generation = Literal["A", "B", "C", "D", "E", "F", "msit"]

GENERATIONS: tuple[Generation, ...] = ("A", "B", "C", "D", "E", "F", "msit")

_DYNAMIC = ("dym_batch", "dym_hw", "dym_dims", "dym_shape")
_DYM_TEXT = re.compile(r"[_A-Za-z0-9,;:/.\-]+")
_LEGAL_PATH = re.compile(r"[A-Za-z0-9_./\-]+")
_LAST_DEVICE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class AisBenchRequest:
    """One run of ais_infer or ais_bench; None and empty mean: leave the option out.

    `batchsize` is always passed: the oldest generations take 1 without it, and report a
    throughput that is too small by that factor. Several `devices` mean a process each.
    """

    model: str
    batchsize: int
    input: tuple[str, ...] = ()
    output: str = ""
    output_dirname: str = ""
    outfmt: Literal["BIN", "NPY", "TXT"] = "NPY"
    devices: tuple[int, ...] = (0,)
    loop: int = 1
    warmup_count: int | None = None
    pure_data_type: Literal["zero", "random"] | None = None
    run_mode: Literal["array", "files", "tensor", "full"] | None = None
    debug: bool = False
    profiler: bool = False
    dump: bool = False
    display_all_summary: bool = False
    output_batchsize_axis: int | None = None
    dym_batch: int | None = None
    dym_hw: str = ""
    dym_dims: str = ""
    dym_shape: str = ""
    dym_shape_range: str = ""
    auto_set_dymshape_mode: bool = False
    auto_set_dymdims_mode: bool = False
    output_size: tuple[int, ...] = ()
    acl_json_path: str = ""
    aipp_config: str = ""
    energy_consumption: bool = False
    npu_id: int | None = None
    threads: int | None = None
    pipeline: bool = False
    divide_input: bool = False


@dataclass(frozen=True, slots=True)
class _Flag:
    """How a field of the request is spelled, and the first generation that knows it."""

    field: str
    spelling: str
    dashed: str
    since: Generation = "A"


# In the order in which the published guides write them.
_FLAGS = (
    _Flag("model", "--model", "--om-model"),
    _Flag("input", "--input", "--input"),
    _Flag("output", "--output", "--output"),
    _Flag("output_dirname", "--output_dirname", "--output-dirname", "C"),
    _Flag("outfmt", "--outfmt", "--outfmt"),
    _Flag("batchsize", "--batchsize", "--batch-size"),
    _Flag("devices", "--device", "--device"),
    _Flag("loop", "--loop", "--loop"),
    _Flag("warmup_count", "--warmup_count", "--warmup-count", "D"),
    _Flag("pure_data_type", "--pure_data_type", "--pure-data-type"),
    _Flag("run_mode", "--run_mode", "--run-mode", "D"),
    _Flag("debug", "--debug", "--debug"),
    _Flag("profiler", "--profiler", "--profiler", "C"),
    _Flag("dump", "--dump", "--dump", "C"),
    _Flag("display_all_summary", "--display_all_summary", "--display-all-summary", "D"),
    _Flag("output_batchsize_axis", "--output_batchsize_axis", "--output-batchsize-axis", "D"),
    _Flag("dym_batch", "--dymBatch", "--dym-batch"),
    _Flag("dym_hw", "--dymHW", "--dym-hw"),
    _Flag("dym_dims", "--dymDims", "--dym-dims"),
    _Flag("dym_shape", "--dymShape", "--dym-shape"),
    _Flag("dym_shape_range", "--dymShape_range", "--dym-shape-range", "D"),
    _Flag("auto_set_dymshape_mode", "--auto_set_dymshape_mode", "--auto-set-dymshape-mode", "D"),
    _Flag("auto_set_dymdims_mode", "--auto_set_dymdims_mode", "--auto-set-dymdims-mode", "D"),
    _Flag("output_size", "--outputSize", "--output-size"),
    _Flag("acl_json_path", "--acl_json_path", "--acl-json-path"),
    _Flag("aipp_config", "--aipp_config", "--aipp-config", "F"),
    _Flag("energy_consumption", "--energy_consumption", "--energy-consumption", "F"),
    _Flag("npu_id", "--npu_id", "--npu-id", "F"),
    _Flag("threads", "--threads", "--threads", "F"),
    _Flag("pipeline", "--pipeline", "--pipeline", "F"),
    _Flag("divide_input", "--divide_input", "--divide-input", "F"),
)  # fmt: skip

# These took no value when they were new.
_BARE_UNTIL: dict[str, Generation] = {"debug": "A", "profiler": "C", "dump": "C"}


def _age(generation: Generation) -> int:
    return GENERATIONS.index(generation)


def at_least(generation: Generation, first: Generation) -> bool:
    """Whether a generation is `first` or newer."""
    return _age(generation) >= _age(first)


def _spelling(flag: _Flag, generation: Generation) -> str:
    if generation == "msit":
        return flag.dashed
    return "--device_id" if flag.field == "devices" and generation == "A" else flag.spelling


def _values(value: object) -> str:
    if isinstance(value, bool):
        return "1"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def ais_bench_argv(request: AisBenchRequest, generation: Generation) -> list[str]:
    """The arguments after the program; UserError where the tool would refuse, or misread them.

    An option that the generation does not know is an error too: it would change the meaning.
    """
    check_ais_bench(request, generation)
    argv: list[str] = []
    for flag in _FLAGS:
        value = getattr(request, flag.field)
        unsaid = value is None or value is False or value in ("", ())
        if unsaid or (flag.field == "loop" and value == 1):
            continue
        if not at_least(generation, flag.since):
            raise UserError(
                "ais_bench.option_too_new",
                "this ais_bench (generation {generation}) has no {flag} yet",
                hint="Leave it out, or install a newer ais_bench.",
                generation=generation,
                flag=flag.spelling,
            )
        argv.append(_spelling(flag, generation))
        bare = flag.field in _BARE_UNTIL and not _age(generation) > _age(_BARE_UNTIL[flag.field])
        if not bare:
            argv.append(_values(value))
    return argv


def _refused(text_id: str, message: str, hint: str, **values: object) -> UserError:
    return UserError(f"ais_bench.{text_id}", message, hint=hint, **values)


def check_ais_bench(request: AisBenchRequest, generation: Generation) -> None:
    """UserError for what this generation would refuse after its start."""
    _check_numbers(request)
    devices = request.devices
    if len(devices) > 1 and not at_least(generation, "D"):
        raise _refused("devices", "this ais_bench (generation {generation}) takes one device",
                       "Start one process for each device.", generation=generation)  # fmt: skip
    if request.outfmt == "TXT" and generation == "A":
        raise _refused("outfmt", "this ais_bench writes BIN or NPY, not TXT",
                       "Use --outfmt NPY.")  # fmt: skip
    if request.output_dirname and not request.output:
        raise _refused("dirname", "a result folder's name needs the folder that it lies in",
                       "Give the output folder too.")  # fmt: skip
    if request.output_dirname.startswith("/"):
        raise _refused("dirname_absolute", "the name {name!r} is an absolute path",
                       "Name a folder inside the output folder.",
                       name=request.output_dirname)  # fmt: skip
    if (request.dump or request.profiler) and not request.output:
        raise _refused("output", "a dump or a profile needs an output folder",
                       "Give the output folder too.")  # fmt: skip
    if request.dump and request.profiler:
        raise _refused("dump_profiler", "a dump and a profile cannot be made in one run",
                       "Choose one of them.")  # fmt: skip
    _check_dynamic(request, generation)
    if request.run_mode == "files" and (
        not request.input or any(path.lower().endswith(".npy") for path in request.input)
    ):
        raise _refused("files_mode", "the mode `files` reads .bin files only",
                       "Give .bin files, or use the mode `array`.")  # fmt: skip


def _check_numbers(request: AisBenchRequest) -> None:
    if request.batchsize < 1 or request.loop < 1 or (request.threads or 1) < 1:
        raise _refused("count", "a batch size, a loop and a number of threads are at least 1",
                       "Correct the number.")  # fmt: skip
    if (request.warmup_count or 0) < 0 or (request.output_batchsize_axis or 0) < 0:
        raise _refused("negative", "a warm-up count and an axis are at least 0",
                       "Correct the number.")  # fmt: skip
    if not request.devices or not all(0 <= device <= _LAST_DEVICE for device in request.devices):
        raise _refused("device", "the devices {devices} are no numbers from 0 to 255",
                       "List the devices with `ascend-console devices`.",
                       devices=request.devices)  # fmt: skip
    if len(set(request.devices)) < len(request.devices):
        raise _refused("device_twice", "the devices {devices} name one twice",
                       "Name each device once.", devices=request.devices)  # fmt: skip


def _check_dynamic(request: AisBenchRequest, generation: Generation) -> None:
    named = [name for name in _DYNAMIC if getattr(request, name)]
    named += ["dym_shape_range"] if request.dym_shape_range else []
    if len(named) > 1:
        raise _refused("dynamic", "{first} and {second} cannot be given together",
                       "Give the one that the om was made for.",
                       first=named[0], second=named[1])  # fmt: skip
    for name in ("dym_hw", "dym_dims", "dym_shape"):
        text = getattr(request, name)
        if text and at_least(generation, "F") and not _DYM_TEXT.fullmatch(text):
            raise _refused("dynamic_text", "{text!r} has characters that ais_bench refuses",
                           "Rename the model's inputs: letters, digits and _ , ; : / . - only.",
                           text=text)  # fmt: skip


PathProblem = Literal["characters", "link", "owner", "writable", "too_long", "too_large"]

_LONGEST_PATH = 4096
_LONGEST_NAME = 255
_OTHERS_MAY_WRITE = 0o022
_LARGEST_INPUT = 4 * 2**30


def path_problems(
    path: str, *, is_link: bool, owned: bool, mode: int, size: int = 0, limit: int = _LARGEST_INPUT
) -> tuple[PathProblem, ...]:
    """Why generation F would refuse a path; a private hard-linked copy cures all but the size.

    `owned` says that user or group own it, `mode` are its permission bits.
    """
    found: list[PathProblem] = []
    if not _LEGAL_PATH.fullmatch(path):
        found.append("characters")
    if is_link:
        found.append("link")
    if not owned:
        found.append("owner")
    if mode & _OTHERS_MAY_WRITE:
        found.append("writable")
    if len(path) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in path.split("/")):
        found.append("too_long")
    if size > limit:
        found.append("too_large")
    return tuple(found)


def generation_of_help(text: str) -> Generation | None:
    """The generation whose `--help` this is; None for another program, such as the tool of the
    same name that evaluates language models.
    """
    flags = set(re.findall(r"(?<![\w\-])--?[A-Za-z][A-Za-z_\-]*", text))
    if "--om-model" in flags:
        return "msit"
    if "--batchsize" not in flags or not flags & {"--model", "--om"}:
        return None
    if flags & {"--divide_input", "--energy_consumption", "--aipp_config", "--pipeline"}:
        return "F"
    if flags & {"--run_mode", "--warmup_count", "--display_all_summary"}:
        return "D" if "--om" in flags else "E"
    if flags & {"--output_dirname", "--profiler", "--infer_queue_count"}:
        return "C"
    return "B" if "TXT" in text else "A"
