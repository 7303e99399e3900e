"""The Chinese catalogue against the source: nothing missing, nothing over, every value there."""

from __future__ import annotations

import ast
import errno
import functools
import os
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import ascend_console
from ascend_console.core import accuracy, discovery, specs, verdict
from ascend_console.core.errors import UserError
from ascend_console.core.options import options_of, parse_value
from ascend_console.tools import catalogue, paths, results
from tests.data import message_sources
from tests.data.message_sources import calls, fields_of, functions

CATALOGUE = "assets/locale/zh.toml"

# Phrases that the source puts together from pieces.
COMPOSED = {
    "'{first}' or '{second}'",
    "1 point",
    "NaN or infinite or negative",
    "a number of at least {least}",
    "a whole number of at least {least}",
    "{amount} % of the reference",
    "{amount} points",
}


@functools.cache
def trees():
    return message_sources.trees_of(Path(ascend_console.__file__).parent)


@functools.cache
def chinese():
    return tomllib.loads((paths.assets() / "locale" / "zh.toml").read_text("utf-8"))


def image_notes():
    """What is special about an image, as `images._notes` tells it."""
    (function,) = (f for f in functions(trees()["tools/images.py"]) if f.name == "_notes")
    yields = (node.value for node in ast.walk(function) if isinstance(node, ast.Yield))
    return [value.value for value in yields if isinstance(value, ast.Constant)]


def computed_ids():
    """For each computed id as the source spells it: what it can be, and whether with a hint."""
    sources = [source for source in get_args(verdict.Source) if source != "dataset"]
    return {
        "<error.id>": {},  # those of errors and notes are found where they are made
        "<note.id>": {},
        "<reason_id>": {found: bool(hint) for found, hint in accuracy._PAIRED.values()},
        "images.{note}": {f"images.{note}": False for note in image_notes()},
        "measure.{conditions.source}_input": {f"measure.{name}_input": True for name in sources},
        "results.{problem}": {
            f"results.{problem}": bool(hint) for problem, (_, hint) in results._COMPLAINTS.items()
        },
    }


@functools.cache
def wanted():
    """For each id: where it is made, whether it can have a hint, the values it always has."""
    found = {}
    for message in message_sources.messages(trees()):
        choices = {message.id: message.hinted is not False}
        if message.computed:
            choices = computed_ids().get(message.id, {})
        for text_id, hinted in choices.items():
            where, before, values = found.get(text_id, (message.where, False, message.values))
            found[text_id] = (where, before or hinted, values & message.values)
    return found


def listed(faults):
    return "\n".join(["", *(f"    {fault}" for fault in faults)])


def test_computed_ids_are_those_known_here():
    """An id that is put together at run time would otherwise go untranslated unseen."""
    computed = {entry.id: entry.where for entry in message_sources.messages(trees())
                if entry.computed}  # fmt: skip
    unknown = [f"{text_id} ({where})" for text_id, where in computed.items()
               if text_id not in computed_ids()]  # fmt: skip
    assert not unknown, f"say in computed_ids() what these can be:{listed(unknown)}"
    assert set(computed_ids()) <= set(computed)


def test_every_message_and_hint_has_its_chinese_text():
    """One English line in a Chinese run reads like a fault."""
    faults = [f'messages "{text_id}" ({where})' for text_id, (where, _, _) in wanted().items()
              if text_id not in chinese()["messages"]]  # fmt: skip
    faults += [f'hints "{text_id}" ({where})' for text_id, (where, hinted, _) in wanted().items()
               if hinted and text_id not in chinese()["hints"]]  # fmt: skip
    assert not faults, f"{CATALOGUE} lacks:{listed(sorted(faults))}"


def test_no_text_is_left_over():
    """What no source shows any more would be kept up for nobody."""
    faults = [f'messages "{text_id}"' for text_id in chinese()["messages"]
              if text_id not in wanted()]  # fmt: skip
    faults += [f'hints "{text_id}"' for text_id in chinese()["hints"]
               if not wanted().get(text_id, ("", False))[1]]  # fmt: skip
    assert not faults, f"nothing shows these of {CATALOGUE}:{listed(faults)}"


@pytest.mark.parametrize("table", ["messages", "hints"])
def test_texts_name_only_values_that_are_always_there(table):
    """A name that is not there would bring the English text back."""
    faults = [
        f'{table} "{text_id}": {sorted(odd)}; there are {sorted(wanted()[text_id][2])}'
        for text_id, text in chinese()[table].items()
        if text_id in wanted() and (odd := fields_of(text) - wanted()[text_id][2])
    ]
    assert not faults, listed(faults)


@pytest.mark.parametrize("table", ["messages", "hints"])
def test_texts_are_sorted_by_id(table):
    """Everybody finds and adds a text at the same place."""
    assert list(chinese()[table]) == sorted(chinese()[table])


def test_chinese_texts_have_chinese_signs():
    """Half-width commas and colons between Chinese characters are a typing slip."""
    faults = [
        f'{table} "{text_id}": {text}'
        for table in ("messages", "hints")
        for text_id, text in chinese()[table].items()
        if re.search(r"[\u4e00-\u9fff][,;:()]|[,;:()][\u4e00-\u9fff]", text)
    ]
    assert not faults, listed(faults)


# --- words ---------------------------------------------------------------------------------------


def texts(node):
    """A plain text, or the part of an f-string before its first value."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value.partition(" bs")[0]}
    return set()


TABLES = (
    {"summary"}, {"accuracy"}, {"performance"}, {"baseline"}, {"sweep"}, {"operators"},
    {"comparison"}, {"outputs"}, {"layers"},
)  # fmt: skip


def summary_columns(name, tree):
    """Column heads of the tables that end a run: keys of a dict, or of the one that is returned."""
    rows = [call.args[1] for call in calls(tree, "RowAdded") if texts(call.args[0]) in TABLES]
    rows = [row.right if isinstance(row, ast.BinOp) else row for row in rows]
    rows += [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        and {"weights", "backend"} == set().union(*map(texts, node.keys))
    ]
    assigned = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    rows = [assigned.get(row.id, row) if isinstance(row, ast.Name) else row for row in rows]
    makers = {message_sources.called(row) for row in rows if isinstance(row, ast.Call)}
    for other in trees() if makers else ():
        for function in functions(trees()[other]):
            if function.name in makers and (other == name or function.name[0] != "_"):
                nodes = ast.walk(function)
                rows += [node.value for node in nodes if isinstance(node, ast.Return)]
    keys = [key for row in rows if isinstance(row, ast.Dict) for key in row.keys]
    return {text for key in keys for text in texts(key)}


@functools.cache
def labels():
    """Every label that the headless front end looks up."""
    found = {"error:", "warning:", "yes", "no", *get_args(verdict.VerdictName)}
    found |= {gate.replace("_", " ") for gate in get_args(verdict.GateId)}
    found |= {f"{kind} weights" for kind in get_args(specs.Weights)}
    for name, tree in trees().items():
        if name.startswith("tui/"):  # its texts are told by their own test
            continue
        for call in calls(tree, "StepStarted", "step", "Measured"):
            found |= texts(call.args[0])
        for call in calls(tree, "Progress", "Measured"):
            found |= texts(call.args[2])
        found |= summary_columns(name, tree)
        if name.startswith("headless/"):
            for call in calls(tree, "_word", "word"):
                found |= texts(call.args[0])
    return found - {""}


def test_every_label_has_its_chinese_word():
    """Steps, gates, units and column heads are read more often than any message."""
    faults = sorted(labels() - set(chinese()["words"]))
    assert not faults, f"{CATALOGUE} lacks words:{listed(faults)}"


def keys_of_rows():
    """Every text that may be a table's name or a column's, where rows are put together."""
    return {
        node.value
        for name, tree in trees().items()
        if name.startswith(("jobs/", "headless/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_no_word_is_left_over():
    """Words follow the labels, as texts follow the messages."""
    faults = sorted(set(chinese()["words"]) - labels() - keys_of_rows())
    assert not faults, f"nothing shows these words of {CATALOGUE}:{listed(faults)}"


# --- phrases -------------------------------------------------------------------------------------


def shape(text):
    """A text whose values are all `{}`."""
    return re.sub(r"\{[^{}]*\}", "{}", text)


def source_shapes():
    found = {os.strerror(code) for code in errno.errorcode}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "{}"
                         for part in node.values)  # fmt: skip
                found.add("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(shape(node.value))
    return found


def phrases():
    return [(name, english, text) for name, table in chinese()["phrases"].items()
            for english, text in table.items()]  # fmt: skip


def test_phrases_are_those_of_the_source():
    """A phrase that was reworded in the source would silently come out in English."""
    known = source_shapes()
    faults = [f"phrases.{name} {english!r}" for name, english, _ in phrases()
              if english not in COMPOSED and shape(english) not in known]  # fmt: skip
    assert not faults, f"nothing says these of {CATALOGUE}:{listed(faults)}"


def test_phrases_keep_their_values():
    """The part of a reason that matters is often the value in it."""
    for _, english, text in phrases():
        assert fields_of(text) == fields_of(english), english


def test_every_option_says_in_chinese_what_it_takes():
    """A wrong value is the error that everybody meets first."""
    for job in discovery.load_all("jobs"):
        for entry in options_of(job.request):
            if entry.choices or entry.kind is bool:
                continue
            with pytest.raises(UserError) as caught:
                parse_value(entry, "")
            error = caught.value
            said = catalogue.message(error.id, error.values, error.message, "zh")
            assert re.search(r"应为 ?\S*[\u4e00-\u9fff]", said), said
            assert " of " not in said


# --- look-up -------------------------------------------------------------------------------------


def test_a_text_is_filled_with_the_values():
    """The same values fill both languages."""
    values = {"model": "ghostnet", "file": "a.pth"}
    assert catalogue.message("weights.none", values, "english", "zh") == "ghostnet 需要权重"
    assert "a.pth" in catalogue.hint("weights.none", values, "english", "zh")
    assert catalogue.message("weights.none", values, "english", "en") == "english"


def test_english_stands_in_for_what_is_not_translated():
    """An older catalogue, a new message, or a value that is absent must not hide an error."""
    assert catalogue.message("no.such_id", {}, "english {", "zh") == "english {"
    assert catalogue.hint("no.such_id", {}, "english", "zh") == "english"
    assert catalogue.message("weights.none", {}, "english", "zh") == "english"
    assert catalogue.hint("weights.none", {"model": "m"}, "english", "zh") == "english"
    assert catalogue.word("no such word", "zh") == "no such word"
    assert catalogue.message("weights.none", {}, "english", "no-such-language") == "english"


def test_no_hint_is_added_where_english_has_none():
    """Some messages have their hint only in some cases."""
    assert catalogue.hint("fetch.mirror", {}, "", "zh") == ""


def test_values_that_are_phrases_are_translated_and_names_are_not():
    """`what` is our word, `path` is the user's, even where both read the same."""
    values = {"path": "a checkpoint", "what": "a checkpoint", "reason": "No such file or directory"}
    said = catalogue.message("files.missing", values, "english", "zh")
    assert said == "无法将 a checkpoint 作为权重文件读取：没有该文件或目录"
    values = {"flag": "--limit", "wanted": "a whole number of at least 1", "text": "0"}
    said = catalogue.message("option.value", values, "english", "zh")
    assert said == "--limit 的值应为不小于 1 的整数，不能是 '0'"
    values = {"path": "a.pth", "reason": "the checksum of {x} is wrong"}
    said = catalogue.message("checkpoint.damaged", values, "english", "zh")
    assert said == "a.pth 已损坏：{x} 的校验值不正确"
