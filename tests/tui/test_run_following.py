"""A run that goes on, on the Run screen: its stages, what it waits for, its log."""

from __future__ import annotations

from types import SimpleNamespace

from ascend_console.core.events import (
    JobSucceeded,
    LogLine,
    LogOpened,
    StepStarted,
    Warned,
)
from ascend_console.tui.messages import FollowRequested
from ascend_console.tui.widgets.ask import Ask
from tests.tui.run_folders import ended, folder_of, going_on
from tests.tui.run_told import INFERRING, NAME, OTHER, REQUEST, STEPS, begun, follow
from tests.tui.screen_text import shown, until, widths_of

# Stages.


def test_in_80_by_24_what_is_done_and_what_comes_take_a_line_each(console):
    """The whole picture, once."""
    with going_on(console.workspace, NAME, INFERRING, request=REQUEST):
        lines = follow(console, folder_of(console.workspace, NAME), "180/300")
    assert lines[1].startswith(f"── Run ghostnet ── {NAME} ───")
    assert lines[2] == " onnxruntime  batch 1,8  sample images  sample weights"
    assert lines[4].startswith(" ✓ weights, export, convert, infer 1  8.0 s")
    assert lines[5].startswith(" ▸ infer 8")
    assert " 60 %  180/300  " in lines[5]
    assert "img/s" in lines[5]
    assert lines[6] == " ∙ reference, measure 1,8, verdict"
    assert lines[7].startswith("── Live ── last 2 min ───")
    assert lines[8].startswith(" throughput img/s")
    assert lines[10].startswith("── Log ── following, ")


def test_in_120_by_36_each_stage_has_a_line_with_what_it_left(console):
    with going_on(console.workspace, NAME, INFERRING, request=REQUEST):
        lines = follow(console, folder_of(console.workspace, NAME), "180/300", size=(120, 36))
    right = [line.partition("│")[2] for line in lines]
    stages_at = next(number for number, text in enumerate(right) if "── Stages" in text)
    names = [text[3:15].strip() for text in right[stages_at + 1 : stages_at + 9]]
    assert names == [
        "weights", "export", "convert", "infer", "infer", "reference", "measure", "verdict",
    ]  # fmt: skip
    assert "ghostnet.onnx" in right[stages_at + 2]
    assert right[stages_at + 7].split() == ["∙", "measure", "1,8"]
    assert any("━" in text or "Models" in text for text in lines)


# Waiting and stopping.


def waiting_for(holder):
    return Warned("device.waiting", f"waiting for cpu:0: {holder} uses it", "It goes on.",
                  {"device": "cpu:0", "holder": holder})  # fmt: skip


def test_a_waiting_run_says_for_whom_and_enter_shows_that_one(console):
    told = (
        *begun(*STEPS[:6]),
        (13.0, StepStarted("measure bs1", 7, 9)),
        (13.1, waiting_for(OTHER)),
    )
    holding = ((0.5, StepStarted("measure bs8", 4, 10)),)
    with (
        going_on(console.workspace, OTHER, holding, model="deepmar"),
        going_on(console.workspace, NAME, told, request=REQUEST),
    ):

        async def steps(app, pilot):
            app.post_message(FollowRequested(folder_of(console.workspace, NAME)))
            await until(pilot, lambda: "held by 77aa (measure 30 %)" in shown(app))
            text = shown(app)
            app.screen.set_focus(app.screen.run_pane.stages)
            await pilot.press("enter")
            await until(pilot, lambda: app.screen.shown.run_id == OTHER)
            return text

        text = console.drive(steps, start="run", size=(120, 36))
    assert "waits for cpu:0, held by 77aa (measure 30 %); Enter shows it" in text
    assert "= WAITING" in text


def test_stopping_asks_and_only_y_does_it(console):
    folder = folder_of(console.workspace, NAME)

    async def steps(app, pilot):
        await until(pilot, lambda: "180/300" in shown(app))
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")
        await pilot.pause()
        untouched = not (folder / "cancel").exists()
        await pilot.press("K", "y")
        await until(pilot, lambda: "stopping" in shown(app))
        return untouched, (folder / "cancel").exists()

    with going_on(console.workspace, NAME, INFERRING, request=REQUEST):
        assert console.drive(steps, start="run") == (True, True)


def test_a_run_that_does_not_stop_may_be_ended(console):
    """Only after ten seconds, and only one that this console started."""
    folder = folder_of(console.workspace, NAME)
    killed = []

    async def steps(app, pilot):
        await until(pilot, lambda: app.screen.shown is not None)
        app.launched[folder] = SimpleNamespace(end_now=lambda: killed.append(folder))
        app.screen.stopping = (folder, app.clock.monotonic_s() - 5)
        await pilot.press("K")
        await pilot.pause()
        early = isinstance(app.screen, Ask)
        app.screen.stopping = (folder, app.clock.monotonic_s() - 11)
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await pilot.pause()
        return early

    with going_on(console.workspace, NAME, INFERRING, request=REQUEST):
        assert not console.drive(steps, start="run")
    assert killed == [folder]


# The log.


def test_scrolling_up_stops_following_and_g_follows_again(console):
    lines = tuple((0.1, LogLine(f"said {number}")) for number in range(200))
    with going_on(console.workspace, NAME, lines) as tell:

        async def steps(app, pilot):
            await until(pilot, lambda: "said 199" in shown(app))
            await pilot.press("l", "pageup")
            await pilot.pause()
            stood = shown(app)
            tell((1.0, LogLine("something new")))
            await pilot.pause(0.4)
            still = shown(app)
            await pilot.press("G")
            await pilot.pause()
            return stood, still, shown(app)

        stood, still, followed = console.drive(steps, start="run")
    assert "G follows" in stood
    assert "something new" not in still
    assert "something new" in followed
    assert "following" in followed


def test_a_tools_own_log_is_shown_while_its_step_runs(console, tmp_path):
    log = tmp_path / "atc_bs16.log"
    log.write_text("ATC start\n")
    told = (*begun("weights", "convert"), (3.0, LogOpened("atc", str(log))))
    with going_on(console.workspace, NAME, told) as tell:

        async def steps(app, pilot):
            await until(pilot, lambda: "ATC start" in shown(app))
            with log.open("a") as stream:
                stream.writelines(f"row {number}\n" for number in range(20_000))
            await until(pilot, lambda: "row 19999" in shown(app))
            many = app.screen.run_pane.log_view.state_text()
            tell((9.0, StepStarted("infer bs1", 4, 9)))
            await until(pilot, lambda: "[4/9] infer bs1" in shown(app))
            await pilot.press("l", "l")
            await until(pilot, lambda: "row 19999" in shown(app))
            return many

        text = console.drive(steps, start="run")
    assert text.startswith("atc_bs16.log, following, 20,001 lines")


def test_the_log_is_filtered_levelled_and_written(console, tmp_path, monkeypatch):
    told = ((0.1, LogLine("all well")), (0.2, LogLine("a bad thing", "error")),
            (0.3, LogLine("a slow thing", "warning")), (0.4, JobSucceeded()))  # fmt: skip
    folder = ended(console.workspace, NAME, told)
    saved = {}
    monkeypatch.setattr("ascend_console.tui.app.ConsoleApp.save_table",
                        lambda self, name, writers: saved.update(writers))  # fmt: skip

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "all well" in shown(app))
        await pilot.press("v")
        await pilot.pause()
        levelled = app.screen.run_pane.log_view.lines.text()
        await pilot.press("l", "slash", *"slow", "enter")
        await pilot.pause()
        filtered = app.screen.run_pane.log_view.lines.text()
        await pilot.press("x")
        await pilot.press("escape", "escape")
        await pilot.pause()
        view = app.screen.run_pane.log_view
        return levelled, filtered, view.filter_words, view.lines.level

    levelled, filtered, words, level = console.drive(steps, start="run")
    assert levelled == "a bad thing\na slow thing\n"
    assert filtered == "a slow thing\n"
    assert (words, level) == ("", 0)
    assert saved[".log"]


def test_long_lines_wrap_on_request(console):
    told = ((0.1, LogLine("x" * 150 + "END")), (0.4, JobSucceeded()))
    folder = ended(console.workspace, NAME, told)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "xxxx" in shown(app))
        cut = shown(app)
        await pilot.press("w")
        await pilot.pause()
        return cut, shown(app), widths_of(app)

    cut, whole, widths = console.drive(steps, start="run")
    assert "END" not in cut
    assert "END" in whole
    assert max(widths) <= 80
