"""The screen Devices: what its keys do, and how a process is ended."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from ascend_console.core.errors import UserError
from ascend_console.tools import user_process
from ascend_console.tui.devices_tables import DeviceTable
from ascend_console.tui.widgets.ask import Ask, AskText, Page
from tests.tui.device_documents import (
    BUSY,
    TWO,
    arrive,
    cells_of,
    document_of,
    process_of,
    said,
    see,
    until,
)
from tests.tui.screen_text import shown, text_of

# Keys


def test_enter_shows_all_facts_and_the_history(tmp_path):
    """Hugepages and bus have no column."""

    async def then(app, pilot):
        await pilot.press("enter")
        assert isinstance(app.screen, Page)
        page = shown(app)
        assert "hugepages      0/0" in page
        assert "bus            0000:01:00.0" in page
        assert "last 5 min" in page
        await pilot.press("escape", "tab", "enter")
        assert "process 20421" in shown(app)

    see(tmp_path, document_of(*TWO, processes=[process_of()]), then, size=(80, 44))


def test_the_history_follows_the_cursor_and_the_window(tmp_path):
    """`[` and `]` choose 5, 15 or 60 minutes."""

    async def then(app, pilot):
        await pilot.press("down", "right_square_bracket")
        await pilot.pause()
        assert "── npu:1 ── last 15 min; [ ] 5, 60 ─" in shown(app)
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert "last 60 min; [ ] 5, 15" in shown(app)
        await pilot.press(*["left_square_bracket"] * 5)
        assert "last 5 min; [ ] 15, 60" in shown(app)

    see(tmp_path, document_of(*TWO), then)


def test_the_cursor_stays_on_its_device_while_figures_come(tmp_path):
    """Another look every second."""

    async def then(app, pilot):
        await pilot.press("down")
        await arrive(app, pilot, document_of(*TWO, host=False))
        assert app.screen.query_one(DeviceTable).row.key == "npu 1.0"

    see(tmp_path, document_of(*TWO), then)


def test_a_paused_picture_stands_still_and_catches_up(tmp_path):
    """`p` holds, `p` catches up; the history goes on meanwhile."""

    async def then(app, pilot):
        await pilot.press("p")
        await arrive(app, pilot, document_of(replace(BUSY, aicore_pct=99)))
        assert cells_of(app)[0][2] == "63"
        await pilot.press("p")
        await pilot.pause()
        assert cells_of(app)[0][2] == "99"

    see(tmp_path, document_of(BUSY), then)


def test_r_asks_all_devices_now(tmp_path):
    """The pace of npu-smi is five seconds."""

    async def then(app, pilot):
        await pilot.press("r")
        assert app._poller.count == 1

    see(tmp_path, document_of(BUSY), then)


def test_c_copies_the_row_and_x_writes_table_or_samples(tmp_path):
    """The samples of the last hour are JSON Lines."""

    async def then(app, pilot):
        await pilot.press("c")
        await pilot.pause()
        assert "npu:0\tOK\t63" in (tmp_path / "clipboard.txt").read_text("utf-8")
        for name in ("a.jsonl", "a.csv"):
            await pilot.press("x")
            assert isinstance(app.screen, AskText)
            app.screen.dismiss(str(tmp_path / name))
            await until(pilot, (tmp_path / name).exists)

    see(tmp_path, document_of(BUSY), then)
    samples = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert samples[0] == {
        "device": "npu:0", "at": "2026-11-20T10:14:59.000Z", "util_pct": 63, "used_mb": 2703,
        "power_w": 16.5, "temp_c": 50.0, "load_1m": None,
    }  # fmt: skip
    assert (tmp_path / "a.csv").read_text("utf-8").startswith("device,state,util_pct")


def test_the_title_tells_order_and_filter(tmp_path):
    """Whoever looks at a filtered table must see that it is one."""

    async def then(app, pilot):
        await pilot.press("slash", *"npu:1", "enter")
        await pilot.pause()
        assert "1 of 3, filter npu:1; npu-smi every 5 s" in text_of(app)[1]
        await pilot.press("escape")
        await pilot.pause()
        assert len(cells_of(app)) == 3

    see(tmp_path, document_of(*TWO), then)


def test_zoom_gives_the_devices_the_whole_screen(tmp_path):
    """And takes it back."""

    async def then(app, pilot):
        before = text_of(app)
        await pilot.press("z")
        await pilot.pause()
        assert "Processes" not in shown(app)
        assert text_of(app)[0].startswith("━━ Devices")
        await pilot.press("z")
        await pilot.pause()
        assert text_of(app) == before

    see(tmp_path, document_of(*TWO), then)


# Ending a process


WAITING = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture
def victim(request):
    """A process of ours that waits to be ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", getattr(request, "param", WAITING)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def entry_of(process):
    seen = psutil.Process(process.pid)
    return process_of(process.pid, user=seen.username(), command=" ".join(seen.cmdline()))


def test_ending_a_process_asks_with_pid_and_command_and_enter_does_not(tmp_path, victim):
    """`K` Enter does nothing, `K` `y` does it."""

    async def then(app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert f"End process {victim.pid}?" in shown(app)
        assert "sys.stdin.read()" in shown(app)
        await pilot.press("enter")
        await pilot.pause()
        assert victim.poll() is None
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: victim.poll() is not None)

    see(tmp_path, document_of(BUSY, processes=[entry_of(victim)]), then)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"user": None, "command": None}, "not yours: process {pid} is not seen from here"),
        ({"command": "another command"}, "process {pid} is another one by now"),
    ],
)
def test_what_may_be_another_process_is_left_alone(tmp_path, victim, given, wanted):
    """In a container npu-smi may tell the numbers of the host."""

    async def then(app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: said(app))
        assert wanted.format(pid=victim.pid) in said(app)[0]
        assert victim.poll() is None

    see(tmp_path, document_of(BUSY, processes=[{**entry_of(victim), **given}]), then)


def test_a_process_of_somebody_else_is_not_ended(tmp_path, victim, monkeypatch):
    """Also where the system would let us."""
    own = psutil.Process.username
    monkeypatch.setattr(
        psutil.Process, "username", lambda self: "liu" if self.pid == victim.pid else own(self)
    )

    async def then(app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: said(app))
        assert f"not yours: process {victim.pid} is of liu" in said(app)[0]
        assert victim.poll() is None

    see(tmp_path, document_of(BUSY, processes=[entry_of(victim)]), then)


def test_read_only_ends_nothing_and_says_why(tmp_path, victim):
    """A screen for the wall."""

    async def then(app, pilot):
        await pilot.press("K")
        await pilot.pause()
        assert any("read-only" in text for text in said(app))
        assert not isinstance(app.screen, Ask)

    see(tmp_path, document_of(BUSY, processes=[entry_of(victim)]), then, readonly=True)


STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print(flush=True); sys.stdin.read()"
)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no request to end")
@pytest.mark.parametrize("victim", [STUBBORN], indirect=True)
def test_one_that_was_asked_and_goes_on_is_killed_at_the_second_question(tmp_path, victim):
    """What hangs in a driver seldom listens."""

    async def then(app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: said(app))
        assert said(app) == [f"asked process {victim.pid} to end"]
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "goes on. Kill it?" in shown(app)
        await pilot.press("y")
        await until(pilot, lambda: victim.poll() is not None)

    see(tmp_path, document_of(BUSY, processes=[entry_of(victim)]), then)


def test_a_process_that_is_no_more_is_said_to_be(tmp_path, victim):
    """It may end between two looks."""
    entry = entry_of(victim)
    victim.kill()
    victim.communicate()

    async def then(app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: said(app))
        assert f"process {victim.pid} is no more" in said(app)[0]

    see(tmp_path, document_of(BUSY, processes=[entry]), then)


def test_a_number_that_was_given_again_is_another_process(victim):
    """Between the question and the answer a pid may become somebody else's."""
    seen = user_process.own_process(victim.pid)
    with pytest.raises(UserError, match="is no more"):
        user_process.end(replace(seen, started_s=seen.started_s - 1))
    assert victim.poll() is None
