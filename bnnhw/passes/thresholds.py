"""Simplifies the comparisons of sums with thresholds: smaller sums, and thresholds in range."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bnnhw.ir import Graph
from bnnhw.ir.layer import Layer
from bnnhw.layers import Product
from bnnhw.passes.rebuild import rebuild

__all__ = ["clip_thresholds", "count_units"]


def count_units(graph: Graph) -> Graph:
    """Divide sums that are compared with thresholds by the common factor of their coefficients.

    ``g * p + const >= T`` is ``p >= ceil((T - const) / g)``, so that the sum needs fewer bits and
    begins with 0. Sums of several bits of weights times -1/+1 bits have the factor 2. Layers whose
    padding is exact zeros keep theirs, because an absent product counts half of it.
    """
    def change(layer: Layer) -> Layer:
        if not isinstance(layer, Product) or layer.thresholds is None or layer.exact_zeros:
            return layer
        unit = math.gcd(*layer.coefficients)
        if unit == 1:
            return layer
        return replace(layer, coefficients=tuple(c // unit for c in layer.coefficients),
                       const=np.zeros_like(layer.const),
                       thresholds=-((layer.const[:, None] - layer.thresholds) // unit))
    return rebuild(graph, change)


def clip_thresholds(graph: Graph) -> Graph:
    """Clip every threshold to ``lowest sum .. highest sum + 1`` of its row.

    Padding does not widen this range. A product outside the map counts as agreeing, as differing,
    or, where it is an exact zero, as half of an agreeing one.
    """
    def change(layer: Layer) -> Layer:
        if not isinstance(layer, Product) or layer.thresholds is None:
            return layer
        low = layer.const[:, None]
        top = low + layer.top[:, None]
        return replace(layer, thresholds=np.clip(layer.thresholds, low, top + 1))
    return rebuild(graph, change)
