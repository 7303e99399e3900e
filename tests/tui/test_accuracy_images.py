"""The screen Accuracy below its figures: classes, images, one image and its picture."""

from __future__ import annotations

import pytest

from ascend_console.tui.accuracy_view import ImageView
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.picture import Picture
from tests.tui.figure_runs import (
    CLASSES,
    accuracy_row,
    figured_run,
    judged_run,
    write_images,
)
from tests.tui.figure_screens import (
    down_to_images,
    enter,
    image_facts,
    open_accuracy,
    table_of,
    texts,
)
from tests.tui.screen_text import shown, text_of, until


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


def test_enter_goes_down_to_one_image_and_escape_up_again(judged):
    async def steps(app, pilot, screen):
        seen = []
        for level in ("classes", "images", "image"):
            await enter(pilot, screen, level)
            seen.append(text_of(app)[1])
        for level in ("images", "classes", "figures"):
            await pilot.press("escape")
            await pilot.pause()
            assert screen.level == level
        return seen, screen.back()

    titles, more = open_accuracy(judged, steps)
    assert titles[0].startswith("━━ Accuracy > ghostnet ort cpu:0 batch 1 ━━ 3")
    assert "> 3 > all ━━ 2" in titles[1]
    assert "> cat_1.png ━━ 1 of 2, all, the file" in titles[2]
    assert not more


def test_classes_stand_with_the_worst_first_and_counts_of_both(judged):
    async def steps(app, pilot, screen):
        await enter(pilot, screen, "classes")
        return [texts(table_of(screen), number) for number in range(3)]

    everything, first, second = open_accuracy(judged, steps)
    assert everything == ["all classes", "4", "2", "50.00", "3", "1"]
    assert first == ["3", "2", "1", "50.00", "2", "1"]
    assert second == ["4", "2", "1", "50.00", "1", "0"]


def test_v_goes_from_all_images_to_wrong_ones_and_those_that_differ(judged):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        found = []
        for mode in ("wrong", "differing", "all"):
            found.append([row.key for row in table_of(screen).rows])
            await pilot.press("v")
            await until(pilot, lambda mode=mode: screen.mode == mode)
            await until(pilot, lambda: f"> {screen.mode}" in text_of(app)[1])
        return found

    every, wrong, differing = open_accuracy(judged, steps)
    assert len(every) == 4
    assert wrong == ["cat_2.png", "[b]dog\n1.png"]
    assert differing == ["cat_2.png"]


def test_names_with_markup_and_newlines_are_text(judged):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        return shown(app)

    assert "[b]dog\\n1.png" in open_accuracy(judged, steps)


def test_a_run_without_reference_predictions_shows_a_dash_and_says_so(console):
    judged_run(console.workspace, reference=False)

    async def steps(app, pilot, screen):
        await enter(pilot, screen, "classes")
        row = texts(table_of(screen), 0)
        await pilot.press("home")
        await enter(pilot, screen, "images")
        names = [texts(table_of(screen), number)[3] for number in range(4)]
        await enter(pilot, screen, "image")
        return row, names, image_facts(screen)

    row, names, told = open_accuracy(console, steps)
    assert row[4:] == ["–", "–"]
    assert names == ["–"] * 4
    assert told["torch"] == "– the run did not keep its predictions"


def test_shares_of_the_first_classes_give_the_margin(console):
    judged_run(console.workspace, shares=True)

    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        margin = texts(table_of(screen), 0)[4]
        await enter(pilot, screen, "image")
        return margin, image_facts(screen)

    margin, told = open_accuracy(console, steps)
    assert margin == "0.360"
    assert told["ort"] == "✓3  0.61  right"
    assert told["top 2"] == "3 0.61, 4 0.25"


def test_an_image_tells_truth_predictions_and_path(judged):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await pilot.press("down")
        await enter(pilot, screen, "image")
        await until(pilot, lambda: "pixels" in image_facts(screen))
        told = image_facts(screen)
        await pilot.press("c")
        await pilot.pause()
        return told, judged.clipboard

    told, copied = open_accuracy(judged, steps)
    assert told["true"] == "3"
    assert told["ort"] == "✗4  wrong, the true class is at place 2"
    assert told["torch"] == "✓3  right"
    assert told["pixels"] == "20x10, wrong extension" or told["pixels"] == "20x10"
    assert told["file"] == copied == str(judged.workspace / "images" / "cat_2.png")


def test_left_and_right_walk_through_the_images_that_are_shown(judged):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await pilot.press("v")
        await until(pilot, lambda: len(table_of(screen).rows) == 2)
        await enter(pilot, screen, "image")
        first = text_of(app)[1]
        await pilot.press("right")
        await pilot.pause()
        second = text_of(app)[1]
        await pilot.press("right", "left")
        await pilot.pause()
        return first, second, text_of(app)[1]

    first, second, again = open_accuracy(judged, steps)
    assert "cat_2.png ━━ 1 of 2, wrong" in first
    assert "2 of 2, wrong" in second
    assert again == first


def test_f_shows_what_the_model_saw(judged):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await enter(pilot, screen, "image")
        await until(pilot, lambda: "pixels" in image_facts(screen))
        file = screen.query_one(Picture)._wanted
        await pilot.press("f")
        await pilot.pause()
        return file, screen.query_one(Picture)._wanted, text_of(app)[1]

    file, seen, title = open_accuracy(judged, steps)
    assert file[1] is None
    assert (seen[1].resize, seen[1].size, seen[1].crop) == ("short", 8, 8)
    assert "as the model saw it" in title


def test_an_image_that_is_gone_is_said_in_place_of_the_picture(console):
    images = write_images(console.workspace / "few", [CLASSES[0][0]])
    judged_run(console.workspace, images=images)

    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await pilot.press("down")
        await enter(pilot, screen, "image")
        return image_facts(screen)

    told = open_accuracy(console, steps)
    assert told["file"] == "!it is not in the data set of the run any more"


def test_a_data_set_of_another_machine_is_named(console):
    judged_run(console.workspace, images="/not/here")

    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await enter(pilot, screen, "image")
        return image_facts(screen)

    assert "/not/here" in open_accuracy(console, steps)["file"]


def test_a_damaged_image_says_why_and_the_screen_goes_on(judged):
    (judged.workspace / "images" / "cat_1.png").write_bytes(b"no picture")

    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await enter(pilot, screen, "image")
        await until(pilot, lambda: "unreadable" in image_facts(screen))
        await pilot.press("right")
        await until(pilot, lambda: "pixels" in image_facts(screen))
        return image_facts(screen)

    assert "unreadable" not in open_accuracy(judged, steps)


@pytest.mark.parametrize("wanted", [{"look": "mono"}, {"look": "terminal"}, {"glyphs": "ascii"}])
def test_without_colours_or_signs_there_are_facts_and_no_picture(judged, wanted):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await enter(pilot, screen, "image")
        await until(pilot, lambda: "pixels" in image_facts(screen))
        return shown(app), screen.query_one(Picture).region.height

    text, height = open_accuracy(judged, steps, **wanted)
    assert "▀" not in text
    assert height == 0
    assert "cat_1.png" in text


@pytest.mark.parametrize(("size", "beside"), [((80, 24), False), ((120, 36), True)])
def test_the_picture_stands_above_the_facts_or_beside_them(judged, size, beside):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        await enter(pilot, screen, "image")
        await until(pilot, lambda: "▀" in shown(app))
        picture, block = screen.query_one(Picture), screen.query_one(ImageView).query_one(Block)
        return picture.region, block.region

    picture, block = open_accuracy(judged, steps, size=size)
    assert (block.x > picture.right - 1) == beside
    assert (block.y > picture.bottom - 1) != beside


def test_a_run_that_kept_no_predictions_says_so_and_stays(console, said):
    figured_run(console.workspace, accuracy=[accuracy_row(1, "top1", 0.5)])

    async def steps(app, pilot, screen):
        await pilot.press("enter")
        await until(pilot, lambda: said and "kept no predictions" in said[0])
        return screen.level

    assert open_accuracy(console, steps, size=(120, 36)) == "figures"


def test_escape_clears_a_filter_before_it_goes_up(judged):
    async def steps(app, pilot, screen):
        await down_to_images(pilot, screen)
        table_of(screen).filter_words = "cat"
        filtered = len(table_of(screen).rows)
        screen.back()
        return filtered, len(table_of(screen).rows), screen.level

    assert open_accuracy(judged, steps) == (2, 4, "images")


def test_the_level_stays_while_the_screen_is_left_and_figures_arrive(judged):
    async def steps(app, pilot, screen):
        await enter(pilot, screen, "classes")
        await pilot.press("5")
        await pilot.pause()
        await pilot.press("3")
        await until(pilot, lambda: app.screen is screen)
        await pilot.pause()
        return screen.level, app.focused is table_of(screen)

    assert open_accuracy(judged, steps) == ("classes", True)


def test_another_language_begins_with_the_figures_again(judged):
    async def steps(app, pilot, screen):
        await enter(pilot, screen, "classes")
        before = table_of(screen)
        app.set_language("zh")
        await until(pilot, lambda: screen.query_one("#classes Table") is not before)
        await until(pilot, lambda: screen.level == "figures" and table_of(screen).rows)
        return len(table_of(screen).rows)

    assert open_accuracy(judged, steps) > 2
