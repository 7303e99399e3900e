"""`run --baseline`: a run that fell against an earlier one exits 5, whatever its own verdict."""

from __future__ import annotations

import json

import onnx
import pytest
from onnx import numpy_helper

from ascend_console.cli import main
from ascend_console.core.stats import MeasurementPlan
from tests.data.user_models import onnx_bytes, write_images


@pytest.fixture(autouse=True)
def _short_measurements(monkeypatch):
    """How long a measurement must be is tested elsewhere."""
    quick = MeasurementPlan.__init__.__kwdefaults__ | {
        "warmup_executions": 1, "warmup_ms": 1.0, "least_ms": 20.0, "least_executions": 8,
        "slow_ms": 60.0, "slow_executions": 4,
    }  # fmt: skip
    monkeypatch.setattr(MeasurementPlan.__init__, "__kwdefaults__", quick)


@pytest.fixture
def run(tmp_path, capsys):
    """Run the model `image.onnx`: (exit code, verdict.json, stderr)."""
    write_images(tmp_path / "images")

    def call(data, name, *words, config=""):
        (tmp_path / "image.onnx").write_bytes(data)
        (tmp_path / "config.toml").write_text(config)
        folder = tmp_path / "ws" / "runs" / name
        argv = ["--workspace", tmp_path / "ws", "--config", tmp_path / "config.toml", "run",
                "--onnx", tmp_path / "image.onnx", "--dataset", tmp_path / "images",
                "--batch-size", "4", "--run-dir", folder, *words]  # fmt: skip
        code = main([str(word) for word in argv])
        return code, json.loads((folder / "verdict.json").read_text()), capsys.readouterr().err

    return call


def spoilt():
    """Every image is called red."""
    model = onnx.load_from_string(onnx_bytes("image"))
    weights = model.graph.initializer[0]
    values = numpy_helper.to_array(weights).copy()
    values[0] = 9
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    return model.SerializeToString()


def test_a_run_that_is_right_by_itself_and_worse_than_before_exits_5(run):
    """Its artefact keeps to its file; the file got worse, and only the baseline knows."""
    assert run(onnx_bytes("image"), "before")[0] == 0
    code, verdict, err = run(spoilt(), "after", "--baseline", "before")
    assert (code, verdict["verdict"]) == (5, "PASS")
    assert verdict["baseline"]["run_id"] == "before"
    assert verdict["baseline"]["passed"] is False
    assert verdict["baseline"]["findings"][0]["id"] == ("baseline.accuracy_fell")
    assert "points lower, allowed 1" in err
    lax = "[baseline]\naccuracy_points = 90\nthroughput_percent = 99\n"
    code, verdict, _ = run(spoilt(), "lax", "--baseline", "before", config=lax)
    assert (code, verdict["baseline"]["passed"]) == (0, True)


def test_a_run_like_the_one_before_exits_as_its_verdict(run):
    lax = "[baseline]\nthroughput_percent = 99\n"
    assert run(onnx_bytes("image"), "before")[0] == 0
    code, verdict, err = run(onnx_bytes("image"), "after", "--baseline", "last", config=lax)
    assert (code, verdict["baseline"]["passed"]) == (0, True), err
