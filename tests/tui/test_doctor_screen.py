"""The screen Doctor: checks fill in, the worst stands first, and says what to type."""

from __future__ import annotations

import asyncio
import json
import threading
import zipfile
from types import SimpleNamespace

import pytest

from ascend_console.core.errors import Interrupted, ToolFailed
from ascend_console.core.events import RowAdded
from ascend_console.tui import doctor_checks, doctor_rows
from ascend_console.tui.doctor_screen import CheckTable
from ascend_console.tui.texts import Texts
from ascend_console.tui.widgets.ask import AskText
from tests.tui.device_documents import said, screen, until
from tests.tui.screen_text import shown, text_of, widths_of

LOOK_S = 0.02
REMEDY = "In a container, pass /dev/davinci0. Then start it again."


def check_of(name, verdict, seen="as it should be", remedy=None, **args):
    return {
        "id": name, "verdict": verdict, "seen": seen, "remedy": remedy,
        "text": "doctor.disk_little" if args else f"test.{name}", "args": args,
    }  # fmt: skip


CHECKS = (
    check_of("disk.free", "WARN", "only 3.1 GB are free in the workspace /w", "Type: runs prune",
             free="3.1", folder="/w"),
    check_of("python", "PASS"),
    check_of("terminal.screen", "SKIP", "no terminal"),
    check_of("ascend.device", "FAIL", "dcmi ret -8005", REMEDY),
)  # fmt: skip


class Doctor:
    """A job of checks that a test lets go on, one by one or all at once."""

    def __init__(self, *checks, error=None) -> None:
        self.checks = checks
        self.error = error
        self.starts = 0
        self.bundle = None
        self.held = False
        self.gate = threading.Semaphore(0)
        self.cancel = None

    def run(self, request, env):
        self.starts += 1
        self.cancel = env.cancel
        for check in self.checks:
            while self.held and not self.gate.acquire(timeout=LOOK_S):
                if env.cancel.is_set():
                    raise Interrupted
            yield RowAdded("checks", check)
        if self.error is not None:
            raise self.error
        if request.bundle is not None:
            request.bundle.write_text("a bundle")


@pytest.fixture
def doctor(monkeypatch):
    found = Doctor(*CHECKS)
    load = SimpleNamespace(load=lambda folder, name: found)
    monkeypatch.setattr(doctor_checks, "discovery", load)
    return found


def see(tmp_path, then, **given):
    async def look():
        async with screen(tmp_path, start="doctor", **given) as (app, pilot):
            await then(app, pilot)

    asyncio.run(look())


def names(app):
    return [row.cells[1].text for row in app.screen.query_one(CheckTable).rows]


def is_done(app):
    return lambda: " ago" in text_of(app)[1]


def test_the_worst_stands_first_and_its_remedy_below(tmp_path, doctor):
    """The drawing of tui.md section 3.6."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        lines = text_of(app)
        assert lines[1].startswith("━━ Doctor ━━ 1 fail, 1 warn, 1 pass, 1 skip; 0 s ago ━")
        assert names(app) == ["ascend.device", "disk.free", "python", "terminal.screen"]
        assert lines[3].split() == ["✗", "FAIL", "ascend.device", "dcmi", "ret", "-8005"]
        assert lines[12].startswith("── ascend.device ─")
        assert lines[13].split() == ["seen", "dcmi", "ret", "-8005"]
        assert lines[14].strip() == "do    1  In a container, pass /dev/davinci0."
        assert lines[15].strip() == "2  Then start it again."
        assert max(widths_of(app)) <= 80

    see(tmp_path, then)


def test_checks_fill_in_while_others_still_run(tmp_path, doctor):
    """An import of torch takes seconds; the disk is known at once."""
    doctor.held = True

    async def then(app, pilot):
        doctor.gate.release()
        await until(pilot, lambda: names(app) == ["disk.free"])
        assert "1 warn; checking, 1 so far" in text_of(app)[1]
        await pilot.press("down", "c", "2", "6")
        for _ in CHECKS:
            doctor.gate.release()
        await until(pilot, is_done(app))
        assert names(app)[0] == "ascend.device"

    see(tmp_path, then)


def test_the_cursor_stays_on_the_worst_while_checks_come(tmp_path, doctor):
    """Who has not moved sees the remedy that matters most."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        assert app.screen.query_one(CheckTable).row.key == "ascend.device"
        await pilot.press("down")
        await pilot.press("r")
        await until(pilot, lambda: doctor.starts == 2)
        await until(pilot, is_done(app))
        assert app.screen.query_one(CheckTable).row.key == "disk.free"

    see(tmp_path, then)


def test_a_check_that_is_made_no_more_goes(tmp_path, doctor):
    """What was mended may have no check of its own any more."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        doctor.checks = (check_of("ascend.device", "PASS"), check_of("ascend.device", "WARN"))
        await pilot.press("r")
        await until(pilot, lambda: len(names(app)) == 2 and is_done(app)())
        assert names(app) == ["ascend.device"] * 2
        assert "1 warn, 1 pass; " in text_of(app)[1]

    see(tmp_path, then)


def test_checks_run_when_first_shown_and_not_on_each_visit(tmp_path, doctor):
    """They start programs; `r` is there for another look."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        await pilot.press("2", "6")
        assert doctor.starts == 1
        assert names(app)[0] == "ascend.device"

    see(tmp_path, then)


def test_a_second_r_does_not_start_a_second_look(tmp_path, doctor):
    """Impatience must not double the work."""
    doctor.held = True

    async def then(app, pilot):
        await pilot.press("r", "r")
        for _ in CHECKS:
            doctor.gate.release()
        await until(pilot, is_done(app))
        assert doctor.starts == 1

    see(tmp_path, then)


def test_leaving_ends_the_checks(tmp_path, doctor):
    """`q` must not wait for an import of torch."""
    doctor.held = True

    async def then(app, pilot):
        await until(pilot, lambda: doctor.cancel is not None)

    see(tmp_path, then)
    assert doctor.cancel.is_set()


def test_enter_folds_the_remedy_and_escape_brings_it_back(tmp_path, doctor):
    """The list can have the whole screen."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "── ascend.device" not in shown(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "── ascend.device" in shown(app)

    see(tmp_path, then)


def test_c_copies_the_remedy(tmp_path, doctor):
    """It is to be typed elsewhere."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        await pilot.press("c")
        assert (tmp_path / "clipboard.txt").read_text("utf-8") == REMEDY
        await pilot.press("down", "down", "c")
        assert (tmp_path / "clipboard.txt").read_text("utf-8") == "as it should be"

    see(tmp_path, then)


def test_x_writes_the_table_or_the_bundle(tmp_path, doctor):
    """A table for a mail, a bundle for support."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        for name in ("a.json", "a.zip", "a.txt"):
            await pilot.press("x")
            assert isinstance(app.screen, AskText)
            app.screen.dismiss(str(tmp_path / name))
            await until(pilot, lambda: not isinstance(app.screen, AskText))
            await pilot.pause()
        await until(pilot, (tmp_path / "a.zip").exists)
        await until(pilot, is_done(app))
        assert any("saved to" in text and "a.zip" in text for text in said(app))
        assert any("end the name in one of" in text for text in said(app))

    see(tmp_path, then)
    rows = json.loads((tmp_path / "a.json").read_text("utf-8"))["rows"]
    assert rows[0]["check"] == "ascend.device"
    assert rows[0]["remedy"] == REMEDY
    assert doctor.starts == 2


def test_an_error_of_the_job_is_said_and_the_checks_stay(tmp_path, doctor):
    """A bundle that cannot be written is no reason to lose what is known."""
    doctor.error = ToolFailed("test.full", "the disk is full", hint="Delete something.")

    async def then(app, pilot):
        await until(pilot, lambda: said(app))
        assert "the disk is full" in said(app)[0]
        assert len(names(app)) == 4

    see(tmp_path, then)


def test_texts_are_chinese_where_there_are_any(tmp_path, doctor):
    """Checks are translated by their ids; the tokens stay."""

    async def then(app, pilot):
        await until(pilot, lambda: len(names(app)) == 4)
        seen = [row.cells[2].text for row in app.screen.query_one(CheckTable).rows]
        assert "3.1 GB" in seen[1]
        assert "only" not in seen[1]
        assert max(widths_of(app)) <= 80

    see(tmp_path, then, lang="zh")


@pytest.mark.parametrize("look", ["mono", "terminal"])
def test_ascii_is_7_bit(tmp_path, doctor, look):
    """In terminals where signs have another width."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        assert all(line.isascii() for line in text_of(app))
        assert "x FAIL" in text_of(app)[3]

    see(tmp_path, then, glyphs="ascii", look=look)


def test_from_160_columns_the_remedy_stands_beside(tmp_path, doctor):
    """Wide screens have room."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        assert "── ascend.device ─" in text_of(app)[1]

    see(tmp_path, then, size=(160, 44))


def test_the_bundle_is_the_one_of_the_command(tmp_path):
    """The real job, on this machine: every check arrives, and the zip is whole."""

    async def then(app, pilot):
        await until(pilot, is_done(app))
        app.screen.check(tmp_path / "support.zip")
        await until(pilot, (tmp_path / "support.zip").exists)
        await until(pilot, is_done(app))
        assert "host.memory" in names(app)

    see(tmp_path, then)
    with zipfile.ZipFile(tmp_path / "support.zip") as bundle:
        assert "doctor.json" in bundle.namelist()


def test_remedies_are_cut_between_sentences_only():
    """A command with a full stop or a semicolon in it stays whole."""
    assert doctor_rows.steps_of("Type: a ./b.sh; c. Then log in again.") == [
        "Type: a ./b.sh; c.", "Then log in again.",
    ]  # fmt: skip
    assert doctor_rows.steps_of("请输入：a。然后重新登录。") == ["请输入：a。", "然后重新登录。"]
    assert doctor_rows.steps_of("") == []


def test_ages_are_told_as_people_say_them():
    """`12 s ago`, `3 min ago`."""
    told = [doctor_rows.ago_text(age_s, Texts("en")) for age_s in (0, 12, 180, 3700)]
    assert told == ["0 s ago", "12 s ago", "3 min ago", "1:01:40 ago"]
