"""Settings: defaults below the environment below flags, each value with its origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `cli.py` decided once; passed in `Env`, never read from the environment again."""

    workspace: Path
    workspace_origin: str = "default"
    lang: str = "en"
    colour: bool = True
    verbosity: int = 0
    assume_yes: bool = False
