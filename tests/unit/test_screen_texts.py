"""Every text of the screens has its Chinese, with the same values to fill in."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from ascend_console.core import discovery
from ascend_console.core.actions import ACTIONS
from ascend_console.tools import paths

TUI = Path(__file__).parents[2] / "ascend_console" / "tui"


def spoken() -> dict[str, str]:
    """Every literal that is given to `t(...)`, with the file that has it."""
    found = {}
    for path in sorted(TUI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(
                node.func, "id", ""
            )  # fmt: skip
            first = node.args[0]
            if name == "t" and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found[first.value] = path.name
    for action in ACTIONS:
        found |= {action.label: "actions.py", action.about: "actions.py"}
    for page in discovery.load_all("tui.screens"):
        found |= {page.title: page.name, page.short: page.name, page.about: page.name}
    return found


def chinese() -> dict[str, str]:
    tables = tomllib.loads((paths.assets() / "locale" / "zh.toml").read_text("utf-8"))
    return tables["words"] | tables["screens"]


def test_no_text_of_the_screens_lacks_its_chinese():
    words = chinese()
    missing = {text: where for text, where in spoken().items() if text not in words}
    assert not missing


def test_translations_fill_in_the_same_values():
    words = chinese()
    for text in spoken():
        wanted = sorted(re.findall(r"\{\w+", text))
        assert sorted(re.findall(r"\{\w+", words.get(text, text))) == wanted, text
