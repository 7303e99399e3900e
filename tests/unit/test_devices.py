"""Probes: what npu-smi, the NVIDIA driver and the system tell, and why they tell nothing."""

from __future__ import annotations

import os
import sys
import threading
import types
from dataclasses import replace
from importlib.machinery import ModuleSpec

import pytest

from ascend_console.core import devices as core
from ascend_console.core import discovery
from ascend_console.core.errors import BackendUnavailable, Interrupted, ToolFailed, UserError
from ascend_console.core.settings import Settings
from ascend_console.devices import _process_owners, gpu, host, npu
from tests.data.device_probes import NEVER, PATIENCE_S, settings_told
from tests.fakes.npu_servers import SERVERS, server_named


@pytest.fixture
def told(tmp_path):
    return lambda words="", **environ: settings_told(tmp_path, words, **environ)


# Probes


def test_every_probe_has_the_name_of_its_file():
    """The poller takes what lies in the folder; a new family is a new file."""
    for name in discovery.names("devices"):
        assert discovery.load("devices", name).name == name
    assert [probe.source for probe in discovery.load_all("devices")] == [
        "npu-smi",
        "nvml",
        "psutil",
    ]


@pytest.mark.parametrize("server", SERVERS)
def test_each_layout_gives_chips_with_the_number_that_tools_take(told, server):
    """The number for --device must not depend on how a driver draws its table."""
    reading = npu.NpuSampler(told(server))(NEVER)
    assert [chip.device for chip in reading.chips] == list(range(len(reading.chips)))
    assert reading.version == server_named(server).version
    assert all(chip.memory_mb[1] for chip in reading.chips)


@pytest.mark.parametrize("words", ["T3,gaps", "T4,gaps", "A3wide,gaps"])
def test_npu_ids_with_gaps_are_no_device_numbers(told, words):
    """NPU 2144 is no device that ais_bench knows; its logic id is."""
    chips = npu.NpuSampler(told(words))(NEVER).chips
    assert [chip.npu for chip in chips] != [chip.device for chip in chips]
    assert [chip.device for chip in chips] == list(range(len(chips)))


def test_a_number_that_a_table_has_twice_is_no_device_number():
    """Both dies of a shared 910_93 showed Phy-ID 0: two rows for one device would be a lie."""
    chips = [replace(chip, device=0) for chip in server_named("T4b").chips]
    assert [chip.device for chip in npu.with_devices(chips, {})] == [0, 1]
    assert [chip.device for chip in npu.with_devices(chips, {(0, 1): 5})] == [0, 5]


@pytest.mark.parametrize(
    ("words", "error", "wanted"),
    [
        ("-8005", UserError, "-8005"),
        ("-8020", UserError, "in use by another container"),
        ("nocard", UserError, "no NPU"),
        ("garbage", UserError, "no table"),
        ("cut", UserError, "second row"),
        ("segv", ToolFailed, "crashed"),
        ("hang", ToolFailed, "did not answer within 1 s"),
    ],
)
def test_why_npu_smi_tells_nothing_is_explained(told, words, error, wanted):
    """A code alone sends people searching."""
    with pytest.raises(error) as caught:
        npu.NpuSampler(told(words), time_limit_s=1.0 if words == "hang" else PATIENCE_S)(NEVER)
    assert wanted in caught.value.message
    assert caught.value.hint


def test_lines_of_the_driver_before_a_table_do_no_harm(told):
    """In containers the driver complains above a good table."""
    assert npu.NpuSampler(told("noise"))(NEVER).chips


def test_without_npu_smi_the_probe_says_where_it_was_looked_for(tmp_path):
    """That is an answer, not a crash: most machines have none."""
    with pytest.raises(BackendUnavailable, match="npu-smi"):
        npu.NpuSampler(Settings(workspace=tmp_path, environ={"PATH": str(tmp_path)}))


TOOL = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
with open(folder / "asked", "a") as asked:
    asked.write(" ".join(sys.argv[2:]) + "\\n")
name = "-".join(sys.argv[2:])
path = folder / name
print(path.read_text() if path.exists() else "This device does not support querying it.")
"""


@pytest.fixture
def scripted(tmp_path):
    """A npu-smi that answers from files named after its words, and keeps what it was asked."""
    (tmp_path / "tool.py").write_text(TOOL)
    command = f"{sys.executable} -S {tmp_path / 'tool.py'} {tmp_path}"
    environ = {"ASCEND_CONSOLE_NPU_SMI": command, "PATH": os.environ["PATH"]}
    return Settings(workspace=tmp_path, environ=environ), tmp_path


def table_of(words: str) -> str:
    from tests.fakes import npu_answers

    return "\n".join(npu_answers.table(server_named(words)))


def common(npu_id: int, *powers: str) -> str:
    lines = [("NPU ID", npu_id), ("Chip Count", len(powers))]
    for chip, power in enumerate(powers):
        lines += [("Chip ID", chip), ("NPU Real-time Power(W)", power)]
    return "".join(f"\t{key:<30} : {value}\n" for key, value in lines)


def test_power_that_the_table_lacks_is_asked_for_slowly(scripted):
    """A 310P shows NA in the table; one question at each look would double the cost."""
    settings, folder = scripted
    (folder / "info").write_text(table_of("T2duo"))
    (folder / "info--t-common--i-2").write_text(common(2, "16.5", "17.1"))
    sampler = npu.NpuSampler(settings)
    for _ in range(5):
        assert [chip.power_w for chip in sampler(NEVER).chips] == [16.5, 17.1]
    asked = (folder / "asked").read_text().splitlines()
    assert asked.count("info") == 5
    assert asked.count("info -t common -i 2") == 2


def test_a_card_that_never_tells_its_power_is_left_alone(scripted):
    """The question costs a process each time; `not supported` does not become supported."""
    settings, folder = scripted
    (folder / "info").write_text(table_of("T2"))
    sampler = npu.NpuSampler(settings)
    for _ in range(9):
        assert [chip.power_w for chip in sampler(NEVER).chips] == [None]
    asked = (folder / "asked").read_text().splitlines()
    assert asked.count("info -t common -i 0") == 1
    assert asked.count("info -m") == 3


def test_the_machine_tells_its_load():
    """The processor share needs two looks, and the first one is no 0."""
    sampler = host.HostSampler()
    seen = sampler(NEVER).host
    assert 0 <= seen.cpu_pct <= 100
    assert 0 < seen.memory_used_mb < seen.memory_total_mb
    assert seen.cores >= 1
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Interrupted):
        host.HostSampler()(stopped)


class NvmlError(Exception):
    """What the library raises."""


def nvml(**given):
    """A library with one GPU; `given` replaces its functions."""

    def refuse(*_):
        raise NvmlError("Not Supported")

    module = types.ModuleType("pynvml")
    module.__spec__ = ModuleSpec("pynvml", None)
    functions = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: b"560.35.03",
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: "Tesla T4",
        "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(
            used=3 << 30, total=15 << 30
        ),
        "nvmlDeviceGetUtilizationRates": lambda handle: types.SimpleNamespace(gpu=63),
        "nvmlDeviceGetPowerUsage": lambda handle: 70123,
        "nvmlDeviceGetTemperature": lambda handle, kind: 41,
    }
    for name, function in {**functions, **given}.items():
        setattr(module, name, refuse if function is None else function)
    module.NVMLError, module.NVML_TEMPERATURE_GPU = NvmlError, 0
    return module


def test_a_gpu_is_read_in_the_units_of_the_table(monkeypatch, tmp_path):
    """NVML tells bytes and milliwatts."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    sampler = gpu.ENTRY.open(Settings(workspace=tmp_path))
    reading = sampler(NEVER)
    assert reading.driver_version == "560.35.03"
    assert reading.gpus == (
        core.Gpu(index=0, name="Tesla T4", util_pct=63, memory_used_mb=3072, memory_total_mb=15360,
                 power_w=70.1, temp_c=41),
    )  # fmt: skip
    sampler.close()


def test_what_a_gpu_does_not_tell_is_unknown(monkeypatch, tmp_path):
    """A small GPU has no power sensor; 0 W would be a wrong figure."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetPowerUsage=None,
                                                    nvmlShutdown=None))  # fmt: skip
    sampler = gpu.ENTRY.open(Settings(workspace=tmp_path))
    assert sampler(NEVER).gpus[0].power_w is None
    sampler.close()


def test_without_an_nvidia_driver_there_is_nothing_to_tell(monkeypatch, tmp_path):
    """The extra is installed on laptops, too; that is no fault to name."""
    monkeypatch.setattr(gpu, "_DRIVER_SIGNS", (str(tmp_path / "nvidiactl"),))
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlInit=None))
    assert gpu.ENTRY.open(Settings(workspace=tmp_path)) is None
    (tmp_path / "nvidiactl").touch()
    with pytest.raises(BackendUnavailable, match="library cannot be used"):
        gpu.ENTRY.open(Settings(workspace=tmp_path))


def test_without_the_extra_there_is_no_gpu_section(monkeypatch, tmp_path):
    """What is not installed is not looked for."""
    monkeypatch.setattr(gpu, "find_spec", lambda name: None)
    assert gpu.ENTRY.open(Settings(workspace=tmp_path)) is None


def test_a_gpu_driver_that_fails_later_is_explained(monkeypatch, tmp_path):
    """A driver update under a running monitor."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetCount=None))
    with pytest.raises(ToolFailed, match="does not answer"):
        gpu.ENTRY.open(Settings(workspace=tmp_path))(NEVER)


def test_a_process_is_whose_it_is_only_if_its_name_agrees():
    """In a container the same number may be another process."""
    import psutil

    own = psutil.Process()
    seen = core.ChipProcess(npu=0, chip=0, pid=own.pid, name=own.name(), memory_mb=17)
    owners = _process_owners.ProcessOwners()
    (first,) = owners.told([seen])
    assert (first.user, first.cpu_pct) == (own.username(), None)
    assert "python" in first.command
    assert owners.told([seen])[0].cpu_pct is not None
    stranger = replace(seen, name="somebody-else")
    nobody = replace(seen, pid=None)
    gone = replace(seen, pid=2**22 + 1)
    assert owners.told([stranger, nobody, gone]) == (stranger, nobody, gone)


def test_names_that_npu_smi_cuts_still_agree():
    """`VLLMEngineCor` is VLLMEngineCore."""
    assert _process_owners.is_same_name("VLLMEngineCor", "VLLMEngineCore")
    assert not _process_owners.is_same_name("python", "python3.9")
    assert not _process_owners.is_same_name(None, "python")
