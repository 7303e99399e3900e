"""The Run screen through its keys: from a model's letter to a command, and what it never does."""

from __future__ import annotations

import pytest
from textual import events as textual_events

from ascend_console.core.events import Answered
from ascend_console.tui import launch, run_command
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.messages import Answer, FollowRequested
from ascend_console.tui.run_answer import AnswerPage
from ascend_console.tui.run_form_pane import FormPane
from ascend_console.tui.run_models import ModelsTable
from ascend_console.tui.run_options import OptionLine, OptionsPage
from ascend_console.tui.run_path import AskPath, matches
from ascend_console.tui.widgets.ask import Ask
from ascend_console.tui.widgets.chips import Chips
from ascend_console.tui.widgets.field import Field
from ascend_console.tui.widgets.pick_list import PickList
from tests.data.recorded_runs import record
from tests.tui.screen_text import shown, text_of, until, widths_of

NAME = "20261120-101500-ghostnet-3f9a"


class NoProcess:
    """A started run that does nothing."""

    def __init__(self, code=None, said=""):
        self.code, self.text = code, said

    def ended(self):
        return self.code

    def said(self):
        return self.text


@pytest.fixture
def started(console, monkeypatch):
    """What runs would have been started with."""
    found = []

    def start(settings, words, clock):
        found.append(words)
        return NoProcess(), settings.workspace / "runs" / f"{NAME[:-4]}{len(found):04}"

    monkeypatch.setattr(launch, "start_run", start)
    return found


@pytest.fixture
def said(monkeypatch):
    """What toasts would have told."""
    found = []
    monkeypatch.setattr(ConsoleApp, "say", lambda self, text, severity="": found.append(text))
    return found


@pytest.fixture
def history(console):
    """A finished run of GhostNet at batch sizes 1 and 8."""
    return record(console.workspace, NAME)


async def ready(app, pilot):
    """The facts have come."""
    await until(pilot, lambda: app.screen.has_facts if hasattr(app.screen, "has_facts") else True)
    await pilot.pause()


def test_a_model_a_batch_size_and_go(console, history, started):
    """Three keys to model and batch: m g 8 r."""

    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.press("m", "g", "8", "r")
        await until(pilot, lambda: started)

    console.drive(steps, start="run")
    assert started == [("run", "--model", "ghostnet", "--batch-size", "8", "--sample")]


@pytest.mark.parametrize("keys", ["mg16,4r", "mdr", "mg2r"])
def test_keys_that_are_typed_ahead_are_not_lost(console, history, started, keys):
    """Over a slow line several keys arrive at once: digits must not become screens."""
    sizes = {"mg16,4r": "4,16", "mdr": "1,8", "mg2r": "2"}[keys]

    async def steps(app, pilot):
        for key in keys:
            name = "comma" if key == "," else key
            app.post_message(textual_events.Key(name, key))
        await until(pilot, lambda: started)

    console.drive(steps, start="run")
    words = dict(zip(started[0][1::2], started[0][2::2], strict=False))
    assert words["--model"] == ("deepmar" if "d" in keys else "ghostnet")
    if "d" not in keys:
        assert words["--batch-size"] == sizes


def test_the_last_request_is_offered_again(console, history, started):
    async def steps(app, pilot):
        await ready(app, pilot)
        form = app.screen.form
        await pilot.press("m", "g", "r")
        await until(pilot, lambda: started)
        return form

    form = console.drive(steps, start="run")
    assert (form.models, form.sizes) == (("ghostnet",), (1, 8))
    assert started[0][3:5] == ("--batch-size", "1,8")


def test_everything_can_be_chosen_by_arrows_tab_and_space(console, history, started):
    async def steps(app, pilot):
        await ready(app, pilot)
        app.screen.form = app.screen.form.put(sample=True)
        app.screen.arrived()
        app.screen.set_focus(app.screen.query_one("#model"))
        await pilot.press("enter", "up", "enter")
        chosen = app.screen.form.models
        await pilot.press("right", "space", "tab", "enter")
        await until(pilot, lambda: started)
        return chosen

    chosen = console.drive(steps, start="run")
    assert chosen == ("deepmar",)
    assert started[0][:3] == ("run", "--model", "deepmar")


def test_the_command_that_is_copied_is_the_one_that_is_started(console, history, started):
    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.press("m", "g", "4", "c", "r")
        await until(pilot, lambda: started)

    console.drive(steps, start="run", size=(120, 36))
    assert console.clipboard == run_command.command_line(started[0])


def test_a_bad_form_goes_to_the_field_and_says_why(console, history, started):
    async def steps(app, pilot):
        await ready(app, pilot)
        app.screen.form = app.screen.form.put(sample=False)
        app.screen.arrived()
        await pilot.press("r")
        await pilot.pause()
        return app.screen.focused.id, shown(app)

    focused, text = console.drive(steps, start="run")
    assert focused == "checkpoint"
    assert "choose sample weights or a file" in text
    assert not started


def test_an_unavailable_backend_says_its_reason_and_is_not_taken(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        app.screen.form_pane.open("backend")
        names = [choice.value for choice in app.screen.query_one(PickList).choices]
        await pilot.press(*["down"] * names.index("ascend"), "enter")
        await pilot.pause()
        text = shown(app)
        await pilot.press("escape")
        return text, app.screen.form.backend

    text, backend = console.drive(steps, start="run", size=(120, 36))
    assert "not available: neither atc nor an inference tool" in text
    assert backend == "onnxruntime"


def test_options_are_a_page_made_from_the_request(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        app.screen.form_pane.open_options("threads")
        await until(pilot, lambda: isinstance(app.screen, OptionsPage) and app.screen.focused)
        flags = [line.option.name for line in app.screen.query(OptionLine)]
        await until(pilot, lambda: "Threads of one" in shown(app))
        text = shown(app)
        await pilot.press("x", "enter")
        await pilot.pause()
        refused = shown(app)
        await pilot.press("backspace", "2", "enter")
        await until(pilot, lambda: not isinstance(app.screen, OptionsPage))
        return flags, text, refused, app.screen.form.words

    flags, text, refused, words = console.drive(steps, start="run")
    assert "resume" not in flags
    assert {"threads", "limit", "keep_bins", "provider"} <= set(flags)
    assert "Threads of one inference. (default: one a core)" in text
    assert "takes a whole number" in refused
    assert words[words.index("--threads") + 1] == "2"


def test_paths_are_typed_with_what_there_is_below(console, history, tmp_path):
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "a.pth").write_bytes(b"")

    async def steps(app, pilot):
        await ready(app, pilot)
        app.push_screen(AskPath("folder", f"{tmp_path}/da", folders=True))
        await until(pilot, lambda: "data/" in shown(app))
        await pilot.press("tab")
        await until(pilot, lambda: "sub/" in shown(app))
        return shown(app)

    assert "a.pth" not in console.drive(steps, start="run")
    assert matches(f"{tmp_path}/data/", (".pth",), folders=False) == [
        f"{tmp_path}/data/a.pth", f"{tmp_path}/data/sub/",
    ]  # fmt: skip
    assert matches(f"{tmp_path}/none/x", (), folders=True) == []


def test_marked_models_make_one_command(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        table = app.screen.query_one(ModelsTable)
        app.screen.set_focus(table)
        await pilot.press("home", "space", "space")
        await pilot.pause()
        return app.screen.form.words

    words = console.drive(steps, start="run", size=(120, 36))
    assert len(words[words.index("--model") + 1].split(",")) == 2


def test_several_models_have_a_run_each_and_no_folder_of_their_own(console, monkeypatch):
    """One folder for two runs is refused by the command line."""
    found = []
    monkeypatch.setattr(launch, "Detached", lambda argv, *rest: found.append(argv))
    app = console.app()
    one, many = ("run", "--model", "a"), ("run", "--model", "a,b")
    assert launch.start_run(app.settings, one, app.clock)[1] is not None
    assert launch.start_run(app.settings, many, app.clock)[1] is None
    assert "--run-dir" in found[0]
    assert "--run-dir" not in found[1]


def test_a_listing_job_answers_in_a_table(console, history, monkeypatch):
    answer = Answered({}, ("model", "images"), (("ghostnet", 12), ("deepmar", None)))

    async def steps(app, pilot):
        await ready(app, pilot)
        monkeypatch.setattr(launch, "answer_of", lambda name, *rest: Answer(name, answer))
        app.screen.form_pane._chosen("job", "models")
        await pilot.pause()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, AnswerPage))
        await pilot.pause()
        text = shown(app)
        await pilot.press("escape")
        return text

    text = console.drive(steps, start="run")
    assert "ghostnet" in text
    assert "–" in text


def test_deleting_from_the_form_asks_first(console, history, monkeypatch):
    """No key loses anything."""
    asked = []

    async def steps(app, pilot):
        await ready(app, pilot)
        monkeypatch.setattr(launch, "answer_of", lambda name, *rest: asked.append(name))
        app.screen.form_pane._chosen("job", "runs")
        app.screen.form_pane.put(action="delete", run=NAME)
        await pilot.pause()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")
        await pilot.pause()

    console.drive(steps, start="run")
    assert asked == []


def test_a_read_only_console_starts_nothing(console, history, said):
    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.press("m", "g", "r")
        await until(pilot, lambda: said)
        return app.started()

    assert console.drive(steps, start="run", readonly=True) == []
    assert said[0].startswith("read-only")


def test_models_tell_their_last_verdict_and_how_long_ago(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.pause()
        return {row.key: [cell.text for cell in row.cells] for row in
                app.screen.query_one(ModelsTable).rows}  # fmt: skip

    rows = console.drive(steps, start="run", size=(120, 36))
    assert rows["ghostnet"][1] == "✓ PASS"
    assert rows["ghostnet"][2]
    assert rows["deepmar"][1:] == ["–", ""]


@pytest.mark.parametrize("size", [(20, 5), (60, 16), (80, 24), (100, 30), (120, 36), (200, 50)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_form_fits_every_size(console, history, size, lang):
    """Nothing may break where a window is dragged small, and no line be wider than it."""

    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.pause()
        return widths_of(app), [app.screen.query_one(Chips).region.width]

    widths, _ = console.drive(steps, start="run", size=size, lang=lang)
    assert max(widths) <= size[0]


def test_the_form_in_80_by_24(console, history):
    """The whole picture, once."""

    async def steps(app, pilot):
        await ready(app, pilot)
        await until(pilot, lambda: "from one earlier run" in shown(app))
        return text_of(app)

    lines = console.drive(steps, start="run")
    assert lines[2:7] == [
        " job        [whole workflow v]           model      [ghostnet v]",
        " batch size [x]1 [ ]4 [x]8 [ ]16 [ ]32 [ ]64 [+]                  [ Run  r ]",
        " backend    [onnxruntime v]              device     [automatic v]",
        " data       [name a folder v]            data type  [fp32 v]",
        " checkpoint [choose v]                   options    [none ...]",
    ]
    assert "ascend-console --headless run --model ghostnet --batch-size 1,8" in lines[-2]


def test_in_ascii_everything_is_seven_bit(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.pause()
        form = shown(app)
        app.post_message(FollowRequested(history))
        await until(pilot, lambda: "PASS" in shown(app))
        return form, shown(app)

    for text in console.drive(steps, start="run", size=(120, 36), glyphs="ascii"):
        assert [char for char in text if not char.isascii() and char not in "–…"] == []


def test_fields_open_by_enter_and_show_what_was_changed(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        pane = app.screen.query_one(FormPane)
        pane.show(pane.form, pane.known, changed="data")
        await pilot.pause()
        return pane.query_one("#data", Field).changed, shown(app)

    changed, text = console.drive(steps, start="run")
    assert changed
    assert "[*name a folder v]" in text
