"""The vendor's tools and CANN: where they are, how they are started, which generation answers.

A tool is looked for in its own variable (`ASCEND_CONSOLE_ATC`, a command), on PATH, then in the
folders of CANN. They get the environment of `set_env.sh`, sourced once, without the console's own
virtual environment, whose interpreter and packages are none of theirs (design.md section 5).
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ascend_console.ascend.ais_bench import generation_of_help
from ascend_console.ascend.benchmark import program_name
from ascend_console.ascend.explain import explain
from ascend_console.ascend.log_text import last_words
from ascend_console.core.errors import BackendUnavailable, ConsoleError, UserError
from ascend_console.tools import process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.ascend.ais_bench import Generation
    from ascend_console.core.settings import Settings

VendorName = Literal["atc", "aoe", "ais_bench", "benchmark", "msame", "npu-smi", "msprof"]
VENDOR_NAMES: tuple[VendorName, ...] = (
    "atc", "aoe", "ais_bench", "benchmark", "msame", "npu-smi", "msprof",
)  # fmt: skip

_PROBE_S = 30.0
_VERSION_S = 5.0
_ROOTS = (
    "/usr/local/Ascend/ascend-toolkit/latest",
    "/usr/local/Ascend/cann",
    "/usr/local/Ascend/latest",
    "/usr/local/Ascend/nnae/latest",
    "~/Ascend/ascend-toolkit/latest",
    "~/Ascend/cann",
    "~/Ascend/latest",
)
_TOOL_FOLDERS = ("bin", "atc/bin", "tools/aoe/bin", "tools/profiler/bin", "compiler/bin")
_DRIVER_FOLDERS = ("/usr/local/bin", "/usr/local/sbin", "/usr/local/Ascend/driver/tools")
# A line of its help in which ais_bench tells its version.
_SAYS = re.compile(r"\b((?:ais_bench|aclruntime)[ :]+v?[0-9][^\n]{0,60})")
# Of an `*_install.info`; other files give the number of a part, which is not that of CANN.
_VERSION = re.compile(r"^version=([0-9][\w.\-]*)", re.IGNORECASE | re.MULTILINE)
# Of `version.cfg`: `toolkit_running_version=[7.6.0.1.220:8.0.0]`, the inner number first.
_RUNNING_VERSION = re.compile(
    r"^(?:toolkit|runtime)_running_version=\[[^:\]]*:(?:CANN-)?([0-9][\w.\-]*)\]", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class VendorTool:
    """A tool as it is started: `origin` is a variable's name, `PATH`, or the folder of CANN."""

    name: VendorName
    argv: tuple[str, ...]
    origin: str

    @property
    def path(self) -> str:
        """The command as it stands beside figures."""
        return shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class Cann:
    """An installation of CANN; `version` as it is printed, such as `8.0.RC1`."""

    home: Path
    version: str | None
    set_env: Path | None

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The numbers that the version begins with, such as (8, 0)."""
        found = re.match(r"[0-9]+(?:\.[0-9]+)*", self.version or "")
        return tuple(int(part) for part in found[0].split(".")) if found else None


def _version_in(home: Path) -> str | None:
    places = [
        *((path, _VERSION) for path in sorted(home.glob("*-linux/ascend_toolkit_install.info"))),
        *((path, _VERSION) for path in sorted(home.glob("*-linux/ascend_*_install.info"))),
        (home / "version.cfg", _RUNNING_VERSION),
    ]
    for place, pattern in places:
        try:
            found = pattern.search(place.read_text("utf-8", "replace"))
        except OSError:
            continue
        if found:
            return found[1]
    return None


def _set_env_of(home: Path) -> Path | None:
    """`set_env.sh` lies in the home or, with `latest` inside a folder of versions, above it."""
    places = (home / "set_env.sh", home.parent / "set_env.sh", home / "bin" / "setenv.bash")
    return next((place for place in places if place.is_file()), None)


class VendorTools:
    """What is installed of the vendor's software, found through one environment, asked late."""

    def __init__(self, environ: Mapping[str, str], machine: str | None = None) -> None:
        import platform

        self._environ = environ
        self.machine = machine or platform.machine()
        self._found: dict[VendorName, VendorTool | None] = {}
        self.ais_bench_says = ""

    @classmethod
    def of(cls, settings: Settings) -> VendorTools:
        """The tools of the environment that the program was started in."""
        return cls(settings.environ)

    @cached_property
    def cann(self) -> Cann | None:
        """The installation in use: the one that is sourced, else the first of the usual places."""
        named = (self._environ.get("ASCEND_HOME_PATH"), self._environ.get("ASCEND_TOOLKIT_HOME"))
        home_folder = self._environ.get("HOME", "")
        usual = (root.replace("~", home_folder, 1) for root in _ROOTS)
        for root in (*(name for name in named if name), *usual):
            home = Path(root)
            if home.is_dir():
                return Cann(home, _version_in(home), _set_env_of(home))
        return None

    @property
    def is_sourced(self) -> bool:
        """Whether the program was started after `set_env.sh`."""
        return bool(self._environ.get("ASCEND_HOME_PATH") and self._environ.get("ASCEND_OPP_PATH"))

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """What vendor tools are started with."""
        plain = _without_venv(self._environ)
        if self.is_sourced or self.cann is None or self.cann.set_env is None:
            return plain
        return _sourced(self.cann.set_env, plain)

    @property
    def python(self) -> str | None:
        """The interpreter that the vendor's Python tools run in."""
        named = self._environ.get("ASCEND_CONSOLE_PYTHON")
        return named or shutil.which("python3", path=self.environment.get("PATH", ""))

    def find(self, name: VendorName) -> VendorTool | None:
        """A tool, or None where there is none; each is looked for once."""
        if name not in self._found:
            self._found[name] = self._named(name) or self._installed(name)
        return self._found[name]

    def require(self, name: VendorName) -> VendorTool:
        """A tool; BackendUnavailable says where it was looked for."""
        found = self.find(name)
        if found is None:
            raise BackendUnavailable(
                "vendor.tool_missing",
                "{tool} is not installed here, or not found",
                hint="Install CANN (npu-smi: the driver) and source its set_env.sh, or name the "
                "command in {variable}.",
                tool=name,
                variable=variable_of(name),
            )
        return found

    def facts(self) -> dict[str, str | None]:
        """What a run on an NPU records of its environment: CANN, npu-smi, and the tools found."""
        found: dict[str, str | None] = {"cann": self.cann.version if self.cann else None}
        for name in VENDOR_NAMES:
            tool = self.find(name)
            found[name] = tool.path if tool else None
        npu_smi = self.find("npu-smi")
        if npu_smi is not None:
            probe = process.capture(
                [*npu_smi.argv, "-v"],
                cwd=Path("/"),
                environment=self.environment,
                timeout_s=_VERSION_S,
            )
            found["npu-smi version"] = last_words(probe.stdout) or None
        return found

    def _named(self, name: VendorName) -> VendorTool | None:
        variable = variable_of(name)
        command = self._environ.get(variable)
        if not command:
            return None
        try:
            argv = shlex.split(command)
        except ValueError as error:
            raise UserError(
                "vendor.command",
                "{variable} is no command: {command!r} ({reason})",
                hint='Write it as in a shell, such as "python3 -m ais_bench".',
                variable=variable,
                command=command,
                reason=error,
            ) from error
        return VendorTool(name, tuple(argv), variable)

    def _installed(self, name: VendorName) -> VendorTool | None:
        if name == "ais_bench":
            return self._installed_ais_bench()
        try:
            program = program_name(self.machine) if name == "benchmark" else name
        except UserError:
            return None
        on_path = shutil.which(program, path=self.environment.get("PATH", ""))
        if on_path:
            return VendorTool(name, (on_path,), "PATH")
        folders = [self.cann.home / part for part in _TOOL_FOLDERS] if self.cann else []
        if name == "npu-smi":
            folders += [Path(folder) for folder in _DRIVER_FOLDERS]
        for folder in folders:
            if shutil.which(program, path=str(folder)):
                return VendorTool(name, (str(folder / program),), str(folder))
        return None

    def _installed_ais_bench(self) -> VendorTool | None:
        """The package of the interpreter; the probe tells it from its namesake."""
        if self.python and self.can_import("ais_bench.infer.interface"):
            return VendorTool("ais_bench", (self.python, "-m", "ais_bench"), self.python)
        path = self.environment.get("PATH", "")
        script = shutil.which("ais_infer.py", path=path)
        if script and self.python:
            return VendorTool("ais_bench", (self.python, script), "PATH")
        msit = shutil.which("msit", path=path)
        return VendorTool("ais_bench", (msit, "benchmark"), "PATH") if msit else None

    def can_import(self, module: str) -> bool:
        """Whether the interpreter of the vendor's tools has a module."""
        if self.python is None:
            return False
        try:
            probe = process.capture(
                [self.python, "-c", f"import {module}"],
                cwd=Path("/"),
                environment=self.environment,
                timeout_s=_PROBE_S,
            )
        except ConsoleError:
            return False
        return probe.code == 0

    @cached_property
    def ais_bench_generation(self) -> Generation:
        """Which generation answers; UserError where it is another product of that name."""
        tool = self.require("ais_bench")
        probe = process.capture(
            [*tool.argv, "--help"], cwd=Path("/"), environment=self.environment, timeout_s=_PROBE_S
        )
        said = probe.stdout + probe.stderr
        generation = generation_of_help(said)
        line = _SAYS.search(said)
        self.ais_bench_says = line[1].strip() if line else ""
        found = explain(said, exit_code=probe.code, tool="ais_bench")
        if generation is None and probe.code and found.cause_id:
            # It imports its runtime before anything else: what is missing shows here already.
            raise BackendUnavailable(
                "vendor.ais_bench_broken",
                "{command} does not start: {cause} ({said})",
                hint="{remedies}",
                command=tool.path,
                cause=found.cause(),
                cause_zh=found.cause("zh"),
                said=found.said or last_words(said),
                remedies=" ".join(found.remedies()),
                remedies_zh=" ".join(found.remedies("zh")),
            )
        if generation is None:
            raise UserError(
                "vendor.ais_bench_other",
                "{command} is not the inference tool ais_bench: its help names other options",
                hint="AISBench for language models has the same name. Install the ais_bench of the "
                "Ascend tools, and name it in ASCEND_CONSOLE_AIS_BENCH.",
                command=tool.path,
            )
        return generation


def variable_of(name: VendorName) -> str:
    """The variable that may name the command of a tool."""
    return "ASCEND_CONSOLE_" + name.upper().replace("-", "_")


def _without_venv(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the virtual environment that the console runs in."""
    own = {environ.get("VIRTUAL_ENV"), sys.prefix if sys.prefix != sys.base_prefix else None}
    bins = {str(Path(folder) / "bin") for folder in own if folder}
    kept = {
        key: value for key, value in environ.items() if key not in ("VIRTUAL_ENV", "PYTHONHOME")
    }
    parts = environ.get("PATH", "").split(":")
    kept["PATH"] = ":".join(part for part in parts if part.rstrip("/") not in bins)
    return kept


def _sourced(script: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment after `set_env.sh`, which needs bash and may return an error unharmed."""
    bash = shutil.which("bash", path=environ.get("PATH", ""))
    if bash is None:
        return environ
    # Left of `||` the script's own `set -e` does not end the shell.
    told = 'source "$1" >/dev/null 2>&1 || true; set +e; exec env -0'
    probe = process.capture(
        [bash, "-c", told, "bash", str(script)],
        cwd=script.parent,
        environment=environ,
        timeout_s=_PROBE_S,
    )
    pairs = (entry.partition("=") for entry in probe.stdout.split("\0") if "=" in entry)
    found = {key: value for key, _, value in pairs}
    return found if probe.code == 0 and found else environ
