"""What the Run screen has to know of this machine and of earlier runs; gathered in a thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError
from ascend_console.tui import launch, run_command
from ascend_console.tui.run_form import BackendFact, Form, Known, first_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Clock, Job
    from ascend_console.tools.history import RunSummary

_MOST_READ = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is to choose, the runs so far (newest first), and the form of the last request."""

    known: Known = field(default_factory=Known)
    summaries: Sequence[RunSummary] = ()
    form: Form | None = None
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def gather(settings: Settings, clock: Clock) -> Facts:
    """Everything; reads run folders and asks the backends whether they can work here."""
    from ascend_console.tools import history

    models = _models(settings, clock)
    summaries = history.summaries(settings.workspace)
    requests = _requests(settings.workspace, summaries)
    known = Known(
        jobs=discovery.names("jobs"),
        models=models,
        backends=_backends(settings),
        sizes=_sizes(requests, models),
        fetched=_fetched(settings.workspace, models),
    )
    published = {entry["name"]: _gated(entry) for entry in models}
    return Facts(known=known, summaries=summaries, published=published,
                 form=_last_form(requests, known))  # fmt: skip


def _models(settings: Settings, clock: Clock) -> tuple[Mapping[str, Any], ...]:
    request = discovery.load("jobs", "models").request()
    answer = launch.answer_of("models", request, settings, clock)
    return tuple(answer.answered.document["models"]) if answer.answered else ()


def _gated(document: Mapping[str, Any]) -> dict[str, float]:
    """The published figures that decide, the first one of each metric."""
    found: dict[str, float] = {}
    for entry in document.get("accuracy") or ():
        if entry.get("gated"):
            found.setdefault(entry["metric"], entry["value"])
    return found


def _backends(settings: Settings) -> tuple[BackendFact, ...]:
    return tuple(
        BackendFact(
            name=info.name,
            precisions=tuple(info.precisions),
            reason=info.unavailable(settings.environ),
            files=info.vendor,
        )
        for info in discovery.load_all("backends")
    )


def _fetched(workspace: Path, models: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    from ascend_console.tools.paths import checkpoints_folder

    found = {}
    for document in models:
        path = checkpoints_folder(workspace) / str((document.get("checkpoint") or {}).get("file"))
        if path.is_file():
            found[document["name"]] = path
    return found


def _requests(
    workspace: Path, summaries: Sequence[RunSummary]
) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Job, model and request of the newest runs that are readable."""
    from ascend_console.tools import run_folder
    from ascend_console.tools.paths import runs_folder

    found = []
    for entry in summaries[:_MOST_READ]:
        path = runs_folder(workspace) / entry.run_id / "run.json"
        try:
            request = run_folder.read_document(path).get("request")
        except (ConsoleError, OSError, ValueError):
            continue
        if isinstance(request, dict) and entry.job and entry.origin == "local":
            found.append((entry.job, entry.model, request))
    return found


def _sizes(
    requests: Sequence[tuple[str, str | None, dict[str, Any]]],
    models: Sequence[Mapping[str, Any]],
) -> dict[str, tuple[int, ...]]:
    """The batch sizes that each model was last run with."""
    official = {entry["name"]: tuple(entry["official_batch_sizes"]) for entry in models}
    found: dict[str, tuple[int, ...]] = {}
    for job, model, request in requests:
        if job == "run" and model is not None and model not in found:
            named = request.get("batch_size")
            found[model] = tuple(named) if isinstance(named, list) else official.get(model, ())
    return {name: sizes for name, sizes in found.items() if sizes}


def _last_form(
    requests: Sequence[tuple[str, str | None, dict[str, Any]]], known: Known
) -> Form | None:
    for job, _, request in requests:
        try:
            return form_of(discovery.load("jobs", job), request)
        except (ConsoleError, KeyError, TypeError, ValueError):
            continue
    if "run" not in known.jobs:
        return None
    return first_form(discovery.load("jobs", "run"), known)


def form_of(job: Job, request: Mapping[str, Any]) -> Form:
    """The form that a recorded request came from."""
    form = Form(job, run_command.values_of(job, request))
    return form.put(resume="")
