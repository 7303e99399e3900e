"""`devices` without a file: once, as a stream, and for Prometheus, over a fake npu-smi."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import threading

import pytest

from ascend_console.cli import main
from ascend_console.core.events import Answered, DevicesSampled, Warned
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Env
from ascend_console.headless.device_stream import DeviceStream
from ascend_console.jobs._loop import run_job
from ascend_console.jobs.devices import ENTRY, DevicesRequest, devices
from ascend_console.tools.clock import SystemClock
from tests.data.device_probes import settings_told
from tests.unit.test_metrics_server import figures, scrape


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run the program in this process with a fake npu-smi: (exit code, stdout, stderr)."""

    def call(words, *argv):
        for name, value in settings_told(tmp_path, words).environ.items():
            monkeypatch.setenv(name, value)
        code = main(["--workspace", str(tmp_path / "workspace"), "devices", *map(str, argv)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


@pytest.fixture
def env(tmp_path):
    """An environment of a job, with a fake npu-smi and the machine's own clock."""

    def made(words=""):
        settings = settings_told(tmp_path, words)
        return Env(settings=settings, cancel=threading.Event(), clock=SystemClock())

    return made


# Once


def test_one_look_as_json_has_the_shape_that_scripts_rely_on(run):
    """Chips, processes, the machine and where each figure comes from, in one object."""
    code, out, err = run("T2duo,foreign=4711", "--format", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert [chip["device"] for chip in document["chips"]] == [0, 1]
    assert document["processes"][0]["pid"] == 4711
    assert document["host"]["memory_total_mb"] > 0
    source = document["sources"][0]
    assert (source["source"], source["version"], source["error"]) == ("npu-smi", "25.2.0", None)
    assert source["age_s"] >= 0
    assert run("T2duo,foreign=4711", "--json")[0] == 0


def test_one_look_as_a_table_has_a_row_a_device(run):
    """What --device takes stands in front, what npu-smi prints as card and chip behind."""
    code, out, _ = run("T4,gaps,foreign=4711", "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["device"], row["card_chip"], row["state"]) for row in rows[:2]] == [
        ("npu:0", "2.0", "OK"),
        ("npu:1", "96.0", "OK"),
    ]
    assert rows[0]["note"] == "4711 python 1024 MB"
    assert rows[0]["memory_total_mb"] == "65536"
    assert rows[2]["device"] == "cpu"
    assert "npu:0" in run("T4", "--format", "table")[1]


def test_a_machine_without_an_npu_shows_itself(tmp_path, capsys, monkeypatch):
    """A laptop is no error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    code = main(["devices", "--format", "csv"])
    rows = {row["device"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert code == 0
    assert rows["cpu"]["state"] == "OK"
    assert rows["npu-smi"]["state"] == "not read"
    assert "not found" in rows["npu-smi"]["note"]


def test_why_npu_smi_tells_nothing_stands_in_the_table(run):
    """The look itself went well, so the exit code is 0."""
    code, out, _ = run("-8005", "--format", "json")
    document = json.loads(out)
    source = document["sources"][0]
    assert code == 0
    assert document["chips"] == []
    assert "-8005" in source["error"]
    assert source["error_id"] == "npu_smi.failed"
    assert "container" in source["hint"]


def test_nothing_at_all_to_read_is_an_error(run, monkeypatch):
    """Without a process file system there is nothing left to show."""
    import psutil

    def refuse():
        raise OSError("no /proc")

    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    code, out, err = run("nocard")
    assert (code, out) == (4, "")
    assert "no device can be read here" in err
    assert "doctor" in err


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (["--watch", "--input", "x"], "--watch and --input"),
        (["--input", "x", "--serve", "9100"], "--input and --serve"),
        (["--count", "3"], "--count does nothing without --watch"),
        (["--interval", "3"], "--interval does nothing without"),
        (["--serve", "9100", "--count", "3"], "--count does nothing"),
        (["--watch", "--interval", "0"], "--interval takes"),
        (["--watch", "--count", "0"], "--count takes"),
        (["--serve", "nowhere"], "no HOST:PORT"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, argv, wanted):
    """An option that does nothing is a mistake, not a wish."""
    code, out, err = run("", *argv)
    assert (code, out) == (2, "")
    assert wanted in err
    assert "hint:" in err


# As a stream


def streamed(env, form="json", **options):
    """A stream through its own sink: (exit code, the samples)."""
    stream, samples = DeviceStream(form, env.settings), []

    def sink(record):
        if isinstance(record.event, DevicesSampled):
            samples.append(record.event.document)
            stream.show(record.event.document)

    request = DevicesRequest(watch=True, interval=0.1, **options)
    return run_job(ENTRY, request, env, sink), samples


def test_a_stream_of_json_is_one_object_a_line(env, capsys):
    """JSON Lines go into jq, a file, another program."""
    code, samples = streamed(env("T4"), count=3)
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert [json.loads(line) for line in lines] == samples
    assert len(lines) == 3
    assert len(samples[-1]["chips"]) == 2
    assert samples[-1]["polling"]["wall_s"] > samples[0]["polling"]["wall_s"]


def test_a_stream_of_csv_has_one_header(env, capsys):
    """A spreadsheet wants a table, not three."""
    streamed(env(), form="csv", count=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("taken_at,device,state")
    assert sum(line.startswith("taken_at") for line in lines) == 1
    assert sum(",cpu," in line for line in lines) == 3


def test_tables_follow_one_another_where_nothing_can_be_redrawn(env, capsys):
    """In a file or a dumb terminal; each says when, from what, and at which cost."""
    streamed(env(), form="table", count=2)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.count("npu-smi 24.1.rc1 every 0.1 s, took") == 2
    assert "of a core" in out
    streamed(env(), form="md", count=1)
    assert "| npu:0 | OK |" in capsys.readouterr().out


class Terminal(io.StringIO):
    """A stdout that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_the_table_redrawn_in_its_place(env, monkeypatch):
    """And no line longer than the terminal, which would break and shift everything below."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    streamed(env(), form="table", count=2)
    out = terminal.getvalue()
    assert out.count("\x1b[2J\x1b[H") == 1
    assert out.count("\x1b[H") == 2
    lines = out.replace("\x1b[2J", "").replace("\x1b[H", "").replace("\x1b[J", "").split("\n")
    assert max(len(line.removesuffix("\x1b[K")) for line in lines) <= 60


def test_a_dumb_terminal_gets_no_codes(tmp_path, monkeypatch):
    """TERM=dumb is what editors and continuous integration have."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    stream = DeviceStream("table", Settings(workspace=tmp_path, environ={"TERM": "dumb"}))
    stream.show({"taken_at": "t", "chips": [], "processes": [], "gpus": [], "host": None,
                 "sources": [], "lost": [], "polling": {"core_pct": None}})  # fmt: skip
    assert "\x1b" not in terminal.getvalue()


def test_ctrl_c_ends_a_stream_with_130(env):
    """A stream that was interrupted did not come to its end."""
    made = env()
    samples = []

    def sink(record):
        if isinstance(record.event, DevicesSampled):
            samples.append(record.event)
            made.cancel.set()

    assert run_job(ENTRY, DevicesRequest(watch=True), made, sink) == 130
    assert len(samples) == 1
    assert not any(thread.name.startswith("probe-") for thread in threading.enumerate())


def test_a_reader_that_has_gone_ends_the_stream(env, monkeypatch):
    """`devices --watch | head` must not poll for ever."""
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert streamed(env(), count=None)[0] == 130


# For Prometheus


def test_a_scrape_over_loopback_gets_the_figures_of_the_chips(env):
    """The whole way from npu-smi to Prometheus."""
    made = env("T4")
    events = devices(DevicesRequest(serve="127.0.0.1:0", interval=0.1), made)
    answer = next(events)
    assert isinstance(answer, Answered)
    found = {}
    for _ in range(1000):
        found = figures(scrape(answer.document["url"])[2])
        if ("machine_npu_nums", ()) in found:
            break
    assert found["machine_npu_nums", ()] == 2
    labels = (("id", "1"), ("model_name", "910B3"), ("pcie_bus_info", "0000:02:00.0"))
    assert found["npu_chip_info_hbm_used_memory", labels] == 3161
    assert found["ascend_console_source_up", (("source", "npu-smi"),)] == 1
    made.cancel.set()
    assert list(events) == []
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name == "metrics" or name.startswith("probe-") for name in names)


def test_an_address_that_others_reach_is_warned_about(env):
    """Loopback is the rule; anything else is a decision."""
    made = env()
    events = devices(DevicesRequest(serve="0.0.0.0:0"), made)
    warning = next(events)
    assert isinstance(warning, Warned)
    assert warning.id == "devices.serve_open"
    events.close()


def test_a_port_in_use_ends_with_a_clear_error(run):
    """Exit code 3: the system said no."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = run("", "--serve", f"127.0.0.1:{port}")
    assert (code, out) == (3, "")
    assert f"port {port} of 127.0.0.1 is in use" in err


# Through the whole program


def test_a_stream_is_json_lines_and_its_count_ends_it_well(run):
    """`--count` reached is the end that was asked for: exit code 0."""
    code, out, err = run("T4", "--watch", "--interval", "0.1", "--count", "2", "--json")
    assert (code, err) == (0, "")
    assert [len(json.loads(line)["chips"]) for line in out.splitlines()] == [2, 2]


def test_a_stream_of_tables_goes_to_stdout(run):
    """Data goes to stdout in every form."""
    code, out, err = run("", "--watch", "--interval", "0.1", "--count", "2")
    assert (code, err) == (0, "")
    assert out.count("npu:0") == 2
