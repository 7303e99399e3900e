"""`perf` and `accuracy` as a script and a reader meet them: the guides' tables, and own runs."""

from __future__ import annotations

import csv
import io
import json

import pytest

from ascend_console.cli import main
from tests.data.recorded_runs import record

MODELS = ("se_resnet50", "moco_v2", "deepmar", "ghostnet")
OWN = "cpu:0 onnxruntime fp32 sample"

MOCO = """\
| batch | 310 | 310P | T4 | {own} | 310P/310 | 310P/T4 | remark |
| --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | 1604.244 | 1371.17 | 915.818 | 100 (recorded, sample) | 0.854714 [1] | 1.497208 | official |
| 4 | 2172.888 | 3288.38 | 1313.518 | - | 1.513368 | 2.503491 [2] | recorded |
| 8 | 2418.532 | 3045.12 | 1066.401 | 282.8 (recorded, sample) | 1.259078 | 2.855511 | recorded |
| 16 | 2444.788 | 2974.07 | 1692.353 | - | 1.216494 | 1.757358 | official |
| 32 | 2237.228 | 2607.27 | 1734.916 | - | 1.165402 | 1.502822 | recorded |
| 64 | 1703.216 | 2551.53 | 1870.913 | - | 1.498066 | 1.363789 | recorded |
"""

PERFORMANCE = {
    "se_resnet50": ("not met", "not computable"),
    "moco_v2": ("met", "met"),
    "deepmar": ("met", "not computable"),
    "ghostnet": ("met", "met"),
}


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "workspace"


@pytest.fixture
def call(workspace, capsys, tmp_path):
    """Run a command in this process: (exit code, stdout, stderr)."""
    (tmp_path / "config.toml").touch()

    def run(*argv):
        config = ("--config", str(tmp_path / "config.toml"))
        code = main(["--workspace", str(workspace), *config, *argv])
        seen = capsys.readouterr()
        assert "Traceback" not in seen.err
        return code, seen.out, seen.err

    return run


@pytest.fixture
def document(call):
    """The JSON document of a command."""

    def run(*argv):
        code, out, err = call(*argv, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def finished(workspace, name="20261120-101500-moco_v2-3f9a", model="moco_v2", **changes):
    """A finished run of a model, its verdict changed where it is asked for."""
    verdict = changes.pop("verdict", {})
    folder = record(workspace, name, document={"model": model, **changes.pop("document", {})},
                    **changes)  # fmt: skip
    path = folder / "verdict.json"
    stored = json.loads(path.read_text()) | {"model": model} | verdict
    path.write_text(json.dumps(stored))
    return folder


def test_the_table_of_the_guide_comes_out_beside_the_own_column(workspace, call):
    """What people made by hand, with the cells that differ from print footnoted."""
    finished(workspace)
    code, out, _ = call("perf", "--model", "moco_v2", "--format", "md")
    assert code == 0
    assert out.startswith(MOCO.format(own=OWN))
    rows = out.splitlines()
    (best,) = (row for row in rows if row.startswith("| best of each "))
    assert best.split(" | ")[1:7] == [
        "2444.788 at 16", "3288.38 at 4", "1870.913 at 64", "282.8 at 8 (recorded, sample)",
        "1.345057 ok, gate 1.2", "1.757634 ok, gate 1.6",
    ]  # fmt: skip
    (same,) = (row for row in rows if row.startswith("| same batch, 4 "))
    assert "| 1.513368 | 2.503491 [2] |" in same
    (footnote,) = (row for row in rows if row.startswith("- [2] "))
    assert "The guide prints 2.503371; 3288.38 / 1313.518 is 2.503491." in footnote
    (per_card,) = (row for row in rows if row.startswith("| per card "))
    assert "| x4, inferred | x1, inferred | x1, inferred | x1, stated |" in per_card
    assert "published (moco_v2-guide, line 229): met" in out
    assert "recomputed: met; 310P/310: 1.345, at least 1.2 wanted" in out


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("command", ["perf", "accuracy"])
def test_every_form_has_the_same_rows(command, model, call, document):
    """Table, Markdown and CSV are one listing."""
    table = call(command, "--model", model)[1].splitlines()
    markdown = call(command, "--model", model, "--format", "md")[1].splitlines()
    rows = list(csv.reader(io.StringIO(call(command, "--model", model, "--format", "csv")[1])))
    assert table.index("") == len(rows) == markdown.index("") - 1
    assert len(table) == len(markdown) - 1
    assert [len(row) for row in rows] == [len(rows[0])] * len(rows)
    assert document(command, "--model", model)["schema"] == 1


@pytest.mark.parametrize("model", MODELS)
def test_the_document_has_the_keys_that_scripts_rely_on(model, document):
    """`perf` is an interface (design.md section 2); unknown is null."""
    found = document("perf", "--model", model)
    keys = {"document", "model", "device", "device_index", "batch_size", "throughput", "per",
            "factor", "official", "source", "printed", "recomputed", "run_id", "note"}  # fmt: skip
    assert found["rows"]
    for row in found["rows"]:
        assert keys <= row.keys()
        assert (row["document"], row["per"], row["run_id"]) == (f"{model}-guide", "card", None)
    for ratio in found["ratios"]:
        assert {"a", "b", "batch_size", "value", "printed", "gate", "passed"} <= ratio.keys()
        if ratio["batch_size"] is not None:
            assert ratio["passed"] is None
    accuracy, performance = found["judgements"]
    assert (accuracy["kind"], accuracy["published"]) == ("accuracy", "met")
    said = (performance["published"], performance["recomputed"])
    assert said == PERFORMANCE[model]
    assert performance["basis"].startswith("310P/310: ")
    assert {row["device"] for row in found["best"]} == {row["device"] for row in found["rows"]}


def test_what_contradicts_itself_is_footnoted(call, document):
    """DeepMAR: wrong products, six logs that cannot be, and a best batch that is doubtful."""
    rows = {row["batch_size"]: row for row in document("perf", "--model", "deepmar")["rows"]}
    assert (rows[16]["printed"], rows[16]["recomputed"]) == (2171.812, 2171.74)
    assert (rows[16]["throughput"], rows[16]["misprinted"]) == (2171.74, True)
    assert "491.668 x 4" in rows[8]["note"]
    assert rows[8]["device_index"] == 1
    assert all("contradicts itself" in row["log_note"] for row in rows.values())
    text = call("perf", "--model", "deepmar")[1]
    assert "2171.74 at 16 [10] (recorded, doubtful)" in text
    assert "310P/310: not computable: no 310P figure" in text
    assert "310/T4: not computable: no T4 figure" in text


def test_the_copies_stand_beside_the_published_rate(call, document):
    """GhostNet: 3439 without the copies, 1675 with them, and an unstable measurement."""
    (row,) = (row for row in document("perf", "--model", "ghostnet")["rows"] if row["with_copies"])
    assert (row["device"], row["batch_size"], round(row["with_copies"])) == ("310P", 16, 1675)
    text = call("perf", "--model", "ghostnet")[1]
    assert "16 with copies" in text
    assert "Unstable: the mean time" in text
    assert "6.7452 [3]" in text


def test_a_cpu_stands_in_a_ratio_only_where_it_is_asked_for(workspace, call, document):
    """And then it is said to be none of an NPU, and decides nothing."""
    finished(workspace)
    plain = document("perf", "--model", "moco_v2")
    assert not [row for row in plain["ratios"] if "cpu" in row["a"] + row["b"]]
    asked = document("perf", "--model", "moco_v2", "--columns", "310P/310,310P/cpu:0")
    own = [row for row in asked["ratios"] if row["b"] == "cpu:0"]
    assert [row["batch_size"] for row in own if row["value"]] == [1, 8, None]
    assert {(row["gate"], row["passed"], row["document"]) for row in own} == {(None, None, None)}
    assert all("not an NPU result" in row["remark"] for row in own)
    text = call("perf", "--model", "moco_v2", "--columns", "310P/cpu:0")[1]
    assert "is a CPU, not an NPU result" in text
    assert "310P/310" not in text.splitlines()[0]


def test_an_own_figure_that_is_not_trusted_is_marked_and_is_no_best(workspace, call, document):
    """The newest figure of a device, backend and precision is shown, whatever it is."""
    finished(workspace)
    performance = [
        {"batch_size": 1, "precision": "fp32", "throughput": 999.0, "valid": False,
         "source": "dataset", "validity": [{"id": "measure.unstable", "message": "bs1: unstable"}]},
        {"batch_size": 16, "precision": "int8", "throughput": 500.0, "valid": True,
         "source": "random"},
    ]  # fmt: skip
    finished(workspace, "20261120-102000-moco_v2-77aa", minute=20,
             verdict={"performance": performance})  # fmt: skip
    found = document("perf", "--model", "moco_v2")
    own = {(row["precision"], row["batch_size"]): row for row in found["rows"] if row["run_id"]}
    assert own["fp32", 1]["throughput"] == 999.0
    assert own["fp32", 1]["mark"] == "recorded, sample, not valid"
    assert own["fp32", 1]["note"] == "bs1: unstable"
    assert own["fp32", 8]["run_id"].endswith("3f9a")
    assert own["int8", 16]["mark"] == "approximate"
    best = {row["column"]: row["batch_size"] for row in found["best"] if row["run_id"]}
    assert best == {OWN: 8}
    assert "999 (recorded, sample, not valid) [" in call("perf", "--model", "moco_v2")[1]


def test_an_imported_run_is_labelled_with_its_origin(workspace, call, document):
    """A figure of another machine must not pass for one of this machine."""
    imported = {"at": "2026-11-21T08:00:00Z", "from": "server.zip"}
    verdict = {"device": "npu:0", "backend": "ascend", "provider": None, "weights": "official",
               "performance": [{"batch_size": 16, "precision": "fp16", "throughput": 700.0,
                                "card_factor": 4, "valid": True, "source": "dataset",
                                "official": True}]}  # fmt: skip
    finished(workspace, document={"imported": imported, "request": {"backend": "ascend"}},
             verdict=verdict)  # fmt: skip
    (row,) = (row for row in document("perf", "--model", "moco_v2")["rows"] if row["run_id"])
    assert (row["throughput"], row["factor"], row["official"]) == (2800.0, 4, True)
    assert (row["origin"], row["mark"], row["device_index"]) == ("imported", "official", 0)
    text = call("perf", "--model", "moco_v2", "--columns", "npu:0/310P")[1]
    assert "npu:0 ascend fp16 imported" in text
    assert "imported 2026-11-21T08:00:00Z from server.zip" in text
    assert "across documents or runs is shown and never gated" in text


def test_two_documents_are_shown_side_by_side_and_never_gated(call, document):
    """Each keeps its own columns; a ratio between them is footnoted."""
    documents = "ghostnet-guide,ghostnet-modelzoo-2022-12"
    later = "310P@ghostnet-modelzoo-2022-12"
    found = document("perf", "--document", documents, "--columns", f"{later}/310")
    across = [row for row in found["ratios"] if row["across_documents"]]
    assert across
    assert {(row["gate"], row["passed"]) for row in across} == {(None, None)}
    wins = {row["column"]: row["wins"] for row in found["best"]}
    assert wins == {"310": None, "310P": False, "T4": None, later: True}
    text = call("perf", "--document", documents, "--columns", f"{later}/310")[1]
    assert "1.850 [" in text


def test_a_doubtful_document_wins_no_comparison(document):
    """Batches a second that were called images make the higher figure, and a doubtful one."""
    found = document("perf", "--document", "moco_v2-guide,moco_v2-modelzoo-2023-01")
    best = {row["document"]: row for row in found["best"] if row["device"] == "310P"}
    later, guide = best["moco_v2-modelzoo-2023-01"], best["moco_v2-guide"]
    assert later["throughput"] > guide["throughput"]
    assert (later["wins"], guide["wins"]) == (False, True)
    assert (later["printed_batch_size"], later["batch_size"]) == (4, 8)
    assert "batches a second" in next(
        entry["doubtful"] for entry in found["documents"] if entry["doubtful"]
    )


def test_all_models_stand_in_one_table(call, document):
    """Without --model the table has a column for it."""
    assert {row["model"] for row in document("perf")["rows"]} == set(MODELS)
    assert call("perf")[1].startswith("model ")
    assert len(document("perf")["judgements"]) == 8


def test_own_references_are_shown_and_their_mistakes_warned_about(call, document, tmp_path):
    """The same schema as the shipped ones; a broken file takes nothing away."""
    folder = tmp_path / "references"
    folder.mkdir()
    text = (
        'schema = 1\nid = "ours"\nmodel = "ghostnet"\ntitle = "Ours"\n'
        '[[columns]]\ndevice = "310P"\nper = "card"\nfactor = 1\n'
        '[[throughput]]\ndevice = "310P"\nbatch_size = 8\nprinted = 3800.0\n'
    )
    (folder / "ours.toml").write_text(text)
    (folder / "odd.toml").write_text(text.replace("factor = 1", "factor = 0"))
    (row,) = document("perf", "--document", "ours")["rows"]
    assert (row["throughput"], row["document"], row["source"]) == (3800.0, "ours", "ours")
    code, out, err = call("perf", "--model", "ghostnet")
    assert code == 0
    assert "odd.toml, line 8: columns[1].factor is 0" in err
    assert "3739.9555" in out
    assert call("perf", "--document", "odd")[0] == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--model", "nope"), "there is no model 'nope'"),
        (("--document", "nope"), "there is no reference set 'nope'"),
        (("--model", "deepmar", "--document", "ghostnet-guide"), "ghostnet-guide"),
        (("--columns", "310P"), "'310P'"),
        (("--columns", "310P/310P"), "'310P/310P'"),
        (("--columns", "V100/310"), "'V100'"),
    ],
)
def test_what_there_is_not_is_an_error_that_names_what_there_is(call, argv, said):
    """Exit 2, and a list to choose from."""
    code, out, err = call("perf", *argv)
    assert (code, out) == (2, "")
    assert said in err
    assert "hint:" in err


# --- accuracy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_accuracy_has_the_keys_that_scripts_rely_on(model, workspace, document):
    """Values are fractions, drops are in points and in percent of the reference."""
    finished(workspace, model=model)
    rows = document("accuracy", "--model", model)["rows"]
    keys = {"document", "model", "backend", "device", "batch_size", "precision", "metric", "value",
            "reference", "drop_points", "images", "source", "run_id", "fingerprint"}  # fmt: skip
    assert all(keys <= row.keys() for row in rows)
    assert {row["document"] for row in rows} == {f"{model}-guide", None}
    for row in rows:
        if row["drop_points"] is not None:
            drop = row["reference"] - row["value"]
            assert row["drop_points"] == pytest.approx(100 * drop)
            assert row["drop_percent"] == pytest.approx(100 * drop / row["reference"])
            assert row["passed"] is (drop <= 0.01)


def test_two_comparisons_of_one_figure_are_two_rows(document):
    """MoCo's guide compares two NPUs; the checkpoint that was exported is the reference."""
    rows = [row for row in document("accuracy", "--model", "moco_v2")["rows"]
            if (row["device"], row["metric"]) == ("310P", "top1")]  # fmt: skip
    assert [(row["value"], row["reference"]) for row in rows] == [
        (0.6728, 0.67589), (0.6728, 0.6731)
    ]  # fmt: skip
    assert rows[1]["reference_source"] == "310, moco_v2-guide, line 203"
    assert {(row["batch_size"], row["passed"], row["line"]) for row in rows} == {(32, True, 204)}


def test_a_judgement_without_a_figure_is_shown_as_such(call, document):
    """GhostNet's guide calls its accuracy met, and prints none."""
    rows = [row for row in document("accuracy", "--model", "ghostnet")["rows"] if row["of"] == "om"]
    assert {(row["value"], row["drop_points"], row["passed"]) for row in rows} == {(None,) * 3}
    text = call("accuracy", "--model", "ghostnet")[1]
    assert "not printed [1]" in text
    assert "published (ghostnet-guide, line 218): met" in text
    assert "recomputed: not computable" in text


def test_own_accuracies_show_their_interval_and_gate(workspace, call, document):
    """What a run judged stands beside what is published."""
    figure = {"batch_size": 8, "precision": "int8", "metric": "top1", "value": 0.95,
              "reference": 0.96, "reference_source": "torch float32 on the same 300 images",
              "tolerance": 1.0, "drop_points": 1.0, "interval": [-0.002, 0.022],
              "disagreements": 3, "images_needed": 900, "passed": False}  # fmt: skip
    finished(workspace, verdict={"accuracy": [figure]})
    (row,) = (row for row in document("accuracy", "--model", "moco_v2")["rows"] if row["run_id"])
    assert (row["value"], row["interval"], row["passed"]) == (0.95, [-0.002, 0.022], False)
    assert (row["images"], row["weights"], row["images_needed"]) == (300, "sample", 900)
    text = call("accuracy", "--model", "moco_v2")[1]
    assert "-0.20 to +2.20" in text
    assert "against torch float32 on the same 300 images" in text


def test_figures_of_different_pixels_are_warned_about(workspace, call, document):
    """Another decoder moves the accuracy by more than a conversion does."""
    finished(workspace)
    verdict = {"device": "npu:0", "fingerprint": {"decoder": "pillow", "version": "12.0"}}
    finished(workspace, "20261120-102000-moco_v2-77aa", minute=20, verdict=verdict)
    code, _, err = call("accuracy", "--model", "moco_v2")
    assert code == 0
    assert "own figures have 2 fingerprints, which differ in version" in err
    found = document("accuracy", "--model", "moco_v2")
    names = {row["fingerprint"] for row in found["rows"] if row["run_id"]}
    assert names == set(found["fingerprints"])
    assert {entry["version"] for entry in found["fingerprints"].values()} == {"11.0", "12.0"}


def test_damaged_figures_of_a_run_are_left_out(workspace, document):
    """An imported verdict may hold anything."""
    rows = [
        7,
        {"batch_size": "1", "throughput": 5.0},
        {"batch_size": 1, "throughput": "5"},
        {"batch_size": 1, "throughput": -5.0},
        {"batch_size": 4, "throughput": True},
    ]
    figures = [{"batch_size": 1, "metric": 3, "value": 0.5}, {"batch_size": 1, "metric": "top1"}]
    finished(workspace, verdict={"performance": rows, "accuracy": figures})
    for command in ("perf", "accuracy"):
        found = document(command, "--model", "moco_v2")["rows"]
        assert not [row for row in found if row["run_id"]]


def test_runs_that_did_not_finish_are_left_out(workspace, document):
    """Their verdict may be that of an earlier attempt."""
    record(workspace, "20261120-101500-moco_v2-3f9a", ending=None, document={"model": "moco_v2"})
    assert not [row for row in document("perf", "--model", "moco_v2")["rows"] if row["run_id"]]
