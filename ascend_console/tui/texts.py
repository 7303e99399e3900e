"""Texts of the screens in the user's language: English stands in the code, by its own words."""

from __future__ import annotations

from ascend_console.tools import catalogue


class Texts:
    """Gives each text in one language; a text without a translation stays English."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, english: str, **values: object) -> str:
        """The text, with its values filled in. `english` is a literal: a test collects them."""
        text = catalogue.screen_text(english, self.lang)
        return text.format(**values) if values else text

    def verdict(self, word: str) -> str:
        """PASS, FAIL, INVALID, INCOMPLETE or a state; the Chinese word follows the token."""
        shown = word if word.isupper() else word.upper()
        if self.lang == "en":
            return shown
        translated = catalogue.screen_text(shown, self.lang)
        return shown if translated == shown else f"{shown} {translated}"

    def message(self, text_id: str, english: str, args: dict[str, str] | None = None) -> str:
        """A message of the service layer, by its id."""
        return catalogue.message(text_id, args or {}, english, self.lang)

    def hint(self, text_id: str, english: str, args: dict[str, str] | None = None) -> str:
        """The hint of a message."""
        return catalogue.hint(text_id, args or {}, english, self.lang)
