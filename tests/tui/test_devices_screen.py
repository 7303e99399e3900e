"""The screen Devices: what stands there, what is old, and what cannot be read."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from ascend_console.core import devices as core
from ascend_console.core.view import RunView
from ascend_console.tools.run_follow import RunSnapshot
from ascend_console.tui import devices_facts
from tests.data.device_probes import chip_of
from tests.tui.device_documents import (
    BUSY,
    TWO,
    arrive,
    cells_of,
    document_of,
    process_of,
    see,
    source_of,
)
from tests.tui.screen_text import shown, text_of, widths_of

# What stands there


def test_chips_come_first_and_unknown_is_a_dash(tmp_path):
    """0 % would be a claim that nobody made."""

    async def then(app, pilot):
        rows = cells_of(app)
        assert [row[0] for row in rows] == ["npu:0", "npu:1", "cpu"]
        assert rows[0][1:7] == ["OK", "63", "2,703/21,527", "50", "16.5", "310P3"]
        assert rows[0][8] == "0.0"
        assert rows[1][1:3] == ["! Warning", "–"]
        assert rows[2][6] == "2 cores x86_64"

    see(tmp_path, document_of(*TWO), then)


def test_the_screen_at_80_columns_has_all_three_parts(tmp_path):
    """The drawing of tui.md section 3.2."""

    async def then(app, pilot):
        lines = text_of(app)
        assert lines[1].startswith("━━ Devices ━━ npu-smi every 5 s; polling costs 0.3 % of a core")
        assert lines[2].split() == [
            "Device", "State", "Util", "%", "Memory", "MB", "Temp", "C", "Power", "W", "Name",
        ]  # fmt: skip
        assert lines[3].split() == ["npu:0", "OK", "63", "2,703/21,527", "50", "16.5", "310P3"]
        assert lines[6].startswith("── npu:0 ── last 5 min; [ ] 15, 60 ─")
        assert lines[7].split()[:3] == ["Util", "%", "0-100"]
        assert lines[11].startswith("── Processes ── 1, by Memory MB ─")
        assert lines[13].split()[:4] == ["20421", "npu:0", "1,204", "102"]
        assert max(widths_of(app)) <= 80

    see(tmp_path, document_of(*TWO, processes=[process_of()]), then)


def test_a_wide_screen_adds_history_and_place(tmp_path):
    """At 120 columns every column of the drawing is there."""

    async def then(app, pilot):
        lines = text_of(app)
        assert "npu-smi 25.5.1 every 5 s, took 1.1 s" in lines[1]
        assert lines[2].split()[-4:] == ["Last", "5", "min", "Card.chip"]
        assert lines[3].endswith("0.0")

    see(tmp_path, document_of(*TWO), then, size=(120, 36))


def test_from_160_columns_the_details_stand_beside(tmp_path):
    """Wide screens have room beside the table."""

    async def then(app, pilot):
        assert "── npu:0 ── last 5 min" in text_of(app)[1]

    see(tmp_path, document_of(*TWO), then, size=(160, 44))


@pytest.mark.parametrize("look", ["mono", "terminal"])
def test_texts_are_chinese_and_ascii_stays_ascii(tmp_path, look):
    """A terminal of ambiguous width gets no sign beyond ASCII but its own language."""

    async def then(app, pilot):
        assert all(line.isascii() for line in text_of(app))

    see(tmp_path, document_of(*TWO), then, glyphs="ascii", look=look)


def test_columns_stay_straight_in_chinese(tmp_path):
    """A Chinese character takes two cells."""

    async def then(app, pilot):
        assert max(widths_of(app)) <= 80
        assert cells_of(app)[0][0] == "npu:0"

    see(tmp_path, document_of(*TWO), then, lang="zh")


def test_names_with_control_characters_cannot_move_a_column(tmp_path):
    """A process may call itself anything."""
    wild = process_of(command="a\x1b[31m\nb 昇腾 🎉", user="li\tu")

    async def then(app, pilot):
        assert "\\x1b[31m\\nb 昇腾" in shown(app)
        assert max(widths_of(app)) <= 80

    see(tmp_path, document_of(BUSY, processes=[wild]), then)


def test_a_lost_chip_stays_and_says_so(tmp_path):
    """A chip that fell off the bus must not silently shorten the list."""
    lost = {"npu": 1, "chip": 0, "device": 1, "name": "310P3"}

    async def then(app, pilot):
        assert cells_of(app)[1][:3] == ["npu:1", "✗ lost", "–"]
        assert "✗ npu:1 lost" in text_of(app)[0]

    see(tmp_path, document_of(BUSY, lost=[lost]), then)


def test_memory_that_counts_is_hbm_where_a_chip_has_any(tmp_path):
    """A 910B prints its DDR as 0 / 0."""
    chip = chip_of(memory_used_mb=0, memory_total_mb=0, hbm_used_mb=3161, hbm_total_mb=65536)

    async def then(app, pilot):
        assert cells_of(app)[0][3] == "3,161/65,536"

    see(tmp_path, document_of(chip), then)


def test_gpus_have_rows_of_their_own(tmp_path):
    """What an NPU is compared with."""
    gpu = core.Gpu(index=0, name="T4", util_pct=12, memory_used_mb=9, memory_total_mb=16,
                   power_w=None, temp_c=40)  # fmt: skip
    document = document_of(gpus=[asdict(gpu)], sources=[source_of("nvml"), source_of("psutil")])

    async def then(app, pilot):
        assert cells_of(app)[0][:7] == ["gpu:0", "OK", "12", "9/16", "40", "–", "T4"]

    see(tmp_path, document, then)


# What is old, and what is not there


def test_stale_values_stay_with_their_age(tmp_path):
    """The values of a minute ago, marked, are worth more than an empty screen."""
    late = document_of(BUSY, sources=[source_of(age_s=16.0), source_of("psutil", 0.5, 1.0)])

    async def then(app, pilot):
        assert [row[1] for row in cells_of(app)] == ["~ stale 16 s", "OK"]
        assert cells_of(app)[0][2] == "63"
        assert "~ npu-smi 16 s" in text_of(app)[0]

    see(tmp_path, late, then)


def test_an_illness_stays_in_sight_while_its_source_is_silent(tmp_path):
    """The last word of a chip that stopped answering may say why."""
    ill = replace(BUSY, health="Alarm")
    late = document_of(ill, sources=[source_of(age_s=16.0), source_of("psutil", 0.5, 1.0)])

    async def then(app, pilot):
        assert cells_of(app)[0][1] == "~ Alarm 16 s"

    see(tmp_path, late, then)


def test_a_source_that_fails_says_why_above_the_devices(tmp_path):
    """Its last values stand below, with their age from the first failed look on."""
    failing = document_of(
        BUSY, sources=[source_of(age_s=7.0, error="npu-smi did not answer"), source_of("psutil")]
    )

    async def then(app, pilot):
        assert text_of(app)[2] == " npu-smi did not answer (6 Doctor)"
        assert cells_of(app)[0][1] == "~ stale 7 s"

    see(tmp_path, failing, then)


def test_a_machine_without_an_npu_says_so_and_where_to_go(tmp_path):
    """All else works."""
    absent = source_of(
        age_s=None, took_s=None, version=None, error="npu-smi is not installed here",
        error_id="vendor.tool_missing", error_args={"tool": "npu-smi", "variable": "X"},
    )  # fmt: skip

    async def then(app, pilot):
        assert text_of(app)[2] == " no NPU: npu-smi not found (6 Doctor)"
        assert [row[0] for row in cells_of(app)] == ["cpu"]

    see(tmp_path, document_of(sources=[absent, source_of("psutil", 0.5, 1.0)]), then)


def test_nothing_at_all_is_no_crash(tmp_path):
    """Before the first look, and where no source says anything."""

    async def then(app, pilot):
        assert "…" in text_of(app)[1]
        await arrive(app, pilot, document_of(host=False, sources=[]), None)
        assert "no source tells of a device; 6 Doctor says why" in shown(app)
        await pilot.press("enter", "K", "left_square_bracket", "c")

    see(tmp_path, None, then)


def test_small_and_large_again_restores_everything(tmp_path):
    """A tmux pane is dragged small and large."""

    async def then(app, pilot):
        before = text_of(app)
        await pilot.resize_terminal(20, 5)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.pause()
        assert text_of(app) == before

    see(tmp_path, document_of(*TWO, processes=[process_of()]), then)


def test_many_chips_scroll_and_leave_room_for_the_processes(tmp_path):
    """Sixteen chips on 24 rows."""
    chips = [chip_of(npu=number, device=number) for number in range(16)]

    async def then(app, pilot):
        lines = text_of(app)
        place = next(number for number, line in enumerate(lines) if "── Processes" in line)
        assert place == 14
        assert lines[11].startswith("── npu:0 ── last 5 min")

    see(tmp_path, document_of(*chips), then)


def test_the_source_lines_name_a_gpu_that_cannot_be_read(tmp_path):
    """Each source has a line of its own."""
    gpu = source_of("nvml", age_s=None, error="no library", error_id="x", error_args={})

    async def then(app, pilot):
        assert text_of(app)[2] == " no GPU: no library (6 Doctor)"

    see(tmp_path, document_of(sources=[gpu, source_of("psutil")]), then)


def test_ages_are_short():
    """`stale 12 s` must fit into its column."""
    assert [devices_facts.age_text(age_s) for age_s in (0, 12.4, 61, 3700)] == [
        "0 s", "12 s", "1:01", "1:01:40",
    ]  # fmt: skip


@pytest.mark.parametrize("device", [None, "0", "npu:0,1"])
def test_the_head_names_the_chip_that_a_run_computes_on(tmp_path, device):
    """Whoever watches a run on another screen sees whether the chip works."""
    request = {"backend": "ascend", "device": device}
    view = RunView(run_id="r", state="running")
    run = RunSnapshot(folder=tmp_path, document={"request": request}, view=view, alive=True)

    async def then(app, pilot):
        app.change(live=(run,))
        await pilot.pause()
        assert "npu:0 63 %" in text_of(app)[0]

    see(tmp_path, document_of(BUSY), then, size=(120, 36))
