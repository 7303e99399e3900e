"""What ONNX Runtime alone promises: optimised once, bound to its machine, honest about both."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.backends import onnxruntime
from ascend_console.core.backend import BackendOptions, ConvertSource
from ascend_console.core.errors import BackendUnavailable, ConversionFailed, UserError
from ascend_console.tools.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOLERANCE = 1e-5


@pytest.fixture
def backend() -> Iterator[onnxruntime.OnnxRuntimeBackend]:
    """The backend on one thread."""
    made = onnxruntime.OnnxRuntimeBackend(BackendOptions(threads=1))
    yield made
    made.close()


@pytest.fixture
def artifact(backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, tmp_path: Path) -> Path:
    """The network for a batch of two."""
    path = tmp_path / "run" / "convert" / "tiny_bs2.onnx"
    list(backend.convert(tiny.source, path, batch_size=2))
    return path


def _carry_to_another_machine(artifact: Path, **changes: str) -> None:
    """Rewrite the artefact as if another machine had made it."""
    import onnx

    model = onnx.load(artifact)
    (entry,) = [found for found in model.metadata_props if found.key.startswith("ascend")]
    entry.value = json.dumps(json.loads(entry.value) | changes)
    # The weights of a foreign layout would be garbage here.
    for tensor in model.graph.initializer:
        if tensor.raw_data:
            tensor.raw_data = bytes(len(tensor.raw_data))
    onnx.save(model, artifact)


def test_the_recipe_stands_beside_the_artefact(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, artifact: Path
) -> None:
    """Reports and people read what an artefact was made from and with."""
    recipe = json.loads(artifact.with_name(artifact.name + ".json").read_text("utf-8"))
    assert recipe["schema"] == 1
    assert recipe["backend"] == "onnxruntime"
    assert recipe["version"] in backend.version()
    assert recipe["provider"] == "CPUExecutionProvider"
    assert recipe["threads"] == 1
    assert recipe["batch_size"] == 2
    assert recipe["precision"] == "fp32"
    assert recipe["source_sha256"] == sha256_file(tiny.source.onnx)
    assert recipe["source"].endswith("tiny.onnx")
    assert recipe["processor"]


def test_the_artefact_was_optimised_once_and_for_all(artifact: Path, tiny: Any) -> None:
    """The graph in the file has its activation merged into the convolution."""
    import onnx

    before, after = (onnx.load(path).graph.node for path in (tiny.source.onnx, artifact))
    assert "Relu" in {node.op_type for node in before}
    assert "Relu" not in {node.op_type for node in after}


def test_the_same_source_gives_the_same_artefact(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, artifact: Path
) -> None:
    """The cache is keyed by content, and a resumed run compares hashes."""
    again = artifact.with_name("again.onnx")
    list(backend.convert(tiny.source, again, batch_size=2))
    assert sha256_file(again) == sha256_file(artifact)


@pytest.mark.parametrize("key", ["processor", "vector_extensions", "version", "provider"])
def test_an_artefact_of_another_machine_is_made_again_from_its_source(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, artifact: Path, key: str
) -> None:
    """Weights are laid out for one vector length: elsewhere they would give wrong figures."""
    _carry_to_another_machine(artifact, **{key: "another"})
    backend.open(artifact, tiny.builders)
    assert backend.batch_size == 2
    batch = tiny.batch(2)
    np.testing.assert_allclose(backend.infer(batch)[0], tiny.reference(batch), atol=TOLERANCE)


def test_the_source_is_also_found_in_a_run_that_was_moved(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, artifact: Path
) -> None:
    """A run of one machine is imported on another with its export folder."""
    _carry_to_another_machine(artifact, processor="another")
    export = artifact.parents[1] / "export"
    export.mkdir()
    tiny.source.onnx.rename(export / "tiny.onnx")
    backend.open(artifact, tiny.builders)
    batch = tiny.batch(2)
    np.testing.assert_allclose(backend.infer(batch)[0], tiny.reference(batch), atol=TOLERANCE)


def test_without_its_source_an_artefact_of_another_machine_is_refused(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, artifact: Path
) -> None:
    """Gone or changed: running something else in its place would be a wrong figure."""
    _carry_to_another_machine(artifact, processor="Other CPU")
    tiny.source.onnx.write_bytes(tiny.onnx_bytes(2))
    for remove in (False, True):
        if remove:
            tiny.source.onnx.unlink()
        with pytest.raises(UserError, match="Other CPU") as caught:
            backend.open(artifact, tiny.builders)
        assert "convert" in caught.value.hint


def test_threads_alone_do_not_bind_an_artefact(tiny: Any, artifact: Path) -> None:
    """A sweep over threads runs one artefact, whose graph does not depend on them."""
    tiny.source.onnx.unlink()
    backend = onnxruntime.OnnxRuntimeBackend(BackendOptions(threads=2))
    backend.open(artifact, tiny.builders)
    assert backend.infer(tiny.batch(2))[0].shape == (2, 5)
    backend.close()


@pytest.mark.parametrize("recipe", ["[]", "{}", "not json", '{"schema": 99}', '{"schema": 1}'])
def test_a_damaged_recipe_is_refused(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, artifact: Path, recipe: str
) -> None:
    """Without it nobody knows whether the graph may run here."""
    import onnx

    model = onnx.load(artifact)
    for entry in model.metadata_props:
        if entry.key.startswith("ascend"):
            entry.value = recipe
    onnx.save(model, artifact)
    with pytest.raises(UserError, match="tiny_bs2"):
        backend.open(artifact, tiny.builders)


def test_any_onnx_file_opens_with_a_free_batch(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any
) -> None:
    """Files of other makers need no conversion first, and take any batch."""
    backend.open(tiny.source.onnx, tiny.builders)
    assert backend.batch_size is None
    assert backend.inputs[0].shape == (None, 3, 8, 8)
    for size in (1, 4):
        batch = tiny.batch(size)
        np.testing.assert_allclose(backend.infer(batch)[0], tiny.reference(batch), atol=TOLERANCE)


def test_a_graph_with_another_fixed_batch_is_refused(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, tmp_path: Path
) -> None:
    """Its inner shapes may hold the old batch: it must be exported again."""
    tiny.source.onnx.write_bytes(tiny.onnx_bytes(4))
    with pytest.raises(UserError):
        list(backend.convert(tiny.source, tmp_path / "out.onnx", batch_size=2))
    assert not (tmp_path / "out.onnx").exists()
    list(backend.convert(tiny.source, tmp_path / "out.onnx", batch_size=4))


def test_an_operator_that_the_runtime_lacks_is_named_on_one_line(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, tmp_path: Path
) -> None:
    """The reason is the runtime's own; nothing is left behind."""
    import onnx

    model = onnx.load(tiny.source.onnx)
    model.graph.node[1].op_type = "Frobnicate"
    onnx.save(model, tiny.source.onnx)
    with pytest.raises(ConversionFailed, match="Frobnicate") as caught:
        list(backend.convert(tiny.source, tmp_path / "out" / "x.onnx", batch_size=1))
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 3
    assert list((tmp_path / "out").iterdir()) == []


def test_an_artefact_is_no_source(
    backend: onnxruntime.OnnxRuntimeBackend, artifact: Path, tmp_path: Path
) -> None:
    """Its graph is bound to this machine already; its source is not."""
    with pytest.raises(UserError, match="bound to one machine"):
        list(backend.convert(ConvertSource(onnx=artifact), tmp_path / "x.onnx", batch_size=2))


def test_the_source_is_never_overwritten(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any
) -> None:
    """An output that is the input would leave the user without the portable file."""
    before = tiny.source.onnx.read_bytes()
    with pytest.raises(UserError, match="source itself"):
        list(backend.convert(tiny.source, tiny.source.onnx, batch_size=1))
    assert tiny.source.onnx.read_bytes() == before


def test_weights_in_a_second_file_are_refused_at_conversion(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, tmp_path: Path
) -> None:
    """The hash of the graph alone would not tell one set of weights from another."""
    import onnx

    split = tmp_path / "split.onnx"
    onnx.save(
        onnx.load(tiny.source.onnx),
        split,
        save_as_external_data=True,
        location="split.data",
        size_threshold=0,
    )
    backend.open(split, tiny.builders)
    with pytest.raises(UserError, match="second file"):
        list(backend.convert(ConvertSource(onnx=split), tmp_path / "out.onnx", batch_size=1))


def test_a_source_without_onnx_says_what_to_give(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, tmp_path: Path
) -> None:
    """A checkpoint must be exported before."""
    with pytest.raises(UserError) as caught:
        list(backend.convert(replace(tiny.source, onnx=None), tmp_path / "x.onnx", batch_size=1))
    assert "--onnx" in caught.value.hint


def test_an_unknown_provider_names_those_that_are_here() -> None:
    """Which providers there are depends on the build that is installed."""
    with pytest.raises(BackendUnavailable, match="'quantum'") as caught:
        onnxruntime.OnnxRuntimeBackend(BackendOptions(provider="quantum"))
    assert "CPUExecutionProvider" in caught.value.hint
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("name", ["cpu", "CPU", "CPUExecutionProvider", None])
def test_a_provider_may_be_given_by_its_short_name(name: str | None) -> None:
    """Nobody types ExecutionProvider twice."""
    backend = onnxruntime.OnnxRuntimeBackend(BackendOptions(provider=name))
    assert backend.provider == "CPUExecutionProvider"
    assert backend.version().endswith("(CPUExecutionProvider)")


def test_a_provider_that_leaves_this_machine_is_not_offered() -> None:
    """Tensors sent to a service on the network are no figure of this device."""
    with pytest.raises(BackendUnavailable):
        onnxruntime.OnnxRuntimeBackend(BackendOptions(provider="AzureExecutionProvider"))


@pytest.mark.parametrize("device", [None, "0", "cpu", "cpu:0"])
def test_the_processor_is_one_device(device: str | None) -> None:
    """However it is written."""
    backend = onnxruntime.OnnxRuntimeBackend(BackendOptions(device=device))
    assert backend.device_name() == "cpu:0"


@pytest.mark.parametrize("device", ["1", "cpu:1", "cuda:0", "cpu:x", "-1"])
def test_a_device_that_the_provider_lacks_is_refused(device: str) -> None:
    """A figure of the CPU must never stand under another device's name."""
    with pytest.raises(UserError, match=device):
        onnxruntime.OnnxRuntimeBackend(BackendOptions(device=device))


def test_a_model_with_two_inputs_is_refused(
    backend: onnxruntime.OnnxRuntimeBackend, tiny: Any, tmp_path: Path
) -> None:
    """One picture goes in; a second input would stay undefined."""
    from onnx import TensorProto, helper, save

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "abc"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])], "two", values[:2], values[2:]
    )
    path = tmp_path / "two.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), path)
    with pytest.raises(UserError, match="2 inputs"):
        backend.open(path, tiny.builders)
    assert backend.inputs == ()
