"""What follows from a document's own figures, beside what it says of them itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ascend_console.core.accuracy import against_published
from ascend_console.core.gates import performance_gate
from ascend_console.core.reference_ratios import GATES, set_ratios
from ascend_console.core.specs import AccuracyReference
from ascend_console.core.verdict import Finding, finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.reference import AccuracyFigure, PublishedJudgement, ReferenceSet
    from ascend_console.core.reference_ratios import Ratio
    from ascend_console.core.verdict import Gate, State

Said = Literal["met", "not met", "not computable"]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the rule says of a document's figures; `basis` tells every figure that it stands on."""

    kind: Literal["accuracy", "performance"]
    said: Said
    basis: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class JudgementPair:
    """A document's own judgement, None where it gives none, and the recomputed one."""

    reference: ReferenceSet
    published: PublishedJudgement | None
    recomputed: Recomputed


def gate_of(ratio: Ratio) -> Gate:
    """The performance gate of one best-against-best ratio; a missing column is no pass."""
    least = ratio.gate if ratio.gate is not None else GATES[ratio.a, ratio.b]
    return performance_gate(f"{ratio.a}/{ratio.b}", ratio.value, least, ratio.missing)


def _said(states: Sequence[State]) -> Said:
    """Not met before not computable before met; not computable of nothing."""
    if "FAIL" in states:
        return "not met"
    return "met" if states and set(states) == {"PASS"} else "not computable"


def performance_judgement(reference: ReferenceSet) -> Recomputed:
    """The three ratios of a document, best against best; met only where all can be computed."""
    gates = [
        gate_of(ratio)
        for ratio in set_ratios(reference)
        if ratio.batch_size is None and (ratio.a, ratio.b) in GATES
    ]
    basis = tuple(entry for gate in gates for entry in gate.findings)
    return Recomputed("performance", _said([gate.state for gate in gates]), basis)


def gated_references(
    reference: ReferenceSet, known: Sequence[AccuracyReference] = ()
) -> dict[str, AccuracyReference]:
    """What the accuracies of a document are judged by, by metric.

    It is what the model is `known` by, its gated figures; where there is none, what the document
    quotes of the upstream repository or of the checkpoint.
    """
    gated = {entry.metric: entry for entry in known if entry.gated}
    if gated:
        return gated
    return {
        figure.metric: AccuracyReference(
            metric=figure.metric, value=figure.value, source=figure.place, gated=True
        )
        for of in ("checkpoint", "upstream")
        for figure in reference.accuracy
        if figure.of == of and figure.value is not None
    }


def _where(figure: AccuracyFigure) -> str:
    """`310 bs1,16 `: where a figure was measured, before a message about it."""
    sizes = "bs" + ",".join(map(str, figure.batch_sizes)) if figure.batch_sizes else None
    return "".join(f"{part} " for part in (figure.device, sizes) if part)


def judge_figure(
    figure: AccuracyFigure, references: Mapping[str, AccuracyReference]
) -> Judgement | None:
    """The rule on one accuracy of an om; None where no reference or no value is known."""
    known = references.get(figure.metric)
    if known is None or figure.value is None or figure.of != "om":
        return None
    return against_published(figure.metric, figure.value, known, at=_where(figure))


def accuracy_judgement(
    reference: ReferenceSet, known: Sequence[AccuracyReference] = ()
) -> Recomputed:
    """Every gated accuracy of the document's om files; a value that is not printed decides none."""
    references = gated_references(reference, known)
    states: list[State] = []
    basis: list[Finding] = []
    for figure in reference.accuracy:
        if figure.of != "om" or figure.metric not in references:
            continue
        judgement = judge_figure(figure, references)
        if judgement is None:
            states.append("NO_RULE")
            basis.append(
                finding(
                    "reference.not_printed",
                    "{at}{metric}: not computable: the document prints no value of its own",
                    at=_where(figure),
                    metric=figure.metric,
                )
            )
            continue
        states.append(judgement.state)
        basis += filter(None, [judgement.why])
    if not states:
        basis.append(finding("reference.no_accuracy", "not computable: no accuracy of an om file"))
    return Recomputed("accuracy", _said(states), tuple(basis))


def judgements(
    reference: ReferenceSet, known: Sequence[AccuracyReference] = ()
) -> tuple[JudgementPair, ...]:
    """The judgements of a document, accuracy and performance apart, as the guides have them.

    A kind is left out where the document neither judges it nor has a figure of it.
    """
    published = {entry.kind: entry for entry in reference.judgements}
    shown = {
        "accuracy": any(figure.of == "om" for figure in reference.accuracy),
        "performance": bool(reference.throughput),
    }
    found = (accuracy_judgement(reference, known), performance_judgement(reference))
    return tuple(
        JudgementPair(reference, published.get(entry.kind), entry)
        for entry in found
        if shown[entry.kind] or entry.kind in published
    )
