"""Dense layers on packed 64-bit words, in the bit order of the hardware."""

from __future__ import annotations

import numpy as np

from bnnhw.golden.fast import activate
from bnnhw.golden.layout import stream_words
from bnnhw.ir.layers import Dense

__all__ = ["dense", "pack64"]

LANES = 64


def pack64(bits: np.ndarray) -> np.ndarray:
    """Pack bits ``[n, L]`` into uint64 ``[n, ceil(L/64)]``: a stream of 64 lanes."""
    words = stream_words(bits, LANES, 1)
    return np.ascontiguousarray(words).reshape(len(bits), -1).view("<u8")


def dense(layer: Dense, x: np.ndarray) -> np.ndarray:
    """Compute a dense layer, equal to ``Dense.compute``: ``[n, in]`` -> ``[n, out]`` int64.

    ``popcount = N - ones(a xor w)``; the padding is 0 on both sides and so counts nothing.
    """
    n = len(x)
    counts = np.empty((n, layer.planes, layer.outputs), dtype=np.int64)
    for m in range(layer.planes):
        a, w = pack64((x >> m) & 1), pack64(layer.weights[m])
        for row in range(layer.outputs):
            differing = np.bitwise_count(a ^ w[row]).sum(axis=1, dtype=np.int64)
            counts[:, m, row] = layer.fan_in - differing
    return activate(layer, counts)
