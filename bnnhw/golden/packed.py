"""The golden level ``packed``: popcounts on 64-bit words, in the bit order of the hardware."""

from __future__ import annotations

import numpy as np

from bnnhw.golden.layout import stream_words

__all__ = ["count", "pack64"]

LANES = 64


def pack64(bits: np.ndarray) -> np.ndarray:
    """Pack bits ``[n, L]`` into uint64 ``[n, ceil(L/64)]``: a stream of 64 lanes."""
    words = stream_words(bits, LANES, 1)
    return np.ascontiguousarray(words).reshape(len(bits), -1).view("<u8")


def count(bits: np.ndarray, weights: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Count agreeing bits in the mask, equal to ``count_agreeing``.

    ``popcount = ones(mask) - ones((a xor w) & mask)``; padding bits are 0 on both sides and add
    nothing.
    """
    a, w = pack64(bits), pack64(weights)
    used = np.ones_like(weights) if mask is None else mask
    m, totals = pack64(used), used.sum(axis=1, dtype=np.int64)
    counts = np.empty((len(bits), len(weights)), dtype=np.int64)
    for row in range(len(weights)):
        differing = np.bitwise_count((a ^ w[row]) & m[row]).sum(axis=1, dtype=np.int64)
        counts[:, row] = totals[row] - differing
    return counts
