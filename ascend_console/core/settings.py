"""Settings: defaults below the environment below flags, each value with its origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSettings:
    """How the screens look and answer. `look` None is chosen by what the terminal can show.

    `refresh_hz` None is 10, and 4 over SSH. `keys` gives actions other keys, by their id.
    """

    look: str | None = None
    glyphs: str = "unicode"
    refresh_hz: int | None = None
    readonly: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSettings:
    """What a run may lose against its baseline: points of accuracy, percent of throughput."""

    accuracy_points: float = 1.0
    throughput_percent: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `cli.py` decided once; passed in `Env`, never read from the environment again.

    `origins` tells by the name in the settings file where a value comes from: `default`, or
    `file`, `environment` or `flag` and, after a blank, which one. `environ` is the environment of
    the program's start: what vendor tools are found through and started with.
    """

    workspace: Path
    workspace_origin: str = "default"
    lock_dir: Path | None = None
    lang: str = "en"
    colour: bool = True
    verbosity: int = 0
    assume_yes: bool = False
    config_file: Path | None = None
    screen: ScreenSettings = ScreenSettings()
    baseline: BaselineSettings = BaselineSettings()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def models_dir(self) -> Path | None:
        """Where the user's own models are described: beside the settings file, in `models`."""
        return None if self.config_file is None else self.config_file.parent / "models"
