"""Checks of the console's own packages, of GPUs, and of what each model was published with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ascend_console.core.doctor import Check
from ascend_console.core.verdict import finding
from ascend_console.jobs._doctor_cann import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.jobs._doctor_facts import ModelFacts, SoftwareFacts

_BASE = {"numpy": "numpy", "PIL": "pillow", "onnx": "onnx"}
_NUMBERS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})*")
_PIN = re.compile(r"\s*(==|>=)?\s*(\S.*?)\s*")


def onnxruntime_works(facts: SoftwareFacts) -> bool:
    """Whether the default backend can be used."""
    return facts.python.error is None and facts.python.module("onnxruntime").is_there


def check_python(facts: SoftwareFacts) -> Check:
    """The console's own interpreter and base packages."""
    python = facts.python
    if python.error is not None:
        return Check("python", "FAIL", finding(
            "doctor.own_broken",
            "the console's Python cannot import its packages: {reason}",
            "Install it again: pip install --force-reinstall ascend-console",
            reason=python.error,
        ))  # fmt: skip
    broken = {label: python.module(name).error
              for name, label in _BASE.items() if not python.module(name).is_there}  # fmt: skip
    if broken:
        return Check("python", "FAIL", finding(
            "doctor.own_packages",
            "packages of the console cannot be imported: {packages}",
            "Type: {python} -m pip install --force-reinstall {names}",
            packages="; ".join(f"{name}: {reason}" for name, reason in broken.items()),
            python=python.command, names=" ".join(broken),
        ))  # fmt: skip
    shown = ", ".join(f"{label} {python.module(name).version or '?'}"
                      for name, label in _BASE.items())  # fmt: skip
    return Check("python", "PASS", finding(
        "doctor.own",
        "ascend-console {console}, Python {version} on {machine}, {packages}",
        console=facts.console, version=python.version_text, machine=python.machine, packages=shown,
    ))  # fmt: skip


def check_onnxruntime(facts: SoftwareFacts) -> Check:
    """The default backend and its providers."""
    found = facts.python.module("onnxruntime")
    if not onnxruntime_works(facts):
        return Check("backend.onnxruntime", "FAIL", finding(
            "doctor.onnxruntime_broken",
            "ONNX Runtime cannot be imported: {reason}",
            "Type: {python} -m pip install --force-reinstall onnxruntime",
            reason=facts.python.error or found.error, python=facts.python.command,
        ))  # fmt: skip
    providers = [str(name).removesuffix("ExecutionProvider").lower()
                 for name in found.tells.get("providers", ())]  # fmt: skip
    return Check("backend.onnxruntime", "PASS", finding(
        "doctor.onnxruntime",
        "ONNX Runtime {version}; providers: {providers}",
        version=found.version or "?", providers=", ".join(providers) or "?",
    ))  # fmt: skip


def check_torch(facts: SoftwareFacts) -> Check:
    """PyTorch: the extra `torch`, for export, sample weights and reference."""
    found = facts.python.module("torch")
    if found.is_there:
        gpus = ", ".join(map(str, found.tells.get("cuda", ())))
        if gpus:
            return Check("backend.torch", "PASS", finding(
                "doctor.torch_cuda", "PyTorch {version}, CUDA on {gpus}",
                version=found.version or "?", gpus=gpus))  # fmt: skip
        return Check("backend.torch", "PASS", finding(
            "doctor.torch",
            "PyTorch {version}, on the CPU",
            version=found.version or "?",
        ))  # fmt: skip
    if _is_absent(found.error, "torch"):
        return Check("backend.torch", "SKIP", finding(
            "doctor.torch_missing",
            "the extra 'torch' is not installed: no export, no sample weights, no reference",
            "Type: pip install 'ascend-console[torch]'",
        ))  # fmt: skip
    return Check("backend.torch", "FAIL", finding(
        "doctor.torch_broken",
        "PyTorch cannot be imported: {reason}",
        "Type: {python} -m pip install --force-reinstall torch",
        reason=found.error, python=facts.python.command,
    ))  # fmt: skip


def _is_absent(error: str | None, name: str) -> bool:
    """Whether a package is not installed, as opposed to installed and broken."""
    return error is None or f"No module named '{name}'" in error or error == "not looked for"


def check_gpu(facts: SoftwareFacts) -> Check | None:
    """NVIDIA GPUs; None where there is no sign of any."""
    if facts.gpu_trouble is not None:
        return Check("gpu", "WARN", told(facts.gpu_trouble))
    if facts.gpus:
        return Check("gpu", "PASS", finding("doctor.gpu", "{gpus}", gpus=", ".join(facts.gpus)))
    if facts.has_nvidia and not facts.gpu_extra:
        return Check("gpu", "SKIP", finding(
            "doctor.gpu_extra",
            "there is an NVIDIA driver; the extra 'gpu', which shows its GPUs, is not installed",
            "Type: pip install 'ascend-console[gpu]'",
        ))  # fmt: skip
    return None


def is_met(pin: str, version: str) -> bool:
    """Whether a version is what was published: `== 1.7.0`, `>= 1.8.0`, or `5.1.RC1` itself.

    What follows a `+`, as in `2.13.0+cpu`, is the build, not the version.
    """
    found = _PIN.fullmatch(pin)
    if found is None:
        return False
    version = version.partition("+")[0]
    if found[1] == ">=":
        low, numbers = _numbers(found[2]), _numbers(version)
        return low is not None and numbers is not None and numbers >= low
    return version.casefold() == found[2].casefold()


def _numbers(text: str) -> tuple[int, ...] | None:
    found = _NUMBERS.match(text)
    return tuple(int(part) for part in found[0].split(".")) if found else None


def check_models(models: tuple[ModelFacts, ...]) -> Iterator[Check]:
    """What each model was published with beside what is here: named, never failed."""
    for model in models:
        differences = [
            f"{package} {pin.removeprefix('== ')} ({model.installed.get(package) or '-'})"
            for package, pin in model.published.items()
            if not is_met(pin, model.installed.get(package) or "")
        ]
        name = f"model.{model.name}"
        if differences:
            yield Check(name, "PASS", finding(
                "doctor.model_differs",
                "published with (here): {differences}",
                differences=", ".join(differences),
            ))  # fmt: skip
        else:
            yield Check(name, "PASS", finding(
                "doctor.model_same", "the published environment"))  # fmt: skip
