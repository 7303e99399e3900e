"""A plan: settings and steps of a workflow, and the shell script that they make.

Every value from outside goes through `word` or `path_word`, and every comment through `comment`,
so that nothing in a name can become a command.
"""

from __future__ import annotations

import shlex
import textwrap
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, NamedTuple

_WIDTH = 96


class Text(NamedTuple):
    """A comment or message of the script in both languages."""

    en: str
    zh: str

    def said(self, lang: str) -> str:
        """The text in `zh`, else in English."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """A step: shell lines, the files that must not be empty after them, and what is to be known.

    `expected` are words of the shell, quoted already. `{batch}` and `{device}` may stand anywhere
    until `filled`.
    """

    title: Text
    lines: tuple[str, ...]
    expected: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()

    def filled(self, **values: object) -> PlanStep:
        """The step with values in place of their names in braces; other braces are the shell's."""

        def fill(text: str) -> str:
            for name, value in values.items():
                text = text.replace("{" + name + "}", str(value))
            return text

        return replace(
            self,
            title=Text(*map(fill, self.title)),
            lines=tuple(map(fill, self.lines)),
            expected=tuple(map(fill, self.expected)),
            notes=tuple(Text(*map(fill, note)) for note in self.notes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A variable at the top of the script; `value` is a word of the shell, quoted already."""

    name: str
    value: str
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole workflow; `head` says what it is."""

    head: tuple[Text, ...]
    settings: tuple[Setting, ...]
    steps: tuple[PlanStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a plan is made for; None is what nobody named.

    `lang` is the language of comments and messages, `set_env` the script of CANN, `config` the
    settings file beside which a user's model is described.
    """

    lang: str = "en"
    batch_sizes: tuple[int, ...]
    device: int = 0
    precision: str = "fp16"
    soc_version: str | None = None
    infer_tool: str | None = None
    sample: bool = False
    checkpoint: PurePath | None = None
    dataset: PurePath | None = None
    labels: PurePath | None = None
    limit: int | None = None
    set_env: PurePath
    config: PurePath | None = None


def word(value: object) -> str:
    """A value as one word of the shell."""
    return shlex.quote(str(value))


def path_word(path: PurePath | str) -> str:
    """A path as one word of the shell; a relative one starts where the script is started."""
    text = str(path)
    return word(text) if text.startswith("/") else f'"$PWD"/{word(text)}'


def comment(text: str) -> str:
    """A comment of one line; what would end the line is left out."""
    return "# " + "".join(char if char.isprintable() else " " for char in text)


def require(test: str, text: Text, lang: str, *words: str) -> str:
    """A line that ends the script with 3 and a message where a test fails."""
    told = " ".join([word(text.said(lang)), *words])
    return f"{test} || {{ echo {told} >&2; exit 3; }}"


MISSING = Text("missing or empty:", "缺少或为空：")


def present(file: str, lang: str) -> str:
    """A line that ends the script with 3 where a file is missing or empty."""
    return require(f"test -s {file}", MISSING, lang, file)


def _comments(text: str, lang: str) -> list[str]:
    """A text as comments; Chinese is not wrapped, since it has no blanks to wrap at."""
    if lang == "zh":
        return [comment(text)]
    wrapped = textwrap.wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False)
    return [comment(line) for line in wrapped]


_SETTINGS = Text("Paths and settings: correct them here.", "路径与设置：请在此处修改。")


def _setting_lines(setting: Setting, lang: str) -> list[str]:
    notes = _comments(setting.note.said(lang), lang) if setting.note else []
    return [*notes, f"{setting.name}={setting.value}"]


def _said_once(steps: tuple[PlanStep, ...]) -> list[PlanStep]:
    """The steps, each note at the first step that has it."""
    said: set[Text] = set()
    shown = []
    for step in steps:
        shown.append(replace(step, notes=tuple(note for note in step.notes if note not in said)))
        said.update(step.notes)
    return shown


def step_lines(step: PlanStep, lang: str) -> list[str]:
    """A step without its title: comments, commands, tests of what they made."""
    notes = [line for note in step.notes for line in _comments(note.said(lang), lang)]
    return [*notes, *step.lines, *(present(file, lang) for file in step.expected)]


def script_text(plan: Plan, lang: str) -> str:
    """The script, for bash."""
    lines = ["#!/bin/bash"]
    lines += [line for text in plan.head for line in _comments(text.said(lang), lang)]
    lines += ["set -euo pipefail", "", *_comments(_SETTINGS.said(lang), lang)]
    lines += [line for setting in plan.settings for line in _setting_lines(setting, lang)]
    for number, step in enumerate(_said_once(plan.steps), 1):
        lines += ["", comment(f"{number}. {step.title.said(lang)}"), *step_lines(step, lang)]
    return "\n".join(lines) + "\n"


def plan_document(plan: Plan, lang: str) -> dict[str, Any]:
    """Settings, steps and the whole script, for programs."""
    return {
        "settings": {setting.name: setting.value for setting in plan.settings},
        "steps": [
            {
                "title": step.title.said(lang),
                "notes": [note.said(lang) for note in step.notes],
                "commands": list(step.lines),
                "expected": list(step.expected),
            }
            for step in plan.steps
        ],
        "script": script_text(plan, lang),
    }
