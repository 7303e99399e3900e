"""The keys of the screen Performance: units, figures, columns, models, pages and files."""

from __future__ import annotations

import csv
import io
import json

import pytest

from ascend_console.tui.performance_grid import CellTable
from ascend_console.tui.performance_plot import Plot
from ascend_console.tui.widgets.ask import AskText, Page
from ascend_console.tui.widgets.choose import Choose
from tests.tui.figure_runs import RUN, figured_run, measured_run, rate_row, write_rate
from tests.tui.figure_screens import cells_of, go_to, open_performance
from tests.tui.screen_text import shown, until

OWN = "cpu:0 onnxruntime fp32 sample"


@pytest.fixture
def measured(console):
    """A workspace with one run that measured three batch sizes of GhostNet on the CPU."""
    measured_run(console.workspace)
    return console


def test_u_shows_a_chip_and_leaves_out_the_ratios_of_cards(measured):
    async def steps(app, pilot, table):
        await pilot.press("u")
        keys = [column.key for column in table.columns]
        return cells_of(table, "1")["310"], cells_of(table, "1")["310P"], keys, shown(app)

    chip, alone, keys, text = open_performance(measured, steps)
    assert (chip, alone) == ("337.0", "1,502")
    assert not any("/" in key for key in keys)
    assert "img/s per chip" in text


def test_t_goes_through_end_to_end_and_latencies(measured):
    async def steps(app, pilot, table):
        seen = []
        for _ in range(4):
            await pilot.press("t")
            seen.append((cells_of(table, "8")[OWN], cells_of(table, "16")["310P"]))
        return seen

    e2e, p50, p99, device = open_performance(measured, steps)
    assert e2e == ("*66.95", "–")
    assert p50 == ("*59.15", "^3.976")
    assert p99 == ("–", "^9.565")
    assert device == ("*133.9", "^3,439")


def test_v_chooses_columns(measured):
    async def steps(app, pilot, table):
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("space", "enter")
        await until(pilot, lambda: not isinstance(app.screen, Choose))
        fewer = [column.key for column in table.columns]
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Choose))
        return fewer, [column.key for column in table.columns]

    fewer, after = open_performance(measured, steps)
    assert "310" not in fewer
    assert "310P" in fewer
    assert after == fewer


def test_brackets_and_m_change_the_model_for_all_screens(measured):
    async def steps(app, pilot, table):
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: app.screen.told.model != "ghostnet" and table.rows)
        after = (app.screen.model, app.state.model)
        await pilot.press("m", "d")
        await until(pilot, lambda: app.screen.told.model == "deepmar" and table.rows)
        return after, app.state.model, cells_of(table, "16")["310"]

    after, chosen, doubtful = open_performance(measured, steps)
    assert after[0] == after[1] != "ghostnet"
    assert chosen == "deepmar"
    assert doubtful.startswith("*?^")


def test_a_model_that_is_chosen_elsewhere_is_shown_here(measured):
    async def steps(app, pilot, table):
        app.change(model="moco_v2")
        await until(pilot, lambda: app.screen.told.model == "moco_v2" and table.rows)
        return shown(app)

    assert "Performance > moco_v2" in open_performance(measured, steps)


def test_a_model_that_nothing_is_known_of_says_so(measured):
    async def steps(app, pilot, table):
        app.change(model="nobody")
        await until(pilot, lambda: "nobody" in table.empty)
        await pilot.pause()
        return shown(app)

    assert "there is no model 'nobody'" in open_performance(measured, steps)


def test_figures_are_asked_for_again_when_a_run_ends(measured):
    """A verdict must be here without leaving the screen and coming back."""

    async def steps(app, pilot, table):
        from types import SimpleNamespace

        before = cells_of(table, "4")[OWN]
        newer = "20261120-131500-ghostnet-abcd"
        app.change(live=(SimpleNamespace(run_id=newer),))
        folder = figured_run(measured.workspace, newer, performance=[rate_row(4, 120.0)])
        write_rate(folder, 4)
        app.change(live=())
        await until(pilot, lambda: cells_of(table, "4")[OWN] != before)
        return before, cells_of(table, "4")[OWN], table.heads

    before, after, heads = open_performance(measured, steps)
    assert before == "–"
    assert after == "120.0"
    assert "sample abcd" in heads


def test_an_answer_that_comes_too_late_is_not_shown(measured, monkeypatch):
    """Two questions may be answered in the other order."""

    async def steps(app, pilot, table):
        held = []
        monkeypatch.setattr(app, "ask", lambda name, request, receive: held.append(receive))
        answer = app.screen
        asked = []
        monkeypatch.setattr(answer, "arrived", asked.append)
        answer.ask()
        answer.ask()
        from types import SimpleNamespace

        for number in (1, 0):
            document = {"rows": [], "number": number}
            held[number](SimpleNamespace(error=None, answered=SimpleNamespace(document=document)))
        return asked

    assert open_performance(measured, steps) == [{"rows": [], "number": 1}]


def test_enter_tells_everything_about_a_measurement(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, OWN, "8")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Page))
        await pilot.pause()
        return shown(app)

    text = open_performance(measured, steps, size=(100, 40))
    for word in (RUN, "ONNX Runtime 1.31.1", "98.00, 100.0, 101.0", "after 10 to warm up",
                 "p99 662", "12.00 ms, fastest 9.000", "H2D – ms", "over time"):  # fmt: skip
        assert word in text, word


def test_enter_on_a_published_figure_shows_its_document(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, "310P", "16")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Page))
        await pilot.pause()
        return shown(app)

    text = open_performance(measured, steps, size=(100, 50))
    for word in ("3,438.7936", "compute ms", "h2d ms", "CANN 5.1.RC1", "line 251"):
        assert word in text, word


def test_c_copies_the_figure_with_its_source(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, "310P", "8")
        await pilot.press("c")
        await pilot.pause()
        published = measured.clipboard
        await go_to(pilot, table, OWN, "8")
        await pilot.press("c")
        await pilot.pause()
        return published, measured.clipboard

    published, own = open_performance(measured, steps)
    assert "3,739.9555" in published
    assert "ghostnet-guide, line 255" in published
    assert "CPU, not an NPU result" in own
    assert "77aa" in own


def test_x_writes_the_table_as_the_guides_do(measured, tmp_path):
    async def steps(app, pilot, table):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one("Input").value = str(tmp_path / "out.md")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "out.md").exists())
        return {suffix: write() for suffix, write in table.writers.items()}

    forms = open_performance(measured, steps)
    text = (tmp_path / "out.md").read_text()
    assert text == forms[".md"]
    assert "| 1 | 1348.024 | 1502.4291 | 219.2172 | 88 (not valid) | 1.1145 | 6.8536 |" in text
    assert "CPU, not an NPU result" in text
    assert "recomputed: met" in text
    rows = list(csv.DictReader(io.StringIO(forms[".csv"])))
    assert {row["column"] for row in rows} >= {"310", OWN, "310P/T4"}
    document = json.loads(forms[".json"])
    (own,) = (row for row in document["figures"] if row["column"] == OWN and row["batch_size"] == 8)
    assert (own["value"], own["valid"], own["run_id"]) == (133.9, True, RUN)


def test_o_writes_the_report_of_the_run_under_the_cursor(measured, tmp_path):
    async def steps(app, pilot, table):
        await go_to(pilot, table, OWN, "8")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one("Input").value = str(tmp_path / "out.csv")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "out.csv").exists())
        return (tmp_path / "out.csv").read_text()

    assert RUN in open_performance(measured, steps)


def test_z_shows_the_plot_alone_and_escape_comes_back(measured):
    async def steps(app, pilot, table):
        await pilot.press("z")
        await pilot.pause()
        zoomed = (app.screen.query_one(Plot).region.height, table.region.height)
        await pilot.press("escape")
        await pilot.pause()
        return zoomed, table.region.height, app.focused is table

    zoomed, height, focused = open_performance(measured, steps)
    assert zoomed[0] > 15
    assert zoomed[1] == 0
    assert height > 5
    assert focused


def test_escape_clears_a_filter_and_then_has_nothing_to_undo(measured):
    async def steps(app, pilot, table):
        table.filter_words = "best"
        rows = len(table.rows)
        return rows, app.screen.back(), len(table.rows), app.screen.back()

    assert open_performance(measured, steps) == (1, True, 6, False)


def test_another_language_fills_the_screen_again(measured):
    async def steps(app, pilot, table):
        app.set_language("zh")
        await until(pilot, lambda: table is not app.screen.query_one(CellTable))
        await until(pilot, lambda: app.screen.query_one(CellTable).rows)
        return shown(app)

    assert "ghostnet" in open_performance(measured, steps)
