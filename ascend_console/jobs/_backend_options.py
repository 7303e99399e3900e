"""The options of a backend, declared once for every job that opens one."""

from __future__ import annotations

from typing import Any

from ascend_console.core.options import option


def provider_option() -> Any:
    """`--provider`."""
    return option(
        "Execution provider of ONNX Runtime.", default=None, default_text="CPUExecutionProvider"
    )


def device_option() -> Any:
    """`--device`."""
    return option(
        "Device, such as cpu:0 or cuda:0.", default=None, default_text="the backend's first"
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
    return option("Numeric precision.", default=None, default_text="the backend's first: fp32")
