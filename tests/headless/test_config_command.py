"""`config` shows where every value comes from, and repairs a settings file that stops the rest."""

from __future__ import annotations

import json
import os
import tomllib

import pytest

from ascend_console.cli import main
from ascend_console.core.settings import Settings
from ascend_console.jobs.config import ENTRY, ConfigRequest
from ascend_console.tools import paths, settings_file

BROKEN = 'lang = "fr"\n\ncolour = true\ncolor = 3\n[tui]\ntheme = "dark"\n'


@pytest.fixture
def call(capsys):
    """Run `config` in this process: (exit code, document or None, stderr)."""

    def run(*argv):
        code = main(["--json", "config", *map(str, argv)])
        seen = capsys.readouterr()
        return code, json.loads(seen.out) if seen.out else None, seen.err

    return run


@pytest.fixture
def file(tmp_path):
    return tmp_path / "own" / "config.toml"


def written(file, text):
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def shown(document):
    return {
        entry["name"]: (entry["value"], entry["origin"], entry["source"])
        for entry in document["settings"]
    }


def test_the_place_of_the_file_is_told_before_there_is_one(call, file):
    """Nobody knows by heart where a platform keeps settings."""
    default = str(paths.default_config())
    assert call("path")[:2] == (0, {"schema": 1, "path": default, "exists": False})
    assert call("path", "--config", file)[1]["path"] == str(file)
    written(file, "rubbish")
    assert call("path", "--config", file)[:2] == (
        0, {"schema": 1, "path": str(file), "exists": True},
    )  # fmt: skip


SCREENS = {
    "theme": (None, "default", None),
    "glyphs": ("unicode", "default", None),
    "refresh": (None, "default", None),
    "keys": ({}, "default", None),
    "baseline": ({"accuracy_points": 1.0, "throughput_percent": 5.0}, "default", None),
}


def test_every_value_is_shown_with_its_origin(call, file, tmp_path, monkeypatch):
    """`Why is it writing there?` has an answer: default, file, environment or flag."""
    monkeypatch.delenv("TERM")
    locks = (os.environ["ASCEND_CONSOLE_LOCK_DIR"], "environment", "ASCEND_CONSOLE_LOCK_DIR")
    assert shown(call("show")[1]) == {
        "workspace": (str(paths.default_workspace()), "default", None),
        "lang": ("en", "default", None),
        "color": (True, "default", None),
        "lock_dir": locks,
        **SCREENS,
    }
    written(file, f'workspace = "{tmp_path}/a b"\nlang = "zh"\ncolor = false\n')
    named = ("--config", file)
    assert shown(call("show", *named)[1]) == {
        "workspace": (f"{tmp_path}/a b", "file", str(file)),
        "lang": ("zh", "file", str(file)),
        "color": (False, "file", str(file)),
        "lock_dir": locks,
        **SCREENS,
    }
    monkeypatch.setenv("ASCEND_CONSOLE_WORKSPACE", str(tmp_path / "b"))
    monkeypatch.setenv("NO_COLOR", "1")
    seen = shown(call("show", *named)[1])
    assert seen["workspace"] == (
        str(tmp_path / "b"), "environment", "ASCEND_CONSOLE_WORKSPACE",
    )  # fmt: skip
    assert seen["color"] == (False, "environment", "NO_COLOR")
    seen = shown(
        call("show", *named, "--workspace", tmp_path / "c", "--lang", "en", "--no-color")[1]
    )
    assert seen == {
        "workspace": (str(tmp_path / "c"), "flag", "--workspace"),
        "lang": ("en", "flag", "--lang"),
        "color": (False, "flag", "--no-color"),
        "lock_dir": locks,
        **SCREENS,
    }


def test_the_folder_of_locks_is_shown_and_no_file_may_set_it(call, file, monkeypatch):
    """Two runs that looked at different locks would measure on one device at once."""
    monkeypatch.delenv("ASCEND_CONSOLE_LOCK_DIR")
    assert shown(call("show")[1])["lock_dir"] == (str(paths.default_lock_dir()), "default", None)
    code, _, err = call("validate", "--config", written(file, 'lock_dir = "/elsewhere"\n'))
    assert code == 2
    assert "there is no setting 'lock_dir'" in err


def test_what_is_shown_is_what_is_used(call, env, file, tmp_path):
    """A front end that decided nothing itself shows defaults; the origins are those of `cli`."""
    answer = list(ENTRY.run(ConfigRequest(action="show"), env))[-1]
    assert answer.document["settings"][0]["value"] == str(env.settings.workspace)
    assert Settings(workspace=tmp_path).origins == {}


def test_a_new_file_sets_nothing_and_has_every_setting(call, file):
    """Every line of it can be turned on, and is right then."""
    code, document, _ = call("init", "--config", file)
    assert (code, document["path"]) == (0, str(file))
    text = file.read_text()
    assert settings_file.read(file, required=True) == {}
    assert call("validate", "--config", file)[1]["valid"] is True
    turned_on = "\n".join(
        line.removeprefix("# ") if " = " in line else line for line in text.splitlines()
    )
    assert set(tomllib.loads(turned_on)) == set(settings_file.KEYS) == set(settings_file.ABOUT)
    file.write_text(turned_on)
    assert call("validate", "--config", file)[0] == 0


def test_settings_are_not_replaced_unasked(call, file):
    """They were written by hand."""
    written(file, 'lang = "zh"\n')
    code, document, err = call("init", "--config", file)
    assert (code, document) == (2, None)
    assert "--yes" in err
    assert file.read_text() == 'lang = "zh"\n'
    assert call("init", "--config", file, "--yes")[0] == 0
    assert settings_file.read(file, required=True) == {}
    assert call("init", "--config", file.parent)[0] == 2


def test_the_default_place_is_made(call):
    """The config folder of a new user does not exist yet."""
    assert call("init")[0] == 0
    assert paths.default_config().is_file()
    assert call("show")[1]["exists"] is True


def test_every_mistake_is_named_with_line_and_key(call, file):
    """One round of corrections, not one for each mistake."""
    written(file, BROKEN)
    code, document, err = call("validate", "--config", file)
    assert code == 2
    assert (document["valid"], document["path"]) == (False, str(file))
    assert [(entry["line"], entry["key"], entry["id"]) for entry in document["mistakes"]] == [
        (1, "lang", "config.value"),
        (3, "colour", "config.key"),
        (4, "color", "config.value"),
        (5, "tui", "config.key"),
    ]
    assert all(entry["hint"] and str(file) in entry["message"] for entry in document["mistakes"])
    assert str(file) in err
    for piece in ("4 mistakes", "line 1: lang", "line 3", "line 4: color is 3", "line 5", "hint:"):
        assert piece in err


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (b'lang = "en"\ncolor = \n', 2, "no readable TOML"),
        (b'lang = "en\n', 1, "no readable TOML"),
        (b'lang = "en"\nlang = "zh"\n', 2, "no readable TOML"),
        (b"workspace = [1,\n2,\n", 2, "no readable TOML"),
        (b'workspace = ""\n', 1, "must be a text"),
        (b"lang.x = 1\n", 1, "lang is"),
        (b'\xef\xbb\xbf\n"colors" = true\n', 2, "colors"),
        (b"lang = '\xff'\n", None, "cannot be read"),
    ],
)
def test_a_single_mistake_is_the_error_itself(call, file, text, line, said):
    """What stands on stderr is what must be corrected."""
    file.parent.mkdir()
    file.write_bytes(text)
    code, document, err = call("validate", "--config", file)
    assert code == 2
    assert [entry["line"] for entry in document["mistakes"]] == [line]
    assert said in err
    assert str(file) in err


def test_a_mistaken_file_stops_other_commands_but_not_its_repair(call, file, capsys):
    """`config` shows what is right in it, and warns of the rest."""
    written(file, BROKEN + "x = 1\n")
    code, document, err = call("show", "--config", file)
    assert code == 0
    assert shown(document)["lang"] == ("en", "default", None)
    assert err.count("warning:") == 4
    assert main(["--config", str(file), "models"]) == 2
    assert "line 1" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["show", "validate"])
def test_a_file_that_is_named_must_be_there(call, file, action):
    """A typing error in --config must not look like empty settings."""
    code, document, err = call(action, "--config", file)
    assert (code, document) == (2, None)
    assert "config init" in err
    assert call(action)[0] == 0


def test_without_a_file_nothing_is_wrong(call):
    """Most people never write one."""
    code, document, _ = call("validate")
    assert (code, document["valid"], document["exists"]) == (0, True, False)


def test_a_place_that_cannot_be_looked_at_is_named(call, tmp_path):
    """Neither there nor absent: the reason is told."""
    code, _, err = call("validate", "--config", tmp_path / ("x" * 300))
    assert code == 2
    assert "cannot be read" in err


def test_a_folder_is_no_settings_file(call, tmp_path):
    """Named by mistake: an error, no traceback."""
    code, document, err = call("validate", "--config", tmp_path)
    assert (code, len(document["mistakes"])) == (2, 1)
    assert "cannot be read" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[keys]\n"run.start" = "f5"\n"run.fly" = "x"\n', ("line 3", "run.fly")),
        ('[keys]\n"run.start" = "c"\n', ("line 2", "view.copy")),
        ('[keys]\n"run.start" = 5\n', ("line 2", "run.start is 5")),
        ('theme = "pink"\n', ("line 1", "'dark'")),
        ("refresh = 3\n", ("line 1", "refresh is 3")),
    ],
)
def test_a_key_that_two_actions_would_share_is_refused(call, file, text, words):
    """A key that does another thing than its owner thinks is worse than none."""
    code, _, err = call("validate", "--config", written(file, text))
    assert code == 2
    assert all(word in err for word in words), err


def test_screens_are_set_in_the_file(call, file):
    text = 'theme = "contrast"\nglyphs = "ascii"\nrefresh = 4\n[keys]\n"run.start" = "f5"\n'
    seen = shown(call("show", "--config", written(file, text))[1])
    assert seen["theme"] == ("contrast", "file", str(file))
    assert seen["keys"] == ({"run.start": "f5"}, "file", str(file))
