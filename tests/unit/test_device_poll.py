"""The poller that keeps what probes said: slow, hung, broken and absent sources."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import fields, replace

import pytest

from ascend_console.ascend.npu_smi import NpuChip
from ascend_console.core import devices as core
from ascend_console.core.errors import Interrupted, UserError
from ascend_console.core.settings import Settings
from ascend_console.devices import npu
from ascend_console.jobs import _device_poll
from ascend_console.jobs._device_poll import Poller
from ascend_console.jobs._device_rows import COLUMNS, device_rows
from ascend_console.tools.clock import SystemClock
from tests.data.device_probes import (
    NEVER,
    PATIENCE_S,
    Announced,
    chip_of,
    host_reading,
    probe_of,
    settings_told,
)
from tests.data.fake_tools import Witness


@pytest.fixture
def told(tmp_path):
    return lambda words="", **environ: settings_told(tmp_path, words, **environ)


def polling(*probes, settings=None) -> Poller:
    return Poller(settings or Settings(workspace=os.curdir), SystemClock(), probes=probes)


# The poller


def test_a_hung_npu_smi_leaves_its_last_values_and_delays_nobody(told, tmp_path):
    """The table of a minute ago, marked, is worth more than an empty screen."""
    settings = told("hang=2", FAKE_READY=str(tmp_path / "ready"))
    sampler = Announced(npu.NpuSampler(settings, time_limit_s=3.0))
    looking = Announced(lambda cancel: host_reading())
    with polling(probe_of(sampler), probe_of(looking, "host"), settings=settings) as poller:
        sampler.wait(2)
        before = poller.latest()
        assert before.chips
        assert before.sources[0].trouble is None
        looking.wait(3)  # the other probe goes on while this one hangs
        sampler.wait(1)
        after = poller.latest()
    assert after.chips == before.chips
    assert after.sources[0].trouble.id == "devices.npu_smi_silent"
    assert after.sources[0].age_s > 0
    assert after.sources[1].trouble is None


def test_stopping_ends_a_look_that_hangs_and_its_tool(told, tmp_path):
    """Leaving the screen must not leave npu-smi behind, nor wait for its time limit."""
    witness = Witness(tmp_path / "witness")
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    settings = told("hang", FAKE_READY=str(ready), FAKE_WITNESS=str(witness.path))
    poller = polling(probe_of(npu.NpuSampler(settings, PATIENCE_S)), settings=settings).start()
    assert ready.read_text().startswith("ready")
    assert poller.latest().chips == ()
    poller.stop()
    poller.stop()
    assert witness.all_gone()
    assert not any(thread.name.startswith("probe-") for thread in threading.enumerate())
    os.close(witness.descriptor)


def test_a_layout_that_changes_between_two_looks_is_read(told):
    """A driver update while the monitor runs."""
    settings = told("T3,changes")
    sampler = Announced(npu.NpuSampler(settings))
    with polling(probe_of(sampler), settings=settings) as poller:
        sampler.wait(2)
        assert poller.latest().sources[0].version == "1.9.3"
        sampler.wait(1)
        after = poller.latest()
    assert after.sources[0].version == "22.0.3"
    assert len(after.chips) == 2


def test_a_chip_that_is_listed_no_more_is_named(told):
    """A chip that falls off the bus must not just vanish from the table."""
    settings = told("T4,lost")
    sampler = Announced(npu.NpuSampler(settings))
    with polling(probe_of(sampler), settings=settings) as poller:
        sampler.wait(2)
        assert poller.latest().lost == ()
        sampler.wait(1)
        after = poller.latest()
    assert [chip.device for chip in after.chips] == [0]
    assert [(chip.npu, chip.device) for chip in after.lost] == [(1, 1)]
    assert ("npu:1", "lost") in [row[:2] for row in device_rows(after.document(), "en")]


def test_a_source_that_answers_again_is_well_again():
    """An error of a minute ago is no error now."""
    answers = iter([UserError("x", "first", hint="h"), None])

    def look(cancel):
        error = next(answers, None)
        if error is not None:
            raise error
        return host_reading()

    sampler = Announced(look)
    with polling(probe_of(sampler)) as poller:
        sampler.wait(2)
        sampler.wait(1)
        assert poller.latest().sources[0].trouble is None
        assert poller.latest().host is not None


def test_a_source_that_is_not_here_is_listed_with_its_reason(tmp_path):
    """`no NPU: npu-smi not found` is what a laptop shows."""
    settings = Settings(workspace=tmp_path, environ={"PATH": str(tmp_path)})
    with polling(npu.ENTRY, settings=settings) as poller:
        assert poller.wait_first(NEVER, PATIENCE_S)
        snapshot = poller.latest()
    assert snapshot.is_empty
    assert snapshot.sources[0].trouble.id == "vendor.tool_missing"
    assert snapshot.sources[0].age_s is None


def test_devices_that_nobody_misses_are_no_source():
    """A laptop without an NVIDIA driver has no `nvml` line."""
    with polling(replace(probe_of(None), open=lambda settings: None)) as poller:
        assert poller.wait_first(NEVER, PATIENCE_S)
        assert poller.latest().sources == ()


def test_a_bug_in_a_probe_is_raised_where_somebody_sees_it():
    """A thread that dies silently would leave figures that never change."""

    def look(cancel):
        raise KeyError("a bug")

    with polling(probe_of(Announced(look))) as poller:
        assert poller.wait_first(NEVER, PATIENCE_S)
        with pytest.raises(KeyError, match="a bug"):
            poller.latest()


def test_the_first_wait_can_be_stopped_and_is_bounded():
    """Ctrl-C while the first npu-smi hangs."""
    waiting = Announced(lambda cancel: cancel.wait(PATIENCE_S) or host_reading())
    with polling(probe_of(waiting)) as poller:
        assert not poller.wait_first(NEVER, 0.0)
        stopped = threading.Event()
        stopped.set()
        with pytest.raises(Interrupted):
            poller.wait_first(stopped, PATIENCE_S)
    assert waiting.closed


def test_polling_counts_what_it_costs():
    """A monitor that perturbs what it measures must say by how much."""
    sampler = Announced(lambda cancel: host_reading())
    with polling(probe_of(sampler)) as poller:
        sampler.wait(3)
        cost = poller.latest().polling
    if sys.platform == "linux":
        assert cost.cpu_s >= 0
        assert cost.core_pct >= 0
    assert cost.wall_s > 0


@pytest.mark.parametrize(
    ("wall_s", "cpu_s", "most_cpu", "wanted"),
    [
        (0.25, 0.01, None, 0.75),
        (3.0, 0.01, None, 1.0),  # slower than its pace: a rest of one pace
        (0.75, 0.01, None, 0.75),  # at least as long as it took
        (0.25, 0.04, 0.02, 1.75),  # 40 ms each two seconds is 2 % of a core
        (0.25, None, 0.02, 0.75),
    ],
)
def test_a_look_that_is_slow_or_dear_is_made_less_often(wall_s, cpu_s, most_cpu, wanted):
    """Beside a measurement polling may take 1 % of the machine, not more."""
    assert _device_poll.rest_s(wall_s, 1.0, cpu_s, most_cpu) == pytest.approx(wanted)


def test_another_tool_that_ends_meanwhile_is_not_counted():
    """An hour of atc beside one look would read as an hour of polling."""
    times = _device_poll._CpuTimes
    assert _device_poll._spent_s(times(1, 5), times(1.25, 5.5), wall_s=1) == 0.75
    assert _device_poll._spent_s(times(1, 5), times(1.25, 3605), wall_s=1) == 0.25
    assert _device_poll._spent_s(None, times(1, 5), wall_s=1) is None


# Snapshots


def state(**given) -> core.ProbeState:
    plain = {"probe": probe_of(None), "interval_s": 2.0, "reading": host_reading(), "read_at_s": 10}
    return core.ProbeState(**{**plain, **given})


def snapshot(*states, now_s=11.0, max_age_s=None) -> core.DeviceSnapshot:
    cost = core.PollingCost(cpu_s=0.01, wall_s=10)
    return core.snapshot_of(
        states, now_s=now_s, taken_at="2026-11-20T10:15:00.000Z", polling=cost, max_age_s=max_age_s
    )


def test_the_external_form_has_the_keys_that_scripts_rely_on():
    """The keys of design.md section 2 are a promise; unknown is null."""
    process = core.ChipProcess(npu=0, chip=0, pid=4711, name="python3", memory_mb=1204)
    card = core.Gpu(index=0, name=None, util_pct=None, memory_used_mb=None, memory_total_mb=None,
                    power_w=None, temp_c=None)  # fmt: skip
    reading = replace(host_reading(), chips=(chip_of(),), processes=(process,), gpus=(card,))
    document = json.loads(json.dumps(snapshot(state(reading=reading)).document()))
    assert document["schema"] == 1
    assert {"taken_at", "chips", "processes", "gpus", "host", "sources"} <= set(document)
    assert set(document["chips"][0]) == {entry.name for entry in fields(NpuChip)}
    assert {"npu", "chip", "pid", "name", "memory_mb"} <= set(document["processes"][0])
    assert set(document["gpus"][0]) == {
        "index", "name", "util_pct", "memory_used_mb", "memory_total_mb", "power_w", "temp_c",
    }  # fmt: skip
    assert {"cpu_pct", "memory_used_mb", "memory_total_mb", "load_1m"} <= set(document["host"])
    assert {"source", "version", "driver_version", "age_s", "error"} <= set(document["sources"][0])
    assert document["sources"][0]["age_s"] == 1.0
    assert document["chips"][0]["power_w"] is None


def test_what_is_too_old_is_left_out_and_its_source_stays():
    """A scrape that repeats the figures of a dead driver would hide that it is dead."""
    for age_s, is_there in ((14, True), (16, False)):
        seen = snapshot(state(), now_s=10 + age_s, max_age_s=15)
        assert (seen.host is not None) is is_there
        assert seen.sources[0].age_s == age_s
    slow = snapshot(state(interval_s=60.0), now_s=110, max_age_s=15)
    assert slow.host is not None


def test_rows_say_how_old_they_are():
    """`stale 12 s` in the place where OK would stand."""
    late = replace(probe_of(None), source="npu-smi")
    reading = core.ProbeReading(chips=(chip_of(), chip_of(chip=1, device=None)))
    rows = device_rows(snapshot(state(probe=late, reading=reading), now_s=22).document(), "en")
    assert len(COLUMNS) == len(rows[0])
    assert [row[:2] for row in rows] == [("npu:0", "stale 12 s"), ("npu", "stale 12 s")]
    assert rows[0][3:5] == (1529, 21527)


def test_rows_show_the_memory_that_counts():
    """A 910B prints its DDR as 0 / 0; HBM is what fills up."""
    chip = chip_of(memory_used_mb=0, memory_total_mb=0, hbm_used_mb=3161, hbm_total_mb=65536)
    using = core.ChipProcess(npu=0, chip=0, pid=4711, name="python3", memory_mb=9, user="liu")
    nobody = core.ChipProcess(npu=0, chip=0, pid=None, name=None, memory_mb=None)
    reading = core.ProbeReading(chips=(chip,), processes=(using, nobody))
    (row,) = device_rows(snapshot(state(reading=reading)).document(), "en")
    assert row[3:5] == (3161, 65536)
    assert row[-1] == "4711 python3 9 MB of liu; ? ? ? MB"
    assert chip.memory_mb == (3161, 65536)
    assert chip_of().memory_mb == (1529, 21527)
    assert (chip_of().label, chip_of(device=None).label) == ("npu:0", "npu 0.0")


def test_rows_name_sources_that_say_nothing_in_the_language_of_the_user():
    """The reason stands where the figures would."""
    trouble = core.Trouble(
        id="weights.none", message="npu-smi is not here", hint="", args={"model": "npu-smi"},
    )  # fmt: skip
    silent = state(reading=None, trouble=trouble)
    waiting = state(reading=None, probe=probe_of(None, source="nvml"))
    rows = device_rows(snapshot(silent, waiting).document(), "en")
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("npu-smi", "not read", "npu-smi is not here"),
        ("nvml", "waiting", None),
    ]
    assert device_rows(snapshot(silent).document(), "zh")[0][-1] == "npu-smi 需要权重"


def test_a_cost_that_the_system_does_not_tell_is_unknown():
    """0 % would be a claim."""
    assert core.PollingCost(cpu_s=None, wall_s=5).document()["core_pct"] is None
    assert core.PollingCost(cpu_s=0.0, wall_s=0.0).core_pct is None
