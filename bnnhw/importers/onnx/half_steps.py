"""Handles a padding value in the middle between two integers, such as 0 for pixels from -1 to 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.product_sums import NEARLY
from bnnhw.ir import Bits
from bnnhw.layers import Affine

__all__ = ["with_pad_value"]


def with_pad_value(layers: LayerList, chain: Chain, value: np.ndarray) -> Chain:
    """Return the same tensor with integers of which one means the padding value.

    If a padding value is at half a step between two integers, a layer computes ``2 * v - h``, in
    which the integer 0 means that value: pixels from -1 to 1, padded with 0, become odd integers
    from -255 to 255.

    Parameters
    ----------
    layers : LayerList
    chain : Chain
        Without nodes.
    value : float64 [C]
        What the model sees outside of the map.

    Returns
    -------
    Chain
        The given one where all padding values are integers already, or no multiples of half a step.
    """
    if isinstance(chain.type.element, Bits) or not chain.slope.all():
        return chain
    halves = 2 * (value - chain.base) / chain.slope
    middle = np.round(halves).astype(np.int64)
    if (np.abs(halves - middle) > 2 * NEARLY).any() or not (middle % 2).any():
        return chain
    key = ("half steps", chain.source, middle.tobytes())
    if key not in layers.known:
        layer = Affine(layers.name(f"{chain.source}_doubled", "affine"), chain.source, chain.type,
                       np.full(chain.channels, 2, dtype=np.int64), -middle)
        layers.known[key] = replace(chain, source=layer.name, type=layers.add(layer))
    made = layers.known[key]
    return replace(chain, source=made.source, type=made.type, start=2 * chain.start - middle,
                   step=2 * chain.step, slope=chain.slope / 2, base=value)
