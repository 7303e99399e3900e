"""What is looked at before atc starts, so that nobody waits for a failure that could be foreseen.

The rules are those of ascend-tools.md section 7: operator set and operators (row 1), memory of the
host (row 7), domains (row 11).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ascend_console.ascend.aipp import check_aipp, parse_aipp
from ascend_console.ascend.atc_shapes import check_out_nodes
from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, Warned
from ascend_console.tools import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx

    from ascend_console.ascend.aipp import AippOp
    from ascend_console.backends._ascend_shapes import Shapes
    from ascend_console.core.events import Event
    from ascend_console.tools.onnx_graph import GraphFacts
    from ascend_console.tools.vendor_tools import Cann

# The newest operator set by the CANN that it is new in: 5.x, 6.0 to 8.1, later.
_OPSETS: tuple[tuple[tuple[int, int], int], ...] = (((8, 2), 18), ((6, 0), 13), ((0, 0), 11))
_EVERY_CANN_READS = 11
_DEFAULT_DOMAINS = ("", "ai.onnx")
# Operators that users met as refused, from the set on in which they are: which CANN takes them is
# written nowhere, so they are told and not refused.
_DOUBTFUL = {"Trilu": 14, "Resize": 13}
_RESIZE_SINCE = (8, 2)
_MOST_LISTED = 8
# What atc itself asks for before it tunes (E10044); small boards with less swap for hours.
_LITTLE_MEMORY_BYTES = 2 << 30


def newest_opset(cann: tuple[int, ...]) -> int:
    """The newest ONNX operator set that a CANN reads."""
    return next(opset for since, opset in _OPSETS if cann[:2] >= since)


def check_opset(onnx_path: Path, facts: GraphFacts, cann: Cann | None) -> Iterator[Event]:
    """UserError for an operator set that this CANN cannot read; a warning where none is known."""
    numbers = cann.numbers if cann else None
    opset = facts.opset or 0
    if numbers is None:
        if opset > _EVERY_CANN_READS:
            yield Warned(
                "ascend.opset_unknown",
                f"the model has opset {opset}, and the version of this CANN is not known",
                "If atc refuses its operators, export it again at opset 11, which every CANN "
                "reads.",
                {"opset": str(opset)},
            )
        return
    newest = newest_opset(numbers)
    if opset > newest:
        raise UserError(
            "ascend.opset",
            "{onnx} has opset {opset}, and CANN {cann} reads up to {newest}",
            hint="Export it again at opset 11, which every CANN reads, or convert with a newer "
            "CANN.",
            onnx=onnx_path,
            opset=opset,
            cann=cann.version if cann else "",
            newest=newest,
        )


def check_operators(
    model: onnx.ModelProto, facts: GraphFacts, cann: Cann | None
) -> Iterator[Event]:
    """A warning for operators that conversions are known to fail for."""
    numbers = cann.numbers if cann else None
    found: Counter[str] = Counter()
    for name, since in _DOUBTFUL.items():
        is_settled = name == "Resize" and numbers is not None and numbers[:2] >= _RESIZE_SINCE
        if (facts.opset or 0) >= since and not is_settled and name in facts.operators:
            found[name] = facts.operators[name]
    if not found:
        return
    named = {node.op_type: node.name or "?" for node in reversed(model.graph.node)}
    listed = ", ".join(f"{name} (opset {facts.opset}, {count}, first {named[name]})"
                       for name, count in found.items())  # fmt: skip
    yield Warned(
        "ascend.operators",
        f"atc may refuse operators of this model: {listed}",
        "If it does, export again at opset 11, or rewrite them with other operators.",
        {"listed": listed},
    )


def settle_domains(onnx_path: Path, model: onnx.ModelProto) -> tuple[str, ...]:
    """Leave one operator domain in `model`; the names of those that were dropped.

    atc refuses a graph that imports two (E16005). An import that no node uses changes nothing, and
    `ai.onnx` is the default under its own name. UserError for nodes of another domain.
    """
    imports = [entry.domain for entry in model.opset_import]
    foreign = Counter(
        f"{node.domain}.{node.op_type}"
        for node in _nodes(model.graph)
        if node.domain not in _DEFAULT_DOMAINS
    )
    if foreign:
        listed = ", ".join(f"{name} {count}" for name, count in foreign.most_common(_MOST_LISTED))
        raise UserError(
            "ascend.domains",
            "{onnx} has operators that are none of ONNX's own: {listed}",
            hint="Export it again without them; convert the file that was exported, not one that "
            "a runtime has optimised.",
            onnx=onnx_path,
            listed=listed,
        )
    if len(imports) < 2:
        return ()
    kept = next((entry for entry in model.opset_import if entry.domain in _DEFAULT_DOMAINS), None)
    dropped = [domain or "ai.onnx" for domain in imports]
    if kept is not None:
        dropped.remove(kept.domain or "ai.onnx")
        version = kept.version
        del model.opset_import[:]
        model.opset_import.add(domain="", version=version)
    for node in _nodes(model.graph):
        node.domain = ""
    return tuple(dropped)


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Every node, those of nested graphs too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def checked_out_nodes(model: onnx.ModelProto, facts: GraphFacts, out_nodes: str | None) -> None:
    """UserError for `--out-nodes` that the graph has not."""
    if out_nodes:
        names = [node.name for node in model.graph.node if node.name]
        check_out_nodes(out_nodes, names, [tensor.name for tensor in facts.outputs])


def read_aipp(path: Path, facts: GraphFacts, shapes: Shapes) -> tuple[str, tuple[AippOp, ...]]:
    """The text of an AIPP file and its blocks, checked against the images of the model."""
    files.require_file(path, "an AIPP file")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            "ascend.aipp_text",
            "{path} is no text: {reason}",
            hint="Save the AIPP file as UTF-8.",
            path=path,
            reason=error.reason,
        ) from error
    operators = parse_aipp(text)
    sizes = [shapes.run[tensor.name] for tensor in facts.inputs]
    images = {} if shapes.kind == "dynamic_image" else {
        place: (size[2], size[3]) for place, size in enumerate(sizes) if len(size) == 4
    }  # fmt: skip
    check_aipp(operators, images)
    return text, operators


def memory_events() -> Iterator[Event]:
    """How much memory of the host is free, and what to do where that is little."""
    import psutil

    available = psutil.virtual_memory().available
    free_gb = f"{available / 2**30:.1f}"
    yield LogLine(f"{free_gb} GiB of memory are free")
    if available < _LITTLE_MEMORY_BYTES:
        yield Warned(
            "ascend.little_memory",
            f"only {free_gb} GiB of memory are free, and atc may be killed or take hours",
            "Free some, start the console with TE_PARALLEL_COMPILER=1 and "
            "MAX_COMPILE_CORE_NUMBER=1, or convert on a larger machine: atc needs no NPU.",
            {"free": free_gb},
        )


def check_writable(output: Path) -> None:
    """ToolFailed where the artefact could not be written in the end."""
    probe = output.with_name(f".{output.name[:80]}.probe")
    files.write_bytes(probe, b"")
    probe.unlink(missing_ok=True)
