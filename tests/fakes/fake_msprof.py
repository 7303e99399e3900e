"""A test double of `msprof`: it runs a program and writes tables (ascend-tools.md section 5.1).

Both forms of the command line are taken: `msprof --output=DIR PROGRAM ARGUMENTS…` and
`--application="PROGRAM ARGUMENTS…"`, which is cut at its blanks: it has no quotes. The folder
`PROF_…` has a name of 46 characters; its tables are those of CANN 7 and newer, or of 5 and 6, as
FAKE_CANN says. `--task-time=l0` loses the types of operators. Words of FAKE_MSPROF:

| word | what happens |
|---|---|
| `old`, `new` | the tables of CANN 5 and 6, of 7 and newer, whatever the version |
| `device=N` | the number of the device in names and columns (0) |
| `notables` | the folder, without tables |
| `nofolder` | nothing is written |
| `cut` | the last line of op_summary is cut |
| `disk`, `busy` | the disk is full (EK0204); profiling runs already (EK0007) |
| `silent`, `deaf`, `held`, `killed` | as in the fake atc, after the application |

Without `--output` the data goes to the working folder, or, in the second form, to the folder of the
application.
"""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from string import ascii_uppercase
from typing import TYPE_CHECKING

from tests.fakes import acting
from tests.fakes.acting import TEST_DOUBLE
from tests.fakes.cann_root import release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.fakes.acting import Part

WORDS = (
    "old", "new", "device", "notables", "nofolder", "cut", "disk", "busy", "silent", "deaf", "held",
    "killed",
)  # fmt: skip
FAILURE = 1
_FORBIDDEN = set("%><|&$;\\\"'")
_REFUSED = {
    "disk": "EK0204: The available disk space is less than 20 MB.",
    "busy": "EK0007: Profiling is already running on the device.",
}
# Name, type, core, duration in us, shape; None is what msprof has no figure for.
OPERATORS: tuple[tuple[str, str, str, float | None, str], ...] = (
    ("trans_TransData_0", "TransData", "AI_VECTOR_CORE", 53.741, "16,3,224,224"),
    ("Conv_0", "Conv2D", "AI_CORE", 313.886, "16,1,224,224,16;64,3,7,7"),
    ("Conv_4", "Conv2D", "AI_CORE", 101.5, "16,4,56,56,16;64,64,1,1"),
    ("Slice_9", "StridedSliceD", "AI_VECTOR_CORE", 12.25, "16,4,56,56,16"),
    ("Cast_10", "Cast", "AI_VECTOR_CORE", 5.125, "16,2048"),
    ("TopK_11", "TopKV2", "AI_CPU", 88.0, "16,1000"),
    ("Gemm_12", "MatMulV2", "AI_CORE", 40.0, "16,2048;2048,1000"),
    ("hcom_broadcast_13", "hcom_broadcast_", "HCCL", None, "N/A"),
)
EXECUTIONS = 2


def _arguments(argv: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options by name, and the application: the first word that is no option begins it."""
    options: dict[str, str] = {}
    rest = list(argv)
    while rest and rest[0].startswith("--"):
        name, equals, value = rest.pop(0).removeprefix("--").partition("=")
        if not equals and name == "output" and rest:
            value = rest.pop(0)
        options[name] = value
    if not rest:
        rest = options.get("application", "").split()
    return options, rest


def _root(options: Mapping[str, str], application: Sequence[str]) -> Path:
    if options.get("output"):
        return Path(options["output"])
    return Path(application[0]).absolute().parent if options.get("application") else Path.cwd()


def _new_folder(root: Path) -> Path:
    now = datetime.now(UTC)
    number = 1 + sum(path.is_dir() for path in root.glob("PROF_*"))
    letters = "".join(Random(number).choices(ascii_uppercase, k=16))
    moment = f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03}"
    folder = root / f"PROF_{number:06}_{moment}_{letters}"
    (folder / "host").mkdir(parents=True)
    return folder


def _is_new(part: Part) -> bool:
    if "old" in part or "new" in part:
        return "new" in part
    return release(part.cann) >= (7, 0)


def _summary(device: int, *, new: bool, types: bool) -> list[list[object]]:
    """A row a task: the columns of the generation, TABs behind long numbers in the new one."""
    head = ["Device_id", "Model ID", "Task ID", "Stream ID"]
    head = head if new else ["Model Name", *head[1:], "Infer ID"]
    shapes = ["Block Dim", "Input Shapes", "Input Data Types", "Input Formats", "Output Shapes"]
    head += ["Op Name", "OP Type", *(["OP State"] if new else []), "Task Type",
             "Task Start Time(us)", "Task Duration(us)", "Task Wait Time(us)", *shapes,
             *(["Context ID"] if new else []), "aicore_time(us)"]  # fmt: skip
    rows: list[list[object]] = [list(head)]
    start, tail = 1736408883704643.5, "\t" if new else ""
    for execution in range(EXECUTIONS):
        for task, (name, kind, core, duration, shape) in enumerate(OPERATORS):
            ids = [device, 1, task, 2] if new else ["tiny", 1, task, 2, execution]
            named = [kind, *(["static"] if new else []), core]
            timed = [f"{start:.3f}{tail}", "N/A" if duration is None else f"{duration}{tail}", 0]
            told = [16, f'"{shape}"', "FLOAT16", "NC1HWC0", f'"{shape}"']
            rows.append([*ids, name, *(named if types else ["N/A"] * len(named)), *timed,
                         *(told if types else ["N/A"] * len(told)), *(["N/A"] if new else []),
                         duration or "N/A"])  # fmt: skip
            start += 1 + (duration or 0)
    return rows


def _statistic(device: int, *, new: bool) -> list[list[object]]:
    """A row a type, the most expensive first."""
    found: dict[tuple[str, str], list[float]] = {}
    for _, kind, core, duration, _ in OPERATORS:
        if duration is not None:
            found.setdefault((kind, core), []).extend([duration] * EXECUTIONS)
    total = sum(sum(times) for times in found.values())
    head = ["Device_id" if new else "Model Name", "OP Type", "Core Type", "Count", "Total Time(us)",
            "Min Time(us)", "Avg Time(us)", "Max Time(us)", "Ratio(%)"]  # fmt: skip
    rows: list[list[object]] = [list(head)]
    for (kind, core), times in sorted(found.items(), key=lambda item: -sum(item[1])):
        rows.append([device if new else "tiny", kind, core, len(times), round(sum(times), 3),
                     min(times), round(sum(times) / len(times), 3), max(times),
                     round(100 * sum(times) / total, 3)])  # fmt: skip
    return rows


def _save(path: Path, rows: list[list[object]], *, cut: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    if cut:
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: len(text) - 20], encoding="utf-8")


def _write_tables(part: Part, folder: Path, options: Mapping[str, str]) -> None:
    device, new = part.number("device", 0), _is_new(part)
    (folder / f"device_{device}").mkdir()
    if "notables" in part:
        return
    moment = folder.name.split("_")[2][:14]
    places = {name: folder / "mindstudio_profiler_output" / f"{name}_{moment}.csv"
              for name in ("op_summary", "op_statistic")}  # fmt: skip
    if not new:
        folder = folder / f"device_{device}" / "summary"
        places = {name: folder / f"{name}_{device}_1_1.csv" for name in places}
    types = options.get("task-time") != "l0"
    _save(places["op_summary"], _summary(device, new=new, types=types), cut="cut" in part)
    _save(places["op_statistic"], _statistic(device, new=new))


def _waits(part: Part) -> None:
    if "held" in part:
        acting.wait_at_gate()
    if "silent" in part or "deaf" in part:
        acting.wait_for_signal(deaf="deaf" in part)
    if "killed" in part:
        acting.die(signal.SIGKILL)


def _refusal(part: Part, options: Mapping[str, str], application: Sequence[str]) -> str | None:
    for word, text in _REFUSED.items():
        if word in part:
            return text
    if _FORBIDDEN & set(options.get("output", "")):
        return f"Argument --output: {options['output']} is invalid."
    return None if application else "No application is given."


def main(argv: list[str]) -> int:
    """Run once; the exit code is that of the application, or msprof's own."""
    part = acting.begin("msprof", WORDS)
    if argv == ["--version"]:
        acting.say(f"msprof {part.cann} ({TEST_DOUBLE})")
        return 0
    options, application = _arguments(argv)
    if refusal := _refusal(part, options, application):
        acting.say(f"[ERROR] {refusal}")
        return FAILURE
    acting.say(f"[INFO] Start profiling.... ({TEST_DOUBLE})")
    try:
        done = subprocess.run(application, check=False)
    except OSError as error:
        acting.say(f"[ERROR] {application[0]}: {error.strerror}")
        return FAILURE
    _waits(part)
    acting.say("[INFO] Profiling finished.")
    if "nofolder" not in part:
        folder = _new_folder(_root(options, application))
        _write_tables(part, folder, options)
        acting.say(f"[INFO] Process profiling data complete. Data is saved in {folder}")
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
