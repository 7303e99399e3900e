"""Probes of the tests: settings in which a fake npu-smi plays, and samplers that tell of looks."""

from __future__ import annotations

import os
import threading
from dataclasses import fields
from typing import TYPE_CHECKING

from ascend_console.ascend.npu_smi import NpuChip
from ascend_console.core import devices as core
from ascend_console.core.settings import Settings
from tests.fakes.cann_root import fake_commands
from tests.fakes.npu_servers import server_named

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 120.0
NEVER = threading.Event()


def settings_told(folder: Path, words: str = "", **environ: str) -> Settings:
    """Settings in which the fake npu-smi plays the words that it is told."""
    return Settings(
        workspace=folder,
        environ={
            "PATH": os.environ["PATH"],
            **fake_commands(folder / "bin"),
            "FAKE_NPU_SMI": words,
            "FAKE_POLLS": str(folder / "polls"),
            **environ,
        },
    )


class Announced:
    """A sampler that tells when each look begins: by then the look before it is kept."""

    def __init__(self, sampler) -> None:
        self.sampler = sampler
        self.begun = threading.Semaphore(0)
        self.closed = False

    def __call__(self, cancel):
        self.begun.release()
        return self.sampler(cancel)

    def close(self) -> None:
        self.closed = True

    def wait(self, looks: int) -> None:
        for _ in range(looks):
            assert self.begun.acquire(timeout=PATIENCE_S)


def probe_of(sampler, source="npu-smi", interval_s=0.01) -> core.Probe:
    return core.Probe(
        name="probe",
        summary="A probe of a test.",
        source=source,
        interval_s=interval_s,
        open=lambda settings: sampler,
    )


def host_reading(share=12.5) -> core.ProbeReading:
    seen = core.Host(
        cpu_pct=share, memory_used_mb=5204, memory_total_mb=24050, load_1m=0.5, cores=2,
        machine="x86_64",
    )  # fmt: skip
    return core.ProbeReading(version="7.2", host=seen)


def chip_of(**given) -> core.Chip:
    found = server_named("T2").chips[0]
    values = {entry.name: getattr(found, entry.name) for entry in fields(NpuChip)}
    return core.Chip(**{**values, **given})
