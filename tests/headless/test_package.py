"""The wheel works outside the checkout, with and without its extra."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKED = ("pyproject.toml", "README.md", "LICENSE", "ascend_console", "assets", "sample_data")

pytestmark = [pytest.mark.network, pytest.mark.xdist_group("package")]


def run(*words, cwd, check=True):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        check=check,
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that the checkout stays as it is."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", target, source, cwd=target)
    return next(target.glob("*.whl"))


def test_an_installed_wheel_runs_the_sample_with_the_extra_and_names_it_without(
    wheel, tmp_path
):  # fmt: skip
    """Most users install a wheel, and some without torch."""
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    constraints = ("-c", ROOT / "constraints.txt")
    run(scripts / "python", "-m", "pip", "install", "-q", *constraints, wheel, cwd=tmp_path)
    program = scripts / "ascend-console"
    workspace = ("--workspace", tmp_path / "workspace")
    sample = ("run", "--model", "ghostnet", "--sample", "--limit", "100", "--batch-size", "8")

    without = run(program, *workspace, *sample, cwd=tmp_path, check=False)
    assert without.returncode == 4
    assert "ascend-console[torch]" in without.stderr
    assert "Traceback" not in without.stderr
    shown = run(program, *workspace, "models", "--lang", "zh", cwd=tmp_path)
    assert "ghostnet" in shown.stdout

    extra = f"{wheel}[torch]"
    run(scripts / "python", "-m", "pip", "install", "-q", *constraints, extra, cwd=tmp_path)
    done = run(program, *workspace, *sample, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "PASS" in done.stderr
