"""Ratios and judgements that follow from the figures of a document."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.reference import (
    RatioFigure,
    ThroughputFigure,
    best,
    differs,
    parse_reference,
    rounded_as,
)
from ascend_console.core.reference_judgement import accuracy_judgement, performance_judgement
from ascend_console.core.reference_ratios import ratios, set_ratios, with_copies
from ascend_console.core.specs import AccuracyReference

HEAD = 'schema = 1\nid = "mine"\nmodel = "m"\ntitle = "t"\n'


def parsed(text):
    return parse_reference(tomllib.loads(text), "mine.toml")


def rate(value, batch_size, device="310P", document="a", **facts):
    return ThroughputFigure(
        document=document, model="m", device=device, batch_size=batch_size, per="card", factor=1,
        printed=value, **facts,
    )  # fmt: skip


def test_a_rate_of_batches_is_turned_into_images():
    """Two READMEs print batches a second and call them images."""
    figure = rate(836.0, 4, unit="batches/s")
    assert (figure.throughput, figure.recomputed) == (3344.0, 3344.0)


def test_a_printed_rate_of_a_chip_is_turned_into_one_of_a_card():
    """Every table is per card."""
    figure = ThroughputFigure(
        document="a", model="m", device="310", batch_size=1, per="chip", factor=4, printed=100.0
    )
    assert (figure.throughput, figure.recomputed) == (400.0, 400.0)


def test_the_best_is_the_highest_and_of_equals_the_smaller_batch():
    """A smaller batch answers sooner."""
    assert best([rate(5.0, 8), rate(5.0, 4), rate(4.0, 1)]).batch_size == 4
    assert best([]) is None


def test_a_doubtful_best_wins_no_comparison_with_another_document():
    """Alone in its document it is its best; beside another one it is none."""
    doubtful = rate(9.0, 8, document="b", doubtful=True)
    assert best([doubtful]) is doubtful
    assert best([doubtful, rate(5.0, 4)]).document == "a"
    assert best([doubtful, rate(5.0, 4, document="c", doubtful=True)]) is None


def test_best_against_best_decides_and_the_same_batch_does_not():
    """310P/310 at least 1.2, with the batch sizes of each side named."""
    one = [rate(130.0, 1), rate(100.0, 8)]
    two = [rate(50.0, 1, "310"), rate(100.0, 8, "310")]
    printed = [RatioFigure(document="a", model="m", a="310P", b="310", batch_size=1, printed=2.5)]
    at_1, at_8, whole = ratios(("310P", "310"), one, two, printed)
    assert (at_1.value, at_1.printed, at_1.misprinted, at_1.passed) == (2.6, 2.5, True, None)
    assert (at_8.value, at_8.passed, at_8.gate) == (1.0, None, 1.2)
    assert (whole.value, whole.passed, whole.gate) == (1.3, True, 1.2)
    assert (whole.a_figure.batch_size, whole.b_figure.batch_size) == (1, 8)
    assert not ratios(("310P", "310"), [rate(119.0, 1)], two)[-1].passed


def test_a_ratio_across_documents_is_never_gated():
    """Other drivers, other days, other people."""
    whole = ratios(("310P", "310"), [rate(200.0, 1)], [rate(100.0, 1, "310", "b")])[-1]
    assert (whole.value, whole.gate, whole.passed, whole.across) == (2.0, None, None, True)


def test_a_missing_column_is_said_and_is_no_pass():
    """ "no T4 figure"."""
    at_1, whole = ratios(("310P", "T4"), [rate(200.0, 1)], [])
    assert (at_1.value, whole.value, whole.passed) == (None, None, None)
    assert whole.missing == "no T4 figure"
    assert ratios(("310P", "T4"), [], [])[-1].missing == "neither a 310P nor a T4 figure"


@pytest.mark.parametrize(
    ("value", "printed", "other"),
    [
        (2.503491, 2.503371, True),
        (1.34505732, 1.345057, False),
        (3438.79356, 3438.7936, False),
        (2171.74, 2171.812, True),
        (1801.4, 1801, False),
        (951.82, 951.82, False),
    ],
)
def test_a_print_differs_where_rounding_does_not_explain_it(value, printed, other):
    """As many decimals as are printed, half a unit in the last one."""
    assert differs(value, printed) is other


@given(st.floats(0.01, 1e5), st.integers(0, 6))
def test_a_rounded_value_never_differs_from_itself(value, decimals):
    """Else every table would be full of footnotes."""
    assert not differs(value, round(value, decimals)) or round(value, decimals) == 0


def test_a_ratio_is_shown_with_the_decimals_of_its_print():
    """So that the guide's table comes out as it stands there."""
    assert rounded_as(1.34505732, 1.345057) == "1.345057"
    assert rounded_as(1.34505732, None) == "1.345"


def test_copies_are_counted_only_where_all_times_are_known():
    """A partial sum would be too fast."""
    times = "".join(
        f'\n[[timings]]\ndevice = "310P"\nbatch_size = 16\nname = "{name}"\nmean_ms = {ms}\n'
        for name, ms in (("compute", 4.0), ("h2d", 3.0), ("d2h", 1.0))
    )
    assert with_copies(parsed(HEAD + times), "310P", 16) == 2000.0
    assert with_copies(parsed(HEAD + times), "310P", 8) is None
    assert with_copies(parsed(HEAD + times.rpartition("[[")[0]), "310P", 16) is None


# --- judgements ----------------------------------------------------------------------------------


def column(device):
    return f'\n[[columns]]\ndevice = "{device}"\nper = "card"\nfactor = 1\n'


def figure(device, value):
    return f'\n[[throughput]]\ndevice = "{device}"\nbatch_size = 1\nprinted = {value}\n'


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ({"310": 100.0, "310P": 200.0, "T4": 100.0}, "met"),
        ({"310": 100.0, "310P": 119.0, "T4": 70.0}, "not met"),
        ({"310": 99.0, "310P": 200.0, "T4": 100.0}, "not met"),
        ({"310": 100.0, "310P": 200.0}, "not computable"),
        ({"310": 100.0, "310P": 110.0}, "not met"),
        ({}, "not computable"),
    ],
)
def test_performance_is_met_where_all_three_ratios_are(rates, said):
    """One missed is not met; one missing is not computable, which is no pass."""
    text = HEAD + "".join(column(device) + figure(device, value) for device, value in rates.items())
    assert performance_judgement(parsed(text)).said == said


def accuracy_of(*values):
    rows = (
        '\n[[accuracy]]\nmetric = "top1"\nof = "om"\n' + (f"value = {value}\n" if value else "")
        for value in values
    )
    return parsed(HEAD + "".join(rows))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.73,), "met"),
        ((0.7299,), "not met"),
        ((0.74, 0.72), "not met"),
        ((None,), "not computable"),
        ((0.74, None), "not computable"),
        ((), "not computable"),
    ],
)
def test_accuracy_is_met_within_one_point(values, said):
    """A value that is not printed decides nothing."""
    known = (AccuracyReference(metric="top1", value=0.74, source="paper", gated=True),)
    assert accuracy_judgement(accuracy_of(*values), known).said == said


def test_a_document_can_bring_its_own_reference():
    """A model that nobody else describes is judged by what its document quotes."""
    text = HEAD + (
        '\n[[accuracy]]\nmetric = "top1"\nof = "om"\nvalue = 0.7\n'
        '\n[[accuracy]]\nmetric = "top1"\nof = "upstream"\nvalue = 0.72\n'
    )
    assert accuracy_judgement(parsed(text)).said == "not met"
    assert set_ratios(parsed(text))[0].value is None
