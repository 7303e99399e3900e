"""What a verdict is made of, and the document `verdict.json` that scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ascend_console.core.events import SCHEMA, Warned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ascend_console.core.specs import Weights

State = Literal["PASS", "FAIL", "INVALID", "INCOMPLETE", "NO_RULE"]
VerdictName = Literal["PASS", "FAIL", "INVALID", "INCOMPLETE"]
GateId = Literal["accuracy", "performance", "validity", "batch_consistency"]
Source = Literal["dataset", "random", "zero"]
Fingerprint: TypeAlias = str | Mapping[str, Any]

EXIT_CODES: Mapping[VerdictName, int] = {"PASS": 0, "FAIL": 5, "INVALID": 6, "INCOMPLETE": 7}


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason or a warning; `message` and `hint` are English, front ends translate by `id`."""

    id: str
    message: str
    hint: str = ""
    args: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The external form of reasons and warnings."""
        return {
            "id": self.id,
            "args": dict(self.args),
            "message": self.message,
            "hint": self.hint,
        }

    def warned(self) -> Warned:
        """The event that tells front ends of it."""
        return Warned(self.id, self.message, self.hint, dict(self.args))


def finding(finding_id: str, message: str, hint: str = "", **values: object) -> Finding:
    """A finding whose message and hint are templates, filled with `values` as text."""
    args = {key: str(value) for key, value in values.items()}
    return Finding(finding_id, message.format(**args), hint.format(**args), args)


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule and what it said.

    `passed` is None where no rule applies (NO_RULE), and False for FAIL, INCOMPLETE and INVALID
    alike: a gate that could not decide was not passed. `findings` say why, whatever the state.
    """

    id: GateId
    passed: bool | None
    state: State
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def why(self) -> str:
        """The findings as one English text."""
        return "; ".join(dict.fromkeys(entry.message for entry in self.findings))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one word for a run, the reasons for it (none for PASS) and what else to know."""

    verdict: VerdictName
    reasons: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    gates: tuple[Gate, ...]

    @property
    def exit_code(self) -> int:
        """PASS 0, FAIL 5, INVALID 6, INCOMPLETE 7."""
        return EXIT_CODES[self.verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """How many images the data has, how many were judged, how many could not be read."""

    total: int
    used: int
    bad: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRow:
    """One accuracy figure.

    `value`, `reference` and `interval` (95 %, of reference - value) are fractions 0-1;
    `drop_points` and `tolerance` are percentage points. `disagreements` counts the images that
    only one of reference and artefact gets right.
    """

    batch_size: int
    precision: str
    metric: str
    value: float | None
    reference: float | None = None
    reference_source: str | None = None
    tolerance: float | None = None
    drop_points: float | None = None
    interval: tuple[float, float] | None = None
    disagreements: int | None = None
    images_needed: int | None = None
    passed: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The external form of a row."""
        interval = None if self.interval is None else list(self.interval)
        return asdict(self) | {"interval": interval}


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyMs:
    """Latencies of one execution, in ms; a percentile that too few samples support is None."""

    mean: float | None = None
    median: float | None = None
    p90: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRow:
    """One throughput, in images a second; `ratio` is throughput against `reference`.

    `throughput` is the device's own, `card_throughput` that times `card_factor`, and
    `e2e_throughput` the wall-clock rate with reading and preprocessing.
    """

    batch_size: int
    precision: str
    throughput: float | None
    card_factor: int = 1
    e2e_throughput: float | None = None
    latency_ms: LatencyMs = LatencyMs()
    samples: int | None = None
    source: Source = "dataset"
    official: bool = False
    valid: bool = False
    validity: tuple[Finding, ...] = ()
    reference: float | None = None
    ratio: float | None = None
    passed: bool | None = None

    @property
    def card_throughput(self) -> float | None:
        """The throughput of a whole card."""
        return None if self.throughput is None else self.throughput * self.card_factor

    def to_json(self) -> dict[str, Any]:
        """The external form of a row."""
        return {
            "batch_size": self.batch_size,
            "precision": self.precision,
            "throughput": self.throughput,
            "card_throughput": self.card_throughput,
            "card_factor": self.card_factor,
            "e2e_throughput": self.e2e_throughput,
            "latency_ms": asdict(self.latency_ms),
            "samples": self.samples,
            "source": self.source,
            "official": self.official,
            "valid": self.valid,
            "validity": [entry.to_json() for entry in self.validity],
            "reference": self.reference,
            "ratio": self.ratio,
            "passed": self.passed,
        }


def best_batch_size(rows: Iterable[PerformanceRow]) -> int | None:
    """The batch size of the highest trusted throughput on the data set; None where there is none.

    Random or zero input and untrusted measurements win nothing. Equal figures: the smaller batch.
    """
    figures = [
        (row.throughput, -row.batch_size)
        for row in rows
        if row.valid and row.source == "dataset" and row.throughput is not None
    ]
    return -max(figures)[1] if figures else None


def verdict_document(
    *,
    run_id: str,
    model: str,
    weights: Weights,
    backend: str,
    provider: str | None,
    device: str | None,
    verdict: Verdict,
    images: Images,
    fingerprint: Fingerprint | None,
    accuracy: Sequence[AccuracyRow] = (),
    performance: Sequence[PerformanceRow] = (),
) -> dict[str, Any]:
    """The content of `verdict.json`, schema 1; what is unknown is null, never 0."""
    return {
        "schema": SCHEMA,
        "run_id": run_id,
        "model": model,
        "weights": weights,
        "backend": backend,
        "provider": provider,
        "device": device,
        "verdict": verdict.verdict,
        "reasons": [entry.to_json() for entry in verdict.reasons],
        "warnings": [entry.to_json() for entry in verdict.warnings],
        "gates": [
            {"id": gate.id, "passed": gate.passed, "why": gate.why} for gate in verdict.gates
        ],
        "images": asdict(images),
        "fingerprint": dict(fingerprint) if isinstance(fingerprint, Mapping) else fingerprint,
        "accuracy": [row.to_json() for row in accuracy],
        "performance": [row.to_json() for row in performance],
        "best_batch_size": best_batch_size(performance),
    }
