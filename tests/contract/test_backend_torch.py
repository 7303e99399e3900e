"""What PyTorch alone promises: exactly these weights, full float32, no code from files."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.backends.torch import TorchBackend
from ascend_console.core.backend import BackendOptions
from ascend_console.core.errors import BackendUnavailable, UserError

torch = pytest.importorskip("torch")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def backend() -> Iterator[TorchBackend]:
    """The backend on one thread."""
    made = TorchBackend(BackendOptions(threads=1))
    yield made
    made.close()


def test_an_onnx_file_alone_says_what_to_give(
    backend: TorchBackend, tiny: Any, tmp_path: Path
) -> None:
    """Torch has no way back from a graph to a network."""
    for missing in ("checkpoint", "build", "model"):
        source = replace(tiny.source, **{missing: None})
        with pytest.raises(UserError, match="not ONNX") as caught:
            list(backend.convert(source, tmp_path / "x.pt", batch_size=1))
        assert "--checkpoint FILE" in caught.value.hint
    assert not (tmp_path / "x.pt").exists()


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "list"])
def test_weights_of_another_model_are_refused(
    backend: TorchBackend, tiny: Any, tmp_path: Path, change: str
) -> None:
    """Strict loading: a network with random remains would give plausible nonsense."""
    weights = torch.load(tiny.source.checkpoint, weights_only=True)
    if change == "missing":
        del weights["fc.bias"]
    elif change == "extra":
        weights["other"] = torch.zeros(1)
    elif change == "shape":
        weights["fc.bias"] = torch.zeros(6)
    else:
        weights = list(weights.values())
    torch.save(weights, tiny.source.checkpoint)
    with pytest.raises(UserError, match=r"tiny\.pth") as caught:
        list(backend.convert(tiny.source, tmp_path / "x.pt", batch_size=1))
    assert "\n" not in caught.value.message
    assert not (tmp_path / "x.pt").exists()


class _Trap:
    """Runs code when it is unpickled by a careless reader."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.path, "w"))


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_file_never_runs_code(
    backend: TorchBackend, tiny: Any, tmp_path: Path, writer: str
) -> None:
    """Checkpoints come from strangers."""
    trap, path = tmp_path / "sprung", tmp_path / "trap.pt"
    document = {"format": 1, "state_dict": _Trap(str(trap))}
    if writer == "torch":
        torch.save(document, path)
    else:
        path.write_bytes(pickle.dumps(document))
    with pytest.raises(UserError, match=r"trap\.pt"):
        backend.open(path, tiny.builders)
    assert not trap.exists()


@pytest.mark.parametrize(
    "document",
    [{"format": 2}, {"format": 1}, {"state_dict": {}}, [1], {"format": 1, "model": 3}],
    ids=str,
)
def test_a_torch_file_that_is_no_artefact_is_refused(
    backend: TorchBackend, tiny: Any, tmp_path: Path, document: object
) -> None:
    """A plain checkpoint has no batch size and no names."""
    path = tmp_path / "plain.pt"
    torch.save(document, path)
    with pytest.raises(UserError, match=r"plain\.pt"):
        backend.open(path, tiny.builders)


def test_the_checkpoint_is_never_overwritten(backend: TorchBackend, tiny: Any) -> None:
    """Weights may exist only once."""
    before = tiny.source.checkpoint.read_bytes()
    with pytest.raises(UserError, match="source itself"):
        list(backend.convert(tiny.source, tiny.source.checkpoint, batch_size=1))
    assert tiny.source.checkpoint.read_bytes() == before


def test_inference_keeps_no_graph_and_no_training_behaviour(
    backend: TorchBackend, tiny: Any, tmp_path: Path
) -> None:
    """Dropout and BatchNorm must be still, or a batch changes its neighbours."""
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Dropout(0.9))
    torch.save(network.state_dict(), tiny.source.checkpoint)
    source = replace(
        tiny.source, build=lambda: torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Dropout())
    )
    path = tmp_path / "still.pt"
    list(backend.convert(source, path, batch_size=2))
    backend.open(path, lambda model: source.build)
    batch = tiny.batch(2)
    np.testing.assert_allclose(backend.infer(batch)[0], batch / np.sqrt(1 + 1e-5), atol=1e-6)


def test_a_network_with_two_outputs_names_both(
    backend: TorchBackend, tiny: Any, tmp_path: Path
) -> None:
    """Results are written one file an output."""

    class Two(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, image: Any) -> Any:
            return image.mean((2, 3)), image.amax((2, 3))

    torch.save({}, tiny.source.checkpoint)
    source = replace(tiny.source, build=Two)
    list(backend.convert(source, tmp_path / "two.pt", batch_size=2))
    backend.open(tmp_path / "two.pt", lambda model: Two)
    assert [tensor.name for tensor in backend.outputs] == ["class_0", "class_1"]
    assert [output.shape for output in backend.infer(tiny.batch(2))] == [(2, 3), (2, 3)]


def test_a_cuda_device_that_is_not_there_is_unavailable() -> None:
    """Exit 4, and never a CPU figure under a GPU's name."""
    with pytest.raises(BackendUnavailable, match="cuda:99") as caught:
        TorchBackend(BackendOptions(device="cuda:99"))
    assert "--device cpu" in caught.value.hint


def test_a_provider_is_refused() -> None:
    """It belongs to ONNX Runtime; ignoring it would hide a misunderstanding."""
    with pytest.raises(UserError, match="CUDAExecutionProvider"):
        TorchBackend(BackendOptions(provider="CUDAExecutionProvider"))
