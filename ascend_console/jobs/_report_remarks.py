"""The three remarks of the published guides: on conversion, on accuracy, on performance.

Each is what the user says with --remark, else what happened, as texts by their id in both
languages' tables of `assets/report/texts.toml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.core.events import Warned

KINDS = ("conversion", "accuracy", "performance")


def parse_remarks(texts: Sequence[str]) -> dict[str, str]:
    """`accuracy=…` for each remark; UserError for another kind or form."""
    found: dict[str, str] = {}
    for text in texts:
        kind, sign, remark = text.partition("=")
        if not sign or kind not in KINDS or not remark.strip():
            raise UserError(
                "report.remark",
                "{text!r} is no remark",
                hint='Write it as {kinds}=TEXT, such as accuracy="as published".',
                text=text,
                kinds="|".join(KINDS),
            )
        found[kind] = remark.strip()
    return found


def _told(text_id: str, **values: Any) -> dict[str, Any]:
    return {"id": text_id, "args": {key: str(value) for key, value in values.items()}}


def _conversion(document: Mapping[str, Any], warnings: Sequence[Warned]) -> list[dict[str, Any]]:
    made = [entry for entry in document["artefacts"] if entry["kind"] == "artifact"]
    told = [_told("remark.converted", count=len(made), backend=document["backend"])]
    changes = [entry for entry in warnings if entry.id.startswith(("export.", "convert.", "atc."))]
    if changes:
        told.append(_told("remark.conversion_warnings", count=len(changes)))
    return told


def _passed(document: Mapping[str, Any], gate_id: str) -> bool | None:
    """Whether a gate is met; None where that is open, as without a FAIL nothing is missed."""
    found = next((gate["passed"] for gate in document["gates"] if gate["id"] == gate_id), None)
    return None if found is False and document["verdict"] != "FAIL" else found


def _open_met_missed(kind: str, passed: bool | None) -> str:
    return f"{kind}_{'open' if passed is None else 'met' if passed else 'missed'}"


def _accuracy(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    passed = _passed(document, "accuracy")
    text_id = _open_met_missed("remark.accuracy", passed)
    told = [_told(text_id)]
    if document["weights"] == "sample":
        told.append(_told("remark.sample_weights"))
    return told


def _performance(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    passed = _passed(document, "performance")
    text_id = _open_met_missed("remark.performance", passed)
    told = [_told(text_id)]
    doubtful = [row["batch_size"] for row in document["performance"] if not row["valid"]]
    if doubtful:
        told.append(_told("remark.invalid", sizes=", ".join(map(str, doubtful))))
    if str(document["device"]).startswith("cpu"):
        told.append(_told("remark.cpu"))
    return told


def remarks(
    document: Mapping[str, Any], warnings: Sequence[Warned], own: Mapping[str, str]
) -> dict[str, Any]:
    """Kind -> the user's own words, or the ids of what is to be said."""
    found = {
        "conversion": _conversion(document, warnings),
        "accuracy": _accuracy(document),
        "performance": _performance(document),
    }
    return {kind: {"own": own.get(kind), "told": told} for kind, told in found.items()}
