"""Plans made for a test, and their commands as words."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from ascend_console.jobs.plan import PlanRequest, plan

if TYPE_CHECKING:
    from ascend_console.core.events import Answered
    from ascend_console.core.specs import Env

ZOO = ("se_resnet50", "moco_v2", "deepmar", "ghostnet")


def answer(env: Env, **request: Any) -> Answered:
    """What `plan` answers."""
    found: Any = list(plan(PlanRequest(**request), env))[-1]
    return found


def script(env: Env, **request: Any) -> str:
    """The script alone."""
    return answer(env, **request).text or ""


def bash(text: str, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Give a text to bash as its input."""
    return subprocess.run(
        ["bash", *argv], input=text, text=True, capture_output=True, check=False, **options
    )


def accepted(text: str) -> bool:
    """Whether bash can read it as a script."""
    checked = bash(text, "-n")
    return (checked.returncode, checked.stderr) == (0, "")


def commands(text: str, start: str) -> list[list[str]]:
    """The words of the lines that begin like this."""
    return [shlex.split(line) for line in text.splitlines() if line.startswith(start)]
