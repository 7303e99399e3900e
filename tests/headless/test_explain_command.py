"""`explain` as a person and a script meet it: files, the standard input, encodings, exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
import threading

import pytest

from ascend_console.cli import main
from ascend_console.tools import text_input
from ascend_console.tools.text_input import read_text

LOG = (
    "ATC start working now, please wait for a moment.\n"
    "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
    "E19010: No parser is registered for Op [Trilu_1, optype [ai.onnx::14::Trilu]].\n"
    "        Solution: Check the version.\n"
)


@pytest.fixture
def run(tmp_path, capsys):
    """Run the program in this process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main(["--workspace", str(tmp_path / "workspace"), *map(str, argv)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "atc.log"
    path.write_text(LOG, "utf-8")
    return path


class Piped(io.TextIOWrapper):
    """A standard input that holds some bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), "utf-8")


def test_a_failed_log_is_explained_and_exits_0(run, saved):
    """The command did what it was asked, whatever the log says."""
    code, out, err = run("explain", saved)
    assert (code, err) == (0, "")
    for part in ("atc", "failure", "E19010", "remedy 1", "opset 11", "Trilu Trilu_1, opset 14"):
        assert part in out


def test_the_document_is_what_scripts_rely_on(run, saved):
    """The keys of the contract, and an id that other languages are keyed by."""
    code, out, _ = run("explain", saved, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == 1
    assert (document["tool"], document["outcome"], document["code"]) == ("atc", "failure", "E19010")
    assert document["cause_id"] == "code.E19010"
    assert document["operators"] == [{"name": "Trilu_1", "type": "Trilu", "opset": 14}]
    assert document["performance"] is None
    assert run("explain", saved, "--format", "json")[1] == out
    assert "remedy 1" in run("explain", saved, "--format", "csv")[1]
    assert run("explain", saved, "--format", "md")[1].startswith("| field |")


def test_cause_and_remedies_are_chinese_and_the_document_is_not(run, saved):
    """People read their language; a script must not depend on a locale."""
    code, out, err = run("--lang", "zh", "explain", saved)
    assert (code, err) == (0, "")
    assert "opset 11" in out
    assert "重新导出模型" in out
    document = json.loads(run("--lang", "zh", "explain", saved, "--json")[1])
    assert document == json.loads(run("explain", saved, "--json")[1])


def test_figures_of_a_log_stand_in_the_table(run, tmp_path):
    """Somebody who saved only the log gets the measurement back."""
    path = tmp_path / "perf.txt"
    path.write_text("ave_throughputRate = 974.27samples/s, ave_latency = 1.02917ms\n")
    code, out, _ = run("explain", path)
    assert code == 0
    assert "974.3" in out
    assert "compute mean ms a sample" in out


def test_many_operators_and_warnings_stay_readable(run, tmp_path):
    """A model with a hundred unsupported nodes must not fill the screen."""
    path = tmp_path / "atc.log"
    rows = "".join(
        f"        No parser is registered for Op [Trilu_{n}, optype [ai.onnx::14::Trilu]].\n"
        for n in range(30)
    )
    path.write_text(LOG + "        TraceBack (most recent call last):\n" + rows + "W11001: slow\n")
    code, out, _ = run("explain", path)
    assert code == 0
    assert "and 20 more" in out
    assert "W11001: slow" in out
    assert len(json.loads(run("explain", path, "--json")[1])["operators"]) == 30


def test_the_standard_input_is_read(run, monkeypatch):
    """`atc … 2>&1 | ascend-console explain -`."""
    monkeypatch.setattr(sys, "stdin", Piped(LOG.encode()))
    code, out, _ = run("explain", "-")
    assert code == 0
    assert "E19010" in out


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\xff\xfe", b"\x80\x81\x82"])
def test_a_text_of_nobody_exits_0_too(run, tmp_path, data):
    """It could be read; that it says nothing is the answer."""
    path = tmp_path / "x.log"
    path.write_bytes(data)
    code, out, _ = run("explain", path, "--json")
    assert code == 0
    assert json.loads(out)["tool"] == "unknown"


def test_markup_and_control_codes_of_a_log_are_only_text(run, tmp_path):
    """A log must not paint the terminal of the one who reads it."""
    path = tmp_path / "x.log"
    path.write_text("ATC run failed\n\x1b[31mE10016: [bold]\x07{x}\x1b]0;title\x07 is not found\n")
    code, out, _ = run("explain", path)
    assert code == 0
    assert "E10016" in out
    assert "\x1b" not in out
    assert "\x07" not in out


@pytest.mark.parametrize("what", ["missing", "folder", "binary"])
def test_what_cannot_be_read_is_said_and_exits_2(run, tmp_path, what):
    """One message with the path and what to type."""
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "binary":
        path.write_bytes(bytes(range(256)) * 40)
    code, out, err = run("explain", path)
    assert (code, out) == (2, "")
    assert str(path) in err
    assert "hint:" in err


def test_without_a_file_the_usage_is_told(run):
    """`explain` alone would wait for a keyboard."""
    code, out, err = run("explain")
    assert (code, out) == (2, "")
    assert "FILE" in err or "file" in err


# The reader behind it.


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("模型\n".encode(), "模型\n", "utf-8"),
        ("模型\n".encode("utf-8-sig"), "模型\n", "utf-8-sig"),
        ("模型\n".encode("utf-16"), "模型\n", "utf-16"),
        ("模型转换失败\n".encode("gb18030"), "模型转换失败\n", "gb18030"),
        ("模型转换失败".encode() + b"\xff\n", "模型转换失败\ufffd\n", "utf-8, damaged"),
        (b"\xff\xff\xff", "\ufffd\ufffd\ufffd", "utf-8, damaged"),
    ],
)
def test_usual_encodings_are_read(tmp_path, data, text, encoding):
    """Chinese systems and PowerShell write their own; one broken byte is no other encoding."""
    path = tmp_path / "x.log"
    path.write_bytes(data)
    read = read_text(str(path))
    assert (read.text, read.encoding, read.is_cut) == (text, encoding, False)


def test_a_very_long_log_keeps_its_beginning_and_its_end(run, tmp_path, monkeypatch):
    """The command stands at the beginning, the verdict at the end; memory stays bounded."""
    monkeypatch.setattr(text_input, "_HEAD_BYTES", 1000)
    monkeypatch.setattr(text_input, "_TAIL_BYTES", 2000)
    monkeypatch.setattr(text_input, "_CHUNK_BYTES", 300)
    path = tmp_path / "x.log"
    lines = [f"line {number} 模型\n" for number in range(2000)]
    path.write_text("".join(lines) + LOG, "utf-8")
    read = read_text(str(path))
    assert read.is_cut
    assert read.text.startswith(lines[0])
    assert read.text.endswith(LOG)
    assert len(read.text.encode()) <= 3000
    assert set(read.text.splitlines(True)) <= {*lines, *LOG.splitlines(True)}
    code, out, err = run("explain", path)
    assert code == 0
    assert "E19010" in out
    assert "very long" in err


def test_a_text_just_below_the_bound_is_whole(tmp_path, monkeypatch):
    """Head and tail meet without a gap."""
    monkeypatch.setattr(text_input, "_HEAD_BYTES", 100)
    monkeypatch.setattr(text_input, "_TAIL_BYTES", 200)
    monkeypatch.setattr(text_input, "_CHUNK_BYTES", 7)
    for size in (99, 100, 101, 299, 300):
        path = tmp_path / f"{size}.log"
        path.write_bytes(b"0123456789"[: size % 10] + b"0123456789" * (size // 10))
        read = read_text(str(path))
        assert read.text.encode() == path.read_bytes()
        assert not read.is_cut


def test_a_pipe_is_opened_once_only(tmp_path):
    """`explain <(command)`: a look before would take what is read."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(LOG))
    writer.start()
    try:
        assert read_text(str(path)).text == LOG
    finally:
        writer.join()


def test_an_endless_input_ends_when_it_is_asked_to(monkeypatch):
    """Ctrl-C ends the reading between two pieces."""
    asked = iter([False, False, True])

    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    assert read_text("-", should_stop=lambda: next(asked)).text.strip("x") == ""
