"""The program in Chinese: by flag, by locale, by settings file, with the same exit codes."""

from __future__ import annotations

import io
import json
import re

import pytest

from ascend_console.cli import main
from ascend_console.core import events
from ascend_console.core.errors import UserError
from ascend_console.core.settings import Settings
from ascend_console.core.specs import Job
from ascend_console.headless.main import print_error
from ascend_console.headless.printer import Printer
from ascend_console.jobs._loop import run_job

MESSAGE = "错误: ghostnet 需要权重"
HINT = "  提示: 请加上 --sample"


@pytest.fixture
def run(tmp_path, capsys):
    """Run the program in this process: (exit code, stdout, stderr)."""

    def call(*argv):
        code = main(["--workspace", str(tmp_path / "workspace"), *argv])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


def test_an_error_and_its_hint_are_chinese(run):
    """The person who must fix it reads it in their language; scripts see the same code."""
    code, _, err = run("--lang", "zh", "run", "--model", "ghostnet")
    assert code == 2
    assert MESSAGE in err
    assert HINT in err
    assert "state_dict_73.98.pth" in err
    assert "hint:" not in err


@pytest.mark.parametrize("name", ["LANG", "LC_ALL", "LC_MESSAGES"])
@pytest.mark.parametrize("value", ["zh_CN.UTF-8", "zh_TW", "zh"])
def test_the_locale_chooses_chinese(run, monkeypatch, name, value):
    """Nobody types --lang twice a day."""
    monkeypatch.setenv(name, value)
    code, _, err = run("run", "--model", "ghostnet")
    assert code == 2
    assert MESSAGE in err
    assert HINT in err


def test_the_flag_is_above_the_locale(run, monkeypatch):
    """A report in English is one flag away."""
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    code, _, err = run("run", "--model", "ghostnet", "--lang", "en")
    assert code == 2
    assert "error: ghostnet needs weights" in err


def test_usage_errors_are_chinese_too(run):
    """The errors before any job: a wrong command, a wrong value, an option at the wrong place."""
    for argv, said in (
        (["modles"], "没有名为 'modles' 的命令"),
        (["models", "resnet"], "没有名为 'resnet' 的模型"),
        (["models", "--run-dir", "x"], "请去掉 --run-dir"),
        (["run", "--model", "ghostnet", "--sample", "--batch-size", "0"], "不小于 1 的整数"),
    ):
        code, out, err = run("--lang", "zh", *argv)
        assert (code, out) == (2, "")
        assert said in err
        assert "错误:" in err


def test_listings_are_the_same_in_every_language(run):
    """Data on stdout is for scripts: keys and values do not depend on a locale."""
    code, out, err = run("models", "--lang", "zh", "--format", "json")
    assert (code, err) == (0, "")
    assert [entry["name"] for entry in json.loads(out)["models"]][-1] == "ghostnet"
    code, out, _ = run("models", "--lang", "zh")
    assert code == 0
    assert "ghostnet" in out


def told(env, *sent):
    """What the printer writes in Chinese about a run that sends these events."""
    stream = io.StringIO()
    printer = Printer(Settings(workspace=env.folder, lang="zh", verbosity=1), stream)
    job = Job(name="run", summary="", request=object, run=lambda _request, _env: iter(sent),
              example="", recording=True, label=lambda _request: "ghostnet")  # fmt: skip
    run_job(job, None, env, printer)
    printer.summary([printer.view])
    return stream.getvalue()


def test_the_narrative_of_a_run_is_chinese(env):
    """Steps, progress, warnings, gates, verdict and the last table: no English word of ours."""
    row = {
        "weights": "sample weights",
        "model": "ghostnet",
        "batch": 8,
        "accuracy %": 81.67,
        "device img/s": 118.4,
        "valid": True,
        "verdict": "PASS",
    }
    same = {"sizes": "bs1 = bs8", "count": "300"}
    text = told(
        env,
        events.StepStarted("weights", 1, 2),
        events.StepStarted("infer bs8", 2, 2),
        events.Progress(150, 300, "images"),
        events.Measured("throughput bs8", 118.4, "images/s"),
        events.Warned("evaluate.missing", "english", args={"missing": "3", "total": "300"}),
        events.RowAdded(
            "reasons",
            {"gate": "batch_consistency", "id": "batch.same", "message": "english", "args": same},
        ),
        events.RowAdded("accuracy", row),
        events.JobSucceeded("PASS", 0),
    )
    for piece in (
        "[1/2] 权重",
        "[2/2] 推理 bs8",
        "150/300 图片",
        "吞吐率 bs8 118.4 图片/s",
        "警告: 300 张有标签的图片中有 3 张没有结果，已略去",
        "PASS（通过）",
        "批大小一致性      bs1 = bs8，300 个预测结果中有 0 个不同",
        "精度: 样例权重",
    ):
        assert piece in text
    last = text.splitlines()[-1]
    assert last.split() == ["ghostnet", "8", "81.67", "118.4", "是", "PASS（通过）"]
    assert set(re.findall(r"[a-z]+", text)) == {"ghostnet", "bs", "s"}


def test_an_error_outside_of_a_job_is_chinese(capsys):
    """What ends the program before a job begins is printed by the same rules."""
    error = UserError("config.missing", "english", hint="english", path="c.toml")
    assert print_error(error, "zh") == 2
    assert capsys.readouterr().err == (
        "错误: 设置文件 c.toml 不存在\n  提示: 请检查 --config，或不指定它。\n"
    )
