"""How a run ended, on the Run screen: verdict, problem, and what to do next."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from textual.widgets import Input

from ascend_console.core.events import (
    ArtifactWritten,
    JobCancelled,
    JobFailed,
    JobSucceeded,
    LogOpened,
    Measured,
    StepStarted,
)
from ascend_console.tui import launch
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.messages import Answer, FollowRequested
from ascend_console.tui.widgets.ask import AskText
from tests.data.recorded_runs import record
from tests.tui.run_folders import ended, folder_of
from tests.tui.run_told import INFERRING, NAME, OTHER, REQUEST, VERDICT, begun, follow
from tests.tui.screen_text import shown, until, widths_of


@pytest.fixture
def started(console, monkeypatch):
    found = []

    def start(settings, words, clock):
        found.append(words)
        return SimpleNamespace(ended=lambda: None, said=str), folder_of(console.workspace, NAME)

    monkeypatch.setattr(launch, "start_run", start)
    return found


# The end.


def test_a_verdict_stands_with_figures_reasons_and_keys_without_scrolling(console):
    folder = ended(console.workspace, NAME, VERDICT, verdict={
        "reasons": [], "accuracy": [
            {"batch_size": size, "metric": "top1", "value": 0.96, "reference": 0.96,
             "disagreements": 0, "passed": True} for size in (1, 8)]})  # fmt: skip
    lines = follow(console, folder, "73.98")
    text = "\n".join(lines)
    assert "── Verdict ── 0:41" in text
    assert " ✓ PASS accuracy  Top-1 96.00 %, torch float32 96.00 %, 0 of 300 images differ" in text
    assert "sample data: says nothing about the published 73.98 %" in text
    assert "speed     282.8 img/s at batch 8 (device), valid" in text
    assert "device    cpu:0 Some CPU: CPU, not an NPU result" in text
    assert "3 accuracy  4 performance  o report  r again" in text


def test_an_incomplete_verdict_says_what_to_do(console):
    reason = {"id": "x.few", "args": {}, "message": "too few images", "hint": "Judge 100."}
    told = ((0.5, StepStarted("verdict", 9, 9)), (41.0, JobSucceeded("INCOMPLETE", 7)))
    folder = ended(console.workspace, NAME, told, verdict={
        "reasons": [reason, reason, reason], "images": {"used": 20},
        "accuracy": [{"batch_size": 1, "metric": "top1", "value": 0.9, "images_needed": 432}],
        "performance": [{"batch_size": 1, "throughput": 9.0, "valid": False,
                         "validity": [{"id": "v", "message": "another process"}]}],
        "best_batch_size": None})  # fmt: skip
    text = "\n".join(follow(console, folder, "Judge"))
    assert "? INCOMPLETE accuracy" in text
    assert "too few images (and 2 more)" in text
    assert "do        1 412 more images needed" in text
    assert "2 Judge 100." in text
    assert "9.000 img/s at batch 1 (device), not valid" in text
    assert "another process" in text


def test_accuracies_that_differ_between_batch_sizes_are_told_apart(console):
    folder = ended(console.workspace, NAME, VERDICT, verdict={
        "weights": "official", "accuracy": [
            {"batch_size": 1, "metric": "top1", "value": 0.73, "reference": 0.7398},
            {"batch_size": 8, "metric": "top1", "value": 0.74, "reference": 0.7398}]})  # fmt: skip
    text = "\n".join(follow(console, folder, "batch 8: "))
    assert "batch 1: Top-1 73.00 %, published 73.98 %" in text
    assert "sample data" not in text


FAILURE = JobFailed(
    "ascend.convert_failed", "atc failed: no parser for Resize",
    "Export again at opset 11. Take --backend onnxruntime.", 3, {"code": "E19010"},
)  # fmt: skip


def test_a_failure_has_code_cause_remedy_and_log(console, tmp_path):
    log = tmp_path / "atc_bs16.log"
    log.write_text("".join(f"line {n}\n" for n in range(50)) + "[ERROR] E19010 here\nend\n")
    told = (*begun("weights", "convert"), (2.1, LogOpened("atc", str(log))), (5.0, FAILURE))
    folder = ended(console.workspace, NAME, told, request=REQUEST)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "E19010" in shown(app) and "atc_bs16.log" in shown(app))
        text = shown(app)
        await pilot.press("l", "e")
        await pilot.pause()
        view = app.screen.run_pane.log_view
        marked = view.lines.rows[view._marked].text
        app.screen.set_focus(app.screen.run_pane.block)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.shown is None)
        await pilot.pause()
        return text, marked, app.screen.form, app.screen.query_one("#backend").changed

    text, marked, form, changed = console.drive(steps, start="run")
    assert "── Problem ── convert, exit 3" in text
    assert " ✗ FAILED E19010  atc failed: no parser for Resize" in text
    assert "id      ascend.convert_failed" in text
    assert "do      1 Export again at opset 11." in text
    assert "2 Take --backend onnxruntime.   Enter fills the form" in text
    assert marked == "[ERROR] E19010 here"
    assert form.models == ("ghostnet",)
    assert changed


def test_a_remedy_without_a_value_opens_what_it_names(console):
    failed = JobFailed("run.dataset", "no images", "Add --limit N or rest.", 2)
    folder = ended(console.workspace, NAME, (*begun("weights"), (1.0, failed)), request=REQUEST)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "Enter fills" in shown(app))
        app.screen.set_focus(app.screen.run_pane.block)
        await pilot.press("enter")
        await until(pilot, lambda: "options: run" in shown(app))

    console.drive(steps, start="run")


@pytest.mark.parametrize(("ending", "word"), [(JobCancelled(), "CANCELLED"), (None, "INTERRUPTED")])
def test_a_run_that_was_stopped_says_where_and_u_resumes_it(console, started, ending, word):
    told = (*INFERRING, *(((12.0, ending),) if ending else ()))
    folder = ended(console.workspace, NAME, told, request=REQUEST)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: word in shown(app))
        text = shown(app)
        await pilot.press("u")
        await until(pilot, lambda: started)
        return text

    text = console.drive(steps, start="run")
    assert f"- {word}" in text
    assert "in infer 8  180/300" in text
    assert started == [("run", "--resume", NAME)]


def test_a_finished_run_brings_its_form_and_a_second_r_runs(console, started):
    folder = ended(console.workspace, NAME, VERDICT, verdict={}, request=REQUEST)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "PASS" in shown(app))
        await pilot.press("r")
        await until(pilot, lambda: app.screen.shown is None)
        assert not started
        await pilot.press("r")
        await until(pilot, lambda: started)

    console.drive(steps, start="run")
    assert started == [("run", "--model", "ghostnet", "--batch-size", "1,8", "--sample")]


def test_a_job_without_a_verdict_ends_with_its_figures_and_files(console):
    told = ((0.5, StepStarted("export", 1, 1)), (1.0, Measured("export parity", 2e-6, "ms")),
            (1.1, ArtifactWritten("/x/ghostnet.onnx", "onnx")), (2.0, JobSucceeded()))  # fmt: skip
    folder = ended(console.workspace, NAME, told, job="export")
    text = "\n".join(follow(console, folder, "FINISHED"))
    assert "/x/ghostnet.onnx" in text
    assert "export parity" in text


# Everywhere.


@pytest.mark.parametrize("size", [(20, 5), (60, 16), (80, 24), (100, 30), (120, 50)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_run_fits_every_size(console, size, lang):
    folder = ended(console.workspace, NAME, VERDICT, verdict={}, request=REQUEST)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: app.screen.run_pane.block.facts)
        await pilot.pause()
        return widths_of(app)

    assert max(console.drive(steps, start="run", size=size, lang=lang)) <= size[0]


def test_before_and_after_go_through_the_runs(console):
    first = record(console.workspace, OTHER)
    last = record(console.workspace, NAME, minute=20)

    async def steps(app, pilot):
        await until(pilot, lambda: app.screen.has_facts)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: app.screen.shown is not None)
        newest = app.screen.shown.folder
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: app.screen.shown.folder != newest)
        before = app.screen.shown.folder
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: app.screen.shown.folder == newest)
        return newest, before

    assert console.drive(steps, start="run") == (last, first)


def test_the_command_of_a_run_is_one_that_runs_again(console):
    """The recorded line names a folder that exists by now."""
    command = ["ascend-console", "--headless", "run", "--run-dir", "/x", "--model", "ghostnet"]
    folder = ended(console.workspace, NAME, VERDICT, verdict={}, request=REQUEST, command=command)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "PASS" in shown(app))
        await pilot.press("c")
        await pilot.pause()

    console.drive(steps, start="run")
    assert console.clipboard == (
        "ascend-console --headless run --model ghostnet --batch-size 1,8 --sample"
    )


def test_a_stage_shows_its_files(console):
    folder = ended(console.workspace, NAME, (*INFERRING, (20.0, JobCancelled())), request=REQUEST)

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "── Ended" in shown(app))
        app.screen.set_focus(app.screen.run_pane.stages)
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: "export/ghostnet.onnx" in shown(app))

    console.drive(steps, start="run", size=(120, 36))


def test_o_writes_the_report_of_a_run_that_is_over(console, tmp_path, monkeypatch):
    folder = ended(console.workspace, NAME, VERDICT, verdict={}, request=REQUEST)
    path = tmp_path / "out.md"

    async def steps(app, pilot):
        monkeypatch.setattr(ConsoleApp, "say", lambda self, text, severity="": told.append(text))
        monkeypatch.setattr(launch, "answer_of", lambda name, request, *rest: answer(request))
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: "PASS" in shown(app))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one(Input).value = str(path)
        await pilot.press("enter")
        await until(pilot, lambda: told)

    told, asked = [], []

    def answer(request):
        asked.append(request)
        return Answer("report", None)

    console.drive(steps, start="run")
    assert told == [f"saved to {path}"]
    assert [(request.run, request.output) for request in asked] == [((NAME,), path)]
