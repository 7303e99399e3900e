"""Tools are started and followed: what they print, how they end, why they do not start."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.errors import BackendUnavailable, Interrupted, ToolFailed, UserError
from ascend_console.tools._tool_output import LineSplitter
from ascend_console.tools.run_folder import StopRequest
from tests.data.fake_tools import PATIENCE_S, READY_AND_SILENT, bench_in


@pytest.fixture
def bench(tmp_path):
    """A folder for tools."""
    with bench_in(tmp_path) as made:
        yield made


# What a tool prints, and how it ends


def test_both_streams_arrive_in_order_and_the_log_keeps_the_bytes(bench):
    """Errors must stand where they happened, and the raw text must stay for `explain`."""
    bench.log.write_bytes(b"earlier\n")
    source = "import os; os.write(1, b'one\\ntw'); os.write(2, b'o\\n'); os.write(1, b'\\xffend')"
    output = bench.stream(bench.tool(source))
    assert list(output) == ["one", "two", "\ufffdend"]
    assert bench.log.read_bytes() == b"earlier\none\ntwo\n\xffend"
    assert (output.exit.code, output.exit.signal) == (0, None)
    assert output.exit.elapsed_s > 0
    assert list(output) == []
    assert output.exit.code == 0


@pytest.mark.parametrize("code", [1, 127, 137, 255])
def test_the_exit_code_is_the_tools_own(bench, code):
    """137 that a tool exits with by itself must not read as a kill."""
    output = bench.stream(bench.tool(f"raise SystemExit({code})"))
    assert list(output) == []
    assert (output.exit.code, output.exit.signal) == (code, None)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_tool_killed_by_a_signal_says_which(bench, name):
    """Killed by the kernel for memory and crashed have different remedies."""
    number = int(getattr(signal, name))
    output = bench.stream(bench.tool(f"import os; os.kill(os.getpid(), {number})"))
    assert list(output) == []
    assert (output.exit.code, output.exit.signal) == (128 + number, number)


def test_yield_from_gives_the_exit_status(bench):
    """Jobs delegate to the stream and go on with how the tool ended."""

    def job():
        status = yield from bench.stream(bench.tool("print('x'); raise SystemExit(3)"))
        yield status.code

    assert list(job()) == ["x", 3]


def test_the_exit_status_is_not_invented(bench):
    """Before the end there is none to read."""
    with bench.stream(bench.tool("print('x')")) as output, pytest.raises(AssertionError):
        assert output.exit.code == 0


def test_signals_and_input_are_fresh_for_the_tool(bench):
    """A run started in the background with signals ignored must still be able to stop its tool."""
    source = """
import signal, sys
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
print(repr(sys.stdin.read()))
"""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        lines = list(bench.stream(bench.tool(source)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert lines == ["True", "''"]


def test_arguments_reach_the_tool_without_a_shell(bench):
    """A file name with blanks, quotes or a dollar is a file name."""
    odd = ["a b", "'\"", "$(touch broken)", "; touch broken", "中文", "", "*", "--", "new\nline"]
    output = bench.stream(bench.tool("import sys; [print(ascii(a)) for a in sys.argv[1:]]", *odd))
    assert list(output) == [ascii(text) for text in odd]
    assert not (bench.folder / "broken").exists()


def test_the_tool_gets_exactly_the_environment_that_was_named(bench):
    """Vendor tools run with the environment of set_env.sh, without our virtual environment."""
    wanted = {"PATH": os.defpath, "A": "1 =2", "LONG": "x" * 100_000, "LANG": "C"}
    lines = list(bench.stream(["env"], environment=wanted))
    assert sorted(lines) == sorted(f"{name}={value}"[: 1 << 16] for name, value in wanted.items())
    assert list(bench.stream(["env"], environment={"PATH": os.defpath})) == [f"PATH={os.defpath}"]
    assert f"HOME={os.path.expanduser('~')}" in list(bench.stream(["env"]))


def test_the_tools_environment_does_not_reach_the_guard(bench):
    """A library path meant for the vendor's interpreter must not break ours."""
    environment = {"PATH": os.defpath, "LD_PRELOAD": "/nowhere/at-all.so", "PYTHONHOME": "/nowhere"}
    output = bench.stream(["env"], environment=environment)
    assert sum("cannot be preloaded" in line for line in output) <= 1
    assert output.exit.code == 0


def test_a_tool_is_looked_for_on_the_path_of_its_environment_and_in_its_folder(bench):
    """The PATH of set_env.sh decides, not ours; a relative path begins at the tool's folder."""
    program = bench.folder / "bin" / "fake-atc"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    environment = {"PATH": str(program.parent)}
    assert list(bench.stream(["fake-atc"], environment=environment)) == ["found"]
    assert list(bench.stream(["bin/fake-atc"])) == ["found"]
    with pytest.raises(BackendUnavailable):
        next(bench.stream(["fake-atc"]))


def test_tools_that_run_at_the_same_time_keep_apart(bench):
    """Shards over several devices run side by side, started from threads."""
    argv = bench.tool("import sys\nfor i in range(500): print(sys.argv[1], i)")

    def run(index):
        output = bench.stream([*argv, str(index)], log=bench.folder / f"log{index}")
        return list(output), output.exit.code

    with ThreadPoolExecutor(8) as pool:
        for index, (lines, code) in enumerate(pool.map(run, range(8))):
            assert lines == [f"{index} {i}" for i in range(500)]
            assert code == 0


# Output of every kind


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"a", "é".encode(), b"\0", b"\xff"]), max_size=30),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_lines_do_not_depend_on_how_the_output_was_cut(pieces, cuts):
    """The system cuts a tool's output anywhere."""
    data = b"".join(pieces)
    whole, chunked = LineSplitter(), LineSplitter()
    edges = itertools.pairwise([0, *sorted(cut for cut in cuts if cut < len(data)), len(data)])
    lines = [line for left, right in edges for line in chunked.feed(data[left:right])]
    assert lines + chunked.rest() == whole.feed(data) + whole.rest()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\nb", ["a", "b"]),
        (b"a\r\n\r\nb\r\n", ["a", "", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"\r 10%\r 20%\r 30%\ndone\n", [" 10%", " 20%", " 30%", "done"]),
        (b"10%\r20%\r\n", ["10%", "20%"]),
        (b"\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        (b"x" * 200_000 + b"\nend\n", ["x" * 65_536, "end"]),
    ],
)
def test_progress_bars_and_line_ends_become_lines(data, lines):
    """Each state of a bar is a line; an endless line cannot fill the memory."""
    splitter = LineSplitter()
    assert splitter.feed(data) + splitter.rest() == lines


def test_a_bar_is_seen_while_it_moves(bench):
    """Progress that only comes at the end of the line would be none."""
    source = READY_AND_SILENT.replace("print(", "sys.stdout.write('10%\\r20%\\r'); print(")
    with bench.stream(bench.witnessed(source), grace_s=PATIENCE_S) as output:
        assert [next(output), next(output)] == ["10%", "20%"]
    assert bench.witness.all_gone()


def test_binary_garbage_is_kept_raw_and_shown_as_text(bench):
    """A crashing tool may print anything."""
    source = "import os\nfor _ in range(1000): os.write(1, bytes(range(256)))"
    lines = list(bench.stream(bench.tool(source)))
    assert bench.log.read_bytes() == bytes(range(256)) * 1000
    assert len(lines) == 2001
    assert set(lines[1:-1:2]) == {"\x0b\x0c"}


def test_a_flood_is_passed_on_and_its_log_bounded(bench):
    """A tool gone wild must not fill the disk, nor stop the progress."""
    source = "import os\nfor _ in range(4000): os.write(1, (b'x' * 99 + b'\\n') * 50)"
    output = bench.stream(bench.tool(source), log_limit_bytes=100_050)
    assert sum(1 for line in output if line == "x" * 99) == 200_000
    assert output.exit.code == 0
    kept = bench.log.read_bytes()
    assert kept[:100_050] == ((b"x" * 99 + b"\n") * 1001)[:100_050]
    assert kept[100_050:] == b"\n[cut here: this log is limited to 100050 bytes]\n"


# Tools that cannot be started


@pytest.mark.parametrize(
    ("content", "mode", "error_id", "hint"),
    [
        (None, 0, "process.missing", "PATH"),
        (b"#!/bin/sh\n", 0o644, "process.not_executable", "chmod u+x '"),
        (b"\x7fELF nonsense", 0o755, "process.format", "another kind of machine"),
        (b"echo no first line\n", 0o755, "process.format", "#!/bin/bash"),
        (b"#!/nowhere/python7\n", 0o755, "process.interpreter", "first line"),
    ],
)
@pytest.mark.parametrize("way", ["stream", "capture"])
def test_a_tool_that_cannot_run_here_says_what_to_do(bench, way, content, mode, error_id, hint):
    """Missing, forbidden and built for another machine have different remedies; exit 4."""
    path = bench.folder / "my tool"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(BackendUnavailable) as caught:
        list(getattr(bench, way)([str(path)]))
    assert caught.value.id == error_id
    assert "my tool" in caught.value.message
    assert hint in caught.value.hint


def test_a_folder_a_nul_and_an_argument_list_too_long_are_errors_too(bench):
    """Each would otherwise be a traceback."""
    with pytest.raises(BackendUnavailable, match="was not found"):
        bench.capture([str(bench.folder)])
    with pytest.raises(ToolFailed, match="no such folder"):
        bench.capture(["env"], cwd=bench.folder / "gone")
    with pytest.raises(UserError, match="NUL"):
        bench.capture(["env", "a\0b"])
    with pytest.raises(ToolFailed, match="env cannot be started"):
        bench.capture(["env", "x" * 5_000_000])
    with pytest.raises(ToolFailed, match="env cannot be started"):
        bench.capture(["env"], environment={"PATH": os.defpath, "LONG": "x" * 5_000_000})
    with pytest.raises(ToolFailed, match="cannot write"):
        next(bench.stream(["env"], log=bench.folder))


# Probes


def test_a_probe_gives_both_streams_apart(bench):
    """Tables come on one stream, complaints on the other."""
    source = "import sys; print('table\\r'); print('warned', file=sys.stderr); sys.exit(2)"
    seen = bench.capture(bench.tool(source))
    assert (seen.stdout, seen.stderr, seen.code) == ("table\r\n", "warned\n", 2)
    assert not seen.timed_out
    assert not seen.cut


@pytest.mark.parametrize("handler", ["SIG_DFL", "SIG_IGN"])
def test_a_hung_probe_ends_at_its_limit(bench, handler):
    """A hung npu-smi must not hang the monitor, even one that ignores TERM."""
    source = f"import signal; signal.signal(15, signal.{handler}); signal.pause()"
    seen = bench.capture(bench.tool(source), timeout_s=0.2)
    assert seen.timed_out
    assert seen.code in (128 + signal.SIGKILL, 128 + signal.SIGTERM)
    assert seen.stdout == ""


def test_a_probe_that_floods_is_cut(bench):
    """The memory is not the tool's."""
    seen = bench.capture(bench.tool("print('x' * 1_000_000)"), limit_bytes=1000)
    assert (seen.stdout, seen.cut, seen.code) == ("x" * 1000, True, 0)
    assert not bench.capture(bench.tool("print('x' * 999)"), limit_bytes=1000).cut


def test_a_probe_can_be_cancelled(bench):
    """Leaving the monitor does not wait for a hung probe."""
    source = "open('cancel', 'w').close(); import signal; signal.pause()"
    with pytest.raises(Interrupted):
        bench.capture(bench.tool(source), cancel=StopRequest(threading.Event(), bench.folder))


def test_without_a_guard_there_is_no_tool(bench, monkeypatch):
    """Python was upgraded under a run: no traceback, and no tool without its guard."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    with pytest.raises(ToolFailed, match="env cannot be started"):
        bench.capture(["env"])
