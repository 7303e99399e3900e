"""A fake installation of CANN in a folder of a test, and launchers of the fake tools.

Three generations of layout: 5.0 (`ascend-toolkit/latest` with `atc/bin`), 5.1 to 8.3 (`latest/bin`,
`version.cfg`), and from 8.5 on (`cann` beside `cann-<version>`, operators as a package of their
own). See ascend-tools.md sections 1.1, 1.6 and 4.4.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FAKES = Path(__file__).absolute().parent
SCRIPTS = {
    "atc": "fake_atc.py",
    "aoe": "fake_aoe.py",
    "msprof": "fake_msprof.py",
    "npu-smi": "fake_npu_smi.py",
}
_COMPONENTS = ("runtime", "compiler", "hccl", "opp", "toolkit", "aoe", "ncs", "opp_kernel")
_OLD_FOLDERS = {"atc": "atc/bin", "aoe": "tools/aoe/bin", "msprof": "tools/profiler/bin"}
_FOLDERS = {"atc": "compiler/bin", "aoe": "tools/aoe/bin", "msprof": "tools/profiler/bin"}
_PARTS = ("lib64", "devlib", "opp", "python/site-packages", "opp/built-in/op_impl/ai_core/tbe")


def write_launcher(
    folder: Path, name: str, script: str | Path, environment: Mapping[str, str] | None = None
) -> Path:
    """An executable `folder/name` that runs a Python program with this interpreter.

    A script without a folder is one of the fakes; `environment` is set before it starts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    settings = "".join(
        f"export {variable}={shlex.quote(value)}\n"
        for variable, value in (environment or {}).items()
    )
    command = shlex.join([sys.executable, str(FAKES / script)])
    path.write_text(f'#!/bin/sh\n{settings}exec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def fake_commands(folder: Path, version: str = "8.0.RC1") -> dict[str, str]:
    """Launchers of all four tools in a folder; the variables that name them, as commands."""
    told = {"FAKE_CANN": version}
    return {
        "ASCEND_CONSOLE_" + name.upper().replace("-", "_"): shlex.quote(
            str(write_launcher(folder, name, script, told))
        )
        for name, script in SCRIPTS.items()
    }


def release(version: str) -> tuple[int, int]:
    """The first two numbers of a version of CANN."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        raise ValueError(f"{version!r} is no version of CANN")
    return int(found[1]), int(found[2])


def make_cann_root(
    folder: Path,
    version: str = "8.0.RC1",
    *,
    driver: str | None = "24.1.rc1",
    tools: tuple[str, ...] = ("atc", "aoe", "msprof"),
    arch: str = "x86_64",
) -> Path:
    """Install a fake CANN under `folder/Ascend`; its home, which ASCEND_HOME_PATH would name.

    With a home folder as `folder` it lies where CANN lies for a user who is not root. A driver of
    None is left out, as on a machine that only converts.
    """
    root, numbers = folder / "Ascend", release(version)
    modern = numbers >= (8, 5)
    base = root if modern else root / "ascend-toolkit"
    real, home = base / (f"cann-{version}" if modern else version), base / "latest"
    home = base / "cann" if modern else home
    for part in _PARTS:
        (real / part).mkdir(parents=True)
    home.symlink_to(real.name)
    _write_versions(real, version, arch)
    _write_tools(real, version, tools)
    script = real / "set_env.sh" if modern else base / "set_env.sh"
    script.write_text(_set_env(home, root, modern=modern), encoding="utf-8")
    if driver:
        (root / "driver" / "lib64").mkdir(parents=True)
        (root / "driver" / "version.info").write_text(_driver_info(driver), encoding="utf-8")
    return home


def _write_versions(real: Path, version: str, arch: str) -> None:
    numbers = release(version)
    named = "arm64" if arch == "aarch64" and numbers < (5, 1) else arch
    packages = ["toolkit", "ops"] if numbers >= (8, 5) else ["toolkit"]
    for package in packages:
        info = real / f"{named}-linux" / f"ascend_{package}_install.info"
        info.parent.mkdir(exist_ok=True)
        info.write_text(
            f"package_name=Ascend-cann-{package}\nversion={version}\n"
            f"innerversion=V100R001C00SPC000B000\narch={named}\nos=linux\npath={info.parent}\n",
            encoding="utf-8",
        )
    if (5, 1) <= numbers < (8, 5):
        inner = f"{numbers[0]}.{numbers[1]}.0.1.200"
        rows = [f"{name}_running_version=[{inner}:{version}]\n" for name in _COMPONENTS]
        (real / "version.cfg").write_text("# version: 1.0\n" + "".join(rows), encoding="utf-8")
        (real / "compiler").mkdir()
        (real / "compiler" / "version.info").write_text(f"Version={inner}\n", encoding="utf-8")


def _write_tools(real: Path, version: str, tools: tuple[str, ...]) -> None:
    old = release(version) < (5, 1)
    for tool in tools:
        place = (_OLD_FOLDERS if old else _FOLDERS)[tool]
        program = write_launcher(real / place, tool, SCRIPTS[tool], {"FAKE_CANN": version})
        if not old:
            (real / "bin").mkdir(exist_ok=True)
            (real / "bin" / tool).symlink_to(Path("..") / program.relative_to(real))


def _set_env(home: Path, root: Path, *, modern: bool) -> str:
    """The script as it behaves: for bash alone, and that of 8.5 under `set -e`, with an error.

    Without a driver the stub libraries are what lets atc start.
    """
    driver = shlex.quote(f"{root}/driver/lib64")
    lines = [
        f"ascend_home={shlex.quote(str(home))}",
        'export ASCEND_TOOLKIT_HOME="$ascend_home"',
        'export ASCEND_HOME_PATH="$ascend_home"',
        'export ASCEND_AICPU_PATH="$ascend_home"',
        'export ASCEND_OPP_PATH="$ascend_home/opp"',
        'export TOOLCHAIN_HOME="$ascend_home/toolkit"',
        'tbe="$ascend_home/opp/built-in/op_impl/ai_core/tbe"',
        'export PYTHONPATH="$ascend_home/python/site-packages:$tbe${PYTHONPATH:+:$PYTHONPATH}"',
        "for part in atc/bin tools/aoe/bin tools/profiler/bin tools/ccec_compiler/bin bin; do",
        '    [[ -d "$ascend_home/$part" ]] && export PATH="$ascend_home/$part:$PATH"',
        "done",
        f"libraries=({driver})",
        '[[ -d "${libraries[0]}" ]] || libraries=("$ascend_home/devlib")',
        'export LD_LIBRARY_PATH="$ascend_home/lib64:${libraries[0]}:${LD_LIBRARY_PATH:-}"',
        "unset ascend_home tbe part libraries",
    ]
    if modern:
        lines = ["set -e", *lines, "set +e", '[[ -d "$ASCEND_HOME_PATH/fwkplugin" ]]']
    return "\n".join(["#!/bin/bash", *lines]) + "\n"


def _driver_info(version: str) -> str:
    return (
        f"Version={version}\nascendhal_version=7.35.19\naicpu_version=1.0\ntdt_version=1.0\n"
        "log_version=1.0\nprof_version=2.0\ndvppkernels_version=1.1\ntsfw_version=1.0\n"
        "Innerversion=V100R001C00SPC000B000\n"
        "compatible_version=[V100R001C13],[V100R001C15],[V100R001C17],[V100R001C18]\n"
        f"compatible_version_fw=[7.0.0,7.5.99]\npackage_version={version}\n"
    )
