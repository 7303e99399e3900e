"""The checks of the machine, the terminal and the console's own packages in `doctor`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ascend_console.core.devices import Trouble
from ascend_console.core.doctor import Check, by_gravity, exit_code_of
from ascend_console.core.verdict import finding
from ascend_console.jobs import _doctor_cann as cann
from ascend_console.jobs import _doctor_host as host
from ascend_console.jobs import _doctor_software as software
from ascend_console.jobs._doctor_facts import (
    HostFacts,
    Interpreter,
    ModelFacts,
    Module,
    SoftwareFacts,
    TerminalFacts,
)
from ascend_console.jobs.doctor import host_checks, software_checks, terminal_checks

GB = 1 << 30

# The machine itself


HOST = HostFacts(
    memory_total=24 * GB, memory_available=20 * GB, workspace="/w", disk_free=80 * GB,
    cache_folder="/w/cache", kills_at_logout=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "check_id", "verdict", "remedy"),
    [
        ({}, "host.memory", "PASS", ""),
        ({"memory_total": None}, "host.memory", "SKIP", ""),
        ({"memory_available": 3 * GB}, "host.memory", "WARN", "MAX_COMPILE_CORE_NUMBER=1"),
        ({"memory_available": GB // 2}, "host.memory", "FAIL", "swap"),
        ({"disk_free": 3 * GB}, "disk.free", "WARN", "runs prune"),
        ({"disk_free": GB // 10}, "disk.free", "FAIL", "--workspace"),
        ({"disk_free": None}, "disk.free", "SKIP", ""),
        ({"is_writable": False}, "disk.free", "FAIL", "ASCEND_CONSOLE_WORKSPACE"),
        ({"cache_bytes": 30 * GB}, "disk.cache", "WARN", "made again"),
        ({"kills_at_logout": True}, "host.logout", "WARN", "loginctl enable-linger"),
    ],
)
def test_what_a_run_would_lack_is_told_before_it_starts(changes, check_id, verdict, remedy):
    """Hours of atc that end in `Killed` or a full disk."""
    found = {check.id: check for check in host_checks(replace(HOST, **changes))}
    assert found[check_id].verdict == verdict
    assert remedy in found[check_id].finding.hint


def test_without_a_login_manager_nothing_is_said_about_logout():
    """A container has none."""
    checks = host_checks(replace(HOST, kills_at_logout=None))
    assert "host.logout" not in [check.id for check in checks]


TERMINAL = TerminalFacts(
    is_terminal=True, term="xterm-256color", size=(120, 36), locale="C.UTF-8", encoding="utf-8"
)


@pytest.mark.parametrize(
    ("changes", "check_id", "verdict", "remedy"),
    [
        ({}, "terminal.screen", "PASS", ""),
        ({"is_terminal": False}, "terminal.screen", "SKIP", ""),
        ({"term": "dumb"}, "terminal.screen", "WARN", "TERM=xterm-256color"),
        ({"size": (50, 20)}, "terminal.screen", "WARN", "window"),
        ({}, "terminal.locale", "PASS", ""),
        ({"locale": "zh_CN.GBK", "encoding": "GBK"}, "terminal.locale", "WARN", "LANG=C.UTF-8"),
        ({"locale_error": "unsupported locale"}, "terminal.locale", "WARN", "LC_ALL=C.UTF-8"),
        ({}, "terminal.clipboard", "PASS", ""),
        ({"in_tmux": True, "tmux": "3.3a"}, "terminal.clipboard", "PASS", ""),
        ({"in_tmux": True, "tmux": "next-3.5"}, "terminal.clipboard", "PASS", ""),
        ({"in_tmux": True, "tmux": "3.1c"}, "terminal.clipboard", "WARN", "clipboard.txt"),
        ({"in_tmux": True, "tmux": None}, "terminal.clipboard", "WARN", "tmux 3.2"),
    ],
)
def test_what_a_terminal_cannot_do_is_told(changes, check_id, verdict, remedy):
    """Before somebody looks at question marks in place of Chinese."""
    found = {check.id: check for check in terminal_checks(replace(TERMINAL, **changes))}
    assert found[check_id].verdict == verdict
    assert remedy in found[check_id].finding.hint


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "256"),
        ({"colorterm": "truecolor"}, "16 million"),
        ({"term": "xterm"}, "16"),
        ({"no_color": True}, "0"),
        ({"term": "xterm-direct"}, "16 million"),
    ],
)
def test_colours_are_those_that_the_terminal_says(changes, wanted):
    """NO_COLOR wins over everything."""
    assert host.colours(replace(TERMINAL, **changes)) == wanted


# The console's own packages


OWN = Interpreter(
    command="/v/bin/python", version=(3, 11, 7), machine="x86_64",
    modules={
        "numpy": Module(version="2.4.6"), "PIL": Module(version="13.0.0"),
        "onnx": Module(version="1.23.2"),
        "onnxruntime": Module(version="1.31.1", tells={"providers": ["CPUExecutionProvider"]}),
        "torch": Module(version="2.13.0+cpu"),
    },
)  # fmt: skip
SOFTWARE = SoftwareFacts(console="0.1.0", python=OWN)


def own_with(name: str, module: Module) -> Interpreter:
    return replace(OWN, modules={**OWN.modules, name: module})


@pytest.mark.parametrize(
    ("changes", "check_id", "verdict", "text"),
    [
        ({}, "python", "PASS", "Python 3.11.7 on x86_64"),
        ({"python": replace(OWN, error="crashed")}, "python", "FAIL", "crashed"),
        ({"python": own_with("onnx", Module(error="torn"))}, "python", "FAIL", "onnx: torn"),
        ({}, "backend.onnxruntime", "PASS", "providers: cpu"),
        ({"python": own_with("onnxruntime", Module(error="torn"))}, "backend.onnxruntime", "FAIL",
         "torn"),
        ({}, "backend.torch", "PASS", "on the CPU"),
        ({"python": own_with("torch", Module(version="2", tells={"cuda": ["T4"]}))},
         "backend.torch", "PASS", "CUDA on T4"),
        ({"python": own_with("torch", Module(error="No module named 'torch'"))}, "backend.torch",
         "SKIP", "extra 'torch'"),
        ({"python": own_with("torch", Module(error="libgomp"))}, "backend.torch", "FAIL",
         "libgomp"),
        ({"gpus": ("Tesla T4",)}, "gpu", "PASS", "Tesla T4"),
        ({"has_nvidia": True}, "gpu", "SKIP", "extra 'gpu'"),
        ({"gpu_trouble": Trouble(id="x", message="no library", hint="h")}, "gpu", "WARN",
         "no library"),
    ],
)  # fmt: skip
def test_what_the_console_itself_has_is_told(changes, check_id, verdict, text):
    """Which backends work here, and what an absent extra would do."""
    found = {check.id: check for check in software_checks(replace(SOFTWARE, **changes))}
    assert found[check_id].verdict == verdict
    assert text in found[check_id].finding.message
    if verdict == "FAIL":
        assert "pip install" in found[check_id].finding.hint


def test_without_any_gpu_nothing_is_said_about_gpus():
    """Most machines have none."""
    assert "gpu" not in [check.id for check in software_checks(SOFTWARE)]
    assert "gpu" not in [
        check.id for check in software_checks(replace(SOFTWARE, has_nvidia=True, gpu_extra=True))
    ]


@pytest.mark.parametrize(
    ("pin", "version", "wanted"),
    [
        ("== 1.7.0", "1.7.0", True),
        ("== 1.7.0", "1.23.2", False),
        (">= 1.8.0", "2.13.0+cpu", True),
        (">= 1.8.0", "1.10.0", True),
        (">= 1.8.0", "1.5.0", False),
        ("5.1.RC1", "5.1.RC1", True),
        ("5.1.RC1", "5.1.rc1", True),
        ("5.1.RC1", "8.0.RC1", False),
        ("== 1.5.0", "1.5.0+cu101", True),
        (">= 1.8.0", "", False),
        ("", "1", False),
    ],
)
def test_a_published_version_is_compared_as_it_is_written(pin, version, wanted):
    """1.10 is newer than 1.8, whatever the alphabet says."""
    assert software.is_met(pin, version) is wanted


def test_what_a_model_was_published_with_is_named_and_never_failed():
    """Nobody has numpy 1.18 any more; who compares figures must know it."""
    published = {"CANN": "5.1.RC1", "onnx": ">= 1.7.0", "numpy": "== 1.18.5"}
    installed = {"CANN": None, "onnx": "1.23.2", "numpy": "2.4.6"}
    facts = ModelFacts(name="ghostnet", published=published, installed=installed)
    same = replace(facts, installed={"CANN": "5.1.RC1", "onnx": "1.7.0", "numpy": "1.18.5"})
    first, second = software.check_models((facts, same))
    assert (first.id, first.verdict) == ("model.ghostnet", "PASS")
    assert first.finding.message == "published with (here): CANN 5.1.RC1 (-), numpy 1.18.5 (2.4.6)"
    assert second.verdict == "PASS"


# The answer


def test_the_worst_stands_first_and_a_fail_decides():
    """What must be repaired is on the screen without scrolling."""
    checks = [
        Check(f"c.{number}", verdict, finding("x", "seen"))
        for number, verdict in enumerate(("PASS", "SKIP", "WARN", "FAIL", "PASS"))
    ]
    assert [check.id for check in by_gravity(checks)] == ["c.3", "c.2", "c.0", "c.4", "c.1"]
    assert exit_code_of(checks) == 4
    assert exit_code_of(checks[:3]) == 0
    assert cann.told(Trouble(id="a", message="m", hint="h", args={"x": "1"})).args == {"x": "1"}


def test_a_check_has_the_shape_that_scripts_rely_on():
    """Four keys are a promise; no remedy is null."""
    check = Check("disk.free", "WARN", finding("doctor.disk_little", "only {free}", "", free=3))
    document = check.document()
    assert {key: document[key] for key in ("id", "verdict", "seen", "remedy")} == {
        "id": "disk.free",
        "verdict": "WARN",
        "seen": "only 3",
        "remedy": None,
    }
    assert (document["text"], document["args"]) == ("doctor.disk_little", {"free": "3"})
