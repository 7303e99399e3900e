"""int8 on ONNX Runtime: near float32, bound to its images, calibrated once for all sizes."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.backends import _onnxruntime_int8, onnxruntime
from ascend_console.backends._onnxruntime_profile import operator_times
from ascend_console.core.backend import BackendOptions, Calibration, ConvertSource
from ascend_console.core.errors import ConversionFailed, ToolFailed, UserError
from ascend_console.core.events import Progress
from ascend_console.core.operators import Profiler
from ascend_console.tools.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.core.operators import OperatorTable

SIDE, CLASSES = 16, 10


def network(batch: int | str, *, opset: int = 11) -> bytes:
    """Three convolutions, BatchNorm in between, and a classifier: what is fused on the way."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(5)

    def weight(*shape: int) -> NDArray[np.float32]:
        found: NDArray[np.float32] = rng.standard_normal(shape, dtype=np.float32)
        return found / np.float32(np.sqrt(np.prod(shape[1:])))

    weights = {"a": weight(8, 3, 3, 3), "b": weight(16, 8, 3, 3), "c": weight(16, 16, 1, 1),
               "fc": weight(CLASSES, 16), "mean": np.zeros(16, np.float32),
               "scale": np.linspace(0.5, 3, 16, dtype=np.float32)}  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["m1"], pads=[1] * 4),
        helper.make_node("Relu", ["m1"], ["r1"]),
        helper.make_node("Conv", ["r1", "b"], ["m2"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("BatchNormalization", ["m2", "scale", "mean", "mean", "scale"], ["n2"]),
        helper.make_node("Relu", ["n2"], ["r2"]),
        helper.make_node("Conv", ["r2", "c"], ["m3"]),
        helper.make_node("Add", ["m3", "r2"], ["sum"]),
        helper.make_node("GlobalAveragePool", ["sum"], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
        helper.make_node("Gemm", ["features", "fc"], ["class"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("class", TensorProto.FLOAT, [batch, CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6
    ).SerializeToString()
    return made


def images(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Pictures that differ from each other more than noise does."""
    rng = np.random.default_rng(seed)
    flat = rng.standard_normal((count, 3, 1, 1), dtype=np.float32)
    return flat + rng.standard_normal((count, 3, SIDE, SIDE), dtype=np.float32)


def calibration(count: int = 20, key: str = "these images") -> Calibration:
    def samples() -> Iterator[NDArray[Any]]:
        for image in images(count, seed=1):
            yield image[None]

    return Calibration(samples=samples, images=count, key=key)


@pytest.fixture
def source(tmp_path: Path) -> ConvertSource:
    """The network's file with a free batch, and what it is calibrated on."""
    path = tmp_path / "source" / "net.onnx"
    path.parent.mkdir()
    path.write_bytes(network("n"))
    return ConvertSource(onnx=path, calibration=calibration())


def backend(precision: str = "int8") -> onnxruntime.OnnxRuntimeBackend:
    return onnxruntime.OnnxRuntimeBackend(BackendOptions(threads=1, precision=precision))


def converted(source: ConvertSource, path: Path, size: int = 4, precision: str = "int8") -> Path:
    list(backend(precision).convert(source, path, batch_size=size))
    return path


def scores(artifact: Path, batch: NDArray[Any]) -> NDArray[Any]:
    made = backend()
    made.open(artifact, lambda _: dict)
    found = made.infer(batch)[0].copy()
    made.close()
    return found


def recipe(artifact: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(artifact.with_name(artifact.name + ".json").read_text())
    return found


def ended(steps: Generator[Any, None, OperatorTable]) -> OperatorTable:
    """The result of a step whose events nobody follows."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: OperatorTable = end.value
            return found


def test_int8_answers_nearly_as_float32(source: ConvertSource, tmp_path: Path) -> None:
    """On pictures that it was not calibrated on; it really computes in integers."""
    import onnx

    exact = converted(source, tmp_path / "net_fp32.onnx", precision="fp32")
    whole = converted(source, tmp_path / "net_int8.onnx")
    batch = images(4, seed=9)
    right, found = scores(exact, batch), scores(whole, batch)
    assert np.abs(found - right).max() < 0.2 * np.abs(right).max()
    assert (found.argmax(1) == right.argmax(1)).mean() >= 0.75
    kinds = {node.op_type for node in onnx.load(whole).graph.node}
    assert "QLinearConv" in kinds
    assert "Conv" not in kinds
    assert whole.stat().st_size < exact.stat().st_size * 2


def test_the_recipe_names_what_it_was_calibrated_on(source: ConvertSource, tmp_path: Path) -> None:
    """An int8 figure without its calibration could not be made again."""
    artifact = converted(source, tmp_path / "net_int8.onnx")
    about = recipe(artifact)
    assert (about["precision"], about["batch_size"]) == ("int8", 4)
    assert about["source"] == "net_int8_qdq.onnx"
    assert about["source_sha256"] == sha256_file(tmp_path / "net_int8_qdq.onnx")
    made = about["calibration"]
    assert (made["key"], made["images"], made["float_ends"]) == ("these images", 20, False)
    assert made["source_sha256"] == sha256_file(tmp_path / "source" / "net.onnx")
    assert 0 < made["noise"] < _onnxruntime_int8.MOST_NOISE


def test_the_portable_form_is_opset_13_with_a_scale_for_each_channel(
    source: ConvertSource, tmp_path: Path
) -> None:
    """It runs anywhere, and the first file stays at the opset that it was published with."""
    import onnx

    before = sha256_file(source.onnx) if source.onnx else ""
    converted(source, tmp_path / "net_int8.onnx")
    assert source.onnx is not None
    assert sha256_file(source.onnx) == before
    model = onnx.load(tmp_path / "net_int8_qdq.onnx")
    onnx.checker.check_model(model)
    assert {entry.version for entry in model.opset_import if not entry.domain} == {13}
    scales = {
        tuple(tensor.dims) for tensor in model.graph.initializer if tensor.name.endswith("_scale")
    }
    assert (8,) in scales
    assert (16,) in scales


def test_on_another_machine_it_is_made_again_in_int8(source: ConvertSource, tmp_path: Path) -> None:
    """From its portable form; float32 under the name of int8 would be a wrong figure."""
    import onnx

    artifact = converted(source, tmp_path / "run" / "convert" / "net_int8.onnx")
    batch = images(4, seed=9)
    expected = scores(artifact, batch)
    model = onnx.load(artifact)
    (entry,) = [found for found in model.metadata_props if found.key.startswith("ascend")]
    entry.value = json.dumps(json.loads(entry.value) | {"processor": "another"})
    onnx.save(model, artifact)
    (tmp_path / "source" / "net.onnx").unlink()
    np.testing.assert_allclose(scores(artifact, batch), expected, atol=1e-5)
    (artifact.parent / "net_int8_qdq.onnx").unlink()
    with pytest.raises(UserError, match="another"):
        scores(artifact, batch)


def test_the_same_images_give_the_same_artefact(source: ConvertSource, tmp_path: Path) -> None:
    """The cache is keyed by content."""
    first = converted(source, tmp_path / "one" / "net.onnx")
    again = converted(source, tmp_path / "two" / "net.onnx")
    assert sha256_file(again.with_name("net_qdq.onnx")) == sha256_file(
        first.with_name("net_qdq.onnx")
    )


def test_every_batch_size_is_calibrated_once_for_all(source: ConvertSource, tmp_path: Path) -> None:
    """The ranges belong to the images, not to the batch; and the answers agree."""
    made = backend()
    told = [list(made.convert(source, tmp_path / f"bs{size}.onnx", batch_size=size))
            for size in (1, 4)]  # fmt: skip
    assert [any(isinstance(event, Progress) for event in events) for events in told] == [
        True, False,
    ]  # fmt: skip
    batch = images(4, seed=9)
    together = scores(tmp_path / "bs4.onnx", batch)
    alone = np.concatenate([scores(tmp_path / "bs1.onnx", batch[at : at + 1]) for at in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_graph_whose_batch_is_fixed_is_calibrated_with_that(
    source: ConvertSource, tmp_path: Path
) -> None:
    """Models that are exported for each batch size take no other one."""
    assert source.onnx is not None
    source.onnx.write_bytes(network(3))
    artifact = converted(source, tmp_path / "net.onnx", size=3)
    assert scores(artifact, images(3)).shape == (3, CLASSES)


def test_without_images_int8_says_what_to_add(source: ConvertSource, tmp_path: Path) -> None:
    """Ranges out of the air would give wrong figures."""
    for wrong, said in (
        (replace(source, calibration=None), "--dataset"),
        (replace(source, calibration=calibration(0)), "Pillow"),
    ):
        with pytest.raises(UserError) as caught:
            converted(wrong, tmp_path / "out" / "net.onnx")
        assert said in caught.value.hint
        assert list(tmp_path.glob("out/*")) == []


def test_a_layer_that_needs_it_keeps_its_ends_in_float(
    source: ConvertSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where full int8 strays too far, and float ends bring it nearer; the recipe says so."""
    monkeypatch.setattr(_onnxruntime_int8, "MOST_NOISE", 0.0)
    artifact = converted(source, tmp_path / "net.onnx")
    about = recipe(artifact)["calibration"]
    noises = {about["noise"]}
    monkeypatch.setattr(_onnxruntime_int8, "MOST_NOISE", 1.0)
    plain = recipe(converted(source, tmp_path / "plain.onnx"))["calibration"]
    assert plain["float_ends"] is False
    assert about["float_ends"] is (noises.pop() < plain["noise"])


def test_an_opset_that_cannot_be_raised_is_named(
    source: ConvertSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user does not see opset 13 unless it is what fails."""
    from onnx import version_converter

    def refuse(*_: object) -> None:
        raise RuntimeError("No Adapter\nfor Frobnicate")

    monkeypatch.setattr(version_converter, "convert_version", refuse)
    with pytest.raises(ConversionFailed, match="opset 13, which int8 needs: No Adapter for"):
        converted(source, tmp_path / "net.onnx")


def test_a_full_disk_is_a_failure_of_the_system(
    source: ConvertSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibration writes several times the size of the model."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_onnxruntime_int8, "_prepared", full)
    with pytest.raises(ToolFailed, match="No space left"):
        converted(source, tmp_path / "out" / "net.onnx")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("extensions", "reduced"),
    [("avx avx2", True), ("avx avx2 avx512_vnni", False), ("asimd", False), ("", False)],
)
def test_weights_lose_a_bit_only_where_sums_would_overflow(
    extensions: str, reduced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x86 without VNNI adds products in 16 bits."""
    monkeypatch.setattr(_onnxruntime_int8.environment, "vector_extensions", lambda: extensions)
    assert _onnxruntime_int8._needs_reduced_range() is reduced


def test_nothing_is_printed_or_logged(
    source: ConvertSource, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A library that talks would break the lines that scripts read."""
    with caplog.at_level(logging.WARNING):
        converted(source, tmp_path / "net.onnx")
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == ("", "")
    assert caplog.records == []


def test_the_profile_tells_each_kind_of_operator(source: ConvertSource, tmp_path: Path) -> None:
    """Where the time goes, by execution provider; the trace is kept for a viewer."""
    artifact = converted(source, tmp_path / "net.onnx")
    made = backend()
    assert isinstance(made, Profiler)
    steps = made.profile(artifact, batch_size=4, output=tmp_path / "profile")
    table = ended(steps)
    convolutions = [entry for entry in table.operators if entry.operator == "QLinearConv"]
    assert [entry.count for entry in convolutions] == [3 * table.executions]
    assert convolutions[0].where == "CPUExecutionProvider"
    assert table.total_ms > 0
    assert (tmp_path / "profile" / "trace.json").is_file()
    assert [path.name for path in (tmp_path / "profile").iterdir()] == ["trace.json"]


def test_the_first_executions_are_no_part_of_a_profile() -> None:
    """They pay for what is set up once."""
    kernel = {"cat": "Node", "name": "x_kernel_time", "args": {"op_name": "Conv"}}
    events = [kernel | {"dur": 9000}, kernel | {"dur": 1000},
              {"cat": "Session", "name": "model_run", "dur": 5},
              {"cat": "Node", "name": "x_fence_before", "dur": 5}]  # fmt: skip
    (entry,) = operator_times(events, warmup=1)
    assert (entry.operator, entry.where, entry.total_ms) == ("Conv", None, 1.0)
