"""A run against an earlier one: a fall counts where it is large and no chance."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console import cli
from ascend_console.core.events import JobStarted, JobSucceeded, Record
from ascend_console.core.regression import accuracy_interval, judge_regression, wilson_interval
from ascend_console.core.settings import BaselineSettings
from ascend_console.core.stats import Measurement
from ascend_console.core.validity import Validity
from ascend_console.core.verdict import LatencyMs
from ascend_console.headless import arguments
from ascend_console.jobs import _baseline
from ascend_console.jobs._rates import MeasuredRate, write_rate
from ascend_console.tools import files, run_folder, settings_file

LIMITS = BaselineSettings()
AT = {"batch_size": 8, "precision": "fp32"}


def verdict(
    run_id="new", *, top1=0.9, throughput=100.0, interval=(99.0, 101.0), images=5000, **more
):
    """A verdict.json with one accuracy and one throughput."""
    rate = {**AT, "throughput": throughput, "valid": True, "source": "dataset"}
    return {
        "run_id": run_id,
        "model": "ghostnet",
        "device": "cpu:0",
        "threads": 2,
        "images": {"total": images, "used": images, "bad": 0},
        "fingerprint": {"data_set": "abc"},
        "accuracy": [{**AT, "metric": "top1", "value": top1, "reference": None, "interval": None}],
        "performance": [{**rate, "interval": interval}],
        **more,
    }


def ids(gate):
    return [entry.id for entry in gate.findings]


def judged(new, old=None, limits=LIMITS):
    return judge_regression(new, old or verdict("old"), limits)


# --- what falls ----------------------------------------------------------------------------------


def test_a_run_that_is_as_good_as_before_passes():
    gate = judged(verdict())
    assert (gate.state, gate.passed, ids(gate)) == ("PASS", True, ["baseline.held"])
    assert gate.to_json()["run_id"] == "old"


def test_an_accuracy_that_fell_beyond_chance_fails():
    """2 points of 5000 images are no accident."""
    gate = judged(verdict(top1=0.88))
    assert (gate.state, ids(gate)) == ("FAIL", ["baseline.accuracy_fell"])
    assert "2.000 points lower, allowed 1" in gate.findings[0].message


def test_a_fall_that_few_images_show_is_told_and_does_not_fail():
    """Of 300 images six more wrong ones prove nothing."""
    gate = judged(verdict(top1=0.88, images=300), verdict("old", images=300))
    assert (gate.state, ids(gate)) == ("PASS", ["baseline.held", "baseline.accuracy_unclear"])


def test_a_paired_interval_decides_where_there_is_one():
    """Against float32 on the same images few are enough: that interval is far narrower."""

    def paired(run_id, top1, interval):
        row = {**AT, "metric": "top1", "value": top1, "reference": 0.9, "interval": interval}
        return verdict(run_id, images=300) | {"accuracy": [row]}

    old = paired("old", 0.9, [-0.009, 0.009])
    assert judged(paired("new", 0.84, [0.03, 0.09]), old).state == "FAIL"
    assert judged(paired("new", 0.88, [0.001, 0.04]), old).state == "PASS"


def test_a_fall_up_to_the_limit_passes():
    assert ids(judged(verdict(top1=0.89))) == ["baseline.held"]
    assert ids(judged(verdict(throughput=95.0, interval=(94.0, 95.5)))) == ["baseline.held"]


def test_a_throughput_that_fell_beyond_its_spread_fails():
    gate = judged(verdict(throughput=90.0, interval=(89.0, 91.0)))
    assert (gate.state, ids(gate)) == ("FAIL", ["baseline.throughput_fell"])
    assert "10.0 % lower, allowed 5 %" in gate.findings[0].message


def test_measurements_that_overlap_prove_no_fall():
    """A busy minute makes windows wide, and their mean low."""
    gate = judged(verdict(throughput=90.0, interval=(70.0, 99.5)))
    assert (gate.state, ids(gate)) == ("PASS", ["baseline.held", "baseline.throughput_unclear"])


def test_a_gain_is_no_fall():
    assert judged(verdict(top1=0.99, throughput=300.0, interval=(290.0, 310.0))).state == "PASS"


def test_the_limits_are_settings():
    """A nightly run may be stricter than a laptop."""
    new = verdict(top1=0.88, throughput=90.0, interval=(89.0, 91.0))
    lax = BaselineSettings(accuracy_points=3, throughput_percent=15)
    assert judged(new, limits=lax).state == "PASS"
    strict = BaselineSettings(accuracy_points=0.1, throughput_percent=0)
    assert judged(verdict(top1=0.89, throughput=97.0, interval=(96.0, 98.0)),
                  limits=strict).state == "FAIL"  # fmt: skip


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_an_interval_holds_its_value_and_stays_a_fraction(value, n):
    low, high = wilson_interval(value, n)
    assert low <= value + 1e-9
    assert high >= value - 1e-9
    assert low >= -1e-9
    assert high <= 1 + 1e-9


def test_an_accuracy_of_no_image_has_no_interval():
    assert accuracy_interval({"value": 0.5}, 0) is None
    assert accuracy_interval({"value": None}, 100) is None


# --- what is not judged --------------------------------------------------------------------------


def row_changed(document, **changes):
    return document | {"performance": [{**document["performance"][0], **changes}]}


SLOW = verdict(throughput=50.0, interval=(49.0, 51.0))


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (row_changed(SLOW, valid=False), verdict("old"), "baseline.untrusted"),
        (SLOW, row_changed(verdict("old"), valid=False), "baseline.untrusted"),
        (row_changed(SLOW, source="random"), verdict("old"), "baseline.other_input"),
        (row_changed(SLOW, interval=None), verdict("old"), "baseline.no_spread"),
        (SLOW | {"device": "cuda:0"}, verdict("old"), "baseline.other_device"),
        (
            SLOW | {"processor": "a"},
            verdict("old") | {"processor": "b"},
            "baseline.other_device",
        ),
    ],
)
def test_a_throughput_that_proves_nothing_is_not_judged_and_said(new, old, said):
    """The accuracy still is."""
    gate = judged(new, old)
    assert (gate.state, ids(gate)) == ("PASS", ["baseline.held", said])


def test_an_untrusted_side_is_named():
    gate = judged(row_changed(SLOW, valid=False), row_changed(verdict("old"), valid=False))
    assert "this run and the baseline" in gate.findings[1].message


def test_other_images_have_no_common_accuracy():
    """A fall on harder images is none of the model."""
    new = verdict(top1=0.5) | {"fingerprint": {"data_set": "other"}}
    assert ids(judged(new)) == ["baseline.held", "baseline.other_data"]


def test_another_model_is_compared_with_nothing():
    gate = judged(verdict(top1=0.1), verdict("old") | {"model": "deepmar"})
    assert (gate.state, gate.passed, ids(gate)) == ("NO_RULE", None, ["baseline.other_model"])


def test_runs_without_a_common_row_are_not_judged():
    """Another number of threads is another measurement."""
    other = {"batch_size": 1}
    old = verdict("old")
    old = old | {
        "accuracy": [{**old["accuracy"][0], **other}],
        "performance": [{**old["performance"][0], "threads": 1}],
    }
    gate = judged(SLOW, old)
    assert (gate.state, ids(gate)) == ("NO_RULE", ["baseline.nothing"])


def test_an_unknown_figure_is_no_fall():
    """Null is unknown, never 0."""
    new = verdict(top1=None, throughput=None, interval=None)
    assert judged(new).state == "NO_RULE"


# --- exit codes ----------------------------------------------------------------------------------


def test_a_fall_exits_5_whatever_the_verdict_but_no_error_is_hidden():
    gate = judged(SLOW)
    assert [gate.exit_code(code) for code in (0, 5, 6, 7, 3)] == [5, 5, 5, 5, 3]
    assert [judged(verdict()).exit_code(code) for code in (0, 7)] == [0, 7]


# --- run folders ---------------------------------------------------------------------------------


class _Backend:
    def infer_version(self):
        return "a tool"

    def device_name(self):
        return "cpu:0"


def stored(env, name, document, rates, job="run"):
    """A finished run with a measurement of these windows."""
    folder = env.settings.workspace / "runs" / name
    folder.mkdir(parents=True)
    files.write_json(folder / "verdict.json", {**document, "run_id": name, "verdict": "PASS"})
    write_windows(folder, "bs8_fp32", rates)
    log = run_folder.EventLog(folder)
    stamp = f"2026-11-20T10:{name[-2:]}:00.000Z"
    for number, event in enumerate((JobStarted(job, "ghostnet"), JobSucceeded("PASS", 0))):
        log.append(Record(name, number, stamp, 1.0, event))
    log.close()
    return folder


def write_windows(folder, stem, rates):
    measurement = Measurement(
        batch_size=8, latency_ms=LatencyMs(mean=1.0), throughput=sum(rates) / len(rates),
        samples=100, elapsed_ms=3000, min_ms=1, max_ms=2, variation=0.1, stable=True, enough=True,
        window_throughputs=tuple(rates),
    )  # fmt: skip
    rate = MeasuredRate(
        batch_size=8, throughput=100.0, latency_ms=LatencyMs(), executions=100,
        validity=Validity(True), figures=measurement,
    )  # fmt: skip
    facts = {"key": "k", "batch_size": 8, "precision": "fp32", "threads": 2}
    write_rate(rate, folder / "perf" / f"{stem}.json", _Backend(), facts)


def without_interval(document):
    return row_changed(document, interval=None)


def test_the_windows_of_a_measurement_are_its_spread(env):
    """`run` measures once: from the slowest to the fastest window; repeats count too."""
    folder = stored(env, "20261120-101501-ghostnet-0001", without_interval(verdict()), [98, 101])
    write_windows(folder, "bs8_fp32_r2", [97, 99])
    write_windows(folder, "bs8_fp32_untuned", [1, 2])
    (folder / "perf" / "bs8_fp32_r3.json").write_text("{torn")
    old = _baseline.open_baseline("20261120-101501", env)
    assert old["performance"][0]["interval"] == (97.0, 101.0)
    kept = _baseline.with_intervals(verdict(), folder)
    assert kept["performance"][0]["interval"] == (99.0, 101.0)


def test_a_run_is_judged_by_the_files_of_both(env):
    name = "20261120-101501-ghostnet-0001"
    stored(env, name, without_interval(verdict()), [98, 99, 101])
    old = _baseline.open_baseline(name, env)
    new = without_interval(verdict(throughput=80.0))
    write_windows(env.folder, "bs8_fp32", [78, 80, 82])
    gate = _baseline.baseline_gate(new, old, env.settings, env.folder)
    assert (gate.state, gate.run_id) == ("FAIL", name)
    assert [event.row["gate"] for event in _baseline.told(gate)] == ["baseline"]
    lax = replace(env.settings, baseline=BaselineSettings(throughput_percent=30))
    assert _baseline.baseline_gate(new, old, lax, env.folder).state == "PASS"
    write_windows(env.folder, "bs8_fp32", [60, 80, 100])
    assert _baseline.baseline_gate(new, old, env.settings, env.folder).state == "PASS"


def test_the_last_baseline_is_a_run_with_figures(env):
    """A comparison that came later has a verdict, and no throughput to fall from."""
    stored(env, "20261120-101501-ghostnet-0001", verdict(), [99, 101])
    stored(env, "20261120-101502-ghostnet-0002", verdict(), [99, 101], job="compare")
    assert _baseline.open_baseline("last", env)["run_id"].endswith("0001")


# --- `runs diff`, which only tells ---------------------------------------------------------------


def test_runs_diff_tells_a_fall_and_exits_0(env, capsys):
    """It answers a question; `--baseline` is what decides."""
    names = ["20261120-101501-ghostnet-0001", "20261120-101502-ghostnet-0002"]
    stored(env, names[0], verdict(), [99, 101])
    stored(env, names[1], verdict(top1=0.2, throughput=10.0, interval=(9.0, 11.0)), [9, 11])
    workspace = ("--workspace", str(env.settings.workspace))
    assert cli.main([*workspace, "runs", "diff", *names, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"][0]["difference_points"] == pytest.approx(-70)


# --- the settings file ---------------------------------------------------------------------------


def test_the_limits_are_read_from_the_settings_file(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("[baseline]\naccuracy_points = 0.5\n")
    typed = arguments.parse(["--config", str(file), "models"])
    settings = cli._settings(typed, {})
    assert settings.baseline == BaselineSettings(accuracy_points=0.5, throughput_percent=5.0)
    assert settings.origins["baseline"] == f"file {file}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[baseline]\naccuracy = 1\n", "line 2: there is no setting 'baseline.accuracy'"),
        ("\n[baseline]\nthroughput_percent = -1\n", "line 3: baseline.throughput_percent is -1"),
        ("[baseline]\naccuracy_points = true\n", "must be a number of at least 0"),
        ('[baseline]\naccuracy_points = "1"\n', "must be a number of at least 0"),
        ("[baseline]\naccuracy_points = nan\n", "must be a number of at least 0"),
        ("baseline = 3\n", "line 1: baseline is 3, and must be a table"),
    ],
)
def test_a_wrong_limit_is_named_with_its_line(tmp_path, text, said):
    """A limit that is silently another one would let a fall through."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    (mistake,) = settings_file.mistakes(file)
    assert said in mistake.message
