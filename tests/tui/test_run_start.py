"""The start of the console: a welcome, a run that is alive, and what cannot be begun."""

from __future__ import annotations

import pytest

from ascend_console.core import events
from ascend_console.tui import launch
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.messages import FollowRequested
from ascend_console.tui.welcome import Welcome
from ascend_console.tui.widgets.pick_list import PickList
from tests.data.recorded_runs import record
from tests.tui.run_folders import ended, going_on
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


def test_a_first_start_offers_the_sample(console, started):
    """One key from nothing to a first result."""

    async def steps(app, pilot):
        await until(pilot, lambda: isinstance(app.screen, Welcome))
        await pilot.pause()
        lines = text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: started)
        return lines

    lines = console.drive(steps, start="run")
    text = "\n".join(lines)
    assert "Enter  run the sample: GhostNet" in text
    assert "no NPU found" in text
    bars = [line.rindex("│") for line in lines if "│" in line]
    assert len(bars) == 2
    assert started == [("run", "--model", "ghostnet", "--sample")]


def test_the_welcome_changes_language_and_signs_before_anything_else(console):
    async def steps(app, pilot):
        await until(pilot, lambda: isinstance(app.screen, Welcome))
        await pilot.press("L")
        await until(pilot, lambda: "L English" in shown(app))
        await pilot.press("a")
        await until(pilot, lambda: "----|" in shown(app))
        await pilot.press("m")
        await until(
            pilot, lambda: app.screen.query(PickList) and app.screen.query_one(PickList).is_open
        )
        return app.settings.lang, shown(app)

    lang, text = console.drive(steps, start="run")
    assert lang == "zh"
    assert "━" not in text


def test_no_welcome_where_something_was_run(console, history):
    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.pause(0.1)
        return isinstance(app.screen, Welcome)

    assert not console.drive(steps, start="run")


def test_ten_times_esc_is_still_here(console, history, said):
    async def steps(app, pilot):
        await ready(app, pilot)
        app.post_message(FollowRequested(history))
        await until(pilot, lambda: app.screen.shown is not None)
        await pilot.press("slash", "x", "enter", "v", "m")
        await pilot.press(*["escape"] * 10)
        await pilot.pause()
        return app.is_running

    assert console.drive(steps, start="run")
    assert said[-1].startswith("q quits")


def test_a_live_run_is_shown_at_the_start_but_does_not_push_a_form_aside(console, history):
    async def at_start(app, pilot):
        await until(pilot, lambda: app.screen.shown is not None)
        return app.screen.shown.run_id

    with going_on(console.workspace, "20261120-111500-ghostnet-aaaa", ()):
        assert console.drive(at_start, start="run").endswith("aaaa")

    async def later(app, pilot):
        await ready(app, pilot)
        with going_on(console.workspace, "20261120-121500-ghostnet-bbbb", ()):
            await until(pilot, lambda: len(app.state.live) == 1)
            await pilot.pause()
            return app.screen.shown

    assert console.drive(later, start="run") is None


def test_n_leaves_a_run_that_goes_on_and_stays_at_the_form(console):
    async def steps(app, pilot):
        await until(pilot, lambda: app.screen.shown is not None)
        await pilot.press("n")
        await pilot.pause(0.5)
        return app.screen.shown, len(app.state.live)

    with going_on(console.workspace, NAME, ((1.0, events.StepStarted("export", 1, 3)),)):
        assert console.drive(steps, start="run") == (None, 1)


def test_names_with_markup_and_escapes_are_shown_as_text(console, started):
    name = "[bold]x\x1b[2J昇[/]"
    folder = ended(console.workspace, "20261120-101500-x-3f9a",
                   ((0.5, events.LogLine(name)), (1.0, events.StepStarted(name, 1, 1)),
                    (2.0, events.JobFailed("some.id", f"bad {name}", "Do it.", 3))),
                   model=name)  # fmt: skip

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "FAILED" in shown(app))
        return shown(app), widths_of(app)

    text, widths = console.drive(steps, start="run")
    assert "[bold]x\\x1b[2J昇[/]" in text
    assert "\x1b" not in text
    assert set(widths) <= set(range(81))


def test_what_a_refused_run_printed_is_shown(console, history, monkeypatch):
    """A run that is refused leaves no folder: its words are all there is."""
    said = NoProcess(2, "error: there is no model 'x'\n  hint: Choose one.\n")
    folder = console.workspace / "runs" / "20261120-130000-x-0000"
    monkeypatch.setattr(launch, "start_run", lambda *rest: (said, folder))

    async def steps(app, pilot):
        await ready(app, pilot)
        await pilot.press("m", "g", "r")
        app.screen.form_pane.put(sample=True)
        await pilot.press("r")
        await until(pilot, lambda: "there is no model" in shown(app))
        return shown(app)

    text = console.drive(steps, start="run")
    assert "it ended before it began" in text
    assert "hint: Choose one." in text
