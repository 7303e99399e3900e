"""The stages of a run as lines: what is done, what goes on and how far, what comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from ascend_console.tui import cells, run_pace
from ascend_console.tui import glyphs as signs
from ascend_console.tui.run_plan import Earlier, batch_of, kind_of
from ascend_console.tui.widgets.rows import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.view import StepView
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.pen import Pen

FULL = (
    Column(key="mark", title="", width=1),
    Column(key="stage", title="", width=12),
    Column(key="batch", title="", width=8),
    Column(key="took", title="", width=7, right=True),
    Column(key="rest", title="", width=10, flex=True),
)
SHORT = (Column(key="mark", title="", width=1), Column(key="rest", title="", width=20, flex=True))

_BAR = (6, 20)
_LEAST_S = 1.0
_FOLDERS = {"measure": "perf", "infer": "accuracy", "verdict": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One line: steps of one kind. `state` is that of the run in its last step, else finished or
    pending; `took_s` is None before it began.
    """

    kind: str
    state: str
    steps: tuple[str, ...]
    took_s: float | None = None

    @property
    def batches(self) -> str:
        """The batch sizes of its steps: `1,8,16`."""
        return ",".join(filter(None, map(batch_of, self.steps)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What the lines are drawn from: the run at this moment, and what is known of runs like it.

    `planned` names all steps, begun or not; `log_lines` is how many lines the open log has grown
    by; `held` tells of the run that is waited for.
    """

    run: RunSnapshot
    elapsed_s: float
    planned: tuple[str, ...] = ()
    earlier: Earlier = field(default_factory=Earlier)
    log_lines: int | None = None
    held: str = ""


def _state_of_last(run: RunSnapshot) -> str:
    return "pending" if run.state == "waiting" and not run.view.steps else run.state


def _pending(now: Now) -> list[str]:
    """Steps to come: those that were planned, where that plan fits the count of the run."""
    run = now.run
    if run.state not in ("running", "waiting"):
        return []
    last = run.view.step
    if last is None:
        return list(now.planned)
    return list(now.planned[last.index :]) if len(now.planned) == last.count else []


def stages(now: Now) -> list[Stage]:
    """All stages, in order; steps of one kind are one line but for the one that runs or failed."""
    steps = now.run.view.steps
    each: list[Stage] = []
    for number, step in enumerate(steps):
        is_last = number == len(steps) - 1
        state = _state_of_last(now.run) if is_last else "finished"
        ended_s = now.elapsed_s if step.ended_s is None else step.ended_s
        each.append(Stage(kind=kind_of(step.name), state=state, steps=(step.name,),
                          took_s=ended_s - step.started_s))  # fmt: skip
    each += [Stage(kind=kind_of(name), state="pending", steps=(name,)) for name in _pending(now)]
    folded: list[Stage] = []
    for stage in each:
        before = folded[-1] if folded else None
        alike = before is not None and (before.kind, before.state) == (stage.kind, stage.state)
        if before is not None and alike and stage.state in ("finished", "pending"):
            took_s = None if stage.took_s is None else (before.took_s or 0.0) + stage.took_s
            folded[-1] = replace(before, steps=before.steps + stage.steps, took_s=took_s)
        else:
            folded.append(stage)
    return folded


def left_s(now: Now) -> float | None:
    """Seconds that the whole run still takes; None where a part of that is not known."""
    step = now.run.view.step
    later = now.earlier.total_s(_pending(now)) if _pending(now) else 0.0
    known = len(now.planned) == (step.count if step else len(now.planned))
    if later is None or not known or not now.planned:
        return None
    if step is None:
        return later
    rate = run_pace.smoothed_rate(now.run.rates, step.started_s)
    inside = run_pace.step_left_s(step, rate, now.elapsed_s)
    if inside is None:
        usual = now.earlier.usual_s(step.name)
        inside = None if usual is None else usual - (now.elapsed_s - step.started_s)
        if inside is None or inside <= 0:
            return None
    return inside + later


def unit_rate(rate: float | None, unit: str, pen: Pen) -> str:
    """`118.4 img/s`."""
    if rate is None:
        return ""
    name = pen.t("img/s") if unit == "images" else f"{pen.t(unit)}/s"
    return f"{cells.figure(rate)} {name}"


def _running(step: StepView, now: Now, width: int, pen: Pen, *, brief: bool) -> str:
    """Bar, share, count, rate and time left; without a total no bar, but what is known instead."""
    t = pen.t
    rate = run_pace.smoothed_rate(now.run.rates, step.started_s)
    silence_s = run_pace.silent_s(step, now.run.rates, now.elapsed_s)
    if not step.total:
        usual_s = now.earlier.usual_s(step.name)
        parts = [unit_rate(rate, step.unit, pen)]
        if now.log_lines is not None:
            parts.append(t("log +{count} lines", count=f"{now.log_lines:,}"))
        if usual_s is not None:
            parts.append(t("usually {time}", time=run_pace.clock(usual_s)))
        return "  ".join(filter(None, parts))
    done = step.done or 0
    left = run_pace.step_left_s(step, rate, now.elapsed_s)
    tail = [f"{100 * done // step.total:>3} %", f"{done:,}/{step.total:,}"]
    if silence_s is not None:
        tail.append(t("no progress for {time}", time=cells.duration(silence_s)))
    else:
        tail.append(unit_rate(rate, step.unit, pen))
        if left is not None:
            time = run_pace.clock(left)
            tail.append(time if brief else t("about {time}", time=time))
    text = "  ".join(filter(None, tail))
    room = width - cell_len(text) - 2
    if room < _BAR[0]:
        return text
    return f"{signs.bar(done / step.total, min(room, _BAR[1]), pen.glyphs)}  {text}"


def _note(stage: Stage, now: Now, pen: Pen) -> str:
    """What a finished stage left: a figure of its measurements, else its newest artefact."""
    view = now.run.view
    figures = [view.measured.get(f"throughput {name.partition(' ')[2]}") for name in stage.steps]
    if stage.kind == "measure" and any(figures):
        rates = [cells.figure(found[0]) if found else cells.UNKNOWN for found in figures]
        return f"{', '.join(rates)} {pen.t('img/s')}"
    done = [step for step in view.steps if step.name in stage.steps and step.total]
    if done:
        whole = sum(step.total or 0 for step in done)
        return f"{sum(step.done or 0 for step in done):,}/{whole:,} {pen.t(done[-1].unit)}"
    return ", ".join(PurePath(path).name for path in artifacts_of(stage.kind, now.run)[-2:])


def artifacts_of(kind: str, run: RunSnapshot) -> list[str]:
    """The files that steps of a kind wrote, by the folder of the run that they lie in."""
    part = _FOLDERS.get(kind, kind)
    found = []
    for artifact in run.view.artifacts:
        parts = PurePath(artifact.path).parts
        inside = parts[parts.index(run.run_id) + 1 :] if run.run_id in parts else parts[-2:]
        if (part and inside[:1] == (part,)) or (artifact.kind == kind and len(inside) == 1):
            found.append(artifact.path)
    return found


def rest_of(stage: Stage, now: Now, width: int, pen: Pen, *, brief: bool = False) -> str:
    """What stands behind the time of a stage."""
    t = pen.t
    step = now.run.view.step
    if stage.state == "pending":
        seconds = now.earlier.total_s(stage.steps)
        shown = seconds is not None and seconds >= _LEAST_S
        return t("about {time}", time=run_pace.clock(seconds or 0)) if shown else ""
    if stage.state == "finished":
        return _note(stage, now, pen)
    if stage.state == "waiting":
        return now.held
    if stage.state == "failed":
        error = now.run.view.error
        return t.message(error.id, error.message, error.args) if error else ""
    if stage.state == "running" and step is not None:
        return _running(step, now, width, pen, brief=brief)
    done = f"{step.done:,}/{step.total:,}" if step and step.total and step.done else ""
    return "  ".join(filter(None, [t(stage.state), done]))


def _mark(state: str, pen: Pen) -> Cell:
    if state == "pending":
        return Cell(pen.glyphs.pending, "muted")
    return Cell(signs.marks(pen.glyphs).get(state, " "), signs.ROLES.get(state, ""))


def _name(stage: Stage, pen: Pen) -> str:
    return f"{pen.t(stage.kind)} {stage.batches}".rstrip()


def _key(stage: Stage) -> str:
    return "|".join(stage.steps)


def full_rows(now: Now, width: int, pen: Pen) -> list[Row]:
    """A line for each stage, in the columns FULL; `width` is that of the whole table."""
    fixed = sum(column.cells + 1 for column in FULL[:-1]) + 2
    rows = []
    for stage in stages(now):
        role = "muted" if stage.state == "pending" else ""
        took = "" if stage.took_s is None else cells.duration(stage.took_s)
        rest = rest_of(stage, now, width - fixed, pen)
        rows.append(Row(_key(stage), (
            _mark(stage.state, pen), Cell(pen.t(stage.kind), role), Cell(stage.batches, role),
            Cell(took, role), Cell(rest, "muted" if stage.state == "finished" else role),
        )))  # fmt: skip
    return rows


def short_rows(now: Now, width: int, pen: Pen) -> list[Row]:
    """Finished stages on one line, those to come on another, and what runs; in the columns SHORT.

    Of many finished stages the last ones are named.
    """
    groups: dict[str, list[Stage]] = {"finished": [], "at": [], "pending": []}
    for stage in stages(now):
        groups[stage.state if stage.state in groups else "at"].append(stage)
    rows = []
    if groups["finished"]:
        seconds = sum(stage.took_s or 0.0 for stage in groups["finished"])
        took = f"  {cells.duration(seconds)}"
        names = [_name(stage, pen) for stage in groups["finished"]]
        room = width - 4 - cell_len(took)
        rows.append(
            Row("finished", (_mark("finished", pen), Cell(_newest(names, room, pen) + took)))
        )
    for stage in groups["at"]:
        head = f"{cells.fit(_name(stage, pen), 12)} {cells.duration(stage.took_s)}  "
        rest = rest_of(stage, now, width - cell_len(head) - 4, pen, brief=True)
        rows.append(Row(_key(stage), (_mark(stage.state, pen), Cell(head + rest))))
    if groups["pending"]:
        names = [_name(stage, pen) for stage in groups["pending"]]
        rows.append(Row("pending", (_mark("pending", pen), Cell(", ".join(names), "muted"))))
    return rows


def _newest(names: Sequence[str], width: int, pen: Pen) -> str:
    """Names in `width` cells; of too many the last ones."""
    shown = ", ".join(names)
    for left_out in range(1, len(names)):
        if cell_len(shown) <= width:
            break
        shown = ", ".join((pen.glyphs.ellipsis, *names[left_out:]))
    return shown


def describe(run: RunSnapshot, pen: Pen) -> str:
    """Backend, device, precision, batch sizes, data and weights of a run, as it recorded them."""
    request: dict[str, Any] = run.document.get("request") or {}
    t = pen.t
    sizes = request.get("batch_size")
    sizes = [sizes] if isinstance(sizes, int) else sizes
    data = request.get("dataset") or (t("sample images") if request.get("sample") else None)
    limit = request.get("limit")
    weights = t("sample weights") if request.get("sample") else request.get("checkpoint")
    parts = [
        request.get("backend"),
        request.get("device"),
        request.get("precision"),
        t("batch {sizes}", sizes=",".join(map(str, sizes))) if sizes else None,
        f"{data}, {t('first {count}', count=limit)}" if data and limit else data,
        PurePath(weights).name if weights else None,
        PurePath(request["onnx"]).name if request.get("onnx") else None,
    ]
    return "  ".join(cells.safe(part) for part in parts if part)
