"""The documents say what is so, as far as a program can see that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ascend_console.core import discovery
from ascend_console.core.actions import ACTIONS
from ascend_console.headless import arguments
from ascend_console.tools import settings_file

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "assets" / "docs").glob("*.md"))
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
DOCUMENTS = [*READMES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *PAGES]

_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]+)\)")


def commands(path: Path) -> list[str]:
    """The commands of the console in the code blocks of a document, without their comments."""
    blocks = "\n".join(_FENCED.findall(path.read_text("utf-8"))).replace("\\\n", " ")
    found = re.findall(r"^(?:\$ )?(ascend-console .*?)(?:\s{2,}#.*| > .*)?$", blocks, re.MULTILINE)
    return [" ".join(line.split()) for line in found]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    """A picture may come from a build; a page is there or the link is wrong."""
    links = [link for link in _LINK.findall(path.read_text("utf-8")) if link.endswith(".md")]
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_both_readmes_have_the_same_commands_and_links():
    """Who reads one of them misses nothing of the other."""
    first, second = READMES
    assert commands(first) == commands(second)
    texts = [path.read_text("utf-8") for path in READMES]
    links = [[x for x in _LINK.findall(text) if not x.startswith("README")] for text in texts]
    assert links[0] == links[1]


def test_every_page_is_linked_from_the_readme():
    """A page that nobody finds is not read."""
    links = set(_LINK.findall(READMES[0].read_text("utf-8")))
    assert {f"assets/docs/{path.name}" for path in PAGES} <= links


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_documents_have_options_that_exist(path):
    """A flag that was renamed is copied from a page for years."""
    jobs = discovery.names("jobs")
    for line in commands(path):
        words = line.split()[1:]
        typed = arguments.parse([word for word in words if word not in ("…", "\\")])
        if typed.command is None or typed.command == "tui":
            continue
        assert typed.command in jobs, line
        known = arguments.command_parser(discovery.load("jobs", typed.command)).format_help()
        for word in typed.rest:
            if word.startswith("--"):
                assert word.partition("=")[0] in known, line


def test_the_page_of_the_screens_lists_every_action_and_no_other():
    """Keys are remapped by these names."""
    text = (ROOT / "assets" / "docs" / "screens.md").read_text("utf-8")
    prefixes = "|".join({action.prefix for action in ACTIONS})
    named = set(re.findall(rf"\| `((?:{prefixes})\.[a-z_]+)`", text))
    named |= set(re.findall(rf"` `((?:{prefixes})\.[a-z_]+)`", text))
    assert named == {action.id for action in ACTIONS}


def test_the_settings_on_the_page_of_the_screens_are_right(tmp_path):
    """Everybody begins by copying them."""
    text = (ROOT / "assets" / "docs" / "screens.md").read_text("utf-8")
    path = tmp_path / "config.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0])
    assert settings_file.mistakes(path) == []
    assert {"theme", "glyphs", "refresh", "keys"} <= set(settings_file.read_valid(path))
