"""Thresholds beyond the accumulator's range, brought back to its ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.ir import Graph
from bnnhw.layers import Layer, Product
from bnnhw.passes.rebuild import rebuild

__all__ = ["clip_thresholds"]


def clip_thresholds(graph: Graph) -> Graph:
    """Clip every threshold to ``lowest sum .. highest sum + 1`` of its own row."""
    def change(layer: Layer) -> Layer:
        if not isinstance(layer, Product) or layer.thresholds is None:
            return layer
        border = layer.border()
        low = layer.const + (0 if border is None else np.minimum(border.min(axis=0), 0))
        top = layer.const + sum(layer.coefficients) * layer.fan_in
        top = top + (0 if border is None else np.maximum(border.max(axis=0), 0))
        clipped = np.clip(layer.thresholds, low[:, None], top[:, None] + 1)
        return replace(layer, thresholds=clipped)
    return rebuild(graph, change)
