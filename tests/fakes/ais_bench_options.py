"""The command line of each generation (ascend-tools.md section 2.2), by argparse as in the tool."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes import ais_bench_security as security

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fakes.printing import Console

GENERATIONS = ("A", "B", "C", "D", "E", "F", "msit")

_DYM_TEXT = re.compile(r"[_A-Za-z0-9,;:/.\-]+")
_RANGE_TEXT = re.compile(r"[_A-Za-z0-9,;:/.\-~]+")


def at_least(generation: str, first: str) -> bool:
    """Whether a generation is `first` or newer."""
    return GENERATIONS.index(generation) >= GENERATIONS.index(first)


def _boolean(text: str) -> bool:
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError("Boolean value expected true, 1, false, 0.")


def _positive(text: str) -> int:
    if int(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text} is an invalid positive int value")
    return int(text)


def _not_negative(text: str) -> int:
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f"{text} is an invalid nonnegative int value")
    return int(text)


def _one_device(text: str) -> list[int]:
    if not 0 <= int(text) < 255:
        raise argparse.ArgumentTypeError(f"invalid choice: {text}")
    return [int(text)]


def _devices(text: str) -> list[int]:
    devices = [int(part) for part in text.split(",")]
    if not all(0 <= device <= 255 for device in devices):
        raise argparse.ArgumentTypeError(f"device:{text} is invalid. valid value range is [0, 255]")
    return devices


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f'dym string "{text}" is not a legal string')
        return text

    return check


def _numbers(text: str) -> str:
    if not re.fullmatch(r"[0-9]+(,[0-9]+)*", text):
        raise argparse.ArgumentTypeError(f'output size "{text}" is not a legal string')
    return text


_BARE: dict[str, Any] = {"action": "store_true", "default": False}
_SWITCH: dict[str, Any] = {"type": _boolean, "default": False}
_TEXT: dict[str, Any] = {"default": None}
_DYM: dict[str, Any] = {"type": _matching(_DYM_TEXT), "default": None}


@dataclass(frozen=True)
class _Option:
    """Spellings and settings, each from the generation that they appeared in; "" ends one.

    `check` makes the type of a path, which prints why it refuses one, for F and later.
    """

    dest: str
    names: dict[str, str]
    settings: dict[str, dict[str, Any]] = field(default_factory=lambda: {"A": _TEXT})
    check: Callable[[Console], Callable[[str], str]] | None = None
    required: bool = False


def _newest(values: dict[str, Any], generation: str) -> Any:
    known = [value for first, value in values.items() if at_least(generation, first)]
    return known[-1] if known else None


_OPTIONS = (
    _Option("model", {"A": "--model --om", "E": "--model -m", "msit": "-om --om-model"},
            check=security.om_path, required=True),
    _Option("input", {"A": "--input -i"}, check=security.input_paths),
    _Option("output", {"A": "--output -o"}, check=security.output_path),
    _Option("output_dirname", {"C": "--output_dirname", "msit": "-od --output-dirname"},
            check=security.output_path),
    _Option("outfmt", {"A": "--outfmt"},
            {"A": {"default": "BIN", "choices": ["NPY", "BIN"]},
             "B": {"default": "BIN", "choices": ["NPY", "BIN", "TXT"]}}),
    _Option("loop", {"A": "--loop -r", "E": "--loop -l", "msit": "--loop"},
            {"A": {"type": int, "default": 1}, "C": {"type": _positive, "default": 1}}),
    _Option("debug", {"A": "--debug"}, {"A": _BARE, "B": _SWITCH}),
    _Option("device", {"A": "--device_id --device", "B": "--device", "E": "--device -d"},
            {"A": {"type": _one_device, "default": [0]}, "D": {"type": _devices, "default": [0]}}),
    _Option("dym_batch", {"A": "--dymBatch", "msit": "-db --dym-batch"},
            {"A": {"type": int, "default": 0}, "F": {"type": _positive, "default": 0}}),
    _Option("dym_hw", {"A": "--dymHW", "msit": "-dhw --dym-hw"}, {"A": _TEXT, "F": _DYM}),
    _Option("dym_dims", {"A": "--dymDims", "msit": "-dd --dym-dims"}, {"A": _TEXT, "F": _DYM}),
    _Option("dym_shape", {"A": "--dymShape", "F": "--dymShape --dym-shape",
                          "msit": "-ds --dym-shape"}, {"A": _TEXT, "F": _DYM}),
    _Option("output_size", {"A": "--outputSize", "msit": "-outsize --output-size"},
            {"A": _TEXT, "F": {"type": _numbers, "default": None}}),
    _Option("auto_set_dymshape_mode", {"D": "--auto_set_dymshape_mode",
                                       "msit": "-asdsm --auto-set-dymshape-mode"}, {"D": _SWITCH}),
    _Option("auto_set_dymdims_mode", {"D": "--auto_set_dymdims_mode",
                                      "msit": "-asddm --auto-set-dymdims-mode"}, {"D": _SWITCH}),
    _Option("batchsize", {"A": "--batchsize", "msit": "--batch-size"},
            {"A": {"type": int, "default": 1}, "D": {"type": _positive, "default": 1},
             "E": {"type": _positive, "default": None}}),
    _Option("pure_data_type", {"A": "--pure_data_type", "msit": "-pdt --pure-data-type"},
            {"A": {"default": "zero", "choices": ["zero", "random"]}}),
    _Option("profiler", {"C": "--profiler", "msit": "-pf --profiler"},
            {"C": _BARE, "D": _SWITCH}),
    _Option("dump", {"C": "--dump"}, {"C": _BARE, "D": _SWITCH}),
    _Option("acl_json_path", {"A": "--acl_json_path", "msit": "-acl --acl-json-path"},
            check=security.json_path),
    _Option("infer_queue_count", {"C": "--infer_queue_count", "D": ""},
            {"C": {"type": _positive, "default": 20}}),
    _Option("output_batchsize_axis", {"D": "--output_batchsize_axis",
                                      "msit": "-oba --output-batchsize-axis"},
            {"D": {"type": _not_negative, "default": 0}}),
    _Option("run_mode", {"D": "--run_mode", "msit": "-rm --run-mode"},
            {"D": {"default": "array", "choices": ["array", "files", "tensor", "full"]}}),
    _Option("display_all_summary", {"D": "--display_all_summary",
                                    "msit": "-das --display-all-summary"}, {"D": _SWITCH}),
    _Option("warmup_count", {"D": "--warmup_count", "F": "--warmup_count --warmup-count",
                             "msit": "-wcount --warmup-count"},
            {"D": {"type": _not_negative, "default": 1}}),
    _Option("dym_shape_range", {"D": "--dymShape_range", "msit": "-dr --dym-shape-range"},
            {"D": _TEXT, "F": {"type": _matching(_RANGE_TEXT), "default": None}}),
    _Option("aipp_config", {"F": "--aipp_config", "msit": "-aipp --aipp-config"},
            check=security.config_path),
    _Option("energy_consumption", {"F": "--energy_consumption",
                                   "msit": "-ec --energy-consumption"}, {"F": _SWITCH}),
    _Option("npu_id", {"F": "--npu_id", "msit": "--npu-id"},
            {"F": {"type": _devices, "default": [0]}}),
    _Option("backend", {"F": "--backend"}, {"F": {"default": None, "choices": ["trtexec"]}}),
    _Option("perf", {"F": "--perf"}, {"F": _SWITCH}),
    _Option("pipeline", {"F": "--pipeline"}, {"F": _SWITCH}),
    _Option("profiler_rename", {"F": "--profiler_rename", "msit": "--profiler-rename"},
            {"F": {"type": _boolean, "default": True}}),
    _Option("dump_npy", {"F": "--dump_npy", "msit": "--dump-npy"}, {"F": _SWITCH}),
    _Option("divide_input", {"F": "--divide_input", "msit": "--divide-input"}, {"F": _SWITCH}),
    _Option("threads", {"F": "--threads"}, {"F": {"type": _positive, "default": 1}}),
)  # fmt: skip

# What an option stands for where a generation does not have it yet.
_ABSENT: dict[str, Any] = {
    "output_batchsize_axis": 0,
    "run_mode": "array",
    "threads": 1,
    "warmup_count": 5,
    "npu_id": [0],
}


def program(generation: str) -> str:
    """What the usage text calls the tool."""
    if generation == "msit":
        return "msit benchmark"
    return "__main__.py" if at_least(generation, "D") else "ais_infer.py"


def parser(generation: str, console: Console) -> argparse.ArgumentParser:
    """The options of a generation, and no others."""
    made = argparse.ArgumentParser(prog=program(generation))
    for option in _OPTIONS:
        names = _newest(option.names, generation)
        if not names:
            continue
        settings = dict(_newest(option.settings, generation))
        if option.check is not None and at_least(generation, "F"):
            settings["type"] = option.check(console)
        made.add_argument(*names.split(), dest=option.dest, required=option.required,
                          help=option.dest.replace("_", " "), **settings)  # fmt: skip
    return made


def parse(generation: str, argv: Sequence[str], console: Console) -> argparse.Namespace:
    """The options by the names of the table above; SystemExit(2) as argparse ends."""
    args = parser(generation, console).parse_args(argv)
    for option in _OPTIONS:
        if not hasattr(args, option.dest):
            setattr(args, option.dest, _ABSENT.get(option.dest, False))
    return args
