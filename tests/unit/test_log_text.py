"""A tool's text as lines and figures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ascend_console.ascend.log_text import count, figure, last_words, log_lines


def test_a_carriage_return_ends_a_line_and_other_breaks_do_not():
    """Bars overwrite themselves; a form feed or a line separator is part of a name."""
    assert log_lines("a\rb\r\nc\nd") == ["a", "b", "c", "d"]
    assert log_lines("a\x0bb\x0cc\u2028d\x85e") == ["a\x0bb\x0cc\u2028d\x85e"]


def test_what_terminals_mails_and_captures_add_is_taken_off():
    """The same log comes in many wrappings."""
    assert log_lines("\x1b[31mred\x1b[0m\x1b]0;title\x07 end") == ["red end"]
    assert log_lines("> a\n> > b\n>c") == ["a", "b", ">c"]
    assert log_lines("\ufeff# source: x; y\na") == ["a"]
    assert log_lines("a\n# source: x") == ["a", "# source: x"]


def test_figures_are_finite_or_unknown():
    """Infinity in a table would be a wrong figure, and no JSON."""
    assert figure("1.5e3") == 1500
    assert figure("1e999") is None
    assert figure(None) is None
    assert count("12") == 12
    assert count("1" * 16) is None
    assert count("１") is None
    assert count(None) is None


@given(st.text(max_size=400), st.integers(2, 50))
def test_last_words_fit_their_limit_on_one_line(text, limit):
    """They stand in a cell of a table."""
    said = last_words(text, limit)
    assert len(said) <= limit
    assert "\n" not in said


@given(st.text(alphabet="ab\r\n\x1b[]0;m\x07> ", max_size=60))
def test_no_line_has_a_break_or_a_colour(text):
    """Every parser relies on it."""
    for line in log_lines(text):
        assert "\r" not in line
        assert "\n" not in line
        assert "\x1b[0m" not in line
