"""What the fake npu-smi prints is what the console reads of the real one, on every server."""

from __future__ import annotations

import functools
import json
import os
import signal

import pytest

from ascend_console.ascend.explain import explain
from ascend_console.ascend.npu_smi import parse_npu_smi
from ascend_console.ascend.npu_smi_errors import find_npu_smi_failure
from ascend_console.ascend.npu_smi_keys import (
    parse_npu_smi_list,
    parse_npu_smi_mapping,
    parse_npu_smi_sections,
    parse_npu_smi_usages,
    parse_npu_smi_version,
    parse_npu_smi_watch,
)
from ascend_console.ascend.soc import soc_version_of_board, soc_version_of_chip
from tests.fakes import npu_answers, npu_servers, starting


@pytest.fixture
def play(tmp_path):
    """Run a fake in the test's folder; its output, errors among it."""
    return functools.partial(starting.play, cwd=tmp_path)


@pytest.mark.parametrize("name", npu_servers.SERVERS)
def test_every_server_is_read_as_it_is(name):
    """All layouts of the table and all answers beside it say the same of each chip."""
    plain = npu_servers.server_named(name)
    for server in (plain, npu_servers.with_gaps(npu_servers.with_foreign(plain, 77))):
        report = parse_npu_smi("\n".join(npu_answers.table(server)))
        assert (report.version, report.driver_version) == (server.version, server.driver)
        assert report.chips == server.chips
        if server.process_npus:
            assert (report.processes, report.process_npus) == (
                server.processes, server.process_npus)  # fmt: skip
        cards = parse_npu_smi_list("\n".join(npu_answers.cards(server)))
        assert [card.npu for card in cards] == list(server.npus)
        mapped = [row for row in parse_npu_smi_mapping("\n".join(npu_answers.mapping(server)))
                  if not row.mcu]  # fmt: skip
        assert [row.npu for row in mapped] == [chip.npu for chip in server.chips]
        _check_types(server)
        rows = parse_npu_smi_watch(
            "\n".join(npu_answers.watch(server, list(server.chips), "ptam") * 2)
        )
        assert [row.npu for row in rows] == [chip.npu for chip in server.chips] * 2
        assert dict(rows[0].values)["Temp(C)"] == server.chips[0].temp_c


def _check_types(server):
    """Each type of one NPU: as many sections as chips, and the figures of the table."""
    npu = server.npus[0]
    for kind in npu_answers.TYPES:
        text = "\n".join(npu_answers.of_type(server, kind, npu, None))
        sections = [found for found in parse_npu_smi_sections(text) if not found.mcu]
        assert {found.npu for found in sections} == {npu}
        if kind != "board" and server.family.chip_ids:
            assert [found.chip for found in sections] == [chip.chip for chip in server.of(npu)]
        if kind in ("common", "usages"):
            use = parse_npu_smi_usages(text)[0]
            assert use.aicore_pct == server.chips[0].aicore_pct
        if kind == "common":
            assert (use.temp_c, use.power_w) == (server.chips[0].temp_c, server.chips[0].power_w)
    chip = server.chips[0]
    (board,) = parse_npu_smi_sections(
        "\n".join(npu_answers.of_type(server, "board", npu, 0 if server.family.chip_ids else None))
    )
    soc = soc_version_of_board(board.text("Chip Name"), board.text("NPU Name"))
    assert soc == (soc_version_of_chip(chip.name) or f"{chip.name}_{server.family.npu_name}")


def test_the_program_answers_as_its_parts_do(play):
    """One start of each kind of call; what a product does not know it says."""
    assert parse_npu_smi_version(play("npu_smi", "-v").stdout) == "24.1.rc1"
    assert "test double" in play("npu_smi", "-v").stdout
    report = parse_npu_smi(play("npu_smi", "info", FAKE_NPU_SMI="T4,na,noise,foreign=9").stdout)
    assert (report.chips[0].power_w, report.chips[1].aicore_pct) == (None, None)
    assert [process.pid for process in report.processes] == [9]
    for query in ("-l", "-m", "-t common -i 0", "watch"):
        found = play("npu_smi", "info", *query.split(), FAKE_NPU_SMI="ends")
        assert found.returncode == 0
        assert explain(found.stdout, tool="npu-smi").outcome == "success"
    for query in ("info -t board -i 9", "info -t topo -i 0", "info -t nothing -i 0", "zap"):
        refused = play("npu_smi", *query.split())
        assert refused.returncode != 0
        assert find_npu_smi_failure(refused.stdout) or "-t" in refused.stdout


@pytest.mark.parametrize(
    ("word", "cause"),
    [("-8005", "npu_smi.dcmi_inner"), ("-8020", "npu_smi.dcmi_occupied"),
     ("nocard", "npu_smi.no_card"), ("nodriver", "npu_smi.dcmi_no_device")],
)  # fmt: skip
def test_a_server_that_cannot_answer_says_why(play, word, cause):
    """The line of the driver before it is noise."""
    done = play("npu_smi", "info", FAKE_NPU_SMI=f"noise,{word}")
    assert done.returncode != 0
    found = explain(done.stdout, exit_code=done.returncode)
    assert (found.tool, found.outcome, found.cause_id) == ("npu-smi", "failure", cause)


def test_a_server_changes_between_polls(play, tmp_path):
    """A chip falls off, a driver is updated under a run, a state comes from a file."""
    polls = {"FAKE_POLLS": str(tmp_path / "polls")}

    def chips(words, **told):
        return parse_npu_smi(play("npu_smi", "info", FAKE_NPU_SMI=words, **told).stdout)

    assert [len(chips("T1,lost=2", **polls).chips) for _ in range(3)] == [4, 3, 3]
    (tmp_path / "polls").unlink()
    assert [chips("changes", **polls).version for _ in range(2)] == ["24.1.rc1", "22.0.0"]
    state = {
        "server": "T4",
        "chips": [{"npu": 7, "aicore_pct": 3}],
        "polls": [{}, {"processes": [{"npu": 7, "pid": 5}]}],
    }
    (tmp_path / "state.json").write_text(json.dumps({"npu-smi": state}))
    (tmp_path / "polls").unlink()
    told = {**polls, "FAKE_STATE": str(tmp_path / "state.json")}
    first, second = chips("", **told), chips("", **told)
    assert [(chip.npu, chip.name, chip.aicore_pct) for chip in first.chips] == [(7, "910B3", 3)]
    assert [len(report.processes) for report in (first, second)] == [0, 1]
    failed = play("npu_smi", "info", FAKE_NPU_SMI="-8005=3", **told)
    assert play("npu_smi", "info", FAKE_NPU_SMI="lost").returncode == 99
    assert explain(failed.stdout).code == "-8005"


def test_a_poll_that_hangs_ends_by_a_signal(tmp_path):
    """A sick driver lets npu-smi hang; nothing is printed."""
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    told = {"FAKE_NPU_SMI": "hang", "FAKE_READY": str(ready)}
    with starting.started("npu_smi", "info", cwd=tmp_path, **told) as smi:
        assert starting.told_ready(ready) == {"ready": smi.pid}
        smi.terminate()
        assert smi.communicate(timeout=starting.PATIENCE_S)[0] == ""
    assert smi.returncode == -signal.SIGTERM
