"""Writes the weights, sums and thresholds of a product layer as an item of layers.yaml."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnhw.ir.layer import Described
from bnnhw.layers.building.descriptions import describe_levels, smallest_integers
from bnnhw.layers.popcounts import default_sum, planes_sum
from bnnhw.layers.product import Product
from bnnhw.layers.weight_planes import WeightPlanes, split_values, weight_bits

__all__ = ["describe_product"]


def describe_product(layer: Product, taps: tuple[int, ...]) -> Described:
    """Describe the sums of a product layer, and what follows them.

    Parameters
    ----------
    layer : Product
    taps : tuple of int
        Shape of a row of the stored weights.
    """
    raw = layer.thresholds is None
    item: dict[str, Any] = {"sums": True} if raw else {}
    arrays: dict[str, np.ndarray] = {}
    coefficients: tuple[int, ...] = ()
    const = np.zeros_like(layer.const)
    values = _integer_weights(layer)
    if layer.one_bit:
        arrays["weights"] = layer.weights[0].reshape(layer.outputs, *taps)
        _, coefficients, const = default_sum(layer.weight_planes, layer.input.element,
                                             layer.exact_zeros, raw)
    elif values is not None:
        item["weight_bits"] = weight_bits(values)
        arrays["weights"] = smallest_integers(values).reshape(layer.outputs, *taps)
        _, coefficients, const = planes_sum(split_values(values), layer.input.element)
    else:
        arrays.update(weights=layer.weights, scales=np.array(layer.scales))
        if layer.mask is not None:
            arrays["mask"] = layer.mask
    bias = layer.const - const
    if coefficients != layer.coefficients or (not raw and bias.any()):
        arrays["coefficients"] = np.array(layer.coefficients, dtype=np.int64)
        bias = layer.const
    if bias.any():
        arrays["bias"] = smallest_integers(bias)
    if layer.thresholds is not None:
        levels, arrays["thresholds"] = describe_levels(layer.thresholds)
        item.update(levels)
    if layer.unipolar:
        item["unipolar"] = True
    return item, arrays


def _integer_weights(layer: Product) -> np.ndarray | None:
    """Weights of several bits with their unit, int64 ``[out, in]``.

    None where reading them would not give the same planes, coefficients and constants.
    """
    element = layer.input.element
    unit = layer.coefficients[0] // (2 if element.bipolar else 1)
    scaled = WeightPlanes(layer.weights, layer.mask, tuple(unit * s for s in layer.scales))
    values = scaled.values()
    if not values.any() or not split_values(values).equals(scaled):
        return None
    _, coefficients, const = planes_sum(scaled, element)
    same = layer.thresholds is None or (const == layer.const).all()
    return values if same and coefficients == layer.coefficients else None
