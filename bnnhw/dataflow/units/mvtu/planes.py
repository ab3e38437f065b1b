"""Reads the planes of a product layer's weights, as an MVTU stores and multiplies them."""

from __future__ import annotations

import functools

import numpy as np

from bnnhw.ir.types import plane_offset
from bnnhw.layers import Product
from bnnhw.logic.weighted_products import NO_MASK
from bnnhw.rtl.weight_form import WeightForm, store_planes

__all__ = ["form_of", "is_plain", "pad_sum", "row_tops", "stored_bits"]


def is_plain(layer: Product) -> bool:
    """Whether the weights are -1/+1 and the input planes are the bits of one integer."""
    first = layer.coefficients[0]
    return layer.one_bit and \
        layer.coefficients == tuple(first << m for m in range(layer.planes))


@functools.lru_cache(maxsize=64)
def _stored(layer: Product) -> tuple[WeightForm, np.ndarray]:
    sources, stored = store_planes(layer.weights, layer.mask)
    coefficients = tuple(tuple(s * c for c in layer.coefficients) for s in layer.scales)
    return WeightForm(sources, coefficients), stored


def form_of(layer: Product) -> WeightForm:
    """Return the planes of a layer's weights, with all planes computed at the same time."""
    return _stored(layer)[0]


def stored_bits(layer: Product) -> np.ndarray:
    """Return the bits that are stored for each weight: uint8 ``[B, out, in]``."""
    return _stored(layer)[1]


def pad_sum(layer: Product) -> int:
    """Return what a column of padding adds to a sum: its element is 0, with any plane offset."""
    element = layer.input.element
    offset = plane_offset(element)
    return form_of(layer).pad_sum([offset >> m & 1 for m in range(element.planes)])


def row_tops(layer: Product) -> np.ndarray:
    """Return the largest popcount part of each row and of a padded one: int64 ``[out + 1]``."""
    form = form_of(layer)
    unmasked = [row for (_, mask), row in zip(form.sources, form.coefficients, strict=True)
                if mask == NO_MASK]
    return np.append(layer.top, sum(map(sum, unmasked)) * layer.fan_in)
