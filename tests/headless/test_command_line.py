"""The command line as a script meets it: streams, forms, places of options, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from ascend_console import __version__
from ascend_console.cli import main
from ascend_console.core import discovery
from ascend_console.core.options import options_of

HEAVY = ("textual", "rich", "torch", "onnx", "onnxruntime", "numpy", "PIL", "psutil", "jinja2")


def words(workspace, *argv):
    return ["--workspace", str(workspace), *map(str, argv)]


@pytest.fixture
def run(tmp_path, capsys):
    """Run the program in this process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main(words(tmp_path / "workspace", *argv))
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


def test_models_are_listed_in_every_form(run):
    """Scripts read json, people read tables, spreadsheets read csv."""
    code, out, err = run("models", "--format", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["schema"] == 1
    names = [entry["name"] for entry in document["models"]]
    assert names == ["se_resnet50", "moco_v2", "deepmar", "ghostnet"]
    for entry in document["models"]:
        assert {"name", "shape", "dtype", "layout"} <= set(entry["input"])
        assert {"name", "shape"} <= set(entry["output"])
        assert {"file", "url", "md5"} <= set(entry["checkpoint"])
        for figure in entry["accuracy"]:
            assert 0 < figure["value"] < 1
            assert figure["source"]
    table = run("models", "--format", "csv")[1]
    assert [row["model"] for row in csv.DictReader(io.StringIO(table))] == names
    assert run("models", "--format", "md")[1].startswith("| model |")
    assert run("models", "--json")[1] == out
    assert all(name in run("models")[1] for name in names)


def test_a_card_shows_everything_that_is_published(run):
    """The card replaces the search through four guides."""
    out = run("models", "ghostnet")[1]
    for piece in (
        "1911.11907",
        "f7241350b4486bf00accbf9c3a192331",
        "state_dict_73.98.pth",
        "Apache-2.0",
        "73.980 %",
        "published environment",
        "official batch sizes",
    ):
        assert piece in out


COMMON = [
    (["--lang", "zh"], None),
    (["--no-color"], None),
    (["-q"], None),
    (["--quiet"], None),
    (["-v"], None),
    (["--verbose"], None),
    (["--yes"], None),
    (["--format", "json"], None),
    (["--json"], None),
    (["--headless"], None),
]


@pytest.mark.parametrize("words", [entry[0] for entry in COMMON], ids=lambda entry: entry[0])
def test_common_options_work_before_and_after_the_command(run, words):
    """Nobody remembers on which side of the command an option belongs."""
    before, after = run(*words, "models"), run("models", *words)
    assert before == after
    assert before[0] == 0


def test_the_workspace_is_taken_from_flag_environment_and_file(tmp_path, capsys, monkeypatch):
    """The flag is above the environment, the environment above the file."""
    config = tmp_path / "config.toml"
    config.write_text(f'workspace = "{tmp_path / "file"}"\n')
    for place in ("file", "environment", "flag"):
        folder = tmp_path / place / "runs" / f"20261120-101500-{place}-0000"
        folder.mkdir(parents=True)

    def listed(*argv):
        assert main([*argv, "runs", "list", "--format", "json"]) == 0
        return [entry["run_id"] for entry in json.loads(capsys.readouterr().out)["runs"]]

    assert listed() == []
    assert listed("--config", str(config)) == ["20261120-101500-file-0000"]
    monkeypatch.setenv("ASCEND_CONSOLE_WORKSPACE", str(tmp_path / "environment"))
    assert listed("--config", str(config)) == ["20261120-101500-environment-0000"]
    assert listed("--workspace", str(tmp_path / "flag")) == ["20261120-101500-flag-0000"]
    assert main(["models", "--config", str(tmp_path / "absent.toml")]) == 2
    assert "absent.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["modles"], "modles"),
        (["--model", "ghostnet"], "--model"),
        (["models", "resnet"], "resnet"),
        (["models", "--form", "json"], "--form"),
        (["models", "--format", "yaml"], "yaml"),
        (["models", "--lang", "fr"], "fr"),
        (["runs"], "required"),
        (["runs", "show"], "needs a run"),
        (["runs", "show", "nothing"], "nothing"),
        (["run", "--sample"], "--model"),
        (["run", "--model", "ghostnet"], "--sample"),
        (["run", "--model", "ghostnet", "--sample", "--batch-size", "0"], "--batch-size"),
        (["run", "--model", "ghostnet", "--sample", "--batch-size", "1,1"], "twice"),
        (["run", "--model", "ghostnet,", "--sample"], "--model"),
        (["run", "--model", "ghostnet", "--sample", "--format", "json"], "--format"),
        (["models", "--run-dir", "x"], "--run-dir"),
        (["run", "--model", "ghostnet,deepmar", "--sample", "--run-dir", "x"], "one folder"),
        (["run", "--model", "ghostnet", "--sample", "--run-dir", "/tmp/x"], "not directly under"),
        (["export", "--model", "ghostnet"], "--checkpoint"),
        (["export", "--model", "ghostnet", "--sample", "--batch-size", "0"], "no batch"),
        (["convert"], "nothing to convert"),
        (["run", "--model", "ghostnet", "--sample", "--backend", "tpu"], "tpu"),
        (["run", "--model", "ghostnet", "--sample", "--precision", "fp8"], "fp8"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_in_2_with_what_to_type(run, argv, said):
    """An error is written to the person who must fix it, never as a traceback."""
    code, _, err = run(*argv)
    assert code == 2
    assert said in err
    assert "hint:" in err
    assert "Traceback" not in err


def test_help_of_every_command_has_units_defaults_and_an_example(run):
    """Help is the documentation that is always at hand."""
    for name in discovery.names("jobs"):
        job = discovery.load("jobs", name)
        code, out, _ = run(name, "--help")
        assert code == 0
        assert job.example in out
        flat = " ".join(out.split())
        for entry in options_of(job.request):
            assert entry.flag in out or entry.positional
            assert entry.help in flat
            assert "default" in flat or entry.required


def test_no_command_prints_help_and_fails(run):
    """A script that lost its command must not look successful."""
    code, out, err = run("--headless")
    assert (code, out) == (2, "")
    assert "usage: ascend-console" in err
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "the screens need a terminal" in err
    assert "--headless" in err
    assert run("--help")[:1] == (0,)
    assert run("--version")[1] == f"ascend-console {__version__}\n"


def fresh(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    ).stdout


@pytest.mark.parametrize("argv", [["models"], ["models", "ghostnet"], ["--help"], ["runs", "list"]])
def test_listing_loads_nothing_heavy(argv, tmp_path):
    """Start-up is what people feel first."""
    code = (
        "import sys\nfrom ascend_console.cli import main\n"
        f"main({words(tmp_path, *argv)!r})\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    assert fresh(code).splitlines()[-1] == "loaded []"


def test_a_closed_pipe_is_no_error(tmp_path):
    """`models | head -1` is how people look."""
    line = f"{sys.executable} -m ascend_console --workspace {tmp_path} models ghostnet | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", line], check=False, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""


def test_text_from_outside_is_shown_without_control_characters(run, tmp_path):
    """A file name with an escape code must not redraw the terminal."""
    code, _, err = run("runs", "show", "evil\x1b[2J\nname")
    assert code == 2
    assert "\x1b" not in err
    assert len(err.splitlines()) == 2
