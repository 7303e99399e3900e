"""A test double of `aoe`, the tuner (ascend-tools.md section 5.2).

`--job_type` 1 tunes the graph (SGAT), 2 the operators (OPAT); `-m -w -j -f` take their value after
a blank. The chip is that of the device: `soc_version` in the state `aoe`, else Ascend310P3. What
comes out: `aoe_workspace/<model>_<time>/tunespace/result/<model>_<time>_tune.om` under `WORK_PATH`,
the repository under `TUNE_BANK_PATH`, which must exist, or `$HOME/Ascend/latest/data/aoe/custom`,
and `aoe_result_<job>_<time>_pid<pid>.json` in the working folder. A graph's job that was stopped
leaves its workspace, which `--reload` goes on from. Words of FAKE_AOE:

| word | what happens |
|---|---|
| `silent`, `deaf` | half of the work, then it waits for a signal; `deaf` ignores all but KILL |
| `held` | half of the work, then it waits at FAKE_GATE and goes on |
| `forks` | leaves a child |
| `killed` | half of the work, then KILL |
| `busy`, `nothing` | another tuning runs (6); there is nothing to tune (8) |
| `nodevice` | the device cannot be opened |
| `worse` | nothing became faster: no entry in the repository |
| `nofile` | success without an om |
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes import acting, fake_om
from tests.fakes.acting import TEST_DOUBLE
from tests.fakes.atc_messages import Refused, block, generation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.acting import Part

WORDS = (
    "silent", "deaf", "held", "forks", "killed", "busy", "nothing", "nodevice", "worse", "nofile",
)  # fmt: skip
SUCCEEDED = "Aoe process finished"
FAILED = "Aoe process failed"
JOBS = {"1": ("sgat", "graph"), "2": ("opat", "op")}
_SHORT = {"-m": "model", "-w": "weight", "-j": "job_type", "-f": "framework"}
_OWN = (
    "job_type", "model_path", "reload", "device", "progress_bar", "tune_optimization_level",
)  # fmt: skip
_SUFFIXES = {".onnx": "5", ".pb": "3", ".prototxt": "0", ".air": "1"}
_STEPS = 4
# How the numbers of aoe's own errors are named.
BUSY, NOTHING, DYNAMIC, PARAMETER, FAILURE = 6, 8, 9, 2, 255


@dataclass(eq=False)
class Stop(Exception):
    """aoe gives up with one of its numbers."""

    code: int
    reason: str


def _arguments(argv: list[str]) -> dict[str, str]:
    """Options by name; Stop for one that aoe does not know, and for `-j=2`."""
    from ascend_console.ascend.atc_options import OPTIONS

    known = {*OPTIONS, *_OWN} - {"soc_version"}
    options: dict[str, str] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        name = _SHORT.get(word, name)
        if word not in _SHORT and (not word.startswith("--") or name not in known):
            raise Stop(PARAMETER, f"unrecognized option '{word}'")
        if name == "reload" and not equals:
            options[name] = "1"
        elif equals and word not in _SHORT:
            options[name] = value
        elif rest:
            options[name] = rest.pop(0)
        else:
            raise Stop(PARAMETER, f"option '{word}' requires an argument")
    return options


def _models(options: Mapping[str, str]) -> list[Path]:
    """The models to tune: one, or those of `--model_path`."""
    if options.get("job_type") not in JOBS:
        raise Stop(PARAMETER, "the parameter --job_type is required: 1(SGAT) or 2(OPAT)")
    if folder := options.get("model_path"):
        found = sorted(path for path in Path(folder).iterdir() if path.suffix in _SUFFIXES)
    else:
        found = [Path(options["model"])] if options.get("model") else []
    if not found or not all(path.is_file() for path in found):
        raise Stop(PARAMETER, "the model does not exist")
    return found


def _workspace(model: Path, options: Mapping[str, str]) -> tuple[Path, int]:
    """Where a model is tuned, and how many steps were done there before."""
    root = Path(os.environ.get("WORK_PATH", ".")) / "aoe_workspace"
    left = sorted(root.glob(f"{model.stem}_*/checkpoint.json"))
    if options.get("reload") and options["job_type"] == "1" and left:
        return left[-1].parent, int(json.loads(left[-1].read_text(encoding="utf-8"))["done"])
    moment = "".join(filter(str.isdigit, acting.stamp()))[:17]
    folder = root / f"{model.stem}_{moment}"
    (folder / "tunespace" / "result").mkdir(parents=True)
    return folder, 0


def _search(part: Part, options: Mapping[str, str], folder: Path, done: int) -> None:
    """The hours of work in four steps; half way the words act."""
    bar = options.get("progress_bar", "on") == "on"
    if done:
        acting.say(f"Reload from step {done} of {_STEPS}")
    for step in range(done, _STEPS):
        (folder / "checkpoint.json").write_text(json.dumps({"done": step}), encoding="utf-8")
        if bar:
            sys.stdout.write(f"\r[{'#' * 5 * step:<20}] {step * 100 // _STEPS:3}%")
            sys.stdout.flush()
        if step == _STEPS // 2 and not done:
            _waits(part)
    if bar:
        acting.say(f"\r[{'#' * 20}] 100%")
    (folder / "checkpoint.json").unlink(missing_ok=True)


def _waits(part: Part) -> None:
    if "forks" in part:
        acting.leave_child(deaf="deaf" in part, own_session=False)
    if "held" in part:
        acting.wait_at_gate()
    if "silent" in part or "deaf" in part:
        acting.wait_for_signal(deaf="deaf" in part)
    if "killed" in part:
        acting.die(signal.SIGKILL)


def _tune(part: Part, options: Mapping[str, str], model: Path, command: str) -> None:
    """Tune one model and write what comes of it."""
    from tests.fakes import om_build

    soc = part.state.get("soc_version", "Ascend310P3")
    told = {
        **options,
        "model": str(model),
        "framework": options.get("framework") or _SUFFIXES[model.suffix],
        "soc_version": soc,
    }
    folder, done = _workspace(model, options)
    _search(part, options, folder, done)
    facts, onnx_bytes = om_build.build(told, version=part.cann, command=command)
    if facts.dynamic:
        raise Stop(DYNAMIC, "dynamic graphs are not supported")
    path = folder / "tunespace" / "result" / f"{folder.name}_tune.om"
    if "nofile" not in part:
        fake_om.write(path, facts, onnx_bytes)
        if options.get("output"):
            fake_om.write(Path(options["output"] + ".om"), facts, onnx_bytes)
    faster = "worse" not in part
    if faster:
        _write_repository(soc, model, options["job_type"])
    _write_result(folder, JOBS[options["job_type"]][0], faster=faster)


def _write_repository(soc: str, model: Path, job: str) -> None:
    """What plain conversions find afterwards."""
    bank = os.environ.get("TUNE_BANK_PATH")
    root = Path(bank) if bank else Path.home() / "Ascend/latest/data/aoe/custom"
    folder = root / JOBS[job][1] / soc
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{model.stem}.json").write_text(f'["{TEST_DOUBLE}"]\n', encoding="utf-8")


def _write_result(folder: Path, job: str, *, faster: bool) -> None:
    """The figures of the tuning: of the model, and of each operator that became faster."""
    before, after = 113.5, 100.25 if faster else 113.5
    gain = f"{(before - after) / after:.2%}"
    summary: dict[str, Any] = {
        "basic": {"tuning_name": folder.name, "tuning_time(s)": 1},
        job.upper(): {
            "model_baseline_performance(ms)": before,
            "model_performance_improvement": gain,
            "model_result_performance(ms)": after,
            f"{job}_tuning_result": "tuning successful" if faster else "tuning incomplete",
        },
    }
    operator = {
        "op_name": "Conv_0",
        "op_type": "Conv2D",
        "tune_performance": {
            "Schedule": {
                "performance_after_tune(us)": 20.5,
                "performance_before_tune(us)": 25.625,
                "performance_improvement": "25.00%",
                "update_mode": "add",
            }
        },
    }
    document = [summary, operator] if faster else [summary]
    moment = folder.name.rpartition("_")[2]
    path = Path(f"aoe_result_{job}_{moment}_pid{os.getpid()}.json")
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def main(argv: list[str]) -> int:
    """Run once; the exit code."""
    part = acting.begin("aoe", WORDS)
    if argv == ["--version"]:
        acting.say(f"aoe {part.cann} ({TEST_DOUBLE})")
        return 0
    acting.say(f"Aoe start ({TEST_DOUBLE})")
    try:
        options = _arguments(argv)
        models = _models(options)
        bank = os.environ.get("TUNE_BANK_PATH")
        if bank and not Path(bank).is_dir():
            raise Stop(PARAMETER, f"TUNE_BANK_PATH {bank} does not exist")
        if "busy" in part:
            raise Stop(BUSY, "the tuning resource is busy")
        if "nothing" in part:
            raise Stop(NOTHING, "there is nothing to optimise in the graph")
        if "nodevice" in part:
            raise Stop(FAILURE, "open device 0 failed, runtime result = 507033.")
        for model in models:
            _tune(part, options, model, shlex.join(["aoe", *argv]))
    except Stop as stop:
        acting.say(f"[ERROR] {stop.reason}", f"{FAILED}, error code: {stop.code}")
        return stop.code
    except Refused as refusal:
        acting.say(FAILED, *block(refusal, generation_of(part.cann)))
        return FAILURE
    acting.say(SUCCEEDED)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
