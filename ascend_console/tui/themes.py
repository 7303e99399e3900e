"""The five looks: dark, light, contrast, the terminal's own colours, and none at all.

Every colour of the first three is one of the 256 of xterm, with a contrast of 4.5:1 or more. The
last two are ANSI looks: they must be chosen when the app is made (`ansi_color`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rich.style import Style
from textual.theme import Theme

if TYPE_CHECKING:
    from ascend_console.core.settings import Settings

ANSI_LOOKS = ("terminal", "mono")
LOOKS = ("dark", "light", "contrast", *ANSI_LOOKS)


def _theme(name: str, *, dark: bool, colours: dict[str, str], cursor: tuple[str, str]) -> Theme:
    return Theme(
        name=name,
        dark=dark,
        primary=colours["primary"],
        secondary=colours["muted"],
        accent=colours["accent"],
        success=colours["success"],
        warning=colours["warning"],
        error=colours["error"],
        foreground=colours["text"],
        background=colours["background"],
        surface=colours["background"],
        panel=colours["panel"],
        variables={
            "text-muted": colours["muted"],
            "muted": colours["muted"],
            "block-cursor-foreground": cursor[0],
            "block-cursor-background": cursor[1],
            "block-cursor-text-style": "none",
            "block-cursor-blurred-foreground": colours["text"],
            "block-cursor-blurred-background": colours["panel"],
            "footer-key-foreground": colours["accent"],
            "footer-description-foreground": colours["text"],
            "footer-background": colours["panel"],
            "footer-item-background": colours["panel"],
        },
    )


def themes() -> tuple[Theme, ...]:
    """The themes to register, by their names."""
    return (
        _theme(
            "dark",
            dark=True,
            cursor=("#ffffff", "#005f87"),
            colours={
                "text": "#d0d0d0", "background": "#121212", "panel": "#262626",
                "muted": "#949494", "accent": "#d7af5f", "success": "#87d75f",
                "error": "#ff5f5f", "warning": "#ffaf00", "primary": "#5fafd7",
            },
        ),
        _theme(
            "light",
            dark=False,
            cursor=("#ffffff", "#005f87"),
            colours={
                "text": "#1c1c1c", "background": "#ffffff", "panel": "#e4e4e4",
                "muted": "#5f5f5f", "accent": "#875f00", "success": "#005f00",
                "error": "#af0000", "warning": "#875f00", "primary": "#005f87",
            },
        ),
        _theme(
            "contrast",
            dark=True,
            cursor=("#000000", "#ffff00"),
            colours={
                "text": "#ffffff", "background": "#000000", "panel": "#000000",
                "muted": "#ffffff", "accent": "#ffff00", "success": "#00ff00",
                "error": "#ff8787", "warning": "#ffff00", "primary": "#00ffff",
            },
        ),
        _ansi("terminal", error="ansi_red", warning="ansi_magenta"),
        _ansi("mono", error="ansi_default", warning="ansi_default"),
    )  # fmt: skip


def _ansi(name: str, *, error: str, warning: str) -> Theme:
    plain = "ansi_default"
    return Theme(
        name=name,
        dark=True,
        primary=plain,
        secondary=plain,
        accent=plain,
        success=plain,
        warning=warning,
        error=error,
        foreground=plain,
        background=plain,
        surface=plain,
        panel=plain,
        variables={
            "text-muted": plain,
            "muted": plain,
            "block-cursor-foreground": plain,
            "block-cursor-background": plain,
            "block-cursor-text-style": "reverse",
            "block-cursor-blurred-foreground": plain,
            "block-cursor-blurred-background": plain,
            "block-cursor-blurred-text-style": "underline",
            "footer-key-foreground": plain,
            "footer-description-foreground": plain,
            "footer-background": plain,
            "footer-item-background": plain,
        },
    )


STYLES = {
    "dark": {
        "success": "#87d75f", "error": "#ff5f5f", "warning": "#ffaf00", "primary": "#5fafd7",
        "muted": "#949494", "accent": "#d7af5f",
    },
    "light": {
        "success": "#005f00", "error": "#af0000", "warning": "#875f00", "primary": "#005f87",
        "muted": "#5f5f5f", "accent": "#875f00",
    },
    "contrast": {
        "success": "#00ff00", "error": "#ff8787", "warning": "#ffff00", "primary": "#00ffff",
        "muted": "#ffffff", "accent": "#ffff00",
    },
    "terminal": {"error": "bold red", "warning": "magenta", "accent": "bold"},
    "mono": {"error": "bold", "accent": "bold"},
}  # fmt: skip
"""Look -> role -> the style of a piece of Rich text; a role that is missing is plain."""


def style(look: str, role: str) -> str:
    """The style of a role in a look, empty for plain text."""
    return STYLES.get(look, {}).get(role, "")


_PARTS = {
    "dark": {
        "plain": "#d0d0d0 on #121212", "head": "bold #d0d0d0 on #262626",
        "cursor": "#ffffff on #005f87", "blurred": "underline #d0d0d0 on #121212",
    },
    "light": {
        "plain": "#1c1c1c on #ffffff", "head": "bold #1c1c1c on #e4e4e4",
        "cursor": "#ffffff on #005f87", "blurred": "underline #1c1c1c on #ffffff",
    },
    "contrast": {
        "plain": "#ffffff on #000000", "head": "underline #ffffff on #000000",
        "cursor": "#000000 on #ffff00", "blurred": "underline #ffffff on #000000",
    },
    "terminal": {"plain": "", "head": "bold", "cursor": "reverse", "blurred": "underline"},
    "mono": {"plain": "", "head": "bold", "cursor": "reverse", "blurred": "underline"},
}  # fmt: skip
"""Look -> part of a table -> its style."""


@cache
def part_style(look: str, part: str) -> Style:
    """The Rich style of a part of a table."""
    return Style.parse(_PARTS.get(look, {}).get(part, "") or "none")


def chosen_look(settings: Settings) -> str:
    """The look of the settings, or what the terminal can show: none without colours."""
    if not settings.colour:
        return "mono"
    if settings.screen.look is not None:
        return settings.screen.look
    environ = settings.environ
    many = environ.get("COLORTERM") in ("truecolor", "24bit") or "256" in environ.get("TERM", "")
    return "dark" if many else "terminal"


def refresh_hz(settings: Settings) -> float:
    """How often the screen may change in a second: less over a network."""
    named = settings.screen.refresh_hz
    return float(named or (4 if settings.environ.get("SSH_CONNECTION") else 10))
