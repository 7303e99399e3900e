"""A run folder, a small om, inputs and fake tools, for tests of inference on `ascend`."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from ascend_console.backends._ascend_infer import run_files, run_random
from ascend_console.backends._ascend_om import OmFacts
from ascend_console.core.backend import BackendOptions, TensorInfo, VendorOptions
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env
from ascend_console.tools.clock import SystemClock
from ascend_console.tools.vendor_tools import VendorTools
from tests.fakes.inference import fake_inference_commands
from tests.fakes.tiny_om import CLASSES, SIDE, onnx_bytes, random_images, write_tiny_om

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.backend import ToolRun

ODD_NAMES = (
    "plain.bin", "a.b.bin", "a.c.bin", "with blank.bin", "图片 10.bin", "comma,here.bin", "x_2.bin",
    "x_10.bin", "-dash.bin", "semi;colon.bin",
)  # fmt: skip


def scores_in_batches(images: Any, batch: int) -> Any:
    """What ONNX Runtime says on one thread, batch by batch, the last one filled up."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = onnx_bytes(batch)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    rows = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        filled = np.concatenate([part, *[part[-1:]] * (batch - len(part))])
        rows.append(session.run(None, {"image": filled})[0][: len(part)])
    return np.concatenate(rows)


@dataclass
class Pass:
    """Everything for one pass; `words` are variables of the fakes, `events` what was told."""

    folder: Path
    tool: str = "ais_bench"
    generation: str = "F"
    words: dict[str, str] = field(default_factory=dict)
    device: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)
    events: list[Any] = field(default_factory=list)
    workspace: str = "workspace"

    @property
    def env(self) -> Env:
        """The environment of a run; its folder is made."""
        base = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        commands = fake_inference_commands(
            self.folder / "bin",
            ais_bench=self.generation if self.tool == "ais_bench" else None,
            benchmark=self.tool == "benchmark",
            msame=self.tool == "msame",
        )
        run = self.folder / self.workspace / "runs" / "a-run"
        run.mkdir(parents=True, exist_ok=True)
        environ = {**base, "TMPDIR": str(self.folder), **commands, **self.words}
        settings = Settings(workspace=self.folder / self.workspace, environ=environ)
        clock = SystemClock()
        return Env(settings=settings, cancel=self.cancel, clock=clock, run_id="a", run_dir=run)

    def options(self, env: Env) -> BackendOptions:
        """What the backend would be opened with."""
        vendor = VendorOptions(infer_tool=self.tool)
        return BackendOptions(precision="fp16", device=self.device, vendor=vendor, env=env)

    def om(self, batch: int, **changes: Any) -> OmFacts:
        """The small network for a batch size, and what its side-car would say."""
        path = write_tiny_om(self.folder / f"tiny_bs{batch}.om", batch)
        facts: dict[str, Any] = {
            "path": path,
            "batch_size": batch,
            "shape_kind": "static",
            "soc_version": "Ascend310P3",
            "inputs": (TensorInfo("image", (batch, 3, SIDE, SIDE), "float32"),),
            "outputs": (TensorInfo("class", (batch, CLASSES), "float32"),),
            "precision": "fp16",
        }
        return OmFacts(**{**facts, **changes})

    def inputs(self, names: Any = ODD_NAMES) -> list[Path]:
        """An input under each name."""
        prepared = self.folder / "inputs 输入"
        prepared.mkdir(exist_ok=True)
        paths = [prepared / name for name in names]
        for path, image in zip(paths, random_images(len(paths)), strict=True):
            path.write_bytes(image.tobytes())
        return paths

    def files(
        self, inputs: list[Path], batch: int, om: OmFacts | None = None, loop: int = 1
    ) -> ToolRun:
        """Run over files into `results`, keeping the events."""
        env = self.env
        tools = VendorTools.of(env.settings)
        output = self.folder / "results"
        facts = om or self.om(batch)
        return self._kept(
            run_files(tools, self.options(env), facts, inputs, output, batch_size=batch, loop=loop)
        )

    def random(self, batch: int, duration_s: float = 0.01) -> ToolRun:
        """Run random input, keeping the events."""
        env = self.env
        tools = VendorTools.of(env.settings)
        events = run_random(
            tools, self.options(env), self.om(batch), batch_size=batch, duration_s=duration_s
        )
        return self._kept(events)

    def _kept(self, events: Any) -> Any:
        while True:
            try:
                self.events.append(next(events))
            except StopIteration as end:
                return end.value

    def told(self, kind: type) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def leftovers(self) -> list[Path]:
        """What private folders left behind."""
        return list(self.folder.rglob("*.tmp*")) + list(self.folder.rglob("work"))
