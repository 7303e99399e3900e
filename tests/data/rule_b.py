"""Weights and input that the golden logits were made with: seeded numpy draws, key by key."""

from __future__ import annotations

import functools
import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

INPUT_SHA256 = "1f409cf9554f39acbbd5d0a62fef2a73d77d290a2a64bbe3680fc69a20b757ab"


def _values(key: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    leaf = key.rsplit(".", 1)[-1]
    if leaf == "running_var":
        return (0.5 + rng.random(shape)).astype(np.float32)
    if leaf in ("running_mean", "bias"):
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)
    if len(shape) == 1:
        return (0.5 + rng.random(shape)).astype(np.float32) * np.float32(0.5)
    fan_in = math.prod(shape[1:])
    return (rng.standard_normal(shape) * math.sqrt(2 / fan_in)).astype(np.float32)


def fill(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """A state_dict of the same keys and shapes, each tensor drawn with its own seed."""
    import torch

    filled = dict.fromkeys(state_dict)
    for index, key in enumerate(sorted(state_dict)):
        tensor = state_dict[key]
        if not tensor.is_floating_point():
            filled[key] = torch.zeros(tuple(tensor.shape), dtype=tensor.dtype)
            continue
        rng = np.random.default_rng(1000 + index)
        filled[key] = torch.from_numpy(_values(key, tuple(tensor.shape), rng))
    return filled


def golden_input() -> NDArray[np.float32]:
    """Two samples, (2, 3, 224, 224); the hash proves that numpy draws as it did."""
    batch = np.random.default_rng(7).standard_normal((2, 3, 224, 224)).astype(np.float32)
    assert hashlib.sha256(batch.tobytes()).hexdigest() == INPUT_SHA256
    return batch


@functools.cache
def filled_network(name: str) -> Any:
    """A model of the zoo with these weights, shared by all tests: they leave it as it is."""
    from ascend_console.core import discovery

    network = discovery.load("zoo", name).build()
    network.load_state_dict(fill(network.state_dict()))
    return network
