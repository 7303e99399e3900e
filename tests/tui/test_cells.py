"""Texts in cells: nothing that stands in a file name or a log can move a column."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ascend_console.tui import cells

# Everything that was seen to shift columns: escapes, bidi marks, wide signs, joiners, accents.
ODD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x00\t\n\r\u202e\u200d\ufe0f\u0301\u3099昇腾한👍🏽👨❤🇨🇳é\u2028\udc80"),
    )
)
WIDTHS = st.integers(min_value=0, max_value=60)
ELLIPSES = st.sampled_from(["…", ".."])


@given(ODD)
def test_a_safe_text_has_only_signs_whose_cells_add_up(text):
    """A joiner or an accent makes the width of a text another one than that of its signs."""
    line = cells.safe(text)
    assert all(cell_len(char) >= 1 for char in line)
    assert cell_len(line) == sum(cell_len(char) for char in line)


@given(ODD)
def test_a_safe_text_is_one_line_without_controls(text):
    line = cells.safe(text)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line
    assert "\u202e" not in line


@given(ODD)
def test_a_safe_text_stays_as_it_is(text):
    """What was made safe for a cell is made safe again by the line that it stands in."""
    line = cells.safe(text)
    assert cells.safe(line) == line


@given(ODD, WIDTHS, st.booleans(), ELLIPSES)
def test_a_fitted_text_has_exactly_its_width(text, width, right, ellipsis):
    line = cells.safe(text)
    assert cell_len(cells.fit(line, width, right=right, ellipsis=ellipsis)) == width


@given(ODD, WIDTHS, ELLIPSES)
def test_a_text_cut_in_its_middle_is_never_too_wide(text, width, ellipsis):
    line = cells.safe(text)
    found = cells.middle(line, width, ellipsis=ellipsis)
    assert cell_len(found) <= width
    assert found == line or cell_len(line) > width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb", "a\\nb"),
        ("a\r\nb", "a\\nb"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("30 %\r", "30 %"),
        ("a\tb", "a    b"),
        ("x\u202ey", "x\\u202ey"),
        ("cafe\u0301", "café"),
        ("昇腾", "昇腾"),
        ("\udcff", "\\udcff"),
        (7, "7"),
    ],
)
def test_what_does_not_print_is_shown_escaped(text, shown):
    assert cells.safe(text) == shown


@pytest.mark.parametrize("sign", ["x", "昇"])
def test_a_very_long_text_is_cut_with_a_mark(sign):
    """A log line can be a megabyte long."""
    line = cells.safe(sign * 1_000_000)
    assert cell_len(line) == cells.LONGEST_CELLS
    assert line.rstrip(" ").endswith("…")


def test_the_middle_of_a_name_goes_first():
    """The end of a name is what tells images apart."""
    assert cells.middle("ILSVRC2012_val_00004711.JPEG", 16) == "ILSVRC20…11.JPEG"
    assert cells.middle("昇腾模型名称很长", 9) == "昇腾…很长"
    assert cells.middle("name", 4) == "name"


def test_figures_have_four_digits_and_an_unknown_one_is_no_zero():
    assert cells.figure(None) == cells.UNKNOWN
    assert [cells.figure(value) for value in (0, 118.42, 3740.4, 0.12345, 999.96)] == [
        "0", "118.4", "3,740", "0.1235", "1,000",
    ]  # fmt: skip
    assert cells.percent(0.96) == "96.00"
    assert cells.percent(None) == cells.UNKNOWN
    assert cells.points(-1.374) == "-1.37"


def test_a_figure_of_four_digits_that_rounds_up_has_no_fifth():
    assert cells.figure(99.996) == "100.0"
    assert cells.figure(9999.6) == "10,000"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (4.12, "4.1 s"), (9.96, "0:10"), (41, "0:41"), (3723, "1:02:03"), (3e5, "3d")],
)
def test_a_duration_reads_as_people_write_it(seconds, shown):
    assert cells.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, "–"), (0, "0 B"), (812, "812 B"), (999.7, "1.00 KB"), (20_800_000, "20.8 MB"),
     (1_240_000_000, "1.24 GB"), (3_000_000_000_000, "3,000 GB")],
)  # fmt: skip
def test_a_size_is_told_in_the_unit_that_fits(count, shown):
    assert cells.size(count) == shown


def test_a_time_of_a_record_is_shown_as_the_local_one(monkeypatch):
    monkeypatch.setenv("TZ", "UTC-8")
    time.tzset()
    try:
        assert cells.moment("2026-11-20T23:15:00.123Z") == "11-21 07:15"
        assert cells.moment_in_full("2026-11-20T23:15:00.123Z") == "2026-11-21 07:15:00 +0800"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert cells.moment(None) == cells.moment("no time") == cells.UNKNOWN
