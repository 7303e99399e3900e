"""The screen Accuracy: from a figure to the image that is wrong, and what judges it."""

from __future__ import annotations

import pytest

from ascend_console.tui import accuracy_figures as figures
from ascend_console.tui.accuracy_predictions import (
    attribute_counts,
    read_predictions,
)
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.widgets.ask import AskText, Page
from tests.tui.figure_runs import (
    FINGERPRINT,
    OLDER,
    PERSONS,
    RUN,
    accuracy_row,
    judged_run,
    paired,
    persons_run,
)
from tests.tui.figure_screens import (
    enter,
    facts,
    image_facts,
    open_accuracy,
    table_of,
    texts,
)
from tests.tui.screen_text import shown, text_of, until, widths_of

PERSONS_RUN = "20261120-111500-deepmar-0d0d"


@pytest.fixture
def judged(console):
    """A workspace with one run whose predictions differ from those of torch."""
    judged_run(console.workspace)
    return console


@pytest.fixture
def said(monkeypatch):
    """What the console said in toasts."""
    heard = []
    monkeypatch.setattr(ConsoleApp, "say", lambda app, text, *_: heard.append(text))
    return heard


# --- figures -------------------------------------------------------------------------------------


def test_it_looks_like_this_at_80x24(judged):
    async def steps(app, pilot, screen):
        await until(pilot, lambda: len(facts(screen)) >= 3)
        return text_of(app)

    lines = open_accuracy(judged, steps)
    assert lines[1:5] == [
        "━━ Accuracy ━━ 12 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        " Model       Runs on                   Batch Value %  Ref % Diff pt Gate",
        " ghostnet    ort cpu:0                     1   50.00  75.00  -25.00 ? INCOMPLETE",
        " ghostnet    ort cpu:0                     8   75.00  75.00   +0.00 ✓ PASS",
    ]
    (rule,) = (n for n, line in enumerate(lines) if line.startswith("── Evidence"))
    assert lines[rule + 1] == "  against     75.00 %, torch float32 on the same 4 images"
    assert lines[23].startswith("/ Filter c Copy m Model d Compare z Zoom v Show ? Help q Quit")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (60, 16)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_line_is_wider_than_the_terminal(judged, size, lang):
    async def steps(app, pilot, screen):
        widest = max(widths_of(app))
        for level in ("classes", "images", "image"):
            await enter(pilot, screen, level)
            widest = max(widest, *widths_of(app))
        return widest

    assert open_accuracy(judged, steps, size=size, lang=lang) <= size[0]


def test_with_room_interval_images_and_data_type_are_there(judged):
    async def steps(app, pilot, screen):
        return text_of(app)

    lines = open_accuracy(judged, steps, size=(120, 36))
    assert lines[2].split()[-8:] == ["Gate", "Images", "Type", "95", "%", "of", "diff", "pt"]
    assert "-60.00 .. +40.00" in lines[3]


@pytest.mark.parametrize(
    ("row", "gate"),
    [
        ({"passed": None}, None),
        ({"passed": True}, "PASS"),
        ({"passed": False, "value": 0.5, "images_needed": 900}, "INCOMPLETE"),
        ({"passed": False, "value": None}, "INCOMPLETE"),
        ({"passed": False, "value": 0.5, "interval": [0.02, 0.05], "tolerance": 1.0}, "FAIL"),
        ({"passed": False, "value": 0.5, "interval": [0.01, 0.05], "tolerance": 1.0}, "INCOMPLETE"),
        ({"passed": False, "value": 0.5, "reference": 0.7}, "FAIL"),
    ],
)
def test_a_gate_that_was_not_passed_fails_only_where_the_drop_is_proven(row, gate):
    """A row records only that it did not pass; too few images are no FAIL."""
    assert figures.gate_of(row) == gate


def test_v_shows_every_metric_and_then_the_main_ones(judged):
    async def steps(app, pilot, screen):
        main = len(table_of(screen).rows)
        await pilot.press("v")
        every = [row.cells[3].text for row in table_of(screen).rows]
        await pilot.press("v")
        return main, every, len(table_of(screen).rows)

    main, every, again = open_accuracy(judged, steps)
    assert main == again < len(every)
    assert {"Top-1", "Top-2", "Top-5"} <= set(every)


def test_the_evidence_says_why_in_the_words_of_the_run(console):
    """What decides is the reason of the verdict, with its figures."""
    reason = {
        "id": "accuracy.undecided", "hint": "", "message": "bs1 Top-1: drop 25.00 points on 4",
        "args": {"at": "bs1 ", "title": "Top-1"},
    }  # fmt: skip
    judged_run(console.workspace, reasons=[reason], images=None)

    async def steps(app, pilot, screen):
        await until(pilot, lambda: dict(facts(screen)).get("paired", "").startswith("bs1"))
        first = dict(facts(screen))
        await pilot.press("down")
        await pilot.pause()
        return first, dict(facts(screen))

    first, second = open_accuracy(console, steps)
    assert first["paired"] == reason["message"]
    assert second["paired"].startswith("0 of")
    assert "same pixels as the reference" in first["preprocess"]
    assert "Pillow 13.0.0 bilinear short 8, crop 8" in first["preprocess"]


def test_sample_weights_are_never_silently_beside_published_figures(console):
    judged_run(console.workspace, weights="sample")

    async def steps(app, pilot, screen):
        await until(pilot, lambda: len(facts(screen)) >= 4)
        return texts(table_of(screen), 0), dict(facts(screen))

    row, told = open_accuracy(console, steps)
    assert row[1] == "ort cpu:0 sample"
    assert told["weights"] == "sample weights and data: nothing about published figures"


def test_runs_of_other_pixels_are_named_in_the_evidence(console):
    judged_run(console.workspace)
    other = {**FINGERPRINT, "pillow": "12.0.0"}
    judged_run(
        console.workspace, OLDER, fingerprint=other,
        accuracy=[accuracy_row(16, "top1", **paired(0.5, 0.5, (0, 0), passed=True))],
    )  # fmt: skip

    async def steps(app, pilot, screen):
        await until(pilot, lambda: len(facts(screen)) >= 4)
        return [text for label, text in facts(screen) if label == "note"]

    assert open_accuracy(console, steps) == [
        "figures of 2 preprocessings: do not compare across them"
    ]


def test_enter_on_a_published_figure_shows_where_it_is_printed(judged):
    async def steps(app, pilot, screen):
        table = table_of(screen)
        (key,) = (key for key, row in screen.told.rows.items()
                  if row["model"] == "deepmar" and row["batch_size"] == 1
                  and row["metric"] == "instance_acc")  # fmt: skip
        table.select(key)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Page))
        await pilot.pause()
        return shown(app)

    text = open_accuracy(judged, steps, size=(100, 40))
    assert "deepmar-guide, line 197" in text
    assert "recomputed: met" in text


def test_the_followed_run_has_the_cursor_and_its_model_is_shown(console):
    judged_run(console.workspace)
    persons_run(console.workspace)

    async def run(app, pilot):
        app.follow(console.workspace / "runs" / PERSONS_RUN)
        await until(pilot, lambda: app.state.run is not None)
        await pilot.press("3")
        await until(pilot, lambda: getattr(app.screen, "told", None) and app.screen.told.rows)
        await until(pilot, lambda: app.screen.model == "deepmar")
        await until(pilot, lambda: table_of(app.screen).row is not None)
        return table_of(app.screen).row.key, {row["model"] for row in app.screen.told.rows.values()}

    key, models = console.drive(run, start="runs")
    assert key.startswith(PERSONS_RUN)
    assert models == {"deepmar"}


def test_m_offers_all_models_too(judged):
    async def steps(app, pilot, screen):
        await pilot.press("m", "d")
        await until(pilot, lambda: screen.model == "deepmar" and screen.told.rows)
        one = {row["model"] for row in screen.told.rows.values()}
        await pilot.press("m")
        await pilot.press(*["up"] * 6, "enter")
        await until(pilot, lambda: screen.model is None and len(screen.told.rows) > 20)
        return one, app.state.model

    assert open_accuracy(judged, steps) == ({"deepmar"}, None)


def test_o_asks_where_the_report_goes_and_published_figures_have_none(judged, tmp_path):
    async def steps(app, pilot, screen):
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one("Input").value = str(tmp_path / "r.csv")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "r.csv").exists())
        await pilot.press("end", "o")
        await pilot.pause()
        return (tmp_path / "r.csv").read_text(), app.screen is screen

    text, stayed = open_accuracy(judged, steps)
    assert RUN in text
    assert stayed


# --- comparing -----------------------------------------------------------------------------------


def test_d_compares_two_marked_figures_image_by_image(console):
    judged_run(console.workspace, reference=False)

    async def steps(app, pilot, screen):
        await pilot.press("space", "space", "d")
        await until(pilot, lambda: screen.level == "classes")
        await pilot.pause()
        return text_of(app)[1:3], texts(table_of(screen), 0)

    lines, row = open_accuracy(console, steps)
    assert "against B: ort cpu:0 batch 8" in lines[0]
    assert "B correct" in lines[1]
    assert row[4:] == ["2", "0"]


def test_d_wants_two_own_figures_of_one_model(judged, said):
    async def steps(app, pilot, screen):
        await pilot.press("space", "d")
        await until(pilot, lambda: said == ["mark two own figures of one model with Space"])
        return screen.level

    assert open_accuracy(judged, steps) == "figures"


def test_comparing_other_pixels_warns(console, said):
    """Figures of two preprocessings say nothing about each other."""
    other = {**FINGERPRINT, "pillow": "12.0.0"}
    judged_run(console.workspace)
    judged_run(
        console.workspace, OLDER, fingerprint=other, weights="sample",
        accuracy=[accuracy_row(1, "top1", 0.5)],
    )  # fmt: skip

    async def steps(app, pilot, screen):
        (theirs,) = (key for key in screen.told.rows if key.startswith(OLDER))
        ours = next(iter(screen.told.rows))
        table_of(screen).marked |= {ours, theirs}
        await pilot.press("d")
        await until(pilot, lambda: screen.level == "classes")
        return said

    assert open_accuracy(console, steps) == ["preprocessing differs, do not compare"]


# --- attributes ----------------------------------------------------------------------------------


def test_attributes_have_precision_recall_and_ma_and_lead_to_their_images(console):
    persons_run(console.workspace)

    async def steps(app, pilot, screen):
        await enter(pilot, screen, "classes")
        rows = {row.key: [cell.text for cell in row.cells] for row in table_of(screen).rows}
        order = [row.key for row in table_of(screen).rows]
        table_of(screen).select("2")
        await enter(pilot, screen, "images")
        await pilot.press("v")
        await until(pilot, lambda: len(table_of(screen).rows) == 1)
        wrong = texts(table_of(screen), 0)
        await enter(pilot, screen, "image")
        return rows, order, wrong, image_facts(screen)

    rows, order, wrong, told = open_accuracy(console, steps)
    assert rows["0"] == ["Hat", "2", "100.00", "50.00", "75.00", "75.00", "0"]
    assert rows["1"][2:5] == ["100.00"] * 3
    assert rows["2"] == ["Male", "1", "50.00", "100.00", "75.00", "100.00", "1"]
    assert order == ["*", "0", "2", "1"]
    assert wrong == ["b.png", "no", "! yes", "no", "1"]
    assert told["ort"] == "✗false Male"
    assert told["Ref"] == "✓right"
    assert told["true"] == "Bag"


def test_counts_of_attributes_are_those_of_the_published_formulas(tmp_path):
    """mA and its parts must be what the run itself says of the same predictions."""
    import numpy as np

    from ascend_console.core import metrics

    folder = persons_run(tmp_path)
    found = read_predictions(folder, 1, "fp32")
    truth = np.array([[int(bit) for bit in row[1]] for row in PERSONS])
    scores = np.array([[1.0 if bit == "1" else -1.0 for bit in row[2]] for row in PERSONS])
    known = metrics.attribute_metrics(scores, truth)
    ours = sorted(attribute_counts(found), key=lambda entry: entry.index)
    assert [entry.mean for entry in ours] == list(known.label_acc)
    assert [entry.recall for entry in ours] == list(known.label_pos_acc)
