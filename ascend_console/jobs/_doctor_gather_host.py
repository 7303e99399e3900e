"""The facts of the machine itself, the console's own packages, the terminal and the models."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ascend_console
from ascend_console.ascend.version_info import read_pairs
from ascend_console.core import discovery
from ascend_console.core.devices import Trouble
from ascend_console.core.errors import ConsoleError, Interrupted
from ascend_console.jobs._doctor_facts import (
    HostFacts,
    ModelFacts,
    SoftwareFacts,
    TerminalFacts,
)
from ascend_console.jobs._doctor_place import interpreter
from ascend_console.tools import process
from ascend_console.tools.environment import version_of
from ascend_console.tools.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ascend_console.core.specs import ModelSpec
    from ascend_console.jobs._doctor_facts import CannFacts, Interpreter
    from ascend_console.jobs._doctor_place import Place

OWN_MODULES = ("numpy", "PIL", "onnx", "onnxruntime", "torch", "pynvml")
_ASK_S = 5.0
# The two generations of control groups.
_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_CONFIGURATION = ("etc", "run", "usr/local/lib", "usr/lib")
# What the zoo's environments call a package, and what it is called when installed.
_DISTRIBUTIONS = {
    "pytorch": ("torch",),
    "pillow": ("pillow",),
    "opencv-python": ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
}


def _tree_bytes(folder: Path) -> int:
    total = 0
    for current, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(current, name)).st_size
            except OSError:
                continue
    return total


def _kills_at_logout(place: Place) -> bool | None:
    """What systemd's login manager does to what a user leaves running; None without one."""
    if not place.path("/run/systemd/system").is_dir():
        return None
    if not place.user or place.user == "root":
        return False
    if place.path(f"/var/lib/systemd/linger/{place.user}").exists():
        return False
    drop_ins: dict[str, Path] = {}
    for folder in reversed(_CONFIGURATION):
        found = place.path(f"/{folder}/systemd/logind.conf.d").glob("*.conf")
        drop_ins.update({path.name: path for path in found})
    main = [place.path(f"/{folder}/systemd/logind.conf") for folder in _CONFIGURATION]
    texts = [next(filter(None, map(place.text, main)), "")]
    texts += [place.text(drop_ins[name]) or "" for name in sorted(drop_ins)]
    told = [read_pairs(text).get("killuserprocesses") for text in texts]
    last = next((value for value in reversed(told) if value), "no")
    return last.lower() in ("yes", "true", "1", "on")


def _memory(place: Place) -> tuple[int | None, int | None]:
    """Total and available memory; in a container those of its limit, which the kernel enforces."""
    import psutil

    try:
        memory = psutil.virtual_memory()
    except (psutil.Error, OSError):
        return None, None
    total, available = int(memory.total), int(memory.available)
    for limit_file, used_file in _LIMITS:
        limit, used = place.text(limit_file) or "", place.text(used_file) or ""
        if limit.strip().isdecimal() and used.strip().isdecimal() and int(limit) < total:
            return int(limit), min(available, max(0, int(limit) - int(used)))
    return total, available


def gather_host(place: Place) -> HostFacts:
    """Memory, disk, cache and what happens at logout."""
    workspace = place.settings.workspace
    there = next(path for path in (workspace, *workspace.parents) if path.exists())
    total, available = _memory(place)
    cache = cache_folder(workspace)
    return HostFacts(
        memory_total=total,
        memory_available=available,
        workspace=str(workspace),
        is_writable=os.access(there, os.W_OK),
        disk_free=shutil.disk_usage(there).free,
        cache_folder=str(cache),
        cache_bytes=_tree_bytes(cache),
        kills_at_logout=_kills_at_logout(place),
    )


def gather_software(place: Place) -> SoftwareFacts:
    """The console's own packages, imported in a process of their own, and GPUs."""
    from ascend_console.devices.gpu import has_nvidia_driver

    own = interpreter(sys.executable, OWN_MODULES, place, place.settings.environ)
    gpus: tuple[str, ...] = ()
    trouble = None
    try:
        sampler = discovery.load("devices", "gpu").open(place.settings)
        if sampler is not None:
            with contextlib.closing(sampler):
                found = sampler(place.cancel).gpus
            gpus = tuple(gpu.name or f"gpu:{gpu.index}" for gpu in found)
    except Interrupted:
        raise
    except ConsoleError as error:
        trouble = Trouble.of(error)
    return SoftwareFacts(
        console=ascend_console.__version__,
        python=own,
        has_nvidia=has_nvidia_driver(place.root),
        gpus=gpus,
        gpu_extra=own.module("pynvml").is_there,
        gpu_trouble=trouble,
    )


def _tmux(place: Place) -> str | None:
    """The version of tmux, such as `3.3a`; None where there is none."""
    try:
        said = process.capture(
            ["tmux", "-V"],
            cwd=Path("/"),
            environment=place.settings.environ,
            timeout_s=_ASK_S,
            cancel=place.cancel,
        )
    except Interrupted:
        raise
    except ConsoleError:
        return None
    return said.stdout.strip().partition(" ")[2] or None


def gather_terminal(place: Place, own: Interpreter) -> TerminalFacts:
    """The terminal that the program was started in, and the language of its texts."""
    environ = place.settings.environ
    is_terminal = os.isatty(2)
    try:
        size = os.get_terminal_size(2)
    except OSError:
        size = None
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    in_tmux = bool(environ.get("TMUX"))
    return TerminalFacts(
        is_terminal=is_terminal,
        term=environ.get("TERM", ""),
        colorterm=environ.get("COLORTERM", ""),
        no_color=bool(environ.get("NO_COLOR")),
        size=None if size is None else (size.columns, size.lines),
        locale=next((environ[name] for name in names if environ.get(name)), ""),
        encoding=own.encoding,
        locale_error=own.locale_error,
        tmux=_tmux(place) if in_tmux else None,
        in_tmux=in_tmux,
        over_ssh=bool(environ.get("SSH_CONNECTION")),
    )


def gather_models(models: Iterable[ModelSpec], cann: CannFacts | None) -> tuple[ModelFacts, ...]:
    """The published environment of each model that has one, and what is installed of it."""

    def installed(package: str) -> str | None:
        if package == "CANN":
            return cann.version if cann else None
        names = _DISTRIBUTIONS.get(package.lower(), (package,))
        return next(filter(None, map(version_of, names)), None)

    return tuple(
        ModelFacts(
            name=model.name,
            published=dict(model.environment),
            installed={package: installed(package) for package in model.environment},
        )
        for model in models
        if model.environment
    )
