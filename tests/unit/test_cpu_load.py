"""A foreign process spoils a CPU measurement: it is named, and ours never are."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from ascend_console.tools.clock import SystemClock
from ascend_console.tools.cpu_load import ForeignLoad, Identity, busy

A, B, C = (1, 10.0), (2, 20.0), (3, 30.0)


def test_a_process_above_a_fifth_of_a_core_is_named_with_its_share() -> None:
    """The rule of a valid measurement: 20 % of one core."""
    before = {A: 5.0, B: 7.0, C: 0.0}
    after = {A: 5.5, B: 7.1, C: 3.0}
    assert busy(before, after, 2.0) == [(C, 150.0), (A, 25.0)]


def test_exactly_the_threshold_is_not_above_it() -> None:
    """The limit itself is allowed."""
    assert busy({A: 0.0}, {A: 0.25}, 1.0, threshold_percent=25.0) == []


def test_a_process_that_began_in_between_counts_from_zero() -> None:
    """A compiler that started during the measurement must not hide behind its age."""
    assert busy({}, {A: 0.9}, 1.0) == [(A, 90.0)]


def test_a_process_that_ended_is_not_named() -> None:
    """Its last share is unknown, and its pid may be another's by now."""
    assert busy({A: 1.0}, {}, 1.0) == []


def test_a_new_process_with_an_old_pid_does_not_inherit_its_time() -> None:
    """Identity is pid and start: otherwise the old one's seconds would be taken off."""
    assert busy({(7, 1.0): 100.0}, {(7, 99.0): 0.5}, 1.0) == [((7, 99.0), 50.0)]


def test_time_that_runs_backwards_or_stands_still_names_nobody() -> None:
    """No share can be computed, and a division by zero would end the measurement."""
    assert busy({A: 5.0}, {A: 4.0}, 1.0) == []
    assert busy({A: 0.0}, {A: 4.0}, 0.0) == []
    assert busy({A: 0.0}, {A: 4.0}, -1.0) == []


SNAPSHOTS = st.dictionaries(
    st.tuples(st.integers(1, 9), st.sampled_from([1.0, 2.0])), st.floats(0.0, 1e6), max_size=9
)


@given(before=SNAPSHOTS, after=SNAPSHOTS, elapsed_s=st.floats(-1.0, 10.0))
def test_every_named_process_is_alive_and_above_the_threshold(
    before: dict[Identity, float], after: dict[Identity, float], elapsed_s: float
) -> None:
    """Whatever the two snapshots are, nobody is accused without a share."""
    found = busy(before, after, elapsed_s)
    assert all(identity in after and percent > 20.0 for identity, percent in found)
    assert [percent for _, percent in found] == sorted((p for _, p in found), reverse=True)


class _FastClock:
    """A clock on which next to no time passes: every share becomes huge."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def utc(self) -> str:
        return SystemClock().utc()

    def monotonic_s(self) -> float:
        self._now_s += 1e-6
        return self._now_s


def test_the_first_look_names_nobody_and_this_process_never_is() -> None:
    """Our own inference uses every core, which is no disturbance."""
    load = ForeignLoad(_FastClock())
    assert load.sample() == ()
    sum(index * index for index in range(300_000))
    found = load.sample()
    assert found is not None
    assert os.getpid() not in {process.pid for process in found}
