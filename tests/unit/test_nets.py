"""The four networks are the published ones: same keys, same shapes, same numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ascend_console.core import discovery
from tests.data.rule_b import filled_network, golden_input

torch = pytest.importorskip("torch")

DATA = Path(__file__).parents[1] / "data"
GOLDEN_NAMES = {
    "se_resnet50": "se_resnet50",
    "moco_v2": "moco_v2_lincls",
    "deepmar": "deepmar",
    "ghostnet": "ghostnet",
}
MODELS = tuple(GOLDEN_NAMES)


def _skeleton(name):
    """The network without data: enough for keys, shapes and sizes."""
    with torch.device("meta"):
        return discovery.load("zoo", name).build()


@pytest.mark.parametrize("name", MODELS)
def test_keys_shapes_dtypes_and_order_are_those_of_the_official_checkpoint(name):
    """An official checkpoint loads strictly only where all four agree."""
    table = (DATA / "statedict" / f"{GOLDEN_NAMES[name]}.csv").read_text()
    expected = [tuple(row.values()) for row in csv.DictReader(table.splitlines())]
    found = [
        (key, "x".join(map(str, value.shape)) or "scalar", str(value.dtype).removeprefix("torch."))
        for key, value in _skeleton(name).state_dict().items()
    ]
    assert found == expected


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_the_original_code(name):
    """The same weights and input give the logits of the published implementation."""
    golden = np.load(DATA / "golden" / f"{GOLDEN_NAMES[name]}_ruleB_logits_f64.npy")
    with torch.inference_mode():
        logits = filled_network(name)(torch.from_numpy(golden_input())).numpy()
    assert np.abs(logits - golden).max() <= 1e-4 * np.abs(golden).max()


@pytest.mark.parametrize("name", MODELS)
def test_the_card_has_the_network_s_size(name):
    """Parameters and multiplications on the card are counted, not believed."""
    spec, network = discovery.load("zoo", name), _skeleton(name)
    counted = []

    def count(layer, _, output):
        per_value = layer.weight[0].numel()
        counted.append(per_value * output[0].numel())

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(count)
    network(torch.empty((1, *spec.input.shape), device="meta"))
    assert sum(counted) == spec.macs
    assert sum(value.numel() for value in network.parameters()) == spec.parameters


@pytest.mark.parametrize("name", MODELS)
def test_networks_come_in_eval_mode(name):
    """Dropout or batch statistics in a validation run would give other figures each time."""
    assert not any(layer.training for layer in _skeleton(name).modules())


def test_training_mode_drops_features():
    """The published networks drop features before the classifier; fine-tuning relies on it."""
    network = discovery.load("zoo", "ghostnet").build().train()
    torch.manual_seed(0)
    sample = torch.ones(2, 3, 224, 224)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.eval()
        assert not torch.equal(network(sample), network(sample))
