"""The parts of the screen Performance: damaged files, empty documents, the plot."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.tui import performance_figures as figures
from ascend_console.tui import themes
from ascend_console.tui.glyphs import ASCII, UNICODE
from ascend_console.tui.pen import Pen
from ascend_console.tui.performance_files import Measured, read_measured
from ascend_console.tui.performance_plot import Series, drawn
from ascend_console.tui.texts import Texts
from tests.tui.figure_runs import RUN, measured_run


def test_a_damaged_measurement_gives_what_it_has(console):
    folder = measured_run(console.workspace)
    (folder / "perf" / "bs1_fp32.json").write_text("{")
    (folder / "verdict.json").write_text("[]")
    found = read_measured(console.workspace, [(RUN, 1, "fp32"), (RUN, 8, "fp32"), ("gone", 1, "")])
    assert found[RUN, 1, "fp32"] == Measured()
    assert found[RUN, 8, "fp32"].windows == [98.0, 100.0, 101.0]
    assert found["gone", 1, ""].latencies_ms == []


def test_figures_of_an_empty_document_are_none():
    told = figures.comparison({"rows": [], "ratios": [], "schema": 1}, "ghostnet")
    assert (told.devices, told.ratios, told.sizes) == ((), (), [])
    assert figures.newest_model({"rows": []}) is None


sizes = st.lists(st.integers(1, 512), min_size=1, max_size=9, unique=True).map(sorted)
rates = st.floats(1e-3, 1e6, allow_nan=False)


@settings(deadline=None)
@given(
    sizes, st.data(), st.integers(12, 200), st.integers(3, 50), st.sampled_from([ASCII, UNICODE])
)
def test_a_plot_has_its_lines_and_no_line_is_too_long(batches, data, width, height, glyphs):
    """Whatever is drawn, nothing beside the plot moves."""
    count = data.draw(st.integers(0, 6))
    series = [
        Series(f"s{n}", {b: data.draw(rates) for b in batches if data.draw(st.booleans())})
        for n in range(count)
    ]
    lines = drawn(series, batches, width, height, Pen(Texts("en"), glyphs, "dark"))
    assert len(lines) <= height
    assert all(line.cell_len <= max(width, 20) for line in lines)
    if glyphs is ASCII:
        assert all(line.plain.isascii() for line in lines)


def test_series_on_one_spot_stand_side_by_side():
    pen = Pen(Texts("en"), UNICODE, "dark")
    lines = drawn([Series("x", {1: 5.0}), Series("y", {1: 5.0})], [1], 40, 10, pen)
    assert "ab" in "".join(line.plain for line in lines)


@pytest.mark.parametrize("look", themes.LOOKS)
def test_every_look_draws_the_plot(look):
    lines = drawn([Series("x", {1: 5.0}, own=True)], [1], 40, 10, Pen(Texts("en"), UNICODE, look))
    assert len(lines) == 10
