"""The history of devices, and the thread that asks them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

from ascend_console.core.settings import Settings
from ascend_console.tools.clock import SystemClock
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.devices_history import MOST_SAMPLES, DeviceHistory
from ascend_console.tui.polling import DevicePolling
from tests.data.device_probes import PATIENCE_S, Announced, host_reading, probe_of, settings_told
from tests.tui.device_documents import BUSY, cells_of, document_of, source_of, until
from tests.tui.screen_text import shown

# History


def history_of(*looks, interval_s=1.0):
    """A history of looks: when, and the share of the chip."""
    history = DeviceHistory()
    for at_s, share in looks:
        source = source_of(age_s=0.0, interval_s=interval_s)
        chip = replace(BUSY, aicore_pct=share)
        history.take(document_of(chip, host=False, sources=[source]), at_s)
    return history


def test_a_time_without_an_answer_is_a_gap():
    """A gap is no 0, and no line across it."""
    history = history_of((0, 10), (1, 30), (7, None), (8, 50))
    spans = history.spans("npu 0.0", "util_pct", 0, 10, 10)
    assert spans == [10, 30, 30, 30, None, None, None, None, 50, 50]
    assert history.bounds("npu 0.0", "util_pct", 0, 10) == (10, 50)
    assert history.bounds("npu 0.0", "util_pct", 4.5, 7.5) is None


def test_a_slow_source_leaves_no_gaps_between_its_looks():
    """npu-smi every 5 s on a row of a column each 2.5 s."""
    history = history_of(*((at_s, 40) for at_s in range(0, 60, 5)), interval_s=5.0)
    assert history.spans("npu 0.0", "util_pct", 0, 60, 24) == [40.0] * 24


def test_what_is_told_again_is_no_new_sample():
    """A snapshot repeats what a source said last."""
    history = DeviceHistory()
    for now_s in (10, 11, 12):
        told = source_of(age_s=now_s - 10.0 + 0.01 * (now_s - 10))
        history.take(document_of(BUSY, host=False, sources=[told]), now_s)
    assert len(history.json_lines().splitlines()) == 1


def test_the_history_is_bounded():
    """A console that is left open for weeks."""
    history = history_of(*((float(at_s), 1) for at_s in range(MOST_SAMPLES + 500)))
    assert len(history.json_lines().splitlines()) <= MOST_SAMPLES


def test_a_device_that_is_gone_leaves_the_history_after_an_hour():
    """Containers come and go."""
    history = history_of((0, 1))
    history.take(document_of(host=False, sources=[]), 4000.0)
    assert history.json_lines() == ""


# Polling


class Posted:
    """What the polling posted, and a wait for more of it."""

    def __init__(self) -> None:
        self.messages = []
        self._come = threading.Semaphore(0)

    def __call__(self, message) -> None:
        self.messages.append(message)
        self._come.release()

    def wait(self):
        assert self._come.acquire(timeout=PATIENCE_S)
        return self.messages[-1]


def test_the_polling_posts_news_and_its_cost(tmp_path):
    """The document is that of `devices --json`."""
    posted = Posted()
    probe = probe_of(Announced(lambda cancel: host_reading()), "psutil", interval_s=60.0)
    settings = Settings(workspace=tmp_path)
    polling = DevicePolling(settings, SystemClock(), posted, probes=[probe]).start()
    try:
        first = posted.wait()
        polling.poke()
        second = posted.wait()
    finally:
        polling.stop()
    assert first.document["host"]["cpu_pct"] == 12.5
    assert first.share is None or first.share >= 0
    assert second.document["sources"][0]["took_s"] is not None
    assert len(posted.messages) == 2  # without a new look there is no news


def test_a_bug_in_a_probe_is_told_in_place_of_figures(tmp_path):
    """Figures that never change again would be taken for those of now."""

    def look(cancel):
        raise KeyError("a bug")

    posted = Posted()
    settings = Settings(workspace=tmp_path)
    polling = DevicePolling(settings, SystemClock(), posted, probes=[probe_of(Announced(look))])
    polling.start()
    told = posted.wait().document
    polling.stop()
    assert told["host"] is None
    assert "a bug" in told["sources"][0]["error"]


def test_a_hung_npu_smi_leaves_the_keys_answered(tmp_path, monkeypatch):
    """Its driver hangs; the machine's own figures come, and the screen lives."""
    settings = settings_told(tmp_path, "hang", FAKE_READY=str(tmp_path / "ready"))
    app = ConsoleApp(settings, start="devices", look="dark")

    async def look():
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: [row[0] for row in cells_of(app)] == ["cpu"])
            await pilot.press("right_square_bracket")
            assert "last 15 min" in shown(app)
            await pilot.press("6")
            assert app.current_mode == "doctor"
            await pilot.press("2", "r")
            assert app.current_mode == "devices"

    asyncio.run(look())
