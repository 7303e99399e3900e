"""Names of chips: what a conversion is asked for, and how many chips make a card."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.ascend import soc
from ascend_console.ascend.npu_smi import parse_npu_smi
from ascend_console.core.errors import UserError

DATA = Path(__file__).parents[1] / "data" / "ascend" / "npu_smi"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("310", "Ascend310"),
        ("310P3", "Ascend310P3"),
        ("Ascend310P3", "Ascend310P3"),
        ("ascend310p3", "Ascend310P3"),
        (" ASCEND 310p3 ", "Ascend310P3"),
        ("310b4", "Ascend310B4"),
        ("910PROB", "Ascend910ProB"),
        ("910b4-1", "Ascend910B4-1"),
        ("910_9392", "Ascend910_9392"),
        ("310p3vir02", "Ascend310P3Vir02"),
        ("Ascend950PR_9589", "Ascend950PR_9589"),
        ("920X", "Ascend920X"),
    ],
)
def test_a_name_is_brought_to_the_spelling_that_tools_take(typed, expected):
    """A wrong letter ends in a model that no device loads."""
    assert soc.normalise_soc_version(typed) == expected
    assert soc.normalise_soc_version(expected) == expected


@pytest.mark.parametrize("typed", ["", "xxx", "Ascend", "T4", "310 P3 --debug", "310P3;", "٣١٠"])
def test_what_is_no_chip_is_refused(typed):
    """A typing error must not reach atc, which fails minutes later."""
    with pytest.raises(UserError) as raised:
        soc.normalise_soc_version(typed)
    assert raised.value.id == "soc.unknown"
    assert "Ascend310P3" in raised.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("310", "Ascend310"),
        ("310P3", "Ascend310P3"),
        ("910B", "Ascend910B"),
        ("910B2C", "Ascend910B2C"),
        ("910", "Ascend910"),
        ("Ascend910", None),
        ("950PR", None),
        ("xxx", None),
        (None, None),
    ],
)
def test_the_table_tells_most_chips(name, expected):
    """A3 shows Ascend910 for six different chips: a guess would be wrong five times of six."""
    assert soc.soc_version_of_chip(name) == expected
    assert soc.needs_board(name) == (expected is None)


@pytest.mark.parametrize(
    ("chip_name", "npu_name", "expected"),
    [
        ("Ascend910", "9392", "Ascend910_9392"),
        ("Ascend950PR", "9589", "Ascend950PR_9589"),
        ("910A", None, "Ascend910A"),
        ("910B3", "910B3", "Ascend910B3"),
        ("Ascend910", None, None),
        ("Ascend910", "NA", None),
        (None, "9392", None),
        ("xxx", "xxx", None),
    ],
)
def test_the_board_tells_the_others(chip_name, npu_name, expected):
    """Only A3 and 950 are named by both lines."""
    assert soc.soc_version_of_board(chip_name, npu_name) == expected


def test_two_names_of_one_chip_are_the_same():
    """CANN 5.0 called the 310P3 Ascend710."""
    assert soc.same_chip("Ascend710", "310P3")
    assert soc.same_chip("310P3", "Ascend310P3")
    assert not soc.same_chip("910B", "910B1")
    assert not soc.same_chip("310", "310P3")


@pytest.mark.parametrize(
    ("name", "told", "factor"),
    [
        ("310", {}, 4),
        ("Ascend310", {"chips_on_card": 4}, 4),
        ("310P3", {}, 1),
        ("310P3", {"chips_on_card": 1}, 1),
        ("310P3", {"chips_on_card": 2}, 2),
        ("310P3", {"product": "Atlas 300I Duo"}, 2),
        ("310P3", {"product": "Atlas 300I Pro"}, 1),
        ("310B4", {"chips_on_card": 1}, 1),
        ("910B3", {}, 1),
        ("910_9392", {"chips_on_card": 2}, 1),
    ],
)
def test_a_card_counts_as_many_times_as_it_has_chips(name, told, factor):
    """Published tables are per card; the factor of a 310 on a 310P would be a wrong ratio."""
    assert soc.card_factor(name, **told) == factor


def test_chips_are_counted_by_their_card():
    """Two chips under one NPU id are a Duo."""
    text = (DATA / "310P3-23.0.0-duo-indented.txt").read_text("utf-8")
    report = parse_npu_smi(text)
    assert soc.chips_on_cards(report.chips) == {32800: 2}


def test_every_known_name_is_spelled_as_itself():
    """The list is what a hint shows: each entry must be taken."""
    for name in soc.SOC_VERSIONS:
        assert soc.normalise_soc_version(name) == name
        assert soc.normalise_soc_version(name.lower()) == name
    for name, note in soc.SOC_NOTES.items():
        assert name in soc.SOC_VERSIONS
        assert note.cause("zh") != note.cause("en")
        assert len(note.remedies("zh")) == len(note.remedies("en"))


@given(text=st.text(max_size=40))
def test_any_text_is_a_name_or_the_documented_error(text):
    """Names come from tables, options and files."""
    try:
        assert soc.normalise_soc_version(text).startswith("Ascend")
    except UserError as error:
        refused = error.id
        assert refused == "soc.unknown"
