"""What the screens show: one frozen value, replaced as a whole and handed down to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.tools.run_follow import RunSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """The shared state: runs that are alive, the run and the model that all screens speak of.

    `devices` is the newest device snapshot in its external form (design.md section 2);
    `polling_share` is what polling costs, as a fraction of a core. `replay` is the speed of a
    replay, None without one. `baselines` has for a model the run that later ones are compared with.
    """

    live: tuple[RunSnapshot, ...] = ()
    run: RunSnapshot | None = None
    model: str | None = None
    devices: dict[str, Any] | None = None
    polling_share: float | None = None
    paused: bool = False
    replay: float | None = None
    marked_runs: tuple[str, ...] = field(default_factory=tuple)
    baselines: Mapping[str, str] = field(default_factory=dict)
