"""Dense layers through float32 BLAS, which is exact while every sum stays under 2**24."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.layers import Dense

__all__ = ["dense"]


def dense(layer: Dense, x: np.ndarray) -> np.ndarray:
    """Compute a dense layer, equal to ``Dense.compute``: ``[n, in]`` -> ``[n, out]`` int64.

    A dot product of +-1 vectors is an integer of at most ``fan_in``; float32 holds all of them
    as long as that is under 2**24, whatever the order of summation.

    Raises
    ------
    ModelError
        The fan-in is larger.
    """
    if layer.fan_in >= 1 << 24:
        raise layer.refuse(f"a fan-in of {layer.fan_in} is not exact in float32",
                           "use golden level 'packed'")
    counts = []
    for m in range(layer.planes):
        a = (((x >> m) & 1) * 2 - 1).astype(np.float32)
        w = (layer.weights[m].astype(np.float32) * 2 - 1).T
        counts.append((a @ w + layer.fan_in).astype(np.int64) // 2)
    return activate(layer, np.stack(counts, axis=1))


def activate(layer: Dense, popcounts: np.ndarray) -> np.ndarray:
    """Popcounts ``[n, M, out]`` to outputs, without the [n, out, J] temporary where J = 1."""
    acc = layer.accumulate(popcounts)
    if layer.thresholds is not None and layer.thresholds.shape[1] == 1:
        return (acc >= layer.thresholds[:, 0]).astype(np.int64)
    return layer.activate(acc)
