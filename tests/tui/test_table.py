"""The one table of all screens: what is shown, found, marked and written, however odd the data."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.events import MouseScrollDown

from ascend_console.tui.base import ConsoleScreen
from ascend_console.tui.widgets import rows as values
from ascend_console.tui.widgets.ask import Ask, AskText
from ascend_console.tui.widgets.filter_line import FilterLine
from ascend_console.tui.widgets.rows import Cell, Column, Row
from ascend_console.tui.widgets.rule import Panel
from ascend_console.tui.widgets.table import Table
from tests.tui.screen_text import shown, text_of, until

COLUMNS = (
    Column(key="name", title="Name", width=12, flex=True, middle=True),
    Column(key="size", title="Size", width=8, right=True, drop=2),
    Column(key="last", title="Last", width=6, drop=1),
)


def row(key, size=None, last="end"):
    text = "–" if size is None else str(size)
    return Row(key, (Cell(key), Cell(text, sort=size), Cell(last)))


FRUIT = [row("pear", 3), row("apple", 20), row("plum"), row("fig", 3), row("grape", 100)]


class TableScreen(ConsoleScreen):
    """A screen that is one table."""

    page = "runs"

    def __init__(self, table):
        super().__init__()
        self.table = table
        self.told = []

    def body(self):
        yield Panel("Things", self.table, classes="fills")

    def on_table_opened(self, message):
        self.told.append(("opened", message.row.key))

    def on_table_moved(self, message):
        self.told.append(("moved", message.row.key))


def in_table(console, steps, rows=FRUIT, *, size=(60, 16), columns=COLUMNS, wanted=None, **options):
    """Run `steps(app, pilot, screen)` over a table of rows."""

    async def run(app, pilot):
        screen = TableScreen(Table(columns, id="things", **options))
        await app.push_screen(screen)
        screen.table.set_rows(rows)
        await pilot.pause()
        return await steps(app, pilot, screen)

    return console.drive(run, size=size, **(wanted or {}))


def keys_of(table):
    return [entry.key for entry in table.rows]


# --- what stands there ---------------------------------------------------------------------------


def test_a_table_looks_like_this(console):
    async def steps(app, pilot, screen):
        return text_of(app)[1:8]

    assert in_table(console, steps, size=(40, 16)) == [
        "━━ Things ━━ 5 ━━━━━━━━━━━━━━━━━━━━━━━━━",
        " Name                        Size Last",
        " pear                           3 end",
        " apple                         20 end",
        " plum                           – end",
        " fig                            3 end",
        " grape                        100 end",
    ]


def test_a_table_in_ascii_has_no_other_sign(console):
    async def steps(app, pilot, screen):
        await pilot.press("s", "b")
        return shown(app)

    many = [*FRUIT, row("a very long name that does not fit into its column", 7)]
    text = in_table(console, steps, many, size=(40, 16), wanted={"glyphs": "ascii"})
    assert text.isascii()
    assert "Size^" in text
    assert ".." in text


NASTY = [
    "[bold red]x[/]",
    "esc \x1b[31mred\x1b[0m",
    "昇腾模型名称非常非常长的一个名字",
    "emoji 👍🏽 👨‍👩‍👧 ❤️ 🇨🇳",
    "two\nlines\tand a tab",
    "10 %\r100 %",
    "bidi \u202eabc\u202c zero\u200bwidth",
    "accents e\u0301 a\u0308 か\u3099",
    "half \udce4",
    "x" * 5000,
    "",
]


@pytest.mark.parametrize("look", ["dark", "mono"])
@pytest.mark.parametrize("width", [30, 60, 100])
def test_no_data_moves_a_column(console, width, look):
    """A raw escape or a joiner in a name would shift everything right of it."""

    async def steps(app, pilot, screen):
        return text_of(app)[3 : 3 + len(NASTY)]

    rows = [Row(str(n), (Cell(name), Cell("1"), Cell("end"))) for n, name in enumerate(NASTY)]
    lines = in_table(console, steps, rows, size=(width, 24), wanted={"look": look})
    assert {cell_len(line[: line.rindex("end")]) for line in lines} == {width - 6}


def test_markup_in_data_is_text(console):
    async def steps(app, pilot, screen):
        return shown(app)

    rows = [Row("1", (Cell("[bold]x[/bold]"), Cell("[1]"), Cell("[/]")))]
    text = in_table(console, steps, rows)
    assert "[bold]x[/bold]" in text
    assert "[/]" in text


def test_columns_drop_in_their_order_and_the_first_stays(console):
    def names(width):
        return [column.key for _, column, _ in values.visible_columns(COLUMNS, width)]

    assert names(60) == ["name", "size", "last"]
    assert names(29) == ["name", "size", "last"]
    assert names(28) == ["name", "last"]
    assert names(19) == ["name"]
    assert names(3) == ["name"]


def test_shown_columns_never_take_more_than_the_width():
    for width in range(13, 120):
        taken = sum(wide + 1 for _, _, wide in values.visible_columns(COLUMNS, width))
        assert taken <= width


def test_an_empty_table_says_what_to_do(console):
    async def steps(app, pilot, screen):
        before = shown(app)
        screen.table.set_rows(FRUIT)
        screen.table.filter_words = "kiwi"
        await pilot.pause()
        return before, shown(app)

    before, after = in_table(console, steps, [], empty="nothing yet; Enter begins")
    assert "nothing yet; Enter begins" in before
    assert "nothing matches; Esc clears" in after
    assert "0 of 5, filter kiwi" in after


@pytest.mark.parametrize("rows", [[], FRUIT])
def test_the_place_below_the_rows_has_the_colours_of_the_look(console, rows):
    """A light look on a dark terminal had a black hole there."""

    async def steps(app, pilot, screen):
        lines = [screen.table.render_line(y) for y in (1, 9)]
        wanted = app.component_style("plain").bgcolor
        return [{part.style.bgcolor == wanted for part in line} for line in lines[bool(rows) :]]

    found = in_table(console, steps, rows, wanted={"look": "light"}, empty="nothing")
    assert found == [{True}] * len(found)


def test_a_row_has_its_sign_until_it_is_marked(console):
    async def steps(app, pilot, screen):
        before = text_of(app)[3]
        await pilot.press("space")
        return before, text_of(app)[3]

    before, after = in_table(console, steps, [replace(FRUIT[0], sign="b")], marks=True)
    assert before.startswith("bpear")
    assert after.startswith("*pear")


# --- cursor --------------------------------------------------------------------------------------


def test_the_cursor_goes_by_arrows_letters_and_pages(console):
    async def steps(app, pilot, screen):
        found = []
        for key in ("j", "down", "k", "up", "G", "g", "pagedown", "pageup", "end", "home"):
            await pilot.press(key)
            found.append(screen.table.row.key)
        return found

    rows = [row(f"n{number}") for number in range(40)]
    assert in_table(console, steps, rows) == [
        "n1", "n2", "n1", "n0", "n39", "n0", "n11", "n0", "n39", "n0",
    ]  # fmt: skip


def test_the_cursor_stays_on_its_row_when_others_come(console):
    """A list of runs grows at its top while one reads."""

    async def steps(app, pilot, screen):
        await pilot.press("j")
        screen.table.set_rows([row("new"), *FRUIT])
        await pilot.pause()
        return screen.table.row.key

    assert in_table(console, steps) == "apple"


def test_the_cursor_stays_in_sight_and_in_bounds_when_rows_go(console):
    async def steps(app, pilot, screen):
        await pilot.press("G")
        screen.table.set_rows(FRUIT[:2])
        await pilot.pause()
        few = screen.table.row.key
        screen.table.set_rows([])
        await pilot.pause()
        return few, screen.table.row

    assert in_table(console, steps) == ("apple", None)


def test_the_screen_is_told_of_another_row_once(console):
    async def steps(app, pilot, screen):
        await pilot.press("j")
        screen.table.set_rows(list(FRUIT))
        await pilot.press("enter")
        await pilot.pause()
        return screen.told

    assert in_table(console, steps) == [
        ("moved", "pear"), ("moved", "apple"), ("opened", "apple"),
    ]  # fmt: skip


# --- filter --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("p", ["pear", "apple", "plum", "grape"]),
        ("P !pl", ["pear", "grape"]),
        ("a e", ["pear", "apple", "grape"]),
        ("fig 3", ["fig"]),
        ("!", ["pear", "apple", "plum", "fig", "grape"]),
    ],
)
def test_words_of_a_filter_are_all_wanted_and_a_bang_excludes(words, found):
    rows = [Row(entry.key, entry.cells[:2]) for entry in FRUIT]
    assert [entry.key for entry in values.filtered(rows, words)] == found


def test_a_filter_works_while_it_is_typed_enter_keeps_it_and_escape_clears_it(console):
    async def steps(app, pilot, screen):
        table, found = screen.table, []
        await pilot.press("slash", "p", "l")
        found.append(keys_of(table))
        await pilot.press("enter")
        found.append((keys_of(table), table.has_focus, len(screen.query(FilterLine))))
        found.append(screen.query_one(Panel).state)
        await pilot.press("escape")
        found.append(len(table.rows))
        await pilot.press("slash", "f", "escape")
        found.append((table.filter_words, table.has_focus))
        return found

    assert in_table(console, steps) == [
        ["apple", "plum"],
        (["apple", "plum"], True, 0),
        "2 of 5, filter pl",
        5,
        ("", True),
    ]


def test_letters_and_digits_are_text_in_the_filter(console):
    """`1` is no screen, `q` does not quit and `c` copies nothing there."""

    async def steps(app, pilot, screen):
        await pilot.press("slash", *"1qcsx")
        return screen.table.filter_words, app.screen is screen

    assert in_table(console, steps) == ("1qcsx", True)


# --- sort ----------------------------------------------------------------------------------------


def test_a_sort_is_stable_and_unknown_comes_last_both_ways(console):
    async def steps(app, pilot, screen):
        found = []
        for _ in range(3):
            await pilot.press("s", "b")
            found.append((keys_of(screen.table), screen.query_one(Panel).state))
        return found

    assert in_table(console, steps) == [
        (["pear", "fig", "apple", "grape", "plum"], "5, by Size"),
        (["grape", "apple", "pear", "fig", "plum"], "5, by Size"),
        (["pear", "apple", "plum", "fig", "grape"], "5"),
    ]


def test_the_letter_of_a_column_is_no_other_key_meanwhile(console):
    """`c` would copy, were it not the letter of the third column."""

    async def steps(app, pilot, screen):
        await pilot.press("s")
        letters = text_of(app)[2]
        await pilot.press("c")
        return letters, screen.query_one(Panel).state

    letters, state = in_table(console, steps)
    assert letters.split() == ["a:Name", "b:Size", "c:Last"]
    assert state == "5, by Last"
    assert not (console.workspace / "clipboard.txt").exists()


def test_figures_sort_as_numbers_before_words():
    cells = [Cell("10", sort=10), Cell("9", sort=9), Cell("word"), Cell("–"), Cell("0", sort=0)]
    rows = [Row(str(number), (cell,)) for number, cell in enumerate(cells)]
    assert [entry.key for entry in values.sorted_rows(rows, 0, reverse=False)] == [
        "4", "1", "0", "2", "3",
    ]  # fmt: skip


# --- marks, copy, export -------------------------------------------------------------------------


def test_space_marks_and_goes_on_and_marks_stay_with_their_rows(console):
    async def steps(app, pilot, screen):
        await pilot.press("space", "j", "space", "s", "a")
        table = screen.table
        marked = [line[1:6].strip() for line in text_of(app) if line.startswith("*")]
        return table.marked, marked, screen.query_one(Panel).state

    marked, lines, state = in_table(console, steps, marks=True)
    assert marked == {"pear", "plum"}
    assert sorted(lines) == ["pear", "plum"]
    assert state == "5, by Name, 2 marked"


def test_a_row_and_the_shown_rows_are_copied(console):
    async def steps(app, pilot, screen):
        await pilot.press("c")
        one = console.clipboard
        await pilot.press("slash", *"p !pl", "enter", "C")
        return one, console.clipboard

    one, table = in_table(console, steps)
    assert one == "pear\t3\tend"
    assert table == (
        "| Name | Size | Last |\n|---|---:|---|\n| pear | 3 | end |\n| grape | 100 | end |\n"
    )


def test_markdown_of_odd_data_is_one_table():
    rows = [Row("1", (Cell("a|b\n`c`\\"), Cell("1"), Cell("x")))]
    text = values.table_markdown(COLUMNS, rows)
    assert text.splitlines()[2] == "| a\\|b\\\\n\\`c\\`\\\\ | 1 | x |"


@pytest.mark.parametrize("form", ["md", "csv", "json"])
def test_the_shown_rows_are_written_in_the_form_of_the_suffix(console, tmp_path, form):
    async def steps(app, pilot, screen):
        await pilot.press("slash", *"fig", "enter", "x")
        assert isinstance(app.screen, AskText)
        app.screen.query_one("Input").value = str(tmp_path / f"table.{form}")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / f"table.{form}").exists())

    in_table(console, steps)
    text = (tmp_path / f"table.{form}").read_text()
    if form == "json":
        assert json.loads(text) == {
            "schema": 1, "rows": [{"name": "fig", "size": 3, "last": "end"}],
        }  # fmt: skip
    else:
        assert "fig" in text
        assert "pear" not in text


def test_a_file_is_replaced_only_after_a_question(console, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("mine")

    async def steps(app, pilot, screen):
        found = []
        for key in ("enter", "y"):
            await pilot.press("x")
            app.screen.query_one("Input").value = str(path)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await pilot.press(key)
            await until(pilot, lambda: app.screen is screen)
            found.append(path.read_text().splitlines()[0])
        return found

    assert in_table(console, steps) == ["mine", "name,size,last"]


# --- mouse ---------------------------------------------------------------------------------------


def test_a_click_selects_a_second_opens_and_one_on_the_head_sorts(console):
    async def steps(app, pilot, screen):
        table = screen.table
        await pilot.click(table, offset=(3, 2))
        found = [table.row.key]
        await pilot.click(table, offset=(3, 4), times=2)
        await pilot.pause()
        found.append(screen.told[-1])
        await pilot.click(table, offset=(50, 0))
        found.append(screen.query_one(Panel).state)
        return found

    assert in_table(console, steps) == ["apple", ("opened", "fig"), "5, by Size"]


def test_the_wheel_scrolls_and_leaves_the_cursor(console):
    async def steps(app, pilot, screen):
        table = screen.table
        wheel = MouseScrollDown(table, 3, 3, 0, 1, 0, False, False, False)
        for _ in range(3):
            table.post_message(wheel)
        await until(pilot, lambda: table.scroll_offset.y >= 3)
        await pilot.pause()
        top = int(text_of(app)[3].split()[0][1:])
        return top == table.scroll_offset.y, table.row.key

    rows = [row(f"n{number}") for number in range(100)]
    assert in_table(console, steps, rows) == (True, "n0")


# --- many rows -----------------------------------------------------------------------------------


MANY = [row(f"image_{number:06}.JPEG", number % 977) for number in range(100_000)]


def test_a_hundred_thousand_rows_are_shown_filtered_and_sorted(console):
    async def steps(app, pilot, screen):
        table = screen.table
        found = [screen.query_one(Panel).state]
        await pilot.press("G")
        found.append(re.findall(r"image_\d+", shown(app))[-1])
        table.filter_words = "9999 !09999"
        await until(pilot, lambda: len(table.rows) < 100_000)
        found.append(screen.query_one(Panel).state)
        found.append(table.row.key)
        table.filter_words = ""
        table.sort_by(1)
        table.sort_by(1)
        await until(pilot, lambda: table.rows[0].cells[1].sort == 976)
        found.append(table.rows[0].key)
        return found

    assert in_table(console, steps, MANY) == [
        "100,000",
        "image_099999",
        "8 of 100,000, filter 9999 !09999",
        "image_089999.JPEG",
        "image_000976.JPEG",
    ]


def test_the_last_words_of_a_filter_win(console):
    """A thread that still looks for what was typed before must not bring its rows."""

    async def steps(app, pilot, screen):
        table = screen.table
        for words in ("1", "12", "123", "1234"):
            table.filter_words = words
        await until(pilot, lambda: len(table.rows) == len(values.filtered(MANY, "1234")))
        await app.workers.wait_for_complete()
        await pilot.pause()
        return len(table.rows)

    assert in_table(console, steps, MANY) == len(values.filtered(MANY, "1234"))
