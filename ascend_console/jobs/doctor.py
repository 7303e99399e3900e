"""`doctor`: every check of the environment, with what was seen and what to do."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.doctor import Check, by_gravity, exit_code_of
from ascend_console.core.events import SCHEMA, Answered, JobSucceeded, RowAdded
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.core.verdict import finding
from ascend_console.jobs import _doctor_cann as cann
from ascend_console.jobs import _doctor_device as device
from ascend_console.jobs import _doctor_gather_ascend as gather_ascend
from ascend_console.jobs import _doctor_gather_host as gather
from ascend_console.jobs import _doctor_host as host
from ascend_console.jobs import _doctor_software as software
from ascend_console.jobs._doctor_place import Place
from ascend_console.jobs._output import output_file
from ascend_console.tools import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ascend_console.core.specs import Events
    from ascend_console.jobs._doctor_facts import (
        AscendFacts,
        HostFacts,
        SoftwareFacts,
        TerminalFacts,
    )


_COLUMNS = ("check", "verdict", "seen", "remedy")


@dataclass(frozen=True, kw_only=True)
class DoctorRequest:
    """Whether to write a bundle for support."""

    bundle: Path | None = option(
        "Also write this .zip for support: checks, versions and the last runs, without names of "
        "users and hosts, addresses and secrets.",
        default=None,
        default_text="none",
    )


def ascend_checks(facts: AscendFacts, is_working_here: bool) -> Iterator[Check]:
    """The checks of the vendor's software and devices; one where nothing speaks of Ascend."""
    if not facts.signs:
        yield cann.ascend_absent(is_working_here)
        return
    found = (
        cann.check_cann(facts),
        cann.check_set_env(facts),
        cann.check_driver(facts),
        cann.check_firmware(facts),
        cann.check_match(facts),
        device.check_device(facts),
        device.check_soc(facts),
        device.check_permissions(facts),
        device.check_container(facts),
    )
    yield from (check for check in found if check is not None)
    yield from device.check_visible(facts)
    yield from cann.check_tools(facts)
    yield from cann.check_python(facts)


def software_checks(facts: SoftwareFacts) -> Iterator[Check]:
    """The checks of the console's own packages, and of GPUs."""
    found = (
        software.check_python(facts),
        software.check_onnxruntime(facts),
        software.check_torch(facts),
        software.check_gpu(facts),
    )
    yield from (check for check in found if check is not None)


def host_checks(facts: HostFacts) -> Iterator[Check]:
    """The checks of the machine."""
    found = (
        host.check_memory(facts),
        host.check_disk(facts),
        host.check_cache(facts),
        host.check_logout(facts),
    )
    yield from (check for check in found if check is not None)


def terminal_checks(facts: TerminalFacts) -> Iterator[Check]:
    """The checks of the terminal."""
    found = (
        host.check_terminal(facts),
        host.check_locale(facts),
        host.check_clipboard(facts),
    )
    yield from (check for check in found if check is not None)


def all_checks(place: Place) -> Iterator[Check]:
    """Every check of a machine, each as soon as it is known; what is quick comes first."""
    yield from host_checks(gather.gather_host(place))
    own = gather.gather_software(place)
    yield from software_checks(own)
    yield from terminal_checks(gather.gather_terminal(place, own.python))
    vendor = gather_ascend.gather_ascend(place, platform.machine())
    yield from ascend_checks(vendor, software.onnxruntime_works(own))
    models = gather.gather_models(discovery.load_all("zoo"), vendor.cann)
    yield from software.check_models(models)


def check_row(check: Check, lang: str) -> tuple[str, str, str, str | None]:
    """Id, verdict, what was seen and what to do, in the user's language."""
    seen = check.finding
    return (
        check.id,
        check.verdict,
        catalogue.message(seen.id, seen.args, seen.message, lang),
        catalogue.hint(seen.id, seen.args, seen.hint, lang) or None,
    )


def _plain(text: str) -> str:
    """One line without the control characters that a tool may have printed."""
    return "".join(char if char.isprintable() else " " for char in text)


def _text(rows: Sequence[tuple[str, str, str, str | None]]) -> str:
    """The checks for people: a line each, and the remedy behind an arrow below it."""
    width = max((len(row[0]) for row in rows), default=0)
    lines = []
    for name, verdict, seen, remedy in rows:
        lines.append(f"{verdict}  {name:<{width}}  {_plain(seen)}")
        if remedy:
            lines.append(f"{'':<{width + 6}}  -> {_plain(remedy)}")
    return "\n".join(lines)


def _write_bundle(target: Path, document: dict[str, Any], env: Env) -> Check:
    """The bundle, told as one more check, so that its path stands in the answer."""
    from ascend_console.tools import support_bundle

    published = [model.environment for model in discovery.load_all("zoo")]
    pins = [pin.removeprefix("== ") for entry in published for pin in entry.values()]
    count = support_bundle.write_bundle(target, document, env.settings, versions=pins)
    return Check("bundle", "PASS", finding(
        "doctor.bundle",
        "{path}: {count} files, without names of users and hosts, addresses and secrets",
        "Look through it before you give it away.",
        path=target, count=count,
    ))  # fmt: skip


def doctor(request: DoctorRequest, env: Env) -> Events:
    """Check everything; exit code 4 with any FAIL."""
    wanted = request.bundle
    target = None if wanted is None else output_file(wanted, wanted, ".zip", env)
    checks = []
    for check in all_checks(Place(env.settings, env.cancel)):
        checks.append(check)
        yield RowAdded("checks", check.document())
    document = {"schema": SCHEMA, "checks": [check.document() for check in checks]}
    if target is not None:
        checks.append(_write_bundle(target, document, env))
        document = {**document, "checks": [check.document() for check in checks]}
    lang = env.settings.lang
    rows = tuple(check_row(check, lang) for check in by_gravity(checks))
    yield Answered(document, _COLUMNS, rows, text=_text(rows))
    yield JobSucceeded(exit_code=exit_code_of(checks))


ENTRY = Job(
    name="doctor",
    summary="Every check of the environment: what was seen, what to do.",
    request=DoctorRequest,
    run=doctor,
    example="ascend-console doctor --bundle support.zip",
    recording=False,
    order=75,
)
