"""One workspace with one undisturbed run, for every test of what may happen to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ascend_console.cli import main
from tests.data.real_runs import REQUEST, accuracy_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Undisturbed:
    """A workspace whose cache is warm, and the accuracy of a run in it that nothing happened to."""

    workspace: Path
    accuracy: list[dict[str, Any]]


@pytest.fixture(scope="session")
def undisturbed_run(tmp_path_factory):
    """Made once, since sample weights take long; 12 images are too few to decide, hence 7."""
    home = tmp_path_factory.mktemp("undisturbed")
    folder = home / "workspace" / "runs" / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("ASCEND_CONSOLE_LOCK_DIR", str(home / "locks"))
        argv = ["--workspace", str(home / "workspace"), "-q", *REQUEST, "--run-dir", str(folder)]
        assert main(argv) == 7
    return Undisturbed(home / "workspace", accuracy_of(folder))
