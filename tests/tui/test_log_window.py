"""The window on a log: what is read of it, and that no file is too large or too fast for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.tools import log_window
from ascend_console.tools.log_window import LogWindow, level_of
from ascend_console.tui.run_log_lines import LogLines, has_words, wrap_starts


@pytest.fixture
def small(monkeypatch):
    """A window of 100 bytes a read and ten rows, so that a small file is a large one."""
    monkeypatch.setattr(log_window, "READ_BYTES", 100)
    monkeypatch.setattr(log_window, "MOST_ROWS", 10)


def write(path, numbers, *, end="\n"):
    with path.open("a") as stream:
        stream.write("".join(f"line {number:04}{end}" for number in numbers))
    return path


def append(path, text):
    with path.open("a") as stream:
        stream.write(text)


def texts(window):
    return [row.text for row in window.rows]


def test_a_small_log_is_read_whole_with_its_numbers(tmp_path):
    window = LogWindow(write(tmp_path / "atc.log", range(5)))
    window.to_end()
    assert texts(window) == [f"line {number:04}" for number in range(5)]
    assert (window.first, window.at_start, window.at_end) == (0, True, True)


def test_of_a_large_log_only_the_end_is_read(tmp_path, small):
    """A log of a gigabyte must open at once."""
    window = LogWindow(write(tmp_path / "atc.log", range(1000)))
    window.to_end()
    assert texts(window)[-1] == "line 0999"
    assert len(window.rows) == 10
    assert (window.first, window.at_end, window.at_start) == (None, True, False)


def test_the_rows_before_the_window_come_on_request_and_others_leave(tmp_path, small):
    window = LogWindow(write(tmp_path / "atc.log", range(30)))
    window.to_end()
    assert window.earlier() == 10
    assert texts(window) == [f"line {number:04}" for number in range(10, 20)]
    assert not window.at_end
    window.earlier()
    assert (window.first, window.at_start) == (0, True)
    assert window.later() == -10
    assert texts(window)[-1] == "line 0019"
    assert window.first == 10


def test_a_log_that_grows_is_followed_and_a_torn_line_waits_for_its_end(tmp_path):
    path = write(tmp_path / "atc.log", range(2))
    window = LogWindow(path)
    window.to_end()
    append(path, "half")
    assert window.grow() == 0
    assert texts(window) == ["line 0000", "line 0001"]
    assert window.at_end
    append(path, " a line\n")
    window.grow()
    assert texts(window)[-1] == "half a line"


def test_a_log_that_grows_faster_than_it_is_read_is_followed_at_its_end(tmp_path, small):
    """20,000 lines a second must never make the reader fall behind."""
    path = write(tmp_path / "atc.log", range(10))
    window = LogWindow(path)
    window.to_end()
    write(path, range(10, 500))
    assert window.grow() is None
    assert texts(window)[-1] == "line 0499"
    assert len(window.rows) <= 10


def test_a_log_that_was_cut_short_is_read_again(tmp_path):
    path = write(tmp_path / "atc.log", range(50))
    window = LogWindow(path)
    window.to_end()
    path.write_text("other\n")
    assert window.grow() is None
    assert texts(window) == ["other"]


def test_a_log_that_is_not_there_is_empty(tmp_path):
    window = LogWindow(tmp_path / "none.log")
    window.to_end()
    assert window.grow() == 0
    assert window.rows == []


def test_errors_are_found_in_the_part_that_was_never_read(tmp_path, small):
    """The cause stands hundreds of lines above the last one."""
    path = tmp_path / "atc.log"
    write(path, range(40))
    append(path, "E19010: no parser\n")
    write(path, range(40, 90))
    window = LogWindow(path)
    window.to_end()
    window.seek(-1)
    assert any(row.level == "error" for row in window.rows)


def test_a_line_without_an_end_is_no_endless_one(tmp_path, small):
    path = tmp_path / "atc.log"
    path.write_text("x" * 1000)
    window = LogWindow(path)
    window.to_end()
    while not window.at_start:
        window.earlier()
    assert sum(row.bytes for row in window.rows) <= 1000


@given(st.lists(st.text(alphabet="ab\r é", max_size=30), max_size=60), st.data())
def test_rows_of_a_window_are_always_rows_of_the_file(tmp_path_factory, lines, data):
    """However one moves, no line is torn, doubled or lost between its neighbours."""
    path = tmp_path_factory.mktemp("log") / "a.log"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    window = LogWindow(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_window, "READ_BYTES", 150)
        patch.setattr(log_window, "MOST_ROWS", 7)
        window.to_end()
        for _ in range(data.draw(st.integers(0, 12))):
            move = data.draw(st.sampled_from(["earlier", "later", "grow", "to_start", "to_end"]))
            if not (move == "earlier" and window.at_start):
                getattr(window, move)()
            shown = texts(window)
            assert len(shown) <= max(7, 150)
            if window.first is not None:
                assert shown == lines[window.first : window.first + len(shown)]
            else:
                assert any(lines[at : at + len(shown)] == shown for at in range(len(lines) + 1))


@pytest.mark.parametrize(
    ("text", "level"),
    [("[ERROR] GE(1)", "error"), ("E40021: no op", "error"), ("[WARNING] slow", "warning"),
     ("errors: 0", "info"), ("model compiled", "info")],
)  # fmt: skip
def test_what_a_line_sounds_like(text, level):
    assert level_of(text) == level


def lines_of(rows, **changes):
    lines = LogLines(lambda row: row.text)
    for name, value in changes.items():
        setattr(lines, name, value)
    lines.take(rows, grown=False)
    return lines


ROWS = [
    log_window.LogRow("info", "begin", 6), log_window.LogRow("warning", "slow disk", 10),
    log_window.LogRow("error", "no disk", 8), log_window.LogRow("info", "x" * 25, 26),
]  # fmt: skip


def test_lines_are_filtered_by_words_and_by_level():
    assert lines_of(ROWS, words="disk !slow").text() == "no disk\n"
    assert lines_of(ROWS, level=1).text() == "slow disk\nno disk\n"
    assert lines_of(ROWS, level=2).text() == "no disk\n"
    assert has_words("a!b", ["!"])


def test_wrapped_lines_keep_their_row():
    lines = lines_of(ROWS, wrapped=True, width=10)
    assert [line for line in lines.lines if line[0] == 3] == [(3, 0), (3, 10), (3, 20)]
    assert lines.row_at(lines.line_of(3)) == 3


def test_wide_signs_wrap_by_cells():
    assert wrap_starts("昇腾模型", 4) == [0, 2]
    assert wrap_starts("昇腾模型", 1) == [0, 1, 2, 3]


def test_more_rows_cost_only_what_is_new():
    """Arranging all rows at every tick would take longer than the tick."""
    rows = list(ROWS)
    lines = lines_of(rows)
    asked = []
    lines.words = "disk"
    lines.text_of = lambda row: asked.append(row) or row.text
    rows.append(log_window.LogRow("info", "another disk", 13))
    lines.take(rows, grown=True)
    assert len(asked) == 1
    assert lines.lines[-1] == (4, 0)


def test_problems_are_errors_or_else_warnings():
    lines = lines_of(ROWS)
    assert lines.problem(-1, 1) == 2
    assert lines.problem(2, 1) is None
    assert lines.problem(4, -1) == 2
    assert lines_of(ROWS[:2]).problem(-1, 1) == 1
