"""What a comparison found, as a verdict, as documents and as rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.comparison import comparison_verdict, judge_output, ungated
from ascend_console.core.events import SCHEMA, ArtifactWritten, RowAdded
from ascend_console.core.gates import accuracy_gate
from ascend_console.core.verdict import Images, verdict_document
from ascend_console.jobs import _judge
from ascend_console.jobs._judge import BatchResult
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Generator

    from ascend_console.core.accuracy import Judgement
    from ascend_console.core.comparison import OutputJudgement, OutputRule
    from ascend_console.core.events import Event
    from ascend_console.core.layer_jump import LayerDifference
    from ascend_console.core.output_tally import Oddities, OutputFigures
    from ascend_console.core.specs import Env, Events, ModelSpec, Weights
    from ascend_console.core.verdict import Gate, Verdict
    from ascend_console.jobs._compare_data import CompareData
    from ascend_console.jobs._compare_layers import LayerReport
    from ascend_console.jobs._compare_outputs import Compared
    from ascend_console.jobs._compare_sides import Side

_SIDES = ("artefact", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that a comparison found, before it is told."""

    spec: ModelSpec
    weights: Weights
    data: CompareData
    sides: tuple[Side, Side]
    rule: OutputRule
    compared: Compared
    layers: LayerReport
    skip_bad_images: bool

    @property
    def batch_size(self) -> int:
        """That of the artefact."""
        return self.compared.batch_size

    @property
    def precision(self) -> str:
        """That of the artefact."""
        return self.sides[0].precision or "unknown"

    @property
    def images(self) -> Images:
        """How many images there are, and how many were compared."""
        bad = len(self.compared.bad)
        return Images(total=len(self.data.images), used=self.compared.used, bad=bad)

    def judged_outputs(self) -> list[OutputJudgement]:
        """Each output against the rule."""
        return [judge_output(figures, self.rule) for figures in self.compared.outputs]

    def judgements(self) -> list[Judgement]:
        """The accuracy beside that of the reference; nothing without labels."""
        if self.compared.scores is None:
            return []
        ours, theirs = self.compared.scores
        result = BatchResult(
            batch_size=self.batch_size,
            precision=self.precision,
            scores=ours,
            bad=self.compared.bad,
            e2e_images_per_s=0.0,
            rate=None,
        )
        source = None if self.sides[1].backend is None else self.sides[1].title
        return _judge.judge_paired(theirs, result, source=source)

    def gate(self, judgements: list[Judgement]) -> Gate:
        """What the accuracy says; images that are bad leave it undecided."""
        decides = self.rule.is_gated and bool(judgements)
        if decides or (self.compared.bad and not self.skip_bad_images):
            return accuracy_gate(
                judgements if decides else [],
                self.images,
                bad_names=self.compared.bad,
                skip_bad_images=self.skip_bad_images,
            )
        return ungated(self.rule, has_labels=self.data.has_labels)

    def verdict(self, gate: Gate) -> Verdict:
        """The one word."""
        layers = (self.layers.why,) if self.layers.jump else ()
        return comparison_verdict(self.judged_outputs(), gate, layers)


# --- documents -----------------------------------------------------------------------------------


def _odd(found: Oddities) -> dict[str, Any]:
    return {
        "nan": found.nan,
        "infinite": found.infinite,
        "all_zero": found.all_zero,
        "names": list(found.names),
    }


def _output(figures: OutputFigures, judged: OutputJudgement) -> dict[str, Any]:
    return {
        "name": figures.name,
        "reference_name": figures.reference_name,
        "values": figures.values,
        "images": figures.images,
        "cosine_min": figures.cosine_min,
        "cosine_mean": figures.cosine_mean,
        "worst_image": figures.worst_image,
        "max_abs": figures.max_abs,
        "max_rel": figures.max_rel,
        "largest": figures.largest,
        "artefact": _odd(figures.artefact),
        "reference": _odd(figures.reference),
        "passed": judged.passed,
        "findings": [entry.to_json() for entry in (*judged.findings, *judged.warnings)],
    }


def _layer(entry: LayerDifference) -> dict[str, Any]:
    return {
        "node": entry.other.node,
        "operator": entry.other.op_type,
        "tensor": entry.other.output,
        "reference_tensor": entry.reference.output,
        "weights": list(entry.other.weights),
        "max_abs": entry.max_abs,
        "max_rel": entry.max_rel,
        "scale": entry.scale,
        "finite": entry.is_finite,
    }


def _layers(report: LayerReport) -> dict[str, Any]:
    jump = None
    if report.jump is not None:
        jump = {
            "place": report.jump.index + 1,
            **_layer(report.jump.difference),
            "before": report.jump.before,
            "weight_differences": [asdict(entry) for entry in report.weights],
        }
    return {
        "compared": report.is_compared,
        "why": report.why.to_json(),
        "aligned_by": report.aligned_by,
        "count": len(report.differences),
        "skipped": report.skipped,
        "jump": jump,
        "rows": [_layer(entry) for entry in report.differences],
    }


def _document(
    found: Findings, judgements: list[Judgement], verdict: Verdict, env: Env
) -> dict[str, Any]:
    """The content of compare.json, schema 1; what is unknown is null."""
    agreement = found.compared.agreement
    return {
        "schema": SCHEMA,
        "run_id": env.run_id,
        "model": found.spec.name,
        "weights": found.weights,
        "batch_size": found.batch_size,
        "data": {
            "source": found.data.images.source,
            "sample": found.data.is_sample,
            "labels": found.data.has_labels,
            "bad_names": list(found.compared.bad),
            **asdict(found.images),
        },
        **{
            name: {**side.document(), "tool": tool}
            for name, side, tool in zip(_SIDES, found.sides, found.compared.tools, strict=True)
        },
        "tolerance": {
            "max_rel": found.rule.most_difference,
            "cosine_min": found.rule.least_cosine,
            "accuracy": found.rule.is_gated,
            "stated": found.rule.is_stated,
        },
        "outputs": [
            _output(figures, judged)
            for figures, judged in zip(found.compared.outputs, found.judged_outputs(), strict=True)
        ],
        "predictions": {
            "kind": agreement.kind,
            "equal": agreement.equal,
            "total": agreement.total,
            "differing": list(agreement.differing),
        },
        "accuracy": [
            {
                **entry.row(found.batch_size, found.precision).to_json(),
                "only_reference": entry.b,
                "only_artefact": entry.c,
                "mcnemar_p": entry.mcnemar_p,
            }
            for entry in judgements
        ],
        "layers": _layers(found.layers),
        "verdict": verdict.verdict,
        "exit_code": verdict.exit_code,
        "reasons": [entry.to_json() for entry in verdict.reasons],
        "warnings": [entry.to_json() for entry in verdict.warnings],
    }


def _verdict_document(
    found: Findings, judgements: list[Judgement], verdict: Verdict, env: Env
) -> dict[str, Any]:
    side = found.sides[0]
    document = verdict_document(
        run_id=env.run_id,
        model=found.spec.name,
        weights=found.weights,
        backend=side.backend_name,
        provider=side.provider,
        device=side.device,
        verdict=verdict,
        images=found.images,
        fingerprint=found.data.fingerprint,
        accuracy=[entry.row(found.batch_size, found.precision) for entry in judgements],
    )
    return {**document, "tool": found.compared.tools[0]}


# --- rows ----------------------------------------------------------------------------------------


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _cosine(value: float | None) -> str | None:
    """As text: what tells cosines apart stands behind many nines."""
    return None if value is None else f"{value:.6f}"


def _label(found: Findings) -> dict[str, str]:
    """What every row says of its figures: whose weights, what beside what."""
    ours, theirs = found.sides
    return {
        "weights": f"{found.weights} weights",
        "backend": f"{ours.backend_name} {ours.device} {found.precision} / {theirs.title}",
    }


def _output_row(found: Findings, figures: OutputFigures, judged: OutputJudgement) -> dict[str, Any]:
    """One output of the table that ends a comparison."""
    agreement = found.compared.agreement
    return {
        "model": found.spec.name,
        "batch": found.batch_size,
        "output": figures.name,
        "images": figures.images,
        "image set": "sample" if found.data.is_sample else "own",
        "cosine min": _cosine(figures.cosine_min),
        "cosine mean": _cosine(figures.cosine_mean),
        "difference": _rounded(figures.max_abs),
        "relative": _rounded(figures.max_rel),
        "same predictions": f"{agreement.equal}/{agreement.total}",
        "verdict": "PASS" if judged.passed else "FAIL",
    }


def _reasons(found: Findings, gate: Gate) -> Events:
    for judged in found.judged_outputs():
        state = "PASS" if judged.passed else "FAIL"
        for entry in judged.findings:
            yield RowAdded("reasons", {"gate": "outputs", "state": state, **entry.to_json()})
    layers = "FAIL" if found.layers.jump else "PASS" if found.layers.is_compared else "NO_RULE"
    why = found.layers.why.to_json()
    yield RowAdded("reasons", {"gate": "layers", "state": layers, **why})
    for entry in gate.findings:
        yield RowAdded("reasons", {"gate": gate.id, "state": gate.state, **entry.to_json()})


def tell(found: Findings, env: Env) -> Generator[Event, None, Verdict]:
    """Write the documents and give the rows; the verdict is the result."""
    judgements = found.judgements()
    gate = found.gate(judgements)
    verdict = found.verdict(gate)
    path = env.folder / "compare.json"
    files.write_json(path, _document(found, judgements, verdict, env))
    yield ArtifactWritten(str(path), "comparison")
    if gate.state != "NO_RULE":
        path = env.folder / "verdict.json"
        files.write_json(path, _verdict_document(found, judgements, verdict, env))
        yield ArtifactWritten(str(path), "verdict")
    for entry in verdict.warnings:
        yield entry.warned()
    yield from _reasons(found, gate)
    label = _label(found)
    if judgements:
        line = _judge.accuracy_summary(found.spec, found.batch_size, judgements, verdict)
        yield RowAdded("accuracy", label | line)
    for figures, judged in zip(found.compared.outputs, found.judged_outputs(), strict=True):
        yield RowAdded("summary", label | _output_row(found, figures, judged))
    return verdict
