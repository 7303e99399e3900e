"""The form of a run as a value: a job, what is typed for its options, and what there is to choose.

A few options have a field of their own; all others stand in the page of options.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ascend_console.core.options import Option, options_of
from ascend_console.tui import run_command
from ascend_console.tui.widgets.pick_list import Choice, letters_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.specs import Job
    from ascend_console.tui.run_command import Value
    from ascend_console.tui.texts import Texts

FIELD_OF = {
    "model": "model", "onnx": "model", "batch_size": "batch", "backend": "backend",
    "device": "device", "precision": "precision", "dataset": "data", "sample": "checkpoint",
    "checkpoint": "checkpoint",
}  # fmt: skip
"""Option -> the field that it has; the others are in the page of options."""

_NOT_HERE = {"run": ("resume",), "devices": ("watch", "interval", "count", "serve")}
_SIZES = (1, 4, 8, 16, 32, 64)
FILE = "file"
SAMPLE = "sample"
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFact:
    """A backend as the form offers it; `reason` says why it cannot work here, None where it can.

    `files` tells whether it works on files, which a run then has to write first.
    """

    name: str
    precisions: tuple[str, ...]
    reason: str | None = None
    files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is to choose from: model documents as `models` answers them, backends, devices.

    `sizes` are the batch sizes that each model was last run with, `fetched` the official
    checkpoints that lie in the workspace.
    """

    jobs: tuple[str, ...] = ("run",)
    models: tuple[Mapping[str, Any], ...] = ()
    backends: tuple[BackendFact, ...] = ()
    devices: Mapping[str, Any] | None = None
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    fetched: Mapping[str, Path] = field(default_factory=dict)

    def model(self, name: str) -> Mapping[str, Any]:
        """The document of a model, empty for an unknown one."""
        return next((entry for entry in self.models if entry["name"] == name), {})

    def backend(self, name: str) -> BackendFact | None:
        """A backend by its name."""
        return next((entry for entry in self.backends if entry.name == name), None)

    def is_own(self, model: str) -> bool:
        """Whether a model is the user's, with weights of its own."""
        return bool(self.model(model).get("defined_in"))


@dataclass(frozen=True, slots=True)
class Form:
    """A job and its typed values; every change is another form."""

    job: Job
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Option]:
        """The options of the job by name, but those that make no sense on a screen."""
        hidden = _NOT_HERE.get(self.job.name, ())
        return {
            entry.name: entry for entry in options_of(self.job.request) if entry.name not in hidden
        }

    @property
    def others(self) -> dict[str, Option]:
        """The options without a field."""
        return {name: entry for name, entry in self.options.items() if name not in FIELD_OF}

    def has(self, name: str) -> bool:
        """Whether the job takes an option."""
        return name in self.options

    def text(self, name: str) -> str:
        """What is typed for an option; empty for nothing or a switch."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

    def put(self, **changes: Value) -> Form:
        """Other values; empty ones and False leave."""
        values = {**self.values, **changes}
        return replace(self, values={name: value for name, value in values.items() if value})

    def of_job(self, job: Job) -> Form:
        """Another job, with the values that it takes too."""
        form = Form(job)
        kept = {name: value for name, value in self.values.items() if form.has(name)}
        for name, value in kept.items():
            if name in ("batch_size", "model") and not form.options[name].many:
                kept[name] = str(value).partition(",")[0]
        return Form(job, kept)

    # Model and batch sizes.

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in order."""
        return tuple(filter(None, self.text("model").split(",")))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that are named."""
        return tuple(int(part) for part in self.text("batch_size").split(",") if part.isdigit())

    def with_models(self, names: tuple[str, ...], known: Known) -> Form:
        """Other models, with the batch sizes that they were last run with, else the official."""
        if not self.has("model") or not names:
            return self
        chosen = names if self.options["model"].many else names[:1]
        form = self.put(model=",".join(chosen), onnx="")
        if form.has("batch_size"):
            official = tuple(known.model(chosen[0]).get("official_batch_sizes") or ())
            form = form.with_sizes(known.sizes.get(chosen[0]) or official)
        if any(known.is_own(name) for name in chosen):
            return form.put(sample=False, checkpoint="")
        needs_weights = form.has("sample") and not form.text("checkpoint")
        return form.put(sample=True) if needs_weights else form

    def with_sizes(self, sizes: tuple[int, ...]) -> Form:
        """Other batch sizes; of a job that takes one only the last."""
        many = self.has("batch_size") and self.options["batch_size"].many
        kept = sizes if many else sizes[-1:]
        return self.put(batch_size=",".join(map(str, kept)))

    def offered_sizes(self, known: Known) -> tuple[int, ...]:
        """The batch sizes to offer: the official and tested ones of the model."""
        document = known.model(self.models[0]) if self.models else {}
        named = {*(document.get("official_batch_sizes") or ()),
                 *(document.get("tested_batch_sizes") or ())}  # fmt: skip
        return tuple(sorted(named or _SIZES))

    # Weights and data.

    def with_checkpoint(self, path: str) -> Form:
        """Weights of a file; empty for those that are made here."""
        return self.put(checkpoint=path, sample=not path)

    def with_onnx(self, path: str) -> Form:
        """An ONNX file in place of a model."""
        return self.put(onnx=path, model="", sample=False, checkpoint="")

    # The command.

    @property
    def words(self) -> tuple[str, ...]:
        """What a run is started with."""
        return run_command.words(self.job, self.values)

    @property
    def backend(self) -> str:
        """The backend that is named, else the default one; empty for a job without."""
        if not self.has("backend"):
            return ""
        return self.text("backend") or str(self.options["backend"].default or "")

    def problem(self, known: Known, t: Texts) -> tuple[str, str] | None:
        """The field that has to be changed, and why; None where all is well."""
        wrong = run_command.mistake(self.job, self.values)
        if wrong is not None:
            name, error = wrong
            text = t.message(error.id, error.message, error.values)
            return FIELD_OF.get(name, "options"), text
        backend = known.backend(self.backend)
        if backend is not None and backend.reason:
            return "backend", t("not available: {reason}", reason=backend.reason)
        return self._run_problem(known, t) if self.job.name == "run" else None

    def _run_problem(self, known: Known, t: Texts) -> tuple[str, str] | None:
        """What `run` would refuse, so that it is told before anything is started."""
        if not self.models and not self.text("onnx"):
            return "model", t("choose a model: m")
        own = self.text("onnx") or all(known.is_own(name) for name in self.models)
        has_weights = bool(self.values.get("sample")) or bool(self.text("checkpoint"))
        if not own and not has_weights:
            return "checkpoint", t("choose sample weights or a file")
        if not self.text("dataset") and not self.values.get("sample"):
            return "data", t("name the folder of images: the sample goes with sample weights")
        return None


def first_form(job: Job, known: Known) -> Form:
    """The form of nobody's wishes yet: the first model, on the sample."""
    names = [entry["name"] for entry in known.models]
    preferred = "ghostnet" if "ghostnet" in names else (names[0] if names else "")
    form = Form(job, {"sample": True})
    return form.with_models((preferred,), known) if preferred else form


# What the fields show and offer.


def shown(form: Form, known: Known, t: Texts) -> dict[str, str]:
    """Field -> its text."""
    backend = known.backend(form.backend)
    precision = form.text("precision") or (backend.precisions[0] if backend else "")
    onnx = form.text("onnx")
    return {
        "job": t("whole workflow") if form.job.name == "run" else form.job.name,
        "model": PurePath(onnx).name if onnx else ",".join(form.models) or t("choose"),
        "backend": form.backend,
        "device": form.text("device") or t("automatic"),
        "data": form.text("dataset")
        or (t("sample images") if form.values.get("sample") else t("name a folder")),
        "precision": precision or t("automatic"),
        "checkpoint": form.text("checkpoint")
        or (t("sample weights") if form.values.get("sample") else _weights(form, known, t)),
        "options": _others(form, t),
    }


def _weights(form: Form, known: Known, t: Texts) -> str:
    own = form.text("onnx") or any(known.is_own(name) for name in form.models)
    return t("its own") if own else t("choose")


def _others(form: Form, t: Texts) -> str:
    named = []
    for name in form.others:
        value = form.values.get(name, "")
        if value:
            word = name.replace("_", " ")
            named.append(word if value is True else f"{word} {value}")
    return "  ".join(named) or t("none")


def is_shown(form: Form, field_name: str) -> bool:
    """Whether a field has anything to say for the job."""
    if field_name == "job":
        return True
    if field_name == "options":
        return bool(form.others)
    return any(form.has(name) for name, owner in FIELD_OF.items() if owner == field_name)


def choices_of(field_name: str, form: Form, known: Known, t: Texts) -> list[Choice]:
    """What a field offers."""
    if field_name == "job":
        names = ("run", *(name for name in known.jobs if name != "run"))
        return [Choice(value=name, label=t("whole workflow") if name == "run" else name,
                       note="run" if name == "run" else "") for name in names]  # fmt: skip
    offers = {
        "model": _model_choices, "backend": _backend_choices, "device": _device_choices,
        "data": _data_choices, "precision": _precision_choices, "checkpoint": _weight_choices,
    }  # fmt: skip
    return offers[field_name](form, known, t) if field_name in offers else []


def _model_choices(form: Form, known: Known, t: Texts) -> list[Choice]:
    names = [entry["name"] for entry in known.models]
    letters = letters_for(names)
    found = [Choice(value=name, label=name, letter=letters[name], note=_about(known.model(name), t))
             for name in names]  # fmt: skip
    if form.has("onnx"):
        found.append(Choice(value=FILE, label=t("an ONNX file")))
    return found


def _about(document: Mapping[str, Any], t: Texts) -> str:
    if document.get("defined_in"):
        return t("your own")
    return t("attributes") if document.get("task") == "attributes" else t("classification")


def _backend_choices(form: Form, known: Known, t: Texts) -> list[Choice]:
    del t
    allowed = form.options["backend"].choices
    return [Choice(value=entry.name, label=entry.name, reason=entry.reason or "",
                   note=", ".join(entry.precisions))
            for entry in known.backends if not allowed or entry.name in allowed]  # fmt: skip


def _device_choices(form: Form, known: Known, t: Texts) -> list[Choice]:
    del form
    document = known.devices or {}
    found = [Choice(value="", label=t("automatic"), note=t("the backend's first"))]
    found += [
        Choice(
            value=str(chip["device"]), label=f"npu:{chip['device']}", note=chip.get("name") or ""
        )
        for chip in document.get("chips") or ()
        if chip.get("device") is not None
    ]
    found += [
        Choice(
            value=f"cuda:{gpu['index']}", label=f"cuda:{gpu['index']}", note=gpu.get("name") or ""
        )
        for gpu in document.get("gpus") or ()
    ]
    return [*found, Choice(value="cpu:0", label="cpu:0"), Choice(value=OTHER, label=t("another"))]


def _precision_choices(form: Form, known: Known, t: Texts) -> list[Choice]:
    backend = known.backend(form.backend)
    names = backend.precisions if backend else ("fp32", "fp16")
    notes = (t("default"),)
    return [Choice(value=name, label=name, note=notes[number] if number < 1 else "")
            for number, name in enumerate(names)]  # fmt: skip


def _data_choices(form: Form, known: Known, t: Texts) -> list[Choice]:
    del known
    reason = "" if form.values.get("sample") else t("only with sample weights")
    return [Choice(value=SAMPLE, label=t("sample images"), reason=reason),
            Choice(value=FILE, label=t("a folder"))]  # fmt: skip


def _weight_choices(form: Form, known: Known, t: Texts) -> list[Choice]:
    own = form.text("onnx") or any(known.is_own(name) for name in form.models)
    reason = t("the model brings its own") if own else ""
    found = [Choice(value=SAMPLE, label=t("sample weights"), reason=reason)]
    for name in form.models:
        if name in known.fetched:
            path = str(known.fetched[name])
            found.append(Choice(value=path, label=PurePath(path).name, note=t("official")))
    return [*found, Choice(value=FILE, label=t("a file"), reason=reason)]
