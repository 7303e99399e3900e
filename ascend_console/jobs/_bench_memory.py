"""How much memory an artefact takes: the peak of a process of its own, over what it had before.

In this process the figure would depend on what earlier artefacts left behind. Linux tells the peak
of a process; elsewhere it is unknown.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ascend_console
from ascend_console.core import discovery
from ascend_console.core.backend import BackendOptions
from ascend_console.tools import files, process
from ascend_console.tools.random_input import random_batch

if TYPE_CHECKING:
    from ascend_console.core.backend import Backend
    from ascend_console.core.specs import Env

_STATUS = Path("/proc/self/status")
_LIMIT_S = 300.0
_EXECUTIONS = 3


def peak_bytes(name: str, backend: Backend, artifact: Path, size: int, env: Env) -> int | None:
    """Bytes that opening an artefact and running it three times took; None where it is unknown."""
    if not _STATUS.is_file():
        return None
    answer = env.folder / "work" / "memory.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.unlink(missing_ok=True)
    options = backend.options
    asked = {
        "backend": name,
        "provider": options.provider,
        "device": options.device,
        "threads": options.threads,
        "artifact": str(artifact.absolute()),
        "batch_size": size,
        "answer": str(answer.absolute()),
    }
    package = str(Path(ascend_console.__file__).absolute().parents[1])
    ended = process.capture(
        [sys.executable, "-m", __name__, json.dumps(asked)],
        cwd=answer.parent,
        environment={**env.settings.environ, "PYTHONPATH": package},
        timeout_s=_LIMIT_S,
        cancel=env.cancel,
    )
    if ended.code != 0 or not answer.is_file():
        return None
    found = files.read_json(answer)
    files.remove_folder(answer.parent)
    return int(found) if isinstance(found, int) else None


def _status_bytes(key: str) -> int:
    """A line of /proc/self/status, which is in kB."""
    lines = _STATUS.read_text("utf-8", "replace").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def main(text: str) -> None:
    """What the process of its own does: measure, and leave the figure in a file."""
    from ascend_console.jobs._convert import builder

    asked = json.loads(text)
    options = BackendOptions(
        provider=asked["provider"], device=asked["device"], threads=asked["threads"]
    )
    made: Backend = discovery.load("backends", asked["backend"]).backend(options)
    before = _status_bytes("VmRSS")
    made.open(Path(asked["artifact"]), builder)
    tensor = made.inputs[0]
    batch = random_batch(
        (asked["batch_size"], *(size or 1 for size in tensor.shape[1:])), tensor.dtype
    )
    for _ in range(_EXECUTIONS):
        made.infer(batch)
    files.write_json(Path(asked["answer"]), max(0, _status_bytes("VmHWM") - before))
    # Some runtimes take long to clean up, and the figure is written.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
