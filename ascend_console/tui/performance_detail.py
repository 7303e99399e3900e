"""What is known of one cell of the performance table: its panel, and the page that Enter opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.stats import P90_SAMPLES, P99_SAMPLES
from ascend_console.tui import cells
from ascend_console.tui.performance_figures import BEST, log_of
from ascend_console.tui.performance_files import Measured, is_number, key_of
from ascend_console.tui.performance_table import judged
from ascend_console.tui.widgets.block import Fact
from ascend_console.tui.widgets.history_line import history_line, sampled, scale_top

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ascend_console.tui.pen import Pen
    from ascend_console.tui.performance_figures import Comparison, Device, Document, RatioColumn
    from ascend_console.tui.performance_files import Key

_SAMPLES_WIDE = 44
_ENOUGH = {"p90": P90_SAMPLES, "p99": P99_SAMPLES}


def number(value: object, pen: Pen, digits: int = 4) -> str:
    """A figure, or the sign for an unknown one."""
    return cells.figure(value, digits) if is_number(value) else pen.glyphs.unknown


def exact(value: object, pen: Pen) -> str:
    """A figure with the decimals that guides print, at most four."""
    if not is_number(value):
        return pen.glyphs.unknown
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def noted(row: Mapping[str, Any], key: str, pen: Pen) -> str:
    """A note of a document in the user's language, empty where there is none."""
    if pen.t.lang == "zh" and row.get(f"{key}_zh"):
        return str(row[f"{key}_zh"])
    return str(row.get(key) or "")


def finding_text(finding: Mapping[str, Any], pen: Pen) -> str:
    """A recorded finding in the user's language."""
    args = finding.get("args")
    values = {str(key): str(value) for key, value in args.items()} if isinstance(args, dict) else {}
    return pen.t.message(str(finding.get("id")), str(finding.get("message")), values)


def _hint(finding: Mapping[str, Any], pen: Pen) -> str:
    args = finding.get("args")
    values = {str(key): str(value) for key, value in args.items()} if isinstance(args, dict) else {}
    return pen.t.hint(str(finding.get("id")), str(finding.get("hint") or ""), values)


def said(pen: Pen, text_id: str, english: str, **values: object) -> str:
    """A sentence of the service layer, by its id."""
    texts = {key: str(value) for key, value in values.items()}
    return pen.t.message(text_id, english.format(**texts), texts)


# --- the panel -----------------------------------------------------------------------------------


def title_of(told: Comparison, column: str, row_key: str, pen: Pen) -> tuple[str, str]:
    """Title and state of the panel."""
    t = pen.t
    ratio = told.ratio(column)
    at = t("best") if row_key == BEST else t("batch {size}", size=row_key)
    if ratio is not None:
        return f"{ratio.key} {at}", t("ratio of cards")
    device = told.device(column)
    if device is None:
        return "", ""
    row = _row_at(device, row_key)
    states = []
    if device.own:
        run = row or device.newest
        states.append(t("run {run}", run=cells.short_id(str(run["run_id"]))))
        if run.get("weights") == "sample":
            states.append(t("sample weights"))
    if device.is_cpu:
        states.append(t("CPU, not an NPU result"))
    if not device.own and row is not None:
        states += [t("published"), t("official") if row.get("official") else t("recorded")]
    return f"{device.name} {at}", ", ".join(states)


def _row_at(device: Device, row_key: str) -> Document | None:
    """The row of a line of the table; on the line of the best it is that of the best."""
    if row_key == BEST:
        return device.rows.get(device.best["batch_size"]) if device.best else None
    return device.rows.get(int(row_key))


def panel_facts(
    told: Comparison, column: str, row_key: str, measured: Mapping[Key, Measured], pen: Pen
) -> list[Fact]:
    """The lines of the panel: figures, then why they can be trusted, or where they come from."""
    ratio = told.ratio(column)
    if ratio is not None:
        return list(_ratio_facts(ratio, row_key, pen))
    device = told.device(column)
    if device is None:
        return []
    row = _row_at(device, row_key)
    if row is None:
        return [Fact(text=_nothing(device, row_key, pen))]
    if device.own:
        return list(_own_facts(row, measured.get(key_of(row), Measured()), pen))
    return list(_published_facts(told, row, pen))


def _nothing(device: Device, row_key: str, pen: Pen) -> str:
    t = pen.t
    if row_key == BEST:
        return t("no figure that counts: a best is valid, and of a data set")
    if device.own:
        return t("not measured; 1 Run measures it")
    return t("the document has no figure of this batch size")


def _latencies(measured: Measured, pen: Pen) -> str:
    """`mean 59.7  p50 59.4  p90 62.0  p99 – (100 of 662 samples)`."""
    t = pen.t
    known = measured.latency_ms
    parts = [f"{t('mean')} {number(known.get('mean'), pen)}",
             f"p50 {number(known.get('median'), pen)}"]  # fmt: skip
    for name, least in _ENOUGH.items():
        text = f"{name} {number(known.get(name), pen)}"
        if name not in known and measured.samples is not None and measured.samples < least:
            few = t("{count} of {least} samples", count=measured.samples, least=least)
            text += f" ({few})"
        parts.append(text)
    return "  ".join(parts)


def _own_facts(row: Document, measured: Measured, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    figures = (
        t("device {rate} img/s", rate=number(row.get("throughput"), pen)),
        t("end to end {rate}", rate=number(row.get("e2e_throughput"), pen)),
        f"ms: {_latencies(measured, pen)}",
    )
    yield Fact(label=t("figures"), text="  ".join(figures))
    yield from _trust(row, measured, pen)


def _trust(row: Document, measured: Measured, pen: Pen) -> Iterator[Fact]:
    """Why the figure can be trusted, or not; then what else is to be known of it."""
    t = pen.t
    mark = {"head": pen.glyphs.attention, "role": "warning"}
    if row.get("data") not in (None, "dataset"):
        yield Fact(label=t("input"), text=t("random input: approximate, meets no gate"), **mark)
    if row.get("valid") is True:
        yield Fact(label=t("valid"), text=_why_valid(measured, pen))
        for note in measured.notes:
            yield Fact(label=t("note"), text=finding_text(note, pen))
        return
    reasons = measured.reasons
    for reason in reasons:
        yield Fact(label=t("not valid"), text=finding_text(reason, pen), **mark)
    if not reasons:
        text = said(pen, "perf.not_valid", "the run does not trust this measurement")
        yield Fact(label=t("not valid"), text=text, **mark)
    hints = dict.fromkeys(filter(None, (_hint(reason, pen) for reason in reasons)))
    for hint in hints:
        yield Fact(label=t("do"), text=hint)


def _why_valid(measured: Measured, pen: Pen) -> str:
    t = pen.t
    parts = []
    windows = measured.windows[-3:]
    if len(windows) > 1 and min(windows) > 0:
        share = 100 * (max(windows) / min(windows) - 1)
        parts.append(t("windows within {share} %", share=f"{share:.1f}"))
    variation = measured.figures.get("variation")
    if is_number(variation):
        parts.append(t("variation {share} %", share=f"{100 * variation:.1f}"))
    if not any(note.get("id") == "measure.exclusive_unknown" for note in measured.notes):
        parts.append(t("no other process"))
    return ", ".join(parts)


def _published_facts(told: Comparison, row: Document, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    rate = t("{rate} img/s per card", rate=exact(row.get("throughput"), pen))
    yield Fact(label=t("figure"), text=f"{rate}  {_basis(row, pen)}")
    yield Fact(label=t("printed in"), text=_source(told, row, pen))
    for key in ("note", "log_note"):
        text = noted(row, key, pen)
        if text:
            yield Fact(label=t("note"), text=text, head=pen.glyphs.attention, role="warning")


def _basis(row: Document, pen: Pen) -> str:
    """`x4 from one chip, inferred`: how a printed figure became one of a card."""
    t = pen.t
    stated = t("stated") if row.get("per_basis") == "stated" else t("inferred")
    factor = row.get("factor") or 1
    if factor == 1:
        return t("a card is one device, {basis}", basis=stated)
    return t("x{factor} from one device, {basis}", factor=factor, basis=stated)


def _source(told: Comparison, row: Document, pen: Pen) -> str:
    text = str(row.get("source") or pen.glyphs.unknown)
    for entry in told.document.get("documents", []):
        if entry.get("id") == row.get("document"):
            text += f": {noted(entry, 'title', pen)}"
    return text


def _ratio_facts(ratio: RatioColumn, row_key: str, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    row = ratio.rows.get(None if row_key == BEST else int(row_key))
    if row is None:
        yield Fact(text=t("not computable: a figure is missing"))
        return
    mark = {"head": pen.glyphs.attention, "role": "warning"}
    sides = t("{a} at batch {a_size} against {b} at batch {b_size}",
              a=ratio.a, a_size=row.get("a_batch_size") or pen.glyphs.unknown,
              b=ratio.b, b_size=row.get("b_batch_size") or pen.glyphs.unknown)  # fmt: skip
    yield Fact(label=t("ratio"), text=f"{number(row.get('value'), pen, 5)}  {sides}")
    if row.get("missing"):
        text = said(pen, "perf.no_ratio", "not computable: {missing}", missing=row["missing"])
        yield Fact(text=text)
    if is_number(row.get("printed")):
        text = number(row["printed"], pen, 5)
        if row.get("misprinted"):
            text = said(pen, "perf.ratio_misprinted",
                        "{pair} is printed as {printed}; its figures give {value}",
                        pair=ratio.key, printed=row["printed"],
                        value=number(row.get("value"), pen, 5))  # fmt: skip
        yield Fact(label=t("printed"), text=text)
    yield Fact(label=t("gate"), text=_gate_text(row, pen))
    for text in filter(None, (noted(row, "note", pen), noted(row, "remark", pen))):
        yield Fact(label=t("note"), text=text, **mark)


def _gate_text(row: Document, pen: Pen) -> str:
    t = pen.t
    if row.get("across_documents") or not is_number(row.get("gate")):
        return said(pen, "perf.across", "a ratio across documents or runs is shown and never gated")
    least = t("at least {least}", least=row["gate"])
    if row.get("batch_size") is None:
        decides = said(pen, "perf.decides", "best against best decides")
        return f"{least}: {judged(row, pen)}; {decides}"
    return f"{least}: {judged(row, pen)}; {t('the same batch size decides nothing')}"


# --- the page ------------------------------------------------------------------------------------


def page_facts(
    told: Comparison, column: str, row_key: str, measured: Mapping[Key, Measured], pen: Pen
) -> list[Fact]:
    """Everything that is known of a cell."""
    facts = panel_facts(told, column, row_key, measured, pen)
    device = told.device(column)
    row = _row_at(device, row_key) if device is not None else None
    if device is None or row is None:
        return facts
    if device.own:
        return [*facts, *_more_own(row, measured.get(key_of(row), Measured()), pen)]
    return [*facts, *_more_published(told, row, pen)]


def _more_own(row: Document, measured: Measured, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    seen, rate = measured.figures, measured.rate
    yield Fact(label=t("run"), text=str(row["run_id"]))
    yield Fact(label=t("tool"), text=str(rate.get("tool") or pen.glyphs.unknown))
    place = (row.get("device"), row.get("backend"), row.get("precision"), row.get("processor"))
    yield Fact(label=t("ran on"), text=", ".join(str(part) for part in place if part))
    if rate.get("threads"):
        yield Fact(label=t("threads"), text=str(rate["threads"]))
    if (row.get("factor") or 1) > 1:
        yield Fact(label=t("per card"), text=_basis(row, pen))
    yield Fact(label=t("samples"), text=_samples(measured, pen))
    yield Fact(label=t("slowest"), text=t(
        "{slowest} ms, fastest {fastest}, the very first {first}",
        slowest=number(seen.get("max_ms"), pen), fastest=number(seen.get("min_ms"), pen),
        first=number(seen.get("first_ms"), pen)))  # fmt: skip
    windows = ", ".join(number(value, pen) for value in measured.windows)
    yield Fact(label=t("windows"), text=f"{windows or pen.glyphs.unknown} {t('img/s')}")
    copies = t("H2D {h2d} ms, compute {compute} ms, D2H {d2h} ms",
               h2d=number(rate.get("h2d_ms"), pen), d2h=number(rate.get("d2h_ms"), pen),
               compute=number(measured.latency_ms.get("mean"), pen))  # fmt: skip
    yield Fact(label=t("copies"), text=copies)
    if is_number(rate.get("random_throughput")):
        text = t("{rate} img/s right afterwards", rate=number(rate["random_throughput"], pen))
        yield Fact(label=t("random input"), text=text)
    line = _over_time(measured.latencies_ms, pen)
    if line:
        yield Fact(label=t("over time"), text=line)
    if row.get("note") and row.get("origin") == "imported":
        yield Fact(label=t("imported"), text=str(row["note"]))


def _samples(measured: Measured, pen: Pen) -> str:
    t = pen.t
    count = measured.samples
    text = pen.glyphs.unknown if count is None else f"{count:,}"
    warm = measured.figures.get("warmup_executions")
    if is_number(warm):
        text += ", " + t("after {count} to warm up", count=warm)
    return f"{text}; {t('p90 needs {p90}, p99 {p99}', p90=P90_SAMPLES, p99=P99_SAMPLES)}"


def _over_time(latencies_ms: Sequence[float], pen: Pen) -> str:
    """Every execution, warm-up included, as one row on a scale from 0."""
    if len(latencies_ms) < 2:
        return ""
    points = [(float(index), value) for index, value in enumerate(latencies_ms)]
    width = min(_SAMPLES_WIDE, len(points))
    spans = sampled(points, 0.0, float(len(points)), width)
    top = scale_top([value for value in spans if value is not None])
    return f"0-{top:,.4g} ms {history_line(spans, top, pen.glyphs)}"


def _more_published(told: Comparison, row: Document, pen: Pen) -> Iterator[Fact]:
    t = pen.t
    unknown = pen.glyphs.unknown
    yield Fact(label=t("precision"), text=str(row.get("precision") or unknown))
    if is_number(row.get("raw")):
        text = t("{rate} img/s of one device", rate=exact(row["raw"], pen))
        yield Fact(label=t("raw"), text=text)
    if is_number(row.get("recomputed")):
        yield Fact(label=t("recomputed"), text=exact(row["recomputed"], pen))
    if is_number(row.get("with_copies")):
        yield Fact(label=t("with copies"), text=f"{number(row['with_copies'], pen, 5)} img/s")
    for entry in told.document.get("timings", []):
        at = (entry.get("document"), entry.get("device"), entry.get("batch_size"))
        if at == (row["document"], row["device"], row["batch_size"]):
            figures = [f"{name} {number(entry.get(f'{key}_ms'), pen)}" for name, key in (
                (t("mean"), "mean"), ("p50", "median"), ("p99", "p99"),
                (t("min"), "min"), (t("max"), "max"))]  # fmt: skip
            yield Fact(label=f"{entry.get('name')} ms", text="  ".join(figures))
    log = log_of(told, row)
    if log is not None:
        stages = [
            f"{name} {number(stage.get('rate'), pen)}"
            for name, stage in log.items()
            if isinstance(stage, dict) and "rate" in stage
        ]
        yield Fact(label=t("log, img/s"), text="  ".join(stages))
    for document in told.document.get("documents", []):
        if document.get("id") == row.get("document"):
            yield from _of_document(document, pen)


def _of_document(document: Document, pen: Pen) -> Iterator[Fact]:
    """What is to be known of a document as a whole."""
    t = pen.t
    for key in ("about", "doubtful"):
        if noted(document, key, pen):
            yield Fact(label=t("document"), text=noted(document, key, pen))
    for note in document.get("notes", []):
        text = noted(note, "text", pen)
        if note.get("lines"):
            lines = ", ".join(map(str, note["lines"]))
            text = said(pen, "perf.lines", "line {lines}: {text}", lines=lines, text=text)
        yield Fact(label=t("note"), text=text)


# --- judgements ----------------------------------------------------------------------------------


def judgement_facts(judgements: Sequence[Document], kind: str, pen: Pen) -> list[Fact]:
    """What a document says of itself, and what follows from its figures."""
    return [fact for entry in judgements if entry.get("kind") == kind
            for fact in _judgement(entry, pen)]  # fmt: skip


def _judgement(entry: Document, pen: Pen) -> Iterator[Fact]:
    place = str(entry.get("document"))
    remark = noted(entry, "remark", pen)
    if entry.get("published") is None:
        text = said(pen, "perf.unpublished", "{document} gives no judgement", document=place)
    else:
        if is_number(entry.get("line")):
            place = f"{place}, line {entry['line']}"
        template = (
            "published ({place}): {said}. {remark}" if remark else "published ({place}): {said}"
        )
        text_id = "perf.published_remark" if remark else "perf.published"
        text = said(pen, text_id, template, place=place, said=entry["published"], remark=remark)
    note = noted(entry, "note", pen)
    yield Fact(text=f"{text} {note}".rstrip())
    basis = "; ".join(finding_text(found, pen) for found in entry.get("findings", []))
    text = said(pen, "perf.recomputed", "recomputed: {said}; {basis}",
                said=entry.get("recomputed"), basis=basis)  # fmt: skip
    yield Fact(text=text)
