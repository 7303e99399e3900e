"""A request is declared once and read as flags, help and record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from ascend_console.core.errors import UserError
from ascend_console.core.options import build_request, option, options_of, request_document


@dataclass(frozen=True, kw_only=True)
class Request:
    action: Literal["list", "show"] = option("What to do.", positional=True)
    onnx: Path | None = option("File.", default=None)
    batch_size: tuple[int, ...] = option("Sizes.", default=(1, 16), minimum=1)
    seconds: float | None = option("Time.", default=None, minimum=0.5, unit="s")
    sample: bool = option("Sample.", default=False)


def test_text_becomes_typed_values():
    """Parsers hand over text; a job only ever sees values."""
    request = build_request(
        Request, {"action": "list", "onnx": "a b.onnx", "batch_size": "1, 8", "sample": True}
    )
    assert request == Request(
        action="list", onnx=Path("a b.onnx"), batch_size=(1, 8), seconds=None, sample=True
    )


@pytest.mark.parametrize(
    ("typed", "error_id"),
    [
        ({}, "option.missing"),
        ({"action": "draw"}, "option.choice"),
        ({"action": "list", "batch_size": "0"}, "option.value"),
        ({"action": "list", "batch_size": "1,x"}, "option.value"),
        ({"action": "list", "batch_size": "1,,2"}, "option.value"),
        ({"action": "list", "batch_size": "8,8"}, "option.repeated"),
        ({"action": "list", "seconds": "nan"}, "option.value"),
        ({"action": "list", "onnx": ""}, "option.value"),
    ],
)
def test_what_cannot_be_read_is_named(typed, error_id):
    """A wrong value must never reach a job as a wrong figure."""
    with pytest.raises(UserError) as caught:
        build_request(Request, typed)
    assert caught.value.id == error_id
    assert caught.value.hint


def test_flags_are_spelled_with_dashes():
    """Field names are Python's, flags are the shell's."""
    assert [entry.flag for entry in options_of(Request)] == [
        "action", "--onnx", "--batch-size", "--seconds", "--sample",
    ]  # fmt: skip


def test_the_record_of_a_request_is_json(tmp_path):
    """run.json holds what was asked."""
    request = Request(action="show", onnx=tmp_path)
    assert request_document(request) == {
        "action": "show",
        "onnx": str(tmp_path),
        "batch_size": [1, 16],
        "seconds": None,
        "sample": False,
    }
