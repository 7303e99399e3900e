"""`doctor` on this machine, in fake installations of CANN, and in machines made in a folder."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from ascend_console.cli import main
from ascend_console.core.errors import Interrupted
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env
from ascend_console.jobs import _doctor_gather_ascend as gather_ascend
from ascend_console.jobs import _doctor_gather_host as gather_host
from ascend_console.jobs._doctor_place import Place, interpreter
from ascend_console.jobs._loop import run_job
from ascend_console.jobs.doctor import ENTRY, DoctorRequest
from ascend_console.tools.clock import SystemClock
from tests.fakes.cann_root import make_cann_root, write_launcher

GB = 1 << 30
NEVER = threading.Event()
FULL_PATH = os.environ["PATH"]


@pytest.fixture
def run(tmp_path, capsys):
    """Run the program in this process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main(["--workspace", str(tmp_path / "workspace"), "doctor", *map(str, argv)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A home with a fake CANN and a fake npu-smi; the interpreter of the tools is this one."""

    def made(version="8.0.RC1", words=""):
        home = tmp_path / "home"
        make_cann_root(home, version)
        write_launcher(home / "bin", "npu-smi", "fake_npu_smi.py", {"FAKE_CANN": version})
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("PATH", f"{home}/bin:{FULL_PATH}")
        monkeypatch.setenv("FAKE_NPU_SMI", words)
        monkeypatch.setenv("ASCEND_CONSOLE_PYTHON", sys.executable)
        return home

    return made


def checks_of(out: str) -> dict:
    checks = json.loads(out)["checks"]
    found = {check["id"]: check for check in checks}
    assert len(found) == len(checks)
    for check in checks:
        assert {"id", "verdict", "seen", "remedy"} <= set(check)
        assert check["verdict"] in ("PASS", "WARN", "FAIL", "SKIP")
        assert check["seen"]
        if check["verdict"] == "FAIL":
            assert check["remedy"]
    return found


@pytest.mark.skipif(Path("/usr/local/Ascend").exists(), reason="this machine has CANN")
def test_this_machine_is_told_what_works_and_bundled(run, tmp_path):
    """The short answer of a laptop, and the bundle that carries the same answer."""
    bundle = tmp_path / "support.zip"
    code, out, err = run("--format", "json", "--bundle", bundle)
    found = checks_of(out)
    failed = [check["id"] for check in found.values() if check["verdict"] == "FAIL"]
    assert (code, err) == (4 if failed else 0, "")
    assert found["ascend"]["verdict"] == "SKIP"
    assert "--backend onnxruntime works here" in found["ascend"]["seen"]
    assert found["backend.onnxruntime"]["verdict"] == "PASS"
    assert "cpu" in found["backend.onnxruntime"]["seen"]
    assert not any(name.startswith(("tool.", "vendor.", "ascend.")) for name in found)
    assert {f"model.{name}" for name in ("ghostnet", "se_resnet50", "moco_v2", "deepmar")} <= set(
        found
    )
    assert str(bundle) in found["bundle"]["seen"]
    with zipfile.ZipFile(bundle) as archive:
        packed = json.loads(archive.read("doctor.json"))
    assert [check["id"] for check in packed["checks"]] == [
        name for name in found if name != "bundle"
    ]


@pytest.mark.parametrize(
    ("version", "place"),
    [("5.0.4", "ascend-toolkit/latest/atc/bin/atc"), ("8.0.RC1", "ascend-toolkit/latest/bin/atc"),
     ("8.5.0", "cann/bin/atc")],
)  # fmt: skip
def test_each_generation_of_cann_is_found_and_judged(run, server, version, place):
    """Its layout, its set_env.sh, its driver and its packages."""
    home = server(version, "A3wide")
    code, out, _ = run("--json")
    found = checks_of(out)
    assert code == 4
    assert found["ascend.cann"]["seen"].startswith(f"CANN {version} in {home}")
    assert found["ascend.set_env"]["verdict"] == "PASS"
    assert found["ascend.driver"]["seen"] == "driver 24.1.rc1"
    assert found["ascend.match"]["verdict"] == "WARN"
    assert found["ascend.device"]["seen"] == "npu:0 Ascend910 OK, npu:1 Ascend910 OK"
    assert found["ascend.soc"]["seen"] == "Ascend910_9392, from npu-smi"
    assert place in found["tool.atc"]["seen"]
    assert found["tool.npu-smi"]["verdict"] == "PASS"
    assert found["tool.ais_bench"]["verdict"] == "FAIL"
    assert found["vendor.te"]["verdict"] == "FAIL"
    assert "aclruntime" in found["vendor.aclruntime"]["seen"]
    assert f"CANN 5.1.RC1 ({version})" in found["model.ghostnet"]["seen"]


def test_the_worst_is_read_first_in_the_language_of_the_user(run, server):
    """Words of tools stay as they are; nothing that a tool prints moves the cursor."""
    server(words="-8005")
    code, out, _ = run("--lang", "zh")
    lines = out.splitlines()
    verdicts = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert code == 4
    assert verdicts == sorted(verdicts, key=["FAIL", "WARN", "PASS", "SKIP"].index)
    place = next(number for number, line in enumerate(lines) if "ascend.device" in line)
    assert lines[place].startswith("FAIL")
    assert "ret is -8005" in lines[place]
    assert "-> " in lines[place + 1]
    assert "usermod" in out or "/dev/davinciN" in lines[place + 1]
    assert "\x1b" not in out


def test_garbage_of_a_tool_is_shown_as_text(run, server):
    """A terminal that changes its title because npu-smi is broken helps nobody."""
    server(words="garbage")
    code, out, _ = run("--format", "csv")
    rows = {row["check"]: row for row in csv.DictReader(io.StringIO(out))}
    assert code == 4
    assert rows["ascend.device"]["verdict"] == "FAIL"
    assert "\x1b" not in out


def test_a_bundle_never_replaces_a_file_unasked(run, tmp_path):
    """Before anything is checked or written."""
    taken = tmp_path / "support.zip"
    taken.write_text("mine")
    code, out, err = run("--bundle", taken)
    assert (code, out) == (2, "")
    assert "exists already" in err
    assert taken.read_text() == "mine"
    assert "does not end in .zip" in run("--bundle", tmp_path / "support.txt")[2]


def test_ctrl_c_ends_the_checks(tmp_path):
    """A probe of a minute must not hold the terminal."""
    settings = Settings(workspace=tmp_path, environ={"PATH": FULL_PATH})
    env = Env(settings=settings, cancel=threading.Event(), clock=SystemClock())

    def sink(record):
        if type(record.event).__name__ == "RowAdded":
            env.cancel.set()

    assert run_job(ENTRY, DoctorRequest(), env, sink) == 130


# Machines in a folder


@pytest.fixture
def place(tmp_path):
    """A machine whose files lie in a folder; `write` adds one."""

    def made(files=None, **environ):
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        environ = {"PATH": str(tmp_path / "nothing"), "HOME": str(tmp_path / "home"), **environ}
        settings = Settings(workspace=tmp_path / "workspace", environ=environ)
        return Place(settings, NEVER, root)

    return made


def test_device_files_and_the_bus_speak_of_an_npu_without_a_driver(place):
    """The card is in, the driver is not: the usual state of a new server."""
    facts = gather_ascend.gather_ascend(
        place({
            "/dev/davinci10": "", "/dev/davinci2": "", "/dev/davinci_manager": "",
            "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x19e5\n",
            "/sys/bus/pci/devices/0000:01:00.0/class": "0x120000\n",
            "/sys/bus/pci/devices/0000:02:00.0/vendor": "0x19e5\n",
            "/sys/bus/pci/devices/0000:02:00.0/class": "0x020000\n",
        }),
        "aarch64",
    )  # fmt: skip
    assert facts.devices.nodes == ("/dev/davinci2", "/dev/davinci10", "/dev/davinci_manager")
    assert facts.devices.pci == 1
    assert "PCI" in facts.signs
    assert facts.devices.is_expected
    assert facts.devices.trouble.id == "vendor.tool_missing"


def test_driver_and_firmware_are_found_where_the_system_says(place):
    """The driver may be installed anywhere; the system keeps its path."""
    files = {
        "/etc/ascend_install.info": "Driver_Install_Path_Param=/opt/hw\n",
        "/opt/hw/driver/version.info": "Version=24.1.rc3\n",
        "/opt/hw/firmware/version.info": "Version=7.5.0.1.129\n",
        "/usr/local/Ascend/driver/version.info": "Version=1.0\n",
    }
    facts = gather_ascend.gather_ascend(place(files), "x86_64")
    assert facts.driver.version == "24.1.rc3"
    assert facts.firmware.version == "7.5.0.1.129"
    assert not facts.in_container
    assert not any(facts.devices.mounts[path] for path in facts.devices.mounts if "dev" in path)


def test_a_machine_without_any_sign_is_asked_nothing_more(place):
    """Sourcing, probing and waiting would cost a laptop seconds."""
    assert gather_ascend.gather_ascend(place(), "x86_64").tools == ()
    broken = gather_ascend.gather_ascend(place(ASCEND_CONSOLE_NPU_SMI='"'), "x86_64")
    assert broken.tool("npu-smi").trouble.id == "vendor.command"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, False),
        ({"/.dockerenv": ""}, True),
        ({"/run/.containerenv": ""}, True),
        ({"/proc/1/cgroup": "0::/kubepods/besteffort/pod1\n"}, True),
        ({"/proc/1/cgroup": "0::/init.scope\n"}, False),
    ],
)
def test_a_container_is_known_by_its_marks(place, files, wanted):
    """What it needs of the driver is asked of containers only."""
    assert gather_ascend.is_in_container(place(files)) is wanted


SYSTEMD = {"/run/systemd/system/x": ""}
KILLS = {"/etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=no\nKillUserProcesses=yes\n"}


@pytest.mark.parametrize(
    ("files", "user", "wanted"),
    [
        ({}, "liu", None),
        (SYSTEMD, "liu", False),
        ({**SYSTEMD, **KILLS}, "liu", True),
        ({**SYSTEMD, **KILLS}, "root", False),
        ({**SYSTEMD, **KILLS, "/var/lib/systemd/linger/liu": ""}, "liu", False),
        ({**SYSTEMD, **KILLS, "/etc/systemd/logind.conf.d/9.conf": "KillUserProcesses=no"}, "liu",
         False),
        ({**SYSTEMD, "/usr/lib/systemd/logind.conf.d/1.conf": "KillUserProcesses=1"}, "liu", True),
    ],
)  # fmt: skip
def test_what_happens_at_logout_is_read_as_the_login_manager_reads_it(place, files, user, wanted):
    """A later file wins, and lingering wins over all."""
    assert gather_host.gather_host(place(files, USER=user)).kills_at_logout is wanted


def test_the_memory_of_a_container_is_its_limit(place):
    """The host has 512 GB; the kernel kills at 4."""
    limited = place({
        "/sys/fs/cgroup/memory.max": f"{GB}\n", "/sys/fs/cgroup/memory.current": f"{GB // 4}\n",
    })  # fmt: skip
    facts = gather_host.gather_host(limited)
    assert facts.memory_total == GB
    assert facts.memory_available <= 3 * GB // 4
    unlimited = place({"/sys/fs/cgroup/memory.max": "max\n"})
    assert gather_host.gather_host(unlimited).memory_total > GB


def test_the_cache_is_measured_and_the_workspace_need_not_exist(place):
    """The first start has neither."""
    made = place()
    first = gather_host.gather_host(made)
    assert (first.cache_bytes, first.is_writable) == (0, True)
    cache = Path(first.cache_folder)
    cache.mkdir(parents=True)
    (cache / "a.onnx").write_bytes(b"x" * 1000)
    assert gather_host.gather_host(made).cache_bytes == 1000


def test_an_interpreter_that_does_not_work_is_a_fact(place):
    """A broken Python must not end the checks that would name it."""
    made = place()
    environ = {"PATH": FULL_PATH}
    assert "was not found" in interpreter("no-such-python", ["json"], made, environ).error
    assert interpreter(shutil.which("false"), ["json"], made, environ).error == "exit code 1"
    assert interpreter(shutil.which("echo"), ["json"], made, environ).error
    seen = interpreter(sys.executable, ["json", "no_such_module"], made, environ)
    assert seen.version == sys.version_info[:3]
    assert seen.module("json").is_there
    assert "no_such_module" in seen.module("no_such_module").error
    assert not seen.module("never_asked").is_there
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Interrupted):
        interpreter(sys.executable, ["json"], Place(made.settings, stopped), environ)


def test_a_module_that_ends_the_interpreter_is_a_fact(place, tmp_path):
    """Some vendor packages call exit() when they are imported without a device."""
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    (tmp_path / "crashes.py").write_text("import os; os.abort()")
    environ = {"PATH": FULL_PATH, "PYTHONPATH": str(tmp_path)}
    assert interpreter(sys.executable, ["leaves"], place(), environ).module("leaves").error == "3"
    assert interpreter(sys.executable, ["crashes"], place(), environ).error == "exit code 134"


def test_the_terminal_is_that_of_the_start(place):
    """Inside tmux its version decides about the clipboard."""
    seen = interpreter(sys.executable, [], place(), {"PATH": FULL_PATH})
    facts = gather_host.gather_terminal(
        place(TMUX="/tmp/tmux", TERM="screen", LC_ALL="C.UTF-8", LANG="zh_CN.GBK"), seen
    )
    assert (facts.in_tmux, facts.tmux, facts.locale) == (True, None, "C.UTF-8")
