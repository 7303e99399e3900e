"""The screen Runs: the history as it grows, and everything that can be done to a run of it."""

from __future__ import annotations

import json
import time

import pytest

from ascend_console.core import events
from ascend_console.core.events import Record
from ascend_console.core.settings import Settings
from ascend_console.tools import files, history, run_folder, run_removal
from ascend_console.tools.history import RunSummary
from ascend_console.tui import cells, runs_rows
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.glyphs import UNICODE
from ascend_console.tui.runs_history import HistoryReader
from ascend_console.tui.runs_table import RunsTable
from ascend_console.tui.texts import Texts
from ascend_console.tui.widgets.ask import Ask, AskText, Page
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.rows import visible_columns
from tests.data.recorded_runs import record, run_document
from tests.headless.test_report_command import whole_verdict
from tests.tui.screen_text import shown, text_of, until, widths_of

A, B = "20261120-101500-ghostnet-77aa", "20261120-102500-ghostnet-12c4"
FAILED, KILLED = "20261120-103500-ghostnet-f00d", "20261120-104500-ghostnet-dead"
IMPORTED = "20261119-101500-moco_v2-0a0a"
ERROR = events.JobFailed("atc.E19010", "no parser for operator Resize_41", "export at opset 11", 3)
OTHER = {"environment": {"console": "0.1.0", "processor": "Some CPU", "onnxruntime": "1.30.0"}}
FROM = {"model": "moco_v2", "imported": {"at": "2026-11-20T08:00:00Z", "from": "lab.zip"}}


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """The screens show local times."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def wishes(monkeypatch):
    """What the screen asks the app for, which then does none of it."""
    heard = []

    def follow(app, message):
        heard.append(("follow", message.folder.name, message.replay))

    monkeypatch.setattr(ConsoleApp, "on_follow_requested", follow)
    monkeypatch.setattr(
        ConsoleApp, "on_run_requested", lambda app, message: heard.append(("run", *message.words))
    )
    monkeypatch.setattr(ConsoleApp, "action_go", lambda app, name: heard.append(("go", name)))
    monkeypatch.setattr(ConsoleApp, "say", lambda app, text, *_: heard.append(("say", text)))
    return heard


@pytest.fixture
def runs(console):
    """Five runs of all kinds."""
    record(console.workspace, A)
    record(console.workspace, B, minute=25, verdict={"rate": 88.4, "top1": 0.95}, document=OTHER)
    record(console.workspace, FAILED, minute=35, ending=ERROR)
    record(console.workspace, KILLED, minute=45, ending=None)
    record(console.workspace, IMPORTED, minute=5, document=FROM)
    return console


def read(console, steps, **wanted):
    """Run `steps(app, pilot, table)` once the history is there."""

    async def run(app, pilot):
        table = app.screen.query_one(RunsTable)
        await until(pilot, lambda: table.known)
        await pilot.pause()
        return await steps(app, pilot, table)

    return console.drive(run, **wanted)


async def settled(app, pilot):
    """Wait for the facts of the run under the cursor."""
    screen = app.screen
    await until(
        pilot,
        lambda: (
            screen._told is not None
            and screen._told.summary.run_id == screen.query_one(RunsTable).row.key
        ),
    )
    await pilot.pause()


def facts(app):
    return {fact.label: fact.text for fact in app.screen.query_one(Block).facts}


def texts(table, key):
    (found,) = (row for row in table.rows if row.key == key)
    return [cell.text for cell in found.cells]


# --- what stands there ---------------------------------------------------------------------------


def test_it_looks_like_this_at_80x24(runs):
    async def steps(app, pilot, table):
        await pilot.press("j", "j", "j")
        await settled(app, pilot)
        return text_of(app)

    lines = read(runs, steps)
    assert lines[1:9] == [
        "━━ Runs ━━ 5, newest first ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        " Started     Model              Device Batch  Verdict            Took    Top-1 %",
        " 11-20 10:45 ghostnet           –      –      - INTERRUPTED     3.0 s          –",
        " 11-20 10:35 ghostnet           –      –      ✗ FAILED          3.5 s          –",
        " 11-20 10:25 ghostnet           cpu:0  1,8    ✓ PASS            3.5 s      95.00",
        " 11-20 10:15 ghostnet           cpu:0  1,8    ✓ PASS            3.5 s      96.00",
        "i11-20 10:05 moco_v2            cpu:0  1,8    ✓ PASS            3.5 s      96.00",
        "",
    ]
    assert lines[18].startswith(f"── {A} ──")
    assert lines[19] == "  command  ascend-console run --model ghostnet"
    assert lines[20].startswith("  size     ")
    assert "CPU, not an NPU result" in lines[21]
    assert lines[23] == "/ Filter c Copy d Diff R Replay u Resume K Stop D Delete ? Help q Quit"


def test_it_has_all_columns_at_120x36(runs):
    async def steps(app, pilot, table):
        return text_of(app), widths_of(app)

    lines, widths = read(runs, steps, size=(120, 36))
    assert lines[2].split() == [
        "Started", "Model", "Device", "Batch", "Verdict", "Took", "Top-1", "%", "Best", "img/s",
        "Backend", "Id",
    ]  # fmt: skip
    assert lines[6].split()[-3:] == ["282.8", "onnxruntime", "77aa"]
    assert lines[7].split()[-3:] == ["onnxruntime", "0a0a", "imported"]
    assert max(widths) <= 120


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("width", "last"), [(79, "accuracy_percent"), (60, "verdict"), (117, "run_id")]
)
def test_columns_leave_from_the_right(lang, width, last):
    """With a scroll bar 79 cells are left of 80."""
    found = visible_columns(runs_rows.columns(Texts(lang)), width)
    assert found[-1][1].key == last
    assert found[0][1].key == "started"


def test_ascii_shows_nothing_else(runs):
    async def steps(app, pilot, table):
        await settled(app, pilot)
        return shown(app)

    assert read(runs, steps, glyphs="ascii", look="mono").isascii()


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 50)])
def test_no_line_is_wider_than_the_screen(runs, size):
    async def steps(app, pilot, table):
        await settled(app, pilot)
        return widths_of(app)

    assert max(read(runs, steps, size=size)) <= size[0]


def test_a_tiny_terminal_and_back_restores_all(runs):
    async def steps(app, pilot, table):
        await pilot.press("j")
        await settled(app, pilot)
        before = text_of(app)[1:]
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await until(pilot, lambda: text_of(app)[1:] == before)

    read(runs, steps)


def test_details_stand_beside_the_list_where_there_is_room(runs):
    async def steps(app, pilot, table):
        await settled(app, pilot)
        about = app.screen.query_one("#about")
        return about.region.x, about.region.y, about.region.height

    x, y, height = read(runs, steps, size=(180, 40))
    assert (x, y, height) == (120, 1, 38)


def cells_of(**changes):
    run = RunSummary("20261120-101500-deepmar-0001", **{"state": "finished", **changes})
    return [cell.text for cell in runs_rows.RunRows(Texts("en"), UNICODE).row(run).cells]


def test_another_metric_is_named_beside_its_value():
    figures = {"metric": "instance_acc", "accuracy": 0.812, "batch_sizes": [8]}
    assert cells_of(figures=figures)[6] == "inst 81.20"


def test_the_job_of_a_run_that_is_no_whole_workflow_is_named():
    assert cells_of(job="run", model="ghostnet")[1] == "ghostnet"
    assert cells_of(job="convert", model="ghostnet")[1] == "ghostnet convert"
    assert cells_of(job="dataset")[1] == "dataset"
    assert cells_of()[1] == "–"


def test_what_is_unknown_is_a_dash():
    assert cells_of()[2:] == ["–", "–", "✓ FINISHED", "–", "–", "–", "–", "0001"]


def test_a_run_that_recorded_no_start_has_that_of_its_name():
    """Its name tells it in UTC."""
    assert cells_of()[0] == "11-20 10:15"


def test_a_run_that_cannot_be_read_is_shown_as_such(console):
    folder = console.workspace / "runs" / A
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{")

    async def steps(app, pilot, table):
        await settled(app, pilot)
        return texts(table, A)[4], facts(app)

    verdict, found = read(console, steps, size=(120, 36))
    assert verdict == "! unreadable"
    assert "run.json" in found["unreadable"]


# --- the run under the cursor --------------------------------------------------------------------


def test_a_failed_run_tells_why_and_what_to_do(runs):
    async def steps(app, pilot, table):
        table.select(FAILED)
        await settled(app, pilot)
        return facts(app)

    found = read(runs, steps)
    assert found["why"] == "no parser for operator Resize_41"
    assert found["do"] == "export at opset 11"


def test_an_interrupted_run_tells_how_far_it_came(runs):
    async def steps(app, pilot, table):
        await settled(app, pilot)
        return facts(app)

    assert read(runs, steps)["reached"] == (
        "infer after 3.0 s, 300/300 images; u resumes, D deletes"
    )


def test_an_imported_run_tells_where_it_comes_from(runs):
    async def steps(app, pilot, table):
        await pilot.press("G")
        await settled(app, pilot)
        return facts(app)

    assert read(runs, steps)["imported"] == "11-20 08:00, lab.zip, Some CPU"


def test_many_reasons_are_counted_where_lines_are_few(console):
    reasons = [{"id": "x", "message": f"reason {n}", "args": {}, "hint": "act"} for n in range(3)]
    folder = record(console.workspace, A)
    document = files.read_json(folder / "verdict.json")
    files.write_json(folder / "verdict.json", {**document, "reasons": reasons})

    async def steps(app, pilot, table):
        await settled(app, pilot)
        return [(fact.label, fact.text) for fact in app.screen.query_one(Block).facts[:4]]

    assert read(console, steps)[:2] == [("why", "reason 0 (and 2 more)"), ("do", "act")]
    assert read(console, steps, size=(120, 36)) == [
        ("why", "reason 0"), ("why", "reason 1"), ("why", "reason 2"), ("do", "act"),
    ]  # fmt: skip


def test_facts_go_with_the_last_run(runs):
    async def steps(app, pilot, table):
        await settled(app, pilot)
        table.filter_words = "nothing has this"
        await pilot.pause()
        return app.screen.query_one("#about").title, facts(app)

    assert read(runs, steps) == ("", {})


# --- open, replay, resume ------------------------------------------------------------------------


def test_enter_shows_a_run_and_r_replays_it(runs, wishes):
    async def steps(app, pilot, table):
        table.select(A)
        await pilot.press("enter", "R")
        await pilot.pause()

    read(runs, steps)
    assert wishes == [("follow", A, False), ("follow", A, True)]


def test_an_interrupted_run_is_resumed_and_shown(runs, wishes):
    async def steps(app, pilot, table):
        await pilot.press("u")
        await pilot.pause()

    read(runs, steps)
    assert sorted(wishes) == [("go", "run"), ("run", "run", "--resume", KILLED)]


@pytest.mark.parametrize(
    ("run_id", "reason"),
    [(A, "nothing to resume: the run is PASS"),
     (IMPORTED, "another machine began this run; it cannot be resumed here")],
)  # fmt: skip
def test_what_cannot_be_resumed_says_why(runs, wishes, run_id, reason):
    async def steps(app, pilot, table):
        table.select(run_id)
        await pilot.press("u")
        await pilot.pause()

    read(runs, steps)
    assert wishes == [("say", reason)]


def test_without_a_run_enter_runs_the_sample(console, wishes):
    async def steps(app, pilot, table):
        text = shown(app)
        await pilot.press("enter")
        await pilot.pause()
        return text

    assert "no runs yet; Enter runs the sample" in read(console, steps)
    assert sorted(wishes) == [("go", "run"), ("run", "run", "--model", "ghostnet", "--sample")]


def test_a_filter_without_a_match_runs_no_sample(runs, wishes):
    async def steps(app, pilot, table):
        table.filter_words = "nothing has this"
        await pilot.press("enter")
        await pilot.pause()
        return shown(app)

    assert "nothing matches; Esc clears" in read(runs, steps)
    assert wishes == []


# --- stop ----------------------------------------------------------------------------------------


class Live:
    """A run that goes on in this process."""

    def __init__(self, console, name="20261120-110000-ghostnet-11fe"):
        self.folder = console.workspace / "runs" / name
        self.folder.mkdir(parents=True)
        document = run_document(self.folder, started="2026-11-20T11:00:00.000Z")
        files.write_json(self.folder / "run.json", document)
        self.log = run_folder.EventLog(self.folder)
        self.count = 0
        self.tell(events.JobStarted("run", "ghostnet"), events.StepStarted("infer", 1, 2))

    def tell(self, *found):
        for event in found:
            self.count += 1
            at = "2026-11-20T11:00:00.000Z"
            self.log.append(Record(self.folder.name, self.count, at, self.count * 0.5, event))


@pytest.fixture
def live(runs):
    run = Live(runs)
    yield run
    run.log.close()


def test_a_run_that_goes_on_is_drawn_as_it_goes_and_as_it_ended(live, runs, wishes):
    key = live.folder.name

    async def steps(app, pilot, table):
        await until(pilot, lambda: texts(table, key)[4] == "▸ RUNNING 0 %")
        live.tell(events.Progress(150, 300, "images"))
        await until(pilot, lambda: texts(table, key)[4] == "▸ RUNNING 25 %")
        found = [texts(table, key)[:4], table.rows[0].key]
        live.tell(events.JobSucceeded("FAIL", 5))
        live.log.close()
        await until(pilot, lambda: texts(table, key)[4] == "✗ FAIL")
        return found

    assert read(runs, steps) == [["11-20 11:00", "ghostnet", "–", "1,8"], key]


def test_a_run_that_begins_comes_on_top(runs, wishes):
    async def steps(app, pilot, table):
        live = Live(runs)
        try:
            await until(pilot, lambda: table.rows[0].key == live.folder.name)
            return table.row.key, len(table.rows)
        finally:
            live.log.close()

    assert read(runs, steps) == (KILLED, 6)


def test_k_asks_and_enter_stops_nothing(live, runs, wishes):
    async def steps(app, pilot, table):
        await until(pilot, lambda: live.folder.name in app.screen.live)
        table.select(live.folder.name)
        screen = app.screen
        await pilot.press("K")
        assert isinstance(app.screen, Ask)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        before = (live.folder / "cancel").exists()
        await pilot.press("K", "y")
        await until(pilot, lambda: texts(table, live.folder.name)[4] == "▸ stopping")
        return before, (live.folder / "cancel").exists()

    assert read(runs, steps) == (False, True)


def test_a_run_that_is_over_cannot_be_stopped(runs, wishes):
    async def steps(app, pilot, table):
        await pilot.press("K")
        await pilot.pause()
        return app.screen

    assert not isinstance(read(runs, steps), Ask)
    assert wishes == [("say", "the run is over; there is nothing to stop")]


# --- delete --------------------------------------------------------------------------------------


def test_deleting_asks_names_what_it_frees_and_does_it_on_y_alone(runs, wishes):
    folder = runs.workspace / "runs" / A
    size = cells.size(run_removal.freed_bytes(folder))

    async def steps(app, pilot, table):
        found, screen = [], app.screen
        table.select(A)
        for key in ("n", "enter", "escape", "y"):
            await pilot.press("D")
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await pilot.pause()
            text = shown(app)
            await pilot.press(key)
            await until(pilot, lambda: app.screen is screen)
            found.append(folder.exists())
            if key == "y":
                await until(pilot, lambda: not folder.exists() and len(table.rows) == 4)
        return text, found, [row.key for row in table.rows]

    text, found, keys = read(runs, steps)
    assert f"Delete {A}?" in text
    assert f"It frees {size}." in text
    assert found[:3] == [True, True, True]
    assert A not in keys
    assert ("say", f"deleted {A}") in wishes


def test_a_live_run_is_not_deleted(live, runs, wishes):
    async def steps(app, pilot, table):
        await until(pilot, lambda: live.folder.name in app.screen.live)
        table.select(live.folder.name)
        await pilot.press("D")
        await pilot.pause()

    read(runs, steps)
    assert wishes[-1] == ("say", "the run goes on; K stops it")
    assert live.folder.exists()


def test_a_deleted_run_is_marked_baseline_and_shown_no_more(runs, wishes):
    async def steps(app, pilot, table):
        app.follow(runs.workspace / "runs" / A)
        await until(pilot, lambda: app.state.run is not None)
        table.select(A)
        await pilot.press("b", "space")
        table.select(A)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: len(table.rows) == 4)
        await until(pilot, lambda: app.state.run is None)
        return app.state.baselines, table.marked, app.screen.marked

    assert read(runs, steps) == ({}, set(), [])


# --- read-only -----------------------------------------------------------------------------------


def test_read_only_greys_what_changes_a_run_and_says_why(runs, wishes):
    async def steps(app, pilot, table):
        active = {entry.binding.id: entry.enabled for entry in app.screen.active_bindings.values()}
        await pilot.press("u", "K", "D")
        await pilot.pause()
        return active, app.screen

    active, screen = read(runs, steps, readonly=True)
    grey = {name for name, enabled in active.items() if not enabled}
    assert grey == {"runs.resume", "runs.stop", "runs.delete"}
    assert active["runs.diff"]
    assert not isinstance(screen, Ask)
    reason = "read-only: this console starts, stops and deletes nothing"
    assert wishes == [("say", reason)] * 3


def test_read_only_runs_no_sample(console, wishes):
    async def steps(app, pilot, table):
        await pilot.press("enter")
        await pilot.pause()

    read(console, steps, readonly=True)
    assert [kind for kind, *_ in wishes] == ["say"]


# --- compare -------------------------------------------------------------------------------------


async def compared(app, pilot, table, first=A, second=B):
    for key in (first, second):
        table.select(key)
        await pilot.press("space")
    await pilot.press("d")
    await until(pilot, lambda: app.screen.comparing)
    await pilot.pause()
    return app.screen.query_one("#changes")


def test_two_marked_runs_are_compared_in_the_order_of_their_marks(runs):
    async def steps(app, pilot, table):
        changes = await compared(app, pilot, table, B, A)
        return [[cell.text for cell in row.cells] for row in changes.rows], text_of(app)

    rows, lines = read(runs, steps)
    assert lines[1].startswith("━━ Runs > what changed ━━ A …12c4  B …77aa, ")
    assert lines[1].rstrip("━").endswith("v shows all ")
    assert ["environment onnxruntime", "1.30.0", "1.22.0", ""] in rows
    assert ["environment cores", "–", "2", ""] in rows
    assert ["top1 batch 1 fp32", "95.00 %", "96.00 %", "+1.00 point"] in rows
    assert ["throughput batch 8 fp32", "250.0", "282.8", "+13.1 %"] in rows


def test_only_changes_are_shown_until_v(runs):
    async def steps(app, pilot, table):
        changes = await compared(app, pilot, table)
        few = [row.cells[0].text for row in changes.rows]
        await pilot.press("v")
        every = {row.cells[0].text: row.cells[3].text for row in changes.rows}
        state = app.screen.query_one("#diff").state
        await pilot.press("v")
        return few, every, state, len(changes.rows) == len(few)

    few, every, state, again = read(runs, steps)
    assert "environment processor" not in few
    assert every["environment processor"] == "same"
    assert every["run model"] == "same"
    assert state.endswith(f"{len(every)}, v shows what changed")
    assert again


def test_escape_leads_back_to_the_list_where_one_was(runs):
    async def steps(app, pilot, table):
        await compared(app, pilot, table)
        footer = text_of(app)[-1]
        await pilot.press("D", "u")
        await pilot.pause()
        asked = isinstance(app.screen, Ask)
        await pilot.press("escape")
        await pilot.pause()
        return footer, asked, table.has_focus, app.screen.marked, text_of(app)[-1]

    footer, asked, focused, marked, after = read(runs, steps)
    assert footer == "/ Filter c Copy v Show ? Help q Quit"
    assert not asked
    assert focused
    assert marked == [A, B]
    assert "D Delete" in after


def test_a_row_of_a_comparison_opens_in_full_and_is_copied(runs):
    async def steps(app, pilot, table):
        changes = await compared(app, pilot, table)
        changes.select("environment onnxruntime")
        await pilot.press("c", "enter")
        await until(pilot, lambda: isinstance(app.screen, Page))
        return shown(app)

    text = read(runs, steps)
    assert "A  1.22.0" in text
    assert "B  1.30.0" in text
    assert runs.clipboard == "environment onnxruntime\t1.22.0\t1.30.0\t"


def test_the_marked_run_is_compared_with_the_one_under_the_cursor(runs, wishes):
    async def steps(app, pilot, table):
        table.select(A)
        await pilot.press("space")
        table.select(B)
        await pilot.press("d")
        await until(pilot, lambda: app.screen.comparing)
        return app.screen.query_one("#diff").state

    assert read(runs, steps).startswith("A …77aa  B …12c4, ")


@pytest.mark.parametrize("count", [0, 3])
def test_other_numbers_of_marks_say_what_is_needed(runs, wishes, count):
    async def steps(app, pilot, table):
        await pilot.press(*["space"] * count, "d")
        await pilot.pause()
        return app.screen.comparing

    assert not read(runs, steps)
    assert wishes == [("say", f"mark two runs with Space; {count} marked")]


def test_an_imported_run_is_named_so_in_a_comparison(runs):
    async def steps(app, pilot, table):
        changes = await compared(app, pilot, table, A, IMPORTED)
        return app.screen.query_one("#diff").state, [row.cells[0].text for row in changes.rows]

    state, whats = read(runs, steps)
    assert state.startswith("A …77aa  B …0a0a imported, ")
    assert "run model" in whats


def test_a_run_that_is_gone_meanwhile_cannot_be_compared(runs, wishes, monkeypatch):
    async def steps(app, pilot, table):
        app.screen.compare(A, "20990101-000000-none-0000")
        await until(pilot, lambda: wishes)
        return app.screen.comparing

    assert not read(runs, steps)
    assert "there is no run" in wishes[0][1]


# --- report, copy, export, baseline --------------------------------------------------------------


@pytest.fixture
def reportable(runs):
    """The runs, of which one has a verdict as real ones have it."""
    folder = runs.workspace / "runs" / A
    files.write_json(folder / "verdict.json", whole_verdict(folder))
    return runs


async def reported(app, pilot, table, path=None):
    await pilot.press("o")
    await until(pilot, lambda: isinstance(app.screen, AskText))
    field = app.screen.query_one("Input")
    offered = field.value
    if path is not None:
        field.value = str(path)
    await pilot.press("enter")
    return offered


def test_a_report_is_written_into_the_run_or_where_one_says(reportable, wishes, tmp_path):
    async def steps(app, pilot, table):
        table.select(A)
        offered = await reported(app, pilot, table)
        await until(pilot, lambda: len(wishes) == 1)
        await reported(app, pilot, table, tmp_path / "report.json")
        await until(pilot, lambda: len(wishes) == 2)
        return offered

    path = reportable.workspace / "runs" / A / "report.md"
    assert read(reportable, steps) == str(path)
    assert "ghostnet" in path.read_text()
    assert json.loads((tmp_path / "report.json").read_text())["runs"]
    assert wishes == [
        ("say", f"saved to {path}"), ("say", f"saved to {tmp_path / 'report.json'}"),
    ]  # fmt: skip


def test_a_report_is_replaced_only_after_a_question(reportable, wishes, tmp_path):
    path = tmp_path / "report.md"
    path.write_text("mine")

    async def steps(app, pilot, table):
        screen, found = app.screen, []
        table.select(A)
        for key in ("n", "y"):
            await reported(app, pilot, table, path)
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await pilot.press(key)
            await until(pilot, lambda: app.screen is screen)
            found.append(path.read_text())
        await until(pilot, lambda: wishes)
        return found

    assert read(reportable, steps)[0] == "mine"
    assert "ghostnet" in path.read_text()


def test_a_fault_in_a_job_is_told_and_ends_no_screen(runs, wishes):
    """The recorded verdict lacks what a report needs, as that of another version may."""

    async def steps(app, pilot, table):
        table.select(A)
        await reported(app, pilot, table)
        await until(pilot, lambda: wishes)

    read(runs, steps)
    assert "report cannot answer: KeyError 'card_throughput'" in wishes[0][1]


def test_a_run_without_a_verdict_has_no_report(runs, wishes):
    async def steps(app, pilot, table):
        await reported(app, pilot, table)
        await until(pilot, lambda: wishes)

    read(runs, steps)
    assert "has no verdict" in wishes[0][1]


def test_the_id_is_copied(runs):
    async def steps(app, pilot, table):
        await pilot.press("c")
        await pilot.pause()

    read(runs, steps)
    assert runs.clipboard == KILLED


def test_a_written_list_has_whole_ids_and_figures(runs, tmp_path):
    async def steps(app, pilot, table):
        table.filter_words = "12c4"
        await pilot.press("x")
        app.screen.query_one("Input").value = str(tmp_path / "runs.json")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "runs.json").exists)

    read(runs, steps)
    (row,) = json.loads((tmp_path / "runs.json").read_text())["rows"]
    assert row["run_id"] == B
    assert row["accuracy_percent"] == 95.0
    assert row["verdict"] == "PASS"
    assert row["started"] == "2026-11-20T10:25:00.000Z"


def test_a_baseline_is_remembered_for_its_model_until_it_is_taken_away(runs, wishes):
    async def choose(app, pilot, table):
        table.select(A)
        await pilot.press("b")
        await until(pilot, (runs.workspace / "baselines.json").exists)
        await settled(app, pilot)
        return app.state.baselines, text_of(app)[6][:10], facts(app).get("baseline")

    async def look(app, pilot, table):
        table.select(A)
        before = dict(app.state.baselines)
        await pilot.press("b")
        await app.workers.wait_for_complete()
        await pilot.pause()
        return before, app.state.baselines, text_of(app)[6][:10]

    assert read(runs, choose, size=(120, 36)) == (
        {"ghostnet": A}, "b11-20 10:", "later runs of ghostnet are compared with it",
    )  # fmt: skip
    assert read(runs, look) == ({"ghostnet": A}, {}, " 11-20 10:")


def test_a_run_without_a_verdict_is_no_baseline(runs, wishes):
    async def steps(app, pilot, table):
        await pilot.press("b")
        await pilot.pause()
        return app.state.baselines

    assert read(runs, steps) == {}
    assert wishes == [("say", "a baseline needs a run with a verdict")]


# --- many runs -----------------------------------------------------------------------------------


def test_the_newest_runs_are_there_while_the_others_are_read(runs, monkeypatch):
    """Ten thousand runs that no index knows take seconds."""
    monkeypatch.setattr(history, "_MANY", 2)
    monkeypatch.setattr("ascend_console.tui.runs_history._FIRST", 2)
    monkeypatch.setattr("ascend_console.tui.runs_history._TELL_EVERY", 2)
    posted = []
    HistoryReader(runs.workspace, posted.append).read()
    found = [(len(message.runs) if message.runs else 0, message.done, message.total)
             for message in posted]  # fmt: skip
    assert found == [(2, 1, 5), (0, 2, 5), (0, 4, 5), (5, 5, 5)]
    assert [run.run_id for run in posted[0].runs] == [KILLED, FAILED]
    assert [message.whole for message in posted] == [False, False, False, True]


def test_reading_ends_when_nobody_waits_for_it(runs):
    posted = []
    reader = HistoryReader(runs.workspace, posted.append)
    reader.stop()
    reader.read()
    assert posted == []


def test_the_title_tells_how_far_the_history_is_read(runs):
    async def steps(app, pilot, table):
        table.tell_reading(3000, 10_000)
        return app.screen.query_one("#list").state

    assert read(runs, steps) == "3,000 of 10,000"


def test_ten_thousand_runs_are_listed_and_filtered(console, monkeypatch):
    runs = [RunSummary(f"20261120-101500-ghostnet-{n:04x}", state="finished", verdict="PASS",
                       model="ghostnet") for n in range(10_000)]  # fmt: skip

    def reading(workspace, cancel):
        yield from ()
        return runs

    monkeypatch.setattr(history, "reading", reading)

    async def steps(app, pilot, table):
        await pilot.press("slash", *"00ff", "enter")
        await until(pilot, lambda: len(table.rows) < 10_000)
        return [row.key[-4:] for row in table.rows], app.screen.query_one("#list").state

    assert read(console, steps) == (["00ff"], "1 of 10,000, newest first, filter 00ff")


# --- other settings ------------------------------------------------------------------------------


def test_another_language_keeps_the_list_and_the_cursor_can_go_on(runs):
    async def steps(app, pilot, table):
        await settled(app, pilot)
        app.set_language("zh")
        await until(pilot, lambda: app.screen._table is not table and app.screen._table.is_mounted)
        again = app.screen._table
        await until(pilot, lambda: len(again.rows) == 5)
        await pilot.pause()
        return again.known, facts(app) != {}

    assert read(runs, steps) == (True, True)


def test_another_language_leads_from_a_comparison_to_the_marked_list(runs):
    async def steps(app, pilot, table):
        await compared(app, pilot, table)
        app.set_language("zh")
        await until(pilot, lambda: app.screen._table is not table and app.screen._table.is_mounted)
        again = app.screen._table
        await until(pilot, lambda: len(again.rows) == 5)
        return app.screen.comparing, again.marked, app.screen.has_class("comparing")

    assert read(runs, steps) == (False, {A, B}, False)


def test_a_paused_console_reads_nothing_by_itself(runs):
    async def steps(app, pilot, table):
        await pilot.press("p")
        record(runs.workspace, "20261120-120000-ghostnet-beef", minute=50)
        app.screen._read_if_shown()
        await app.workers.wait_for_complete()
        await pilot.pause()
        held = len(table.rows)
        await pilot.press("p")
        app.screen._read_if_shown()
        await until(pilot, lambda: len(table.rows) == 6)
        return held

    assert read(runs, steps) == 5


def test_a_remapped_key_works(runs, wishes):
    async def steps(app, pilot, table):
        table.select(A)
        await pilot.press("f5")
        await pilot.pause()

    read(runs, steps, keys={"runs.replay": "f5"})
    assert wishes == [("follow", A, True)]


def test_help_explains_the_list(runs):
    async def steps(app, pilot, table):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Page))
        return shown(app)

    assert "b baseline, i imported" in read(runs, steps, size=(100, 50))


def test_a_workspace_that_is_not_there_is_an_empty_one(tmp_path):
    assert Settings(workspace=tmp_path / "none").workspace.exists() is False
    posted = []
    HistoryReader(tmp_path / "none", posted.append).read()
    assert [(message.runs, message.whole) for message in posted] == [([], True)]
