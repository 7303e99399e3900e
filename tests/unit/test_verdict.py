"""`verdict.json`: exactly the documented keys, null for what is unknown."""

from __future__ import annotations

import json

from ascend_console.core.events import Warned
from ascend_console.core.verdict import (
    AccuracyRow,
    Finding,
    Gate,
    Images,
    LatencyMs,
    PerformanceRow,
    Verdict,
    best_batch_size,
    finding,
    verdict_document,
)

WHY = finding("accuracy.missed", "{title} lost {drop}", "Compare {title}.", title="Top-1", drop=2)


def _document() -> dict[str, object]:
    gate = Gate("accuracy", False, "FAIL", (WHY,))
    return verdict_document(
        run_id="20261120-101500-ghostnet-3f9a",
        model="ghostnet",
        weights="sample",
        backend="onnxruntime",
        provider=None,
        device="cpu:0",
        verdict=Verdict("FAIL", (WHY,), (), (gate,)),
        images=Images(total=300, used=299, bad=1),
        fingerprint={"decoder": "libjpeg-turbo"},
        accuracy=[
            AccuracyRow(
                batch_size=1, precision="fp32", metric="top1", value=0.7, interval=(0.0, 0.1)
            )
        ],
        performance=[
            PerformanceRow(
                batch_size=8,
                precision="fp32",
                throughput=100.0,
                card_factor=4,
                latency_ms=LatencyMs(mean=80.0, median=79.0),
                valid=True,
                validity=(WHY,),
            )
        ],
    )


def test_the_document_has_the_keys_that_scripts_rely_on() -> None:
    """Removing one breaks a user's script; the list is the contract."""
    document = _document()
    assert " ".join(document) == (
        "schema run_id model weights backend provider device verdict reasons warnings gates images "
        "fingerprint accuracy performance best_batch_size"
    )
    parts = json.loads(json.dumps(document))
    assert parts == document
    assert " ".join(parts["accuracy"][0]) == (
        "batch_size precision metric value reference reference_source tolerance drop_points "
        "interval disagreements images_needed passed"
    )
    assert " ".join(parts["performance"][0]) == (
        "batch_size precision throughput card_throughput card_factor e2e_throughput latency_ms "
        "samples source official valid validity reference ratio passed"
    )
    assert " ".join(parts["performance"][0]["latency_ms"]) == "mean median p90 p99"
    assert parts["gates"] == [{"id": "accuracy", "passed": False, "why": "Top-1 lost 2"}]
    assert parts["images"] == {"total": 300, "used": 299, "bad": 1}


def test_unknown_is_null() -> None:
    """0 would be a figure."""
    parts = json.loads(json.dumps(_document()))
    assert parts["provider"] is None
    assert parts["accuracy"][0]["reference"] is None
    assert parts["performance"][0]["latency_ms"]["p99"] is None
    empty = PerformanceRow(batch_size=1, precision="fp16", throughput=None).to_json()
    assert (empty["throughput"], empty["card_throughput"], empty["samples"]) == (None, None, None)


def test_a_card_has_the_figure_of_its_chips() -> None:
    """x4 on an Ascend 310 card, with the factor shown."""
    row = json.loads(json.dumps(_document()))["performance"][0]
    assert (row["throughput"], row["card_factor"], row["card_throughput"]) == (100.0, 4, 400.0)


def test_reasons_carry_id_values_message_and_hint() -> None:
    """Front ends translate by id and values."""
    expected = {
        "id": "accuracy.missed",
        "args": {"title": "Top-1", "drop": "2"},
        "message": "Top-1 lost 2",
        "hint": "Compare Top-1.",
    }
    assert WHY.to_json() == expected
    assert json.loads(json.dumps(_document()))["reasons"] == [expected]
    assert WHY.warned() == Warned(
        "accuracy.missed", "Top-1 lost 2", "Compare Top-1.", dict(WHY.args)
    )
    assert Finding("x", "y").args == {}


def test_values_with_braces_stay_text() -> None:
    """A file may be called {names}."""
    assert finding("x", "bad {name}", name="{name}").message == "bad {name}"


def _row(batch_size: int, throughput: float | None, **changes: object) -> PerformanceRow:
    known: dict[str, object] = {"valid": True, **changes}
    return PerformanceRow(
        batch_size=batch_size,
        precision="fp32",
        throughput=throughput,
        **known,  # type: ignore[arg-type]  # the callers give fields of the row
    )


def test_the_best_batch_is_the_fastest_trusted_one() -> None:
    """Random input and untrusted figures win nothing; of equal ones the smaller batch does."""
    rows = [_row(1, 90.0), _row(8, 100.0), _row(16, 100.0), _row(4, None)]
    assert best_batch_size(rows) == 8
    assert best_batch_size([*rows, _row(32, 900.0, valid=False)]) == 8
    assert best_batch_size([*rows, _row(64, 900.0, source="random")]) == 8
    assert best_batch_size([_row(8, 1.0, valid=False)]) is None
