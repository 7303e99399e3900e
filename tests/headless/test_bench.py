"""`bench` from the command line: points, repeats, sweeps, precisions, operators, tuning."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ascend_console.cli import main
from ascend_console.core.stats import MeasurementPlan
from ascend_console.jobs import _bench_measure
from tests.data.fake_ascend import fake_environ
from tests.data.user_models import onnx_bytes, write_images, write_models
from tests.fakes.tiny_om import write_tiny_om

pytestmark = pytest.mark.xdist_group("bench")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Small classifiers, images that they know, and one workspace for the module."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "config").mkdir()
    (folder / "config" / "config.toml").write_text("")
    write_models(folder / "config" / "models")
    write_images(folder / "images")
    (folder / "tiny.onnx").write_bytes(onnx_bytes("tiny"))
    return folder


@pytest.fixture(autouse=True)
def _short_measurements(monkeypatch):
    """How long a measurement must be is tested elsewhere; here what comes of it is."""
    quick = MeasurementPlan.__init__.__kwdefaults__ | {
        "warmup_executions": 1, "warmup_ms": 1.0, "least_ms": 20.0, "least_executions": 8,
        "slow_ms": 60.0, "slow_executions": 4, "agreement": 1e9,
    }  # fmt: skip
    monkeypatch.setattr(MeasurementPlan.__init__, "__kwdefaults__", quick)
    monkeypatch.setattr(_bench_measure, "_RANDOM_S", 0.01)
    monkeypatch.setattr(_bench_measure, "_FIRST_S", 0.01)


def call(capsys, place, *argv):
    config = place / "config" / "config.toml"
    words = ("bench", *argv)
    code = main(["--workspace", str(place / "ws"), "--config", str(config), *map(str, words)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def folder_of(out):
    return str(
        Path(next(line for line in out.splitlines() if line.endswith("verdict.json"))).parent
    )


def read(*parts):
    with open("/".join(map(str, parts))) as stream:
        return json.load(stream)


def rows(folder, table):
    with open(f"{folder}/events.jsonl") as stream:
        events = [json.loads(line) for line in stream]
    return [line["row"] for line in events if line.get("table") == table]


QUIET = ("--allow-busy",)


def test_a_model_on_images_gives_a_point_with_all_that_it_stands_on(place, capsys):
    """The shape of verdict.json is that of `run`, with what a bench knows beside it."""
    code, out, err = call(capsys, place, "--model", "two", "--dataset", place / "images", *QUIET)
    assert code == 0, err
    folder = folder_of(out)
    verdict = read(folder, "verdict.json")
    assert (verdict["verdict"], verdict["model"], verdict["weights"]) == ("PASS", "two", "user")
    assert (verdict["device"], verdict["accuracy"]) == ("cpu:0", [])
    assert verdict["images"] == {"total": 110, "used": 110, "bad": 0}
    gates = {gate["id"]: gate["passed"] for gate in verdict["gates"]}
    assert gates == {
        "accuracy": None, "performance": None, "validity": True, "batch_consistency": None,
    }  # fmt: skip
    (row,) = verdict["performance"]
    assert (row["batch_size"], row["precision"], row["source"]) == (4, "fp32", "dataset")
    assert (row["official"], row["valid"], row["repeats"]) == (False, True, 1)
    assert row["throughput"] == row["card_throughput"] > 0
    assert (row["interval"], row["e2e_throughput"], row["h2d_ms"]) == (None, None, None)
    assert row["cold_start_ms"] > 0
    assert row["artifact_bytes"] > 500
    assert verdict["best_batch_size"] == 4
    raw = read(folder, "perf", "bs4_fp32.json")
    assert len(raw["latencies_ms"]) > raw["measurement"]["samples"]
    assert isinstance(raw["telemetry"], list)
    assert raw["open_ms"] > 0
    assert "exclusive use could not be checked" in err
    assert "user weights" in err


def test_memory_is_that_of_a_process_which_holds_only_this_artefact(place, capsys):
    """Linux tells it; a figure of this process would hold what earlier artefacts left."""
    _, out, _ = call(capsys, place, "--model", "two", "--dataset", place / "images", *QUIET)
    (row,) = read(folder_of(out), "verdict.json")["performance"]
    assert row["memory_bytes"] is None or 10_000 < row["memory_bytes"] < 500e6


def test_a_file_alone_is_measured_on_random_input_and_says_so(place, capsys):
    """Approximate: it wins nothing, and is no figure of any data set."""
    code, out, err = call(capsys, place, "--onnx", place / "tiny.onnx", "--batch-size", "2", *QUIET)
    assert code == 0, err
    assert "approximate, never official" in err
    folder = folder_of(out)
    verdict = read(folder, "verdict.json")
    (row,) = verdict["performance"]
    assert (row["source"], row["official"], verdict["fingerprint"]) == ("random", False, None)
    assert verdict["best_batch_size"] is None
    artifact = f"{folder}/convert/tiny_bs2_fp32.onnx"
    code, out, err = call(capsys, place, "--artifact", artifact, *QUIET)
    assert code == 0, err
    (row,) = read(folder_of(out), "verdict.json")["performance"]
    assert (row["batch_size"], row["precision"], row["source"]) == (2, "fp32", "random")


def test_an_artefact_of_a_named_model_is_measured_on_its_images(place, capsys):
    """Its name tells how images are prepared."""
    code, out, err = call(
        capsys, place, "--model", "background", "--dataset", place / "images",
        "--batch-size", "2", *QUIET,
    )  # fmt: skip
    assert code == 0, err
    artifact = f"{folder_of(out)}/convert/background_bs2_fp32.onnx"
    code, out, err = call(
        capsys, place, "--artifact", artifact, "--model", "background", "--dataset",
        place / "images", *QUIET,
    )  # fmt: skip
    assert code == 0, err
    (row,) = read(folder_of(out), "verdict.json")["performance"]
    assert row["source"] == "dataset"


def test_repeats_are_told_as_they_come_and_give_an_interval(place, capsys):
    """One figure says nothing of its spread."""
    _, out, err = call(
        capsys, place, "--onnx", place / "tiny.onnx", "--batch-size", "2", "--repeat", "3", *QUIET
    )
    folder = folder_of(out)
    told = rows(folder, "repeats")
    assert [row["repeat"] for row in told] == [1, 2, 3]
    assert told[0]["95 % interval"] is None
    (row,) = read(folder, "verdict.json")["performance"]
    found = [
        read(folder, "perf", f"bs2_fp32{mark}.json")["throughput"] for mark in ("", "_r2", "_r3")
    ]
    assert row["throughput"] == pytest.approx(sum(found) / 3)
    assert row["interval"][0] < row["throughput"] < row["interval"][1]
    assert row["repeats"] == 3
    assert "95 % interval" in err


def test_without_batch_sizes_they_are_doubled_until_it_is_enough(place, capsys):
    """A tiny network gains long; the front of the points is told."""
    _, out, err = call(capsys, place, "--onnx", place / "tiny.onnx", *QUIET)
    verdict = read(folder_of(out), "verdict.json")
    sizes = [row["batch_size"] for row in verdict["performance"]]
    assert len(sizes) >= 3
    assert sizes == [2**index for index in range(len(sizes))]
    assert verdict["sweep"]["recommended"] is None
    assert verdict["sweep"]["pareto"]
    assert len(rows(folder_of(out), "sweep")) == len(sizes)
    assert "[1/" in err


def test_precisions_and_threads_side_by_side_have_their_accuracy_judged(place, capsys):
    """The fastest is only worth having while it still answers rightly."""
    code, out, err = call(
        capsys, place, "--model", "background", "--dataset", place / "images", "--batch-size", "4",
        "--precision", "fp32,int8", "--threads", "1,2", *QUIET,
    )  # fmt: skip
    assert code == 0, err
    folder = folder_of(out)
    verdict = read(folder, "verdict.json")
    points = [(row["precision"], row["threads"]) for row in verdict["performance"]]
    assert points == [("fp32", 1), ("fp32", 2), ("int8", 1), ("int8", 2)]
    top1 = {row["precision"]: row for row in verdict["accuracy"] if row["metric"] == "top1"}
    assert set(top1) == {"fp32", "int8"}
    assert top1["int8"]["passed"] is True
    assert top1["int8"]["value"] >= 0.98
    assert all(row["e2e_throughput"] > 0 for row in verdict["performance"])
    table = rows(folder, "sweep")
    assert [row["recommended"] for row in table].count(True) == 1
    assert {row["accuracy"] for row in table} == {"PASS"}
    assert verdict["sweep"]["recommended"] is not None
    assert rows(folder, "recommendation")[0]["id"].startswith("bench.recommended")
    for name in ("bs4_fp32_t1", "bs4_fp32_t2", "bs4_int8_t1", "bs4_int8_t2"):
        assert read(folder, "perf", f"{name}.json")["throughput"] > 0
    recipe = read(folder, "convert", "background_bs4_int8.onnx.json")
    assert recipe["calibration"]["images"] == 55
    assert "bs4 int8 Top-1" in err


def test_int8_comes_from_the_cache_with_its_portable_form(place, capsys):
    """A second bench calibrates nothing, and its artefact is as whole as the first."""
    argv = ("--model", "background", "--dataset", place / "images", "--batch-size", "4",
            "--precision", "int8", "-v", *QUIET)  # fmt: skip
    call(capsys, place, *argv)
    code, out, err = call(capsys, place, *argv)
    assert code == 0, err
    assert "background_bs4_int8.onnx from the cache" in err
    assert (Path(folder_of(out)) / "convert" / "background_bs4_int8_qdq.onnx").is_file()


def test_the_profile_is_a_table_and_a_file(place, capsys):
    """Where the time goes, for the fastest point."""
    _, out, _ = call(
        capsys, place, "--onnx", place / "tiny.onnx", "--batch-size", "2", "--profile", *QUIET
    )
    folder = folder_of(out)
    document = read(folder, "perf", "profile_bs2.json")
    assert {"Gemm", "Relu"} <= {row["operator"] for row in document["operators"]}
    assert document["operators"][0]["where"] == "CPUExecutionProvider"
    told = rows(folder, "operators")
    assert [row["operator"] for row in told] == [row["operator"] for row in document["operators"]]
    assert read(folder, "verdict.json")["operators"][0]["executions"] == document["executions"]


def test_an_untrusted_measurement_decides_and_says_what_to_do(place, capsys, monkeypatch):
    """In a bench the figure is the answer; `run` would only warn."""
    monkeypatch.setitem(MeasurementPlan.__init__.__kwdefaults__, "agreement", 0.0)
    code, out, err = call(capsys, place, "--onnx", place / "tiny.onnx", "--batch-size", "2", *QUIET)
    assert code == 6
    verdict = read(folder_of(out), "verdict.json")
    assert verdict["verdict"] == "INVALID"
    assert verdict["performance"][0]["valid"] is False
    assert all(reason["hint"] for reason in verdict["reasons"])
    assert "measure.unstable" in {reason["id"] for reason in verdict["reasons"]}
    assert "INVALID" in err


def test_a_baseline_stands_beside_every_point(place, capsys):
    """The ratio is shown; between two runs on a CPU it decides nothing."""
    argv = ("--model", "two", "--dataset", place / "images", *QUIET)
    _, out, _ = call(capsys, place, *argv)
    first = read(folder_of(out), "verdict.json")
    code, out, err = call(capsys, place, *argv, "--baseline", first["run_id"])
    assert code in (0, 5), err  # the second may be slower, on a machine that others use
    verdict = read(folder_of(out), "verdict.json")
    (row,) = verdict["performance"]
    assert verdict["baseline"]["run_id"] == first["run_id"]
    assert row["reference"] == first["performance"][0]["throughput"]
    assert row["ratio"] == pytest.approx(row["throughput"] / row["reference"])
    assert row["passed"] is None
    assert rows(folder_of(out), "baseline")[0]["throughput ratio"] == pytest.approx(
        row["ratio"], abs=1e-3
    )


def test_a_tuned_om_is_compared_with_its_untuned_twin(place, tmp_path, capsys, monkeypatch):
    """Measured in turns; a gain is only claimed where its interval leaves nothing out."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    tuned = write_tiny_om(tmp_path / "tiny_bs4.om", 4)
    shutil.copy(tuned, tmp_path / "tiny_bs4_untuned.om")
    code, out, err = call(capsys, place, "--artifact", tuned, "--repeat", "2", *QUIET)
    assert code in (0, 6), err
    folder = folder_of(out)
    verdict = read(folder, "verdict.json")
    assert (verdict["backend"], verdict["comparison"]["untuned"]) == (
        "ascend", "tiny_bs4_untuned.om",
    )  # fmt: skip
    assert len(verdict["comparison"]["tuned_throughputs"]) == 2
    assert len(verdict["comparison"]["interval"]) == 2
    assert len(rows(folder, "comparison")) == 1
    assert any(entry["id"].startswith("bench.tuned_") for entry in verdict["warnings"])
    (row,) = verdict["performance"]
    assert (row["batch_size"], row["source"]) == (4, "random")
    found = {path.stem for path in (Path(folder) / "perf").iterdir()}
    assert found == {
        f"bs4_unknown{name}" for name in ("", "_untuned", "_r2", "_untuned_r2")
    }  # fmt: skip


def test_ascend_is_measured_on_images_as_files(place, tmp_path, capsys, monkeypatch):
    """The tool's own figures with its copies, and random input right afterwards."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    code, out, err = call(
        capsys, place, "--model", "background", "--backend", "ascend", "--dataset",
        place / "images", "--batch-size", "4",
    )  # fmt: skip
    assert code in (0, 6), err
    folder = folder_of(out)
    (row,) = read(folder, "verdict.json")["performance"]
    assert (row["source"], row["precision"]) == ("dataset", "fp16")
    assert row["h2d_ms"] is not None
    assert row["memory_bytes"] is None
    raw = read(folder, "perf", "bs4_fp16.json")
    assert raw["random_throughput"] > 0
    assert "inference/" in raw["tool"]
    assert not (Path(folder) / "work").exists()


def test_the_operators_of_an_om_are_those_of_msprof(place, tmp_path, capsys, monkeypatch):
    """By type and kind of core: what runs on the AI CPU is the first to look at."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    om = write_tiny_om(tmp_path / "tiny_bs4.om", 4)
    code, out, err = call(capsys, place, "--artifact", om, "--profile", *QUIET)
    assert code in (0, 6), err
    document = read(folder_of(out), "perf", "profile_bs4.json")
    assert ("TopKV2", "AI_CPU") in {
        (row["operator"], row["where"]) for row in document["operators"]
    }
    assert "Conv2D" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "--artifact"),
        (("--onnx", "ONNX", "--model", "two"), "--onnx stands alone"),
        (("--onnx", "ONNX", "--artifact", "ONNX"), "--artifact is named too"),
        (("--artifact", "ONNX", "--precision", "fp32"), "Leave --precision out"),
        (("--artifact", "ONNX", "--model", "two", "--checkpoint", "x"), "Leave --checkpoint out"),
        (("--artifact", "ONNX", "--dataset", "IMAGES"), "--model"),
        (("--artifact", "absent.onnx"), "absent.onnx"),
        (("--artifact", "LABELS"), "no backend runs"),
        (("--onnx", "ONNX", "--precision", "int8"), "--dataset DIR"),
        (("--onnx", "ONNX", "--precision", "fp7"), "fp32, int8"),
        (("--onnx", "ONNX", "--sample"), "--dataset"),
        (("--model", "two", "--dataset", "IMAGES", "--batch-size", "2"), "batch size 4"),
        (("--model", "two"), "--dataset"),
        (("--model", "nosuch"), "ghostnet"),
        (("--onnx", "ONNX", "--infer-tool", "msame"), "--backend ascend"),
    ],
)
def test_wrong_usage_names_what_to_type(argv, said, place, capsys):
    """Each of these would otherwise measure something else than was meant."""
    words = {"ONNX": place / "tiny.onnx", "IMAGES": place / "images",
             "LABELS": place / "val_label.txt"}  # fmt: skip
    code, _, err = call(capsys, place, *(words.get(word, word) for word in argv))
    assert code == 2, err
    assert said in err
