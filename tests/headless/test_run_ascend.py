"""`run --backend ascend` through test doubles of every vendor tool, to the CPU run's accuracy."""

from __future__ import annotations

import json
import re

import pytest

from ascend_console import cli
from ascend_console.core.stats import MeasurementPlan
from ascend_console.jobs import _file_steps
from tests.data.fake_ascend import TOOLS, fake_environ
from tests.data.user_models import onnx_bytes, write_images

IMAGES = 37  # of 16 a batch: the last one is partial


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tiny classifier, and images that it knows."""
    folder = tmp_path_factory.mktemp("ascend")
    (folder / "tiny.onnx").write_bytes(onnx_bytes("image"))
    write_images(folder / "images")
    return folder


def shorten(patch):
    """How long a measurement must be is tested elsewhere; here the way to it is."""
    quick = MeasurementPlan.__init__.__kwdefaults__ | {
        "warmup_executions": 1, "warmup_ms": 1.0, "least_ms": 20.0, "least_executions": 8,
        "slow_ms": 60.0, "slow_executions": 4,
    }  # fmt: skip
    patch.setattr(MeasurementPlan.__init__, "__kwdefaults__", quick)
    patch.setattr(_file_steps, "_RANDOM_S", 0.01)


@pytest.fixture(autouse=True)
def _short_measurements(monkeypatch):
    shorten(monkeypatch)


def call(capsys, place, *words):
    code = cli.main(["--workspace", str(place / "ws"), *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def run_words(place, *words):
    return (
        "run", "--onnx", place / "tiny.onnx", "--dataset", place / "images",
        "--limit", str(IMAGES), "--batch-size", "1,16", *words,
    )  # fmt: skip


def verdict_of(out):
    path = next(line for line in out.splitlines() if line.endswith("verdict.json"))
    with open(path) as stream:
        return json.load(stream)


def figures(verdict):
    """What must not depend on the runtime."""
    return [
        (row["batch_size"], row["metric"], row["value"], row["reference"])
        for row in verdict["accuracy"]
    ]


@pytest.fixture(scope="module")
def on_cpu(place):
    """The same run on ONNX Runtime, once."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        return cpu_verdict(place)


def cpu_verdict(place):
    code = cli.main(["--workspace", str(place / "ws"), *map(str, run_words(place, "--json"))])
    folder = max((place / "ws" / "runs").iterdir())
    assert code in (0, 7)
    return json.loads((folder / "verdict.json").read_text())


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_gives_the_accuracy_of_the_cpu(
    tool, place, tmp_path, capsys, monkeypatch, on_cpu
):
    """Batch 1 and 16, the last batch partial: no image may be lost, moved or counted twice."""
    name, generation = TOOLS[tool]
    for key, value in fake_environ(tmp_path / "fakes", generation).items():
        monkeypatch.setenv(key, value)
    code, out, err = call(
        capsys, place, *run_words(place, "--backend", "ascend", "--infer-tool", name)
    )
    assert code in (0, 7), err
    verdict = verdict_of(out)
    assert figures(verdict) == figures(on_cpu)
    assert verdict["images"] == {"total": IMAGES, "used": IMAGES, "bad": 0}
    assert verdict["device"] == "npu:0 Ascend310P3"
    assert "inference/" in verdict["tool"]
    folder = place / "ws" / "runs" / verdict["run_id"]
    recorded = json.loads((folder / "run.json").read_text())["environment"]
    assert recorded["npu-smi version"] is not None
    assert recorded["atc"].endswith("/atc")
    for row in verdict["performance"]:
        assert row["throughput"] > 0
        assert row["official"] is False
    assert "0 of 37 predictions differ" in err


def test_a_run_that_is_taken_up_again_repeats_no_conversion(place, tmp_path, capsys, monkeypatch):
    """An atc of a real model takes minutes."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    words = run_words(place, "--backend", "ascend")
    assert call(capsys, place, *words)[0] in (0, 7)
    _, _, err = call(capsys, place, *words, "-v")
    assert len(re.findall(r"tiny_bs\d+_fp16\.om from the cache", err)) == 2


def test_a_failing_converter_ends_the_run_with_cause_remedy_and_log(
    place, tmp_path, capsys, monkeypatch
):
    """The vendor's own words stay in the log; the message says what to do."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("FAKE_ATC", "E19010")
    # Another precision, so that no earlier conversion is in the cache.
    code, _, err = call(
        capsys, place, *run_words(place, "--backend", "ascend", "--precision", "fp32")
    )
    assert code == 3
    assert "error:" in err
    assert "hint:" in err
    assert "logs/" in err


def test_options_of_the_vendor_are_refused_elsewhere(place, capsys):
    """A flag that does nothing would be believed."""
    code, _, err = call(capsys, place, *run_words(place, "--soc-version", "Ascend310P3"))
    assert code == 2
    assert "--backend ascend" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--device", "9"), 4, "there is no device 9"),
        (("--soc-version", "Ascend310B4"), 2, "is not the chip of the device"),
        (("--infer-tool", "foo"), 2, "--infer-tool"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_converted(
    words, code, said, place, tmp_path, capsys, monkeypatch
):
    """A conversion in vain takes minutes."""
    for key, value in fake_environ(tmp_path / "fakes").items():
        monkeypatch.setenv(key, value)
    found, out, err = call(capsys, place, *run_words(place, "--backend", "ascend", *words))
    assert (found, out) == (code, "")
    assert said in err
