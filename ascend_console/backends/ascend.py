"""Huawei Ascend through the vendor's own tools: atc converts, ais_bench or an older one infers."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.atc_options import OPTIONS
from ascend_console.ascend.soc import card_factor, normalise_soc_version, same_chip
from ascend_console.backends import _ascend_convert, _ascend_infer, _ascend_profile, _checks
from ascend_console.backends._ascend_choice import infer_tool
from ascend_console.backends._ascend_device import Npus, device_numbers, lock_name, read_npus
from ascend_console.backends._ascend_om import OmFacts, read_om
from ascend_console.backends._ascend_soc import chosen_target, local_chip
from ascend_console.core.backend import (
    BackendInfo,
    BackendOptions,
    ConvertSource,
    FileBackend,
    TensorInfo,
    ToolRun,
)
from ascend_console.core.errors import BackendUnavailable, ConsoleError, UserError
from ascend_console.core.operators import OperatorTime, operator_table
from ascend_console.tools import files
from ascend_console.tools.vendor_tools import VendorName, VendorTools

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from numpy.typing import NDArray

    from ascend_console.core.events import Event
    from ascend_console.core.operators import OperatorTable
    from ascend_console.core.specs import Env, Events

_PRECISIONS = ("fp16", "fp32")
# The cheap ones first: ais_bench is a module, and asking for it starts an interpreter.
_EITHER: tuple[VendorName, ...] = ("atc", "benchmark", "msame", "ais_bench")


def unavailable(environ: Mapping[str, str]) -> str | None:
    """Why neither conversion nor inference can work here; one tool of either kind is enough.

    The half that is missing says so when it is needed.
    """
    tools = VendorTools(environ)
    try:
        if any(tools.find(name) is not None for name in _EITHER):
            return None
    except ConsoleError as error:
        return f"{error.message}; {error.hint}"
    return (
        "neither atc nor an inference tool (ais_bench, benchmark, msame) was found; type: "
        "source /usr/local/Ascend/ascend-toolkit/set_env.sh, or name them in "
        "ASCEND_CONSOLE_ATC and ASCEND_CONSOLE_AIS_BENCH"
    )


class AscendBackend(FileBackend):
    """Converts with atc, and runs oms with the inference tool that is installed.

    `devices` are the numbers of `--device`. A device that npu-smi does not show is marked so.
    """

    def __init__(self, options: BackendOptions) -> None:
        super().__init__(options)
        _refuse_foreign(options)
        _checks.check_options("ascend", _PRECISIONS, options)
        self.devices = device_numbers(options.device)
        self.threads = 1
        self._facts: OmFacts | None = None

    @property
    def env(self) -> Env:
        """The run that the backend works for."""
        if self.options.env is None:
            raise AssertionError("the options of a backend that starts tools carry the run's env")
        return self.options.env

    @cached_property
    def tools(self) -> VendorTools:
        """The vendor's tools of the run's environment."""
        return VendorTools.of(self.env.settings)

    @cached_property
    def npus(self) -> Npus:
        """What npu-smi tells of this machine, asked once."""
        return read_npus(self.tools, self.env.cancel)

    def version(self) -> str:
        """The tool at work: atc, and the inference tool once an artefact is open.

        Such as `/usr/local/Ascend/.../atc (CANN 8.0.RC1, Ascend310P3)`.
        """
        atc = None if self._facts else self.tools.find("atc")
        if atc is None:
            return _ascend_infer.infer_tool_line(self.tools, self.options)
        cann = self.tools.cann
        version = f"CANN {(cann.version if cann else None) or 'of unknown version'}"
        soc = self._soc_version()
        return f"{atc.path} ({', '.join(filter(None, (version, soc)))})"

    def require_ready(self) -> None:
        """Both tools are there, the devices exist, and the target is the chip that will run it.

        Devices are not checked where npu-smi tells of none; figures then say so.
        """
        self.tools.require("atc")
        infer_tool(self.tools, self.options)
        shown = [npu.number for npu in self.npus.found]
        absent = [number for number in self.devices if shown and number not in shown]
        if absent:
            raise BackendUnavailable(
                "ascend.no_device",
                "there is no device {device} here",
                hint="`npu-smi info` shows: {known}. Name one of them with --device.",
                device=", ".join(map(str, absent)),
                known=", ".join(map(str, shown)),
            )
        named, local = self.options.vendor.soc_version, local_chip(self.npus, self.devices)
        if named and local and normalise_soc_version(named) != local:
            raise UserError(
                "ascend.run_chip",
                "--soc-version {named} is not the chip of the device, {local}, which is to run it",
                hint="Leave --soc-version out; `convert` makes an om for another chip.",
                named=named,
                local=local,
            )

    def infer_version(self) -> str:
        """The inference tool, whether an artefact is open or not."""
        return _ascend_infer.infer_tool_line(self.tools, self.options)

    def _soc_version(self) -> str | None:
        """The chip that is spoken of: that of the artefact, the one named, or the local one."""
        if self._facts and self._facts.soc_version:
            return self._facts.soc_version
        named = self.options.vendor.soc_version
        return normalise_soc_version(named) if named else local_chip(self.npus, self.devices)

    def device_name(self) -> str:
        """Such as `npu:0 Ascend310P3`, with several `npu:0,1 Ascend310P3`."""
        name = f"npu:{','.join(map(str, self.devices))}"
        chips = [self.npus.get(number) for number in self.devices]
        if None in chips:
            return f"{name} (device not verified)"
        kinds = dict.fromkeys(chip.soc_version for chip in chips if chip and chip.soc_version)
        return " ".join([name, *(kind for kind in kinds if kind)])

    def lock_names(self) -> tuple[str, ...]:
        """One for each device, verified or not."""
        return tuple(map(lock_name, self.devices))

    @property
    def card_factor(self) -> int:
        """4 on an Ascend 310 card, 2 on a 310P Duo, else 1; 1 where no chip is known.

        The throughput of several devices is their sum already, which no factor fits.
        """
        if len(self.devices) > 1:
            return 1
        npu = self.npus.get(self.devices[0])
        soc = (npu.soc_version if npu else None) or self._soc_version()
        if soc is None:
            return 1
        return card_factor(
            soc,
            chips_on_card=npu.chips_on_card if npu else None,
            product=npu.product if npu else "",
        )

    def cache_facts(self) -> tuple[Any, ...]:
        """Target, CANN, and every option of atc, files by their content.

        UserError where no target is known, as `convert` says it.
        """
        vendor = self.options.vendor
        target = chosen_target(vendor.soc_version, self.npus, self.devices)
        cann = self.tools.cann
        return (
            "ascend",
            target.soc_version,
            cann.version if cann else None,
            vendor.out_nodes,
            vendor.tune,
            files.sha256_file(vendor.aipp) if vendor.aipp and vendor.aipp.is_file() else None,
            tuple(sorted(map(_with_content, vendor.atc_option))),
        )

    def convert(self, source: ConvertSource, output: Path, *, batch_size: int) -> Events:
        """Compile the ONNX file for one batch size; the side-car stands beside the om."""
        return _ascend_convert.convert(
            self.tools, self.options, source, output, batch_size=batch_size
        )

    def open(self, artifact: Path, builders: Callable[[str], Callable[[], Any]]) -> None:
        """Read what an om is; UserError for one of another chip than the device's."""
        del builders
        self.close()
        facts = read_om(artifact, self.tools, self.env, device=self.devices[0])
        local = local_chip(self.npus, self.devices)
        if facts.soc_version and local and not _runs_on(facts.soc_version, local):
            raise UserError(
                "ascend.other_chip",
                "{path} was made for {made}, and device {device} is {local}",
                hint="Convert it again with --soc-version {local}, or choose another --device.",
                path=artifact,
                made=facts.soc_version,
                local=local,
                device=self.devices[0],
            )
        self._facts = facts

    @property
    def facts(self) -> OmFacts:
        """What the opened om is."""
        if self._facts is None:
            raise AssertionError("no artefact is open")
        return self._facts

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Inputs of the om, batch first; 8-bit images where AIPP prepares them."""
        return self._facts.inputs if self._facts else ()

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Outputs of the om, batch first."""
        return self._facts.outputs if self._facts else ()

    @property
    def batch_size(self) -> int | None:
        """The batch size that the om was made for, None where it takes any."""
        return self._facts.batch_size if self._facts else None

    def infer(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs of one full batch, by way of files: a start of the tool for each call."""
        import numpy as np

        _checks.check_batch(batch, self.inputs[0])
        with tempfile.TemporaryDirectory(prefix="ascend-console-") as name:
            folder = Path(name)
            paths = [folder / f"{index:06d}.bin" for index in range(len(batch))]
            for path, sample in zip(paths, batch, strict=True):
                path.write_bytes(np.ascontiguousarray(sample).tobytes())
            run = self.run_files(self.facts.path, paths, folder / "results", batch_size=len(batch))
            ended = _result_of(run)
            samples = [self.read_outputs(found) for found in ended.outputs]
        return [np.stack(rows) for rows in zip(*samples, strict=True)]

    def run_files(
        self,
        artifact: Path,
        inputs: Sequence[Path],
        output: Path,
        *,
        batch_size: int,
        loop: int = 1,
    ) -> Generator[Event, None, ToolRun]:
        """Run every input through the inference tool, results into the new folder."""
        return (
            yield from _ascend_infer.run_files(
                self.tools,
                self.options,
                self._facts_of(artifact),
                inputs,
                output,
                batch_size=batch_size,
                loop=loop,
            )
        )

    def run_random(
        self, artifact: Path, *, batch_size: int, duration_s: float
    ) -> Generator[Event, None, ToolRun]:
        """Run input that the inference tool makes by itself for about so many seconds."""
        return (
            yield from _ascend_infer.run_random(
                self.tools,
                self.options,
                self._facts_of(artifact),
                batch_size=batch_size,
                duration_s=duration_s,
            )
        )

    def profile(
        self, artifact: Path, *, batch_size: int, output: Path
    ) -> Generator[Event, None, OperatorTable]:
        """What the operators of an om cost, by msprof; its tables lie in `output`."""
        found = yield from _ascend_profile.profile(
            self.tools,
            self.options,
            self._facts_of(artifact),
            batch_size=batch_size,
            output=output,
        )
        return operator_table(
            OperatorTime(
                operator=entry.op_type or entry.name or "unknown",
                where=entry.core_type,
                count=entry.count,
                total_ms=entry.total_us / 1000,
            )
            for entry in found.operators
        )

    def _facts_of(self, artifact: Path) -> OmFacts:
        if self._facts is not None and self._facts.path == artifact:
            return self._facts
        return read_om(artifact, self.tools, self.env, device=self.devices[0])

    def read_outputs(self, files: Sequence[Path]) -> list[NDArray[Any]]:
        """The outputs of one sample, from its files, in the types of the om."""
        return _ascend_infer.read_outputs(files, self.facts)

    def close(self) -> None:
        """Forget the artefact."""
        self._facts = None


def _refuse_foreign(options: BackendOptions) -> None:
    """UserError for options that only other runtimes have."""
    for name, given in (("provider", options.provider), ("threads", options.threads)):
        if given is not None:
            raise UserError(
                "ascend.option",
                "--{option} means nothing to the ascend backend: the chip does the work",
                hint="Leave --{option} out.",
                option=name,
            )


def _runs_on(made_for: str, local: str) -> bool:
    """Whether a device loads a model; a slice of a chip shows under the name of the whole."""
    return same_chip(made_for.partition("Vir")[0], local.partition("Vir")[0])


def _with_content(option: str) -> str:
    """An option of atc as text; the content of a file stands for its name."""
    name, _, value = option.partition("=")
    known = OPTIONS.get(name.strip().removeprefix("--"))
    if known is None or known.kind != "path" or not Path(value).is_file():
        return option
    return f"{name}={files.sha256_file(Path(value))}"


def _result_of(run: Generator[Event, None, ToolRun]) -> ToolRun:
    """The result of a run whose events nobody follows."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            ended: ToolRun = end.value
            return ended


ENTRY = BackendInfo(
    name="ascend",
    summary="Huawei Ascend NPUs, through CANN's atc and the vendor's inference tools.",
    suffix=".om",
    precisions=_PRECISIONS,
    takes="onnx",
    backend=AscendBackend,
    unavailable=unavailable,
    vendor=True,
    order=20,
)
