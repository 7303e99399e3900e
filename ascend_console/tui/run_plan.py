"""What a run will do, step by step, and how long each step took in earlier runs like it."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MOST_RUNS = 5
_MOST_READ = 200
_ALIKE = ("backend", "provider", "device", "threads", "precision", "soc_version", "sample",
          "checkpoint", "dataset", "limit")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What earlier runs of the same request took: seconds by the name of the step, each a median.

    `steps` are the names of the newest of them, in order; `runs` is how many there were.
    """

    runs: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[str, ...] = ()

    def usual_s(self, name: str) -> float | None:
        """Seconds of a step; of one with an unseen batch size those of its neighbours."""
        if name in self.seconds:
            return self.seconds[name]
        kind = kind_of(name)
        alike = [value for known, value in self.seconds.items() if kind_of(known) == kind]
        return median(alike) if alike and kind != name else None

    def total_s(self, names: Sequence[str]) -> float | None:
        """Seconds of all these steps; None where one of them is unknown."""
        found = [self.usual_s(name) for name in names]
        known = [value for value in found if value is not None]
        return sum(known) if len(known) == len(found) and found else None


def kind_of(name: str) -> str:
    """`infer bs8` -> `infer`."""
    return name.partition(" bs")[0]


def batch_of(name: str) -> str:
    """`infer bs8` -> `8`; empty for a step of all batch sizes."""
    return name.partition(" bs")[2]


def planned_steps(
    job: str, batch_sizes: Sequence[int], *, with_files: bool, earlier: Earlier
) -> tuple[str, ...]:
    """The names of the steps to come; of a job that nobody has seen none are known."""
    if job != "run":
        return earlier.steps
    before = ("weights", "export", "convert", *(("preprocess",) if with_files else ()))
    inferred = tuple(f"infer bs{size}" for size in batch_sizes)
    measured = tuple(f"measure bs{size}" for size in batch_sizes)
    return (*before, *inferred, "reference", *measured, "verdict")


def read_earlier(workspace: Path, job: str, request: Mapping[str, Any]) -> Earlier:
    """What the newest finished runs with the same model, backend, device and data took.

    Reads files: for a thread.
    """
    from ascend_console.core.errors import ConsoleError
    from ascend_console.tools import history, run_folder
    from ascend_console.tools.paths import runs_folder

    models = request.get("model")
    model = models[0] if isinstance(models, list | tuple) and models else models
    if request.get("onnx"):
        model = str(request["onnx"]).rpartition("/")[2].removesuffix(".onnx")
    views = []
    alike = [
        entry
        for entry in history.summaries(workspace)
        if (entry.state, entry.job, entry.model) == ("finished", job, model)
    ]
    for entry in alike[:_MOST_READ]:
        try:
            stored = run_folder.load(runs_folder(workspace) / entry.run_id)
        except (ConsoleError, OSError, ValueError):
            continue
        if is_alike(stored.document.get("request") or {}, request):
            views.append(stored.view)
        if len(views) == _MOST_RUNS:
            break
    durations: dict[str, list[float]] = {}
    for view in views:
        for step in view.steps:
            if step.ended_s is not None:
                durations.setdefault(step.name, []).append(step.ended_s - step.started_s)
    seconds = {name: median(values) for name, values in durations.items()}
    steps = tuple(step.name for step in views[0].steps) if views else ()
    return Earlier(runs=len(views), seconds=seconds, steps=steps)


def is_alike(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether two requests cost the same but for their batch sizes."""
    return all((recorded.get(name) or None) == (wanted.get(name) or None) for name in _ALIKE)
