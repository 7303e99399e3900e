"""A console over an empty workspace, driven through its keys."""

from __future__ import annotations

import asyncio

import pytest

from ascend_console.core.settings import ScreenSettings, Settings
from ascend_console.tui.app import ConsoleApp


class Console:
    """Makes consoles over one workspace and drives them."""

    def __init__(self, workspace):
        self.workspace = workspace

    def app(self, *, start="runs", lang="en", look="dark", **screen):
        """A console; `screen` are settings of the screens, such as glyphs or readonly."""
        settings = Settings(
            workspace=self.workspace, lang=lang, screen=ScreenSettings(look=look, **screen)
        )
        return ConsoleApp(settings, start=start, look=look)

    def drive(self, steps, *, size=(80, 24), **wanted):
        """Run `steps(app, pilot)` in a console; gives back what it does."""

        async def run():
            app = self.app(**wanted)
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                return await steps(app, pilot)

        return asyncio.run(run())

    @property
    def clipboard(self):
        """What was copied last."""
        return (self.workspace / "clipboard.txt").read_text()


@pytest.fixture
def console(tmp_path):
    workspace = tmp_path / "ws"
    workspace.mkdir()
    return Console(workspace)
