"""The main job: GhostNet's sample from nothing to a verdict, and every step on its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ascend_console.cli import main
from ascend_console.tools import paths

pytestmark = pytest.mark.xdist_group("sample")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """One workspace for the module, so that sample weights are made once."""
    return tmp_path_factory.mktemp("workspace")


def call(capsys, workspace, *argv):
    code = main(["--workspace", str(workspace), *map(str, argv)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


@pytest.fixture(scope="module")
def finished(workspace):
    """A finished run of GhostNet's sample: its folder."""
    code = main(
        ["--workspace", str(workspace), "-q", "run", "--model", "ghostnet", "--sample",
         "--batch-size", "1,8", "--run-dir", str(workspace / "runs" / "sample")]
    )  # fmt: skip
    assert code == 0
    return workspace / "runs" / "sample"


def test_the_sample_passes_far_above_chance(finished):
    """The verdict is real: sample weights, held-out images, both batch sizes."""
    verdict = json.loads((finished / "verdict.json").read_text())
    assert verdict["schema"] == 1
    assert verdict["verdict"] == "PASS"
    assert verdict["reasons"] == []
    assert (verdict["model"], verdict["weights"]) == ("ghostnet", "sample")
    assert verdict["images"] == {"total": 300, "used": 300, "bad": 0}
    gates = {gate["id"]: gate for gate in verdict["gates"]}
    assert set(gates) == {"accuracy", "performance", "validity", "batch_consistency"}
    assert gates["accuracy"]["passed"] is True
    assert gates["performance"]["passed"] is None
    assert "0 of 300 predictions differ" in gates["batch_consistency"]["why"]
    rows = {(row["batch_size"], row["metric"]): row for row in verdict["accuracy"]}
    for size in (1, 8):
        top1 = rows[size, "top1"]
        assert top1["value"] >= 0.8
        assert top1["reference"] == pytest.approx(top1["value"], abs=0.01)
        assert "torch float32" in top1["reference_source"]
        assert set(top1) >= {
            "batch_size", "precision", "metric", "value", "reference", "reference_source",
            "tolerance", "drop_points", "interval", "disagreements", "images_needed", "passed",
        }  # fmt: skip


def test_throughput_is_two_figures_and_never_official_on_sample_data(finished):
    """A rate on the sample must not be mistaken for the guide's."""
    verdict = json.loads((finished / "verdict.json").read_text())
    for row in verdict["performance"]:
        assert row["throughput"] > 0
        assert row["e2e_throughput"] > 0
        assert row["card_throughput"] == row["throughput"] * row["card_factor"]
        assert row["official"] is False
        assert row["source"] == "dataset"
        assert set(row["latency_ms"]) == {"mean", "median", "p90", "p99"}
        assert isinstance(row["valid"], bool)
    raw = json.loads((finished / "perf" / "bs8_fp32.json").read_text())
    assert len(raw["latencies_ms"]) >= raw["measurement"]["samples"]
    assert raw["tool"].startswith("ONNX Runtime")


def test_a_run_folder_holds_what_was_asked_and_made(finished):
    """The folder is the truth; everything else can be made again from it."""
    document = json.loads((finished / "run.json").read_text())
    assert document["request"]["batch_size"] == [1, 8]
    assert document["environment"]["onnxruntime"]
    assert document["command"][0] == "ascend-console"
    for name in (
        "export/ghostnet.onnx",
        "convert/ghostnet_bs1_fp32.onnx",
        "convert/ghostnet_bs8_fp32.onnx",
        "accuracy/bs8_fp32/result.json",
        "accuracy/bs8_fp32/accuracy.json",
    ):
        assert (finished / name).is_file()
    assert not (finished / "preprocess").exists()
    events = [json.loads(line) for line in (finished / "events.jsonl").read_text().splitlines()]
    assert [line["seq"] for line in events] == list(range(len(events)))
    assert events[0]["event"] == "JobStarted"
    assert events[-1]["event"] == "JobSucceeded"
    assert sum(line["event"].startswith("JobS") for line in events) == 2
    assert all(line["schema"] == 1 and line["run_id"] == "sample" for line in events)
    published = (finished / "accuracy/bs8_fp32/result.json").read_text()
    assert published.startswith('{"title": "Overall statistical evaluation", "value": [{"key": ')
    assert '"Number of images", "value": "300"' in published


def test_the_history_shows_the_run(finished, workspace, capsys):
    """What was run must be found again."""
    code, out, _ = call(capsys, workspace, "runs", "list", "--format", "json")
    assert code == 0
    listed = {entry["run_id"]: entry for entry in json.loads(out)["runs"]}["sample"]
    assert (listed["model"], listed["backend"]) == ("ghostnet", "onnxruntime")
    assert (listed["state"], listed["verdict"]) == ("finished", "PASS")
    shown = json.loads(call(capsys, workspace, "runs", "show", "sample", "--json")[1])
    assert shown["result"]["verdict"] == "PASS"
    assert [step["name"] for step in shown["steps"]][:3] == ["weights", "export", "convert"]


def test_the_steps_on_their_own_give_the_same_accuracy(finished, workspace, tmp_path, capsys):
    """Engineers who work step by step must arrive where `run` arrives."""
    sample = paths.sample_data() / "imagenet"
    bins, results = tmp_path / "prep dataset", tmp_path / "result"
    info = tmp_path / "ghostnet.info"
    code, out, err = call(
        capsys, workspace, "preprocess", "--model", "ghostnet", "--input", sample / "val",
        "--output", bins, "--info", info,
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert "blanks" in err
    assert not bins.exists()
    bins = tmp_path / "prep_dataset"
    code, out, _ = call(
        capsys, workspace, "preprocess", "--model", "ghostnet", "--input", sample / "val",
        "--output", bins, "--info", info,
    )  # fmt: skip
    assert code == 0
    assert out.split() == [str(bins), str(info)]
    assert len(list(bins.iterdir())) == 300
    artifact = finished / "convert/ghostnet_bs8_fp32.onnx"
    code, out, err = call(
        capsys, workspace, "infer", "--artifact", artifact, "--input", bins,
        "--output", results, "--outfmt", "NPY",
    )  # fmt: skip
    assert code == 0
    assert out.split() == [str(results), f"{results}_summary.json"]
    summary = json.loads(Path(f"{results}_summary.json").read_text())
    assert len(summary["filesinfo"]) == 300
    assert summary["NPU_compute_time"]["count"] == 38
    assert summary["H2D_latency"]["mean"] is None
    assert summary["tool"].startswith("ONNX Runtime")
    target = tmp_path / "result.json"
    for source in (results, Path(f"{results}_summary.json")):
        code, out, _ = call(
            capsys, workspace, "evaluate", "--model", "ghostnet", "--results", source,
            "--labels", sample / "val_label.txt", "--output", target, "--yes",
        )  # fmt: skip
        assert code == 0
        assert str(target) in out.split()
        assert target.read_bytes() == (finished / "accuracy/bs8_fp32/result.json").read_bytes()
    code, _, err = call(
        capsys, workspace, "evaluate", "--model", "ghostnet", "--results", results,
        "--labels", sample / "val_label.txt", "--output", target,
    )  # fmt: skip
    assert code == 2
    assert "--yes" in err
    next(results.iterdir()).unlink()
    evaluation = (
        "evaluate", "--model", "ghostnet", "--results", results, "--labels",
        sample / "val_label.txt",
    )  # fmt: skip
    code, _, err = call(capsys, workspace, *evaluation)
    assert code == 2
    assert "1 of 300 images have no result" in err
    assert call(capsys, workspace, *evaluation, "--allow-missing")[0] == 0


def test_json_is_nothing_but_event_lines(finished, workspace, tmp_path, capsys):
    """A script reads stdout line by line."""
    output = tmp_path / "g.onnx"
    code, out, err = call(
        capsys, workspace, "export", "--model", "ghostnet", "--sample", "--batch-size", "4",
        "--output", output, "--json",
    )  # fmt: skip
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0]["event"] == "JobStarted"
    assert lines[-1] == {**lines[-1], "event": "JobSucceeded", "verdict": None, "exit_code": 0}
    assert [line["path"] for line in lines if line["event"] == "ArtifactWritten"] == [str(output)]
    assert "==>" in err
    code, out, _ = call(
        capsys, workspace, "convert", "--onnx", output, "--output", tmp_path / "c.onnx",
        "--input-shape", "image:4,3,224,224",
    )  # fmt: skip
    assert code == 0
    assert out.split() == [str(tmp_path / "c.onnx")]


def test_a_bad_image_leaves_the_accuracy_incomplete(workspace, tmp_path, capsys, finished):
    """A figure over fewer images than named must not look complete."""
    source = paths.sample_data() / "imagenet"
    folder = tmp_path / "val"
    folder.mkdir()
    names = [line.split()[0] for line in (source / "val_label.txt").read_text().splitlines()][:110]
    for name in names:
        shutil.copy(source / "val" / name, folder / name)
    shutil.copy(source / "val_label.txt", folder)
    bad = folder / names[3]
    bad.write_bytes(bad.read_bytes()[:2000])
    request = (
        "run", "--model", "ghostnet", "--sample", "--dataset", folder, "--batch-size", "8", "-q",
    )  # fmt: skip
    code, _, err = call(capsys, workspace, *request)
    assert code == 7
    assert names[3] in err
    assert call(capsys, workspace, *request, "--skip-bad-images")[0] == 0


def test_torch_is_a_backend_like_the_others(workspace, capsys, finished):
    """The reference can be run and measured by the same command."""
    code, _, err = call(
        capsys, workspace, "run", "--model", "ghostnet", "--sample", "--backend", "torch",
        "--batch-size", "4", "--limit", "100", "--threads", "1",
    )  # fmt: skip
    assert code == 0
    assert "torch cpu:0" in err
    assert "sample weights" in err
