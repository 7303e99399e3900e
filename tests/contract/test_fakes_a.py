"""What the fakes of atc, aoe and msprof print is what the console reads of the real ones.

A double that prints something else would prove nothing in all the tests that stand on it.
"""

from __future__ import annotations

import functools
import json
import os
import shlex
import signal
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ascend_console.ascend.atc_output import choose_om, parse_atc, parse_om_info
from ascend_console.ascend.explain import explain
from ascend_console.ascend.msprof import parse_operators
from tests.data.fake_tools import Witness
from tests.fakes import fake_om, starting
from tests.fakes.cann_root import fake_commands, make_cann_root, write_launcher

CONVERT = ("--framework=5", "--output=out", "--soc_version=Ascend310P3")
SHAPE = "--input_shape=image:4,3,8,8"


@pytest.fixture
def play(tmp_path):
    """Run a fake in the test's folder; its output, errors among it."""
    return functools.partial(starting.play, cwd=tmp_path)


@pytest.fixture
def convert(play, tiny):
    """Run the fake atc on the small network with some words."""

    def run(words="", *arguments, cann="8.0.RC1"):
        model = f"--model={tiny.source.onnx}"
        return play("atc", model, *CONVERT, SHAPE, *arguments, FAKE_ATC=words, FAKE_CANN=cann)

    return run


# atc


def test_a_fake_om_tells_what_it_is_and_computes(convert, play, tiny, tmp_path):
    """The fake inference tools execute it, so a figure of theirs is a figure of the model."""
    import onnxruntime

    done = convert("", "--precision_mode=force_fp16")
    assert (done.returncode, parse_atc(done.stdout).outcome) == (0, "success")
    path = tmp_path / "out.om"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads((tmp_path / "fusion_result.json").read_text())
    info = parse_om_info(play("atc", "--mode", "6", "--om", path).stdout)
    assert (info.soc_version, info.atc_version) == ("Ascend310P3", "8.0.RC1 (test double)")
    assert SHAPE in shlex.split(info.command)
    facts, onnx_bytes = fake_om.read(path)
    assert (facts.batch, facts.inputs) == (4, (fake_om.OmTensor("image", (4, 3, 8, 8), "float32"),))
    assert facts.outputs == (fake_om.OmTensor("class", (4, 5), "float32"),)
    session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
    batch = tiny.batch(4)
    found = session.run(None, {"image": batch})[0]
    np.testing.assert_allclose(found, tiny.reference(batch), rtol=1e-4, atol=1e-5)


def test_aipp_makes_the_input_an_image(convert, tmp_path):
    """The most frequent wrong size: with AIPP a file is the picture itself."""
    (tmp_path / "aipp.cfg").write_text(
        "aipp_op { aipp_mode: static input_format: RGB888_U8 src_image_size_w: 10 "
        "src_image_size_h: 12 crop: true load_start_pos_w: 1 load_start_pos_h: 2 crop_size_w: 8 "
        "crop_size_h: 8 rbuv_swap_switch: true min_chn_0: 2.0 var_reci_chn_1: 0.5 }"
    )
    done = convert("", "--insert_op_conf=aipp.cfg")
    assert parse_atc(done.stdout).outcome == "success"
    facts, _ = fake_om.read(tmp_path / "out.om")
    assert facts.inputs[0] == fake_om.OmTensor("image", (4, 12, 10, 3), "uint8")
    assert facts.inputs[0].nbytes == 4 * 12 * 10 * 3
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 10, 3), np.uint8)
    fed = fake_om.after_aipp(facts, images)
    assert fed.shape == facts.model_input.shape
    np.testing.assert_array_equal(fed[:, 0], images[:, 2:10, 1:9, 2].astype(np.float32) - 2)
    np.testing.assert_array_equal(fed[:, 1], images[:, 2:10, 1:9, 1].astype(np.float32) / 2)


@pytest.mark.parametrize("cann", ["5.0.4", "8.0.RC1", "8.1.RC1", "9.0.0"])
def test_every_generation_writes_its_headline(convert, cann):
    """The console reads all of them; a test asks for one by its version."""
    done = convert("E10016", cann=cann)
    (block,) = parse_atc(done.stdout).errors
    assert (done.returncode, block.code) == (255, "E10016")
    assert "input_shape" in block.message
    assert (block.pid is not None) == (cann in ("8.1.RC1", "9.0.0"))
    assert bool(block.time) == (cann != "5.0.4")
    assert bool(block.title) == (cann == "9.0.0")
    assert explain(done.stdout, exit_code=255).cause_id


@pytest.mark.parametrize(
    ("words", "arguments", "cann", "code"),
    [
        ("E19010", (), "8.0.RC1", "E19010"),
        ("E16005", (), "8.0.RC1", "E16005"),
        ("E20001", (), "9.0.0", "E20001"),
        ("EL0004", (), "8.1.RC1", "EL0004"),
        ("te", (), "8.0.RC1", "E40020"),
        ("", ("--input_shape=input:4,3,8,8",), "8.0.RC1", "E10016"),
        ("internal", (), "9.0.0", "E19999"),
        ("opset=10", (), "8.0.RC1", "E19010"),
        ("", ("--soc_version=Ascend999",), "8.0.RC1", "E10001"),
        ("", ("--soc_version=",), "9.0.0", "E10054"),
        ("", ("--soc_version=",), "5.0.4", "E10004"),
        ("", ("--input_shape=image:4,3,8",), "8.0.RC1", "E10049"),
        ("", ("--input_shape=image:4,3,9,8",), "8.0.RC1", "E14001"),
        ("", ("--input_shape=image:-1,3,8,8",), "5.0.4", "E10011"),
        ("", ("--out_nodes=nowhere:0",), "8.0.RC1", "E11017"),
        ("", ("--auto_tune_mode=RL,GA",), "8.0.RC1", "E10001"),
        ("lowmem", ("--auto_tune_mode=RL,GA",), "5.0.4", "E10044"),
    ],
)
def test_a_refusal_has_the_code_that_the_console_explains(
    convert, tmp_path, words, arguments, cann, code
):
    """Each is a way in which a user's conversion ends."""
    done = convert(words, *arguments, cann=cann)
    log = parse_atc(done.stdout)
    assert (done.returncode, log.outcome, log.started) == (255, "failure", True)
    found = explain(done.stdout, exit_code=255)
    assert (found.tool, found.code) == ("atc", code)
    assert (log.available_memory_kb is not None) == ("lowmem" in words)
    if code == "E19010":
        assert log.operators[0].type
    assert not (tmp_path / "out.om").exists()


@pytest.mark.parametrize(
    ("words", "code", "outcome", "has_om"),
    [
        ("killed", -signal.SIGKILL, "unknown", False),
        ("killed,short", -signal.SIGKILL, "unknown", True),
        ("segv", -signal.SIGSEGV, "unknown", False),
        ("oom", 137, "unknown", False),
        ("lib", 127, "failure", False),
        ("noverdict", 0, "unknown", True),
        ("nofile", 0, "success", False),
        ("short,exit=3", 3, "success", True),
        ("traceback,noise,dots,garbage,flood=1,w11001=3", 0, "success", True),
    ],
)
def test_exit_code_verdict_and_om_go_apart(convert, tmp_path, words, code, outcome, has_om):
    """A success is all three together, and each may be missing."""
    done = convert(words)
    log = parse_atc(done.stdout)
    assert (done.returncode, log.outcome) == (code, outcome)
    assert (tmp_path / "out.om").exists() == has_om
    assert len(log.warnings) == (3 if "w11001" in words else 0)
    if "short" in words:
        with pytest.raises(ValueError, match="cut"):
            fake_om.read(tmp_path / "out.om")
    if "flood" in words:
        assert len(done.stdout) > 1_000_000


def test_an_unknown_option_is_refused_and_an_unknown_word_is_loud(convert):
    """A test that asks for what no double plays must not pass by its silence."""
    done = convert("", "--no_such_option=1")
    assert done.returncode == 255
    assert "no_such_option" in parse_atc(done.stdout).error_lines[0]
    assert convert("sucess").returncode == 99


def test_an_om_with_an_open_shape_gets_its_machine_in_its_name(convert, tmp_path):
    """The next step looks for it; with gears the name is the plain one."""
    open_shape = "--input_shape=image:-1,3,8,8"
    convert("", open_shape, "--host_env_cpu=aarch64", "--out_nodes=means")
    names = [path.name for path in tmp_path.iterdir()]
    assert choose_om("out", names) == "out_linux_aarch64.om"
    facts, _ = fake_om.read(tmp_path / "out_linux_aarch64.om")
    assert (facts.dynamic, facts.batch, facts.outputs[0].name) == (True, None, "means")
    convert("", open_shape, "--dynamic_batch_size=1,4")
    facts, _ = fake_om.read(tmp_path / "out.om")
    assert (facts.dynamic, facts.gears) == (False, {"dynamic_batch_size": "1,4"})


def test_a_failure_leaves_the_log_that_was_asked_for(convert, tmp_path):
    """Its name has the process id, which the newer headlines have too."""
    home = Path(os.environ["HOME"])
    done = convert("E20001", "--log=error", cann="8.1.RC1")
    (plog,) = (home / "ascend" / "log" / "debug" / "plog").iterdir()
    assert f"plog-{parse_atc(done.stdout).errors[0].pid}_" in plog.name
    assert "E20001" in plog.read_text()


@pytest.mark.parametrize("words", ["silent", "deaf", "forks,silent", "forks=session"])
def test_a_double_that_stays_can_be_seen_and_ended(tiny, tmp_path, words):
    """TERM ends a silent one, KILL alone a deaf one, and neither ends what it forked."""
    witness, ready = Witness(tmp_path / "witness"), tmp_path / "ready"
    os.mkfifo(ready)
    told = {"FAKE_ATC": words, "FAKE_WITNESS": str(witness.path), "FAKE_READY": str(ready)}
    argv = (f"--model={tiny.source.onnx}", *CONVERT, SHAPE)
    with starting.started("atc", *argv, cwd=tmp_path, **told) as atc:
        assert atc.stdout.readline().startswith("ATC start")
        pids = starting.told_ready(ready, len(words.split(",")))
        atc.terminate()
        if words == "deaf":
            os.kill(atc.pid, signal.SIGKILL)
        if "child" in pids:
            os.kill(pids["child"], signal.SIGKILL)
        code = atc.wait(starting.PATIENCE_S)
    expected = {"deaf": {-signal.SIGKILL}, "forks=session": {0, -signal.SIGTERM}}
    assert code in expected.get(words, {-signal.SIGTERM})
    assert witness.all_gone()
    os.close(witness.descriptor)


def test_a_double_goes_on_when_its_gate_opens(tiny, tmp_path):
    """A test can look at a conversion that is under way, and then let it end."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    told = {"FAKE_ATC": "held", "FAKE_GATE": str(gate)}
    argv = (f"--model={tiny.source.onnx}", *CONVERT, SHAPE)
    with starting.started("atc", *argv, cwd=tmp_path, **told) as atc:
        first = atc.stdout.readline()
        assert not (tmp_path / "out.om").exists()
        gate.write_text("go")
        rest, _ = atc.communicate(timeout=starting.PATIENCE_S)
    assert parse_atc(first + rest).outcome == "success"


# aoe


def test_a_tuning_that_was_killed_goes_on_and_leaves_what_aoe_leaves(play, tiny, tmp_path):
    """Tuning takes hours: a second start must not begin again."""
    bank = {"TUNE_BANK_PATH": str(tmp_path / "bank")}
    assert play("aoe", "-m", tiny.source.onnx, "-j", "1", **bank).returncode == 2
    (tmp_path / "bank").mkdir()
    model = tiny.source.onnx
    given = ("-m", model, "-j", "1", SHAPE)
    assert play("aoe", *given, FAKE_AOE="killed", **bank).returncode == -signal.SIGKILL
    done = play("aoe", *given, "--reload", "--output=tuned", **bank)
    assert "Aoe process finished" in done.stdout
    assert "Reload" in done.stdout
    (om,) = tmp_path.glob(f"aoe_workspace/{model.stem}_*/tunespace/result/*_tune.om")
    assert fake_om.read(om)[0].batch == fake_om.read(tmp_path / "tuned.om")[0].batch == 4
    (result,) = tmp_path.glob("aoe_result_sgat_*.json")
    assert json.loads(result.read_text())[0]["SGAT"]["model_baseline_performance(ms)"]
    assert list((tmp_path / "bank" / "graph" / "Ascend310P3").iterdir())


@pytest.mark.parametrize(
    ("words", "arguments", "code"),
    [("busy", (), 6), ("nothing", (), 8), ("nodevice", (), 255), ("", ("--job_type=3",), 2),
     ("", ("--soc_version=Ascend310",), 2)],
)  # fmt: skip
def test_a_tuner_that_cannot_work_says_so(play, tiny, words, arguments, code):
    """There is one device, and the device decides the target."""
    model = f"--model={tiny.source.onnx}"
    done = play("aoe", model, "--job_type=2", SHAPE, *arguments, FAKE_AOE=words)
    assert done.returncode == code
    assert "Aoe process failed" in done.stdout


# msprof


@pytest.mark.parametrize("cann", ["5.1.RC2", "8.0.RC1"])
def test_tables_of_both_generations_are_read(play, tmp_path, cann):
    """Columns, places and names differ; the operators are the same."""
    (tmp_path / "program").write_text("echo ran $0 $1; exit 4")
    program = ["sh", "program", "a"]
    form = [f"--application={' '.join(program)}"] if cann == "5.1.RC2" else program
    done = play("msprof", "--output=prof", *form, FAKE_CANN=cann)
    assert done.returncode == 4
    assert "ran program a\n" in done.stdout
    (folder,) = (tmp_path / "prof").iterdir()
    assert len(folder.name) == 46
    profiles = [parse_operators(next(folder.rglob(f"{name}*.csv")).read_text())
                for name in ("op_summary", "op_statistic")]  # fmt: skip
    for profile in profiles:
        assert (profile.top(1)[0].op_type, profile.unread_lines) == ("Conv2D", ())
        flags = {flag for cost in profile.operators for flag in cost.flags}
        assert flags == {"ai_cpu", "trans_data", "strided_slice_d", "cast"}
    assert profiles[0].untimed == 2
    assert profiles[0].total_us == pytest.approx(profiles[1].total_us)
    columns = next(folder.rglob("op_summary*.csv")).read_text().split(",")
    assert columns[0] == ("Device_id" if cann == "8.0.RC1" else "Model Name")


def test_a_profile_may_lack_types_end_or_tables(play, tmp_path):
    """What msprof leaves behind on a bad day."""
    play("msprof", "--output=a", "--task-time=l0", "true")
    (table,) = (tmp_path / "a").rglob("op_summary*.csv")
    assert {cost.op_type for cost in parse_operators(table.read_text()).operators} == {None}
    play("msprof", "--output=b", "true", FAKE_MSPROF="cut")
    (table,) = (tmp_path / "b").rglob("op_summary*.csv")
    assert parse_operators(table.read_text()).unread_lines
    play("msprof", "--output=c", "true", FAKE_MSPROF="notables")
    assert not list((tmp_path / "c").rglob("*.csv"))
    full = play("msprof", "--output=d", "true", FAKE_MSPROF="disk")
    assert (full.returncode, explain(full.stdout).code) == (1, "EK0204")


# Installations


@pytest.mark.parametrize(
    ("version", "place"),
    [("5.0.4", "ascend-toolkit/latest"), ("8.0.RC1", "ascend-toolkit/latest"), ("9.0.0", "cann")],
)
def test_a_sourced_installation_starts_its_own_tools(tmp_path, version, place):
    """Paths with blanks, links as the vendor makes them, and the version of each layout."""
    folder = tmp_path / "a user's home"
    home = make_cann_root(folder, version, driver=None if version == "9.0.0" else "24.1.rc1")
    assert home == folder / "Ascend" / place
    script = next(path for path in (home / "set_env.sh", home.parent / "set_env.sh")
                  if path.exists())  # fmt: skip
    told = 'source "$1" || true; echo "$ASCEND_HOME_PATH $LD_LIBRARY_PATH"; command -v atc aoe; '
    told += "msprof --version; aoe --version"
    argv = ["bash", "-c", told, "bash", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{home} ")
    assert done.stdout.count(f"\n{home}/") == 2
    assert done.stdout.endswith(f"msprof {version} (test double)\naoe {version} (test double)\n")
    assert ("devlib" in done.stdout) == (version == "9.0.0")
    (info,) = home.glob("*-linux/ascend_toolkit_install.info")
    assert f"\nversion={version}\n" in info.read_text()
    assert (home / "version.cfg").exists() == (version == "8.0.RC1")
    if version != "9.0.0":
        driver = (folder / "Ascend" / "driver" / "version.info").read_text()
        assert driver.startswith("Version=24.1.rc1\n")


def test_commands_for_the_console_are_those_of_a_shell(tmp_path):
    """A command may have blanks in its path."""
    commands = fake_commands(tmp_path / "bin folder", "9.0.0")
    assert sorted(commands) == [f"ASCEND_CONSOLE_{tool}" for tool in
                                ("AOE", "ATC", "MSPROF", "NPU_SMI")]  # fmt: skip
    argv = [*shlex.split(commands["ASCEND_CONSOLE_MSPROF"]), "--version"]
    found = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert found.stdout == "msprof 9.0.0 (test double)\n"
    named = write_launcher(tmp_path, "tool", "fake_npu_smi.py", {"FAKE_NPU_SMI": "-8020"})
    assert b"-8020" in subprocess.run([named, "info"], capture_output=True, check=False).stdout
