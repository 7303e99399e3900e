"""A run folder, a small ONNX file and fake tools, for tests of conversion on `ascend`."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.backends.ascend import AscendBackend
from ascend_console.core.backend import BackendOptions, ConvertSource, VendorOptions
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env
from tests.conftest import FixedClock
from tests.data.fake_tools import Witness
from tests.fakes.cann_root import fake_commands, make_cann_root
from tests.fakes.tiny_om import onnx_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@dataclass
class Conversion:
    """Everything for a conversion; `words` are variables of the fakes, `events` what was told."""

    folder: Path
    cann: str | None = "8.0.RC1"
    words: dict[str, str] = field(default_factory=dict)
    cancel: threading.Event = field(default_factory=threading.Event)
    events: list[Any] = field(default_factory=list)
    workspace: str = "workspace"
    step_s: float = 0.0
    onnx_name: str = "tiny.onnx"

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir()
        commands = fake_commands(self.folder / "bin", self.cann or "8.0.RC1")
        if self.cann:
            make_cann_root(self.home, self.cann)
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), **commands}
        self.onnx = self.folder / self.onnx_name
        self.onnx.write_bytes(onnx_bytes("batch"))
        self.clock = FixedClock(step_s=self.step_s)

    @property
    def env(self) -> Env:
        """The environment of a run; its folder is made."""
        workspace = self.folder / self.workspace
        run = workspace / "runs" / "a-run"
        run.mkdir(parents=True, exist_ok=True)
        settings = Settings(
            workspace=workspace,
            lock_dir=self.folder / "locks",
            environ={**self.environ, **self.words},
        )
        return Env(
            settings=settings, cancel=self.cancel, clock=self.clock, run_id="a-run", run_dir=run
        )

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.env.folder

    @property
    def output(self) -> Path:
        """Where the artefact goes."""
        return self.run / "convert" / "tiny_bs4.om"

    def backend(
        self, precision: str = "fp16", device: str | None = None, **vendor: Any
    ) -> AscendBackend:
        """A fresh backend; what is left over are options of the vendor's tools."""
        return AscendBackend(
            BackendOptions(
                precision=precision, device=device, vendor=VendorOptions(**vendor), env=self.env
            )
        )

    def convert(
        self, *, batch: int = 4, source: ConvertSource | None = None, **options: Any
    ) -> Path:
        """Convert to `output`, keeping the events."""
        source = source or ConvertSource(onnx=self.onnx)
        for event in self.backend(**options).convert(source, self.output, batch_size=batch):
            self.events.append(event)
        return self.output

    def told(self, kind: type) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def side_car(self, name: str = "tiny_bs4.om") -> dict[str, Any]:
        """What stands beside an artefact."""
        path = self.output.with_name(name + ".json")
        document: dict[str, Any] = json.loads(path.read_text())
        return document

    def option(self, name: str, om: str = "tiny_bs4.om") -> str | None:
        """The value of an option in the command that made an artefact."""
        words = self.side_car(om)["command"]
        found = [word.partition("=")[2] for word in words if word.startswith(f"--{name}=")]
        return found[0] if found else None

    def log(self, name: str = "atc_bs4") -> str:
        """What a tool printed."""
        return (self.run / "logs" / f"{name}.log").read_text(errors="replace")

    def leftovers(self) -> list[Path]:
        """What private folders and half-written files left behind."""
        return [*self.folder.rglob("*.tmp*"), *self.run.rglob("work"), *self.run.rglob("*probe")]

    def witness(self) -> Witness:
        """A pipe that proves that the tools are gone; a reader of it must be closed."""
        found = Witness(self.folder / "witness")
        self.words["FAKE_WITNESS"] = str(found.path)
        return found

    def cancel_when_ready(self) -> threading.Thread:
        """A thread that asks the run to stop once a tool says that it waits."""
        ready = self.folder / "ready"
        os.mkfifo(ready)
        self.words["FAKE_READY"] = str(ready)

        def wait() -> None:
            with ready.open() as pipe:
                pipe.readline()
            self.cancel.set()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread


def with_imports(data: bytes, *domains: str) -> bytes:
    """An ONNX file that imports more operator domains."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    for domain in domains:
        model.opset_import.add(domain=domain, version=1)
    return bytes(model.SerializeToString())


def with_opset(data: bytes, opset: int) -> bytes:
    """An ONNX file that says another operator set."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    model.opset_import[0].version = opset
    return bytes(model.SerializeToString())


def files_in(folder: Path) -> Iterator[str]:
    """The names of the files in a folder, sorted."""
    return (path.name for path in sorted(folder.iterdir()))
