"""The table of `npu-smi info`: every layout, every copy of it, and nothing else."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ascend_console.ascend.npu_smi import NpuSmiReport, parse_npu_smi
from ascend_console.core.errors import UserError
from tests.npu_smi_tables import LAYOUTS, is_rule, render, reports, spoil, styles

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures" / "npu-smi"
DATA = Path(__file__).parents[1] / "data" / "ascend" / "npu_smi"
OURS = sorted(DATA.glob("*.txt"))
# A table takes many draws, which is slow to generate and no fault.
QUIET = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    max_examples=15,
)


def document(report: NpuSmiReport) -> dict:
    return {
        "version": report.version,
        "driver_version": report.driver_version,
        "chips": [asdict(chip) for chip in report.chips],
        "processes": [asdict(process) for process in report.processes],
    }


def read(name: str) -> str:
    return (DATA / f"{name}.txt").read_text("utf-8")


def outcome(text: str) -> NpuSmiReport | None:
    """The report, or None for the documented error; anything else fails the test."""
    try:
        return parse_npu_smi(text)
    except UserError as error:
        refused = error
    assert refused.id in {"npu_smi.unreadable", "npu_smi.failed"}
    assert refused.hint
    return None


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_every_layout_parses(path):
    """Drivers change this table; each layout that was met stays readable."""
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert document(parse_npu_smi(path.read_text("utf-8"))) == expected


def test_every_layout_has_a_fixture():
    """A new layout comes with an example that people can read."""
    assert len(OURS) >= 9


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here")
@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.txt")), ids=lambda path: path.stem)
def test_every_capture_parses(path):
    """Real tables are the contract, with or without the line that names their source."""
    text = path.read_text("utf-8")
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert document(parse_npu_smi(text)) == expected
    assert document(parse_npu_smi(text.split("\n", 1)[1])) == expected


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@given(data=st.data())
@QUIET
def test_a_rendered_table_parses_back(layout, data):
    """What the tool showed is what is read, whatever a copy did to blanks, rules and lines."""
    report = data.draw(reports(layout))
    style = data.draw(styles)
    assert parse_npu_smi(spoil(render(report, layout, style), style)) == report


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@given(data=st.data())
@QUIET
def test_a_cut_table_is_a_part_or_an_error(layout, data):
    """A terminal or a copy that ends too early must not change a number."""
    report = data.draw(reports(layout))
    text = "\n".join(render(report, layout, data.draw(styles)))
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    read = outcome(text[first:last] if data.draw(st.booleans()) else text[:last])
    if read is not None:
        assert read.chips == report.chips[: len(read.chips)]
        assert read.processes == report.processes[: len(read.processes)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@given(data=st.data())
@QUIET
def test_a_lost_line_is_an_error_or_loses_a_whole_thing(layout, data):
    """One line without the other of its chip must not be read as another chip."""
    report = data.draw(reports(layout))
    lines = render(report, layout, data.draw(styles))
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    read = outcome("\n".join(lines))
    if read is not None:
        assert read.chips == report.chips
        assert set(read.processes) <= set(report.processes)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@given(data=st.data())
@QUIET
def test_a_lost_bar_is_an_error(layout, data):
    """Two cells that run into one shift every number behind them."""
    report = data.draw(reports(layout))
    lines = render(report, layout, data.draw(styles))
    chips = itertools.takewhile(lambda line: "Process id" not in line, lines)
    rows = [number for number, line in enumerate(chips) if "/" in line and not is_rule(line)]
    number = data.draw(st.sampled_from(rows))
    bars = [place for place, char in enumerate(lines[number]) if char == "|"]
    place = data.draw(st.sampled_from(bars))
    lines[number] = lines[number][:place] + " " + lines[number][place + 1 :]
    assert outcome("\n".join(lines)) is None


@given(text=st.text(max_size=400))
def test_any_text_is_a_report_or_the_documented_error(text):
    """A monitor reads what a sick driver prints; it must not fall over."""
    outcome(text)


PIECES = st.sampled_from(
    [*"|+-=/> \n\r\t0", "| ", " |", "NA", "N/A", "0 / 0", "1e9", "-1", "٣", "９", "NPU     Name",
     "| NPU     Name      | Health | Power(W) Temp(C) |", "| Chip    Device | Bus-Id | AICore(%) "
     "Memory-Usage(MB) |", "| 0 310 | OK | 12.8 56 |", "| 0 0 | NA | 0 2703 / 8192 |", "\n| ",
     "npu-smi 22.0.0  Version: 22.0.2", "| NPU Chip | Process id | Process name | Process "
     "memory(MB) |", "No running processes found in NPU 0", "9" * 5000, "ret is -8005", "\x1b[31m"]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=40))
def test_pieces_of_tables_are_a_report_or_the_documented_error(pieces):
    """Half a table is the likeliest garbage."""
    outcome("".join(pieces))


@given(data=st.data())
@settings(deadline=None)
def test_a_changed_character_never_shifts_a_number(data):
    """One wrong character may spoil its own cell, but no other one."""
    text = read("310P3-22.0.0")
    place = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.sampled_from(list("|+-= \nx/.")))
    report = outcome(text[:place] + new + text[place + 1 :])
    if report is not None:
        before = list(asdict(parse_npu_smi(text).chips[0]).items())
        after = list(asdict(report.chips[0]).items())
        assert sum(one != other for one, other in zip(before, after, strict=True)) <= 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1843 / 21534", "1843 21534"),
        ("1843 / 21534", "1843 / 21534 / 7"),
        ("1843 / 21534", "١٨٤٣ / 21534"),
        ("1843 / 21534", "1843 / " + "9" * 5000),
        ("1843 / 21534", "18.43 / 21534"),
        ("16.2", "16,2"),
        ("16.2         ", ""),
        ("0000:3B:00.0", "somewhere"),
        ("OK ", "42 "),
        ("310P3 ", ""),
        ("Memory-Usage(MB)", "Memory-Usage(GB)"),
        ("Chip    Device", "Chip    Slot  "),
        ("| 0       0 ", "| 0         "),
        ("| 0       0 ", "| NA      0 "),
        ("16.2         44                0    / 12 ", "16.2 "),
        ("0    / 12 ", "0    / 12    0 / 4 "),
        (
            "| 0       0         | 0000:3B:00.0    | 5 ",
            "| 0       0           0000:3B:00.0      5 ",
        ),
    ],
)
def test_a_cell_that_cannot_be_right_is_an_error(old, new):
    """A guess would be a wrong figure with nothing to show for it."""
    text = read("310P3-22.0.0")
    assert text.count(old) >= 1
    changed = text.replace(old, new, 1)
    report = outcome(changed)
    # A missing name is known to be missing; everything else is refused.
    assert report is None or (old == "310P3 " and report.chips[0].name is None)


def test_one_word_may_stand_for_a_pair_that_is_not_known():
    """Unknown is None, never 0 and never the neighbour's number."""
    text = read("310P3-22.0.0")
    chip = parse_npu_smi(text.replace("1843 / 21534", "NA          ")).chips[0]
    assert (chip.memory_used_mb, chip.memory_total_mb) == (None, None)
    chip = parse_npu_smi(text.replace("0    / 12 ", "          ")).chips[0]
    assert (chip.hugepages_used, chip.hugepages_total) == (None, None)


def test_a_process_may_be_called_as_it_likes():
    """Names are other people's: `na` is one, and so is one with a bar."""
    text = read("310P3-23.0.0-duo-indented").replace("ais_bench", "na       ")
    assert [process.name for process in parse_npu_smi(text).processes] == [None, "na"]


def test_a_second_row_of_a_950_has_no_ids():
    """Text in their place is a row of another table."""
    assert (
        outcome(read("950-26.0").replace("|        |                  | NA", "| 5      | x  | NA"))
        is None
    )


def test_a_chip_that_stands_twice_is_an_error():
    """Two outputs in one file are two moments: their numbers must not be mixed."""
    text = read("310P3-22.0.0")
    with pytest.raises(UserError, match="twice"):
        parse_npu_smi(text + text)


def test_a_header_without_chips_is_an_error():
    """A table that was cut must not look like a server without devices."""
    with pytest.raises(UserError, match="without chips"):
        parse_npu_smi("\n".join(read("310P3-22.0.0").split("\n")[:6]))


def test_an_idle_npu_differs_from_one_that_is_not_listed():
    """Only a process table can show that a measurement had the device for itself."""
    report = parse_npu_smi(read("910B3-23.0.1"))
    assert report.lists_processes_of(4)
    assert not report.lists_processes_of(5)
    assert not parse_npu_smi(read("310P3-22.0.0")).lists_processes_of(0)


@pytest.mark.parametrize(
    ("text", "code", "cause"),
    [
        ("dcmi module initialize failed. ret is -8005\n", "-8005", "npu_smi.dcmi_inner"),
        (
            "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\ndcmi model initialized failed, "
            "because the device is used. ret is -8020\n",
            "-8020",
            "npu_smi.dcmi_occupied",
        ),
        ("Failed to execute npu-smi info. ret is -9006.", "-9006", "npu_smi.dcmi_timeout"),
        ("npu get board type failed. ret is -8099", "-8099", "npu_smi.dcmi_other"),
        ("There is no NPU card on this server.", "", "npu_smi.no_card"),
        ("This device does not support querying p2p-enable.", "", "npu_smi.query_unsupported"),
        ("Invalid card id.\nError parameter of -i\nUsage: npu-smi info", "", "npu_smi.usage"),
        ("run.sh: line 1: npu-smi: command not found", "", "npu_smi.not_found"),
        ("bash: /usr/local/bin/npu-smi: Permission denied", "", "npu_smi.denied"),
        ("DrvMngGetConsoleLogLevel failed. (ret=4)", "", "npu_smi.driver_silent"),
    ],
)
def test_what_npu_smi_says_of_itself_is_explained(text, code, cause):
    """The reason and the remedy are worth more than `cannot be parsed`."""
    with pytest.raises(UserError) as raised:
        parse_npu_smi(text)
    assert raised.value.id == "npu_smi.failed"
    assert raised.value.values["code"] == code
    assert raised.value.values["cause_id"] == cause
    assert len(raised.value.hint) > 20


def test_a_driver_message_above_a_good_table_is_no_failure():
    """Containers print it each time."""
    text = "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\n" + read("310P3-22.0.0")
    assert parse_npu_smi(text) == parse_npu_smi(read("310P3-22.0.0"))
