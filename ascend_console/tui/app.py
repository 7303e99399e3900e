"""The app: screens, keys, the state that it hands down, and the wishes that come up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError
from ascend_console.tools.clock import SystemClock
from ascend_console.tui import baselines, glyphs, keymap, launch, strip, themes
from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.devices_history import DeviceHistory
from ascend_console.tui.palette import ConsolePalette
from ascend_console.tui.state import AppState
from ascend_console.tui.texts import Texts
from ascend_console.tui.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.style import Style
    from textual.binding import BindingType
    from textual.screen import Screen

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Page
    from ascend_console.tools.detached import Detached
    from ascend_console.tui.messages import (
        Answer,
        DevicesArrived,
        FollowRequested,
        ModelChosen,
        RunRequested,
        StopRequested,
        Watched,
    )
    from ascend_console.tui.polling import DevicePolling

PAGES: tuple[Page, ...] = discovery.load_all("tui.screens")


def _screen_class(page: Page) -> type[ConsoleScreen]:
    """The class of a screen, imported when it is first shown."""
    module, _, name = page.screen.rpartition(".")
    found: type[ConsoleScreen] = getattr(import_module(module), name)
    return found


class ConsoleApp(App[None]):
    """Shows screens over one state; computes nothing and waits for nothing."""

    TITLE = "ascend-console"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS: ClassVar[set[Any]] = {ConsolePalette}
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings("app", extra=keymap.page_actions(PAGES), footer=("app.help", "app.quit"))
    ]

    def __init__(self, settings: Settings, *, start: str = "run", look: str | None = None) -> None:
        self.settings = settings
        self.look = look or themes.chosen_look(settings)
        super().__init__(ansi_color=self.look in themes.ANSI_LOOKS)
        self.pages = PAGES
        self.t = Texts(settings.lang)
        self.glyphs = glyphs.SETS[settings.screen.glyphs]
        self.clock = SystemClock()
        self.state = AppState(baselines=baselines.read(settings.workspace))
        self._start = start
        self._started: list[Detached] = []
        self.launched: dict[Any, Detached] = {}
        self.wanted: Any = None
        self._follows_next = True
        self._waits_for_unnamed = False
        self._watcher = Watcher(
            settings.workspace, self.clock, self.post_message, themes.refresh_hz(settings)
        )
        self._poller: DevicePolling | None = None
        self.device_history = DeviceHistory()

    def get_system_commands(self, screen: Screen[Any]) -> Any:
        """The palette has commands of its own; those of the framework stay out."""
        del screen
        return ()

    def _make_screen(self, page: Page) -> ConsoleScreen:
        return _screen_class(page)()

    def on_mount(self) -> None:
        """Choose the look, remap the keys, show the first screen, begin to watch."""
        for theme in themes.themes():
            self.register_theme(theme)
        self.theme = self.look
        for page in PAGES:
            self.add_mode(page.name, partial(self._make_screen, page))
        self.set_keymap(dict(self.settings.screen.keys))
        self.switch_mode(self._start)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """What may come after the first paint."""
        self._watcher.start()
        self._poller = launch.start_polling(self)

    def on_unmount(self) -> None:
        """End the threads; runs go on."""
        self._watcher.stop()
        if self._poller is not None:
            self._poller.stop()

    # State comes down.

    def change(self, **changes: Any) -> None:
        """Replace parts of the state and hand it to the screen that is shown."""
        self.state = replace(self.state, **changes)
        if self.state.paused and "paused" not in changes:
            return
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen) and screen.is_mounted:
                screen.take(self.state)

    def on_watched(self, message: Watched) -> None:
        """Runs have news. The one that is alive when we come is shown, and one begun unnamed."""
        known = {run.folder for run in self.state.live}
        new = [run for run in message.live if run.folder not in known]
        if self._follows_next and self.state.run is None and len(new) == 1:
            self.follow(new[0].folder)
        self._follows_next = self._follows_next and self._waits_for_unnamed and not new
        # What was posted before the user chose another run is of the past.
        followed = message.followed
        if followed is not None and followed.folder != self.wanted:
            followed = None
        self.change(live=message.live, run=followed if followed else self.state.run)

    def on_devices_arrived(self, message: DevicesArrived) -> None:
        """Devices have news."""
        self.device_history.take(message.document, self.clock.monotonic_s())
        self.change(devices=message.document, polling_share=message.share)

    def strip(self) -> list[tuple[str, str, str]]:
        """Parts of the status strip: text, style, and the screen that a click on it opens."""
        return strip.parts(self.state, self.settings, self.t, self.glyphs, self.look)

    # Wishes come up.

    def follow(self, folder: Any) -> None:
        """Show this run from now on; None goes back to the form."""
        self.wanted = folder
        self._watcher.follow(folder)
        if folder is None:
            self.change(run=None, replay=None)

    def on_follow_requested(self, message: FollowRequested) -> None:
        """Show a run on the Run screen."""
        self.follow(message.folder)
        self.change(replay=1.0 if message.replay else None)
        self.action_go("run")

    def on_model_chosen(self, message: ModelChosen) -> None:
        """All screens speak of this model."""
        self.change(model=message.name)

    def on_run_requested(self, message: RunRequested) -> None:
        """Start a run as a process of its own, and follow it."""
        if self.refuse_readonly():
            return
        try:
            started, folder = launch.start_run(self.settings, message.words, self.clock)
        except ConsoleError as error:
            self.say_error(error)
            return
        self._started.append(started)
        self._follows_next = self._waits_for_unnamed = folder is None
        if folder is not None:
            self.launched[folder] = started
        self.follow(folder)

    def on_stop_requested(self, message: StopRequested) -> None:
        """Ask a run to stop, by the file that it looks for."""
        if not self.refuse_readonly():
            launch.ask_to_stop(message.folder)

    def started(self) -> list[Detached]:
        """The runs of this console that are not over, those that are collected first."""
        self._started = [entry for entry in self._started if entry.ended() is None]
        return self._started

    def ask(self, name: str, request: Any, receive: Callable[[Answer], None]) -> None:
        """Have a listing job answer in a thread; `receive` gets the answer in the main one."""

        def work() -> None:
            answer = launch.answer_of(name, request, self.settings, self.clock)
            self.call_from_thread(receive, answer)

        self.run_worker(work, thread=True, group=f"ask-{name}", exclusive=True)

    # Small services.

    def refuse_readonly(self) -> bool:
        """Whether nothing may be started or ended here; says so."""
        if self.settings.screen.readonly:
            self.say(self.t("read-only: this console starts, stops and deletes nothing"), "warning")
        return self.settings.screen.readonly

    def say(self, text: str, severity: Any = "information") -> None:
        """A toast of four seconds; data in it is text, not markup."""
        self.notify(text, severity=severity, timeout=4, markup=False)

    def say_error(self, error: ConsoleError) -> None:
        """An error of the service layer, with what to do."""
        text = self.t.message(error.id, error.message, error.values)
        hint = self.t.hint(error.id, error.hint, error.values)
        self.say(f"{text}\n{hint}" if hint else text, "error")

    def copy(self, text: str) -> None:
        """Copy a text: through tmux where one runs, else by the terminal; always to a file too."""
        how = launch.copy_text(self, text)
        self.say(self.t("copied: {how}", how=how))

    def component_style(self, name: str) -> Style:
        """The style of a part of a table: head, plain, cursor or blurred (cursor without focus)."""
        return themes.part_style(self.look, name)

    def save_table(self, name: str, writers: dict[str, Callable[[], str]], about: str = "") -> None:
        """Ask for a path and write a table there, in the form that the suffix names."""
        from ascend_console.tui.save import save_table

        save_table(self, name, writers, about)

    def poll_devices(self) -> None:
        """Have all devices asked now."""
        if self._poller is not None:
            self._poller.poke()

    def pause(self) -> None:
        """Hold the picture still, or catch up."""
        self.change(paused=not self.state.paused)

    def perform(self, action: str, node: Any) -> None:
        """Do an action of a widget or screen, as its key would."""
        self.run_worker(self.run_action(action, node))

    def set_look(self, look: str) -> None:
        """Other colours, from now on."""
        self.look = look
        self.theme = look
        self._redraw()

    def set_language(self, lang: str) -> None:
        """The other language; the screens are made again in it."""
        self.settings = replace(self.settings, lang=lang)
        self.t = Texts(lang)
        self._redraw()

    def set_glyphs(self, name: str) -> None:
        """Other signs."""
        self.glyphs = glyphs.SETS[name]
        self._redraw()

    def _redraw(self) -> None:
        """Make every screen again: titles, columns and footers are made when a screen is."""
        mode = self.current_mode
        for page in PAGES:
            if page.name != mode:
                self.run_worker(self._remade(page))
        self.run_worker(self._recomposed(), exclusive=True, group="remake")

    async def _remade(self, page: Page) -> None:
        await self.remove_mode(page.name)
        self.add_mode(page.name, partial(self._make_screen, page))

    async def _recomposed(self) -> None:
        await self.screen.recompose()
        if isinstance(self.screen, ConsoleScreen):
            self.screen.take(self.state)

    def take_screenshot(self) -> None:
        """Write the screen as SVG into the workspace."""
        path = self.save_screenshot(path=str(self.settings.workspace))
        self.say(self.t("saved to {path}", path=path))

    # Actions.

    def action_go(self, name: str) -> None:
        """Show a screen."""
        if self.current_mode != name:
            self.switch_mode(name)

    def action_help(self) -> None:
        """Explain what has the focus."""
        from ascend_console.tui.help import help_page

        self.push_screen(help_page(self))

    def action_undo(self) -> None:
        """Undo one step; at the top say how to leave."""
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
        elif isinstance(screen, ConsoleScreen) and not (screen.unfilter() or screen.back()):
            self.say(self.t("q quits; runs go on without this screen"))

    def action_leave(self) -> None:
        """Leave; where a run of this console goes on, say that it does, and ask."""
        from ascend_console.tui.widgets.ask import Ask

        count = len(self.started())
        if not count:
            self.exit()
            return
        question = self.t("{count} run goes on without this screen. Quit?", count=count)
        self.push_screen(Ask(question), lambda yes: self.exit() if yes else None)


def run_app(settings: Settings, *, start: str = "run") -> int:
    """Open the screens; the exit code is the result."""
    app = ConsoleApp(settings, start=start)
    app.run()
    return app.return_code or 0
