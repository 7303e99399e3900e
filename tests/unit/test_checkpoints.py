"""Checkpoints load strictly, whatever their packing; weights that do not fit are named."""

from __future__ import annotations

import dataclasses
import warnings
import zipfile
from collections import OrderedDict

import pytest

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.tools import torch_checkpoint
from tests.data.small_network import (
    SMALL,
    SPECS,
    assert_same,
    build_small,
    refusal,
    saved,
    seeded_weights,
)

torch = pytest.importorskip("torch")
nn = torch.nn

GHOSTNET = discovery.load("zoo", "ghostnet")
DEEPMAR = discovery.load("zoo", "deepmar")
MOCO = discovery.load("zoo", "moco_v2")
each_model = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


@pytest.fixture
def weights():
    return seeded_weights()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


def thin(spec, prefix=""):
    """All keys and shapes of a model in a file of a few kilobytes: each tensor is one value."""
    with torch.device("meta"):
        state = spec.build().state_dict()
    return OrderedDict(
        (prefix + key, torch.full((1,), 0.5).expand(value.shape))
        if value.is_floating_point()
        else (prefix + key, torch.tensor(1))
        for key, value in state.items()
    )


# What is accepted


@each_model
def test_official_layouts_are_recognised(spec, path):
    """No option tells the model: its keys do, through container and prefix."""
    layout = spec.checkpoint
    state = thin(spec, layout.prefix)
    document = state if layout.container == "bare" else {**layout.extra, "state_dict": state}
    found = torch_checkpoint.load_state_dict(saved(document, path), SPECS)
    assert (found.model, found.container, found.prefix) == (
        spec.name,
        layout.container,
        layout.prefix,
    )
    assert found.keys == len(state)
    spec_shapes = {key: value.shape for key, value in found.state_dict.items()}
    assert all(spec_shapes[key] == shape for key, shape in spec.signature.items())


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("container", ["bare", "state_dict", "state_dicts"])
def test_every_container_gives_the_same_weights(container, prefix, legacy, weights, path):
    """Training scripts pack one state_dict in many ways."""
    named = OrderedDict((prefix + key, value) for key, value in weights.items())
    document = {
        "bare": named,
        "state_dict": {"epoch": 3, "state_dict": named, "best_acc1": torch.tensor(1.0)},
        "state_dicts": {"state_dicts": [named, {"state": {}}], "ep": 3, "scores": [0.5]},
    }[container]
    saved(document, path, _use_new_zipfile_serialization=not legacy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = torch_checkpoint.load_checkpoint_for(path, SMALL, SPECS)
    assert (found.container, found.prefix, found.counters) == (container, prefix, True)
    assert found.notes == ()
    assert_same(found.state_dict, weights)


def test_counters_may_be_absent(weights, path):
    """Files from before torch 0.4.1 have none; in eval mode they change nothing."""
    del weights["bn.num_batches_tracked"]
    found = torch_checkpoint.load_checkpoint_for(saved(weights, path), SMALL, SPECS)
    assert not found.counters
    assert found.keys == 8
    build_small().load_state_dict(found.state_dict, strict=True)
    assert found.state_dict["bn.num_batches_tracked"].item() == 0
    assert "counters" in found.notes[0]


def test_weights_saved_on_a_gpu_load_without_one(weights, path):
    """Official files were saved on CUDA devices; validation machines have none."""
    saved(weights, path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records.items():
            device = b"X\x06\x00\x00\x00cuda:0"
            archive.writestr(name, data.replace(b"X\x03\x00\x00\x00cpu", device))
    assert_same(torch_checkpoint.load_for(path, SMALL, SPECS), weights)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_precisions_become_float32_and_say_so(dtype, weights, path):
    """Rounding weights silently would make a drop in accuracy look like the converter's."""
    kind = getattr(torch, dtype)
    changed = {
        key: value.to(kind) if value.is_floating_point() else value
        for key, value in weights.items()
    }
    found = torch_checkpoint.load_checkpoint_for(saved(changed, path), SMALL, SPECS)
    assert {value.dtype for value in found.state_dict.values()} == {torch.float32, torch.int64}
    assert found.notes == (f"8 tensors were {dtype} and are float32 now",)


def test_parameters_load_as_plain_tensors(weights, path):
    """Saved parameters want gradients; an export of them would record a graph."""
    changed = {
        key: nn.Parameter(value) if value.is_floating_point() else value
        for key, value in weights.items()
    }
    found = torch_checkpoint.load_for(saved(changed, path), SMALL, SPECS)
    assert not any(value.requires_grad for value in found.values())


# Saving


@pytest.mark.parametrize("counters", [True, False])
@pytest.mark.parametrize(
    ("container", "prefix"), [("bare", ""), ("state_dict", "module."), ("state_dicts", "")]
)
def test_saved_weights_come_back(container, prefix, counters, weights, path):
    """Sample weights take the same road as official ones, in the same layout."""
    layout = dataclasses.replace(
        GHOSTNET.checkpoint,
        container=container,
        prefix=prefix,
        counters=counters,
        extra={} if container == "bare" else {"epoch": 0, "best_acc1": 0.0, "optimizer": {}},
    )
    spec = dataclasses.replace(SMALL, checkpoint=layout)
    torch_checkpoint.save_checkpoint(path, weights, spec, "sample weights")
    found = torch_checkpoint.load_checkpoint_for(path, spec, [spec])
    assert (found.container, found.prefix, found.counters) == (container, prefix, counters)
    assert found.source_note == "sample weights"
    assert_same(found.state_dict, weights)


def test_the_official_container_has_the_published_keys(weights, path):
    """Scripts of the guides read these keys beside the weights."""
    spec = dataclasses.replace(SMALL, checkpoint=MOCO.checkpoint)
    torch_checkpoint.save_checkpoint(path, weights, spec, "")
    document = torch.load(path, weights_only=True)
    assert set(document) == {"epoch", "arch", "state_dict", "best_acc1", "optimizer"}
    assert document["best_acc1"].item() == 0
    assert all(key.startswith("module.") for key in document["state_dict"])


def test_the_same_weights_give_the_same_file(weights, tmp_path):
    """Caches and run folders are keyed by the file's hash."""
    files = [tmp_path / "a.pth", tmp_path / "b.pth"]
    for file in files:
        torch_checkpoint.save_checkpoint(file, weights, SMALL, "note")
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == files


# What is refused


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (torch.ones(3), "holds one Tensor"),
        ([torch.ones(3)], "holds one list"),
        ({}, "holds no weights"),
        ({"state_dict": {}}, "holds no weights"),
        ({"state_dict": torch.ones(1)}, "holds no weights"),
        ({"state_dicts": []}, "holds no weights"),
        ({"model": {"conv.weight": torch.ones(1)}}, "has a dict under 'model'"),
        ({"conv.weight": 1.5}, "has a float under 'conv.weight'"),
        ({3: torch.ones(1)}, "under '3'"),
        ({"a": torch.ones(1), "module.a": torch.ones(1)}, "keys twice"),
    ],
)
def test_a_file_without_a_state_dict_is_refused(document, words, path):
    """The hint names the layouts that are read."""
    found = refusal(saved(document, path))
    assert found.id == "checkpoint.content"
    assert words in found.message
    assert "state_dict" in found.hint


def test_a_moco_pretraining_file_is_explained(path):
    """Upstream publishes only these; they have no classifier to validate."""
    keys = ("encoder_q.conv1.weight", "encoder_k.conv1.weight", "queue", "queue_ptr")
    document = {
        "arch": "resnet50",
        "state_dict": {f"module.{key}": torch.ones(2) for key in keys},
    }
    saved(document, path)
    found = refusal(path, MOCO)
    assert found.id == "checkpoint.pretraining"
    assert "model_lincls_best.pth.tar" in found.hint
    with pytest.raises(UserError, match="pre-training"):
        torch_checkpoint.load_state_dict(path, SPECS)


def test_another_model_s_checkpoint_is_named(path):
    """The way out is one option away."""
    found = refusal(saved({"state_dict": thin(DEEPMAR, "module.")}, path), GHOSTNET)
    assert found.id == "checkpoint.other_model"
    assert "DeepMAR" in found.message
    assert "--model deepmar" in found.hint


def test_a_checkpoint_of_no_known_model_is_refused(path):
    """The first key tells an engineer which model it is of."""
    saved({"patch_embed.proj.weight": torch.ones(2)}, path)
    assert "patch_embed.proj.weight" in refusal(path).message
    with pytest.raises(UserError, match="GhostNet"):
        torch_checkpoint.load_state_dict(path, SPECS)


@pytest.mark.parametrize("key", ["bn.bias", "fc.weight", "conv.weight"])
def test_missing_tensors_are_named(key, weights, path):
    """A backbone without classifier must not be completed with random weights."""
    del weights[key]
    found = refusal(saved(weights, path))
    assert found.id == "checkpoint.missing_keys"
    assert repr(key) in found.message


def test_unexpected_tensors_are_named(weights, path):
    """A wider or deeper variant has keys that this network would ignore."""
    weights["extra.weight"] = torch.ones(1)
    found = refusal(saved(weights, path))
    assert found.id == "checkpoint.unexpected_keys"
    assert "'extra.weight'" in found.message


@pytest.mark.parametrize("key", ["conv.weight", "bn.bias"])
def test_wrong_shapes_are_named_with_both_shapes(key, weights, path):
    """A fine-tuned file with other classes is the usual cause."""
    weights[key] = torch.ones(5, 3)
    found = refusal(saved(weights, path))
    assert found.id == "checkpoint.shape"
    assert f"{key} is 5x3, the model wants" in found.message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(value, weights, path):
    """They would spoil every result and look like a fault of the converter."""
    weights["conv.weight"][1, 2] = value
    weights["fc.bias"][0] = value
    found = refusal(saved(weights, path))
    assert found.id == "checkpoint.not_finite"
    assert "9 of 108 values of conv.weight" in found.message


def test_a_negative_variance_is_refused(weights, path):
    """Its square root is no number: every logit would be NaN."""
    weights["bn.running_var"][2] = -1
    assert "running_var" in refusal(saved(weights, path)).message


def test_numbers_too_large_for_float32_are_refused(weights, path):
    """They become infinite only when the precision is changed."""
    weights["fc.bias"] = torch.tensor([1.0, 1e300], dtype=torch.float64)
    assert refusal(saved(weights, path)).id == "checkpoint.not_finite"


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, dtype=torch.int32),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2).to_sparse(),
        torch.ones(2, device="meta"),
    ],
    ids=["integers", "complex", "sparse", "without data"],
)
def test_tensors_that_are_no_plain_floats_are_refused(tensor, weights, path):
    """Quantised or sparse weights need another loader than this one."""
    weights["fc.bias"] = tensor
    found = refusal(saved(weights, path))
    assert found.id == "checkpoint.dtype"
    assert "fc.bias" in found.message
