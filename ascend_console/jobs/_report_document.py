"""One run as a report tells it: a document whose figures are those of every form of the report.

Figures are rounded here, once: throughput and times to six significant digits, accuracies to six
decimals. Templates print them as they stand, so that all forms have the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import ConsoleError, UserError
from ascend_console.core.events import Answered
from ascend_console.jobs._models import find_model
from ascend_console.jobs._report_remarks import remarks
from ascend_console.tools import files, history, run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ascend_console.core.settings import Settings
    from ascend_console.core.specs import Env
    from ascend_console.tools.run_folder import StoredRun

_CARD_FIELDS = ("paper_title", "paper_url", "repository", "branch", "commit", "licence")
_HASHED = ("onnx", "artifact", "checkpoint")


def six_digits(value: float | None) -> float | None:
    """A figure with six significant digits."""
    return None if value is None else float(f"{value:.6g}")


def _decimals(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _model_card(name: str, settings: Settings) -> dict[str, Any]:
    """What is known of the model; its name alone where it is described nowhere any more."""
    try:
        spec = find_model(name, settings)
    except ConsoleError:
        return {"name": name, "title": name}
    card: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "task": spec.task,
        "input": {"name": spec.input.name, "shape": list(spec.input.shape),
                  "dtype": spec.input.dtype},
        "output": {"name": spec.output.name, "shape": list(spec.output.shape)},
        "official_batch_sizes": list(spec.official_batch_sizes),
        "checkpoint": spec.checkpoint.file,
        "published_environment": dict(spec.environment),
    }  # fmt: skip
    if spec.origin is not None:
        card |= {field: getattr(spec.origin, field) for field in _CARD_FIELDS}
    return card


def _performance(row: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the verdict with the transfers that its measurement saw."""
    return {
        "batch_size": row["batch_size"],
        "precision": row["precision"],
        "throughput": six_digits(row["throughput"]),
        "card_throughput": six_digits(row["card_throughput"]),
        "card_factor": row["card_factor"],
        "e2e_throughput": six_digits(row["e2e_throughput"]),
        "latency_ms": {key: six_digits(value) for key, value in row["latency_ms"].items()},
        "h2d_ms": six_digits(measured.get("h2d_ms")),
        "d2h_ms": six_digits(measured.get("d2h_ms")),
        "samples": row["samples"],
        "source": row["source"],
        "official": row["official"],
        "valid": row["valid"],
        "validity": row["validity"],
    }


def _accuracy(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(row)
    for key in ("value", "reference", "drop_points", "tolerance"):
        if isinstance(kept.get(key), float):
            kept[key] = _decimals(kept[key])
    return kept


def _measured(run: StoredRun, row: Mapping[str, Any]) -> dict[str, Any]:
    """The file of a measurement; empty where there is none."""
    path = run.folder / "perf" / f"bs{row['batch_size']}_{row['precision']}.json"
    document = files.read_json(path) if path.is_file() else {}
    return document if isinstance(document, dict) else {}


def _artefacts(run: StoredRun) -> list[dict[str, Any]]:
    """Files that a run made, by their place in its folder; models with their hash."""
    found = []
    for entry in run.view.artifacts:
        path = run.folder / entry.path if not entry.path.startswith("/") else None
        place = entry.path.rpartition(f"/{run.folder.name}/")[2]
        here = run.folder / place
        if path is None and not here.exists():
            continue
        hashed = entry.kind in _HASHED and here.is_file()
        found.append(
            {
                "path": place,
                "kind": entry.kind,
                "sha256": files.sha256_file(here) if hashed else None,
                "bytes": here.stat().st_size if here.is_file() else None,
            }
        )
    return found


def _tool_commands(run: StoredRun) -> list[list[str]]:
    """The commands of the vendor's tools, as the side-cars of the artefacts have them."""
    found = []
    for path in sorted((run.folder / "convert").glob("*.om.json")):
        document = files.read_json(path)
        if isinstance(document, dict) and document.get("command"):
            found.append([str(word) for word in document["command"]])
    return found


def _gates(run: StoredRun, verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The gates with the findings behind them, as the run told these."""
    told = run.view.tables.get("reasons", ())
    return [
        {
            **gate,
            "findings": [
                {key: row.get(key) for key in ("id", "args", "message", "hint")}
                for row in told
                if row.get("gate") == gate["id"]
            ],
        }
        for gate in verdict["gates"]
    ]


def _published(name: str, env: Env) -> dict[str, Any] | None:
    """The performance table of the model's guide beside own runs; None where there is none."""
    job = discovery.load("jobs", "perf")
    try:
        answers = list(job.run(job.request(model=(name,)), env))
    except ConsoleError:
        return None
    tables = [event for event in answers if isinstance(event, Answered)]
    if not tables or not tables[-1].rows:
        return None
    notes = [f"{label} {text}" for label, text in tables[-1].notes]
    rows = [["" if value is None else str(value) for value in row] for row in tables[-1].rows]
    return {"columns": list(tables[-1].columns), "rows": rows, "notes": notes}


def run_report(
    folder: Path,
    env: Env,
    own_remarks: Mapping[str, str],
    verdict: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of one finished run; UserError where it has no verdict to report.

    A run that writes its own report hands its `verdict` in: it is not finished yet.
    """
    run = run_folder.load(folder)
    verdict = verdict or history.verdict_document(run)
    if not verdict:
        raise UserError(
            "report.no_verdict",
            "the run {name} has no verdict to report: it is {state}",
            hint="Name a finished run: `runs list --state finished` shows them.",
            name=folder.name,
            state=run.state,
        )
    card = _model_card(verdict["model"], env.settings)
    performance = [_performance(row, _measured(run, row)) for row in verdict["performance"]]
    document: dict[str, Any] = {
        "run_id": verdict["run_id"],
        "started": run.document.get("started"),
        "elapsed_s": _decimals(run.view.elapsed_s),
        "model": card,
        "weights": verdict["weights"],
        "backend": verdict["backend"],
        "provider": verdict["provider"],
        "device": verdict["device"],
        "tool": verdict.get("tool"),
        "threads": verdict.get("threads"),
        "environment": run.document.get("environment", {}),
        "origin": history.summary(folder).origin,
        "commands": [run.document.get("command", []), *_tool_commands(run)],
        "artefacts": _artefacts(run),
        "images": verdict["images"],
        "fingerprint": verdict["fingerprint"],
        "verdict": verdict["verdict"],
        "reasons": verdict["reasons"],
        "warnings": verdict["warnings"],
        "gates": _gates(run, verdict),
        "accuracy": [_accuracy(row) for row in verdict["accuracy"]],
        "performance": performance,
        "best_batch_size": verdict["best_batch_size"],
        "official": [row["batch_size"] for row in performance if row["official"]],
        "published": _published(verdict["model"], env),
        "recorded": [row["batch_size"] for row in performance if not row["official"]],
    }
    document["remarks"] = remarks(document, run.view.warnings, own_remarks)
    return document
