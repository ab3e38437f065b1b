"""Popcounts through float32 BLAS, which is exact while every sum stays under 2**24."""

from __future__ import annotations

import numpy as np

from bnnhw.errors import ModelError

__all__ = ["count"]


def count(bits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Count agreeing bits, equal to ``count_agreeing``: ``[N, in]``, ``[rows, in]`` -> int64.

    A dot product of +-1 vectors is an integer of at most ``in``; float32 holds all of them as
    long as that is under 2**24, whatever the order of summation.

    Raises
    ------
    ModelError
        The fan-in is larger.
    """
    fan_in = weights.shape[1]
    if fan_in >= 1 << 24:
        raise ModelError(f"a fan-in of {fan_in} is not exact in float32",
                         hint="use golden level 'packed'")
    a = (bits * 2 - 1).astype(np.float32)
    w = (weights.astype(np.float32) * 2 - 1).T
    return (a @ w + fan_in).astype(np.int64) // 2
