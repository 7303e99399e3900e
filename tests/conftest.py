"""Every test starts from the same empty home, workspace, language and terminal."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env

SHARED = Path(__file__).parents[1].parent / "shared"


@dataclass
class FixedClock:
    """A clock that a test moves by hand."""

    now_s: float = 0.0
    step_s: float = 0.0

    def utc(self) -> str:
        return "2026-11-20T10:15:00.000Z"

    def monotonic_s(self) -> float:
        self.now_s += self.step_s
        return self.now_s


@dataclass
class Sunk:
    """A sink that keeps every record."""

    records: list = field(default_factory=list)

    def __call__(self, record) -> None:
        self.records.append(record)

    @property
    def events(self) -> list:
        return [record.event for record in self.records]


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory, monkeypatch):
    """No test sees this machine's home, settings, locale or colours."""
    home = tmp_path_factory.mktemp("home")
    for name in list(__import__("os").environ):
        if name.startswith(("ASCEND_", "XDG_", "LC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ASCEND_CONSOLE_LOCK_DIR", str(home / "locks"))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def env(tmp_path, clock):
    """An environment with an empty workspace and a run folder."""
    folder = tmp_path / "workspace" / "runs" / "a-run"
    folder.mkdir(parents=True)
    return Env(
        settings=Settings(workspace=tmp_path / "workspace"),
        cancel=threading.Event(),
        clock=clock,
        run_id="a-run",
        run_dir=folder,
    )


@pytest.fixture
def sunk():
    return Sunk()
