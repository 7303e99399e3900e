"""`devices`: NPU chips, GPUs and the machine itself: once, again and again, or for Prometheus."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.npu_smi import NpuChip, NpuSmiReport, parse_npu_smi
from ascend_console.core.errors import BackendUnavailable, UserError
from ascend_console.core.events import SCHEMA, Answered, DevicesSampled, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.jobs._device_poll import Poller
from ascend_console.jobs._device_rows import COLUMNS, device_rows
from ascend_console.tools.text_input import read_text

if TYPE_CHECKING:
    from ascend_console.ascend.npu_smi import NpuProcess
    from ascend_console.core.specs import Events

_CHIP_COLUMNS = tuple(entry.name for entry in fields(NpuChip))

_INTERVAL_S = 2.0
_LONGEST_INTERVAL_S = 86_400.0
# A look is bounded: five seconds for the table, and as much for each slow question beside it.
_FIRST_LOOK_S = 20.0
# A stream begins with what is there by then; the rest follows.
_FIRST_SAMPLE_S = 3.0
_SERVED_AGE_S = 15.0
_BUG_LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class DevicesRequest:
    """What to look at, and how often."""

    watch: bool = option("Look again and again, until Ctrl-C or --count.", default=False)
    interval: float | None = option(
        "Time between two looks, with --watch or --serve.",
        default=None,
        default_text=f"{_INTERVAL_S:g}",
        unit="s",
        minimum=0.1,
    )
    count: int | None = option(
        "How many samples --watch takes.", default=None, default_text="no end", minimum=1
    )
    input: Path | None = option(
        "File with the output of `npu-smi info`, in place of the devices; - for the standard "
        "input.",
        default=None,
        default_text="look at the devices",
    )
    serve: str | None = option(
        "Serve Prometheus at this HOST:PORT, until Ctrl-C; a port alone is of this machine only.",
        default=None,
        default_text="off",
    )


def _parsed(path: Path, env: Env) -> NpuSmiReport:
    """The report in a file; the errors of the parser say which file it was."""
    saved = read_text(str(path), should_stop=env.cancel.is_set)
    if saved.is_cut:
        raise UserError(
            "devices.input_large",
            "{path} is too large for the output of npu-smi",
            hint="Name a file with one output of `npu-smi info`.",
            path=path,
        )
    try:
        return parse_npu_smi(saved.text)
    except UserError as error:
        located = {**error.values, "where": f"{path}: "}
        problem, advice = error.message, error.hint
        raise UserError(
            error.id, "{where}{problem}", hint="{advice}", problem=problem, advice=advice, **located
        ) from error


def npu_document(report: NpuSmiReport) -> dict[str, Any]:
    """A report in the external form of design.md section 2."""
    return {
        "schema": SCHEMA,
        "version": report.version,
        "driver_version": report.driver_version,
        "chips": [asdict(chip) for chip in report.chips],
        "processes": [asdict(process) for process in report.processes],
    }


def _process_text(process: NpuProcess) -> str:
    pid = "?" if process.pid is None else process.pid
    memory = "?" if process.memory_mb is None else process.memory_mb
    return f"{pid} {process.name or '?'} {memory} MB"


def _rows(report: NpuSmiReport) -> tuple[tuple[Any, ...], ...]:
    """A row a chip, with its processes behind it; then chips that only have processes."""
    seen: dict[tuple[int, int], list[str]] = {(chip.npu, chip.chip): [] for chip in report.chips}
    for process in report.processes:
        seen.setdefault((process.npu, process.chip), []).append(_process_text(process))
    chips = {(chip.npu, chip.chip): chip for chip in report.chips}
    unknown = (None,) * (len(_CHIP_COLUMNS) - 2)
    return tuple(
        (*(tuple(asdict(chips[key]).values()) if key in chips else (*key, *unknown)),
         "; ".join(texts) or None)
        for key, texts in seen.items()
    )  # fmt: skip


def _check(request: DevicesRequest) -> None:
    """UserError for options that do not go together."""
    modes = [
        flag
        for flag, typed in (
            ("--watch", request.watch),
            ("--input", request.input is not None),
            ("--serve", request.serve is not None),
        )
        if typed
    ]
    if len(modes) > 1:
        raise UserError(
            "devices.modes",
            "{first} and {second} do different things",
            hint="Give one of --watch, --input and --serve.",
            first=modes[0],
            second=modes[1],
        )
    lonely = [
        (flag, needed)
        for flag, typed, needed, fits in (
            ("--count", request.count is not None, "--watch", request.watch),
            ("--interval", request.interval is not None, "--watch or --serve",
             request.watch or request.serve is not None),
        )
        if typed and not fits
    ]  # fmt: skip
    if lonely:
        raise UserError(
            "devices.once",
            "{flag} does nothing without {needed}",
            hint="Add {needed}, or leave {flag} out.",
            flag=lonely[0][0],
            needed=lonely[0][1],
        )


def _interval_s(request: DevicesRequest) -> float:
    return min(request.interval or _INTERVAL_S, _LONGEST_INTERVAL_S)


def _once(env: Env) -> Events:
    """One look at everything; BackendUnavailable where nothing at all can be read."""
    with Poller(env.settings, env.clock) as poller:
        poller.wait_first(env.cancel, _FIRST_LOOK_S)
        snapshot = poller.latest()
    if snapshot.is_empty:
        reasons = [source.trouble.message for source in snapshot.sources if source.trouble]
        raise BackendUnavailable(
            "devices.nothing",
            "no device can be read here: {reasons}",
            hint="`ascend-console doctor` says what to do about each.",
            reasons="; ".join(reasons),
        )
    document = snapshot.document()
    yield Answered(document, COLUMNS, device_rows(document, env.settings.lang))


def _watch(request: DevicesRequest, env: Env) -> Events:
    """A sample each interval; a source that hangs delays none of them."""
    interval_s = _interval_s(request)
    told = 0
    with Poller(env.settings, env.clock, interval_s=interval_s) as poller:
        poller.wait_first(env.cancel, _FIRST_SAMPLE_S)
        while True:
            yield DevicesSampled(poller.latest().document())
            told += 1
            if told == request.count or env.cancel.wait(interval_s):
                return


def _serve(address: str, request: DevicesRequest, env: Env) -> Events:
    """Serve until the run is asked to stop."""
    from ascend_console.tools import metrics_server

    host, port = metrics_server.parse_address(address)
    if not metrics_server.is_loopback(host):
        yield Warned(
            "devices.serve_open",
            f"everybody who reaches {host} can read these figures",
            "Serve at 127.0.0.1, or let a firewall decide who may read them.",
            {"host": host},
        )
    with (
        Poller(env.settings, env.clock, interval_s=_interval_s(request)) as poller,
        metrics_server.serving(host, port, lambda: poller.latest(_SERVED_AGE_S)) as url,
    ):
        poller.wait_first(env.cancel, _FIRST_SAMPLE_S)
        yield Answered({"schema": SCHEMA, "url": url}, ("field", "value"), (("url", url),))
        while not env.cancel.wait(_BUG_LOOK_S):
            poller.latest()


def devices(request: DevicesRequest, env: Env) -> Events:
    """Show the devices, or the chips and processes of a saved text."""
    _check(request)
    if request.input is not None:
        report = _parsed(request.input, env)
        yield Answered(npu_document(report), (*_CHIP_COLUMNS, "processes"), _rows(report))
    elif request.serve is not None:
        yield from _serve(request.serve, request, env)
    elif request.watch:
        yield from _watch(request, env)
    else:
        yield from _once(env)


ENTRY = Job(
    name="devices",
    summary="Device status: NPU chips, GPUs, the machine; once, as a stream, or for Prometheus.",
    request=DevicesRequest,
    run=devices,
    example="ascend-console devices --watch --interval 2 --json",
    recording=False,
    order=70,
)
