"""What the palette finds: every action of the screen, every screen, model and run, every look."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ascend_console.core.actions import ACTIONS
from ascend_console.core.discovery import names
from ascend_console.tui import keymap, themes
from ascend_console.tui.help import key_text
from ascend_console.tui.messages import FollowRequested, ModelChosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ascend_console.tui.app import ConsoleApp

Found = tuple[str, str, "Callable[[], object]"]

_MOST_RUNS = 200


class ConsolePalette(Provider):
    """Commands by their words, in the user's language."""

    @property
    def _app(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def _commands(self) -> Iterator[Found]:
        yield from self._of_screen()
        yield from self._of_console()
        yield from self._of_models()
        yield from self._of_runs()

    def _of_screen(self) -> Iterator[Found]:
        """Actions that work now, with their keys, then the screens."""
        app, t = self._app, self._app.t
        active = {active.binding.id: active for active in self.screen.active_bindings.values()}
        remap = app.settings.screen.keys
        for action in (*keymap.page_actions(app.pages), *ACTIONS):
            entry = active.get(action.id)
            if entry is None or action.id == "app.palette":
                continue
            keys = key_text(remap.get(action.id, action.keys))
            name = entry.binding.action
            node = entry.node
            yield (
                f"{t(action.label)}  ({keys})",
                t(action.about),
                partial(app.perform, name, node),
            )

    def _of_console(self) -> Iterator[Found]:
        app, t = self._app, self._app.t
        for look in themes.LOOKS:
            if (look in themes.ANSI_LOOKS) == (app.look in themes.ANSI_LOOKS):
                yield (t("Look: {name}", name=look), t("colours of the screens"),
                       partial(app.set_look, look))  # fmt: skip
        for lang, title in (("en", "English"), ("zh", "中文")):
            yield (t("Language: {name}", name=title), t("language of the screens"),
                   partial(app.set_language, lang))  # fmt: skip
        for signs in ("unicode", "ascii"):
            yield (t("Glyphs: {name}", name=signs), t("signs of the screens"),
                   partial(app.set_glyphs, signs))  # fmt: skip
        yield (t("Screenshot (SVG)"), t("write a picture of the screen"), app.take_screenshot)
        yield (t("Redraw"), t("draw the whole screen again"),
               partial(app.refresh, repaint=True, layout=True))  # fmt: skip

    def _of_models(self) -> Iterator[Found]:
        app, t = self._app, self._app.t
        for name in names("zoo"):
            yield (t("Model: {name}", name=name), t("all screens speak of this model"),
                   partial(app.post_message, ModelChosen(name)))  # fmt: skip

    def _of_runs(self) -> Iterator[Found]:
        from ascend_console.tools.run_folder import list_folders

        app, t = self._app, self._app.t
        newest = list_folders(app.settings.workspace)[-_MOST_RUNS:]
        for folder in reversed(newest):
            yield (t("Run: {name}", name=folder.name), t("show it on the Run screen"),
                   partial(app.post_message, FollowRequested(folder)))  # fmt: skip

    async def discover(self) -> Hits:
        """Everything, before a word is typed: actions and screens only."""
        for title, about, call in self._of_screen():
            yield DiscoveryHit(title, call, help=about)

    async def search(self, query: str) -> Hits:
        """What matches, the best first."""
        matcher = self.matcher(query)
        for title, about, call in self._commands():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), call, help=about)
