"""How a run ended, as facts: the verdict with its figures and reasons, or the problem."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ascend_console.core.options import options_of
from ascend_console.tui import cells
from ascend_console.tui import glyphs as signs
from ascend_console.tui.run_plan import batch_of, kind_of
from ascend_console.tui.widgets.block import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.core.specs import Job
    from ascend_console.core.view import StepView
    from ascend_console.tools.run_follow import RunSnapshot
    from ascend_console.tui.pen import Pen

_METRICS = {"top1": "Top-1", "instance_acc": "acc"}
_MOST_REASONS = 3
_MOST_FIGURES = 6
_MOST_FILES = 3
_OPTION = re.compile(r"--([a-z][a-z-]+)(?:[ =]([^\s,;]+))?")
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=[A-Z])|(?<=[。；])")


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that is over, as its documents tell it.

    `verdict` is the content of verdict.json, empty where there is none; `published` are the gated
    published figures of its model by metric, fractions.
    """

    run: RunSnapshot
    verdict: Mapping[str, Any]
    published: Mapping[str, float]


def step_name(step: StepView | None, pen: Pen) -> str:
    """`infer 8`, in the user's language."""
    if step is None:
        return ""
    return f"{pen.t(kind_of(step.name))} {batch_of(step.name)}".rstrip()


def title_of(run: RunSnapshot, pen: Pen) -> tuple[str, str]:
    """Title and state of the block."""
    t = pen.t
    took = cells.duration(run.view.elapsed_s)
    if run.state == "failed":
        where = step_name(run.view.step, pen)
        code = t("exit {code}", code=run.view.exit_code)
        return t("Problem"), f"{where}, {code}" if where else code
    return (t("Verdict") if run.view.verdict else t("Ended")), took


def facts_of(ending: Ending, job: Job | None, pen: Pen) -> list[Fact]:
    """What to say of a run that is over."""
    state = ending.run.state
    if state == "failed":
        return _problem(ending.run, job, pen)
    if state == "finished" and ending.run.view.verdict:
        return _verdict(ending, pen)
    if state == "finished":
        return _finished(ending.run, pen)
    return _stopped(ending.run, pen)


def _head(state: str, word: str, pen: Pen) -> dict[str, str]:
    mark = signs.marks(pen.glyphs).get(state, " ")
    return {"head": f"{mark} {word}", "role": signs.ROLES.get(state, "")}


def _stopped(run: RunSnapshot, pen: Pen) -> list[Fact]:
    """Cancelled or interrupted: where, when, and how it goes on."""
    t, step = pen.t, run.view.step
    where = t("in {step}", step=step_name(step, pen)) if step else t("before it began")
    reached = f"{step.done:,}/{step.total:,}" if step and step.total and step.done else ""
    text = "  ".join(filter(None, [where, reached, cells.duration(run.view.elapsed_s)]))
    found = [Fact(text=text, **_head(run.state, t.verdict(run.state), pen))]
    if run.document.get("job") == "run":
        found.append(Fact(text=t("u resumes: finished stages are kept; n new run")))
    else:
        found.append(Fact(text=t("r again")))
    return found


def _finished(run: RunSnapshot, pen: Pen) -> list[Fact]:
    """A job without a verdict: its figures and its files."""
    t = pen.t
    found = [
        Fact(text=run.view.title, label=t("done"), **_head("finished", t.verdict("finished"), pen))
    ]
    for name, (value, unit) in list(run.view.measured.items())[-_MOST_FIGURES:]:
        label = f"{t(kind_of(name))} {batch_of(name)}".rstrip()
        found.append(Fact(text=f"{cells.figure(value)} {t(unit)}", label=label))
    files = [entry.path for entry in run.view.artifacts]
    found += [Fact(text=path, label=t("file")) for path in files[-_MOST_FILES:]]
    if len(files) > _MOST_FILES:
        found.append(Fact(text=t("{count} files in all", count=len(files))))
    return [*found, Fact(text=t("r again  n new run"))]


# The verdict.


def _verdict(ending: Ending, pen: Pen) -> list[Fact]:
    t, run = pen.t, ending.run
    word = str(run.view.verdict)
    lines = [*_accuracy(ending, pen), *_speed(ending, pen)]
    reasons = _reasons(ending.verdict, word, pen)
    if run.view.warning_count:
        text = t("{count} warnings, in the log: v shows them", count=run.view.warning_count)
        reasons.append(Fact(text=text, label=t("note")))
    facts = [*lines, *reasons] or [Fact(text="")]
    first = facts[0]
    facts[0] = Fact(text=first.text, label=first.label, **_head(word, t.verdict(word), pen))
    return [*facts, Fact(text=t("3 accuracy  4 performance  o report  r again"))]


def _metric_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = document.get("accuracy") or []
    known = [row.get("metric") for row in rows]
    metric = next((name for name in _METRICS if name in known), known[0] if known else None)
    return [row for row in rows if row.get("metric") == metric]


def _accuracy_text(row: Mapping[str, Any], images: Any, pen: Pen) -> str:
    t = pen.t
    metric = str(row.get("metric"))
    parts = [f"{_METRICS.get(metric, metric)} {cells.percent(row.get('value'))} %"]
    if row.get("reference") is not None:
        paired = row.get("disagreements") is not None
        source = "torch float32" if paired else t("published")
        parts.append(f"{source} {cells.percent(row['reference'])} %")
    if row.get("disagreements") is not None:
        parts.append(t("{count} of {total} images differ", count=f"{row['disagreements']:,}",
                       total=cells.UNKNOWN if images is None else f"{images:,}"))  # fmt: skip
    return ", ".join(parts)


def _accuracy(ending: Ending, pen: Pen) -> list[Fact]:
    """The gated figure, once where all batch sizes agree; and what it does not say."""
    t, document = pen.t, ending.verdict
    rows = _metric_rows(document)
    images = (document.get("images") or {}).get("used")
    texts = {row.get("batch_size"): _accuracy_text(row, images, pen) for row in rows}
    found = []
    if len(set(texts.values())) == 1:
        found.append(Fact(text=next(iter(texts.values())), label=t("accuracy")))
    else:
        for number, (size, text) in enumerate(texts.items()):
            shown = f"{t('batch {sizes}', sizes=size)}: {text}"
            found.append(Fact(text=shown, label="" if number else t("accuracy")))
    if document.get("weights") == "sample":
        metric = str(rows[0].get("metric")) if rows else ""
        value = ending.published.get(metric)
        text = (
            t("sample data: says nothing about the published {value} %", value=cells.percent(value))
            if value is not None
            else t("sample data: says nothing about a published figure")
        )
        found.append(Fact(text=text))
    return found


def _speed(ending: Ending, pen: Pen) -> list[Fact]:
    """The best trusted throughput, else the highest; the device by name where it is a CPU."""
    t, document = pen.t, ending.verdict
    rows = [row for row in document.get("performance") or () if row.get("throughput") is not None]
    if not rows:
        return []
    best = document.get("best_batch_size")
    row = next((row for row in rows if row.get("batch_size") == best), None)
    row = row or max(rows, key=lambda entry: float(entry["throughput"]))
    parts = [t("{rate} img/s at batch {size} (device)", rate=cells.figure(row["throughput"]),
               size=row.get("batch_size"))]  # fmt: skip
    if row.get("e2e_throughput") is not None:
        parts.append(t("{rate} end to end", rate=cells.figure(row["e2e_throughput"])))
    parts.append(t("valid") if row.get("valid") else t("not valid"))
    found = [Fact(text=", ".join(parts), label=t("speed"))]
    found += [Fact(text=_message(finding, pen)) for finding in (row.get("validity") or ())[:1]]
    device = str(document.get("device") or "")
    if device.startswith("cpu"):
        processor = (ending.run.document.get("environment") or {}).get("processor")
        named = " ".join(filter(None, [device, processor]))
        found.append(Fact(text=f"{named}: {t('CPU, not an NPU result')}", label=t("device")))
    return found


def _message(finding: Mapping[str, Any], pen: Pen) -> str:
    args = finding.get("args") or {}
    return pen.t.message(str(finding.get("id")), str(finding.get("message")), args)


def _reasons(document: Mapping[str, Any], word: str, pen: Pen) -> list[Fact]:
    """Why it is no PASS, one of each kind, and what would make it one."""
    t = pen.t
    reasons = document.get("reasons") or ()
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for reason in reasons:
        kinds.setdefault(str(reason.get("id")), []).append(reason)
    why = []
    for alike in list(kinds.values())[:_MOST_REASONS]:
        more = f" ({t('and {count} more', count=len(alike) - 1)})" if len(alike) > 1 else ""
        why.append(_message(alike[0], pen) + more)
    needed = _images_needed(document)
    todo = [t("{count} more images needed", count=f"{needed:,}")] if needed else []
    todo += [t.hint(kind, str(alike[0].get("hint") or ""), alike[0].get("args") or {})
             for kind, alike in kinds.items()][:_MOST_REASONS]  # fmt: skip
    todo = [text for text in todo if text] if word != "PASS" else []
    return [
        *_labelled(t("why"), why),
        *_labelled(t("do"), [f"{number} {text}" for number, text in enumerate(todo, 1)]),
    ]


def _labelled(label: str, texts: Sequence[str]) -> list[Fact]:
    """Facts of which the first has the label."""
    return [Fact(text=text, label="" if number else label) for number, text in enumerate(texts)]


def _images_needed(document: Mapping[str, Any]) -> int | None:
    used = (document.get("images") or {}).get("used")
    wanted = [row["images_needed"] for row in document.get("accuracy") or ()
              if row.get("images_needed") and row.get("passed") is not True]  # fmt: skip
    return max(wanted) - used if wanted and used is not None and max(wanted) > used else None


# The problem.


def remedy_of(text: str, job: Job | None) -> tuple[str, str] | None:
    """The option of a job that a remedy names, and the value that it gives it, often none."""
    if job is None:
        return None
    known = {entry.name: entry for entry in options_of(job.request)}
    for flag, value in _OPTION.findall(text):
        name = flag.replace("-", "_")
        if name in known:
            # Words in capitals stand for what the user has to fill in.
            given = value.rstrip(".,;:。") if value and not value.isupper() else ""
            return name, "" if known[name].kind is bool else given
    return None


def remedies(hint: str) -> list[str]:
    """The sentences of a hint."""
    return [part.strip() for part in _SENTENCE.split(hint) if part and part.strip()]


def _problem(run: RunSnapshot, job: Job | None, pen: Pen) -> list[Fact]:
    t, error = pen.t, run.view.error
    if error is None:
        return []
    args = dict(error.args)
    text = t.message(error.id, error.message, args)
    code = args.get("code") or ""
    found = [Fact(text=text, label=code or t("error"), **_head("failed", t.verdict("failed"), pen))]
    found.append(Fact(text=error.id, label=t("id")))
    hint = t.hint(error.id, error.hint, args)
    for number, remedy in enumerate(remedies(hint), 1):
        wish = remedy_of(remedy, job)
        note = f"   {t('Enter fills the form')}" if wish else ""
        key = f"{wish[0]}={wish[1]}" if wish else ""
        found.append(Fact(text=f"{number} {remedy}{note}", label=t("do") if number == 1 else "",
                          key=key))  # fmt: skip
    if run.logs:
        name = PurePath(run.logs[-1].path).name
        found.append(Fact(text=t("{name}: e shows the error", name=name), label=t("log")))
    return found
