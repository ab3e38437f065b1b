"""Sums of products of bits, written as weighted popcounts plus a constant."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.types import Bits, Element, plane_offset

__all__ = ["compares_popcounts", "count_agreeing", "default_sum", "product_sum"]


def count_agreeing(bits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Count agreeing bits: ``[N, in]``, ``[rows, in]`` -> int64 ``[N, rows]``.

    This is the readable reference: a dot product of -1/+1 is agreeing minus differing bits.
    """
    dot = (2 * bits.astype(np.int64) - 1) @ (2 * weights.astype(np.int64) - 1).T
    return np.asarray((dot + weights.shape[1]) // 2)


def product_sum(weights: np.ndarray, element: Element) -> tuple[tuple[int, ...], np.ndarray]:
    """Write the sum of products of each row as ``sum_m c_m * popcount_m + const``.

    Parameters
    ----------
    weights : uint8 [out, in]
        0 stands for -1 and 1 for +1.
    element : Bits or Int
        What is multiplied: -1/+1 gives ``2p - N``, 0/1 gives ``p + ones - N``, and an integer of
        B bits gives ``sum_m 2**m p_m + (2**B - 1)(ones - N)``, less its plane offset times
        ``2 ones - N``.

    Returns
    -------
    coefficients : tuple of int
        One for each bit plane.
    const : int64 [out]

    Raises
    ------
    ValueError
        The sums do not fit 63 bits.
    """
    rows, fan_in = weights.shape
    ones = weights.sum(axis=1, dtype=np.int64)
    if element.bipolar:
        return (2,), np.full(rows, -fan_in, dtype=np.int64)
    coefficients = tuple(1 << m for m in range(element.planes))
    if element.planes + fan_in.bit_length() > 60:
        raise ValueError(f"sums of {fan_in} integers of {element.planes} bits do not fit 63 bits")
    const = sum(coefficients) * (ones - fan_in) - plane_offset(element) * (2 * ones - fan_in)
    return coefficients, const


def compares_popcounts(element: Element, absent: bool, raw: bool) -> bool:
    """Whether the thresholds of a layer apply to popcounts; others apply to sums of products.

    ``absent``: pixels outside the map are exact zeros. ``raw``: the layer has no thresholds.
    """
    return isinstance(element, Bits) and not absent and not raw


def default_sum(weights: np.ndarray, element: Element, absent: bool,
                raw: bool) -> tuple[tuple[int, ...], np.ndarray]:
    """Coefficients and constants of rows ``[out, in]`` for which the weight file gives none."""
    if compares_popcounts(element, absent, raw):
        return (1,), np.zeros(len(weights), dtype=np.int64)
    return product_sum(weights, element)
