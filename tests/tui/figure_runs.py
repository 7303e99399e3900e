"""Run folders with figures in them: measurements, predictions, and images to look at."""

from __future__ import annotations

import csv

from ascend_console.tools import files
from tests.data.recorded_runs import record

RUN = "20261120-101500-ghostnet-77aa"
OLDER = "20261119-101500-ghostnet-12c4"
FOREIGN = {
    "id": "measure.foreign_load",
    "args": {"batch": "bs1", "processes": "make (pid 7, 90 % of a core)"},
    "message": "bs1: the device was not ours alone: make (pid 7, 90 % of a core)",
    "hint": "Stop these processes, or wait for them with --wait-idle, and measure again.",
}
FINGERPRINT = {
    "data_set": "abc", "images": 4, "variant": "own", "resize": "short 8", "filter": "bilinear",
    "crop": 8, "mean": [0.5] * 3, "std": [0.5] * 3, "dtype": "float32", "layout": "CHW",
    "library": "pillow", "pillow": "13.0.0",
}  # fmt: skip
# Name, class, the classes that the artefact found, those of the reference.
CLASSES = (
    ("cat_1.png", "3", "34", "34"),
    ("cat_2.png", "3", "43", "34"),
    ("[b]dog\n1.png", "4", "34", "34"),
    ("dog_2.png", "4", "43", "43"),
)
ATTRIBUTES = ("Hat", "Bag", "Male")
# Name, attributes, those that the artefact found, those of the reference.
PERSONS = (
    ("a.png", "110", "110", "110"),
    ("b.png", "010", "011", "010"),
    ("c.png", "101", "001", "001"),
)


def rate_row(size, rate, **changes):
    """A row of the table performance of verdict.json."""
    return {
        "batch_size": size, "precision": "fp32", "throughput": rate, "card_throughput": rate,
        "card_factor": 1, "e2e_throughput": rate / 2,
        "latency_ms": {"mean": 1000 * size / rate, "median": 990 * size / rate, "p90": 9.5,
                       "p99": None},
        "samples": 114, "source": "dataset", "official": False, "valid": True, "validity": [],
        "reference": None, "ratio": None, "passed": None, **changes,
    }  # fmt: skip


def accuracy_row(size, metric, value, **changes):
    """A row of the table accuracy of verdict.json; by default only recorded."""
    row = dict.fromkeys(("reference", "reference_source", "tolerance", "drop_points", "interval",
                         "disagreements", "images_needed", "passed"))  # fmt: skip
    return {"batch_size": size, "precision": "fp32", "metric": metric, "value": value,
            **row, **changes}  # fmt: skip


def paired(value, reference, interval, **changes):
    """The changes of a row that was judged by float32 on the same four images."""
    return {
        "value": value, "reference": reference, "tolerance": 1.0,
        "reference_source": "torch float32 on the same 4 images",
        "drop_points": 100 * (reference - value), "interval": list(interval), **changes,
    }  # fmt: skip


def _predictions(path, rows, heads):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)


def write_classes(folder, size, *, reference=True, shares=False):
    """What a classifier predicted at a batch size, and with `reference` what torch did."""
    heads = ["name", "label", "rank", "class_1", "class_2"]
    ours = [(name, label, found.index(label), *found) for name, label, found, _ in CLASSES]
    theirs = [(name, label, found.index(label), *found) for name, label, _, found in CLASSES]
    if shares:
        heads += ["share_1", "share_2"]
        ours = [(*row, 0.61, 0.25) for row in ours]
    _predictions(folder / "accuracy" / f"bs{size}_fp32" / "predictions.csv", ours, heads)
    if reference:
        _predictions(folder / "accuracy" / "reference" / "predictions.csv", theirs, heads[:5])


def write_attributes(folder, size, *, reference=True):
    """What a model of attributes predicted."""
    heads = ["name", "labels", "predicted"]
    place = folder / "accuracy" / f"bs{size}_fp32"
    _predictions(place / "predictions.csv", [row[:3] for row in PERSONS], heads)
    document = {"attributes": [{"name": name} for name in ATTRIBUTES]}
    files.write_json(place / "accuracy.json", document)
    if reference:
        rows = [(name, labels, theirs) for name, labels, _, theirs in PERSONS]
        _predictions(folder / "accuracy" / "reference" / "predictions.csv", rows, heads)


def write_rate(folder, size, **changes):
    """The file of one measurement."""
    document = {
        "schema": 1, "tool": "ONNX Runtime 1.31.1 (CPUExecutionProvider)", "device": "cpu:0",
        "batch_size": size, "precision": "fp32", "threads": 2, "throughput": 100.0,
        "latency_ms": {"mean": 10.0, "median": 9.9, "p90": 9.5, "p99": None}, "executions": 114,
        "source": "dataset", "h2d_ms": None, "d2h_ms": None, "random_throughput": None,
        "measurement": {"min_ms": 9.0, "max_ms": 12.0, "first_ms": 30.0, "variation": 0.019,
                        "warmup_executions": 10, "window_throughputs": [98.0, 100.0, 101.0]},
        "valid": True, "reasons": [], "notes": [], "latencies_ms": [10.0, 9.0, 12.0],
        **changes,
    }  # fmt: skip
    files.write_json(folder / "perf" / f"bs{size}_fp32.json", document)


def write_images(folder, names):
    """A picture for each name: left half red, right half blue, 20 x 10 pixels."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (20, 10), (200, 0, 0))
    image.paste((0, 0, 200), (10, 0, 20, 10))
    for name in names:
        image.save(folder / name, "PNG")
    return folder


def figured_run(workspace, name=RUN, *, model="ghostnet", request=None, **verdict):
    """A finished run whose verdict.json has these tables."""
    asked = {"model": [model], "backend": "onnxruntime", "batch_size": [1, 8], **(request or {})}
    folder = record(workspace, name, document={"model": model, "request": asked})
    known = files.read_json(folder / "verdict.json")
    changes = {"model": model, "fingerprint": FINGERPRINT, "accuracy": [], "performance": [],
               **verdict}  # fmt: skip
    files.write_json(folder / "verdict.json", {**known, **changes})
    return folder


def measured_run(workspace, name=RUN, **verdict):
    """A run that measured two batch sizes, the first of them beside a foreign process."""
    rows = [
        rate_row(1, 88.0, valid=False, validity=[FOREIGN]),
        rate_row(8, 133.9),
        rate_row(32, 97.1, source="random"),
    ]
    folder = figured_run(workspace, name, **{"performance": rows, **verdict})
    write_rate(folder, 1, valid=False, reasons=[FOREIGN])
    write_rate(folder, 8)
    return folder


def judged_run(workspace, name=RUN, *, images=None, reference=True, shares=False, **verdict):
    """A run of four images, of which artefact and reference see two differently."""
    rows = [
        accuracy_row(1, "top1", **paired(0.5, 0.75, (-0.4, 0.6), disagreements=1,
                                         images_needed=900, passed=False)),
        accuracy_row(1, "top2", 1.0),
        accuracy_row(8, "top1", **paired(0.75, 0.75, (-0.005, 0.005), disagreements=0,
                                         passed=True)),
    ]  # fmt: skip
    images = images or write_images(workspace / "images", [row[0] for row in CLASSES])
    folder = figured_run(
        workspace,
        name,
        request={"dataset": str(images), "checkpoint": "own.pth"},
        **{"accuracy": rows, "weights": "user", **verdict},
    )
    for size in (1, 8):
        write_classes(folder, size, reference=reference, shares=shares)
    return folder


def persons_run(workspace, name="20261120-111500-deepmar-0d0d", **verdict):
    """A run of three images with three attributes each."""
    images = write_images(workspace / "persons", [row[0] for row in PERSONS])
    rows = [accuracy_row(1, "instance_acc", 0.6), accuracy_row(1, "mA", 0.7)]
    folder = figured_run(
        workspace,
        name,
        model="deepmar",
        request={"dataset": str(images), "checkpoint": "own.pth"},
        **{"accuracy": rows, "weights": "user", **verdict},
    )
    write_attributes(folder, 1)
    return folder
