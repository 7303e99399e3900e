"""`devices --input`: a saved table as people, scripts and spreadsheets read it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ascend_console.cli import main

DATA = Path(__file__).parents[1] / "data" / "ascend" / "npu_smi"
CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures"


@pytest.fixture
def run(tmp_path, capsys):
    """Run the program in this process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main(["--workspace", str(tmp_path / "workspace"), "devices", *map(str, argv)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_json_has_the_shape_that_scripts_rely_on(run, path):
    """The keys are a promise; unknown is null."""
    code, out, err = run("--input", path, "--format", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document.pop("schema") == 1
    assert document == json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert run("--input", path, "--json")[1] == out


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here")
def test_every_captured_table_is_shown(run):
    """Real tables go through the command, too."""
    for path in sorted((CAPTURES / "npu-smi").glob("*.txt")):
        code, out, _ = run("--input", path, "--format", "json")
        document = json.loads(out)
        del document["schema"]
        assert code == 0
        assert document == json.loads(path.with_suffix(".json").read_text("utf-8"))


def test_a_table_has_a_row_a_chip_with_its_processes(run):
    """Who uses a chip stands beside how busy it is."""
    path = DATA / "310P3-23.0.0-duo-indented.txt"
    rows = list(csv.DictReader(io.StringIO(run("--input", path, "--format", "csv")[1])))
    assert [(row["npu"], row["chip"], row["aicore_pct"]) for row in rows] == [
        ("32800", "0", "0"),
        ("32800", "1", "64"),
    ]
    assert [row["power_w"] for row in rows] == ["", ""]
    assert rows[0]["processes"] == ""
    assert rows[1]["processes"] == "40721 ? 34030 MB; 611 ais_bench 96 MB"
    assert "310P3" in run("--input", path)[1]
    assert run("--input", path, "--format", "md")[1].startswith("| npu |")


def test_a_process_on_a_chip_that_is_not_shown_is_not_lost(run, tmp_path):
    """A quoted table often ends before the last chip, and its process table does not."""
    text = (DATA / "910B3-23.0.1.txt").read_text("utf-8")
    row = "| 6       0                 | 4711          | python                   | 512  |"
    path = tmp_path / "saved.txt"
    path.write_text(text + row + "\n", "utf-8")
    rows = list(csv.DictReader(io.StringIO(run("--input", path, "--format", "csv")[1])))
    assert [(row["npu"], row["name"], row["processes"]) for row in rows] == [
        ("4", "910B3", ""),
        ("6", "", "4711 python 512 MB"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_texts_saved_on_windows_are_read(run, tmp_path, encoding):
    """PowerShell writes UTF-16 with a mark where bash writes plain bytes."""
    path = tmp_path / "saved file's 名字.txt"
    path.write_text((DATA / "950-26.0.txt").read_text("utf-8"), encoding)
    code, out, _ = run("--input", path, "--format", "json")
    assert code == 0
    assert json.loads(out)["chips"][0]["npu"] == 5


def test_foreign_bytes_around_a_table_do_no_harm(run, tmp_path):
    """A prompt in another encoding, colours, a NUL."""
    path = tmp_path / "saved.txt"
    table = (DATA / "310P3-22.0.0.txt").read_bytes()
    path.write_bytes("用户@主机\n".encode("gb18030") + b"\x1b[32m" + table + b"\x1b[0m\n\x00\xff")
    code, out, _ = run("--input", path, "--format", "json")
    assert code == 0
    assert json.loads(out)["chips"][0]["memory_used_mb"] == 1843


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "no table"),
        (b"\x00\xff" * 1000, "no text"),
        (b"hello\n", "no table"),
        (b"dcmi module initialize failed. ret is -8005\n", "-8005"),
        ((DATA / "310P3-22.0.0.txt").read_bytes()[:-250], "is cut"),
    ],
)
def test_what_is_no_table_is_named_with_its_file(run, tmp_path, content, wanted):
    """Which file, what is wrong with it, what to do: and nothing on stdout."""
    path = tmp_path / "saved.txt"
    path.write_bytes(content)
    code, out, err = run("--input", path, "--format", "json")
    assert (code, out) == (2, "")
    assert str(path) in err
    assert wanted in err
    assert "hint:" in err


def test_a_file_that_cannot_be_read_is_named(run, tmp_path):
    """A folder, a missing file, a file of another kind."""
    large = tmp_path / "large.txt"
    large.write_bytes(b"a line of a log that has grown for months\n" * 400_000)
    for path, wanted in ((tmp_path, "folder"), (tmp_path / "none", "none"), (large, "too large")):
        code, out, err = run("--input", path)
        assert (code, out) == (2, "")
        assert wanted in err
        assert "hint:" in err
    memory = Path("/proc/self/mem")
    if memory.exists():
        assert "cannot be read" in run("--input", memory)[2]
