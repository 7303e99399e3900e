"""What outputs may differ by, and the verdict on an artefact beside its reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ascend_console.core.metrics import some_names
from ascend_console.core.verdict import Finding, Gate, State, Verdict, VerdictName, finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.core.output_tally import Oddities, OutputFigures

FLOAT32 = "fp32"
MOST_DIFFERENCE = 1e-3
"""float32 against float32: largest difference, relative to the largest reference value."""

LEAST_COSINE = 0.99
"""Any other pair: smallest cosine similarity of one image's outputs."""

# Relative difference of one layer below which nothing is a jump: what rounding does by itself.
_FLOORS = {FLOAT32: 1e-4, "int8": 0.2}
_LOW_FLOOR = 0.02


# --- how much is allowed -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRule:
    """What two outputs may differ by: `most_difference` or `least_cosine`, one of them.

    `is_gated` tells whether the accuracy on labelled images decides too. `layer_floor` is the
    relative difference of one layer from which on it can be a jump.
    """

    most_difference: float | None
    least_cosine: float | None
    is_gated: bool
    is_stated: bool
    layer_floor: float


def rule_for(artefact: str | None, reference: str | None, wanted: float | None) -> OutputRule:
    """The rule for a pair of precisions, None for an unknown one; `wanted` is --tolerance.

    float32 on both sides: the difference decides. An artefact of lower precision against float32:
    the cosine, and on labelled images the accuracy. A reference of lower precision is no measure
    for an accuracy: the cosine alone.
    """
    is_float32 = artefact == reference == FLOAT32
    by_difference = is_float32 or wanted is not None
    lower = reference if artefact == FLOAT32 else artefact
    return OutputRule(
        most_difference=(MOST_DIFFERENCE if wanted is None else wanted) if by_difference else None,
        least_cosine=None if by_difference else LEAST_COSINE,
        is_gated=reference == FLOAT32 and not is_float32,
        is_stated=wanted is not None,
        layer_floor=_FLOORS.get(lower or "", _LOW_FLOOR),
    )


# --- outputs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutputJudgement:
    """Whether one output keeps to the rule, why, and what else to know of it."""

    passed: bool
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _odd(figures: OutputFigures) -> tuple[list[Finding], list[Finding]]:
    """Results that cannot be right, and such as are only strange."""
    wrong: list[Finding] = []
    strange: list[Finding] = []
    sides: tuple[tuple[Literal["artefact", "reference"], Oddities], ...] = (
        ("artefact", figures.artefact),
        ("reference", figures.reference),
    )
    for side, odd in sides:
        facts = {
            "output": figures.name,
            "side": side,
            "total": figures.images,
            "names": some_names(odd.names),
        }
        if odd.not_finite:
            wrong.append(
                finding(
                    "compare.not_finite",
                    "{output}: {count} of {total} results of the {side} hold NaN or an infinity: "
                    "{names}",
                    "Look for a layer that overflows: the first one that jumps is named where "
                    "layers are compared.",
                    count=odd.not_finite,
                    **facts,
                )
            )
        if odd.all_zero:
            alone = figures.artefact.all_zero != figures.reference.all_zero
            (wrong if alone else strange).append(
                finding(
                    "compare.all_zero",
                    "{output}: {count} of {total} results of the {side} are all zero: {names}",
                    "Check the weights and the input: such a result says nothing of the image.",
                    count=odd.all_zero,
                    **facts,
                )
            )
    return wrong, strange


def judge_output(figures: OutputFigures, rule: OutputRule) -> OutputJudgement:
    """One output against its rule; NaN, infinities and zeros of one side alone never pass."""
    wrong, strange = _odd(figures)
    facts = {
        "output": figures.name,
        "images": figures.images,
        "difference": _shown(figures.max_rel),
        "cosine": "-" if figures.cosine_min is None else f"{figures.cosine_min:.6f}",
    }
    if rule.most_difference is not None:
        within = figures.max_rel is not None and figures.max_rel <= rule.most_difference
        why = finding(
            "compare.difference_within" if within else "compare.difference_beyond",
            "{output}: largest difference {difference} of the largest value on {images} images, "
            "allowed {allowed}; smallest cosine {cosine}",
            "" if within else "Look at the layer that jumps first, or state --tolerance.",
            allowed=f"{rule.most_difference:g}",
            **facts,
        )
    else:
        least = rule.least_cosine or 0.0
        within = figures.cosine_min is not None and figures.cosine_min >= least
        why = finding(
            "compare.cosine_within" if within else "compare.cosine_beyond",
            "{output}: smallest cosine {cosine} on {images} images, at least {least} wanted; "
            "largest difference {difference} of the largest value",
            "" if within else "Keep more precision, or look at the layer that jumps first.",
            least=f"{least:g}",
            **facts,
        )
    return OutputJudgement(within and not wrong, (*wrong, why), tuple(strange))


# --- the verdict ---------------------------------------------------------------------------------


def ungated(rule: OutputRule, *, has_labels: bool) -> Gate:
    """The accuracy gate of a comparison that outputs alone decide, with the reason."""
    if not has_labels:
        why = finding(
            "compare.no_labels",
            "the images have no labels that this model is known to answer: equal predictions are "
            "counted, and decide nothing",
            "Name a data set with labels: --dataset DIR.",
        )
    elif rule.least_cosine is None and not rule.is_gated:
        why = finding(
            "compare.outputs_decide",
            "the difference of the outputs decides; accuracies are shown beside it",
        )
    else:
        why = finding(
            "compare.low_reference",
            "the reference is not known to be float32: accuracies are shown and decide nothing",
            "Compare with --against torch for a verdict on the accuracy.",
        )
    return Gate("accuracy", None, "NO_RULE", (why,))


def comparison_verdict(
    outputs: Sequence[OutputJudgement],
    accuracy: Gate,
    layers: Sequence[Finding] = (),
) -> Verdict:
    """One word for a comparison: FAIL for outputs beyond the rule, else what the accuracy says.

    `layers` says where the values part: a reason where the outputs are beyond the rule, else a
    warning.
    """
    failed = [judged for judged in outputs if not judged.passed]
    states: dict[State, VerdictName] = {
        "FAIL": "FAIL",
        "INCOMPLETE": "INCOMPLETE",
        "INVALID": "INVALID",
    }
    name: VerdictName = "FAIL" if failed else states.get(accuracy.state, "PASS")
    reasons = [entry for judged in failed for entry in judged.findings]
    reasons += layers if failed else ()
    reasons += accuracy.findings if accuracy.state in states else ()
    warnings = [entry for judged in outputs for entry in judged.warnings]
    warnings += () if failed else layers
    return Verdict(name, tuple(reasons), (*warnings, *accuracy.warnings), (accuracy,))
