"""Checks of the environment as rows, and what to do about each in numbered lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui.glyphs import ROLES, marks
from ascend_console.tui.widgets.block import Fact
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ascend_console.tui.pen import Pen
    from ascend_console.tui.texts import Texts

BY_GRAVITY = ("FAIL", "WARN", "PASS", "SKIP")
# A sentence ends with a full stop before a capital, or with a Chinese one.
_SENTENCE = re.compile(r"(?<=[.])\s+(?=[A-Z])|(?<=。)\s*(?=\S)|\n+")


def check_columns(t: Texts) -> tuple[Column, ...]:
    """Verdict, what was looked at, what was seen."""
    return (
        Column(key="verdict", title=t("Verdict"), width=9 if t.lang == "en" else 11),
        Column(key="check", title=t("Check"), width=20),
        Column(key="seen", title=t("Seen"), width=24, flex=True),
    )


def verdict_word(verdict: str, t: Texts) -> str:
    """`FAIL`; in another language its word follows."""
    words = {"FAIL": t("fail"), "WARN": t("warn"), "PASS": t("pass"), "SKIP": t("skip")}
    word = words.get(verdict, "")
    return verdict if t.lang == "en" or not word else f"{verdict} {word}"


def seen_text(check: Mapping[str, Any], t: Texts) -> str:
    """What was seen, in the user's language."""
    return t.message(check["text"], check["seen"], check["args"])


def remedy_text(check: Mapping[str, Any], t: Texts) -> str:
    """What to do, in the user's language; "" where there is nothing to do."""
    return t.hint(check["text"], check["remedy"] or "", check["args"])


def steps_of(remedy: str) -> list[str]:
    """The sentences of a remedy, one thing to do each."""
    return [step.strip() for step in _SENTENCE.split(remedy) if step and step.strip()]


def by_gravity(checks: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, Any]]:
    """The worst first; within a verdict as they came."""

    def gravity(entry: tuple[str, Mapping[str, Any]]) -> int:
        verdict = entry[1]["verdict"]
        return BY_GRAVITY.index(verdict) if verdict in BY_GRAVITY else len(BY_GRAVITY)

    return sorted(checks, key=gravity)


def check_rows(checks: Iterable[tuple[str, Mapping[str, Any]]], pen: Pen) -> list[Row]:
    """A row for each check with its key, the worst first."""
    signs, t = marks(pen.glyphs), pen.t
    rows = []
    for key, check in by_gravity(checks):
        verdict = check["verdict"]
        word = f"{signs.get(verdict, pen.glyphs.unsure)} {verdict_word(verdict, t)}"
        gravity = BY_GRAVITY.index(verdict) if verdict in BY_GRAVITY else None
        rows.append(
            Row(
                key,
                (
                    Cell(word, ROLES.get(verdict, ""), gravity),
                    Cell(check["id"]),
                    Cell(seen_text(check, t)),
                ),
            )
        )
    return rows


def with_remedies(
    columns: Sequence[Column],
    rows: Iterable[Row],
    checks: Mapping[str, Mapping[str, Any]],
    t: Texts,
) -> tuple[list[Column], list[Row]]:
    """The same rows with what to do behind them, for a file."""
    remedy = Column(key="remedy", title=t("Remedy"), width=24)
    found = [Row(row.key, (*row.cells, Cell(remedy_text(checks[row.key], t)))) for row in rows]
    return [*columns, remedy], found


def counts_text(checks: Iterable[Mapping[str, Any]], t: Texts) -> str:
    """`2 fail, 1 warn, 18 pass, 3 skip`; what there is none of is left out."""
    verdicts = [check["verdict"] for check in checks]
    counts = {verdict: verdicts.count(verdict) for verdict in BY_GRAVITY}
    texts = {
        "FAIL": t("{count} fail", count=counts["FAIL"]),
        "WARN": t("{count} warn", count=counts["WARN"]),
        "PASS": t("{count} pass", count=counts["PASS"]),
        "SKIP": t("{count} skip", count=counts["SKIP"]),
    }
    return ", ".join(texts[verdict] for verdict in BY_GRAVITY if counts[verdict])


def ago_text(age_s: float, t: Texts) -> str:
    """`12 s ago`, from a minute on `3 min ago`, from an hour on `1:02:03 ago`."""
    if age_s < 59.5:
        age = f"{age_s:.0f} s"
    else:
        age = t("{count} min", count=round(age_s / 60)) if age_s < 3570 else cells.duration(age_s)
    return t("{age} ago", age=age)


def remedy_facts(check: Mapping[str, Any], pen: Pen) -> Sequence[Fact]:
    """What was seen, then each thing to do with its number."""
    t = pen.t
    facts = [Fact(label=t("seen"), text=seen_text(check, t))]
    steps = steps_of(remedy_text(check, t))
    facts += [
        Fact(label=f"{t('do') if number == 1 else '':<6}{number}", text=step)
        for number, step in enumerate(steps, 1)
    ]
    if not steps and check["verdict"] in ("PASS", "SKIP"):
        facts.append(Fact(label="", text=t("nothing to do")))
    return facts
