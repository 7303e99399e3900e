"""Tools are stopped, and nothing of them outlives their run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ascend_console.core.errors import BackendUnavailable, Interrupted, ToolFailed
from ascend_console.tools import guard
from ascend_console.tools.run_folder import StopRequest
from tests.data.fake_tools import (
    DEAF,
    LEAVES_A_CHILD,
    PATIENCE_S,
    READY_AND_SILENT,
    bench_in,
    guard_of,
)

DEAF_CHILD = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
OWN_GROUP = "os.setpgid(0, 0)"
DAEMON = "os.setsid(); os.fork() and os._exit(0)"
STAYS = "while True: signal.pause()"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's adoption of orphans")


@pytest.fixture
def bench(tmp_path):
    """A folder for tools."""
    with bench_in(tmp_path) as made:
        yield made


# On request, and at a limit


def test_cancel_stops_a_silent_tool(bench):
    """atc is silent for minutes."""
    ready, cancel = threading.Event(), threading.Event()
    asker = threading.Thread(target=lambda: ready.wait(PATIENCE_S) and cancel.set())
    asker.start()
    output = bench.stream(bench.witnessed(READY_AND_SILENT), cancel=cancel, grace_s=PATIENCE_S)
    guard_of(output)
    ready.set()
    with pytest.raises(Interrupted):
        next(output)
    asker.join()
    assert bench.witness.all_gone()


def test_a_cancel_file_stops_a_silent_tool(bench):
    """`runs cancel` from another terminal leaves a file, which nobody announces."""
    source = READY_AND_SILENT.replace("print(", "open('cancel', 'w').close(); print(")
    cancel = StopRequest(threading.Event(), bench.folder)
    with pytest.raises(Interrupted):
        list(bench.stream(bench.witnessed(source), cancel=cancel, grace_s=PATIENCE_S))
    assert bench.witness.all_gone()


def test_cancel_stops_a_flooding_tool(bench):
    """A reader that is kept busy looks at the request too."""
    cancel = threading.Event()
    flood = bench.tool("while True: print('x' * 50)")
    output = bench.stream(flood, cancel=cancel, grace_s=PATIENCE_S)
    next(output)
    cancel.set()
    with pytest.raises(Interrupted):
        list(output)


def test_a_request_that_came_before_starts_nothing(bench):
    """The tool would only have to be stopped again."""
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Interrupted):
        next(bench.stream(bench.tool("open('started', 'w')"), cancel=cancel))
    assert not (bench.folder / "started").exists()


def test_a_stopped_tool_may_clean_up_and_its_last_words_are_kept(bench):
    """TERM comes first, so that a tool frees its device; what it says then explains much."""
    source = """
import os, signal
def leave(*_):
    print("x" * 100_000)
    raise SystemExit("bye")
signal.signal(signal.SIGTERM, leave)
print("ready", os.getppid(), flush=True)
while True: signal.pause()
"""
    with bench.stream(bench.tool(source), grace_s=PATIENCE_S) as output:
        guard_of(output)
    assert bench.log.read_text().endswith("x" * 100_000 + "\nbye\n")


def test_a_tool_that_ignores_term_is_killed(bench):
    """A tool may be deaf; after the grace it goes all the same."""
    with bench.stream(bench.witnessed(DEAF), grace_s=0.1) as output:
        guard_of(output)
    assert bench.witness.all_gone()


def test_closing_or_dropping_the_lines_stops_the_tool(bench):
    """A job that fails for another reason leaves no tool behind."""
    output = bench.stream(bench.witnessed(READY_AND_SILENT), grace_s=PATIENCE_S)
    guard_of(output)
    output.close()
    assert bench.witness.all_gone()
    output = bench.stream(bench.witnessed(READY_AND_SILENT), grace_s=PATIENCE_S)
    guard_of(output)
    del output
    assert bench.witness.all_gone()


@pytest.mark.parametrize(
    ("limits", "error_id", "source"),
    [
        ({"silence_limit_s": 0.2}, "process.silent", "import signal; signal.pause()"),
        ({"time_limit_s": 0.2}, "process.timeout", "import signal; signal.pause()"),
        ({"time_limit_s": 0.2, "silence_limit_s": 100}, "process.timeout", "while 1: print(1)"),
    ],
)
def test_a_time_limit_stops_the_tool_and_says_which(bench, limits, error_id, source):
    """A hung tool must end by itself, with its log named."""
    with pytest.raises(ToolFailed) as caught:
        list(bench.stream(bench.tool(source), grace_s=PATIENCE_S, **limits))
    assert caught.value.id == error_id
    assert "0.2 s" in caught.value.message
    assert str(bench.log) in caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_log_stops_the_tool_and_names_the_path(bench):
    """Exit 3 with the path, and no tool left behind."""
    output = bench.stream(bench.witnessed(READY_AND_SILENT), log=Path("/dev/full"))
    with pytest.raises(ToolFailed, match="/dev/full") as caught:
        next(output)
    assert caught.value.id == "process.log"
    assert bench.witness.all_gone()


# What a tool leaves behind


@pytest.mark.parametrize(
    "child",
    [
        "pass",
        DEAF_CHILD,
        pytest.param(OWN_GROUP, marks=on_linux),
        pytest.param(DAEMON, marks=on_linux),
    ],
)
@pytest.mark.parametrize("parent", ["", STAYS], ids=["ends", "stopped"])
def test_what_a_tool_forked_goes_with_it(bench, child, parent):
    """Compilers fork workers; a dead one's workers would keep the device and the memory."""
    source = LEAVES_A_CHILD.format(child=child, parent=parent)
    with bench.stream(bench.witnessed(source), grace_s=1.0) as output:
        guard_of(output)
        if not parent:
            assert list(output) == []
            assert output.exit.code == 0
    assert bench.witness.all_gone()


RUN = """
import sys, threading
from pathlib import Path
from ascend_console.tools import process
folder, *argvs = sys.argv[1:]
outputs = []
for argv in argvs:
    outputs.append(process.stream(argv.split("|"), cwd=Path(folder), environment=None,
                                  cancel=threading.Event(), log=Path(folder) / "log"))
    print(next(outputs[-1]), flush=True)
next(outputs[-1])
"""


@pytest.mark.parametrize("child", [DEAF_CHILD, pytest.param(DAEMON, marks=on_linux)])
def test_kill_9_of_the_run_ends_its_tools_and_their_children(bench, child):
    """Nothing is left that could warn anybody: the guards see the end of their pipes.

    Two tools at once: neither guard may hold the pipe of the other.
    """
    sources = (DEAF, LEAVES_A_CHILD.format(child=child, parent=STAYS))
    tools = ["|".join(bench.witnessed(source)) for source in sources]
    argv = [sys.executable, "-c", RUN, str(bench.folder), *tools]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as run:
        assert all(run.stdout.readline().startswith("ready") for _ in tools)
        run.kill()
    assert run.returncode == -signal.SIGKILL
    assert bench.witness.all_gone()


def test_a_guard_that_is_killed_takes_its_tool_along(bench):
    """The guard may be the one that the system picks when memory is short."""
    output = bench.stream(bench.witnessed(READY_AND_SILENT))
    os.kill(guard_of(output), signal.SIGKILL)
    with pytest.raises(ToolFailed) as caught:
        next(output)
    assert caught.value.id == "process.lost"
    assert bench.witness.all_gone()


def test_a_guard_that_is_asked_to_end_stops_its_tool_first(bench):
    """A logout sends TERM to everything at once."""
    output = bench.stream(bench.witnessed(READY_AND_SILENT))
    os.kill(guard_of(output), signal.SIGTERM)
    assert list(output) == []
    assert output.exit.signal == signal.SIGTERM
    assert bench.witness.all_gone()


def test_a_run_that_dies_before_it_named_the_environment_starts_nothing(bench):
    """The guard may be slower than the end of its run."""
    tool = bench.tool("open('started', 'w')")
    argv = [sys.executable, "-I", "-S", guard.__file__, "1", sys.executable, *tool]
    for told in (b"", b"1", b"100\nPATH=/"):
        ended = subprocess.run(argv, input=told, cwd=bench.folder, capture_output=True, check=False)
        assert ended.returncode == 128 + signal.SIGTERM
        assert ended.stdout + ended.stderr == b""
    assert not (bench.folder / "started").exists()


def test_without_process_groups_the_tool_itself_is_ended(bench):
    """The way of Windows runs anywhere: codes pass, the end of the pipe ends the tool."""
    code = "import sys; from ascend_console.tools import guard; sys.exit(guard.watch_alone({}))"
    alone = [sys.executable, "-c", code.format("sys.argv[1], sys.argv[1:]")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    tool = bench.witnessed(READY_AND_SILENT)
    with subprocess.Popen([*alone, *tool], **pipes) as watching:
        assert watching.stdout.readline().startswith(b"ready")
        watching.stdin.close()
        assert watching.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert bench.witness.all_gone()
    for argv, expected in ((bench.tool("raise SystemExit(3)"), 3), (["/nowhere/tool"], 127)):
        with subprocess.Popen([*alone, *argv], **pipes) as watching:
            assert watching.wait(PATIENCE_S) == expected


def held():
    """What this process holds: descriptors, threads, children (zombies too)."""
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    return len(os.listdir("/dev/fd")), threading.active_count(), children


def test_no_descriptor_thread_or_zombie_is_left(bench):
    """A monitor starts thousands of probes in a day."""
    broken = bench.folder / "broken"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    hung = bench.tool("import signal; print('ready', flush=True); signal.pause()")
    before = held()
    for _ in range(3):
        list(bench.stream(bench.tool("print('x')")))
        next(bench.stream(bench.tool("while True: print('x')"), grace_s=PATIENCE_S))
        for argv in (["/nowhere/tool"], [str(broken)], hung):
            with suppress(ToolFailed, BackendUnavailable):
                list(bench.stream(argv, time_limit_s=0.1, grace_s=PATIENCE_S))
        bench.capture(hung, timeout_s=0.1)
        with suppress(ToolFailed):
            next(bench.stream(hung, log=bench.folder))
        with suppress(ToolFailed):
            bench.capture(["env", "x" * 5_000_000])
    assert held() == before
