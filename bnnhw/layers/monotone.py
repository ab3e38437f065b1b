"""Thresholds after a monotone layer, as thresholds of the input of that layer."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.layer import Layer

__all__ = ["thresholds_before"]


def thresholds_before(layer: Layer, thresholds: np.ndarray, falling: np.ndarray,
                      descending: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Move thresholds of a layer's output to its input, by bisection of the layer's function.

    Parameters
    ----------
    layer : Layer
        Computes each element alone, by a function of its channel that rises or stays equal over
        the entire range of the input; or falls, where ``descending`` says so.
    thresholds : int64 [C, J]
        Thresholds of its output, ascending along J.
    falling : uint8 [C]
        Channels that count the thresholds that are not reached.
    descending : bool [C] or None
        Channels whose function falls; None for no channel.

    Returns
    -------
    thresholds : int64 [C, J]
        ``x >= thresholds`` on a rising channel where ``f(x)`` reaches the given ones: from the
        lowest input to one above the highest.
    falling : uint8 [C]
    """
    element = layer.input.element
    down = np.zeros(len(thresholds), dtype=np.bool_) if descending is None else descending
    # On a descending channel a threshold is reached below a point, so that points are searched
    # where it is no longer reached; they ascend from the last threshold to the first.
    limits = np.where(down[:, None], thresholds[:, ::-1], thresholds)
    low = np.full(limits.shape, element.lo, dtype=np.int64)
    high = np.full(limits.shape, element.hi + 1, dtype=np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        inside = np.minimum(middle, element.hi)
        values = layer.compute(inside.T).T
        reached = values >= limits
        beyond = (reached != down[:, None]) & (low < high)
        high = np.where(beyond, middle, high)
        low = np.where(~beyond & (low < high), middle + 1, low)
    return low, falling ^ down.astype(np.uint8)
