"""Sample weights are real weights: fitted, repeatable, and every tensor of them matters."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import numpy as np
import pytest

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.tools import linear_fit, torch_sample

torch = pytest.importorskip("torch")
nn = torch.nn

GHOSTNET = discovery.load("zoo", "ghostnet")
SEED = 5
CLASSES = (17, 403, 999)


def pictures(count, seed):
    """Stripes across, stripes down and blobs, each noisy and shifted: (n, 3, 224, 224), classes."""
    rng = np.random.default_rng(seed)
    axis = np.arange(224) / 224
    images, labels = [], []
    for index in range(count):
        kind, shift = index % 3, rng.random(2)
        across = np.sin(2 * np.pi * (9 * axis + shift[0]))[:, None] + np.zeros(224)
        down = np.sin(2 * np.pi * (9 * axis + shift[1]))[None, :] + np.zeros((224, 1))
        plane = (across, down, across * down)[kind]
        noise = 0.3 * rng.standard_normal((3, 224, 224))
        images.append(plane * rng.uniform(0.7, 1.3, (3, 1, 1)) + noise)
        labels.append(CLASSES[kind])
    return np.array(images, np.float32), np.array(labels)


def fitted(spec, images, labels, seed=SEED):
    """The last step's weights, and the counts that all steps told."""
    steps = list(torch_sample.fit_steps(spec, np.array_split(images, 3), labels, seed=seed))
    assert all(state is None for _, state in steps[:-1])
    return steps[-1][1], [done for done, _ in steps]


def loaded(spec, state):
    network = spec.build()
    network.load_state_dict(state, strict=True)
    return network.eval()


def logits(network, images):
    with torch.inference_mode():
        return network(torch.from_numpy(images)).numpy()


@pytest.fixture(scope="module", params=["ghostnet", "se_resnet50"])
def sample(request):
    """A model's name and its sample weights from twelve pictures."""
    spec = discovery.load("zoo", request.param)
    state, _ = fitted(spec, *pictures(12, seed=1))
    return spec, state


def test_no_tensor_is_zero_as_a_whole(sample):
    """A tensor of zeros hides every mistake that is made with it."""
    _, state = sample
    assert [key for key, value in state.items() if not value.any()] == []
    assert all(torch.isfinite(value).all() for value in state.values())


def test_a_weight_of_every_stage_moves_the_logits(sample):
    """A wrong weight has to show in the results, wherever it sits."""
    spec, state = sample
    network, (images, _) = loaded(spec, state), pictures(1, seed=2)
    before = logits(network, images)
    stages = {}
    for key, value in network.named_parameters():
        if value.ndim > 1:
            stages.setdefault(".".join(key.split(".")[:2]), []).append((key, value))
    assert len(stages) >= 12
    for tensors in stages.values():
        key, value = tensors[len(tensors) // 2]
        kept = value.detach().clone()
        with torch.no_grad():
            value.mul_(1.1)
        assert np.abs(logits(network, images) - before).max() > 1e-3, key
        with torch.no_grad():
            value.copy_(kept)


def test_gates_and_biases_matter_too(sample):
    """Saturated gates would pass a wrong gate unseen."""
    spec, state = sample
    network, (images, _) = loaded(spec, state), pictures(1, seed=2)
    before = logits(network, images)
    gates = [
        (key, value)
        for key, value in network.named_parameters()
        if key.endswith(("fc2.weight", "fc1.bias", "conv_expand.weight", "conv_reduce.bias"))
    ]
    for key, value in gates[:: max(1, len(gates) // 4)]:
        kept = value.detach().clone()
        with torch.no_grad():
            value.mul_(1.1)
        assert np.abs(logits(network, images) - before).max() > 1e-3, key
        with torch.no_grad():
            value.copy_(kept)


def test_held_out_pictures_are_recognised(sample):
    """Accuracy is real: these pictures were not fitted."""
    spec, state = sample
    images, labels = pictures(9, seed=3)
    found = logits(loaded(spec, state), images)
    assert (found.argmax(axis=1) == labels).mean() >= 8 / 9
    assert np.isin(np.argsort(-found, axis=1)[:, :3], CLASSES).all()
    assert 1 < np.abs(found).max() < 100


def test_the_same_seed_gives_the_same_weights():
    """The cache may be deleted at any time without a figure changing."""
    images, labels = pictures(6, seed=1)
    torch.manual_seed(1)
    first, counts = fitted(GHOSTNET, images, labels)
    torch.manual_seed(2)
    second, _ = fitted(GHOSTNET, images, labels)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert counts == sorted(counts)
    assert counts[-1] == 6
    other, _ = fitted(GHOSTNET, images, labels, seed=SEED + 1)
    assert not torch.equal(first["conv_stem.weight"], other["conv_stem.weight"])


def test_the_recipe_names_the_files_that_decide():
    """A changed network or recipe must not meet old weights in the cache."""
    names = [path.name for path in torch_sample.recipe_files("deepmar")]
    assert {"torch_sample.py", "linear_fit.py", "deepmar.py", "_resnet.py"} <= set(names)
    assert all(path.is_file() for path in torch_sample.recipe_files("deepmar"))


def test_calibration_sees_every_class():
    """Labels come in any order; a class that BatchNorm never saw would be normalised wrongly."""
    labels = np.repeat([3, 1, 2], [100, 5, 50])
    chosen = torch_sample._spread(labels, 12)
    assert {int(labels[index]) for index in chosen} == {1, 2, 3}
    assert len(chosen) == 12
    assert list(chosen) == sorted(set(chosen))
    assert list(torch_sample._spread(labels[:7], 64)) == list(range(7))
    assert list(torch_sample._spread(np.zeros((10, 2)), 4)) == [0, 3, 6, 9]


def small_build():
    """A network that is fitted in no time."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, 16, 3, stride=4),
            bn=nn.BatchNorm2d(16),
            relu=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            classifier=nn.Linear(16, 2),
        )
    ).eval()


def test_attributes_are_told_at_zero():
    """DeepMAR's threshold is 0: the sign of each logit is the answer."""
    spec = dataclasses.replace(
        GHOSTNET,
        task="attributes",
        input=dataclasses.replace(GHOSTNET.input, shape=(3, 32, 32)),
        output=dataclasses.replace(GHOSTNET.output, shape=(2,)),
        build=small_build,
    )
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (40, 2))
    images = 0.1 * rng.standard_normal((40, 3, 32, 32)).astype(np.float32)
    images[:, 0] += labels[:, 0, None, None]
    images[:, 2] -= labels[:, 1, None, None]
    state, _ = fitted(spec, images, labels)
    found = logits(loaded(spec, state), images) >= 0
    assert (found == labels).mean() > 0.9


def features(seed=0, count=60, width=80):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    found = rng.standard_normal((count, width)) + 3 * np.eye(width)[labels]
    return 5 + 0.01 * found, labels


def test_classes_without_images_never_win():
    """Top-1 among classes that were never seen would be noise."""
    found, labels = features()
    weight, bias = linear_fit.classes(found, np.array([2, 5, 7])[labels], 10, seed=1)
    scores = found @ weight.T + bias
    assert (scores.argmax(axis=1) == np.array([2, 5, 7])[labels]).mean() > 0.9
    absent = np.setdiff1d(np.arange(10), [2, 5, 7])
    assert scores[:, absent].max() < scores[:, [2, 5, 7]].min()
    assert weight.any(axis=1).all()


def test_features_that_never_vary_do_no_harm():
    """A dead channel divided by its spread would be infinite."""
    found, labels = features()
    found[:, 4] = 1.5
    weight, bias = linear_fit.classes(found, labels, 3, seed=1)
    assert np.isfinite(weight).all()
    assert np.isfinite(bias).all()


def test_an_attribute_that_never_occurs_is_never_told():
    """A rare attribute may be absent from the fitting half."""
    found, labels = features()
    rows = np.stack([labels == 0, np.zeros(len(labels))], axis=1).astype(int)
    weight, bias = linear_fit.attributes(found, rows, 2, seed=1)
    told = found @ weight.T + bias >= 0
    assert (told[:, 0] == rows[:, 0]).mean() > 0.9
    assert not told[:, 1].any()
    assert weight.any(axis=1).all()


@pytest.mark.parametrize("labels", [[4, 4], [0, 10], [-1, 2]], ids=["one", "high", "negative"])
def test_labels_that_cannot_be_fitted_are_refused(labels):
    """A wrong label file is said to be one, before any image is read twice."""
    with pytest.raises(UserError, match="cannot be fitted"):
        linear_fit.classes(np.ones((2, 3)), np.array(labels), 10, seed=0)


def test_attribute_rows_of_another_width_are_refused():
    """34 labels for 35 outputs would shift every name."""
    with pytest.raises(UserError, match="34"):
        linear_fit.attributes(np.ones((2, 3)), np.zeros((2, 34)), 35, seed=0)


@pytest.mark.parametrize("count", [0, 5])
def test_images_and_labels_must_pair(count):
    """A missing image would shift all labels behind it."""
    images, labels = pictures(6, seed=1)
    with pytest.raises(UserError, match="cannot be fitted"):
        list(torch_sample.fit_steps(GHOSTNET, [images[:count]], labels, seed=0))
