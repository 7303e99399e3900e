"""Adding a thing is adding a file: what such a file must keep to, whoever adds it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ascend_console.core import discovery

PACKAGES = ("zoo", "backends", "devices", "jobs")
ENTRIES = [(package, name) for package in PACKAGES for name in discovery.names(package)]

HEAVY = (
    "PIL",
    "jinja2",
    "numpy",
    "onnx",
    "onnxruntime",
    "psutil",
    "rich",
    "textual",
    "torch",
)

# Imports each module alone, and tells for each which heavy ones came with it.
PROBE = """
import importlib, json, sys
heavy, modules = json.loads(sys.argv[1])
found = {}
for module in modules:
    importlib.import_module(module)
    loaded = [name for name in heavy if name in sys.modules]
    if loaded:
        found[module] = loaded
        for name in list(sys.modules):
            if name.partition(".")[0] in loaded:
                del sys.modules[name]
print(json.dumps(found))
"""


@pytest.mark.parametrize(("package", "name"), ENTRIES, ids=".".join)
def test_the_file_is_named_as_its_entry(package: str, name: str) -> None:
    """Names come from the folder without an import, so that both must be one."""
    assert discovery.load(package, name).name == name


@pytest.mark.parametrize(("package", "name"), ENTRIES, ids=".".join)
def test_an_entry_is_summed_up_in_one_line(package: str, name: str) -> None:
    """Help, pickers and the README print it as it is."""
    summary = discovery.load(package, name).summary
    assert 10 <= len(summary) <= 100
    assert "\n" not in summary
    assert summary == summary.strip()
    assert summary.endswith(".")


@pytest.mark.parametrize(("package", "name"), ENTRIES, ids=".".join)
def test_an_entry_is_documented(package: str, name: str) -> None:
    """A reader who finds the file learns what it is in one sentence."""
    module = importlib.import_module(f"ascend_console.{package}.{name}")
    assert module.__doc__
    assert module.__doc__.strip()


def test_importing_every_entry_loads_nothing_heavy() -> None:
    """`--help` of everything imports everything: a slow start is felt at every command."""
    modules = [f"ascend_console.{package}.{name}" for package, name in ENTRIES]
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps([HEAVY, modules])],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert json.loads(answer.stdout) == {}
