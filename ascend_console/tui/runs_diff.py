"""What changed between two runs: the answer of `runs diff` as a table, with what stayed on `v`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.tui import cells
from ascend_console.tui.widgets.rows import Cell, Column, Row
from ascend_console.tui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ascend_console.core.errors import ConsoleError
    from ascend_console.tui.messages import Answer
    from ascend_console.tui.texts import Texts

_SECTIONS = ("request", "environment", "fingerprints")
_RUN = ("job", "model", "backend", "device", "weights", "state", "verdict")


def columns(t: Texts) -> tuple[Column, ...]:
    """What, in the first, in the second, and how it changed."""
    return (
        Column(key="what", title=t("What"), width=26, middle=True),
        Column(key="a", title="A", width=16, middle=True),
        Column(key="b", title="B", width=16, middle=True),
        Column(key="change", title=t("Change"), width=15, flex=True),
    )


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings by dotted name, as `runs diff` names them."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _text(value: Any) -> str:
    if value is None:
        return cells.UNKNOWN
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _facts(document: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """What `runs show` tells of how a run was made, by section and name."""
    sections = {"run": {name: document.get(name) for name in _RUN}}
    sections |= {name: document.get(name) or {} for name in _SECTIONS}
    return {
        (section, name): value
        for section, values in sections.items()
        for name, value in _leaves(values)
        if name
    }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answers that a comparison is made of, or the error that one of them was."""

    diff: dict[str, Any]
    a: dict[str, Any]
    b: dict[str, Any]
    error: ConsoleError | None = None


def ask(answer: Callable[[str, Any], Answer], first: str, second: str) -> Comparison:
    """Ask the job `runs` what differs and what each run is; call it in a thread."""
    from ascend_console.jobs.runs import RunsRequest

    documents = []
    for action, runs in (("diff", (first, second)), ("show", (first,)), ("show", (second,))):
        got = answer("runs", RunsRequest(action=action, run=runs))  # type: ignore[arg-type]
        if got.answered is None:
            return Comparison({}, {}, {}, got.error)
        documents.append(got.answered.document)
    return Comparison(documents[0], documents[1], documents[2])


class DiffRows:
    """Makes the rows of a comparison, in the user's language."""

    def __init__(self, t: Texts) -> None:
        self._t = t
        self._words = {
            "run": t("run"), "request": t("request"), "environment": t("environment"),
            "fingerprints": t("fingerprint"), "result": t("result"),
        }  # fmt: skip
        self._figures = {
            "throughput": t("throughput"), "e2e_throughput": t("end to end"),
            "latency_median_ms": t("latency p50 ms"),
        }  # fmt: skip

    def changed(self, diff: Mapping[str, Any]) -> list[Row]:
        """What is not the same in both."""
        rows = [
            self._row((item["section"], item["field"]), _text(item["a"]), _text(item["b"]))
            for item in diff["differences"]
        ]
        rows += [self._accuracy(item) for item in diff["accuracy"]]
        return rows + [self._rate(item, diff.get("devices") or "") for item in diff["performance"]]

    def same(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Row]:
        """What is: from what `runs show` answers for each of them."""
        first, second = _facts(a), _facts(b)
        return [
            self._row(key, _text(value), _text(value), Cell(self._t("same"), role="muted"))
            for key, value in first.items()
            if key in second and second[key] == value
        ]

    def _row(self, key: tuple[str, ...], a: str, b: str, change: Cell | None = None) -> Row:
        what = " ".join([self._words.get(key[0], key[0]), *key[1:]])
        return Row(" ".join(key), (Cell(what), Cell(a), Cell(b), change or Cell()))

    def _at(self, item: Mapping[str, Any]) -> str:
        size = self._t("batch {size}", size=item["batch_size"])
        return f"{size} {item['precision']}"

    def _accuracy(self, item: Mapping[str, Any]) -> Row:
        points = item["difference_points"]
        change = "" if points is None else f"{points:+.2f} {self._t('point')}"
        name = str(item["metric"])
        a, b = (self._percent(item[side]) for side in ("a", "b"))
        return self._row((name, self._at(item)), a, b, Cell(change, sort=points))

    @staticmethod
    def _percent(value: Any) -> str:
        known = isinstance(value, int | float)
        return f"{cells.percent(value)} %" if known else cells.UNKNOWN

    def _rate(self, item: Mapping[str, Any], devices: str) -> Row:
        """A rate or latency; what speaks against the ratio stands beside it."""
        figure = self._figures.get(str(item["figure"]), str(item["figure"]))
        ratio = item["ratio"]
        said = (self._note(item.get("note") or ""), self._places(devices))
        notes = [part for part in said if part]
        change = "" if ratio is None else f"{100 * (ratio - 1):+.1f} %"
        text = ", ".join([change, *notes]) if change else ""
        a, b = (cells.figure(item[side]) for side in ("a", "b"))
        return self._row((figure, self._at(item)), a, b, Cell(text, sort=ratio))

    def _places(self, devices: str) -> str:
        """Such a ratio is none of one machine."""
        t = self._t
        b, against, a = devices.partition(" against ")
        if against:
            return t("{b} against {a}", b=b, a=a)
        return t("different machines") if devices else ""

    def _note(self, note: str) -> str:
        """The job says `first` and `second` of what stands here under A and B."""
        t = self._t
        known = {"first not trusted": t("A is invalid"), "second not trusted": t("B is invalid")}
        found = []
        for part in note.split(", ") if note else []:
            side, _, rest = part.partition(" ")
            letter = "A" if side == "first" else "B"
            found.append(known.get(part, f"{letter}: {rest}"))
        return ", ".join(found)


class DiffTable(Table):
    """The rows of a comparison; it shows what changed, or all."""

    help_text = "v shows all, or only what changed; Enter shows a row in full."

    def __init__(self, t: Texts) -> None:
        super().__init__(columns(t), empty=t("nothing differs; v shows what is the same"),
                         id="changes")  # fmt: skip
        self.all = False
        self._changed: list[Row] = []
        self._same: list[Row] = []
        self._names = ""

    def show(self, names: str, changed: list[Row], same: list[Row]) -> None:
        """Another comparison; `names` are those of its two runs."""
        self._names, self._changed, self._same = names, changed, same
        self.all = False
        self.filter_words = ""
        self._fill()

    def turn(self) -> None:
        """All rows, or only those that changed."""
        self.all = not self.all
        self._fill()

    def _fill(self) -> None:
        self.set_rows([*self._changed, *self._same] if self.all else self._changed)

    def state_text(self) -> str:
        """`A …77aa B …12c4, 3 of 61, v shows all`."""
        t = self.app.t
        total = len(self._changed) + len(self._same)
        other = t("v shows what changed") if self.all else t("v shows all")
        if self.all and not self.filter_words:
            return f"{self._names}, {total}, {other}"
        if self.filter_words:
            return f"{self._names}, {super().state_text()}"
        count = t("{shown} of {total}", shown=len(self._changed), total=total)
        return f"{self._names}, {count}, {other}"
