"""Every card of the zoo is complete, and reading cards costs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ascend_console.core import discovery
from ascend_console.core.variants import variant

SPECS = discovery.load_all("zoo")
each_model = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


def test_models_stand_in_the_order_of_the_guides():
    """Lists, tables and demos show them in one order."""
    assert [spec.name for spec in SPECS] == ["se_resnet50", "moco_v2", "deepmar", "ghostnet"]


def test_cards_are_read_without_torch():
    """`models` must answer at once, and where torch is not installed."""
    code = (
        "import sys; from ascend_console.core import discovery; discovery.load_all('zoo');"
        "assert not {'torch', 'numpy', 'onnx', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@each_model
def test_the_origin_is_stated(spec):
    """Paper, code, commit and licence are what a porting report cites."""
    origin = spec.origin
    assert origin.paper_title
    assert origin.paper_url.startswith(("https://arxiv.org/abs/", "https://ieeexplore.ieee.org/"))
    assert origin.repository.startswith("https://github.com/")
    assert origin.branch == "master"
    assert len(origin.commit) == 40
    assert int(origin.commit, 16)
    assert origin.licence


@each_model
def test_the_checkpoint_is_stated(spec):
    """Downloads are secure; checksums compare in one spelling."""
    source = spec.checkpoint
    assert source.file.endswith((".pth", ".pth.tar"))
    assert source.url is None or source.url.startswith("https://")
    assert source.url is None or source.url.endswith(source.file)
    assert source.url or source.note
    if source.md5 is not None:
        assert len(source.md5) == 32
        assert source.md5 == source.md5.lower()


@each_model
def test_published_figures_are_fractions_with_their_source(spec):
    """A figure that nobody can look up proves nothing."""
    assert all(0 < item.value < 1 and len(item.source) > 20 for item in spec.accuracy)


def test_gates_are_the_published_figures():
    """These decide PASS or FAIL on the published data sets."""
    gated = {
        spec.name: {item.metric: item.value for item in spec.accuracy if item.gated}
        for spec in SPECS
    }
    assert gated == {
        "se_resnet50": {"top1": 0.77636, "top5": 0.93752},
        "moco_v2": {"top1": 0.67589, "top5": 0.87990},
        "deepmar": {"instance_acc": 0.789},
        "ghostnet": {"top1": 0.7398, "top5": 0.9146},
    }


@each_model
def test_batch_sizes_are_stated(spec):
    """A fixed batch is explained, and every official size was tested."""
    assert len(spec.official_batch_sizes) == 2
    assert set(spec.official_batch_sizes) <= set(spec.tested_batch_sizes)
    assert spec.fixed_batch == bool(spec.fixed_batch_reason)
    assert spec.fixed_batch == ("{batch_size}" in spec.onnx_file)
    assert spec.onnx_file.format(batch_size=8).endswith(".onnx")


@each_model
def test_variants_fit_the_input(spec):
    """Only preprocessing whose result the network takes may be chosen for it."""
    default, *others = map(variant, spec.variants)
    assert default.shape == spec.input.shape
    # On the device, AIPP crops the built-in variant's 256 pixels to the network's 224.
    assert all(other.shape == spec.input.shape or other.dtype == "uint8" for other in others)


@each_model
def test_the_environment_of_the_guide_is_stated(spec):
    """Readers compare their versions with the published ones."""
    assert {"CANN", "pytorch", "torchvision", "onnx", "numpy"} <= set(spec.environment)


def test_labels_are_the_attributes_in_order():
    """Logit i is attribute i; two swapped names would be a wrong report."""
    labels = discovery.load("zoo", "deepmar").labels
    assert len(labels) == len(set(labels)) == 35
    assert (labels[0], labels[16], labels[34]) == (
        "personalLess30",
        "personalMale",
        "upperBodyVNeck",
    )
