"""Launchers of the fake inference tools, and the variables that name them."""

from __future__ import annotations

import platform
import shlex
from typing import TYPE_CHECKING

from tests.fakes.ais_bench_options import at_least
from tests.fakes.cann_root import write_launcher

if TYPE_CHECKING:
    from pathlib import Path


def fake_inference_commands(
    folder: Path, *, ais_bench: str | None = "F", benchmark: bool = True, msame: bool = True
) -> dict[str, str]:
    """Write launchers into a folder; the environment that makes the console use them.

    `ais_bench` is a generation (A to F, or msit), None for none. Commands are quoted for shlex.
    """
    environment = {}
    if ais_bench is not None:
        name = "ais_bench" if at_least(ais_bench, "D") else "ais_infer.py"
        name = "msit" if ais_bench == "msit" else name
        command = [str(write_launcher(folder, name, "fake_ais_bench.py"))]
        command += ["benchmark"] if ais_bench == "msit" else []
        environment["ASCEND_CONSOLE_AIS_BENCH"] = shlex.join(command)
        environment["FAKE_GENERATION"] = ais_bench
    if benchmark:
        name = f"benchmark.{platform.machine()}"
        launcher = write_launcher(folder, name, "fake_benchmark.py")
        environment["ASCEND_CONSOLE_BENCHMARK"] = shlex.join([str(launcher)])
    if msame:
        launcher = write_launcher(folder, "msame", "fake_msame.py")
        environment["ASCEND_CONSOLE_MSAME"] = shlex.join([str(launcher)])
    return environment
