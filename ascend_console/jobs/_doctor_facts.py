"""What the checks of `doctor` judge: facts of this machine, gathered by `_doctor_gather_*.py`.

Values only, so that a test can describe any machine. Unknown is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ascend_console.ascend.version_info import Package
    from ascend_console.core.devices import Chip, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFact:
    """A vendor's tool: its command and where it was found, or None; `trouble` with its answer."""

    name: str
    command: str | None = None
    origin: str | None = None
    generation: str | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A package of an interpreter: its version, or why it cannot be imported."""

    version: str | None = None
    error: str | None = None
    tells: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """Whether it can be imported."""
        return self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python interpreter and what it can import. `error`: it does not start."""

    command: str
    version: tuple[int, ...] = ()
    machine: str = ""
    modules: Mapping[str, Module] = field(default_factory=dict)
    encoding: str | None = None
    locale_error: str | None = None
    error: str | None = None

    @property
    def version_text(self) -> str:
        """`3.11.7`."""
        return ".".join(map(str, self.version))

    def module(self, name: str) -> Module:
        """A module; one that was not asked for is not there."""
        return self.modules.get(name, Module(error="not looked for"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CannFacts:
    """The installation of CANN. `is_set` tells whether its environment is there for the tools."""

    home: str
    version: str | None = None
    numbers: tuple[int, ...] | None = None
    package: Package | None = None
    set_env: str | None = None
    is_set: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """NPUs: what npu-smi tells or why it does not, device files, and who may use them.

    `nodes` are the files of devices and driver that are there, `refused` those of them that this
    user may not read and write. `mounts` tells for each path that a container needs whether it is
    there. `visible` and `container_visible` are the two variables that choose devices.
    """

    chips: tuple[Chip, ...] = ()
    npu_smi_version: str | None = None
    trouble: Trouble | None = None
    nodes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    pci: int = 0
    soc_version: str | None = None
    mounts: Mapping[str, bool] = field(default_factory=dict)
    visible: str | None = None
    container_visible: str | None = None

    @property
    def is_expected(self) -> bool:
        """Whether the machine has, or should have, an NPU."""
        return bool(self.chips or self.pci or any(map(is_device_node, self.nodes)))


def is_device_node(path: str) -> bool:
    """Whether a file is that of a chip, such as `/dev/davinci0`."""
    return path.startswith("/dev/davinci") and path[12:].isdigit()


@dataclass(frozen=True, slots=True, kw_only=True)
class AscendFacts:
    """Everything of the vendor's. `signs` say what speaks of Ascend here; none: nothing does."""

    machine: str
    signs: tuple[str, ...] = ()
    is_sourced: bool = False
    in_container: bool = False
    user: str = ""
    cann: CannFacts | None = None
    driver: Package | None = None
    firmware: Package | None = None
    tools: tuple[ToolFact, ...] = ()
    python: Interpreter | None = None
    devices: DeviceFacts = field(default_factory=DeviceFacts)

    def tool(self, name: str) -> ToolFact:
        """A tool by its name; one that was not looked for is not there."""
        return next((tool for tool in self.tools if tool.name == name), ToolFact(name=name))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """The machine: memory and disk in bytes.

    `is_writable` is that of the workspace. `kills_at_logout`: the system ends what a user leaves
    running; None where it has no such rule.
    """

    memory_total: int | None = None
    memory_available: int | None = None
    workspace: str = ""
    is_writable: bool = True
    disk_free: int | None = None
    cache_folder: str = ""
    cache_bytes: int = 0
    kills_at_logout: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareFacts:
    """The console's own Python and packages, and GPUs."""

    console: str
    python: Interpreter
    has_nvidia: bool = False
    gpus: tuple[str, ...] = ()
    gpu_extra: bool = False
    gpu_trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalFacts:
    """The terminal: `size` is columns and rows, None where there is none."""

    is_terminal: bool = False
    term: str = ""
    colorterm: str = ""
    no_color: bool = False
    size: tuple[int, int] | None = None
    locale: str = ""
    encoding: str | None = None
    locale_error: str | None = None
    tmux: str | None = None
    in_tmux: bool = False
    over_ssh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The published environment of a model beside what is installed; None is not installed."""

    name: str
    published: Mapping[str, str]
    installed: Mapping[str, str | None]
