"""Clips thresholds to the range of the sums that they are compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.ir import Graph
from bnnhw.ir.layer import Layer
from bnnhw.layers import Product
from bnnhw.passes.rebuild import rebuild

__all__ = ["clip_thresholds"]


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
