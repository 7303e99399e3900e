"""The options of a backend, declared once for every job that opens one."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ascend_console.core.backend import BackendInfo, BackendOptions, VendorOptions
from ascend_console.core.options import option

if TYPE_CHECKING:
    from ascend_console.core.specs import Env


def provider_option() -> Any:
    """`--provider`."""
    return option(
        "Execution provider of ONNX Runtime.", default=None, default_text="CPUExecutionProvider"
    )


def device_option() -> Any:
    """`--device`."""
    return option(
        "Device, such as cpu:0 or cuda:0; with ascend its number, or several: 0,1.",
        default=None,
        default_text="the backend's first",
    )


def threads_option() -> Any:
    """`--threads`."""
    return option(
        "Threads of one inference.",
        default=None,
        default_text="one a core",
        unit="threads",
        minimum=1,
    )


def precision_option() -> Any:
    """`--precision`."""
    return option("Numeric precision.", default=None, default_text="the backend's first")


def soc_version_option() -> Any:
    """`--soc-version`."""
    return option(
        "Target chip of atc, such as Ascend310P3.",
        default=None,
        default_text="the chip of the device",
    )


def infer_tool_option() -> Any:
    """`--infer-tool`."""
    return option(
        "Inference tool of ascend.",
        default=None,
        default_text="the first that is installed, in that order",
        choices=lambda: ("ais_bench", "benchmark", "msame"),
    )


def backend_options(request: Any, info: BackendInfo, env: Env) -> BackendOptions:
    """What a request says of its backend; a field that it lacks keeps its default."""
    vendor = {
        entry.name: getattr(request, entry.name)
        for entry in fields(VendorOptions)
        if getattr(request, entry.name, None) is not None
    }
    return BackendOptions(
        provider=getattr(request, "provider", None),
        device=getattr(request, "device", None),
        threads=getattr(request, "threads", None),
        precision=getattr(request, "precision", None) or info.precisions[0],
        vendor=VendorOptions(**vendor) if info.vendor or vendor else VendorOptions(),
        env=env,
    )
