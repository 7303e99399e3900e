"""Textual bindings, made from the table of actions and from the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.actions import Action, actions_of

if TYPE_CHECKING:
    from textual.binding import Binding

    from ascend_console.core.specs import Page


def page_actions(pages: tuple[Page, ...]) -> tuple[Action, ...]:
    """The keys that lead to the screens."""
    return tuple(
        Action(f"app.{page.name}", page.key, page.title, page.about, f"go('{page.name}')",
               hidden=True)
        for page in pages
    )  # fmt: skip


def bindings(
    *prefixes: str,
    without: tuple[str, ...] = (),
    footer: tuple[str, ...] = (),
    extra: tuple[Action, ...] = (),
) -> list[Binding]:
    """Textual bindings of some groups; `footer` names those shown there, all by default."""
    from textual.binding import Binding

    return [
        Binding(
            action.keys,
            action.method or action.word,
            action.label,
            show=action.id in footer if footer else not action.hidden,
            id=action.id,
            tooltip=action.about,
        )
        for action in (*extra, *actions_of(*prefixes, without=without))
    ]
