"""Judging one accuracy figure: against a published one, or against float32 on the same images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ascend_console.core.paired import (
    NO_DISAGREEMENT_IMAGES,
    bonett_price_interval,
    bootstrap_images_needed,
    images_needed,
    mcnemar_exact_p,
    no_disagreement_bound,
    paired_bootstrap,
    paired_counts,
)
from ascend_console.core.verdict import AccuracyRow, Finding, State, finding

if TYPE_CHECKING:
    from ascend_console.core.paired import Figures, Flags
    from ascend_console.core.specs import AccuracyReference

BETTER_POINTS = 1.0

_TITLES = {"top1": "Top-1", "top5": "Top-5"}
# Differences of fractions are off by less than this; 77.636 - 76.636 must count as 1 point.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The drop that is allowed: percentage points, or percent of the reference."""

    amount: float = 1.0
    kind: Literal["points", "relative"] = "points"

    def limit(self, reference: float) -> float:
        """The largest drop as a fraction."""
        return self.amount / 100 * (reference if self.kind == "relative" else 1.0)

    def __str__(self) -> str:
        points = "point" if self.amount == 1 else "points"
        return f"{self.amount:g} {points if self.kind == 'points' else '% of the reference'}"


DEFAULT_TOLERANCE = Tolerance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One accuracy figure and what its rule said; NO_RULE for a figure that is only recorded.

    `b` and `c` count the images that only the reference, only the artefact gets right.
    """

    metric: str
    value: float | None
    state: State
    why: Finding | None = None
    reference: float | None = None
    reference_source: str | None = None
    tolerance: Tolerance | None = None
    interval: tuple[float, float] | None = None
    b: int | None = None
    c: int | None = None
    images_needed: int | None = None
    warnings: tuple[Finding, ...] = ()

    @property
    def drop_points(self) -> float | None:
        """Percentage points below the reference; negative above it."""
        if self.reference is None or self.value is None:
            return None
        return (self.reference - self.value) * 100

    @property
    def mcnemar_p(self) -> float | None:
        """McNemar's exact p; shown, never decides."""
        return None if self.b is None or self.c is None else mcnemar_exact_p(self.b, self.c)

    def row(self, batch_size: int, precision: str) -> AccuracyRow:
        """The row of `verdict.json`."""
        tolerance = None
        if self.tolerance is not None and self.reference is not None:
            tolerance = self.tolerance.limit(self.reference) * 100
        return AccuracyRow(
            batch_size=batch_size,
            precision=precision,
            metric=self.metric,
            value=self.value,
            reference=self.reference,
            reference_source=self.reference_source,
            tolerance=tolerance,
            drop_points=self.drop_points,
            interval=self.interval,
            disagreements=None if self.b is None or self.c is None else self.b + self.c,
            images_needed=self.images_needed,
            passed=None if self.state == "NO_RULE" else self.state == "PASS",
        )


def recorded(metric: str, value: float | None) -> Judgement:
    """A figure that meets no rule; None where it has no basis."""
    return Judgement(metric=metric, value=value, state="NO_RULE")


def _undefined(metric: str, at: str) -> Finding:
    return finding(
        "accuracy.undefined",
        "{at}{title}: there is no image to judge",
        "Check the data set and its labels.",
        at=at,
        title=_TITLES.get(metric, metric),
    )


def against_published(
    metric: str,
    value: float | None,
    reference: AccuracyReference,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    *,
    at: str = "",
) -> Judgement:
    """Judge a figure of the whole published data set by the published one.

    A drop up to the tolerance passes, and so does any gain; one of more than a point is warned
    about. A reference that is not gated is shown beside the figure and decides nothing. `at`
    stands before the messages, such as "bs8 ".
    """
    judgement = Judgement(
        metric=metric,
        value=value,
        state="NO_RULE",
        reference=reference.value,
        reference_source=reference.source,
        tolerance=tolerance if reference.gated else None,
    )
    if not reference.gated:
        return judgement
    if value is None:
        return replace(judgement, state="INCOMPLETE", why=_undefined(metric, at))
    facts = {
        "at": at,
        "title": _TITLES.get(metric, metric),
        "value": f"{value * 100:.3f}",
        "reference": f"{reference.value * 100:.3f}",
        "source": reference.source,
        "drop": f"{(reference.value - value) * 100:.3f}",
        "tolerance": tolerance,
    }
    passed = reference.value - value <= tolerance.limit(reference.value) + _ROUNDING
    why = finding(
        "accuracy.met" if passed else "accuracy.missed",
        "{at}{title}: {value} % against {reference} % ({source}), drop {drop} points, "
        "allowed {tolerance}",
        "" if passed else "Compare the artefact with float32 on the same images.",
        **facts,
    )
    warnings: tuple[Finding, ...] = ()
    if (value - reference.value) * 100 > BETTER_POINTS + _ROUNDING:
        warnings = (
            finding(
                "accuracy.better_than_published",
                "{at}{title}: {value} % is better than published ({reference} %): "
                "check labels, data set and reference",
                "Make sure that images and labels belong together and that the model is the one "
                "the reference is for.",
                **facts,
            ),
        )
    return replace(judgement, state="PASS" if passed else "FAIL", why=why, warnings=warnings)


def _decide(drop: float, interval: tuple[float, float], limit: float, *, may_pass: bool) -> State:
    low, high = interval
    if low > limit + _ROUNDING:
        return "FAIL"
    passes = may_pass and drop <= limit + _ROUNDING and high <= limit + _ROUNDING
    return "PASS" if passes else "INCOMPLETE"


def _no_disagreement(judgement: Judgement, n: int, at: str) -> Judgement:
    enough = n >= NO_DISAGREEMENT_IMAGES
    text = "{at}{title}: no disagreement in {n}, 95 % bound {bound} %"
    why = finding(
        "accuracy.no_disagreement" if enough else "accuracy.too_few",
        text if enough else text + "; {needed} images would decide",
        "" if enough else "Judge at least {needed} images.",
        at=at,
        title=_TITLES.get(judgement.metric, judgement.metric),
        n=n,
        bound=f"{no_disagreement_bound(n) * 100:.2f}",
        needed=NO_DISAGREEMENT_IMAGES,
    )
    needed = None if enough else NO_DISAGREEMENT_IMAGES
    state: State = "PASS" if enough else "INCOMPLETE"
    return replace(judgement, state=state, why=why, images_needed=needed)


_PAIRED: dict[State, tuple[str, str]] = {
    "PASS": ("accuracy.within", ""),
    "FAIL": ("accuracy.dropped", "Compare the outputs layer by layer, or keep more precision."),
    "INCOMPLETE": ("accuracy.undecided", "Judge more images."),
}


def _paired(
    judgement: Judgement, state: State, n: int, needed: int | None, at: str, counts: str
) -> Judgement:
    """The judgement with its state and the text that gives all figures."""
    drop, interval = judgement.drop_points, judgement.interval
    assert drop is not None
    assert interval is not None
    reason_id, hint = _PAIRED[state]
    undecided = state == "INCOMPLETE"
    text = (
        "{at}{title}: drop {drop} points on {n} images against float32, 95 % interval {low} to "
        "{high}, allowed {tolerance}; " + counts
    )
    if undecided:
        text += "; {needed} images would decide"
    why = finding(
        reason_id,
        text,
        hint,
        at=at,
        title=_TITLES.get(judgement.metric, judgement.metric),
        drop=f"{drop:.2f}",
        n=n,
        low=f"{interval[0] * 100:.2f}",
        high=f"{interval[1] * 100:.2f}",
        tolerance=judgement.tolerance,
        b=judgement.b,
        c=judgement.c,
        p=f"{judgement.mcnemar_p:.2g}",
        needed=needed or "no realistic number of",
    )
    return replace(judgement, state=state, why=why, images_needed=needed if undecided else None)


def _same_images(
    metric: str, value: float, reference: float, n: int, tolerance: Tolerance
) -> Judgement:
    return Judgement(
        metric=metric,
        value=value,
        state="NO_RULE",
        reference=reference,
        reference_source=f"torch float32 on the same {n} images",
        tolerance=tolerance,
    )


def against_float32(
    metric: str,
    reference_correct: Flags,
    artefact_correct: Flags,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    *,
    at: str = "",
) -> Judgement:
    """Judge a classification figure by the torch float32 model on the same images.

    Both arrays say image by image whether the answer was right. PASS needs no disagreement in at
    least 100 images, or drop and upper end of the Bonett-Price interval within the tolerance;
    FAIL its lower end above the tolerance; anything else is INCOMPLETE with the n that would
    decide.
    """
    n = len(reference_correct)
    if n == 0:
        why = _undefined(metric, at)
        return Judgement(metric=metric, value=None, state="INCOMPLETE", why=why)
    b, c = paired_counts(reference_correct, artefact_correct)
    value, reference = int(artefact_correct.sum()) / n, int(reference_correct.sum()) / n
    judgement = replace(
        _same_images(metric, value, reference, n, tolerance),
        b=b,
        c=c,
        interval=bonett_price_interval(b, c, n),
    )
    if b + c == 0:
        return _no_disagreement(judgement, n, at)
    limit = tolerance.limit(reference)
    assert judgement.interval is not None
    state = _decide((b - c) / n, judgement.interval, limit, may_pass=True)
    counts = "{b} right only in float32, {c} only in the artefact, McNemar p {p}"
    return _paired(judgement, state, n, images_needed(b, c, n, limit), at, counts)


def attributes_against_float32(
    reference_rows: Figures,
    artefact_rows: Figures,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    *,
    at: str = "",
) -> Judgement:
    """Judge instance_acc by the torch float32 model, from both figures image by image.

    The rules of `against_float32`, with a paired bootstrap over images as the interval. Nothing
    passes on fewer than 100 images: a bootstrap of few images knows no rare drop.
    """
    metric, n = "instance_acc", len(reference_rows)
    if n == 0:
        why = _undefined(metric, at)
        return Judgement(metric=metric, value=None, state="INCOMPLETE", why=why)
    value, reference = float(artefact_rows.mean()), float(reference_rows.mean())
    b = int((reference_rows > artefact_rows).sum())
    c = int((reference_rows < artefact_rows).sum())
    judgement = replace(
        _same_images(metric, value, reference, n, tolerance),
        b=b,
        c=c,
        interval=paired_bootstrap(reference_rows, artefact_rows),
    )
    if b + c == 0:
        return _no_disagreement(judgement, n, at)
    limit = tolerance.limit(reference)
    assert judgement.interval is not None
    enough = n >= NO_DISAGREEMENT_IMAGES
    state = _decide(reference - value, judgement.interval, limit, may_pass=enough)
    needed = bootstrap_images_needed(reference_rows, artefact_rows, limit)
    counts = "{b} images better in float32, {c} in the artefact"
    return _paired(judgement, state, n, needed, at, counts)
