"""Run folders that tell what a test wants to see on the Run screen."""

from __future__ import annotations

from contextlib import contextmanager

from ascend_console.core.events import JobStarted, Record
from ascend_console.tools import files, run_folder
from tests.data.recorded_runs import run_document, verdict_document

STARTED = "2026-11-20T10:15:00.000Z"


def folder_of(workspace, name):
    return workspace / "runs" / name


@contextmanager
def going_on(workspace, name, told, **document):
    """A run that is alive while the block lasts; `tell` adds to what it has told."""
    folder = folder_of(workspace, name)
    folder.mkdir(parents=True)
    files.write_json(folder / "run.json", run_document(folder, started=STARTED, **document))
    log = run_folder.EventLog(folder)
    count = 0

    def tell(*records):
        nonlocal count
        for at_s, event in records:
            log.append(Record(name, count, STARTED, at_s, event))
            count += 1

    tell((0.0, JobStarted("run", "ghostnet")), *told)
    try:
        yield tell
    finally:
        log.close()


def ended(workspace, name, told, *, verdict=None, **document):
    """A run that is over."""
    with going_on(workspace, name, told, **document):
        folder = folder_of(workspace, name)
        if verdict is not None:
            whole = {**verdict_document(folder), **verdict}
            files.write_json(folder / "verdict.json", whole)
    return folder
