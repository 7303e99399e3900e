"""Where two graphs of one network begin to part: who stands beside whom, and what is a jump."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.layer_jump import (
    JUMP_RATIO,
    Layer,
    LayerDifference,
    align,
    first_jump,
    layer_difference,
)

FLOOR = 1e-4


def layer(number, op_type="Conv", *, output=None, weights=None, shapes=((4, 4),)):
    return Layer(
        node=f"node{number}",
        op_type=op_type,
        output=output or f"t{number}",
        weights=(f"w{number}",) if weights is None else weights,
        shapes=shapes,
    )


def differing(*sizes):
    """Layers with these relative differences; None is one without such a figure."""
    return [
        LayerDifference(
            reference=layer(number), other=layer(number), max_abs=size, scale=1.0,
            is_finite=size is not None,
        )
        for number, size in enumerate(sizes)
    ]  # fmt: skip


def places(alignment):
    return [(a.node, b.node) for a, b in alignment.pairs]


# --- who stands beside whom ----------------------------------------------------------------------


def test_two_exports_of_one_network_are_paired_by_tensor_names():
    """Whatever was taken out of one of them shifts no other pair."""
    reference = [layer(number) for number in range(6)]
    other = [entry for entry in reference if entry.node != "node2"]
    found = align(reference, other)
    assert found.by == "tensor names"
    assert places(found) == [(f"node{n}", f"node{n}") for n in (0, 1, 3, 4, 5)]


def test_a_tensor_of_the_same_name_and_another_kind_is_no_partner():
    """Exporters number their tensors: 123 is a Conv here and a Relu there."""
    reference = [layer(number) for number in range(4)]
    other = [layer(number) for number in range(3)] + [layer(3, "Relu", weights=(), shapes=())]
    assert places(align(reference, other)) == [(f"node{n}", f"node{n}") for n in range(3)]


def test_where_tensors_are_renamed_the_weights_tell():
    """Another exporter keeps the names of parameters."""
    reference = [layer(number) for number in range(4)]
    other = [layer(number, output=f"other{number}") for number in (1, 0, 3, 2)]
    other.append(layer(9, "Relu", weights=(), shapes=()))
    found = align(reference, other)
    assert found.by == "weight names"
    assert places(found) == [(f"node{n}", f"node{n}") for n in range(4)]


def test_where_no_name_is_shared_the_order_of_kinds_tells():
    """A layer that one side has more is left out, and the rest keeps its partner."""
    kinds = [("Conv", ((8, 3),)), ("Relu", ()), ("Conv", ((8, 8),)), ("Relu", ()), ("Gemm", ())]
    reference = [
        layer(n, op, weights=("w",) * len(shapes), shapes=shapes)
        for n, (op, shapes) in enumerate(kinds)
    ]
    renamed = [
        Layer(node=f"x{n}", op_type=op, output=f"x{n}", weights=(f"v{n}",) * len(shapes),
              shapes=shapes)
        for n, (op, shapes) in enumerate(kinds)
    ]  # fmt: skip
    extra = Layer(node="pad", op_type="Pad", output="pad")
    found = align(reference, [renamed[0], extra, *renamed[1:]])
    assert found.by == "order"
    assert places(found) == [(f"node{n}", f"x{n}") for n in range(5)]


def test_a_weight_that_two_layers_share_names_neither():
    """A wrong partner would be called a jump."""
    reference = [layer(0), layer(1), layer(2, weights=("same",)), layer(3, weights=("same",))]
    other = [
        layer(number, output=f"o{number}", weights=entry.weights)
        for number, entry in enumerate(reference)
    ]
    assert places(align(reference, other)) == [("node0", "node0"), ("node1", "node1")]


def test_graphs_without_layers_have_no_pairs():
    assert align([], []).pairs == ()
    assert align([layer(0)], []).pairs == ()


# --- how far -------------------------------------------------------------------------------------


def test_a_difference_is_relative_to_the_largest_reference_value():
    a = np.array([[1.0, -4.0]], np.float32)
    found = layer_difference((layer(0), layer(0)), a, a + np.float32(0.5))
    assert (found.max_abs, found.scale, found.max_rel) == (0.5, 4.0, 0.125)


@pytest.mark.parametrize(
    ("reference", "other"),
    [
        (np.zeros((2, 3), np.float32), np.zeros((1, 3), np.float32)),
        (np.zeros(3, np.int64), np.zeros(3, np.int64)),
        (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)),
        (np.full(3, np.nan, np.float32), np.zeros(3, np.float32)),
    ],
)
def test_what_cannot_be_compared_has_no_difference(reference, other):
    """Shapes are computed too, and are no values of the image."""
    assert layer_difference((layer(0), layer(0)), reference, other) is None


def test_what_only_the_other_overflows_is_a_jump():
    """NaN is larger than any difference."""
    a = np.ones(3, np.float32)
    found = layer_difference((layer(0), layer(0)), a, np.array([1, np.nan, 1], np.float32))
    assert (found.is_finite, found.max_abs, found.max_rel) == (False, None, None)
    assert first_jump([found], floor=FLOOR).index == 0


def test_a_reference_of_zeros_has_no_relative_difference():
    """Equal zeros are equal; anything else beside them is a jump."""
    zeros = np.zeros(3, np.float32)
    pair = (layer(0), layer(0))
    assert layer_difference(pair, zeros, zeros).max_rel == 0.0
    odd = layer_difference(pair, zeros, zeros + 1)
    assert odd.max_rel is None
    assert odd.size == math.inf


# --- what is a jump ------------------------------------------------------------------------------


def test_the_first_layer_that_jumps_is_named_and_not_the_largest():
    """What follows inherits the difference, and may well amplify it."""
    found = first_jump(differing(0, 1e-7, 2e-7, 0.03, 0.02, 0.9), floor=FLOOR)
    assert (found.index, found.before) == (3, 1e-7)


def test_rounding_that_grows_slowly_is_no_jump():
    """A deep network in half precision ends far from where it began, and no layer is at fault."""
    sizes = [1e-5 * 1.3**number for number in range(60)]
    assert sizes[-1] > 1
    assert first_jump(differing(*sizes), floor=FLOOR) is None


def test_what_stays_below_the_floor_is_no_jump():
    """From 0 to rounding is infinitely much more, and nothing."""
    assert first_jump(differing(0, 0, 0, 9e-5), floor=FLOOR) is None
    assert first_jump(differing(), floor=FLOOR) is None


def test_the_very_first_layer_can_jump():
    assert first_jump(differing(0.5, 0.4), floor=FLOOR).index == 0


@given(
    st.lists(st.floats(0, 1e-6), max_size=40),
    st.floats(1e-3, 10),
    st.lists(st.floats(0, 10), max_size=10),
)
def test_a_planted_jump_is_found_wherever_it_stands(noise, planted, rest):
    found = first_jump(differing(*noise, planted, *rest), floor=FLOOR)
    assert found.index == len(noise)


@given(st.lists(st.floats(0, 1), max_size=40))
def test_a_jump_is_always_above_floor_and_neighbours(sizes):
    found = first_jump(differing(*sizes), floor=FLOOR)
    if found is None:
        return
    assert found.difference.size > FLOOR
    assert found.difference.size > JUMP_RATIO * found.before
    before = first_jump(differing(*sizes[: found.index]), floor=FLOOR)
    assert before is None
