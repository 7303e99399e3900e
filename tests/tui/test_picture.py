"""Pictures of half blocks: as large as asked, of the right colours, and never in the way."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from textual.screen import Screen

from ascend_console.core.errors import ConsoleError
from ascend_console.core.settings import ScreenSettings, Settings
from ascend_console.core.variants import VARIANTS
from ascend_console.tools import images
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.widgets import picture
from ascend_console.tui.widgets.picture import Picture, half_blocks, take
from tests.tui.figure_runs import write_images
from tests.tui.screen_text import shown, until


@pytest.fixture
def red_and_blue(tmp_path):
    """A file of 20 x 10 pixels, red at the left and blue at the right."""
    return write_images(tmp_path / "images", ["a.png", "b.png"]) / "a.png"


def colours(strip):
    """Foreground and background of every cell of a line."""
    return [
        (segment.style.color.triplet, segment.style.bgcolor.triplet)
        for segment in strip
        for _ in segment.text
    ]


def test_a_cell_has_the_colours_of_two_pixels():
    image = Image.new("RGB", (2, 2))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)])
    (strip,) = half_blocks(image, 2, 1)
    assert colours(strip) == [((255, 0, 0), (0, 0, 255)), ((0, 255, 0), (9, 9, 9))]
    assert strip.text == "▀▀"


def test_neighbours_of_the_same_colours_are_one_segment():
    (strip,) = half_blocks(Image.new("RGB", (8, 2), (1, 2, 3)), 8, 1)
    assert [segment.text for segment in strip] == ["▀" * 8]


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 80), st.integers(1, 40))
def test_a_picture_fits_and_fills_one_direction(width, height, cells_wide, cells_high):
    """Its ratio is kept, but for the half cell that a terminal cannot draw."""
    strips = half_blocks(Image.new("RGB", (width, height)), cells_wide, cells_high)
    wide = {strip.cell_length for strip in strips}
    assert len(wide) == 1
    assert 1 <= len(strips) <= cells_high
    assert wide.pop() <= cells_wide
    assert strips[0].cell_length == cells_wide or len(strips) == cells_high


def test_what_the_model_saw_is_the_crop_of_its_preprocessing(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((300, 400), 60).convert("RGB").save(path)
    variant = VARIANTS["ghostnet"]
    shot = take(path, variant)
    tensor = images.preprocess_file(path, variant)
    seen = images.normalised(picture_array(shot.image), variant)
    assert shot.image.size == (224, 224)
    assert shot.size == (300, 400)
    assert (seen == tensor).all()


def picture_array(image):
    import numpy as np

    return np.asarray(image)


def test_what_is_special_about_a_file_comes_with_it(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (4, 4)).save(path)
    assert take(path, None).notes == ("grayscale",)


def test_a_file_that_is_no_image_is_an_error_of_ours(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(ConsoleError):
        take(tmp_path / "a.png", None)


class Shown(Screen):
    """A screen whose only widget is a picture; it keeps what it hears of it."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def compose(self):
        yield Picture()

    def on_picture_taken(self, message):
        self.heard.append(("taken", message.path.name, message.size))

    def on_picture_failed(self, message):
        self.heard.append(("failed", message.path.name, message.error.id))


def drive(tmp_path, steps, *, look="dark", glyphs="unicode", size=(40, 12)):
    """Run `steps(app, pilot, picture, heard)` with a picture on an empty screen."""

    async def run():
        settings_of = Settings(workspace=tmp_path, screen=ScreenSettings(glyphs=glyphs))
        app = ConsoleApp(settings_of, start="runs", look=look)
        async with app.run_test(size=size) as pilot:
            screen = Shown()
            await app.push_screen(screen)
            await pilot.pause()
            return await steps(app, pilot, screen.query_one(Picture), screen.heard)

    return asyncio.run(run())


def test_a_picture_is_drawn_when_it_is_decoded_and_again_for_another_size(tmp_path, red_and_blue):
    async def steps(app, pilot, widget, heard):
        widget.show(red_and_blue)
        await until(pilot, lambda: "▀" in shown(app))
        first = shown(app).count("▀")
        await pilot.resize_terminal(20, 12)
        await until(pilot, lambda: 0 < shown(app).count("▀") < first)
        return heard

    assert drive(tmp_path, steps) == [("taken", "a.png", (20, 10))]


def test_only_the_last_picture_that_was_asked_for_is_shown(tmp_path, red_and_blue, monkeypatch):
    """Whoever holds the key down sees where he stops, not what he passed."""
    other = red_and_blue.with_name("b.png")

    async def steps(app, pilot, widget, heard):
        widget.show(red_and_blue)
        widget.show(other)
        await until(pilot, lambda: heard)
        await until(pilot, lambda: not any(worker.is_running for worker in app.workers))
        return heard

    assert drive(tmp_path, steps) == [("taken", "b.png", (20, 10))]


def test_a_file_that_cannot_be_shown_is_told_and_leaves_nothing(tmp_path, red_and_blue):
    bad = tmp_path / "bad.png"
    bad.write_text("no")

    async def steps(app, pilot, widget, heard):
        widget.show(red_and_blue)
        await until(pilot, lambda: "▀" in shown(app))
        widget.show(bad)
        await until(pilot, lambda: len(heard) == 2)
        await pilot.pause()
        return heard[1], shown(app)

    heard, text = drive(tmp_path, steps)
    assert heard == ("failed", "bad.png", "image.bad")
    assert "▀" not in text


def test_too_little_memory_is_an_error_of_that_file(tmp_path, red_and_blue, monkeypatch):
    def hungry(path, seen_as):
        raise MemoryError

    monkeypatch.setattr(picture, "take", hungry)

    async def steps(app, pilot, widget, heard):
        widget.show(red_and_blue)
        await until(pilot, lambda: heard)
        return heard

    assert drive(tmp_path, steps) == [("failed", "a.png", "image.bad")]


@pytest.mark.parametrize(
    ("look", "glyphs"), [("mono", "unicode"), ("terminal", "unicode"), ("dark", "ascii")]
)
def test_a_terminal_that_cannot_show_it_gets_the_size_and_no_signs(
    tmp_path, red_and_blue, look, glyphs
):
    async def steps(app, pilot, widget, heard):
        widget.show(red_and_blue)
        await until(pilot, lambda: heard)
        await pilot.pause()
        return widget.can_show, shown(app)

    can_show, text = drive(tmp_path, steps, look=look, glyphs=glyphs)
    assert not can_show
    assert "▀" not in text
