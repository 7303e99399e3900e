"""The screens of figures, opened and waited for, and what stands on them."""

from __future__ import annotations

from ascend_console.tui.accuracy_view import ImageView
from ascend_console.tui.performance_grid import CellTable
from ascend_console.tui.widgets.block import Block
from ascend_console.tui.widgets.table import Table
from tests.tui.screen_text import until


def open_performance(console, steps, **wanted):
    """Run `steps(app, pilot, table)` once the figures, and those of own runs, are there."""

    async def run(app, pilot):
        table = app.screen.query_one(CellTable)
        await until(pilot, lambda: table.rows)
        keys = app.screen.told.own_keys
        await until(pilot, lambda: set(keys) <= set(app.screen.measured))
        await pilot.pause()
        return await steps(app, pilot, table)

    return console.drive(run, start="performance", **wanted)


def cells_of(table, key):
    (row,) = (row for row in table.rows if row.key == key)
    return {column.key: cell.text for column, cell in zip(table.columns, row.cells, strict=True)}


def cell_facts(app):
    return [(fact.label, fact.text) for fact in app.screen.query_one("#cell", Block).facts]


async def go_to(pilot, table, column, row):
    """Put the cursor on a cell, by keys."""
    keys = [entry.key for entry in table.rows]
    step = keys.index(row) - keys.index(table.row.key)
    await pilot.press(*["down" if step > 0 else "up"] * abs(step))
    columns = [entry.key for entry in table.columns]
    step = columns.index(column) - columns.index(table.column_key)
    await pilot.press(*["right" if step > 0 else "left"] * abs(step))
    await pilot.pause()


def open_accuracy(console, steps, **wanted):
    """Run `steps(app, pilot, screen)` once the figures are there."""

    async def run(app, pilot):
        screen = app.screen
        await until(pilot, lambda: screen.told.rows)
        await pilot.pause()
        return await steps(app, pilot, screen)

    return console.drive(run, start="accuracy", **wanted)


def table_of(screen):
    return screen.query_one(f"#{screen.level} Table", Table)


def texts(table, number):
    return [cell.text for cell in table.rows[number].cells]


async def enter(pilot, screen, level):
    """Enter, until the level below is there."""
    await pilot.press("enter")
    await until(pilot, lambda: screen.level == level)
    await pilot.pause()


async def down_to_images(pilot, screen):
    """To all images: those of the worst class are where the cursor is at first."""
    await enter(pilot, screen, "classes")
    await pilot.press("home")
    await enter(pilot, screen, "images")


def facts(screen, block="#why"):
    return [(fact.label, fact.text) for fact in screen.query_one(block, Block).facts]


def image_facts(screen):
    found = screen.query_one(ImageView).query_one(Block).facts
    return {fact.label: f"{fact.head}{fact.text}" for fact in found}
