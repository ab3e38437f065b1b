"""Networks for tests whose weights have several bits: ternary, integers, levels and bases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.layers import ArgMax, Conv, Dense, Flatten, Layer
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import WeightPlanes, split_values
from tests.networks.choices import Choices, DrawnChoices

__all__ = ["KINDS", "few_bit_networks", "make_few_bit_network", "make_weights"]

KINDS = ("ternary", "narrow", "full range", "levels", "bases", "masked bases")
"""Weights in {-1, 0, +1}; integers with and without the lowest one; the odd levels of DoReFa-Net;
planes with any scales, without and with weights of 0."""

INPUTS = (Bits(), Bits(unipolar=True), Int(0, 3), Int(-4, 3), Int(0, 5), Int(-2, 7))


def make_weights(choices: Choices, kind: str, rows: int, columns: int,
                 bits: int) -> WeightPlanes:
    """Weights of a kind; ``bits`` is their width, or the number of bases."""
    low = 1 << (bits - 1)
    if "bases" in kind:
        planes = choices.bits((bits, rows, columns))
        mask = choices.bits(planes.shape) if "masked" in kind else None
        return WeightPlanes(planes, mask, (1, *(choices.integer(1, 9) for _ in range(bits - 1))))
    if kind == "levels":
        values = 2 * choices.integers(0, 2 * low - 1, (rows, columns)) - (2 * low - 1)
    elif kind == "ternary":
        values = choices.pick([0, 0, 1, -1], (rows, columns))
    else:
        values = choices.integers(-low if kind == "full range" else 1 - low, low - 1,
                                  (rows, columns))
    return split_values(values) if values.any() else WeightPlanes.of_bits(
        np.ones((rows, columns), np.uint8))


def make_few_bit_network(choices: Choices, shape: Sequence[int], kinds: Sequence[str],
                         element: Bits | Int, levels: int = 1, label: bool = True) -> Graph:
    """Make a network of products with few-bit weights.

    Parameters
    ----------
    choices : Choices
    shape : sequence of int
        A vector, whose layers are dense, or a map, whose layers but the last are convolutions.
    kinds : sequence of str
        Weights of each layer, see ``KINDS``; the last one gives scores.
    element : Bits or Int
        Of the input.
    levels : int
        Thresholds of each row of the layers before the last.
    label : bool
        A label follows the scores.
    """
    layers: list[Layer] = []
    type_, source = TensorType(tuple(shape), element), "input"
    for k, kind in enumerate(kinds):
        last = k == len(kinds) - 1
        if last and len(type_.shape) > 1:
            layers.append(Flatten("flatten", source, type_))
            source, type_ = "flatten", layers[-1].out_type()
        rows = choices.integer(2, 6)
        layer = _convolution(choices, f"conv{k}", source, type_, rows, kind, levels) \
            if len(type_.shape) > 1 else \
            _dense(choices, f"fc{k}", source, type_, rows, kind, 0 if last else levels)
        layers.append(layer)
        source, type_ = layer.name, layer.out_type()
    outputs = [("scores", source)]
    if label:
        layers.append(ArgMax("label", source, type_))
        outputs.append(("label", "label"))
    return Graph("few", TensorType(tuple(shape), element), tuple(layers), tuple(outputs))


def _fields(choices: Choices, type_: TensorType, kind: str, rows: int, columns: int,
            levels: int) -> tuple[tuple, dict]:
    """Weights, coefficients, const and thresholds of a product; its scales and mask."""
    planes = make_weights(choices, kind, rows, columns, choices.integer(2, 4))
    scales, coefficients, const = planes_sum(planes, type_.element)
    if choices.chance(0.2):  # levels of a residual network
        coefficients = tuple(c * choices.integer(1, 4) for c in coefficients)
    thresholds = None
    if levels:
        top = sum(coefficients) * np.array(scales) @ planes.used
        parts = choices.integers(-1, 17, (rows, levels))  # a few never change
        thresholds = np.sort(const[:, None] + (top[:, None] * parts) // 16, axis=1)
    return (planes.bits, coefficients, const, thresholds), {"scales": scales, "mask": planes.mask}


def _dense(choices: Choices, name: str, source: str, type_: TensorType, rows: int, kind: str,
           levels: int) -> Dense:
    fields, few = _fields(choices, type_, kind, rows, type_.size, levels)
    return Dense(name, source, type_, *fields, **few)


def _convolution(choices: Choices, name: str, source: str, type_: TensorType, rows: int,
                 kind: str, levels: int) -> Conv:
    """A convolution of up to 3 x 3, perhaps of two groups, padded by a value or by exact zeros."""
    element, channels = type_.element, type_.channels
    groups = 2 if channels % 2 == 0 and rows % 2 == 0 and choices.chance(0.3) else 1
    pad, (height, width, _) = choices.integer(0, 1), type_.map
    kernel = (choices.integer(1, min(3, height + 2 * pad)),
              choices.integer(1, min(3, width + 2 * pad)))
    window = Window(kernel, (choices.integer(1, 2), 1), pads=(pad, pad, pad, pad))
    absent = element.bipolar and choices.chance(0.5)
    value = 0 if absent else choices.integer(element.lo, element.hi)
    fields, few = _fields(choices, type_, kind, rows, window.taps * channels // groups, levels)
    return Conv(name, source, type_, *fields, window=window, groups_=groups,
                pad=np.full((1, 1, 1), value), absent=absent, **few)


@st.composite
def few_bit_networks(draw: st.DrawFn) -> Graph:
    """Networks of one to three layers of any kinds, on a vector or a map."""
    choices, maps = DrawnChoices(draw), draw(st.booleans())
    shape: tuple[int, ...] = (draw(st.integers(1, 14)),)
    if maps:
        shape = (draw(st.integers(2, 5)), draw(st.integers(2, 5)), draw(st.integers(1, 4)))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1 + maps, max_size=3))
    return make_few_bit_network(choices, shape, kinds, draw(st.sampled_from(INPUTS)),
                                draw(st.integers(1, 3)), draw(st.booleans()))
