"""Translates Mul of two branches, such as a map and the gate of squeeze-and-excite."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import as_map, channels_first, in_order
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.stored_integers import as_integers
from bnnhw.layers import Affine, Multiply

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["multiply", "without_base"]

NEARLY = 1e-5
"""Maximum distance of a zero point from an integer, in steps, that counts as float rounding."""

EXACT_BITS = 24
"""Bits of the significand of float32."""


def multiply(layers: LayerList, node: NodeProto, one: Chain, other: Chain) -> Chain:
    """Translate Mul of two chains without nodes: equal maps, or a map and a factor per channel."""
    label = node_label(node)
    if one.shape != other.shape:
        one, other = sorted((one, other), key=lambda chain: -chain.index.size)
        expected = (*one.shape[:2], *[1] * (len(one.shape) - 2))
        if len(one.shape) < 3 or other.shape != expected:
            raise ModelError(f"multiplies activations of the shapes {list(one.shape)} and "
                             f"{list(other.shape)}, expected equal ones, or a map and one factor "
                             "for each channel", where=label)
        other = replace(other, index=other.index.reshape(1, -1))
    one, other = (without_base(layers, in_order(layers, chain, label) if len(chain.shape) == 2
                                else as_map(layers, chain, label), label)
                  for chain in (one, other))
    layer = Multiply(layers.node_name(node), one.source, one.type, other.source, other.type)
    type_ = layers.add(layer)
    corners = [a * b for a in (one.start, one.stop) for b in (other.start, other.stop)]
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    slope = one.slope * other.slope
    return Chain(layer.name, type_, channels_first(type_), low, 1, int((high - low).max()) + 1,
                 slope, np.zeros_like(slope), layers.opset,
                 error=_error(one, other, np.maximum(np.abs(low), np.abs(high))),
                 note=one.note or other.note)


def without_base(layers: LayerList, chain: Chain, label: str) -> Chain:
    """Return an equal chain whose values are multiples of its slope: ``slope_c * v``."""
    if chain.bipolar:
        chain = as_integers(layers, chain)
    zero = chain.base / np.where(chain.slope == 0, 1.0, chain.slope)
    shift = np.round(zero).astype(np.int64)
    if (np.abs(zero - shift) > NEARLY).any() or (chain.slope == 0).any():
        channel = int(np.argmax(np.abs(zero - shift)))
        raise ModelError(f"multiplies activations whose values {chain.base[channel]:g} + k * "
                         f"{chain.slope[channel]:g} are no multiples of one step", where=label,
                         hint="train with a quantiser whose levels contain 0 before the product")
    if not shift.any():
        return replace(chain, base=np.zeros_like(chain.base))
    ones = np.ones(chain.channels, dtype=np.int64)
    layer = Affine(layers.name(f"{chain.source}_zero", "affine"), chain.source, chain.type, ones,
                   shift)
    return replace(chain, source=layer.name, type=layers.add(layer), start=chain.start + shift,
                   base=np.zeros_like(chain.base))


def _error(one: Chain, other: Chain, largest: np.ndarray) -> np.ndarray | None:
    """Bound of the model's rounding of the product; None where it is exact in float32."""
    slope = np.abs(one.slope * other.slope)
    powers = all((np.frexp(np.abs(chain.slope))[0] == 0.5).all() for chain in (one, other))
    if one.error is None and other.error is None and powers and \
            int(largest.max()).bit_length() <= EXACT_BITS:
        return None
    error = slope * largest * 2.0 ** (1 - EXACT_BITS)
    for chain, factor in ((one, other), (other, one)):
        if chain.error is not None:
            reach = np.maximum(np.abs(factor.start), np.abs(factor.stop)) * np.abs(factor.slope)
            error = error + chain.error * reach
    return np.asarray(error)
