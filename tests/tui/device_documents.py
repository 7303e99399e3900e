"""Device snapshots as the screens get them, and an app that is shown one."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import asdict

import pytest

from ascend_console.core.settings import ScreenSettings, Settings
from ascend_console.tui import launch
from ascend_console.tui.app import ConsoleApp
from ascend_console.tui.devices_tables import DeviceTable
from ascend_console.tui.messages import DevicesArrived
from tests.data.device_probes import chip_of, host_reading

TAKEN = "2026-11-20T10:15:00.000Z"


class Pokes:
    """In place of the polling."""

    def __init__(self) -> None:
        self.count = 0

    def poke(self) -> None:
        self.count += 1

    def stop(self) -> None:
        pass


def source_of(name="npu-smi", age_s=1.0, interval_s=5.0, error=None, **given):
    told = {
        "source": name, "version": "25.5.1", "driver_version": "25.5.1", "age_s": age_s,
        "interval_s": interval_s, "took_s": 1.1, "error": error,
        "error_id": error and "devices.npu_smi_silent", "error_args": error and {"limit": "5"},
        "hint": None,
    }  # fmt: skip
    return {**told, **given}


def document_of(*chips, processes=(), host=True, sources=None, **given):
    machine = asdict(host_reading().host) if host else None
    own = [source_of(), source_of("psutil", 0.5, 1.0)]
    told = {
        "schema": 1, "taken_at": TAKEN, "chips": [asdict(chip) for chip in chips],
        "processes": list(processes), "gpus": [], "host": machine,
        "sources": own if sources is None else sources, "lost": [],
        "polling": {"cpu_s": 0.03, "wall_s": 10.0, "core_pct": 0.3},
    }  # fmt: skip
    return {**told, **given}


def process_of(pid=20421, memory_mb=1204, **given):
    told = {
        "npu": 0, "chip": 0, "pid": pid, "name": "python3", "memory_mb": memory_mb,
        "user": "liu", "command": "python3 -m ais_bench --model a.om", "cpu_pct": 102.0,
    }  # fmt: skip
    return {**told, **given}


BUSY = chip_of(aicore_pct=63, memory_used_mb=2703, power_w=16.5)
TWO = (BUSY, chip_of(npu=1, device=1, health="Warning", aicore_pct=None))


@asynccontextmanager
async def screen(
    tmp_path, document=None, *, start="devices", size=(80, 24), lang="en", look="dark", **screen
):
    """A console that shows a document; `screen` are settings of the screens."""
    environ = {"PATH": os.environ["PATH"]}
    settings = Settings(
        workspace=tmp_path, lang=lang, environ=environ, screen=ScreenSettings(**screen)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "start_polling", lambda app: Pokes())
        app = ConsoleApp(settings, start=start, look=look)
        async with app.run_test(size=size) as pilot:
            if document is not None:
                await arrive(app, pilot, document)
            yield app, pilot


async def arrive(app, pilot, document, share=0.003):
    app.post_message(DevicesArrived(document, share))
    await pilot.pause()
    await pilot.pause()


def cells_of(app, table=DeviceTable):
    return [[cell.text for cell in row.cells] for row in app.screen.query_one(table).rows]


def see(tmp_path, document, then, **given):
    """Show a document, then look at the app with `then(app, pilot)`."""

    async def look():
        async with screen(tmp_path, document, **given) as (app, pilot):
            await then(app, pilot)

    asyncio.run(look())


async def until(pilot, holds):
    """Let the app work until something holds."""
    for _ in range(1000):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to be")


def said(app):
    return [note.message for note in app._notifications]
