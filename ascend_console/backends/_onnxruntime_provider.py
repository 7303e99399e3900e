"""Execution providers of ONNX Runtime: which are here, and which device each runs on."""

from __future__ import annotations

import re
from typing import Any

from ascend_console.core.errors import BackendUnavailable, UserError

CPU = "CPUExecutionProvider"
QUIET = 4

# It sends tensors to a service on the network, and is no device of this machine.
_REMOTE = "AzureExecutionProvider"

# Providers on a device of their own, and that device's name; all others run on the CPU.
DEVICES = {
    "CUDAExecutionProvider": "cuda",
    "TensorrtExecutionProvider": "cuda",
    "MIGraphXExecutionProvider": "rocm",
    "CANNExecutionProvider": "npu",
}


def runtime() -> Any:
    """The library, silenced: whatever it has to say becomes an error of ours."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(QUIET)
    return onnxruntime


def chosen_provider(wanted: str | None) -> str:
    """The provider's full name; `cuda` stands for CUDAExecutionProvider."""
    installed = [name for name in runtime().get_available_providers() if name != _REMOTE]
    names = {name.removesuffix("ExecutionProvider").lower(): name for name in installed}
    provider: str | None = names.get((wanted or CPU).removesuffix("ExecutionProvider").lower())
    if provider is None:
        raise BackendUnavailable(
            "onnxruntime.provider",
            "ONNX Runtime has no provider {provider!r} here",
            hint="Installed: {installed}. Others come with other builds of ONNX Runtime.",
            provider=wanted,
            installed=", ".join(installed),
        )
    return provider


def device_index(provider: str, wanted: str | None) -> int:
    """The index in `1`, `cuda` or `cuda:1`; UserError for a device that the provider lacks."""
    kind = DEVICES.get(provider, "cpu")
    found = re.fullmatch(rf"(?:{kind})?:?([0-9]*)", wanted or "")
    index = int(found[1] or 0) if found else None
    if index is None or (kind == "cpu" and index > 0):
        raise UserError(
            "onnxruntime.device",
            "{provider} has no device {device!r}",
            hint="Give --device {kind}:0, or choose another --provider.",
            provider=provider,
            device=wanted,
            kind=kind,
        )
    return index
