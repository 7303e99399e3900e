"""Figures for Prometheus: names, labels and values as a scrape over loopback gets them."""

from __future__ import annotations

import http.client
import socket
import threading
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ascend_console.core import devices as core
from ascend_console.core.errors import BackendUnavailable, ToolFailed, UserError
from ascend_console.tools import metrics_server
from tests.data.device_probes import chip_of, host_reading, probe_of


def scrape(url: str, path: str | None = None, **headers: str) -> tuple[int, str, str]:
    """Status, content type and text of one GET."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    connection.request("GET", path or parts.path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def figures(text: str) -> dict:
    """Values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def snapshot(reading: core.ProbeReading, **given) -> core.DeviceSnapshot:
    state = core.ProbeState(probe=probe_of(None), interval_s=2.0, reading=reading, read_at_s=10.0)
    cost = core.PollingCost(cpu_s=0.5, wall_s=10)
    return core.snapshot_of(
        [replace(state, **given)], now_s=11.5, taken_at="", polling=cost, max_age_s=15
    )


CHIP = chip_of(health="Warning", aicore_pct=63, power_w=16.5)
LABELS = (("id", "0"), ("model_name", "310P3"), ("pcie_bus_info", "0000:01:00.0"))


def test_names_and_labels_are_those_of_npu_exporter():
    """Its dashboards and alarms work without a change."""
    process = core.ChipProcess(npu=0, chip=0, pid=4711, name="python3", memory_mb=1204)
    nobody = replace(process, pid=None)
    stray = replace(process, npu=7)
    reading = core.ProbeReading(chips=(CHIP,), processes=(process, nobody, stray))
    with metrics_server.serving("127.0.0.1", 0, lambda: snapshot(reading)) as url:
        status, kind, text = scrape(url)
    found = figures(text)
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert found["machine_npu_nums", ()] == 1
    assert found["npu_chip_info_utilization", LABELS] == 63
    assert found["npu_chip_info_power", LABELS] == 16.5
    assert found["npu_chip_info_health_status", LABELS] == 0
    assert found["npu_chip_info_used_memory", LABELS] == 1529
    assert found["npu_chip_info_total_memory", LABELS] == 21527
    assert found["npu_chip_info_process_info", (*LABELS, ("process_id", "4711"))] == 1204
    assert found["ascend_console_source_up", (("source", "npu-smi"),)] == 1
    assert found["ascend_console_source_age_seconds", (("source", "npu-smi"),)] == 1.5
    assert found["ascend_console_polling_cpu_seconds", ()] == 0.5
    assert "hbm" not in text
    assert text.count("npu_chip_info_process_info{") == 1


@pytest.mark.parametrize(("health", "value"), [("OK", 1), ("Alarm", 0), ("UNKNOWN", None)])
def test_unknown_is_left_out_and_never_0(health, value):
    """A dashboard would show an idle, cold, healthy chip."""
    reading = core.ProbeReading(chips=(chip_of(health=health, temp_c=None, aicore_pct=None),))
    with metrics_server.serving("127.0.0.1", 0, lambda: snapshot(reading)) as url:
        found = figures(scrape(url)[2])
    assert found.get(("npu_chip_info_health_status", LABELS)) == value
    assert ("npu_chip_info_temperature", LABELS) not in found
    assert ("npu_chip_info_utilization", LABELS) not in found


def test_what_is_too_old_is_left_out_with_its_source_down():
    """Prometheus then knows that there is no figure, in place of one that never changes."""
    reading = core.ProbeReading(chips=(CHIP,))
    trouble = core.Trouble(id="x", message="silent", hint="")
    old = snapshot(reading, read_at_s=-10.0, trouble=trouble)
    with metrics_server.serving("127.0.0.1", 0, lambda: old) as url:
        found = figures(scrape(url)[2])
    assert not any(name.startswith("npu_") for name, _ in found)
    assert found["ascend_console_source_up", (("source", "npu-smi"),)] == 0
    assert found["ascend_console_source_age_seconds", (("source", "npu-smi"),)] == 21.5


def test_gpus_and_the_machine_have_names_of_their_own():
    """npu-exporter has none for them."""
    card = core.Gpu(index=1, name="Tesla T4", util_pct=63, memory_used_mb=3, memory_total_mb=15,
                    power_w=70.1, temp_c=None)  # fmt: skip
    reading = replace(host_reading(), gpus=(card, replace(card, index=1, util_pct=64)))
    with metrics_server.serving("127.0.0.1", 0, lambda: snapshot(reading)) as url:
        found = figures(scrape(url)[2])
    labels = (("id", "1"), ("model_name", "Tesla T4"))
    assert found["ascend_console_gpu_utilization_percent", labels] == 64
    assert found["ascend_console_host_cpu_percent", ()] == 12.5
    assert found["ascend_console_host_used_memory_mb", ()] == 5204


def test_only_the_figures_are_served():
    """There is nothing else to see."""
    with metrics_server.serving("127.0.0.1", 0, lambda: snapshot(host_reading())) as url:
        status, _, text = scrape(url, "/")
        assert (status, text) == (404, "the figures are at /metrics\n")
        assert scrape(url, "/metrics?name=x")[0] == 200
        kind = scrape(url, Accept="application/openmetrics-text; version=1.0.0")[1]
    assert kind.startswith("application/openmetrics-text")
    assert not any(thread.name == "metrics" for thread in threading.enumerate())


def test_a_port_in_use_is_named():
    """Another exporter on the same port is the usual reason."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(ToolFailed, match=f"port {port} of 127.0.0.1 is in use") as caught,
            metrics_server.serving("127.0.0.1", port, lambda: snapshot(host_reading())),
        ):
            pass
    assert "another port" in caught.value.hint


def test_an_address_that_is_not_ours_is_named():
    """192.0.2.1 is nobody's."""
    with (
        pytest.raises(ToolFailed, match=r"cannot serve at 192\.0\.2\.1:0"),
        metrics_server.serving("192.0.2.1", 0, lambda: snapshot(host_reading())),
    ):
        pass


def test_without_the_extra_it_says_what_to_type(monkeypatch):
    """The line to type, in place of a traceback."""
    monkeypatch.setattr(metrics_server, "find_spec", lambda name: None)
    with (
        pytest.raises(BackendUnavailable) as caught,
        metrics_server.serving("127.0.0.1", 0, lambda: snapshot(host_reading())),
    ):
        pass
    assert "ascend-console[metrics]" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("9100", ("127.0.0.1", 9100)),
        (":9100", ("127.0.0.1", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_a_host_and_a_port(text, wanted):
    """A port alone is never open to others."""
    assert metrics_server.parse_address(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:x", "::1:9100", "h:65536", "h:٣", "h:-1"]
)
def test_what_is_no_address_is_refused(text):
    """Before anything listens."""
    with pytest.raises(UserError, match="no HOST:PORT"):
        metrics_server.parse_address(text)


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host, wanted):
    """Everything else warns."""
    assert metrics_server.is_loopback(host) is wanted
