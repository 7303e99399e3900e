"""NVIDIA GPUs, as their driver's library NVML tells of them (extra `gpu`, nvidia-ml-py).

Without the extra, or without any sign of an NVIDIA driver, there is nothing to tell.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.devices import Gpu, Probe, ProbeReading
from ascend_console.core.errors import BackendUnavailable, ToolFailed
from ascend_console.tools.environment import version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Cancel

_MB = 1 << 20
_DRIVER_SIGNS = ("/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia/version", "/dev/dxg")


def has_nvidia_driver(root: Path = Path("/")) -> bool:
    """Whether the system shows an NVIDIA driver, be its library installed or not."""
    return any((root / sign.lstrip("/")).exists() for sign in _DRIVER_SIGNS)


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class GpuSampler:
    """Looks at every GPU. ToolFailed where the driver does not answer."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._version = version_of("nvidia-ml-py")

    def __call__(self, cancel: Cancel) -> ProbeReading:
        """One look; what a GPU does not tell is None."""
        nvml = self._nvml
        try:
            driver = _text(nvml.nvmlSystemGetDriverVersion())
            gpus = tuple(self._gpu(index) for index in range(nvml.nvmlDeviceGetCount()))
        except nvml.NVMLError as error:
            raise ToolFailed(
                "devices.gpu",
                "the NVIDIA driver does not answer: {reason}",
                hint="Look at `nvidia-smi`; after a driver update, reboot the host.",
                reason=error,
            ) from error
        return ProbeReading(version=self._version, driver_version=driver, gpus=gpus)

    def _gpu(self, index: int) -> Gpu:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        name = self._told(nvml.nvmlDeviceGetName, handle)
        memory = self._told(nvml.nvmlDeviceGetMemoryInfo, handle)
        rates = self._told(nvml.nvmlDeviceGetUtilizationRates, handle)
        power_mw = self._told(nvml.nvmlDeviceGetPowerUsage, handle)
        return Gpu(
            index=index,
            name=None if name is None else _text(name),
            util_pct=None if rates is None else int(rates.gpu),
            memory_used_mb=None if memory is None else memory.used // _MB,
            memory_total_mb=None if memory is None else memory.total // _MB,
            power_w=None if power_mw is None else round(power_mw / 1000, 1),
            temp_c=self._told(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        )

    def _told(self, question: Callable[..., Any], *args: Any) -> Any:
        """The answer; None to what this GPU does not support."""
        try:
            return question(*args)
        except self._nvml.NVMLError:
            return None

    def close(self) -> None:
        """Let go of the driver."""
        try:
            self._nvml.nvmlShutdown()
        except self._nvml.NVMLError:
            return


def _open(settings: Settings) -> GpuSampler | None:
    if find_spec("pynvml") is None:
        return None
    # It has no types; as a plain value it needs none.
    nvml: Any = import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        if not has_nvidia_driver():
            return None
        raise BackendUnavailable(
            "devices.gpu_library",
            "there is an NVIDIA driver, but its library cannot be used: {reason}",
            hint="In a container, ask for the driver's utilities: "
            "--gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility.",
            reason=error,
        ) from error
    return GpuSampler(nvml)


ENTRY = Probe(
    name="gpu",
    summary="NVIDIA GPUs, as the library of their driver tells of them.",
    source="nvml",
    interval_s=1.0,
    open=_open,
    order=20,
)
