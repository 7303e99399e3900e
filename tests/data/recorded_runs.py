"""Recorded runs as the console writes them, made without running anything."""

from __future__ import annotations

from ascend_console.core import events
from ascend_console.core.events import Record
from ascend_console.tools import files, run_folder

ENVIRONMENT = {"console": "0.1.0", "processor": "Some CPU", "cores": 2, "onnxruntime": "1.22.0"}


def run_document(folder, **changes):
    return {
        "schema": 1,
        "run_id": folder.name,
        "job": "run",
        "model": "ghostnet",
        "command": ["ascend-console", "run", "--model", "ghostnet"],
        "request": {"model": ["ghostnet"], "backend": "onnxruntime", "batch_size": [1, 8]},
        "environment": ENVIRONMENT,
        "fingerprints": {"checkpoint": "abc"},
        **changes,
    }


def verdict_document(folder, *, rate=100.0, top1=0.96, valid=True):
    return {
        "schema": 1,
        "run_id": folder.name,
        "model": "ghostnet",
        "weights": "sample",
        "backend": "onnxruntime",
        "provider": "CPUExecutionProvider",
        "device": "cpu:0",
        "verdict": "PASS",
        "reasons": [],
        "warnings": [],
        "gates": [],
        "images": {"total": 300, "used": 300, "bad": 0},
        "fingerprint": {"decoder": "pillow", "version": "11.0"},
        "accuracy": [
            {"batch_size": size, "precision": "fp32", "metric": metric, "value": top1}
            for size in (1, 8)
            for metric in ("top1", "top5")
        ],
        "performance": [
            {"batch_size": size, "precision": "fp32", "throughput": rate * size**0.5,
             "e2e_throughput": None, "latency_ms": {"median": 8.5}, "valid": valid,
             "source": "dataset"}
            for size in (1, 8)
        ],
        "best_batch_size": 8 if valid else None,
    }  # fmt: skip


def happened(folder, ending):
    """What a short run tells, and its end."""
    yield events.JobStarted("run", "ghostnet")
    yield events.StepStarted("export", 1, 2)
    yield events.ArtifactWritten(str(folder / "export" / "ghostnet.onnx"), "onnx")
    yield events.StepStarted("infer", 2, 2)
    yield events.Progress(150, 300, "images")
    yield events.Progress(300, 300, "images")
    yield events.Measured("throughput bs8", 282.8, "images/s")
    if ending is not None:
        yield ending


def record(
    workspace,
    name,
    *,
    ending=events.JobSucceeded("PASS", 0),  # noqa: B008 - a frozen value
    minute=15,
    document=None,
    verdict=None,
):
    """A run folder with its log and documents; `ending` None leaves it interrupted."""
    folder = workspace / "runs" / name
    folder.mkdir(parents=True)
    (folder / "export").mkdir()
    (folder / "export" / "ghostnet.onnx").write_bytes(b"network" * 100)
    started = f"2026-11-20T10:{minute:02}:00.000Z"
    files.write_json(folder / "run.json", run_document(folder, started=started, **(document or {})))
    if ending == events.JobSucceeded("PASS", 0):
        files.write_json(folder / "verdict.json", verdict_document(folder, **(verdict or {})))
    log = run_folder.EventLog(folder)
    for number, event in enumerate(happened(folder, ending)):
        log.append(Record(name, number, started, number * 0.5, event))
    log.close()
    return folder
