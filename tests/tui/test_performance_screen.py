"""The screen Performance: whose figure, of what, how far it can be trusted, against which gate."""

from __future__ import annotations

import pytest

from ascend_console.tui import performance_figures as figures
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.choose import Choose
from ascend_console.tui.widgets.rule import Panel
from tests.tui.figure_runs import FOREIGN, figured_run, measured_run, rate_row
from tests.tui.figure_screens import cell_facts, cells_of, go_to, open_performance
from tests.tui.screen_text import shown, text_of, until, widths_of

OWN = "cpu:0 onnxruntime fp32 sample"
NPU = "20261120-121500-ghostnet-0e0e"


@pytest.fixture
def measured(console):
    """A workspace with one run that measured three batch sizes of GhostNet on the CPU."""
    measured_run(console.workspace)
    return console


# --- what stands there ---------------------------------------------------------------------------


def test_it_looks_like_this_at_80x24(measured):
    async def steps(app, pilot, table):
        return text_of(app)

    lines = open_performance(measured, steps)
    assert lines[1:10] == [
        "━━ Performance > ghostnet ━━ img/s per card (310: 4 chips, x4), device time ━━━━",
        " Batch       310      310P        T4       cpu:0  310P/310   310P/T4    310/T4",
        "       published published published sample 77aa  gate 1.2  gate 1.6  gate 1.0",
        "     1     1,348     1,502     219.2      !88.00  1.11 low   6.85 ok   6.15 ok",
        "     4     2,234     2,318     701.0           –  1.04 low   3.31 ok   3.19 ok",
        "     8     2,464    *3,740    *1,033      *133.9   1.52 ok   3.62 ok   2.39 ok",
        "    16     2,625    ^3,439     925.0           –   1.31 ok   3.72 ok   2.84 ok",
        "    32    *2,689     3,021    ^447.9      r97.10  1.12 low  ^6.75 ok   6.00 ok",
        "  best  2,689@32   3,740@8   1,033@8     133.9@8   1.39 ok   3.62 ok   2.60 ok",
    ]
    cell = "── cpu:0 batch 1 ── run 77aa, sample weights, CPU, not an NPU result ───────────"
    assert cell in lines
    assert lines[23] == "/ Filter c Copy m Model u Card/chip t Figure z Zoom v Show ? Help q Quit"


def test_the_plot_comes_with_room_and_letters_stand_for_columns(measured):
    async def steps(app, pilot, table):
        return text_of(app), widths_of(app)

    lines, widths = open_performance(measured, steps, size=(120, 36))
    (title,) = (n for n, line in enumerate(lines) if "Throughput over batch size" in line)
    assert "a 310  b 310P  c T4  d cpu:0" in lines[title]
    plot = "\n".join(lines[title + 1 : 35])
    assert all(letter in plot for letter in "abcd")
    assert lines[34].split() == ["1", "4", "8", "16", "32"]
    assert max(widths) == 120


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (60, 16)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_line_is_wider_than_the_terminal(measured, size, lang):
    async def steps(app, pilot, table):
        await pilot.press("z")
        plotted = widths_of(app)
        return max(*widths_of(app), *plotted)

    assert open_performance(measured, steps, size=size, lang=lang) <= size[0]


def test_ascii_signs_are_7_bit_and_the_plot_has_bars(measured):
    async def steps(app, pilot, table):
        text = shown(app)
        await pilot.press("z")
        return text, shown(app)

    text, plotted = open_performance(measured, steps, glyphs="ascii")
    assert text.isascii()
    assert plotted.isascii()
    assert plotted.count("#") > 20


def test_without_colours_every_mark_is_still_there(measured):
    async def steps(app, pilot, table):
        return shown(app)

    text = open_performance(measured, steps, look="mono")
    assert "!88.00" in text
    assert "! not valid" in text


# --- whose figure it is --------------------------------------------------------------------------


def test_a_cpu_stands_in_no_ratio_with_an_npu(measured):
    """Question 15 and 17: a CPU figure is named, and decides nothing."""

    async def steps(app, pilot, table):
        return [ratio.key for ratio in app.screen.told.ratios], figures.own_pairs(app.screen.told)

    ratios, pairs = open_performance(measured, steps)
    assert ratios == ["310P/310", "310P/T4", "310/T4"]
    assert pairs == []


def test_an_npu_run_of_ours_can_be_compared_and_is_never_gated(console):
    rows = [rate_row(8, 800.0, card_throughput=3200.0, card_factor=4)]
    figured_run(console.workspace, NPU, device="npu:0", weights="official", performance=rows)

    async def steps(app, pilot, table):
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        offered = [row.key for row in app.screen.query_one("Table").rows]
        pair = next(key for key in offered if key.endswith("/310P") and key.startswith("npu:0"))
        table_of_choice = app.screen.query_one("Table")
        table_of_choice.select(pair)
        await pilot.press("space", "enter")
        await until(pilot, lambda: any(c.key == pair for c in table.columns))
        return pair, cells_of(table, "8")[pair], app.screen.told.ratio(pair)

    _, text, ratio = open_performance(console, steps, size=(160, 40))
    assert float(text) > 0
    assert "ok" not in text
    assert "low" not in text
    assert all(row["gate"] is None and row["passed"] is None for row in ratio.rows.values())


def test_untrusted_and_random_figures_are_no_best_and_say_why(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, OWN, "1")
        invalid = cell_facts(app)
        await go_to(pilot, table, OWN, "32")
        random = cell_facts(app)
        return invalid, random, cells_of(table, "best")[OWN]

    invalid, random, best = open_performance(measured, steps)
    assert ("not valid", FOREIGN["message"]) in invalid
    assert ("do", FOREIGN["hint"]) in invalid
    assert ("input", "random input: approximate, meets no gate") in random
    assert best == "133.9@8"


def test_a_percentile_that_too_few_samples_support_is_unknown_and_says_how_many(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, OWN, "8")
        return dict(cell_facts(app))

    told = open_performance(measured, steps)
    assert "p90 9.500" in told["figures"]
    assert "p99 – (114 of 662 samples)" in told["figures"]
    assert told["valid"] == "windows within 3.1 %, variation 1.9 %, no other process"


def test_a_published_figure_tells_its_line_and_what_is_odd_about_it(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, "310P", "16")
        panel = app.screen.query_one("#detail", Panel)
        return panel.title, panel.state, dict(cell_facts(app))

    title, state, told = open_performance(measured, steps)
    assert (title, state) == ("310P batch 16", "published, official")
    assert told["printed in"].startswith("ghostnet-guide, line 256")
    assert told["note"].startswith("Unstable")


def test_best_against_best_decides_and_the_same_batch_does_not(measured):
    async def steps(app, pilot, table):
        await go_to(pilot, table, "310P/310", "best")
        best = dict(cell_facts(app))
        await go_to(pilot, table, "310P/310", "4")
        return best, dict(cell_facts(app)), {cell.role for cell in table.rows[1].cells[5:8]}

    best, same, roles = open_performance(measured, steps)
    assert best["ratio"].endswith("310P at batch 8 against 310 at batch 32")
    assert "best against best decides" in best["gate"]
    assert same["gate"] == "at least 1.2: 1.04 low; the same batch size decides nothing"
    assert roles == {"muted"}


def test_the_judgements_stand_below_published_and_recomputed(measured):
    async def steps(app, pilot, table):
        return [fact.text for fact in app.screen.query_one("#judged", Block).facts]

    published, recomputed = open_performance(measured, steps)
    assert published.startswith("published (ghostnet-guide, line 259): met.")
    assert recomputed.startswith("recomputed: met; 310P/310: 1.391")
