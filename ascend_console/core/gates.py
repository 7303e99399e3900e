"""The gates that a run must pass, and the verdict that they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.metrics import some_names
from ascend_console.core.verdict import Finding, Gate, Images, State, Verdict, finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.validity import Validity
    from ascend_console.core.verdict import GateId, VerdictName

CONSISTENCY_LIMIT = 0.001

_GRAVITY: tuple[VerdictName, ...] = ("FAIL", "INCOMPLETE", "INVALID")
_NOTHING_TO_COMPARE = finding(
    "accuracy.no_rule", "no reference to judge the accuracy by", "Give labels with --labels."
)


def _worst(states: Iterable[State]) -> State:
    """FAIL before INCOMPLETE before INVALID before PASS; NO_RULE of none."""
    seen = set(states)
    for state in (*_GRAVITY, "PASS"):
        if state in seen:
            return state
    return "NO_RULE"


def _unique(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each message once, in order."""
    return tuple({(entry.id, entry.message): entry for entry in findings}.values())


def _unreadable(images: Images, bad_names: Sequence[str], skipped: bool) -> Finding:
    if skipped:
        return finding(
            "images.skipped",
            "{bad} of {total} images could not be read and were left out: {names}",
            "Repair them for a figure over all images.",
            bad=images.bad,
            total=images.total,
            names=some_names(bad_names),
        )
    return finding(
        "images.unreadable",
        "{bad} of {total} images could not be read: {names}",
        "Repair them, or leave them out with --skip-bad-images.",
        bad=images.bad,
        total=images.total,
        names=some_names(bad_names),
    )


def accuracy_gate(
    judgements: Sequence[Judgement],
    images: Images,
    *,
    bad_names: Sequence[str] = (),
    skip_bad_images: bool = False,
) -> Gate:
    """Every gated figure at every batch size; unreadable images leave it INCOMPLETE.

    Without a gated figure no rule applies, unless images are missing.
    """
    gated = [entry for entry in judgements if entry.state != "NO_RULE"]
    states: list[State] = [entry.state for entry in gated]
    missing: list[Finding] = []
    warnings = [warning for entry in judgements for warning in entry.warnings]
    if images.bad:
        (warnings if skip_bad_images else missing).append(
            _unreadable(images, bad_names, skip_bad_images)
        )
    if missing:
        states.append("INCOMPLETE")
    state = _worst(states)
    if state == "NO_RULE":
        return _no_rule("accuracy", _NOTHING_TO_COMPARE, warnings)
    told = [entry for entry in gated if state == "PASS" or entry.state != "PASS"]
    told.sort(key=lambda entry: entry.state != "FAIL")
    findings = [entry.why for entry in told if entry.why is not None] + missing
    return Gate("accuracy", state == "PASS", state, _unique(findings), _unique(warnings))


def _no_rule(gate_id: GateId, why: Finding, warnings: Iterable[Finding] = ()) -> Gate:
    return Gate(gate_id, None, "NO_RULE", (why,), _unique(warnings))


def _differing(base: NDArray[Any], other: NDArray[Any]) -> list[int]:
    """Rows that differ in any column."""
    import numpy as np

    different = (base != other).reshape(len(base), -1)
    rows: list[int] = np.flatnonzero(different.any(axis=1)).tolist()
    return rows


def batch_consistency_gate(
    predicted: Mapping[int, NDArray[Any]], names: Sequence[str] = ()
) -> Gate:
    """Whether the same images get the same predictions at every batch size.

    `predicted` gives for each batch size the class of each image (n,), or its attributes (n, a).
    All are compared with the smallest batch size; up to one image or 0.1 % may differ, with a
    warning. One batch size has nothing to be compared with.
    """
    sizes = sorted(predicted)
    if len(sizes) < 2 or len(predicted[sizes[0]]) == 0:
        return _no_rule(
            "batch_consistency",
            finding("batch.single", "only one batch size was judged", "Name two batch sizes."),
        )
    base, count = predicted[sizes[0]], len(predicted[sizes[0]])
    found = {size: _differing(base, predicted[size]) for size in sizes[1:]}
    worst = max(len(rows) for rows in found.values())
    if worst == 0:
        same = finding(
            "batch.same",
            "{sizes}, 0 of {count} predictions differ",
            sizes=" = ".join(f"bs{size}" for size in sizes),
            count=count,
        )
        return Gate("batch_consistency", True, "PASS", (same,))
    findings = tuple(
        finding(
            "batch.differs",
            "bs{first} and bs{size}: {differing} of {count} predictions differ: {names}",
            "Compare the artefacts; inputs of the padded last batch are a usual cause.",
            first=sizes[0],
            size=size,
            differing=len(rows),
            count=count,
            names=some_names([names[row] if names else f"row {row}" for row in rows]),
        )
        for size, rows in found.items()
        if rows
    )
    passed = worst <= max(1, CONSISTENCY_LIMIT * count)
    return Gate(
        "batch_consistency",
        passed,
        "PASS" if passed else "FAIL",
        findings,
        findings if passed else (),
    )


def validity_gate(validities: Sequence[Validity], *, decides: bool) -> Gate:
    """Whether every measurement can be trusted.

    `decides` is True in `bench`, and where a performance gate applies; elsewhere an untrusted
    throughput is a warning only.
    """
    reasons = _unique(entry for validity in validities for entry in validity.reasons)
    notes = _unique(entry for validity in validities for entry in validity.notes)
    if not validities:
        return _no_rule("validity", finding("measure.none", "nothing was measured"))
    if not reasons:
        trusted = finding("measure.trusted", "every measurement can be trusted")
        return Gate("validity", True, "PASS", (trusted,), notes)
    if decides:
        return Gate("validity", False, "INVALID", reasons, notes)
    shown = finding(
        "measure.untrusted",
        "{count} of {total} measurements cannot be trusted; here that does not decide",
        "Measure again with `bench` on an idle device.",
        count=sum(not validity.valid for validity in validities),
        total=len(validities),
    )
    return _no_rule("validity", shown, (*reasons, *notes))


def performance_gate(pair: str, ratio: float | None, least: float, missing: str = "") -> Gate:
    """A ratio of throughputs such as "310P/T4" against the least that is asked for.

    With `ratio` None it is not computable, `missing` says why ("no T4 figure"), and no rule
    applies: that is no PASS.
    """
    if ratio is None:
        return _no_rule(
            "performance",
            finding(
                "performance.not_computable",
                "{pair}: not computable: {missing}",
                pair=pair,
                missing=missing,
            ),
        )
    passed = ratio >= least
    why = finding(
        "performance.met" if passed else "performance.missed",
        "{pair}: {ratio}, at least {least} wanted",
        "" if passed else "Look for the slowest operators with --profile, or tune with aoe.",
        pair=pair,
        ratio=f"{ratio:.3f}",
        least=least,
    )
    return Gate("performance", passed, "PASS" if passed else "FAIL", (why,))


def verdict_of(gates: Sequence[Gate], warnings: Sequence[Finding] = ()) -> Verdict:
    """The verdict of all gates: FAIL before INCOMPLETE before INVALID before PASS.

    Reasons are those of the gates that did not pass, gravest first. Where no rule applied to
    anything, there was too little to decide.
    """
    told = _unique([*(entry for gate in gates for entry in gate.warnings), *warnings])
    worst = _worst(gate.state for gate in gates)
    if worst == "NO_RULE":
        nothing = finding(
            "verdict.nothing_judged",
            "no rule applied to anything that was measured",
            "Give labels, or measure with `bench`.",
        )
        return Verdict("INCOMPLETE", (nothing,), told, tuple(gates))
    reasons = [
        entry
        for state in _GRAVITY
        for gate in gates
        if gate.state == state
        for entry in gate.findings
    ]
    return Verdict(worst, _unique(reasons), told, tuple(gates))
