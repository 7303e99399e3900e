"""What users run into at the edges, each once found by trying."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from ascend_console.cli import main
from ascend_console.core import discovery, events
from ascend_console.core.errors import UserError
from ascend_console.core.events import Record
from ascend_console.jobs import _baseline
from ascend_console.tools import bins, files, run_folder
from ascend_console.tools.image_sets import open_dataset
from ascend_console.tools.torch_checkpoint import save_checkpoint


def call(capsys, tmp_path, *argv):
    code = main(["--workspace", str(tmp_path / "workspace"), *map(str, argv)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_images_count_by_content(tmp_path):
    """Other pixels of the same size and name must not meet figures of the old ones."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "val_label.txt").write_text("a.bmp 1\nb.bmp 2\n")
    for name, shade in (("a.bmp", 10), ("b.bmp", 200)):
        Image.new("RGB", (8, 8), (shade,) * 3).save(folder / name)
    before = open_dataset(folder, None, "classification").fingerprint()
    (folder / "a.bmp").write_bytes((folder / "b.bmp").read_bytes())
    assert open_dataset(folder, None, "classification").fingerprint() != before


def test_bins_of_an_earlier_pass_do_not_stay(tmp_path):
    """The next tool takes every file of the folder."""
    bins.write_bin(tmp_path, "a.jpg", np.zeros(3, np.float32))
    bins.prepare_folder(tmp_path, ["a.jpg", "b.jpg"])
    assert list(tmp_path.iterdir()) == []


def test_weights_that_answer_nothing_are_refused(tmp_path, capsys):
    """0 divided by 0 is no parity; nothing is left of the refusal."""
    spec = discovery.load("zoo", "ghostnet")
    network = spec.build()
    zero = {key: torch.zeros_like(value) for key, value in network.state_dict().items()}
    save_checkpoint(tmp_path / "zero.pth", zero, spec, "zeros")
    output = tmp_path / "out" / "zero.onnx"
    code, out, err = call(
        capsys, tmp_path, "export", "--model", "ghostnet", "--checkpoint", tmp_path / "zero.pth",
        "--output", output,
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert "nothing but 0" in err
    assert not output.exists()
    assert list((tmp_path / "workspace" / "runs").iterdir()) == []


def test_one_damaged_run_does_not_hide_the_others(tmp_path, capsys):
    """A history is worth most when something went wrong."""
    runs = tmp_path / "workspace" / "runs"
    for name, text in (("a", '{"schema": 1, "run'), ("b", '{"request": null}'), ("c", "[]")):
        folder = runs / f"20261120-101500-{name}-0000"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(text)
    assert run_folder.load(runs / "20261120-101500-b-0000").backend is None
    code, out, err = call(capsys, tmp_path, "runs", "list", "--format", "json")
    assert code == 0
    assert {entry["run_id"][16:17] for entry in json.loads(out)["runs"]} >= {"b", "c"}
    assert "20261120-101500-a-0000" in err
    assert "Traceback" not in err


def test_half_a_character_in_a_name_is_written_and_read(tmp_path):
    """File names are bytes; other encodings than UTF-8 exist."""
    name = os.fsdecode(b"a\xff.bin")
    files.write_json(tmp_path / "x.json", {"name": name})
    assert files.read_json(tmp_path / "x.json") == {"name": name}
    files.write_text(tmp_path / "x.info", f"0 {name} 224 224\n")
    assert b"a\xff.bin" in (tmp_path / "x.info").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="process numbers as POSIX has them")
def test_what_a_killed_writer_left_is_swept(tmp_path):
    """Nobody else knows what a hidden file of 100 MB was for."""
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          check=True, capture_output=True, text=True)  # fmt: skip
    dead = done.stdout.strip()
    (tmp_path / f".cat.{dead}.tmp.pth").write_text("half")
    (tmp_path / f".results-x.{dead}.tmp").mkdir()
    mine = tmp_path / f".dog.{os.getpid()}.tmp.pth"
    mine.write_text("mine")
    files.sweep_dead(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["convert", "--model", "ghostnet", "--sample", "--input-shape", "image:2,3,224,224"],
         "describes an ONNX file"),
        (["run", "--model", "ghostnet", "--sample", "--threads", "100000"], "100000 threads"),
    ],
)  # fmt: skip
def test_options_that_would_do_nothing_or_harm_are_refused(tmp_path, capsys, argv, said):
    """An option is followed or refused, never ignored."""
    code, _, err = call(capsys, tmp_path, *argv)
    assert code == 2
    assert said in err
    assert not list((tmp_path / "workspace" / "runs").glob("*"))


def test_a_file_that_is_not_ours_is_not_replaced(tmp_path, capsys):
    """--info names a file; if there is one already, it may be anything."""
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (300, 300)).save(images / "a.png")
    info = tmp_path / "notes.txt"
    info.write_text("mine")
    request = ("preprocess", "--variant", "resnet", "--input", images, "--output",
               tmp_path / "bins", "--info", info)  # fmt: skip
    code, _, err = call(capsys, tmp_path, *request)
    assert code == 2
    assert "--yes" in err
    assert info.read_text() == "mine"
    assert not (tmp_path / "bins").exists()
    assert call(capsys, tmp_path, *request, "--yes")[0] == 0
    assert "a.bin" in info.read_text()


def test_a_run_stands_beside_its_baseline(tmp_path, env):
    """What changed since an earlier run is one table; an untrusted rate gives no ratio."""
    row = {"batch_size": 8, "precision": "fp32"}
    old = {
        "run_id": "old",
        "model": "ghostnet",
        "accuracy": [{**row, "metric": "top1", "value": 0.90}],
        "performance": [{**row, "throughput": 100.0, "valid": True}],
    }
    new = {
        **old,
        "run_id": "new",
        "accuracy": [{**row, "metric": "top1", "value": 0.92}],
        "performance": [{**row, "throughput": 110.0, "valid": True}],
    }
    (told,) = _baseline.compare(new, old)
    assert told.row["accuracy points"] == 2.0
    assert told.row["throughput ratio"] == 1.1
    new["performance"][0] = {**row, "throughput": 110.0, "valid": False}
    (told,) = _baseline.compare(new, old)
    assert told.row["throughput ratio"] is None
    with pytest.raises(UserError, match="no verdict"):
        _baseline.open_baseline("a-run", env)
    finished = env.settings.workspace / "runs" / "20261120-101500-ghostnet-0000"
    finished.mkdir()
    files.write_json(finished / "verdict.json", {**old, "verdict": "PASS"})
    lines = (events.JobStarted("run", "ghostnet"), events.JobSucceeded("PASS", 0))
    log = run_folder.EventLog(finished)
    for number, event in enumerate(lines):
        log.append(Record("r", number, "2026-11-20T10:15:00.000Z", 1.0, event))
    log.close()
    assert _baseline.open_baseline("last", env)["run_id"] == "old"
