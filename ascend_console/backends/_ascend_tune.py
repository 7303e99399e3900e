"""Tuning: aoe measures variants on the NPU for hours and keeps the best in a repository, which atc
then uses. CANN 5.0 has no aoe; there atc tunes while it converts (ascend-tools.md section 5.2).

The repository and aoe's working folder lie in the workspace's cache, so that a tuning that was
stopped goes on where it was.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend.atc import atc_values
from ascend_console.ascend.explain import explain
from ascend_console.ascend.soc import same_chip
from ascend_console.backends._ascend_atc import failure
from ascend_console.backends._ascend_device import read_npus
from ascend_console.backends._ascend_live import run_tool
from ascend_console.core.errors import BackendUnavailable, ToolFailed, UserError
from ascend_console.core.events import LogLine, Warned
from ascend_console.tools import files
from ascend_console.tools.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from ascend_console.ascend.atc import AtcRequest
    from ascend_console.backends._ascend_convert import Conversion
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Events

_FIRST_WITH_AOE = (5, 1)
_JOB_TYPES = {"sgat": "1", "opat": "2"}
_BANK_OPTIONS = {"sgat": "mdl_bank_path", "opat": "op_bank_path"}
_FINISHED = "Aoe process finished"
_BUSY, _NOTHING = 6, 8
# The options of atc that aoe takes too, and that decide what is tuned.
_SHARED = (
    "framework", "model", "input_format", "input_shape", "out_nodes", "insert_op_conf",
    "precision_mode", "dynamic_batch_size", "dynamic_image_size", "dynamic_dims",
)  # fmt: skip
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Tuned:
    """How atc converts with the results of a tuning."""

    request: AtcRequest
    environment: Mapping[str, str]


def _is_old(conversion: Conversion) -> bool:
    """Whether this CANN tunes inside atc."""
    cann = conversion.tools.cann
    numbers = cann.numbers if cann else None
    return numbers is not None and numbers < _FIRST_WITH_AOE


def check_tuning(conversion: Conversion, job: str) -> Events:
    """What tuning needs: aoe, and an NPU of the target's kind that nobody else uses.

    npu-smi is asked again, since the device may have been waited for.
    """
    if not _is_old(conversion):
        conversion.tools.require("aoe")
    number = conversion.devices[0]
    npus = read_npus(conversion.tools, conversion.env.cancel)
    npu = npus.get(number)
    if npu is None:
        raise BackendUnavailable(
            "ascend.tune_no_device",
            "--tune {job} runs on an NPU, and device {device} is not visible: {reason}",
            hint="Leave --tune out, or run it on a server with an idle NPU.",
            job=job,
            device=number,
            reason=npus.problem or "npu-smi does not list it",
        )
    if npu.soc_version and not same_chip(npu.soc_version, conversion.target.soc_version):
        raise UserError(
            "ascend.tune_other_chip",
            "--tune {job} measures on this machine's {local}, which is not {target}",
            hint="Leave --tune out, or tune on a server with {target}.",
            job=job,
            local=npu.soc_version,
            target=conversion.target.soc_version,
        )
    if npu.users:
        raise BackendUnavailable(
            "ascend.tune_busy",
            "device {device} is in use by {users}, and tuning needs it alone",
            hint="Wait for it, or choose an idle one with --device; `ascend-console devices` "
            "shows them.",
            device=number,
            users=", ".join(npu.users),
        )
    if npu.users is None:
        yield Warned(
            "ascend.tune_unseen",
            f"npu-smi lists no processes: whether device {number} is idle could not be checked",
            "Make sure that nobody else uses it, or the tuning measures nonsense.",
            {"device": str(number)},
        )


def tuned_request(conversion: Conversion, job: str) -> Generator[Event, None, Tuned | None]:
    """How to convert tuned, after the tuning itself; None where there is nothing to tune."""
    if _is_old(conversion):
        request = replace(conversion.request, auto_tune_mode="RL,GA")
        return Tuned(request, conversion.environment)
    bank = _folder(conversion, job, "bank")
    if not (yield from _run_aoe(conversion, job, bank)):
        return None
    options = {**conversion.request.options, _BANK_OPTIONS[job]: str(bank)}
    # TUNE_BANK_PATH wins over --op_bank_path, so that both must say the same.
    environment = {**conversion.environment, "TUNE_BANK_PATH": str(bank)}
    return Tuned(replace(conversion.request, options=options), environment)


def _folder(conversion: Conversion, job: str, kind: Literal["bank", "work"]) -> Path:
    """A folder in the cache: one repository for a chip and CANN, one working folder for a model.

    aoe refuses a repository that does not exist yet.
    """
    cann = conversion.tools.cann
    version = (cann.version if cann else None) or "unknown"
    parts = [job, conversion.target.soc_version, version]
    if kind == "work":
        values = atc_values(conversion.request)
        values = {name: values[name] for name in _SHARED if name in values and name != "model"}
        key = files.sha256_json([conversion.facts.onnx_sha256, conversion.facts.aipp, values])
        parts += [f"bs{conversion.batch_size}", key[:16]]
    name = _NOT_IN_NAME.sub("-", "_".join(parts))
    folder = cache_folder(conversion.env.settings.workspace) / "aoe" / kind / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolFailed(
            "files.write",
            "cannot write {path}: {reason}",
            hint="Free some space or choose another folder that you may write to, then run again.",
            path=folder,
            reason=error.strerror or error,
        ) from error
    return folder.absolute()


def _run_aoe(conversion: Conversion, job: str, bank: Path) -> Generator[Event, None, bool]:
    """Tune; whether there was anything to tune."""
    work = _folder(conversion, job, "work")
    log = conversion.log("aoe")
    is_resumed = job == "sgat" and (work / "aoe_workspace").is_dir()
    if is_resumed:
        yield LogLine(f"aoe goes on with what it left in {work}")
    argv = [*conversion.tools.require("aoe").argv, *_aoe_argv(conversion, job)]
    argv += ["--reload"] if is_resumed else []
    environment = {
        **conversion.environment,
        "TUNE_BANK_PATH": str(bank),
        "WORK_PATH": str(work),
    }
    ended = yield from run_tool(
        argv,
        step="aoe",
        log=log,
        cwd=work,
        environment=environment,
        env=conversion.env,
        takes=conversion.takes(f"aoe {job}"),
    )
    if ended.code == _NOTHING:
        return False
    if ended.code == _BUSY:
        raise BackendUnavailable(
            "ascend.tune_resource",
            "aoe cannot tune now: another tuning runs on this machine",
            hint="Wait until it ends, then run it again. What aoe printed is in {log}.",
            log=log,
        )
    if ended.code != 0 or _FINISHED not in ended.text:
        raise failure("aoe", explain(ended.text, exit_code=ended.code, tool="atc"), ended, log)
    _clear(work, log)
    return True


def _clear(work: Path, log: Path) -> None:
    """Keep what aoe says of each operator beside its log; its workspace takes gigabytes."""
    for report in sorted(work.glob("aoe_result_*.json")):
        shutil.move(report, log.with_name(f"{log.stem}_result.json"))
    shutil.rmtree(work, ignore_errors=True)


def _aoe_argv(conversion: Conversion, job: str) -> list[str]:
    """The arguments after `aoe`; the chip is that of the device, so that none is named."""
    values = atc_values(conversion.request)
    shared = [f"--{name}={values[name]}" for name in _SHARED if name in values]
    device = conversion.devices[0]
    return [f"--job_type={_JOB_TYPES[job]}", *shared, *([f"--device={device}"] if device else [])]
