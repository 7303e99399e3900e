"""ONNX to om: everything is checked first, then atc works in a folder of its own, then the om and
its side-car are put in place, the side-car last.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ascend_console.ascend.atc import AtcRequest, atc_advice, atc_values, check_atc, odd_characters
from ascend_console.ascend.atc_options import OPTIONS, parse_options
from ascend_console.ascend.atc_output import om_target
from ascend_console.backends import _ascend_preflight as preflight
from ascend_console.backends import _ascend_tune, _checks
from ascend_console.backends._ascend_atc import place, run_atc
from ascend_console.backends._ascend_device import device_numbers, lock_name, read_npus
from ascend_console.backends._ascend_inputs import work_folder
from ascend_console.backends._ascend_om import (
    OmFacts,
    precision_of,
    side_car_of,
    write_side_car,
)
from ascend_console.backends._ascend_shapes import run_inputs, run_outputs, shapes_of
from ascend_console.backends._ascend_soc import chosen_target, target_events
from ascend_console.core.errors import UserError
from ascend_console.core.events import ArtifactWritten, LogLine, Warned
from ascend_console.tools import device_lock, files

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import onnx

    from ascend_console.ascend.aipp import AippOp
    from ascend_console.backends._ascend_shapes import Shapes
    from ascend_console.backends._ascend_soc import Target
    from ascend_console.core.backend import BackendOptions, ConvertSource
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env, Events
    from ascend_console.tools.onnx_graph import GraphFacts
    from ascend_console.tools.vendor_tools import VendorTools

# What keeps the types of the graph; without it atc computes in float16 (ascend-tools.md 1.2).
_KEEPS_TYPES = "must_keep_origin_dtype"
_FORMATS = {4: "NCHW", 5: "NCDHW"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A conversion that may begin: what atc is asked for, and what its om will be.

    `request` has the paths of `folder`, the private one; `facts` is the side-car to be, at the
    place of the artefact. `environment` is what atc is started with.
    """

    tools: VendorTools
    env: Env
    devices: tuple[int, ...]
    target: Target
    onnx: Path
    batch_size: int
    label: str
    folder: Path
    request: AtcRequest
    facts: OmFacts
    environment: Mapping[str, str]

    def log(self, tool: str, suffix: str = "") -> Path:
        """Where a tool's own text goes: `logs/atc_bs16.log` in the run folder."""
        return self.env.folder / "logs" / f"{tool}_bs{self.batch_size}{suffix}.log"

    def takes(self, tool: str) -> str:
        """The name under which the duration of this work is kept."""
        return f"{tool} {self.label} bs{self.batch_size} {self.target.soc_version}"


@dataclass(slots=True)
class _Checked:
    """What the checks of a graph found."""

    facts: GraphFacts
    model: onnx.ModelProto
    shapes: Shapes
    options: Mapping[str, str]
    is_edited: bool
    aipp: str | None = None
    operators: tuple[AippOp, ...] = field(default=())


def env_of(options: BackendOptions) -> Env:
    """The run that the backend works for."""
    if options.env is None:
        raise AssertionError("the options of a backend that starts tools carry the run's env")
    return options.env


def convert(
    tools: VendorTools,
    options: BackendOptions,
    source: ConvertSource,
    output: Path,
    *,
    batch_size: int,
) -> Events:
    """Make the om of one batch size at `output`, and its side-car beside it.

    With `tune` the plain om stands beside it too, as `<stem>_untuned.om`. UserError for what atc
    would refuse, BackendUnavailable without atc, ConversionFailed where atc fails.
    """
    env = env_of(options)
    _checks.check_batch_size(batch_size)
    onnx_path = _source_file(source, output)
    atc = tools.require("atc")
    preflight.check_writable(output)
    devices = device_numbers(options.device)
    npus = read_npus(tools, env.cancel)
    target = chosen_target(options.vendor.soc_version, npus, devices)
    yield from target_events(target, npus, devices)
    checked = yield from _check_graph(tools, options, source, onnx_path, batch_size)
    yield from preflight.memory_events()
    with work_folder(env) as folder:
        request = _request(checked, options, target, folder, onnx_path)
        cann = tools.cann
        check_atc(request, cann=cann.numbers if cann else None)
        for advice in atc_advice(atc_values(request)):
            yield LogLine(advice.cause_en, "warning")
        conversion = Conversion(
            tools=tools,
            env=env,
            devices=devices,
            target=target,
            onnx=onnx_path,
            batch_size=batch_size,
            label=source.model or onnx_path.stem,
            folder=folder,
            request=request,
            facts=_facts(checked, options, target, output, batch_size, onnx_path, tools, atc.path),
            environment=tools.environment,
        )
        yield from _made(conversion, options.vendor.tune)


def _source_file(source: ConvertSource, output: Path) -> Path:
    """The ONNX file, absolute; UserError where there is none, or where it would be overwritten."""
    if source.onnx is None:
        raise UserError(
            "ascend.source",
            "the ascend backend converts ONNX files, and there is none",
            hint="Give --onnx FILE, or export the checkpoint first.",
        )
    _checks.check_output(source.onnx, output)
    return files.require_file(source.onnx, "an ONNX file").absolute()


def _check_graph(
    tools: VendorTools,
    options: BackendOptions,
    source: ConvertSource,
    onnx_path: Path,
    batch_size: int,
) -> Generator[Event, None, _Checked]:
    """Look at graph, shapes, outputs and AIPP; UserError for what atc would refuse."""
    from ascend_console.tools.onnx_graph import inspect_graph, read_model

    vendor = options.vendor
    asked = parse_options(vendor.atc_option)
    model = read_model(onnx_path)
    facts = inspect_graph(model)
    yield from preflight.check_opset(onnx_path, facts, tools.cann)
    dropped = preflight.settle_domains(onnx_path, model)
    if dropped:
        yield LogLine(
            f"unused operator domains left out of atc's copy of the model: {', '.join(dropped)}"
        )
    yield from preflight.check_operators(model, facts, tools.cann)
    _require_side_files(onnx_path, facts)
    shapes = shapes_of(facts, source, asked, batch_size)
    preflight.checked_out_nodes(model, facts, vendor.out_nodes)
    checked = _Checked(facts, model, shapes, asked, is_edited=bool(dropped))
    if vendor.aipp is not None:
        checked.aipp, checked.operators = preflight.read_aipp(vendor.aipp, facts, shapes)
    return checked


def _require_side_files(onnx_path: Path, facts: GraphFacts) -> None:
    home = onnx_path.parent.resolve()
    for name in facts.external_data:
        side = (home / name).resolve()
        if not (side.is_relative_to(home) and side.is_file()):
            raise UserError(
                "ascend.side_file",
                "{onnx} keeps its weights in {file}, which is not beside it",
                hint="Copy that file too, or save the model as one file.",
                onnx=onnx_path,
                file=name,
            )


def _request(
    checked: _Checked, options: BackendOptions, target: Target, folder: Path, onnx_path: Path
) -> AtcRequest:
    """What atc is asked for. Its files are private copies where their paths or contents need it."""
    given = dict(checked.options)
    vendor = options.vendor
    ranks = {len(sizes) for sizes in checked.shapes.run.values()}
    input_format = _FORMATS.get(ranks.pop(), "ND") if len(ranks) == 1 else "ND"
    if "dynamic_dims" in given:
        input_format = "ND"
    return AtcRequest(
        model=str(_model_file(checked, folder, onnx_path)),
        output=str(folder / "model"),
        soc_version=target.soc_version,
        input_format=given.pop("input_format", input_format),
        input_shape=checked.shapes.text,
        log=vendor.atc_log or "error",
        out_nodes=vendor.out_nodes or "",
        precision_mode=_KEEPS_TYPES if options.precision == "fp32" else "",
        insert_op_conf=str(_aipp_file(checked.aipp, folder)) if checked.aipp is not None else "",
        options={name: _absolute(name, value) for name, value in given.items()},
    )


def _absolute(name: str, value: str) -> str:
    """The value of an option, a path made absolute: atc works in another folder."""
    return str(Path(value).absolute()) if OPTIONS[name].kind == "path" else value


def _model_file(checked: _Checked, folder: Path, onnx_path: Path) -> Path:
    """The ONNX file itself, or a private copy where atc would stumble over it as it is."""
    if not checked.is_edited and not odd_characters(str(onnx_path)):
        return onnx_path
    copy = folder / "model.onnx"
    if checked.is_edited:
        files.write_bytes(copy, checked.model.SerializeToString())
    else:
        files.link_or_copy(onnx_path, copy)
    for name in checked.facts.external_data:
        files.link_or_copy(onnx_path.parent / name, folder / name)
    return copy


def _aipp_file(text: str, folder: Path) -> Path:
    path = folder / "aipp.cfg"
    files.write_text(path, text)
    return path


def _facts(
    checked: _Checked,
    options: BackendOptions,
    target: Target,
    output: Path,
    batch_size: int,
    onnx_path: Path,
    tools: VendorTools,
    atc: str,
) -> OmFacts:
    cann = tools.cann
    version = cann.version if cann else None
    output_type = checked.options.get("output_type", "")
    return OmFacts(
        path=output,
        batch_size=batch_size,
        shape_kind=checked.shapes.kind,
        soc_version=target.soc_version,
        inputs=run_inputs(checked.facts, checked.shapes, checked.operators),
        outputs=run_outputs(checked.model, checked.shapes, options.vendor.out_nodes, output_type),
        precision=precision_of(checked.options, options.precision),
        soc_origin=target.origin,
        cann=version,
        tool=f"{atc}, CANN {version or 'of unknown version'}",
        onnx_sha256=files.sha256_file(onnx_path),
        aipp=checked.aipp,
        gears=MappingProxyType(dict(checked.shapes.gears)),
    )


def _made(conversion: Conversion, tune: str | None) -> Events:
    """The om of a conversion; tuned where that is asked for, the plain one kept beside it."""
    if tune is None:
        yield from _one(conversion, conversion.request, conversion.facts)
        return
    lock = yield from device_lock.take_turn(lock_name(conversion.devices[0]), conversion.env)
    with device_lock.held(lock):
        yield from _made_tuned(conversion, tune)


def _made_tuned(conversion: Conversion, tune: str) -> Events:
    yield from _ascend_tune.check_tuning(conversion, tune)
    output = conversion.facts.path
    plain = replace(conversion.facts, path=untuned_of(output))
    made = yield from _one(conversion, conversion.request, plain)
    tuned = yield from _ascend_tune.tuned_request(conversion, tune)
    if tuned is None:
        yield Warned(
            "ascend.tune_nothing",
            "aoe found nothing to tune: the model is the plain one",
            "",
            {},
        )
        place(made.path, output)
        write_side_car(replace(made, path=output))
        side_car_of(made.path).unlink(missing_ok=True)
        return
    yield ArtifactWritten(str(made.path), "artifact")
    yield from _one(
        replace(conversion, environment=tuned.environment),
        tuned.request,
        replace(conversion.facts, tuned=tune),
        suffix="_tuned",
    )


def untuned_of(output: Path) -> Path:
    """Where the plain om of a tuned one stands."""
    return output.with_name(f"{output.stem}_untuned{output.suffix}")


def _one(
    conversion: Conversion, request: AtcRequest, facts: OmFacts, suffix: str = ""
) -> Generator[Event, None, OmFacts]:
    """Run atc once and put its om and then the side-car in place; what the om is."""
    om, command = yield from run_atc(
        request,
        tools=conversion.tools,
        environment=conversion.environment,
        env=conversion.env,
        folder=conversion.folder,
        log=conversion.log("atc", suffix),
        takes=conversion.takes("atc" + suffix),
    )
    facts = replace(facts, command=command)
    machine = om_target(om.name)
    if machine is not None:
        facts = replace(facts, shape_kind="dynamic_shape")
        yield LogLine(f"the model carries code of the host and runs on {' '.join(machine)} only")
    place(om, facts.path)
    made = write_side_car(facts)
    yield LogLine(f"{facts.path.name}: {facts.soc_version}, {facts.precision}, {facts.shape_kind}")
    return made
