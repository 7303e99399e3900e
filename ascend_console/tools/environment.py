"""What a figure was made with: versions, processor, cores. Reads files and metadata only."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import ascend_console

_CPUINFO = Path("/proc/cpuinfo")

# x86 names first, then those of Arm; the ones that choose the kernels of a runtime.
_VECTOR_FLAGS = ("sse4_2", "avx", "avx2", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve")

# Distributions that give the same module; the first one installed is the one in use.
_DISTRIBUTIONS = {
    "numpy": ("numpy",),
    "pillow": ("pillow",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "torch": ("torch",),
    "opencv": ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
}


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, None where it is absent."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """Cores that this process may use: its affinity where the system has one."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def cpu_fields(text: str) -> dict[str, str]:
    """Keys and values of the first processor in the text of /proc/cpuinfo."""
    block = text.split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def processor_in(text: str) -> str:
    """The processor model in the text of /proc/cpuinfo, "" where it names none.

    Arm kernels print numbers instead of a name: implementer and part together are the model.
    """
    found = cpu_fields(text)
    name = found.get("model name") or found.get("cpu model") or found.get("Hardware")
    if name:
        return " ".join(name.split())
    if "CPU part" in found:
        return f"implementer {found.get('CPU implementer', '?')} part {found['CPU part']}"
    return ""


def vector_extensions_in(text: str) -> str:
    """Vector extensions in the text of /proc/cpuinfo, such as `avx avx2`; "" where unknown."""
    found = cpu_fields(text)
    flags = set((found.get("flags") or found.get("Features") or "").split())
    return " ".join(flag for flag in _VECTOR_FLAGS if flag in flags)


def _cpuinfo() -> str:
    try:
        return _CPUINFO.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def processor_model() -> str:
    """The processor as the system names it; the architecture where it names none."""
    return processor_in(_cpuinfo()) or platform.processor() or platform.machine()


def vector_extensions() -> str:
    """Vector extensions of the processor; a virtual one may lack what its model has."""
    return vector_extensions_in(_cpuinfo())


def _libjpeg_turbo() -> str | None:
    """The JPEG decoder inside Pillow: pixels depend on it, and its version is its own."""
    if version_of("pillow") is None:
        return None
    from PIL import features

    version = features.version_feature("libjpeg_turbo")
    return str(version) if version else None


def environment(**extra: str | int | None) -> dict[str, str | int | None]:
    """Everything that a figure depends on here, and `extra`; None is an absent package."""
    versions = {
        name: next(filter(None, map(version_of, choices)), None)
        for name, choices in _DISTRIBUTIONS.items()
    }
    return {
        "console": ascend_console.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": processor_model(),
        "vector_extensions": vector_extensions(),
        "cores": cores(),
        **versions,
        "libjpeg_turbo": _libjpeg_turbo(),
        **extra,
    }
