"""Reports: the same figures in every form, in both languages, and what they quote stays text."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib

import pytest

from ascend_console import cli
from ascend_console.tools import files, paths
from tests.data import recorded_runs

NASTY = "x<script>alert(1)</script>|`rm`\x1b[31m\u202eevil"


def whole_verdict(folder, **changes):
    """A verdict with every key that a real one has."""
    document = recorded_runs.verdict_document(folder)
    latency = {"mean": 8.61234567, "median": 8.5, "p90": 9.25, "p99": None}
    document["accuracy"] = [
        {"batch_size": size, "precision": "fp32", "metric": "top1", "value": 0.9566666666,
         "reference": 0.96, "reference_source": "torch float32", "tolerance": 1.0,
         "drop_points": 0.3333333333, "interval": [0.9, 0.98], "disagreements": 1,
         "images_needed": None, "passed": True}
        for size in (1, 8)
    ]  # fmt: skip
    document["performance"] = [
        {"batch_size": size, "precision": "fp32", "throughput": 133.98765432 * size,
         "card_throughput": 133.98765432 * size, "card_factor": 1, "e2e_throughput": None,
         "latency_ms": latency, "samples": 300, "source": "dataset", "official": False,
         "valid": size == 1, "validity": [] if size == 1 else [
             {"id": "x", "message": NASTY, "hint": "", "args": {}}],
         "reference": None, "ratio": None, "passed": None}
        for size in (1, 8)
    ]  # fmt: skip
    document["gates"] = [{"id": "accuracy", "passed": True, "why": ""}]
    document["tool"] = NASTY
    return document | changes


@pytest.fixture
def workspace(tmp_path):
    folder = recorded_runs.record(tmp_path / "ws", "20261120-101500-ghostnet-3f9a")
    files.write_json(folder / "verdict.json", whole_verdict(folder))
    return tmp_path / "ws"


def call(capsys, workspace, *words):
    code = cli.main(["report", "--workspace", str(workspace), *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_every_form_has_the_same_figures(workspace, capsys):
    """A figure that differs between two forms of one report would be trusted in neither."""
    document = json.loads(call(capsys, workspace, "--format", "json")[1])["runs"][0]
    rates = [row["throughput"] for row in document["performance"]]
    values = [row["value"] for row in document["accuracy"]]
    assert rates == [133.988, 1071.9]
    rows = list(csv.DictReader(io.StringIO(call(capsys, workspace, "--format", "csv")[1])))
    assert [float(row["throughput"]) for row in rows if row["throughput"]] == rates
    assert [float(row["value"]) for row in rows if row["value"]] == values
    for form in ("md", "html"):
        text = call(capsys, workspace, "--format", form)[1]
        for figure in (*rates, *values, 8.5, 9.25):
            assert re.search(rf"[>| ]{re.escape(repr(figure))}[<| ]", text), (form, figure)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("form", ["md", "html"])
def test_sections_come_in_the_order_of_the_guides(workspace, capsys, lang, form):
    code, text, _ = call(capsys, workspace, "--format", form, "--lang", lang)
    assert code == 0
    words = tomllib.loads((paths.assets() / "report" / "texts.toml").read_text("utf-8"))[lang]
    order = ("overview", "environment", "conversion", "preprocessing", "inference", "accuracy",
             "performance")  # fmt: skip
    places = [text.index(f"{number} {words[key]}") for number, key in enumerate(order, 1)]
    assert places == sorted(places)


@pytest.mark.parametrize("form", ["md", "html"])
def test_what_a_report_quotes_stays_text(workspace, capsys, form):
    """Tool lines and names come from anywhere; a report is opened in a browser."""
    text = call(capsys, workspace, "--format", form, "--remark", f"accuracy={NASTY}")[1]
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_html_needs_nothing_from_the_network(workspace, capsys):
    text = call(capsys, workspace, "--format", "html")[1]
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", text)
    assert text.startswith("<!doctype html>")


def test_a_remark_replaces_our_own(workspace, capsys):
    text = call(capsys, workspace, "--remark", "performance=as agreed")[1]
    assert "as agreed" in text


def test_a_remark_of_another_kind_is_refused(workspace, capsys):
    code, _, err = call(capsys, workspace, "--remark", "speed=good")
    assert code == 2
    assert "conversion|accuracy|performance" in err


def test_the_suffix_names_the_form_and_no_file_is_replaced_unasked(workspace, tmp_path, capsys):
    target = tmp_path / "report.html"
    assert call(capsys, workspace, "--output", target)[0] == 0
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert call(capsys, workspace, "--output", target)[0] == 2
    assert call(capsys, workspace, "--output", tmp_path / "report.doc")[0] == 2


def test_several_runs_make_one_report(workspace, capsys):
    folder = recorded_runs.record(workspace, "20261120-111500-ghostnet-77aa", minute=30)
    files.write_json(folder / "verdict.json", whole_verdict(folder))
    text = call(capsys, workspace, "--run", "20261120-101500,20261120-111500")[1]
    assert text.count("## 7 ") == 2


def test_a_run_without_a_verdict_has_no_report(workspace, capsys):
    recorded_runs.record(workspace, "20261120-121500-ghostnet-0000", ending=None, minute=40)
    code, _, err = call(capsys, workspace, "--run", "20261120-121500")
    assert code == 2
    assert "interrupted" in err


def test_both_languages_have_the_same_texts():
    words = tomllib.loads((paths.assets() / "report" / "texts.toml").read_text("utf-8"))
    assert words["en"].keys() == words["zh"].keys()
    for key, text in words["en"].items():
        holes = re.findall(r"\{\w+\}", text)
        assert sorted(holes) == sorted(re.findall(r"\{\w+\}", words["zh"][key])), key
