"""Loading and saving of weights: pickled code never runs, keys and shapes are compared strictly.

The accepted layouts: a bare state_dict, a dict with `state_dict`, a dict with a list
`state_dicts` (the model first); each with or without the prefix `module.` and with or without
BatchNorm's counters, saved on any device, in both of torch's formats.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import BackendUnavailable, UserError
from ascend_console.tools import checkpoint_file
from ascend_console.tools.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from ascend_console.core.specs import ModelSpec

    StateDict = Mapping[str, torch.Tensor]

_PREFIX = "module."
_COUNTER = "num_batches_tracked"
_LAYOUTS = (
    "Save the model's state_dict: torch.save(model.state_dict(), 'weights.pth'). A dict with it "
    "under 'state_dict', or first in the list 'state_dicts', is read too."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedCheckpoint:
    """Weights of a known model: float32 on the CPU, in the model's own key order.

    `keys` counts what the file had, `counters` tells whether BatchNorm's were among them, `notes`
    says in words what was changed on the way, `source_note` what `save_checkpoint` left.
    """

    model: str
    container: str
    prefix: str
    state_dict: Mapping[str, torch.Tensor]
    counters: bool
    keys: int
    notes: tuple[str, ...] = ()
    source_note: str = ""


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """The weights as the file has them, with the prefix taken off."""

    container: str
    prefix: str
    weights: dict[str, Any]


def require_torch() -> None:
    """BackendUnavailable with the line to type where torch is not installed."""
    try:
        import torch  # noqa: F401 - asked for its presence alone
    except ImportError as error:
        raise BackendUnavailable(
            "extra.torch",
            "torch is not installed",
            hint="Type: pip install 'ascend-console[torch]'.",
        ) from error


def load_state_dict(path: Path, specs: Sequence[ModelSpec]) -> LoadedCheckpoint:
    """The weights of a file, once its model is known from its keys.

    Raises UserError that says what the file is instead.
    """
    unpacked = _unpack(path, _read(path))
    spec = _identify(unpacked.weights, specs)
    if spec is None:
        raise _unknown(path, unpacked.weights, specs)
    return _strict(path, unpacked, spec)


def load_checkpoint_for(
    path: Path, spec: ModelSpec, specs: Sequence[ModelSpec]
) -> LoadedCheckpoint:
    """The weights of a file that must be those of `spec`; UserError names the model it is of."""
    unpacked = _unpack(path, _read(path))
    if not _has(unpacked.weights, spec):
        other = _identify(unpacked.weights, specs)
        if other is not None:
            raise UserError(
                "checkpoint.other_model",
                "{path} is a checkpoint of {other}, not of {title}",
                hint="Use --model {name}, or name a checkpoint of {title}.",
                path=path,
                other=other.title,
                name=other.name,
                title=spec.title,
            )
        raise _unknown(path, unpacked.weights, [spec])
    return _strict(path, unpacked, spec)


def load_for(path: Path, spec: ModelSpec, specs: Sequence[ModelSpec]) -> StateDict:
    """`load_checkpoint_for`, the weights alone."""
    return load_checkpoint_for(path, spec, specs).state_dict


def _read(path: Path) -> Any:
    """The object in a file, by torch's reader that builds nothing but weights."""
    kind = checkpoint_file.checkpoint_format(path)
    require_torch()
    import torch

    try:
        with warnings.catch_warnings():
            # Old files make torch speak of storages; nothing there is for the user.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise checkpoint_file.refusal(path, kind, error) from error


def _content(path: Path, found: str) -> UserError:
    return UserError("checkpoint.content", "{path} {found}", hint=_LAYOUTS, path=path, found=found)


def _unpack(path: Path, document: Any) -> _Unpacked:
    if not isinstance(document, Mapping):
        raise _content(path, f"holds one {type(document).__name__}, not a model's weights")
    container, weights = "bare", document
    if "state_dict" in document:
        container, weights = "state_dict", document["state_dict"]
    elif "state_dicts" in document:
        listed = document["state_dicts"]
        container, weights = "state_dicts", listed[0] if isinstance(listed, list) and listed else {}
    if not isinstance(weights, Mapping) or not weights:
        raise _content(path, "holds no weights")
    _check_tensors(path, weights)
    prefix = _PREFIX if any(key.startswith(_PREFIX) for key in weights) else ""
    stripped = {key.removeprefix(_PREFIX): tensor for key, tensor in weights.items()}
    if len(stripped) < len(weights):
        raise _content(path, f"has keys twice, with and without {_PREFIX!r}")
    return _Unpacked(container, prefix, stripped)


def _check_tensors(path: Path, weights: Mapping[Any, Any]) -> None:
    import torch

    for key, value in weights.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            kind = type(value).__name__
            raise _content(path, f"has a {kind} under {str(key)[:80]!r}, where a tensor belongs")


def _has(weights: Mapping[str, Any], spec: ModelSpec) -> bool:
    return all(key in weights for key in spec.signature)


def _identify(weights: Mapping[str, Any], specs: Sequence[ModelSpec]) -> ModelSpec | None:
    """The model with these keys; among several the one whose shapes fit as well."""
    named = [spec for spec in specs if _has(weights, spec)]
    for spec in named:
        if all(tuple(weights[key].shape) == shape for key, shape in spec.signature.items()):
            return spec
    return named[0] if named else None


def _unknown(path: Path, weights: Mapping[str, Any], specs: Sequence[ModelSpec]) -> UserError:
    if any(key.startswith(("encoder_q.", "encoder_k.")) for key in weights):
        return UserError(
            "checkpoint.pretraining",
            "{path} is a MoCo pre-training file: it has the encoders and the queue, but no "
            "classifier",
            hint="Use the linear classifier's file, model_lincls_best.pth.tar.",
            path=path,
        )
    for spec in specs:
        missing = [key for key in spec.signature if key not in weights]
        if len(missing) < len(spec.signature):
            return _missing(path, spec, missing)
    return UserError(
        "checkpoint.unknown",
        "{path} is a checkpoint of none of {models}: its first key is {key!r}",
        hint="Name a checkpoint of one of these models.",
        path=path,
        models=", ".join(spec.title for spec in specs),
        key=next(iter(weights))[:120],
    )


def _missing(path: Path, spec: ModelSpec, missing: Sequence[str]) -> UserError:
    return UserError(
        "checkpoint.missing_keys",
        "{path} is no whole checkpoint of {title}: {count} of its tensors are missing, first "
        "{key!r}",
        hint="Use the published file, {file}.",
        path=path,
        title=spec.title,
        count=len(missing),
        key=missing[0],
        file=spec.checkpoint.file,
    )


def _expected(spec: ModelSpec) -> dict[str, torch.Tensor]:
    """The model's own state_dict, shapes without data."""
    import torch

    with torch.device("meta"):
        expected: dict[str, torch.Tensor] = spec.build().state_dict()
    return expected


def _is_counter(key: str) -> bool:
    return key.rsplit(".", 1)[-1] == _COUNTER


def _strict(path: Path, unpacked: _Unpacked, spec: ModelSpec) -> LoadedCheckpoint:
    import torch

    weights = unpacked.weights
    expected = _expected(spec)
    _check_keys(path, weights, expected, spec)
    state: OrderedDict[str, torch.Tensor] = OrderedDict()
    changed: dict[str, int] = {}
    for key, wanted in expected.items():
        if key not in weights:
            state[key] = torch.zeros(wanted.shape, dtype=wanted.dtype)
            continue
        tensor = _checked(path, key, weights[key], wanted)
        if tensor.is_floating_point() and tensor.dtype != wanted.dtype:
            name = str(tensor.dtype).removeprefix("torch.")
            changed[name] = changed.get(name, 0) + 1
        state[key] = _finite(path, key, tensor.to(wanted.dtype).contiguous())
    counters = any(map(_is_counter, weights))
    notes = [f"{count} tensors were {name} and are float32 now" for name, count in changed.items()]
    if not counters:
        notes.append("the file has no BatchNorm counters; they are 0")
    return LoadedCheckpoint(
        model=spec.name,
        container=unpacked.container,
        prefix=unpacked.prefix,
        state_dict=state,
        counters=counters,
        keys=len(weights),
        notes=tuple(notes),
        source_note=checkpoint_file.read_note(path),
    )


def _check_keys(
    path: Path, weights: Mapping[str, Any], expected: Mapping[str, Any], spec: ModelSpec
) -> None:
    missing = [key for key in expected if key not in weights and not _is_counter(key)]
    if missing:
        raise _missing(path, spec, missing)
    extra = [key for key in weights if key not in expected and not _is_counter(key)]
    if extra:
        raise UserError(
            "checkpoint.unexpected_keys",
            "{path} is no checkpoint of {title}: {count} of its tensors do not belong there, "
            "first {key!r}",
            hint="Use the published file, {file}.",
            path=path,
            title=spec.title,
            count=len(extra),
            key=extra[0][:120],
            file=spec.checkpoint.file,
        )


def _checked(path: Path, key: str, tensor: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """`tensor`, once its shape, storage and kind of number are those of the model."""
    import torch

    if tensor.shape != wanted.shape:
        raise UserError(
            "checkpoint.shape",
            "{path}: {key} is {found}, the model wants {wanted}",
            hint="The file is of another variant of the model (other classes or width); use the "
            "published one.",
            path=path,
            key=key,
            found=_shape(tensor),
            wanted=_shape(wanted),
        )
    dense = tensor.layout == torch.strided and tensor.device.type == "cpu"
    numbers = dense and not tensor.is_quantized and not tensor.is_complex()
    if not numbers or tensor.is_floating_point() != wanted.is_floating_point():
        raise UserError(
            "checkpoint.dtype",
            "{path}: {key} is {found}, the model wants {wanted}",
            hint="Save plain float32 weights: torch.save(model.float().state_dict(), "
            "'weights.pth').",
            path=path,
            key=key,
            found=_kind(tensor, dense),
            wanted=str(wanted.dtype).removeprefix("torch."),
        )
    return tensor.detach()


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _kind(tensor: torch.Tensor, dense: bool) -> str:
    kind = str(tensor.dtype).removeprefix("torch.")
    return kind if dense else f"{kind} without plain data ({tensor.layout}, {tensor.device.type})"


def _finite(path: Path, key: str, tensor: torch.Tensor) -> torch.Tensor:
    """`tensor`, once no value in it would spoil every result."""
    import torch

    good = torch.isfinite(tensor)
    what = "NaN or infinite"
    if key.endswith("running_var"):
        good &= tensor >= 0
        what += " or negative"
    bad = int((~good).sum())
    if bad:
        raise UserError(
            "checkpoint.not_finite",
            "{path}: {count} of {total} values of {key} are {what}",
            hint="The training diverged or the file is damaged: use an earlier or the published "
            "checkpoint.",
            path=path,
            key=key,
            count=bad,
            total=tensor.numel(),
            what=what,
        )
    return tensor


def save_checkpoint(path: Path, state_dict: StateDict, spec: ModelSpec, source_note: str) -> None:
    """Write weights as the published file of `spec` has them: container, prefix, counters.

    The same weights give the same bytes. `source_note` stands beside the weights and comes back
    in `LoadedCheckpoint.source_note`. Raises ToolFailed where the system cannot write.
    """
    import io

    import torch

    layout = spec.checkpoint
    weights = OrderedDict(
        (layout.prefix + key, tensor.detach().cpu().clone())
        for key, tensor in state_dict.items()
        if layout.counters or not _is_counter(key)
    )
    document: Any = weights
    if layout.container != "bare":
        document = {
            key: torch.tensor(value) if isinstance(value, float) else value
            for key, value in layout.extra.items()
        }
        whole = layout.container == "state_dict"
        document[layout.container] = weights if whole else [weights, {}]
    stream = io.BytesIO()
    torch.save(document, stream)
    with atomic_path(path) as temporary:
        temporary.write_bytes(checkpoint_file.add_note(stream.getvalue(), source_note))


def save_bare(path: Path, state_dict: StateDict) -> None:
    """Write nothing but the weights, every key as the network has it: what backends take."""
    import io

    import torch

    stream = io.BytesIO()
    torch.save(OrderedDict((key, tensor.clone()) for key, tensor in state_dict.items()), stream)
    with atomic_path(path) as temporary:
        temporary.write_bytes(stream.getvalue())
