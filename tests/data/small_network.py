"""A network with everything that loading cares for, in a file of a few kilobytes."""

from __future__ import annotations

import dataclasses
import warnings
from collections import OrderedDict
from types import MappingProxyType

import pytest

from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.tools import torch_checkpoint

torch = pytest.importorskip("torch")
nn = torch.nn

SPECS = discovery.load_all("zoo")


def build_small():
    """A network with everything that loading cares for: weight, bias, statistics, counter."""
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 4, 3), bn=nn.BatchNorm2d(4), fc=nn.Linear(4, 2))
    ).eval()


SMALL = dataclasses.replace(
    discovery.load("zoo", "ghostnet"),
    name="small",
    title="Small",
    signature=MappingProxyType({"conv.weight": (4, 3, 3, 3), "fc.weight": (2, 4)}),
    build=build_small,
)


def seeded_weights():
    """Weights of the small network, as `state_dict()` gives them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return build_small().state_dict()


def saved(document, path, **options):
    torch.save(document, path, **options)
    return path


def refusal(path, spec=SMALL):
    """The error of a file that must not load; warnings of torch never come through."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserError) as caught:
            torch_checkpoint.load_for(path, spec, [*SPECS, SMALL])
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert str(path) in caught.value.message
    return caught.value


def assert_same(found, expected):
    """The same keys in the same order, and the same values."""
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
