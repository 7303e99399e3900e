"""A test double of `atc`: it converts ONNX into a fake om (ascend-tools.md section 1).

It takes the options of the real one, refuses what that refuses first (an unknown option, a missing
one, an input that the graph has not, several domains, an unknown chip), and prints what it prints.
Words of FAKE_ATC, several at a time, in the order in which they act:

| word | what happens |
|---|---|
| `lib` | the loader does not find a library: exit 127, and no line of atc |
| `traceback` | a Python traceback of an operator's compiler, and atc goes on |
| `dots`, `noise` | a row of dots without a line end; prints of operators |
| `flood=N`, `garbage` | N million bytes of lines (1); bytes that are no text |
| `forks`, `forks=session` | leaves a child, in the second form one in a session of its own |
| `held` | waits at FAKE_GATE, then goes on |
| `silent`, `deaf` | waits for a signal; ignores all but KILL |
| `killed`, `segv`, `oom` | ends by KILL or SEGV; exit 137 as a shell tells of a kill |
| `E10016`, `E19010`, `E16005`, `E20001`, `EL0004` | fails with that code |
| `te` | fails with E40020: a Python module is missing |
| `internal` | fails with an internal error (E19999) |
| `opset=N` | fails for the operators of a model above that opset |
| `lowmem` | with `--auto_tune_mode` there is too little memory for it |
| `w11001=N` | N warnings behind the verdict (2) |
| `nofile`, `short` | success without an om; an om that was cut, before `killed` too |
| `noverdict`, `exit=N` | no verdict; another exit code than that of the verdict |
| `gen=G` | headlines of another generation: 5, 8.0, 8.1 or 9 |
| `dynamic` | an om with host code, whatever its shape: `_linux_<machine>` in its name |

A failure writes the log that `--log` asks for under `$HOME/ascend/log`.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes import acting, fake_om
from tests.fakes.atc_messages import Refused, block, generation_of, headline, inner_error
from tests.fakes.cann_root import release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.acting import Part
    from tests.fakes.fake_om import OmFacts

WORDS = (
    "lib", "traceback", "dots", "noise", "flood", "garbage", "forks", "held", "silent", "deaf",
    "killed", "segv", "oom", "E10016", "E19010", "E16005", "E20001", "EL0004", "te", "internal",
    "opset", "lowmem", "w11001", "nofile", "short", "noverdict", "exit", "gen", "dynamic",
)  # fmt: skip
STARTED = "ATC start working now, please wait for a moment."
SUCCEEDED = "ATC run success, welcome to the next use."
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
FAILURE = 255
_LOADER = (
    "atc.bin: error while loading shared libraries: libascend_hal.so: cannot open shared object "
    "file: No such file or directory"
)
_TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/local/Ascend/python/site-packages/te_fusion/fusion_manager.py", line 10, in build
    importlib.import_module(name)
AttributeError: partially initialized module"""
_OPERATOR = {"value": "Trilu_12", "type": "ai.onnx::14::Trilu"}
_TOLD: dict[str, dict[str, object]] = {
    "E10016": {"value": "input", "name": "input_shape"},
    "E16005": {"value": 2},
    "E19010": {**_OPERATOR},
    "E20001": {"value": "Slice_5", "type": "StridedSliceD"},
    "EL0004": {},
}


def _arguments(argv: list[str]) -> dict[str, str]:
    """Options by name, from `--name=value` and `--name value`; ValueError names an unknown one."""
    from ascend_console.ascend.atc_options import OPTIONS

    options: dict[str, str] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in OPTIONS:
            raise ValueError(f"unknown command line flag '{name.lstrip('-')}'")
        if not equals and not rest:
            raise ValueError(f"flag '--{name}' is missing its argument")
        options[name] = value if equals else rest.pop(0)
    return options


def _check(options: Mapping[str, str], version: str) -> None:
    """What atc refuses before it reads the model."""
    from ascend_console.ascend.soc import SOC_VERSIONS

    needed = "E10004" if release(version) < (5, 1) else "E10054"
    for name in ("model", "output", "soc_version"):
        if not options.get(name):
            raise Refused(needed, {"name": name})
    if not options.get("framework"):
        raise Refused("E10007", {"name": "framework", "value": "0(Caffe) or 1 or 3 or 5(Onnx)"})
    if options["soc_version"] not in SOC_VERSIONS:
        reason = "The current value is not within the valid range."
        values = {"value": options["soc_version"], "name": "soc_version", "reason": reason}
        raise Refused("E10001", values)
    if not Path(options["output"]).parent.is_dir():
        values = {"value": options["output"], "reason": "No such file or directory"}
        raise Refused("E13004", values)


def _tune(part: Part, options: Mapping[str, str]) -> None:
    """`--auto_tune_mode`, which CANN had until 5.1."""
    if not options.get("auto_tune_mode"):
        return
    if release(part.cann) >= (5, 1):
        reason = "The Auto Tune function has been deprecated. Please use the AOE tool for tuning."
        values = {"value": options["auto_tune_mode"], "name": "auto_tune_mode", "reason": reason}
        raise Refused("E10001", values)
    available = 1048576 if "lowmem" in part else 16777216
    acting.say(f"Current available mem is {available}kB.")
    if "lowmem" in part:
        raise Refused("E10044", {"value": available})


def _prints(part: Part) -> None:
    """What may stand between the first line and the verdict."""
    if "traceback" in part:
        acting.say(_TRACEBACK)
    if "noise" in part:
        acting.say("=" * 33, "ntc dst shape: [1, 19, 64, 64]", "=" * 33)
    if "flood" in part:
        acting.flood(part.number("flood", 1))
    if "garbage" in part:
        acting.garbage()
    if "dots" in part:
        sys.stdout.write("." * 42)
        sys.stdout.flush()


def _waits(part: Part) -> None:
    """The ways in which atc stays, or ends without a word."""
    if "forks" in part:
        acting.leave_child(deaf="deaf" in part, own_session=part.words["forks"] == "session")
    if "held" in part:
        acting.wait_at_gate()
    if "silent" in part or "deaf" in part:
        acting.wait_for_signal(deaf="deaf" in part)
    if "killed" in part and "short" not in part:
        acting.die(signal.SIGKILL)
    if "segv" in part:
        acting.die(signal.SIGSEGV)
    if "oom" in part:
        acting.complain(f'{sys.argv[0]}: line 17: {os.getpid()} Killed  atc.bin "$@"')
        raise SystemExit(137)


def _fails(part: Part, options: Mapping[str, str]) -> None:
    """The failures that words ask for."""
    for code, values in _TOLD.items():
        if code in part:
            name = options.get("input_shape", "input").partition(":")[0]
            asked = {**values, "value": name} if code == "E10016" else values
            raise Refused(code, dict(asked))
    if "te" in part:
        reason = "ModuleNotFoundError: No module named 'te'"
        raise Refused("E40020", {"value": "te_fusion", "reason": reason}, (reason,))


def _check_opset(onnx_bytes: bytes, newest: int) -> None:
    """An operator set that this release does not know: no parser for any of its operators."""
    import onnx

    model = onnx.ModelProto.FromString(onnx_bytes)
    opset = model.opset_import[0].version
    if opset > newest:
        first, *others = (
            {"value": node.name or node.output[0], "type": f"ai.onnx::{opset}::{node.op_type}"}
            for node in model.graph.node
        )
        said = "No parser is registered for Op [{value}, optype [{type}]]."
        raise Refused("E19010", first, tuple(said.format(**other) for other in others))


def _convert(part: Part, options: Mapping[str, str], command: str) -> OmFacts:
    """Mode 0: the om, or what `nofile`, `short` and `killed` leave of it."""
    from tests.fakes import om_build

    _fails(part, options)
    facts, onnx_bytes = om_build.build(options, version=part.cann, command=command)
    if "opset" in part:
        _check_opset(onnx_bytes, part.number("opset", 11))
    if "dynamic" in part:
        facts = replace(facts, dynamic=True)
    path = om_build.om_path(facts, options["output"], options.get("host_env_cpu", ""))
    if "nofile" in part:
        return facts
    try:
        fake_om.write(path, facts, onnx_bytes)
    except OSError as error:
        raise Refused("E13004", {"value": path, "reason": error.strerror}) from error
    if "short" in part:
        os.truncate(path, path.stat().st_size // 2)
    if "killed" in part:
        acting.die(signal.SIGKILL)
    return replace(facts, onnx_bytes=len(onnx_bytes))


def _leave_traces(part: Part, options: Mapping[str, str]) -> None:
    """What a conversion leaves in the folder that it runs in."""
    passes = {"ConvBatchnormFusionPass": {"effect_times": "1", "match_times": "1"}}
    if release(part.cann) < (8, 0):
        document: object = [
            {"graph_fusion": passes, "session_and_graph_id": "0_0", "ub_fusion": {}}
        ]
    else:
        document = {"session_and_graph_id_0_0": {"graph_fusion": passes, "ub_fusion": {}}}
    Path("fusion_result.json").write_text(json.dumps(document, indent=4), encoding="utf-8")
    if release(part.cann) < (6, 0) or options.get("op_debug_level", "0") != "0":
        Path(options.get("debug_dir", "kernel_meta")).mkdir(exist_ok=True)


def info_block(facts: OmFacts) -> list[str]:
    """What mode 6 tells of an om."""
    size = facts.onnx_bytes
    return [
        "============ Display Model Info start ============",
        f"Original Atc command line: {facts.command}",
        f"system   info: atc_version[{facts.atc_version}], soc_version[{facts.soc_version}], "
        f"framework_type[{facts.framework}].",
        f"resource info: memory_size[{4 * size} B], weight_size[{size} B], stream_num[1], "
        "event_num[0].",
        f"om       info: modeldef_size[1024 B], weight_data_size[{size} B], "
        "tbe_kernels_size[2048 B], cust_aicpu_kernel_store_size[0 B], task_info_size[512 B], "
        "so_store_size[0 B].",
        "============ Display Model Info end   ============",
    ]


def _read_om(options: Mapping[str, str]) -> tuple[OmFacts, bytes]:
    try:
        return fake_om.read(Path(options.get("om", "")))
    except (OSError, ValueError) as error:
        raise Refused("E10041", {"value": options.get("om", "")}, (str(error),)) from error


def _describe(options: Mapping[str, str]) -> None:
    """Mode 1: the graph of an om as JSON."""
    import onnx

    _, onnx_bytes = _read_om(options)
    graph = onnx.ModelProto.FromString(onnx_bytes).graph
    operators = [
        {"name": node.name, "type": node.op_type, "input": list(node.input)} for node in graph.node
    ]
    document = {"graph": [{"name": graph.name, "op": operators}], "producer": acting.TEST_DOUBLE}
    Path(options["json"]).write_text(json.dumps(document, indent=1), encoding="utf-8")


def _check_model(options: Mapping[str, str]) -> None:
    """Mode 3: the operators of a model, each with its result."""
    from ascend_console.tools.onnx_graph import read_model

    model = read_model(Path(options["model"]))
    opset = model.opset_import[0].version
    rows = [
        {"name": node.name, "result": "success", "type": f"ai.onnx::{opset}::{node.op_type}"}
        for node in model.graph.node
    ]
    path = Path(options.get("check_report", "check_result.json"))
    path.write_text(json.dumps({"op": rows}), encoding="utf-8")


def _work(part: Part, options: Mapping[str, str], command: str) -> list[str]:
    """Do what the mode asks for; what is printed behind the verdict."""
    mode = options.get("mode", "0")
    if mode == "6":
        acting.say(*info_block(_read_om(options)[0]))
        return []
    if mode == "1":
        _describe(options)
        return []
    _check(options, part.cann)
    _tune(part, options)
    _prints(part)
    _waits(part)
    if mode == "3":
        _check_model(options)
        return []
    facts = _convert(part, options, command)
    _leave_traces(part, options)
    if options.get("display_model_info") == "1":
        acting.say(*info_block(facts))
    said = "Op [{}] does not hit the high-priority operator information library, which might "
    said += "result in compromised performance."
    count = part.number("w11001", 2) if "w11001" in part else 0
    return [headline("W11001", said.format(f"Slice_{n}"), _generation(part)) for n in range(count)]


def _generation(part: Part) -> str:
    return part.words.get("gen") or generation_of(part.cann)


def _write_log(options: Mapping[str, str], lines: list[str], version: str) -> None:
    """The debug log of a failure: a file of this process, or the output where that is asked for."""
    if options.get("log", "null") == "null":
        return
    rows = [f"[ERROR] GE({os.getpid()},atc.bin):{acting.stamp()} [main.cc:1]{line.strip()}"
            for line in lines]  # fmt: skip
    asked = ("ASCEND_SLOG_PRINT_TO_STDOUT", "ASCEND_LOG_PRINT_TO_STDOUT")
    if any(os.environ.get(name) == "1" for name in asked):
        acting.say(*rows)
        return
    root = os.environ.get("ASCEND_PROCESS_LOG_PATH") or str(Path.home() / "ascend" / "log")
    folder = Path(root, "plog") if release(version) < (5, 1) else Path(root, "debug", "plog")
    folder.mkdir(parents=True, exist_ok=True)
    moment = "".join(filter(str.isdigit, acting.stamp()))[:17]
    path = folder / f"plog-{os.getpid()}_{moment}.log"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _usage() -> None:
    acting.say(
        f"usage: atc <args>   ({acting.TEST_DOUBLE})",
        "generate offline model example:",
        "atc --model=model.onnx --framework=5 --output=model --soc_version=<soc_version>",
        "",
        "===== Basic Functionality =====",
        "[General]",
        "  --h/help            Show this help message",
    )


def main(argv: list[str]) -> int:
    """Run once; the exit code."""
    part = acting.begin("atc", WORDS)
    if "lib" in part:
        acting.complain(_LOADER)
        return 127
    acting.say(STARTED)
    if {"-h", "--h", "--help"} & set(argv):
        _usage()
        return 0
    try:
        options = _arguments(argv)
    except ValueError as error:
        acting.complain(f"ERROR: {error}")
        acting.say(FAILED)
        return FAILURE
    try:
        if "internal" in part:
            lines = inner_error("E19999", "Build graph failed.", _generation(part))
            return _failed(part, options, lines)
        after = _work(part, options, shlex.join(["atc.bin", *argv]))
    except Refused as refusal:
        return _failed(part, options, block(refusal, _generation(part)))
    if "noverdict" not in part:
        acting.say(("\n" if "dots" in part else "") + SUCCEEDED, *after)
    return part.number("exit", 0)


def _failed(part: Part, options: Mapping[str, str], lines: list[str]) -> int:
    _write_log(options, lines, part.cann)
    acting.say(*([] if "noverdict" in part else [FAILED]), *lines)
    return part.number("exit", FAILURE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
