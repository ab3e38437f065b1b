"""The golden level ``fast``: popcounts by float32 BLAS, exact for sums under 2**24."""

from __future__ import annotations

import numpy as np

from bnnhw.errors import ModelError

__all__ = ["count"]


def count(bits: np.ndarray, weights: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Count agreeing bits in the mask, equal to ``count_agreeing``.

    A dot product of +-1 vectors is an integer of at most ``in``. Below 2**24 float32 represents
    every partial sum exactly, in any order of summation.

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
    if mask is None:
        return (a @ w + fan_in).astype(np.int64) // 2
    return ((a @ (w * mask.T)).astype(np.int64) + mask.sum(axis=1, dtype=np.int64)) // 2
