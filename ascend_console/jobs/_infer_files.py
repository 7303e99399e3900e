"""`infer` on a tool of its own: its results, written again in the layout that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.events import Measured
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ascend_console.core.backend import FileBackend, ToolRun
    from ascend_console.core.events import Event
    from ascend_console.core.specs import Env
    from ascend_console.tools.result_writer import ResultWriter


def run_tool(
    backend: FileBackend,
    artifact: Path,
    inputs: tuple[Path, ...],
    batch_size: int,
    writer: ResultWriter,
    env: Env,
) -> Generator[Event, None, ToolRun]:
    """Run every input; each result goes to `writer` as that of any other runtime does."""
    raw = env.folder / "work" / "results"
    files.remove_folder(raw)
    try:
        ran = yield from backend.run_files(artifact, inputs, raw, batch_size=batch_size)
        for path, found in zip(inputs, ran.outputs, strict=True):
            outputs = [value[None] for value in backend.read_outputs(found)]
            writer.write([str(path)], outputs)
    finally:
        files.remove_folder(raw)
    for entry in ran.findings:
        yield entry.warned()
    for name, value in (("H2D", ran.h2d_ms), ("D2H", ran.d2h_ms)):
        if value is not None:
            yield Measured(name, value, "ms")
    return ran
