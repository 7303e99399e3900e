"""How fast a step goes and how long it still takes, as honestly as a few samples allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.view import StepView
    from ascend_console.tools.run_follow import RunSnapshot, Sample

_HALF_LIFE_S = 5.0
_LEAST_S = 3.0
_LEAST_SHARE = 0.02
_COARSE_FROM_S = 60.0
_COARSE_S = 5.0
_RISE_S = 3.0
_SILENCE_S = 10.0
_SILENCE_STEPS = 5.0


def clock(seconds: float) -> str:
    """`0:04`, `2:05` or `1:02:05`: a time that is an estimate."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def smoothed_rate(samples: Sequence[Sample], since_s: float) -> float | None:
    """Units a second with a half-life of five seconds, from the samples since `since_s`."""
    rate: float | None = None
    before_s = since_s
    for sample in samples:
        if sample.elapsed_s < since_s:
            continue
        if rate is None:
            rate = sample.value
        else:
            weight = 1 - 0.5 ** ((sample.elapsed_s - before_s) / _HALF_LIFE_S)
            rate += weight * (sample.value - rate)
        before_s = sample.elapsed_s
    return rate


def step_left_s(step: StepView, rate: float | None, elapsed_s: float) -> float | None:
    """Seconds that a step still takes; None before 3 s and 2 % of it."""
    if not rate or not step.total or not step.done:
        return None
    if elapsed_s - step.started_s < _LEAST_S or step.done < _LEAST_SHARE * step.total:
        return None
    return max(step.total - step.done, 0) / rate


def silent_s(step: StepView, samples: Sequence[Sample], elapsed_s: float) -> float | None:
    """How long a step that has a total has made no progress, once that is too long to be usual."""
    if not step.total or step.done is None or step.done >= step.total:
        return None
    times = [sample.elapsed_s for sample in samples if sample.elapsed_s >= step.started_s]
    last_s = times[-1] if times else step.started_s
    usual_s = (last_s - step.started_s) / len(times) if times else 0.0
    silence_s = elapsed_s - last_s
    return silence_s if silence_s > max(_SILENCE_S, _SILENCE_STEPS * usual_s) else None


class Countdown:
    """Time left as it is shown: coarse above a minute, and rising only after three seconds."""

    def __init__(self) -> None:
        self._shown_s: float | None = None
        self._at_s = 0.0
        self._above_since_s: float | None = None

    def show(self, left_s: float | None, now_s: float) -> float | None:
        """What to show of an estimate that was made at `now_s`."""
        if left_s is None:
            self._shown_s = self._above_since_s = None
            return None
        if left_s >= _COARSE_FROM_S:
            left_s = round(left_s / _COARSE_S) * _COARSE_S
        expected_s = None if self._shown_s is None else self._shown_s - (now_s - self._at_s)
        if expected_s is not None and left_s > expected_s + 1:
            if self._above_since_s is None:
                self._above_since_s = now_s
            if now_s - self._above_since_s < _RISE_S:
                return max(expected_s, 0.0)
        self._shown_s, self._at_s, self._above_since_s = left_s, now_s, None
        return left_s


class Elapsed:
    """Seconds since an attempt began: by its records, and by our clock since the last of them."""

    def __init__(self) -> None:
        self._seen: tuple[str, int, float] | None = None
        self._seen_at_s = 0.0

    def now_s(self, run: RunSnapshot, clock_s: float) -> float:
        """Elapsed seconds of a run at our clock's `clock_s`; those recorded once it is over."""
        recorded_s = run.view.elapsed_s
        if not run.alive or run.state not in ("running", "waiting"):
            return recorded_s
        key = (run.run_id, run.view.attempt, recorded_s)
        if self._seen != key:
            self._seen, self._seen_at_s = key, clock_s
        return recorded_s + (clock_s - self._seen_at_s)
